//! What holds in each history, whatever its order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http_session::{Conflict, Timestamp};

use super::model::Model;
use super::{COUNT, Call, Change, Cookie, Failure, History, Id, Reply, Seen, Step};

/// Something that holds in each history.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub says: &'static str,
    /// Looks whether it holds.
    pub check: fn(&History) -> Verdict,
}

/// What an invariant says of a history.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// How often the history had what the invariant is about. If never, it says nothing of it.
    pub applied: u64,
    /// What does not hold.
    pub broken: Option<String>,
}

impl Verdict {
    /// It applied; `holds`, or what does not.
    fn see(&mut self, holds: bool, broken: impl FnOnce() -> String) {
        self.applied += 1;
        if !holds {
            self.broken.get_or_insert_with(broken);
        }
    }
}

/// All of them.
pub const ALL: [Invariant; 10] = [
    Invariant {
        name: "no lost update",
        says: "what a request was told is saved is there in the end, if the session lives, by whatever id",
        check: no_lost_update,
    },
    Invariant {
        name: "nothing comes back",
        says: "no id that was deleted or rotated away is that of a record again",
        check: nothing_comes_back,
    },
    Invariant {
        name: "one live record",
        says: "after a rotation, and ever after, one record of the session lives at most",
        check: one_live_record,
    },
    Invariant {
        name: "nothing adopted",
        says: "who presents an id that has ended gets one that the server makes, and the old one stays unused",
        check: nothing_adopted,
    },
    Invariant {
        name: "no deadline extended",
        says: "a record ends by its last use and the idle timeout, by its beginning and the absolute one; \
               a new id begins neither anew",
        check: no_deadline_extended,
    },
    Invariant {
        name: "ended is gone",
        says: "when a delete is answered, there is no record",
        check: ended_is_gone,
    },
    Invariant {
        name: "a refused write writes nothing",
        says: "the record is the one that it was, and ends no later",
        check: refused_writes_nothing,
    },
    Invariant {
        name: "a cookie keeps its promise",
        says: "an answer sets no id but one under which the same request has saved the session",
        check: cookie_keeps_promise,
    },
    Invariant {
        name: "merging goes on",
        says: "under Merge no request fails because another one was faster",
        check: merging_goes_on,
    },
    Invariant {
        name: "linearizable",
        says: "each operation answers and does what the model does that carries them out one by one",
        check: linearizable,
    },
];

/// The session of which each id is one: that of the first of its ids.
fn sessions(history: &History) -> Vec<Id> {
    let mut sessions: Vec<Id> = (0..history.makers.len()).collect();
    for step in &history.steps {
        if let (Call::Rotate { from, to }, Some(Reply::Saved)) = (step.call, &step.reply) {
            sessions[to] = sessions[from];
        }
    }
    sessions
}

impl Step {
    /// A write that the store has carried out.
    fn saved(&self) -> Option<Id> {
        self.call.writes().filter(|_| self.reply == Some(Reply::Saved))
    }

    /// The id that it ended.
    fn ended(&self) -> Option<Id> {
        match (self.call, &self.reply) {
            (Call::Delete(id), Some(Reply::Deleted))
            | (Call::Rotate { from: id, .. }, Some(Reply::Saved)) => Some(id),
            _ => None,
        }
    }
}

fn no_lost_update(history: &History) -> Verdict {
    let (mut verdict, sessions) = (Verdict::default(), sessions(history));
    for (id, end) in &history.end {
        let writes = history
            .steps
            .iter()
            .filter(|step| step.saved().is_some_and(|written| sessions[written] == sessions[*id]));
        let mut writes = Vec::from_iter(writes);
        if history.conflict == Conflict::Overwrite {
            // The last writer wins.
            writes.drain(..writes.len().saturating_sub(1));
        }
        let (mut counted, mut doubtful) = (0, 0);
        for (step, change) in
            writes.iter().flat_map(|step| step.adds.iter().map(move |add| (step, add)))
        {
            match change {
                Change::Key(key) if step.heard => {
                    verdict.see(end.data.contains_key(key), || format!("{key} is lost"));
                }
                Change::Count if step.heard => counted += 1,
                Change::Count => doubtful += 1,
                Change::Key(_) => {}
            }
        }
        if history.conflict == Conflict::Overwrite {
            doubtful = i64::MAX - counted;
        }
        if counted > 0 {
            let count = end.data.get(COUNT).copied().unwrap_or(0);
            verdict.see((counted..=counted + doubtful).contains(&count), || {
                format!("{counted} updates were saved, and the count is {count}")
            });
        }
    }
    verdict
}

