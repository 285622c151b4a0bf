#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::todo,
    clippy::unreachable,
    clippy::unwrap_used
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod config;
mod cookie;
mod error;
mod exchange;
mod id;
mod plan;
mod record;
mod request;
mod session;
mod signature;
pub mod store;
mod time;

pub use self::config::{Config, ConfigBuilder, Proxy, Unset};
pub use self::cookie::{
    CookieOptions, CookieTemplate, Expires, Priority, SameSite, Secure, SessionCookie,
};
pub use self::error::{ConfigError, CookieError, DataError, Failure, IdError, RecordError};
pub use self::exchange::{Action, Ask, Begin, Create, Exchange, Lookup, Origin, Pending};
pub use self::id::{IdText, SessionId};
pub use self::plan::{
    Closing, CookieAction, Decision, Facts, Outcome, Plan, Reason, Saved, StoreAction, decide,
};
pub use self::record::Record;
pub use self::request::{Connection, Rejected, RequestFacts, cookie_lines};
pub use self::session::Session;
pub use self::signature::Secret;
pub use self::time::Timestamp;
