//! Scenarios drawn by lot, for what can't be enumerated: names, values, headers, clocks, lists of operations.

use std::collections::BTreeMap;

use http_session_conformance::invariants::Tally;
use http_session_conformance::scenario::{
    Alteration, Conflict, CookieOptions, FaultCode, Faults, Operation, Options, Presented, Preset,
    Request, Scenario, Secrets, Tamper, Unset,
};
use http_session_conformance::space;
use proptest::collection::{btree_map, vec};
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Value, json};

const START: i64 = 1_700_000_000_000;
const SECRETS: [&str; 3] = [
    "the first secret, 32 bytes long!",
    "the second secret, 32 bytes and more",
    "ein drittes Geheimnis, länger als nötig",
];
/// Ids that a client may have had signed: of records that there are at the beginning, and others.
const SIGNED: [&str; 4] = ["id.one", "id.two", "id.none", "ü;=\" ."];
/// Ids that others write to: those that are made, too, which nobody could guess.
const IDS: [&str; 4] = ["id.one", "id.two", "sid1", "sid2"];
const KEYS: [&str; 6] = ["n", "user", "a b", "\u{0}", "__proto__", "ключ"];

fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    select(values.to_vec())
}

fn text(values: &[&str]) -> impl Strategy<Value = String> + use<> {
    let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
    select(values)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z]{0,3}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn record() -> impl Strategy<Value = Value> {
    let cookie = prop_oneof![
        4 => (of(-1_000..200_000i64), any::<bool>()).prop_map(|(age, secure)| json!({
            "originalMaxAge": age,
            "expires": age.map(|age| format!("2023-11-14T22:{:02}:{:02}.{:03}Z", 14 + age / 60_000, age.rem_euclid(60_000) / 1_000, age.rem_euclid(1_000))),
            "httpOnly": true,
            "path": "/",
            "secure": secure,
        })),
        1 => Just(json!({})),
    ];
    prop_oneof![
        8 => (cookie, value()).prop_map(|(cookie, n)| json!({ "cookie": cookie, "n": n })),
        1 => value(),
    ]
}

fn cookie_options() -> impl Strategy<Value = CookieOptions> {
    let path = prop_oneof![3 => text(&["/", "/app", "", "/app/", "x"]), 1 => any::<String>()];
    let domain = prop_oneof![3 => text(&["example.com", ".a.test", ""]), 1 => "[a-z.-]{0,8}"];
    let same_site = prop_oneof![
        3 => one_of(&[json!("lax"), json!("Strict"), json!("none"), json!("auto"), json!(true), json!(false)]),
        1 => value(),
    ];
    let age = prop_oneof![
        Just(Value::Null),
        (-2_000..400_000i64).prop_map(Value::from),
        (0..i64::MAX).prop_map(Value::from)
    ];
    let end = prop_oneof![
        Just(Value::Null),
        Just(json!(false)),
        (START..START + 400_000).prop_map(Value::from)
    ];
    let pairs = (
        weighted(0.3, path.prop_map(Value::from)),
        weighted(0.2, domain.prop_map(Value::from)),
        weighted(0.3, any::<bool>().prop_map(Value::from)),
        weighted(0.4, one_of(&[json!(true), json!(false), json!("auto")])),
        weighted(0.3, same_site),
        weighted(0.4, age),
        weighted(0.1, end),
        weighted(0.2, any::<bool>().prop_map(Value::from)),
        weighted(0.2, one_of(&[json!("low"), json!("HIGH"), json!("medium"), json!(null)])),
    );
    pairs.prop_map(
        |(path, domain, http_only, secure, same_site, age, end, partitioned, priority)| {
            let pairs = [
                ("path", path),
                ("domain", domain),
                ("httpOnly", http_only),
                ("secure", secure),
                ("sameSite", same_site),
                ("maxAge", age),
                ("expires", end),
                ("partitioned", partitioned),
                ("priority", priority),
            ];
            let said = pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            CookieOptions(said.collect())
        },
    )
}

