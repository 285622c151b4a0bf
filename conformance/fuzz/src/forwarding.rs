//! X-Forwarded-Proto and Forwarded (RFC 7239): secure only if the nearest proxy says so in a line that is
//! well-formed.
//!
//! The first byte holds the settings. What follows are the lines, divided by line feeds: one that begins with an
//! `x` is X-Forwarded-Proto, any other is Forwarded; that character is not part of it.

use std::sync::LazyLock;

use http::{HeaderValue, Request};
use http_session::store::Written;
use http_session::{Begin, Config, Connection, Pending, Proxy, RequestFacts, SessionId};

use crate::common::{SECRETS, now};
use crate::premises::held;

/// A request's lines, and what is believed.
#[derive(Clone, Debug)]
pub struct Input {
    quirks: bool,
    connection: Connection,
    proxy: Proxy,
    /// The Forwarded lines.
    pub forwarded: Vec<Vec<u8>>,
    /// The X-Forwarded-Proto lines.
    protos: Vec<Vec<u8>>,
}

/// One execution.
///
/// # Panics
/// On any violation.
pub fn run(bytes: &[u8]) {
    check(bytes, library);
}

/// The same with `subject` in the library's place: is the request secure?
///
/// # Panics
/// On any violation.
pub fn check(bytes: &[u8], subject: impl Fn(&Input) -> bool) {
    let Some(mut input) = Input::read(bytes) else { return };
    let secure = subject(&input);
    assert_eq!(secure, is_secure(&input), "{input:?}");
    let believed = match input.proxy {
        Proxy::Forwarded => &mut input.forwarded,
        Proxy::Trust => &mut input.protos,
        _ => return held("no header is believed"),
    };
    if input.connection == Connection::Encrypted {
        return held("TLS ends here");
    }
    held(if secure { "a header says https" } else { "no header says https" });
    // Whatever the client wrote, the nearest proxy has the last word.
    if input.proxy == Proxy::Trust && input.quirks {
        return;
    }
    let Some(line) = believed.last_mut() else { return };
    let element: &[u8] =
        if input.proxy == Proxy::Trust { b", http" } else { b", for=192.0.2.1;proto=http" };
    line.extend_from_slice(element);
    assert!(!subject(&input), "{input:?}");
    held("the proxy says http");
}

impl Input {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (settings, bytes) = bytes.split_first()?;
        let connections = [
            Connection::Unknown,
            Connection::Plain,
            Connection::SecureUpstream,
            Connection::Encrypted,
        ];
        let proxies = [Proxy::Forwarded, Proxy::Trust, Proxy::Framework, Proxy::Distrust];
        let choice = |shift: u8| usize::from(settings >> shift & 3);
        let (mut forwarded, mut protos) = (Vec::new(), Vec::new());
        for line in bytes.split(|byte| *byte == b'\n') {
            match line.split_first() {
                Some((b'x', line)) => protos.push(line.to_vec()),
                Some((_, line)) => forwarded.push(line.to_vec()),
                None => {}
            }
        }
        let (proxy, connection) = (proxies[choice(0)], connections[choice(2)]);
        Some(Self { quirks: settings & 16 != 0, connection, proxy, forwarded, protos })
    }
}

/// What the library takes the request for. Seen from outside: a Secure cookie is sent, or it is not.
///
/// # Panics
/// If the two ways to read a request differ.
pub fn library(input: &Input) -> bool {
    let lines = |name| {
        let lines = if name == "forwarded" { &input.forwarded } else { &input.protos };
        lines.iter().map(Vec::as_slice)
    };
    let facts = RequestFacts { connection: input.connection, ..RequestFacts::read("/", lines) };
    let secure = sends(input, &facts);
    let mut request = Request::get("/").extension(input.connection);
    for (name, line) in [("Forwarded", &input.forwarded), ("X-Forwarded-Proto", &input.protos)]
        .into_iter()
        .flat_map(|(name, lines)| lines.iter().map(move |line| (name, line)))
    {
        let Ok(line) = HeaderValue::from_bytes(line) else { return secure };
        request = request.header(name, line);
    }
    let request = request.body(()).expect("its parts were checked");
    assert_eq!(sends(input, &RequestFacts::of(&request)), secure);
    secure
}

