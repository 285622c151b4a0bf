//! Any bytes as a stored record: an error, or a session that comes back equal when it is written.
//!
//! The first byte holds the options; the record follows.

use std::sync::LazyLock;

use http_session::store::{Stored, Written};
use http_session::{
    Action, Begin, Config, ConfigBuilder, Error, Exchange, Pending, Record, RecordError,
    RequestFacts,
};
use http_session_model::OWN_NAMES;
use http_session_model::text::sign;
use serde_json::{Map, Value};

use crate::common::{SECRETS, encode_all, now};
use crate::line::Line;
use crate::premises::held;

/// A record as a store gives it, and the options it is read under.
#[derive(Debug)]
pub struct Input<'a> {
    quirks: bool,
    /// The data may have this many bytes alone.
    short: bool,
    /// The record.
    pub record: &'a [u8],
}

/// A loaded session, and the record that is made of it.
#[derive(Debug)]
pub struct Answer {
    /// The data.
    pub data: Map<String, Value>,
    /// The cookie, as records have it.
    pub cookie: Value,
    /// The beginning of the absolute timeout.
    pub created: Option<i64>,
    /// The record, or why it can't be written.
    pub written: Result<String, RecordError>,
    /// The Set-Cookie line, if there is one.
    line: Option<Vec<u8>>,
}

/// A session, none because its cookie has ended, or no record.
pub type Loaded = Result<Option<Answer>, RecordError>;

type Object = Map<String, Value>;

const LIMITS: [usize; 2] = [16 * 1024 * 1024, 60];
/// What a cookie adds to a record at most.
const COOKIE: usize = 4_096;
const CREATED: &str = "http-session:created";

/// One execution.
///
/// # Panics
/// On any violation.
pub fn run(bytes: &[u8]) {
    check(bytes, library);
}

