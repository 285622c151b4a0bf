//! What applications use, whatever their framework: each adapter exports all of it.

pub use http_session::{
    self as core, Config, ConfigBuilder, ConfigError, Conflict, Connection, CookieOptions,
    DataError, Finding, Origin, Outcome, Proxy, SameSite, Secret, Secure, SessionId, Timeouts,
    Timestamp, Unset,
};

pub use crate::{
    Deadline, Env, Flash, Main, MemoryStore, Sessions, Store, Sweeper, secret_from_env, testing,
};
