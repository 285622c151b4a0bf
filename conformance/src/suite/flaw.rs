//! What was done wrong.

use std::fmt;

/// What was expected, and what was done instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flaw {
    case: String,
    expected: String,
    answered: String,
}

impl Flaw {
    pub(crate) fn new(
        case: impl Into<String>,
        expected: impl Into<String>,
        answered: impl Into<String>,
    ) -> Self {
        Self { case: case.into(), expected: expected.into(), answered: answered.into() }
    }

    /// An error where none is in order.
    pub(crate) fn error(operation: &str, error: &dyn std::error::Error) -> Self {
        Self::new(operation, "no error", format!("the error {:?}", chain(error)))
    }

    /// Puts the case before that of the flaw.
    pub(crate) fn of(mut self, case: &str) -> Self {
        self.case = format!("{case}: {}", self.case);
        self
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, expected, answered } = self;
        write!(f, "{case}: expected {expected}, was {answered}")
    }
}

/// An error's message and those of its sources.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Is it as it should be?
pub(crate) fn ensure(
    holds: bool,
    case: &str,
    expected: &str,
    answered: impl Into<String>,
) -> Result<(), Flaw> {
    if holds { Ok(()) } else { Err(Flaw::new(case, expected, answered)) }
}
