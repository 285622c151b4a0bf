use super::*;

use crate::Secret;

const SIGNED: &str = "s:abc.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU";
const ENCODED: &str = "s%3Aabc.BpxCrWRpvZMh%2Fwk%2Fdjl34N%2Bm%2BVQEU7K%2F5WenLwJCgFU";

fn keys() -> Keys {
    Keys::new(&Secret::from("keyboard cat"), &[]).expect("a sound secret")
}

/// `s:id.signature`, for an id of our choice.
fn signed(id: &str) -> String {
    format!("s:{id}.{}", str::from_utf8(&keys().sign(id)).expect("ASCII"))
}

fn presented(lines: &[&[u8]]) -> Result<String, Origin> {
    let found = candidates(lines.iter().copied(), "sid", &keys(), 1)?;
    let [(id, true)] = &found[..] else { panic!("{} ids", found.len()) };
    Ok(id.as_str().into())
}

fn presents(lines: &[&[u8]], id: &str) {
    let lossy: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    assert_eq!(presented(lines).as_deref(), Ok(id), "{lossy:?}");
}

fn rejects(lines: &[&[u8]], reason: Origin) {
    let lossy: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
    assert_eq!(presented(lines), Err(reason), "{lossy:?}");
}

fn one(text: &str) -> Vec<u8> {
    text.replace("SIGNED", SIGNED).replace("ENCODED", ENCODED).into_bytes()
}

// B-044, B-045, B-046, B-047, B-048, B-051: where the pair is found, and in which dresses
#[test]
fn the_cookie_is_found() {
    for line in [
        "sid=SIGNED",
        "sid=ENCODED",
        "a=b; sid=SIGNED",
        "a=b;sid=SIGNED;c=d",
        "sid=SIGNED;",
        ";;sid=SIGNED",
        // Spaces and tabs, on all four sides.
        " \t sid \t = \t SIGNED \t ",
        "a=b; \tsid=SIGNED\t;c=d",
        // One pair of quotes, inside of the spaces.
        "sid=\"SIGNED\"",
        "sid=\"ENCODED\"",
        "sid= \"SIGNED\" ",
        // Pairs without `=` are skipped, whatever they are called.
        "sid; sid=SIGNED",
        "sid ; =x; sid=SIGNED",
        // Another name, in another case, or with ours inside.
        "SID=x; Sid=x; sid2=x; xsid=x; sid=SIGNED",
        "\"sid\"=x; sid=SIGNED",
        // A foreign value may hold anything, even our name.
        "a=sid=x; sid=SIGNED",
        "a=\"; sid=SIGNED",
        // Every character may be percent-encoded, in upper and lower case.
        "sid=%73:abc.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU",
        "sid=s%3a%61bc%2eBpxCrWRpvZMh%2fwk%2fdjl34N%2bm%2bVQEU7K/5WenLwJCgFU",
    ] {
        presents(&[&one(line)], "abc");
    }
}

// B-044: the value begins after the first `=`, and later ones belong to it
#[test]
fn the_first_equals_sign_divides() {
    for id in ["a=b", "=", "=="] {
        presents(&[format!("sid={}", signed(id)).as_bytes()], id);
    }
    rejects(&[&one("sid==SIGNED")], Origin::Unsigned);
}

// B-046: only one pair of quotes, and only if both are there
#[test]
fn quotes() {
    rejects(&[&one("sid=\"\"SIGNED\"\"")], Origin::Unsigned);
    rejects(&[&one("sid=\"SIGNED")], Origin::Unsigned);
    rejects(&[&one("sid=SIGNED\"")], Origin::BadSignature);
    rejects(&[&one("sid=\" SIGNED\"")], Origin::Unsigned);
    rejects(&[b"sid=\"\""], Origin::Absent);
    rejects(&[b"sid=\""], Origin::Absent);
    rejects(&[b"sid=\"\"\""], Origin::Unsigned);
}

