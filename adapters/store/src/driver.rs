//! The driver: carries the core's questions to the store and the answers back, and logs what was
//! decided, and why; never ids or data.

use std::any::Any;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Poll;

use derive_where::derive_where;
use http::HeaderMap;
use http_session::store::{Delete, Written};
use http_session::{Action, Begin, Config, Conflict, Exchange, Finding, Outcome, Pending, Reason};
use http_session::{RequestFacts, SessionId, Timestamp, cookie_lines};

use tokio::sync::watch;
use tracing::Instrument;

use crate::queue::Queue;
use crate::session::State;
use crate::{Env, ErasedStore, Error, OsEnv, Session, Store};

/// A configuration with its store and its environment: what an adapter holds.
///
/// An adapter calls [`Config::begin`] with what it knows of the request, [`Sessions::open`] with
/// the result, hands the [`Session`] to the handler when it was [loaded](Session::load), and calls
/// [`Sessions::close`] when the response's head is known and before a byte of it went out.
/// [`Outcome::apply`] then puts the cookie onto the response.
#[derive(Clone)]
#[derive_where(Debug)]
pub struct Sessions {
    config: Config,
    #[derive_where(skip(Debug))]
    backend: Backend,
}

/// What sessions have in common that are of one store.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) store: Arc<dyn ErasedStore>,
    /// How many saves, and other things that are carried out, are under way.
    under_way: Arc<watch::Sender<usize>>,
}

impl Backend {
    /// Carries `work` out [to its end](to_the_end), and [`Sessions::settled`] waits for it.
    pub(crate) async fn carry_out<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let backend = self.clone();
        to_the_end(async move {
            let _under_way = backend.under_way();
            work.await
        })
        .await
    }

    /// Something is under way until this is dropped.
    fn under_way(&self) -> UnderWay<'_> {
        self.under_way.send_modify(|number| *number += 1);
        UnderWay(&self.under_way)
    }
}

struct UnderWay<'a>(&'a watch::Sender<usize>);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|number| *number -= 1);
    }
}

impl Sessions {
    /// With the system's clock and random source.
    ///
    /// Logs what [`Config::audit`] finds: at `warn` a cookie without Secure and a secret from a tutorial,
    /// at `debug` the rest.
    pub fn new(config: Config, store: impl Store + 'static) -> Self {
        for finding in config.audit() {
            let clause = finding.clause();
            match finding {
                Finding::KnownSecret | Finding::NotSecure => {
                    tracing::warn!(%finding, clause, "session configuration");
                }
                _ => tracing::debug!(%finding, clause, "session configuration"),
            }
        }
        let (env, store) = (Arc::new(OsEnv), Arc::new(store));
        let (queue, under_way) = (Arc::default(), Arc::default());
        Self { config, backend: Backend { env, queue, store, under_way } }
    }

    /// Takes another clock and another source of ids.
    #[must_use]
    pub fn env(mut self, env: impl Env) -> Self {
        self.backend.env = Arc::new(env);
        self
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.backend.env.now()
    }

    /// Carries on from [`Config::begin`]: asks the store if need be; with
    /// [`load_on_first_use`](http_session::ConfigBuilder::load_on_first_use) not yet. `None`: no session on
    /// this path.
    ///
    /// # Errors
    /// The request must fail, before its handler runs: the store failed, the record can't be read,
    /// or no id could be made. Nothing was changed in the store.
    pub async fn open<N>(&self, begin: Begin) -> Result<Option<Session<N>>, Error> {
        let state = match begin {
            Begin::Load(lookup) if self.config.loads_on_first_use() => State::Unused(lookup),
            begin => match open(begin, &self.backend).await? {
                Some(exchange) => State::Open(exchange),
                None => return Ok(None),
            },
        };
        Ok(Some(Session::new(state, self.backend.clone())))
    }

    /// Ends the request's session: decides, asks the store, and says what goes onto the response.
    /// The handle, and every clone of it, is closed from here on.
    ///
    /// Waits for a method of the session that is still under way. It is carried out [to its end](to_the_end)
    /// once it was polled, also if the client goes away.
    ///
    /// # Errors
    /// The response must be replaced by a failure: nothing was promised to the client, and the
    /// store has what it had.
    pub async fn close<N>(&self, session: &Session<N>) -> Result<Outcome, Error> {
        let (backend, shared) = (self.backend.clone(), session.shared.clone());
        let work = async move {
            match shared.end().await {
                Ok(Some(exchange)) => close(exchange, &backend).await,
                Ok(None) => Ok(Outcome::unused()),
                Err(error) => {
                    // What could not be loaded was reported then.
                    if matches!(error, Error::Ended | Error::NotLoaded) {
                        report(&error);
                    }
                    Err(error)
                }
            }
        };
        self.backend.carry_out(work).await
    }

