//! A trace told once more, event by event: which call of the store belongs to what, what the clock showed
//! then, and what the store held. Nothing of the library is used for that.

use std::collections::{BTreeMap, BTreeSet};

use http::Uri;
use serde_json::Value;

use super::reading::{Claim, Line, claims, cookie_end};
use crate::client::cookie_header;
use crate::scenario::{Conflict, FaultCode, Operation, Options, Preset, Request, Scenario};
use crate::trace::{Answer, Call, Refused, StoreCall, Trace};

/// The scenario, what it configures, and what happened in each request.
pub(super) struct Story<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) trace: &'a Trace,
    pub(super) scenes: Vec<Scene<'a>>,
    pub(super) quirks: bool,
    pub(super) idle: Option<i64>,
    pub(super) absolute: Option<i64>,
}

/// One request.
pub(super) struct Scene<'a> {
    pub(super) index: usize,
    pub(super) request: &'a Request,
    pub(super) answer: &'a Answer,
    /// What its cookies of our name present, in their order.
    pub(super) claims: Vec<Claim>,
    /// Ids that were ended before this request by a `destroy` or a `rotate` of ours.
    pub(super) ended: BTreeSet<&'a str>,
    pub(super) events: Vec<Event<'a>>,
    pub(super) start: Start<'a>,
    /// The Set-Cookie lines with the session cookie's name, but for the application's own.
    pub(super) lines: Vec<Line<'a>>,
    /// The ids that were made for it, in their order.
    pub(super) made: Vec<String>,
    /// The id of the session that it has in the end.
    pub(super) session: Option<String>,
    /// Its connection is taken for secure.
    pub(super) secure: bool,
    /// What the store holds when it begins, and when it has ended.
    pub(super) before: Ledger<'a>,
    pub(super) after: Ledger<'a>,
}

/// How a request begins, if all is right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Start<'a> {
    /// The store can't be read, or the record can't, or no id can be made.
    Failed,
    /// With the session that it presents.
    Found(&'a str),
    /// With a new one.
    New,
    /// Without one: its path has none.
    Skipped,
}

/// A call of the store.
pub(super) struct Event<'a> {
    pub(super) call: &'a Call,
    pub(super) now: i64,
    pub(super) part: Part,
    /// The store did it.
    pub(super) done: bool,
    /// When the record is to end, if this is a write.
    pub(super) end: Option<i64>,
    /// When the session began from which this writes, at the latest.
    pub(super) began: Option<i64>,
    /// The id was ended before, by ours.
    pub(super) ended: bool,
    /// There was such a record.
    pub(super) held: bool,
}

/// The part of a request that calls the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// The beginning.
    Begin,
    /// The operation of the handler with this index.
    Operation(usize),
    /// The end.
    End,
}

/// What the store holds.
pub(super) type Ledger<'a> = BTreeMap<&'a str, Held<'a>>;

/// A record in the store.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) record: &'a Value,
    /// The cookie that a touch has put into it since.
    pub(super) cookie: Option<&'a Value>,
    pub(super) end: Option<i64>,
    /// When its session began, as far as that is known.
    pub(super) began: Option<i64>,
    /// Somebody else has written it, and the request that is under way does not know.
    unseen: bool,
}

impl<'a> Held<'a> {
    fn preloaded(record: &'a Value) -> Self {
        let began = record.get("http-session:created").and_then(Value::as_i64);
        Self { record, cookie: None, end: cookie_end(record), began, unseen: false }
    }

    /// Its cookie.
    pub(super) fn cookie(&self) -> Option<&'a Value> {
        self.cookie.or_else(|| self.record.get("cookie"))
    }

    /// Is this the record that it holds?
    pub(super) fn is(&self, record: &Value) -> bool {
        let same = |(key, value): (&String, &Value)| match &**key {
            "cookie" => self.cookie() == Some(value),
            _ => self.record.get(key) == Some(value),
        };
        match (record.as_object(), self.record.as_object()) {
            (Some(found), Some(held)) => {
                let added = self.cookie.is_some() && !held.contains_key("cookie");
                found.len() == held.len() + usize::from(added) && found.iter().all(same)
            }
            _ => record == self.record,
        }
    }
}

