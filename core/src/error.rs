//! What can go wrong, and whose fault it is: the developer's ([`ConfigError`](crate::ConfigError),
//! [`CookieError`], [`DataError`], [`IdError`]), the store's content ([`RecordError`]), or the
//! outside world's ([`Error`]). Nothing that a client sends is an error: it is an
//! [`Origin`](crate::Origin) on the way to a new session.

use std::{error, fmt};

explained! {
    /// Why a cookie can't be serialized (B-026).
    CookieError {
        /// (B-146)
        Domain = "cookie domain is invalid: expected dot-joined labels of at most 1024 bytes",
        /// (B-097)
        Expires = "cookie expires is not a date within 8.64e15 ms of the epoch",
        /// (B-151; RFC 9110 section 5.6.2)
        Name = "cookie name is invalid: expected a token, letters, digits and !#$%&'*+-.^_`|~",
        /// An array or an object.
        NoAttribute = "cookie attribute is neither text, nor a number, true or false",
        /// (B-147)
        Path = "cookie path is invalid: expected at most 1024 bytes of ASCII without ; and <",
        /// (B-149)
        Priority = "cookie priority is invalid: expected low, medium or high",
        /// (B-150)
        SameSite = "cookie sameSite is invalid: expected lax, strict, none, true or false",
        /// (RFC 6265 section 6.1)
        TooLong = "cookie is longer than 4096 bytes: shorten name, path, domain or session id",
    }
}

impl error::Error for CookieError {}

explained! {
    /// Why there is no session id.
    IdError {
        /// (B-081)
        Empty = "session id is empty",
        /// No weaker id is made instead.
        Random = "session id can't be made: the random source failed",
        /// [`SessionId::MAX_BYTES`](crate::SessionId::MAX_BYTES).
        TooLong = "session id is longer than 1024 bytes",
    }
}

impl error::Error for IdError {}

explained! {
    /// Why a record can't be read, or written. What is stored stays as it is.
    RecordError {
        /// (B-069)
        NoCookie = "session record has no cookie: it was not written by a session store",
        /// Or no JSON at all.
        NotAnObject = "session record is no JSON object that can be read",
        /// [`ConfigBuilder::max_record_bytes`](crate::ConfigBuilder::max_record_bytes).
        TooLarge = "session record is larger than max_record_bytes allows",
    }
}

impl error::Error for RecordError {}

explained! {
    /// Why the application's data can't go into, or come out of, a session. It does not show the
    /// value: session data stays out of errors and logs.
    DataError {
        /// serde could not write it.
        NotJson = "the value can't be written as JSON",
        /// It would be lost on the next load (B-075).
        ReservedKey = "session key is reserved, as id, save, touch or cookie: take another name",
        /// It could not be read again.
        TooDeep = "the value is nested deeper than 100 levels",
        /// serde could not read it.
        WrongType =
            "the session's value is not of the type that was asked for: it was stored as another",
    }
}

impl error::Error for DataError {}

/// Why a session could not be loaded, used or saved. `E` is the store's own error, passed through
/// untouched.
///
/// Neither its `Display` nor its `Debug` shows an id, a secret or session data of ours; what a
/// store's own error shows is the store's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// A parallel request changed the session: under [`Conflict::Refuse`](crate::Conflict::Refuse), or
    /// too often to merge. Or a new id exists already.
    Conflict,
    /// The cookie can't be serialized, so nothing was saved; under
    /// [`Config::recommended`](crate::Config::recommended).
    Cookie(CookieError),
    /// A value does not fit into, or does not come out of, the session.
    Data(DataError),
    /// The handle was used after its request had ended.
    Ended,
    /// No id could be made.
    Id(IdError),
    /// A parallel request ended the session, so what was changed is not saved (B-130).
    Gone,
    /// Another layer has set up the same session, or a cookie of the same name, or (under
    /// [`Config::recommended`](crate::Config::recommended)) signs with the same secret.
    LayeredTwice,
    /// `reload` found no record (B-178).
    Missing,
    /// The session is used in the closure of its own `update` or `cookie_mut`.
    Nested,
    /// No session layer is in front of this handler.
    NoLayer,
    /// The session was destroyed or unset earlier in this request.
    NoSession,
    /// The session is loaded on first use, and was not, or that was given up.
    NotLoaded,
    /// The request's path is outside of the cookie's path (B-037).
    PathMismatch,
    /// The record can't be read (B-069), or is too large to be written; what is stored stays.
    Record(RecordError),
    /// The store failed.
    Store(E),
    /// The new session or id could not be delivered, so it is not saved (B-137).
    Undeliverable,
}

parts! { Cookie(CookieError) Data(DataError) Id(IdError) Record(RecordError) }

impl<E> Error<E> {
    /// The status that the client gets: 409 if a parallel request was faster, else 500.
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::Conflict | Self::Gone => http::StatusCode::CONFLICT,
            _ => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "the session was changed by a parallel request",
            Self::Cookie(error) => return error.fmt(f),
            Self::Data(error) => return error.fmt(f),
            Self::Ended => {
                "the session's request has ended: a streamed body or a spawned task can't change \
                 the session any more; change it before the handler returns, or edit it by its id"
            }
            Self::Gone => "the session was ended by a parallel request",
            Self::Id(error) => return error.fmt(f),
            Self::LayeredTwice => {
                "two session layers with the same marker, the same cookie name or, under \
                 recommended, the same secret serve this request: remove one, or give it its own of \
                 each"
            }
            Self::Missing => "failed to load session: the store has no such record",
            Self::Nested => {
                "the session is used in the closure of its own update or cookie_mut: read what the \
                 closure needs before it"
            }
            Self::NoLayer => {
                "no session layer serves this handler: add one after the routes and the middleware \
                 that use it, and with the same marker type"
            }
            Self::NoSession => {
                "no session: it was destroyed or unset earlier in this request (regenerate begins \
                 another)"
            }
            Self::NotLoaded => {
                "the session is not loaded: take it with the adapter's extractor, or load it first"
            }
            Self::PathMismatch => {
                "no session on this path, which does not begin with the cookie's path: extract \
                 Option<Session>, or set a shorter cookie path"
            }
            Self::Record(error) => return error.fmt(f),
            Self::Store(error) => return error.fmt(f),
            Self::Undeliverable => {
                "the session can't be saved: its cookie is Secure and the request is not; behind a \
                 TLS proxy set proxy(true) and let it send X-Forwarded-Proto: https; for development \
                 for_localhost()"
            }
        })
    }
}

impl<E: error::Error> error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        if let Self::Store(error) = self { error.source() } else { None }
    }
}
