//! Properties of the public interface, for whatever comes in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http_session::store::{Stored, Touch, Written};
use http_session::{
    Begin, Config, Connection, CookieOptions, Exchange, Expires, Outcome, Plan, Priority, Record,
    RequestFacts, SameSite, Secure, SessionId, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Map, Value};
use sha2::Sha256;

const SECRETS: [&str; 2] = ["keyboard cat", "old secret"];
const RESERVED: &str = "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ \
    __proto__ constructor cookie destroy hasOwnProperty id isPrototypeOf propertyIsEnumerable \
    regenerate reload req resetMaxAge save toLocaleString toString touch valueOf";

fn config() -> Config {
    Config::express(SECRETS[0]).accept(SECRETS[1]).name("sid").build().expect("sound options")
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_999).expect("a moment")
}

/// What cookie-signature's `sign` gives, made from HMAC alone.
fn signed(secret: &str, id: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(id.as_bytes());
    format!("{id}.{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// `decodeURIComponent` in the plain way: all the bytes first, then UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = str::from_utf8(tail.get(..2)?).ok()?;
            if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The rules of reading a cookie once more, on Latin-1 text and without regard to speed.
fn presented(lines: &[Vec<u8>]) -> Option<String> {
    let lines =
        lines.iter().map(|line| line.iter().map(|byte| char::from(*byte)).collect::<String>());
    let all = lines.collect::<Vec<_>>().join(";");
    let spaces = [' ', '\t'];
    let value = all
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.trim_matches(spaces) == "sid")?
        .1
        .trim_matches(spaces);
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let value = decode(value).unwrap_or_else(|| value.into());
    let text = value.strip_prefix("s:")?;
    let id = &text[..text.rfind('.')?];
    let known = SECRETS.iter().any(|secret| signed(secret, id) == text);
    (known && (1..=1_024).contains(&id.len())).then(|| id.into())
}

fn encode_all(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Pieces of Cookie lines: noise, our name, values that are signed, nearly signed, or encoded.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let id = "[ -~é€]{0,12}";
    let secret = prop_oneof![4 => Just(SECRETS[0]), 2 => Just(SECRETS[1]), 1 => Just("unknown")];
    let value = (id, secret, 0..5_u8).prop_map(|(id, secret, dress)| {
        let value = format!("s:{}", signed(secret, &id));
        match dress {
            0 => value,
            1 => format!("\"{value}\""),
            2 => encode_all(&value),
            3 => format!(" {} ", value.replace(':', "%3A")),
            _ => format!("{value}="),
        }
        .into_bytes()
    });
    let noise = proptest::sample::select(vec![
        &b"sid"[..],
        b"sid=",
        b"; ",
        b";",
        b"=",
        b"\"",
        b"%",
        b" ",
        b"\t",
        b"a=b; ",
        b"s:",
        b"\xC2\xA0",
    ])
    .prop_map(<[u8]>::to_vec);
    prop_oneof![
        4 => value.clone().prop_map(|value| [b"sid=", &value[..]].concat()),
        1 => value,
        4 => noise,
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}

fn cookie_lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = proptest::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat());
    proptest::collection::vec(line, 0..3)
}

fn options() -> impl Strategy<Value = CookieOptions> {
    let same_site = prop_oneof![
        Just(SameSite::Auto),
        Just(SameSite::Lax),
        Just(SameSite::None),
        Just(SameSite::Strict),
    ];
    let priority = prop_oneof![Just(Priority::High), Just(Priority::Low), Just(Priority::Medium)];
    let secure = prop_oneof![Just(Secure::Always), Just(Secure::Auto), Just(Secure::Never)];
    (
        ("/[ -~]{0,12}", ".{0,12}"),
        proptest::option::of(
            prop_oneof![8 => -1_000_000_000_000..1_000_000_000_000_i64, 1 => any::<i64>()],
        ),
        (proptest::option::of(same_site), proptest::option::of(priority), secure),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(
                (path, domain),
                age,
                (same_site, priority, secure),
                (http_only, partitioned, with_domain),
            )| {
                let mut options = CookieOptions::new()
                    .path(path)
                    .secure(secure)
                    .http_only(http_only)
                    .partitioned(partitioned);
                if with_domain {
                    options = options.domain(domain);
                }
                if let Some(age) = age {
                    options = options.max_age_millis(age);
                }
                if let Some(same_site) = same_site {
                    options = options.same_site(same_site);
                }
                if let Some(priority) = priority {
                    options = options.priority(priority);
                }
                options
            },
        )
}

