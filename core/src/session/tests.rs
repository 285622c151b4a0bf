use super::*;

use std::collections::{BTreeMap, BTreeSet};

use http_session_model::OWN_NAMES;
use proptest::prelude::*;
use serde_json::json;

use crate::record::inflate;
use crate::{Attribute, Record, Timestamp};

fn session() -> Session {
    let cookie = SessionCookie::from_record(&mut Map::new(), true);
    let id = SessionId::from_text("needle-id").expect("an id");
    Session { cleared: false, cookie, created: None, data: Data::default(), id, log: Vec::new() }
}

fn with(value: &Value) -> Session {
    let mut session = session();
    for (key, value) in value.as_object().expect("an object") {
        session.insert(key, value).expect("a free key");
    }
    session
}

fn is_changed(session: &Session, baseline: &Data) -> bool {
    !is_same(&session.data, baseline)
}

// B-098, B-101: what counts is the value; writing an equal one, or writing back, is no change
#[test]
fn write_and_write_back() {
    let mut session = with(&json!({"views": 1, "user": {"name": "ada"}}));
    let baseline = session.data.clone();
    session.insert("views", 1).expect("JSON");
    assert!(!is_changed(&session, &baseline));
    session.insert("views", 2).expect("JSON");
    assert!(is_changed(&session, &baseline));
    session.insert("views", 1).expect("JSON");
    assert!(!is_changed(&session, &baseline));
    assert_eq!(session.remove("views"), Some(json!(1)));
    assert!(is_changed(&session, &baseline));
    session.insert("views", 1).expect("JSON");
    assert!(!is_changed(&session, &baseline));
    session.insert("new", Value::Null).expect("JSON");
    assert!(is_changed(&session, &baseline));
    session.remove("new");
    assert!(!is_changed(&session, &baseline));
    session.clear();
    assert!(is_changed(&session, &baseline));
    assert_eq!(baseline.len(), 2, "the baseline is never written to");
}

#[test]
fn reading_and_removing_nothing_copies_nothing() {
    let mut session = with(&json!({"a": 1}));
    let baseline = session.data.clone();
    assert_eq!(session.get::<i32>("a"), Ok(Some(1)));
    assert_eq!(session.remove("b"), None);
    assert!(Arc::ptr_eq(&session.data, &baseline));
}

// B-099, B-100: nested keys called `cookie` count, the session's own cookie does not
#[test]
fn cookies_in_and_beside_the_data() {
    let mut session = with(&json!({"nested": {"cookie": {"path": "/"}}}));
    let baseline = session.data.clone();
    session.cookie_mut().set(Attribute::Secure, true).expect("a flag");
    session.cookie_mut().touch(Timestamp::MAX);
    session.cookie_mut().set_max_age(std::time::Duration::from_secs(1), Timestamp::MIN);
    assert!(!is_changed(&session, &baseline));
    session.insert("nested", json!({"cookie": {"path": "/x"}})).expect("JSON");
    assert!(is_changed(&session, &baseline));
}

// B-102: the order of keys has no meaning here, at any depth (D-key-order)
#[test]
fn the_order_of_keys_has_no_meaning() {
    let parse = |text| -> Data { Data::new(serde_json::from_str(text).expect("an object")) };
    let left = parse("{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":2}");
    assert!(is_same(&left, &parse("{\"b\":2,\"a\":{\"y\":[1,2],\"x\":1}}")));
    assert!(!is_same(&left, &parse("{\"b\":2,\"a\":{\"y\":[2,1],\"x\":1}}")));
    assert!(!is_same(&left, &parse("{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":\"2\"}")));
    assert!(!is_same(&left, &parse("{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":2,\"c\":null}")));
}

