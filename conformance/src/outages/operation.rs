//! The operations, and what each does if it is done.

use std::fmt;
use std::time::Duration;

use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Touch, Touched, Version, Written,
};
use http_session_store::core::{Record, SessionId, Timestamp};
use http_session_store::{Env, OsEnv, Store};

use crate::sample::{cookie, number, numbered};
use crate::suite::chain;

/// How long a record lives, in milliseconds; one that is renewed lives for two of these.
const HOUR: i64 = 60 * 60 * 1_000;

/// What a store is asked under a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// [`Load`].
    Load,
    /// [`Load`] with [`Load::refresh`].
    Refresh,
    /// [`Save`] that expects [`Expect::Absent`].
    Create,
    /// [`Save`] that expects an [`Expect::Version`].
    Update,
    /// [`Save`] that expects [`Expect::Anything`].
    Overwrite,
    /// [`Touch`].
    Touch,
    /// [`Rotate`].
    Rotate,
    /// [`Delete`].
    Delete,
}

/// An operation that is asked once: the ids that it is about, and the numbers in its records, which are its own.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) operation: Operation,
    pub(super) key: String,
    n: u64,
    version: Option<Version>,
}

/// The records of a case's id, and of the one that it rotates to.
pub(super) type State = [Option<Held>; 2];

/// The number in a record, and whether its life was renewed, if the store tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Held {
    n: u64,
    renewed: Option<bool>,
}

/// What a store said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Told {
    Done,
    Failed(String),
    /// Nothing, in time.
    Nothing,
    /// It loaded, and did not refresh.
    NotDone,
    /// It can't be: nobody else writes.
    Untrue(String),
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Load,
        Self::Refresh,
        Self::Create,
        Self::Update,
        Self::Overwrite,
        Self::Touch,
        Self::Rotate,
        Self::Delete,
    ];

    pub(super) const fn changes(self) -> bool {
        !matches!(self, Self::Load)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "load",
            Self::Refresh => "refresh",
            Self::Create => "create",
            Self::Update => "update",
            Self::Overwrite => "overwrite",
            Self::Touch => "touch",
            Self::Rotate => "rotate",
            Self::Delete => "delete",
        })
    }
}

impl Case {
    /// Writes what is there before.
    pub(super) async fn prepare<S: Store>(
        operation: Operation,
        key: String,
        n: u64,
        store: &S,
    ) -> Self {
        let mut case = Self { operation, key, n, version: None };
        if operation != Operation::Create {
            let now = OsEnv.now();
            let save = Save::new(case.id(), record(n, now), Expect::Anything, now);
            match store.save(&save).await {
                Ok(Written::Saved(version)) => case.version = version,
                other => panic!("{other:?}, and nothing is broken"),
            }
        }
        case
    }

    /// Removes what is there after.
    pub(super) async fn clear<S: Store>(&self, store: &S) {
        for id in [self.id(), self.other()] {
            store.delete(&Delete::new(id, OsEnv.now())).await.expect("nothing is broken");
        }
    }

    pub(super) async fn carry_out<S: Store>(&self, store: &S) -> Told {
        let (now, id, version) = (OsEnv.now(), self.id(), self.version.clone());
        let save = |expect| Save::new(self.id(), record(self.n + 1, now), expect, now);
        let known = version.clone().map_or(Expect::Present, Expect::Version);
        match self.operation {
            Operation::Load => {
                told(store.load(&Load::new(id, now, None)).await, |found| match found {
                    Some(found) if number(found) == Ok(self.n) => Told::Done,
                    other => untrue(other),
                })
            }
            Operation::Refresh => {
                let load = Load::new(id, now, Some(Duration::from_hours(2)));
                told(store.load(&load).await, |found| match found {
                    Some(found) if number(found) == Ok(self.n) && found.refreshed => Told::Done,
                    Some(found) if number(found) == Ok(self.n) => Told::NotDone,
                    other => untrue(other),
                })
            }
            Operation::Create => written(store.save(&save(Expect::Absent)).await),
            Operation::Update => written(store.save(&save(known)).await),
            Operation::Overwrite => written(store.save(&save(Expect::Anything)).await),
            Operation::Touch => {
                let end = now.plus_millis(2 * HOUR);
                let touch = Touch::new(id, cookie(end), end, version, now);
                told(store.touch(&touch).await, |touched| match touched {
                    Touched::Alive => Told::Done,
                    Touched::Gone => untrue(touched),
                })
            }
            Operation::Rotate => {
                let record = record(self.n + 1, now);
                written(store.rotate(&Rotate::new(id, self.other(), record, known, now)).await)
            }
            Operation::Delete => told(store.delete(&Delete::new(id, now)).await, |()| Told::Done),
        }
    }

    /// What is there.
    pub(super) async fn found<S: Store>(&self, store: &S) -> Result<State, String> {
        let mut state = [None, None];
        for (held, id) in state.iter_mut().zip([self.id(), self.other()]) {
            let now = OsEnv.now();
            let mut load = Load::new(id, now, None);
            load.tell_end = true;
            if let Some(found) = store.load(&load).await.map_err(|error| chain(&error))? {
                let n = number(&found).map_err(|flaw| flaw.to_string())?;
                let renewed = found.expires.map(|end| Some(end) > now.plus_millis(HOUR * 3 / 2));
                *held = Some(Held { n, renewed });
            }
        }
        Ok(state)
    }

    /// Is this what there is before?
    pub(super) fn is_before(&self, state: &State) -> bool {
        match self.operation {
            Operation::Create => matches!(state, [None, None]),
            _ => matches!(state, [Some(held), None] if held.is(self.n, false)),
        }
    }

    /// Is this what there is when it is done?
    pub(super) fn is_after(&self, state: &State) -> bool {
        match (self.operation, state) {
            (Operation::Load, _) => self.is_before(state),
            (Operation::Refresh | Operation::Touch, [Some(held), None]) => held.is(self.n, true),
            (Operation::Create | Operation::Update | Operation::Overwrite, [Some(held), None])
            | (Operation::Rotate, [None, Some(held)]) => held.is(self.n + 1, false),
            (Operation::Delete, [None, None]) => true,
            _ => false,
        }
    }

    fn id(&self) -> SessionId {
        SessionId::from_text(&self.key).expect("it is short")
    }

    fn other(&self) -> SessionId {
        SessionId::from_text(&format!("other-{}", self.key)).expect("it is short")
    }
}

impl Held {
    fn is(self, n: u64, renewed: bool) -> bool {
        self.n == n && self.renewed.is_none_or(|is| is == renewed)
    }
}

fn told<T, E: std::error::Error>(answer: Result<T, E>, told: impl Fn(&T) -> Told) -> Told {
    answer.map_or_else(
        |error| Told::Failed(format!("{} {error:?}", chain(&error))),
        |answer| told(&answer),
    )
}

fn written<E: std::error::Error>(answer: Result<Written, E>) -> Told {
    told(answer, |written| match written {
        Written::Saved(_) => Told::Done,
        other => untrue(other),
    })
}

fn untrue(answer: impl fmt::Debug) -> Told {
    Told::Untrue(format!("{answer:?}"))
}

fn record(n: u64, now: Timestamp) -> Record {
    numbered(n, now.plus_millis(HOUR))
}