fn data() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map(".{0,6}", value, 0..5)
        .prop_map(|map| map.into_iter().filter(|(key, _)| !is_reserved(key)).collect())
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

fn is_reserved(key: &str) -> bool {
    RESERVED.split_whitespace().any(|reserved| reserved == key)
}

fn id() -> impl Strategy<Value = SessionId> {
    prop_oneof![
        any::<[u8; 24]>().prop_map(SessionId::from_bytes),
        ".{1,40}".prop_map(|text| SessionId::from_text(&text).expect("an id")),
    ]
}

fn facts(path: &str) -> RequestFacts<'_> {
    RequestFacts { path, ..RequestFacts::default() }
}

fn new_session(config: &Config, id: &SessionId) -> Exchange {
    let facts = RequestFacts { connection: Connection::Encrypted, ..facts(config.path()) };
    match config.begin(&facts, [], now()) {
        Begin::Create(create) => create.with_id(id.clone(), now()),
        other => panic!("{other:?}"),
    }
}

fn saved(exchange: Exchange) -> (Record, Outcome) {
    match exchange.finish(now()).expect("not too large") {
        Plan::Save(closing) => {
            let record = closing.operation.record.clone();
            (record, closing.settle::<()>(Ok(Written::Saved(None))).expect("saved"))
        }
        other => panic!("{other:?}"),
    }
}

/// The session that presents `id`, loaded from `record`.
fn loaded(config: &Config, id: &str, record: impl Into<Vec<u8>>) -> Option<Exchange> {
    let cookie =
        format!("{}={}", config.name(), encode_all(&format!("s:{}", signed(SECRETS[0], id))));
    match config.begin(&facts(config.path()), [cookie.as_bytes()], now()) {
        Begin::Load(lookup) => lookup.found(Stored::new(record)).ok(),
        other => panic!("{other:?}"),
    }
}

