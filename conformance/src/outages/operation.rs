//! The operations, and what each does if it is done.

use std::fmt;
use std::time::Duration;

use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Touch, Touched, Version, Written,
};
use http_session_store::core::{Record, SessionId, Timestamp};
use http_session_store::{Env, OsEnv, Store};

use crate::contract::sample::{cookie, number, numbered};
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

/// The records of an operation's id, and of the one that it rotates to.
pub(super) type State = [Option<Held>; 2];

/// The number in a record, and whether its life was renewed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Held {
    n: u64,
    renewed: bool,
}

/// What a store said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Told {
    Done,
    Failed(String),
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

    pub(super) const fn before(self) -> State {
        match self {
            Self::Create => [None, None],
            _ => [Some(Held { n: 1, renewed: false }), None],
        }
    }

    pub(super) const fn after(self) -> State {
        let (old, new) = (Held { n: 1, renewed: true }, Held { n: 2, renewed: false });
        match self {
            Self::Load => self.before(),
            Self::Refresh | Self::Touch => [Some(old), None],
            Self::Create | Self::Update | Self::Overwrite => [Some(new), None],
            Self::Rotate => [None, Some(new)],
            Self::Delete => [None, None],
        }
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

/// Writes what is there before; its version, if the store has such.
pub(super) async fn prepare<S: Store>(
    store: &S,
    operation: Operation,
    key: &str,
) -> Option<Version> {
    operation.before()[0]?;
    let now = OsEnv.now();
    let save = Save::new(id(key), record(1, now), Expect::Anything, now);
    match store.save(&save).await {
        Ok(Written::Saved(version)) => version,
        other => panic!("{other:?}, and nothing is broken"),
    }
}

pub(super) async fn carry_out<S: Store>(
    store: &S,
    operation: Operation,
    key: &str,
    version: Option<Version>,
) -> Told {
    let (now, id) = (OsEnv.now(), id(key));
    let save = |expect| Save::new(id.clone(), record(2, now), expect, now);
    let known = version.clone().map_or(Expect::Present, Expect::Version);
    match operation {
        Operation::Load => told(store.load(&Load::new(id, now, None)).await, |found| match found {
            Some(found) if number(found) == Ok(1) => Told::Done,
            other => untrue(other),
        }),
        Operation::Refresh => {
            told(store.load(&Load::new(id, now, Some(Duration::from_hours(2)))).await, |found| {
                match found {
                    Some(found) if number(found) == Ok(1) && found.refreshed => Told::Done,
                    Some(found) if number(found) == Ok(1) => Told::NotDone,
                    other => untrue(other),
                }
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
            let to = other(key);
            written(store.rotate(&Rotate::new(id, to, record(2, now), known, now)).await)
        }
        Operation::Delete => told(store.delete(&Delete::new(id, now)).await, |()| Told::Done),
    }
}

/// What is there.
pub(super) async fn found<S: Store>(store: &S, key: &str) -> State {
    try_found(store, key).await.expect("nothing is broken")
}

pub(super) async fn try_found<S: Store>(store: &S, key: &str) -> Result<State, String> {
    let mut state = [None, None];
    for (held, id) in state.iter_mut().zip([id(key), other(key)]) {
        let now = OsEnv.now();
        let mut load = Load::new(id, now, None);
        load.tell_end = true;
        if let Some(found) = store.load(&load).await.map_err(|error| chain(&error))? {
            let n = number(&found).map_err(|flaw| flaw.to_string())?;
            *held = Some(Held { n, renewed: found.expires > now.plus_millis(HOUR * 3 / 2) });
        }
    }
    Ok(state)
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

fn id(key: &str) -> SessionId {
    SessionId::from_text(key).expect("it is short")
}

fn other(key: &str) -> SessionId {
    id(&format!("other-{key}"))
}
