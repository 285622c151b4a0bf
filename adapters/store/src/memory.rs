//! Sessions in the memory of this process.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{error, fmt};

use http_session::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session::{Record, SessionId, Timestamp};

use crate::store::{BlockingStore, Store};

/// Keeps records in memory: for development, tests, and services of one process that may forget
/// their sessions when they restart.
///
/// A record is gone at the moment when its cookie expires (B-200); one that says nothing of its end
/// stays (B-201). Expired ones are swept when the number of records has doubled since the last
/// sweep. There is a bound, 1,000,000 records unless set otherwise: beyond it a new record is
/// refused ([`Full`]), so that a flood of new sessions does not push out the old ones.
pub struct MemoryStore {
    records: Mutex<Records>,
}

struct Records {
    by_id: HashMap<SessionId, Entry>,
    capacity: usize,
    next_version: u64,
    sweep_at: usize,
}

struct Entry {
    record: Record,
    version: u64,
}

const FIRST_SWEEP: usize = 1_024;

impl MemoryStore {
    /// A store with room for 1,000,000 records.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(1_000_000)
    }

    /// A store with room for `capacity` records.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            records: Mutex::new(Records {
                by_id: HashMap::new(),
                capacity,
                next_version: 0,
                sweep_at: FIRST_SWEEP,
            }),
        }
    }

    /// All records that are alive at `now`; expired ones are removed (B-204).
    #[must_use]
    pub fn all(&self, now: Timestamp) -> Vec<(SessionId, Record)> {
        let mut records = self.lock();
        records.sweep(now);
        records.by_id.iter().map(|(id, entry)| (id.clone(), entry.record.clone())).collect()
    }

    /// How many records are alive at `now`; expired ones are removed (B-204).
    #[must_use]
    pub fn len(&self, now: Timestamp) -> usize {
        let mut records = self.lock();
        records.sweep(now);
        records.by_id.len()
    }

    /// Removes all records (B-204).
    pub fn clear(&self) {
        self.lock().by_id.clear();
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the memory store is full: raise its capacity, or give sessions a max_age")
    }
}

impl error::Error for Full {}

impl Records {
    fn sweep(&mut self, now: Timestamp) {
        self.by_id.retain(|_, entry| entry.is_alive(now));
        self.sweep_at = self.by_id.len().saturating_mul(2).max(FIRST_SWEEP);
    }

    /// The record of `id`, if it is alive; if it has expired, it is removed.
    fn alive(&mut self, id: &SessionId, now: Timestamp) -> Option<&mut Entry> {
        match self.by_id.entry(id.clone()) {
            Slot::Occupied(slot) if slot.get().is_alive(now) => Some(slot.into_mut()),
            Slot::Occupied(slot) => {
                slot.remove();
                None
            }
            Slot::Vacant(_) => None,
        }
    }

    /// What a write answers if `expect` does not hold.
    fn refusal(&mut self, id: &SessionId, expect: &Expect, now: Timestamp) -> Option<Written> {
        match (expect, self.alive(id, now)) {
            (Expect::Anything, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => None,
            (Expect::Absent, Some(_)) => Some(Written::Exists),
            (Expect::Present | Expect::Version(_), None) => Some(Written::Gone),
            (Expect::Version(version), Some(entry)) => {
                (*version != entry.version()).then(|| Written::Changed(entry.stored()))
            }
        }
    }

    fn write(&mut self, id: &SessionId, record: &Record, now: Timestamp) -> Result<Written, Full> {
        if !self.by_id.contains_key(id) {
            if self.by_id.len() >= self.sweep_at.min(self.capacity) {
                self.sweep(now);
            }
            if self.by_id.len() >= self.capacity {
                return Err(Full);
            }
        }
        self.next_version = self.next_version.wrapping_add(1);
        let entry = Entry { record: record.clone(), version: self.next_version };
        let version = entry.version();
        self.by_id.insert(id.clone(), entry);
        Ok(Written::Saved(Some(version)))
    }
}

impl Entry {
    /// Equality is expired (B-200).
    fn is_alive(&self, now: Timestamp) -> bool {
        self.record.expires().is_none_or(|end| end > now)
    }

    fn stored(&self) -> Stored {
        let mut stored = Stored::new(self.record.text());
        stored.version = Some(self.version());
        stored
    }

    fn version(&self) -> Version {
        Version::new(self.version.to_be_bytes())
    }
}

impl BlockingStore for MemoryStore {
    type Error = Full;

    fn load(&self, load: &Load) -> Result<Option<Stored>, Full> {
        Ok(self.lock().alive(&load.id, load.now).map(|entry| entry.stored()))
    }

    fn save(&self, save: &Save) -> Result<Written, Full> {
        let mut records = self.lock();
        match records.refusal(&save.id, &save.expect, save.now) {
            Some(refusal) => Ok(refusal),
            None => records.write(&save.id, &save.record, save.now),
        }
    }

    fn rotate(&self, rotate: &Rotate) -> Result<Written, Full> {
        let mut records = self.lock();
        if let Some(refusal) = records.refusal(&rotate.from, &rotate.expect, rotate.now) {
            return Ok(refusal);
        }
        if records.alive(&rotate.to, rotate.now).is_some() {
            return Ok(Written::Exists);
        }
        // The old record makes room for the new one: this can't be full.
        records.by_id.remove(&rotate.from);
        records.write(&rotate.to, &rotate.record, rotate.now)
    }

    fn touch(&self, touch: &Touch) -> Result<Touched, Full> {
        Ok(match self.lock().alive(&touch.id, touch.now) {
            None => Touched::Gone,
            Some(entry) => {
                // What was written here is JSON: it can be read.
                if let Ok(record) = entry.record.with_cookie(&touch.cookie) {
                    entry.record = record;
                }
                Touched::Alive
            }
        })
    }

    fn delete(&self, delete: &Delete) -> Result<(), Full> {
        self.lock().by_id.remove(&delete.id);
        Ok(())
    }
}

impl Store for MemoryStore {
    type Error = Full;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Full> {
        BlockingStore::load(self, load)
    }

    async fn save(&self, save: &Save) -> Result<Written, Full> {
        BlockingStore::save(self, save)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Full> {
        BlockingStore::rotate(self, rotate)
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Full> {
        BlockingStore::touch(self, touch)
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Full> {
        BlockingStore::delete(self, delete)
    }
}

#[cfg(test)]
mod tests;
