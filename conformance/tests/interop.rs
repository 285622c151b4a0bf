//! Live sessions that an Express application and a Rust one have in common: connect-redis and
//! connect-pg-simple on the one side, ours on the other, one browser between them.
//!
//! It needs Node, npm, Redis and PostgreSQL; without them it says that it was skipped, and under `CI` it
//! fails. What is told here stands in adapters/axum/MOVING-FROM-EXPRESS.md.

#[path = "../examples/interop_app.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod app;
#[path = "common/apps.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod apps;
#[path = "common/browser.rs"]
mod browser;

use std::time::Duration;

use http_session_conformance::client::sign;
use serde_json::{Value, json};

use self::apps::{App, Kind, Side, Store};
use self::browser::Browser;

const SECRET: &str = "a secret of the tests, which has more than 32 bytes";

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Postgres("json")];

/// Who begins, and who goes on.
const DIRECTIONS: [(Side, Side); 2] = [(Side::Node, Side::Rust), (Side::Rust, Side::Node)];

/// The other application's process: see [`apps::App::start`].
#[tokio::test]
async fn the_rust_application() {
    if let Some(arguments) = apps::arguments() {
        app::serve(&arguments).await.expect("the application runs");
    }
}

/// Both applications on one store.
struct World {
    node: App,
    rust: App,
    store: Store,
}

impl World {
    /// With the same options on both sides. `None`: skip `test`.
    async fn new(test: &str, kind: Kind, options: Value) -> Option<Self> {
        Self::with(test, kind, options.clone(), options).await
    }

    async fn with(test: &str, kind: Kind, node: Value, rust: Value) -> Option<Self> {
        apps::install(test)?;
        Some(Self::on(Store::new(test, kind).await?, node, rust))
    }

    fn on(store: Store, node: Value, rust: Value) -> Self {
        let defaults = |mut options: Value| {
            if options["secret"].is_null() {
                options["secret"] = json!([SECRET]);
            }
            options
        };
        let (node, mut rust) = (defaults(node), defaults(rust));
        if rust["conflict"].is_null() {
            rust["conflict"] = json!("merge");
        }
        Self {
            node: App::start(Side::Node, &store, &node),
            rust: App::start(Side::Rust, &store, &rust),
            store,
        }
    }

    fn port(&self, side: Side) -> u16 {
        match side {
            Side::Node => self.node.port,
            Side::Rust => self.rust.port,
        }
    }

    /// A browser that presents the session of this id, with this record.
    async fn browser_with(&self, id: &str, record: &str) -> Browser {
        self.store.put(id, record).await;
        let mut browser = Browser::default();
        browser.plant("connect.sid", &sign(id, SECRET));
        browser
    }

