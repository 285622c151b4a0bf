//! The session that an application sees.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem::replace;
use std::sync::Arc;
use std::time::Duration;

use derive_where::derive_where;
use http_session::Timestamp;
use http_session::{Action, Begin, DataError, Exchange, Lookup, Origin, SessionCookie, SessionId};
use parking_lot::ReentrantMutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::driver::{Answer, Backend, carry_out, open};
use crate::{Env, Error};

/// The marker of an application's only session.
#[derive(Clone, Copy, Debug)]
pub enum Main {}

/// The session of the request that is being handled; clones are the same session.
///
/// Reading and writing is synchronous: the data is in memory. Only what asks the store is async:
/// [`save`](Self::save), [`reload`](Self::reload), [`renew`](Self::renew),
/// [`log_in`](Self::log_in), [`regenerate`](Self::regenerate) and [`destroy`](Self::destroy). Names follow express-session where the behaviour is its.
///
/// A method that asks the store is carried out once it was polled, also if its caller is dropped.
///
/// The end of the request saves by itself. It comes when the handler has returned its response: a
/// handle that is used later, in a streamed body or in a spawned task, says [`Error::Ended`].
///
/// An application with several sessions marks each with a type of its own: `Session<Admin>`.
#[derive_where(Clone, Debug)]
pub struct Session<N = Main> {
    marker: PhantomData<fn() -> N>,
    #[derive_where(skip(Debug))]
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    backend: Backend,
    /// Held while a method asks the store: a second one waits.
    running: tokio::sync::Mutex<()>,
    /// Reentrant, so that the closure of `update` which uses the session gets an error and does not wait for
    /// itself.
    state: ReentrantMutex<RefCell<State>>,
}

/// How far the request's session has come.
pub(crate) enum State {
    /// Closed or given up.
    Ended,
    /// It could not be loaded, or is still being loaded ([`Error::NotLoaded`]): if it ends so, the request fails.
    Failed(Error),
    /// In use.
    Open(Box<Exchange>),
    /// Nobody has asked for it so far: neither is the store.
    Unused(Lookup),
}

impl Shared {
    fn state<T>(&self, then: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let lock = self.state.lock();
        let mut state = lock.try_borrow_mut().map_err(|_| Error::Nested)?;
        Ok(then(&mut state))
    }

    fn exchange<T>(&self, then: impl FnOnce(&mut Exchange) -> T) -> Result<T, Error> {
        self.state(|state| match state {
            State::Ended => Err(Error::Ended),
            State::Failed(error) => Err(error.clone()),
            State::Unused(_) => Err(Error::NotLoaded),
            State::Open(exchange) => Ok(then(exchange)),
        })?
    }

    /// Loads the session, unless that was done.
    async fn load(&self) -> Result<(), Error> {
        let _running = self.running.lock().await;
        let lookup = self.state(|state| match replace(state, State::Failed(Error::NotLoaded)) {
            State::Unused(lookup) => Some(lookup),
            other => {
                *state = other;
                None
            }
        })?;
        if let Some(mut lookup) = lookup {
            // It is used now, and not when the request began.
            lookup.operation.now = self.backend.env.now();
            let opened = open(Begin::Load(lookup), &self.backend).await;
            self.state(|state| {
                // The request may have been given up meanwhile.
                if matches!(state, State::Failed(Error::NotLoaded)) {
                    *state = match opened {
                        Ok(exchange) => exchange.map_or(State::Ended, State::Open),
                        Err(error) => State::Failed(error),
                    };
                }
            })?;
        }
        self.exchange(|_| ())
    }

    /// Takes the exchange out, when nothing is under way any more; `None` if nobody asked for the session.
    pub(crate) async fn end(&self) -> Result<Option<Box<Exchange>>, Error> {
        let _running = self.running.lock().await;
        match self.state(|state| replace(state, State::Ended))? {
            State::Ended => Err(Error::Ended),
            State::Failed(error) => Err(error),
            State::Unused(_) => Ok(None),
            State::Open(exchange) => Ok(Some(exchange)),
        }
    }
}

/// The session of a request that is under way: if the request ends without [`Sessions::close`] (a panic, an
/// error of the service, a client that went away), nothing is saved, and the handles that are left are
/// closed.
///
/// [`Sessions::close`]: crate::Sessions::close
#[derive_where(Debug)]
pub struct AbandonOnDrop<N = Main>(pub Option<Session<N>>);

impl<N> AbandonOnDrop<N> {
    /// The session.
    ///
    /// # Errors
    /// [`Error::PathMismatch`]: there is none on this path.
    pub fn session(&self) -> Result<&Session<N>, Error> {
        self.0.as_ref().ok_or(Error::PathMismatch)
    }
}

impl<N> Drop for AbandonOnDrop<N> {
    fn drop(&mut self) {
        self.0.iter().for_each(Session::abandon);
    }
}

impl<N> Session<N> {
    pub(crate) fn new(state: State, backend: Backend) -> Self {
        let (running, state) = (Default::default(), ReentrantMutex::new(RefCell::new(state)));
        Self { marker: PhantomData, shared: Arc::new(Shared { backend, running, state }) }
    }

