//! Fuzz targets: what must hold for whatever bytes come in.
//!
//! Each target is a module. Its `run` reads an input from bytes, gives it to the library, and panics if the
//! answer is not what a second, independent reading of the rules says. `check` is the same with something else in
//! the library's place: `tests/corpora.rs` puts broken ones there, and sees that each is found.
//!
//! The inputs under `corpus/` are what libFuzzer found and kept: `cargo test` replays them. `.ci/fuzz` builds the
//! fuzzers and lets each find more.

mod common;
pub mod cookie_header;
pub mod exchange;
pub mod forwarding;
mod line;
pub mod options;
pub mod premises;
pub mod record;
pub mod set_cookie;
pub mod signed_value;
pub mod store_replies;

/// One execution of a target.
pub type Target = fn(&[u8]);

/// The targets: the name of each one's corpus, and what is run.
pub const TARGETS: [(&str, Target); 8] = [
    ("cookie_header", cookie_header::run),
    ("exchange", exchange::run),
    ("forwarding", forwarding::run),
    ("options", options::run),
    ("record", record::run),
    ("set_cookie", set_cookie::run),
    ("signed_value", signed_value::run),
    ("store_replies", store_replies::run),
];
