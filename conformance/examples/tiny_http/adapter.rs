//! Sessions for tiny_http, a server that blocks: the whole adapter.
//!
//! Its header lines are ASCII: a request with any other line does not get here, tiny_http closes its
//! connection.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, VARY};
use http_session_store::core::{Begin, Connection, Outcome, RequestFacts};
use http_session_store::{AbandonOnDrop, Error, Main, Session, Sessions, report};
use pollster::block_on;
use tiny_http::{Header, Request, Response, ResponseBox, Server};

/// What a handler finds its session in.
#[derive(Debug)]
pub struct Visit(AbandonOnDrop<Main>);

impl Visit {
    /// The request's session, loaded.
    ///
    /// # Errors
    /// [`Error::PathMismatch`]: there is none on this path. [`Error::Store`], [`Error::Record`],
    /// [`Error::Id`]: it could not be loaded.
    pub fn session(&self) -> Result<&Session, Error> {
        let session = self.0.0.as_ref().ok_or(Error::PathMismatch)?;
        block_on(session.load())?;
        Ok(session)
    }
}

/// Answers requests until the server is unblocked, one after the other: each worker thread calls it.
pub fn serve<H>(server: &Server, sessions: &Sessions, handler: H)
where
    H: Fn(&mut Request, &Visit) -> Result<ResponseBox, Error>,
{
    for request in server.incoming_requests() {
        // After a panic nothing is saved, and tiny_http answers a request that is dropped with a 500.
        // An error says that the client went away.
        let _ = catch_unwind(AssertUnwindSafe(|| respond(sessions, request, &handler)));
    }
}

/// Answers one request: with the handler's response once its session is saved, or with a failure.
///
/// # Errors
/// The response could not be sent.
pub fn respond<H>(sessions: &Sessions, mut request: Request, handler: H) -> io::Result<()>
where
    H: FnOnce(&mut Request, &Visit) -> Result<ResponseBox, Error>,
{
    let answer = answer(sessions, &mut request, handler);
    request.respond(answer.unwrap_or_else(|error| refusal(sessions, &error)))
}

fn answer<H>(sessions: &Sessions, request: &mut Request, handler: H) -> Result<ResponseBox, Error>
where
    H: FnOnce(&mut Request, &Visit) -> Result<ResponseBox, Error>,
{
    let begin = begin(sessions, request);
    let visit = Visit(AbandonOnDrop(block_on(sessions.open(begin))?));
    let response = handler(request, &visit).unwrap_or_else(|error| {
        report(&error);
        let status = error.status().as_u16();
        Response::from_string(error.to_string()).with_status_code(status).boxed()
    });
    Ok(match &visit.0.0 {
        Some(session) => apply(&block_on(sessions.close(session))?, response),
        None => response,
    })
}

fn begin(sessions: &Sessions, request: &Request) -> Begin {
    let lines = |name| {
        let headers = request.headers().iter().filter(move |header| header.field.equiv(name));
        headers.map(|header| header.value.as_bytes())
    };
    let connection = if request.secure() { Connection::Encrypted } else { Connection::Plain };
    let facts = RequestFacts { connection, ..RequestFacts::read(path(request.url()), lines) };
    sessions.config().begin(&facts, lines("cookie"), sessions.now())
}

/// The path of a request target: of `/path?query`, or of `http://host/path?query`.
fn path(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or(target);
    match path.split_once("://") {
        Some((_, rest)) if !path.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => path,
    }
}

/// [`Outcome::apply`] for a response of tiny_http: on a copy of the lines that it may change.
fn apply(outcome: &Outcome, response: ResponseBox) -> ResponseBox {
    let (mut lines, mut copy) = (Vec::new(), HeaderMap::new());
    for header in response.headers() {
        let name =
            [CACHE_CONTROL, VARY].into_iter().find(|name| name == header.field.as_str().as_str());
        match (name, HeaderValue::from_bytes(header.value.as_bytes())) {
            (Some(name), Ok(value)) => {
                copy.append(name, value);
            }
            _ => lines.push(header.clone()),
        }
    }
    outcome.apply(&mut copy);
    lines.extend(copy.iter().map(|(name, value)| line(name.as_str(), value.as_bytes())));
    let (status, length) = (response.status_code(), response.data_length());
    let threshold = response.chunked_threshold();
    Response::new(status, lines, response.into_reader(), length, None)
        .with_chunked_threshold(threshold)
}

/// The response in place of the handler's: nothing of the error but its status.
fn refusal(sessions: &Sessions, error: &Error) -> ResponseBox {
    let mut response = Response::empty(error.status().as_u16());
    if !sessions.config().has_quirks() {
        response.add_header(line("Vary", b"Cookie"));
    }
    response.boxed()
}

fn line(name: &str, value: &[u8]) -> Header {
    Header::from_bytes(name, value).expect("the session's lines are ASCII")
}