    pub(crate) fn abandon(&self) {
        let _ = self.shared.state(|state| *state = State::Ended);
    }

    /// Loads the session, with [`load_on_first_use`](http_session::ConfigBuilder::load_on_first_use) if it is
    /// the first use; otherwise it is loaded already. Uses at the same time share one load.
    ///
    /// An adapter's extractor does this before the handler gets the session.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`], [`Error::Id`]: the request fails, whatever its handler answers.
    /// [`Error::NotLoaded`], likewise: a load was given up, outside of a tokio runtime, or panicked.
    pub async fn load(&self) -> Result<(), Error> {
        let loaded = match self.shared.exchange(|_| ()) {
            Err(Error::NotLoaded) => {
                let shared = self.shared.clone();
                self.shared.backend.carry_out(async move { shared.load().await }).await
            }
            state => state,
        };
        // What has ended is not loaded again; whoever uses it is told.
        loaded.or_else(|error| if matches!(error, Error::Ended) { Ok(()) } else { Err(error) })
    }

    /// Has the request ended, or was it given up? Then each use of the session is [`Error::Ended`].
    pub fn is_ended(&self) -> bool {
        matches!(self.shared.exchange(|_| ()), Err(Error::Ended))
    }

    fn session<T>(&self, then: impl FnOnce(&mut http_session::Session) -> T) -> Result<T, Error> {
        self.shared.exchange(|exchange| exchange.session().map(then).ok_or(Error::NoSession))?
    }

