//! SG-8, DS-3, DS-4: records and cookies that were made to do harm.

use http_session::store::Stored;
use http_session::{
    Attribute, Begin, Config, ConfigError, CookieError, CookieOptions, Error, RecordError,
};

use super::model::*;
use super::presets;

/// What becomes of a record: `None` if it is a session.
fn refused(config: &Config, record: impl Into<Vec<u8>>) -> Option<RecordError> {
    let cookie = cookie(config, "old");
    let Begin::Load(lookup) = config.begin(&encrypted(), [cookie.as_bytes()], now()) else {
        panic!("it verifies")
    };
    match lookup.answer(Some(Stored::new(record)), now()) {
        Ok(Begin::Ready(_)) => None,
        Ok(other) => panic!("neither a session nor an error: {other:?}"),
        Err(error) => Some(error),
    }
}

// SG-8: what is no record fails the request with an error of its own: it is neither a session nor a missing one
#[test]
fn hostile_records() {
    use RecordError::{NoCookie, NotAnObject};
    let sound = record(Some(now()), ",\"user\":{\"name\":\"ada\"}");
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"cookie\":{{}},\"a\":{deep}{}}}", "]".repeat(100_000));
    let objects = "{\"a\":".repeat(100_000);
    for config in presets() {
        assert_eq!(refused(&config, &*sound), None);
        for (text, error) in [
            ("", NotAnObject),
            ("null", NotAnObject),
            ("[]", NotAnObject),
            ("\"\"", NotAnObject),
            ("{}", NoCookie),
            ("{\"cookie\":null}", NoCookie),
            ("{\"cookie\":1,\"user\":\"admin\"}", NoCookie),
            ("{\"cookie\":{},\"cookie\":1}", NoCookie),
            ("{\"Cookie\":{}}", NoCookie),
            ("{\"cookie\":{},\"a\":NaN}", NotAnObject),
            ("{\"cookie\":{},\"a\":Infinity}", NotAnObject),
            ("{\"cookie\":{},\"a\":1e999}", NotAnObject),
            ("{\"cookie\":{},\"a\":01}", NotAnObject),
            ("{\"cookie\":{},}", NotAnObject),
            ("{\"cookie\":{}}x", NotAnObject),
            ("{\"cookie\":{}}{\"cookie\":{}}", NotAnObject),
            ("\u{FEFF}{\"cookie\":{}}", NotAnObject),
            ("{'cookie':{}}", NotAnObject),
            ("{\"cookie\":{},\"a\":\"\\ud800\"}", NotAnObject),
            ("s:1.{\"cookie\":{}}", NotAnObject),
            (&deep, NotAnObject),
            (&nested, NotAnObject),
            (&objects, NotAnObject),
        ] {
            assert_eq!(refused(&config, text), Some(error), "{:.60}", text);
        }
        for bytes in
            [&b"\xFF\xFE{\0}\0"[..], b"{\"cookie\":{},\"a\":\"\xFF\"}", b"\x80\x04\x95", b"\0"]
        {
            assert_eq!(refused(&config, bytes), Some(NotAnObject));
        }
        for end in 0..sound.len() {
            assert_eq!(refused(&config, &sound[..end]), Some(NotAnObject), "{end}");
        }
        // Of two equal keys the last one counts, as in JavaScript.
        assert_eq!(refused(&config, "{\"cookie\":1,\"cookie\":{},\"a\":1,\"a\":2}"), None);
    }
}

// SG-8: what is too long is refused before it is read
#[test]
fn a_huge_record_is_not_read() {
    let config = built(recommended());
    let cookie = cookie(&config, "old");
    for byte in [b'[', b'{', b' ', b'"', b'9'] {
        let Begin::Load(lookup) = config.begin(&encrypted(), [cookie.as_bytes()], now()) else {
            panic!("it verifies")
        };
        let stored = Stored::new(vec![byte; 100_000_000]);
        let used = allocation_counter::measure(|| {
            assert!(matches!(lookup.answer(Some(stored), now()), Err(RecordError::TooLarge)));
        });
        assert_eq!(used.bytes_max, 0);
    }
}

