use super::*;

use proptest::prelude::*;

const HELLO: &str = "DGDUkGlIkCzPz+C0B064FNgHdEjox7ch8tOBGslZ5QI";

fn keys(secrets: &[&str]) -> Keys {
    let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::from(*text)).collect();
    let (signing, further) = secrets.split_first().expect("one secret at least");
    Keys::new(signing, further).expect("sound secrets")
}

fn signed(keys: &Keys, id: &str) -> String {
    format!("{id}.{}", str::from_utf8(&keys.sign(id)).expect("ASCII"))
}

// B-054, B-014: cookie-signature's own vector, and others from Node; a secret is bytes, or UTF-8
#[test]
fn signatures_are_those_of_cookie_signature() {
    for (secret, id, signature) in [
        (Secret::from("tobiiscool"), "hello", HELLO),
        (
            Secret::from(String::from("keyboard cat")),
            "abc",
            "BpxCrWRpvZMh/wk/djl34N+m+VQEU7K/5WenLwJCgFU",
        ),
        (Secret::from("keyboard cat"), "é.x", "a3jmvUoE3S90NTN/tHdYbUvVZbmWpfN9QQijtgGaWl4"),
        (Secret::from(&[0, 255, 1, 254][..]), "a", "pWTwwDYVe0L7vVPnn8wR3ELSExeNEveaeyrMqBvnD9w"),
        (Secret::from(vec![0, 255, 1, 254]), "a", "pWTwwDYVe0L7vVPnn8wR3ELSExeNEveaeyrMqBvnD9w"),
    ] {
        let keys = Keys::new(&secret, &[]).expect("a sound secret");
        assert_eq!(str::from_utf8(&keys.sign(id)), Ok(signature));
        assert_eq!(keys.verify(&format!("{id}.{signature}")), Some((id, true)));
    }
}

// B-054: the id is all before the last dot
#[test]
fn the_last_dot_divides() {
    let keys = keys(&["tobiiscool"]);
    for id in ["a.b", ".", "..", "a.", ".a", "s:a", ""] {
        assert_eq!(keys.verify(&signed(&keys, id)), Some((id, true)));
    }
    for signed in
        ["", "hello", HELLO, "hello.", &format!("hello{HELLO}"), &format!("hello.{HELLO}.")]
    {
        assert_eq!(keys.verify(signed), None, "{signed}");
    }
}

// SG-1, B-055: any other byte, padding, another spelling of the same bits, a byte more or less: no
#[test]
fn a_signature_is_compared_as_text() {
    let keys = keys(&["tobiiscool"]);
    assert_eq!(keys.verify(&format!("hello.{HELLO}")), Some(("hello", true)));
    for index in 0..HELLO.len() {
        for replacement in (0..=127_u8).filter(|byte| *byte != HELLO.as_bytes()[index]) {
            let mut bytes = HELLO.as_bytes().to_vec();
            bytes[index] = replacement;
            let forged = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(keys.verify(&format!("hello.{forged}")), None, "{index} {replacement}");
        }
        assert_eq!(keys.verify(&format!("hello.{}", HELLO.split_at(index).0)), None);
    }
    // The last character stands for four bits: `I`, `J`, `K` and `L` decode to the same bytes.
    for other in ["J", "K", "L"] {
        assert_eq!(keys.verify(&format!("hello.{}{other}", HELLO.split_at(42).0)), None);
    }
    for suffix in ["=", " ", "\n", "\0", "A"] {
        assert_eq!(keys.verify(&format!("hello.{HELLO}{suffix}")), None);
        assert_eq!(keys.verify(&format!("hello.{suffix}{HELLO}")), None);
    }
    let url_safe = HELLO.replace('+', "-").replace('/', "_");
    assert_eq!(keys.verify(&format!("hello.{url_safe}")), None);
    assert_eq!(keys.verify(&format!("hallo.{HELLO}")), None);
}

// B-056, B-057: all secrets verify, the first alone signs, an unknown one is nobody's
#[test]
fn several_secrets() {
    let (old, new) = (keys(&["old"]), keys(&["new"]));
    let rotated = keys(&["new", "older", "old"]);
    assert_eq!(rotated.sign("id"), new.sign("id"));
    assert_ne!(rotated.sign("id"), old.sign("id"));
    for secret in ["new", "older", "old"] {
        assert_eq!(rotated.verify(&signed(&keys(&[secret]), "id")), Some(("id", secret == "new")));
    }
    assert_eq!(rotated.verify(&signed(&keys(&["other"]), "id")), None);
    assert_eq!(new.verify(&signed(&old, "id")), None);
}

// B-015: an empty secret is refused, wherever it stands
#[test]
fn no_empty_secret() {
    let (empty, good) = (Secret::from(""), Secret::from("good"));
    assert_eq!(Keys::new(&empty, &[]).err(), Some(ConfigError::EmptySecret));
    assert_eq!(
        Keys::new(&good, std::slice::from_ref(&empty)).err(),
        Some(ConfigError::EmptySecret)
    );
    assert_eq!(Keys::new(&empty, &[good]).err(), Some(ConfigError::EmptySecret));
}

// DS-8
#[test]
fn sixteen_secrets_at_most() {
    let secret = Secret::from("x");
    assert!(Keys::new(&secret, &vec![secret.clone(); 15]).is_ok());
    let error = Keys::new(&secret, &vec![secret.clone(); 16]).err();
    assert_eq!(error, Some(ConfigError::TooManySecrets));
}

#[test]
fn secrets_in_base64() {
    for (text, bytes) in [
        ("AP8B/g==", Some(&[0, 255, 1, 254][..])),
        ("AP8B/g", Some(&[0, 255, 1, 254])),
        (" \tAP8B/g==\r\n", Some(&[0, 255, 1, 254])),
        ("YWJj", Some(b"abc")),
        ("", Some(b"")),
        ("AP8B/g=", None),
        ("AP8B/g===", None),
        ("AP8B/h==", None),
        ("AP8B_g==", None),
        ("AP8B /g==", None),
        ("keyboard cat", None),
        ("é", None),
    ] {
        let secret = Secret::from_base64(text);
        assert_eq!(secret.as_ref().ok().map(|secret| &*secret.0), bytes, "{text}");
        assert!(secret.is_ok() || matches!(secret, Err(ConfigError::SecretNotBase64)), "{text}");
    }
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", Secret::from("needle")), "Secret(..)");
}

proptest! {
    // B-014, B-054: whatever the secret and the id, what is signed verifies, and with it only
    #[test]
    fn what_is_signed_verifies(
        secret in proptest::collection::vec(any::<u8>(), 1..200),
        other in proptest::collection::vec(any::<u8>(), 1..200),
        id in ".{0,40}",
    ) {
        // HMAC fills short keys up with zeros: those that differ in them alone are one key.
        let stem = |key: &[u8]| {
            key.iter().rposition(|byte| *byte != 0).map(|last| key[..=last].to_vec())
        };
        prop_assume!(stem(&secret) != stem(&other));
        let ours = Keys::new(&Secret::from(secret), &[]).expect("a sound secret");
        let theirs = Keys::new(&Secret::from(other), &[]).expect("a sound secret");
        let (good, forged) = (signed(&ours, &id), signed(&theirs, &id));
        prop_assert_eq!(ours.verify(&good), Some((id.as_str(), true)));
        prop_assert_eq!(ours.verify(&forged), None);
    }
}
