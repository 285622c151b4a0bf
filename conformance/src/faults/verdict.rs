//! What the rules say of a run.

use serde_json::{Value, json};

use super::run::{Run, asks};
use super::store::Records;
use super::{Fault, Rule, Tally};
use crate::client::session_value;
use crate::invariants::presented;
use crate::scenario::{Conflict, Operation, Preset, Unset};
use crate::trace::{Answer, Call, StoreCall};
use crate::world::Phase;

/// Looks at a run whose call number `at` failed.
pub(super) fn judge(run: &Run<'_>, at: usize, tally: &mut Tally) {
    Judge { at, run, tally }.judge();
}

struct Judge<'a> {
    at: usize,
    run: &'a Run<'a>,
    tally: &'a mut Tally,
}

impl Judge<'_> {
    fn judge(&mut self) {
        let Run { fault, hit, records, .. } = self.run;
        if fault.is_dropped() {
            self.check(Rule::Dropped, *records == hit.before || *records == hit.after);
        } else if fault.is_error() {
            self.failed();
        } else if fault.is_garbled() {
            self.unreadable();
        } else {
            self.conflict();
        }
        self.promised();
        self.later();
    }

    fn check(&mut self, rule: Rule, holds: bool) {
        let (at, run) = (self.at, self.run);
        self.tally.check(rule, holds, || {
            format!(
                "{:?}, call {at}, {}: {:?} at {:?}: {:?}, sound {:?}, kept {:?} of {:?}, next {:?}",
                run.scenario.name,
                run.fault,
                run.hit.call,
                run.hit.phase,
                run.answer,
                run.sound,
                run.records,
                run.hit.before,
                run.probe,
            )
        });
    }

    fn has_quirks(&self) -> bool {
        self.run.scenario.options.preset() == Preset::Express
    }

    fn is_overwriting(&self) -> bool {
        self.run.scenario.options.conflict() == Conflict::Overwrite
    }

    fn cookie<'a>(&self, answer: &'a Answer) -> Option<&'a str> {
        session_value(&answer.set_cookie, self.run.scenario.options.name())
    }

    /// 500, and no session cookie.
    fn is_failure(&self) -> bool {
        let answer = &self.run.answer;
        answer.status == 500 && self.cookie(answer).is_none()
    }

    /// The handler did not run.
    fn is_unhandled(&self) -> bool {
        self.run.answer.session.is_none() && self.run.answer.ops.is_empty()
    }

    fn failed(&mut self) {
        let Run { answer, hit, records, sound, .. } = self.run;
        let reported = answer.errors == ["store"];
        let once = answer.errors.iter().filter(|error| *error == "store").count() == 1;
        let kept = *records == hit.before || *records == hit.after;
        self.check(Rule::NotRepeated, hit.further == 0);
        match (hit.phase, hit.call) {
            (Phase::Opening, _) => {
                let fails = self.is_failure() && self.is_unhandled() && reported;
                self.check(Rule::LoadFails, fails);
                self.check(Rule::OldOrNew, kept);
            }
            (Phase::Ending, StoreCall::Touch) => {
                self.check(Rule::OldOrNew, kept);
                let refused = sound.calls.last().is_some_and(|call| call.refused.is_some());
                let as_it_is = Answer { errors: sound.errors.clone(), ..answer.clone() };
                self.check(Rule::TouchFails, once && (refused || same(&as_it_is, sound)));
            }
            (Phase::Ending, _) => {
                self.check(Rule::WriteFails, self.is_failure() && once);
                self.check(Rule::OldOrNew, kept);
            }
            (Phase::Handling(begun), _) => self.method_failed(begun - 1),
        }
    }

    fn method_failed(&mut self, index: usize) {
        let Run { answer, hit, records, request, sound_records, .. } = self.run;
        let ops = &answer.ops;
        self.check(Rule::MethodTells, ops[index] == json!({ "error": "store" }));
        let [(id, keys), (id_then, keys_then)] =
            [index - 2, index + 1].map(|look| (&ops[look], &ops[look + 1]));
        let handler = request.handler();
        let done = matches!(self.run.fault, Fault::After | Fault::LateDone);
        // The end of the request may delete it.
        let again = self.run.scenario.options.unset == Some(Unset::Destroy);
        let stays = done
            || again
            || self.is_moved()
            || !hit.before.contains_key(&hit.id)
            || records.contains_key(&hit.id);
        match handler[index] {
            Operation::Destroy {} if self.has_quirks() => {
                let gone = id_then["error"] == "no session";
                self.check(Rule::DestroysAnyway, gone && stays);
            }
            Operation::Regenerate {} if self.has_quirks() && self.may_be_made(&hit.id) => {}
            Operation::Regenerate {} if self.has_quirks() => {
                let new = id_then.is_string() && id_then != id && *keys_then == json!([]);
                self.check(Rule::RegeneratesAnyway, new && stays);
            }
            _ => {
                self.check(
                    Rule::MethodKeeps,
                    id == id_then && (self.is_moved() || has_all(keys_then, keys)),
                );
            }
        }
        // Nothing but looks at the session, before and after.
        let alone = handler.iter().filter(|operation| asks(operation)).count() == 1
            && request.faults.is_none();
        let quiet = handler[index + 1..].iter().all(is_look);
        // A new session without data is nothing to lose.
        let empty = hit.record.as_ref().is_none_or(|record| data_of(record).is_empty());
        let lost = !empty || hit.before.contains_key(&hit.id);
        if !matches!(handler[index], Operation::Save {}) || !alone || !lost || self.is_moved() {
            return;
        }
        let unset = handler.contains(&Operation::Unset {});
        if !self.has_quirks() && !unset {
            let told = answer.status >= 400 && answer.status != request.status();
            self.check(Rule::MadeUpFor, told || data(records) == data(sound_records));
        } else if quiet && !unset && self.has_quirks() && self.is_overwriting() {
            let saves = answer.calls.iter().filter(|call| call.call == StoreCall::Set).count();
            self.check(Rule::CountsAsSaved, saves == 1);
        }
    }

    fn unreadable(&mut self) {
        let Run { answer, hit, records, .. } = self.run;
        let told = answer.errors.iter().any(|error| error.starts_with("other: session record"));
        match (hit.phase, hit.call) {
            (Phase::Opening, _) => {
                let fails = self.is_failure() && self.is_unhandled() && told;
                self.check(Rule::Unreadable, fails && *records == hit.before);
            }
            (Phase::Ending, _) => {
                let refused = answer.status == 409 && self.cookie(answer).is_none();
                let fails = self.is_failure() && told || refused;
                // There may be nothing to lose: then it is left alone.
                let left = answer.status == self.run.request.status() && self.nothing_to_lose();
                self.check(Rule::Unreadable, (fails || left) && *records == hit.left);
            }
            (Phase::Handling(begun), call) => {
                let error = answer.ops[begun - 1]["error"].as_str().unwrap_or_default();
                let told = error.starts_with("other: session record") || error == "conflict";
                self.check(Rule::MethodTells, told);
                let ops = &answer.ops;
                let id = ops[begun] == ops[begun - 3];
                self.check(
                    Rule::MethodKeeps,
                    id && (self.is_moved() || has_all(&ops[begun + 1], &ops[begun - 2])),
                );
                let kept = if call == StoreCall::Get { &hit.before } else { &hit.left };
                self.check(Rule::Unreadable, hit.after == *kept);
            }
        }
    }

    /// May the scenario's generator of ids, which counts, make this one by itself?
    fn may_be_made(&self, id: &str) -> bool {
        let Run { scenario, .. } = self.run;
        let constant = scenario.options.id(1) == scenario.options.id(2);
        let made = || (1..64).any(|number| scenario.options.id(number) == id);
        constant || scenario.preload.contains_key(id) && made()
    }

    /// The write changes nothing.
    fn nothing_to_lose(&self) -> bool {
        let hit = &self.run.hit;
        let (Some(ours), Some(base)) = (&hit.record, hit.before.get(&hit.id)) else { return false };
        keys(ours).all(|(key, value)| base.get(key) == Some(value))
    }

    fn conflict(&mut self) {
        let Run { answer, fault, hit, records, request, .. } = self.run;
        let goes_out = answer.status == request.status();
        let there = records.get(&hit.id);
        match (hit.phase, hit.call) {
            (Phase::Opening, _) => {
                if *fault == Fault::Deleted && !self.may_be_made(&hit.id) {
                    self.check(Rule::NotAdopted, answer.session.as_ref() != Some(&hit.id));
                }
            }
            (Phase::Ending, StoreCall::Touch) => {
                let theirs = there.map(data_of) == hit.left.get(&hit.id).map(data_of);
                self.check(Rule::NotRevived, theirs && goes_out);
            }
            (Phase::Ending, StoreCall::Destroy) => {
                self.check(Rule::TheirsStays, there.is_none() && goes_out);
            }
            (Phase::Ending, _) if hit.refused => {
                let refused = answer.status == 409 && self.cookie(answer).is_none();
                let left = *records == hit.left;
                // Their cookie may be one that can't be sent.
                let refused = refused || self.is_failure() && told(answer);
                let merged = goes_out && there.is_some_and(|there| self.has_ours(there));
                let nothing = goes_out && left && self.nothing_to_lose();
                self.check(Rule::ConflictTells, refused && left || merged || nothing);
                let stays = left || there.is_some_and(|there| there.get("theirs").is_some());
                self.check(Rule::TheirsStays, stays);
            }
            (Phase::Ending, _) => {
                let ours = there == hit.record.as_ref();
                // Nobody else has done anything to it, or to what this session has never been.
                let newcomer = !hit.left.contains_key(&hit.id) && self.is_new(&hit.id);
                let alone = newcomer || hit.before.get(&hit.id) == hit.left.get(&hit.id);
                self.check(Rule::LastWins, ours && goes_out && (alone || self.is_overwriting()));
            }
            (Phase::Handling(begun), StoreCall::Set | StoreCall::Rotate) if hit.refused => {
                let op = &answer.ops[begun - 1];
                let told = matches!(op["error"].as_str(), Some("conflict" | "gone"));
                // Of a session that nothing else is done to, the end shows what became of it.
                let handler = request.handler();
                let alone = handler.iter().filter(|operation| asks(operation)).count() == 1
                    && handler[begun - 1] == Operation::Save {}
                    && handler[begun..].iter().all(is_look);
                let merged = !alone
                    || self.is_moved()
                    || there
                        .is_some_and(|there| self.has_ours(there) && there.get("theirs").is_some());
                self.check(Rule::ConflictTells, told || *op == json!(true) && merged);
            }
            (Phase::Handling(_), _) => {}
        }
    }

    /// Has this request found no record under the id, and written none but the last?
    fn is_new(&self, id: &str) -> bool {
        let answer = &self.run.answer;
        let about = |call: &&Call| call.id == id || call.to.as_deref() == Some(id);
        let (loads, writes): (Vec<_>, Vec<_>) =
            answer.calls.iter().filter(about).partition(|call| call.call == StoreCall::Get);
        let operations = self.run.request.handler().iter().zip(&answer.ops);
        let missed = operations
            .filter(|(operation, result)| {
                matches!(operation, Operation::Reload {}) && **result != true
            })
            .count();
        loads.len() <= missed && writes.iter().filter(|call| call.refused.is_none()).count() == 1
    }

    /// Does the scenario itself let time pass, or somebody else write, while the handler runs?
    fn is_moved(&self) -> bool {
        let refused = self.run.sound.calls.iter().any(|call| call.refused.is_some());
        refused
            || self.run.request.handler().iter().any(|operation| {
                matches!(
                    operation,
                    Operation::Advance { .. }
                        | Operation::OtherDestroy { .. }
                        | Operation::OtherSet { .. }
                )
            })
    }

    /// Does the record have what this request changed?
    fn has_ours(&self, there: &Value) -> bool {
        let hit = &self.run.hit;
        // An update counts from what somebody else wrote.
        let updates = |operation: &Operation| matches!(operation, Operation::Update { .. });
        if self.is_moved() || self.run.request.handler().iter().any(updates) {
            return there.get("theirs").is_some();
        }
        let base = hit.before.get(&hit.id);
        let Some(ours) = &hit.record else { return false };
        keys(ours).all(|(key, value)| {
            base.and_then(|base| base.get(key)) == Some(value) || there.get(key) == Some(value)
        })
    }

    /// What a cookie promises is stored.
    fn promised(&mut self) {
        let Run { answer, fault, hit, records, .. } = self.run;
        // A touch that failed, or that the store does not have, can't say that the session has ended (B-210).
        let unknown = fault.is_error() && hit.call == StoreCall::Touch;
        // Nor is a session looked at again that this request has saved and that was deleted since, by somebody
        // else or by a destroy in doubt.
        let deleted = *fault == Fault::Deleted || hit.call == StoreCall::Destroy;
        let deleted = deleted && matches!(hit.phase, Phase::Handling(_));
        let blind = unknown || self.is_moved() || !self.run.scenario.options.store_touch();
        if fault.is_dropped() || self.has_quirks() || blind || deleted {
            return;
        }
        if let Some(id) = self.cookie(answer).and_then(presented) {
            self.check(Rule::Promised, records.contains_key(&id));
        }
    }

    fn later(&mut self) {
        let Run { probe, probe_lives, rest, scenario, .. } = self.run;
        let ends = scenario.options.absolute_timeout.flatten().is_some();
        // A second try has the session's turn: without a deadline, its next write waits as long as the store.
        let waits = self.run.fault.is_dropped() && self.is_moved();
        let works = probe.as_ref().map_or(waits, |probe| {
            let fails = probe.errors.contains(&"store".into());
            let unreadable = told(probe);
            let first = probe.calls.first().map(|call| &call.id);
            let found = unreadable || !probe_lives || ends || probe.session.as_ref() == first;
            !fails && (probe.status == 200 || unreadable) && found
        });
        self.check(Rule::Recovers, works);
        for (request, answer) in rest {
            let own = request.faults.is_some();
            let fails = answer.errors.contains(&"store".into());
            let reason = own || told(answer) || request.status() == 500;
            self.check(Rule::Afterwards, reason || !fails && answer.status != 500);
        }
    }
}

