//! The session's cookie while a request runs, and the one Set-Cookie line.

use std::fmt::Write;
use std::time::Duration;

use http::HeaderValue;
use serde_json::{Map, Value};

use crate::config::Settings;
use crate::cookie_options::Attributes;
use crate::time::millis;
use crate::{Attribute, CookieError, Expires, SessionId, Timestamp};

/// The longest cookie that is read or written, in bytes: what browsers keep (RFC 6265 section 6.1).
pub(crate) const MAX_BYTES: usize = 4_096;

/// The date `length` milliseconds after `now`; out of range it is invalid (B-097).
pub(crate) fn after(now: Timestamp, length: i64) -> Expires {
    now.plus_millis(length).map_or(Expires::Invalid, Expires::At)
}

/// The cookie of a session in a request: its attributes and its lifetime.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionCookie {
    attributes: Attributes,
    expires: Expires,
    original_max_age: Expires<i64>,
    quirks: bool,
}

impl SessionCookie {
    /// A cookie that ends with the browser's session.
    pub(crate) const fn new(attributes: Attributes, quirks: bool) -> Self {
        Self { attributes, expires: Expires::Session, original_max_age: Expires::Session, quirks }
    }

    /// Reads a record's `cookie` (B-071, F-04 of the store formats): keys in any order, unknown
    /// ones ignored, missing path and httpOnly filled in.
    pub(crate) fn from_record(cookie: &mut Map<String, Value>, quirks: bool) -> Self {
        let expires = match cookie.get("expires") {
            None | Some(Value::Null) => Expires::Session,
            Some(Value::Bool(false)) if !quirks => Expires::Session,
            Some(Value::Bool(false)) => Expires::False,
            Some(Value::String(text)) => {
                Timestamp::parse_iso8601(text).map_or(Expires::Invalid, Expires::At)
            }
            Some(_) => Expires::Invalid,
        };
        // The stored value counts, even if there is none (B-071, B-074).
        let original_max_age = match cookie.get("originalMaxAge") {
            None => Expires::Unset,
            Some(Value::Bool(false)) => Expires::False,
            Some(Value::Number(number)) => {
                // A fraction of a millisecond is cut off.
                let float = || number.as_f64().map(|float| float as i64);
                number.as_i64().or_else(float).map_or(Expires::Invalid, Expires::At)
            }
            Some(_) => Expires::Session,
        };
        let attributes = Attributes::from_record(cookie);
        Self { attributes, expires, original_max_age, quirks }
    }

    /// The cookie as records carry it, in express-session's order (B-085).
    pub fn to_json(&self) -> String {
        let mut text = String::from("{");
        let mut field = |key: &str, value: Option<&Value>| {
            if let Some(value) = value {
                let comma = if text.len() > 1 { "," } else { "" };
                // Writing to a String never fails.
                let _ = write!(text, "{comma}\"{key}\":{value}");
            }
        };
        field("originalMaxAge", self.original_max_age.into_json(Value::from).as_ref());
        for (key, value) in self.attributes.iter() {
            if key == "secure" {
                field("expires", self.expires.into_json(|time| time.iso8601().into()).as_ref());
            }
            field(key, value);
        }
        text.push('}');
        text
    }

    /// An attribute as it was given; `None` if it was not.
    pub fn get(&self, attribute: Attribute) -> Option<&Value> {
        self.attributes.get(attribute)
    }

    /// Sets an attribute: `cookie.set(Attribute::HttpOnly, false)`.
    ///
    /// # Errors
    /// The value can't be serialized; the cookie is unchanged.
    pub fn set(&mut self, attribute: Attribute, to: impl Into<Value>) -> Result<(), CookieError> {
        let value = to.into();
        Attributes::check(attribute, &value)?;
        self.attributes.set(attribute, value);
        Ok(())
    }

    /// Is Secure set?
    pub fn is_secure(&self) -> bool {
        self.attributes.truthy(Attribute::Secure).is_some()
    }

    /// When the cookie expires.
    pub const fn expires(&self) -> Expires {
        self.expires
    }

    /// Has the cookie an end of its own? `False` and an invalid date count (B-092).
    pub(crate) const fn is_expiring(&self) -> bool {
        !matches!(self.expires, Expires::Session | Expires::Unset)
    }

    /// The moment at which the cookie expires, if it has one.
    pub const fn end(&self) -> Option<Timestamp> {
        if let Expires::At(end) = self.expires { Some(end) } else { None }
    }

    /// Milliseconds until the cookie expires, negative if it has; `None` without an end (B-087).
    pub fn max_age(&self, now: Timestamp) -> Option<i64> {
        self.end().map(|end| end.millis_since(now))
    }

