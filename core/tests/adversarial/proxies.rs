//! PX-1 to PX-6: who may say that a connection is secure.

use http::HeaderName;
use http_session::{Config, Connection, Finding, Proxy, Reason, RequestFacts};

use super::model::*;

/// Is a request with these header lines secure? Seen from outside: a Secure cookie is sent and its record saved, or
/// neither.
fn is_secure(config: &Config, connection: Connection, lines: &[(&str, &[u8])]) -> bool {
    let mut request = http::Request::new(());
    request.extensions_mut().insert(connection);
    for (name, line) in lines {
        let name = name.parse::<HeaderName>().expect("a name");
        request.headers_mut().append(name, (*line).try_into().expect("a header's value"));
    }
    let mut store = Store::default();
    let mut exchange = store.begin(config, &RequestFacts::of(&request), "", now());
    set(&mut exchange, "views", 1);
    let outcome = store.end(exchange).expect("an outcome");
    let secure = line(&outcome).is_some();
    if !secure {
        assert_eq!(outcome.decision().cookie_reason, Reason::SecureOnPlainHttp);
    }
    assert_eq!(store.records.len(), usize::from(secure || config.has_quirks()));
    secure
}

/// Both presets, with a Secure cookie; express's first.
fn behind(proxy: impl Into<Proxy> + Copy) -> [Config; 2] {
    let cookie = http_session::CookieOptions::new().secure(true);
    [Config::express(SECRET), recommended()]
        .map(|builder| built(builder.cookie(cookie.clone()).proxy(proxy)))
}

const PROTO: &str = "X-Forwarded-Proto";

// PX-1: where nobody is trusted, what a client says of itself counts for nothing, and no record is left over
#[test]
fn nobody_is_trusted() {
    let says: [&[(&str, &[u8])]; 5] = [
        &[(PROTO, b"https")],
        &[("Forwarded", b"proto=https")],
        &[("X-Forwarded-Ssl", b"on"), ("Front-End-Https", b"on"), ("X-Url-Scheme", b"https")],
        &[
            ("X-Forwarded-Protocol", b"ssl"),
            ("X-Forwarded-Scheme", b"https"),
            ("Via", b"1.1 https"),
        ],
        &[(PROTO, b"https"), ("Forwarded", b"proto=https"), (PROTO, b"https")],
    ];
    for proxy in [Proxy::Distrust, Proxy::Framework] {
        for config in behind(proxy) {
            for lines in says {
                for connection in [Connection::Plain, Connection::Unknown] {
                    assert!(!is_secure(&config, connection, lines), "{proxy:?} {lines:?}");
                }
                assert!(is_secure(&config, Connection::Encrypted, lines));
                let upstream = is_secure(&config, Connection::SecureUpstream, lines);
                assert_eq!(upstream, proxy == Proxy::Framework);
            }
        }
    }
}

// PX-4: of two headers that disagree, the one that was chosen counts, and the other one for nothing
#[test]
fn one_header_is_believed() {
    for (proxy, ours, other) in
        [(Proxy::Trust, PROTO, "Forwarded"), (Proxy::Forwarded, "Forwarded", PROTO)]
    {
        let line = |name, proto: &str| {
            let form = if name == PROTO { proto.into() } else { format!("for=a;proto={proto}") };
            (name, form.into_bytes())
        };
        for config in behind(proxy) {
            for (said, others, secure) in [
                (Some("https"), Some("http"), true),
                (Some("http"), Some("https"), false),
                (Some("https"), None, true),
                (None, Some("https"), false),
            ] {
                let lines =
                    [said.map(|proto| line(ours, proto)), others.map(|proto| line(other, proto))];
                let lines: Vec<_> =
                    lines.iter().flatten().map(|(name, line)| (*name, &line[..])).collect();
                for lines in [lines.clone(), lines.into_iter().rev().collect()] {
                    assert_eq!(
                        is_secure(&config, Connection::Plain, &lines),
                        secure,
                        "{proxy:?} {lines:?}"
                    );
                }
            }
            assert!(config.audit().contains(&Finding::ProxyBelieved));
        }
    }
}

// PX-5: a Forwarded line that is malformed, repeats itself or goes on for long makes nothing secure
#[test]
fn malformed_forwarded_lines() {
    let long = format!("for={};proto=https", "a".repeat(10_240));
    let many = "for=a;proto=http, ".repeat(600) + "proto=https";
    let open = format!("for=\"{}", "proto=https,".repeat(800));
    for (line, secure) in [
        (&b"proto=https"[..], true),
        (b"PROTO=HTTPS", true),
        (b"proto=\"https\"", true),
        (b"for=a; proto=https", true),
        (long.as_bytes(), true),
        (many.as_bytes(), true),
        (b"proto=\"https\";proto=http", false),
        (b"proto=http;proto=https", false),
        (b"proto=https;proto=https", false),
        (b"proto=\"https", false),
        (b"proto=https\"", false),
        (b"for=\"a;proto=https", false),
        (b"for=\"a\\\";proto=https", false),
        (open.as_bytes(), false),
        (b"proto==https", false),
        (b"proto = https", false),
        (b"proto:https", false),
        (b"https", false),
        (b"proto=https,", false),
        (b"proto=https, for=a", false),
        (b"proto=https;for", false),
        (b"proto=https\xFF", false),
        (b"xproto=https", false),
        (b"proto=httpsx", false),
        (b"", false),
    ] {
        for config in behind(Proxy::Forwarded) {
            let is_secure = is_secure(&config, Connection::Plain, &[("Forwarded", line)]);
            assert_eq!(is_secure, secure, "{:.60}", line.escape_ascii());
        }
    }
}

// PX-2, PX-6: whose word counts in X-Forwarded-Proto: the farthest one's under express, which a client can write,
// the nearest proxy's otherwise
#[test]
fn forwarded_protos() {
    for (lines, express, recommended) in [
        (&["https"][..], true, true),
        (&["HTTPS"], true, true),
        (&[" https\t"], true, true),
        (&["https, http"], true, false),
        (&["http, https"], false, true),
        (&["https", "http"], true, false),
        (&["http", "https"], false, true),
        (&["https", "http", "https"], true, true),
        (&["https, https"], true, true),
        (&["https,"], true, false),
        (&[",https"], false, true),
        (&["https,,"], true, false),
        (&[",,https"], false, true),
        (&["https", ""], true, false),
        (&["", "https"], false, true),
        (&[""], false, false),
        (&[","], false, false),
        (&[" , "], false, false),
        (&["wss"], false, false),
        (&["on"], false, false),
        (&["ssl"], false, false),
        (&["true"], false, false),
        (&["https;"], false, false),
        (&["https;q=1"], false, false),
        (&["\"https\""], false, false),
        (&["https http"], false, false),
        (&["https://"], false, false),
        (&["httpsx"], false, false),
        (&["xhttps"], false, false),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| (PROTO, line.as_bytes())).collect();
        let secure = behind(true).map(|config| is_secure(&config, Connection::Plain, &lines));
        assert_eq!(secure, [express, recommended], "{lines:?}");
        let [distrusted, safe] =
            behind(false).map(|config| is_secure(&config, Connection::Plain, &lines));
        assert!(!distrusted && !safe);
    }
}
