//! Forwarded (RFC 7239) against a second parser, and against clients that write what comes before the proxy's own
//! element.

#[path = "common/text.rs"]
mod text;

use http_session::{Begin, Config, Proxy, Reason, RequestFacts, SessionId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use text::text;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Is a request with this line secure? Seen from outside: a Secure cookie is sent, or it is not.
fn is_secure(config: &Config, line: &[u8]) -> bool {
    let now = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
    let lines = |name| (name == "forwarded").then_some(line).into_iter();
    let facts = RequestFacts::read("/", lines);
    let Begin::Create(create) = config.begin(&facts, [], now) else { panic!("no cookie") };
    let mut exchange = create.with_id(SessionId::from_text("sid1").expect("an id"), now);
    exchange.session().expect("a new one").insert("n", 1).expect("it takes all");
    let saves = exchange.finish::<()>(now).expect("it is small").is_some();
    if !saves {
        let reason = exchange.outcome().expect("it has ended").decision().cookie_reason;
        assert_eq!(reason, Reason::SecureOnPlainHttp);
    }
    saves
}

fn config() -> Config {
    Config::recommended(SECRET).proxy(Proxy::Forwarded).build().expect("sound options")
}

/// Where the second parser is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Begin,
    Name,
    ValueBegins,
    Value,
    Quoted,
    Escaped,
    End,
}

/// Byte by byte, and with whole elements kept: `None` if the line is malformed, or else whether `proto` of its last
/// element is https.
fn second(line: &[u8]) -> Option<bool> {
    let space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0C');
    let plain =
        |byte: u8| (0x21..=0x7E).contains(&byte) && !matches!(byte, b'"' | b',' | b';' | b'=');
    let mut elements: Vec<Vec<(Vec<u8>, Vec<u8>)>> = vec![vec![]];
    let (mut name, mut value, mut at) = (Vec::new(), Vec::new(), At::Begin);
    for byte in line.iter().copied().chain([b';']) {
        at = match at {
            At::Begin if space(byte) => At::Begin,
            At::Begin | At::End if byte == b';' => At::Begin,
            At::Begin | At::End if byte == b',' => {
                elements.push(vec![]);
                At::Begin
            }
            At::Begin | At::Name if plain(byte) => {
                name.push(byte);
                At::Name
            }
            At::Name if byte == b'=' => At::ValueBegins,
            At::ValueBegins if byte == b'"' => At::Quoted,
            At::ValueBegins | At::Value if plain(byte) => {
                value.push(byte);
                At::Value
            }
            At::Quoted if byte == b'\\' => {
                value.push(byte);
                At::Escaped
            }
            At::Quoted if byte == b'"' => At::End,
            At::Quoted | At::Escaped => {
                value.push(byte);
                At::Quoted
            }
            At::ValueBegins | At::Value | At::End if space(byte) => At::End,
            At::ValueBegins | At::Value if byte == b';' => At::Begin,
            At::ValueBegins | At::Value if byte == b',' => At::Begin,
            _ => return None,
        };
        // A pair is complete.
        if matches!(at, At::Begin | At::End) && !name.is_empty() {
            let pair = (std::mem::take(&mut name), std::mem::take(&mut value));
            elements.last_mut().expect("there is one").push(pair);
            if at == At::Begin && byte == b',' {
                elements.push(vec![]);
            }
        }
    }
    // The `;` at the end closed what was open, unless that was a quoted text.
    if at != At::Begin {
        return None;
    }
    let protos = |element: &Vec<(Vec<u8>, Vec<u8>)>| {
        let proto = |(name, _): &&(Vec<u8>, Vec<u8>)| name.eq_ignore_ascii_case(b"proto");
        let protos = element.iter().filter(proto);
        protos.map(|(_, value)| value.eq_ignore_ascii_case(b"https")).collect::<Vec<_>>()
    };
    let protos: Vec<_> = elements.iter().map(protos).collect();
    if protos.iter().any(|element| element.len() > 1) {
        return None;
    }
    Some(protos.last().is_some_and(|element| element == &[true]))
}