fn options() -> impl Strategy<Value = Options> {
    let name = prop_oneof![
        4 => text(&["sid", "__Host-id", "__Secure-id", "__http-id", ""]),
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}",
        1 => any::<String>(),
    ];
    let secrets = vec(prop_oneof![30 => text(&SECRETS), 1 => text(&["", "short"])], 1..4);
    let timeout = || weighted(0.3, of(prop_oneof![0..300_000u64, any::<u64>()]));
    let flag = || of(any::<bool>());
    let first = (
        one_of(&[Preset::Express, Preset::Recommended]),
        secrets,
        weighted(0.4, name),
        flag(),
        flag(),
        flag(),
    );
    let second = (
        of(one_of(&[Unset::Keep, Unset::Destroy])),
        flag(),
        weighted(0.6, cookie_options()),
        weighted(0.2, cookie_options()),
    );
    let third = (
        weighted(0.4, one_of(&[Conflict::Merge, Conflict::Overwrite, Conflict::Refuse])),
        timeout(),
        timeout(),
        weighted(0.1, any::<bool>()),
        weighted(0.2, any::<bool>()),
        weighted(0.2, text(&["sid#", "#", "id.#.ü;="])),
    );
    (first, second, third).prop_map(|(first, second, third)| {
        let (preset, secrets, name, resave, save_uninitialized, rolling) = first;
        let (unset, proxy, cookie, by_path) = second;
        let (conflict, idle_timeout, absolute_timeout, localhost, store_touch, genid) = third;
        Options {
            preset: Some(preset),
            secret: Secrets::Many(secrets),
            name,
            resave,
            save_uninitialized,
            rolling,
            unset,
            proxy,
            cookie: cookie.filter(|_| by_path.is_none()),
            cookie_by_path: by_path.map(|cookie| {
                BTreeMap::from([
                    ("default".to_owned(), CookieOptions::default()),
                    ("/app".to_owned(), cookie),
                ])
            }),
            conflict,
            idle_timeout,
            absolute_timeout,
            localhost,
            store_touch,
            genid,
        }
    })
}

