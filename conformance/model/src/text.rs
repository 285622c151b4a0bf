//! Texts that both sides of a connection read and write: escapes and signatures. Other tests that need a second
//! reading of them take this one.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// B-054: the id, a dot, and the HMAC-SHA256 of the id in Base64 without padding.
///
/// # Panics
/// Never: a key of any length will do.
#[must_use]
pub fn sign(id: &str, secret: impl AsRef<[u8]>) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_ref()).expect("a key of any length will do");
    mac.update(id.as_bytes());
    format!("{id}.{}", BASE64_STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// JavaScript's encodeURIComponent (B-139).
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// JavaScript's decodeURIComponent; None if it throws (B-047).
#[must_use]
pub fn percent_decode(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        // One run of escapes after the other, each UTF-8 by itself.
        let mut bytes = Vec::new();
        while let Some(escape) = rest.strip_prefix('%') {
            let digits = escape.get(..2)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &escape[2..];
        }
        if bytes.is_empty() {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            out.push_str(std::str::from_utf8(&bytes).ok()?);
        }
    }
    Some(out)
}