// B-047: a value that can't be decoded as a whole is taken raw
#[test]
fn malformed_percent_encoding() {
    for broken in [
        "%",
        "%3",
        "%zz",
        "%3G",
        "% 3",
        "%+3",
        "%C3",
        "%C3%",
        "%C3x",
        "%C3%28",
        "%80",
        "%BF",
        "%FF",
        "%F8%80%80%80",
        "%C0%80",
        "%C1%BF",
        "%E0%80%80",
        "%ED%A0%80",
        "%F0%80%80%80",
        "%F4%90%80%80",
        "%F5%80%80%80",
        "%E2%82",
        "%E2%82AC",
    ] {
        // Raw, it is an id as any other: the `%`s belong to it.
        let id = format!("x{broken}");
        presents(&[format!("sid={}", signed(&id)).as_bytes()], &id);
        // And nothing of it is decoded.
        let encoded = format!("sid={}", signed(&id).replacen("s:", "s%3A", 1));
        rejects(&[encoded.as_bytes()], Origin::Unsigned);
    }
    // Nor if the broken escape is the end of the value.
    for broken in ["%", "%4"] {
        let encoded = format!("sid=s%3Aabc.x{broken}");
        rejects(&[encoded.as_bytes()], Origin::Unsigned);
    }
    for (encoded, id) in [
        ("%C3%A9", "é"),
        ("%e2%82%ac", "€"),
        ("%F0%9F%98%80", "😀"),
        ("%00", "\0"),
        ("%25", "%"),
        ("%2525", "%25"),
    ] {
        let signature = signed(id).split_off(2 + id.len());
        presents(&[format!("sid=s:{encoded}{signature}").as_bytes()], id);
    }
}

// B-047, B-048: bytes beyond ASCII are Latin-1, as Node reads them, whether they are UTF-8 or not
#[test]
fn bytes_beyond_ascii() {
    // "é" as Latin-1, and as the two bytes of UTF-8, which are "Ã©" in Latin-1.
    for (bytes, id) in
        [(&b"\xE9"[..], "é"), (b"\xC3\xA9", "Ã©"), (b"\xFF", "ÿ"), (b"\xA0", "\u{A0}")]
    {
        let signature = signed(id).split_off(2 + id.len());
        presents(&[&[b"sid=s:", bytes, signature.as_bytes()].concat()], id);
        // The same beside something that is decoded.
        presents(&[&[b"sid=s%3A", bytes, signature.as_bytes()].concat()], id);
    }
}

// B-044: a foreign cookie costs nobody the session, whatever its bytes
#[test]
fn foreign_cookies_with_bytes_that_are_no_text() {
    for byte in 0x80..=0xFF_u8 {
        let foreign = [b'a', byte, b'=', byte, b';'];
        presents(&[&[&foreign[..], b" sid=", SIGNED.as_bytes()].concat()], "abc");
        presents(&[&foreign, &one("sid=SIGNED")], "abc");
    }
}

// CK-5, B-045, B-051: nothing but spaces and tabs is cut off: with anything else it is another name
#[test]
fn another_name() {
    for byte in (0..=0xFF_u8).filter(|byte| !b" \t;=".contains(byte)) {
        rejects(&[&[&[byte], &one("sid=SIGNED")[..]].concat()], Origin::Absent);
        rejects(&[&[b"sid", &[byte][..], b"=", SIGNED.as_bytes()].concat()], Origin::Absent);
    }
    // A no-break space in UTF-8.
    rejects(&[&one("\u{A0}sid=SIGNED")], Origin::Absent);
    rejects(&[&one("si d=SIGNED")], Origin::Absent);
    // And after the value it belongs to the signature, after the colon to the id.
    rejects(&[&one("sid=SIGNED\u{A0}")], Origin::BadSignature);
    rejects(
        &[&one("sid=s: abc.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU")],
        Origin::BadSignature,
    );
}

// B-049: the first pair of the name wins, even if empty, unsigned or forged
#[test]
fn the_first_wins() {
    for (first, reason) in [
        ("sid=", Origin::Absent),
        ("sid=\"\"", Origin::Absent),
        ("sid=x", Origin::Unsigned),
        ("sid=s:abc.x", Origin::BadSignature),
    ] {
        rejects(&[&one(&format!("{first}; sid=SIGNED"))], reason);
        rejects(&[first.as_bytes(), &one("sid=SIGNED")], reason);
    }
    presents(&[&one("sid=SIGNED; sid=x; sid=")], "abc");
}

// B-044, B-049: several lines are one list
#[test]
fn several_lines() {
    presents(&[b"a=b", &one("c=d; sid=SIGNED")], "abc");
    presents(&[&one("sid=SIGNED"), b"sid=x"], "abc");
    presents(&[b"", b"sid", &one("sid=SIGNED")], "abc");
    // A pair does not go on in the next line.
    rejects(&[b"sid=", SIGNED.as_bytes()], Origin::Absent);
    rejects(&[b"sid", format!("={SIGNED}").as_bytes()], Origin::Absent);
}

