//! Sessions for tiny_http, a server that blocks: the whole adapter.
//!
//! Its header lines are ASCII: a request with any other line does not get here, tiny_http closes its
//! connection.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http_session_store::core::{Begin, Connection, Headers, RequestFacts};
use http_session_store::http::{HeaderName, HeaderValue};
use http_session_store::{AbandonOnDrop, Error, Session, Sessions, report};
use pollster::block_on;
use tiny_http::{Header, Request, Response, ResponseBox, Server};

/// What a handler finds its session in.
#[derive(Debug)]
pub struct Visit(AbandonOnDrop);

impl Visit {
    /// The request's session, loaded.
    ///
    /// # Errors
    /// [`Error::PathMismatch`]: there is none on this path. [`Error::Store`], [`Error::Record`],
    /// [`Error::Id`]: it could not be loaded.
    pub fn session(&self) -> Result<&Session, Error> {
        let session = self.0.session()?;
        block_on(session.load())?;
        Ok(session)
    }
}

/// Answers a request whose session it finds in the [`Visit`].
pub type Handler<'a> = &'a dyn Fn(&mut Request, &Visit) -> Result<ResponseBox, Error>;

/// Answers requests until the server is unblocked, one after the other: each worker thread calls it.
pub fn serve(server: &Server, sessions: &Sessions, handler: Handler<'_>) {
    for request in server.incoming_requests() {
        // After a panic nothing is saved, and tiny_http answers a request that is dropped with a 500.
        // An error says that the client went away.
        let _ = catch_unwind(AssertUnwindSafe(|| respond(sessions, request, handler)));
    }
}

fn respond(sessions: &Sessions, mut request: Request, handler: Handler<'_>) -> io::Result<()> {
    let response = answer(sessions, &mut request, handler).unwrap_or_else(|error| {
        // In place of the handler's response: nothing of the error but its status.
        let response = Response::empty(error.status().as_u16()).boxed();
        change(response, |lines| sessions.config().mark_failure(lines))
    });
    request.respond(response)
}

fn answer(
    sessions: &Sessions,
    request: &mut Request,
    handler: Handler<'_>,
) -> Result<ResponseBox, Error> {
    let visit = Visit(AbandonOnDrop(block_on(sessions.open(begin(sessions, request)))?));
    let response = handler(request, &visit).unwrap_or_else(|error| {
        report(&error);
        let status = error.status().as_u16();
        Response::from_string(error.to_string()).with_status_code(status).boxed()
    });
    let Ok(session) = visit.0.session() else { return Ok(response) };
    let outcome = block_on(sessions.close(session))?;
    Ok(change(response, |lines| outcome.apply(lines)))
}

fn begin(sessions: &Sessions, request: &Request) -> Begin {
    let lines = |name| {
        let headers = request.headers().iter().filter(move |header| header.field.equiv(name));
        headers.map(|header| header.value.as_bytes())
    };
    let connection = if request.secure() { Connection::Encrypted } else { Connection::Plain };
    let path = RequestFacts::path_of(request.url());
    let facts = RequestFacts { connection, ..RequestFacts::read(path, lines) };
    sessions.config().begin(&facts, lines("cookie"), sessions.now())
}

/// The response with other header lines.
fn change(response: ResponseBox, change: impl FnOnce(&mut Lines)) -> ResponseBox {
    let mut lines = Lines(response.headers().to_vec());
    change(&mut lines);
    let (status, length) = (response.status_code(), response.data_length());
    let threshold = response.chunked_threshold();
    Response::new(status, lines.0, response.into_reader(), length, None)
        .with_chunked_threshold(threshold)
}

struct Lines(Vec<Header>);

impl Headers for Lines {
    fn append(&mut self, name: HeaderName, line: HeaderValue) {
        // What comes here is ASCII: it is a line of tiny_http's, too.
        self.0.extend(Header::from_bytes(name.as_str(), line.as_bytes()));
    }

    fn lines(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        let named = self.0.iter().filter(move |header| name == header.field.as_str().as_str());
        named.map(|header| header.value.as_bytes())
    }

    fn replace(&mut self, name: HeaderName, line: HeaderValue) {
        self.0.retain(|header| name != header.field.as_str().as_str());
        self.append(name, line);
    }
}