// B-103: JSON's rules
#[test]
fn values_follow_the_rules_of_json() {
    #[derive(Serialize)]
    struct Odd {
        nan: f64,
        infinite: [f32; 2],
        none: Option<u8>,
        unit: (),
    }
    let mut session = session();
    let odd =
        Odd { nan: f64::NAN, infinite: [f32::INFINITY, f32::NEG_INFINITY], none: None, unit: () };
    session.insert("odd", odd).expect("JSON");
    let expected = json!({"nan": null, "infinite": [null, null], "none": null, "unit": null});
    assert_eq!(session.data().get("odd"), Some(&expected));
    let baseline = session.data.clone();
    session.insert("odd", expected).expect("JSON");
    assert!(!is_changed(&session, &baseline));
}

// B-104: data that JSON can't take is an error as soon as it is put in, and the session is what it
// was: nothing is left that could fail when the response is under way
#[test]
fn what_is_no_json_is_refused() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("needle-data"))
        }
    }
    let mut session = with(&json!({"a": 1}));
    let baseline = session.data.clone();
    let errors = [
        session.insert("a", Fails),
        session.insert("a", BTreeMap::from([(vec!["needle-data"], 1)])),
        session.insert("a", u128::MAX),
    ];
    for error in errors {
        let error = error.expect_err("no JSON");
        assert_eq!(error, DataError::NotJson);
        assert!(!format!("{error} {error:?}").contains("needle-data"), "{error:?}");
    }
    assert!(Arc::ptr_eq(&session.data, &baseline));
}

/// `depth` arrays or objects, one in the other.
fn nested(depth: usize, array: bool) -> Value {
    (0..depth).fold(json!(0), |value, _| if array { json!([value]) } else { json!({"a": value}) })
}

/// What is accepted can be read back from a record; what is nested deeper is refused.
#[test]
fn nesting_that_a_record_can_hold() {
    let config = crate::Config::express("keyboard cat").build().expect("sound options");
    for array in [true, false] {
        let mut session = with(&json!({"a": 1}));
        for depth in [0, 1, 99, 100] {
            let value = nested(depth, array);
            session.insert("deep", &value).expect("not too deep");
            let record = Record::new(&session, None, usize::MAX).expect("no limit").to_json();
            let inflated =
                inflate(record.as_bytes(), session.id().clone(), &config.settings().options);
            let (inflated, _) = inflated.expect("a record");
            assert_eq!(inflated.data.get("deep"), Some(&value), "{depth}");
            assert!(is_same(&inflated.data, &session.data), "{depth}");
        }
        let baseline = session.data.clone();
        for depth in [101, 102, 128, 1_000] {
            for value in [nested(depth, array), json!([1, nested(depth - 1, array), 2])] {
                assert_eq!(session.insert("a", value), Err(DataError::TooDeep), "{depth}");
            }
        }
        assert!(Arc::ptr_eq(&session.data, &baseline));
        // Breadth is no depth.
        session.insert("wide", vec![nested(99, array); 200]).expect("not too deep");
    }
}

/// With `preserve_order`, keys keep the order in which they came; without it, they are sorted.
#[test]
fn removing_keeps_the_order_of_the_other_keys() {
    let mut session = session();
    for key in ["d", "b", "e", "a", "c"] {
        session.insert(key, 1).expect("JSON");
    }
    let order = |session: &Session| session.data().keys().cloned().collect::<String>();
    let before = order(&session);
    for key in ["b", "d", "c", "nobody"] {
        let expected = order(&session).replace(key, "");
        session.remove(key);
        assert_eq!(order(&session), expected, "{before} {key}");
    }
    assert_eq!(order(&session).len(), 2);
}

#[test]
fn values_come_back_as_their_type() {
    let mut session = session();
    session.insert("user", ("ada", vec![1, 2])).expect("JSON");
    assert_eq!(session.get::<(String, Vec<u8>)>("user"), Ok(Some(("ada".into(), vec![1, 2]))));
    assert_eq!(session.get::<Value>("user"), Ok(Some(json!(["ada", [1, 2]]))));
    assert_eq!(session.get::<Value>("nobody"), Ok(None));
    session.insert("null", ()).expect("JSON");
    assert_eq!(session.get::<Option<u8>>("null"), Ok(Some(None)));
    assert_eq!(session.get::<u8>("null"), Ok(None));
    session.insert("secret", "needle-data").expect("JSON");
    let error = session.get::<u8>("secret").expect_err("a text");
    assert_eq!(error, DataError::WrongType);
    assert!(!format!("{error} {error:?}").contains("needle-data"), "{error:?}");
}