    /// The session id.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn id(&self) -> Result<SessionId, Error> {
        self.session(|session| session.id().clone())
    }

    /// Was the session made in this request?
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn is_new(&self) -> Result<bool, Error> {
        self.session(|_| ())?;
        self.shared.exchange(|exchange| exchange.is_new())
    }

    /// Where the session came from when the request began, or why there was none.
    ///
    /// # Errors
    /// [`Error::Ended`].
    pub fn origin(&self) -> Result<Origin, Error> {
        self.shared.exchange(|exchange| {
            // To ask is to use the request's cookie.
            let _ = exchange.session();
            exchange.origin()
        })
    }

    /// The value under `key` as a `T`, or `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Data`] if it is no `T`, [`Error::NoSession`], [`Error::Ended`].
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(self.session(|session| session.get(key))??)
    }

    /// Puts `value` under `key`. If a parallel request writes to the same key, the last writer wins:
    /// for what depends on the value before, [`update`](Self::update) it.
    ///
    /// # Errors
    /// [`Error::Data`] if it can't be written as JSON or the key is reserved,
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn insert<T: Serialize>(&self, key: &str, value: T) -> Result<(), Error> {
        Ok(self.session(|session| session.insert(key, value))??)
    }

    /// Puts what `update` makes of the value under `key` there, and returns it.
    ///
    /// Under [`Conflict::Merge`](http_session::Conflict::Merge), if a parallel request changed the
    /// session meanwhile, `update` is called again with the value as it is then: of parallel increments
    /// all count. So it must depend on nothing but its argument. What is returned comes of the value that
    /// this request knows; for a number that nobody else gets, [`save`](Self::save), and then read it.
    ///
    /// # Errors
    /// [`Error::Data`], [`Error::NoSession`], [`Error::Ended`]. If `update` uses the session, that is
    /// [`Error::Nested`].
    pub fn update<T, U>(&self, key: &str, update: U) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned,
        U: Fn(Option<T>) -> T + Send + Sync + 'static,
    {
        Ok(self.session(|session| session.update(key, update))??)
    }

    /// The whole data as a `T`: a struct whose fields are the keys.
    ///
    /// # Errors
    /// [`Error::Data`] if it is no `T`, [`Error::NoSession`], [`Error::Ended`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.session(|session| session.read())??)
    }

    /// Inserts each field of `value` that is not yet so; other keys stay.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn write<T: Serialize>(&self, value: &T) -> Result<(), Error> {
        Ok(self.session(|session| session.write(value))??)
    }

    /// Takes out what is under `key`.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn remove(&self, key: &str) -> Result<Option<Value>, Error> {
        self.session(|session| session.remove(key))
    }

    /// Takes out all data. The session stays: to end it, [`destroy`](Self::destroy) it.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn clear(&self) -> Result<(), Error> {
        self.session(http_session::Session::clear)
    }

    /// The keys of the data, sorted.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn keys(&self) -> Result<Vec<String>, Error> {
        let mut keys: Vec<String> =
            self.session(|session| session.data().keys().cloned().collect())?;
        keys.sort_unstable();
        Ok(keys)
    }

    /// The session's cookie as it stands.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn cookie(&self) -> Result<SessionCookie, Error> {
        self.session(|session| session.cookie().clone())
    }

    /// Changes the session's cookie; `change` gets the time now as well. By itself this is no
    /// modification of the session under `Config::express` (B-100, B-129).
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`]. If `change` uses the session, that is [`Error::Nested`].
    pub fn cookie_mut<T>(
        &self,
        change: impl FnOnce(&mut SessionCookie, Timestamp) -> T,
    ) -> Result<T, Error> {
        let now = self.shared.backend.env.now();
        self.session(|session| change(session.cookie_mut(), now))
    }

    /// Sets how long the session and its cookie live from now on, and from each later touch
    /// (B-088, B-089); `None`: as long as the browser's session.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn set_max_age(&self, max_age: impl Into<Option<Duration>>) -> Result<(), Error> {
        self.cookie_mut(|cookie, now| cookie.set_max_age(max_age, now))
    }

    /// Renews the cookie's lifetime in memory (B-185). The end of the request does so by itself.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn touch(&self) -> Result<(), Error> {
        self.cookie_mut(SessionCookie::touch)
    }

    /// Gives the session a cookie from today's options. A loaded session has the attributes of its
    /// record (B-072): with this, changed options reach it (B-073).
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn reset_cookie(&self) -> Result<(), Error> {
        self.session(|_| ())?;
        let now = self.shared.backend.env.now();
        self.shared.exchange(|exchange| exchange.reset_cookie(now))
    }

    /// Takes the session off the request: express's `req.session = null`. What becomes of the
    /// record is the option `unset`.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Ended`].
    pub fn unset(&self) -> Result<(), Error> {
        self.session(|_| ())?;
        self.shared.exchange(Exchange::unset)
    }

    /// Writes the record now (B-175). The end of the request then writes it only if it is changed
    /// again.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Conflict`], [`Error::Gone`], [`Error::Undeliverable`]: it is not saved.
    /// [`Error::NoSession`], [`Error::Ended`].
    pub async fn save(&self) -> Result<(), Error> {
        self.run(|_| Ok(Action::Save)).await
    }

    /// Takes over what the store has now, data and cookie (B-178, B-179).
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Store`], [`Error::Record`], [`Error::NoSession`],
    /// [`Error::Ended`]. The session is unchanged then.
    pub async fn reload(&self) -> Result<(), Error> {
        self.run(|_| Ok(Action::Reload)).await
    }

    /// Gives the session a new id and ends the old one, in one step: whoever knew the old one has
    /// nothing. The data stays, and so does the absolute timeout.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Conflict`], [`Error::Gone`], [`Error::Undeliverable`], [`Error::Id`]:
    /// the session has the id that it had. [`Error::NoSession`], [`Error::Ended`].
    pub async fn renew(&self) -> Result<(), Error> {
        self.run(|env| Ok(Action::Renew(env.genid()?))).await
    }

    /// Logs somebody in: [renews](Self::renew) the id, and only if that is done puts `user` under `key`.
    /// The absolute timeout begins anew. The session's other data stays: [`clear`](Self::clear) it
    /// before, if it is not to be carried over.
    ///
    /// To log out, [`destroy`](Self::destroy) the session.
    ///
    /// # Errors
    /// As [`renew`](Self::renew) and [`insert`](Self::insert): nobody is logged in.
    pub async fn log_in<T: Serialize>(&self, key: &str, user: T) -> Result<(), Error> {
        // What can't be put there fails before anything is done.
        let user = serde_json::to_value(user).map_err(|_| Error::Data(DataError::NotJson))?;
        self.session(|session| session.clone().insert(key, &user))??;
        self.run(|env| Ok(Action::LogIn(env.genid()?))).await?;
        self.insert(key, user)
    }

    /// Deletes the record and begins an empty session with a new id (B-182).
    ///
    /// # Errors
    /// [`Error::Store`]: the session is what it was, but under `Config::express`: there the new session
    /// is in place, and the old record may still be there (B-183). [`Error::Id`],
    /// [`Error::NoSession`], [`Error::Ended`].
    pub async fn regenerate(&self) -> Result<(), Error> {
        self.run(|env| Ok(Action::Regenerate(env.genid()?))).await
    }

    /// Ends the session and deletes its record (B-184). The response tells the browser to forget the
    /// cookie, but under `Config::express` (B-154).
    ///
    /// # Errors
    /// [`Error::Store`]: the session is still there, but under `Config::express`: there the request has
    /// none any more (B-184). [`Error::NoSession`], [`Error::Ended`].
    pub async fn destroy(&self) -> Result<(), Error> {
        self.run(|_| Ok(Action::Destroy)).await
    }

    /// One method at a time asks the store. One that was called, and polled once, is carried out,
    /// whoever waits for it: that it waits for its turn must not depend on its caller.
    async fn run(&self, action: fn(&dyn Env) -> Result<Action, Error>) -> Result<(), Error> {
        let shared = self.shared.clone();
        let work = async move {
            let (backend, _running) = (&shared.backend, shared.running.lock().await);
            shared.exchange(|exchange| exchange.session().map(drop).ok_or(Error::NoSession))??;
            let (action, now) = (action(&*backend.env)?, backend.env.now());
            let pending = shared.exchange(|exchange| exchange.start(action, now))??;
            let answer =
                |answer: Answer| shared.exchange(|exchange| answer(exchange, backend.env.now()))?;
            carry_out(pending, backend, answer).await
        };
        self.shared.backend.carry_out(work).await
    }
}
