//! What a store is asked, and what it answers: data only.
//!
//! One operation type, and one reply type for each. An operation carries the request's `now`, so a
//! store that compares moments needs no clock of its own. Nothing of an operation comes from a
//! client but ids that verified: any UTF-8 text of 1 to 1,024 bytes, which a store that makes file
//! names or queries of them must encode.
//!
//! A record that has expired is absent for every operation. A store may count in whole seconds and let it
//! live to the end of its last one, never shorter. One that is written with an end that has passed is
//! [`Saved`](Written::Saved), and is absent then. An id that a store can't hold is that of no record: to load,
//! touch and delete it is no error, to write it is one.
//!
//! Under [`Config::express`](crate::Config::express) with its own
//! [`Conflict::Overwrite`](crate::Conflict), each write expects [`Expect::Anything`]; otherwise none does.
//! `http-session-conformance` has all of this as checks that any store can run.

use std::time::Duration;

use crate::{Record, SessionCookie, SessionId, Timestamp};

/// An operation: a struct of public fields that may come to have more, and its constructor.
macro_rules! operation {
    ($(#[$meta:meta])* $name:ident { $($(#[$note:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        #[must_use]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$note])* pub $field: $type,)*
        }

        impl $name {
            /// The operation, for those who call a store themselves.
            pub const fn new($($field: $type),*) -> Self {
                Self { $($field),* }
            }
        }
    };
}

/// Asks for the record of `id`. The reply is `Option<Stored>`: `None` if there is none, or if it has expired
/// at `now` by the store's own rule (B-064, B-068).
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Load {
    /// Whose record.
    pub id: SessionId,
    /// The moment of the request.
    pub now: Timestamp,
    /// The idle timeout. If it is set, the store may in the same step set the record's end to this long
    /// after `now`, as a touch would, and says so in [`Stored::refreshed`]: the end of the request then
    /// need not touch. Never set under `Config::express`.
    pub refresh: Option<Duration>,
    /// Is [`Stored::expires`] wanted? A store that can tell then does; otherwise it does as is easier. Never
    /// set together with `refresh`.
    pub tell_end: bool,
}

impl Load {
    /// The operation, for those who call a store themselves; it does not want to know the end.
    pub const fn new(id: SessionId, now: Timestamp, refresh: Option<Duration>) -> Self {
        Self { id, now, refresh, tell_end: false }
    }
}

operation! {
    /// Asks to write `record` under `id` if `expect` holds. The reply is [`Written`].
    Save {
        /// Whose record.
        id: SessionId,
        /// What to write.
        record: Record,
        /// The precondition. If it does not hold, nothing is written.
        expect: Expect,
        /// The moment of the request.
        now: Timestamp,
    }
}

operation! {
    /// Asks to end `from` and to write `record` under `to`, as one step: never both, never neither. The
    /// reply is [`Written`]; `expect` is about `from` and is looked at first, and `to` must not exist
    /// ([`Written::Exists`], also if `from` is the same id). An absent `from` is no hindrance by itself.
    Rotate {
        /// The id that ends.
        from: SessionId,
        /// The id that begins.
        to: SessionId,
        /// What to write under the new id.
        record: Record,
        /// The precondition on the record of `from`. If it does not hold, nothing is written.
        expect: Expect,
        /// The moment of the request.
        now: Timestamp,
    }
}

operation! {
    /// Asks to let the record of `id` live until the cookie's end. The data stays as it is, and so does
    /// the version. The reply is [`Touched`]; an absent record stays absent (B-131, B-202).
    Touch {
        /// Whose record.
        id: SessionId,
        /// The session's cookie, its lifetime renewed. A store may write it into the record
        /// ([`Record::touch`]), or leave it.
        cookie: SessionCookie,
        /// When the record is to expire from now on; `None` if it says nothing of its end: then the end that
        /// it had is lifted, and how long it lives is the store's choice, at least an hour.
        expires: Option<Timestamp>,
        /// The version that was loaded, if the store has such. A record of another one is alive and is
        /// left as it is: whoever wrote it has said when it ends. (A store that keeps no version by the
        /// side of the expiry may renew it all the same.)
        version: Option<Version>,
        /// The moment of the request.
        now: Timestamp,
    }
}

operation! {
    /// Asks to delete the record of `id`. The reply is `()`: an absent record is success (B-203).
    Delete {
        /// Whose record.
        id: SessionId,
        /// The moment of the request.
        now: Timestamp,
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
    /// When the record ends, if it was asked for ([`Load::tell_end`]), the record has an end and the store can
    /// tell: not later than it ends in truth, but for a store that counts in whole seconds.
    pub expires: Option<Timestamp>,
    /// The record's bytes: JSON text, if they are sound.
    pub record: Vec<u8>,
    /// Did the load renew the record's life, as [`Load::refresh`] asked?
    pub refreshed: bool,
    /// The record's version, if the store has such.
    pub version: Option<Version>,
}

impl Stored {
    /// A record without a version or a known end, its life not renewed.
    pub fn new(record: impl Into<Vec<u8>>) -> Self {
        Self { expires: None, record: record.into(), refreshed: false, version: None }
    }
}

/// A record's version: bytes that mean something to the store alone. Each write of another record
/// makes another one, which does not come back with another record, not even after a delete or a restart; a
/// touch leaves it. So it may be the record's own text, and equal records may have one in common. Such a
/// store must not write the cookie on a touch.
#[derive(Clone, Eq, PartialEq)]
pub struct Version(pub Box<[u8]>);

redacted! { Stored Version }

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