// B-044, B-053, B-054, B-055, B-057, B-058, B-212: whatever is wrong is a reason for a new session
#[test]
fn rejected() {
    for (line, reason) in [
        ("", Origin::Absent),
        ("sid", Origin::Absent),
        ("sid=", Origin::Absent),
        ("sid= \t ", Origin::Absent),
        ("=SIGNED", Origin::Absent),
        ("sid:SIGNED", Origin::Absent),
        ("sid=x", Origin::Unsigned),
        ("sid=s", Origin::Unsigned),
        ("sid=j:{}", Origin::Unsigned),
        ("sid=S:abc.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU", Origin::Unsigned),
        ("sid=abc.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU", Origin::Unsigned),
        ("sid=s:", Origin::BadSignature),
        ("sid=s:.", Origin::BadSignature),
        ("sid=s:abc", Origin::BadSignature),
        ("sid=s:abc.", Origin::BadSignature),
        ("sid=SIGNED=", Origin::BadSignature),
        ("sid=s:SIGNED", Origin::BadSignature),
        ("sid=s:abd.BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU", Origin::BadSignature),
    ] {
        rejects(&[&one(line)], reason);
    }
    rejects(&[], Origin::Absent);
    // Well signed, and yet no id.
    rejects(&[format!("sid={}", signed("")).as_bytes()], Origin::Malformed);
    rejects(&[format!("sid={}", signed(&"x".repeat(1_025))).as_bytes()], Origin::Malformed);
    presents(&[format!("sid={}", signed("a.b.")).as_bytes()], "a.b.");
    presents(&[format!("sid={}", signed(&"x".repeat(1_024))).as_bytes()], &"x".repeat(1_024));
}

#[test]
fn values_of_4096_bytes_at_most_are_read() {
    // The longest id, each character of it percent-encoded: far below the limit.
    let id = "A".repeat(1_024);
    let encoded = signed(&id).replacen(&id, &"%41".repeat(1_024), 1);
    presents(&[format!("sid={encoded}").as_bytes()], &id);
    for (length, reason) in [(4_096, Origin::Unsigned), (4_097, Origin::Malformed)] {
        rejects(&[format!("sid={}", "x".repeat(length)).as_bytes()], reason);
        rejects(&[format!("sid=\"{}\"", "x".repeat(length)).as_bytes()], reason);
    }
    // A foreign cookie may be as long as it likes.
    presents(&[format!("a={}; sid={SIGNED}", "x".repeat(100_000)).as_bytes()], "abc");
}

// B-156, B-157, B-158, B-159: who may say that the request is secure
#[test]
fn is_secure() {
    use Connection::{Encrypted, Plain, SecureUpstream, Unknown};
    use Proxy::{Distrust, Forwarded, Framework, Trust};
    for connection in [Encrypted, Plain, SecureUpstream, Unknown] {
        for proxy in [Distrust, Forwarded, Framework, Trust] {
            for (line, quirks) in [
                (None, true),
                (None, false),
                (Some(&b"https"[..]), true),
                (Some(b"https"), false),
                (Some(b"http"), true),
                (Some(b"http"), false),
            ] {
                let forwarded_proto = line.map(|line| [line; 2]);
                let facts = RequestFacts { connection, forwarded_proto, ..RequestFacts::default() };
                let expected = connection == Encrypted
                    || (proxy == Framework && connection == SecureUpstream)
                    || (proxy == Trust && line == Some(b"https"));
                let secure = facts.is_secure(proxy, quirks);
                assert_eq!(secure, expected, "{connection:?} {proxy:?} {line:?} {quirks}");
            }
        }
    }
    assert_eq!((Proxy::from(true), Proxy::from(false)), (Trust, Distrust));
}

/// Is the request secure, by its first and its last line?
fn is_forwarded(first: &[u8], last: &[u8], quirks: bool) -> bool {
    let facts = RequestFacts { forwarded_proto: Some([first, last]), ..RequestFacts::default() };
    facts.is_secure(Proxy::Trust, quirks)
}

// PX-6, B-159: the first element, trimmed, in any case
#[test]
fn x_forwarded_proto() {
    for (line, secure) in [
        ("https", true),
        ("HTTPS", true),
        (" https ", true),
        ("https,http", true),
        ("Https , http", true),
        ("https,", true),
        ("http,https", false),
        (",https", false),
        ("", false),
        ("http", false),
        ("httpss", false),
        ("\"https\"", false),
        ("https;", false),
        ("h ttps", false),
        ("wss", false),
    ] {
        // Of several lines the first.
        for last in [line, "https", "http"] {
            assert_eq!(is_forwarded(line.as_bytes(), last.as_bytes(), true), secure, "{line}");
        }
    }
    assert!(!is_forwarded(b"\xFFhttps", b"\xFFhttps", true));
}

