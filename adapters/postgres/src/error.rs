//! Why PostgreSQL did not do it: what an administrator needs, and nothing of what a client sent.

use std::borrow::Cow;
use std::fmt;

use sqlx::Error;

/// Why the store failed. A write may have been done all the same, unless the server refused it
/// ([`PostgresError::code`]).
///
/// It is made of an [`sqlx::Error`] and does not keep it: the server's details and contexts quote ids and
/// records (`Key (sid)=(…) already exists.`), and errors are logged with their sources. Its
/// `Debug` is the message as well, because that is what a `main` that returns it prints.
#[derive(Clone, thiserror::Error)]
#[error("PostgreSQL: {message}{}{}", .code.as_ref().map_or("", |_| ", SQLSTATE "), .code.as_deref().unwrap_or(""))]
pub struct PostgresError {
    code: Option<Box<str>>,
    message: Cow<'static, str>,
}

impl PostgresError {
    /// The server's SQLSTATE of five characters, such as `42P01` if there is no such table, or `None` if the
    /// server was not reached or did not answer.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Error> for PostgresError {
    fn from(error: Error) -> Self {
        let message = match &error {
            Error::Database(error) => {
                let (code, message) = (error.code().unwrap_or_default(), error.message());
                return Self { message: shown(&code, message), code: Some(code.into()) };
            }
            // None of these has seen a statement's values.
            Error::Io(_)
            | Error::Tls(_)
            | Error::Configuration(_)
            | Error::PoolClosed
            | Error::PoolTimedOut
            | Error::WorkerCrashed => error.to_string().into(),
            Error::ColumnDecode { .. } | Error::Decode(_) => "the table has other columns".into(),
            _ => "the driver and the server misunderstood each other".into(),
        };
        Self { code: None, message }
    }
}

/// The server's message, unless it may quote a value: those about data (class 22) do, and what a trigger
/// says (P0) may.
fn shown(code: &str, message: &str) -> Cow<'static, str> {
    match (code, code.get(..2)) {
        ("22021" | "22P05", _) => "a character that the column or the database cannot hold".into(),
        // A parameter of the statement's text, such as its time zone.
        ("22023", _) => message.to_owned().into(),
        (_, Some("22" | "P0")) => "the data was refused".into(),
        _ => message.to_owned().into(),
    }
}

#[cfg(test)]
mod tests;
