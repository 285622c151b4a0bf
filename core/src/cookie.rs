//! The session's cookie: its options, its lifetime while a request runs, and the one Set-Cookie
//! line.
//!
//! express-session keeps the cookie's attributes as the JSON values that the application or the
//! record gave, and reads them by JavaScript's truthiness. They are kept so here as well, because
//! records carry them verbatim (F-03 of the store formats: the case of `Lax` is kept, `true` stays
//! `true`), and because the same check can then serve the options, the setters and the writer.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::CookieError;

use crate::time::{Timestamp, millis};

/// The longest cookie that is read or written, in bytes: what browsers keep (RFC 6265 section 6.1).
pub(crate) const MAX_COOKIE_BYTES: usize = 4_096;

/// When a cookie expires.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expires {
    /// At this moment.
    At(Timestamp),
    /// What express-session's `expires = false` gives: no Expires attribute, and still sent again
    /// on every modified response (B-092, B-093). Of use for ports only.
    False,
    /// A record's text that is no date. It can't be sent; the touch at the end of the request
    /// repairs it if the record knows the original max-age (B-214).
    Invalid,
    /// With the browser's session (B-144).
    Session,
}

impl From<Timestamp> for Expires {
    fn from(time: Timestamp) -> Self {
        Self::At(time)
    }
}

impl From<Option<Timestamp>> for Expires {
    fn from(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Session, Self::At)
    }
}

/// The SameSite attribute (B-150). `true`, `false` and the names in any case are accepted in its
/// place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SameSite {
    /// Decided when a session is made: `none` on a secure request, else `lax` (B-028).
    Auto,
    /// Sent on navigations from other sites, not on their subrequests.
    Lax,
    /// Always sent; browsers want Secure beside it.
    None,
    /// Never sent on requests that come from other sites.
    Strict,
}

impl From<SameSite> for Value {
    fn from(same_site: SameSite) -> Self {
        Self::from(match same_site {
            SameSite::Auto => "auto",
            SameSite::Lax => "lax",
            SameSite::None => "none",
            SameSite::Strict => "strict",
        })
    }
}

/// The Priority attribute (B-149), which Chromium reads. The names in any case are accepted in its
/// place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Priority {
    /// Kept last when the browser has too many.
    High,
    /// Dropped first.
    Low,
    /// The browser's default.
    Medium,
}

impl From<Priority> for Value {
    fn from(priority: Priority) -> Self {
        Self::from(match priority {
            Priority::High => "high",
            Priority::Low => "low",
            Priority::Medium => "medium",
        })
    }
}

/// The Secure attribute. `true` and `false` are accepted in its place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Secure {
    /// Set: the cookie travels on secure connections only (B-136).
    Always,
    /// Decided when a session is made: is the request secure? (B-027)
    Auto,
    /// Not set.
    Never,
}

impl From<bool> for Secure {
    fn from(secure: bool) -> Self {
        if secure { Self::Always } else { Self::Never }
    }
}

/// express-session's `cookie` options, to be checked by [`CookieOptions::build`] or by
/// [`ConfigBuilder::build`](crate::ConfigBuilder::build).
///
/// The default is express-session's: `Path=/; HttpOnly`, gone with the browser's session (B-018).
#[derive(Clone, Debug, Default)]
pub struct CookieOptions {
    attributes: Attributes,
    lifetime: Lifetime,
    secure_auto: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Lifetime {
    Expires(Moment),
    MaxAge(i64),
    #[default]
    Session,
}

impl CookieOptions {
    /// express-session's defaults (B-018).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The Domain attribute: dot-joined labels, kept as given (B-146). Empty: none (B-145).
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.attributes.domain = Some(Value::String(domain.into()));
        self
    }

    /// An absolute end, which takes the place of an earlier [`CookieOptions::max_age`] (B-019).
    ///
    /// As in express-session, it becomes sliding with the first touch (B-094): prefer `max_age`.
    #[must_use]
    pub fn expires(mut self, expires: impl Into<Expires>) -> Self {
        self.lifetime = Lifetime::Expires(Moment::from(expires.into()));
        self
    }

