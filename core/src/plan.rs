//! The decision, and what follows from it.
//!
//! Every decision to save, touch, delete or send a cookie is made in [`decide`], from [`Facts`]
//! alone. [`Exchange::finish`](crate::Exchange::finish) turns it into a [`Plan`]; the store
//! answers; `settle` turns the answer into an [`Outcome`]. A Set-Cookie line can't be had before:
//! nothing is promised to a client that was not saved.

use std::fmt;

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use crate::error::{CookieError, Failure};
use crate::store::{Delete, Save, Touch, Touched, Written};

/// All that the decision depends on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Facts {
    /// The data is not what it was when the session was loaded or made (B-098).
    pub changed: bool,
    /// The cookie has an end of its own (B-092).
    pub expiring: bool,
    /// The client presented the id that the session has now (*known*).
    pub known: bool,
    /// There is a session: it was neither destroyed nor unset.
    pub present: bool,
    /// The id is not what it was when the session was loaded or made (B-098).
    pub renewed: bool,
    /// The option (B-010).
    pub rolling: bool,
    /// How the data stands to what was last saved.
    pub saved: Saved,
    /// The option (B-009).
    pub save_uninitialized: bool,
    /// The option `unset` is `destroy` (B-011).
    pub unset_destroy: bool,
    /// The cookie is Secure and the request is not (B-136).
    pub withheld: bool,
}

/// How the session's data stands to what was last saved. With `resave` off, a session counts as
/// saved when it was loaded (B-077).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Saved {
    /// It is what was last saved.
    Current,
    /// Nothing was saved.
    Never,
    /// It is something else.
    Stale,
}

/// What happens at the end of a request, and why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Decision {
    /// What becomes of the cookie.
    pub cookie: CookieAction,
    /// Why.
    pub cookie_reason: Reason,
    /// What the store is asked.
    pub store: StoreAction,
    /// Why.
    pub store_reason: Reason,
}

/// What becomes of the cookie.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum CookieAction {
    /// It is sent.
    Send,
    /// It is not sent.
    Withhold,
}

/// What the store is asked at the end of a request: exactly one of these (B-111).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum StoreAction {
    /// Delete the record.
    Delete,
    /// Nothing.
    Nothing,
    /// Write the record.
    Save,
    /// Let the record live on.
    Touch,
}

/// Why something is done, or is not.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The session was saved by the application, and not changed since.
    AlreadySaved,
    /// The cookie lives as long as the browser's session: the browser has it already (B-153).
    BrowserSessionCookie,
    /// The data was changed.
    Changed,
    /// The session is new, and `save_uninitialized` is on.
    New,
    /// The session was destroyed or unset.
    NoSession,
    /// The data is as it was loaded.
    NotModified,
    /// The request's path does not begin with the cookie's path (B-037).
    PathMismatch,
    /// The session has a new id.
    Renewed,
    /// `resave` is on: an unchanged session is written back (B-112).
    Resave,
    /// `rolling` is on: the cookie is sent on every response.
    Rolling,
    /// The cookie is Secure and the request is not (B-136).
    SecureOnPlainHttp,
    /// The session is new and empty, and `save_uninitialized` is off.
    Uninitialized,
    /// The session was unset, and `unset` is `destroy` (B-109).
    Unset,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySaved => "the application saved the session and did not change it since",
            Self::BrowserSessionCookie => {
                "the cookie lasts as long as the browser's session and the browser has it already"
            }
            Self::Changed => "the session's data was changed",
            Self::New => "the session is new and save_uninitialized is on",
            Self::NoSession => "the session was destroyed or unset",
            Self::NotModified => "the session's data was not changed",
            Self::PathMismatch => "the request's path does not begin with the cookie's path",
            Self::Renewed => "the session has a new id",
            Self::Resave => "resave is on: an unchanged session is written back",
            Self::Rolling => "rolling is on: the cookie is sent on every response",
            Self::SecureOnPlainHttp => {
                "the cookie is Secure and the request is not: behind a TLS proxy, set proxy(true)"
            }
            Self::Uninitialized => "the session is new and empty and save_uninitialized is off",
            Self::Unset => "the session was unset and unset is destroy",
        })
    }
}

/// The whole policy of saving, touching, deleting and sending: express-session's formulas
/// (B-106 … B-111).
#[must_use]
pub const fn decide(facts: Facts) -> Decision {
    let (cookie, cookie_reason) = decide_cookie(facts);
    let (store, store_reason) = decide_store(facts);
    Decision { cookie, cookie_reason, store, store_reason }
}

