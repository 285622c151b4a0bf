use std::fmt;

use http_session_store as store;
use warp::Rejection;
use warp::reject::Reject;
use warp::reply::{Reply, Response};

/// An error of the session, as a reply: a handler behind `then` that returns `Result<_, Error>` may
/// use `?`. It is a cause of a rejection as well; [`recover`] makes a reply of that.
///
/// It is logged as a reply is made of it. The reply has the error's status and its text, which shows
/// neither ids nor data, and the [`store::Error`] among its extensions, for a layer outside that writes
/// another page. Clones are the same error.
#[derive(Clone, thiserror::Error)]
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

/// The text alone: warp sends a rejection's `Debug` to the client.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Reject for Error {}

impl Reply for Error {
    fn into_response(self) -> Response {
        store::report(&self.0);
        let mut response =
            warp::reply::with_status(self.to_string(), self.0.status()).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// Makes a reply of a rejection that an [`Error`] caused: `routes.recover(recover)`. Without it, warp
/// answers with a 500, also where the error's own status is 409, and logs less.
///
/// # Errors
/// Gives back the rejection if it has another cause.
pub async fn recover(rejection: Rejection) -> Result<Error, Rejection> {
    match rejection.find::<Error>() {
        Some(error) => Ok(error.clone()),
        None => Err(rejection),
    }
}
