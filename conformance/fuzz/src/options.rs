//! Any options: a configuration that works for one request, or a typed error; and no secret in any text.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use http_session::store::{Stored, Written};
use http_session::{
    Begin, Config, ConfigError, Conflict, Connection, CookieOptions, Error, Expires, Finding,
    Pending, Proxy, RecordError, RequestFacts, SessionId, Timeouts, Timestamp, Unset,
};
use http_session_model::text::{percent_decode, sign};

use crate::common::now;
use crate::line::Line;
use crate::premises::held;

/// The options, and what a request needs.
#[derive(Clone, Debug)]
pub struct Input {
    quirks: bool,
    /// The secrets: the first one signs.
    pub secrets: Vec<String>,
    cookie: CookieOptions,
    flags: [bool; 5],
    name: String,
    conflict: Conflict,
    proxy: Proxy,
    timeouts: Timeouts,
    touch_after: Option<Duration>,
    max_record_bytes: usize,
}

/// What came of the options.
#[derive(Debug)]
pub enum Answer {
    /// They are refused.
    Refused(ConfigError),
    /// They are accepted, and a request was served with them.
    Built {
        /// All that a person gets to see of them: `Debug`, the audit.
        texts: String,
        /// The Set-Cookie line of a new session, or why there is none.
        line: std::result::Result<Vec<u8>, Reason>,
        /// The session was found again with what was put into it.
        found: bool,
    },
}

/// Why a request with new options sends no line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The line would be too long, or its end is no date.
    Cookie,
    /// The data has no room.
    TooLarge,
}

/// All secrets have this in them, and nothing else may.
const MARK: &str = "#geheim#";

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
pub fn check(bytes: &[u8], subject: impl Fn(&Input) -> Answer) {
    let Ok(input) = Input::read(&mut Unstructured::new(bytes)) else { return };
    if format!("{:?} {}", input.cookie, input.name).contains(MARK) {
        return held("another option has the mark of the secrets");
    }
    match subject(&input) {
        Answer::Refused(error) => {
            assert!(!format!("{error} {error:?}").contains(MARK));
            input.explains(error);
            held("options are refused");
        }
        Answer::Built { texts, line, found } => {
            assert!(!texts.contains(MARK), "{texts}");
            // `Debug` of bytes.
            let bytes = format!("{:?}", MARK.as_bytes());
            assert!(!texts.contains(bytes.trim_matches(['[', ']'])), "{texts}");
            input.is_acceptable();
            let (line, end) = match line {
                Ok(line) => (Line::read(&line), Line::end(&line)),
                Err(Reason::Cookie) => return held("a cookie that can't be sent"),
                Err(Reason::TooLarge) => {
                    assert!(input.max_record_bytes < 7, "{input:?}");
                    return held("no room for the data");
                }
            };
            let value = percent_decode(&line.value).expect("percent-encoded");
            assert_eq!(value, format!("s:{}", sign("id", &input.secrets[0])));
            // Under the recommended preset no session ends at once, but with a fixed end that has passed: options
            // are checked without a clock.
            let has_end = line.attributes.contains_key("Expires");
            let ended = has_end && end.is_none_or(|end| end <= now().as_millis() / 1_000);
            assert!(found || input.quirks || ended, "{input:?}");
            held(if input.quirks {
                "a request is served, with quirks"
            } else {
                "a request is served"
            });
        }
    }
}

