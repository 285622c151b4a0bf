//! The decision, and what follows from it.
//!
//! Every decision to save, touch, delete or send a cookie is made in [`decide`], from [`Facts`]
//! alone. [`Exchange::finish`](crate::Exchange::finish) turns it into a [`Plan`]; the store
//! answers; `settle` turns the answer into an [`Outcome`]. A Set-Cookie line can't be had before:
//! nothing is promised to a client that was not saved.

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

use crate::store::{Delete, Save, Touch, Touched, Written};
use crate::{CookieError, Error, Origin};

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
    pub new_id: bool,
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

explained! {
    /// What becomes of the cookie.
    CookieAction {
        /// (B-106)
        Send = "sent",
        /// (B-106, B-136)
        Withhold = "not sent",
    }
}

explained! {
    /// What the store is asked at the end of a request: exactly one of these (B-111).
    StoreAction {
        /// (B-109)
        Delete = "delete",
        /// (B-110)
        Nothing = "nothing",
        /// (B-107)
        Save = "save",
        /// (B-108)
        Touch = "touch",
    }
}

explained! {
    /// Why something is done, or is not.
    Reason {
        /// (B-113)
        AlreadySaved = "the application saved the session and did not change it since",
        /// (B-153)
        BrowserSessionCookie = "the browser keeps the cookie for as long as it runs, and has it",
        /// (B-098)
        Changed = "the session's data was changed",
        /// (B-114)
        New = "the session is new and save_uninitialized is on",
        /// (B-123)
        NoSession = "the session was destroyed or unset",
        /// (B-098)
        NotModified = "the session's data was not changed",
        /// (B-037)
        PathMismatch = "the request's path does not begin with the cookie's path",
        /// (B-098)
        NewId = "the session has a new id",
        /// (B-112)
        Resave = "resave is on: an unchanged session is written back",
        /// (B-106)
        Rolling = "rolling is on: the cookie is sent on every response",
        /// (B-136)
        SecureOnPlainHttp =
            "the cookie is Secure and the request is not: behind a TLS proxy, set proxy(true)",
        /// (B-114)
        Uninitialized = "the session is new and empty and save_uninitialized is off",
        /// (B-109)
        Unset = "the session was unset and unset is destroy",
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
    let modified = facts.changed || facts.new_id;
    let wanted = match facts {
        Facts { present: false, .. } => return (Withhold, Reason::NoSession),
        Facts { known: true, rolling: true, .. } => Reason::Rolling,
        Facts { known: true, .. } if !modified => return (Withhold, Reason::NotModified),
        Facts { known: true, expiring: false, .. } => {
            return (Withhold, Reason::BrowserSessionCookie);
        }
        Facts { new_id: true, .. } => Reason::NewId,
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
        Facts { new_id: true, .. } => (Save, Reason::NewId),
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
    /// What the store is asked.
    pub operation: O,
    pub(crate) outcome: Outcome,
}

impl Closing<Delete> {
    /// Takes the store's answer.
    ///
    /// # Errors
    /// [`Error::Store`]: the client gets a 500 and no session cookie (D-write-failure).
    pub fn settle<E>(self, reply: Result<(), E>) -> Result<Outcome, Error<E>> {
        reply.map(|()| self.outcome).map_err(Error::Store)
    }
}

impl Closing<Save> {
    /// Takes the store's answer.
    ///
    /// # Errors
    /// [`Error::Store`]: the client gets a 500 and no session cookie (D-write-failure).
    /// [`Error::Conflict`]: the precondition did not hold, the client gets a 409.
    pub fn settle<E>(self, reply: Result<Written, E>) -> Result<Outcome, Error<E>> {
        written(reply).map(|()| self.outcome)
    }
}

impl Closing<Touch> {
    /// Takes the store's answer; `None` if the store failed. A failed touch loses nothing but
    /// lifetime (B-210): report the store's error and let the response go out as it is. Nor does a
    /// record that is gone change the response (B-131).
    pub fn settle(self, _reply: Option<Touched>) -> Outcome {
        self.outcome
    }
}

/// Was the record written?
pub(crate) fn written<E>(reply: Result<Written, E>) -> Result<(), Error<E>> {
    match reply {
        Ok(Written::Saved(_)) => Ok(()),
        Ok(Written::Changed(_) | Written::Exists | Written::Gone) => Err(Error::Conflict),
        Err(error) => Err(Error::Store(error)),
    }
}

/// What goes onto the response.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    pub(crate) cookie: Result<Option<HeaderValue>, CookieError>,
    pub(crate) decision: Decision,
    pub(crate) origin: Origin,
}

impl Outcome {
    /// Appends our Set-Cookie line after those that stand there already: none is replaced (B-134).
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.extend(self.set_cookie().map(|line| (SET_COOKIE, line.clone())));
    }

    /// Why the cookie that was to be sent could not be serialized: to be reported. The response
    /// goes out without it, the session is saved (B-152).
    pub fn cookie_error(&self) -> Option<CookieError> {
        self.cookie.as_ref().err().copied()
    }

    /// Where the session came from when the request began.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What was decided, and why.
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// Our Set-Cookie line, marked as sensitive: its `Debug` does not show it.
    pub fn set_cookie(&self) -> Option<&HeaderValue> {
        self.cookie.as_ref().ok()?.as_ref()
    }
}

#[cfg(test)]
mod tests;
