//! Options, setters and ids of any kind: the Set-Cookie line has what was intended, and nothing else.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use http_session::store::Written;
use http_session::{
    Attribute, Begin, Config, Connection, CookieOptions, Exchange, Expires, Pending, RequestFacts,
    SessionId, Timestamp,
};
use http_session_model::text::{percent_decode, sign};
use serde_json::Value;

use crate::common::{SECRETS, now};
use crate::line::Line;
use crate::premises::held;

/// What makes a cookie.
#[derive(Debug)]
pub struct Input {
    quirks: bool,
    name: String,
    id: String,
    /// The options that are given, in their order.
    options: Vec<Given>,
    /// What the handler does to the session's cookie.
    setters: Vec<Given>,
    connection: Connection,
}

/// One attribute, or the cookie's end.
#[derive(Clone, Debug)]
enum Given {
    Attribute(Attribute, Value),
    Expires(i64),
    MaxAge(i64),
    Session,
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    /// The Set-Cookie line.
    pub line: Vec<u8>,
    /// Which of the setters were accepted.
    accepted: Vec<bool>,
}

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
pub fn check(bytes: &[u8], subject: impl Fn(&Input) -> Option<Answer>) {
    let Ok(input) = Input::read(&mut Unstructured::new(bytes)) else { return };
    let Some(answer) = subject(&input) else { return held("no line") };
    let line = Line::read(&answer.line);
    let (intended, end) = input.intended(&answer.accepted);
    let value = percent_decode(&line.value).expect("percent-encoded");
    assert_eq!(value, format!("s:{}", sign(&input.id, SECRETS[0])), "{input:?}");
    if !input.name.is_empty() {
        assert_eq!(line.name, input.name);
    }
    let mut attributes = line.attributes;
    let expires = attributes.remove("Expires");
    assert_eq!(attributes, intended, "{input:?}");
    assert_eq!(expires.is_some(), end.is_some(), "{input:?}");
    match end {
        // The cookie package writes these years, the `cookie` crate does not read them.
        Some(end) if !(0..=253_402_300_799_999).contains(&end) => {
            held("an end out of ordinary years")
        }
        Some(end) => {
            assert_eq!(Line::end(&answer.line), Some(end.div_euclid(1_000)), "{input:?}");
            held("an end");
        }
        None => held("a line without an end"),
    }
    if !input.setters.is_empty() {
        held("a line after setters");
    }
}

const ATTRIBUTES: [(Attribute, &str); 7] = [
    (Attribute::Partitioned, "Partitioned"),
    (Attribute::Priority, "Priority"),
    (Attribute::Secure, "Secure"),
    (Attribute::HttpOnly, "HttpOnly"),
    (Attribute::Domain, "Domain"),
    (Attribute::Path, "Path"),
    (Attribute::SameSite, "SameSite"),
];

impl Input {
    fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let quirks = u.arbitrary()?;
        let connection = *u.choose(&[Connection::Encrypted, Connection::Plain])?;
        let name = if u.ratio(1, 2)? { "sid".into() } else { u.arbitrary()? };
        let id = if u.ratio(1, 2)? { "an id".into() } else { u.arbitrary()? };
        let given = |u: &mut Unstructured<'_>| {
            let count = u.int_in_range(0..=6)?;
            (0..count).map(|_| Given::read(u)).collect::<Result<Vec<_>>>()
        };
        Ok(Self { quirks, name, id, options: given(u)?, setters: given(u)?, connection })
    }

    /// The attributes that the line is to have, and the end.
    fn intended(&self, accepted: &[bool]) -> (BTreeMap<String, String>, Option<i64>) {
        let mut values = BTreeMap::from([("HttpOnly", true.into()), ("Path", "/".into())]);
        if !self.quirks {
            values.extend([("Secure", true.into()), ("SameSite", "lax".into())]);
        }
        let mut end = None;
        let secure = self.connection == Connection::Encrypted;
        let setters = self.setters.iter().zip(accepted).filter(|(_, accepted)| **accepted);
        let setters = setters.map(|(setter, _)| (setter, true));
        for (given, is_setter) in self.options.iter().map(|option| (option, false)).chain(setters) {
            match given {
                Given::Attribute(attribute, value) => {
                    let (_, name) = ATTRIBUTES[*attribute as usize];
                    let value = match (name, value.as_str()) {
                        ("SameSite", Some("auto")) if !is_setter => {
                            if secure {
                                "none".into()
                            } else {
                                "lax".into()
                            }
                        }
                        ("Secure", Some("auto")) if !is_setter => secure.into(),
                        _ => value.clone(),
                    };
                    values.insert(name, value);
                }
                Given::Expires(at) => end = Some(*at),
                Given::MaxAge(age) => end = Some(now().as_millis().saturating_add(*age)),
                Given::Session => end = None,
            }
        }
        let shown = values
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), shown(name, &value)?)));
        (shown.collect(), end)
    }
}

/// What an attribute's value is written as, if JavaScript takes it for true.
fn shown(name: &str, value: &Value) -> Option<String> {
    let is_true = match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    };
    let text = || value.as_str().unwrap_or_default();
    is_true.then(|| match name {
        "Domain" | "Path" => text().into(),
        "SameSite" if *value == Value::Bool(true) => "Strict".into(),
        "Priority" | "SameSite" => {
            let mut word = text().to_ascii_lowercase();
            word.get_mut(..1).expect("a word").make_ascii_uppercase();
            word
        }
        _ => String::new(),
    })
}

