//! What was found in other session libraries and no other test here would see: AUDIT.md has the whole table.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test takes the time")]

mod model;

use std::hint::black_box;
use std::time::{Duration, Instant};

use http_session::{Begin, Origin};
use serde_json::json;

use self::model::*;

/// The shortest of several runs: what else the machine does makes none shorter.
fn shortest(mut run: impl FnMut()) -> Duration {
    let once = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..5).map(once).min().expect("several runs")
}

// DS-2, attacks 41 and 42: work grows with the length of the Cookie line, not with its square. 64 times the
// length may take 64 times the time; the square would be 4,096 times.
#[test]
fn a_cookie_line_is_read_in_linear_time() {
    let config = built(recommended());
    for piece in ["a=;", "a=b; ", "\"=\"", ";", "=", "\\\"\\;", "__Host-id;", " ", "%41=%41;", "a"]
    {
        let time = |bytes: usize| {
            let line = piece.repeat(bytes / piece.len());
            shortest(|| {
                let begun = config.begin(&encrypted(), [line.as_bytes()], now());
                assert!(matches!(black_box(begun), Begin::Create(_)));
            })
        };
        let (short, long) = (time(512), time(32 * 1024));
        assert!(long < short * 400, "{piece:?}: 512 B {short:?}, 32 KiB {long:?}");
    }
}

/// Attack 7: a session that was emptied is stored as an empty one: what was in it does not come back.
#[test]
fn an_emptied_session_is_stored_as_an_empty_one() {
    let config = built(recommended());
    let mut store = Store::with("old", &record(Some(now()), ",\"user\":\"ada\""));
    let mut exchange = store.load(&config);
    exchange.session().expect("a session").clear();
    drop(store.end(exchange).expect("saved"));
    assert_eq!(store.calls, "GS");
    let mut exchange = store.load(&config);
    assert_eq!((exchange.origin(), get(&mut exchange, "user")), (Origin::Loaded, None));
    assert_eq!(store.data("old"), Some(json!({"http-session:created": now().as_millis()})));
}
