//! The cookie's attributes and options, and all that is checked of them.
//!
//! express-session keeps the attributes as the JSON values that the application or the record gave,
//! and reads them by JavaScript's truthiness. They are kept so here as well, because records carry
//! them verbatim (F-03 of the store formats: the case of `Lax` is kept, `true` stays `true`), and
//! because one check then serves the options, the setters and the writer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::cookie::after;
use crate::time::millis;
use crate::{CookieError, SessionCookie, Timestamp};

/// An attribute of the cookie, in the order in which records have them (B-085).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Attribute {
    /// `true` or `false` (CHIPS).
    Partitioned,
    /// A [`Priority`](crate::Priority) or its name in any case (B-149).
    Priority,
    /// `true` or `false`.
    Secure,
    /// `true` or `false`.
    HttpOnly,
    /// Dot-joined labels (B-146); empty: none (B-145).
    Domain,
    /// Printable ASCII (B-147); empty: none (B-145).
    Path,
    /// A [`SameSite`](crate::SameSite), its name in any case, `true` for Strict, `false` for none
    /// (B-150).
    SameSite,
}

/// A cookie's end, or with `T` = `i64` its length in milliseconds, or none: what JavaScript has in
/// the place of a date or a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expires<T = Timestamp> {
    /// At this moment, or after this time.
    At(T),
    /// What express-session's `expires = false` gives: no Expires attribute, and still sent again on
    /// every modified response (B-092, B-093). Of use for ports only.
    False,
    /// No date. It can't be sent; the touch at the end of the request repairs it if the record knows
    /// the original max-age (B-214).
    Invalid,
    /// With the browser's session (B-144).
    Session,
    /// As `Session`, and left out of the record: where a record without `originalMaxAge` leads
    /// (B-074).
    Unset,
}

impl<T> Expires<T> {
    /// Applies `to` to what `At` holds, and leaves all else (B-087, B-088).
    pub(crate) fn map<U>(self, to: impl FnOnce(T) -> Expires<U>) -> Expires<U> {
        match self {
            Self::At(value) => to(value),
            Self::False => Expires::False,
            Self::Invalid => Expires::Invalid,
            Self::Session => Expires::Session,
            Self::Unset => Expires::Unset,
        }
    }

    /// As records have it; `None` where it is left out.
    pub(crate) fn into_json(self, to: impl FnOnce(T) -> Value) -> Option<Value> {
        match self {
            Self::At(value) => Some(to(value)),
            Self::False => Some(Value::Bool(false)),
            Self::Invalid | Self::Session => Some(Value::Null),
            Self::Unset => None,
        }
    }
}

/// The SameSite attribute (B-150).
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

/// The Priority attribute (B-149), which Chromium reads.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Priority {
    /// Kept last when the browser has too many.
    High,
    /// Dropped first.
    Low,
    /// The browser's default.
    Medium,
}

/// The text that an attribute's value is written as.
macro_rules! words {
    ($($name:ident { $($variant:ident = $text:literal)* })*) => {
        $(impl From<$name> for Value {
            fn from(value: $name) -> Self {
                Self::from(match value { $($name::$variant => $text,)* })
            }
        })*
    };
}

words! {
    SameSite { Auto = "auto" Lax = "lax" None = "none" Strict = "strict" }
    Priority { High = "high" Low = "low" Medium = "medium" }
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

/// express-session's `cookie` options, to be checked by
/// [`ConfigBuilder::build`](crate::ConfigBuilder::build) or
/// [`Config::template`](crate::Config::template).
///
/// The default is express-session's: `Path=/; HttpOnly`, gone with the browser's session (B-018).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CookieOptions {
    attributes: Attributes,
    lifetime: Lifetime,
    secure_auto: bool,
}

#[derive(Clone, Copy, Debug)]
enum Lifetime {
    End(Expires),
    MaxAge(i64),
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::End(Expires::Session)
    }
}