    /// The store's record of the browser's session.
    async fn record(&self, browser: &Browser) -> String {
        self.store.record(&browser.id()).await.expect("there is a record")
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The path of a change: `value` is put under `key`.
fn set(key: &str, value: &Value) -> String {
    let value = value.to_string();
    let value = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
    format!("POST /set?key={key}&value={value}")
}

async fn goes_on(test: &str, kind: Kind, options: Value) {
    let Some(world) = World::new(test, kind, options).await else { return };
    for (first, second) in DIRECTIONS {
        let (one, other) = (world.port(first), world.port(second));
        let mut browser = Browser::default();
        browser.ok(one, "POST /login?user=ada").await;
        let id = browser.id();
        assert_eq!(browser.ok(other, "GET /").await, json!({ "user": "ada" }));
        browser.ok(other, &set("cart", &json!(["tea"]))).await;
        assert_eq!(browser.ok(one, "GET /").await, json!({ "cart": ["tea"], "user": "ada" }));
        browser.ok(one, &set("cart", &json!(["tea", "milk"]))).await;
        for _ in 0..5 {
            browser.ok(one, "POST /increment?key=n").await;
            browser.ok(other, "POST /increment?key=n").await;
        }
        let all = json!({ "cart": ["tea", "milk"], "n": 10, "user": "ada" });
        assert_eq!(browser.ok(other, "GET /").await, all);
        browser.ok(other, "POST /remove?key=cart").await;
        assert_eq!(browser.ok(one, "GET /").await, json!({ "n": 10, "user": "ada" }));
        assert_eq!(browser.id(), id);

        // In another window somebody logs out: on both sides nobody is logged in any more.
        browser.window().ok(other, "POST /logout").await;
        assert_eq!(browser.ok(one, "GET /").await, json!({}));
        assert_eq!(browser.ok(other, "GET /").await, json!({}));
        assert_eq!(world.store.record(&id).await, None);
    }
}

#[tokio::test]
async fn one_goes_on_where_the_other_stopped_on_redis() {
    goes_on("one_goes_on_where_the_other_stopped_on_redis", Kind::Redis, json!({})).await;
}

#[tokio::test]
async fn one_goes_on_where_the_other_stopped_on_postgres() {
    let test = "one_goes_on_where_the_other_stopped_on_postgres";
    goes_on(test, Kind::Postgres("json"), json!({})).await;
}

// P-10: a table of jsonb, which keeps no order of keys
#[tokio::test]
async fn one_goes_on_where_the_other_stopped_on_jsonb() {
    let test = "one_goes_on_where_the_other_stopped_on_jsonb";
    goes_on(test, Kind::Postgres("jsonb"), json!({})).await;
}

#[tokio::test]
async fn one_goes_on_where_the_other_stopped_with_another_name_and_all_saved() {
    let test = "one_goes_on_where_the_other_stopped_with_another_name_and_all_saved";
    let options = json!({ "name": "sid", "saveUninitialized": true, "resave": true });
    goes_on(test, Kind::Redis, options).await;
}

// B-182: the old id is worth nothing on either side, the new one is a session on both
#[tokio::test]
async fn a_new_id() {
    for kind in KINDS {
        let Some(world) = World::new("a_new_id", kind, json!({})).await else { return };
        for (first, second) in DIRECTIONS {
            for change in ["POST /regenerate", "POST /login?user=bob"] {
                let (one, other) = (world.port(first), world.port(second));
                let mut browser = Browser::default();
                browser.ok(one, &set("cart", &json!(["tea"]))).await;
                let mut old = browser.window();
                browser.ok(other, change).await;
                browser.ok(other, &set("theme", &json!("dark"))).await;
                assert_ne!(browser.id(), old.id());
                let mut data = json!({ "theme": "dark" });
                if change.contains("bob") {
                    data["user"] = json!("bob");
                }
                for side in [one, other] {
                    assert_eq!(browser.ok(side, "GET /").await, data, "{kind:?} {change}");
                    assert_eq!(old.ok(side, "GET /").await, json!({}), "{kind:?} {change}");
                }
                assert_eq!(world.store.record(&old.id()).await, None);
            }
        }
    }
}

// B-106, R-04, P-05: each request moves the cookie's end, and the store's
#[tokio::test]
async fn rolling() {
    let options = json!({ "rolling": true, "cookie": { "maxAge": 60_000 } });
    for kind in KINDS {
        let Some(world) = World::new("rolling", kind, options.clone()).await else { return };
        for (first, second) in DIRECTIONS {
            let mut browser = Browser::default();
            browser.ok(world.port(first), "POST /login?user=ada").await;
            for side in [second, first] {
                world.store.expire(&browser.id(), 30).await;
                let before = browser.cookie().expires_datetime().expect("it has an end");
                tokio::time::sleep(Duration::from_millis(1_100)).await;
                browser.ok(world.port(side), "GET /").await;
                let after = browser.cookie().expires_datetime().expect("it has an end");
                assert!(after > before, "{kind:?} {side:?}: {before} {after}");
                let left = browser.max_age().expect("it has an end");
                assert!((45..=60).contains(&left.as_secs()), "{kind:?} {side:?}: {left:?}");
                let left = world.store.ttl(&browser.id()).await.expect("it has an end");
                assert!((45..=61).contains(&left.as_secs()), "{kind:?} {side:?}: {left:?}");
            }
        }
    }
}

// A cookie that has ended is not sent any more, and neither side has a session for who sends it.
#[tokio::test]
async fn the_end_of_a_session() {
    let options = json!({ "cookie": { "maxAge": 1_000 } });
    for kind in KINDS {
        let world = World::new("the_end_of_a_session", kind, options.clone()).await;
        let Some(world) = world else { return };
        for (first, second) in DIRECTIONS {
            let mut browser = Browser::default();
            browser.ok(world.port(first), "POST /login?user=ada").await;
            let value = browser.cookie().value().to_owned();
            tokio::time::sleep(Duration::from_millis(2_200)).await;
            assert_eq!(browser.cookies(), None);
            browser.plant("connect.sid", &value);
            assert_eq!(browser.ok(world.port(second), "GET /").await, json!({}), "{kind:?}");
        }
    }
}

// P-07: the store's end is the cookie's, rounded up to the second, on both sides
#[tokio::test]
async fn the_end_is_rounded_up_on_postgres() {
    let options = json!({ "cookie": { "maxAge": 60_200 } });
    let test = "the_end_is_rounded_up_on_postgres";
    let world = World::new(test, Kind::Postgres("json"), options).await;
    let Some(world) = world else { return };
    for side in [Side::Node, Side::Rust] {
        let mut browser = Browser::default();
        for turn in 0..5 {
            browser.ok(world.port(side), &set("turn", &json!(turn))).await;
            assert!(world.store.ends_with_the_second(&browser.id()).await, "{side:?}");
        }
    }
}

// the key's lifetime is the cookie's, rounded up to the second, on both sides
#[tokio::test]
async fn the_end_is_rounded_up_on_redis() {
    let options = json!({ "cookie": { "maxAge": 60_200 } });
    let world = World::new("the_end_is_rounded_up_on_redis", Kind::Redis, options).await;
    let Some(world) = world else { return };
    for side in [Side::Node, Side::Rust] {
        let mut longest = Duration::ZERO;
        // The machine can be too busy to see the last second.
        for turn in 0..40 {
            let mut browser = Browser::default();
            browser.ok(world.port(side), &set("turn", &json!(turn))).await;
            let left = world.store.ttl(&browser.id()).await.expect("it has an end");
            longest = longest.max(left);
            if longest > Duration::from_millis(60_200) {
                break;
            }
        }
        let rounded_up = Duration::from_millis(60_201)..=Duration::from_secs(61);
        assert!(rounded_up.contains(&longest), "{side:?}: {longest:?}");
    }
}

// R-06, P-07: a session that ends with the browser is kept for a day after its last use, on both sides
#[tokio::test]
async fn a_session_without_an_end() {
    for kind in KINDS {
        let world = World::new("a_session_without_an_end", kind, json!({})).await;
        let Some(world) = world else { return };
        for (first, second) in DIRECTIONS {
            let mut browser = Browser::default();
            browser.ok(world.port(first), "POST /login?user=ada").await;
            assert_eq!(browser.max_age(), None);
            for (side, line) in
                [(first, "GET /"), (second, "GET /"), (second, "POST /increment?key=n")]
            {
                world.store.expire(&browser.id(), 100).await;
                browser.ok(world.port(side), line).await;
                let left = world.store.ttl(&browser.id()).await.expect("it has an end");
                let day = Duration::from_secs(86_340)..=Duration::from_secs(86_401);
                assert!(day.contains(&left), "{kind:?} {side:?} {line}: {left:?}");
            }
        }
    }
}

// B-072, B-089: a session keeps the length that it was made with, or given, whoever touches it
#[tokio::test]
async fn the_length_is_the_sessions() {
    let of = |max_age: u32| json!({ "cookie": { "maxAge": max_age } });
    for kind in KINDS {
        let test = "the_length_is_the_sessions";
        let world = World::with(test, kind, of(1_000_000), of(2_000_000)).await;
        let Some(world) = world else { return };
        for (first, second) in DIRECTIONS {
            let mut browser = Browser::default();
            browser.ok(world.port(first), "POST /login?user=ada").await;
            let made = if first == Side::Node { 1_000 } else { 2_000 };
            for length in [made, 3_000] {
                if length == 3_000 {
                    browser.ok(world.port(first), "POST /remember?ms=3000000").await;
                }
                for line in ["GET /", "POST /increment?key=n"] {
                    world.store.expire(&browser.id(), 100).await;
                    browser.ok(world.port(second), line).await;
                    let left = world.store.ttl(&browser.id()).await.expect("it has an end");
                    let about = length - 60..=length + 1;
                    assert!(
                        about.contains(&left.as_secs()),
                        "{kind:?} {second:?} {line}: {left:?}"
                    );
                    let left = browser.max_age().expect("it has an end");
                    assert!(
                        about.contains(&left.as_secs()),
                        "{kind:?} {second:?} {line}: {left:?}"
                    );
                }
            }
        }
    }
}

/// Data with all that JSON has, as JavaScript writes it.
const DATA: &str = "\"z\":1,\"a\":{\"cookie\":\"nested\",\"c\":[1.5,-0.25,1e+21,1e-7,null,true,[],{}]},\
    \"text\":\"žluťoučký 🐎 \\\"\\\\/\\b\\t\u{2028} \\u0001\",\"čaj\":\"🍵\",\
    \"numbers\":[0.1,0.30000000000000004,5e-324,1.7976931348623157e+308,9007199254740991,\
    -9007199254740991,1234567890123.456],\"\":\"no name\"";

// F-01 … F-04, F-08: what is only read is not written; what is rewritten is what it was, and the cookie
// keeps its attributes
#[tokio::test]
async fn a_record_that_is_read_and_rewritten() {
    let cookie = "{\"originalMaxAge\":60000,\"priority\":\"High\",\
        \"expires\":\"2023-11-14T22:13:23.000Z\",\"secure\":false,\"httpOnly\":false,\
        \"path\":\"/\",\"sameSite\":\"Strict\"}";
    let record = format!("{{\"cookie\":{cookie},{DATA}}}");
    let mut data = parsed(&record);
    data.as_object_mut().expect("an object").remove("cookie");
    for kind in [Kind::Redis, Kind::Postgres("json"), Kind::Postgres("jsonb")] {
        let test = "a_record_that_is_read_and_rewritten";
        let Some(world) = World::new(test, kind, json!({})).await else { return };
        for (number, (first, second)) in DIRECTIONS.into_iter().enumerate() {
            let mut browser = world.browser_with(&format!("id {number}"), &record).await;
            let before = world.record(&browser).await;
            for side in [first, second] {
                world.store.expire(&browser.id(), 20).await;
                assert_eq!(browser.ok(world.port(side), "GET /").await, data, "{kind:?} {side:?}");
                assert_eq!(world.record(&browser).await, before, "{kind:?} {side:?}");
                let left = world.store.ttl(&browser.id()).await.expect("it has an end");
                assert!((45..=61).contains(&left.as_secs()), "{kind:?} {side:?}: {left:?}");
            }
            for side in [first, second, first] {
                browser.ok(world.port(side), &set("new", &json!(format!("{side:?}")))).await;
                let mut after = parsed(&world.record(&browser).await);
                let fields = after.as_object_mut().expect("an object");
                let cookie = fields.remove("cookie").expect("a cookie");
                assert_eq!(fields.remove("new"), Some(json!(format!("{side:?}"))));
                assert_eq!(after, data, "{kind:?} {side:?}");
                let max_age = cookie["originalMaxAge"].as_i64().expect("a number");
                assert!((59_900..=60_000).contains(&max_age), "{kind:?} {side:?}: {max_age}");
                let keys = ["priority", "secure", "httpOnly", "path", "sameSite"];
                let attributes = json!(keys.map(|key| &cookie[key]));
                assert_eq!(attributes, json!(["High", false, false, "/", "Strict"]));
            }
            assert_eq!(browser.cookie().http_only(), None);
        }
    }
}

/// A record without what the clock decides: express-session's `originalMaxAge` loses a millisecond now
/// and then (B-095).
fn masked(record: &str) -> String {
    let Some((before, rest)) = record.split_once("\"originalMaxAge\":") else {
        return record.into();
    };
    let (age, rest) = rest.split_once(',').expect("it is not the last");
    let Ok(age) = age.parse::<u32>() else { return record.into() };
    assert!((59_900..=60_000).contains(&age), "{age}");
    let (between, rest) = rest.split_once("\"expires\":\"").expect("it has an end");
    let (end, rest) = rest.split_once('"').expect("a text ends");
    assert!(end.len() == 24 && end.ends_with('Z'), "{end}");
    format!("{before}\"originalMaxAge\":60000,{between}\"expires\":\"\"{rest}")
}

// F-01 … F-03: to the byte, but for the order of keys: these are sorted (B-084, B-085)
#[tokio::test]
async fn both_write_the_same_bytes() {
    let options = [
        (Kind::Redis, json!({})),
        (Kind::Postgres("json"), json!({ "cookie": { "maxAge": 60_000, "sameSite": "lax" } })),
        (
            Kind::Redis,
            json!({ "cookie": { "httpOnly": false, "maxAge": 60_000, "path": "/", "priority": "HIGH",
                "sameSite": "Strict" } }),
        ),
        (
            Kind::Redis,
            json!({ "proxy": true, "cookie": { "partitioned": true, "sameSite": true, "secure": true } }),
        ),
    ];
    let values = [
        ("a", json!({ "b": [1, -2.5, null, true, {}], "c": { "cookie": "nested" } })),
        ("b", json!("žluťoučký 🐎 \"\\/\u{8}\u{b}\u{7f}\u{2028}")),
        ("c", json!([0.1, 5e-7, 9_007_199_254_740_991_i64, 123_456_789_012.75])),
    ];
    for (kind, options) in options {
        let world = World::new("both_write_the_same_bytes", kind, options.clone()).await;
        let Some(world) = world else { return };
        let mut records = Vec::new();
        for (first, second) in DIRECTIONS {
            for rest in [first, second] {
                // All by one side; or the beginning by the one, the rest by the other.
                let mut browser = Browser::behind_a_proxy();
                for (key, value) in &values[..2] {
                    browser.ok(world.port(first), &set(key, value)).await;
                }
                let (key, value) = &values[2];
                browser.ok(world.port(rest), &set(key, value)).await;
                records.push(masked(&world.record(&browser).await));
            }
        }
        assert_eq!(records, vec![records[0].as_str(); 4], "{options}");
        for (key, value) in &values {
            assert_eq!(&parsed(&records[0])[key], value);
        }
    }
}

// CK-10, B-053 … B-057, B-065: neither side takes what it did not sign, nor an id that it does not know
#[tokio::test]
async fn forged_cookies() {
    for kind in KINDS {
        let Some(world) = World::new("forged_cookies", kind, json!({})).await else { return };
        let mut owner = Browser::default();
        owner.ok(world.node.port, "POST /login?user=ada").await;
        let (id, value) = (owner.id(), owner.cookie().value().to_owned());
        let forged = [
            id.clone(),
            format!("s%3A{id}"),
            format!("s%3A{id}."),
            format!("s%3A{id}.AAAA"),
            sign(&id, "another secret"),
            value.replace("s%3A", ""),
            format!("{value}A"),
            value[..value.len() - 1].to_owned(),
            sign("unknown", SECRET),
            sign("", SECRET),
            "s%3A".into(),
            "%".into(),
            "%ff%00".into(),
            "\"\"".into(),
            String::new(),
        ];
        for side in [Side::Node, Side::Rust] {
            for value in &forged {
                let mut browser = Browser::default();
                browser.plant("connect.sid", value);
                assert_eq!(browser.ok(world.port(side), "GET /").await, json!({}), "{value}");
                browser.plant("connect.sid", value);
                browser.ok(world.port(side), "POST /increment?key=n").await;
                assert!(browser.id() != id && browser.id().len() == 32, "{side:?} {value}");
                assert_eq!(browser.ok(world.port(side), "GET /").await, json!({ "n": 1 }));
            }
        }
        for side in [Side::Node, Side::Rust] {
            assert_eq!(owner.ok(world.port(side), "GET /").await, json!({ "user": "ada" }));
        }
    }
}

// SG-3, B-056: the secret can be changed while both run; each step holds in either order of the sides
#[tokio::test]
async fn a_new_secret() {
    let (old, new) = (SECRET, "another secret of the tests, longer than 32 bytes");
    let Some(()) = apps::install("a_new_secret") else { return };
    let Some(store) = Store::new("a_new_secret", Kind::Redis).await else { return };
    let start = |side, secrets: &[&str]| {
        App::start(side, &store, &json!({ "secret": secrets, "conflict": "merge" }))
    };
    for (first, second) in DIRECTIONS {
        // First both learn the new one, and then they sign with it.
        let steps: [[&[&str]; 2]; 5] = [
            [&[old], &[old]],
            [&[old, new], &[old]],
            [&[old, new], &[old, new]],
            [&[new, old], &[old, new]],
            [&[new, old], &[new, old]],
        ];
        let mut users = Vec::new();
        for secrets in steps {
            let (one, other) = (start(first, secrets[0]), start(second, secrets[1]));
            for (side, user) in [(&one, "ada"), (&other, "bob")] {
                let mut browser = Browser::default();
                browser.ok(side.port, &format!("POST /login?user={user}")).await;
                users.push((user, browser));
            }
            for (user, browser) in &mut users {
                for side in [&one, &other] {
                    let data = browser.ok(side.port, "GET /").await;
                    assert_eq!(data, json!({ "user": user }), "{first:?} {secrets:?}");
                }
            }
        }
        // Who has a cookie of the old one when it goes is logged out.
        let (one, other) = (start(first, &[new]), start(second, &[new]));
        let mut known = Vec::new();
        for (user, browser) in &mut users {
            let data = [browser.ok(one.port, "GET /").await, browser.ok(other.port, "GET /").await];
            assert_eq!(data[0], data[1]);
            known.push(data[0] == json!({ "user": user }));
        }
        let expected = [false, false, false, false, false, false, true, false, true, true];
        assert_eq!(known, expected, "{first:?}");
    }
}

// B-136, B-158: behind a proxy that ends TLS, both send the Secure cookie; without it, neither does
#[tokio::test]
async fn a_secure_cookie_behind_a_proxy() {
    let options = json!({ "proxy": true, "cookie": { "secure": true } });
    let world = World::new("a_secure_cookie_behind_a_proxy", Kind::Redis, options).await;
    let Some(world) = world else { return };
    for (first, second) in DIRECTIONS {
        let (one, other) = (world.port(first), world.port(second));
        let mut browser = Browser::behind_a_proxy();
        browser.ok(one, "POST /login?user=ada").await;
        assert_eq!(browser.cookie().secure(), Some(true));
        assert_eq!(browser.ok(other, "GET /").await, json!({ "user": "ada" }));
        let mut plain = Browser::default();
        plain.ok(one, "POST /login?user=ada").await;
        assert_eq!(plain.cookies(), None);
    }
}

/// Sends a request, and while it is in its handler another one, which has to succeed; the status of the
/// first one.
async fn meanwhile(
    browser: &Browser,
    (port, line): (u16, &str),
    (other_port, other): (u16, &str),
) -> u16 {
    let (mut held, mut window, mut control) =
        (browser.window(), browser.window(), Browser::default());
    let line = format!("{line}{}hold=1", if line.contains('?') { '&' } else { '?' });
    let ((), answer) = tokio::join!(
        async {
            control.ok(port, "POST /held").await;
            window.ok(other_port, other).await;
            control.ok(port, "POST /release").await;
        },
        held.send(port, &line),
    );
    answer.status.as_u16()
}

// Rust loses nothing of what Node does meanwhile: it merges
#[tokio::test]
async fn node_writes_while_rust_works() {
    for kind in KINDS {
        let test = "node_writes_while_rust_works";
        let Some(world) = World::new(test, kind, json!({})).await else { return };
        let (node, rust) = (world.node.port, world.rust.port);
        let mut browser = Browser::default();
        browser.ok(node, "POST /increment?key=n").await;

        // Each changes a key of its own.
        let held =
            meanwhile(&browser, (rust, &set("rust", &json!(1))), (node, &set("node", &json!(1))))
                .await;
        assert_eq!(held, 200);
        let data = json!({ "n": 1, "node": 1, "rust": 1 });
        assert_eq!(browser.ok(node, "GET /").await, data, "{kind:?}");

        // Both count with one key.
        let held =
            meanwhile(&browser, (rust, "POST /increment?key=n"), (node, "POST /increment?key=n"))
                .await;
        assert_eq!(held, 200);
        let data = json!({ "n": 3, "node": 1, "rust": 1 });
        assert_eq!(browser.ok(node, "GET /").await, data, "{kind:?}");

        // A session that was logged out there does not come back by a write here; who only read is
        // answered.
        let held =
            meanwhile(&browser, (rust, &set("rust", &json!(2))), (node, "POST /logout")).await;
        assert_eq!(held, 409, "{kind:?}");
        assert_eq!(world.store.record(&browser.id()).await, None, "{kind:?}");
        let mut browser = Browser::default();
        browser.ok(node, "POST /increment?key=n").await;
        let held = meanwhile(&browser, (rust, "GET /"), (node, "POST /logout")).await;
        assert_eq!(held, 200, "{kind:?}");
        assert_eq!(world.store.record(&browser.id()).await, None, "{kind:?}");
    }
}

// What does not hold (B-130): Node writes over what Rust has written meanwhile, and brings back what Rust
// has ended; but only by requests that change the session
#[tokio::test]
async fn rust_writes_while_node_works() {
    for kind in KINDS {
        let test = "rust_writes_while_node_works";
        let Some(world) = World::new(test, kind, json!({})).await else { return };
        let (node, rust) = (world.node.port, world.rust.port);
        let mut browser = Browser::default();
        browser.ok(rust, "POST /increment?key=n").await;

        let held =
            meanwhile(&browser, (node, &set("node", &json!(1))), (rust, &set("rust", &json!(1))))
                .await;
        assert_eq!(held, 200);
        let data = browser.ok(rust, "GET /").await;
        assert_eq!(data, json!({ "n": 1, "node": 1 }), "{kind:?}: Rust's change is lost");

        let held = meanwhile(&browser, (node, "GET /"), (rust, &set("rust", &json!(1)))).await;
        assert_eq!(held, 200);
        let data = browser.ok(node, "GET /").await;
        assert_eq!(data, json!({ "n": 1, "node": 1, "rust": 1 }), "{kind:?}: a read loses nothing");

        let held = meanwhile(&browser, (node, "GET /"), (rust, "POST /logout")).await;
        assert_eq!(held, 200);
        assert_eq!(
            browser.ok(rust, "GET /").await,
            json!({}),
            "{kind:?}: a read brings nothing back"
        );

        let mut browser = Browser::default();
        browser.ok(rust, "POST /increment?key=n").await;
        let held =
            meanwhile(&browser, (node, "POST /increment?key=n"), (rust, "POST /logout")).await;
        assert_eq!(held, 200);
        let data = browser.ok(rust, "GET /").await;
        assert_eq!(data, json!({ "n": 2 }), "{kind:?}: the session is back");
    }
}

// B-112, B-130: why Node is to run with `resave: false`: otherwise a request there that changes nothing
// undoes what Rust did meanwhile, a logout, too
#[tokio::test]
async fn resave_on_the_node_side() {
    for kind in KINDS {
        let (resave, none) = (json!({ "resave": true }), json!({}));
        let world = World::with("resave_on_the_node_side", kind, resave, none).await;
        let Some(world) = world else { return };
        let (node, rust) = (world.node.port, world.rust.port);
        let mut browser = Browser::default();
        browser.ok(rust, "POST /increment?key=n").await;
        let held = meanwhile(&browser, (node, "GET /"), (rust, &set("rust", &json!(1)))).await;
        assert_eq!(held, 200);
        assert_eq!(browser.ok(rust, "GET /").await, json!({ "n": 1 }), "{kind:?}");
        let held = meanwhile(&browser, (node, "GET /"), (rust, "POST /logout")).await;
        assert_eq!(held, 200);
        assert_eq!(browser.ok(rust, "GET /").await, json!({ "n": 1 }), "{kind:?}");
    }
}

// P-08: connect-pg-simple writes the local time of its connection, and ours takes that zone as an option
#[tokio::test]
async fn a_time_zone() {
    let (Some(()), Some(mut store)) =
        (apps::install("a_time_zone"), Store::new("a_time_zone", Kind::Postgres("json")).await)
    else {
        return;
    };
    store.time_zone = Some("Asia/Kolkata");
    let cookie = json!({ "maxAge": 60_000 });
    let rust = json!({ "cookie": cookie, "timeZone": "Asia/Kolkata" });
    let world = World::on(store, json!({ "cookie": cookie }), rust);
    for (first, second) in DIRECTIONS {
        let mut browser = Browser::default();
        browser.ok(world.port(first), "POST /login?user=ada").await;
        for (side, line) in [(first, "GET /"), (second, "GET /"), (second, "POST /increment?key=n")]
        {
            world.store.expire(&browser.id(), 20).await;
            browser.ok(world.port(side), line).await;
            let left = world.store.ttl(&browser.id()).await.expect("it has an end");
            assert!((45..=61).contains(&left.as_secs()), "{side:?} {line}: {left:?}");
        }
        let data = json!({ "n": 1, "user": "ada" });
        assert_eq!(browser.ok(world.port(first), "GET /").await, data);
        world.store.expire(&browser.id(), 0).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_eq!(browser.ok(world.port(second), "GET /").await, json!({}));
    }
}

// F-05, F-06: names that Node would lose are refused; integers that it can't hold, it changes
#[tokio::test]
async fn what_node_does_not_hold() {
    for kind in KINDS {
        let test = "what_node_does_not_hold";
        let Some(world) = World::new(test, kind, json!({})).await else { return };
        let (node, rust) = (world.node.port, world.rust.port);
        let mut browser = Browser::default();
        browser.ok(node, "POST /login?user=ada").await;
        for name in ["save", "id", "toString", "__proto__", "cookie"] {
            let answer = browser.send(rust, &set(name, &json!(1))).await;
            assert_eq!(answer.status, 500, "{name}");
        }
        assert_eq!(browser.ok(rust, "GET /").await, json!({ "user": "ada" }));

        let (large, changed) = (9_007_199_254_740_993_u64, 9_007_199_254_740_992_u64);
        browser.ok(rust, &set("large", &json!(large))).await;
        browser.ok(node, "GET /").await;
        assert_eq!(parsed(&world.record(&browser).await)["large"], json!(large));
        browser.ok(node, "POST /increment?key=n").await;
        assert_eq!(parsed(&world.record(&browser).await)["large"], json!(changed));
    }
}

// Half of a surrogate pair, which JavaScript's texts can have and Rust's can't: the request fails, and the
// record stays
#[tokio::test]
async fn half_of_a_character() {
    for kind in KINDS {
        let test = "half_of_a_character";
        let Some(world) = World::new(test, kind, json!({})).await else { return };
        let record = "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"httpOnly\":true,\
            \"path\":\"/\"},\"half\":\"\\ud83d\"}";
        let mut browser = world.browser_with("half", record).await;
        assert_eq!(browser.send(world.rust.port, "GET /").await.status, 500, "{kind:?}");
        browser.ok(world.node.port, "GET /").await;
        assert_eq!(world.record(&browser).await, record, "{kind:?}");
    }
}

// When Node is gone: `recommended` under the name that the cookie has. Who is logged in stays so, and
// `reset_cookie` gives old sessions today's cookie. Back again, Node goes on with what there is.
#[tokio::test]
async fn from_express_to_recommended() {
    let recommended = json!({ "name": "connect.sid", "preset": "recommended" });
    for kind in KINDS {
        let test = "from_express_to_recommended";
        let world = World::with(test, kind, json!({}), recommended.clone()).await;
        let Some(world) = world else { return };
        let (node, rust) = (world.node.port, world.rust.port);
        let mut browser = Browser::default();
        browser.ok(node, "POST /login?user=ada").await;
        let id = browser.id();
        assert_eq!(browser.ok(rust, "GET /").await, json!({ "user": "ada" }));
        browser.ok(rust, &set("theme", &json!("dark"))).await;
        let cookie = parsed(&world.record(&browser).await)["cookie"].clone();
        assert_eq!(cookie["sameSite"], Value::Null, "{kind:?}: the attributes of its record");

        browser.ok(rust, "POST /reset-cookie").await;
        assert_eq!(browser.id(), id);
        assert_eq!(browser.cookie().same_site(), Some(cookie::SameSite::Lax));

        // The way back: Node sees one key more, the beginning of the absolute timeout.
        let data = browser.ok(node, "POST /increment?key=n").await;
        assert_eq!(data["theme"], json!("dark"));
        assert!(data["http-session:created"].is_number(), "{kind:?}: {data}");
        let data = json!({ "n": 1, "theme": "dark", "user": "ada" });
        assert_eq!(browser.ok(rust, "GET /").await, data, "{kind:?}");

        // A logout here makes the browser forget the cookie.
        browser.ok(rust, "POST /logout").await;
        assert_eq!(browser.cookies(), None);
    }
}

// The timeouts of Rust hold for as long as Node does not touch the record; then Node's rules do
#[tokio::test]
async fn timeouts_and_node() {
    let rust = json!({ "idleTimeout": 600 });
    for kind in KINDS {
        let world = World::with("timeouts_and_node", kind, json!({}), rust.clone()).await;
        let Some(world) = world else { return };
        let mut browser = Browser::default();
        browser.ok(world.node.port, "POST /login?user=ada").await;
        let sides = [(Side::Rust, 600), (Side::Node, 86_400), (Side::Rust, 600)];
        for (side, seconds) in sides {
            for line in ["GET /", "POST /increment?key=n"] {
                browser.ok(world.port(side), line).await;
                let left = world.store.ttl(&browser.id()).await.expect("it has an end");
                let about = seconds - 60..=seconds + 1;
                assert!(about.contains(&left.as_secs()), "{kind:?} {side:?} {line}: {left:?}");
            }
        }
    }
}

// passport's log-in, connect-flash's messages: what they put into the session is data like any other
#[tokio::test]
async fn what_middleware_keeps_in_the_session() {
    let test = "what_middleware_keeps_in_the_session";
    let Some(world) = World::new(test, Kind::Redis, json!({})).await else { return };
    let mut browser = Browser::default();
    browser.ok(world.node.port, &set("passport", &json!({ "user": 7 }))).await;
    browser.ok(world.node.port, &set("flash", &json!({ "info": ["Welcome!"] }))).await;
    let seen = browser.ok(world.rust.port, "POST /welcome").await;
    assert_eq!(seen, json!({ "flashes": [["info", "Welcome!"]], "user": 7 }));
    let data = json!({ "flash": { "info": ["Seen."] }, "passport": { "user": 7 } });
    assert_eq!(browser.ok(world.node.port, "GET /").await, data);
}

// Under another name everybody logs in anew, and the two don't disturb each other.
#[tokio::test]
async fn recommended_under_another_name() {
    let recommended = json!({ "preset": "recommended" });
    let test = "recommended_under_another_name";
    let world = World::with(test, Kind::Redis, json!({}), recommended).await;
    let Some(world) = world else { return };
    let (node, rust) = (world.node.port, world.rust.port);
    let mut browser = Browser::default();
    browser.ok(node, "POST /login?user=ada").await;
    assert_eq!(browser.ok(rust, "GET /").await, json!({}));
    browser.ok(rust, "POST /login?user=bob").await;
    assert_eq!(browser.ok(node, "GET /").await, json!({ "user": "ada" }));
    assert_eq!(browser.ok(rust, "GET /").await, json!({ "user": "bob" }));
}
