//! A store that is broken in one way.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use http_session::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session::{Record, SessionId, Timestamp};
use http_session_store::Store;
use tokio::task::yield_now;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Defect {
    /// A save under `Expect::Absent` is an upsert.
    AbsentOverwrites,
    /// The version of the reply to a write is not that of the loads.
    AnswersAnotherVersion,
    /// `Changed` shows the record that was there before.
    ChangedShowsOldRecord,
    /// A version is the beginning of the record's text.
    ComparesBeginnings,
    /// A save under a version is a load, a comparison and a write.
    ChecksThenWrites,
    /// Each id has versions of its own, which a delete forgets.
    CountsVersionsFromOne,
    /// A text ends where it has NUL.
    CutsData,
    /// A column of 128 characters.
    CutsIds,
    DeleteOfNothingFails,
    /// A delete takes the id to be the beginning of ids.
    DeletesByPrefix,
    DeletesEverySecondTime,
    /// A rotation of two steps, which can lose both ids.
    DeletesThenInserts,
    /// Expired records are hidden from loads, and from nothing else.
    ExpiredIsPresent,
    /// A collation that knows no case.
    FoldsCase,
    /// A record without an end lives for a minute.
    ForgetsSoon,
    IgnoresExpiry,
    /// A touch says that it was done, and does nothing.
    IgnoresTouch,
    /// A rotation of two steps, which can leave both ids.
    InsertsThenDeletes,
    /// A save leaves the end of the record that was there.
    KeepsEnd,
    /// A time to live of zero or less is none.
    KeepsPast,
    /// One prefix for all.
    NamesShare,
    NeverAnswers,
    /// A load of an id with NUL is an error.
    NulFails,
    /// Numbers are floating-point numbers.
    NumbersAreFloats,
    /// Nothing is wrong.
    None,
    PanicsOnTouch,
    /// A save under `Expect::Present` is an upsert.
    PresentInserts,
    /// A load that renews takes the later end, or none if there was none.
    RefreshOnlyExtends,
    /// Of two that save over an expired record under `Expect::Absent` both do.
    ReplacesExpiredTwice,
    /// A load says that it renewed the record, and does not.
    RefreshNotDone,
    /// A load that renews brings back what has expired.
    RefreshRevives,
    /// A refused save renews the record all the same.
    RefusalRenews,
    /// The same value in other bytes.
    RewritesJson,
    /// A rotation knows no precondition.
    RotationIgnoresExpect,
    /// A rotation leaves the end of the record that was there.
    RotationKeepsEnd,
    /// A rotation forgets the old id.
    RotationKeepsOld,
    /// A rotation of nothing is refused.
    RotationNeedsOld,
    /// A rotation onto its own id is a save.
    RotationOntoItselfSaves,
    /// A rotation takes over the record that is there.
    RotationOverwrites,
    /// The end is cut to whole seconds.
    RoundsDown,
    /// The end is rounded up to whole seconds.
    RoundsUp,
    /// Versions never change.
    SameVersion,
    /// An error shows the id.
    ShowsIds,
    /// A record of 64 KiB at most.
    SmallRecords,
    /// A rotation looks at the new id first.
    TargetFirst,
    /// It tells an end that is not the record's.
    TellsOldEnd,
    TouchInserts,
    /// A touch makes another version.
    TouchIsAWrite,
    TouchLosesData,
    /// A touch brings back what has expired.
    TouchRevives,
    /// A touch is a load and a write.
    TouchWritesBack,
    /// A column that knows no spaces at the end.
    TrimsSpace,
}

/// A store in memory with a defect, which waits in each operation. Clones are the same store.
#[derive(Clone)]
pub(crate) struct Broken {
    defect: Defect,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    by_id: HashMap<SessionId, Entry>,
    deletes: u64,
    next_version: u64,
}

#[derive(Clone)]
struct Entry {
    end: Option<Timestamp>,
    old: Option<Record>,
    record: Record,
    version: u64,
}

/// What the store fails with.
#[derive(Debug)]
pub(crate) struct NoSuchKey(String);