impl CookieOptions {
    /// express-session's defaults (B-018).
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, attribute: Attribute, value: impl Into<Value>) -> Self {
        self.attributes.set(attribute, value.into());
        self
    }

    /// Takes `value` where nothing was said of the attribute.
    pub(crate) fn or(self, attribute: Attribute, value: impl Into<Value>) -> Self {
        let said = self.attributes.get(attribute).is_some();
        if said { self } else { self.with(attribute, value) }
    }

    /// The Domain attribute: dot-joined labels, kept as given (B-146). Empty: none (B-145).
    pub fn domain(self, domain: impl Into<String>) -> Self {
        self.with(Attribute::Domain, domain.into())
    }

    /// An absolute end, which takes the place of an earlier [`CookieOptions::max_age`] (B-019).
    ///
    /// As in express-session, it becomes sliding with the first touch (B-094), but under
    /// [`Config::recommended`](crate::Config::recommended): there it stays.
    pub const fn expires(mut self, expires: Expires) -> Self {
        self.lifetime = Lifetime::End(expires);
        self
    }

    /// The HttpOnly attribute. Default: set.
    pub fn http_only(self, http_only: bool) -> Self {
        self.with(Attribute::HttpOnly, http_only)
    }

    /// How long the cookie lives after the request that made or touched it, to the millisecond;
    /// `None`: as long as the browser's session. It takes the place of an earlier
    /// [`CookieOptions::expires`] (B-019).
    pub fn max_age(mut self, max_age: impl Into<Option<Duration>>) -> Self {
        let max_age = max_age.into().map(millis);
        self.lifetime = max_age.map_or_else(Lifetime::default, Lifetime::MaxAge);
        self
    }

    /// As [`CookieOptions::max_age`], in milliseconds, as express-session counts it. Zero or less
    /// gives a cookie that the browser drops at once (B-096): of use for ports only.
    pub const fn max_age_millis(mut self, max_age: i64) -> Self {
        self.lifetime = Lifetime::MaxAge(max_age);
        self
    }

    /// The Partitioned attribute (CHIPS). Default: not set.
    pub fn partitioned(self, partitioned: bool) -> Self {
        self.with(Attribute::Partitioned, partitioned)
    }

    /// The Path attribute, printable ASCII (B-147), and the beginning of the paths on which
    /// sessions are used at all (B-037). Default: `/`.
    pub fn path(self, path: impl Into<String>) -> Self {
        self.with(Attribute::Path, path.into())
    }

    /// The Priority attribute: a [`Priority`], or its name in any case (B-149). Default: none.
    pub fn priority(self, priority: impl Into<Value>) -> Self {
        self.with(Attribute::Priority, priority)
    }

    /// The SameSite attribute: a [`SameSite`], its name in any case, `true` for Strict, `false` for
    /// none (B-150). Default: none.
    pub fn same_site(self, same_site: impl Into<Value>) -> Self {
        self.with(Attribute::SameSite, same_site)
    }

    /// The Secure attribute: a [`Secure`], `true` or `false`. Default: not set.
    pub fn secure(mut self, secure: impl Into<Secure>) -> Self {
        let secure = secure.into();
        self.secure_auto = secure == Secure::Auto;
        self.with(Attribute::Secure, secure == Secure::Always)
    }

    /// Checks the options.
    ///
    /// # Errors
    /// An attribute that can never be serialized (B-026) is refused here, once, and not reported on
    /// each response (D-early-reject). A lifetime beyond all dates (B-097) and a line that is too
    /// long show when the cookie is sent.
    pub(crate) fn build(self) -> Result<CookieTemplate, CookieError> {
        let mut plain = self.attributes.or_defaults();
        let mut secure = plain.clone();
        if self.secure_auto {
            secure.set(Attribute::Secure, true.into());
        }
        if plain.get(Attribute::SameSite) == Some(&SameSite::Auto.into()) {
            plain.set(Attribute::SameSite, SameSite::Lax.into());
            secure.set(Attribute::SameSite, SameSite::None.into());
        }
        // Whatever `auto` became can be serialized; all else is tried once.
        plain.write(&mut String::new(), Expires::Session)?;
        Ok(CookieTemplate { lifetime: self.lifetime, plain, secure })
    }
}

/// Checked cookie options: from it a session's cookie is made.
#[derive(Clone, Debug)]
pub struct CookieTemplate {
    lifetime: Lifetime,
    /// For sessions that are made on a plain connection, and on a secure one: `auto` resolved
    /// (B-027 … B-029).
    plain: Attributes,
    secure: Attributes,
}

impl CookieTemplate {
    /// The beginning of the paths that take part: the cookie's path, or `/` (B-037).
    pub(crate) fn path(&self) -> &str {
        let path = self.plain.get(Attribute::Path).and_then(Value::as_str);
        path.filter(|path| !path.is_empty()).unwrap_or("/")
    }

    /// The attributes on a plain connection and on a secure one.
    pub(crate) const fn attributes(&self) -> [&Attributes; 2] {
        [&self.plain, &self.secure]
    }

    /// The lifetime in milliseconds, if it is one.
    pub(crate) const fn max_age(&self) -> Option<i64> {
        if let Lifetime::MaxAge(age) = self.lifetime { Some(age) } else { None }
    }

    /// The cookie of a session that is made now (B-018 … B-020).
    pub(crate) fn create(&self, now: Timestamp, secure: bool, quirks: bool) -> SessionCookie {
        let attributes = if secure { &self.secure } else { &self.plain };
        let mut cookie = SessionCookie::new(attributes.clone(), quirks);
        match self.lifetime {
            Lifetime::End(end) => cookie.set_expires(end, now),
            Lifetime::MaxAge(age) => cookie.set_lifetime(after(now, age), now),
        }
        cookie
    }
}

/// The attributes' names in records, in the order of [`Attribute`].
const KEYS: [&str; 7] =
    ["partitioned", "priority", "secure", "httpOnly", "domain", "path", "sameSite"];

/// The attributes as JSON values, verbatim, in the order of [`Attribute`]; `None` is undefined.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes(Arc<[Option<Value>; 7]>);