    /// The HttpOnly attribute. Default: set.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.attributes.http_only = Some(http_only.into());
        self
    }

    /// How long the cookie lives after the request that made or touched it, to the millisecond;
    /// `None`: as long as the browser's session. It takes the place of an earlier
    /// [`CookieOptions::expires`] (B-019).
    #[must_use]
    pub fn max_age(mut self, max_age: impl Into<Option<Duration>>) -> Self {
        self.lifetime =
            max_age.into().map_or(Lifetime::Session, |age| Lifetime::MaxAge(millis(age)));
        self
    }

    /// As [`CookieOptions::max_age`], in milliseconds, as express-session counts it. Zero or less
    /// gives a cookie that the browser drops at once (B-096): of use for ports only.
    #[must_use]
    pub fn max_age_millis(mut self, max_age: i64) -> Self {
        self.lifetime = Lifetime::MaxAge(max_age);
        self
    }

    /// The Partitioned attribute (CHIPS). Default: not set.
    #[must_use]
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.attributes.partitioned = Some(partitioned.into());
        self
    }

    /// The Path attribute, printable ASCII (B-147), and the beginning of the paths on which
    /// sessions are used at all (B-037). Default: `/`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.attributes.path = Some(Value::String(path.into()));
        self
    }

    /// The Priority attribute: a [`Priority`] or its name in any case (B-149). Default: none.
    #[must_use]
    pub fn priority(mut self, priority: impl Into<Value>) -> Self {
        self.attributes.priority = Some(priority.into());
        self
    }

    /// The SameSite attribute: a [`SameSite`], its name in any case, `true` for Strict, `false` for
    /// none (B-150). Default: none.
    #[must_use]
    pub fn same_site(mut self, same_site: impl Into<Value>) -> Self {
        self.attributes.same_site = Some(same_site.into());
        self
    }

    /// The Secure attribute: a [`Secure`], `true` or `false`. Default: not set.
    #[must_use]
    pub fn secure(mut self, secure: impl Into<Secure>) -> Self {
        let secure = secure.into();
        self.secure_auto = secure == Secure::Auto;
        self.attributes.secure = Some((secure == Secure::Always).into());
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// What can never be serialized (B-026) is refused here, once, and not reported on each
    /// response (D-early-reject).
    pub fn build(self) -> Result<CookieTemplate, CookieError> {
        let Self { attributes, lifetime, secure_auto } = self;
        let same_site_auto = attributes.same_site.as_ref().is_some_and(|value| value == "auto");
        let template = CookieTemplate { attributes, lifetime, same_site_auto, secure_auto };
        // Whatever `auto` becomes can be serialized; all else is tried once.
        let example = template.create(Timestamp::MIN, false);
        example.attributes.write(&mut String::new(), Moment::Null)?;
        Ok(template)
    }
}

/// Checked cookie options: from it a session's cookie is made. One that could never be sent can't
/// exist.
#[derive(Clone, Debug)]
pub struct CookieTemplate {
    attributes: Attributes,
    lifetime: Lifetime,
    same_site_auto: bool,
    secure_auto: bool,
}

impl CookieTemplate {
    /// The beginning of the paths that take part: the cookie's path, or `/` (B-037).
    pub(crate) fn path(&self) -> &str {
        match self.attributes.path.as_ref().and_then(Value::as_str) {
            None | Some("") => "/",
            Some(path) => path,
        }
    }

    /// The cookie of a session that is made now (B-018 … B-020), `auto` resolved (B-027 … B-029).
    pub(crate) fn create(&self, now: Timestamp, secure: bool) -> SessionCookie {
        let mut attributes = self.attributes.clone();
        attributes.fill_defaults();
        if self.secure_auto {
            attributes.secure = Some(secure.into());
        }
        if self.same_site_auto {
            attributes.same_site =
                Some(if secure { SameSite::None.into() } else { SameSite::Lax.into() });
        }
        let mut cookie =
            SessionCookie { attributes, expires: Moment::Null, original_max_age: Moment::Null };
        match self.lifetime {
            Lifetime::Expires(moment) => cookie.assign_expires(moment, now),
            Lifetime::MaxAge(age) => cookie.assign_expires(Moment::after(now, age), now),
            Lifetime::Session => {}
        }
        cookie
    }
}

/// A JavaScript value where a number, a date or nothing stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moment {
    /// `undefined`: left out of records.
    Absent,
    /// Milliseconds: since the epoch for a date, else a length.
    At(i64),
    False,
    /// An invalid date, or NaN.
    Invalid,
    Null,
}

impl Moment {
    /// The date `age` milliseconds after `now`; out of range it is invalid (B-097).
    fn after(now: Timestamp, age: i64) -> Self {
        now.plus_millis(age).map_or(Self::Invalid, |end| Self::At(end.as_millis()))
    }

    /// Applies `to` to the milliseconds and leaves all else (B-087, B-088).
    fn map(self, to: impl FnOnce(i64) -> Self) -> Self {
        match self {
            Self::At(millis) => to(millis),
            other => other,
        }
    }