/// The same with `subject` in the library's place.
///
/// # Panics
/// On any violation.
pub fn check(bytes: &[u8], subject: impl Fn(&Input<'_>) -> Loaded) {
    let Some((flags, record)) = bytes.split_first() else { return };
    let input = Input { quirks: flags & 1 == 0, short: flags & 2 != 0, record };
    let limit = LIMITS[usize::from(input.short)];
    let expected = read(record, limit);
    let answer = match (subject(&input), expected) {
        (Err(error), Err(expected)) => {
            assert_eq!(error, expected, "{input:?}");
            return held("an error");
        }
        (Ok(None), Ok((_, cookie))) => {
            let fixed = cookie.get("expires").is_some_and(Value::is_string)
                && !cookie.get("originalMaxAge").is_some_and(Value::is_number);
            assert!(fixed && !input.quirks, "{input:?}");
            return held("a session that has ended");
        }
        (Ok(Some(answer)), Ok((data, cookie))) => {
            let created = data.get(CREATED).and_then(Value::as_i64);
            let dates = -8_640_000_000_000_000..=8_640_000_000_000_000;
            assert_eq!(answer.created, created.filter(|at| dates.contains(at)), "{input:?}");
            let kept = data.into_iter().filter(|(key, _)| key != CREATED && !is_reserved(key));
            assert_eq!(answer.data, kept.collect::<Map<_, _>>(), "{input:?}");
            attributes(&answer.cookie, &cookie);
            answer
        }
        (answer, expected) => panic!("{answer:?} {expected:?} {input:?}"),
    };
    if let Some(line) = &answer.line {
        Line::read(line);
        held("a line with what the record says");
    }
    let data = serde_json::to_string(&answer.data).expect("JSON");
    assert_eq!(answer.written.is_err(), data.len() > limit, "{input:?}");
    let Ok(written) = &answer.written else { return held("too large to be written") };
    // An escape or an exponent may be written longer, by a factor and not by a power.
    assert!(written.len() <= 20 * record.len() + 512, "{} of {}", written.len(), record.len());
    let again = subject(&Input { record: written.as_bytes(), ..input });
    let again = again.expect("what was written can be read").expect("it has not ended");
    assert_eq!(again.data, answer.data);
    assert_eq!(again.created, answer.created);
    assert_eq!(again.cookie, answer.cookie, "{input:?}");
    assert_eq!(again.written, answer.written);
    held(if input.quirks {
        "written and read again, with quirks"
    } else {
        "written and read again"
    });
}

/// What the rules make of the record: its data, without the cookie, and the cookie.
fn read(record: &[u8], limit: usize) -> Result<(Object, Object), RecordError> {
    if record.len() > limit.saturating_add(COOKIE) {
        return Err(RecordError::TooLarge);
    }
    match serde_json::from_slice(record) {
        Ok(Value::Object(mut data)) => match data.remove("cookie") {
            Some(Value::Object(cookie)) => Ok((data, cookie)),
            _ => Err(RecordError::NoCookie),
        },
        _ => Err(RecordError::NotAnObject),
    }
}

/// The attributes are the record's, verbatim.
fn attributes(answer: &Value, record: &Map<String, Value>) {
    for name in ["partitioned", "priority", "secure", "httpOnly", "domain", "path", "sameSite"] {
        let default = match name {
            "httpOnly" => Some(Value::Bool(true)),
            "path" => Some("/".into()),
            _ => None,
        };
        assert_eq!(answer.get(name), record.get(name).or(default.as_ref()), "{name}");
    }
}

fn is_reserved(key: &str) -> bool {
    key == "cookie" || OWN_NAMES.contains(&key)
}

/// Loads the record, saves the session, and ends the request.
///
/// # Errors
/// The record can't be read.
///
/// # Panics
/// If what is left to do is not what it must be.
pub fn library(input: &Input<'_>) -> Loaded {
    static CONFIGS: LazyLock<[[Config; 2]; 2]> = LazyLock::new(|| {
        // No timeout: what a record says of its beginning and its end is all that there is.
        let build = |preset: ConfigBuilder| {
            let preset = preset.name("sid").rolling(true).timeouts(http_session::Timeouts::NONE);
            LIMITS
                .map(|limit| preset.clone().max_record_bytes(limit).build().expect("sound options"))
        };
        [build(Config::express(SECRETS[0])), build(Config::recommended(SECRETS[0]))]
    });
    static LINE: LazyLock<String> =
        LazyLock::new(|| format!("sid={}", encode_all(&format!("s:{}", sign("id", SECRETS[0])))));
    let config = &CONFIGS[usize::from(!input.quirks)][usize::from(input.short)];
    let connection = http_session::Connection::Encrypted;
    let request = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let Begin::Load(lookup) = config.begin(&request, [LINE.as_bytes()], now()) else {
        panic!("it was signed")
    };
    let mut exchange = match lookup.answer(Some(Stored::new(input.record)), now())? {
        Begin::Ready(exchange) => exchange,
        Begin::Create(_) => return Ok(None),
        other => panic!("{other:?}"),
    };
    let session = exchange.session().expect("a session");
    let (mut cookie, data) = (session.cookie().clone(), session.data().clone());
    if !input.quirks {
        // What is written has the lifetime that a touch gives.
        cookie.touch(now());
    }
    let cookie = serde_json::from_str(&cookie.to_json()).expect("JSON");
    let created = session.created().map(http_session::Timestamp::as_millis);
    let written = save(&mut exchange).map(|record| record.to_json());
    let line = written.is_ok().then(|| end(exchange)).flatten();
    Ok(Some(Answer { data, cookie, created, written, line }))
}

/// The record that a save writes.
fn save(exchange: &mut Exchange) -> Result<Record, RecordError> {
    let pending = match exchange.start::<()>(Action::Save, now()) {
        Ok(pending) => pending,
        Err(Error::Record(error)) => return Err(error),
        Err(other) => panic!("{other:?}"),
    };
    let Some(Pending::Save(ask)) = pending else { panic!("{pending:?}") };
    let record = ask.operation.record.clone();
    let next = ask.complete::<()>(exchange, Ok(Written::Saved(None)), now());
    assert!(matches!(next, Ok(None)), "{next:?}");
    Ok(record)
}

/// The line that the end of the request sends.
fn end(mut exchange: Exchange) -> Option<Vec<u8>> {
    match exchange.finish::<()>(now()) {
        Ok(Some(Pending::Touch(ask))) => {
            ask.complete(&mut exchange, Some(http_session::store::Touched::Alive), now());
        }
        Ok(None) => {}
        // Refused before anything is asked, under the recommended preset.
        Err(Error::Cookie(_)) => return None,
        other => panic!("{other:?}"),
    }
    let outcome = exchange.outcome().expect("an outcome");
    outcome.set_cookie().map(|line| line.as_bytes().to_vec())
}