/// Pieces that a line is made of, so that most of them mean something.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"proto",
        b"Proto",
        b"=",
        b"https",
        b"HTTPS",
        b"http",
        b"\"",
        b"\\",
        b",",
        b";",
        b" ",
        b"\t",
        b"for",
        b"proto=https",
        b"proto=\"https\"",
        b"proto=http",
        b"for=\"",
        b"\"https\"",
        b"x",
        b"[::1]:80",
        b"\xFF",
        b"",
    ];
    prop_oneof![
        9 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(piece(), 0..14).prop_map(|pieces| pieces.concat()), vec(any::<u8>(), 0..24)]
}

/// An element as a proxy writes it.
fn element(proto: &'static str) -> impl Strategy<Value = String> {
    let node = prop_oneof![
        text("192\\.0\\.2\\.[0-9]{1,2}"),
        text("\"\\[2001:db8::[0-9a-f]{1,4}\\](:[0-9]{2,5})?\""),
        Just(String::from("unknown")),
        text("_[a-z]{1,4}")
    ];
    let host =
        prop_oneof![text("[a-z]{1,8}\\.example"), text("\"[a-z]{1,8}\\.example:[0-9]{2,4}\"")];
    (node, host, any::<bool>(), any::<bool>()).prop_map(move |(node, host, first, quoted)| {
        let proto = if quoted { format!("proto=\"{proto}\"") } else { format!("proto={proto}") };
        if first {
            format!("{proto};for={node};host={host}")
        } else {
            format!("for={node};host={host};{proto}")
        }
    })
}

proptest! {
    // PX-5: the two parsers agree, and no byte makes the first one panic
    #[test]
    fn as_the_second_parser(line in line()) {
        prop_assert_eq!(is_secure(&config(), &line), second(&line) == Some(true));
    }

    // PX-5: whatever a client wrote before it, an element of the nearest proxy that says http is not taken for https
    #[test]
    fn no_client_says_https(client in line(), proxy in element("http"), comma in text("[ \t]{0,2},[ \t]{0,2}")) {
        let line = [&client[..], comma.as_bytes(), proxy.as_bytes()].concat();
        prop_assert!(!is_secure(&config(), &line), "{}", String::from_utf8_lossy(&line));
    }

    // and one that says https counts, after what is well-formed
    #[test]
    fn the_proxy_says_https(client in line(), proxy in element("https")) {
        let line = [&client[..], b", ", proxy.as_bytes()].concat();
        if second(&client).is_some() {
            prop_assert!(is_secure(&config(), &line), "{}", String::from_utf8_lossy(&line));
        }
        prop_assert!(is_secure(&config(), proxy.as_bytes()));
    }
}

// of several lines the last one counts, and none is the same as an empty one
#[test]
fn lines() {
    let of = |lines: &[&'static str]| {
        let mut request = http::Request::get("/");
        for line in lines {
            request = request.header("Forwarded", *line);
        }
        let request = request.body(()).expect("a request");
        RequestFacts::of(&request).forwarded.map(<[u8]>::to_vec)
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&["proto=https"]), Some(b"proto=https".to_vec()));
    assert_eq!(of(&["proto=https", "proto=http"]), Some(b"proto=http".to_vec()));
    assert_eq!(of(&["a=1", "b=2", "proto=https"]), Some(b"proto=https".to_vec()));
    assert!(!is_secure(&config(), b""));
}

// a backslash that is escaped escapes nothing: the quote after it ends the text
#[test]
fn escapes() {
    for (line, secure) in [
        (&br#"for="a\\";proto=https"#[..], true),
        (br#"for="a\\\\";proto=https"#, true),
        (br#"for="a\\\";proto=https"#, false),
        (br#"for="a\";proto=https"#, false),
        (br#"for="a\\", for=b;proto=https"#, true),
        (br#"for="\\", for="x";proto=http"#, false),
        (br#"proto="http\s""#, false),
    ] {
        assert_eq!(is_secure(&config(), line), secure, "{}", String::from_utf8_lossy(line));
        assert_eq!(second(line) == Some(true), secure);
    }
}

// B-159, B-162: of more than two lines of X-Forwarded-Proto the first and the last
#[test]
fn three_lines_of_x_forwarded_proto() {
    let line = |name: &'static str| {
        let lines: &[&[u8]] = if name == "x-forwarded-proto" { &[b"a", b"b", b"c"] } else { &[] };
        lines.iter().copied()
    };
    let facts = RequestFacts::read("/", line);
    assert_eq!(facts.forwarded_proto, Some([&b"a"[..], b"c"]));
    assert_eq!(facts.forwarded, None);
}
