//! One request with its response: load → modify → decide.
//!
//! The straight line has one fork, and each branch is a value that carries the only next step:
//!
//! ```text
//! Config::begin ── Begin::Skip
//!               ├─ Begin::Create(Create) ── with_id ──────────────┐
//!               └─ Begin::Load(Lookup) ──── answer ── Begin … ────┴─ Exchange ── finish ── outcome
//! ```
//!
//! What asks the store afterwards, a method in the middle of the request ([`Exchange::start`]) or its
//! end ([`Exchange::finish`]), hands out one [`Pending`] operation after the other until none is left.

use std::sync::Arc;
use std::time::Duration;

use crate::request::{Candidate, MAX_LOOKED_AT, candidates};
use crate::store::{Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written};
use crate::{
    Config, Conflict, CookieAction, CookieTemplate, Error, Facts, Origin, Outcome, Reason, Record,
    RecordError, RequestFacts, Saved, Session, SessionCookie, SessionId, StoreAction, Timestamp,
    Unset, config::Options, decide, record::inflate, time,
};

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
        let Options { proxy, quirks, .. } = settings.options;
        let template = request.template.as_ref().unwrap_or(&settings.template).clone();
        if !request.is_below(template.path(), quirks) {
            return Begin::Skip(Reason::PathMismatch);
        }
        let most = if quirks { 1 } else { MAX_LOOKED_AT };
        let found = candidates(cookie_lines, &settings.name, &settings.keys, most);
        let (origin, mut further) = match found {
            Ok(ids) => (Origin::Missing, ids),
            Err(origin) => (origin, Vec::new()),
        };
        // The first one is asked for first.
        further.reverse();
        let secure = request.is_secure(proxy, quirks);
        Opening { config: self.clone(), origin, presented: None, secure, template }
            .next(further, now)
    }

    /// Begins without a request, with the id of a session: for jobs and administration. If there is
    /// such a session it is ready to be changed and saved ([`Action::Save`]) under the same rules as in
    /// a request; otherwise [`Begin::Create`] follows, to be dropped.
    pub fn begin_with_id(&self, id: SessionId, now: Timestamp) -> Begin {
        let (config, template) = (self.clone(), self.settings().template.clone());
        let (origin, secure) = (Origin::Missing, true);
        let opening = Opening { config, origin, presented: None, secure, template };
        opening.next(vec![(id, true)], now)
    }
}

/// How a request begins.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "taken apart at once: a box would cost more")]
#[must_use]
pub enum Begin {
    /// With a new session: the request presented no id, or none of a session that lives.
    Create(Create),
    /// With a question to the store.
    Load(Lookup),
    /// The store's answer was the session.
    Ready(Exchange),
    /// Without any session: this path has none.
    Skip(Reason),
}

/// What a request brings along, whatever session it gets.
#[derive(Debug)]
struct Opening {
    config: Config,
    origin: Origin,
    presented: Option<Candidate>,
    secure: bool,
    template: Arc<CookieTemplate>,
}

impl Opening {
    fn options(&self) -> &Options {
        &self.config.settings().options
    }

    /// A session without data, with a cookie from the options (B-078).
    fn new_session(&self, id: SessionId, now: Timestamp) -> Session {
        let cookie = self.template.create(now, self.secure, self.options().quirks);
        let created = self.options().timeouts.absolute.map(|_| now);
        let data = self.config.settings().empty.clone();
        Session { cleared: false, cookie, created, data, id, log: Vec::new() }
    }

    /// Asks for the last of the ids, or else for a new one.
    fn next(mut self, mut further: Vec<Candidate>, now: Timestamp) -> Begin {
        let Some(candidate) = further.pop() else { return Begin::Create(Create(self)) };
        let Options { quirks, timeouts, touch_after, .. } = *self.options();
        // With quirks, the record's own cookie governs. A cookie that ends sooner is touched in any case: what
        // a load renews would outlive it, if the request does not come to its end.
        let age = self.template.max_age();
        let first = |idle: &Duration| age.is_none_or(|age| age >= time::millis(*idle));
        let each = !quirks && touch_after.is_none();
        let refresh = timeouts.idle.filter(|idle| each && first(idle));
        let mut operation = Load::new(candidate.0.clone(), now, refresh);
        operation.tell_end = touch_after.is_some();
        self.presented = Some(candidate);
        Begin::Load(Lookup { further, opening: self, operation })
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
        Exchange::new(self.0, session.clone(), session)
    }
}