impl std::fmt::Display for NoSuchKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no such key: {}", self.0)
    }
}

impl std::error::Error for NoSuchKey {}

impl Broken {
    pub(crate) fn new(defect: Defect) -> Self {
        Self { defect, records: Arc::default() }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// Waits, as for a connection.
    async fn wait(&self) {
        if self.is(Defect::NeverAnswers) {
            pending::<()>().await;
        }
        yield_now().await;
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().expect("no panic")
    }

    fn key(&self, id: &SessionId) -> SessionId {
        let text = id.as_str();
        let text = match self.defect {
            Defect::CutsIds => text.chars().take(128).collect(),
            Defect::FoldsCase => text.to_ascii_lowercase(),
            Defect::TrimsSpace if text.len() > 1 => text.trim_end_matches(' ').into(),
            _ => text.into(),
        };
        SessionId::from_text(&text).expect("an id")
    }

    /// When a record expires that is written over `there`.
    fn end(&self, record: &Record, there: Option<&Entry>, now: Timestamp) -> Option<Timestamp> {
        let end = record.expires();
        let seconds = |millis: i64| {
            let end = end?.as_millis().saturating_add(millis).div_euclid(1_000) * 1_000;
            Timestamp::from_millis(end)
        };
        match self.defect {
            Defect::ForgetsSoon => end.or_else(|| now.plus_millis(60_000)),
            Defect::IgnoresExpiry => None,
            Defect::KeepsEnd => there.map_or(end, |there| there.end.or(end)),
            Defect::KeepsPast => end.filter(|end| *end > now),
            Defect::RoundsDown => seconds(0),
            Defect::RoundsUp => seconds(999),
            _ => end,
        }
    }

    fn version(&self, entry: &Entry) -> Version {
        if self.is(Defect::ComparesBeginnings) {
            let text = entry.record.to_json().into_bytes();
            return Version(text.into_iter().take(1_000).collect());
        }
        let number = if self.is(Defect::SameVersion) { 0 } else { entry.version };
        Version(Box::new(number.to_be_bytes()))
    }

    fn stored(&self, entry: &Entry) -> Stored {
        let text = entry.record.to_json();
        let mut stored = Stored::new(match self.defect {
            Defect::CutsData => text.replace("a\\u0000", "a"),
            Defect::NumbersAreFloats => text.replace("9007199254740993", "9007199254740992"),
            Defect::RewritesJson => text.replacen(':', ": ", 1),
            _ => text,
        });
        stored.version = Some(self.version(entry));
        stored
    }

    /// What a write finds.
    fn found<'a>(&self, records: &'a Records, id: &SessionId, now: Timestamp) -> Option<&'a Entry> {
        let entry = records.by_id.get(id)?;
        let alive = entry.is_alive(now) || self.is(Defect::ExpiredIsPresent);
        alive.then_some(entry)
    }

    fn refusal(
        &self,
        records: &Records,
        id: &SessionId,
        expect: &Expect,
        now: Timestamp,
    ) -> Option<Written> {
        match (expect, self.found(records, id, now)) {
            (Expect::Anything, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => None,
            (Expect::Absent, Some(_)) => {
                (!self.is(Defect::AbsentOverwrites)).then_some(Written::Exists)
            }
            (Expect::Present, None) => (!self.is(Defect::PresentInserts)).then_some(Written::Gone),
            (Expect::Version(_), None) => Some(Written::Gone),
            (Expect::Version(version), Some(entry)) if *version == self.version(entry) => None,
            (Expect::Version(_), Some(entry)) => {
                let mut stored = self.stored(entry);
                if self.is(Defect::ChangedShowsOldRecord)
                    && let Some(old) = &entry.old
                {
                    stored.record = old.to_json().into_bytes();
                }
                Some(Written::Changed(stored))
            }
        }
    }

    fn write(
        &self,
        records: &mut Records,
        id: SessionId,
        record: &Record,
        now: Timestamp,
    ) -> Written {
        let there = records.by_id.get(&id).filter(|entry| entry.is_alive(now));
        records.next_version += 1;
        let version = match self.defect {
            Defect::CountsVersionsFromOne => there.map_or(1, |there| there.version + 1),
            _ => records.next_version,
        };
        let (end, old) = (self.end(record, there, now), there.map(|there| there.record.clone()));
        let mut entry = Entry { end, old, record: record.clone(), version };
        records.by_id.insert(id, entry.clone());
        if self.is(Defect::AnswersAnotherVersion) {
            entry.version += 1_000;
        }
        Written::Saved(Some(self.version(&entry)))
    }

    /// Waits where a broken store lets others in.
    async fn gap(&self, defect: Defect) {
        if self.is(defect) {
            yield_now().await;
        }
    }
}

