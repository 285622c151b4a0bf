//! Why Redis did not do what it was asked.

use std::fmt;
use std::time::Duration;

use redis::ErrorKind;

/// Why an operation failed. A write may have been carried out all the same, unless it was refused.
///
/// It shows no ids and no data: a server's messages can quote the command, so they are left out. Its `Debug`
/// is the message as well, because that is what a `main` that returns it prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// The server answered with what is no answer to the command.
    #[error("Redis gave an answer that is none: {0}")]
    Answer(String),
    /// There is no connection, or it broke. It is made again by itself, if the connection is a
    /// `ConnectionManager`.
    #[error("the connection to Redis failed: {0}")]
    Connection(#[source] redis::RedisError),
    /// There was no answer in this time ([`RedisStore::timeout`](crate::RedisStore::timeout)).
    #[error("Redis did not answer within {0:?}")]
    Elapsed(Duration),
    /// The server refused, with this error code: `OOM` (its memory is full), `READONLY` (it is a
    /// replica), `WRONGTYPE` (the key is not a string), `LOADING`, `NOPERM`, `ERR` …
    #[error("Redis refused: {0}")]
    Refused(String),
}

impl fmt::Debug for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<redis::RedisError> for RedisError {
    fn from(error: redis::RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => {
                Self::Answer(error.category().into())
            }
            (_, Some(code)) => Self::Refused(code.into()),
            // What the operating system or the client says, before anything was asked.
            (_, None) => Self::Connection(error),
        }
    }
}
