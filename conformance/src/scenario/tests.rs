use serde_json::{Value, json};

use super::*;
use crate::trace::Trace;

fn request(json: Value) -> Result<Request, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn options(json: &str) -> Options {
    serde_json::from_str(json).unwrap()
}

#[test]
fn scenarios_round_trip() {
    for text in [
        r#"{"name":"least","start":0,"options":{"secret":"k"},"requests":[]}"#,
        r##"{"name":"all","start":1700000000000,"options":{"secret":["k1","ключ"],"name":"sid",
            "resave":false,"saveUninitialized":true,"rolling":true,"unset":"destroy","proxy":true,
            "cookie":{"maxAge":null,"path":"/a b","expires":1700000005000,"sameSite":"auto",
            "secure":"auto","domain":".example.test","httpOnly":false,"partitioned":true,
            "priority":"High"},"storeTouch":false,"genid":"é#"},
            "preload":{"sid77":{"n":1,"cookie":null}},
            "requests":[{"at":0,"method":"HEAD","url":"/app/x?y=/z","headers":{"a":"b"},
            "encrypted":true,"secure":false,"cookie":"jar","handler":[],"status":404,
            "body":"empty","faults":{"get":"EIO","set":"ENOENT","touch":"EIO","destroy":"EIO"}}]}"##,
        r#"{"name":"cookies","start":0,"options":{"secret":"k","proxy":false,"unset":"keep",
            "cookieByPath":{"default":{},"/app":{"secure":true}}},
            "requests":[{},{"cookie":"none"},{"cookie":{"raw":""}},{"cookie":{"step":0}},
            {"cookie":{"step":1,"tamper":"lower-hex","before":"=","after":""}},
            {"cookie":{"sign":{"id":"a.b","secret":"k"},"tamper":"strip-signature"}}]}"#,
        r#"{"name":"operations","start":0,"options":{"secret":"k"},"requests":[{"handler":[
            {"op":"get","key":"n"},{"op":"keys"},{"op":"id"},{"op":"set","key":"n","value":null},
            {"op":"delete","key":"n"},{"op":"cookie"},
            {"op":"cookie.set","field":"maxAge","value":1000},{"op":"touch"},{"op":"save"},
            {"op":"reload"},{"op":"regenerate"},{"op":"destroy"},{"op":"unset"},
            {"op":"advance","ms":5},{"op":"other.set","id":"sid1","record":{"n":[1e21,2.5,{}]}},
            {"op":"other.destroy","id":"sid1"},
            {"op":"header","name":"Set-Cookie","value":"other=1"}]}]}"#,
        r#"{"name":"recommended","start":0,"options":{"preset":"recommended","secret":"k",
            "conflict":"refuse","idleTimeout":null,"absoluteTimeout":1000,"localhost":true},
            "requests":[{"faults":{"rotate":"EIO"},"handler":[{"op":"renew"},
            {"op":"login","key":"user","value":"ada"},{"op":"update","key":"n","add":-1},
            {"op":"cookie.reset"}]}]}"#,
    ] {
        let before: Value = serde_json::from_str(text).unwrap();
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&scenario).unwrap(), before);
        let again: Scenario =
            serde_json::from_str(&serde_json::to_string(&scenario).unwrap()).unwrap();
        assert_eq!(again, scenario);
    }
}