// B-075, B-083: the names that a session object has itself, as Node lists them, and no others
#[test]
fn reserved_names() {
    for key in OWN_NAMES {
        assert!(is_reserved(key), "{key}");
    }
    let mut session = session();
    for key in OWN_NAMES.into_iter().chain(["cookie"]) {
        let error = session.insert(key, 1).expect_err("reserved");
        assert_eq!(error, DataError::ReservedKey, "{key}");
    }
    assert!(session.data().is_empty());
    for key in [
        "",
        "Cookie",
        "cookies",
        "ID",
        "_id",
        "user",
        "prototype",
        "hash",
        "secret",
        "name",
        "length",
    ] {
        assert!(!is_reserved(key), "{key}");
        session.insert(key, 1).expect("a free key");
    }
    // `cookie` is no data (B-083).
    let keys: BTreeSet<&str> = session.data().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 11);
    assert!(!keys.contains("cookie"));
}

#[test]
fn debug_shows_neither_id_nor_data() {
    let session = with(&json!({"needle-key": "needle-data"}));
    let text = format!("{session:?} {session:#?}");
    assert!(!text.contains("needle"), "{text}");
    assert_eq!(session.id().as_str(), "needle-id");
}

/// `update` returns what it has put there; what goes wrong leaves all as it was.
#[test]
fn update() {
    let mut session = with(&json!({"n": 1, "text": "needle-data"}));
    assert_eq!(session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1), Ok(2));
    assert_eq!(session.update("new", |n: Option<u64>| n.map_or(7, |n| n + 1)), Ok(7));
    assert_eq!(session.get("new"), Ok(Some(7)));
    let (baseline, length) = (session.data.clone(), session.log.len());
    let error = session.update("text", |n: Option<u64>| n.unwrap_or_default()).err();
    assert_eq!(error, Some(DataError::WrongType));
    for key in ["cookie", "id", "http-session:created"] {
        assert_eq!(session.update(key, |_: Option<u8>| 1).err(), Some(DataError::ReservedKey));
    }
    let error = session.update("n", |_: Option<Value>| nested(101, true)).err();
    assert_eq!(error, Some(DataError::TooDeep));
    // What can be written and not be read again as the same type.
    #[derive(serde::Deserialize)]
    struct OneWay;
    impl Serialize for OneWay {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str("x")
        }
    }
    let error = session.update("none", |_: Option<OneWay>| OneWay).err();
    assert_eq!(error, Some(DataError::WrongType));
    assert!(Arc::ptr_eq(&session.data, &baseline));
    assert_eq!(session.log.len(), length);
}

/// The log holds one entry for a key that was written, however often.
#[test]
fn the_log_stays_short() {
    let mut session = session();
    for n in 0..100 {
        session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).expect("a number");
        session.insert("n", n).expect("JSON");
        session.clear();
    }
    assert!(session.log.len() <= 2, "{}", session.log.len());
}

