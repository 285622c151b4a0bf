use super::*;

use proptest::prelude::*;
use serde_json::json;

use super::samples::*;
use crate::{Config, SameSite, Secure};

// B-139: what JavaScript's `encodeURIComponent` makes of every ASCII character and some others
#[test]
fn values_are_percent_encoded() {
    let ascii: String = (0..128_u8).map(char::from).collect();
    let expected = "%00%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14%15%16%17%18%19\
        %1A%1B%1C%1D%1E%1F%20!%22%23%24%25%26'()*%2B%2C-.%2F0123456789%3A%3B%3C%3D%3E%3F%40\
        ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~%7F";
    let id = format!("{ascii}é€😀");
    let mut encoded = String::new();
    encode_uri_component(id.as_bytes(), &mut encoded);
    let expected = format!("{expected}%C3%A9%E2%82%AC%F0%9F%98%80");
    assert_eq!(encoded, expected);
    let config = Config::express("keyboard cat").name("sid").build().expect("sound options");
    let id = SessionId::from_text(&id).expect("an id");
    let line = made(options()).line(config.settings(), Some(&id)).expect("a line");
    assert!(line.is_sensitive());
    // The signature is Node's as well.
    let signature = "NLTyyfGE8ARK%2B2HZ6QiTqMtk5Oe9RpNX1w4cSGPTUlk";
    assert_eq!(line, format!("sid=s%3A{expected}.{signature}; Path=/; HttpOnly"));
}

// B-085: all keys in express-session's order, undefined left out, values verbatim
#[test]
fn the_cookie_of_a_record() {
    let all = options()
        .same_site(true)
        .priority("High")
        .partitioned(false)
        .secure(true)
        .max_age_millis(1_001)
        .path("/\"")
        .domain("a.b");
    assert_eq!(
        made(all).to_json(),
        "{\"originalMaxAge\":1001,\"partitioned\":false,\"priority\":\"High\",\
         \"expires\":\"2023-11-14T22:13:25.000Z\",\"secure\":true,\"httpOnly\":true,\
         \"domain\":\"a.b\",\"path\":\"/\\\"\",\"sameSite\":true}"
    );
    for (options, json) in [
        (options(), "{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}"),
        (
            options().expires(Expires::False),
            "{\"originalMaxAge\":false,\"expires\":false,\"httpOnly\":true,\"path\":\"/\"}",
        ),
        // JavaScript's invalid date, and NaN, are null (B-097).
        (
            options().max_age_millis(i64::MAX),
            "{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}",
        ),
        (
            options().path("").expires(Expires::At(Timestamp::MAX)),
            "{\"originalMaxAge\":8638299999996001,\"expires\":\"+275760-09-13T00:00:00.000Z\",\
             \"httpOnly\":true,\"path\":\"\"}",
        ),
        (
            options().same_site(SameSite::Auto).secure(Secure::Auto),
            "{\"originalMaxAge\":null,\"expires\":null,\"secure\":false,\"httpOnly\":true,\
             \"path\":\"/\",\"sameSite\":\"lax\"}",
        ),
    ] {
        assert_eq!(made(options).to_json(), json);
    }
}

// B-022, B-071, B-074: a record's cookie: keys in any order, unknown ones ignored, types tolerated
#[test]
fn reading_a_record() {
    for (record, expires, original, json) in [
        (
            json!({}),
            Expires::Session,
            Expires::Unset,
            "{\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}",
        ),
        (
            json!({
                "path": "/", "data": 1, "_expires": "x", "maxAge": 5,
                "expires": "2023-11-14T22:13:23.999Z", "originalMaxAge": 7,
            }),
            Expires::At(now()),
            Expires::At(7),
            "{\"originalMaxAge\":7,\"expires\":\"2023-11-14T22:13:23.999Z\",\"httpOnly\":true,\
             \"path\":\"/\"}",
        ),
        (
            json!({"expires": "never", "originalMaxAge": false}),
            Expires::Invalid,
            Expires::False,
            "{\"originalMaxAge\":false,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}",
        ),
        (
            json!({"expires": false, "originalMaxAge": null}),
            Expires::False,
            Expires::Session,
            "{\"originalMaxAge\":null,\"expires\":false,\"httpOnly\":true,\"path\":\"/\"}",
        ),
        (
            json!({"expires": null, "originalMaxAge": 1e3}),
            Expires::Session,
            Expires::At(1_000),
            "{\"originalMaxAge\":1000,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}",
        ),
        (
            json!({"expires": 1_700_000_003_999_i64, "originalMaxAge": -1}),
            Expires::Invalid,
            Expires::At(-1),
            "{\"originalMaxAge\":-1,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}",
        ),
    ] {
        let cookie = stored(&record);
        assert_eq!(cookie.expires(), expires, "{record}");
        assert_eq!(cookie.original_max_age(), original, "{record}");
        assert_eq!(cookie.to_json(), json, "{record}");
    }
}

