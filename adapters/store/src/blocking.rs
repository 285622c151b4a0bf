//! The driver for hosts that block: the same steps as [`Sessions`](crate::Sessions), on the
//! [`Exchange`] itself. What fails is logged; the caller turns it into a response.
//!
//! ```
//! use http_session_store::core::{Config, RequestFacts};
//! use http_session_store::{BlockingStore, Env, Error, OsEnv, blocking};
//!
//! /// Answers a request for `path`; `set_cookie` is called with our line, if there is one.
//! fn serve<S: BlockingStore>(
//!     config: &Config,
//!     store: &S,
//!     (path, cookie): (&str, Option<&str>),
//!     set_cookie: impl FnOnce(&str),
//! ) -> Result<String, Error> {
//!     let request = RequestFacts { path, ..RequestFacts::default() };
//!     let begin = config.begin(&request, cookie.map(str::as_bytes), OsEnv.now());
//!     // An error: the handler must not run, the client gets `error.status()`.
//!     let Some(mut exchange) = blocking::open(begin, store, &OsEnv)? else {
//!         return Ok("no session on this path".into());
//!     };
//!     let session = exchange.session().ok_or(Error::NoSession)?;
//!     let visits = session.get::<u64>("visits")?.unwrap_or_default() + 1;
//!     session.insert("visits", visits)?;
//!     // An error: nothing of the response may go out, the client gets `error.status()`.
//!     let outcome = blocking::close(exchange, store, &OsEnv)?;
//!     if let Some(Ok(line)) = outcome.set_cookie().map(|line| line.to_str()) {
//!         set_cookie(line);
//!     }
//!     Ok(format!("{visits} visits"))
//! }
//! # let (config, store) = (Config::express("cat").build()?, http_session_store::MemoryStore::new());
//! # let mut line = String::new();
//! # assert_eq!(serve(&config, &store, ("/", None), |set| line = set.into())?, "1 visits");
//! # let cookie = line.split(';').next();
//! # assert_eq!(serve(&config, &store, ("/", cookie), |_| {})?, "2 visits");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{Action, Begin, Exchange, Outcome};

use crate::driver::carry_out;
use crate::{BlockingStore, Env, Error, Store, driver};

/// Carries on from [`Config::begin`](http_session::Config::begin): asks the store if need be.
/// `None`: no session on this path.
///
/// # Errors
/// As [`Sessions::open`](crate::Sessions::open).
pub fn open<S: BlockingStore + ?Sized>(
    begin: Begin,
    store: &S,
    env: &dyn Env,
) -> Result<Option<Exchange>, Error> {
    Ok(wait(driver::open(begin, &AtOnce(store), env))?.map(|exchange| *exchange))
}

/// Carries out a method of the session that asks the store in the middle of a request.
///
/// # Errors
/// As the methods of [`Session`](crate::Session).
pub fn run<S: BlockingStore + ?Sized>(
    exchange: &mut Exchange,
    action: Action,
    store: &S,
    env: &dyn Env,
) -> Result<(), Error> {
    let pending = exchange.start(action, env.now())?;
    wait(carry_out(pending, &AtOnce(store), None, |answer| answer(exchange, env.now())))
}

/// Ends the request's session: decides, asks the store, and says what goes onto the response.
///
/// # Errors
/// As [`Sessions::close`](crate::Sessions::close).
pub fn close<S: BlockingStore + ?Sized>(
    exchange: Exchange,
    store: &S,
    env: &dyn Env,
) -> Result<Outcome, Error> {
    wait(driver::close(Box::new(exchange), &AtOnce(store), env, None))
}

/// The result of a future that waits for nothing but a blocking store.
fn wait<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a blocking store has answered when it returns"),
    }
}

/// A blocking store as a [`Store`] whose futures are ready at once.
struct AtOnce<'a, S: ?Sized>(&'a S);

impl<S: BlockingStore + ?Sized> Store for AtOnce<'_, S> {
    type Error = S::Error;

    async fn load(&self, op: &Load) -> Result<Option<Stored>, S::Error> {
        self.0.load(op)
    }

    async fn save(&self, op: &Save) -> Result<Written, S::Error> {
        self.0.save(op)
    }

    async fn rotate(&self, op: &Rotate) -> Result<Written, S::Error> {
        self.0.rotate(op)
    }

    async fn touch(&self, op: &Touch) -> Result<Touched, S::Error> {
        self.0.touch(op)
    }

    async fn delete(&self, op: &Delete) -> Result<(), S::Error> {
        self.0.delete(op)
    }
}