/// The store is to be asked for the record of the id that the request presents. A load that fails
/// is a failed request: there is no way from here to a session (B-067).
#[must_use]
pub struct Lookup {
    /// What else the request presents, to be asked for if this has ended (B-050).
    further: Vec<Candidate>,
    opening: Opening,
    /// What the store is asked.
    pub operation: Load,
}

impl Lookup {
    /// Takes the store's answer. A record is the session (B-071), unless it has reached its absolute
    /// timeout or its cookie's fixed end; without one, a session is made, with a new id (B-065).
    ///
    /// # Errors
    /// The record can't be read: the request fails, and the record stays (B-069).
    pub fn answer(mut self, reply: Option<Stored>, now: Timestamp) -> Result<Begin, RecordError> {
        let Options { resave, timeouts, touch_after, .. } = *self.opening.options();
        self.opening.origin = Origin::Missing;
        let Some(stored) = reply else { return Ok(self.opening.next(self.further, now)) };
        let Load { id, now: asked, refresh, .. } = self.operation;
        let (mut session, raw) = inflate(&stored.record, id, self.opening.options())?;
        if stored.refreshed {
            session.cookie.touch(asked);
        }
        let saved = session.clone();
        if timeouts.absolute.is_some() && session.created.is_none() {
            // Somebody else made it: its time counts from here.
            session.created = Some(now);
        }
        // Also if a load has renewed it since: no request need have come to its end.
        let ends = [timeouts.absolute_end(session.created), session.cookie.fixed_end()];
        if ends.into_iter().flatten().any(|end| end <= now) {
            self.opening.origin = Origin::Expired;
            return Ok(self.opening.next(self.further, now));
        }
        self.opening.origin = Origin::Loaded;
        // What was loaded counts as saved (B-077), but for reserved names (B-076).
        let saved = Session { data: raw.unwrap_or_else(|| saved.data.clone()), ..saved };
        let mut exchange = Exchange::new(self.opening, session, saved.clone());
        (exchange.resave, exchange.saved, exchange.version) = (resave, Some(saved), stored.version);
        // Its cookie or the absolute timeout may end it sooner: then it is touched.
        let idle = refresh.and_then(|idle| asked.plus_millis(time::millis(idle)));
        let end = exchange.end(&exchange.original, asked);
        exchange.refreshed = stored.refreshed && idle.is_some() && end == idle;
        exchange.overlong = stored.refreshed && !exchange.refreshed;
        if let (Some(after), Some(expires)) = (touch_after, stored.expires) {
            let mut touched = exchange.original.clone();
            touched.cookie.touch(asked);
            // The end is not one that a touch would move back, and it can wait for the next request: a cookie
            // may give the session less time than that. Stores may count in whole seconds.
            let after = time::millis(after);
            let near = |end: Timestamp| (-999..=after).contains(&end.millis_since(expires));
            exchange.refreshed |= exchange.end(&touched, asked).is_some_and(near)
                && expires.millis_since(asked) > after;
        }
        Ok(Begin::Ready(exchange))
    }
}

/// A request under way, with its session.
pub struct Exchange {
    /// The application looked at the session.
    consulted: bool,
    /// A save failed that may have been done all the same.
    doubtful: bool,
    /// The cookie of the session that the client presented, if this request ended that.
    ended: Option<SessionCookie>,
    /// The session's id, also after it was destroyed or unset (express's `req.sessionID`).
    id: SessionId,
    opening: Opening,
    /// The session as it was loaded or made.
    original: Session,
    outcome: Option<Outcome>,
    /// The load has let the record live on, for longer than a touch would.
    overlong: bool,
    /// The record lives on as it is: the load has let it, or its end is late enough.
    refreshed: bool,
    /// It is to be written back though it is not changed: until it is saved (B-113).
    resave: bool,
    /// The session as the store has it, as far as is known here.
    saved: Option<Session>,
    session: Option<Session>,
    /// The version of that record.
    version: Option<Version>,
}

redacted! { Exchange Lookup }

