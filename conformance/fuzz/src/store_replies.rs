//! A store that answers anything: at any point of an exchange, with any actions, also out of order.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};
use http_session::store::{Expect, Stored, Touched, Version, Written};
use http_session::{
    Action, Begin, Config, Conflict, Connection, Error, Exchange, Pending, RequestFacts, SessionId,
    Timeouts, Timestamp,
};
use http_session_model::text::{percent_decode, sign};
use serde_json::Value;

use crate::common::{SECRETS, encode_all, now};
use crate::line::Line;
use crate::premises::held;

/// The error of this store, by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Down(u8);

/// What is seen of an exchange.
#[derive(Debug, Default)]
pub struct Seen {
    /// The ids that the client may be sent: it presented them, or the store has saved them.
    deliverable: BTreeSet<String>,
    /// A write was refused at the end, or the record was gone: nothing may be sent.
    pub refused: bool,
    /// The Set-Cookie line, if the request came to its end.
    pub line: Option<Vec<u8>>,
    /// An operation was answered while another one waited.
    unordered: bool,
    /// Express-session's quirks are on.
    quirks: bool,
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
pub fn check(bytes: &[u8], subject: impl Fn(&mut Unstructured<'_>) -> Result<Option<Seen>>) {
    let Ok(Some(seen)) = subject(&mut Unstructured::new(bytes)) else { return held("no exchange") };
    if seen.unordered {
        return held("answers out of order");
    }
    let Some(line) = &seen.line else { return held("no cookie") };
    let line = Line::read(line);
    if line.value.is_empty() {
        return held("a cookie is cleared");
    }
    let text = percent_decode(&line.value).expect("percent-encoded");
    let (id, _) = text.strip_prefix("s:").and_then(|text| text.rsplit_once('.')).expect("signed");
    // With quirks a touch that finds nothing takes no cookie away (B-131).
    assert!(seen.quirks || !seen.refused, "a cookie without a saved session: {seen:?}");
    assert!(seen.deliverable.contains(id), "{id} was never saved: {seen:?}");
    held(if seen.quirks { "a cookie is sent, with quirks" } else { "a cookie is sent" });
}

/// An exchange under way, and all that it does next.
struct Run<'a, 'b> {
    u: &'b mut Unstructured<'a>,
    exchange: Exchange,
    now: Timestamp,
    /// How many ids were made.
    ids: u32,
    seen: Seen,
}

/// What the library does in an exchange that the bytes tell.
///
/// # Errors
/// The bytes tell none.
///
/// # Panics
/// On an error that is not the reply's, and if it asks without an end.
pub fn library(u: &mut Unstructured<'_>) -> Result<Option<Seen>> {
    let quirks = u.arbitrary()?;
    let preset = if quirks { Config::express } else { Config::recommended };
    let hour = std::time::Duration::from_secs(3_600);
    let timeouts = Timeouts {
        idle: if u.arbitrary()? { Some(hour) } else { None },
        absolute: if u.arbitrary()? { Some(hour) } else { None },
    };
    let config = preset(SECRETS[0])
        .accept(SECRETS[1])
        .name("sid")
        .timeouts(timeouts)
        .conflict(*u.choose(&[Conflict::Merge, Conflict::Overwrite, Conflict::Refuse])?)
        .resave(u.arbitrary()?)
        .rolling(u.arbitrary()?)
        .save_uninitialized(u.arbitrary()?)
        .unset(*u.choose(&[http_session::Unset::Keep, http_session::Unset::Destroy])?)
        .max_record_bytes(*u.choose(&[1_000_000, 300])?)
        .build();
    let config = config.expect("sound options");
    let line = format!("sid={}", encode_all(&format!("s:{}", sign("mine", u.choose(&SECRETS)?))));
    let connection = *u.choose(&[Connection::Encrypted, Connection::Plain])?;
    let request = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let mut seen = Seen { quirks, ..Seen::default() };
    let exchange = match config.begin(&request, [line.as_bytes()], now()) {
        Begin::Load(lookup) => {
            let stored = if u.arbitrary()? { Some(stored(u)?) } else { None };
            let Ok(begin) = lookup.answer(stored, now()) else { return Ok(None) };
            match begin {
                Begin::Ready(exchange) => {
                    seen.deliverable.insert("mine".into());
                    exchange
                }
                Begin::Create(create) => create.with_id(id(0), now()),
                other => panic!("{other:?}"),
            }
        }
        Begin::Create(create) => create.with_id(id(0), now()),
        other => panic!("{other:?}"),
    };
    let mut run = Run { u, exchange, now: now(), ids: 0, seen };
    run.shorten()?;
    run.through()?;
    let outcome = run.exchange.outcome();
    run.seen.line = outcome.and_then(|outcome| Some(outcome.set_cookie()?.as_bytes().to_vec()));
    Ok(Some(run.seen))
}

fn id(number: u32) -> SessionId {
    SessionId::from_text(&format!("new{number}")).expect("an id")
}

/// A record that is often sound, in any version.
fn stored(u: &mut Unstructured<'_>) -> Result<Stored> {
    let record: Vec<u8> = match u.int_in_range(0..=3)? {
        0 => u.arbitrary()?,
        1 => br#"{"cookie":{"originalMaxAge":60000,"expires":"2023-11-14T22:13:23.000Z"},"a":1}"#
            .to_vec(),
        2 => br#"{"cookie":{"originalMaxAge":null,"expires":null,"secure":true},"a":"x","b":[]}"#
            .to_vec(),
        _ => {
            let (text, number) = (u.arbitrary::<&str>()?, u.arbitrary::<i16>()?);
            let cookie =
                serde_json::json!({ "path": "/", "domain": text, "originalMaxAge": number });
            serde_json::json!({ "cookie": cookie, "a": number, "b": text }).to_string().into()
        }
    };
    let mut stored = Stored::new(record);
    stored.version = version(u)?;
    stored.refreshed = u.arbitrary()?;
    stored.expires = Timestamp::from_millis(u.arbitrary()?);
    Ok(stored)
}

fn version(u: &mut Unstructured<'_>) -> Result<Option<Version>> {
    let bytes: Option<u8> = u.arbitrary()?;
    Ok(bytes.map(|byte| Version([byte].into())))
}

impl Run<'_, '_> {
    fn shorten(&mut self) -> Result<()> {
        if let Some(ask) = self.exchange.shorten(self.now) {
            let touched = *self.u.choose(&[Some(Touched::Alive), Some(Touched::Gone), None])?;
            ask.complete(&mut self.exchange, touched, self.now);
        }
        Ok(())
    }

    /// Actions, and answers to what they ask; then the end.
    fn through(&mut self) -> Result<()> {
        let mut waiting = Vec::new();
        for _ in 0..self.u.int_in_range(0..=12)? {
            self.advance()?;
            if let Some(action) = self.change()? {
                // Each of a method's errors is its own or one of the reply.
                if let Ok(pending) = self.exchange.start::<Down>(action, self.now) {
                    waiting.extend(pending);
                }
            }
            // Mostly it is answered before anything else is begun.
            if self.u.ratio(1, 8)? {
                self.seen.unordered |= !waiting.is_empty();
            } else {
                while let Some(pending) = waiting.pop() {
                    self.settle(pending)?;
                }
            }
            let _ = self.exchange.facts();
        }
        self.advance()?;
        self.seen.refused = false;
        match self.exchange.finish::<Down>(self.now) {
            Ok(Some(pending)) => self.settle(pending)?,
            Ok(None) | Err(Error::Cookie(_) | Error::Record(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        // What was forgotten is answered when all is over, and is not of the end.
        let refused = self.seen.refused;
        while let Some(pending) = waiting.pop() {
            self.settle(pending)?;
        }
        self.seen.refused = refused;
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        let millis = if self.u.ratio(1, 4)? { self.u.arbitrary()? } else { 1 };
        self.now = self.now.plus_millis(millis).unwrap_or(self.now);
        Ok(())
    }

    /// Something that the handler does, or the method that is to be started.
    fn change(&mut self) -> Result<Option<Action>> {
        let kind = self.u.int_in_range(0..=13)?;
        let new = |ids: &mut u32| {
            *ids += 1;
            id(*ids)
        };
        let action = match kind {
            0 => Action::Destroy,
            1 => Action::LogIn(new(&mut self.ids)),
            2 => Action::Regenerate(new(&mut self.ids)),
            3 => Action::Reload,
            4 => Action::Renew(new(&mut self.ids)),
            5 | 6 => Action::Save,
            7 => {
                self.exchange.unset();
                return Ok(None);
            }
            8 => {
                self.exchange.reset_cookie(self.now);
                return Ok(None);
            }
            _ => {
                let Some(session) = self.exchange.session() else { return Ok(None) };
                let key = *self.u.choose(&["a", "b", "c"])?;
                match kind {
                    9 => drop(session.remove(key)),
                    10 => session.clear(),
                    11 => {
                        let add = self.u.int_in_range(-9..=9)?;
                        // If it is a number.
                        let _ = session
                            .update(key, move |n: Option<i64>| n.unwrap_or(0).wrapping_add(add));
                    }
                    12 => {
                        let millis = self.u.arbitrary()?;
                        let age = std::time::Duration::from_millis(millis);
                        session.cookie_mut().set_max_age(age, self.now);
                    }
                    _ => {
                        let value: Value = self.u.arbitrary::<&str>()?.into();
                        session.insert(key, value).expect("an ordinary key");
                    }
                }
                return Ok(None);
            }
        };
        Ok(Some(action))
    }

    /// Answers until nothing more is asked.
    fn settle(&mut self, pending: Pending) -> Result<()> {
        let mut next = Some(pending);
        let mut asked = 0;
        while let Some(pending) = next {
            asked += 1;
            assert!(asked <= 1 + u32::from(Conflict::MAX_TRIES), "it asks without an end");
            next = self.answer(pending)?;
        }
        if asked > 1 {
            held("a write was tried again");
        }
        Ok(())
    }

    /// Gives any answer. What comes of it is the next operation, or an error that is the answer's.
    fn answer(&mut self, pending: Pending) -> Result<Option<Pending>> {
        let down = Down(self.u.arbitrary()?);
        Ok(match pending {
            Pending::Delete(ask) => {
                let reply = if self.u.ratio(3, 4)? { Ok(()) } else { Err(down) };
                let id = ask.operation.id.as_str().to_owned();
                match ask.complete(&mut self.exchange, reply, self.now) {
                    Ok(()) => drop(self.seen.deliverable.remove(&id)),
                    Err(error) => {
                        self.seen.refused = true;
                        assert!(matches!(error, Error::Store(same) if Err(same) == reply))
                    }
                }
                None
            }
            Pending::Load(ask) => {
                let reply = match self.u.int_in_range(0..=4)? {
                    0 => Err(down),
                    1 => Ok(None),
                    _ => Ok(Some(stored(self.u)?)),
                };
                let id = ask.operation.id.as_str().to_owned();
                match ask.complete(&mut self.exchange, reply.clone()) {
                    // Its record is there, even if a save of it has failed.
                    Ok(()) => {
                        assert!(matches!(reply, Ok(Some(_))));
                        self.seen.deliverable.insert(id);
                    }
                    Err(Error::Store(same)) => assert_eq!(reply, Err(same)),
                    Err(Error::Missing) => assert_eq!(reply, Ok(None)),
                    Err(Error::Record(_) | Error::NoSession) => {
                        assert!(matches!(reply, Ok(Some(_))));
                    }
                    Err(other) => panic!("{other:?}"),
                }
                None
            }
            Pending::Touch(ask) => {
                let reply = *self.u.choose(&[Some(Touched::Alive), Some(Touched::Gone), None])?;
                self.seen.refused |= reply == Some(Touched::Gone);
                ask.complete(&mut self.exchange, reply, self.now);
                None
            }
            Pending::Save(ask) => {
                let reply = self.written(&ask.operation.expect, down)?;
                let to = ask.operation.id.as_str().to_owned();
                let result = ask.complete(&mut self.exchange, reply.clone(), self.now);
                self.wrote(to, None, &reply, result)
            }
            Pending::Rotate(ask) => {
                let reply = self.written(&ask.operation.expect, down)?;
                let to = ask.operation.to.as_str().to_owned();
                let from = ask.operation.from.as_str().to_owned();
                let result = ask.complete(&mut self.exchange, reply.clone(), self.now);
                self.wrote(to, Some(from), &reply, result)
            }
        })
    }

    /// Any answer to a write, also one that does not go with what it expects.
    fn written(
        &mut self,
        expect: &Expect,
        down: Down,
    ) -> Result<std::result::Result<Written, Down>> {
        let changed = if matches!(expect, Expect::Version(_)) { 12 } else { 5 };
        Ok(match self.u.int_in_range(0..=changed)? {
            0 | 1 => Ok(Written::Saved(version(self.u)?)),
            2 => Ok(Written::Exists),
            3 => Ok(Written::Gone),
            4 => Err(down),
            _ => Ok(Written::Changed(stored(self.u)?)),
        })
    }

    /// What is known after a write.
    fn wrote(
        &mut self,
        to: String,
        from: Option<String>,
        reply: &std::result::Result<Written, Down>,
        result: std::result::Result<Option<Pending>, Error<Down>>,
    ) -> Option<Pending> {
        let saved = matches!(reply, Ok(Written::Saved(_)));
        if saved {
            from.map(|from| self.seen.deliverable.remove(&from));
            self.seen.deliverable.insert(to);
        } else if self.seen.quirks && reply.is_err() {
            // A method's failed save counts as one (B-176).
            self.seen.deliverable.insert(to);
        }
        match result {
            Ok(None) => {
                self.seen.refused |= *reply == Ok(Written::Gone);
                None
            }
            Ok(next) => {
                assert!(matches!(reply, Ok(Written::Changed(_))), "{reply:?} leads to another try");
                next
            }
            Err(error) => {
                self.seen.refused = true;
                match error {
                    Error::Store(same) => assert_eq!(*reply, Err(same)),
                    Error::Gone => assert_eq!(*reply, Ok(Written::Gone)),
                    Error::Conflict => {
                        assert!(matches!(reply, Ok(Written::Changed(_) | Written::Exists)));
                    }
                    Error::Record(_) | Error::Cookie(_) | Error::NoSession => {
                        assert!(matches!(reply, Ok(Written::Changed(_))), "{error:?} {reply:?}");
                    }
                    other => panic!("{other:?}"),
                }
                None
            }
        }
    }
}