fn presented() -> impl Strategy<Value = Presented> {
    let beside = || {
        weighted(
            0.2,
            prop_oneof![text(&["sid=1", "__Host-id=x; a=b", "connect.sid"]), "[ -~]{0,12}"],
        )
    };
    let alter = || {
        (weighted(0.2, one_of(&Tamper::ALL)), beside(), beside())
            .prop_map(|(tamper, before, after)| Alteration { tamper, before, after })
    };
    let id = prop_oneof![5 => text(&SIGNED), 1 => "\\PC{0,8}"];
    prop_oneof![
        5 => Just(Presented::Jar),
        1 => Just(Presented::None),
        1 => any::<String>().prop_map(Presented::Raw),
        2 => (0..4usize, alter()).prop_map(|(step, alter)| Presented::Step { step, alter }),
        4 => (id, text(&SECRETS), alter()).prop_map(|(id, secret, alter)| Presented::Sign { id, secret, alter }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || prop_oneof![4 => text(&KEYS), 1 => any::<String>()];
    let field = one_of(&[
        ("maxAge", json!(5_000)),
        ("maxAge", json!(-1)),
        ("maxAge", json!(null)),
        ("expires", json!(START + 60_000)),
        ("expires", json!(null)),
        ("expires", json!(false)),
        ("originalMaxAge", json!(1_000)),
        ("path", json!("/app")),
        ("domain", json!("example.org")),
        ("secure", json!(true)),
        ("sameSite", json!("strict")),
        ("httpOnly", json!(false)),
    ]);
    let header = one_of(&[
        ("Set-Cookie", "a=b; Path=/"),
        ("Vary", "Accept"),
        ("Vary", "*"),
        ("Cache-Control", "public, max-age=60"),
        ("Cache-Control", "no-store"),
        ("Cache-Control", "must-understand, no-store"),
    ]);
    prop_oneof![
        2 => prop_oneof![-100_000..100_000i64, 0..3_000_000_000i64].prop_map(|ms| Operation::Advance { ms }),
        1 => Just(Operation::Cookie {}),
        1 => Just(Operation::CookieReset {}),
        2 => field.prop_map(|(field, value)| Operation::CookieSet { field: field.into(), value }),
        1 => key().prop_map(|key| Operation::Delete { key }),
        2 => Just(Operation::Destroy {}),
        1 => key().prop_map(|key| Operation::Get { key }),
        1 => header.prop_map(|(name, value)| Operation::Header { name: name.into(), value: value.into() }),
        1 => Just(Operation::Id {}),
        1 => Just(Operation::Keys {}),
        2 => (text(&["user", "n"]), value()).prop_map(|(key, value)| Operation::LogIn { key, value }),
        2 => text(&IDS).prop_map(|id| Operation::OtherDestroy { id }),
        2 => (text(&IDS), record()).prop_map(|(id, record)| Operation::OtherSet { id, record }),
        2 => Just(Operation::Regenerate {}),
        1 => Just(Operation::Reload {}),
        2 => Just(Operation::Renew {}),
        2 => Just(Operation::Save {}),
        5 => (key(), value()).prop_map(|(key, value)| Operation::Set { key, value }),
        1 => Just(Operation::Touch {}),
        1 => Just(Operation::Unset {}),
        1 => (key(), -9..9i64).prop_map(|(key, add)| Operation::Update { key, add }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let at = of(prop_oneof![0..200_000i64, -100_000..0i64, 0..3_000_000_000i64]);
    let url = prop_oneof![
        4 => text(&["/", "/app", "/app/a?x=1", "/application", "http://localhost/app", "/%41pp"]),
        1 => "/[a-z/.]{0,8}",
    ];
    let proto = prop_oneof![text(&["https", "http", "https, http", "http,HTTPS "]), "[ -~]{0,8}"];
    let headers = weighted(
        0.3,
        proto.prop_map(|proto| BTreeMap::from([("x-forwarded-proto".to_owned(), proto)])),
    );
    let fault = || weighted(0.3, one_of(&[FaultCode::Eio, FaultCode::Enoent]));
    let faults = (fault(), fault(), fault(), fault(), fault())
        .prop_map(|(destroy, get, rotate, set, touch)| Faults { destroy, get, rotate, set, touch });
    let first = (at, url, headers, of(any::<bool>()), weighted(0.2, any::<bool>()));
    (first, presented(), vec(operation(), 0..6), weighted(0.15, faults), weighted(0.1, 200..600u16))
        .prop_map(|((at, url, headers, encrypted, secure), cookie, handler, faults, status)| {
            Request {
                at,
                url: Some(url),
                headers,
                encrypted,
                secure,
                cookie: Some(cookie),
                handler: Some(handler),
                status,
                faults,
                ..Request::default()
            }
        })
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let preload = btree_map(text(&["id.one", "id.two"]), record(), 0..3);
    (options(), preload, vec(request(), 1..6)).prop_map(|(options, preload, requests)| Scenario {
        name: "drawn".into(),
        start: START,
        options,
        preload,
        requests,
    })
}

/// 500 unless `PROPTEST_CASES` says otherwise.
#[test]
fn the_promises_hold_in_what_is_drawn() {
    let given = std::env::var_os("PROPTEST_CASES").is_some();
    let config = Config { failure_persistence: None, ..Config::default() };
    let cases = if given { config.cases } else { 500 };
    let mut runner = TestRunner::new(Config { cases, ..config });
    let tally = std::cell::RefCell::new(Tally::default());
    let run = runner.run(&scenario(), |scenario| {
        let tried = space::try_out(&scenario, true, &mut tally.borrow_mut());
        tried.map(drop).map_err(|violation| TestCaseError::fail(violation.to_string()))
    });
    println!("{cases} cases\n{}", tally.borrow());
    if let Err(TestError::Fail(reason, scenario)) = run {
        let line = serde_json::to_string(&scenario).expect("a scenario has a JSON text");
        panic!(
            "{reason}\n{line}\nreplay that line with `cargo run --release -q -p http-session-conformance \
             --no-default-features --bin trace -- --via core`"
        );
    }
    assert!(run.is_ok(), "{run:?}");
}