impl Exchange {
    fn new(opening: Opening, session: Session, original: Session) -> Self {
        Self {
            consulted: false,
            doubtful: false,
            ended: None,
            id: session.id.clone(),
            opening,
            original,
            outcome: None,
            overlong: false,
            refreshed: false,
            resave: false,
            saved: None,
            session: Some(session),
            version: None,
        }
    }

    /// The touch that takes back what a load has renewed too long, as the session ends sooner by its cookie or
    /// its absolute timeout. To be carried out before the handler runs, which may not come to its end.
    pub fn shorten(&mut self, now: Timestamp) -> Option<Ask<Touch>> {
        let overlong = std::mem::take(&mut self.overlong);
        let session = self.session.clone().filter(|_| overlong)?;
        Some(self.touch(&session, Work::Shorten, now))
    }

    fn touch(&self, session: &Session, work: Work, now: Timestamp) -> Ask<Touch> {
        let version = match self.expect() {
            Expect::Version(version) => Some(version),
            _ => None,
        };
        let (id, cookie, end) =
            (session.id.clone(), session.cookie.clone(), self.end(session, now));
        Ask::new(Touch::new(id, cookie, end, version, now), work)
    }

    /// Where the session came from when the request began. If the response depends on that, ask for the
    /// [`session`](Self::session) as well.
    pub const fn origin(&self) -> Origin {
        self.opening.origin
    }

    /// Was the session made in this request? If the response depends on that, ask for the
    /// [`session`](Self::session) as well.
    pub fn is_new(&self) -> bool {
        self.origin() != Origin::Loaded || self.ended.is_some()
    }

    /// The session, unless it was destroyed or unset. Asking for it is using it: the response then says
    /// `Vary: Cookie`.
    pub const fn session(&mut self) -> Option<&mut Session> {
        self.consulted = true;
        self.session.as_mut()
    }

    /// Takes the session off the request: express's `req.session = null` (B-188). What becomes of
    /// the record is the option `unset`.
    pub fn unset(&mut self) {
        self.consulted = true;
        self.session = None;
    }

    /// Gives the session a cookie from today's options: a loaded one has the attributes of its record
    /// (B-072, B-073).
    pub fn reset_cookie(&mut self, now: Timestamp) {
        let cookie = self.opening.new_session(self.id.clone(), now).cookie;
        self.session.iter_mut().for_each(|session| session.cookie = cookie.clone());
    }

    fn options(&self) -> &Options {
        self.opening.options()
    }

    /// The cookie that the browser has of the session that the client presented.
    fn presented_cookie(&self) -> &SessionCookie {
        self.ended.as_ref().unwrap_or(&self.original.cookie)
    }

    /// Would a browser drop the line? On plain HTTP it does if the cookie is Secure, or the one that it has
    /// (RFC 6265bis section 5.7).
    fn is_withheld(&self) -> bool {
        let cookie = self.session.as_ref().map_or_else(|| self.presented_cookie(), Session::cookie);
        let ended = self.ended.as_ref().filter(|_| !self.options().quirks);
        !self.opening.secure && (cookie.is_secure() || ended.is_some_and(SessionCookie::is_secure))
    }

    /// Does the client have the session's id already?
    fn is_known(&self) -> bool {
        self.opening.presented.as_ref().is_some_and(|(id, _)| *id == self.id)
    }