// B-038, B-160: what is read from an `http` request
#[test]
fn of_an_http_request() {
    let request = |uri: &str| http::Request::builder().uri(uri);
    for (uri, path) in [
        ("/", "/"),
        ("/a/b?c=/d", "/a/b"),
        ("/a%20b", "/a%20b"),
        ("http://foo/bar?x", "/bar"),
        ("http://foo", "/"),
        ("http://foo?x", "/"),
        ("*", "*"),
    ] {
        assert_eq!(
            RequestFacts::of(&request(uri).body(()).expect("a request")).path,
            path,
            "{uri}"
        );
    }
    let plain = request("/").body(()).expect("a request");
    let facts = RequestFacts::of(&plain);
    assert_eq!(facts.connection, Connection::Unknown);
    assert_eq!(facts.forwarded_proto, None);
    assert!(facts.template.is_none());
    let full = request("/")
        .extension(Connection::Encrypted)
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Proto", "http")
        .header("Cookie", "a=b")
        .header("Cookie", http::HeaderValue::from_bytes(b"c=\xFF").expect("bytes"))
        .body(())
        .expect("a request");
    let facts = RequestFacts::of(&full);
    assert_eq!(facts.connection, Connection::Encrypted);
    assert_eq!(facts.forwarded_proto, Some([&b"https"[..], b"http"]));
    assert_eq!(cookie_lines(full.headers()).collect::<Vec<_>>(), [&b"a=b"[..], b"c=\xFF"]);
    assert_eq!(cookie_lines(plain.headers()).count(), 0);
}

#[test]
fn each_origin_has_a_sentence_of_its_own() {
    let origins = [
        Origin::Absent,
        Origin::BadSignature,
        Origin::Expired,
        Origin::Loaded,
        Origin::Malformed,
        Origin::Missing,
        Origin::Unsigned,
    ];
    let sentences: std::collections::BTreeSet<_> =
        origins.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), origins.len());
}

// PX-6, B-159, B-162: without the quirks the last element of the last line, trimmed, in any case
#[test]
fn x_forwarded_proto_of_the_nearest_proxy() {
    for (line, secure) in [
        ("https", true),
        (" HTTPS ", true),
        ("http,https", true),
        ("https,http", false),
        ("https,", false),
        (",https", true),
        ("", false),
        ("http", false),
        ("\"https\"", false),
    ] {
        for first in [line, "https", "http"] {
            assert_eq!(is_forwarded(first.as_bytes(), line.as_bytes(), false), secure, "{line}");
        }
    }
    assert!(!is_forwarded(b"https", b"https\xFF", false));
}

/// RFC 6265 section 5.1.4, clause by clause.
fn path_matches(request: &str, cookie: &str) -> bool {
    let identical = request == cookie;
    let prefix = request.len() > cookie.len() && request.split_at(cookie.len()).0 == cookie;
    let ends_with_slash = cookie.as_bytes()[cookie.len() - 1] == b'/';
    let goes_on_with_slash = prefix && request.as_bytes()[cookie.len()] == b'/';
    identical || prefix && ends_with_slash || prefix && goes_on_with_slash
}

// B-040: segments count without the quirks, and with them any prefix
#[test]
fn below_a_path() {
    for (cookie, path, matches) in [
        ("/", "/", true),
        ("/", "", true),
        ("/", "/any", true),
        ("/app", "/app", true),
        ("/app", "/app/", true),
        ("/app", "/app/x", true),
        ("/app", "/application", false),
        ("/app", "/app.x", false),
        ("/app", "/App", false),
        ("/app", "/ap", false),
        ("/app/", "/app/", true),
        ("/app/", "/app/x", true),
        ("/app/", "/app", false),
        ("/", "*", false),
    ] {
        let facts = RequestFacts { path, ..RequestFacts::default() };
        assert_eq!(facts.is_below(cookie, false), matches, "{cookie} {path}");
        let path = if path.is_empty() { "/" } else { path };
        assert_eq!(facts.is_below(cookie, true), path.starts_with(cookie), "{cookie} {path}");
    }
}

proptest::proptest! {
    // B-040: whatever the paths, RFC 6265 decides
    #[test]
    fn below_is_what_rfc_6265_says(path in "/[a/]{0,6}", cookie in "/[a/]{0,6}") {
        let facts = RequestFacts { path: &path, ..RequestFacts::default() };
        proptest::prop_assert_eq!(facts.is_below(&cookie, false), path_matches(&path, &cookie));
        proptest::prop_assert_eq!(facts.is_below(&cookie, true), path.starts_with(&cookie));
    }
}