#[test]
fn traces_round_trip() {
    for text in [
        r#"{"name":"refused","rejected":true}"#,
        r#"{"name":"nothing","requests":[],"store":{}}"#,
        r#"{"name":"some","requests":[{"status":500,"session":null,"ops":[],"setCookie":[],
            "calls":[{"call":"get","id":"sid1"}],"errors":["store"]},
            {"status":200,"session":"sid2","ops":[true,null,{"error":"store"}],
            "setCookie":["sid=x; Path=/"],"calls":[
            {"call":"set","id":"sid2","record":{"cookie":{"path":"/"},"n":1}},
            {"call":"touch","id":"sid2","record":{"cookie":{"path":"/"}}},
            {"call":"destroy","id":"sid2"}],"errors":["other: text"]}],
            "store":{"sid2":{"cookie":{"path":"/"}}}}"#,
        r#"{"name":"recommended","requests":[{"status":409,"session":"sid1","ops":[],
            "setCookie":[],"vary":"Cookie","cacheControl":"no-cache, private","calls":[
            {"call":"rotate","id":"sid1","to":"sid2","record":{},"expires":5,"refused":"gone"}],
            "errors":["other: text"]}],"store":{}}"#,
    ] {
        let before: Value = serde_json::from_str(text).unwrap();
        let trace: Trace = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&trace).unwrap(), before);
    }
    for text in [
        r#"{"name":"half","requests":[]}"#,
        r#"{"name":"both","rejected":true,"requests":[],"store":{}}"#,
        r#"{"name":"more","rejected":true,"why":1}"#,
    ] {
        assert!(serde_json::from_str::<Trace>(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_absent_has_a_default() {
    let options = options(r#"{"secret":"k"}"#);
    assert_eq!(options.name(), "connect.sid");
    assert!(options.store_touch());
    assert_eq!(options.preset(), Preset::Express);
    assert_eq!(options.id(3), "sid3");
    assert_eq!(options.cookie_for("/"), None);
    let request = Request::default();
    assert_eq!((request.at(), request.method(), request.url()), (0, "GET", "/"));
    assert!(!request.encrypted() && !request.secure());
    assert_eq!(request.cookie(), &Presented::Jar);
    assert_eq!((request.status(), request.body()), (200, "ok"));
    assert_eq!(request.headers().count() + request.handler().len(), 0);
    assert_eq!(request.fault(StoreCall::Get), None);
}

#[test]
fn the_preset_gives_the_name() {
    let name = |json: &str| options(json).name().to_owned();
    assert_eq!(name(r#"{"secret":"k","preset":"express"}"#), "connect.sid");
    assert_eq!(name(r#"{"secret":"k","preset":"recommended"}"#), "__Host-id");
    assert_eq!(name(r#"{"secret":"k","preset":"recommended","name":"a"}"#), "a");
    assert_eq!(name(r#"{"secret":"k","preset":"recommended","localhost":true}"#), "id");
    assert_eq!(name(r#"{"secret":"k","localhost":true,"name":"__Host-a"}"#), "a");
}

#[test]
fn a_timeout_of_null_is_not_an_absent_one() {
    assert_eq!(options(r#"{"secret":"k"}"#).idle_timeout, None);
    assert_eq!(options(r#"{"secret":"k","idleTimeout":null}"#).idle_timeout, Some(None));
    assert_eq!(options(r#"{"secret":"k","idleTimeout":5}"#).idle_timeout, Some(Some(5)));
}

#[test]
fn what_is_present_is_used() {
    let options = options(
        r##"{"secret":["a","b"],"name":"","resave":false,"saveUninitialized":false,
            "rolling":true,"unset":"destroy","storeTouch":false,"genid":"a#b#"}"##,
    );
    assert_eq!(options.secret.as_slice(), ["a", "b"]);
    assert_eq!(Secrets::One("a".to_owned()).as_slice(), ["a"]);
    assert_eq!(options.name(), "connect.sid", "an empty name counts as absent");
    assert!(!options.store_touch());
    assert_eq!(options.id(12), "a12b12");
    let request = request(json!({
        "body": "empty", "headers": {"a": "b"}, "faults": {"set": "EIO", "touch": "ENOENT"},
    }))
    .unwrap();
    assert_eq!(request.body(), "");
    assert_eq!(request.headers().collect::<Vec<_>>(), [("a", "b")]);
    assert_eq!(request.fault(StoreCall::Set), Some(FaultCode::Eio));
    assert_eq!(request.fault(StoreCall::Touch), Some(FaultCode::Enoent));
    assert_eq!(request.fault(StoreCall::Destroy), None);
}

#[test]
fn the_order_of_cookie_options_is_kept() {
    for text in [r#"{"maxAge":1,"expires":2}"#, r#"{"expires":2,"maxAge":1}"#] {
        let cookie: CookieOptions = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&cookie).unwrap(), text);
        let options = options(&format!(r#"{{"secret":"k","cookieByPath":{{"/":{text}}}}}"#));
        assert_eq!(options.cookie_for("/"), Some(&cookie));
    }
    for text in [r#"{"maxage":1}"#, r#"{"path":"/","path":"/"}"#, r#"{"data":{}}"#] {
        assert!(serde_json::from_str::<CookieOptions>(text).is_err(), "{text}");
    }
}

#[test]
fn the_longest_key_selects_the_cookie_options() {
    let options = options(
        r#"{"secret":"k","cookie":{"path":"/unused"},"cookieByPath":{"default":{"path":"/d"},
            "/app":{"path":"/a"},"/app/x?y":{"path":"/x"}}}"#,
    );
    let path = |url| options.cookie_for(url).unwrap().get("path").unwrap().clone();
    assert_eq!(path("/"), "/d");
    assert_eq!(path("/ap"), "/d");
    assert_eq!(path("/application"), "/a");
    assert_eq!(path("/app/x"), "/a");
    assert_eq!(path("/app/x?y=1"), "/x");
}

#[test]
fn what_is_not_known_is_an_error() {
    for json in [
        json!({"cookies": "jar"}),
        json!({"cookie": "box"}),
        json!({"cookie": {}}),
        json!({"cookie": {"tamper": "pad"}}),
        json!({"cookie": {"step": 0, "tamper": "burn"}}),
        json!({"cookie": {"step": 0, "raw": ""}}),
        json!({"cookie": {"raw": "", "after": "b=2"}}),
        json!({"cookie": {"sign": {"id": "a", "secret": "k", "key": 1}}}),
        json!({"handler": [{"op": "sing"}]}),
        json!({"handler": [{"op": "keys", "key": "n"}]}),
        json!({"handler": [{"op": "get", "key": "n", "value": 1}]}),
        json!({"handler": [{"op": "set", "key": "n"}]}),
        json!({"faults": {"length": "EIO"}}),
        json!({"faults": {"get": "EPERM"}}),
    ] {
        assert!(request(json.clone()).is_err(), "{json}");
    }
    for text in [
        r#"{"name":"","start":0,"options":{},"requests":[]}"#,
        r#"{"name":"","start":0,"options":{"secret":"k","store":1},"requests":[]}"#,
        r#"{"name":"","start":0,"options":{"secret":"k","unset":"burn"},"requests":[]}"#,
        r#"{"name":"","start":0,"options":{"secret":"k"},"requests":[],"end":1}"#,
    ] {
        assert!(serde_json::from_str::<Scenario>(text).is_err(), "{text}");
    }
}
