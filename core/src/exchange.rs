//! One request with its response: load → modify → decide.
//!
//! The straight line has one fork, and each branch is a value that carries the only next step:
//!
//! ```text
//! Config::begin ── Begin::Skip
//!               ├─ Begin::Create(Create) ── with_id ───────────────┐
//!               └─ Begin::Load(Lookup) ─┬─ missing() ── Create ────┤
//!                                       └─ found() ────────────────┴─ Exchange ── finish ── Plan
//! ```
//!
//! In between, [`Exchange::start`] hands out the operation of a method that asks the store in the
//! middle of the request, and [`Ask::complete`] takes the answer.

use std::sync::Arc;

use crate::request::presented_id;
use crate::session::{Data, is_same};
use crate::store::{Delete, Expect, Load, Save, Stored, Touch, Written};
use crate::{Closing, CookieAction, Facts, Outcome, Plan, Reason, Saved, StoreAction, decide};
use crate::{
    Config, CookieTemplate, Error, Origin, Record, RecordError, RequestFacts, SessionCookie,
};
use crate::{Session, SessionId, Timestamp, Unset, plan::written, record::inflate};

impl Config {
    /// Begins with a request: reads its path, connection and Cookie lines (B-037 … B-058).
    ///
    /// ```
    /// use http_session::{Begin, Config, RequestFacts, Timestamp};
    ///
    /// let config = Config::express("keyboard cat").build()?;
    /// let now = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
    /// let request = RequestFacts { path: "/", ..RequestFacts::default() };
    /// // No cookie: a session is made, the store is not asked (B-063).
    /// assert!(matches!(config.begin(&request, [], now), Begin::Create(_)));
    /// # Ok::<(), http_session::ConfigError>(())
    /// ```
    pub fn begin<'a>(
        &self,
        request: &RequestFacts<'_>,
        cookie_lines: impl IntoIterator<Item = &'a [u8]>,
        now: Timestamp,
    ) -> Begin {
        let settings = self.settings();
        let template = request.template.as_ref().unwrap_or(&settings.template).clone();
        // A plain prefix, not segments, of the undecoded path (B-040, B-041); none is / (B-039).
        let path = if request.path.is_empty() { "/" } else { request.path };
        if !path.starts_with(template.path()) {
            return Begin::Skip(Reason::PathMismatch);
        }
        let secure = request.is_secure(settings.proxy);
        let (origin, presented) = match presented_id(cookie_lines, &settings.name, &settings.keys) {
            Ok(id) => (Origin::Loaded, Some(id)),
            Err(origin) => (origin, None),
        };
        let opening = Opening { config: self.clone(), origin, presented, secure, template };
        match opening.presented.clone() {
            None => Begin::Create(Create(opening)),
            Some(id) => Begin::Load(Lookup { operation: Load::new(id, now, None), opening }),
        }
    }
}

/// How a request begins.
#[derive(Debug)]
#[must_use]
pub enum Begin {
    /// With a new session: the request presented no id.
    Create(Create),
    /// With a question to the store.
    Load(Lookup),
    /// Without any session: this path has none.
    Skip(Reason),
}

/// What a request brings along, whatever session it gets.
#[derive(Debug)]
struct Opening {
    config: Config,
    origin: Origin,
    presented: Option<SessionId>,
    secure: bool,
    template: Arc<CookieTemplate>,
}

impl Opening {
    /// A session without data, with a cookie from the options (B-078).
    fn new_session(&self, id: SessionId, now: Timestamp) -> Session {
        let cookie = self.template.create(now, self.secure);
        Session { cookie, data: self.config.settings().empty.clone(), id }
    }
}

/// A session is to be made: it needs an id.
#[derive(Debug)]
#[must_use]
pub struct Create(Opening);

impl Create {
    /// Makes the session. The client's own id is never adopted (B-065).
    pub fn with_id(self, id: SessionId, now: Timestamp) -> Exchange {
        let session = self.0.new_session(id, now);
        Exchange::new(self.0, session)
    }
}

/// The store is to be asked for the record of the id that the request presents. A load that fails
/// is a failed request: there is no way from here to a session (B-067).
#[derive(Debug)]
#[must_use]
pub struct Lookup {
    opening: Opening,
    /// What the store is asked.
    pub operation: Load,
}

