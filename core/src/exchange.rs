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

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::config::{Config, Unset};
use crate::cookie::CookieTemplate;
use crate::error::{CookieError, Failure, RecordError};
use crate::id::SessionId;
use crate::plan::{
    Closing, CookieAction, Facts, Outcome, Plan, Reason, Saved, StoreAction, decide,
};
use crate::record::{Record, inflate};
use crate::request::{Rejected, RequestFacts, presented_id};
use crate::session::{Data, Session, is_same};
use crate::store::{Delete, Expect, Load, Save, Stored, Touch, Written};
use crate::time::Timestamp;

impl Config {
    /// Begins with a request: reads its path, connection and Cookie lines (B-037 … B-058).
    ///
    /// ```
    /// use http_session::{Begin, Config, RequestFacts, Timestamp};
    ///
    /// let config = Config::express("keyboard cat").build()?;
    /// let now = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
    /// // No cookie: a session is made, the store is not asked (B-063).
    /// assert!(matches!(config.begin(&RequestFacts::new("/"), [], now), Begin::Create(_)));
    /// # Ok::<(), http_session::ConfigError>(())
    /// ```
    pub fn begin<'a>(
        &self,
        request: &RequestFacts<'_>,
        cookie_lines: impl IntoIterator<Item = &'a [u8]>,
        now: Timestamp,
    ) -> Begin {
        let settings = self.settings();
        let template = request.template.as_ref().unwrap_or(&settings.template);
        // A plain prefix, not segments, of the undecoded path (B-040, B-041).
        if !request.path.starts_with(template.path()) {
            return Begin::Skip(Reason::PathMismatch);
        }
        let presented = presented_id(cookie_lines, &settings.name, &settings.keys);
        let opening = Opening {
            config: self.clone(),
            secure: request.is_secure(settings.proxy),
            template: template.clone(),
        };
        match presented {
            Err(rejected) => Begin::Create(Create {
                opening,
                origin: Origin::Rejected(rejected),
                presented: None,
            }),
            Ok(id) => Begin::Load(Lookup { opening, operation: Load { id, now, refresh: None } }),
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
#[derive(Clone, Debug)]
struct Opening {
    config: Config,
    secure: bool,
    template: Arc<CookieTemplate>,
}

/// A session is to be made: it needs an id.
#[derive(Debug)]
#[must_use]
pub struct Create {
    opening: Opening,
    origin: Origin,
    presented: Option<SessionId>,
}

impl Create {
    /// Makes the session: no data, and a cookie from the options (B-078). The client's own id is
    /// never adopted (B-065).
    pub fn with_id(self, id: SessionId, now: Timestamp) -> Exchange {
        let Self { opening, origin, presented } = self;
        let cookie = opening.template.create(now, opening.secure);
        let session = Session { cookie, data: Data::default(), id };
        Exchange::new(opening, origin, presented, session, None, None)
    }
}

/// The store is to be asked for the record of the id that the request presents. A load that fails
/// is a failed request: there is no way from here to a session (B-067).
#[derive(Debug)]
#[must_use]
pub struct Lookup {
    opening: Opening,
    operation: Load,
}

impl Lookup {
    /// What the store is asked.
    pub const fn operation(&self) -> &Load {
        &self.operation
    }

    /// The store has the record (B-071).
    ///
    /// # Errors
    /// The record can't be read: the request fails, and the record stays (B-069).
    pub fn found(self, stored: &Stored) -> Result<Exchange, RecordError> {
        let Self { opening, operation } = self;
        let settings = opening.config.settings();
        let inflated = inflate(&stored.record, settings.max_record_bytes)?;
        let data = Data::new(inflated.data);
        let original = inflated.raw.map_or_else(|| data.clone(), Data::new);
        // With resave off, what was loaded counts as saved (B-077).
        let saved = (!settings.resave).then(|| original.clone());
        let presented = Some(operation.id.clone());
        let session = Session { cookie: inflated.cookie, data, id: operation.id };
        Ok(Exchange::new(opening, Origin::Loaded, presented, session, Some(original), saved))
    }

    /// The store has no such record: a session is made, with a new id (B-065).
    pub fn missing(self) -> Create {
        let Self { opening, operation } = self;
        Create { opening, origin: Origin::Missing, presented: Some(operation.id) }
    }
}

/// Where a session comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// From the store.
    Loaded,
    /// It is new: the store has no record of the presented id.
    Missing,
    /// It is new: the request presented no id.
    Rejected(Rejected),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded => f.write_str("the session was loaded"),
            Self::Missing => f.write_str("the store has no record of the presented session"),
            Self::Rejected(rejected) => rejected.fmt(f),
        }
    }
}

