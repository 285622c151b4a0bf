//! The store of a scenario's world, with one call that fails.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use http_session::store::{Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{Record, SessionId};
use http_session_store::Store;
use serde_json::{Value, json};

use super::Bug;
use crate::driver::at_once;
use crate::scenario::FaultCode;
use crate::trace::StoreCall;
use crate::world::{self, Phase, World};

pub(super) type Records = BTreeMap<String, Value>;

macro_rules! faults {
    ($($name:ident = $text:literal,)*) => {
        /// How a call of the store fails.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Fault {
            $(#[doc = $text] $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),* })
            }
        }
    };
}

faults! {
    Before = "an error, and nothing was done",
    After = "an error, and it was done",
    Late = "no answer within the deadline, and nothing was done",
    LateDone = "no answer within the deadline, and it was done",
    Hangs = "no answer ever, nothing was done, and the request is dropped",
    HangsDone = "no answer ever, it was done, and the request is dropped",
    Truncated = "a record whose end is missing",
    NoCookie = "a record without a cookie",
    NotUtf8 = "a record that is not UTF-8",
    Deep = "a record nested 100,000 levels deep",
    Changed = "somebody else changed the record just before",
    Deleted = "somebody else deleted the record just before",
    Recreated = "somebody else made another record just before",
}

impl Fault {
    /// It is an error in the end.
    pub(super) const fn is_error(self) -> bool {
        self.is_late() || matches!(self, Self::Before | Self::After)
    }

    /// The request is dropped.
    pub(super) const fn is_dropped(self) -> bool {
        matches!(self, Self::Hangs | Self::HangsDone)
    }

    pub(super) const fn is_late(self) -> bool {
        matches!(self, Self::Late | Self::LateDone)
    }

    /// The store does not answer.
    pub(super) const fn is_silent(self) -> bool {
        self.is_dropped() || self.is_late()
    }

    /// The record can't be read.
    pub(super) const fn is_garbled(self) -> bool {
        matches!(self, Self::Truncated | Self::NoCookie | Self::NotUtf8 | Self::Deep)
    }

    fn garble(self, stored: &mut Stored) {
        let record = &mut stored.record;
        match self {
            Self::Truncated => record.truncate(record.len() - 1),
            Self::NoCookie => *record = br#"{"n":1}"#.into(),
            Self::NotUtf8 => *record = b"{\"cookie\":{},\"n\":\"\xff\"}".into(),
            Self::Deep => {
                *record = [r#"{"cookie":{},"n":"#, &"[".repeat(100_000), &"]".repeat(100_000), "}"]
                    .concat()
                    .into();
            }
            _ => {}
        }
    }

    /// What somebody else does to the record of `id`. Was there anything to be done?
    fn interfere(self, world: &World, id: &str) -> bool {
        let there = world.records().remove(id).filter(|_| world.lives(id));
        match (self, there) {
            (Self::Changed, Some(mut record)) => {
                record["theirs"] = json!(1);
                world.put(id, &record);
            }
            (Self::Deleted, Some(_)) => world.remove(id),
            (Self::Recreated, there) => {
                let cookie = there.map_or_else(
                    || json!({ "originalMaxAge": null, "httpOnly": true, "path": "/" }),
                    |record| record["cookie"].clone(),
                );
                world.put(id, &json!({ "cookie": cookie, "theirs": 1 }));
            }
            _ => return false,
        }
        self == Self::Deleted || world.lives(id)
    }
}

/// What came of the call that failed.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    /// What the store held before, what somebody else left of it, and what it held after the call.
    pub(super) before: Records,
    pub(super) left: Records,
    pub(super) after: Records,
    pub(super) call: StoreCall,
    /// How many calls came next, before the handler went on.
    pub(super) further: usize,
    /// The fault had something to work on.
    pub(super) hurt: bool,
    pub(super) id: String,
    pub(super) phase: Phase,
    /// What was to be written.
    pub(super) record: Option<Value>,
    pub(super) refused: bool,
}

/// A store whose call number `at` fails, and what is wrong with the driver in front of it. Clones are the
/// same one.
#[derive(Clone)]
pub(super) struct Faulty {
    at: usize,
    pub(super) bug: Option<Bug>,
    pub(super) fault: Fault,
    state: Arc<Mutex<State>>,
    pub(super) world: World,
}

#[derive(Clone, Default)]
struct State {
    calls: usize,
    /// A save in the handler that failed.
    failed: Option<Save>,
    hit: Option<Hit>,
    /// The store is avoided from here on.
    off: bool,
}

/// What a fault can do to a reply.
trait Reply {
    fn record(&mut self) -> Option<&mut Stored> {
        None
    }