    /// Starts a method that asks the store, if it has to be asked. Carry out the operation and give the
    /// answer to `complete`, before the next one is started.
    ///
    /// # Errors
    /// [`Error::NoSession`]; [`Error::Record`] if what is to be saved could not be read again;
    /// [`Error::Undeliverable`].
    pub fn start<E>(
        &mut self,
        action: Action,
        now: Timestamp,
    ) -> Result<Option<Pending>, Error<E>> {
        self.consulted = true;
        let quirks = self.options().quirks;
        let id = self.session.as_ref().ok_or(Error::NoSession)?.id.clone();
        // express-session asks also for the records of sessions that were never saved (B-182).
        let saved = self.saved.is_some() || self.doubtful;
        let stored = quirks || saved;
        let to = match &action {
            Action::Renew(to) | Action::LogIn(to) => Some(to),
            Action::Save if !self.is_known() => Some(&id),
            _ => None,
        };
        if let (false, Some(to), Some(session)) = (quirks, to, &self.session) {
            // What can't be delivered is not stored.
            if self.is_withheld() {
                return Err(Error::Undeliverable);
            }
            let mut cookie = session.cookie.clone();
            cookie.touch(now);
            cookie.line(self.opening.config.settings(), Some(to))?;
        }
        Ok(match action {
            Action::Reload => {
                let operation = Load::new(id, now, None);
                Some(Pending::Load(Ask::new(operation, Work::Method(action))))
            }
            // With quirks, the cookie's lifetime is written as it stands (B-177).
            Action::Save => Some(self.write(Work::Method(action), 0, now)?),
            Action::Renew(_) | Action::LogIn(_) if saved => {
                Some(self.write(Work::Method(action), 0, now)?)
            }
            Action::Destroy | Action::Regenerate(_) if stored => {
                if quirks && matches!(action, Action::Destroy) {
                    // The request has no session any more, whatever the store answers (B-184).
                    self.session = None;
                }
                let operation = Delete::new(id, now);
                Some(Pending::Delete(Ask::new(operation, Work::Method(action))))
            }
            action => {
                self.carry_out(Work::Method(action), now);
                None
            }
        })
    }

    /// What the decision would depend on, if the request ended here; but for `expiring`, which the
    /// touch at the end may change (B-110).
    pub fn facts(&self) -> Facts {
        let Options { quirks, resave, rolling, save_uninitialized, unset, .. } = *self.options();
        let session = self.session.as_ref();
        let cookie = session.map(|session| &session.cookie);
        let differs = |other| session.is_some_and(|session| session.is_changed(other, quirks));
        let changed = differs(&self.original);
        let cookie_changed = cookie.is_some_and(|now| now.is_changed(&self.original.cookie));
        let unset_destroy = unset == Unset::Destroy && (quirks || self.saved.is_some());
        let unset_now = session.is_none() && unset_destroy && self.origin() == Origin::Loaded;
        Facts {
            changed,
            cookie_changed: cookie_changed && !quirks,
            ended: !quirks && (self.ended.is_some() || unset_now),
            expiring: cookie.is_some_and(SessionCookie::is_expiring),
            known: self.is_known(),
            present: session.is_some(),
            new_id: self.id != self.original.id,
            quirks,
            // A changed cookie reaches the record with the touch, also with quirks.
            refreshed: self.refreshed && !cookie_changed,
            resign: !quirks && self.opening.presented.as_ref().is_some_and(|(_, current)| !current),
            rolling,
            saved: match &self.saved {
                // With quirks, what is saved of a regenerated session is not noted (B-125), also if it has the
                // id of the loaded one.
                _ if quirks && self.ended.is_some() && !resave && !changed => Saved::Current,
                _ if quirks && self.ended.is_some() => Saved::Never,
                None => Saved::Never,
                // What a save has left behind that failed may be something else, though it was done.
                Some(_) if self.doubtful && !quirks => Saved::Stale,
                Some(_) if self.resave => Saved::Never,
                Some(saved) if differs(saved) => Saved::Stale,
                Some(_) => Saved::Current,
            },
            save_uninitialized,
            unset_destroy,
            withheld: self.is_withheld(),
        }
    }

    /// Ends the request: decides, and says what the store is to be asked. When it has answered, there is
    /// an [`Exchange::outcome`].
    ///
    /// Call it when the response's head is known and before a byte of it goes out.
    ///
    /// # Errors
    /// [`Error::Record`]: the record would be too large to be read again. [`Error::Cookie`].
    pub fn finish<E>(&mut self, now: Timestamp) -> Result<Option<Pending>, Error<E>> {
        self.conclude(0, now)
    }

    /// What goes onto the response: `None` before the store has answered what [`Exchange::finish`] asks.
    pub fn outcome(self) -> Option<Outcome> {
        self.outcome
    }

