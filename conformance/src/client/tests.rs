use serde_json::{Value, json};

use super::*;

const SIGNED: &str = "s%3Asid1.nvxvTN5hErRYahZX%2FPvNFznKBOHgPTy0E%2BRhThBc%2Fnc";

/// The Cookie header of the last of several requests that present `cookie`, after responses with
/// these Set-Cookie lines.
fn header_named(name: &str, cookie: Value, responses: &[&[&str]]) -> Option<Vec<u8>> {
    let scenario = json!({
        "name": "", "start": 0, "options": {"secret": "k1", "name": name},
        "requests": vec![json!({"cookie": cookie}); responses.len() + 1],
    });
    let lines = |lines: &&[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let set_cookies: Vec<Vec<String>> = responses.iter().map(lines).collect();
    cookie_header(&serde_json::from_value(scenario).unwrap(), responses.len(), &set_cookies)
}

fn header(cookie: Value, responses: &[&[&str]]) -> Option<String> {
    header_named("sid", cookie, responses).map(|header| String::from_utf8(header).unwrap())
}

fn tampered_with(tamper: &str, value: &str) -> String {
    let line = format!("sid={value}; Path=/");
    let header = header(json!({"step": 0, "tamper": tamper}), &[&[&line]]).unwrap();
    header.strip_prefix("sid=").unwrap().to_owned()
}

#[test]
fn the_jar_presents_the_last_value() {
    assert_eq!(header(json!("jar"), &[]), None);
    assert_eq!(header(json!("jar"), &[&[]]), None);
    let responses: &[&[&str]] = &[&["sid=1; Path=/"], &["sid=2", "other=3", "sid=4; Secure"], &[]];
    assert_eq!(header(json!("jar"), responses).unwrap(), "sid=4");
}

#[test]
fn the_jar_knows_the_session_cookie_only() {
    assert_eq!(header(json!("jar"), &[&["other=1", "Sid=2", "sid2=3", "xsid=4"]]), None);
    let header = header_named("connect.sid", json!("jar"), &[&["connect.sid=1;Path=/"]]);
    assert_eq!(header.unwrap(), b"connect.sid=1");
}

#[test]
fn none_has_no_header_and_raw_is_the_header() {
    assert_eq!(header(json!("none"), &[&["sid=1"]]), None);
    assert_eq!(header(json!({"raw": "a; b"}), &[&["sid=1"]]).unwrap(), "a; b");
    assert_eq!(header(json!({"raw": ""}), &[&["sid=1"]]).unwrap(), "");
}

#[test]
fn characters_are_sent_as_latin_1_where_there_is_one() {
    let header = |raw| header_named("sid", json!({"raw": raw}), &[]).unwrap();
    assert_eq!(header("sid=\u{e9}\u{ff}"), b"sid=\xe9\xff");
    assert_eq!(header("sid=\u{100}\u{20ac}"), "sid=\u{100}\u{20ac}".as_bytes());
    assert_eq!(latin1(b"sid=\xe9\xff"), "sid=\u{e9}\u{ff}");
}

#[test]
fn a_step_presents_what_that_response_set() {
    let responses: &[&[&str]] = &[&["sid=1"], &["other=2"], &["sid=3"]];
    assert_eq!(header(json!({"step": 0}), responses).unwrap(), "sid=1");
    assert_eq!(header(json!({"step": 1}), responses), None);
    assert_eq!(header(json!({"step": 1, "before": "a=1"}), responses), None);
    assert_eq!(header(json!({"step": 3}), responses), None);
}

#[test]
fn signing_equals_the_recorded_cookie() {
    assert_eq!(sign("sid1", "k1"), SIGNED);
    let cookie = json!({"sign": {"id": "sid1", "secret": "k1"}});
    assert_eq!(header(cookie, &[]).unwrap(), format!("sid={SIGNED}"));
    assert!(sign("x y!~*'()-_é/+=%", "k").starts_with("s%3Ax%20y!~*'()-_%C3%A9%2F%2B%3D%25."));
    assert_ne!(sign("sid1", "ключ"), SIGNED);
}

#[test]
fn every_way_to_tamper() {
    assert_eq!(tampered_with("append", "x"), "xA");
    assert_eq!(tampered_with("decoded", "s%3Aa%2Fb%2B"), "s:a/b+");
    assert_eq!(tampered_with("flip-last", "xB"), "xA");
    assert_eq!(tampered_with("flip-last", "xA"), "xB");
    assert_eq!(tampered_with("lower-hex", "s%3AX%2Fy%C3%A9Z%"), "s%3aX%2fy%c3%a9Z%");
    assert_eq!(tampered_with("pad", "x"), "x=");
    assert_eq!(tampered_with("quoted", "x"), "\"x\"");
    assert_eq!(tampered_with("strip-prefix", "s%3As%3Ax"), "s%3Ax");
    assert_eq!(tampered_with("strip-prefix", "s:x"), "s:x");
    assert_eq!(tampered_with("strip-signature", "a.b.c"), "a.b");
    assert_eq!(tampered_with("strip-signature", "abc"), "abc");
    assert_eq!(tampered_with("truncate", "abc"), "ab");
}

#[test]
fn a_decoded_value_is_sent_as_latin_1() {
    let cookie = json!({"step": 0, "tamper": "decoded"});
    let header = header_named("sid", cookie, &[&["sid=s%3A%C3%A91.x"]]);
    assert_eq!(header.unwrap(), b"sid=s:\xe91.x");
}

#[test]
fn other_pairs_stand_around_the_own() {
    let own = |before: &str, after: &str| {
        header(json!({"step": 0, "before": before, "after": after}), &[&["sid=1"]]).unwrap()
    };
    assert_eq!(own("a=1", "b=2; c"), "a=1; sid=1; b=2; c");
    assert_eq!(own("", "b=2"), "sid=1; b=2");
    assert_eq!(own("a=1", ""), "a=1; sid=1");
    let cookie = json!({"sign": {"id": "sid1", "secret": "k1"}, "tamper": "pad", "before": "="});
    assert_eq!(header(cookie, &[]).unwrap(), format!("=; sid={SIGNED}="));
}
