//! A driver in full, on the core's [`Exchange`] alone: what stands between the core and a store.
//!
//! An adapter does not need it: [`Sessions`](http_session_store::Sessions) is one already, for async hosts
//! and for those that block. This one is for reading, and for a host that can't have that crate: it is the
//! straight line with nothing around it: it has no queue, and loads each session at once, whatever
//! [`Config::loads_on_first_use`](http_session::Config::loads_on_first_use) says. It takes stores that answer at once, as
//! [`MemoryStore`](http_session_store::MemoryStore) does.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http_session::{Action, Begin, Exchange, Outcome, Pending};
use http_session_store::{Env, Error, Store, StoreError, report};

/// Carries on from [`Config::begin`](http_session::Config::begin): asks the store if need be.
/// `None`: no session on this path.
///
/// # Errors
/// The request must fail, before its handler runs: the store failed ([`Error::Store`]), the record can't be
/// read ([`Error::Record`]), or no id could be made ([`Error::Id`]).
pub fn open(
    mut begin: Begin,
    store: &impl Store,
    env: &impl Env,
) -> Result<Option<Exchange>, Error> {
    // One load for each session cookie that the request presents, until one is found.
    while let Begin::Load(lookup) = begin {
        let stored =
            reply(store.load(&lookup.operation)).map_err(Error::Store).inspect_err(report)?;
        begin = lookup.answer(stored, env.now()).map_err(Error::from).inspect_err(report)?;
    }
    match begin {
        Begin::Skip(_) => Ok(None),
        Begin::Create(create) => {
            let id = env.genid().map_err(Error::from).inspect_err(report)?;
            Ok(Some(create.with_id(id, env.now())))
        }
        Begin::Ready(mut exchange) => {
            // The load renewed the record for longer than the session may live.
            if let Some(ask) = exchange.shorten(env.now()) {
                let touched = reply(store.touch(&ask.operation)).map_err(Error::Store);
                ask.complete(&mut exchange, touched.inspect_err(report).ok(), env.now());
            }
            Ok(Some(exchange))
        }
        Begin::Load(_) => unreachable!("it was answered"),
    }
}

/// Carries out a method that asks the store in the middle of a request.
///
/// # Errors
/// As the methods of [`Session`](http_session_store::Session).
pub fn run(
    exchange: &mut Exchange,
    action: Action,
    store: &impl Store,
    env: &impl Env,
) -> Result<(), Error> {
    let pending = exchange.start(action, env.now())?;
    carry_out(exchange, pending, store, env)
}

/// Ends the request's session: decides, asks the store, and says what goes onto the response. Call it when
/// the response's head is known and before a byte of it goes out.
///
/// # Errors
/// The response must be replaced by a failure: nothing was saved.
pub fn close(mut exchange: Exchange, store: &impl Store, env: &impl Env) -> Result<Outcome, Error> {
    let pending = exchange.finish(env.now()).inspect_err(report)?;
    let done = carry_out(&mut exchange, pending, store, env);
    // A touch that failed loses nothing but lifetime: there is an outcome all the same (B-210).
    let Some(outcome) = exchange.outcome() else {
        return Err(done.err().unwrap_or(Error::Ended)).inspect_err(report);
    };
    if let Some(error) = outcome.cookie_error() {
        report(&Error::Cookie(error));
    }
    done.as_ref().err().into_iter().for_each(report);
    Ok(outcome)
}

/// Asks the store one thing after the other, until nothing is left to be asked.
fn carry_out(
    exchange: &mut Exchange,
    mut next: Option<Pending>,
    store: &impl Store,
    env: &impl Env,
) -> Result<(), Error> {
    while let Some(pending) = next {
        next = match pending {
            Pending::Delete(ask) => {
                let deleted = reply(store.delete(&ask.operation));
                ask.complete(exchange, deleted, env.now())?;
                None
            }
            Pending::Load(ask) => {
                let stored = reply(store.load(&ask.operation));
                ask.complete(exchange, stored)?;
                None
            }
            Pending::Rotate(ask) => {
                let written = reply(store.rotate(&ask.operation));
                ask.complete(exchange, written, env.now())?
            }
            Pending::Save(ask) => {
                let written = reply(store.save(&ask.operation));
                ask.complete(exchange, written, env.now())?
            }
            Pending::Touch(ask) => {
                let touched = reply(store.touch(&ask.operation));
                ask.complete(exchange, touched.as_ref().ok().copied(), env.now());
                touched.map(|_| None).map_err(Error::Store)?
            }
        };
    }
    Ok(())
}

/// The reply of a store that answers at once.
fn reply<T, E>(asked: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    at_once(asked).map_err(StoreError::new)
}

/// The result of a future that waits for nothing.
///
/// # Panics
/// If it waits.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the store does not answer at once"),
    }
}
