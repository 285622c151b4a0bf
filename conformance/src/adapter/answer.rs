//! What came back.

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use hyper::body::Bytes;

use crate::client::latin1;
use crate::suite::{Flaw, Outcome, ensure};

/// A response, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) status: StatusCode,
}

impl Answer {
    /// Is it this status and this body?
    pub(super) fn is(&self, case: &str, status: u16, body: &str) -> Outcome {
        self.has_status(case, status)?;
        let found = latin1(&self.body);
        ensure(found == body, case, &format!("the body {body:?}"), format!("{found:?}"))
    }

    pub(super) fn has_status(&self, case: &str, status: u16) -> Outcome {
        let found = self.status.as_u16();
        // What the framework says of a failure is what its author looks for.
        let said = latin1(&self.body).chars().take(200).collect::<String>();
        let found_text =
            if said.is_empty() { found.to_string() } else { format!("{found}: {said:?}") };
        ensure(found == status, case, &format!("the status {status}"), found_text)
    }

    /// All lines of a header field, in Latin-1.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        self.headers.get_all(name).iter().map(|line| latin1(line.as_bytes())).collect()
    }

    /// The items of a header field that is a list.
    pub(super) fn items(&self, name: &str) -> Vec<String> {
        let lines = self.lines(name).join(",").to_ascii_lowercase();
        let items = lines.split(',').map(|item| item.trim().to_owned());
        items.filter(|item| !item.is_empty()).collect()
    }

    /// The pair of the only cookie of this name, as it is to be presented.
    pub(super) fn cookie(&self, case: &str, name: &str) -> Result<String, Flaw> {
        let lines = self.lines(SET_COOKIE.as_str());
        let ours = lines.iter().filter_map(|line| pair_of(line, name));
        let [pair] = ours.collect::<Vec<_>>()[..] else {
            let expected = format!("one Set-Cookie line for {name}");
            return Err(Flaw::new(case, expected, format!("{lines:?}")));
        };
        Ok(pair.into())
    }

    /// Sets no cookie of any name.
    pub(super) fn no_cookie(&self, case: &str) -> Outcome {
        let lines = self.lines(SET_COOKIE.as_str());
        ensure(lines.is_empty(), case, "no Set-Cookie line", format!("{lines:?}"))
    }

    /// Sets these cookies, to the byte and in this order, and ours of `name` last.
    pub(super) fn cookies(&self, case: &str, theirs: &[&str], name: &str) -> Outcome {
        let lines = self.lines(SET_COOKIE.as_str());
        let sound = match lines.split_last() {
            Some((ours, before)) => before == theirs && pair_of(ours, name).is_some(),
            None => false,
        };
        let expected = format!("the Set-Cookie lines {theirs:?}, and behind them ours");
        ensure(sound, case, &expected, format!("{lines:?}"))
    }
}

fn pair_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let pair = line.split(';').next().unwrap_or(line);
    pair.strip_prefix(name)?.starts_with('=').then_some(pair)
}