/// The whole data as a struct, and back: what is equal is not written, other keys stay.
#[test]
fn typed_sessions() {
    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Cart {
        items: Vec<u32>,
        user: Option<String>,
    }
    let mut session = with(&json!({"items": [1], "user": null, "other": true}));
    let mut cart = session.read::<Cart>().expect("a cart");
    assert_eq!(cart, Cart { items: vec![1], user: None });
    let (baseline, log) = (session.data.clone(), session.log.len());
    session.write(&cart).expect("fields");
    assert!(Arc::ptr_eq(&session.data, &baseline));
    assert_eq!(session.log.len(), log);
    cart.items.push(2);
    session.write(&cart).expect("fields");
    let expected = json!({"items": [1, 2], "user": null, "other": true});
    assert_eq!(Value::Object(session.data().clone()), expected);
    let written: Vec<_> = session.log.split_off(log - 1).into_iter().map(|(key, _)| key).collect();
    assert_eq!(written.last().map(|key| &**key), Some("items"));
    let baseline = session.data.clone();
    assert_eq!(session.read::<Vec<u8>>().err(), Some(DataError::WrongType));
    assert_eq!(session.read::<BTreeMap<String, u8>>().err(), Some(DataError::WrongType));
    // What has no fields is no session.
    assert_eq!(session.write(&7), Err(DataError::NotJson));
    assert_eq!(session.write(&[cart]), Err(DataError::NotJson));
    assert_eq!(session.write(&json!(null)), Err(DataError::NotJson));
    assert_eq!(session.write(&json!({"id": 1})), Err(DataError::ReservedKey));
    assert_eq!(session.write(&json!({"a": nested(101, false)})), Err(DataError::TooDeep));
    assert!(Arc::ptr_eq(&session.data, &baseline));
    session.write(&json!({})).expect("nothing");
    assert!(Arc::ptr_eq(&session.data, &baseline));
}

