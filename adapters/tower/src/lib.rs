#![doc = include_str!("../README.md")]

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response, Uri};
use http_session_store::core::{Config, CookieTemplate, RequestFacts, cookie_lines};
use http_session_store::{Env, Error, Main, Session, Sessions, Store, to_the_end};
use tower_layer::Layer;
use tower_service::Service;

pub use http_session_store as store;

type TemplateFor = dyn Fn(&Request<()>) -> Arc<CookieTemplate> + Send + Sync;

/// Gives every request its session: loads it before the service, saves it after the response's head
/// is known and before a byte of it goes out.
///
/// The service finds a [`Session<N>`] among the request's extensions, and whoever looks at the
/// response finds the [`Origin`](http_session_store::core::Origin) of the session and the
/// [`Decision`](http_session_store::core::Decision) among the response's.
///
/// - A failed load is a failed request: the service is not called.
/// - A failed save replaces the response: no session cookie is sent.
/// - A service that returned an error or panicked, or a client that went away before the response's
///   head was known: nothing is saved. After that the save completes, whatever the client does.
pub struct SessionLayer<N = Main, F = EmptyBody> {
    cookie_for: Option<Arc<TemplateFor>>,
    marker: PhantomData<fn() -> N>,
    on_error: F,
    original_uri: fn(&Extensions) -> Option<&Uri>,
    sessions: Sessions,
}

impl SessionLayer {
    /// With the system's clock and random source, for an application with one session.
    #[must_use]
    pub fn new(config: Config, store: impl Store) -> Self {
        Self::from_sessions(Sessions::new(config, store))
    }

    /// For sessions that something else uses as well.
    #[must_use]
    pub fn from_sessions(sessions: Sessions) -> Self {
        Self {
            cookie_for: None,
            marker: PhantomData,
            on_error: EmptyBody,
            original_uri: |_| None,
            sessions,
        }
    }
}

impl<N, F> SessionLayer<N, F> {
    /// Cookie options by request: express-session's `cookie` function (B-017, B-031). It is asked
    /// once for each request.
    #[must_use]
    pub fn cookie_for(
        mut self,
        cookie_for: impl Fn(&Request<()>) -> Arc<CookieTemplate> + Send + Sync + 'static,
    ) -> Self {
        self.cookie_for = Some(Arc::new(cookie_for));
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
    pub fn marker<M>(self) -> SessionLayer<M, F> {
        let Self { cookie_for, marker: _, on_error, original_uri, sessions } = self;
        SessionLayer { cookie_for, marker: PhantomData, on_error, original_uri, sessions }
    }

    /// What the client gets when a session can't be loaded or saved. Default: the error's
    /// [`status`](Error::status) with an empty body.
    #[must_use]
    pub fn on_error<B, G>(self, on_error: G) -> SessionLayer<N, G>
    where
        G: Fn(&Error) -> Response<B> + Clone,
    {
        let Self { cookie_for, marker, on_error: _, original_uri, sessions } = self;
        SessionLayer { cookie_for, marker, on_error, original_uri, sessions }
    }

    /// Where a router that takes prefixes off keeps the request's own URI: the cookie's path is
    /// compared with that (B-037).
    #[must_use]
    pub fn original_uri(mut self, original_uri: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.original_uri = original_uri;
        self
    }
}

impl<N, F: Clone> Clone for SessionLayer<N, F> {
    fn clone(&self) -> Self {
        Self {
            cookie_for: self.cookie_for.clone(),
            marker: PhantomData,
            on_error: self.on_error.clone(),
            original_uri: self.original_uri,
            sessions: self.sessions.clone(),
        }
    }
}

impl<N, F> fmt::Debug for SessionLayer<N, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

impl<S, N, F: Clone> Layer<S> for SessionLayer<N, F> {
    type Service = SessionService<S, N, F>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, layer: self.clone() }
    }
}

/// Makes the response when a session can't be loaded or saved: every function from an [`Error`] to
/// a response does.
pub trait OnError<B> {
    /// The response that the client gets.
    fn response(&self, error: &Error) -> Response<B>;
}

impl<B, F: Fn(&Error) -> Response<B>> OnError<B> for F {
    fn response(&self, error: &Error) -> Response<B> {
        self(error)
    }
}

/// The error's status with an empty body: what went wrong is for the log, not for the client.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> OnError<B> for EmptyBody {
    fn response(&self, error: &Error) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = error.status();
        response
    }
}

