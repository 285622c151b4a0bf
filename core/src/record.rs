//! Records: what a store keeps for a session, as express-session writes it (F-01 … F-06 of the
//! store formats): one JSON object, `cookie` first, then the application's data.

use std::fmt;

use serde_json::{Map, Value};

use crate::cookie::{Expires, SessionCookie};
use crate::error::RecordError;
use crate::session::is_reserved;
use crate::time::Timestamp;

/// A session as JSON text, ready for a store. Its `Debug` shows no data.
#[derive(Clone, Eq, PartialEq)]
pub struct Record {
    expires: Option<Timestamp>,
    text: String,
}

impl Record {
    /// The record of a session: its cookie first, then its data (B-084).
    pub(crate) fn new(cookie: &SessionCookie, data: &Map<String, Value>) -> Self {
        let expires = match cookie.expires() {
            Expires::At(time) => Some(time),
            Expires::False | Expires::Invalid | Expires::Session => None,
        };
        Self { expires, text: to_text(cookie, data) }
    }

    /// A record that somebody else wrote, kept as it is; its expiry is read from its cookie.
    ///
    /// # Errors
    /// [`RecordError::NotAnObject`]. An object without a cookie is accepted here, as
    /// express-session's stores do, and refused when a request loads it (B-069).
    pub fn from_json(text: impl Into<String>) -> Result<Self, RecordError> {
        let text = text.into();
        let mut object = parse(text.as_bytes())?;
        let expires = match object.get_mut("cookie").and_then(Value::as_object_mut) {
            Some(cookie) => match SessionCookie::from_record(cookie).expires() {
                Expires::At(time) => Some(time),
                Expires::False | Expires::Invalid | Expires::Session => None,
            },
            None => None,
        };
        Ok(Self { expires, text })
    }

    /// This record with another cookie and the same data: what a touch leaves in a store that
    /// keeps the cookie up to date, as MemoryStore does (B-202).
    ///
    /// # Errors
    /// [`RecordError::NotAnObject`].
    pub fn with_cookie(&self, cookie: &SessionCookie) -> Result<Self, RecordError> {
        let mut data = parse(self.text.as_bytes())?;
        data.remove("cookie");
        Ok(Self::new(cookie, &data))
    }

    /// When the record's cookie expires, or `None` if it says nothing of its end: how long such a
    /// record is kept is the store's choice (F-08 of the store formats).
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The JSON text, by value.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// What a record holds.
pub(crate) struct Inflated {
    pub(crate) cookie: SessionCookie,
    /// The data that the application sees.
    pub(crate) data: Map<String, Value>,
    /// The data as the record has it, if it has reserved names: they are not copied (B-075), so
    /// the session counts as changed and is rewritten without them (B-076).
    pub(crate) raw: Option<Map<String, Value>>,
}

/// Reads a record (B-069, B-071). `limit`: bytes that are looked at, at most.
pub(crate) fn inflate(record: &[u8], limit: usize) -> Result<Inflated, RecordError> {
    if record.len() > limit {
        return Err(RecordError::TooLarge);
    }
    let mut data = parse(record)?;
    let Some(Value::Object(mut cookie)) = data.remove("cookie") else {
        return Err(RecordError::NoCookie);
    };
    let raw = data.keys().any(|key| is_reserved(key)).then(|| data.clone());
    if raw.is_some() {
        data.retain(|key, _| !is_reserved(key));
    }
    Ok(Inflated { cookie: SessionCookie::from_record(&mut cookie), data, raw })
}

fn parse(text: &[u8]) -> Result<Map<String, Value>, RecordError> {
    serde_json::from_slice(text).map_err(|_| RecordError::NotAnObject)
}

/// The JSON text: `cookie` first, whatever order the data's map keeps.
#[expect(clippy::expect_used, reason = "text keys and JSON values always have a JSON text")]
fn to_text(cookie: &SessionCookie, data: &Map<String, Value>) -> String {
    let data = serde_json::to_string(data).expect("a JSON object has a JSON text");
    let comma = if data == "{}" { "" } else { "," };
    format!(
        "{{\"cookie\":{}{comma}{}",
        cookie.to_json(),
        data.strip_prefix('{').unwrap_or_default()
    )
}

#[cfg(test)]
mod tests;
