#![doc = include_str!("../WRITING-AN-ADAPTER.md")]
//!
//! ```
#![doc = include_str!("../examples/tiny_http/adapter.rs")]
//! ```

#[cfg(doc)]
use http_session::{
    Config, ConfigBuilder, Connection, Error, Headers, Outcome, RequestFacts, cookie_lines,
};
#[cfg(doc)]
use http_session_store::{AbandonOnDrop, Deadline, Main, Session, Sessions, prelude, report};

#[cfg(doc)]
use crate::adapter::{self, Mounting};
#[cfg(doc)]
use crate::driver;