impl Input {
    fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let quirks = u.arbitrary()?;
        let most = if u.ratio(7, 8)? { 3 } else { 18 };
        let count = u.int_in_range(1..=most)?;
        let secrets = (0..count).map(|_| secret(u)).collect::<Result<_>>()?;
        let duration = |u: &mut Unstructured<'_>| {
            Ok(match u.int_in_range(0..=4)? {
                0 => Some(Duration::from_millis(u.arbitrary()?)),
                1 => Some(Duration::MAX),
                2 => Some(Duration::from_secs(u.int_in_range(0..=100_000)?)),
                _ => None,
            })
        };
        Ok(Self {
            quirks,
            secrets,
            cookie: cookie(u)?,
            flags: u.arbitrary()?,
            name: match u.int_in_range(0..=5)? {
                0 => u.arbitrary()?,
                1 => "sid".into(),
                2 => "__Secure-id".into(),
                3 => "__HOST-id".into(),
                4 => "__Http-id".into(),
                _ => String::new(),
            },
            conflict: *u.choose(&[Conflict::Merge, Conflict::Overwrite, Conflict::Refuse])?,
            proxy: *u.choose(&[
                Proxy::Distrust,
                Proxy::Framework,
                Proxy::Forwarded,
                Proxy::Trust,
            ])?,
            timeouts: Timeouts { idle: duration(u)?, absolute: duration(u)? },
            touch_after: duration(u)?,
            max_record_bytes: if u.ratio(1, 8)? { u.int_in_range(0..=20)? } else { u.arbitrary()? },
        })
    }

    fn zero(&self) -> bool {
        let times = [self.timeouts.idle, self.timeouts.absolute];
        times.into_iter().flatten().any(|time| time.as_millis() == 0)
    }

    /// Does the error tell of these options?
    fn explains(&self, error: ConfigError) {
        let [_, resave, rolling, _, on_first_use] = self.flags;
        let reason = match error {
            ConfigError::EmptySecret => self.secrets.iter().any(String::is_empty),
            ConfigError::TooManySecrets => self.secrets.len() > 16,
            ConfigError::LoadOnFirstUse => on_first_use && (resave || rolling),
            ConfigError::TouchAfter => self.touch_after.is_some(),
            ConfigError::Refused(finding) => !self.quirks && self.shows(finding),
            ConfigError::Cookie(_) => true,
            _ => false,
        };
        assert!(reason, "{error}: {self:?}");
    }

    fn shows(&self, finding: Finding) -> bool {
        match finding {
            Finding::ShortSecret => self.secrets.iter().any(|secret| secret.len() < 32),
            Finding::TimeoutOrder => self.timeouts.idle > self.timeouts.absolute,
            _ => true,
        }
    }

    /// What is built was not to be refused.
    fn is_acceptable(&self) {
        let [_, resave, rolling, _, on_first_use] = self.flags;
        assert!(
            (1..=16).contains(&self.secrets.len()) && !self.secrets.iter().any(String::is_empty)
        );
        assert!(!(on_first_use && (resave || rolling)));
        if let Some(after) = self.touch_after {
            assert!(!resave && !rolling && self.timeouts.idle.is_some_and(|idle| idle > after));
        }
        if !self.quirks {
            assert!(self.secrets.iter().all(|secret| secret.len() >= 32) && !self.zero());
            let ordered = self.timeouts.idle.zip(self.timeouts.absolute);
            assert!(ordered.is_none_or(|(idle, absolute)| idle <= absolute));
        }
    }
}

/// Empty, short or long enough.
fn secret(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=7)? {
        0 => String::new(),
        1 => MARK.into(),
        2 => format!("{MARK}{}", u.arbitrary::<&str>()?),
        _ => format!("{MARK}{:030}", u.arbitrary::<u8>()?),
    })
}

fn cookie(u: &mut Unstructured<'_>) -> Result<CookieOptions> {
    let mut cookie = CookieOptions::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let text = |u: &mut Unstructured<'_>| u.arbitrary::<&str>().map(String::from);
        cookie = match u.int_in_range(0..=11)? {
            0 => cookie.domain(text(u)?),
            1 => cookie.domain(*u.choose(&["a.b", ".example.com"])?),
            2 => cookie.path(text(u)?),
            3 => cookie.path(*u.choose(&["/", "/app", "app", ""])?),
            4 => cookie.http_only(u.arbitrary()?),
            5 => cookie.partitioned(u.arbitrary()?),
            6 => cookie.priority(text(u)?),
            7 => cookie.same_site(*u.choose(&["lax", "none", "AUTO", "auto", "strict", "x"])?),
            8 => cookie.secure(u.arbitrary::<bool>()?),
            9 => cookie.secure(http_session::Secure::Auto),
            10 => cookie.max_age_millis(u.arbitrary()?),
            _ => cookie.expires(match u.int_in_range(0..=2)? {
                0 => Expires::False,
                1 => Expires::Invalid,
                _ => Timestamp::from_millis(u.arbitrary()?).map_or(Expires::Session, Expires::At),
            }),
        };
    }
    Ok(cookie)
}

