//! The async driver: carries the core's questions to the store and the answers back.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Poll;

use http_session::{Begin, Config, Exchange, Outcome, Plan, Reason, RecordError};

use crate::env::{Env, OsEnv};
use crate::error::Error;
use crate::session::Session;
use crate::store::{ErasedStore, Store};

/// A configuration with its store and its environment: what an adapter holds.
///
/// An adapter calls [`Config::begin`] with what it knows of the request, [`Sessions::open`] with
/// the result, hands the [`Session`] to the handler, and calls [`Sessions::close`] when the
/// response's head is known and before a byte of it went out. [`Outcome::apply`] then puts the
/// cookie onto the response.
#[derive(Clone)]
pub struct Sessions {
    config: Config,
    env: Arc<dyn Env>,
    store: Arc<dyn ErasedStore>,
}

impl Sessions {
    /// With the system's clock and random source.
    #[must_use]
    pub fn new(config: Config, store: impl Store) -> Self {
        Self { config, env: Arc::new(OsEnv), store: Arc::new(store) }
    }

    /// Takes another clock and another source of ids.
    #[must_use]
    pub fn env(mut self, env: impl Env) -> Self {
        self.env = Arc::new(env);
        self
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The clock and the source of ids.
    #[must_use]
    pub fn environment(&self) -> &dyn Env {
        &*self.env
    }

    /// Carries on from [`Config::begin`]: asks the store if need be. `None`: no session on this
    /// path.
    ///
    /// # Errors
    /// The request must fail, before its handler runs: the store failed, the record can't be read,
    /// or no id could be made. Nothing was changed in the store.
    pub async fn open<N>(&self, begin: Begin) -> Result<Option<Session<N>>, Error> {
        let exchange = match begin {
            Begin::Skip(reason) => {
                tracing::debug!(%reason, "no session");
                return Ok(None);
            }
            Begin::Create(create) => create.with_id(self.env.genid()?, self.env.now()),
            Begin::Load(lookup) => {
                match self.store.load(lookup.operation()).await.inspect_err(report)? {
                    Some(stored) => lookup.found(&stored).inspect_err(report_record)?,
                    None => lookup.missing().with_id(self.env.genid()?, self.env.now()),
                }
            }
        };
        tracing::debug!(origin = %exchange.origin(), "session begins");
        Ok(Some(Session::new(exchange, self.env.clone(), self.store.clone())))
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
        let exchange = session.take().await?;
        self.finish(exchange).await
    }

    async fn finish(&self, exchange: Exchange) -> Result<Outcome, Error> {
        let outcome = match exchange.finish(self.env.now()) {
            Plan::Nothing(outcome) => outcome,
            Plan::Save(closing) => {
                let reply = self.store.save(closing.operation()).await.inspect_err(report);
                closing.settle(reply)?
            }
            Plan::Touch(closing) => {
                let reply = self.store.touch(closing.operation()).await.inspect_err(report);
                closing.settle(reply.ok())
            }
            Plan::Delete(closing) => {
                let reply = self.store.delete(closing.operation()).await.inspect_err(report);
                closing.settle(reply)?
            }
        };
        log(&outcome);
        Ok(outcome)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Logs a store's error, which by contract shows neither ids nor data.
pub(crate) fn report(error: &crate::error::StoreError) {
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(source = source.as_deref().unwrap_or_default(), "session store failed");
}

/// Logs that a record can't be read: it stays as it is, for somebody to look at.
pub(crate) fn report_record(error: &RecordError) {
    tracing::error!(%error, "session record can't be read");
}

/// Logs a decision with its reasons.
pub(crate) fn log(outcome: &Outcome) {
    let decision = outcome.decision();
    tracing::debug!(
        store = ?decision.store,
        store_reason = %decision.store_reason,
        cookie = ?decision.cookie,
        cookie_reason = %decision.cookie_reason,
        "session decided"
    );
    if decision.cookie_reason == Reason::SecureOnPlainHttp {
        tracing::warn!(reason = %decision.cookie_reason, "session cookie not sent");
    }
    if let Some(error) = outcome.cookie_error() {
        tracing::error!(%error, "session cookie not sent");
    }
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
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => match runtime.spawn(work).await {
            Ok(done) => done,
            Err(error) => {
                let panic: Box<dyn Any + Send> = error.try_into_panic().unwrap_or_else(|error| {
                    Box::new(format!("the runtime ended a session's task: {error}"))
                });
                resume_unwind(panic)
            }
        },
        Err(_) => work.await,
    }
}
