//! Flash messages: shown once, on the next page that asks for them.

use std::collections::BTreeMap;

use crate::{Error, Session};

/// Messages by kind: what connect-flash keeps, so that a Node service can show them, too.
type Messages = BTreeMap<String, Vec<String>>;

const KEY: &str = "flash";

/// A message that is shown once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flash {
    /// Such as `info` or `error`: what the page's style makes of it.
    pub kind: String,
    /// What it says.
    pub text: String,
}

impl<N> Session<N> {
    /// Leaves a message for the next page that asks for [`flashes`](Self::flashes). Messages of
    /// parallel requests are all kept, under [`Conflict::Merge`](http_session::Conflict::Merge).
    ///
    /// # Errors
    /// [`Error::Data`] if the key `flash` holds something else, [`Error::NoSession`], [`Error::Ended`].
    pub fn flash(&self, kind: &str, text: impl Into<String>) -> Result<(), Error> {
        let (kind, text) = (kind.to_owned(), text.into());
        self.update(KEY, move |messages: Option<Messages>| {
            let mut messages = messages.unwrap_or_default();
            messages.entry(kind.clone()).or_default().push(text.clone());
            messages
        })?;
        Ok(())
    }

    /// Takes the messages out, sorted by kind, and in each kind the oldest first.
    ///
    /// # Errors
    /// As [`flash`](Self::flash).
    pub fn flashes(&self) -> Result<Vec<Flash>, Error> {
        let Some(taken) = self.get::<Messages>(KEY)?.filter(|messages| !messages.is_empty()) else {
            return Ok(Vec::new());
        };
        let flash = |kind: &str, text: &String| Flash { kind: kind.into(), text: text.clone() };
        let each = |(kind, texts): (&String, &Vec<String>)| {
            texts.iter().map(|text| flash(kind, text)).collect::<Vec<_>>()
        };
        let flashes = taken.iter().flat_map(each).collect();
        // What a parallel request leaves meanwhile stays for the next page.
        self.update(KEY, move |messages: Option<Messages>| {
            let mut left = messages.unwrap_or_default();
            for (kind, texts) in &taken {
                let Some(others) = left.get_mut(kind) else { continue };
                for text in texts {
                    // Once: somebody else may have left the same words.
                    others.iter().position(|other| other == text).map(|at| others.remove(at));
                }
            }
            left.retain(|_, texts| !texts.is_empty());
            left
        })?;
        Ok(flashes)
    }
}