impl<'a> Story<'a> {
    pub(super) fn tell(scenario: &'a Scenario, trace: &'a Trace) -> Self {
        let options = &scenario.options;
        let quirks = options.preset() == Preset::Express;
        let millis = |timeout: Option<u64>| timeout.and_then(|millis| i64::try_from(millis).ok());
        let [idle, absolute] = options.timeouts().map(millis);
        let mut teller = Teller {
            scenario,
            quirks,
            absolute,
            ids: 0,
            ledger: scenario
                .preload
                .iter()
                .map(|(id, record)| (&**id, Held::preloaded(record)))
                .collect(),
            ended: BTreeSet::new(),
            now: scenario.start,
            doubtful: false,
        };
        let mut set_cookies: Vec<Vec<String>> = Vec::new();
        let mut scenes = Vec::new();
        for (index, (request, answer)) in scenario.requests.iter().zip(&trace.requests).enumerate()
        {
            let header = cookie_header(scenario, index, &set_cookies);
            scenes.push(teller.scene(index, request, answer, header.as_deref()));
            set_cookies.push(answer.set_cookie.clone());
        }
        Self { scenario, trace, scenes, quirks, idle, absolute }
    }

    pub(super) fn options(&self) -> &'a Options {
        &self.scenario.options
    }

    pub(super) fn is_last(&self, scene: &Scene<'_>) -> bool {
        scene.index + 1 == self.scenes.len()
    }
}

impl Event<'_> {
    /// The id under which it leaves a record, if it does.
    pub(super) fn leaves(&self) -> Option<&str> {
        let id = self.call.to.as_deref().unwrap_or(&self.call.id);
        (self.done && self.call.record.is_some()).then_some(id)
    }

    /// Does it end the session of its id?
    pub(super) fn ends(&self) -> bool {
        self.done && matches!(self.call.call, StoreCall::Destroy | StoreCall::Rotate)
    }

    /// Is it of the handler's operation after this one, or of the request's end?
    pub(super) fn is_after(&self, position: usize) -> bool {
        match self.part {
            Part::Begin => false,
            Part::Operation(other) => other > position,
            Part::End => true,
        }
    }
}

impl<'a> Scene<'a> {
    pub(super) fn takes_part(&self) -> bool {
        self.start != Start::Skipped
    }

    /// The ids that verified, in their order.
    pub(super) fn verified(&self) -> impl Iterator<Item = &str> {
        self.claims.iter().flatten().map(String::as_str)
    }

    /// The operations of the handler with their results, if it ran.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&'a Operation, &'a Value)> + use<'a> {
        self.request.handler().iter().zip(&self.answer.ops)
    }

    /// The line that gives the client an id.
    pub(super) fn gives(&self) -> Option<&Line<'a>> {
        self.lines.iter().find(|line| !line.clears())
    }

    /// Does a line give the client this id?
    pub(super) fn sends(&self, id: &str) -> bool {
        self.lines.iter().any(|line| line.id().as_deref() == Some(id))
    }

    /// Would a touch at its end tell that the record is gone? Not every one has an answer.
    pub(super) fn is_told(&self, story: &Story<'_>) -> bool {
        self.request.fault(StoreCall::Touch).is_none() && story.options().store_touch()
    }

    /// The answer is the handler's, and nothing was reported.
    pub(super) fn succeeded(&self) -> bool {
        self.answer.errors.is_empty()
            && self.answer.ops.len() == self.request.handler().len()
            && self.answer.status == self.request.status()
    }
}

