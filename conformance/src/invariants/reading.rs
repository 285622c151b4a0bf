//! What stands in a Cookie header, in a Set-Cookie line and in a record, read without the library.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::client::{latin1, signed};
use crate::compare::{days_since_epoch, instant, is_token, number};

/// The longest cookie, in bytes.
pub(super) const MAX_COOKIE: usize = 4_096;

/// The longest id, in bytes.
const MAX_ID: usize = 1_024;

/// The id that a cookie of our name presents, if it verified.
pub(super) type Claim = Option<String>;

/// What the first `most` cookies called `name` present.
pub(super) fn claims(header: &[u8], name: &str, secrets: &[String], most: usize) -> Vec<Claim> {
    let pairs = header.split(|byte| *byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((trim(&pair[..equals]), trim(&pair[equals + 1..])))
    });
    let values = pairs.filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value);
    values.take(most).map(|value| claim(value, secrets)).collect()
}

fn claim(value: &[u8], secrets: &[String]) -> Claim {
    let value = match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    };
    if value.len() > MAX_COOKIE {
        return None;
    }
    let value = decoded(latin1(value));
    let (id, _) = value.strip_prefix("s:")?.rsplit_once('.')?;
    let sound = (1..=MAX_ID).contains(&id.len());
    let verified = sound && secrets.iter().any(|secret| signed(id, secret) == value);
    verified.then(|| id.into())
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// As `decodeURIComponent` does it, or as it stands where that would throw.
fn decoded(text: String) -> String {
    let escapes = text.split('%').skip(1);
    let is_hex = |escape: &str| {
        escape.len() >= 2 && escape.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
    };
    if !escapes.into_iter().all(is_hex) {
        return text;
    }
    match percent_decode_str(&text).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => text,
    }
}

/// The id that a session cookie's value presents, whoever signed it; `None` if it is to forget the session.
pub(crate) fn presented(value: &str) -> Option<String> {
    let value = decoded(value.into());
    Some(value.strip_prefix("s:")?.rsplit_once('.')?.0.into())
}

/// A Set-Cookie line.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// In their order, as they stand there.
    pub(super) attributes: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a str) -> Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap_or_default().split_once('=').unwrap_or_default();
        let pair = |part: &'a str| match part.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (part, None),
        };
        Self { name, value, attributes: parts.map(pair).collect() }
    }

    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|(name, _)| *name == attribute)
    }

    /// The value of an attribute.
    pub(super) fn get(&self, attribute: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(name, _)| *name == attribute)?.1
    }

    /// Does it make the browser forget the cookie?
    pub(super) fn clears(&self) -> bool {
        self.value.is_empty()
    }

    /// The session id that it gives to the client, whoever signed it.
    pub(super) fn id(&self) -> Option<String> {
        presented(self.value)
    }

    /// What RFC 6265 section 4.1.1 and RFC 6265bis section 5.6 say against it.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let octet =
            |byte: u8| matches!(byte, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E);
        let mut names: Vec<_> = self.attributes.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let sound = |&(name, value): &(&str, Option<&str>)| match (name, value) {
            ("HttpOnly" | "Secure" | "Partitioned", None) => true,
            ("Domain", Some(domain)) => {
                !domain.is_empty()
                    && domain
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            }
            ("Path", Some(path)) => {
                path.bytes().all(|byte| matches!(byte, 0x20..=0x3A | 0x3C..=0x7E))
            }
            // Before the year 0 JavaScript writes a sign.
            ("Expires", Some(date)) => instant(date).is_some() || date.contains(" -"),
            ("Priority", Some(word)) => ["Low", "Medium", "High"].contains(&word),
            ("SameSite", Some(word)) => ["Lax", "Strict", "None"].contains(&word),
            _ => false,
        };
        let long =
            |(_, value): &(&str, Option<&str>)| value.is_some_and(|value| value.len() > 1_024);
        match () {
            () if !is_token(self.name) => Some("its name is no token"),
            () if !self.value.bytes().all(octet) => Some("its value has more than cookie octets"),
            () if self.name.len() + self.value.len() > MAX_COOKIE => Some("it is too long"),
            () if names.windows(2).any(|pair| pair[0] == pair[1]) => {
                Some("an attribute occurs twice")
            }
            () if !self.attributes.iter().all(sound) => Some("an attribute is none"),
            () if self.attributes.iter().any(long) => Some("an attribute is too long"),
            () => None,
        }
    }
}

/// Is the key of a record one of the session's data? What JavaScript's objects and express-session's sessions have
/// themselves is none (B-075).
pub(super) fn is_data(key: &str) -> bool {
    let reserved = "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ constructor cookie \
        destroy hasOwnProperty id isPrototypeOf propertyIsEnumerable regenerate reload req resetMaxAge save \
        toLocaleString toString touch valueOf";
    !key.starts_with("http-session:") && reserved.split(' ').all(|reserved| reserved != key)
}

/// When a record says that its cookie ends.
pub(super) fn cookie_end(record: &Value) -> Option<i64> {
    moment(record.get("cookie")?.get("expires")?.as_str()?)
}

/// Reads `2023-11-14T22:13:23.000Z` into milliseconds since the Unix epoch. Beyond the year 9999 there is a
/// sign and six digits; the zone may be `+hh:mm`.
fn moment(text: &str) -> Option<i64> {
    let (text, sign) = match text.strip_prefix('-') {
        Some(text) => (text, -1),
        None => (text.strip_prefix('+').unwrap_or(text), 1),
    };
    let (date, time) = text.split_once('T')?;
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(end) => time.split_at(end),
        None => return None,
    };
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return None };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else { return None };
    let (second, milli) = second.split_once('.').unwrap_or((second, "0"));
    let month = usize::try_from(number(month, 2..=2)?).ok()?.checked_sub(1)?;
    let month = Some(month).filter(|month| *month < 12)?;
    let days = days_since_epoch(sign * number(year, 4..=6)?, month, number(day, 2..=2)?);
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, zone) => {
            let (hours, minutes) = zone.split_once(':')?;
            let minutes = number(hours, 2..=2)? * 60 + number(minutes, 2..=2)?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let minutes = (days * 24 + number(hour, 2..=2)?) * 60 + number(minute, 2..=2)? - offset;
    Some((minutes * 60 + number(second, 2..=2)?) * 1_000 + number(milli, 1..=3)?)
}