/// Is a new session's Secure cookie sent?
fn sends(input: &Input, facts: &RequestFacts<'_>) -> bool {
    static CONFIGS: LazyLock<[[Config; 4]; 2]> = LazyLock::new(|| {
        [Config::express, Config::recommended].map(|preset| {
            [Proxy::Forwarded, Proxy::Trust, Proxy::Framework, Proxy::Distrust].map(|proxy| {
                let cookie = http_session::CookieOptions::new().secure(true);
                preset(SECRETS[0]).cookie(cookie).proxy(proxy).build().expect("sound options")
            })
        })
    });
    let proxy = match input.proxy {
        Proxy::Forwarded => 0,
        Proxy::Trust => 1,
        Proxy::Framework => 2,
        Proxy::Distrust => 3,
    };
    let config = &CONFIGS[usize::from(!input.quirks)][proxy];
    let Begin::Create(create) = config.begin(facts, [], now()) else {
        panic!("no cookie was sent")
    };
    let mut exchange = create.with_id(SessionId::from_text("id").expect("an id"), now());
    exchange.session().expect("a new one").insert("n", 1).expect("it takes all");
    if let Some(Pending::Save(ask)) = exchange.finish::<()>(now()).expect("it is small") {
        let next = ask.complete::<()>(&mut exchange, Ok(Written::Saved(None)), now());
        assert!(matches!(next, Ok(None)));
    }
    exchange.outcome().expect("an outcome").set_cookie().is_some()
}

/// The same read from the rules.
fn is_secure(input: &Input) -> bool {
    match (input.connection, input.proxy) {
        (Connection::Encrypted, _) | (Connection::SecureUpstream, Proxy::Framework) => true,
        (_, Proxy::Framework | Proxy::Distrust) => false,
        (_, Proxy::Forwarded) => {
            input.forwarded.last().and_then(|line| last_proto(line)).is_some_and(is_https)
        }
        (_, Proxy::Trust) => {
            let lines: Vec<String> =
                input.protos.iter().map(|line| String::from_utf8_lossy(line).into()).collect();
            let item = if input.quirks {
                lines.first().and_then(|line| line.split(',').next())
            } else {
                lines.last().and_then(|line| line.split(',').next_back())
            };
            item.is_some_and(|item| is_https(item.trim_matches(SPACES)))
        }
    }
}

const SPACES: [char; 5] = [' ', '\t', '\r', '\n', '\x0C'];

fn is_https(word: impl AsRef<str>) -> bool {
    word.as_ref().eq_ignore_ascii_case("https")
}

/// `proto` of the last element; `None` if it has none, or if anything of the line is malformed. The line is cut
/// up whole before anything in it is looked at.
fn last_proto(line: &[u8]) -> Option<String> {
    // As Latin-1: what a quoted text holds does not matter.
    let line: String = line.iter().map(|byte| char::from(*byte)).collect();
    let elements = cut(&line, ',')?;
    let mut proto = None;
    for element in elements {
        proto = None;
        for pair in cut(element, ';')? {
            let pair = pair.trim_matches(SPACES);
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=')?;
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            if !is_word(name) || name.is_empty() || quoted.is_none() && !is_word(value) {
                return None;
            }
            if name.eq_ignore_ascii_case("proto") {
                let value = quoted.unwrap_or(value);
                if proto.replace(String::from(value)).is_some() {
                    return None;
                }
            }
        }
    }
    proto
}

fn is_word(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_graphic() && !"\",;=".contains(character))
}

/// The parts between the dividers that stand outside of quoted texts; `None` if one of those does not begin a
/// value, or does not end one.
fn cut(text: &str, divider: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut before) = (Vec::new(), 0, ' ');
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == divider {
            parts.push(&text[start..at]);
            start = at + divider.len_utf8();
        }
        if character == '"' {
            if before != '=' {
                return None;
            }
            loop {
                match characters.next()?.1 {
                    '\\' => drop(characters.next()?),
                    '"' => break,
                    _ => {}
                }
            }
            let rest = characters.as_str().trim_start_matches(SPACES);
            if !rest.is_empty() && !rest.starts_with([',', ';']) {
                return None;
            }
        }
        before = character;
    }
    parts.push(&text[start..]);
    Some(parts)
}
