//! SG-1 to SG-5, SG-7, CK-4: signatures, and what stands behind them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http_session::{Config, ConfigError, Finding, Origin};
use sha2::{Digest, Sha256};

use super::model::*;
use super::{OTHER_SECRET, asked, encoded, presets};

fn line_of(value: impl AsRef<[u8]>) -> Vec<u8> {
    [b"__Host-id=", value.as_ref()].concat()
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length").chain_update(text);
    mac.finalize().into_bytes().into()
}

// SG-1: of a cookie that is changed in one bit, cut off, or longer by one byte, none is accepted
#[test]
fn every_bit() {
    let value = signed(&SECRET, "Qm9LcWl1T2x3c0h4Zk1aY0tUdVZ5eE5h");
    let [mut refused, mut spelled] = [0; 2];
    for config in presets() {
        for text in [value.clone(), encoded(&value)] {
            assert_eq!(asked(&config, [&line_of(&text)[..]]).len(), 1);
            for bit in 0..text.len() * 8 {
                let mut bytes = text.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // `%3a` is `%3A`.
                let same = encoded(&value).as_bytes().eq_ignore_ascii_case(&bytes)
                    && text.as_bytes()[..bit / 8].iter().rev().take(2).any(|byte| *byte == b'%');
                let ids = asked(&config, [&line_of(&bytes)[..]]);
                assert_eq!(ids.is_empty(), !same, "{}", bytes.escape_ascii());
                refused += usize::from(!same);
                spelled += usize::from(same);
            }
            for end in 0..text.len() {
                assert!(asked(&config, [&line_of(&text[..end])[..]]).is_empty(), "{end}");
                assert!(asked(&config, [&line_of(&text[end + 1..])[..]]).is_empty(), "{end}");
            }
            for byte in 0..=0xFF_u8 {
                // These three are not part of the value.
                let outside = b" \t;".contains(&byte);
                let ids = asked(&config, [&line_of([text.as_bytes(), &[byte]].concat())[..]]);
                assert_eq!(!ids.is_empty(), outside, "{byte}");
                let ids = asked(&config, [&line_of([&[byte], text.as_bytes()].concat())[..]]);
                assert_eq!(!ids.is_empty(), b" \t".contains(&byte), "{byte}");
                // Before the signature, and within the id.
                for place in [text.len() - 43, 4] {
                    let (id, mac) = text.as_bytes().split_at(place);
                    let longer = [id, &[byte], mac].concat();
                    assert!(asked(&config, [&line_of(longer)[..]]).is_empty(), "{byte}");
                }
            }
        }
    }
    println!("{refused} flips refused, {spelled} of percent-encoding's case");
    assert!(refused > 2_500 && spelled > 0);
}

// SG-1: signatures that were not made with the secret over this id
#[test]
fn signatures_of_nothing() {
    let mac = hmac(&SECRET, "old");
    let text = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    for config in presets() {
        assert_eq!(asked(&config, [&line_of(format!("s:old.{}", text(&mac)))[..]]), ["old"]);
        for mac in [
            String::new(),
            text(&[0; 32]),
            text(&hmac(&SECRET, "")),
            text(&hmac(b"", "old")),
            text(&hmac(&SECRET, "s:old")),
            text(&hmac(&SECRET, "OLD")),
            text(&Sha256::digest("old")),
            text(&mac[..31]),
            text(&mac[..16]),
            text(&[&mac[..], &[0]].concat()),
            STANDARD.encode(mac),
            URL_SAFE_NO_PAD.encode([0xFB; 32]),
            hex.clone(),
            format!("{} ", text(&mac)),
            format!("{}.", text(&mac)),
            text(&mac).to_ascii_lowercase(),
        ] {
            let line = line_of(format!("\"s:old.{mac}\""));
            assert!(asked(&config, [&line[..]]).is_empty(), "{mac}");
        }
    }
}

// SG-2: nothing but a signed id is a session: no data is read from a cookie, whoever made it
#[test]
fn other_formats() {
    let json = "{\"user\":\"admin\",\"cookie\":{}}";
    let sealed = STANDARD.encode([0x10; 96]);
    for config in presets() {
        for value in [
            json.into(),
            format!("j:{json}"),
            format!("s:{json}"),
            STANDARD.encode(json),
            URL_SAFE_NO_PAD.encode(json),
            format!("s:{}", STANDARD.encode(json)),
            format!("{}--{}", STANDARD.encode(json), "0".repeat(40)),
            format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(json),
                URL_SAFE_NO_PAD.encode(hmac(&SECRET, json))
            ),
            format!("{}.", STANDARD_NO_PAD.encode(hmac(&SECRET, "old")) + "old"),
            sealed.clone(),
            format!("v1.{sealed}"),
            signed(&OTHER_SECRET, "old"),
            signed(&OTHER_SECRET, json),
            "old".into(),
        ] {
            for value in [value.clone(), encoded(&value)] {
                let mut store = Store::with("old", &record(Some(now()), ",\"user\":\"ada\""));
                let cookie = String::from_utf8(line_of(&value)).expect("ASCII");
                let mut exchange = store.begin(&config, &encrypted(), &cookie, now());
                assert_eq!(get(&mut exchange, "user"), None, "{value}");
                assert!(matches!(exchange.origin(), Origin::Unsigned | Origin::BadSignature));
                assert_eq!(store.calls, "");
            }
        }
    }
}

