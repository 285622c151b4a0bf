#![doc = include_str!("../README.md")]

pub mod blocking;
mod env;
mod error;
mod memory;
mod session;
mod sessions;
mod store;
pub mod testing;

pub use http_session as core;

pub use self::env::{Env, OsEnv, SecretFromEnvError, secret_from_env};
pub use self::error::{Error, StoreError};
pub use self::memory::{Full, MemoryStore};
pub use self::session::{Main, Session};
pub use self::sessions::{Sessions, to_the_end};
pub use self::store::{BlockingStore, ErasedStore, Store, StoreFuture};