/// An update after an `insert` or a `remove` of the key is part of it; one before is forgotten.
#[test]
fn the_log_of_writes() {
    let base = with(&json!({"n": 1}));
    let theirs = with(&json!({"n": 100, "theirs": 1}));
    let add = |session: &mut Session, more: i64| {
        let sum = session.update("n", move |n: Option<i64>| n.unwrap_or_default() + more);
        sum.expect("a number");
    };
    type Writes<'a> = &'a dyn Fn(&mut Session);
    let steps: [(Writes<'_>, Value); 8] = [
        (&|session| add(session, 1), json!(101)),
        (&|session| (0..3).for_each(|_| add(session, 1)), json!(103)),
        (&|session| session.insert("n", 5).expect("JSON"), json!(5)),
        (
            &|session| {
                add(session, 1);
                session.insert("n", 5).expect("JSON");
            },
            json!(5),
        ),
        (
            &|session| {
                session.insert("n", 5).expect("JSON");
                add(session, 1);
            },
            json!(6),
        ),
        (
            &|session| {
                session.remove("n");
                add(session, 3);
            },
            json!(3),
        ),
        (
            &|session| {
                session.clear();
                add(session, 3);
            },
            json!(3),
        ),
        (&|session| drop(session.remove("n")), Value::Null),
    ];
    for (index, (step, expected)) in steps.into_iter().enumerate() {
        let mut session = Session { log: Vec::new(), ..base.clone() };
        step(&mut session);
        session.rebase(&base, &theirs).expect("no conflict");
        assert_eq!(session.data.get("n").cloned().unwrap_or_default(), expected, "{index}");
        // What is cleared is cleared of theirs, too.
        let theirs = (!session.cleared).then(|| json!(1));
        assert_eq!(session.data.get("theirs"), theirs.as_ref(), "{index}");
    }
    // A value that is no number any more is a conflict, and nothing is half merged.
    let mut session = Session { log: Vec::new(), ..base.clone() };
    add(&mut session, 1);
    let before = session.data.clone();
    let theirs = with(&json!({"n": "text", "theirs": 1}));
    assert_eq!(session.rebase(&base, &theirs), Err(DataError::WrongType));
    assert!(Arc::ptr_eq(&session.data, &before));
}

// B-094: of two cookies, what one of them changed; of two ends that nobody set, the later
#[test]
fn merged_cookies() {
    let cookie = |end: &str, length: i64, path: &str| {
        let mut cookie = json!({"expires": end, "originalMaxAge": length, "path": path});
        SessionCookie::from_record(cookie.as_object_mut().expect("an object"), false)
    };
    let [early, late] = ["2023-11-14T22:13:23.000Z", "2023-11-14T22:13:24.000Z"];
    let base = Session { cookie: cookie(early, 5, "/"), ..session() };
    for (ours, theirs, merged) in [
        ((early, 5, "/"), (early, 5, "/"), (early, 5, "/")),
        ((late, 5, "/"), (early, 5, "/"), (late, 5, "/")),
        ((early, 5, "/"), (late, 5, "/"), (late, 5, "/")),
        ((late, 5, "/a"), (early, 5, "/"), (late, 5, "/a")),
        ((early, 5, "/"), (early, 5, "/b"), (early, 5, "/b")),
        ((early, 5, "/a"), (early, 5, "/b"), (early, 5, "/a")),
        ((early, 4, "/"), (late, 5, "/b"), (early, 4, "/b")),
        ((early, 5, "/a"), (late, 6, "/"), (late, 6, "/a")),
        ((early, 4, "/"), (late, 6, "/"), (early, 4, "/")),
    ] {
        let of = |(end, length, path): (&str, i64, &str)| cookie(end, length, path);
        let mut session = Session { cookie: of(ours), ..base.clone() };
        let theirs = Session { cookie: of(theirs), ..base.clone() };
        session.rebase(&base, &theirs).expect("no conflict");
        assert_eq!(session.cookie, of(merged));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u8),
    Remove(u8),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_u8, 0..2_u8).prop_map(|(key, value)| Step::Insert(key, value)),
        3 => (0..3_u8).prop_map(Step::Remove),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    // B-098, B-101: after any steps, the data is changed if and only if it is not what it was
    #[test]
    fn changed_is_a_matter_of_values(
        before in proptest::collection::vec(step(), 0..6),
        steps in proptest::collection::vec(step(), 0..12),
    ) {
        let mut model = BTreeMap::new();
        let mut session = session();
        let mut apply = |steps: &[Step], model: &mut BTreeMap<String, u8>| {
            for step in steps {
                match *step {
                    Step::Insert(key, value) => {
                        model.insert(key.to_string(), value);
                        session.insert(&key.to_string(), value).expect("JSON");
                    }
                    Step::Remove(key) => {
                        let removed = model.remove(&key.to_string());
                        assert_eq!(session.remove(&key.to_string()), removed.map(Value::from));
                    }
                    Step::Clear => {
                        model.clear();
                        session.clear();
                    }
                }
            }
            session.data.clone()
        };
        let baseline = apply(&before, &mut model);
        let original = model.clone();
        let data = apply(&steps, &mut model);
        prop_assert_eq!(!is_same(&data, &baseline), model != original);
        let expected = model.into_iter().map(|(key, value)| (key, value.into()));
        prop_assert_eq!(&*data, &expected.collect::<Map<String, Value>>());
    }

    /// Whoever changed nothing has, after a merge, what the other one has.
    #[test]
    fn nothing_changed_is_nothing_carried_over(
        before in proptest::collection::btree_map("[a-c]", 0..3_u8, 0..4),
        after in proptest::collection::btree_map("[a-c]", 0..3_u8, 0..4),
        created in proptest::collection::vec(proptest::option::of(0..3_i64), 2),
    ) {
        let of = |data: BTreeMap<String, u8>, created: Option<i64>| {
            let created = created.and_then(Timestamp::from_millis);
            Session { created, ..with(&json!(data)) }
        };
        let base = of(before, created[0]);
        let theirs = of(after, created[1]);
        let mut session = Session { log: Vec::new(), ..base.clone() };
        session.rebase(&base, &theirs).expect("no conflict");
        prop_assert_eq!(&session.data, &theirs.data);
        prop_assert_eq!(&session.cookie, &theirs.cookie);
        // A beginning is never forgotten.
        prop_assert_eq!(session.created, theirs.created.or(base.created));
        let theirs = Session { created: session.created, ..theirs };
        prop_assert!(!session.is_changed(&theirs, false));
    }
}
