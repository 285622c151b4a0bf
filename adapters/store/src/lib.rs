#![doc = include_str!("../README.md")]

mod deadline;
mod driver;
mod env;
mod flash;
mod memory;
pub mod prelude;
mod queue;
mod session;
mod store;
mod sweep;
pub mod testing;

pub use http;
pub use http_session as core;

pub use self::deadline::{Deadline, DeadlineError};
pub use self::driver::{Sessions, report, to_the_end};
pub use self::env::{Env, OsEnv, SecretFromEnvError, secret_from_env};
pub use self::flash::Flash;
pub use self::memory::{Full, MemoryStore};
pub use self::session::{AbandonOnDrop, Main, Session};
pub(crate) use self::store::ErasedStore;
pub use self::store::{AtomicRotation, Error, Store, StoreError};
pub use self::sweep::{Sweep, Sweeper};