// B-086, B-087, B-088, B-089, B-090, B-091, B-094, B-096: the arithmetic of the lifetime
#[test]
fn lifetimes() {
    let seconds = Duration::from_secs;
    let mut cookie = made(options());
    assert_eq!(cookie.max_age(now()), None);
    assert!(!cookie.is_expiring());
    // Set the lifetime: the end moves, and the length is remembered.
    cookie.set_max_age(seconds(10), now());
    assert_eq!(
        (cookie.expires(), cookie.original_max_age()),
        (Expires::At(later(10_000)), Expires::At(10_000))
    );
    assert_eq!(cookie.max_age(later(4_000)), Some(6_000));
    assert_eq!(cookie.max_age(later(10_001)), Some(-1));
    assert!(cookie.is_expiring());
    cookie.touch(later(4_000));
    assert_eq!(
        (cookie.expires(), cookie.original_max_age()),
        (Expires::At(later(14_000)), Expires::At(10_000))
    );
    // Set the end: the length from then on is remembered, also one that is over.
    cookie.set_expires(Expires::At(later(5_000)), later(2_000));
    assert_eq!(
        (cookie.expires(), cookie.original_max_age()),
        (Expires::At(later(5_000)), Expires::At(3_000))
    );
    cookie.touch(later(7_000));
    assert_eq!(cookie.expires(), Expires::At(later(10_000)));
    cookie.set_expires(Expires::At(now()), later(1));
    assert_eq!(cookie.original_max_age(), Expires::At(-1));
    cookie.touch(later(50));
    assert_eq!(cookie.expires(), Expires::At(later(49)));
    // Set the length alone: nothing happens before the touch.
    cookie.set_original_max_age(Expires::At(1_000));
    assert_eq!(
        (cookie.expires(), cookie.original_max_age()),
        (Expires::At(later(49)), Expires::At(1_000))
    );
    cookie.touch(later(100));
    assert_eq!(cookie.expires(), Expires::At(later(1_100)));
    cookie.set_original_max_age(Expires::Session);
    assert_eq!(
        (cookie.expires(), cookie.original_max_age()),
        (Expires::At(later(1_100)), Expires::Session)
    );
    cookie.touch(later(100));
    assert_eq!(cookie.expires(), Expires::Session);
    // None goes to the end as it is.
    cookie.set_max_age(seconds(1), now());
    cookie.set_max_age(None, now());
    assert_eq!((cookie.expires(), cookie.original_max_age()), (Expires::Session, Expires::Session));
    cookie.set_expires(Expires::Session, now());
    cookie.touch(later(1));
    assert_eq!(cookie.expires(), Expires::Session);
}

// B-092, B-093: `false` has no Expires, survives the touch, and counts as an end
#[test]
fn expires_false() {
    let mut cookie = made(options().max_age_millis(5));
    cookie.set_expires(Expires::False, now());
    for _ in 0..2 {
        assert_eq!((cookie.expires(), cookie.original_max_age()), (Expires::False, Expires::False));
        assert!(cookie.is_expiring());
        assert_eq!(cookie.max_age(now()), None);
        assert_eq!(line(&cookie).as_deref(), Ok("sid=v; Path=/; HttpOnly"));
        cookie.touch(now());
    }
    // A record whose touch takes the end away is no longer expiring.
    let mut lost = stored(&json!({"expires": "2023-11-14T22:13:23.999Z"}));
    assert!(lost.is_expiring());
    lost.touch(now());
    assert!(!lost.is_expiring());
    assert_eq!((lost.expires(), lost.original_max_age()), (Expires::Unset, Expires::Unset));
    assert_eq!(lost.to_json(), "{\"httpOnly\":true,\"path\":\"/\"}");
}

