//! Texts for properties.

use proptest::prelude::*;

/// Texts that match, of a pattern that is compiled once and not for each case.
pub(crate) fn text(pattern: &str) -> BoxedStrategy<String> {
    proptest::string::string_regex(pattern).expect("a pattern").boxed()
}