fn nothing_comes_back(history: &History) -> Verdict {
    let (mut verdict, mut ended) = (Verdict::default(), BTreeSet::new());
    for (number, step) in history.steps.iter().enumerate() {
        for (id, seen) in &step.seen {
            if ended.contains(id) {
                verdict.see(seen.is_none(), || format!("id {id} is back after step {number}"));
            }
        }
        // Whether it is gone at once, is another one's question.
        ended
            .extend(step.ended().filter(|id| {
                step.seen.iter().any(|(seen, record)| seen == id && record.is_none())
            }));
    }
    for id in ended {
        verdict.see(!history.end.contains_key(&id), || format!("id {id} is back in the end"));
    }
    verdict
}

fn one_live_record(history: &History) -> Verdict {
    let (mut verdict, sessions) = (Verdict::default(), sessions(history));
    for step in &history.steps {
        if let (Call::Rotate { .. }, Some(Reply::Saved)) = (step.call, &step.reply) {
            let live = step.seen.iter().filter(|(_, seen)| seen.is_some()).count();
            verdict.see(live == 1, || format!("after the rotation {live} records live"));
        }
    }
    let mut live = BTreeMap::<Id, usize>::new();
    history.end.keys().for_each(|id| *live.entry(sessions[*id]).or_default() += 1);
    for (session, live) in live {
        verdict.see(live == 1, || format!("{live} records of the session {session} live"));
    }
    verdict
}

fn nothing_adopted(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    let ended = |step: &Step| step.ended() == Some(0);
    let Some(end) = history.steps.iter().position(ended) else { return verdict };
    // Those that come afterwards.
    let mut newcomers = BTreeSet::new();
    for (number, step) in history.steps.iter().enumerate().skip(end + 1) {
        let first = history.steps.iter().position(|other| other.request == step.request);
        if first == Some(number) && step.call == Call::Load(0) && step.heard {
            newcomers.insert(step.request);
            verdict.see(!history.answers[step.request].found, || {
                format!("request {} found the session that had ended", step.request)
            });
        }
        if let Some(id) = step.call.writes().filter(|_| newcomers.contains(&step.request)) {
            verdict.see(history.makers[id] == Some(step.request), || {
                format!("request {} took the id {id}, which it did not make", step.request)
            });
        }
    }
    verdict
}

fn millis_after(moment: Timestamp, by: Duration) -> i64 {
    moment.as_millis() + i64::try_from(by.as_millis()).expect("not for ever")
}

fn no_deadline_extended(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    let sessions = sessions(history);
    let slack = i64::try_from(history.granularity.as_millis()).expect("not for ever");
    // When each record may end by its uses, and when each session began.
    let mut ends = BTreeMap::<Id, i64>::new();
    let mut begun = BTreeMap::<Id, Option<Timestamp>>::new();
    for (number, step) in history.steps.iter().enumerate() {
        let used = match (&step.reply, step.call) {
            (Some(Reply::Saved), call) => call.writes(),
            (Some(Reply::Alive | Reply::Found(_)), Call::Load(id) | Call::Touch(id)) => {
                Some(id).filter(|_| step.renews)
            }
            _ => None,
        };
        if let Some(id) = used {
            let end = ends.entry(id).or_insert(i64::MIN);
            *end = millis_after(step.made, history.idle).max(*end);
        }
        for (id, seen) in &step.seen {
            let Some(seen) = seen else { continue };
            let created = *begun.entry(sessions[*id]).or_insert(seen.created);
            verdict.see(created.is_some() && seen.created == created, || {
                format!("after step {number} the session {id} has another beginning")
            });
            let absolute =
                created.map_or(i64::MIN, |created| millis_after(created, history.absolute));
            // The first record is older than the history.
            let idle = *ends.entry(*id).or_insert_with(|| millis_after(step.made, history.idle));
            let end = seen.expires.map_or(i64::MAX, Timestamp::as_millis);
            verdict.see(end <= idle.min(absolute) + slack, || {
                format!(
                    "after step {number} the record {id} ends at {end}, not by {}",
                    idle.min(absolute)
                )
            });
        }
    }
    verdict
}

