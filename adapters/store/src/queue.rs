//! Taking turns, where parallel writes of a session got into each other's way.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::thread::sleep;
use std::time::Duration;

use http_session::SessionId;
use parking_lot::Mutex as Lock;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Where the writes of a session wait, in this process, while one that came too late is tried again: so
/// that it then fails for other processes' writes at most, and for those that had begun. Those of another
/// session don't wait, even if the store hangs.
#[derive(Default)]
pub(crate) struct Queue(Lock<HashMap<SessionId, Weak<Mutex<()>>>>);

type Turn = OwnedMutexGuard<()>;

impl Queue {
    /// The turn of a write that came too late `tries` times, unless it has had it since: for the first try
    /// only if somebody else has it.
    ///
    /// A try at once is the most likely to succeed: what it must expect was in the reply to the one before.
    /// But many processes would go on in step. So before each second one it waits, longer and longer.
    pub(crate) async fn turn(&self, had: Option<Turn>, id: &SessionId, tries: u32) -> Option<Turn> {
        if tries > 0 && tries.is_multiple_of(2) {
            pause(tries).await;
        }
        if had.is_some() {
            return had;
        }
        let lock = self.lock(id, tries > 0)?;
        match lock.clone().try_lock_owned() {
            Ok(_) if tries == 0 => None,
            Ok(turn) => Some(turn),
            Err(_) => Some(lock.lock_owned().await),
        }
    }

    /// The session's lock, for as long as somebody has it or waits for it; a new one if it is to be made.
    fn lock(&self, id: &SessionId, make: bool) -> Option<Arc<Mutex<()>>> {
        let mut locks = self.0.lock();
        let found = locks.get(id).and_then(Weak::upgrade);
        if found.is_some() || !make {
            return found;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let made = Arc::default();
        locks.insert(id.clone(), Arc::downgrade(&made));
        Some(made)
    }
}

/// Waits for a random time of at most 16 ms, then 32, and so on to 512 ms.
async fn pause(tries: u32) {
    let millis = getrandom::u32().unwrap_or_default() % (8 << (tries / 2).min(6));
    // Not by the runtime's timer: the runtime may have none.
    if let Ok(runtime) = Handle::try_current() {
        let wait = move || sleep(Duration::from_millis(millis.into()));
        let _ = runtime.spawn_blocking(wait).await;
    }
}