impl Attributes {
    /// Takes the attributes out of a record's cookie; missing path and httpOnly are filled in
    /// (B-071).
    pub(crate) fn from_record(cookie: &mut Map<String, Value>) -> Self {
        Self(Arc::new(KEYS.map(|key| cookie.remove(key)))).or_defaults()
    }

    /// The attributes by their names in records.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<&Value>)> {
        KEYS.into_iter().zip(self.0.iter().map(Option::as_ref))
    }

    pub(crate) fn get(&self, attribute: Attribute) -> Option<&Value> {
        self.0.get(attribute as usize)?.as_ref()
    }

    pub(crate) fn set(&mut self, attribute: Attribute, value: Value) {
        if let Some(slot) = Arc::make_mut(&mut self.0).get_mut(attribute as usize) {
            *slot = Some(value);
        }
    }

    /// Can an application set `attribute` to `value`? Looks at this one alone.
    pub(crate) fn check(attribute: Attribute, value: &Value) -> Result<(), CookieError> {
        if value.is_array() || value.is_object() {
            return Err(CookieError::NoAttribute);
        }
        let mut alone = Self::default();
        alone.set(attribute, value.clone());
        alone.write(&mut String::new(), Expires::Session)
    }

    /// `Path=/; HttpOnly` where nothing was said (B-018, B-071).
    pub(crate) fn or_defaults(mut self) -> Self {
        let [_, _, _, http_only, _, path, _] = Arc::make_mut(&mut self.0);
        http_only.get_or_insert(Value::Bool(true));
        path.get_or_insert_with(|| "/".into());
        self
    }

    /// Carries what was changed since `base` over to `theirs`.
    pub(crate) fn rebase(&mut self, base: &Self, theirs: &Self) {
        for ((ours, base), theirs) in
            Arc::make_mut(&mut self.0).iter_mut().zip(&*base.0).zip(&*theirs.0)
        {
            if ours == base {
                ours.clone_from(theirs);
            }
        }
    }

    /// The attribute, if JavaScript takes it for true.
    pub(crate) fn truthy(&self, attribute: Attribute) -> Option<&Value> {
        self.get(attribute).filter(|value| match value {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(_) | Value::Object(_) => true,
        })
    }

    /// Appends the attributes in the order and with the checks of the cookie package (B-140).
    pub(crate) fn write(&self, line: &mut String, expires: Expires) -> Result<(), CookieError> {
        if let Some(domain) = self.truthy(Attribute::Domain) {
            let domain = domain.as_str().filter(|domain| is_domain(domain));
            line.push_str("; Domain=");
            line.push_str(domain.ok_or(CookieError::Domain)?);
        }
        if let Some(path) = self.truthy(Attribute::Path) {
            let path = path.as_str().filter(|path| is_path(path));
            line.push_str("; Path=");
            line.push_str(path.ok_or(CookieError::Path)?);
        }
        match expires {
            Expires::At(time) => {
                line.push_str("; Expires=");
                line.push_str(&time.http_date());
            }
            Expires::Invalid => return Err(CookieError::Expires),
            Expires::False | Expires::Session | Expires::Unset => {}
        }
        for (attribute, text) in [
            (Attribute::HttpOnly, "; HttpOnly"),
            (Attribute::Secure, "; Secure"),
            (Attribute::Partitioned, "; Partitioned"),
        ] {
            line.push_str(if self.truthy(attribute).is_some() { text } else { "" });
        }
        if let Some(priority) = self.truthy(Attribute::Priority) {
            line.push_str("; Priority=");
            line.push_str(named(priority, ["Low", "Medium", "High"]).ok_or(CookieError::Priority)?);
        }
        if let Some(site) = self.truthy(Attribute::SameSite) {
            let strict = (site == &Value::Bool(true)).then_some("Strict");
            let site = strict.or_else(|| named(site, ["Lax", "Strict", "None"]));
            line.push_str("; SameSite=");
            line.push_str(site.ok_or(CookieError::SameSite)?);
        }
        Ok(())
    }
}

/// The one of `names` that `value` is, in any case (B-033).
fn named(value: &Value, names: [&'static str; 3]) -> Option<&'static str> {
    let value = value.as_str()?;
    names.into_iter().find(|name| name.eq_ignore_ascii_case(value))
}

/// What browsers keep of an attribute's value, in bytes (RFC 6265bis section 5.6). It also bounds what
/// a cookie adds to a record.
const MAX_VALUE_BYTES: usize = 1_024;

/// Dot-joined labels of letters, digits and inner hyphens, at most 63 each; a leading dot is
/// allowed (B-146).
fn is_domain(domain: &str) -> bool {
    let mut labels = domain.strip_prefix('.').unwrap_or(domain).split('.');
    domain.len() <= MAX_VALUE_BYTES
        && labels.all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Printable ASCII without `;` and `<` (B-147).
fn is_path(path: &str) -> bool {
    path.len() <= MAX_VALUE_BYTES
        && path.bytes().all(|byte| matches!(byte, 0x20..=0x3A | 0x3D..=0x7E))
}

#[cfg(test)]
mod tests;
