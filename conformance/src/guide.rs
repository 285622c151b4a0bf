#![doc = include_str!("../WRITING-AN-ADAPTER.md")]

#[cfg(doc)]
use http_session::{Config, ConfigBuilder, Connection, Error, Outcome, RequestFacts, cookie_lines};
#[cfg(doc)]
use http_session_store::{AbandonOnDrop, Session, Sessions, prelude, report};

#[cfg(doc)]
use crate::{adapter, driver};
