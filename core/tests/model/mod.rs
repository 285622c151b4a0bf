//! Requests under `Config::recommended`, and a store with versions that keeps the contract.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;

use http_session::store::{Expect, Load, Stored, Touched, Version, Written};
use http_session::{
    Action, Begin, Config, ConfigBuilder, Connection, Error, Exchange, Outcome, Pending,
    RequestFacts, SessionId, Timestamp,
};
use http_session_model::text::sign;
use serde_json::Value;

/// The store's error.
pub(crate) type Down = &'static str;

pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const OLD_SECRET: [u8; 32] = [8; 32];

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_003_000).expect("a moment")
}

pub(crate) fn later(millis: i64) -> Timestamp {
    now().plus_millis(millis).expect("a moment")
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::from_text(text).expect("an id")
}

pub(crate) fn recommended() -> ConfigBuilder {
    Config::recommended(SECRET)
}

pub(crate) fn built(builder: ConfigBuilder) -> Config {
    builder.build().expect("sound options")
}

/// `s:id.signature`, made from HMAC alone.
pub(crate) fn signed(secret: &[u8], id: &str) -> String {
    format!("s:{}", sign(id, secret))
}

/// The Cookie line that presents `id`.
pub(crate) fn cookie(config: &Config, id: &str) -> String {
    format!("{}={}", config.name(), signed(&SECRET, id))
}

pub(crate) fn encrypted() -> RequestFacts<'static> {
    RequestFacts { path: "/", connection: Connection::Encrypted, ..RequestFacts::default() }
}

pub(crate) fn plain() -> RequestFacts<'static> {
    RequestFacts { path: "/", connection: Connection::Plain, ..RequestFacts::default() }
}

/// A record of a cookie as `Config::recommended` makes it; `data` goes on after a comma.
pub(crate) fn record(created: Option<Timestamp>, data: &str) -> String {
    let created = created.map(|created| created.as_millis());
    let created = created.map(|created| format!(",\"http-session:created\":{created}"));
    format!(
        "{{\"cookie\":{{\"originalMaxAge\":null,\"expires\":null,\"secure\":true,\
         \"httpOnly\":true,\"path\":\"/\",\"sameSite\":\"lax\"}}{}{data}}}",
        created.unwrap_or_default()
    )
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

pub(crate) fn get(exchange: &mut Exchange, key: &str) -> Option<Value> {
    exchange.session().expect("a session").data().get(key).cloned()
}

pub(crate) fn set(exchange: &mut Exchange, key: &str, value: i64) {
    exchange.session().expect("a session").insert(key, value).expect("JSON");
}

/// Adds to the number under `key`.
pub(crate) fn add(exchange: &mut Exchange, key: &str, more: i64) {
    let session = exchange.session().expect("a session");
    let sum = session.update(key, move |value: Option<i64>| value.unwrap_or_default() + more);
    sum.expect("a number");
}

pub(crate) fn line(outcome: &Outcome) -> Option<&str> {
    outcome.set_cookie().map(|line| line.to_str().expect("ASCII"))
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) expires: Option<Timestamp>,
    pub(crate) record: String,
    version: u64,
}

/// A store, and the letters of what it was asked: `G`et, `S`ave, `R`otate, `T`ouch, `D`elete.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) calls: String,
    /// The preconditions of the writes.
    pub(crate) expects: Vec<Expect>,
    pub(crate) is_down: bool,
    pub(crate) records: BTreeMap<String, Kept>,
    pub(crate) has_versions: bool,
    /// A load lets the record live on, if it is asked to.
    pub(crate) refreshes: bool,
    /// Counts the writes.
    pub(crate) version: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            calls: String::new(),
            expects: Vec::new(),
            is_down: false,
            records: BTreeMap::new(),
            has_versions: true,
            refreshes: false,
            version: 0,
        }
    }
}

impl Store {
    /// With one record.
    pub(crate) fn with(id: &str, record: &str) -> Self {
        let mut store = Self::default();
        store.put(id, record, None);
        store
    }

    pub(crate) fn put(&mut self, id: &str, record: &str, expires: Option<Timestamp>) {
        self.version += 1;
        let kept = Kept { expires, record: record.into(), version: self.version };
        self.records.insert(id.into(), kept);
    }

    /// The record of `id`, without its cookie.
    pub(crate) fn data(&self, id: &str) -> Option<Value> {
        let mut record = json(&self.records.get(id)?.record);
        record.as_object_mut()?.remove("cookie");
        Some(record)
    }

    fn version_of(&self, version: u64) -> Option<Version> {
        self.has_versions.then(|| Version(version.to_be_bytes().into()))
    }

    pub(crate) fn get(&self, id: &str) -> Option<Stored> {
        self.records.get(id).map(|kept| {
            let mut stored = Stored::new(kept.record.as_str());
            stored.version = self.version_of(kept.version);
            stored
        })
    }