// SG-3: secrets that were replaced are accepted, and replaced in the cookie; removed ones are nobody's
#[test]
fn old_secrets() {
    let (k0, k1, k2) = ([0x10; 32], [0x11; 32], [0x12; 32]);
    let presets = [Config::express(k2).rolling(true), Config::recommended(k2)];
    for config in presets.map(|builder| built(builder.accept(k1).name("__Host-id"))) {
        for (secret, accepted) in [(k0, false), (k1, true), (k2, true)] {
            let mut store = Store::with("old", &record(Some(now()), ",\"views\":1"));
            let cookie = format!("__Host-id={}", signed(&secret, "old"));
            let exchange = store.begin(&config, &encrypted(), &cookie, now());
            assert_eq!(exchange.origin() == Origin::Loaded, accepted);
            let outcome = store.end(exchange).expect("the store works");
            let anew = format!("__Host-id={}", encoded(&signed(&k2, "old")));
            let is_sent = line(&outcome).is_some_and(|line| line.starts_with(&anew));
            assert_eq!(is_sent, accepted && (secret == k1 || config.has_quirks()));
        }
    }
}

// SG-3: secrets that protect nothing are refused when they are given, wherever they stand; one that is given twice
// does no harm
#[test]
fn secrets_that_are_none() {
    let sound = || Config::recommended(SECRET);
    for (builder, error) in [
        (Config::express(""), ConfigError::EmptySecret),
        (Config::express(SECRET).accept(""), ConfigError::EmptySecret),
        (Config::recommended(""), ConfigError::EmptySecret),
        (sound().accept(""), ConfigError::EmptySecret),
        (Config::recommended([7; 31]), ConfigError::Refused(Finding::ShortSecret)),
        (sound().accept([7; 31]), ConfigError::Refused(Finding::ShortSecret)),
        (
            (0..16).fold(sound(), |builder, key| builder.accept([key; 32])),
            ConfigError::TooManySecrets,
        ),
    ] {
        assert_eq!(builder.build().err(), Some(error));
    }
    let twice = built(sound().accept(SECRET));
    assert_eq!(asked(&twice, [&line_of(signed(&SECRET, "old"))[..]]), ["old"]);
    assert!(asked(&twice, [&line_of(signed(&OTHER_SECRET, "old"))[..]]).is_empty());
}

// SG-4: what does not verify is not signed anew
#[test]
fn nothing_forged_is_signed() {
    let config = built(recommended().accept(OLD_SECRET).rolling(true));
    let mac = signed(&OLD_SECRET, "old").split_off("s:old".len());
    for value in [format!("s:admin{mac}"), format!("s:old{mac}x"), format!("s:{mac}")] {
        for changes in [false, true] {
            let mut store = Store::with("admin", &record(Some(now()), ",\"user\":1"));
            let cookie = format!("__Host-id={value}");
            let mut exchange = store.begin(&config, &encrypted(), &cookie, now());
            if changes {
                set(&mut exchange, "views", 1);
            }
            let outcome = store.end(exchange).expect("the store works");
            let expected =
                changes.then(|| format!("__Host-id={};", encoded(&signed(&SECRET, "new"))));
            let line = line(&outcome).map(|line| line[..=line.find(';').expect("more")].to_owned());
            assert_eq!(line, expected);
        }
    }
}

// SG-5: a signature is compared in one place, in constant time, and is used for nothing else;
// `examples/timing.rs` measures it
#[test]
fn one_comparison() {
    let source = include_str!("../../src/signature.rs");
    let uses: Vec<_> = source.lines().map(str::trim).filter(|line| line.contains("mac(")).collect();
    let compared =
        uses.iter().filter(|line| line.contains(").ct_eq(presented.as_bytes())")).count();
    let made = uses.iter().filter(|line| **line == "mac(&self.signing, id)").count();
    let defined = uses.iter().filter(|line| line.starts_with("fn mac(")).count();
    assert_eq!((compared, made, defined, uses.len()), (1, 1, 1, 3), "{uses:?}");
    assert_eq!(source.matches("presented").count(), 2, "where it is split off, and compared");
    // Who makes one sends it, or tries it with another's secrets.
    for (source, expected) in [
        (include_str!("../../src/cookie.rs"), 1),
        (include_str!("../../src/config.rs"), 1),
        (include_str!("../../src/request.rs"), 0),
        (include_str!("../../src/exchange.rs"), 0),
        (include_str!("../../src/session.rs"), 0),
    ] {
        assert_eq!(source.matches(".sign(").count(), expected);
    }
}

// CK-4, SG-7: a value under another name, or of another application, is refused: each has a secret of its own, and
// two sessions with one secret clash. Under express, as in express-session, the signature alone counts
#[test]
fn values_under_another_name() {
    let [a, b] = [("__Host-a", SECRET), ("__Host-b", OTHER_SECRET)]
        .map(|(name, secret)| built(Config::recommended(secret).name(name)));
    for (config, secret) in [(&a, OTHER_SECRET), (&b, SECRET)] {
        let line = format!("{}={}", config.name(), signed(&secret, "old"));
        assert!(asked(config, [line.as_bytes()]).is_empty());
    }
    assert!(!a.clashes(&b));
    let same = built(recommended().name("__Host-b"));
    let old = built(Config::recommended(OTHER_SECRET).accept(SECRET).name("__Host-c"));
    assert!(a.clashes(&same) && a.clashes(&old) && old.clashes(&a));
    let [a, b] = ["a", "b"].map(|name| built(Config::express(SECRET).name(name)));
    assert_eq!(asked(&b, [format!("b={}", signed(&SECRET, "old")).as_bytes()]), ["old"]);
    assert!(!a.clashes(&b));
}
