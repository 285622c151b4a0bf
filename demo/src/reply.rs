//! What the demo answers.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Response, StatusCode};

/// An answer, in plain terms: axum and warp take it as it is.
pub type Reply = Response<String>;

/// A text for a person.
pub(crate) fn told(status: StatusCode, text: impl Into<String>) -> Reply {
    let mut reply = Response::new(text.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}

/// What nobody keeps.
pub(crate) fn file(kind: &'static str, text: &str) -> Reply {
    let mut reply = Response::new(text.into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A form's answer sends the browser back to the page (303), so that reloading the page does not send
/// the form again.
pub(crate) fn to_the_page() -> Reply {
    let mut reply = Response::default();
    *reply.status_mut() = StatusCode::SEE_OTHER;
    reply.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    reply
}
