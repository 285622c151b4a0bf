//! The trait that a store implements, and the form without a type parameter.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use derive_where::derive_where;
use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};

/// Where records are kept.
///
/// Each method is one operation of the core and its reply: a store translates, and decides
/// nothing. What each must do stands with its operation type. All of them may be called at the same
/// time; a conditional write checks and writes as one step. An error means that the operation may
/// or may not have been carried out: it is never retried here.
///
/// An implementation writes `async fn load(&self, op: &Load) -> …`; the futures must be `Send`. A
/// store is a handle: give it a cheap `Clone`, so that layers and jobs can have it in common.
pub trait Store: Send + Sync {
    /// What the store reports when it fails. It should not show ids or data.
    type Error: StdError + Send + Sync + 'static;

    /// Finds a record. A malformed key is `None`, an error is an outage.
    fn load(&self, op: &Load) -> impl Future<Output = Result<Option<Stored>, Self::Error>> + Send;

    /// Writes a record.
    fn save(&self, op: &Save) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Moves a session to a new id.
    fn rotate(&self, op: &Rotate) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Lets a record live on.
    fn touch(&self, op: &Touch) -> impl Future<Output = Result<Touched, Self::Error>> + Send;

    /// Deletes a record.
    fn delete(&self, op: &Delete) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A store whose [`Rotate`] is one step, whatever fails and whenever: the old id lives or the new one, never
/// both and never neither. A store without it makes the new record and then deletes the old one: if it or
/// the process ends in between, the old id lives on until its expiry.
///
/// An application for which that is not good enough asks for `impl Store + AtomicRotation`.
pub trait AtomicRotation: Store {}

/// A future of an [`ErasedStore`].
pub(crate) type StoreFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`Store`] whose type is forgotten: every store is one. [`Session`](crate::Session) holds it,
/// so that applications need not name their store in every handler.
pub(crate) trait ErasedStore: Send + Sync {
    /// As [`Store::load`].
    fn load<'a>(&'a self, op: &'a Load) -> StoreFuture<'a, Option<Stored>>;

    /// As [`Store::save`].
    fn save<'a>(&'a self, op: &'a Save) -> StoreFuture<'a, Written>;

    /// As [`Store::rotate`].
    fn rotate<'a>(&'a self, op: &'a Rotate) -> StoreFuture<'a, Written>;

    /// As [`Store::touch`].
    fn touch<'a>(&'a self, op: &'a Touch) -> StoreFuture<'a, Touched>;

    /// As [`Store::delete`].
    fn delete<'a>(&'a self, op: &'a Delete) -> StoreFuture<'a, ()>;
}

impl<S: Store> ErasedStore for S {
    fn load<'a>(&'a self, op: &'a Load) -> StoreFuture<'a, Option<Stored>> {
        Box::pin(async { Store::load(self, op).await.map_err(StoreError::new) })
    }

    fn save<'a>(&'a self, op: &'a Save) -> StoreFuture<'a, Written> {
        Box::pin(async { Store::save(self, op).await.map_err(StoreError::new) })
    }

    fn rotate<'a>(&'a self, op: &'a Rotate) -> StoreFuture<'a, Written> {
        Box::pin(async { Store::rotate(self, op).await.map_err(StoreError::new) })
    }

    fn touch<'a>(&'a self, op: &'a Touch) -> StoreFuture<'a, Touched> {
        Box::pin(async { Store::touch(self, op).await.map_err(StoreError::new) })
    }

    fn delete<'a>(&'a self, op: &'a Delete) -> StoreFuture<'a, ()> {
        Box::pin(async { Store::delete(self, op).await.map_err(StoreError::new) })
    }
}

/// Why a session could not be loaded, used or saved.
pub type Error = http_session::Error<StoreError>;

/// A store's own error, whatever its type: [`source`](StdError::source) gives it back. Clones are the same
/// error, which is [reported](crate::report) once.
#[derive(Clone)]
#[derive_where(Debug)]
pub struct StoreError {
    #[derive_where(skip(Debug))]
    reported: Arc<AtomicBool>,
    source: Arc<dyn StdError + Send + Sync>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session store failed")
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

impl StoreError {
    /// Wraps a store's error.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { reported: Arc::default(), source: error.into().into() }
    }

    /// Is this the first time that it is to be reported?
    pub(crate) fn is_news(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }
}
