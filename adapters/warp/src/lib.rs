#![doc = include_str!("../README.md")]

mod error;
mod serve;

use warp::reject::custom;
use warp::{Filter, Rejection};

pub use http_session_store as store;
pub use http_session_store::Session;
pub use http_session_store::prelude::*;
pub use tower_layer::Layer;

pub use self::error::{Error, recover};
pub use self::serve::{RemoteAddr, remote, serve, serve_until};

/// The layer that gives every route its session. Put it around all routes as one service:
/// `session_layer(config, store).layer(warp::service(routes))`.
pub fn session_layer(config: Config, store: impl Store + 'static) -> SessionLayer {
    session_layer_from(Sessions::new(config, store))
}

/// As [`session_layer`], for [`Sessions`] that something else uses as well.
pub fn session_layer_from(sessions: Sessions) -> SessionLayer {
    SessionLayer::from(sessions)
}

/// tower's layer with warp's body.
pub type SessionLayer<N = Main> = http_session_tower::SessionLayer<Body, N>;

/// The body of a [`warp::reply::Response`], for which warp has no public name.
pub type Body = <warp::reply::Response as HasBody>::Body;

/// What gives [`Body`] its name.
#[doc(hidden)]
pub trait HasBody {
    /// The response's body.
    type Body;
}

impl<B> HasBody for http::Response<B> {
    type Body = B;
}

/// A filter that extracts the request's session. Put it after the filters of path and method: its
/// rejection is a 500, whatever other routes there are.
///
/// # Errors
/// Rejects with an [`Error`]: [`NoLayer`](store::Error::NoLayer), or
/// [`PathMismatch`](store::Error::PathMismatch) on a path outside of the cookie's path, where there is
/// [`optional_session`].
pub fn session() -> impl Filter<Extract = (Session,), Error = Rejection> + Copy {
    session_of()
}

/// As [`session`], for the layer with the marker `N`.
///
/// # Errors
/// As [`session`].
pub fn session_of<N: 'static>() -> impl Filter<Extract = (Session<N>,), Error = Rejection> + Copy {
    optional_session_of().and_then(async |session: Option<Session<N>>| {
        session.ok_or(store::Error::PathMismatch).map_err(reject)
    })
}

/// A filter that extracts the request's session, or `None` on a path outside of the cookie's path.
///
/// # Errors
/// Rejects with an [`Error`]: [`NoLayer`](store::Error::NoLayer), or those of [`Session::load`].
pub fn optional_session() -> impl Filter<Extract = (Option<Session>,), Error = Rejection> + Copy {
    optional_session_of()
}

/// As [`optional_session`], for the layer with the marker `N`.
///
/// # Errors
/// As [`optional_session`].
pub fn optional_session_of<N: 'static>()
-> impl Filter<Extract = (Option<Session<N>>,), Error = Rejection> + Copy {
    warp::ext::optional().and_then(async |found: Option<Option<Session<N>>>| {
        let session = found.ok_or(store::Error::NoLayer).map_err(reject)?;
        if let Some(session) = &session {
            session.load().await.map_err(reject)?;
        }
        Ok::<_, Rejection>(session)
    })
}

fn reject(error: store::Error) -> Rejection {
    custom(Error(error))
}
