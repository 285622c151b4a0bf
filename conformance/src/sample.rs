//! Records, cookies and names to check with.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use http_session::store::{Stored, Version, Written};
use http_session::{Expires, Record, SessionCookie, Timestamp};
use http_session_store::testing::session_cookie;
use serde_json::{Map, Value};

use crate::suite::Flaw;

/// A cookie with this end, a minute before it.
pub(crate) fn cookie(end: Option<Timestamp>) -> SessionCookie {
    let now = end.and_then(|end| end.plus_millis(-60_000)).unwrap_or(Timestamp::MIN);
    session_cookie(end.map_or(Expires::Session, Expires::At), now)
}

/// A record with this number, which expires at `end`.
pub(crate) fn numbered(n: u64, end: Option<Timestamp>) -> Record {
    with_data(&format!(r#","n":{n}"#), end)
}

/// A record with these members after its cookie (JSON text that begins with a comma, if it has any).
pub(crate) fn with_data(members: &str, end: Option<Timestamp>) -> Record {
    let text = format!(r#"{{"cookie":{}{members}}}"#, cookie(end).to_json());
    Record::from_json(&text).expect("a JSON object with a cookie")
}

/// The members of a record as it was stored.
pub(crate) fn members(stored: &Stored) -> Result<Map<String, Value>, Flaw> {
    serde_json::from_slice(&stored.record).map_err(|error| {
        let text = format!("{:?} ({error})", String::from_utf8_lossy(&stored.record));
        Flaw::new("a loaded record", "a JSON object", text)
    })
}

/// The number of a record as it was stored.
pub(crate) fn number(stored: &Stored) -> Result<u64, Flaw> {
    let members = members(stored)?;
    members.get("n").and_then(Value::as_u64).ok_or_else(|| {
        Flaw::new("a loaded record", "the number n", Value::Object(members).to_string())
    })
}

/// A reply's name.
pub(crate) const fn word(written: &Written) -> &'static str {
    match written {
        Written::Changed(_) => "Changed",
        Written::Exists => "Exists",
        Written::Gone => "Gone",
        Written::Saved(_) => "Saved",
    }
}

/// A version as text.
pub(crate) fn shown(version: Option<&Version>) -> String {
    version.map_or_else(
        || "no version".into(),
        |version| format!("the version {:?}", String::from_utf8_lossy(&version.0)),
    )
}

/// What is in no other run's names.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
