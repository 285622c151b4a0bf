//! Reading a request: is it for us, is it secure, which id does it present?
//!
//! Everything here works on the bytes of the header fields. Nothing is an error: what can't be
//! read is an [`Origin`] on the way to a new session (B-212).

use std::sync::Arc;

use crate::cookie::MAX_BYTES;
use crate::signature::Keys;
use crate::{CookieTemplate, Proxy, SessionId};

/// What the protocol needs to know of a request, apart from its Cookie lines.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts<'a> {
    /// The path component of the request target, percent-encoded, without the query, and before any
    /// router took a prefix off (B-037). Of an absolute-form target (`http://host/path`, RFC 9112
    /// section 3.2.2) it is what follows the authority (B-038).
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
    /// The facts of an `http` request. A [`Connection`] among the request's extensions tells how
    /// the client is connected.
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

explained! {
    /// Where a session comes from: the store, or else why the request got a new one.
    Origin {
        /// Or an empty one.
        Absent = "the request has no session cookie",
        /// (B-057)
        BadSignature = "no secret verifies the session cookie's signature",
        /// (B-065)
        Loaded = "the session was loaded",
        /// Too long, or a well-signed id that is none (B-058).
        Malformed = "the session cookie is malformed",
        /// (B-065)
        Missing = "the store has no such session: it ended, or it expired",
        /// No `s:` in front (B-053).
        Unsigned = "the session cookie is not signed",
    }
}

/// The id that the first cookie called `name` presents, if it verifies (B-044 … B-058).
pub(crate) fn presented_id<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    keys: &Keys,
) -> Result<SessionId, Origin> {
    // The first pair of the name wins, even if it is empty or forged (B-049).
    let mut pairs = lines.into_iter().flat_map(pairs);
    let value = match pairs.find(|(key, _)| *key == name.as_bytes()) {
        None | Some((_, [])) => return Err(Origin::Absent),
        Some((_, value)) if value.len() > MAX_BYTES => return Err(Origin::Malformed),
        Some((_, value)) => decode(value),
    };
    let signed = value.strip_prefix("s:").ok_or(Origin::Unsigned)?;
    let id = keys.verify(signed).ok_or(Origin::BadSignature)?;
    SessionId::from_text(id).map_err(|_| Origin::Malformed)
}

/// The pairs of one Cookie line: split at `;`, name from value at the first `=`; what has no `=`
/// is skipped (B-044), spaces and tabs around both are cut off (B-045), and so is one pair of
/// double quotes around the value (B-046).
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(equals)?;
        let value = match trim(value.strip_prefix(b"=")?) {
            [b'"', inner @ .., b'"'] => inner,
            [b'"'] => &[],
            value => value,
        };
        Some((trim(name), value))
    })
}

/// Cuts off spaces and tabs, and nothing else: names are compared byte by byte (B-051), so a name
/// with a no-break space in front is another name.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The value as text: percent-decoded, or as it is if not all of it can be decoded (B-047, B-048).
/// Bytes beyond ASCII are read as Latin-1, as Node reads them.
fn decode(value: &[u8]) -> String {
    let raw = || value.iter().copied().map(char::from).collect();
    percent_decode(value).unwrap_or_else(raw)
}

/// JavaScript's `decodeURIComponent`, or `None` where it would throw.
fn percent_decode(mut value: &[u8]) -> Option<String> {
    let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| digit.try_into().ok());
    let mut bytes = Vec::with_capacity(value.len());
    while let [first, rest @ ..] = value {
        value = match (first, rest) {
            (b'%', [high, low, rest @ ..]) => {
                let (high, low): (u8, u8) = (hex(high)?, hex(low)?);
                bytes.push(high << 4 | low);
                rest
            }
            (b'%', _) => return None,
            (0..=0x7F, _) => {
                bytes.push(*first);
                rest
            }
            _ => {
                let mut utf8 = [0; 2];
                bytes.extend_from_slice(char::from(*first).encode_utf8(&mut utf8).as_bytes());
                rest
            }
        };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
