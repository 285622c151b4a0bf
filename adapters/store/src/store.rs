//! The trait that a store implements, its blocking twin, and the form without a type parameter.

use std::pin::Pin;
use std::sync::Arc;
use std::{error, fmt};

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};

use crate::error::StoreError;

/// Where records are kept.
///
/// Each method is one operation of the core and its reply: a store translates, and decides
/// nothing. What each must do stands with its operation type. All of them may be called at the same
/// time; a conditional write checks and writes as one step. An error means that the operation may
/// or may not have been carried out: it is never retried here.
///
/// An implementation writes `async fn load(&self, …)`; the futures must be `Send`.
pub trait Store: Send + Sync + 'static {
    /// What the store reports when it fails. It should not show ids or data.
    type Error: error::Error + Send + Sync + 'static;

    /// Finds a record ([`Load`]). A malformed key is `None`, an error is an outage.
    fn load(&self, load: &Load)
    -> impl Future<Output = Result<Option<Stored>, Self::Error>> + Send;

    /// Writes a record ([`Save`]).
    fn save(&self, save: &Save) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Moves a session to a new id ([`Rotate`]).
    fn rotate(&self, rotate: &Rotate) -> impl Future<Output = Result<Written, Self::Error>> + Send;

    /// Lets a record live on ([`Touch`]).
    fn touch(&self, touch: &Touch) -> impl Future<Output = Result<Touched, Self::Error>> + Send;

    /// Deletes a record ([`Delete`]).
    fn delete(&self, delete: &Delete) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// [`Store`] for hosts that block: the same operations, the same replies.
pub trait BlockingStore: Send + Sync + 'static {
    /// As [`Store::Error`].
    type Error: error::Error + Send + Sync + 'static;

    /// As [`Store::load`].
    ///
    /// # Errors
    /// The store failed.
    fn load(&self, load: &Load) -> Result<Option<Stored>, Self::Error>;

    /// As [`Store::save`].
    ///
    /// # Errors
    /// The store failed.
    fn save(&self, save: &Save) -> Result<Written, Self::Error>;

    /// As [`Store::rotate`].
    ///
    /// # Errors
    /// The store failed.
    fn rotate(&self, rotate: &Rotate) -> Result<Written, Self::Error>;

    /// As [`Store::touch`].
    ///
    /// # Errors
    /// The store failed.
    fn touch(&self, touch: &Touch) -> Result<Touched, Self::Error>;

    /// As [`Store::delete`].
    ///
    /// # Errors
    /// The store failed.
    fn delete(&self, delete: &Delete) -> Result<(), Self::Error>;
}

/// A future of an [`ErasedStore`].
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`Store`] whose type is forgotten: every store is one. [`Session`](crate::Session) holds it,
/// so that applications need not name their store in every handler.
pub trait ErasedStore: Send + Sync + 'static {
    /// [`Store::load`].
    fn load<'a>(&'a self, load: &'a Load) -> StoreFuture<'a, Option<Stored>>;

    /// [`Store::save`].
    fn save<'a>(&'a self, save: &'a Save) -> StoreFuture<'a, Written>;

    /// [`Store::rotate`].
    fn rotate<'a>(&'a self, rotate: &'a Rotate) -> StoreFuture<'a, Written>;

    /// [`Store::touch`].
    fn touch<'a>(&'a self, touch: &'a Touch) -> StoreFuture<'a, Touched>;

    /// [`Store::delete`].
    fn delete<'a>(&'a self, delete: &'a Delete) -> StoreFuture<'a, ()>;
}

impl<S: Store> ErasedStore for S {
    fn load<'a>(&'a self, load: &'a Load) -> StoreFuture<'a, Option<Stored>> {
        Box::pin(async { Store::load(self, load).await.map_err(StoreError::new) })
    }

    fn save<'a>(&'a self, save: &'a Save) -> StoreFuture<'a, Written> {
        Box::pin(async { Store::save(self, save).await.map_err(StoreError::new) })
    }

    fn rotate<'a>(&'a self, rotate: &'a Rotate) -> StoreFuture<'a, Written> {
        Box::pin(async { Store::rotate(self, rotate).await.map_err(StoreError::new) })
    }

    fn touch<'a>(&'a self, touch: &'a Touch) -> StoreFuture<'a, Touched> {
        Box::pin(async { Store::touch(self, touch).await.map_err(StoreError::new) })
    }

    fn delete<'a>(&'a self, delete: &'a Delete) -> StoreFuture<'a, ()> {
        Box::pin(async { Store::delete(self, delete).await.map_err(StoreError::new) })
    }
}

impl fmt::Debug for dyn ErasedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// A store that several layers, or a layer and a job, have in common.
impl<S: Store> Store for Arc<S> {
    type Error = S::Error;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Self::Error> {
        Store::load(&**self, load).await
    }

    async fn save(&self, save: &Save) -> Result<Written, Self::Error> {
        Store::save(&**self, save).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Self::Error> {
        Store::rotate(&**self, rotate).await
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Self::Error> {
        Store::touch(&**self, touch).await
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Self::Error> {
        Store::delete(&**self, delete).await
    }
}
