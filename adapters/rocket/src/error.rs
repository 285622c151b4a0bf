//! Errors as responses.

use std::ops::Deref;
use std::{error, fmt};

use rocket::Request;
use rocket::http::Status;
use rocket::response::{self, Responder};

use crate::store;

/// An error of the session, as a response: a handler that returns `Result<_, Error>` may use `?`.
///
/// It is logged as a response is made of it. The response has the error's status and its text, which
/// shows neither ids nor data. Clones are the same error.
#[derive(Clone)]
pub struct Error {
    error: store::Error,
    logged: bool,
}

impl Error {
    /// One that was logged already.
    pub(crate) fn logged(error: store::Error) -> Self {
        Self { error, logged: true }
    }

    pub(crate) fn response_status(&self) -> Status {
        Status::new(self.status().as_u16())
    }
}

impl<E> From<E> for Error
where
    store::Error: From<E>,
{
    fn from(error: E) -> Self {
        Self { error: error.into(), logged: false }
    }
}

impl Deref for Error {
    type Target = store::Error;

    fn deref(&self) -> &store::Error {
        &self.error
    }
}

/// As its text: Rocket logs a failed guard's error so.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.error.source()
    }
}

impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        if !self.logged {
            store::report(&self);
        }
        (self.response_status(), self.to_string()).respond_to(request)
    }
}
