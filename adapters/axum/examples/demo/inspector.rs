//! Looks on: what each request presented, what was decided, and what the browser got. Whoever has a
//! whole session id has the session, so only beginnings show.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_session_axum::Outcome;
use http_session_axum::core::{Decision, Origin, cookie_lines};
use http_session_axum::store::Error as SessionError;

use super::page::{self, Page};
use super::spy::{Operation, watched};
use super::{Demo, lock};

/// How many requests are remembered.
const ENTRIES: usize = 12;

/// The last requests, the newest first.
#[derive(Default)]
pub(super) struct Inspector(Mutex<Log>);

#[derive(Default)]
pub(super) struct Log {
    count: u64,
    entries: VecDeque<Entry>,
}

/// One request, and what became of its session.
pub(super) struct Entry {
    /// Why there is no decision.
    pub(super) failure: Option<String>,
    /// What the response says of the session: cookie and caches.
    pub(super) headers: Vec<String>,
    pub(super) method: Method,
    pub(super) number: u64,
    pub(super) operations: Vec<Operation>,
    pub(super) outcome: Option<(Origin, Decision)>,
    pub(super) path: String,
    /// The session cookie that the browser sent.
    pub(super) presented: Option<String>,
    pub(super) status: StatusCode,
}

impl Inspector {
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.0)
    }
}

impl Log {
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn push(&mut self, mut entry: Entry) {
        self.count += 1;
        entry.number = self.count;
        self.entries.push_front(entry);
        self.entries.truncate(ENTRIES);
    }
}

/// The middleware around the session layer. The layer leaves what it decided among the response's
/// extensions.
pub(super) async fn inspect(
    State(demo): State<Arc<Demo>>,
    request: Request,
    next: Next,
) -> Response {
    let current = demo.current();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let presented = presented(request.headers(), current.config.name());
    let (mut response, seen) = watched(current.options, next.run(request)).await;
    let extensions = response.extensions();
    let outcome = extensions.get::<Outcome>();
    let origin = outcome.map(Outcome::origin);
    demo.inspector.log().push(Entry {
        failure: extensions.get::<SessionError>().map(|error| error.to_string()),
        headers: headers(outcome, response.headers()),
        method,
        number: 0,
        operations: seen.operations,
        outcome: outcome.map(|outcome| (outcome.origin(), outcome.decision())),
        path,
        presented,
        status: response.status(),
    });
    // The page tells of its own request, too: so it can't be written before.
    let Some(page) = response.extensions_mut().remove::<Page>() else { return response };
    let html = page::render(&demo, &page, origin, seen.ended);
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    (head, Body::from(html)).into_response()
}

/// The session cookie among the request's, shortened.
fn presented(headers: &HeaderMap, name: &str) -> Option<String> {
    cookie_lines(headers)
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(|pair| str::from_utf8(pair).ok()?.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(name, value)| format!("{name}={}", shorten_value(value)))
}

fn headers(outcome: Option<&Outcome>, headers: &HeaderMap) -> Vec<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let cookie = outcome.and_then(Outcome::set_cookie);
    let cookie = cookie.map(|line| format!("Set-Cookie: {}", shorten_line(&text(line))));
    let caches = [("Cache-Control", CACHE_CONTROL), ("Vary", VARY)].into_iter();
    let caches = caches.flat_map(|(title, name)| {
        headers.get_all(name).iter().map(move |value| format!("{title}: {}", text(value)))
    });
    cookie.into_iter().chain(caches).collect()
}

/// A Set-Cookie line, its value shortened.
fn shorten_line(line: &str) -> String {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    format!("{name}={};{attributes}", shorten_value(value))
}

/// `s%3A` marks a signed value; the id and its signature follow. A line that clears the cookie has
/// none.
fn shorten_value(value: &str) -> String {
    match value.strip_prefix("s%3A") {
        Some(signed) => format!("s:{}", shorten(signed)),
        None if value.is_empty() => String::new(),
        None => shorten(value),
    }
}

/// 6 of an id's 32 characters tell one from the other, and nobody can use them.
pub(super) fn shorten(id: &str) -> String {
    id.chars().take(6).chain(['…']).collect()
}