    fn timestamp(self) -> Option<Timestamp> {
        match self {
            Self::At(millis) => Timestamp::from_millis(millis),
            _ => None,
        }
    }
}

impl From<Expires> for Moment {
    fn from(expires: Expires) -> Self {
        match expires {
            Expires::At(time) => Self::At(time.as_millis()),
            Expires::False => Self::False,
            Expires::Invalid => Self::Invalid,
            Expires::Session => Self::Null,
        }
    }
}

/// The cookie of a session in a request: its attributes and its lifetime (section 5 of the rules).
#[derive(Clone, Debug, PartialEq)]
pub struct SessionCookie {
    attributes: Attributes,
    expires: Moment,
    original_max_age: Moment,
}

impl SessionCookie {
    /// Reads a record's `cookie` (B-071, F-04 of the store formats): keys in any order, unknown
    /// ones ignored, missing path and httpOnly filled in.
    pub(crate) fn from_record(cookie: &mut Map<String, Value>) -> Self {
        let expires = match cookie.get("expires") {
            None | Some(Value::Null) => Moment::Null,
            Some(Value::Bool(false)) => Moment::False,
            Some(Value::String(text)) => Timestamp::parse_iso8601(text)
                .map_or(Moment::Invalid, |time| Moment::At(time.as_millis())),
            Some(_) => Moment::Invalid,
        };
        // The stored value counts, even if there is none (B-071, B-074).
        let original_max_age = match cookie.get("originalMaxAge") {
            None => Moment::Absent,
            Some(Value::Bool(false)) => Moment::False,
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(millis), _) => Moment::At(millis),
                // A float becomes the nearest i64.
                (None, Some(millis)) => Moment::At(millis as i64),
                (None, None) => Moment::Invalid,
            },
            Some(_) => Moment::Null,
        };
        let mut attributes = Attributes::default();
        for (key, attribute) in attributes.by_key() {
            *attribute = cookie.remove(key);
        }
        attributes.fill_defaults();
        Self { attributes, expires, original_max_age }
    }

    /// The cookie as records carry it, in express-session's order (B-085).
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::from("{");
        let mut field = |key: &str, value: &dyn std::fmt::Display| {
            let comma = if text.len() > 1 { "," } else { "" };
            let _ = write!(text, "{comma}\"{key}\":{value}");
        };
        let Attributes { partitioned, priority, secure, http_only, domain, path, same_site } =
            &self.attributes;
        let before_expires = [("partitioned", partitioned), ("priority", priority)];
        let after_expires = [
            ("secure", secure),
            ("httpOnly", http_only),
            ("domain", domain),
            ("path", path),
            ("sameSite", same_site),
        ];
        match self.original_max_age {
            Moment::Absent => {}
            Moment::At(millis) => field("originalMaxAge", &millis),
            Moment::False => field("originalMaxAge", &false),
            Moment::Invalid | Moment::Null => field("originalMaxAge", &"null"),
        }
        for (key, value) in before_expires {
            if let Some(value) = value {
                field(key, value);
            }
        }
        match (self.expires, self.expires.timestamp()) {
            (_, Some(time)) => field("expires", &format_args!("\"{}\"", time.iso8601())),
            (Moment::Absent, None) => {}
            (Moment::False, None) => field("expires", &false),
            (Moment::At(_) | Moment::Invalid | Moment::Null, None) => field("expires", &"null"),
        }
        for (key, value) in after_expires {
            if let Some(value) = value {
                field(key, value);
            }
        }
        text.push('}');
        text
    }

    /// When the cookie expires.
    #[must_use]
    pub fn expires(&self) -> Expires {
        match (self.expires, self.expires.timestamp()) {
            (_, Some(time)) => Expires::At(time),
            (Moment::Absent | Moment::Null, None) => Expires::Session,
            (Moment::False, None) => Expires::False,
            (Moment::At(_) | Moment::Invalid, None) => Expires::Invalid,
        }
    }

    /// Does the cookie have an end of its own? `False` and an invalid date count (B-092).
    pub(crate) fn is_expiring(&self) -> bool {
        !matches!(self.expires, Moment::Absent | Moment::Null)
    }

    /// Milliseconds until the cookie expires, negative if it has; `None` without an end (B-087).
    #[must_use]
    pub fn max_age(&self, now: Timestamp) -> Option<i64> {
        self.expires.timestamp().map(|end| end.millis_since(now))
    }

    /// The length in milliseconds to which a touch sets the cookie's lifetime anew (B-091).
    #[must_use]
    pub const fn original_max_age(&self) -> Option<i64> {
        match self.original_max_age {
            Moment::At(millis) => Some(millis),
            _ => None,
        }
    }

    /// Sets that length, with no effect before the next touch (B-090); `None`: with the browser's
    /// session.
    pub fn set_original_max_age(&mut self, max_age: impl Into<Option<Duration>>) {
        self.original_max_age = max_age.into().map_or(Moment::Null, |age| Moment::At(millis(age)));
    }

    /// Sets the end. The length from `now` to there is what later touches renew (B-086, B-089).
    pub fn set_expires(&mut self, expires: impl Into<Expires>, now: Timestamp) {
        self.assign_expires(Moment::from(expires.into()), now);
    }

    /// Sets the lifetime from `now` on, to the millisecond; `None`: with the browser's session
    /// (B-088). Later touches renew it (B-089).
    pub fn set_max_age(&mut self, max_age: impl Into<Option<Duration>>, now: Timestamp) {
        let expires = max_age.into().map_or(Moment::Null, |age| Moment::after(now, millis(age)));
        self.assign_expires(expires, now);
    }

    fn assign_expires(&mut self, expires: Moment, now: Timestamp) {
        self.expires = expires;
        self.original_max_age = expires.map(|end| Moment::At(end.saturating_sub(now.as_millis())));
    }

    /// Gives the cookie its original length again, from `now` on (B-091). One reading of the clock:
    /// no millisecond is lost (B-095).
    pub fn touch(&mut self, now: Timestamp) {
        let length = self.original_max_age;
        self.assign_expires(length.map(|age| Moment::after(now, age)), now);
    }

    /// The Domain attribute.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.attributes.domain.as_ref().and_then(Value::as_str)
    }

    /// Sets the Domain attribute; `None` or empty: none.
    ///
    /// # Errors
    /// [`CookieError::Domain`], with the cookie unchanged.
    pub fn set_domain(&mut self, domain: Option<&str>) -> Result<(), CookieError> {
        self.set(|attributes| attributes.domain = domain.map(Value::from))
    }

    /// Is HttpOnly set?
    #[must_use]
    pub fn http_only(&self) -> bool {
        truthy(&self.attributes.http_only)
    }

    /// Sets the HttpOnly attribute.
    pub fn set_http_only(&mut self, http_only: bool) {
        self.attributes.http_only = Some(http_only.into());
    }

    /// Is Partitioned set?
    #[must_use]
    pub fn partitioned(&self) -> bool {
        truthy(&self.attributes.partitioned)
    }

    /// Sets the Partitioned attribute.
    pub fn set_partitioned(&mut self, partitioned: bool) {
        self.attributes.partitioned = Some(partitioned.into());
    }

    /// The Path attribute.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.attributes.path.as_ref().and_then(Value::as_str)
    }

    /// Sets the Path attribute; empty: none.
    ///
    /// # Errors
    /// [`CookieError::Path`], with the cookie unchanged.
    pub fn set_path(&mut self, path: &str) -> Result<(), CookieError> {
        self.set(|attributes| attributes.path = Some(path.into()))
    }

    /// Sets the Priority attribute: a [`Priority`] or its name in any case (B-149).
    ///
    /// # Errors
    /// [`CookieError::Priority`], with the cookie unchanged.
    pub fn set_priority(&mut self, priority: impl Into<Value>) -> Result<(), CookieError> {
        self.set(|attributes| attributes.priority = Some(priority.into()))
    }

    /// Sets the SameSite attribute: a [`SameSite`], its name in any case, or a `bool` (B-150).
    ///
    /// # Errors
    /// [`CookieError::SameSite`], with the cookie unchanged; `auto` is for options only.
    pub fn set_same_site(&mut self, same_site: impl Into<Value>) -> Result<(), CookieError> {
        self.set(|attributes| attributes.same_site = Some(same_site.into()))
    }

    /// Is Secure set?
    #[must_use]
    pub fn secure(&self) -> bool {
        truthy(&self.attributes.secure)
    }

    /// Sets the Secure attribute.
    pub fn set_secure(&mut self, secure: bool) {
        self.attributes.secure = Some(secure.into());
    }

    fn set(&mut self, change: impl FnOnce(&mut Attributes)) -> Result<(), CookieError> {
        let mut attributes = self.attributes.clone();
        change(&mut attributes);
        attributes.write(&mut String::new(), Moment::Null)?;
        self.attributes = attributes;
        Ok(())
    }

    /// The Set-Cookie line for `name` and the signed `value`, which is still to be percent-encoded
    /// (B-139 … B-150).
    pub(crate) fn line(&self, name: &str, value: &[&str]) -> Result<String, CookieError> {
        let mut line = String::with_capacity(160);
        line.push_str(name);
        line.push('=');
        for part in value {
            encode_uri_component(part, &mut line);
        }
        self.attributes.write(&mut line, self.expires)?;
        if line.len() > MAX_COOKIE_BYTES { Err(CookieError::TooLong) } else { Ok(line) }
    }
}

