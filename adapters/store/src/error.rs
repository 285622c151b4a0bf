//! One stable error for applications and adapters.

use std::{error, fmt};

use http::StatusCode;
use http_session::{DataError, Failure, IdError, RecordError};

/// Why a session could not be loaded, used or saved.
///
/// Neither its `Display` nor its `Debug` shows an id, a secret or session data of ours; what a
/// store's own error says is the store's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A parallel request changed the session: HTTP's 409.
    Conflict,
    /// A value does not fit into, or does not come out of, the session.
    Data(DataError),
    /// The handle was used after its request had ended.
    Ended,
    /// No id could be made.
    Id(IdError),
    /// The same session, or a cookie of the same name, was already set up by another layer.
    LayeredTwice,
    /// `reload` found no record (B-178).
    Missing,
    /// No session layer is in front of this handler.
    NoLayer,
    /// The session was destroyed or unset earlier in this request.
    NoSession,
    /// The request's path is outside of the cookie's path (B-037).
    PathMismatch,
    /// The record can't be read; it stays as it is (B-069).
    Record(RecordError),
    /// The store failed.
    Store(StoreError),
}

impl Error {
    /// The status that the client gets: 409 for a conflict, else 500.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Conflict => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "the session was changed by a parallel request",
            Self::Data(error) => return error.fmt(f),
            Self::Ended => {
                "the session's request has ended: what a streamed body or a spawned task changes \
                 can't be saved any more; change the session before the handler returns"
            }
            Self::Id(error) => return error.fmt(f),
            Self::LayeredTwice => {
                "two session layers with the same marker or the same cookie name serve this \
                 request: remove one, or give the second one a marker type and a cookie name of \
                 its own"
            }
            Self::Missing => "failed to load session: the store has no such record",
            Self::NoLayer => {
                "no session layer serves this handler: add it with `Router::layer`, after the \
                 routes (and with the same marker type)"
            }
            Self::NoSession => "no session: it was destroyed or unset earlier in this request",
            Self::PathMismatch => {
                "no session on this path: it does not begin with the cookie's path; extract \
                 Option<Session>, or set a shorter cookie path"
            }
            Self::Record(error) => return error.fmt(f),
            Self::Store(error) => return error.fmt(f),
        })
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Data(error) => Some(error),
            Self::Id(error) => Some(error),
            Self::Record(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<IdError> for Error {
    fn from(error: IdError) -> Self {
        Self::Id(error)
    }
}

impl From<RecordError> for Error {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E: Into<StoreError>> From<Failure<E>> for Error {
    fn from(failure: Failure<E>) -> Self {
        match failure {
            Failure::Conflict => Self::Conflict,
            Failure::Missing => Self::Missing,
            Failure::NoSession => Self::NoSession,
            Failure::Record(error) => Self::Record(error),
            Failure::Store(error) => Self::Store(error.into()),
            // What the core may come to know later is not more than a conflict of the two crates.
            _ => Self::Conflict,
        }
    }
}

/// A store's own error, whatever its type: [`source`](error::Error::source) gives it back.
#[derive(Debug)]
pub struct StoreError(Box<dyn error::Error + Send + Sync>);

impl StoreError {
    /// Wraps a store's error.
    #[must_use]
    pub fn new(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session store failed")
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.0)
    }
}
