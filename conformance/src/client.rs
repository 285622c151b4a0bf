//! The client of a scenario: what it puts into the Cookie header of each request.
//!
//! It is no browser: it knows the session cookie only, by its name, and looks at no attribute.
//! Signing is written here once more, so that the library is not checked with its own code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

use crate::scenario::{Alteration, Presented, Scenario, Tamper};

/// The Cookie header of the request with this index, counted from 0; `None` if it has none.
///
/// `set_cookies` holds, for each of the responses so far, its Set-Cookie lines in order.
/// The header is bytes: a character up to U+00FF is sent as one byte, any other as UTF-8.
///
/// # Panics
///
/// If the scenario has no request with this index.
pub fn cookie_header(
    scenario: &Scenario,
    index: usize,
    set_cookies: &[Vec<String>],
) -> Option<Vec<u8>> {
    let name = scenario.options.name();
    let (value, alter) = match scenario.requests[index].cookie() {
        Presented::None => return None,
        Presented::Raw(header) => return Some(to_bytes(header)),
        Presented::Jar => {
            let mut newest_first = set_cookies.iter().rev();
            let value = newest_first.find_map(|lines| session_value(lines, name))?;
            (value.to_owned(), &Alteration { tamper: None, before: None, after: None })
        }
        Presented::Step { step, alter } => {
            (session_value(set_cookies.get(*step)?, name)?.to_owned(), alter)
        }
        Presented::Sign { id, secret, alter } => (sign(id, secret), alter),
    };
    let value = match alter.tamper {
        Some(tamper) => tampered(value, tamper),
        None => value,
    };
    let own = format!("{name}={value}");
    let pairs = [alter.before.as_deref(), Some(&own), alter.after.as_deref()];
    let pairs: Vec<&str> = pairs.into_iter().flatten().filter(|pair| !pair.is_empty()).collect();
    Some(to_bytes(&pairs.join("; ")))
}

/// The value of a session cookie for `id`, signed with `secret` and percent-encoded.
pub fn sign(id: &str, secret: &str) -> String {
    utf8_percent_encode(&signed(id, secret), COMPONENT).to_string()
}

/// The same before it is percent-encoded.
pub(crate) fn signed(id: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(id.as_bytes());
    let signature = STANDARD_NO_PAD.encode(mac.finalize().into_bytes());
    format!("s:{id}.{signature}")
}

/// A header's bytes as text: each byte is the character of that number.
///
/// This is how Node reads headers, and how Set-Cookie lines are written into a trace.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What `encodeURIComponent` of JavaScript encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The last value that these Set-Cookie lines give to the cookie of that name.
fn session_value<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    lines.iter().rev().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        Some(value.split(';').next().unwrap_or(value))
    })
}

fn tampered(mut value: String, tamper: Tamper) -> String {
    match tamper {
        Tamper::Append => value + "A",
        Tamper::Decoded => percent_decode_str(&value).decode_utf8_lossy().into_owned(),
        Tamper::FlipLast => {
            let last = value.pop();
            value + if last == Some('A') { "B" } else { "A" }
        }
        Tamper::LowerHex => lower_hex(&value),
        Tamper::Pad => value + "=",
        Tamper::Quoted => format!("\"{value}\""),
        Tamper::StripPrefix => match value.strip_prefix("s%3A") {
            Some(rest) => rest.to_owned(),
            None => value,
        },
        Tamper::StripSignature => {
            value.truncate(value.rfind('.').unwrap_or(value.len()));
            value
        }
        Tamper::Truncate => {
            value.pop();
            value
        }
    }
}

fn lower_hex(value: &str) -> String {
    let mut parts = value.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
        lower.push('%');
        lower.push_str(&part[..digits].to_ascii_lowercase());
        lower.push_str(&part[digits..]);
    }
    lower
}

fn to_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests;