    fn conclude<E>(&mut self, tries: u8, now: Timestamp) -> Result<Option<Pending>, Error<E>> {
        // The lifetime that is decided about, sent and stored is the same (B-110, B-138).
        self.session.iter_mut().for_each(|session| session.cookie.touch(now));
        let (decision, settings) = (decide(self.facts()), self.opening.config.settings());
        let cookie = match (decision.cookie, &self.session) {
            (CookieAction::Send, Some(session)) => {
                session.cookie.line(settings, Some(&session.id)).map(Some)
            }
            (CookieAction::Clear, _) => self.presented_cookie().line(settings, None).map(Some),
            _ => Ok(None),
        };
        if !settings.options.quirks {
            cookie.as_ref().map_err(|error| Error::Cookie(*error))?;
        }
        let sends = matches!(cookie, Ok(Some(_)));
        let vary = !settings.options.quirks && (self.consulted || sends);
        let work = Work::Finish(Outcome { cookie, decision, origin: self.origin(), vary });
        Ok(Some(match (decision.store, &self.session) {
            (StoreAction::Delete, _) => {
                Pending::Delete(Ask::new(Delete::new(self.id.clone(), now), work))
            }
            (StoreAction::Save, Some(_)) => self.write(work, tries, now)?,
            (StoreAction::Touch, Some(session)) => Pending::Touch(self.touch(session, work, now)),
            _ => {
                self.carry_out(work, now);
                return Ok(None);
            }
        }))
    }

    /// When the record expires: with its cookie or by the timeouts.
    fn end(&self, session: &Session, now: Timestamp) -> Option<Timestamp> {
        let end = self.options().timeouts.end(session.created, now);
        [session.cookie.end(), end].into_iter().flatten().min()
    }

    /// The write after which the store has the session as it stands.
    fn write<E>(&mut self, work: Work, tries: u8, now: Timestamp) -> Result<Pending, Error<E>> {
        let Options { max_record_bytes, quirks, timeouts, .. } = *self.options();
        let mut sent = self.session.clone().ok_or(Error::NoSession)?;
        if matches!(work, Work::Method(Action::LogIn(_))) {
            sent.created = timeouts.absolute.map(|_| now);
        }
        if !quirks || matches!(work, Work::Method(Action::Renew(_) | Action::LogIn(_))) {
            // What was loaded may tell an end that a touch has moved since (F-08 of the store formats).
            sent.cookie.touch(now);
        }
        let record = Record::new(&sent, self.end(&sent, now), max_record_bytes)?;
        let (id, expect) = (sent.id.clone(), self.expect());
        if let Some(session) = &mut self.session {
            session.log.clear();
            session.cleared = false;
        }
        Ok(match &work {
            Work::Method(Action::Renew(to) | Action::LogIn(to)) => {
                let operation = Rotate::new(id, to.clone(), record, expect, now);
                Pending::Rotate(Ask { sent: Some(sent), tries, ..Ask::new(operation, work) })
            }
            _ => {
                let operation = Save::new(id, record, expect, now);
                Pending::Save(Ask { sent: Some(sent), tries, ..Ask::new(operation, work) })
            }
        })
    }

    /// The precondition of a write. Only express-session's own policy writes without any.
    fn expect(&self) -> Expect {
        match (self.options().conflict, &self.saved, &self.version) {
            (Conflict::Overwrite, ..) if self.options().quirks => Expect::Anything,
            (_, None, _) => Expect::Absent,
            (Conflict::Merge | Conflict::Refuse, _, Some(version)) => {
                Expect::Version(version.clone())
            }
            _ => Expect::Present,
        }
    }

