//! The cookie's signature, as cookie-signature makes it: `id.HMAC-SHA256(secret, id)`, the MAC in
//! base64 without padding (B-054).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::ConfigError;

/// A secret that signs session ids: bytes (B-014). Its `Debug` shows nothing.
///
/// Take at least 32 bytes from a secure generator, for example `openssl rand -base64 32`. A text
/// is used as its UTF-8 bytes, as express-session does.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Reads a secret that is written in base64 (standard alphabet, padded or not).
    ///
    /// # Errors
    /// [`ConfigError::SecretNotBase64`]. A Node service that is given the same *text* as its secret uses
    /// the text, not the bytes it stands for: for sharing, use `Secret::from(text)`.
    pub fn from_base64(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim_ascii();
        let engine = if text.ends_with('=') { STANDARD } else { STANDARD_NO_PAD };
        engine.decode(text).map(Self::from).map_err(|_| ConfigError::SecretNotBase64)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Text, as its UTF-8 bytes, or bytes.
impl<T: Into<Vec<u8>>> From<T> for Secret {
    fn from(bytes: T) -> Self {
        Self(bytes.into().into())
    }
}

redacted! { Secret Keys }

/// The secrets as HMAC states, computed once: the first signs, all verify (B-056).
pub(crate) struct Keys {
    signing: Hmac<Sha256>,
    further: Box<[Hmac<Sha256>]>,
}

impl Keys {
    /// At most this many secrets: each one costs a forged cookie a MAC.
    pub(crate) const MAX: usize = 16;

    pub(crate) fn new(signing: &Secret, further: &[Secret]) -> Result<Self, ConfigError> {
        if further.len() >= Self::MAX {
            return Err(ConfigError::TooManySecrets);
        }
        // HMAC takes keys of any length; an empty one signs for everybody (B-015).
        let key = |secret: &Secret| match Hmac::new_from_slice(&secret.0) {
            Ok(key) if !secret.0.is_empty() => Ok(key),
            _ => Err(ConfigError::EmptySecret),
        };
        let further = further.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self { signing: key(signing)?, further })
    }

    /// The signature of `id` by the first secret.
    pub(crate) fn sign(&self, id: &str) -> [u8; 43] {
        mac(&self.signing, id)
    }

    /// The id of `signed` (`id.signature`, split at the last dot), if any secret verifies it, and
    /// whether it is the one that signs.
    ///
    /// The signature's text is compared as a whole and in constant time, so padding and
    /// non-canonical base64 fail (B-055). The number of secrets tried does not depend on anything
    /// secret: a client knows whether its own cookie verified.
    pub(crate) fn verify<'a>(&self, signed: &'a str) -> Option<(&'a str, bool)> {
        let (id, presented) = signed.rsplit_once('.')?;
        let verifies = |key| mac(key, id).ct_eq(presented.as_bytes()).into();
        let mut keys = std::iter::once(&self.signing).chain(&self.further);
        keys.position(verifies).map(|index| (id, index == 0))
    }
}

fn mac(key: &Hmac<Sha256>, id: &str) -> [u8; 43] {
    let mut text = [0; 43];
    let bytes = key.clone().chain_update(id).finalize().into_bytes();
    // 32 bytes are exactly 43 characters.
    let _ = STANDARD_NO_PAD.encode_slice(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests;
