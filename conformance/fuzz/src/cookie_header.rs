//! Cookie lines of any bytes: which ids the store is asked for.
//!
//! The first byte is the preset; what follows are the lines, divided by line feeds. No fuzzer guesses a signature:
//! an escape (0x1B) and the byte after it stand for a signed value.

use std::sync::LazyLock;

use http_session::{Begin, RequestFacts};
use http_session_model::text::{percent_decode, sign};

use crate::common::{SECRETS, config, encode_all, now};
use crate::premises::held;

/// What a request presents, to which preset.
#[derive(Clone, Debug)]
pub struct Input {
    quirks: bool,
    /// The Cookie lines, in their order.
    pub lines: Vec<Vec<u8>>,
}

/// The ids that the store is asked for, one after the other, if it has none of them.
pub type Asked = Vec<String>;

/// One execution.
///
/// # Panics
/// On any violation.
pub fn run(bytes: &[u8]) {
    check(bytes, library);
}

/// The same with `subject` in the library's place.
///
/// # Panics
/// On any violation.
pub fn check(bytes: &[u8], subject: impl Fn(&Input) -> Asked) {
    let Some((preset, bytes)) = bytes.split_first() else { return };
    let lines = expand(bytes).split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let input = Input { quirks: preset % 2 == 0, lines };
    let (asked, expected) = (subject(&input), presented(&input));
    assert_eq!(asked, expected, "{input:?}");
    held(match (asked.len(), input.quirks) {
        (0, _) => "nothing is presented",
        (1, true) => "an id is presented, with quirks",
        (1, false) => "an id is presented",
        (2 | 3, _) => "two or three ids are presented",
        _ => "four ids are presented",
    });
}

/// What the library asks for.
///
/// # Panics
/// On what is neither a load nor a new session.
pub fn library(input: &Input) -> Asked {
    let request = RequestFacts { path: "/", ..RequestFacts::default() };
    let lines = input.lines.iter().map(Vec::as_slice);
    let mut begin = config(input.quirks).begin(&request, lines, now());
    let mut asked = Asked::new();
    loop {
        begin = match begin {
            Begin::Create(_) => return asked,
            Begin::Load(lookup) => {
                asked.push(lookup.operation.id.as_str().into());
                lookup.answer(None, now()).expect("nothing is no bad record")
            }
            other => panic!("{other:?}"),
        };
    }
}

/// The same read from the rules: on Latin-1 text, pair by pair. With quirks the first pair of our name counts,
/// whatever it is; otherwise the first four ids of up to 64 pairs do.
fn presented(input: &Input) -> Asked {
    let lines = input.lines.iter().map(|line| line.iter().map(|byte| char::from(*byte)).collect());
    let all = lines.collect::<Vec<String>>().join(";");
    let spaces = [' ', '\t'];
    let pairs = all.split(';').filter_map(|pair| pair.split_once('='));
    let ours = pairs.filter(|(name, _)| name.trim_matches(spaces) == "__Host-id");
    let mut asked = Asked::new();
    for (position, (_, value)) in ours.take(if input.quirks { 1 } else { 64 }).enumerate() {
        let id = presented_id(value.trim_matches(spaces));
        if id.is_some() && position > 3 {
            held("an id is presented behind four cookies of our name");
        }
        asked.extend(id.filter(|id| !asked.contains(id)));
    }
    asked.truncate(4);
    asked
}

fn presented_id(value: &str) -> Option<String> {
    let value = match value.strip_prefix('"') {
        Some("") => "",
        Some(rest) => rest.strip_suffix('"').unwrap_or(value),
        None => value,
    };
    // Of Latin-1 each character is a byte.
    if value.chars().count() > 4_096 {
        return None;
    }
    let value = percent_decode(value).unwrap_or_else(|| value.into());
    let text = value.strip_prefix("s:")?;
    let (id, _) = text.rsplit_once('.')?;
    let known = SECRETS[..2].iter().any(|secret| sign(id, secret) == text);
    (known && (1..=1_024).contains(&id.len())).then(|| id.into())
}

/// Puts signed values where an escape and a byte stand.
fn expand(bytes: &[u8]) -> Vec<u8> {
    let mut parts = bytes.split(|byte| *byte == 0x1B);
    let mut expanded = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let Some((code, rest)) = part.split_first() else { continue };
        expanded.extend_from_slice(&VALUES[usize::from(*code) % VALUES.len()]);
        expanded.extend_from_slice(rest);
    }
    expanded
}

/// What the bytes after an escape stand for: each id signed with each secret, and written in each way.
static VALUES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (longest, too_long) = ("x".repeat(1_024), "x".repeat(1_025));
    let ids = ["a", "b", "c.d", "e", "f", "", "é€", longest.as_str(), too_long.as_str()];
    let ways: [fn(String) -> String; 4] = [
        |text| text,
        |text| encode_all(&text),
        |text| format!("\"{text}\""),
        |text| text.replace(':', "%3A"),
    ];
    let mut values = Vec::new();
    for way in ways {
        for secret in SECRETS {
            for id in ids {
                values.push(way(format!("s:{}", sign(id, secret))).into_bytes());
            }
        }
    }
    // Longer than a cookie may be, alone or with what comes after it.
    values.extend([vec![b'x'; 4_096], vec![b' '; 4_000]]);
    values
});
