//! The fairing: loads the session as the request comes, and saves it as the response's head is known.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use derive_where::derive_where;
use http::{HeaderName, HeaderValue};
use http_session_store::core::{CookieTemplate, Headers, RequestFacts};
use rocket::fairing::{Fairing, Info, Kind, Result as Ignited};
use rocket::{Build, Data, Phase, Request, Response, Rocket};

use crate::store::{self, AbandonOnDrop};
use crate::{Config, Connection, Env, Error, Main, Outcome, Sessions, Store};

/// The fairing that gives every request its session:
/// `rocket::build().attach(session_fairing(config, store))`.
///
/// With the system's clock and random source, for an application with one session.
pub fn session_fairing(config: Config, store: impl Store + 'static) -> SessionFairing {
    session_fairing_from(Sessions::new(config, store))
}

/// As [`session_fairing`], for [`Sessions`] that something else uses as well.
#[must_use]
pub fn session_fairing_from(sessions: Sessions) -> SessionFairing {
    SessionFairing {
        connection: Arc::new(connection),
        cookie_options: None,
        marker: PhantomData,
        on_error: Arc::new(empty),
        sessions,
    }
}

/// Gives every request its session: loads it before the handler, saves it after the response's head is
/// known and before a byte of it goes out. Made by [`session_fairing`].
///
/// - A failed load is a failed request: a handler that asks for the [`Session`](crate::Session) is not
///   called, and the answer of any other is replaced.
/// - A failed save replaces the response: no session cookie is sent.
/// - A handler that panicked while it held the session: nothing is saved.
///
/// An application does not launch with two fairings of the same marker or the same cookie name, or
/// (under [`Config::recommended`]) with the same secret: they would undo each other's work.
#[derive_where(Clone, Debug)]
pub struct SessionFairing<N = Main> {
    #[derive_where(skip(Debug))]
    connection: Arc<dyn Fn(&Request<'_>) -> Connection + Send + Sync>,
    #[derive_where(skip(Debug))]
    cookie_options: Option<Arc<TemplateFor>>,
    marker: PhantomData<fn() -> N>,
    #[derive_where(skip(Debug))]
    on_error: Arc<dyn Fn(&store::Error) -> Response<'static> + Send + Sync>,
    sessions: Sessions,
}

type TemplateFor = dyn Fn(&Request<'_>) -> Arc<CookieTemplate> + Send + Sync;

/// Rocket has one listener, with TLS or without.
fn connection(request: &Request<'_>) -> Connection {
    let tls = request.rocket().config().tls_enabled();
    if tls { Connection::Encrypted } else { Connection::Plain }
}

fn empty(error: &store::Error) -> Response<'static> {
    let status = rocket::http::Status::new(error.status().as_u16());
    Response::build().status(status).finalize()
}

impl<N> SessionFairing<N> {
    /// How the client of a request is connected, for an application that knows more than
    /// [`Proxy`](crate::Proxy) does. Default: encrypted if Rocket itself ends TLS, else plain.
    #[must_use]
    pub fn connection(
        mut self,
        connection: impl Fn(&Request<'_>) -> Connection + Send + Sync + 'static,
    ) -> Self {
        self.connection = Arc::new(connection);
        self
    }

    /// Cookie options by request: express-session's `cookie` function (B-017, B-031). It is asked
    /// once for each request. Make the templates beforehand, with [`Config::template`].
    #[must_use]
    pub fn cookie_options(
        mut self,
        cookie_options: impl Fn(&Request<'_>) -> Arc<CookieTemplate> + Send + Sync + 'static,
    ) -> Self {
        self.cookie_options = Some(Arc::new(cookie_options));
        self
    }

    /// Takes another clock and another source of ids.
    #[must_use]
    pub fn env(mut self, env: impl Env) -> Self {
        self.sessions = self.sessions.env(env);
        self
    }

    /// For an application with several sessions: this one is `Session<M>`. Its cookie needs a name
    /// of its own.
    #[must_use]
    pub fn marker<M>(self) -> SessionFairing<M> {
        let Self { connection, cookie_options, on_error, sessions, .. } = self;
        SessionFairing { connection, cookie_options, marker: PhantomData, on_error, sessions }
    }

    /// What the client gets when a session can't be loaded or saved. Default: the error's
    /// [`status`](http_session_store::core::Error::status) with an empty body, because what went
    /// wrong is for the log.
    ///
    /// Catchers are not asked: a fairing comes after them.
    #[must_use]
    pub fn on_error(
        mut self,
        on_error: impl Fn(&store::Error) -> Response<'static> + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Arc::new(on_error);
        self
    }

    fn refuse(&self, error: &store::Error, response: &mut Response<'_>) {
        *response = (self.on_error)(error);
        self.sessions.config().mark_failure(&mut Lines(response));
    }
}

impl<N: 'static> SessionFairing<N> {
    /// The one that is attached.
    pub(crate) fn of<P: Phase>(rocket: &Rocket<P>) -> Option<&Self> {
        let fairing = rocket.state();
        if fairing.is_none() {
            let error = store::Error::NoLayer;
            tracing::error!(%error, "no session: attach a session_fairing with the guard's marker");
        }
        fairing
    }

    /// The request's session; opens it if nobody did so before. `None`: there is none on this path.
    pub(crate) async fn opened<'r>(
        &self,
        request: &'r Request<'_>,
    ) -> Result<Option<&'r store::Session<N>>, &'r Error> {
        let open = async { self.open(request).await.map(AbandonOnDrop).map_err(Error::logged) };
        request.local_cache_async(open).await.as_ref().map(|opened| opened.0.as_ref())
    }