    /// Takes the answer to a write.
    fn written<E>(
        &mut self,
        (sent, tries, work): (Option<Session>, u8, Work),
        reply: Result<Written, E>,
        now: Timestamp,
    ) -> Result<Option<Pending>, Error<E>> {
        let Options { conflict, quirks, .. } = *self.options();
        if let Ok(Written::Saved(version)) = reply {
            (self.resave, self.saved, self.version) = (false, sent, version);
            self.doubtful = false;
            self.carry_out(work, now);
            return Ok(None);
        }
        // What was logged is still to be written.
        if let (Some(session), Some(sent)) = (&mut self.session, &sent) {
            session.log.splice(..0, sent.log.iter().cloned());
            session.cleared |= sent.cleared;
        }
        // There is nothing to lose: what a parallel request made of the session stands.
        if matches!(&work, Work::Finish(end) if end.decision.store_reason == Reason::Resave)
            && let Ok(refusal) = &reply
        {
            let gone = *refusal == Written::Gone;
            self.carry_out(work, now);
            self.outcome.iter_mut().filter(|_| gone).for_each(Outcome::withhold);
            return Ok(None);
        }
        match reply {
            // What changed the record may be this request's own write: it is not made twice.
            Ok(Written::Changed(stored))
                if conflict == Conflict::Merge
                    && tries < Conflict::MAX_TRIES
                    && !self.doubtful
                    && self.saved.is_some() =>
            {
                self.merge(stored)?;
                let tries = tries.saturating_add(1);
                match work {
                    Work::Finish(_) => self.conclude(tries, now),
                    Work::Method(_) | Work::Shorten => self.write(work, tries, now).map(Some),
                }
            }
            Ok(Written::Gone) => Err(Error::Gone),
            Ok(_) => Err(Error::Conflict),
            Err(error) => {
                let saves = matches!(work, Work::Method(Action::Save));
                self.doubtful |= saves;
                if quirks && saves && (conflict == Conflict::Overwrite || self.saved.is_some()) {
                    // It counts as saved: the end of the request does not try again (B-176).
                    (self.resave, self.saved) = (false, sent);
                }
                Err(Error::Store(error))
            }
        }
    }

    /// Carries this request's changes over to what the store has now.
    fn merge<E>(&mut self, stored: Stored) -> Result<(), Error<E>> {
        let (theirs, _) = inflate(&stored.record, self.id.clone(), self.options())?;
        if let (Some(session), Some(base)) = (&mut self.session, &self.saved) {
            session.rebase(base, &theirs).map_err(|_| Error::Conflict)?;
        }
        self.original = Session { id: self.original.id.clone(), ..theirs.clone() };
        (self.saved, self.version) = (Some(theirs), stored.version);
        Ok(())
    }

    /// What comes of work that has succeeded.
    fn carry_out(&mut self, work: Work, now: Timestamp) {
        match work {
            Work::Finish(outcome) => self.outcome = Some(outcome),
            Work::Method(Action::Destroy) => {
                self.end_session();
                self.session = None;
            }
            Work::Method(Action::Regenerate(id)) => {
                self.end_session();
                let session = self.opening.new_session(id, now);
                self.id = session.id.clone();
                if !self.options().quirks {
                    // It is a new session like any other (B-125, B-126).
                    self.original = session.clone();
                }
                // Unless it was unset meanwhile (B-181).
                self.session = self.session.take().map(|_| session);
            }
            Work::Method(Action::Renew(id)) => self.rename(id),
            Work::Method(Action::LogIn(id)) => {
                self.rename(id);
                let created = self.options().timeouts.absolute.map(|_| now);
                let created = self.saved.as_ref().map_or(created, |saved| saved.created);
                self.session.iter_mut().for_each(|session| session.created = created);
            }
            Work::Method(Action::Reload | Action::Save) | Work::Shorten => {}
        }
    }

    fn rename(&mut self, id: SessionId) {
        self.session.iter_mut().for_each(|session| session.id = id.clone());
        self.id = id;
    }

    /// The session has no record any more.
    fn end_session(&mut self) {
        if self.origin() == Origin::Loaded {
            self.ended.get_or_insert_with(|| self.original.cookie.clone());
        }
        (self.resave, self.saved, self.version) = (false, None, None);
    }
}

/// A method of the session that may ask the store in the middle of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Ends the session and deletes its record (B-184).
    Destroy,
    /// As `Renew`, and the absolute timeout begins anew, because somebody has just proven who they are
    /// (OWASP ASVS 5.0 7.2.4, NIST SP 800-63B-4 section 5.2).
    LogIn(SessionId),
    /// Deletes the record and begins an empty session with this new id (B-182).
    Regenerate(SessionId),
    /// Takes over what the store has now (B-178).
    Reload,
    /// Gives the session this new id, and ends the old one in the same step.
    Renew(SessionId),
    /// Writes the record now (B-175).
    Save,
}

/// The operation that the request waits for.
#[derive(Debug)]
#[must_use]
pub enum Pending {
    /// Delete a record.
    Delete(Ask<Delete>),
    /// Load a record.
    Load(Ask<Load>),
    /// Move a record to a new id.
    Rotate(Ask<Rotate>),
    /// Write a record.
    Save(Ask<Save>),
    /// Let a record live on.
    Touch(Ask<Touch>),
}

