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

// CK-5, attacks 35 to 38: names are compared byte by byte; what a browser lets another host set under a name that
// only looks like ours is not ours
#[test]
fn no_other_name_is_ours() {
    for name in ["__Host-id", "__Secure-a_b"] {
        let config = built(recommended().name(name));
        let value = signed(&SECRET, "old");
        let is_ours = |pair: &[u8]| {
            let begun = config.begin(&encrypted(), [pair], now());
            matches!(begun, Begin::Load(_))
        };
        let pair = format!("{name}={value}");
        for own in [pair.clone(), format!(" \t{name} \t= \t{value} "), format!("a=b;{pair};c")] {
            assert!(is_ours(own.as_bytes()), "{own}");
        }
        for other in [
            format!("%5F%5F{}={value}", &name[2..]),
            format!("__%{:02X}{}={value}", name.as_bytes()[2], &name[3..]),
            format!("{}={value}", name.to_ascii_lowercase()),
            format!("{}={value}", name.to_ascii_uppercase()),
            format!("={pair}"),
            format!("=={pair}"),
            format!("=;={pair}"),
            format!("{}={value}", name.replace('-', "_")),
            format!("{}={value}", name.replace('_', ".")),
            format!("{}={value}", name.replace('_', " ")),
            format!("{}={value}", name.replace('_', "[")),
            format!("{}={value}", name.replace("a_b", "a.b").replacen("__", "..", 1)),
            format!("\u{A0}{pair}"),
            format!("{name}\u{A0}={value}"),
            format!("\u{85}{pair}"),
            format!("\u{2000}{pair}"),
            format!("\u{FEFF}{pair}"),
            format!("\u{C}{pair}"),
            format!("\u{B}{pair}"),
            format!("\0{pair}"),
            format!("{name}\0={value}"),
            format!("$Version=1 {pair}"),
            format!("${pair}"),
            format!("\"{name}\"={value}"),
            format!("x={pair}"),
            format!("x, {pair}"),
            format!("x\r\n{pair}"),
        ] {
            assert!(!is_ours(other.as_bytes()), "{other:?}");
            let latin: Vec<u8> =
                other.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect();
            assert!(!is_ours(&latin), "{other:?} in Latin-1");
        }
    }
}

// SG-4, attack 30: what is signed anew is what an old secret has signed: no other id, and nothing beside it
#[test]
fn only_what_verified_is_signed_anew() {
    let config = built(recommended().accept(OLD_SECRET));
    let stale = signed(&OLD_SECRET, "old");
    let answer = |value: &str| {
        let mut store = Store::with("old", &record(Some(now()), ""));
        store.put("other", &record(Some(now()), ""), None);
        let presented = format!("__Host-id={value}");
        let exchange = store.begin(&config, &encrypted(), &presented, now());
        let outcome = store.end(exchange).expect("nothing fails");
        (store.calls, line(&outcome).map(String::from))
    };
    let (calls, sent) = answer(&stale);
    assert_eq!(calls, "GT");
    assert!(sent.is_some_and(|line| line.starts_with("__Host-id=s%3Aold.")));
    let (_, signature) = stale.rsplit_once('.').expect("a signature");
    for other in [
        format!("s:other.{signature}"),
        format!("s:old.x.{signature}"),
        format!("s:other.{}", &stale[2..]),
        format!("{stale}.x"),
        format!("{stale} "),
        stale.replace("s:", ""),
        signed(&[9; 32], "old"),
        "s:old".into(),
        "s:old.".into(),
    ] {
        let own = format!("\"{other}\"");
        assert_eq!(answer(&own), (String::new(), None), "{other}");
    }
}
