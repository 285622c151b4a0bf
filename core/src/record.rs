//! Records: what a store keeps for a session, as express-session writes it (F-01 … F-06 of the
//! store formats): one JSON object, `cookie` first, then the application's data.

use serde_json::Value;

use crate::cookie::MAX_BYTES;
use crate::session::{Object, is_reserved};
use crate::store::Touch;
use crate::{RecordError, SessionCookie, Timestamp};

/// A session as JSON text, ready for a store. Its `Debug` shows no data.
#[derive(Clone, Eq, PartialEq)]
pub struct Record {
    /// The cookie's JSON text.
    cookie: String,
    /// The data's JSON text.
    data: String,
    expires: Option<Timestamp>,
}

redacted! { Record }

impl Record {
    /// The record of a session with at most `limit` bytes of data: more could not be read again.
    #[expect(clippy::expect_used, reason = "text keys and JSON values always have a JSON text")]
    pub(crate) fn new(
        cookie: &SessionCookie,
        data: &Object,
        limit: usize,
    ) -> Result<Self, RecordError> {
        let data = serde_json::to_string(data).expect("a JSON object has a JSON text");
        let data = Some(data).filter(|data| data.len() <= limit).ok_or(RecordError::TooLarge)?;
        Ok(Self { cookie: cookie.to_json(), data, expires: cookie.end() })
    }

    /// A record that somebody else wrote; it expires with its cookie.
    ///
    /// # Errors
    /// [`RecordError::NotAnObject`], [`RecordError::NoCookie`].
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        let (cookie, data) = parse(text.as_bytes())?;
        let (text, mut cookie) = (Value::from(cookie.clone()).to_string(), cookie);
        let expires = SessionCookie::from_record(&mut cookie).end();
        Ok(Self { cookie: text, data: Value::from(data).to_string(), expires })
    }

    /// Carries out a touch: takes the new cookie and expiry, and leaves the data. For stores that
    /// keep the cookie in the record up to date, as MemoryStore does (B-202).
    pub fn touch(&mut self, touch: &Touch) {
        (self.cookie, self.expires) = (touch.cookie.to_json(), touch.expires);
    }

    /// When the record is to expire, or `None` if it says nothing of its end: how long such a record
    /// is kept is the store's choice (F-08 of the store formats).
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The JSON text: the cookie first, whatever order the data's map keeps (B-084).
    pub fn to_json(&self) -> String {
        let comma = if self.data == "{}" { "" } else { "," };
        let data = self.data.strip_prefix('{').unwrap_or_default();
        ["{\"cookie\":", &self.cookie, comma, data].concat()
    }
}

/// What a record holds.
pub(crate) struct Inflated {
    pub(crate) cookie: SessionCookie,
    /// The data that the application sees.
    pub(crate) data: Object,
    /// The data as the record has it, if it has reserved names: they are not copied (B-075), so
    /// the session counts as changed and is rewritten without them (B-076).
    pub(crate) raw: Option<Object>,
}

/// Reads a record (B-069, B-071) of at most `limit` bytes and a cookie: a touch, which changes the
/// cookie, must not make it unreadable.
pub(crate) fn inflate(record: &[u8], limit: usize) -> Result<Inflated, RecordError> {
    if record.len() > limit.saturating_add(MAX_BYTES) {
        return Err(RecordError::TooLarge);
    }
    let (mut cookie, mut data) = parse(record)?;
    let raw = data.keys().any(|key| is_reserved(key)).then(|| data.clone());
    data.retain(|key, _| !is_reserved(key));
    Ok(Inflated { cookie: SessionCookie::from_record(&mut cookie), data, raw })
}

/// The cookie and the data of a record's text.
fn parse(text: &[u8]) -> Result<(Object, Object), RecordError> {
    let record = serde_json::from_slice(text);
    let mut data: Object = record.map_err(|_| RecordError::NotAnObject)?;
    let Some(Value::Object(cookie)) = data.get_mut("cookie").map(Value::take) else {
        return Err(RecordError::NoCookie);
    };
    // Not `remove`, which may change the order of the other keys.
    data.retain(|key, _| key != "cookie");
    Ok((cookie, data))
}

#[cfg(test)]
mod tests;
