//! Taking turns, where parallel writes of a session got into each other's way.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::thread::sleep;
use std::time::Duration;

use http_session::SessionId;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};

/// Where the writes of a session wait, in this process, while one that came too late is tried again: so
/// that it then fails for other processes' writes at most, and for those that had begun.
#[derive(Default)]
pub(crate) struct Queue([Mutex<()>; 32]);

type Turn<'a> = MutexGuard<'a, ()>;

impl Queue {
    /// The turn of a write that came too late `tries` times, unless it has had it since: for the first try
    /// only if somebody else has it.
    ///
    /// A try at once is the most likely to succeed: what it must expect was in the reply to the one before.
    /// But many processes would go on in step. So before each second one it waits, longer and longer.
    pub(crate) async fn turn<'a>(
        &'a self,
        had: Option<Turn<'a>>,
        id: &SessionId,
        tries: u32,
    ) -> Option<Turn<'a>> {
        if tries > 0 && tries.is_multiple_of(2) {
            pause(tries).await;
        }
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let lock = self.0.get(usize::try_from(hasher.finish() % 32).ok()?)?;
        match (had, lock.try_lock()) {
            (None, Ok(_)) if tries == 0 => None,
            (None, Err(_)) => Some(lock.lock().await),
            (None, Ok(turn)) | (Some(turn), _) => Some(turn),
        }
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
