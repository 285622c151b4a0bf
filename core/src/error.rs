//! What can go wrong, and whose fault it is: the developer's ([`ConfigError`], [`DataError`],
//! [`IdError`]), the store's content ([`RecordError`]), or the outside world's ([`Failure`]).
//! Nothing that a client sends is an error: it is a [`Rejected`](crate::Rejected) reason on the way
//! to a new session.

use std::{error, fmt};

/// A configuration that can never work, refused when it is built (D-early-reject).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A cookie option that can never be serialized (B-026).
    Cookie(CookieError),
    /// The secret is empty: anyone could sign (B-015).
    EmptySecret,
    /// The secret is not base64 text.
    SecretNotBase64,
    /// More than 16 secrets.
    TooManySecrets,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie(error) => error.fmt(f),
            Self::EmptySecret => f.write_str(
                "the secret is empty: give at least 32 random bytes (`openssl rand -base64 32`)",
            ),
            Self::SecretNotBase64 => f.write_str("the secret is not base64 text"),
            Self::TooManySecrets => {
                f.write_str("more than 16 secrets: drop those that signed no cookie still alive")
            }
        }
    }
}

impl error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Cookie(error) => Some(error),
            Self::EmptySecret | Self::SecretNotBase64 | Self::TooManySecrets => None,
        }
    }
}

impl From<CookieError> for ConfigError {
    fn from(error: CookieError) -> Self {
        Self::Cookie(error)
    }
}

/// Why a cookie can't be serialized (B-026, B-097, B-146 … B-151).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CookieError {
    /// Not dot-joined labels of letters, digits and hyphens (B-146).
    Domain,
    /// No date, or one beyond ±8.64e15 ms (B-097).
    Expires,
    /// Not an RFC 9110 token (B-151).
    Name,
    /// Not printable ASCII without `;` and `<` (B-147).
    Path,
    /// None of `low`, `medium`, `high` (B-149).
    Priority,
    /// None of `lax`, `strict`, `none`, `true`, `false` (B-150).
    SameSite,
    /// The whole line would be longer than the 4,096 bytes that browsers keep (RFC 6265 section
    /// 6.1).
    TooLong,
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Domain => "cookie domain is invalid: expected dot-joined labels",
            Self::Expires => "cookie expires is not a date",
            Self::Name => "cookie name is invalid: expected a token (letters, digits, !#$%&'*+-.^_`|~)",
            Self::Path => "cookie path is invalid: expected printable ASCII without ; and <",
            Self::Priority => "cookie priority is invalid: expected low, medium or high",
            Self::SameSite => "cookie sameSite is invalid: expected lax, strict, none, true or false",
            Self::TooLong => "cookie is longer than 4096 bytes: shorten the name, the path, the domain or the session id",
        })
    }
}

impl error::Error for CookieError {}

/// Why the application's data can't go into, or come out of, a session. Carries the Rust type's
/// name and never the value: session data stays out of errors and logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DataError {
    /// A value of this type can't be written as JSON.
    NotJson(&'static str),
    /// The name is one that express-session's session object has itself, such as `cookie` or
    /// `save`: it would be lost on the next load (B-075).
    ReservedKey,
    /// The stored value is not of this type.
    WrongType(&'static str),
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(name) => {
                write!(f, "session value of type {name} can't be written as JSON")
            }
            Self::ReservedKey => f.write_str(
                "session key is reserved: express-session has a property of this name itself",
            ),
            Self::WrongType(name) => write!(f, "session value can't be read as {name}"),
        }
    }
}

impl error::Error for DataError {}

/// Why a request, or a method of the session, failed.
///
/// `E` is the store's own error, passed through untouched.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The store refused a conditional write: HTTP's 409.
    Conflict,
    /// `reload` found no record (B-178).
    Missing,
    /// The session was destroyed or unset earlier in this request.
    NoSession,
    /// The record can't be read: reported as such, and the record stays (B-069).
    Record(RecordError),
    /// The store failed.
    Store(E),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the session was changed by a parallel request"),
            Self::Missing => f.write_str("failed to load session: the store has no such record"),
            Self::NoSession => f.write_str("no session: it was destroyed or unset"),
            Self::Record(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl<E: error::Error + 'static> error::Error for Failure<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Conflict | Self::Missing | Self::NoSession => None,
            Self::Record(error) => Some(error),
            Self::Store(error) => Some(error),
        }
    }
}

impl<E> From<RecordError> for Failure<E> {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

/// Why a text is no session id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum IdError {
    /// The empty text (B-081).
    Empty,
    /// The random source failed: no id, so no session (never a weaker one instead).
    Random,
    /// Longer than [`SessionId::MAX_BYTES`](crate::SessionId::MAX_BYTES).
    TooLong,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "session id is empty",
            Self::Random => "session id can't be made: the random source failed",
            Self::TooLong => "session id is longer than 1024 bytes",
        })
    }
}

impl error::Error for IdError {}

/// Why a stored record can't be read (B-069). The record stays as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordError {
    /// An object without a usable `cookie`.
    NoCookie,
    /// Not JSON, or no JSON object.
    NotAnObject,
    /// Longer than [`ConfigBuilder::max_record_bytes`](crate::ConfigBuilder::max_record_bytes).
    TooLarge,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCookie => "session record has no cookie: it was not written by a session store",
            Self::NotAnObject => "session record is not a JSON object",
            Self::TooLarge => "session record is larger than max_record_bytes allows",
        })
    }
}

impl error::Error for RecordError {}