    /// The length in milliseconds to which a touch sets the cookie's lifetime anew (B-091).
    pub const fn original_max_age(&self) -> Expires<i64> {
        self.original_max_age
    }

    /// Sets that length, with no effect before the next touch (B-090).
    pub const fn set_original_max_age(&mut self, max_age: Expires<i64>) {
        self.original_max_age = max_age;
    }

    /// Sets the end. The length from `now` to there is what later touches renew (B-086, B-089).
    /// Under [`Config::recommended`](crate::Config::recommended) it stays where it is (B-094), and
    /// `False` is `Session` (B-093).
    pub fn set_expires(&mut self, expires: Expires, now: Timestamp) {
        self.set_lifetime(expires, now);
        if !self.quirks {
            self.original_max_age = Expires::Session;
            self.expires = if expires == Expires::False { Expires::Session } else { expires };
        }
    }

    /// Sets the lifetime from `now` on, to the millisecond; `None`: with the browser's session
    /// (B-088). Later touches renew it (B-089).
    pub fn set_max_age(&mut self, max_age: impl Into<Option<Duration>>, now: Timestamp) {
        let end = max_age.into().map_or(Expires::Session, |age| after(now, millis(age)));
        self.set_lifetime(end, now);
    }

    pub(crate) fn set_lifetime(&mut self, expires: Expires, now: Timestamp) {
        self.expires = expires;
        self.original_max_age = self.expires.map(|end| Expires::At(end.millis_since(now)));
    }

    /// Gives the cookie its original length again, from `now` on (B-091). One reading of the clock:
    /// no millisecond is lost (B-095). An end without a length stays under
    /// [`Config::recommended`](crate::Config::recommended), and is taken away under
    /// [`Config::express`](crate::Config::express) (B-074, B-094).
    pub fn touch(&mut self, now: Timestamp) {
        if self.quirks || self.is_sliding() {
            self.set_lifetime(self.original_max_age.map(|length| after(now, length)), now);
        }
    }

    /// The end, if no touch moves it.
    pub(crate) fn fixed_end(&self) -> Option<Timestamp> {
        self.end().filter(|_| !self.quirks && !self.is_sliding())
    }

    const fn is_sliding(&self) -> bool {
        matches!(self.original_max_age, Expires::At(_))
    }

    /// Was the cookie changed since it was `other`? A touch is no change.
    pub(crate) fn is_changed(&self, other: &Self) -> bool {
        self.attributes != other.attributes || self.is_lifetime_changed(other)
    }

    fn is_lifetime_changed(&self, other: &Self) -> bool {
        self.original_max_age != other.original_max_age
            || !self.is_sliding() && self.expires != other.expires
    }

    /// Carries what was changed since `base` over to `theirs`: field by field, and of two ends that
    /// nobody set the later.
    pub(crate) fn rebase(&mut self, base: &Self, theirs: &Self) {
        self.attributes.rebase(&base.attributes, &theirs.attributes);
        if !self.is_lifetime_changed(base) {
            let later = self.end().max(theirs.end()).map(Expires::At);
            self.expires = later.filter(|_| theirs.is_sliding()).unwrap_or(theirs.expires);
            self.original_max_age = theirs.original_max_age;
        }
    }

    /// The Set-Cookie line: `s:` + id + `.` + signature by the first secret, percent-encoded
    /// (B-139), then the attributes (B-140 … B-150). Without an id it is the line that makes the
    /// browser forget the cookie: it has the same Domain, Path, Secure and Partitioned (B-154).
    pub(crate) fn line(
        &self,
        settings: &Settings,
        id: Option<&SessionId>,
    ) -> Result<HeaderValue, CookieError> {
        let mut line = format!("{}=", settings.name);
        let expires = match id.map(SessionId::as_str) {
            Some(id) => {
                line.push_str("s%3A");
                encode_uri_component(id.as_bytes(), &mut line);
                line.push('.');
                encode_uri_component(&settings.keys.sign(id), &mut line);
                self.expires
            }
            None => Timestamp::from_millis(0).map_or(Expires::Session, Expires::At),
        };
        self.attributes.write(&mut line, expires)?;
        if line.len() > MAX_BYTES {
            return Err(CookieError::TooLong);
        }
        // Each part was checked: what is no header value could only be a name.
        let mut line = HeaderValue::from_str(&line).map_err(|_| CookieError::Name)?;
        line.set_sensitive(true);
        Ok(line)
    }
}

/// JavaScript's `encodeURIComponent` (B-139).
fn encode_uri_component(text: &[u8], out: &mut String) {
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
