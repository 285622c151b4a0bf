use super::*;

use crate::{Config, ConfigBuilder};

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use crate::session::{Data, is_same};
use crate::text::text;
use crate::{Attribute, CookieOptions, SessionId};

const LIMIT: usize = 16 * 1024 * 1024;

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_000).expect("a moment")
}

fn cookie() -> SessionCookie {
    CookieOptions::new().max_age_millis(60_000).build().expect("sound options").create(
        now(),
        false,
        true,
    )
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

fn new(cookie: &SessionCookie, data: &Object, limit: usize) -> Result<Record, RecordError> {
    let (cookie, data) = (cookie.clone(), Data::new(data.clone()));
    let session =
        Session { cleared: false, cookie, created: None, data, id: id(), log: Vec::new() };
    Record::new(&session, session.cookie.end(), limit)
}

/// A record without regard to its size.
fn record(cookie: &SessionCookie, data: &Object) -> Record {
    new(cookie, data, usize::MAX).expect("no limit")
}

fn id() -> SessionId {
    SessionId::from_bytes([1; 24])
}

fn options(builder: ConfigBuilder, limit: usize) -> Options {
    builder.max_record_bytes(limit).build().expect("sound options").settings().options
}

fn read(record: impl AsRef<[u8]>, limit: usize) -> Result<(Session, Option<Data>), RecordError> {
    inflate(record.as_ref(), id(), &options(Config::express("cat"), limit))
}

/// The session of a record that can be read and has no reserved names.
fn sound(record: impl AsRef<[u8]>) -> Session {
    let (session, raw) = read(record, LIMIT).expect("a record");
    assert!(raw.is_none());
    session
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

fn refused(record: impl AsRef<[u8]>, limit: usize) -> Option<RecordError> {
    read(record, limit).err()
}

// B-084, B-085: the cookie first, whatever order the map of the data keeps
#[test]
fn the_text_of_a_record() {
    let session = CookieOptions::new().build().expect("sound options").create(now(), false, true);
    let empty = record(&session, &Object::new());
    assert_eq!(
        empty.to_json(),
        "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\"path\":\"/\"}}"
    );
    assert_eq!(empty.expires(), None);
    let start = "{\"cookie\":{\"originalMaxAge\":60000,\"expires\":\"2023-11-14T22:14:23.000Z\",\
        \"httpOnly\":true,\"path\":\"/\"}";
    let one = record(&cookie(), &object(json!({"views": 1})));
    assert_eq!(one.to_json(), format!("{start},\"views\":1}}"));
    assert_eq!(one.expires(), now().plus_millis(60_000));
    // A key that sorts before `cookie`, and one that JavaScript would put before it.
    let three = record(&cookie(), &object(json!({"a": [], "2": {}, "z": "é\u{0}\"\u{2028}"})));
    let three = three.to_json();
    assert!(three.starts_with(&format!("{start},")), "{three}");
    let back = sound(&three);
    assert_eq!(*back.data, object(json!({"a": [], "2": {}, "z": "é\u{0}\"\u{2028}"})));
}

// B-069: what has no usable cookie, or is no JSON object, is an error
#[test]
fn what_is_no_record() {
    for (text, error) in [
        ("", RecordError::NotAnObject),
        ("null", RecordError::NotAnObject),
        ("[]", RecordError::NotAnObject),
        ("\"text\"", RecordError::NotAnObject),
        ("1", RecordError::NotAnObject),
        ("{\"cookie\":{}", RecordError::NotAnObject),
        ("{\"cookie\":{}}x", RecordError::NotAnObject),
        ("{\"cookie\":{},}", RecordError::NotAnObject),
        ("{cookie:{}}", RecordError::NotAnObject),
        ("\u{FEFF}{\"cookie\":{}}", RecordError::NotAnObject),
        ("{\"cookie\":{},\"x\":NaN}", RecordError::NotAnObject),
        ("{}", RecordError::NoCookie),
        ("{\"Cookie\":{}}", RecordError::NoCookie),
        ("{\"a\":{\"cookie\":{}}}", RecordError::NoCookie),
        ("{\"cookie\":null}", RecordError::NoCookie),
        ("{\"cookie\":\"text\"}", RecordError::NoCookie),
        ("{\"cookie\":true}", RecordError::NoCookie),
        ("{\"cookie\":1}", RecordError::NoCookie),
    ] {
        assert_eq!(refused(text, LIMIT), Some(error), "{text}");
        assert_eq!(Record::from_json(text), Err(error), "{text}");
    }
    // Bytes that are no UTF-8.
    assert_eq!(refused(b"{\"cookie\":{},\"x\":\"\xFF\"}", LIMIT), Some(RecordError::NotAnObject));
    // Lone surrogates have no place in a Rust text: reported, not replaced.
    for lone in ["\\ud83d", "\\ude00", "\\ud83d\\ud83d", "\\ud83dx"] {
        let text = format!("{{\"cookie\":{{}},\"x\":\"{lone}\"}}");
        assert_eq!(refused(&text, LIMIT), Some(RecordError::NotAnObject), "{text}");
        let text = format!("{{\"cookie\":{{}},\"{lone}\":1}}");
        assert_eq!(refused(&text, LIMIT), Some(RecordError::NotAnObject), "{text}");
    }
    let pair = sound("{\"cookie\":{},\"x\":\"\\ud83d\\ude00\"}");
    assert_eq!(pair.data.get("x"), Some(&json!("😀")));
}

#[test]
fn the_limit_is_the_last_length_that_is_read() {
    // The limit, and what a cookie may have on top.
    let text = format!("{:4101}", "{\"cookie\":{}}");
    assert!(refused(&text, 5).is_none());
    assert_eq!(refused(&text, 4), Some(RecordError::TooLarge));
    assert_eq!(refused("", 0), Some(RecordError::NotAnObject));
    assert!(refused(&text, usize::MAX).is_none());
}

// B-075, B-076: reserved names are not copied, and what was read counts as another session
#[test]
fn reserved_names_are_left_out() {
    let sound = sound("{\"cookie\":{},\"a\":{\"id\":1},\"b\":2}");
    assert_eq!(*sound.data, object(json!({"a": {"id": 1}, "b": 2})));
    for key in ["id", "req", "save", "touch", "__proto__", "toString", "constructor"] {
        let text = format!("{{\"a\":1,\"{key}\":{{\"x\":1}},\"cookie\":{{}},\"b\":2}}");
        let (session, raw) = read(&text, LIMIT).expect("a record");
        assert_eq!(*session.data, object(json!({"a": 1, "b": 2})), "{key}");
        let raw = raw.expect("the data as the record has it");
        assert_eq!(*raw, object(json!({"a": 1, key: {"x": 1}, "b": 2})));
        assert!(!is_same(&session.data, &raw));
        // Without the quirk what was copied is what counts.
        let (other, raw) =
            inflate(text.as_bytes(), id(), &options(Config::recommended([1; 32]), LIMIT))
                .expect("a record");
        assert_eq!((other.data, raw), (session.data, None));
    }
}

// B-071, B-072: attributes come from the record, path and httpOnly alone are filled in
#[test]
fn attributes_come_from_the_record() {
    for (record, cookie) in [
        ("{\"cookie\":{}}", "{\"httpOnly\":true,\"path\":\"/\"}"),
        (
            "{\"cookie\":{\"path\":\"/a\",\"httpOnly\":false,\"secure\":true,\"unknown\":1}}",
            "{\"secure\":true,\"httpOnly\":false,\"path\":\"/a\"}",
        ),
        (
            "{\"cookie\":{\"path\":null,\"httpOnly\":null,\"domain\":null}}",
            "{\"httpOnly\":null,\"domain\":null,\"path\":null}",
        ),
    ] {
        let mut inflated = sound(record).cookie;
        // Without a stored length the first touch takes the end away (B-074).
        inflated.touch(now());
        assert_eq!(inflated.to_json(), cookie, "{record}");
    }
}

/// The expiry is read from the cookie, whatever else it lacks; all the rest is kept.
#[test]
fn a_record_that_somebody_else_wrote() {
    for (text, expires) in [
        ("{\"cookie\":{}}", None),
        ("{\"cookie\":{\"unknown\":[1.0,{\"b\":1,\"a\":2}]},\"id\":{\"x\":1e-7}}", None),
        ("{\"cookie\":{\"expires\":null}}", None),
        ("{\"cookie\":{\"expires\":false}}", None),
        ("{\"cookie\":{\"expires\":\"soon\"}}", None),
        ("{\"cookie\":{\"expires\":1700000003000}}", None),
        (" {\"x\":1, \"cookie\":{\"expires\":\"2023-11-14T22:13:23.000Z\"}} ", Some(now())),
    ] {
        let record = Record::from_json(text).expect("a record");
        assert_eq!(record.expires(), expires, "{text}");
        let json = record.to_json();
        assert_eq!(value(&json), value(text), "{json}");
        // The cookie comes first, wherever it stood.
        assert!(json.starts_with("{\"cookie\":{"), "{json}");
        assert_eq!(Record::from_json(&json), Ok(record), "{json}");
    }
}

// B-202: another cookie, the same data, and the expiry that the touch names
#[test]
fn touched() {
    let touch = |expires| Touch::new(id(), cookie(), expires, None, now());
    let text = "{\"a\":{\"cookie\":1},\"cookie\":{\"path\":\"/old\"},\"id\":2}";
    let mut record = Record::from_json(text).expect("a record");
    record.touch(&touch(cookie().end()));
    assert_eq!(record.expires(), now().plus_millis(60_000));
    let start = format!("{{\"cookie\":{},", cookie().to_json());
    assert!(record.to_json().starts_with(&start), "{}", record.to_json());
    let (_, raw) = parse(record.to_json().as_bytes()).expect("a record");
    assert_eq!(raw.get("a"), Some(&json!({"cookie": 1})));
    assert_eq!(raw.get("id"), Some(&json!(2)));
    assert_eq!(raw.len(), 2);
    let mut empty = Record::from_json("{\"cookie\":{}}").expect("a record");
    for expires in [None, Some(now())] {
        empty.touch(&touch(expires));
        assert_eq!(empty.expires(), expires);
    }
    empty.touch(&touch(cookie().end()));
    assert_eq!(empty.to_json(), format!("{{\"cookie\":{}}}", cookie().to_json()));
}

/// Numbers come back as the same number, to the last bit.
#[test]
fn numbers() {
    for text in [
        "0",
        "-1",
        "0.30000000000000004",
        "0.1",
        "1e21",
        "1e-7",
        "5e-324",
        "1.7976931348623157e308",
        "9007199254740992",
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551615",
        "123456789012345678901234567890",
        "2.2250738585072011e-308",
    ] {
        let stored = format!("{{\"cookie\":{{}},\"x\":{text}}}");
        let first = sound(&stored);
        let number = first.data.get("x").and_then(Value::as_f64).expect("a number");
        assert_eq!(number.to_bits(), text.parse::<f64>().expect("a number").to_bits(), "{text}");
        let again = record(&first.cookie, &first.data);
        let second = sound(again.to_json());
        assert_eq!(second.data, first.data, "{text}");
    }
    assert_eq!(
        record(&cookie(), &object(json!({"x": 0.1 + 0.2}))).to_json().split_once(",\"x\":"),
        Some((&*format!("{{\"cookie\":{}", cookie().to_json()), "0.30000000000000004}"))
    );
    // Too large for a double.
    assert_eq!(refused("{\"cookie\":{},\"x\":1e400}", LIMIT), Some(RecordError::NotAnObject));
}

// SG-8
#[test]
fn nesting_never_ends_the_process() {
    for depth in [1, 100, 1_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for closed in [true, false] {
                let close = if closed { close.repeat(depth) } else { String::new() };
                let text = format!("{{\"cookie\":{{}},\"x\":{}0{close}}}", open.repeat(depth));
                let inflated = read(&text, LIMIT);
                assert_eq!(inflated.is_ok(), closed && depth <= 100, "{depth}");
            }
        }
    }
}

/// With `preserve_order` the data's keys stay in the record's order, whatever is taken out.
#[test]
fn the_order_of_the_data_stays() {
    let keys = |data: &Object| data.keys().cloned().collect::<Vec<_>>();
    let text = "{\"d\":1,\"cookie\":{},\"b\":2,\"id\":3,\"e\":4,\"a\":5,\"save\":6,\"c\":7}";
    let mut expected = keys(&parse(text.as_bytes()).expect("a record").1);
    let written: Object = serde_json::from_str(text).expect("an object");
    let beside = written.keys().filter(|key| *key != "cookie");
    assert_eq!(expected, beside.cloned().collect::<Vec<_>>());
    let (session, raw) = read(text, LIMIT).expect("a record");
    assert_eq!(keys(&raw.expect("the data as the record has it")), expected);
    expected.retain(|key| !is_reserved(key));
    assert_eq!(keys(&session.data), expected);
    assert_eq!(expected.len(), 5);
    // And so does a touch.
    let touch = Touch::new(id(), cookie(), None, None, now());
    let mut touched = Record::from_json(text).expect("a record");
    touched.touch(&touch);
    let mut touched = keys(&parse(touched.to_json().as_bytes()).expect("a record").1);
    touched.retain(|key| !is_reserved(key));
    assert_eq!(touched, expected);
}

#[test]
fn duplicate_keys_are_the_last_one() {
    let text = "{\"cookie\":{\"path\":\"/1\"},\"x\":1,\"cookie\":{\"path\":\"/2\"},\"x\":2}";
    let inflated = sound(text);
    assert_eq!(inflated.cookie.get(Attribute::Path), Some(&json!("/2")));
    assert_eq!(*inflated.data, object(json!({"x": 2})));
}

#[test]
fn debug_shows_no_data() {
    let record = record(&cookie(), &object(json!({"needle-key": "needle-data"})));
    let text = format!("{record:?} {record:#?}");
    assert!(!text.contains("needle"), "{text}");
}

/// Any JSON value, with floats as JSON has them.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text(".{0,8}").prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text(".{0,4}"), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    // B-084: whatever the data, the record begins with the cookie, and comes back as it was
    #[test]
    fn a_record_comes_back(
        data in proptest::collection::btree_map(text("[a-z0-9é]{0,4}"), json_value(), 0..5),
    ) {
        let mut data: Object = data.into_iter().collect();
        data.retain(|key, _| !is_reserved(key));
        let record = record(&cookie(), &data);
        let start = format!("{{\"cookie\":{}", cookie().to_json());
        let text = record.to_json();
        prop_assert!(text.starts_with(&start));
        let inflated = sound(&text);
        prop_assert_eq!(&*inflated.data, &data);
        prop_assert_eq!(&inflated.cookie, &cookie());
        let keys: BTreeSet<_> = data.keys().collect();
        prop_assert!(!keys.contains(&String::from("cookie")));
        let other = Record::from_json(&text).expect("a record");
        prop_assert_eq!(other.expires(), record.expires());
        prop_assert_eq!(&other.data, &record.data);
        prop_assert_eq!(value(&other.cookie), value(&record.cookie));
        // The limit counts the bytes of the data.
        let (new, length) = (|limit| new(&cookie(), &data, limit), record.data.len());
        prop_assert_eq!(new(length), Ok(record));
        prop_assert_eq!(new(length - 1), Err(RecordError::TooLarge));
    }
}