// DS-4: JSON has no lengths that could lie; what it makes of the densest texts is at most this much of memory
#[test]
fn dense_records() {
    let config = built(recommended());
    // Of values of 32 bytes; with `preserve_order` they have more.
    let scaled = |most| most * size_of::<serde_json::Value>() as u64 / 32;
    for (dense, most) in
        [("0,", 64), ("[],", 64), ("{},", 64), ("\"\",", 64), ("[0],", 64), ("{\"\":0},", 240)]
    {
        let items = dense.repeat((1 << 20) / dense.len());
        let text = format!("{{\"cookie\":{{}},\"a\":[{}]}}", items.trim_end_matches(','));
        let length = text.len();
        let used =
            allocation_counter::measure(|| assert_eq!(refused(&config, text.as_str()), None));
        let times = used.bytes_max / length as u64;
        println!("{dense}: {times} times its length");
        assert!(times <= scaled(most), "{dense}: {times}");
    }
    // Of many keys each one is short.
    let keys: String = (0..100_000).map(|key| format!(",\"{key:x}\":0")).collect();
    let text = format!("{{\"cookie\":{{}}{keys}}}");
    let length = text.len();
    let used = allocation_counter::measure(|| assert_eq!(refused(&config, text.as_str()), None));
    let times = used.bytes_max / length as u64;
    println!("keys: {times} times their length");
    assert!(times <= 64, "{times}");
}

// DS-3: a cookie or an attribute that browsers would not keep is an error before the store is asked
#[test]
fn too_long_to_be_sent() {
    for length in [1_024, 1_025, 5_000] {
        let domain = ["a.".repeat(length / 2), "b".repeat(length % 2)].concat();
        let domain =
            domain.trim_end_matches('.').to_owned() + if length % 2 == 0 { "a" } else { "" };
        let path = format!("/{}", "a".repeat(length - 1));
        for (options, error) in [
            (CookieOptions::new().path(path), CookieError::Path),
            (CookieOptions::new().domain(domain), CookieError::Domain),
        ] {
            let built = Config::express(SECRET).cookie(options).build();
            assert_eq!(built.err(), (length > 1_024).then_some(ConfigError::Cookie(error)));
        }
    }
    // The whole line, with the longest name that fits, and with longer ones.
    let saves = |name: usize| {
        let config = built(recommended().name("n".repeat(name)));
        let mut store = Store::default();
        let mut exchange = store.begin(&config, &encrypted(), "", now());
        set(&mut exchange, "views", 1);
        let length = store.end(exchange).map(|outcome| line(&outcome).expect("sent").len());
        assert_eq!(
            (&*store.calls, store.records.len()),
            if length.is_ok() { ("S", 1) } else { ("", 0) }
        );
        length
    };
    let rest = saves(1).expect("it is short") - 1;
    assert_eq!(saves(4_096 - rest).ok(), Some(4_096));
    for name in [4_097 - rest, 5_000] {
        assert!(matches!(saves(name), Err(Error::Cookie(CookieError::TooLong))), "{name}");
    }
    // An attribute of one session, set by the application.
    let config = built(recommended());
    let mut store = Store::with("old", &record(Some(now()), ",\"views\":1"));
    let mut exchange = store.load(&config);
    set(&mut exchange, "views", 2);
    let cookie = exchange.session().expect("a session").cookie_mut();
    let long = cookie.set(Attribute::Path, format!("/{}", "a".repeat(1_024)));
    let result = store.end(exchange);
    assert!(long.is_err() || matches!(result, Err(Error::Cookie(CookieError::Path))), "{result:?}");
    assert_eq!(store.data("old").expect("as it was")["views"], if long.is_err() { 2 } else { 1 });
}