/// The attributes as JSON values, verbatim; `None` is JavaScript's undefined.
#[derive(Clone, Debug, Default, PartialEq)]
struct Attributes {
    partitioned: Option<Value>,
    priority: Option<Value>,
    secure: Option<Value>,
    http_only: Option<Value>,
    domain: Option<Value>,
    path: Option<Value>,
    same_site: Option<Value>,
}

impl Attributes {
    fn by_key(&mut self) -> [(&'static str, &mut Option<Value>); 7] {
        let Self { partitioned, priority, secure, http_only, domain, path, same_site } = self;
        [
            ("partitioned", partitioned),
            ("priority", priority),
            ("secure", secure),
            ("httpOnly", http_only),
            ("domain", domain),
            ("path", path),
            ("sameSite", same_site),
        ]
    }

    /// `Path=/; HttpOnly` where nothing was said (B-018, B-071).
    fn fill_defaults(&mut self) {
        self.path.get_or_insert_with(|| "/".into());
        self.http_only.get_or_insert(Value::Bool(true));
    }

    /// Appends the attributes in the order and with the checks of the cookie package (B-140).
    fn write(&self, line: &mut String, expires: Moment) -> Result<(), CookieError> {
        if let Some(domain) = text(&self.domain, is_domain).map_err(|()| CookieError::Domain)? {
            line.push_str("; Domain=");
            line.push_str(domain);
        }
        if let Some(path) = text(&self.path, is_path).map_err(|()| CookieError::Path)? {
            line.push_str("; Path=");
            line.push_str(path);
        }
        match (expires, expires.timestamp()) {
            (_, Some(time)) => {
                line.push_str("; Expires=");
                time.write_http_date(line);
            }
            (Moment::At(_) | Moment::Invalid, None) => return Err(CookieError::Expires),
            (Moment::Absent | Moment::False | Moment::Null, None) => {}
        }
        for (flag, attribute) in [
            (&self.http_only, "; HttpOnly"),
            (&self.secure, "; Secure"),
            (&self.partitioned, "; Partitioned"),
        ] {
            if truthy(flag) {
                line.push_str(attribute);
            }
        }
        const PRIORITIES: [(&str, &str); 3] = [
            ("low", "; Priority=Low"),
            ("medium", "; Priority=Medium"),
            ("high", "; Priority=High"),
        ];
        const SAME_SITES: [(&str, &str); 3] = [
            ("lax", "; SameSite=Lax"),
            ("strict", "; SameSite=Strict"),
            ("none", "; SameSite=None"),
        ];
        if truthy(&self.priority) {
            line.push_str(named(&self.priority, &PRIORITIES).ok_or(CookieError::Priority)?);
        }
        if self.same_site == Some(Value::Bool(true)) {
            line.push_str("; SameSite=Strict");
        } else if truthy(&self.same_site) {
            line.push_str(named(&self.same_site, &SAME_SITES).ok_or(CookieError::SameSite)?);
        }
        Ok(())
    }
}

/// JavaScript's truthiness.
fn truthy(value: &Option<Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(_) | Value::Object(_)) => true,
    }
}

/// The text of a truthy attribute that is `valid`; falsy gives none (B-145).
fn text(value: &Option<Value>, valid: fn(&str) -> bool) -> Result<Option<&str>, ()> {
    if !truthy(value) {
        return Ok(None);
    }
    value.as_ref().and_then(Value::as_str).filter(|text| valid(text)).map(Some).ok_or(())
}

/// What stands beside the attribute's name, which may be in any case (B-033).
fn named(value: &Option<Value>, names: &[(&str, &'static str)]) -> Option<&'static str> {
    let name = value.as_ref()?.as_str()?;
    names
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, attribute)| *attribute)
}

/// Dot-joined labels of letters, digits and inner hyphens, at most 63 each; a leading dot is
/// allowed (B-146).
fn is_domain(domain: &str) -> bool {
    domain.strip_prefix('.').unwrap_or(domain).split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Printable ASCII without `;` and `<` (B-147).
fn is_path(path: &str) -> bool {
    path.bytes().all(|byte| matches!(byte, 0x20..=0x3A | 0x3D..=0x7E))
}

/// An RFC 9110 token (section 5.6.2; B-151).
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// JavaScript's `encodeURIComponent` (B-139).
fn encode_uri_component(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests;