// PX-5: RFC 7239 sections 4 and 5.4: `proto` of the last element, which the nearest proxy wrote, whatever a client
// sent before it
#[test]
fn forwarded() {
    let secure = |line: &[u8]| {
        let facts = RequestFacts { forwarded: Some(line), ..RequestFacts::default() };
        let secure = [false, true].map(|quirks| facts.is_secure(Proxy::Forwarded, quirks));
        assert_eq!(secure[0], secure[1]);
        for proxy in [Proxy::Distrust, Proxy::Framework, Proxy::Trust] {
            assert!(!facts.is_secure(proxy, false) && !facts.is_secure(proxy, true));
        }
        secure[0]
    };
    for line in [
        "proto=https",
        "Proto=HTTPS",
        "proto=\"https\"",
        "for=192.0.2.60;proto=https;by=203.0.113.43",
        "for=\"[2001:db8:cafe::17]:4711\" ; proto=https",
        "for=[2001:db8::17]:4711;proto=https",
        "for=\"a,b;c\\\"d\";proto=https",
        "proto=http, for=192.0.2.43 ; proto=https",
        "proto=http,proto=https",
        "proto=http, ,proto=https",
        ";;proto=https;",
        "for=_hidden; host=example.com\t;\tproto=https",
    ] {
        assert!(secure(line.as_bytes()), "{line}");
    }
    for line in [
        "",
        " ",
        ",",
        "https",
        "proto=http",
        "proto=https2",
        "proto=https,",
        "proto=https, for=192.0.2.43",
        "proto=https,proto=http",
        "proto=https;proto=https",
        "proto=https;proto=http",
        "proto=",
        "proto",
        "proto =https",
        "proto= https",
        "proto=https proto=https",
        "xproto=https",
        "proto=\"https",
        "proto=\"https\"x",
        "proto=\"http\\s\"",
        "for=\"proto=https\"",
        "for=\";proto=https\"",
        "for=a\"b;proto=https",
        "=https",
        "=;proto=https",
    ] {
        assert!(!secure(line.as_bytes()), "{line}");
    }
    assert!(!secure(b"for=\xff;proto=https"));
}

// PX-5: RFC 7239 section 8.1: what a client sends does not make what the proxy appends mean something else
#[test]
fn forwarded_by_a_liar() {
    let of_proxies =
        ["for=192.0.2.43;proto=http", "for=\"[2001:db8::17]:1\";proto=http", "proto=http"];
    let pieces =
        ["", "\"", "\\", "proto=https", "for=\"", ";", ",", " ", "x", "=", "proto=\"https\""];
    let mut lies = vec![String::new()];
    for _ in 0..4 {
        let longer = lies.iter().flat_map(|lie| pieces.map(|piece| format!("{lie}{piece}")));
        lies = longer.collect();
    }
    for lie in lies {
        for of_proxy in of_proxies {
            let line = format!("{lie}, {of_proxy}");
            assert_ne!(is_https(line.as_bytes()), Some(true), "{line}");
        }
    }
}

// the lines of a request, whatever map they are in
#[test]
fn the_last_forwarded_line() {
    let request = http::Request::get("/a?b")
        .header("forwarded", "proto=https")
        .header("x-forwarded-proto", "a")
        .header("forwarded", "proto=http")
        .header("x-forwarded-proto", "b")
        .body(())
        .expect("a request");
    let facts = RequestFacts::of(&request);
    assert_eq!((facts.path, facts.forwarded), ("/a", Some(&b"proto=http"[..])));
    assert_eq!(facts.forwarded_proto, Some([&b"a"[..], b"b"]));
    let none = RequestFacts::read("/", |_| std::iter::empty());
    assert_eq!((none.forwarded, none.forwarded_proto), (None, None));
}

// B-038, RFC 9112 section 3.2: the path of a target, in each of its forms
#[test]
fn paths_of_targets() {
    for (target, path) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a?b=c", "/a"),
        ("/a?b=/c://d/e", "/a"),
        ("//a", "//a"),
        ("/a://b/c", "/a://b/c"),
        ("/%2F", "/%2F"),
        ("http://host", "/"),
        ("http://host?a", "/"),
        ("http://host/", "/"),
        ("http://user@host:1/a/b?c", "/a/b"),
        ("https://[::1]/a", "/a"),
        ("*", "*"),
        ("", ""),
        ("host:443", "host:443"),
    ] {
        assert_eq!(RequestFacts::path_of(target), path, "{target}");
        if let Ok(uri) = target.parse::<http::Uri>()
            && !target.starts_with(['*', 'h'])
        {
            assert_eq!(RequestFacts::path_of(target), uri.path(), "{target}");
        }
    }
    let uri: http::Uri = "http://host/a?b".parse().expect("a URI");
    assert_eq!(uri.path(), RequestFacts::path_of("http://host/a?b"));
}