/// Goes through the requests, and keeps what the store holds.
struct Teller<'a> {
    scenario: &'a Scenario,
    quirks: bool,
    absolute: Option<i64>,
    ids: u64,
    ledger: Ledger<'a>,
    ended: BTreeSet<&'a str>,
    now: i64,
    /// The last save of the request that is under way failed, and may have been done.
    doubtful: bool,
}

impl<'a> Teller<'a> {
    fn scene(
        &mut self,
        index: usize,
        request: &'a Request,
        answer: &'a Answer,
        header: Option<&[u8]>,
    ) -> Scene<'a> {
        let options = &self.scenario.options;
        self.now = self.scenario.start + request.at();
        let most = if self.quirks { 1 } else { 64 };
        let mut claims = header.map_or_else(Vec::new, |header| {
            claims(header, options.name(), options.secret.as_slice(), most)
        });
        // Of those that verify, four are looked for.
        let mut distinct: Vec<String> = Vec::new();
        claims.retain(|claim| {
            let new = claim.clone().filter(|id| !distinct.contains(id));
            let kept = new.is_none() || distinct.len() < 4;
            distinct.extend(new.filter(|_| kept));
            kept
        });
        self.ledger.values_mut().for_each(|held| held.unseen = false);
        self.doubtful = false;
        let (before, ended) = (self.ledger.clone(), self.ended.clone());
        let (mut events, mut made) = (Vec::new(), Vec::new());
        let mut calls = answer.calls.iter().peekable();
        let mut asked: Vec<&str> = Vec::new();
        // The session with which the request begins.
        let begin = self.now;
        let mut start =
            if is_below(options, request, self.quirks) { Start::New } else { Start::Skipped };
        for id in claims.iter().flatten().map(String::as_str) {
            if start != Start::New || asked.contains(&id) {
                continue;
            }
            asked.push(id);
            if let Some(call) = calls.next_if(|call| call.call == StoreCall::Get && call.id == id) {
                events.push(self.event(request, call, Part::Begin, None));
            }
            start = self.load(request, id);
        }
        let mut session = match start {
            Start::Found(id) => Some(id.to_owned()),
            Start::New => {
                let id = self.make(&mut made);
                // The longest id that there can be.
                if id.is_empty() || id.len() > 1_024 {
                    start = Start::Failed;
                    None
                } else {
                    Some(id)
                }
            }
            Start::Failed | Start::Skipped => None,
        };
        // When that began, at the latest: somebody else's record may not say.
        let loaded = session.as_deref().and_then(|id| self.ledger.get(id)?.began);
        let mut born = loaded.unwrap_or(begin);
        for (position, (operation, result)) in request.handler().iter().zip(&answer.ops).enumerate()
        {
            let part = Part::Operation(position);
            let kind = match operation {
                Operation::Advance { ms } => {
                    self.now += ms;
                    continue;
                }
                Operation::OtherSet { id, record } => {
                    self.ended.remove(&**id);
                    let held = Held { unseen: true, ..Held::preloaded(record) };
                    self.ledger.insert(id, held);
                    continue;
                }
                Operation::OtherDestroy { id } => {
                    self.ledger.remove(&**id);
                    continue;
                }
                Operation::Unset {} => {
                    session = None;
                    continue;
                }
                Operation::Save {} => StoreCall::Set,
                Operation::Reload {} => StoreCall::Get,
                Operation::LogIn { .. } | Operation::Renew {} => StoreCall::Rotate,
                Operation::Destroy {} | Operation::Regenerate {} => StoreCall::Destroy,
                _ => continue,
            };
            if session.is_none() {
                continue;
            }
            // What a parallel request has changed is written again, merged, if it can be. What can't be sent is not
            // even asked.
            let (mut again, mut to) = (is_asked(result), None);
            let same = |call: &Call, to: Option<&Option<String>>| {
                call.call == kind && to.is_none_or(|to| *to == call.to)
            };
            while again && let Some(call) = calls.next_if(|call| same(call, to)) {
                let event = self.event(request, call, part, Some((operation, born)));
                let changed = event.call.refused == Some(Refused::Changed);
                // A new id tells the operation; of saves, one that gave up has not tried again.
                let may = kind == StoreCall::Rotate || !is_given_up(result);
                (again, to) = (changed && self.merges() && may, Some(&call.to));
                // What could not be merged is not known now either.
                if changed
                    && is_given_up(result)
                    && let Some(held) = self.ledger.get_mut(&*call.id)
                {
                    held.unseen = true;
                }
                events.push(event);
            }
            let made = match operation {
                Operation::LogIn { .. } | Operation::Renew {} | Operation::Regenerate {} => {
                    Some(self.make(&mut made))
                }
                _ => None,
            };
            let ends = self.quirks && kind == StoreCall::Destroy && is_asked(result);
            // A log-in has its id, even if the user then could not be put into the session.
            let moved = |event: &Event<'_>| {
                event.part == part && event.done && event.call.call == StoreCall::Rotate
            };
            let done = *result == true || ends || events.iter().any(moved);
            match operation {
                Operation::Destroy {} if done => session = None,
                Operation::Regenerate {} if done => (session, born) = (made, self.now),
                Operation::LogIn { .. } if done => (session, born) = (made, self.now),
                Operation::Renew {} if done => session = made,
                _ => {}
            }
        }
        for call in calls {
            events.push(self.event(request, call, Part::End, Some((&Operation::Save {}, born))));
        }
        // What the handler set by itself is the application's.
        let set = |line: &str| {
            request.handler().iter().any(
                |operation| matches!(operation, Operation::Header { value, .. } if value == line),
            )
        };
        let lines = answer.set_cookie.iter().filter(|line| !set(line)).map(|line| Line::read(line));
        Scene {
            index,
            request,
            answer,
            claims,
            ended,
            events,
            start,
            lines: lines.filter(|line| line.name == options.name()).collect(),
            made,
            session,
            secure: is_secure(options, request, self.quirks),
            before,
            after: self.ledger.clone(),
        }
    }

    /// Does the request that is under way merge what others have written? One that does not know whether its last save
    /// was done does not: it may be its own.
    fn merges(&self) -> bool {
        self.scenario.options.conflict() == Conflict::Merge && !self.doubtful
    }

    fn make(&mut self, made: &mut Vec<String>) -> String {
        self.ids += 1;
        let id = self.scenario.options.id(self.ids);
        self.ended.retain(|ended| *ended != id);
        made.push(id.clone());
        id
    }

    /// What a load of this id has to answer.
    fn load(&self, request: &Request, id: &str) -> Start<'a> {
        match request.fault(StoreCall::Get) {
            Some(FaultCode::Eio) => return Start::Failed,
            Some(FaultCode::Enoent) => return Start::New,
            None => {}
        }
        let Some((&id, held)) = self.ledger.get_key_value(id) else { return Start::New };
        let ends = [
            held.end,
            held.began.zip(self.absolute).and_then(|(began, length)| began.checked_add(length)),
        ];
        if ends.into_iter().flatten().any(|end| end <= self.now) {
            return Start::New;
        }
        if !held.cookie().is_some_and(Value::is_object) {
            return Start::Failed;
        }
        Start::Found(id)
    }

    /// Takes a call, and does what it does. A write comes from an operation, of a session that was born then.
    fn event(
        &mut self,
        request: &Request,
        call: &'a Call,
        part: Part,
        from: Option<(&Operation, i64)>,
    ) -> Event<'a> {
        let (id, now) = (&*call.id, self.now);
        // A load forgets what has expired; in real stores, and with `recommended`, so does each call.
        let over = self.ledger.get(id).is_some_and(|held| held.end.is_some_and(|end| end <= now));
        let looks = call.call == StoreCall::Get || !self.quirks && call.call != StoreCall::Destroy;
        let done = request.fault(call.call).is_none() && call.refused.is_none();
        if over && looks && (done || call.call != StoreCall::Get) {
            self.ledger.remove(id);
        }
        let before = self.ledger.get(id).copied();
        let began = match from {
            Some((Operation::LogIn { .. }, _)) => Some(now),
            Some((_, born)) => {
                Some(before.and_then(|held| held.began).map_or(born, |began| began.max(born)))
            }
            None => None,
        };
        let end = call.expires.or_else(|| call.record.as_ref().and_then(cookie_end));
        let ended = self.ended.contains(call.to.as_deref().unwrap_or(id));
        // A load tells what is there now, and so does a refusal to a request that merges.
        let loads = done && call.call == StoreCall::Get;
        let tells = loads || self.merges() && call.refused == Some(Refused::Changed);
        let fails = call.call == StoreCall::Set && !done && call.refused.is_none();
        self.doubtful = !loads && (self.doubtful || fails);
        if tells && let Some(held) = self.ledger.get_mut(id) {
            held.unseen = false;
        }
        if done {
            let written = |record| Held { record, cookie: None, end, began, unseen: false };
            let held = call.record.as_ref().map(written);
            match (call.call, held) {
                (StoreCall::Get, _) | (_, None) if call.call != StoreCall::Destroy => {}
                (StoreCall::Touch, Some(touch)) => {
                    // Another version has an end of its own, unless nobody looks at versions.
                    let blind = self.scenario.options.conflict() == Conflict::Overwrite;
                    let held = self.ledger.get_mut(id).filter(|held| blind || !held.unseen);
                    if let Some(held) = held {
                        held.end = end;
                        // What is no record has no room for one.
                        if held.record.is_object() {
                            held.cookie = touch.record.get("cookie");
                        }
                    }
                }
                (StoreCall::Set, Some(held)) => drop(self.ledger.insert(id, held)),
                (StoreCall::Rotate, Some(held)) => {
                    self.ledger.remove(id);
                    self.ended.insert(id);
                    self.ledger.insert(call.to.as_deref().unwrap_or(id), held);
                }
                _ => {
                    self.ledger.remove(id);
                    self.ended.insert(id);
                }
            }
        }
        Event { call, now, part, done, end, began, ended, held: before.is_some() }
    }
}

