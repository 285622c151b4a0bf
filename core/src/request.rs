//! Reading a request: is it for us, is it secure, which id does it present?
//!
//! Everything here works on the bytes of the header fields. Nothing is an error: what can't be
//! read is a [`Rejected`] reason on the way to a new session (B-212).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::config::Proxy;
use crate::cookie::{CookieTemplate, MAX_COOKIE_BYTES};
use crate::id::SessionId;

use crate::signature::Keys;

/// What the protocol needs to know of a request, apart from its Cookie lines.
#[derive(Clone, Debug)]
pub struct RequestFacts<'a> {
    /// The path as it stands in the request line, percent-encoded, without the query, and before
    /// any router took a prefix off (B-037, B-038).
    pub path: &'a str,
    /// What is known of the connection.
    pub connection: Connection,
    /// The first X-Forwarded-Proto line, if there is one (B-159). Only looked at under
    /// [`Proxy::Trust`].
    pub forwarded_proto: Option<&'a [u8]>,
    /// Cookie options for this request alone, in place of [`ConfigBuilder::cookie`]: what
    /// express-session's `cookie` function returns (B-017). They count for the path check and for
    /// sessions that are made in this request, never for the attributes of a loaded one (B-031).
    ///
    /// [`ConfigBuilder::cookie`]: crate::ConfigBuilder::cookie
    pub template: Option<Arc<CookieTemplate>>,
}

impl<'a> RequestFacts<'a> {
    /// The facts of a request for `path` on a connection of which nothing is known.
    #[must_use]
    pub const fn new(path: &'a str) -> Self {
        Self { path, connection: Connection::Unknown, forwarded_proto: None, template: None }
    }

    /// The facts of an `http` request. A [`Connection`] among the request's extensions tells how
    /// the client is connected.
    #[must_use]
    pub fn of<B>(request: &'a http::Request<B>) -> Self {
        Self {
            path: request.uri().path(),
            connection: request.extensions().get().copied().unwrap_or_default(),
            forwarded_proto: request.headers().get("x-forwarded-proto").map(|line| line.as_bytes()),
            template: None,
        }
    }

    /// Is the client's connection secure? (B-156 … B-159)
    pub(crate) fn is_secure(&self, proxy: Proxy) -> bool {
        match (self.connection, proxy) {
            (Connection::Encrypted, _) => true,
            (Connection::SecureUpstream, Proxy::Framework) => true,
            (_, Proxy::Framework | Proxy::Distrust) => false,
            (_, Proxy::Trust) => self.forwarded_proto.is_some_and(|line| {
                // Several lines are one list: its first element stands in the first line (B-160).
                let first = line.split(|byte| *byte == b',').next().unwrap_or_default();
                first.trim_ascii().eq_ignore_ascii_case(b"https")
            }),
        }
    }
}

/// The Cookie lines of an `http` header map, as bytes: several are natural (RFC 9113 section
/// 8.2.3), and one that is not UTF-8 costs nobody the session (D-cookie-lines).
pub fn cookie_lines(headers: &http::HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(http::header::COOKIE).iter().map(http::HeaderValue::as_bytes)
}

/// How the client's request reached this process.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Connection {
    /// TLS ends in this process: secure, whatever `proxy` says (B-156).
    Encrypted,
    /// Plain HTTP.
    Plain,
    /// Plain here, but something that the application trusts, a framework or a layer that checked
    /// the proxy, says that the client's connection is TLS: express's `req.secure`. It counts
    /// under [`Proxy::Framework`] alone (B-157, B-158).
    SecureUpstream,
    /// Nobody said: taken as plain.
    #[default]
    Unknown,
}

/// Why a request's cookie gave no session id.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Rejected {
    /// No cookie of our name, or an empty one.
    Absent,
    /// No secret verifies the signature (B-057).
    BadSignature,
    /// Too long, or a well-signed id that is none (B-058).
    Malformed,
    /// Not signed at all: no `s:` in front (B-053).
    Unsigned,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the request has no session cookie",
            Self::BadSignature => "no secret verifies the cookie's signature",
            Self::Malformed => "the cookie is malformed",
            Self::Unsigned => "the cookie is not signed",
        })
    }
}

/// The id that the first cookie called `name` presents, if it verifies (B-044 … B-058).
pub(crate) fn presented_id<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    keys: &Keys,
) -> Result<SessionId, Rejected> {
    // The first pair of the name wins, even if it is empty or forged (B-049).
    let value = lines
        .into_iter()
        .flat_map(pairs)
        .find_map(|(key, value)| (key == name.as_bytes()).then_some(value))
        .ok_or(Rejected::Absent)?;
    if value.is_empty() {
        return Err(Rejected::Absent);
    }
    if value.len() > MAX_COOKIE_BYTES {
        return Err(Rejected::Malformed);
    }
    let value = decode(value);
    let signed = value.strip_prefix("s:").ok_or(Rejected::Unsigned)?;
    let id = keys.verify(signed).ok_or(Rejected::BadSignature)?;
    SessionId::from_text(id).map_err(|_| Rejected::Malformed)
}

/// The pairs of one Cookie line: split at `;`, name from value at the first `=`; what has no `=`
/// is skipped (B-044), spaces and tabs around both are cut off (B-045), and so is one pair of
/// double quotes around the value (B-046).
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(equals)?;
        let value = trim(value.strip_prefix(b"=")?);
        let unquoted = match value {
            [b'"', inner @ .., b'"'] => inner,
            [b'"'] => &[],
            _ => value,
        };
        Some((trim(name), unquoted))
    })
}

/// Cuts off spaces and tabs, and nothing else: names are compared byte by byte, so a name with a
/// no-break space in front is another name.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The value as text: percent-decoded if it has a `%` and all of it can be decoded, else as it is
/// (B-047, B-048). Bytes beyond ASCII are read as Latin-1, as Node reads them.
fn decode(value: &[u8]) -> Cow<'_, str> {
    if let Some(decoded) = percent_decode(value) {
        return Cow::Owned(decoded);
    }
    match str::from_utf8(value) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(value.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// JavaScript's `decodeURIComponent`, or `None` where there is nothing to decode or it would throw.
fn percent_decode(value: &[u8]) -> Option<String> {
    if !value.contains(&b'%') {
        return None;
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            text.push(char::from(*first));
            rest = tail;
            continue;
        }
        // The bytes of one character, each percent-encoded; the first one tells how many.
        let mut bytes = [0_u8; 4];
        let (lead, _) = hex_byte(rest)?;
        let length = match lead {
            0x00..=0x7F => 1,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => return None,
        };
        let bytes = bytes.get_mut(..length)?;
        for byte in bytes.iter_mut() {
            (*byte, rest) = hex_byte(rest)?;
        }
        text.push_str(str::from_utf8(bytes).ok()?);
    }
    Some(text)
}

/// The byte that `%XX` at the beginning stands for, and what follows.
fn hex_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?;
    Some((u8::try_from(byte).ok()?, rest))
}

#[cfg(test)]
mod tests;