impl Lookup {
    /// The store has the record (B-071).
    ///
    /// # Errors
    /// The record can't be read: the request fails, and the record stays (B-069).
    pub fn found(self, stored: Stored) -> Result<Exchange, RecordError> {
        let settings = self.opening.config.settings();
        let inflated = inflate(&stored.record, settings.max_record_bytes)?;
        let (resave, data) = (settings.resave, Data::new(inflated.data));
        let session = Session { cookie: inflated.cookie, data, id: self.operation.id };
        let mut exchange = Exchange::new(self.opening, session);
        if let Some(raw) = inflated.raw {
            exchange.original_data = Data::new(raw);
        }
        // With resave off, what was loaded counts as saved (B-077).
        exchange.last_saved = (!resave).then(|| exchange.original_data.clone());
        Ok(exchange)
    }

    /// The store has no such record: a session is made, with a new id (B-065).
    pub fn missing(self) -> Create {
        Create(Opening { origin: Origin::Missing, ..self.opening })
    }
}

/// A request under way, with its session. Its `Debug` shows neither id nor data.
pub struct Exchange {
    /// The session's id, also after it was destroyed or unset (express's `req.sessionID`).
    id: SessionId,
    opening: Opening,
    /// The data and the id noted when the session was loaded or made.
    original_data: Data,
    original_id: SessionId,
    /// The data as it was last saved.
    last_saved: Option<Data>,
    session: Option<Session>,
}

redacted! { Exchange }

impl Exchange {
    fn new(opening: Opening, session: Session) -> Self {
        let (id, original_id) = (session.id.clone(), session.id.clone());
        let original_data = session.data.clone();
        Self { id, opening, original_data, original_id, last_saved: None, session: Some(session) }
    }

    /// Where the session came from when the request began.
    pub const fn origin(&self) -> Origin {
        self.opening.origin
    }

    /// Was the session made in this request?
    pub fn is_new(&self) -> bool {
        self.origin() != Origin::Loaded || self.id != self.original_id
    }

    /// The session, unless it was destroyed or unset.
    pub const fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The session, to change it.
    pub const fn session_mut(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    /// Takes the session off the request: express's `req.session = null` (B-188). What becomes of
    /// the record is the option `unset`.
    pub fn unset(&mut self) {
        self.session = None;
    }

    /// Starts a method that asks the store. Carry out the operation and give the answer to
    /// [`Ask::complete`], before the next one is started.
    ///
    /// # Errors
    /// [`Error::NoSession`]; [`Error::Record`] if what is to be saved could not be read again.
    pub fn start<E>(&mut self, action: Action, now: Timestamp) -> Result<Pending, Error<E>> {
        let session = self.session.as_ref().ok_or(Error::NoSession)?;
        let id = session.id.clone();
        Ok(match action {
            Action::Destroy => {
                // The request has no session any more, whatever the store answers (B-184).
                self.session = None;
                Pending::Delete(Ask::new(Delete::new(id, now)))
            }
            Action::Regenerate(next) => {
                Pending::Delete(Ask { next: Some(next), ..Ask::new(Delete::new(id, now)) })
            }
            Action::Reload => Pending::Load(Ask::new(Load::new(id, now, None))),
            Action::Save => {
                // The cookie's lifetime is written as it stands (B-177).
                let record = self.record(&session.cookie, &session.data)?;
                let operation = Save::new(id, record, Expect::Anything, now);
                Pending::Save(Ask { data: Some(session.data.clone()), ..Ask::new(operation) })
            }
        })
    }

    fn record(&self, cookie: &SessionCookie, data: &Data) -> Result<Record, RecordError> {
        Record::new(cookie, data, self.opening.config.settings().max_record_bytes)
    }

    /// What the decision would depend on, if the request ended here; but for `expiring`, which the
    /// touch at the end may change (B-110).
    pub fn facts(&self) -> Facts {
        let settings = self.opening.config.settings();
        let session = self.session.as_ref();
        let cookie = session.map(|session| &session.cookie);
        let differs = |baseline: &Data| session.is_some_and(|now| !is_same(&now.data, baseline));
        Facts {
            changed: differs(&self.original_data),
            expiring: cookie.is_some_and(|cookie| cookie.is_expiring()),
            known: self.opening.presented.as_ref() == Some(&self.id),
            present: session.is_some(),
            new_id: self.id != self.original_id,
            rolling: settings.rolling,
            saved: match &self.last_saved {
                None => Saved::Never,
                Some(saved) if differs(saved) => Saved::Stale,
                Some(_) => Saved::Current,
            },
            save_uninitialized: settings.save_uninitialized,
            unset_destroy: settings.unset == Unset::Destroy,
            withheld: !self.opening.secure && cookie.is_some_and(|cookie| cookie.is_secure()),
        }
    }

    /// Ends the request: decides, and says what the store is to be asked.
    ///
    /// Call it when the response's head is known and before a byte of it goes out.
    ///
    /// # Errors
    /// The record would be too large to be read again: the request fails.
    pub fn finish(mut self, now: Timestamp) -> Result<Plan, RecordError> {
        // The lifetime that is decided about, sent and stored is the same (B-110, B-138).
        self.session.iter_mut().for_each(|session| session.cookie.touch(now));
        let (decision, origin) = (decide(self.facts()), self.origin());
        let Some(Session { cookie, data, id }) = self.session.take() else {
            let outcome = Outcome { cookie: Ok(None), decision, origin };
            return Ok(match decision.store {
                StoreAction::Delete => {
                    Plan::Delete(Closing { operation: Delete::new(self.id, now), outcome })
                }
                _ => Plan::Nothing(outcome),
            });
        };
        let line = || cookie.line(self.opening.config.settings(), &id);
        let send = decision.cookie == CookieAction::Send;
        let outcome = Outcome { cookie: send.then(line).transpose(), decision, origin };
        Ok(match decision.store {
            StoreAction::Save => {
                let record = self.record(&cookie, &data)?;
                let operation = Save::new(id, record, Expect::Anything, now);
                Plan::Save(Closing { operation, outcome })
            }
            StoreAction::Touch => {
                let expires = cookie.end();
                let operation = Touch::new(id, cookie, expires, now);
                Plan::Touch(Closing { operation, outcome })
            }
            StoreAction::Delete | StoreAction::Nothing => Plan::Nothing(outcome),
        })
    }
}

/// A method of the session that asks the store in the middle of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Ends the session and deletes its record (B-184).
    Destroy,
    /// Deletes the record and begins an empty session with this new id (B-182).
    Regenerate(SessionId),
    /// Takes over what the store has now (B-178).
    Reload,
    /// Writes the record now (B-175).
    Save,
}