/// Did an operation that asks the store get as far as that?
fn is_asked(result: &Value) -> bool {
    let error = result.get("error").and_then(Value::as_str);
    error.is_none_or(|error| matches!(error, "gone" | "missing" | "store")) || is_given_up(result)
}

/// Could an operation not merge what it found with what it had, or not write what comes of that?
fn is_given_up(result: &Value) -> bool {
    let error = result.get("error").and_then(Value::as_str);
    error.is_some_and(|error| error == "conflict" || error.starts_with("other: session record"))
}

/// Does the request's path have sessions?
fn is_below(options: &Options, request: &Request, quirks: bool) -> bool {
    let cookie = options.cookie_for(request.url()).and_then(|cookie| cookie.get("path"));
    let below = cookie.and_then(Value::as_str).filter(|path| !path.is_empty()).unwrap_or("/");
    let uri: Option<Uri> = request.url().parse().ok();
    let path = uri.as_ref().map_or("/", Uri::path);
    path.strip_prefix(below).is_some_and(|rest| {
        quirks || rest.is_empty() || rest.starts_with('/') || below.ends_with('/')
    })
}

/// Is the client's connection secure?
fn is_secure(options: &Options, request: &Request, quirks: bool) -> bool {
    let protos =
        request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-proto"));
    let protos: Vec<_> = protos.map(|(_, line)| line).collect();
    let said = if quirks {
        protos.first().and_then(|line| line.split(',').next())
    } else {
        protos.last().and_then(|line| line.rsplit(',').next())
    };
    let forwarded = said.is_some_and(|proto| proto.trim_ascii().eq_ignore_ascii_case("https"));
    request.encrypted()
        || match options.proxy {
            None => request.secure(),
            Some(trust) => trust && forwarded,
        }
}
