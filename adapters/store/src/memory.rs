//! Sessions in the memory of this process.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_session::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session::{Record, SessionId, Timestamp};

use crate::{AtomicRotation, Store};

/// Keeps records in memory: for development, tests, and services of one process that may forget
/// their sessions when they restart. Clones are the same store.
///
/// A record is gone at the moment when its cookie or its timeout ends it (B-200). One that says nothing
/// of its end stays (B-201): under `Config::express`, give sessions a `max_age` or timeouts. There is a
/// bound, 1,000,000 records unless set otherwise: beyond it a new record is refused ([`Full`]), so that a
/// flood of new sessions does not push out the old ones.
#[derive(Clone)]
pub struct MemoryStore {
    records: Arc<Mutex<Records>>,
}

struct Records {
    /// When each record that has an end expires.
    by_end: BTreeSet<(Timestamp, SessionId)>,
    by_id: HashMap<SessionId, Entry>,
    capacity: usize,
    next_version: u64,
}

struct Entry {
    record: Record,
    version: u64,
}

impl MemoryStore {
    /// A store with room for 1,000,000 records.
    pub fn new() -> Self {
        Self::with_capacity(1_000_000)
    }

    /// A store with room for `capacity` records.
    pub fn with_capacity(capacity: usize) -> Self {
        let (by_end, by_id) = (BTreeSet::new(), HashMap::new());
        Self { records: Arc::new(Mutex::new(Records { by_end, by_id, capacity, next_version: 0 })) }
    }

    /// All records that are alive at `now`; expired ones are removed (B-204).
    pub fn all(&self, now: Timestamp) -> Vec<(SessionId, Record)> {
        let records = self.lock_at(now);
        records.by_id.iter().map(|(id, entry)| (id.clone(), entry.record.clone())).collect()
    }

    /// How many records are alive at `now`; expired ones are removed (B-204).
    pub fn len(&self, now: Timestamp) -> usize {
        self.lock_at(now).by_id.len()
    }

    /// Removes all records (B-204).
    pub fn clear(&self) {
        let mut records = self.lock();
        records.by_end.clear();
        records.by_id.clear();
    }

    /// The records that are alive at `now`.
    fn lock_at(&self, now: Timestamp) -> MutexGuard<'_, Records> {
        let mut records = self.lock();
        records.expire(now);
        records
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // Nothing panics while it is held.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("records", &self.lock().by_id.len()).finish()
    }
}

/// A [`MemoryStore`] has no room for a new record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the memory store is full: raise its capacity, or give sessions a max_age")]
pub struct Full;

impl Records {
    /// Removes what has expired by `now`: equality is expired (B-200).
    fn expire(&mut self, now: Timestamp) {
        while self.by_end.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, id)) = self.by_end.pop_first() {
                self.by_id.remove(&id);
            }
        }
    }

    fn remove(&mut self, id: &SessionId) -> Option<Entry> {
        let entry = self.by_id.remove(id)?;
        if let Some(end) = entry.record.expires() {
            self.by_end.remove(&(end, id.clone()));
        }
        Some(entry)
    }

    fn insert(&mut self, id: &SessionId, entry: Entry) {
        self.remove(id);
        if let Some(end) = entry.record.expires() {
            self.by_end.insert((end, id.clone()));
        }
        self.by_id.insert(id.clone(), entry);
    }

    /// What a write answers if `expect` does not hold.
    fn refusal(&self, id: &SessionId, expect: &Expect) -> Option<Written> {
        match (expect, self.by_id.get(id)) {
            (Expect::Anything, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => None,
            (Expect::Absent, Some(_)) => Some(Written::Exists),
            (Expect::Present | Expect::Version(_), None) => Some(Written::Gone),
            (Expect::Version(version), Some(entry)) => {
                (*version != entry.version()).then(|| Written::Changed(entry.stored()))
            }
        }
    }

    fn write(&mut self, id: &SessionId, record: &Record) -> Result<Written, Full> {
        if self.by_id.len() >= self.capacity && !self.by_id.contains_key(id) {
            return Err(Full);
        }
        self.next_version = self.next_version.wrapping_add(1);
        let entry = Entry { record: record.clone(), version: self.next_version };
        let version = entry.version();
        self.insert(id, entry);
        Ok(Written::Saved(Some(version)))
    }
}

impl Entry {
    fn stored(&self) -> Stored {
        let (expires, version) = (self.record.expires(), Some(self.version()));
        Stored { expires, version, ..Stored::new(self.record.to_json()) }
    }

    fn version(&self) -> Version {
        Version(Box::new(self.version.to_be_bytes()))
    }
}

impl Store for MemoryStore {
    type Error = Full;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Full> {
        Ok(self.lock_at(load.now).by_id.get(&load.id).map(Entry::stored))
    }

    async fn save(&self, save: &Save) -> Result<Written, Full> {
        let mut records = self.lock_at(save.now);
        match records.refusal(&save.id, &save.expect) {
            Some(refusal) => Ok(refusal),
            None => records.write(&save.id, &save.record),
        }
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Full> {
        let mut records = self.lock_at(rotate.now);
        if let Some(refusal) = records.refusal(&rotate.from, &rotate.expect) {
            return Ok(refusal);
        }
        if records.by_id.contains_key(&rotate.to) {
            return Ok(Written::Exists);
        }
        // The old record, if there is one, makes room for the new one.
        records.remove(&rotate.from);
        records.write(&rotate.to, &rotate.record)
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Full> {
        let mut records = self.lock_at(touch.now);
        let Some(entry) = records.by_id.get(&touch.id) else { return Ok(Touched::Gone) };
        let version = entry.version();
        if touch.version.as_ref().is_none_or(|loaded| *loaded == version)
            && let Some(mut entry) = records.remove(&touch.id)
        {
            entry.record.touch(touch);
            records.insert(&touch.id, entry);
        }
        Ok(Touched::Alive)
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Full> {
        self.lock().remove(&delete.id);
        Ok(())
    }
}

impl AtomicRotation for MemoryStore {}

#[cfg(test)]
mod tests;
