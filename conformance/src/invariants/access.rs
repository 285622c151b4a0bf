//! Who gets which session: P-1, P-6, P-7, P-8.

use std::collections::BTreeSet;

use super::story::{Part, Scene, Start};
use super::{Invariant, Verdict};
use crate::scenario::Operation;
use crate::trace::StoreCall;

pub(super) const ALL: &[Invariant] = &[
    Invariant {
        name: "P-1b",
        says: "an id whose record does not live is never adopted: nothing is written under it",
        preset: None,
        check: |_, scene| {
            if matches!(scene.start, Start::Failed | Start::Skipped) {
                return Verdict::Idle;
            }
            let unknown = |id: &str| {
                scene.start != Start::Found(id) && scene.made.iter().all(|made| made != id)
            };
            // Of several candidates the first that lives counts, and another may be known to the store.
            let mut ids = scene.verified().filter(|id| unknown(id)).peekable();
            if ids.peek().is_none() {
                return Verdict::Idle;
            }
            let ids: Vec<_> = ids.collect();
            let mut writes = scene.answer.calls.iter().filter(|call| call.call != StoreCall::Get);
            let adopted = writes.find(|call| ids.contains(&call.to.as_deref().unwrap_or(&call.id)));
            Verdict::none(adopted.map(|call| format!("{:?} of {:?}", call.call, call.id)))
        },
    },
    Invariant {
        name: "P-1c",
        says: "the handler finds the session that is presented and lives, or else a new one",
        preset: None,
        check: |_, scene| {
            let found = scene.answer.session.as_deref();
            match scene.start {
                Start::Found(id) => {
                    Verdict::must(found == Some(id), || format!("{found:?} for {id:?}"))
                }
                Start::New => {
                    let made = scene.made.first().map(String::as_str);
                    Verdict::must(found == made, || format!("{found:?} for the new {made:?}"))
                }
                Start::Failed | Start::Skipped => Verdict::Idle,
            }
        },
    },
    Invariant {
        name: "P-1d",
        says: "where the path has no sessions there is none, no call of the store and no cookie",
        preset: None,
        check: |_, scene| {
            if scene.start != Start::Skipped {
                return Verdict::Idle;
            }
            let idle = scene.answer.session.is_none() && scene.answer.calls.is_empty();
            Verdict::must(idle && scene.lines.is_empty(), || format!("{:?}", scene.answer))
        },
    },
    Invariant {
        name: "P-6a",
        says: "a cookie that does not verify is no error: the request is one without a cookie",
        preset: None,
        check: |_, scene| {
            let forged = !scene.claims.is_empty() && scene.verified().next().is_none();
            if !forged || scene.start != Start::New {
                return Verdict::Idle;
            }
            let begins = scene.answer.calls.iter().filter(|call| call.call == StoreCall::Get);
            let asked = begins.count() > reloads(scene);
            let ran = scene.answer.ops.len() == scene.request.handler().len();
            Verdict::must(ran && !asked, || {
                format!("status {}, {:?}", scene.answer.status, scene.answer.calls)
            })
        },
    },
    Invariant {
        name: "P-7a",
        says: "where no id can be made the request fails, and nothing is written or sent",
        preset: None,
        check: |_, scene| {
            let unmade = scene.made.first().is_some_and(|id| id.is_empty() || id.len() > 1_024);
            if !unmade || scene.start != Start::Failed {
                return Verdict::Idle;
            }
            let writes = scene.answer.calls.iter().any(|call| call.call != StoreCall::Get);
            let failed = scene.answer.status >= 500;
            Verdict::must(failed && !writes && scene.lines.is_empty(), || {
                format!("{:?}", scene.answer)
            })
        },
    },
    Invariant {
        name: "P-1a",
        says: "the store is asked for no id but those that verified and those made for this request",
        preset: None,
        check: |_, scene| {
            if scene.answer.calls.is_empty() {
                return Verdict::Idle;
            }
            let known = |id: &str| {
                scene.verified().any(|verified| verified == id)
                    || scene.made.iter().any(|made| made == id)
            };
            let mut calls = scene.answer.calls.iter();
            Verdict::none(
                calls
                    .find(|call| !known(&call.id))
                    .map(|call| format!("{:?} of {:?}", call.call, call.id)),
            )
        },
    },
    Invariant {
        name: "P-8a",
        says: "a request begins with one load at most for each id that it presents, for four ids at most, \
               for one with express-session's quirks",
        preset: None,
        check: |story, scene| {
            let gets = scene.answer.calls.iter().filter(|call| call.call == StoreCall::Get).count();
            if scene.claims.is_empty() && gets == 0 {
                return Verdict::Idle;
            }
            let ids: BTreeSet<_> = scene.verified().collect();
            let most = ids.len().min(if story.quirks { 1 } else { 4 });
            Verdict::must(gets <= most + reloads(scene), || format!("{gets} loads"))
        },
    },
    Invariant {
        name: "P-8b",
        says: "the end of a request asks the store one thing at most, but for what a merge does again",
        preset: None,
        check: |_, scene| {
            if !scene.takes_part() {
                return Verdict::Idle;
            }
            let end = scene.events.iter().filter(|event| event.part == Part::End);
            let once = end.filter(|event| event.call.refused.is_none()).count();
            Verdict::must(once <= 1, || format!("{:?}", scene.answer.calls))
        },
    },
];

/// How many of the handler's operations load.
fn reloads(scene: &Scene<'_>) -> usize {
    let reloads = |(operation, _): &(&Operation, _)| matches!(operation, Operation::Reload {});
    scene.operations().filter(reloads).count()
}
