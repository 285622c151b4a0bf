//! What is written, and what becomes of what was not: P-3, P-9, P-13.

use serde_json::Value;

use super::reading::{cookie_end, is_data};
use super::story::{Event, Part, Scene, Start};
use super::{Invariant, Verdict};
use crate::scenario::{Conflict, Operation, Preset};
use crate::trace::{Refused, StoreCall};

pub(super) const ALL: &[Invariant] = &[
    Invariant {
        name: "P-3a",
        says: "what a successful request has changed of a stored session is in its record afterwards, whatever a \
               parallel request did",
        preset: None,
        check: |_, scene| {
            let Start::Found(id) = scene.start else { return Verdict::Idle };
            let mut last: Option<(&str, &Value)> = None;
            let mut alone = true;
            for (operation, result) in scene.operations() {
                match operation {
                    Operation::OtherDestroy { .. } | Operation::OtherSet { .. } => alone = false,
                    Operation::Set { key, value } if *result == true => last = Some((key, value)),
                    Operation::Advance { .. }
                    | Operation::Get { .. }
                    | Operation::Header { .. }
                    | Operation::Id {}
                    | Operation::Keys {}
                    | Operation::Cookie {}
                    | Operation::Touch {} => {}
                    _ => return Verdict::Idle,
                }
            }
            let Some((key, value)) = last.filter(|_| scene.succeeded()) else {
                return Verdict::Idle;
            };
            // What it was already is no change, and need not outlive the session.
            let was = scene.before.get(id).and_then(|held| held.record.get(key));
            let over =
                scene.events.last().is_some_and(|event| event.call.refused == Some(Refused::Gone));
            if (!alone || over) && was == Some(value) {
                return Verdict::Idle;
            }
            let stored = scene.after.get(id).and_then(|held| held.record.get(key));
            Verdict::must(stored == Some(value), || format!("{key:?} is {stored:?}"))
        },
    },
    Invariant {
        name: "P-3b",
        says: "under merge, what a parallel request has put under another key meanwhile stays",
        preset: Some(Preset::Recommended),
        check: |story, scene| {
            let Start::Found(id) = scene.start else { return Verdict::Idle };
            if story.options().conflict() != Conflict::Merge || !scene.succeeded() {
                return Verdict::Idle;
            }
            let (mut theirs, mut moved) = (None, false);
            for (operation, _) in scene.operations() {
                match operation {
                    Operation::OtherSet { id: other, record } if other == id && !moved => {
                        theirs = Some(record);
                    }
                    Operation::LogIn { .. } | Operation::Renew {} => moved = true,
                    Operation::Delete { .. }
                    | Operation::Get { .. }
                    | Operation::Save {}
                    | Operation::Set { .. }
                    | Operation::Update { .. } => {}
                    _ => return Verdict::Idle,
                }
            }
            let (Some(theirs), Some(now)) = (theirs, &scene.session) else { return Verdict::Idle };
            // What ends before this request does goes by itself, theirs or what this one has made of it.
            let end = scene.events.last().map(|event| event.now);
            let over = |record: &Value| cookie_end(record).is_some_and(|at| Some(at) <= end);
            let made = scene.events.iter().filter_map(|event| event.call.record.as_ref());
            if made.chain([theirs]).any(over) {
                return Verdict::Idle;
            }
            let record = scene.after.get(&**now).map(|held| held.record);
            let kept = |(key, value): (&String, &Value)| {
                !is_data(key)
                    || is_written(scene, key)
                    || record.and_then(|record| record.get(key)) == Some(value)
            };
            Verdict::must(theirs.as_object().into_iter().flatten().all(kept), || {
                format!("{record:?} of {theirs:?}")
            })
        },
    },
    Invariant {
        name: "P-3c",
        says: "of what a request found, what it did not touch stays, and nothing is added, under whatever id",
        preset: None,
        check: |_, scene| {
            let (Start::Found(id), Some(now)) = (scene.start, &scene.session) else {
                return Verdict::Idle;
            };
            let other = |(operation, _): (&Operation, _)| {
                matches!(
                    operation,
                    Operation::OtherDestroy { .. }
                        | Operation::OtherSet { .. }
                        | Operation::Regenerate {}
                )
            };
            let (Some(before), Some(after)) = (scene.before.get(id), scene.after.get(&**now))
            else {
                return Verdict::Idle;
            };
            if !scene.succeeded() || scene.operations().any(other) {
                return Verdict::Idle;
            }
            let same = |key: &String| {
                !is_data(key)
                    || is_written(scene, key)
                    || before.record.get(key) == after.record.get(key)
            };
            let keys =
                |record: &Value| record.as_object().is_none_or(|record| record.keys().all(same));
            Verdict::must(keys(before.record) && keys(after.record), || {
                format!("{} became {}", before.record, after.record)
            })
        },
    },
    Invariant {
        name: "P-3d",
        says: "a handler reads what was stored, under the id that was presented; of a new session it reads nothing",
        preset: None,
        check: |_, scene| {
            let (id, before) = match scene.start {
                Start::Found(id) => (Some(id), scene.before.get(id).map(|held| held.record)),
                Start::New => (scene.made.first().map(String::as_str), None),
                Start::Failed | Start::Skipped => return Verdict::Idle,
            };
            let mut read = false;
            for (operation, result) in scene.operations() {
                let expected = match operation {
                    Operation::Get { key } if is_data(key) => {
                        before.and_then(|record| record.get(key)).cloned().unwrap_or_default()
                    }
                    Operation::Id {} => id.into(),
                    Operation::Keys {} => {
                        let keys = before.and_then(Value::as_object).into_iter().flatten();
                        let mut keys: Vec<_> =
                            keys.map(|(key, _)| &**key).filter(|key| is_data(key)).collect();
                        keys.sort_unstable();
                        keys.into()
                    }
                    Operation::Advance { .. }
                    | Operation::Cookie {}
                    | Operation::Get { .. }
                    | Operation::Header { .. }
                    | Operation::OtherDestroy { .. }
                    | Operation::OtherSet { .. }
                    | Operation::Touch {} => continue,
                    _ => break,
                };
                if *result != expected {
                    return Verdict::Broken(format!("{operation:?}: {result} for {expected}"));
                }
                read = true;
            }
            if read { Verdict::Kept } else { Verdict::Idle }
        },
    },
    Invariant {
        name: "P-9a",
        says: "with saveUninitialized off, a request that presents no session and sets nothing writes nothing \
               and gets no cookie",
        preset: None,
        check: |story, scene| {
            let preset = story.options().preset() == Preset::Express;
            let sets = |operation: &Operation| {
                !matches!(
                    operation,
                    Operation::Advance { .. }
                        | Operation::Cookie {}
                        | Operation::Get { .. }
                        | Operation::Header { .. }
                        | Operation::Id {}
                        | Operation::Keys {}
                        | Operation::OtherDestroy { .. }
                        | Operation::Reload {}
                        | Operation::Touch {}
                )
            };
            if story.options().save_uninitialized.unwrap_or(preset)
                || scene.start != Start::New
                // The id that a test's client has guessed, or whoever else writes.
                || scene.made.iter().any(|made| {
                    scene.verified().any(|id| id == made) || scene.before.contains_key(&**made)
                })
                || scene.request.handler().iter().any(sets)
            {
                return Verdict::Idle;
            }
            let writes = scene.answer.calls.iter().any(|call| call.call != StoreCall::Get);
            Verdict::must(!writes && scene.lines.is_empty(), || {
                format!("{:?}, {:?}", scene.answer.calls, scene.answer.set_cookie)
            })
        },
    },
    Invariant {
        name: "P-13a",
        says: "a load that fails, or a record that can't be read, is a failed request: no handler, no session, no \
               write, no cookie",
        preset: None,
        check: |_, scene| {
            // Where no id could be made nothing was loaded.
            if scene.start != Start::Failed || !scene.made.is_empty() {
                return Verdict::Idle;
            }
            let answer = scene.answer;
            let failed = answer.status == 500 && answer.ops.is_empty() && answer.session.is_none();
            let loads = answer.calls.iter().all(|call| call.call == StoreCall::Get);
            Verdict::must(failed && loads && scene.lines.is_empty(), || format!("{answer:?}"))
        },
    },
    Invariant {
        name: "P-13b",
        says: "a write that fails at the end is a failed request, and no cookie is sent",
        preset: None,
        check: |_, scene| {
            let Some(event) = scene.events.iter().rfind(|event| event.part == Part::End) else {
                return Verdict::Idle;
            };
            let writes = matches!(event.call.call, StoreCall::Set | StoreCall::Destroy);
            if !writes || event.done || event.call.refused.is_some() {
                return Verdict::Idle;
            }
            let failed = scene.answer.status == 500 && scene.lines.is_empty();
            Verdict::must(failed, || format!("{:?}", scene.answer))
        },
    },
    Invariant {
        name: "P-13c",
        says: "a cookie is sent for what the store holds",
        preset: Some(Preset::Recommended),
        check: |story, scene| {
            let Some(line) = scene.gives() else {
                return Verdict::Idle;
            };
            // A touch may not tell that there is nothing.
            let saves =
                |event: &Event<'_>| event.part == Part::End && event.call.call == StoreCall::Set;
            if !scene.events.last().is_some_and(saves) && !scene.is_told(story) {
                return Verdict::Idle;
            }
            let id = line.id().unwrap_or_default();
            // Before the client has it, nobody could have ended it.
            let ended = scene.request.handler().iter().any(|operation| {
                matches!(operation, Operation::OtherDestroy { id: other } if *other == id)
            });
            // A session may be over as soon as it is written.
            let of_it = |event: &&Event<'_>| {
                event.leaves() == Some(&*id) || event.ends() && event.call.id == id
            };
            let written =
                scene.events.iter().rfind(of_it).is_some_and(|event| event.leaves() == Some(&*id));
            let holds = ended || written || scene.after.contains_key(&*id);
            Verdict::must(holds, || format!("{:?}", scene.answer))
        },
    },
];

/// Does the handler write this key?
fn is_written(scene: &Scene<'_>, key: &str) -> bool {
    scene.request.handler().iter().any(|operation| {
        matches!(
            operation,
            Operation::Delete { key: ours }
                | Operation::LogIn { key: ours, .. }
                | Operation::Set { key: ours, .. }
                | Operation::Update { key: ours, .. } if ours == key
        )
    })
}