/// Are all keys of `before` still there? A first try may have brought what somebody else wrote.
fn has_all(after: &Value, before: &Value) -> bool {
    match (after.as_array(), before.as_array()) {
        (Some(after), Some(before)) => before.iter().all(|key| after.contains(key)),
        _ => after == before,
    }
}

/// Does it do nothing but look at the session?
fn is_look(operation: &Operation) -> bool {
    matches!(operation, Operation::Id {} | Operation::Keys {})
}

/// Something other than the store was reported.
fn told(answer: &Answer) -> bool {
    answer.errors.iter().any(|error| error.starts_with("other: "))
}

/// The answers as the client and the handler see them.
fn same(one: &Answer, other: &Answer) -> bool {
    let seen = |answer: &Answer| {
        let Answer { status, session, ops, set_cookie, vary, cache_control, .. } = answer.clone();
        (status, session, ops, set_cookie, vary, cache_control)
    };
    seen(one) == seen(other)
}

/// The data of a record, with its names.
fn keys(record: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let keys = record.as_object().into_iter().flatten();
    keys.filter(|(key, _)| *key != "cookie" && !key.starts_with("http-session:"))
}

fn data_of(record: &Value) -> Vec<(&String, &Value)> {
    keys(record).collect()
}

fn data(records: &Records) -> Vec<(&String, Vec<(&String, &Value)>)> {
    records.iter().map(|(id, record)| (id, data_of(record))).collect()
}
