//! Records: what a store keeps for a session, as express-session writes it (F-01 … F-06 of the
//! store formats): one JSON object, `cookie` first, then the application's data.

use serde_json::Value;

use crate::config::Options;
use crate::cookie::MAX_BYTES;
use crate::session::{CREATED, Data, Object, is_reserved};
use crate::store::Touch;
use crate::{RecordError, Session, SessionCookie, SessionId, Timestamp};

/// A session as JSON text, ready for a store. Its `Debug` shows no data.
#[derive(Clone, Eq, PartialEq)]
pub struct Record {
    /// The cookie's JSON text.
    cookie: String,
    created: Option<Timestamp>,
    /// The data's JSON text.
    data: String,
    expires: Option<Timestamp>,
}

redacted! { Record }

impl Record {
    /// The record of a session with at most `limit` bytes of data: more could not be read again.
    #[expect(clippy::expect_used, reason = "text keys and JSON values always have a JSON text")]
    pub(crate) fn new(
        session: &Session,
        expires: Option<Timestamp>,
        limit: usize,
    ) -> Result<Self, RecordError> {
        let data = serde_json::to_string(session.data()).expect("a JSON object has a JSON text");
        let data = Some(data).filter(|data| data.len() <= limit).ok_or(RecordError::TooLarge)?;
        Ok(Self { cookie: session.cookie.to_json(), created: session.created, data, expires })
    }

    /// A record that somebody else wrote; it expires with its cookie.
    ///
    /// # Errors
    /// [`RecordError::NotAnObject`], [`RecordError::NoCookie`].
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        let (cookie, data) = parse(text.as_bytes())?;
        let (text, mut cookie) = (Value::from(cookie.clone()).to_string(), cookie);
        let expires = SessionCookie::from_record(&mut cookie, true).end();
        Ok(Self { cookie: text, created: None, data: Value::from(data).to_string(), expires })
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
        let created = self.created.map(|created| format!(",\"{CREATED}\":{}", created.as_millis()));
        let comma = if self.data == "{}" { "" } else { "," };
        let data = self.data.strip_prefix('{').unwrap_or_default();
        ["{\"cookie\":", &self.cookie, &created.unwrap_or_default(), comma, data].concat()
    }
}

/// Reads the record of `id` (B-069, B-071), of at most `max_record_bytes` and a cookie: a touch, which
/// changes the cookie, must not make it unreadable. Reserved names are not copied (B-075).
///
/// With `quirks`, the data as the record has it comes second, if it has such names: the session then
/// counts as changed and is rewritten without them (B-076).
pub(crate) fn inflate(
    record: &[u8],
    id: SessionId,
    options: &Options,
) -> Result<(Session, Option<Data>), RecordError> {
    let Options { max_record_bytes, quirks, .. } = *options;
    if record.len() > max_record_bytes.saturating_add(MAX_BYTES) {
        return Err(RecordError::TooLarge);
    }
    let (mut cookie, mut data) = parse(record)?;
    let created = data.get(CREATED).and_then(Value::as_i64).and_then(Timestamp::from_millis);
    data.retain(|key, _| key != CREATED);
    let reserved = data.keys().any(|key| is_reserved(key));
    let raw = (quirks && reserved).then(|| Data::new(data.clone()));
    data.retain(|key, _| !is_reserved(key));
    let cookie = SessionCookie::from_record(&mut cookie, quirks);
    Ok((
        Session { cleared: false, cookie, created, data: Data::new(data), id, log: Vec::new() },
        raw,
    ))
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
