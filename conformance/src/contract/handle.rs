//! A store whose type is forgotten, and how one is opened.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session_store::{Store, StoreError};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`Store`] without its type: the checks are compiled once, and not for each store.
pub(super) trait Handle: Send + Sync {
    fn load<'a>(&'a self, op: &'a Load) -> Answer<'a, Option<Stored>>;
    fn save<'a>(&'a self, op: &'a Save) -> Answer<'a, Written>;
    fn rotate<'a>(&'a self, op: &'a Rotate) -> Answer<'a, Written>;
    fn touch<'a>(&'a self, op: &'a Touch) -> Answer<'a, Touched>;
    fn delete<'a>(&'a self, op: &'a Delete) -> Answer<'a, ()>;
}

impl<S: Store> Handle for S {
    fn load<'a>(&'a self, op: &'a Load) -> Answer<'a, Option<Stored>> {
        Box::pin(async { Store::load(self, op).await.map_err(StoreError::new) })
    }

    fn save<'a>(&'a self, op: &'a Save) -> Answer<'a, Written> {
        Box::pin(async { Store::save(self, op).await.map_err(StoreError::new) })
    }

    fn rotate<'a>(&'a self, op: &'a Rotate) -> Answer<'a, Written> {
        Box::pin(async { Store::rotate(self, op).await.map_err(StoreError::new) })
    }

    fn touch<'a>(&'a self, op: &'a Touch) -> Answer<'a, Touched> {
        Box::pin(async { Store::touch(self, op).await.map_err(StoreError::new) })
    }

    fn delete<'a>(&'a self, op: &'a Delete) -> Answer<'a, ()> {
        Box::pin(async { Store::delete(self, op).await.map_err(StoreError::new) })
    }
}

/// Opens stores by name.
pub(super) trait Open {
    fn open<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Arc<dyn Handle>> + 'a>>;
}

/// An author's function that opens stores.
pub(super) struct Factory<F, S> {
    open: F,
    store: PhantomData<fn() -> S>,
}

impl<F, S> Factory<F, S> {
    pub(super) const fn new(open: F) -> Self {
        Self { open, store: PhantomData }
    }
}

impl<F: AsyncFn(&str) -> S, S: Store + 'static> Open for Factory<F, S> {
    fn open<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = Arc<dyn Handle>> + 'a>> {
        Box::pin(async move {
            let store: Arc<dyn Handle> = Arc::new((self.open)(name).await);
            store
        })
    }
}