    async fn open(&self, request: &Request<'_>) -> Result<Option<store::Session<N>>, store::Error> {
        let headers = request.headers();
        let facts = RequestFacts {
            connection: (self.connection)(request),
            template: self.cookie_options.as_ref().map(|cookie_options| cookie_options(request)),
            ..RequestFacts::read(request.uri().path().as_str(), |name| {
                headers.get(name).map(str::as_bytes)
            })
        };
        let lines = headers.get("cookie").map(str::as_bytes);
        self.sessions.open(self.sessions.config().begin(&facts, lines, self.sessions.now())).await
    }
}

/// The configurations of an application's fairings.
struct Attached(Mutex<Vec<Config>>);

impl Attached {
    /// Notes `config`, if it goes with the others.
    fn sign_in(&self, config: &Config) -> bool {
        let mut attached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = !attached.iter().any(|other| config.clashes(other));
        if alone {
            attached.push(config.clone());
        }
        alone
    }
}

#[rocket::async_trait]
impl<N: 'static> Fairing for SessionFairing<N> {
    fn info(&self) -> Info {
        Info { name: "Session", kind: Kind::Ignite | Kind::Request | Kind::Response }
    }

    async fn on_ignite(&self, mut rocket: Rocket<Build>) -> Ignited {
        if rocket.state::<Attached>().is_none() {
            rocket = rocket.manage(Attached(Mutex::default()));
        }
        let attached = rocket.state::<Attached>().filter(|_| rocket.state::<Self>().is_none());
        if attached.is_some_and(|attached| attached.sign_in(self.sessions.config())) {
            return Ok(rocket.manage(self.clone()));
        }
        tracing::error!(error = %store::Error::LayeredTwice, "session fairing refused");
        Err(rocket)
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        // What went wrong shows in the guard and in the response.
        let _ = self.opened(request).await;
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let session = match self.opened(request).await {
            Ok(Some(session)) => session,
            Ok(None) => return,
            Err(error) => {
                self.refuse(error, response);
                return ended::<N>(request).set(Err((**error).clone()));
            }
        };
        // A handler panicked, and the client is told of a failure already.
        if session.is_ended() && response.status().class().is_server_error() {
            return ended::<N>(request).set(Err(store::Error::Ended));
        }
        let closed = self.sessions.close(session).await;
        match &closed {
            Ok(outcome) => outcome.apply(&mut Lines(response)),
            Err(error) => self.refuse(error, response),
        }
        ended::<N>(request).set(closed);
    }
}

/// How the request's session ended, for a fairing that was attached later and looks at the response: what was
/// decided, or why the response was replaced. `None`: there is no session on this path, or it has not ended
/// yet.
pub fn outcome<'r, N: 'static>(
    request: &'r Request<'_>,
) -> Option<&'r Result<Outcome, store::Error>> {
    ended::<N>(request).0.get()
}

struct Ended<N>(OnceLock<Result<Outcome, store::Error>>, PhantomData<fn() -> N>);

impl<N> Ended<N> {
    fn set(&self, ended: Result<Outcome, store::Error>) {
        // There is one end.
        let _ = self.0.set(ended);
    }
}

fn ended<'r, N: 'static>(request: &'r Request<'_>) -> &'r Ended<N> {
    request.local_cache(|| Ended(OnceLock::new(), PhantomData))
}

/// Rocket's header lines: texts.
struct Lines<'a, 'r>(&'a mut Response<'r>);

impl Headers for Lines<'_, '_> {
    fn append(&mut self, name: HeaderName, line: HeaderValue) {
        self.0.adjoin_raw_header(name.to_string(), text(&line));
    }

    fn lines(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.0.headers().get(name.as_str()).map(str::as_bytes)
    }

    fn replace(&mut self, name: HeaderName, line: HeaderValue) {
        self.0.set_raw_header(name.to_string(), text(&line));
    }
}

fn text(line: &HeaderValue) -> String {
    String::from_utf8_lossy(line.as_bytes()).into_owned()
}
