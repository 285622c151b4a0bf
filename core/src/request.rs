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
    /// The last Forwarded line, if there is any (RFC 7239). Only looked at under [`Proxy::Forwarded`].
    pub forwarded: Option<&'a [u8]>,
    /// The first and the last X-Forwarded-Proto line, if there is any (B-159). Only looked at under
    /// [`Proxy::Trust`].
    pub forwarded_proto: Option<[&'a [u8]; 2]>,
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
        let (headers, path) = (request.headers(), request.uri().path());
        let lines = |name| headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
        let connection = request.extensions().get().copied().unwrap_or_default();
        Self { connection, ..Self::read(path, lines) }
    }

    /// The path of a request target as it stands in the request line: `/path?query`, or
    /// `http://host/path?query` (RFC 9112 section 3.2, B-038).
    pub fn path_of(target: &str) -> &str {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        match path.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/")
            }
            _ => path,
        }
    }

    /// The facts of a request for `path`, of which `lines` gives the lines of a header field: for frameworks
    /// with headers of their own.
    pub fn read<L: Iterator<Item = &'a [u8]>>(
        path: &'a str,
        lines: impl Fn(&'static str) -> L,
    ) -> Self {
        let mut protos = lines("x-forwarded-proto");
        let forwarded_proto = protos.next().map(|first| [first, protos.last().unwrap_or(first)]);
        Self { path, forwarded: lines("forwarded").last(), forwarded_proto, ..Self::default() }
    }

    /// Is the client's connection secure? (B-156 … B-159)
    pub(crate) fn is_secure(&self, proxy: Proxy, quirks: bool) -> bool {
        match (self.connection, proxy) {
            (Connection::Encrypted, _) => true,
            (Connection::SecureUpstream, Proxy::Framework) => true,
            (_, Proxy::Framework | Proxy::Distrust) => false,
            (_, Proxy::Forwarded) => self.forwarded.and_then(is_https) == Some(true),
            (_, Proxy::Trust) => self.forwarded_proto.is_some_and(|[first, last]| {
                // Several lines are one list (B-160). What comes first may be the client's own (B-162).
                let comma = |byte: &u8| *byte == b',';
                let item =
                    if quirks { first.split(comma).next() } else { last.rsplit(comma).next() };
                item.is_some_and(|item| item.trim_ascii().eq_ignore_ascii_case(b"https"))
            }),
        }
    }

    /// Is the path below `cookie_path`? An empty one is / (B-039). With `quirks` a plain prefix of the
    /// undecoded path is enough (B-040, B-041); otherwise RFC 6265 section 5.1.4 decides, as it does in
    /// browsers.
    pub(crate) fn is_below(&self, cookie_path: &str, quirks: bool) -> bool {
        let path = if self.path.is_empty() { "/" } else { self.path };
        path.strip_prefix(cookie_path).is_some_and(|rest| {
            quirks || rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/')
        })
    }
}

/// Is `proto` https in the last element of a Forwarded line? `None`: the line is malformed. Then nothing of
/// it counts: a client may have begun a quoted text that goes on into what the proxy appended.
fn is_https(mut rest: &[u8]) -> Option<bool> {
    let mut https = None;
    loop {
        rest = rest.trim_ascii_start();
        let (name, after) = word(rest);
        if !name.is_empty() {
            let value;
            (value, rest) = match after.strip_prefix(b"=")? {
                [b'"', quoted @ ..] => unquoted(quoted)?,
                plain => word(plain),
            };
            if name.eq_ignore_ascii_case(b"proto") {
                let again = https.replace(value.eq_ignore_ascii_case(b"https")).is_some();
                // No parameter occurs twice (RFC 7239 section 4).
                if again {
                    return None;
                }
            }
        }
        rest = match rest.trim_ascii_start() {
            [] => return Some(https == Some(true)),
            [b';', pairs @ ..] => pairs,
            [b',', elements @ ..] => {
                https = None;
                elements
            }
            _ => return None,
        };
    }
}

/// What comes before the next delimiter, and the rest.
fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let delimits = |byte: &u8| !byte.is_ascii_graphic() || b"\",;=".contains(byte);
    let end = bytes.iter().position(delimits).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// What comes before the quote that ends a quoted text, as it stands there, and what comes after.
fn unquoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = bytes.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((text, rest.get(1..)?))
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
        /// [`Timeouts::absolute`](crate::Timeouts::absolute).
        Expired = "the session had reached its absolute timeout",
        /// (B-065)
        Loaded = "the session was loaded",
        /// Too long, or a well-signed id that is none (B-058).
        Malformed = "the session cookie is malformed",
        /// (B-065)
        Missing = "the store has no such session: it ended, or it expired",
        /// No `s:` in front (B-053).
        Unsigned = "the session cookie is not signed",
        /// [`ConfigBuilder::load_on_first_use`](crate::ConfigBuilder::load_on_first_use).
        Unused = "the session was not asked for, so nobody looked",
    }
}

/// An id that verified, and whether the secret that signs did it.
pub(crate) type Candidate = (SessionId, bool);

/// At most this many cookies of our name are looked at, unless express-session's quirks are on. A neighbour who can
/// set cookies for us hides ours behind more of them only where browsers drop it for the same reason.
pub(crate) const MAX_LOOKED_AT: usize = 64;

/// At most this many ids are asked for.
const MAX_CANDIDATES: usize = 4;

/// The ids that the first `most` cookies called `name` present, if they verify (B-044 … B-058); or why
/// the first one presents none. express-session looks at one alone, even if it is empty or forged
/// (B-049, B-050).
pub(crate) fn candidates<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    keys: &Keys,
    most: usize,
) -> Result<Vec<Candidate>, Origin> {
    let pairs = lines.into_iter().flat_map(pairs).filter(|(key, _)| *key == name.as_bytes());
    let (mut ids, mut reason) = (Vec::new(), None);
    for (_, value) in pairs.take(most) {
        match presented_id(value, keys) {
            Ok((id, _)) if ids.iter().any(|(other, _)| *other == id) => {}
            Ok(candidate) => ids.push(candidate),
            Err(origin) => reason = reason.or(Some(origin)),
        }
        if ids.len() == MAX_CANDIDATES {
            break;
        }
    }
    if ids.is_empty() { Err(reason.unwrap_or(Origin::Absent)) } else { Ok(ids) }
}

/// The id that a cookie's value presents, if it verifies.
fn presented_id(value: &[u8], keys: &Keys) -> Result<Candidate, Origin> {
    let value = match value {
        [] => return Err(Origin::Absent),
        value if value.len() > MAX_BYTES => return Err(Origin::Malformed),
        value => decode(value),
    };
    let signed = value.strip_prefix("s:").ok_or(Origin::Unsigned)?;
    let (id, current) = keys.verify(signed).ok_or(Origin::BadSignature)?;
    SessionId::from_text(id).map(|id| (id, current)).map_err(|_| Origin::Malformed)
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