impl Entry {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.end.is_none_or(|end| end > now)
    }
}

impl Store for Broken {
    type Error = NoSuchKey;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, NoSuchKey> {
        self.wait().await;
        if self.is(Defect::NulFails) && load.id.as_str().contains('\0') {
            return Err(NoSuchKey("it has NUL".into()));
        }
        let revives = self.is(Defect::RefreshRevives) && load.refresh.is_some();
        let extends = self.is(Defect::RefreshOnlyExtends) && load.refresh.is_some();
        if let (Some(refresh), true) = (load.refresh, extends) {
            let mut records = self.lock();
            let end = load.now.plus_millis(refresh.as_millis().try_into().expect("short"));
            if let Some(entry) = records.by_id.get_mut(&load.id).filter(|e| e.is_alive(load.now)) {
                entry.end = entry.end.and_then(|there| Some(there.max(end?)));
            }
        }
        let found = {
            let records = self.lock();
            let entry = records.by_id.get(&self.key(&load.id));
            let entry = entry.filter(|entry| entry.is_alive(load.now) || revives);
            entry.map(|entry| self.stored(entry))
        };
        yield_now().await;
        Ok(found.map(|mut stored| {
            if load.tell_end && self.is(Defect::TellsOldEnd) {
                stored.expires = load.now.plus_millis(3_600_000);
            }
            stored.refreshed = load.refresh.is_some() && self.is(Defect::RefreshNotDone) || extends;
            stored
        }))
    }