impl Pending {
    /// Whose record.
    pub const fn id(&self) -> &SessionId {
        match self {
            Self::Delete(ask) => &ask.operation.id,
            Self::Load(ask) => &ask.operation.id,
            Self::Rotate(ask) => &ask.operation.from,
            Self::Save(ask) => &ask.operation.id,
            Self::Touch(ask) => &ask.operation.id,
        }
    }
}

/// What an operation is part of.
enum Work {
    Finish(Outcome),
    Method(Action),
    Shorten,
}

/// An operation, and what its answer leads to.
#[must_use]
pub struct Ask<O> {
    /// What the store is asked.
    pub operation: O,
    /// The session that is written.
    sent: Option<Session>,
    tries: u8,
    work: Work,
}

redacted! { Ask<O> }

impl<O> Ask<O> {
    const fn new(operation: O, work: Work) -> Self {
        Self { operation, sent: None, tries: 0, work }
    }
}

impl Ask<Delete> {
    /// Takes the store's answer. If the store failed, nothing has changed; under
    /// [`Config::express`](crate::Config::express) a method has had its effect on the session all the
    /// same, and the old record is still there (B-183, B-184).
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn complete<E>(
        self,
        exchange: &mut Exchange,
        reply: Result<(), E>,
        now: Timestamp,
    ) -> Result<(), Error<E>> {
        let anyway = exchange.options().quirks && matches!(self.work, Work::Method(_));
        if reply.is_ok() || anyway {
            exchange.carry_out(self.work, now);
        }
        reply.map_err(Error::Store)
    }
}

impl Ask<Load> {
    /// Takes the store's answer: the session becomes what was found, cookie and all (B-179). Under
    /// [`Config::express`](crate::Config::express), what it is compared with at the end stays as it was
    /// (B-178, B-132).
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
        let (found, _) = inflate(&stored.record, self.operation.id, exchange.options())?;
        let session = exchange.session.as_mut().filter(|session| session.id == found.id);
        let session = session.ok_or(Error::NoSession)?;
        *session = Session { created: found.created.or(session.created), ..found.clone() };
        let Options { conflict, quirks, .. } = *exchange.options();
        if !quirks {
            exchange.original = Session { id: exchange.original.id.clone(), ..found.clone() };
        }
        if !quirks || conflict != Conflict::Overwrite {
            (exchange.saved, exchange.version) = (Some(found), stored.version);
            exchange.doubtful = false;
        }
        Ok(())
    }
}

/// A write's answer: the same for both kinds.
macro_rules! write_answer {
    ($($operation:ident)*) => {$(
        impl Ask<$operation> {
            /// Takes the store's answer: nothing is left to do, or the next operation, if a parallel request
            /// has changed the session and both changes are to count.
            ///
            /// # Errors
            /// [`Error::Store`], [`Error::Conflict`], [`Error::Gone`]: nothing was saved, the session has the
            /// id that it had, and at the end of the request the client gets the error's status and no
            /// session cookie (D-write-failure). Under [`Config::express`](crate::Config::express) a
            /// method's failed save counts as one (B-176).
            pub fn complete<E>(
                self,
                exchange: &mut Exchange,
                reply: Result<Written, E>,
                now: Timestamp,
            ) -> Result<Option<Pending>, Error<E>> {
                exchange.written((self.sent, self.tries, self.work), reply, now)
            }
        }
    )*};
}

write_answer! { Rotate Save }

impl Ask<Touch> {
    /// Takes the store's answer; `None` if the store failed. A failed touch loses nothing but
    /// lifetime (B-210): report the store's error and let the response go out as it is. If the record
    /// is gone no cookie is sent, but under [`Config::express`](crate::Config::express) (B-131).
    pub fn complete(self, exchange: &mut Exchange, reply: Option<Touched>, now: Timestamp) {
        // Then the end of the request need not touch.
        let shortened = matches!(self.work, Work::Shorten) && reply == Some(Touched::Alive);
        exchange.refreshed |= shortened;
        exchange.carry_out(self.work, now);
        let gone = !exchange.options().quirks && reply == Some(Touched::Gone);
        exchange.outcome.iter_mut().filter(|_| gone).for_each(Outcome::withhold);
    }
}

#[cfg(test)]
mod tests;