    /// Waits until each save that has begun is done: what a client that went away has left behind goes on by
    /// itself. For a graceful shutdown, after the server's own.
    pub async fn settled(&self) {
        // It can't fail: there is a sender.
        let _ = self.backend.under_way.subscribe().wait_for(|number| *number == 0).await;
    }

    /// Closes the handle without any decision: for a request that was given up. Nothing is saved.
    pub fn abandon<N>(session: &Session<N>) {
        session.abandon();
    }

    /// Looks at the session that a request's headers present, and changes nothing: none is made, nothing
    /// is saved or touched. For what has no response to put a cookie on, as a WebSocket.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn look(&self, headers: &HeaderMap) -> Result<Option<http_session::Session>, Error> {
        let facts = RequestFacts { path: self.config.path(), ..RequestFacts::default() };
        let begin = self.config.begin(&facts, cookie_lines(headers), self.now());
        let found = self.find(begin).await.inspect_err(report)?;
        let Begin::Ready(mut exchange) = found else { return Ok(None) };
        Ok(exchange.session().cloned())
    }

    /// Loads the session of `id`, changes and saves it, outside of any request; `None`: there is no such
    /// session. What is not changed is not saved. A save counts as use: the idle timeout begins anew.
    ///
    /// Under [`Conflict::Merge`], `change` is called again with the session as it is then, if a parallel
    /// request was faster: what it returns in the end is what was saved.
    ///
    /// # Errors
    /// What `change` returns, [`Error::Store`], [`Error::Record`], [`Error::Conflict`],
    /// [`Error::Gone`]: nothing was saved.
    pub async fn edit<T, E>(
        &self,
        id: SessionId,
        mut change: impl FnMut(&mut http_session::Session) -> Result<T, E>,
    ) -> Result<Option<T>, Error>
    where
        Error: From<E>,
    {
        let (mut turn, _under_way) = (None, self.backend.under_way());
        for tries in 0..=Conflict::MAX_TRIES {
            turn = self.backend.queue.turn(turn, &id, tries.into()).await;
            let found = self.find(self.config.begin_with_id(id.clone(), self.now())).await?;
            let Begin::Ready(mut exchange) = found else { return Ok(None) };
            let result = change(exchange.session().ok_or(Error::NoSession)?)?;
            let save = exchange.facts().changed;
            let save = save.then(|| exchange.start(Action::Save, self.now())).transpose()?;
            let Some(Pending::Save(ask)) = save.flatten() else { return Ok(Some(result)) };
            let reply = self.backend.store.save(&ask.operation).await;
            let again = matches!(reply, Ok(Written::Changed(_)));
            if !again || self.config.conflict() != Conflict::Merge {
                ask.complete(&mut exchange, reply, self.now())?;
                return Ok(Some(result));
            }
        }
        Err(Error::Conflict)
    }

    /// Ends the session of `id`, outside of any request.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn end(&self, id: SessionId) -> Result<(), Error> {
        let _under_way = self.backend.under_way();
        self.backend.store.delete(&Delete::new(id, self.now())).await.map_err(Error::Store)
    }

    /// To find a session outside of its requests is not to use it.
    async fn find(&self, begin: Begin) -> Result<Begin, Error> {
        find(begin, false, &self.backend).await
    }
}

/// Asks for what the request presents, until that is settled.
async fn find(
    mut begin: Begin,
    refresh: bool,
    Backend { env, store, .. }: &Backend,
) -> Result<Begin, Error> {
    while let Begin::Load(mut lookup) = begin {
        lookup.operation.refresh = lookup.operation.refresh.filter(|_| refresh);
        let reply = store.load(&lookup.operation).await.map_err(Error::Store)?;
        begin = lookup.answer(reply, env.now())?;
    }
    Ok(begin)
}

