//! One who uses a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use http_session::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session::{Record, SessionId, Timestamp};

use super::handle::Handle;
use super::{Clock, Kind};
use crate::sample::{cookie, number, numbered, word};
use crate::suite::{Flaw, ensure};

/// What the server's clock may be late, and an operation may take.
const SLACK: Duration = Duration::from_millis(500);

/// A store, the clock, and each operation in one line. Clones share the clock.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) kind: Kind,
    now: Arc<AtomicI64>,
    pub(super) store: Arc<dyn Handle>,
}

impl Client {
    pub(super) fn new(kind: Kind, store: Arc<dyn Handle>) -> Self {
        let now = Timestamp::from(SystemTime::now()).as_millis();
        Self { kind, now: Arc::new(AtomicI64::new(now)), store }
    }

    /// Another store, by the same clock.
    pub(super) fn with(&self, store: Arc<dyn Handle>) -> Self {
        Self { store, ..self.clone() }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self.kind.clock {
            Clock::Operation => {
                let now = self.now.load(Ordering::SeqCst);
                Timestamp::from_millis(now).expect("within the range")
            }
            Clock::Server => SystemTime::now().into(),
        }
    }

    /// The moment `millis` from now.
    pub(super) fn at(&self, millis: i64) -> Timestamp {
        later(self.now(), millis)
    }

    /// An end that will come, and that a check can wait for.
    pub(super) fn soon(&self) -> Timestamp {
        self.at(match self.kind.clock {
            Clock::Operation => 10_000,
            // The machine may be busy: it must not come while a check still prepares.
            Clock::Server => 3_000,
        })
    }

    /// An end that will not come while a check runs.
    pub(super) fn late(&self) -> Timestamp {
        self.at(3_600_000)
    }

    /// Waits until what ends at `end` must be gone.
    pub(super) async fn pass(&self, end: Timestamp) {
        self.reach(self.over(end)).await;
    }

    /// When a record that ends at `end` must be gone.
    pub(super) fn over(&self, end: Timestamp) -> Timestamp {
        let slack = match self.kind.clock {
            Clock::Operation => Duration::ZERO,
            Clock::Server => SLACK,
        };
        later(end, millis(self.kind.granularity + slack))
    }

    /// Waits for a moment.
    pub(super) async fn reach(&self, moment: Timestamp) {
        match self.kind.clock {
            Clock::Operation => {
                self.now.fetch_max(moment.as_millis(), Ordering::SeqCst);
            }
            Clock::Server => loop {
                let missing = moment.millis_since(self.now());
                let Ok(missing @ 1..) = u64::try_from(missing) else { return };
                tokio::time::sleep(Duration::from_millis(missing)).await;
            },
        }
    }

    pub(super) async fn load(&self, id: &SessionId) -> Result<Option<Stored>, Flaw> {
        self.load_and_refresh(id, None).await
    }

    pub(super) async fn load_and_refresh(
        &self,
        id: &SessionId,
        refresh: Option<Duration>,
    ) -> Result<Option<Stored>, Flaw> {
        let load = Load::new(id.clone(), self.now(), refresh);
        self.store.load(&load).await.map_err(|error| Flaw::error("a load", &error))
    }

    /// A load that wants to know when the record ends.
    pub(super) async fn load_and_tell(&self, id: &SessionId) -> Result<Option<Stored>, Flaw> {
        let mut load = Load::new(id.clone(), self.now(), None);
        load.tell_end = true;
        self.store.load(&load).await.map_err(|error| Flaw::error("a load that tells", &error))
    }

    pub(super) async fn save(
        &self,
        id: &SessionId,
        record: Record,
        expect: Expect,
    ) -> Result<Written, Flaw> {
        let save = Save::new(id.clone(), record, expect, self.now());
        self.store.save(&save).await.map_err(|error| Flaw::error("a save", &error))
    }

    pub(super) async fn rotate(
        &self,
        from: &SessionId,
        to: &SessionId,
        record: Record,
        expect: Expect,
    ) -> Result<Written, Flaw> {
        let rotate = Rotate::new(from.clone(), to.clone(), record, expect, self.now());
        self.store.rotate(&rotate).await.map_err(|error| Flaw::error("a rotation", &error))
    }

    pub(super) async fn touch(
        &self,
        id: &SessionId,
        end: Option<Timestamp>,
        version: Option<Version>,
    ) -> Result<Touched, Flaw> {
        let touch = Touch::new(id.clone(), cookie(end), end, version, self.now());
        self.store.touch(&touch).await.map_err(|error| Flaw::error("a touch", &error))
    }

    pub(super) async fn delete(&self, id: &SessionId) -> Result<(), Flaw> {
        let delete = Delete::new(id.clone(), self.now());
        self.store.delete(&delete).await.map_err(|error| Flaw::error("a delete", &error))
    }

    /// Writes a record with this number, whatever is there.
    pub(super) async fn put(
        &self,
        id: &SessionId,
        n: u64,
        end: Option<Timestamp>,
    ) -> Result<Option<Version>, Flaw> {
        let written = self.save(id, numbered(n, end), Expect::Anything).await?;
        saved("a save without a precondition", written)
    }

    /// Is the record with this number there?
    pub(super) async fn there(&self, id: &SessionId, n: u64, case: &str) -> Result<Stored, Flaw> {
        let expected = format!("the record with n = {n}");
        let Some(stored) = self.load(id).await.map_err(|flaw| flaw.of(case))? else {
            return Err(Flaw::new(case, expected, "no record"));
        };
        let found = number(&stored).map_err(|flaw| flaw.of(case))?;
        ensure(found == n, case, &expected, format!("the record with n = {found}"))?;
        Ok(stored)
    }

    /// Is no record there?
    pub(super) async fn nothing(&self, id: &SessionId, case: &str) -> Result<(), Flaw> {
        match self.load(id).await.map_err(|flaw| flaw.of(case))? {
            None => Ok(()),
            Some(stored) => {
                let found = String::from_utf8_lossy(&stored.record).into_owned();
                Err(Flaw::new(case, "no record", format!("the record {found}")))
            }
        }
    }
}

/// The version of a write that must have been done.
pub(super) fn saved(case: &str, written: Written) -> Result<Option<Version>, Flaw> {
    match written {
        Written::Saved(version) => Ok(version),
        other => Err(Flaw::new(case, "Saved", word(&other))),
    }
}

/// Is the reply this one?
pub(super) fn answer(case: &str, expected: &str, written: &Written) -> Result<(), Flaw> {
    ensure(word(written) == expected, case, expected, word(written))
}

pub(super) fn later(moment: Timestamp, millis: i64) -> Timestamp {
    moment.plus_millis(millis).expect("within the range")
}

pub(super) fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).expect("within the range")
}