/// The operation that a method waits for.
#[derive(Debug)]
#[must_use]
pub enum Pending {
    /// Delete a record.
    Delete(Ask<Delete>),
    /// Load a record.
    Load(Ask<Load>),
    /// Write a record.
    Save(Ask<Save>),
}

/// An operation in the middle of a request, and what its answer leads to.
#[must_use]
pub struct Ask<O> {
    /// The data that is saved.
    data: Option<Data>,
    /// The id of the session that takes the place of a deleted one.
    next: Option<SessionId>,
    /// What the store is asked.
    pub operation: O,
}

redacted! { Ask<O> }

impl<O> Ask<O> {
    const fn new(operation: O) -> Self {
        Self { data: None, next: None, operation }
    }
}

impl Ask<Delete> {
    /// Takes the store's answer. After `regenerate` the new session is in place even if the store
    /// failed, and the old record is still there (B-183).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn complete<E>(
        self,
        exchange: &mut Exchange,
        reply: Result<(), E>,
        now: Timestamp,
    ) -> Result<(), Error<E>> {
        if let Some(id) = self.next {
            exchange.id = id.clone();
            exchange.session = Some(exchange.opening.new_session(id, now));
        }
        reply.map_err(Error::Store)
    }
}

impl Ask<Load> {
    /// Takes the store's answer: the session becomes what was found, cookie and all (B-179). What
    /// it is compared with at the end stays as it was (B-178, B-132).
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Missing`], [`Error::Record`], [`Error::NoSession`] if the
    /// session was unset meanwhile; the session is unchanged.
    pub fn complete<E>(
        self,
        exchange: &mut Exchange,
        reply: Result<Option<Stored>, E>,
    ) -> Result<(), Error<E>> {
        let stored = reply.map_err(Error::Store)?.ok_or(Error::Missing)?;
        let limit = exchange.opening.config.settings().max_record_bytes;
        let inflated = inflate(&stored.record, limit)?;
        let session = exchange.session.as_mut().filter(|session| session.id == self.operation.id);
        let session = session.ok_or(Error::NoSession)?;
        (session.cookie, session.data) = (inflated.cookie, Data::new(inflated.data));
        Ok(())
    }
}

impl Ask<Save> {
    /// Takes the store's answer. The session counts as saved from here on, whatever the answer
    /// (B-175, B-176): the end of the request does not try again.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Conflict`].
    pub fn complete<E>(
        self,
        exchange: &mut Exchange,
        reply: Result<Written, E>,
    ) -> Result<(), Error<E>> {
        exchange.last_saved = self.data;
        written(reply)
    }
}

#[cfg(test)]
mod tests;
