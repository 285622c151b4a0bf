//! What a store is asked, and what it answers: data only.
//!
//! One operation type, and one reply type for each. An operation carries the request's `now`, so a
//! store that compares moments needs no clock of its own. Nothing of an operation comes from a
//! client but ids that verified.

use std::fmt;
use std::time::Duration;

use crate::cookie::SessionCookie;
use crate::id::SessionId;
use crate::record::Record;
use crate::time::Timestamp;

/// Asks for the record of `id`. The reply is `Option<Stored>`: `None` if there is none, or if it
/// has expired at `now` by the store's own rule (B-064, B-068).
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Load {
    /// Whose record.
    pub id: SessionId,
    /// The moment of the request.
    pub now: Timestamp,
    /// If set, the store may let the record live this much longer in the same step, and says so in
    /// [`Stored::refreshed`]. Never set under `Config::express`.
    pub refresh: Option<Duration>,
}

impl Load {
    /// The question, for those who call a store themselves.
    pub const fn new(id: SessionId, now: Timestamp, refresh: Option<Duration>) -> Self {
        Self { id, now, refresh }
    }
}

/// Asks to write `record` under `id` if `expect` holds. The reply is [`Written`].
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Save {
    /// The precondition. If it does not hold, nothing is written.
    pub expect: Expect,
    /// Whose record.
    pub id: SessionId,
    /// The moment of the request.
    pub now: Timestamp,
    /// What to write.
    pub record: Record,
}

impl Save {
    /// The request, for those who call a store themselves.
    pub const fn new(id: SessionId, record: Record, expect: Expect, now: Timestamp) -> Self {
        Self { id, record, expect, now }
    }
}

/// Asks to end `from` and to write `record` under `to`, as one step: never both, never neither. The
/// reply is [`Written`]; `expect` is about `from`, and `to` must not exist ([`Written::Exists`]).
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Rotate {
    /// The precondition on the record of `from`. If it does not hold, nothing is written.
    pub expect: Expect,
    /// The id that ends.
    pub from: SessionId,
    /// The moment of the request.
    pub now: Timestamp,
    /// What to write under the new id.
    pub record: Record,
    /// The id that begins.
    pub to: SessionId,
}

impl Rotate {
    /// The request, for those who call a store themselves.
    pub const fn new(
        from: SessionId,
        to: SessionId,
        record: Record,
        expect: Expect,
        now: Timestamp,
    ) -> Self {
        Self { from, to, record, expect, now }
    }
}

/// Asks to let the record of `id` live until the cookie's end. The data stays as it is, and so does
/// the version. The reply is [`Touched`]; an absent record stays absent (B-131, B-202).
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Touch {
    /// The session's cookie, its lifetime renewed. A store may write it into the record
    /// ([`Record::with_cookie`]), or keep only its [`expires`](SessionCookie::expires).
    pub cookie: SessionCookie,
    /// Whose record.
    pub id: SessionId,
    /// The moment of the request.
    pub now: Timestamp,
}

impl Touch {
    /// The request, for those who call a store themselves.
    pub const fn new(id: SessionId, cookie: SessionCookie, now: Timestamp) -> Self {
        Self { id, cookie, now }
    }
}

/// Asks to delete the record of `id`. The reply is `()`: an absent record is success (B-203).
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Delete {
    /// Whose record.
    pub id: SessionId,
    /// The moment of the request.
    pub now: Timestamp,
}

impl Delete {
    /// The request, for those who call a store themselves.
    pub const fn new(id: SessionId, now: Timestamp) -> Self {
        Self { id, now }
    }
}

/// The precondition of a write, in HTTP's terms (RFC 9110 section 13.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expect {
    /// There is no record: `If-None-Match: *`.
    Absent,
    /// None: the last writer wins, and a destroyed session may come back (B-130).
    Anything,
    /// There is a record: `If-Match: *`.
    Present,
    /// The record is still the one of this version: `If-Match`.
    Version(Version),
}

/// A record as a store found it. Its `Debug` shows no data.
#[derive(Clone, Eq, PartialEq)]
pub struct Stored {
    /// The record's bytes: JSON text, if they are sound.
    pub record: Vec<u8>,
    /// Did the load renew the record's life, as [`Load::refresh`] asked?
    pub refreshed: bool,
    /// The record's version, if the store has such.
    pub version: Option<Version>,
}

impl Stored {
    /// A record without a version, its life not renewed.
    #[must_use]
    pub fn new(record: impl Into<Vec<u8>>) -> Self {
        Self { record: record.into(), refreshed: false, version: None }
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("refreshed", &self.refreshed).finish_non_exhaustive()
    }
}

/// A record's version: bytes that mean something to the store alone, such as a counter, or the
/// record's own text. Each write changes it, a touch never does.
#[derive(Clone, Eq, PartialEq)]
pub struct Version(Box<[u8]>);

impl Version {
    /// A version of the store's making.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, as the store gave them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Version(..)")
    }
}

/// The reply to [`Save`] and [`Rotate`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Written {
    /// [`Expect::Version`] did not hold: here is what stands there now. Nothing was written.
    Changed(Stored),
    /// There is a record where none was expected. Nothing was written.
    Exists,
    /// There is no record where one was expected. Nothing was written.
    Gone,
    /// Written, with the new version if the store has such.
    Saved(Option<Version>),
}

/// The reply to [`Touch`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Touched {
    /// The record lives on.
    Alive,
    /// There is no such record any more.
    Gone,
}
