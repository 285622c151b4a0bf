//! What errors tell.

use std::error::Error;

/// All that an error says, to a user and to a log: its own words and those of its sources.
pub(crate) fn all_of(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    text
}
