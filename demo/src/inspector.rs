//! Looks on: what each request presented, what was decided, and what the browser got. Whoever has a
//! whole session id has the session, so only beginnings show.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use http::StatusCode;

use crate::lock;
use crate::spy::Operation;

/// How many requests are remembered.
const ENTRIES: usize = 12;

/// The last requests, the newest first.
#[derive(Default)]
pub(crate) struct Inspector(Mutex<Log>);

#[derive(Default)]
pub(crate) struct Log {
    count: u64,
    entries: VecDeque<Entry>,
}

/// One request, and what became of its session.
pub(crate) struct Entry {
    /// What the response says of the session: cookie and caches.
    pub(crate) headers: Vec<String>,
    pub(crate) method: String,
    pub(crate) number: u64,
    pub(crate) operations: Vec<Operation>,
    pub(crate) path: String,
    /// The session cookie that the browser sent.
    pub(crate) presented: Option<String>,
    pub(crate) status: StatusCode,
    /// What the library's log says: `origin`, `store` and `cookie` with their reasons, or an `error`.
    pub(crate) told: BTreeMap<&'static str, String>,
}

impl Inspector {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.0)
    }

    pub(crate) fn push(&self, entry: Entry) {
        self.log().push(entry);
    }
}

impl Log {
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    fn push(&mut self, mut entry: Entry) {
        self.count += 1;
        entry.number = self.count;
        self.entries.push_front(entry);
        self.entries.truncate(ENTRIES);
    }
}

/// The session cookie among the request's, shortened.
pub(crate) fn presented(cookies: &str, name: &str) -> Option<String> {
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.find(|(key, _)| *key == name);
    found.map(|(name, value)| format!("{name}={}", shorten_value(value)))
}

/// Of a response's headers those that are about the session. The demo sets no cookies of its own.
pub(crate) fn shown<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Vec<String> {
    let headers: Vec<_> = headers.into_iter().collect();
    let lines = ["Set-Cookie", "Cache-Control", "Vary"].into_iter().flat_map(|title| {
        let lines = headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(title));
        lines.map(move |(_, value)| match title {
            "Set-Cookie" => format!("{title}: {}", shorten_line(value)),
            _ => format!("{title}: {value}"),
        })
    });
    lines.collect()
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
pub(crate) fn shorten(id: &str) -> String {
    id.chars().take(6).chain(['…']).collect()
}