    /// A load at the beginning of a request.
    fn find(&mut self, load: &Load) -> Option<Stored> {
        let mut stored = self.get(load.id.as_str())?;
        stored.expires = self.records.get(load.id.as_str())?.expires.filter(|_| load.tell_end);
        if let (true, Some(refresh)) = (self.refreshes, load.refresh) {
            let millis = refresh.as_millis().try_into().expect("a length");
            self.records.get_mut(load.id.as_str())?.expires = load.now.plus_millis(millis);
            stored.refreshed = true;
        }
        Some(stored)
    }

    /// Why a write is refused.
    fn refusal(&self, id: &str, expect: &Expect) -> Option<Written> {
        match (expect, self.get(id)) {
            (Expect::Absent, Some(_)) => Some(Written::Exists),
            (Expect::Present | Expect::Version(_), None) => Some(Written::Gone),
            (Expect::Version(version), Some(stored))
                if stored.version.as_ref() != Some(version) =>
            {
                Some(Written::Changed(stored))
            }
            _ => None,
        }
    }

    /// Does what is asked, and gives the answer back.
    pub(crate) fn answer(
        &mut self,
        exchange: &mut Exchange,
        pending: Pending,
        now: Timestamp,
    ) -> Result<Option<Pending>, Error<Down>> {
        let up = if self.is_down { Err("down") } else { Ok(()) };
        match pending {
            Pending::Delete(ask) => {
                self.calls.push('D');
                let reply = up.map(|()| drop(self.records.remove(ask.operation.id.as_str())));
                ask.complete(exchange, reply, now).map(|()| None)
            }
            Pending::Load(ask) => {
                self.calls.push('G');
                let reply = up.map(|()| self.get(ask.operation.id.as_str()));
                ask.complete(exchange, reply).map(|()| None)
            }
            Pending::Rotate(ask) => {
                self.calls.push('R');
                let (from, to) = (ask.operation.from.as_str(), ask.operation.to.as_str());
                let (record, expect) = (&ask.operation.record, &ask.operation.expect);
                self.expects.push(expect.clone());
                let reply = up.map(|()| {
                    let refusal = self.refusal(from, expect);
                    refusal.or_else(|| self.refusal(to, &Expect::Absent)).unwrap_or_else(|| {
                        self.records.remove(from);
                        self.put(to, &record.to_json(), record.expires());
                        Written::Saved(self.version_of(self.version))
                    })
                });
                ask.complete(exchange, reply, now)
            }
            Pending::Save(ask) => {
                self.calls.push('S');
                let (id, record) = (ask.operation.id.as_str(), &ask.operation.record);
                self.expects.push(ask.operation.expect.clone());
                let reply = up.map(|()| {
                    self.refusal(id, &ask.operation.expect).unwrap_or_else(|| {
                        self.put(id, &record.to_json(), record.expires());
                        Written::Saved(self.version_of(self.version))
                    })
                });
                ask.complete(exchange, reply, now)
            }
            Pending::Touch(ask) => {
                self.calls.push('T');
                let reply = up.map(|()| match self.records.get_mut(ask.operation.id.as_str()) {
                    Some(kept) => {
                        kept.expires = ask.operation.expires;
                        Touched::Alive
                    }
                    None => Touched::Gone,
                });
                ask.complete(exchange, reply.ok(), now);
                reply.map(|_| None).map_err(Error::Store)
            }
        }
    }

    /// Does all that is asked.
    pub(crate) fn carry_out(
        &mut self,
        exchange: &mut Exchange,
        mut next: Option<Pending>,
        now: Timestamp,
    ) -> Result<(), Error<Down>> {
        while let Some(pending) = next {
            next = self.answer(exchange, pending, now)?;
        }
        Ok(())
    }

    /// A method of the session.
    pub(crate) fn act(
        &mut self,
        exchange: &mut Exchange,
        action: Action,
        now: Timestamp,
    ) -> Result<(), Error<Down>> {
        let next = exchange.start(action, now)?;
        self.carry_out(exchange, next, now)
    }

    /// The end of the request.
    pub(crate) fn end(&mut self, exchange: Exchange) -> Result<Outcome, Error<Down>> {
        self.end_at(exchange, now())
    }

    pub(crate) fn end_at(
        &mut self,
        mut exchange: Exchange,
        now: Timestamp,
    ) -> Result<Outcome, Error<Down>> {
        let next = exchange.finish(now)?;
        self.carry_out(&mut exchange, next, now)?;
        Ok(exchange.outcome().expect("the store has answered"))
    }

    /// Begins with a request: its session, loaded, or a new one called `new`.
    pub(crate) fn begin(
        &mut self,
        config: &Config,
        request: &RequestFacts<'_>,
        cookie: &str,
        now: Timestamp,
    ) -> Exchange {
        let mut begin = config.begin(request, [cookie.as_bytes()], now);
        loop {
            begin = match begin {
                Begin::Create(create) => return create.with_id(id("new"), now),
                Begin::Load(lookup) => {
                    self.calls.push('G');
                    let reply = self.find(&lookup.operation);
                    lookup.answer(reply, now).expect("a record")
                }
                Begin::Ready(exchange) => return exchange,
                other => panic!("{other:?}"),
            }
        }
    }

    /// A request with the session `old`.
    pub(crate) fn load(&mut self, config: &Config) -> Exchange {
        self.begin(config, &encrypted(), &cookie(config, "old"), now())
    }
}