/// Bytes that are nearly a record.
fn record_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "{",
        "}",
        "\"cookie\":",
        "{}",
        ",",
        "\"x\":",
        "1e9",
        "null",
        "\"expires\":",
        "\"2023-11-14T22:13:23.000Z\"",
        "\"id\":",
        "\"originalMaxAge\":",
        "\\ud83d",
        "[",
        "]",
        "-1.5",
        "\"path\":",
    ]);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        proptest::collection::vec(piece.clone(), 0..12)
            .prop_map(|pieces| pieces.concat().into_bytes()),
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| format!(
            "{{\"cookie\":{{{}}}",
            pieces.concat()
        )
        .into_bytes()),
        (data(), data()).prop_map(|(cookie, data)| {
            let cookie = serde_json::to_string(&cookie).expect("JSON");
            let mut data = serde_json::to_string(&data).expect("JSON").split_off(1);
            if data.len() > 1 {
                data.insert(0, ',');
            }
            format!("{{\"cookie\":{cookie}{data}").into_bytes()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    // B-044, B-045, B-046, B-047, B-049, B-053, B-054, B-055, B-056, B-057, B-058, B-212: whatever
    // the Cookie lines, the store is asked if and only if the first cookie of our name is signed
    #[test]
    fn only_signed_ids_reach_the_store(lines in cookie_lines()) {
        let begun = config().begin(&facts("/"), lines.iter().map(Vec::as_slice), now());
        let id = match &begun {
            Begin::Create(_) => None,
            Begin::Load(lookup) => Some(String::from(lookup.operation.id.as_str())),
            Begin::Skip(reason) => return Err(TestCaseError::fail(reason.to_string())),
        };
        prop_assert_eq!(id, presented(&lines));
    }

    // B-139, B-140, B-151: another reader finds name and value in our line, and what it sends back
    // presents the same id
    #[test]
    fn a_line_comes_back_as_the_same_id(
        options in options(),
        name in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}",
        id in id(),
    ) {
        let config = Config::express(SECRETS[0]).name(name.as_str()).cookie(options).build();
        let Ok(config) = config else { return Ok(()) };
        let (record, outcome) = saved(new_session(&config, &id));
        let Some(line) = outcome.set_cookie() else {
            // Only an end that is no date keeps a line back.
            prop_assert!(outcome.cookie_error().is_some());
            prop_assert_eq!(record.expires(), None);
            return Ok(());
        };
        let line = line.to_str().expect("ASCII");
        let read = cookie::Cookie::parse(line).expect("a cookie");
        prop_assert_eq!(read.name(), &name);
        let value = decode(read.value()).expect("percent-encoded");
        prop_assert_eq!(value, format!("s:{}", signed(SECRETS[0], id.as_str())));
        let cookie = format!("other=x; {}={}", read.name(), read.value());
        match config.begin(&facts(config.path()), [cookie.as_bytes()], now()) {
            Begin::Load(lookup) => prop_assert_eq!(&lookup.operation.id, &id),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }

    // B-071, B-072, B-084, B-085: what is written and loaded is the same session, and not changed
    #[test]
    fn a_record_comes_back_as_the_same_session(options in options(), data in data(), id in id()) {
        let config = Config::express(SECRETS[0]).cookie(options).build();
        let Ok(config) = config else { return Ok(()) };
        let mut exchange = new_session(&config, &id);
        for (key, value) in &data {
            exchange.session_mut().expect("a session").insert(key, value).expect("JSON");
        }
        let (record, outcome) = saved(exchange);
        let text = record.to_json();
        prop_assert!(text.starts_with("{\"cookie\":{\"originalMaxAge\":"), "{}", text);
        let other = Record::from_json(&text).expect("a record");
        prop_assert_eq!(other.expires(), record.expires());
        prop_assert_eq!(value(&other.to_json()), value(&text));
        let again = loaded(&config, id.as_str(), text.as_str()).expect("a record");
        let session = again.session().expect("a session");
        prop_assert_eq!(session.id(), &id);
        prop_assert_eq!(session.data(), &data);
        let start = format!("{{\"cookie\":{}", session.cookie().to_json());
        prop_assert!(text.starts_with(&start), "{} {}", text, start);
        prop_assert!(again.facts().known && !again.facts().changed);
        if outcome.cookie_error().is_none() {
            let length = session.cookie().max_age(now()).map_or(Expires::Session, Expires::At);
            prop_assert_eq!(session.cookie().original_max_age(), length);
        }
    }

    // B-069: any bytes are a session or an error, and a session ends in a plan
    #[test]
    fn any_record_is_a_session_or_an_error(bytes in record_bytes(), moment in any::<i64>()) {
        let record = Record::from_json(&String::from_utf8_lossy(&bytes));
        let is_text = str::from_utf8(&bytes).is_ok();
        let loaded = loaded(&config(), "id", bytes);
        // What somebody else wrote is a record if and only if it can be loaded.
        prop_assert!(!is_text || record.is_ok() == loaded.is_some());
        if let Some(exchange) = loaded {
            let moment = Timestamp::from_millis(moment).unwrap_or(Timestamp::MAX);
            let session = exchange.session().expect("a session");
            prop_assert!(session.data().keys().all(|key| !is_reserved(key)));
            if let Ok(mut record) = record {
                let (id, cookie) = (session.id().clone(), session.cookie().clone());
                let expires = cookie.end();
                let touch = Touch::new(id, cookie, expires, now());
                let before = record.expires();
                record.touch(&touch);
                prop_assert_eq!(record.expires().is_some(), before.is_some());
            }
            let plan = exchange.finish(moment).expect("not too large");
            prop_assert!(!matches!(plan, Plan::Delete(_) | Plan::Nothing(_)));
        }
    }
}
