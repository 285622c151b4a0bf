//! A bound for the time that a store may take.

use std::error::Error as StdError;
use std::time::Duration;

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};

use crate::{AtomicRotation, Store};

/// A store whose every answer comes within a time: what takes longer is an error.
///
/// A write that took too long may have been done, or may be done later: nobody knows. The client gets a
/// 500 and no session cookie, and the write is not tried again. A load that took too long is a failed
/// request, like any other failed load, and its handler does not run.
///
/// ```
/// # use std::time::Duration;
/// # use http_session_store::{Deadline, MemoryStore};
/// let store = Deadline::new(MemoryStore::new(), Duration::from_secs(2));
/// ```
///
/// It needs a tokio runtime with its timer, as `#[tokio::main]` makes one.
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    limit: Duration,
    store: S,
}

impl<S> Deadline<S> {
    /// Each operation of `store` may take this long.
    pub const fn new(store: S, limit: Duration) -> Self {
        Self { limit, store }
    }

    async fn within<T, E>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DeadlineError<E>>
    where
        E: StdError + 'static,
    {
        let answer = tokio::time::timeout(self.limit, answer).await;
        answer.map_err(|_| DeadlineError::Elapsed(self.limit))?.map_err(DeadlineError::Store)
    }
}

/// Why a store under a [`Deadline`] failed.
#[derive(Debug, thiserror::Error)]
pub enum DeadlineError<E: StdError + 'static> {
    /// It did not answer in this time. A write may have been done all the same.
    #[error("the session store did not answer within {0:?}")]
    Elapsed(Duration),
    /// It answered with its own error.
    #[error(transparent)]
    Store(E),
}

impl<S: Store> Store for Deadline<S> {
    type Error = DeadlineError<S::Error>;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Self::Error> {
        self.within(self.store.load(load)).await
    }

    async fn save(&self, save: &Save) -> Result<Written, Self::Error> {
        self.within(self.store.save(save)).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Self::Error> {
        self.within(self.store.rotate(rotate)).await
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Self::Error> {
        self.within(self.store.touch(touch)).await
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Self::Error> {
        self.within(self.store.delete(delete)).await
    }
}

impl<S: AtomicRotation> AtomicRotation for Deadline<S> {}
