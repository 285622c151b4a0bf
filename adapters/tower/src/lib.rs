#![doc = include_str!("../README.md")]

use std::any::TypeId;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{iter, mem};

use derive_where::derive_where;
use http::{Extensions, Request, Response, Uri};
use http_session_store::core::{Begin, Config, CookieTemplate, RequestFacts, cookie_lines};
use http_session_store::{AbandonOnDrop, Env, Error, Main, Session, Sessions, Store, report};
use tower_layer::Layer;
use tower_service::Service;

pub use http_session_store as store;

/// Gives every request its session: loads it before the service, saves it after the response's head
/// is known and before a byte of it goes out.
///
/// The service finds the session with [`session_of`] among the request's extensions. Whoever looks at the
/// response finds the [`Outcome`](http_session_store::core::Outcome) among its extensions, or the [`Error`].
///
/// - A failed load is a failed request: the service is not called.
/// - A failed save replaces the response: no session cookie is sent.
/// - A service that returned an error or panicked, or a client that went away before the response's
///   head was known: nothing is saved. After that the save completes, whatever the client does.
#[derive_where(Clone, Debug)]
pub struct SessionLayer<B, N = Main> {
    #[derive_where(skip(Debug))]
    cookie_options: Option<Arc<TemplateFor>>,
    marker: PhantomData<fn() -> N>,
    #[derive_where(skip(Debug))]
    on_error: Arc<OnError<B>>,
    original_uri: fn(&Extensions) -> Option<&Uri>,
    sessions: Sessions,
}

type TemplateFor = dyn Fn(&Request<()>) -> Arc<CookieTemplate> + Send + Sync;
type OnError<B> = dyn Fn(&Error) -> Response<B> + Send + Sync;

impl<B: Default> SessionLayer<B> {
    /// With the system's clock and random source, for an application with one session.
    pub fn new(config: Config, store: impl Store + 'static) -> Self {
        Self::from(Sessions::new(config, store))
    }
}

/// For sessions that something else uses as well.
impl<B: Default> From<Sessions> for SessionLayer<B> {
    fn from(sessions: Sessions) -> Self {
        let on_error = |error: &Error| {
            let mut response = Response::new(B::default());
            *response.status_mut() = error.status();
            response
        };
        Self {
            cookie_options: None,
            marker: PhantomData,
            on_error: Arc::new(on_error),
            original_uri: |_| None,
            sessions,
        }
    }
}

impl<B, N> SessionLayer<B, N> {
    /// Cookie options by request: express-session's `cookie` function (B-017, B-031). It is asked
    /// once for each request. Make the templates beforehand, with [`Config::template`].
    #[must_use]
    pub fn cookie_options(
        mut self,
        cookie_options: impl Fn(&Request<()>) -> Arc<CookieTemplate> + Send + Sync + 'static,
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
    pub fn marker<M>(self) -> SessionLayer<B, M> {
        let Self { cookie_options, on_error, original_uri, sessions, .. } = self;
        SessionLayer { cookie_options, marker: PhantomData, on_error, original_uri, sessions }
    }

    /// What the client gets when a session can't be loaded or saved. Default: the error's
    /// [`status`](http_session_store::core::Error::status) with an empty body, because what went
    /// wrong is for the log.
    #[must_use]
    pub fn on_error(
        mut self,
        on_error: impl Fn(&Error) -> Response<B> + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Arc::new(on_error);
        self
    }

    /// Where a router that takes prefixes off keeps the request's own URI: the cookie's path is
    /// compared with that (B-037).
    #[must_use]
    pub fn original_uri(mut self, original_uri: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.original_uri = original_uri;
        self
    }

    fn refuse(&self, error: Error) -> Response<B> {
        let mut response = (self.on_error)(&error);
        self.sessions.config().mark_failure(response.headers_mut());
        response.extensions_mut().insert(error);
        response
    }
}

impl<B, N: 'static> SessionLayer<B, N> {
    /// Opens the request's session and puts it among the request's extensions.
    async fn open<R>(&self, request: Request<R>) -> Result<(AbandonOnDrop<N>, Request<R>), Error> {
        let (head, body) = request.into_parts();
        let mut head = Request::from_parts(head, ());
        let mut facts = RequestFacts::of(&head);
        if let Some(uri) = (self.original_uri)(head.extensions()) {
            facts.path = uri.path();
        }
        facts.template = self.cookie_options.as_ref().map(|cookie_options| cookie_options(&head));
        let lines = cookie_lines(head.headers());
        let begin = self.sessions.config().begin(&facts, lines, self.sessions.now());
        if !matches!(begin, Begin::Skip(_)) {
            self.sign_in(head.extensions_mut()).inspect_err(report)?;
        }
        let session = self.sessions.open::<N>(begin).await?;
        // A layer that has no session on this path does not hide one that has.
        if session.is_some() || found::<N>(head.extensions()).is_none() {
            head.extensions_mut().insert(session.clone());
        }
        Ok((AbandonOnDrop(session), Request::from_parts(head.into_parts().0, body)))
    }