fn ended_is_gone(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    for step in history.steps.iter().filter(|step| matches!(step.call, Call::Delete(_))) {
        if step.reply == Some(Reply::Deleted) {
            verdict.see(step.seen.iter().all(|(_, seen)| seen.is_none()), || {
                "there is a record after its delete".into()
            });
        }
    }
    verdict
}

fn refused_writes_nothing(history: &History) -> Verdict {
    let (mut verdict, mut known) = (Verdict::default(), BTreeMap::<Id, &Option<Seen>>::new());
    // A server's clock goes on: an end may be told as a little sooner.
    let is_kept = |before: &Option<Seen>, seen: &Option<Seen>| match (before, seen) {
        (Some(before), Some(seen)) => {
            let slack = before.expires.map(|end| millis_after(end, history.granularity));
            let end = seen.expires.map(Timestamp::as_millis);
            (before.created, &before.data) == (seen.created, &seen.data)
                && slack.is_none_or(|latest| end.is_some_and(|end| end <= latest))
        }
        (before, seen) => before == seen,
    };
    for (number, step) in history.steps.iter().enumerate() {
        let refused = matches!(step.reply, Some(Reply::Changed(_) | Reply::Exists | Reply::Gone));
        for (id, seen) in &step.seen {
            if let (true, Some(before)) = (refused && step.call.writes().is_some(), known.get(id)) {
                let broken = || format!("step {number} was refused, and has written");
                verdict.see(is_kept(before, seen), broken);
            }
            known.insert(*id, seen);
        }
    }
    verdict
}

fn cookie_keeps_promise(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    for (request, answer) in history.answers.iter().enumerate() {
        let Cookie::Set(id) = answer.cookie else { continue };
        let kept = history.steps.iter().filter(|step| step.heard && step.request == request);
        let kept = kept
            .filter(|step| step.saved() == Some(id))
            .any(|step| step.seen.iter().any(|(seen, record)| *seen == id && record.is_some()));
        verdict.see(kept, || {
            format!("request {request} set a cookie with id {id}, which it did not save")
        });
    }
    verdict
}

fn merging_goes_on(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    let refused =
        |step: &&Step| step.heard && matches!(step.reply, Some(Reply::Changed(_) | Reply::Exists));
    if history.conflict != Conflict::Merge {
        return verdict;
    }
    for step in history.steps.iter().filter(refused) {
        let faulty =
            history.steps.iter().any(|other| other.request == step.request && !other.heard);
        let failed = history.answers[step.request].failed;
        verdict.see(faulty || failed != Some(Failure::Conflict), || {
            format!("request {} failed because of a conflict", step.request)
        });
    }
    verdict
}

fn linearizable(history: &History) -> Verdict {
    let (mut verdict, mut model) = (Verdict::default(), Model::new(history));
    for (number, step) in history.steps.iter().enumerate() {
        let (reply, expected) = (&step.reply, model.carry_out(step));
        verdict.see(*reply == expected, || format!("step {number}: {reply:?}, not {expected:?}"));
        for (id, seen) in &step.seen {
            let (seen, expected) = (seen.as_ref().map(|seen| &seen.data), model.data(*id));
            verdict.see(seen == expected, || {
                format!("after step {number} there is {seen:?} under id {id}, not {expected:?}")
            });
        }
    }
    for id in 0..history.makers.len() {
        let (seen, expected) = (history.end.get(&id).map(|seen| &seen.data), model.data(id));
        verdict.see(seen == expected, || {
            format!("in the end there is {seen:?} under id {id}, not {expected:?}")
        });
    }
    verdict
}
