//! The driver: carries the core's questions to the store and the answers back, and logs what was
//! decided, and why; never ids or data.

use std::any::Any;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Poll;

use derive_where::derive_where;
use http_session::{Begin, Config, Exchange, Outcome, Pending, Plan, Reason, Timestamp};

use tracing::Instrument;

use crate::{Env, ErasedStore, Error, OsEnv, Session, Store};

/// A configuration with its store and its environment: what an adapter holds.
///
/// An adapter calls [`Config::begin`] with what it knows of the request, [`Sessions::open`] with
/// the result, hands the [`Session`] to the handler, and calls [`Sessions::close`] when the
/// response's head is known and before a byte of it went out. [`Outcome::apply`] then puts the
/// cookie onto the response.
#[derive(Clone)]
#[derive_where(Debug)]
pub struct Sessions {
    config: Config,
    #[derive_where(skip(Debug))]
    env: Arc<dyn Env>,
    #[derive_where(skip(Debug))]
    store: Arc<dyn ErasedStore>,
}

impl Sessions {
    /// With the system's clock and random source.
    pub fn new(config: Config, store: impl Store + 'static) -> Self {
        Self { config, env: Arc::new(OsEnv), store: Arc::new(store) }
    }

    /// Takes another clock and another source of ids.
    #[must_use]
    pub fn env(mut self, env: impl Env) -> Self {
        self.env = Arc::new(env);
        self
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    /// Carries on from [`Config::begin`]: asks the store if need be. `None`: no session on this
    /// path.
    ///
    /// # Errors
    /// The request must fail, before its handler runs: the store failed, the record can't be read,
    /// or no id could be made. Nothing was changed in the store.
    pub async fn open<N>(&self, begin: Begin) -> Result<Option<Session<N>>, Error> {
        let exchange = open(begin, &*self.store, &*self.env).await?;
        let session = |exchange| Session::new(exchange, self.env.clone(), self.store.clone());
        Ok(exchange.map(session))
    }

    /// Ends the request's session: decides, asks the store, and says what goes onto the response.
    /// The handle, and every clone of it, is closed from here on.
    ///
    /// Waits for a method of the session that is still under way.
    ///
    /// # Errors
    /// The response must be replaced by a failure: nothing was promised to the client, and the
    /// store has what it had.
    pub async fn close<N>(&self, session: &Session<N>) -> Result<Outcome, Error> {
        close(session.take().await?, &*self.store, &*self.env).await
    }

    /// Closes the handle without any decision: for a request that was given up. Nothing is saved.
    pub fn abandon<N>(session: &Session<N>) {
        drop(session.take_now());
    }
}

pub(crate) async fn open(
    begin: Begin,
    store: &dyn ErasedStore,
    env: &dyn Env,
) -> Result<Option<Exchange>, Error> {
    let new_id = || env.genid().map_err(Error::from);
    let exchange = match begin {
        Begin::Skip(reason) => {
            tracing::debug!(%reason, "no session");
            return Ok(None);
        }
        Begin::Create(create) => new_id().map(|id| create.with_id(id, env.now())),
        Begin::Load(lookup) => match store.load(&lookup.operation).await {
            Ok(Some(stored)) => lookup.found(stored).map_err(Error::from),
            Ok(None) => new_id().map(|id| lookup.missing().with_id(id, env.now())),
            Err(error) => Err(Error::Store(error)),
        },
    };
    let exchange = exchange.inspect_err(report)?;
    tracing::debug!(origin = %exchange.origin(), "session begins");
    Ok(Some(exchange))
}

/// What the store's answer does to the exchange.
type Answer = Box<dyn FnOnce(&mut Exchange, Timestamp) -> Result<(), Error> + Send>;

pub(crate) async fn ask(pending: Pending, store: &dyn ErasedStore) -> Answer {
    match pending {
        Pending::Delete(ask) => {
            let reply = store.delete(&ask.operation).await;
            Box::new(move |exchange, now| ask.complete(exchange, reply, now))
        }
        Pending::Load(ask) => {
            let reply = store.load(&ask.operation).await;
            Box::new(move |exchange, _| ask.complete(exchange, reply))
        }
        Pending::Save(ask) => {
            let reply = store.save(&ask.operation).await;
            Box::new(move |exchange, _| ask.complete(exchange, reply))
        }
    }
}

pub(crate) async fn close(
    exchange: Exchange,
    store: &dyn ErasedStore,
    env: &dyn Env,
) -> Result<Outcome, Error> {
    let mut touch_error = None;
    let outcome = match exchange.finish(env.now()).map_err(Error::from).inspect_err(report)? {
        Plan::Nothing(outcome) => Ok(outcome),
        Plan::Delete(closing) => {
            let reply = store.delete(&closing.operation).await;
            closing.settle(reply)
        }
        Plan::Save(closing) => {
            let reply = store.save(&closing.operation).await;
            closing.settle(reply)
        }
        Plan::Touch(closing) => {
            let reply = store.touch(&closing.operation).await.map_err(Error::Store);
            Ok(closing.settle(reply.map_err(|error| touch_error = Some(error)).ok()))
        }
    };
    let outcome = outcome.inspect_err(report)?;
    let decision = outcome.decision();
    tracing::debug!(
        store = %decision.store,
        store_reason = %decision.store_reason,
        cookie = %decision.cookie,
        cookie_reason = %decision.cookie_reason,
        "session ends"
    );
    if decision.cookie_reason == Reason::SecureOnPlainHttp {
        tracing::warn!(reason = %decision.cookie_reason, "session cookie not sent");
    }
    if let Some(error) = outcome.cookie_error() {
        tracing::error!(%error, "session cookie not sent");
    }
    touch_error.iter().for_each(report);
    Ok(outcome)
}

fn report(error: &Error) {
    let source = std::error::Error::source(error).map(tracing::field::display);
    tracing::error!(%error, source, "session failed");
}

/// Runs `work` to its end even if the caller is dropped meanwhile (a client that went away drops
/// its request's future): what does not finish at once goes on as a task of the tokio runtime.
///
/// Outside of a runtime there is nobody to carry on: there it runs as part of the caller.
pub async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let mut work = Box::pin(work);
    if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        return done;
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work.await };
    runtime.spawn(work.in_current_span()).await.unwrap_or_else(|error| {
        let ended = |error| Box::new(format!("a session's task was ended: {error}")) as Box<_>;
        let panic: Box<dyn Any + Send> = error.try_into_panic().unwrap_or_else(ended);
        resume_unwind(panic)
    })
}
