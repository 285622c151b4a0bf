#![doc = include_str!("../README.md")]
#![deny(missing_docs, clippy::arithmetic_side_effects, clippy::disallowed_macros)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::expect_used)]
#![deny(clippy::indexing_slicing, clippy::panic, clippy::string_slice, clippy::todo)]
#![deny(clippy::unimplemented, clippy::unreachable, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

#[macro_use]
mod macros;

mod audit;
mod config;
mod cookie;
mod cookie_options;
mod error;
mod exchange;
mod id;
mod plan;
mod record;
mod request;
mod session;
mod signature;
pub mod store;
#[cfg(test)]
#[path = "../tests/common/text.rs"]
mod text;
mod time;

pub use self::audit::Finding;
pub use self::config::{Config, ConfigBuilder, ConfigError, Conflict, Proxy, Timeouts, Unset};
pub use self::cookie::SessionCookie;
pub use self::cookie_options::{Attribute, CookieOptions, CookieTemplate, Expires};
pub use self::cookie_options::{Priority, SameSite, Secure};
pub use self::error::{CookieError, DataError, Error, IdError, RecordError};
pub use self::exchange::{Action, Ask, Begin, Create, Exchange, Lookup, Pending};
pub use self::id::SessionId;
pub use self::plan::{
    CookieAction, Decision, Facts, Headers, Outcome, Reason, Saved, StoreAction, decide,
};
pub use self::record::Record;
pub use self::request::{Connection, Origin, RequestFacts, cookie_lines};
pub use self::session::Session;
pub use self::signature::Secret;
pub use self::time::Timestamp;