// B-097, B-214: an end out of range can't be sent; a touch repairs what a record's length allows
#[test]
fn ends_that_are_no_date() {
    for age in [i64::MAX, i64::MIN, 8_640_000_000_000_000] {
        let mut cookie = made(options().max_age_millis(age));
        for _ in 0..2 {
            assert_eq!(cookie.expires(), Expires::Invalid, "{age}");
            assert!(cookie.is_expiring());
            assert_eq!(line(&cookie), Err(CookieError::Expires));
            cookie.touch(now());
        }
    }
    let mut cookie = made(options());
    cookie.set_max_age(Duration::MAX, now());
    assert_eq!(cookie.expires(), Expires::Invalid);
    let mut repaired = stored(&json!({"expires": "soon", "originalMaxAge": 1_000}));
    assert_eq!(line(&repaired), Err(CookieError::Expires));
    repaired.touch(now());
    assert_eq!(
        line(&repaired).as_deref(),
        Ok("sid=v; Path=/; Expires=Tue, 14 Nov 2023 22:13:24 GMT; HttpOnly")
    );
}

// DS-3
#[test]
fn lines_of_4096_bytes_at_most() {
    let line = |name: &str, id: &str, path: &str| {
        let config = Config::express("keyboard cat").name(name).build().expect("sound options");
        let id = SessionId::from_text(id).expect("an id");
        let line = made(options().path(path)).line(config.settings(), Some(&id));
        line.map(|line| line.len())
    };
    // Percent-encoded, each of its characters takes three bytes.
    let id = ":".repeat(1_000);
    let rest = line("sid", &id, "/").expect("a line") - 1;
    let longest = "/".repeat(4_096 - rest);
    assert_eq!(line("sid", &id, &longest), Ok(4_096));
    assert_eq!(line("sid", &id, &format!("{longest}/")), Err(CookieError::TooLong));
    assert_eq!(line("sid2", &id, &longest), Err(CookieError::TooLong));
    // Of 60 bytes more, no signature takes away so many.
    assert_eq!(line("sid", &":".repeat(1_020), &longest), Err(CookieError::TooLong));
}

proptest! {
    // B-091, B-095: a touch keeps the length to the millisecond, however often, whenever
    #[test]
    fn touches_lose_no_millisecond(
        age in -1_000_000_000_000..1_000_000_000_000_i64,
        moments in proptest::collection::vec(-4_000_000_000_000..4_000_000_000_000_i64, 1..8),
    ) {
        let mut cookie = made(options().max_age_millis(age));
        for moment in moments {
            let time = Timestamp::from_millis(moment).expect("a moment");
            cookie.touch(time);
            prop_assert_eq!(cookie.max_age(time), Some(age));
            prop_assert_eq!(cookie.original_max_age(), Expires::At(age));
            let json = serde_json::from_str::<Map<String, Value>>(&cookie.to_json());
            let mut json = json.expect("JSON");
            prop_assert_eq!(SessionCookie::from_record(&mut json, true), cookie.clone());
        }
    }

    /// Whatever JSON stands in a record's cookie: no panic, and no line with a break in it.
    #[test]
    fn any_record_gives_a_line_or_an_error(
        fields in proptest::collection::btree_map(
            prop_oneof![
                Just("originalMaxAge"), Just("expires"), Just("partitioned"), Just("priority"),
                Just("secure"), Just("httpOnly"), Just("domain"), Just("path"), Just("sameSite"),
            ],
            prop_oneof![
                Just(json!(null)), Just(json!([])), any::<bool>().prop_map(Value::from),
                any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from),
                ".{0,6}".prop_map(Value::from), Just(json!("lax")),
                Just(json!("2023-11-14T22:13:23Z")),
            ],
            0..9,
        ),
        moment in -8_640_000_000_000_000..=8_640_000_000_000_000_i64,
    ) {
        let mut record = fields.into_iter().map(|(key, value)| (key.into(), value)).collect();
        let mut cookie = SessionCookie::from_record(&mut record, true);
        for _ in 0..2 {
            if let Ok(line) = line(&cookie) {
                prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", line);
            }
            prop_assert!(serde_json::from_str::<Map<String, Value>>(&cookie.to_json()).is_ok());
            cookie.touch(Timestamp::from_millis(moment).expect("a moment"));
        }
    }
}