/// B-106, B-136.
const fn decide_cookie(facts: Facts) -> (CookieAction, Reason) {
    use CookieAction::{Send, Withhold};
    let modified = facts.changed || facts.renewed;
    let wanted = match facts {
        Facts { present: false, .. } => return (Withhold, Reason::NoSession),
        Facts { known: true, rolling: true, .. } => Reason::Rolling,
        Facts { known: true, .. } if !modified => return (Withhold, Reason::NotModified),
        Facts { known: true, expiring: false, .. } => {
            return (Withhold, Reason::BrowserSessionCookie);
        }
        Facts { renewed: true, .. } => Reason::Renewed,
        Facts { changed: true, .. } => Reason::Changed,
        Facts { save_uninitialized: true, .. } => Reason::New,
        _ => return (Withhold, Reason::Uninitialized),
    };
    if facts.withheld { (Withhold, Reason::SecureOnPlainHttp) } else { (Send, wanted) }
}

/// B-107 … B-110.
const fn decide_store(facts: Facts) -> (StoreAction, Reason) {
    use StoreAction::{Delete, Nothing, Save, Touch};
    match facts {
        Facts { present: false, unset_destroy: true, .. } => (Delete, Reason::Unset),
        Facts { present: false, .. } => (Nothing, Reason::NoSession),
        Facts { renewed: true, .. } => (Save, Reason::Renewed),
        Facts { saved: Saved::Stale, .. } => (Save, Reason::Changed),
        Facts { saved: Saved::Never, changed: true, .. } => (Save, Reason::Changed),
        Facts { saved: Saved::Never, known: true, .. } => (Save, Reason::Resave),
        Facts { saved: Saved::Never, save_uninitialized: true, .. } => (Save, Reason::New),
        Facts { saved: Saved::Never, .. } => (Nothing, Reason::Uninitialized),
        Facts { known: true, changed: true, .. } => (Touch, Reason::AlreadySaved),
        Facts { known: true, .. } => (Touch, Reason::NotModified),
        Facts { saved: Saved::Current, .. } => (Nothing, Reason::AlreadySaved),
    }
}

/// What the store is to be asked at the end of a request.
#[derive(Debug)]
#[must_use]
pub enum Plan {
    /// Delete the record.
    Delete(Closing<Delete>),
    /// Nothing: the request is done.
    Nothing(Outcome),
    /// Write the record.
    Save(Closing<Save>),
    /// Let the record live on.
    Touch(Closing<Touch>),
}

/// The last operation of a request, and what its answer leads to. Dropping it is a failed request:
/// without the store's answer there is no Set-Cookie line.
#[derive(Debug)]
#[must_use]
pub struct Closing<O> {
    pub(crate) operation: O,
    pub(crate) outcome: Outcome,
}

impl<O> Closing<O> {
    /// What the store is asked.
    pub const fn operation(&self) -> &O {
        &self.operation
    }
}

impl Closing<Delete> {
    /// Takes the store's answer.
    ///
    /// # Errors
    /// [`Failure::Store`]: the client gets a 500 and no session cookie (D-write-failure).
    pub fn settle<E>(self, reply: Result<(), E>) -> Result<Outcome, Failure<E>> {
        reply.map_err(Failure::Store)?;
        Ok(self.outcome)
    }
}

impl Closing<Save> {
    /// Takes the store's answer.
    ///
    /// # Errors
    /// [`Failure::Store`]: the client gets a 500 and no session cookie (D-write-failure).
    /// [`Failure::Conflict`]: the precondition did not hold, the client gets a 409.
    pub fn settle<E>(self, reply: Result<Written, E>) -> Result<Outcome, Failure<E>> {
        match reply.map_err(Failure::Store)? {
            Written::Saved(_) => Ok(self.outcome),
            Written::Changed(_) | Written::Exists | Written::Gone => Err(Failure::Conflict),
        }
    }
}

impl Closing<Touch> {
    /// Takes the store's answer; `None` if the store failed. A failed touch loses nothing but
    /// lifetime (B-210): report the store's error and let the response go out as it is.
    pub fn settle(self, reply: Option<Touched>) -> Outcome {
        // A touch that found the record gone does not bring it back (B-131); nothing follows
        // from that for the response.
        let _ = reply;
        self.outcome
    }
}

/// What goes onto the response.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    pub(crate) cookie_error: Option<CookieError>,
    pub(crate) decision: Decision,
    pub(crate) set_cookie: Option<HeaderValue>,
}

impl Outcome {
    /// Appends our Set-Cookie line after those that stand there already: none is replaced (B-134).
    pub fn apply(&self, headers: &mut HeaderMap) {
        if let Some(line) = &self.set_cookie {
            headers.append(SET_COOKIE, line.clone());
        }
    }

    /// Why the cookie that was to be sent could not be serialized: to be reported. The response
    /// goes out without it, the session is saved (B-152).
    #[must_use]
    pub const fn cookie_error(&self) -> Option<CookieError> {
        self.cookie_error
    }

    /// What was decided, and why.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// Our Set-Cookie line, marked as sensitive: its `Debug` does not show it.
    #[must_use]
    pub const fn set_cookie(&self) -> Option<&HeaderValue> {
        self.set_cookie.as_ref()
    }
}

#[cfg(test)]
mod tests;