pub(crate) async fn open(begin: Begin, backend: &Backend) -> Result<Option<Box<Exchange>>, Error> {
    let Backend { env, store, .. } = backend;
    let exchange = match find(begin, true, backend).await.inspect_err(report)? {
        Begin::Create(create) => {
            let id = env.genid().map_err(Error::from).inspect_err(report)?;
            create.with_id(id, env.now())
        }
        Begin::Ready(mut exchange) => {
            if let Some(ask) = exchange.shorten(env.now()) {
                let reply = store.touch(&ask.operation).await;
                let reply = reply.map_err(Error::Store).inspect_err(report);
                ask.complete(&mut exchange, reply.ok(), env.now());
            }
            exchange
        }
        Begin::Skip(reason) => {
            tracing::debug!(%reason, "no session");
            return Ok(None);
        }
        Begin::Load(_) => unreachable!("it was answered"),
    };
    tracing::debug!(origin = %exchange.origin(), "session begins");
    // It goes through several futures: as a pointer.
    Ok(Some(Box::new(exchange)))
}

/// What the store's answer does to the exchange, and what it is to be asked next.
pub(crate) type Answer =
    Box<dyn FnOnce(&mut Exchange, Timestamp) -> Result<Option<Pending>, Error> + Send>;

async fn ask(pending: Pending, store: &dyn ErasedStore) -> Answer {
    match pending {
        Pending::Delete(ask) => {
            let reply = store.delete(&ask.operation).await;
            Box::new(move |exchange, now| ask.complete(exchange, reply, now).map(|()| None))
        }
        Pending::Load(ask) => {
            let reply = store.load(&ask.operation).await;
            Box::new(move |exchange, _| ask.complete(exchange, reply).map(|()| None))
        }
        Pending::Rotate(ask) => {
            let reply = store.rotate(&ask.operation).await;
            Box::new(move |exchange, now| ask.complete(exchange, reply, now))
        }
        Pending::Save(ask) => {
            let reply = store.save(&ask.operation).await;
            Box::new(move |exchange, now| ask.complete(exchange, reply, now))
        }
        Pending::Touch(ask) => {
            let reply = store.touch(&ask.operation).await;
            Box::new(move |exchange, now| {
                ask.complete(exchange, reply.as_ref().ok().copied(), now);
                reply.map(|_| None).map_err(Error::Store)
            })
        }
    }
}

/// Asks the store one thing after the other, until nothing is left to be asked.
pub(crate) async fn carry_out(
    mut next: Option<Pending>,
    Backend { queue, store, .. }: &Backend,
    mut take: impl FnMut(Answer) -> Result<Option<Pending>, Error>,
) -> Result<(), Error> {
    let mut turn = None;
    for tries in 0.. {
        let Some(pending) = next else { break };
        let writes = matches!(pending, Pending::Save(_) | Pending::Rotate(_));
        if writes {
            turn = queue.turn(turn, pending.id(), tries).await;
        }
        next = take(ask(pending, &**store).await)?;
    }
    Ok(())
}

async fn close(mut exchange: Box<Exchange>, backend: &Backend) -> Result<Outcome, Error> {
    let env = &backend.env;
    let pending = exchange.finish(env.now()).inspect_err(report)?;
    let answer = |answer: Answer| answer(&mut exchange, env.now());
    let ended = carry_out(pending, backend, answer).await;
    // A touch that failed loses nothing but lifetime: there is an outcome all the same (B-210).
    let Some(outcome) = exchange.outcome() else {
        return Err(ended.err().unwrap_or(Error::Ended)).inspect_err(report);
    };
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
    ended.as_ref().err().into_iter().for_each(report);
    Ok(outcome)
}

/// Logs an error as the driver does: for an adapter that answers a request with it. A store's error is
/// logged once, whoever reports it.
pub fn report(error: &Error) {
    if matches!(error, Error::Store(failure) if !failure.is_news()) {
        return;
    }
    let source = std::error::Error::source(error).map(tracing::field::display);
    match error {
        // A parallel request was faster: that is nobody's failure.
        Error::Conflict | Error::Gone => tracing::warn!(%error, "session not saved"),
        _ => tracing::error!(%error, source, "session failed"),
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
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work.await };
    runtime.spawn(work.in_current_span()).await.unwrap_or_else(|error| {
        let ended = |error| Box::new(format!("a session's task was ended: {error}")) as Box<_>;
        let panic: Box<dyn Any + Send> = error.try_into_panic().unwrap_or_else(ended);
        resume_unwind(panic)
    })
}