    async fn save(&self, save: &Save) -> Result<Written, NoSuchKey> {
        self.wait().await;
        if self.is(Defect::ShowsIds) && save.id.as_str().contains('\0') {
            return Err(NoSuchKey(save.id.as_str().into()));
        }
        if self.is(Defect::SmallRecords) && save.record.to_json().len() > 65_536 {
            return Err(NoSuchKey("too long".into()));
        }
        let id = self.key(&save.id);
        let expired = {
            let records = self.lock();
            records.by_id.get(&id).is_some_and(|entry| !entry.is_alive(save.now))
        };
        let twice = self.is(Defect::ReplacesExpiredTwice) && expired;
        let written = if self.is(Defect::ChecksThenWrites) || twice {
            let refusal = self.refusal(&self.lock(), &id, &save.expect, save.now);
            yield_now().await;
            refusal.unwrap_or_else(|| self.write(&mut self.lock(), id, &save.record, save.now))
        } else {
            let mut records = self.lock();
            let refusal = self.refusal(&records, &id, &save.expect, save.now);
            if self.is(Defect::RefusalRenews)
                && let Some(there) = records.by_id.get_mut(&id)
                && there.is_alive(save.now)
            {
                there.end = save.record.expires();
            }
            refusal.unwrap_or_else(|| self.write(&mut records, id, &save.record, save.now))
        };
        yield_now().await;
        Ok(written)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, NoSuchKey> {
        self.wait().await;
        let (from, to, now) = (self.key(&rotate.from), self.key(&rotate.to), rotate.now);
        let mut written = None;
        {
            let mut records = self.lock();
            let old = self.found(&records, &from, now).cloned();
            let taken = records.by_id.get(&to).is_some_and(|entry| entry.is_alive(now));
            if self.is(Defect::TargetFirst) && taken {
                return Ok(Written::Exists);
            }
            if self.is(Defect::RotationNeedsOld) && old.is_none() {
                return Ok(Written::Gone);
            }
            if !self.is(Defect::RotationIgnoresExpect)
                && let Some(refusal) = self.refusal(&records, &from, &rotate.expect, now)
            {
                return Ok(refusal);
            }
            let overwrites = self.is(Defect::RotationOverwrites)
                || self.is(Defect::RotationOntoItselfSaves) && from == to;
            if taken && !overwrites {
                return Ok(Written::Exists);
            }
            if !self.is(Defect::InsertsThenDeletes) && !self.is(Defect::RotationKeepsOld) {
                records.by_id.remove(&from);
            }
            if !self.is(Defect::DeletesThenInserts) {
                written = Some(self.write(&mut records, to.clone(), &rotate.record, now));
                if let Some(new) = records.by_id.get_mut(&to)
                    && self.is(Defect::RotationKeepsEnd)
                {
                    new.end = old.and_then(|old| old.end).or(new.end);
                }
            }
        }
        self.gap(Defect::DeletesThenInserts).await;
        self.gap(Defect::InsertsThenDeletes).await;
        let mut records = self.lock();
        if self.is(Defect::InsertsThenDeletes) {
            records.by_id.remove(&from);
        }
        Ok(written.unwrap_or_else(|| self.write(&mut records, to, &rotate.record, now)))
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, NoSuchKey> {
        self.wait().await;
        assert!(!self.is(Defect::PanicsOnTouch), "not done yet");
        let id = self.key(&touch.id);
        let entry = {
            let mut records = self.lock();
            records.next_version += 1;
            let revives = self.is(Defect::TouchRevives);
            let alive = |entry: &&Entry| entry.is_alive(touch.now) || revives;
            let Some(mut entry) = records.by_id.get(&id).filter(alive).cloned() else {
                if self.is(Defect::TouchInserts) {
                    let text = format!(r#"{{"cookie":{},"n":1}}"#, touch.cookie.to_json());
                    let record = Record::from_json(&text).expect("a record");
                    let _ = self.write(&mut records, id, &record, touch.now);
                    return Ok(Touched::Alive);
                }
                return Ok(Touched::Gone);
            };
            let version = self.version(&entry);
            if self.is(Defect::IgnoresTouch)
                || touch.version.as_ref().is_some_and(|loaded| *loaded != version)
            {
                return Ok(Touched::Alive);
            }
            let text = entry.record.clone();
            entry.record.touch(touch);
            entry.end = self.end(&entry.record, None, touch.now);
            if self.is(Defect::ComparesBeginnings) {
                entry.record = text;
            }
            if self.is(Defect::TouchLosesData) {
                let text = format!(r#"{{"cookie":{}}}"#, touch.cookie.to_json());
                entry.record = Record::from_json(&text).expect("a record");
            }
            if self.is(Defect::TouchIsAWrite) {
                entry.version = records.next_version;
            }
            if !self.is(Defect::TouchWritesBack) {
                records.by_id.insert(id.clone(), entry.clone());
            }
            entry
        };
        self.gap(Defect::TouchWritesBack).await;
        if self.is(Defect::TouchWritesBack) {
            self.lock().by_id.insert(id, entry);
        }
        Ok(Touched::Alive)
    }

    async fn delete(&self, delete: &Delete) -> Result<(), NoSuchKey> {
        self.wait().await;
        {
            let mut records = self.lock();
            records.deletes += 1;
            if self.is(Defect::DeletesByPrefix) {
                let start = delete.id.as_str();
                records.by_id.retain(|id, _| !id.as_str().starts_with(start));
            }
            if !self.is(Defect::DeletesEverySecondTime) || records.deletes.is_multiple_of(2) {
                let removed = records.by_id.remove(&self.key(&delete.id));
                if self.is(Defect::DeleteOfNothingFails) && removed.is_none() {
                    return Err(NoSuchKey("deleted".into()));
                }
            }
        }
        yield_now().await;
        Ok(())
    }
}
