//! The rules once more, without the library's code and without regard to speed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http_session::Timestamp;
use sha2::Sha256;

/// The secret that signs, one that is accepted beside it, and one that nobody accepts.
pub(crate) const SECRETS: [&str; 3] = [
    "the secret that signs, of 32 and more bytes",
    "the old secret, which is still accepted",
    "a secret of somebody else, not accepted",
];

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_999).expect("a moment")
}

/// What cookie-signature's `sign` gives, made from HMAC alone.
pub(crate) fn signed(secret: &str, id: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(id.as_bytes());
    format!("{id}.{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// `decodeURIComponent` in the plain way: all the bytes first, then UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = str::from_utf8(tail.get(..2)?).ok()?;
            if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Each byte as a percent escape.
pub(crate) fn encode_all(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
