//! Signed values, issued and mutated: what is accepted was issued, and what was issued is accepted.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use http_session::{Begin, RequestFacts};
use http_session_model::text::sign;

use crate::common::{SECRETS, config, encode_all, now};
use crate::premises::held;

/// A value, and how the Cookie line says it.
#[derive(Clone, Debug)]
pub struct Input {
    /// Express-session's quirks are on.
    pub quirks: bool,
    /// An id, a dot and a signature, if it was issued.
    pub value: String,
    /// Each of its bytes is percent-encoded.
    pub escaped: bool,
}

/// The id that is accepted.
pub type Accepted = Option<String>;

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
pub fn check(bytes: &[u8], subject: impl Fn(&Input) -> Accepted) {
    let Ok(input) = Input::read(&mut Unstructured::new(bytes)) else { return };
    let issued = ISSUED.get(&input.value);
    assert_eq!(subject(&input).as_deref(), issued.copied(), "{input:?}");
    held(if issued.is_some() { "issued, and accepted" } else { "not issued, and refused" });
}

const IDS: [&str; 8] = ["a", "b", "a.b", ".", "é€", "0123456789abcdefghijABCDEFGHIJ-_", "A", "a "];

/// What was issued by an accepted secret, with the id that it stands for.
static ISSUED: LazyLock<BTreeMap<String, &str>> = LazyLock::new(|| {
    let by = |secret: &'static str| IDS.map(|id| (sign(id, secret), id));
    SECRETS[..2].iter().flat_map(|secret| by(secret)).collect()
});

/// What a mutation begins with: the issued values, and those of somebody else.
static ALL: LazyLock<Vec<String>> =
    LazyLock::new(|| SECRETS.iter().flat_map(|secret| IDS.map(|id| sign(id, secret))).collect());

impl Input {
    /// An issued value, a few times changed.
    fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let (quirks, escaped) = (u.arbitrary()?, u.arbitrary()?);
        let mut value = u.choose(&ALL)?.clone().into_bytes();
        while !u.is_empty() {
            change(&mut value, u)?;
        }
        let value = String::from_utf8_lossy(&value).into_owned();
        // What the grammar of Cookie lines would take away or decode is said in escapes.
        let plain = value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"%;=".contains(&byte));
        Ok(Self { quirks, value, escaped: escaped || !plain })
    }
}

fn change(value: &mut Vec<u8>, u: &mut Unstructured<'_>) -> Result<()> {
    let at = u.choose_index(value.len() + 1)?;
    let kind = u.int_in_range(0..=8)?;
    match kind {
        0 => value.insert(at, u.arbitrary()?),
        1 if at < value.len() => drop(value.remove(at)),
        2 if at < value.len() => value[at] = u.arbitrary()?,
        3 if at < value.len() => value[at] ^= 1_u8 << u.int_in_range(0..=7_u32)?,
        4 => value.truncate(at),
        5 => *value = u.choose(&ALL)?.clone().into_bytes(),
        6 => value.splice(at.., u.choose(&ALL)?.bytes()).for_each(drop),
        7 => value.splice(..at, u.choose(&ALL)?.bytes()).for_each(drop),
        _ => value.extend_from_slice(u.choose(&["=", ".", "A", " ", "\0"])?.as_bytes()),
    }
    Ok(())
}

/// What the library takes the value for.
///
/// # Panics
/// On what is neither a load nor a new session.
pub fn library(input: &Input) -> Accepted {
    let value = if input.escaped { encode_all(&input.value) } else { input.value.clone() };
    let line = format!("__Host-id=s%3A{value}");
    let request = RequestFacts { path: "/", ..RequestFacts::default() };
    match config(input.quirks).begin(&request, [line.as_bytes()], now()) {
        Begin::Create(_) => None,
        Begin::Load(lookup) => Some(lookup.operation.id.as_str().into()),
        other => panic!("{other:?}"),
    }
}
