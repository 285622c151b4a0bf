#![doc = include_str!("../README.md")]

mod error;
mod fairing;

use std::ops::Deref;
use std::thread;

use derive_where::derive_where;
use rocket::request::{FromRequest, Outcome as Guard};
use rocket::{Ignite, Request, Rocket, Sentinel};

pub use http_session_store as store;
pub use http_session_store::prelude::*;

pub use self::error::Error;
pub use self::fairing::{SessionFairing, outcome, session_fairing, session_fairing_from};

/// The session of the request, as a guard: everything that
/// [`http_session_store::Session`] can do.
///
/// On a path outside of the cookie's path there is none: ask for `Option<Session>` there. It is `None`
/// after a failed load as well, where `Result<Session, Error>` tells one from the other; in any case the
/// client then gets a failure, whatever the handler answers.
///
/// An application whose routes ask for it does not launch without the [`SessionFairing`] of its marker.
///
/// If a handler panics while it holds it, nothing of the request's session is saved.
#[derive_where(Clone, Debug)]
pub struct Session<N = Main>(store::Session<N>);

impl<N> Deref for Session<N> {
    type Target = store::Session<N>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Rocket catches a panic and does not tell: the handle is the one that sees it.
impl<N> Drop for Session<N> {
    fn drop(&mut self) {
        if thread::panicking() {
            Sessions::abandon(&self.0);
        }
    }
}

#[rocket::async_trait]
impl<'r, N: 'static> FromRequest<'r> for Session<N> {
    type Error = Error;

    async fn from_request(request: &'r Request<'_>) -> Guard<Self, Error> {
        let error = match SessionFairing::<N>::of(request.rocket()) {
            None => Error::logged(store::Error::NoLayer),
            Some(fairing) => match fairing.opened(request).await {
                Ok(Some(session)) => match session.load().await {
                    Ok(()) => return Guard::Success(Self(session.clone())),
                    Err(error) => Error::logged(error),
                },
                Ok(None) => store::Error::PathMismatch.into(),
                Err(error) => error.clone(),
            },
        };
        Guard::Error((error.response_status(), error))
    }
}

impl<N: 'static> Sentinel for Session<N> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        SessionFairing::<N>::of(rocket).is_none()
    }
}
