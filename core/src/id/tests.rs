use super::*;

use proptest::prelude::*;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// B-005: 24 bytes are 32 characters of base64url without padding
#[test]
fn the_default_shape() {
    // From Node: Buffer.from([0, 1, … 23]).toString("base64url"), and 24 times 0xFB.
    let counting = std::array::from_fn(|index| u8::try_from(index).expect("small"));
    for (bytes, text) in [
        (counting, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
        ([0xFB; 24], "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7"),
        ([0; 24], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ([0xFF; 24], "________________________________"),
    ] {
        let id = SessionId::from_bytes(bytes);
        assert_eq!(id.as_str(), text);
        assert_eq!(SessionId::from_text(text), Ok(id));
    }
}

// B-007: any other text is an id as it is
#[test]
fn a_text_of_another_shape_is_kept() {
    let with = |character: &str| format!("{}{character}", "A".repeat(31));
    for text in [
        "x",
        "a.b",
        "é€😀",
        " \t\n;=\"",
        &"A".repeat(31),
        &"A".repeat(33),
        &with("="),
        &with("+"),
        &with("/"),
        &with("."),
        &format!("{}é", "A".repeat(30)),
        &"x".repeat(SessionId::MAX_BYTES),
    ] {
        let id = SessionId::from_text(text).expect("an id");
        // 32 bytes are kept inline, whatever they are.
        assert_eq!(matches!(id.0, Text::Inline(_)), text.len() == 32, "{text}");
        assert_eq!(id.as_str(), text);
        assert_eq!(SessionId::from_text(text), Ok(id));
    }
}

// B-058, B-081: the empty text is no id; nor is one that no cookie could carry
#[test]
fn what_is_no_id() {
    assert_eq!(SessionId::MAX_BYTES, 1_024);
    assert_eq!(SessionId::from_text(""), Err(IdError::Empty));
    assert_eq!(SessionId::from_text(&"x".repeat(1_025)), Err(IdError::TooLong));
    assert_eq!(SessionId::from_text(&"é".repeat(513)), Err(IdError::TooLong));
    assert!(SessionId::from_text(&"é".repeat(512)).is_ok());
}

#[cfg(feature = "rand_core")]
struct Counting(u8);

#[cfg(feature = "rand_core")]
impl rand_core::TryRng for Counting {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

#[cfg(feature = "rand_core")]
impl rand_core::TryCryptoRng for Counting {}

#[cfg(feature = "rand_core")]
// FX-6, B-005: a random id takes 24 bytes from the generator, all of them and no more
#[test]
fn a_random_id_is_24_bytes_of_the_generator() {
    let mut generator = Counting(0);
    let first = SessionId::random(&mut generator);
    assert_eq!(first.as_str(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    let second = SessionId::random(&mut generator);
    assert_eq!(second, SessionId::from_bytes(std::array::from_fn(|index| 24 + index as u8)));
}

#[test]
fn debug_shows_nothing() {
    for id in [SessionId::from_bytes([7; 24]), SessionId::from_text("needle").expect("an id")] {
        assert_eq!(format!("{id:?} {id:#?}"), "SessionId(..) SessionId(..)");
    }
}

proptest! {
    // B-005: bytes to text and back, in the alphabet of base64url
    #[test]
    fn bytes_survive_their_text(bytes: [u8; 24]) {
        let id = SessionId::from_bytes(bytes);
        let text = id.as_str();
        prop_assert_eq!(text.len(), 32);
        prop_assert!(text.chars().all(|character| ALPHABET.contains(character)));
        prop_assert_eq!(SessionId::from_text(text), Ok(id.clone()));
    }

    /// Two ways to the same text are the same id: neither a store nor the decision can tell.
    #[test]
    fn a_text_of_32_bytes_is_kept_inline(text in "[A-Za-z0-9_-]{32}|[ -~]{32}|é{16}|[ -~]{28}😀") {
        let id = SessionId::from_text(&text).expect("an id");
        prop_assert!(matches!(id.0, Text::Inline(_)));
        prop_assert_eq!(id.as_str(), text.as_str());
    }

    #[test]
    fn equal_ids_have_equal_texts(texts in ["[AB]{1,2}|A{31}[A-D_-]", "[AB]{1,2}|A{31}[A-D_-]"]) {
        let [left, right] = texts.each_ref().map(|text| SessionId::from_text(text).expect("an id"));
        prop_assert_eq!(left == right, texts[0] == texts[1]);
    }
}
