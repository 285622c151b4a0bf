//! The driver for hosts that block: the same steps as [`Sessions`](crate::Sessions), on the
//! [`Exchange`] itself.

use http_session::{Action, Begin, Exchange, Outcome, Pending, Plan};

use crate::env::Env;
use crate::error::{Error, StoreError};
use crate::sessions::{log, report, report_record};
use crate::store::BlockingStore;

/// Carries on from [`Config::begin`](http_session::Config::begin): asks the store if need be.
/// `None`: no session on this path.
///
/// # Errors
/// As [`Sessions::open`](crate::Sessions::open).
pub fn open<S: BlockingStore>(
    begin: Begin,
    store: &S,
    env: &dyn Env,
) -> Result<Option<Exchange>, Error> {
    Ok(Some(match begin {
        Begin::Skip(_) => return Ok(None),
        Begin::Create(create) => create.with_id(env.genid()?, env.now()),
        Begin::Load(lookup) => match answer(store.load(lookup.operation()))? {
            Some(stored) => lookup.found(&stored).inspect_err(report_record)?,
            None => lookup.missing().with_id(env.genid()?, env.now()),
        },
    }))
}

/// Carries out a method of the session that asks the store in the middle of a request.
///
/// # Errors
/// As the methods of [`Session`](crate::Session).
pub fn run<S: BlockingStore>(
    exchange: &mut Exchange,
    action: Action,
    store: &S,
    env: &dyn Env,
) -> Result<(), Error> {
    Ok(match exchange.start::<StoreError>(action, env.now())? {
        Pending::Delete(ask) => {
            let reply = own(store.delete(ask.operation()));
            ask.complete(exchange, reply, env.now())
        }
        Pending::Load(ask) => {
            let reply = own(store.load(ask.operation()));
            ask.complete(exchange, reply)
        }
        Pending::Save(ask) => {
            let reply = own(store.save(ask.operation()));
            ask.complete(exchange, reply)
        }
    }?)
}

/// Ends the request's session: decides, asks the store, and says what goes onto the response.
///
/// # Errors
/// As [`Sessions::close`](crate::Sessions::close).
pub fn close<S: BlockingStore>(
    exchange: Exchange,
    store: &S,
    env: &dyn Env,
) -> Result<Outcome, Error> {
    let outcome = match exchange.finish(env.now()) {
        Plan::Nothing(outcome) => outcome,
        Plan::Save(closing) => {
            let reply = answer(store.save(closing.operation()));
            closing.settle(reply)?
        }
        Plan::Touch(closing) => {
            let reply = answer(store.touch(closing.operation()));
            closing.settle(reply.ok())
        }
        Plan::Delete(closing) => {
            let reply = answer(store.delete(closing.operation()));
            closing.settle(reply)?
        }
    };
    log(&outcome);
    Ok(outcome)
}

/// A failure that the application is told of, and that is therefore not reported.
fn own<T, E>(reply: Result<T, E>) -> Result<T, StoreError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    reply.map_err(StoreError::new)
}

fn answer<T, E>(reply: Result<T, E>) -> Result<T, StoreError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    own(reply).inspect_err(report)
}
