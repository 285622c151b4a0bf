//! Attacks on the core, each by its id: `conformance/src/adversarial/attacks.txt` lists them.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test takes the time, says what it counted, and is told how much to do"
)]

#[path = "../model/mod.rs"]
mod model;

mod caches;
mod cookies;
mod cost;
mod expiry;
mod options;
mod proxies;
mod records;
mod secrets;
mod signature;

use http_session::{Begin, Config};

use self::model::{built, encrypted, now, recommended};

const OTHER_SECRET: [u8; 32] = [9; 32];

/// Both presets, with one cookie name and one secret; the first without the options that write for everybody.
fn presets() -> [Config; 2] {
    let express = Config::express(model::SECRET).name("__Host-id");
    [built(express.resave(false).save_uninitialized(false)), built(recommended())]
}

/// The ids that a store which has none of them is asked for.
fn asked<'a>(config: &Config, lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut ids = Vec::new();
    let mut begin = config.begin(&encrypted(), lines, now());
    while let Begin::Load(lookup) = begin {
        ids.push(lookup.operation.id.as_str().into());
        begin = lookup.answer(None, now()).expect("no record is sound");
    }
    assert!(matches!(begin, Begin::Create(_)));
    ids
}

/// The percent-encoded form that we send.
fn encoded(value: &str) -> String {
    value.replace(':', "%3A").replace('/', "%2F").replace('+', "%2B")
}

/// How many cases a test with made-up input tries: the variable `MANY`, or else this many.
fn cases(default: usize) -> usize {
    std::env::var("MANY").map_or(default, |many| many.parse().expect("a number"))
}
