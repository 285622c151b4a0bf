//! Session ids: handed in where one is needed, never made here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::IdError;

/// How many random bytes the default id has: 192 bits (B-005; OWASP ASVS 5.0 7.2.3 asks for 128,
/// NIST SP 800-63B for 64).
const BYTES: usize = 24;
/// The same as base64url text without padding.
const CHARS: usize = 32;

/// A session id: what stands between `s:` and the last `.` of the cookie's value (B-054).
///
/// One of express-session's default shape (24 bytes, written as 32 characters of base64url, B-005)
/// is kept as its 24 bytes; any other text is kept as it is. Its `Debug` shows nothing: an id is a
/// bearer credential.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(Repr);

#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Repr {
    Bytes([u8; BYTES]),
    Text(Box<str>),
}

impl SessionId {
    /// The longest id that is accepted, in bytes of UTF-8. Longer ones would not fit into a cookie
    /// together with their signature once percent-encoded.
    pub const MAX_BYTES: usize = 1_024;

    /// An id of express-session's default shape (B-005). The bytes must come from a
    /// cryptographically secure generator; nothing here can check that.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(Repr::Bytes(bytes))
    }

    /// 24 bytes drawn from `rng` (B-005). Infallible generators only: one that can fail must be
    /// asked by the caller, who then has an error to report instead of an id.
    #[cfg(feature = "rand_core")]
    #[must_use]
    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut bytes = [0; BYTES];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// An id of the application's own making (express-session's `genid`, B-007), taken as it is.
    ///
    /// # Errors
    /// [`IdError::Empty`]: express-session would save it and never read it back (B-081, B-058).
    /// [`IdError::TooLong`] above [`SessionId::MAX_BYTES`].
    pub fn from_text(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(IdError::TooLong);
        }
        let mut bytes = [0; BYTES];
        Ok(if text.len() == CHARS && URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).is_ok() {
            Self::from_bytes(bytes)
        } else {
            Self(Repr::Text(text.into()))
        })
    }

    /// The id as text: the key under which a store keeps the record (F-07 of the store formats:
    /// no prefix, no signature).
    #[must_use]
    pub fn text(&self) -> IdText<'_> {
        IdText(match &self.0 {
            Repr::Bytes(bytes) => {
                let mut text = [0; CHARS];
                // 24 bytes are exactly 32 characters.
                let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
                TextRepr::Encoded(text)
            }
            Repr::Text(text) => TextRepr::Plain(text),
        })
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// The text of a [`SessionId`], made without allocating.
pub struct IdText<'a>(TextRepr<'a>);

enum TextRepr<'a> {
    Encoded([u8; CHARS]),
    Plain(&'a str),
}

impl IdText<'_> {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // base64 is ASCII.
            TextRepr::Encoded(text) => str::from_utf8(text).unwrap_or_default(),
            TextRepr::Plain(text) => text,
        }
    }
}

impl AsRef<str> for IdText<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::ops::Deref for IdText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for IdText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdText(..)")
    }
}

#[cfg(test)]
mod tests;
