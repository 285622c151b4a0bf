//! When a session ends, and that it stays so: P-2, P-4, P-5.

use super::story::{Event, Part, Scene, Start};
use super::{Invariant, Verdict};
use crate::scenario::{Operation, Preset};
use crate::trace::StoreCall;

pub(super) const ALL: &[Invariant] = &[
    Invariant {
        name: "P-2a",
        says: "nothing is written under an id that was ended, and nobody gets a session by it",
        preset: None,
        check: |_, scene| {
            let ends = scene.events.iter().any(Event::ends);
            let returns = scene.verified().any(|id| scene.ended.contains(id));
            if !ends && !returns {
                return Verdict::Idle;
            }
            let back = scene.events.iter().find(|event| {
                let writes = matches!(event.call.call, StoreCall::Set | StoreCall::Rotate);
                event.ended
                    && event.done
                    && (writes || event.call.call == StoreCall::Touch && event.held)
            });
            let found = scene.answer.session.as_deref().filter(|id| scene.ended.contains(id));
            Verdict::none(
                back.map(|event| text(event))
                    .or_else(|| found.map(|id| format!("{id:?} was found"))),
            )
        },
    },
    Invariant {
        name: "P-2b",
        says: "what a parallel request has ended meanwhile does not come back, under no id, and its cookie is \
               not sent",
        preset: Some(Preset::Recommended),
        check: |story, scene| {
            let Start::Found(id) = scene.start else { return Verdict::Idle };
            let handler = scene.request.handler();
            let last = handler.iter().rposition(|operation| match operation {
                Operation::OtherDestroy { id: other } | Operation::OtherSet { id: other, .. } => {
                    other == id
                }
                _ => false,
            });
            let Some(ended) =
                last.filter(|last| matches!(handler[*last], Operation::OtherDestroy { .. }))
            else {
                return Verdict::Idle;
            };
            let sent = scene.is_told(story) && scene.sends(id);
            let written = scene.events.iter().any(|event| {
                event.is_after(ended)
                    && event.leaves().is_some()
                    && event.call.id == id
                    && event.call.call != StoreCall::Touch
            });
            let holds = !scene.after.contains_key(id) && !written && !sent;
            Verdict::must(holds, || format!("{:?}", scene.answer))
        },
    },
    Invariant {
        name: "P-4a",
        says: "after a new id was given, or the session was destroyed, the old one has no record",
        preset: None,
        check: |story, scene| {
            let ends: Vec<_> = scene.events.iter().filter(|event| event.ends()).collect();
            if ends.is_empty() {
                return Verdict::Idle;
            }
            // Somebody else may put it back, and an application may make the same id again.
            let again = |id: &str| {
                let mut handler = scene.request.handler().iter();
                let put = handler.any(|operation| {
                    matches!(operation, Operation::OtherSet { id: other, .. } if other == id)
                });
                put || scene.made.iter().any(|made| made == id)
            };
            let mut ended = ends.iter().map(|event| &*event.call.id).filter(|id| !again(id));
            let left = ended.find(|id| {
                let last = story.is_last(scene) && story.trace.store.contains_key(*id);
                scene.after.contains_key(id) || last
            });
            Verdict::none(left.map(|id| format!("{id:?} is there")))
        },
    },
    Invariant {
        name: "P-4b",
        says: "a new id is one that was made for this request",
        preset: None,
        check: |_, scene| {
            let mut rotations =
                scene.events.iter().filter_map(|event| event.call.to.as_deref()).peekable();
            if rotations.peek().is_none() {
                return Verdict::Idle;
            }
            let known = rotations.find(|to| !scene.made.iter().any(|made| made == to));
            Verdict::none(known.map(|id| format!("{id:?} is not new")))
        },
    },
    Invariant {
        name: "P-4c",
        says: "if a new id could not be given, nothing is written under it or sent of it",
        preset: Some(Preset::Recommended),
        check: |_, scene| {
            let mut failed = scene
                .events
                .iter()
                .filter(|event| event.call.call == StoreCall::Rotate && !event.done);
            let Some(rotate) = failed.next() else { return Verdict::Idle };
            let done = |to: &str| {
                scene.events.iter().any(|event| event.done && event.call.to.as_deref() == Some(to))
            };
            let Some(to) = rotate.call.to.as_deref().filter(|to| !done(to)) else {
                return Verdict::Idle;
            };
            let written = scene
                .events
                .iter()
                .any(|event| event.done && event.call.id == to && event.call.record.is_some());
            Verdict::must(!written && !scene.sends(to), || format!("{:?}", scene.answer))
        },
    },
    Invariant {
        name: "P-2c",
        says: "the store holds in the end what its calls have put there, and nothing else",
        preset: None,
        check: |story, scene| {
            if !story.is_last(scene) {
                return Verdict::Idle;
            }
            let store = &story.trace.store;
            let lost = scene
                .after
                .iter()
                .find(|(id, held)| !store.get(**id).is_some_and(|record| held.is(record)));
            let stray = store.keys().find(|id| !scene.after.contains_key(&***id));
            let odd = lost.map(|(id, _)| *id).or_else(|| stray.map(String::as_str));
            Verdict::none(odd.map(|id| format!("{id:?}: {:?}", store.get(id))))
        },
    },
    Invariant {
        name: "P-5a",
        says: "no write lets a session live for longer than the idle timeout from its moment on",
        preset: None,
        check: |story, scene| {
            let Some(idle) = story.idle else { return Verdict::Idle };
            deadline(scene, |event| event.now.checked_add(idle))
        },
    },
    Invariant {
        name: "P-5b",
        says: "no write lets a session live for longer than the absolute timeout from its beginning on: no \
               touch, no new id, no clock that goes back",
        preset: None,
        check: |story, scene| {
            let Some(absolute) = story.absolute else { return Verdict::Idle };
            deadline(scene, |event| event.began?.checked_add(absolute))
        },
    },
    Invariant {
        name: "P-5c",
        says: "what has reached its end is not found, to the millisecond",
        preset: None,
        check: |story, scene| {
            let now = story.scenario.start + scene.request.at();
            let over = |id: &str| {
                let held = scene.before.get(id)?;
                let absolute = held
                    .began
                    .zip(story.absolute)
                    .and_then(|(began, length)| began.checked_add(length));
                let end = [held.end, absolute].into_iter().flatten().min()?;
                (end <= now).then_some(end)
            };
            let Some(id) = scene.verified().find(|id| over(id).is_some()) else {
                return Verdict::Idle;
            };
            Verdict::must(
                scene.answer.session.as_deref() != Some(id)
                    || scene.made.iter().any(|made| made == id),
                || format!("{id:?} was found at {now}, and ended at {:?}", over(id)),
            )
        },
    },
];

/// The writes end by then, as far as that can be told of them.
fn deadline(scene: &Scene<'_>, latest: impl Fn(&Event<'_>) -> Option<i64>) -> Verdict {
    let writes = scene
        .events
        .iter()
        .filter(|event| event.part != Part::Begin && event.call.record.is_some());
    // What is later than all dates is no end.
    let latest = |event: &Event<'_>| latest(event).filter(|end| *end <= 8_640_000_000_000_000);
    let mut bound = writes.filter_map(|event| Some((event, latest(event)?))).peekable();
    if bound.peek().is_none() {
        return Verdict::Idle;
    }
    let late = bound.find(|(event, latest)| event.end.is_none_or(|end| end > *latest));
    Verdict::none(late.map(|(event, latest)| format!("{}: it should end by {latest}", text(event))))
}

fn text(event: &Event<'_>) -> String {
    let Event { call, now, end, .. } = event;
    format!("{:?} of {:?} at {now}, to end at {end:?}", call.call, call.id)
}