/// Builds, and serves two requests: one makes a session, one finds it again.
///
/// # Panics
/// If a request does not run as it must with any options.
pub fn library(input: &Input) -> Answer {
    let preset = if input.quirks { Config::express } else { Config::recommended };
    let mut secrets = input.secrets.iter().map(String::as_str);
    let [save_uninitialized, resave, rolling, localhost, on_first_use] = input.flags;
    let mut builder = preset(secrets.next().unwrap_or_default());
    for secret in secrets {
        builder = builder.accept(secret);
    }
    builder = builder
        .cookie(input.cookie.clone())
        .name(input.name.as_str())
        .conflict(input.conflict)
        .proxy(input.proxy)
        .timeouts(input.timeouts)
        .touch_after(input.touch_after)
        .max_record_bytes(input.max_record_bytes)
        .save_uninitialized(save_uninitialized)
        .resave(resave)
        .rolling(rolling)
        .unset(if rolling { Unset::Destroy } else { Unset::Keep })
        .load_on_first_use(on_first_use);
    if localhost {
        builder = builder.for_localhost();
    }
    let mut texts = format!("{builder:?}");
    let config = match builder.build() {
        Ok(config) => config,
        Err(error) => return Answer::Refused(error),
    };
    texts += &format!("{config:?} {:?}", config.audit());
    config.audit().iter().for_each(|finding| texts += &finding.to_string());
    let (line, found) = match serve(&config) {
        Ok((line, found)) => (Ok(line), found),
        Err(reason) => (Err(reason), false),
    };
    Answer::Built { texts, line, found }
}

/// A new session's line, and whether it is found again.
fn serve(config: &Config) -> std::result::Result<(Vec<u8>, bool), Reason> {
    let connection = Connection::Encrypted;
    let request = RequestFacts { path: config.path(), connection, ..RequestFacts::default() };
    let Begin::Create(create) = config.begin(&request, [], now()) else {
        panic!("no cookie was sent")
    };
    let mut exchange = create.with_id(SessionId::from_text("id").expect("an id"), now());
    exchange.session().expect("a new one").insert("n", 1).expect("it takes all");
    let ask = match exchange.finish::<()>(now()) {
        Ok(Some(Pending::Save(ask))) => ask,
        Err(Error::Cookie(_)) => return Err(Reason::Cookie),
        Err(Error::Record(RecordError::TooLarge)) => return Err(Reason::TooLarge),
        other => panic!("{other:?}"),
    };
    let record = ask.operation.record.to_json();
    let next = ask.complete::<()>(&mut exchange, Ok(Written::Saved(None)), now());
    assert!(matches!(next, Ok(None)));
    let outcome = exchange.outcome().expect("saved");
    let Some(line) = outcome.set_cookie() else {
        assert!(outcome.cookie_error().is_some());
        return Err(Reason::Cookie);
    };
    let line = line.as_bytes().to_vec();
    let presented = line.split(|byte| *byte == b';').next().expect("a pair");
    let Begin::Load(lookup) = config.begin(&request, [presented], now()) else {
        panic!("it is presented as it was sent")
    };
    let found = match lookup.answer(Some(Stored::new(record)), now()).expect("it was written") {
        Begin::Ready(mut exchange) => {
            exchange.session().is_some_and(|session| session.get("n") == Ok(Some(1)))
        }
        _ => false,
    };
    Ok((line, found))
}