/// A request under way, with its session.
#[derive(Debug)]
pub struct Exchange {
    /// The session's id, also after it was destroyed or unset (express's `req.sessionID`).
    id: SessionId,
    opening: Opening,
    origin: Origin,
    /// The id and the data noted when the session was loaded or made.
    original_data: Data,
    original_id: SessionId,
    presented: Option<SessionId>,
    /// The data as it was last saved.
    saved: Option<Data>,
    session: Option<Session>,
}

impl Exchange {
    fn new(
        opening: Opening,
        origin: Origin,
        presented: Option<SessionId>,
        session: Session,
        original: Option<Data>,
        saved: Option<Data>,
    ) -> Self {
        Self {
            id: session.id.clone(),
            opening,
            origin,
            original_data: original.unwrap_or_else(|| session.data.clone()),
            original_id: session.id.clone(),
            presented,
            saved,
            session: Some(session),
        }
    }

    /// Where the session came from when the request began.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The session, unless it was destroyed or unset.
    #[must_use]
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
    /// [`Failure::NoSession`].
    pub fn start<E>(&mut self, action: Action, now: Timestamp) -> Result<Pending, Failure<E>> {
        let Some(session) = &self.session else { return Err(Failure::NoSession) };
        let id = session.id.clone();
        Ok(match action {
            Action::Destroy => {
                // The request has no session any more, whatever the store answers (B-184).
                self.session = None;
                Pending::Delete(Ask { operation: Delete { id, now }, regenerate: None })
            }
            Action::Regenerate(new) => {
                Pending::Delete(Ask { operation: Delete { id, now }, regenerate: Some(new) })
            }
            Action::Reload => {
                Pending::Load(Ask { operation: Load { id, now, refresh: None }, regenerate: None })
            }
            Action::Save => {
                // It counts as saved from here on, whatever the store answers (B-175, B-176), and
                // the cookie's lifetime is written as it stands (B-177).
                self.saved = Some(session.data.clone());
                let record = Record::new(&session.cookie, &session.data);
                Pending::Save(Ask {
                    operation: Save { expect: Expect::Anything, id, now, record },
                    regenerate: None,
                })
            }
        })
    }