    fn is_refusal(&self) -> bool {
        false
    }
}

impl Reply for () {}
impl Reply for Touched {}

impl Reply for Option<Stored> {
    fn record(&mut self) -> Option<&mut Stored> {
        self.as_mut()
    }
}

impl Reply for Written {
    fn record(&mut self) -> Option<&mut Stored> {
        if let Self::Changed(stored) = self { Some(stored) } else { None }
    }

    fn is_refusal(&self) -> bool {
        !matches!(self, Self::Saved(_))
    }
}

const EIO: world::Fault = world::Fault(FaultCode::Eio);

impl Faulty {
    pub(super) fn new(world: World, fault: Fault, at: usize, bug: Option<Bug>) -> Self {
        Self { at, bug, fault, state: Arc::default(), world }
    }

    /// The same in another world.
    pub(super) fn in_world(&self, world: World) -> Self {
        let state = Arc::new(Mutex::new(self.state().clone()));
        Self { state, world, ..self.clone() }
    }

    /// A request begins after the one whose call failed.
    pub(super) fn goes_on(&self, bug: Bug) {
        self.state().off = self.has(bug);
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> usize {
        self.state().calls
    }

    pub(super) fn hit(&self) -> Option<Hit> {
        self.state().hit.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Was the last call the one that fails?
    fn is_now(&self) -> bool {
        self.calls() == self.at + 1
    }

    fn is_handling(&self) -> bool {
        matches!(self.world.phase(), Phase::Handling(_))
    }

    /// Carries out what is asked, or fails if it is its turn; `None` if no answer ever comes.
    fn ask<T: Reply>(
        &self,
        call: StoreCall,
        id: &SessionId,
        record: Option<&Record>,
        sound: impl Fn() -> Result<T, world::Fault>,
    ) -> Option<Result<T, world::Fault>> {
        let (world, fault, phase) = (&self.world, self.fault, self.world.phase());
        let number = {
            let mut state = self.state();
            if let Some(hit) = state.hit.as_mut().filter(|hit| hit.phase == phase) {
                hit.further += 1;
            }
            state.calls += 1;
            if state.off {
                return Some(Err(EIO));
            }
            state.calls - 1
        };
        if number != self.at {
            return Some(sound());
        }
        let before = world.records();
        let interfered = match call {
            // A write gets to see a record if it comes too late.
            StoreCall::Set | StoreCall::Rotate if fault.is_garbled() => {
                Fault::Changed.interfere(world, id.as_str())
            }
            _ => fault.interfere(world, id.as_str()),
        };
        let left = world.records();
        if matches!(fault, Fault::Before | Fault::Late | Fault::Hangs) {
            world.fail_next();
        }
        let mut answer = sound();
        if matches!(fault, Fault::After | Fault::LateDone | Fault::HangsDone) {
            answer = Err(EIO);
        }
        let found = answer.as_mut().ok().and_then(Reply::record);
        let garbled = found.map(|stored| fault.garble(stored)).is_some();
        let hurt = match &answer {
            Ok(_) if fault.is_garbled() => garbled,
            Ok(_) => interfered,
            Err(_) => fault.is_error() || fault.is_dropped(),
        };
        self.state().hit = Some(Hit {
            before,
            left,
            after: world.records(),
            call,
            further: 0,
            hurt,
            id: id.as_str().into(),
            phase,
            record: record.map(|record| parse(&record.to_json())),
            refused: answer.as_ref().is_ok_and(Reply::is_refusal),
        });
        if fault.is_dropped() && self.has(Bug::DroppedDeletes) {
            world.remove(id.as_str());
        }
        if answer.is_err() && self.has(Bug::AsksAgain) {
            return self.ask(call, id, record, sound);
        }
        Some(answer).filter(|_| !fault.is_silent())
    }

    /// What the driver makes of the answer to a write.
    fn written(
        &self,
        id: &SessionId,
        record: &Record,
        answer: Result<Written, world::Fault>,
    ) -> Result<Written, world::Fault> {
        let ending = self.world.phase() == Phase::Ending;
        match (&answer, self.bug.filter(|_| self.is_now())) {
            (Err(_), Some(Bug::FailedWriteIsDone)) if ending => Ok(Written::Saved(None)),
            (Err(_), Some(Bug::MethodIsSilent)) if !ending => Ok(Written::Saved(None)),
            (Err(_), Some(Bug::FailedWriteDeletes)) => {
                self.world.remove(id.as_str());
                answer
            }
            (Ok(Written::Saved(_)), _) => answer,
            (Ok(_), Some(Bug::ConflictIsAnError)) => Err(EIO),
            (Ok(_), Some(Bug::ConflictIsSilent)) => Ok(Written::Saved(None)),
            (Ok(_), Some(Bug::MergesNothing)) if !ending => Ok(Written::Saved(None)),
            (Ok(_), Some(Bug::WritesAnyway)) => {
                self.world.put(id.as_str(), &parse(&record.to_json()));
                Ok(Written::Saved(None))
            }
            _ => answer,
        }
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a record is JSON")
}

/// The answer, when it comes.
async fn come<T>(answer: Option<T>) -> T {
    match answer {
        Some(answer) => answer,
        None => pending().await,
    }
}

impl Store for Faulty {
    type Error = world::Fault;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, world::Fault> {
        let answer = self.ask(StoreCall::Get, &load.id, None, || at_once(self.world.load(load)));
        let answer = come(answer).await;
        match self.bug.filter(|_| self.is_now()) {
            Some(Bug::FailedLoadIsMissing) if answer.is_err() => Ok(None),
            Some(Bug::FailedLoadDeletes) if answer.is_err() => {
                self.world.remove(load.id.as_str());
                answer
            }
            Some(Bug::UnreadableIsMissing) if self.fault.is_garbled() => Ok(None),
            Some(Bug::UnreadableIsDeleted) if self.fault.is_garbled() => {
                self.world.remove(load.id.as_str());
                answer
            }
            Some(Bug::Adopts) if self.fault == Fault::Deleted => {
                let known = self.hit().and_then(|hit| hit.before.get(load.id.as_str()).cloned());
                Ok(known.map(|record| Stored::new(record.to_string())))
            }
            _ => answer,
        }
    }

    async fn save(&self, save: &Save) -> Result<Written, world::Fault> {
        let ending = self.world.phase() == Phase::Ending;
        let failed = self.state().failed.is_some();
        let hit = self.hit().is_some();
        let counts = failed && self.has(Bug::FailedSaveCounts);
        if ending && (counts || hit && self.has(Bug::WritesNothing)) {
            return Ok(Written::Saved(None));
        }
        let mut save = save.clone();
        if self.has(Bug::ForgetsPreconditions) {
            save.expect = Expect::Anything;
        }
        let save = &save;
        let answer = self
            .ask(StoreCall::Set, &save.id, Some(&save.record), || at_once(self.world.save(save)));
        let answer = come(answer).await;
        if answer.is_err() && self.is_handling() && self.is_now() {
            self.state().failed = Some(save.clone());
        }
        let overwrites = save.expect == Expect::Anything && self.fault == Fault::Deleted;
        if overwrites && self.is_now() && self.has(Bug::NeverOverwrites) {
            self.world.remove(save.id.as_str());
            return Ok(Written::Gone);
        }
        self.written(&save.id, &save.record, answer)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, world::Fault> {
        let answer = self.ask(StoreCall::Rotate, &rotate.from, Some(&rotate.record), || {
            at_once(self.world.rotate(rotate))
        });
        self.written(&rotate.from, &rotate.record, come(answer).await)
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, world::Fault> {
        let sound = || at_once(self.world.touch(touch));
        if !self.world.touches() {
            return sound();
        }
        let failed = self.state().failed.take();
        if let Some(save) = failed.filter(|_| self.has(Bug::FailedSaveIsRepeated)) {
            let _ = at_once(self.world.save(&save))?;
        }
        let answer = come(self.ask(StoreCall::Touch, &touch.id, None, sound)).await;
        let id = touch.id.as_str();
        match self.bug.filter(|_| self.is_now()) {
            Some(Bug::FailedTouchIsHidden) if answer.is_err() => Ok(Touched::Alive),
            Some(Bug::FailedTouchEmpties) if answer.is_err() => {
                self.world.put(id, &json!({ "cookie": parse(&touch.cookie.to_json()) }));
                answer
            }
            Some(Bug::TouchRevives) if self.fault == Fault::Deleted => {
                let known = self.hit().and_then(|hit| hit.before.get(id).cloned());
                known.iter().for_each(|record| self.world.put(id, record));
                Ok(Touched::Alive)
            }
            _ => answer,
        }
    }

    async fn delete(&self, delete: &Delete) -> Result<(), world::Fault> {
        let answer =
            self.ask(StoreCall::Destroy, &delete.id, None, || at_once(self.world.delete(delete)));
        let answer = come(answer).await;
        match self.bug.filter(|_| self.is_now()) {
            Some(Bug::FailedWriteIsDone) if self.world.phase() == Phase::Ending => Ok(()),
            Some(Bug::MethodIsSilent) if self.is_handling() => Ok(()),
            _ => answer,
        }
    }
}
