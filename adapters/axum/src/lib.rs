#![doc = include_str!("../README.md")]

use std::ops::Deref;

use axum::body::Body;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use derive_where::derive_where;
use http_session_tower::session_of;

pub use http_session_store as store;
pub use http_session_store::prelude::*;

/// The layer that gives every route its session. Add it with `Router::layer`, after the routes and
/// the fallback.
///
/// It is tower's layer with axum's [`OriginalUri`], so that the cookie's path is compared with the
/// request's own path in a nested router as well (B-037).
pub fn session_layer(config: Config, store: impl Store + 'static) -> SessionLayer {
    session_layer_from(Sessions::new(config, store))
}

/// As [`session_layer`], for [`Sessions`] that something else uses as well.
pub fn session_layer_from(sessions: Sessions) -> SessionLayer {
    SessionLayer::from(sessions)
        .original_uri(|extensions| extensions.get::<OriginalUri>().map(|original| &original.0))
}

/// tower's layer with axum's body.
pub type SessionLayer<N = Main> = http_session_tower::SessionLayer<Body, N>;

/// The session of the request, as an extractor: everything that
/// [`http_session_store::Session`] can do.
///
/// On a path outside of the cookie's path there is none: extract `Option<Session>` there.
#[derive_where(Clone, Debug)]
pub struct Session<N = Main>(store::Session<N>);

impl<N> Deref for Session<N> {
    type Target = store::Session<N>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Sync, N: 'static> FromRequestParts<S> for Session<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let session = session_of(&parts.extensions).await?;
        Ok(Self(session.ok_or(store::Error::PathMismatch)?))
    }
}

impl<S: Sync, N: 'static> OptionalFromRequestParts<S> for Session<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        Ok(session_of(&parts.extensions).await?.map(Self))
    }
}

/// An error of the session, as a response: a handler that returns `Result<_, Error>` may use `?`.
///
/// It is logged as a response is made of it. The response has the error's status and its text, which
/// shows neither ids nor data, and the [`store::Error`] among its extensions, for a middleware outside of
/// the layer that writes another page. Clones are the same error.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(pub store::Error);

impl<E> From<E> for Error
where
    store::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        store::report(&self.0);
        let mut response = (self.0.status(), self.to_string()).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}