    /// What the decision would depend on, if the request ended here.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let settings = self.opening.config.settings();
        let session = self.session.as_ref();
        let differs = |baseline: &Data| session.is_some_and(|now| !is_same(&now.data, baseline));
        Facts {
            changed: differs(&self.original_data),
            expiring: session.is_some_and(|session| session.cookie.is_expiring()),
            known: self.presented.as_ref() == Some(&self.id),
            present: session.is_some(),
            renewed: self.id != self.original_id,
            rolling: settings.rolling,
            saved: match &self.saved {
                None => Saved::Never,
                Some(saved) if differs(saved) => Saved::Stale,
                Some(_) => Saved::Current,
            },
            save_uninitialized: settings.save_uninitialized,
            unset_destroy: settings.unset == Unset::Destroy,
            withheld: !self.opening.secure
                && session.is_some_and(|session| session.cookie.secure()),
        }
    }

    /// Ends the request: decides, and says what the store is to be asked.
    ///
    /// Call it when the response's head is known and before a byte of it goes out.
    pub fn finish(mut self, now: Timestamp) -> Plan {
        let decision = decide(self.facts());
        // The lifetime that is sent and the one that is stored are the same moment (B-110, B-138).
        if let Some(session) = &mut self.session {
            session.cookie.touch(now);
        }
        let (set_cookie, cookie_error) = match (&self.session, decision.cookie) {
            (Some(session), CookieAction::Send) => match self.set_cookie(session) {
                Ok(line) => (Some(line), None),
                Err(error) => (None, Some(error)),
            },
            _ => (None, None),
        };
        let outcome = Outcome { cookie_error, decision, set_cookie };
        let id = self.id;
        match (decision.store, self.session) {
            (StoreAction::Delete, _) => {
                Plan::Delete(Closing { operation: Delete { id, now }, outcome })
            }
            (StoreAction::Save, Some(session)) => {
                let record = Record::new(&session.cookie, &session.data);
                let operation = Save { expect: Expect::Anything, id, now, record };
                Plan::Save(Closing { operation, outcome })
            }
            (StoreAction::Touch, Some(Session { cookie, .. })) => {
                Plan::Touch(Closing { operation: Touch { cookie, id, now }, outcome })
            }
            (StoreAction::Nothing | StoreAction::Save | StoreAction::Touch, _) => {
                Plan::Nothing(outcome)
            }
        }
    }

    /// The Set-Cookie line: `s:` + id + `.` + signature by the first secret (B-139).
    fn set_cookie(&self, session: &Session) -> Result<HeaderValue, CookieError> {
        let settings = self.opening.config.settings();
        let id = session.id.text();
        let signature = settings.keys.sign(&id);
        // base64 is ASCII.
        let signature = str::from_utf8(&signature).unwrap_or_default();
        let line = session.cookie.line(&settings.name, &["s:", &id, ".", signature])?;
        // Each part was checked: what is no header value could only be a name.
        let mut line = HeaderValue::from_str(&line).map_err(|_| CookieError::Name)?;
        line.set_sensitive(true);
        Ok(line)
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
#[derive(Debug)]
#[must_use]
pub struct Ask<O> {
    operation: O,
    /// The id of the session that follows a deleted one.
    regenerate: Option<SessionId>,
}

impl<O> Ask<O> {
    /// What the store is asked.
    pub const fn operation(&self) -> &O {
        &self.operation
    }
}

impl Ask<Delete> {
    /// Takes the store's answer. After `regenerate` the new session is in place even if the store
    /// failed, and the old record is still there (B-183).
    ///
    /// # Errors
    /// [`Failure::Store`].
    pub fn complete<E>(
        self,
        exchange: &mut Exchange,
        reply: Result<(), E>,
        now: Timestamp,
    ) -> Result<(), Failure<E>> {
        if let Some(id) = self.regenerate {
            let Opening { template, secure, .. } = &exchange.opening;
            let cookie = template.create(now, *secure);
            exchange.id = id.clone();
            exchange.session = Some(Session { cookie, data: Data::default(), id });
        }
        reply.map_err(Failure::Store)
    }
}

impl Ask<Load> {
    /// Takes the store's answer: the session becomes what was found, cookie and all (B-179). What
    /// it is compared with at the end stays as it was (B-178, B-132).
    ///
    /// # Errors
    /// [`Failure::Store`], [`Failure::Missing`], [`Failure::Record`], [`Failure::NoSession`] if the
    /// session was unset meanwhile; the session is unchanged.
    pub fn complete<E>(
        self,
        exchange: &mut Exchange,
        reply: Result<Option<Stored>, E>,
    ) -> Result<(), Failure<E>> {
        let stored = reply.map_err(Failure::Store)?.ok_or(Failure::Missing)?;
        let limit = exchange.opening.config.settings().max_record_bytes;
        let inflated = inflate(&stored.record, limit)?;
        let session = exchange.session.as_mut().ok_or(Failure::NoSession)?;
        session.cookie = inflated.cookie;
        session.data = Data::new(inflated.data);
        Ok(())
    }
}

impl Ask<Save> {
    /// Takes the store's answer.
    ///
    /// # Errors
    /// [`Failure::Store`], [`Failure::Conflict`].
    pub fn complete<E>(
        self,
        _exchange: &mut Exchange,
        reply: Result<Written, E>,
    ) -> Result<(), Failure<E>> {
        match reply.map_err(Failure::Store)? {
            Written::Saved(_) => Ok(()),
            _ => Err(Failure::Conflict),
        }
    }
}

#[cfg(test)]
mod tests;