    /// Two layers with one marker or one cookie name would undo each other's work. With one secret, a
    /// user could present the one's cookie as the other's.
    fn sign_in(&self, extensions: &mut Extensions) -> Result<(), Error> {
        let outer = extensions.remove::<Layers>().map(Arc::new);
        let marker = TypeId::of::<N>();
        let layers = Layers { config: self.sessions.config().clone(), marker, outer };
        let clashes =
            |layer: &Layers| layer.marker == marker || layer.config.clashes(&layers.config);
        if iter::successors(layers.outer.as_deref(), |layer| layer.outer.as_deref()).any(clashes) {
            return Err(Error::LayeredTwice);
        }
        extensions.insert(layers);
        Ok(())
    }

    /// Closes the session and puts the cookie onto the response.
    async fn close(&self, opened: AbandonOnDrop<N>, mut response: Response<B>) -> Response<B> {
        let Some(session) = &opened.0 else { return response };
        match self.sessions.close(session).await {
            Ok(outcome) => {
                outcome.apply(response.headers_mut());
                response.extensions_mut().insert(outcome);
                response
            }
            Err(error) => self.refuse(error),
        }
    }
}

/// A session layer that a request went through, and those before it.
#[derive(Clone)]
struct Layers {
    config: Config,
    marker: TypeId,
    outer: Option<Arc<Self>>,
}

impl<S, B, N> Layer<S> for SessionLayer<B, N> {
    type Service = SessionService<S, B, N>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, layer: self.clone() }
    }
}

/// A service with sessions; made by [`SessionLayer`].
#[derive_where(Clone, Debug; S)]
pub struct SessionService<S, B, N = Main> {
    inner: S,
    layer: SessionLayer<B, N>,
}

impl<S, B, N, R> Service<Request<R>> for SessionService<S, B, N>
where
    S: Service<Request<R>, Response = Response<B>, Future: Send, Error: Send>,
    S: Clone + Send + 'static,
    B: Send + 'static,
    N: 'static,
    R: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        // The clone is for the next request: readiness belongs to the one that was polled.
        let clone = self.inner.clone();
        let (mut inner, layer) = (mem::replace(&mut self.inner, clone), self.layer.clone());
        Box::pin(async move {
            match layer.open(request).await {
                Ok((opened, request)) => {
                    let response = inner.call(request).await?;
                    Ok(layer.close(opened, response).await)
                }
                Err(error) => Ok(layer.refuse(error)),
            }
        })
    }
}

/// The session among a request's extensions, loaded: what an adapter's extractor returns. `None` on a path
/// outside of the cookie's path.
///
/// # Errors
/// [`NoLayer`](http_session_store::core::Error::NoLayer), and those of [`Session::load`].
pub async fn session_of<N: 'static>(extensions: &Extensions) -> Result<Option<Session<N>>, Error> {
    let session = found::<N>(extensions).ok_or(Error::NoLayer)?;
    if let Some(session) = &session {
        session.load().await?;
    }
    Ok(session)
}

fn found<N: 'static>(extensions: &Extensions) -> Option<Option<Session<N>>> {
    extensions.get().cloned()
}