impl Given {
    fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match u.int_in_range(0..=11)? {
            0 => Self::Session,
            1 => Self::MaxAge(u.int_in_range(-100_000..=100_000_000_000)?),
            2 => Self::MaxAge(u.arbitrary()?),
            3 => Self::Expires(u.int_in_range(0..=253_402_300_799_999)?),
            4 => Self::Expires(u.arbitrary()?),
            kind => {
                let attribute = ATTRIBUTES[kind - 5].0;
                Self::Attribute(attribute, value(attribute, u)?)
            }
        })
    }
}

/// A value for an attribute: mostly one that makes sense.
fn value(attribute: Attribute, u: &mut Unstructured<'_>) -> Result<Value> {
    if u.ratio(1, 4)? {
        return Ok(match u.int_in_range(0..=4)? {
            0 => Value::Null,
            1 => u.arbitrary::<bool>()?.into(),
            2 => u.arbitrary::<i64>()?.into(),
            3 => Value::Array(Vec::new()),
            _ => u.arbitrary::<&str>()?.into(),
        });
    }
    let words: &[&str] = match attribute {
        Attribute::Domain => &["example.com", ".example.com", "a-b.c", "", "a..b", "a;b", "a\r\nb"],
        Attribute::Path => &["/", "/app", "", "/a b", "/a;b", "/a\r\nSet-Cookie: x=y", "/é"],
        Attribute::Priority => &["low", "medium", "HIGH", "highest", ""],
        Attribute::SameSite => &["lax", "strict", "None", "auto", "", "lax; Domain=a.b"],
        _ => &[],
    };
    Ok(match words {
        [] => u.arbitrary::<bool>()?.into(),
        words => (*u.choose(words)?).into(),
    })
}

/// The line of a new session; `None` if there is none, for a reason that the library gives.
///
/// # Panics
/// If there is none without a reason.
pub fn library(input: &Input) -> Option<Answer> {
    let preset = if input.quirks { Config::express } else { Config::recommended };
    let mut options = CookieOptions::new();
    for option in &input.options {
        options = with(options, option)?;
    }
    let config = preset(SECRETS[0]).name(input.name.as_str()).cookie(options).build().ok()?;
    let id = SessionId::from_text(&input.id).ok()?;
    let (connection, path) = (input.connection, config.path());
    let request = RequestFacts { connection, path, ..RequestFacts::default() };
    let Begin::Create(create) = config.begin(&request, [], now()) else {
        panic!("no cookie was sent")
    };
    let mut exchange = create.with_id(id, now());
    exchange.session()?.insert("n", 1).expect("it takes all");
    let accepted = input.setters.iter().map(|setter| set(&mut exchange, setter)).collect();
    // Refused before anything is saved, under the recommended preset alone.
    let Ok(pending) = exchange.finish::<()>(now()) else {
        assert!(!input.quirks);
        return None;
    };
    if let Some(Pending::Save(ask)) = pending {
        let next = ask.complete::<()>(&mut exchange, Ok(Written::Saved(None)), now());
        assert!(matches!(next, Ok(None)));
    }
    let withheld = input.connection == Connection::Plain
        && exchange.session().is_some_and(|session| session.cookie().is_secure());
    let outcome = exchange.outcome().expect("saved");
    let line = outcome.set_cookie().map(|line| line.as_bytes().to_vec());
    let reason = withheld || outcome.cookie_error().is_some();
    assert_ne!(line.is_some(), reason, "{:?}", outcome.decision());
    Some(Answer { line: line?, accepted })
}

/// The option; `None` if its type does not let it be given.
fn with(options: CookieOptions, given: &Given) -> Option<CookieOptions> {
    let text = |value: &Value| value.as_str().map(String::from);
    Some(match given {
        Given::Session => options.max_age(None),
        Given::MaxAge(age) => options.max_age_millis(*age),
        Given::Expires(at) => options.expires(expires(*at)),
        Given::Attribute(Attribute::Domain, value) => options.domain(text(value)?),
        Given::Attribute(Attribute::HttpOnly, value) => options.http_only(value.as_bool()?),
        Given::Attribute(Attribute::Partitioned, value) => options.partitioned(value.as_bool()?),
        Given::Attribute(Attribute::Path, value) => options.path(text(value)?),
        Given::Attribute(Attribute::Priority, value) => options.priority(value.clone()),
        Given::Attribute(Attribute::SameSite, value) => options.same_site(value.clone()),
        Given::Attribute(Attribute::Secure, value) if value == "auto" => {
            options.secure(http_session::Secure::Auto)
        }
        Given::Attribute(Attribute::Secure, value) => options.secure(value.as_bool()?),
    })
}

/// Assigns to the session's cookie. Is it accepted?
fn set(exchange: &mut Exchange, given: &Given) -> bool {
    let cookie = exchange.session().expect("a session").cookie_mut();
    match given {
        Given::Session => cookie.set_max_age(None, now()),
        Given::MaxAge(age) => {
            let end = now().plus_millis(*age).map_or(Expires::Invalid, Expires::At);
            cookie.set_expires(end, now());
        }
        Given::Expires(at) => cookie.set_expires(expires(*at), now()),
        Given::Attribute(attribute, value) => return cookie.set(*attribute, value.clone()).is_ok(),
    }
    true
}

fn expires(at: i64) -> Expires {
    Timestamp::from_millis(at).map_or(Expires::Invalid, Expires::At)
}