/// A service with sessions; made by [`SessionLayer`].
pub struct SessionService<S, N = Main, F = EmptyBody> {
    inner: S,
    layer: SessionLayer<N, F>,
}

impl<S: Clone, N, F: Clone> Clone for SessionService<S, N, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, N, F> fmt::Debug for SessionService<S, N, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<S, N, F, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S, N, F>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    N: 'static,
    F: OnError<ResBody> + Clone + Send + Sync + 'static,
    ReqBody: Send + 'static,
    ResBody: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The clone is for the next request: readiness belongs to the one that was polled.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (session, request) = match layer.open(request).await {
                Ok(opened) => opened,
                Err(error) => return Ok(layer.refuse(&error)),
            };
            let Some(session) = session else { return inner.call(request).await };
            let session = Abandon(session);
            let origin = session.0.origin();
            let response = inner.call(request).await?;
            Ok(match layer.close(session).await {
                Ok(outcome) => {
                    let mut response = response;
                    outcome.apply(response.headers_mut());
                    response.extensions_mut().insert(outcome.decision());
                    if let Ok(origin) = origin {
                        response.extensions_mut().insert(origin);
                    }
                    response
                }
                Err(error) => layer.refuse(&error),
            })
        })
    }
}

impl<N: 'static, F> SessionLayer<N, F> {
    /// Opens the request's session and puts it among the request's extensions.
    async fn open<B>(
        &self,
        request: Request<B>,
    ) -> Result<(Option<Session<N>>, Request<B>), Error> {
        let (head, body) = request.into_parts();
        let mut head = Request::from_parts(head, ());
        self.sign_in(head.extensions_mut())?;
        let begin = {
            let mut facts = RequestFacts::of(&head);
            if let Some(uri) = (self.original_uri)(head.extensions()) {
                facts.path = uri.path();
            }
            facts.template = self.cookie_for.as_ref().map(|cookie_for| cookie_for(&head));
            let now = self.sessions.environment().now();
            self.sessions.config().begin(&facts, cookie_lines(head.headers()), now)
        };
        let session = self.sessions.open::<N>(begin).await?;
        match &session {
            Some(session) => head.extensions_mut().insert(session.clone()).map(drop),
            None => head.extensions_mut().insert(NoSessionHere::<N>(PhantomData)).map(drop),
        };
        let (head, ()) = head.into_parts();
        Ok((session, Request::from_parts(head, body)))
    }

    /// Two layers with one marker or one cookie name would undo each other's work.
    fn sign_in(&self, extensions: &mut Extensions) -> Result<(), Error> {
        let mut layers = extensions.remove::<Layers>().unwrap_or_default();
        let name = self.sessions.config().name();
        let marker = TypeId::of::<N>();
        if layers.0.iter().any(|layer| &*layer.name == name || layer.marker == marker) {
            return Err(Error::LayeredTwice);
        }
        layers.0.push(Signed { name: name.into(), marker });
        extensions.insert(layers);
        Ok(())
    }

    /// From here on the client may go away: the save completes.
    async fn close(&self, session: Abandon<N>) -> Result<http_session_store::core::Outcome, Error> {
        let sessions = self.sessions.clone();
        to_the_end(async move { sessions.close(&session.0).await }).await
    }

    fn refuse<B>(&self, error: &Error) -> Response<B>
    where
        F: OnError<B>,
    {
        self.on_error.response(error)
    }
}

/// Closes the handle of a request that ends without a decision: a panic, an error of the service, a
/// client that went away. After a decision it is closed already.
struct Abandon<N>(Session<N>);

impl<N> Drop for Abandon<N> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The session layers that a request went through.
#[derive(Clone, Default)]
struct Layers(Vec<Signed>);

#[derive(Clone)]
struct Signed {
    marker: TypeId,
    name: Box<str>,
}

/// Says that a layer was there and that the path is outside of its cookie's path.
struct NoSessionHere<N>(PhantomData<fn() -> N>);

impl<N> Clone for NoSessionHere<N> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

/// The session among a request's extensions: what an adapter's extractor returns. `None` on a path
/// outside of the cookie's path.
///
/// # Errors
/// [`Error::NoLayer`].
pub fn session_of<N: 'static>(extensions: &Extensions) -> Result<Option<Session<N>>, Error> {
    match (extensions.get::<Session<N>>(), extensions.get::<NoSessionHere<N>>()) {
        (Some(session), _) => Ok(Some(session.clone())),
        (None, Some(_)) => Ok(None),
        (None, None) => Err(Error::NoLayer),
    }
}
