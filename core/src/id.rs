//! Session ids: handed in where one is needed, never made here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::IdError;

/// A session id: what stands between `s:` and the last `.` of the cookie's value (B-054).
///
/// One of express-session's default shape (24 random bytes as 32 characters, B-005) is kept without
/// a heap. Its `Debug` shows nothing: an id is a bearer credential.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(Text);

#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Text {
    /// 32 bytes of UTF-8.
    Inline([u8; 32]),
    Other(Box<str>),
}

redacted! { SessionId }

impl SessionId {
    /// The longest id that is accepted, in bytes of UTF-8. Longer ones would not fit into a cookie
    /// together with their signature once percent-encoded.
    pub const MAX_BYTES: usize = 1_024;

    /// An id of express-session's default shape: 192 bits as base64url (B-005; OWASP ASVS 5.0 7.2.3
    /// asks for 128). The bytes must come from a cryptographically secure generator; nothing here
    /// can check that.
    pub fn from_bytes(bytes: [u8; 24]) -> Self {
        let mut text = [b'A'; 32];
        // 24 bytes are exactly 32 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
        Self(Text::Inline(text))
    }

    /// 24 bytes drawn from `rng` (B-005). Infallible generators only: one that can fail must be
    /// asked by the caller, who then has an error to report instead of an id.
    #[cfg(feature = "rand_core")]
    pub fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut bytes = [0; 24];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// An id of the application's own making (express-session's `genid`, B-007), taken as it is.
    ///
    /// # Errors
    /// [`IdError::Empty`]: express-session would save it and never read it back (B-081, B-058).
    /// [`IdError::TooLong`] above [`SessionId::MAX_BYTES`].
    pub fn from_text(text: &str) -> Result<Self, IdError> {
        match text.len() {
            0 => Err(IdError::Empty),
            1..=Self::MAX_BYTES => Ok(Self(match text.as_bytes().try_into() {
                Ok(inline) => Text::Inline(inline),
                Err(_) => Text::Other(text.into()),
            })),
            _ => Err(IdError::TooLong),
        }
    }

    /// The id as text: the key under which a store keeps the record (F-07 of the store formats:
    /// no prefix, no signature).
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Inline(text) => str::from_utf8(text).unwrap_or_default(),
            Text::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests;
