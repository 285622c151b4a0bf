//! The step machine: requests of one session, stopped between any two operations of the store.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{
    Action, Begin, Connection, Error, Exchange, Lookup, Pending, RequestFacts, SessionId, Timestamp,
};
use http_session_store::{MemoryStore, Store};
use serde_json::Value;

use super::{
    Answer, COUNT, Call, Case, Change, Cookie, Data, End, Failure, Fault, FaultKind, History, Id,
    Reply, Script, Seen, Setting, Step, orders,
};
use crate::driver::at_once;

/// Steps the requests of a case through their operations, in its order. A turn of a request that has ended is
/// skipped; what is left when the order has ended is done in turns, one operation of each request.
///
/// # Errors
/// The store failed.
pub async fn follow<S: Store>(
    setting: &Setting,
    store: &S,
    case: &Case<'_>,
) -> Result<History, S::Error> {
    let (mut turns, mut unused, mut late) = (case.order.iter(), 0, 0);
    let mut last = 0;
    let pick = |ready: &[usize]| {
        for turn in turns.by_ref() {
            if ready.contains(turn) {
                last = *turn;
                return last;
            }
            unused += 1;
        }
        late += 1;
        last = ready.iter().copied().find(|index| *index > last).unwrap_or(ready[0]);
        last
    };
    let mut history = run(setting, store, case, pick).await?;
    (history.unused, history.late) = (unused + turns.count(), late);
    Ok(history)
}

/// The [live states](History::live_state) in which the requests can end if each begins after the end of the one
/// before it, in any order of the requests.
pub fn one_after_the_other(setting: &Setting, ends: &[End], script: Script) -> BTreeSet<String> {
    let turns = 2 * script.turns();
    let blocks = orders::orders(ends.len(), 1);
    let states = blocks.map(|blocks| {
        // More turns than any needs.
        let order = Vec::from_iter(blocks.into_iter().flat_map(|request| vec![request; turns]));
        let (store, case) = (MemoryStore::new(), Case::new(ends, script, &order));
        at_once(follow(setting, &store, &case)).expect("it has room").live_state()
    });
    states.collect()
}

/// All orders of the operations of requests with these ends, each to the end of the last request, with all that
/// they need: more than [`follow`] can tell. Each is on a store of its own.
///
/// # Errors
/// A store failed.
pub async fn every_order<S: Store>(
    setting: &Setting,
    ends: &[End],
    script: Script,
    mut store: impl FnMut() -> S,
    mut each: impl FnMut(History),
) -> Result<(), S::Error> {
    // Depth first: each run follows `path` as far as that goes, and the first one ready after it.
    let (case, mut paths) = (Case::new(ends, script, &[]), vec![Vec::new()]);
    while let Some(path) = paths.pop() {
        let (mut depth, mut widths) = (0, Vec::new());
        let pick = |ready: &[usize]| {
            widths.push(ready.len());
            let choice = path.get(depth).copied().unwrap_or(0);
            depth += 1;
            ready[choice]
        };
        each(run(setting, &store(), &case, pick).await?);
        for (at, width) in widths.iter().enumerate().skip(path.len()) {
            for choice in 1..*width {
                let mut other = path.clone();
                other.resize(at, 0);
                other.push(choice);
                paths.push(other);
            }
        }
    }
    Ok(())
}

/// Races the requests of a case in truth: all that have an operation to ask for ask at the same time, each
/// its own of `stores`, which share their records; when all have their answers, they ask again. Nobody knows in
/// which order the store did it, so the history's steps are none, and its end is what there is to be looked at.
///
/// # Errors
/// A store failed.
pub async fn at_the_same_time<S: Store>(
    setting: &Setting,
    stores: &[S],
    case: &Case<'_>,
) -> Result<History, S::Error> {
    let mut machine = Machine::start(setting, &stores[0], case).await?;
    loop {
        let ready = machine.ready();
        if ready.is_empty() {
            return machine.end().await;
        }
        machine.tick();
        let nexts: Vec<Next> = ready.iter().map(|index| machine.next(*index)).collect();
        let operations: Vec<Operation> = nexts.iter().map(Next::operation).collect();
        let asked = ready.iter().zip(&operations);
        let replies =
            try_join_all(asked.map(|(index, operation)| operation.ask(&stores[*index]))).await?;
        for ((index, next), reply) in ready.into_iter().zip(nexts).zip(replies) {
            machine.take(index, next, Ok(reply));
        }
    }
}

async fn run<S: Store>(
    setting: &Setting,
    store: &S,
    case: &Case<'_>,
    mut pick: impl FnMut(&[usize]) -> usize,
) -> Result<History, S::Error> {
    let mut machine = Machine::start(setting, store, case).await?;
    loop {
        let ready = machine.ready();
        if ready.is_empty() {
            break;
        }
        machine.step(pick(&ready)).await?;
    }
    machine.end().await
}

struct Machine<'a, S> {
    ends: &'a [End],
    fault: Option<Fault>,
    ids: Vec<SessionId>,
    /// What failed for its request, and is still on its way to the store.
    late: Option<(Operation, Step)>,
    makers: Vec<Option<usize>>,
    name: &'a str,
    now: Timestamp,
    requests: Vec<Request>,
    script: Script,
    setting: &'a Setting,
    steps: Vec<Step>,
    store: &'a S,
}

/// A request between two operations of the store.
struct Request {
    /// What its handler still has to do.
    acts: std::vec::IntoIter<Act>,
    /// What it changed, and is not written yet.
    adds: Vec<Change>,
    answer: Answer,
    /// The handler has done its part.
    closing: bool,
    exchange: Option<Exchange>,
    /// The Set-Cookie line of its answer.
    line: Option<String>,
    next: Option<Next>,
    /// Who it is; `None`: the request before all.
    number: Option<usize>,
}

/// A step of a handler.
enum Act {
    Add(Change),
    Destroy,
    Regenerate,
    Reload,
    Renew,
    Save,
}

fn acts(number: usize, end: End, script: Script) -> Vec<Act> {
    let key = |name: &str| Act::Add(Change::Key(format!("{name}{number}")));
    let mut acts = vec![key("saved"), Act::Save];
    if script == Script::Five {
        acts.extend([Act::Add(Change::Count), Act::Save]);
    }
    acts.push(Act::Reload);
    match end {
        End::Destroy => acts.push(Act::Destroy),
        End::Insert => acts.push(key("ended")),
        End::Read => {}
        End::Regenerate => acts.extend([Act::Regenerate, key("fresh")]),
        End::Renew => acts.push(Act::Renew),
        End::Update => acts.push(Act::Add(Change::Count)),
    }
    acts
}

/// What a request waits for.
enum Next {
    Ask(Box<Pending>),
    Load(Lookup),
}

/// What a store is asked.
#[derive(Clone)]
enum Operation {
    Delete(Delete),
    Load(Load),
    Rotate(Rotate),
    Save(Save),
    Touch(Touch),
}

/// What it answered.
enum Raw {
    Deleted,
    Loaded(Option<Stored>),
    Touched(Touched),
    Written(Written),
}

/// The error of an operation that failed.
#[derive(Clone, Copy, Debug)]
struct Lost;

impl Next {
    fn ask(pending: Pending) -> Self {
        Self::Ask(pending.into())
    }

    fn operation(&self) -> Operation {
        match self {
            Self::Load(lookup) => Operation::Load(lookup.operation.clone()),
            Self::Ask(pending) => match &**pending {
                Pending::Delete(ask) => Operation::Delete(ask.operation.clone()),
                Pending::Load(ask) => Operation::Load(ask.operation.clone()),
                Pending::Rotate(ask) => Operation::Rotate(ask.operation.clone()),
                Pending::Save(ask) => Operation::Save(ask.operation.clone()),
                Pending::Touch(ask) => Operation::Touch(ask.operation.clone()),
            },
        }
    }
}

impl Operation {
    async fn ask<S: Store>(&self, store: &S) -> Result<Raw, S::Error> {
        match self {
            Self::Delete(delete) => store.delete(delete).await.map(|()| Raw::Deleted),
            Self::Load(load) => store.load(load).await.map(Raw::Loaded),
            Self::Rotate(rotate) => store.rotate(rotate).await.map(Raw::Written),
            Self::Save(save) => store.save(save).await.map(Raw::Written),
            Self::Touch(touch) => store.touch(touch).await.map(Raw::Touched),
        }
    }

    const fn made(&self) -> Timestamp {
        match self {
            Self::Delete(Delete { now, .. })
            | Self::Load(Load { now, .. })
            | Self::Rotate(Rotate { now, .. })
            | Self::Save(Save { now, .. })
            | Self::Touch(Touch { now, .. }) => *now,
        }
    }

    /// Does it let a record live on that it does not write?
    const fn renews(&self) -> bool {
        match self {
            Self::Load(load) => load.refresh.is_some(),
            Self::Touch(_) => true,
            Self::Delete(_) | Self::Rotate(_) | Self::Save(_) => false,
        }
    }
}

impl Raw {
    fn reply(&self) -> Reply {
        match self {
            Self::Deleted => Reply::Deleted,
            Self::Loaded(None) => Reply::Nothing,
            Self::Loaded(Some(stored)) => Reply::Found(seen(stored).data),
            Self::Touched(Touched::Alive) => Reply::Alive,
            Self::Touched(Touched::Gone) | Self::Written(Written::Gone) => Reply::Gone,
            Self::Written(Written::Changed(stored)) => Reply::Changed(seen(stored).data),
            Self::Written(Written::Exists) => Reply::Exists,
            Self::Written(Written::Saved(_)) => Reply::Saved,
        }
    }
}

/// The session's beginning, as the record tells it.
const CREATED: &str = "http-session:created";

fn seen(stored: &Stored) -> Seen {
    let record: BTreeMap<String, Value> = serde_json::from_slice(&stored.record).expect("JSON");
    let mut data: Data =
        record.into_iter().filter_map(|(key, value)| Some((key, value.as_i64()?))).collect();
    let created = data.remove(CREATED).and_then(Timestamp::from_millis);
    Seen { created, data, expires: stored.expires }
}

impl<'a, S: Store> Machine<'a, S> {
    /// The requests of a case before their first operations: a request before them has made the session, and
    /// each presents its cookie.
    async fn start(
        setting: &'a Setting,
        store: &'a S,
        case: &'a Case<'_>,
    ) -> Result<Self, S::Error> {
        let mut machine = Self {
            ends: case.ends,
            fault: None,
            ids: Vec::new(),
            late: None,
            makers: Vec::new(),
            name: &case.name,
            now: setting.start,
            requests: Vec::new(),
            script: case.script,
            setting,
            steps: Vec::new(),
            store,
        };
        let visit = vec![Act::Add(Change::Key("visited".into()))];
        machine.begin(None, None, visit);
        while !machine.ready().is_empty() {
            machine.step(0).await?;
        }
        let visit = machine.requests.pop().expect("it was there");
        let line = visit.line.expect("a cookie for who comes without one");
        let cookie = line.split(';').next().unwrap_or_default();
        machine.steps.clear();
        for (number, end) in case.ends.iter().enumerate() {
            machine.begin(Some(cookie), Some(number), acts(number, *end, case.script));
        }
        machine.fault = case.fault;
        Ok(machine)
    }

    /// A request with this Cookie header comes.
    fn begin(&mut self, cookie: Option<&str>, number: Option<usize>, acts: Vec<Act>) {
        let connection = Connection::Encrypted;
        let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
        let begin = self.setting.config.begin(&facts, cookie.map(str::as_bytes), self.now);
        let answer = Answer { cookie: Cookie::Kept, failed: None, found: false };
        self.requests.push(Request {
            acts: acts.into_iter(),
            adds: Vec::new(),
            answer,
            closing: false,
            exchange: None,
            line: None,
            next: None,
            number,
        });
        self.opened(self.requests.len() - 1, begin);
    }

    fn opened(&mut self, index: usize, begin: Begin) {
        let exchange = match begin {
            Begin::Load(lookup) => {
                self.requests[index].next = Some(Next::Load(lookup));
                return;
            }
            Begin::Create(create) => create.with_id(self.genid(index), self.now),
            Begin::Ready(exchange) => {
                self.requests[index].answer.found = true;
                exchange
            }
            Begin::Skip(_) => unreachable!("all paths have sessions"),
        };
        let request = &mut self.requests[index];
        let exchange = request.exchange.insert(exchange);
        match exchange.shorten(self.now) {
            Some(ask) => request.next = Some(Next::ask(Pending::Touch(ask))),
            None => self.handle(index),
        }
    }

    fn genid(&mut self, index: usize) -> SessionId {
        let id = format!("{}{}", self.name, self.ids.len());
        let id = SessionId::from_text(&id).expect("a name of letters");
        self.makers.push(self.requests[index].number);
        self.ids.push(id.clone());
        id
    }

    fn id(&self, id: &SessionId) -> Id {
        self.ids.iter().position(|known| known == id).expect("nobody else makes ids")
    }

    /// The handler goes on, up to where it asks the store.
    fn handle(&mut self, index: usize) {
        while let Some(act) = self.requests[index].acts.next() {
            let action = match act {
                Act::Add(change) => {
                    let request = &mut self.requests[index];
                    let exchange = request.exchange.as_mut().expect("it is open");
                    let session = exchange.session().expect("it goes on");
                    match &change {
                        Change::Count => session
                            .update(COUNT, |count: Option<i64>| count.unwrap_or(0) + 1)
                            .map(drop),
                        Change::Key(key) => session.insert(key, 1),
                    }
                    .expect("a number");
                    request.adds.push(change);
                    continue;
                }
                Act::Destroy => Action::Destroy,
                Act::Regenerate => Action::Regenerate(self.genid(index)),
                Act::Reload => Action::Reload,
                Act::Renew => Action::Renew(self.genid(index)),
                Act::Save => Action::Save,
            };
            let exchange = self.requests[index].exchange.as_mut().expect("it is open");
            if let Some(pending) =
                exchange.start::<Lost>(action, self.now).expect("it can be asked")
            {
                self.requests[index].next = Some(Next::ask(pending));
                return;
            }
        }
        self.close(index);
    }

    fn close(&mut self, index: usize) {
        let request = &mut self.requests[index];
        request.closing = true;
        let exchange = request.exchange.as_mut().expect("it is open");
        match exchange.finish::<Lost>(self.now).expect("nothing is too large") {
            Some(pending) => request.next = Some(Next::ask(pending)),
            None => self.answered(index),
        }
    }

    fn answered(&mut self, index: usize) {
        let request = &mut self.requests[index];
        let exchange = request.exchange.take().expect("it is open");
        // A request whose end failed has none.
        let Some(outcome) = exchange.outcome() else { return };
        let Some(line) = outcome.set_cookie() else { return };
        let line = line.to_str().expect("ASCII").to_owned();
        let id = line.split_once("=s%3A").and_then(|(_, rest)| rest.split('.').next());
        let id = id.map(|id| self.ids.iter().position(|known| known.as_str() == id));
        let request = &mut self.requests[index];
        request.answer.cookie = match id {
            None => Cookie::Cleared,
            Some(id) => Cookie::Set(id.expect("nobody else makes ids")),
        };
        request.line = Some(line);
    }

    /// The requests that wait for the store.
    fn ready(&self) -> Vec<usize> {
        let waits = |index: &usize| self.requests[*index].next.is_some();
        (0..self.requests.len()).filter(waits).collect()
    }

    fn next(&mut self, index: usize) -> Next {
        self.requests[index].next.take().expect("it is ready")
    }

    fn tick(&mut self) {
        let tick = i64::try_from(self.setting.tick.as_millis()).expect("not for ever");
        self.now = self.now.plus_millis(tick).expect("a moment");
    }

    /// One operation of a request, and all that follows up to its next one.
    async fn step(&mut self, index: usize) -> Result<(), S::Error> {
        self.tick();
        let next = self.next(index);
        let operation = next.operation();
        let fault = self.fault.take_if(|fault| fault.at == self.steps.len());
        let late = self.late.take();
        let heard = fault.is_none();
        let request = &self.requests[index];
        let step = Step {
            adds: request.adds.clone(),
            call: self.call(&operation),
            heard,
            late: false,
            made: operation.made(),
            now: self.now,
            renews: operation.renews(),
            reply: None,
            request: index,
            seen: Vec::new(),
        };
        let reply = match fault.map(|fault| fault.kind) {
            None => Ok(self.ask(&operation, step).await?),
            Some(FaultKind::Done) => self.ask(&operation, step).await.map(|_| Err(Lost))?,
            Some(FaultKind::Late) => {
                self.steps.push(step.clone());
                self.late = Some((operation, step));
                Err(Lost)
            }
            Some(FaultKind::NotDone) => {
                self.steps.push(step);
                Err(Lost)
            }
        };
        self.take(index, next, reply);
        match late {
            Some((operation, step)) => self.catch_up(operation, step).await,
            None => Ok(()),
        }
    }

    /// What was late reaches the store.
    async fn catch_up(&mut self, operation: Operation, step: Step) -> Result<(), S::Error> {
        let step = Step { late: true, now: self.now, ..step };
        self.ask(&operation, step).await.map(drop)
    }

    /// Asks the store, looks at what it has then, and notes both.
    async fn ask(&mut self, operation: &Operation, mut step: Step) -> Result<Raw, S::Error> {
        let raw = operation.ask(self.store).await?;
        step.reply = Some(raw.reply());
        if step.renews || !matches!(step.call, Call::Load(_)) {
            for id in step.call.ids() {
                step.seen.push((id, self.look(id).await?));
            }
        }
        self.steps.push(step);
        Ok(raw)
    }

    fn call(&self, operation: &Operation) -> Call {
        match operation {
            Operation::Delete(delete) => Call::Delete(self.id(&delete.id)),
            Operation::Load(load) => Call::Load(self.id(&load.id)),
            Operation::Rotate(rotate) => {
                Call::Rotate { from: self.id(&rotate.from), to: self.id(&rotate.to) }
            }
            Operation::Save(save) => Call::Save(self.id(&save.id)),
            Operation::Touch(touch) => Call::Touch(self.id(&touch.id)),
        }
    }

    /// What the store has under an id now.
    async fn look(&self, id: Id) -> Result<Option<Seen>, S::Error> {
        let mut load = Load::new(self.ids[id].clone(), self.now, None);
        load.tell_end = true;
        Ok(self.store.load(&load).await?.as_ref().map(seen))
    }

    /// A request gets the answer that it waits for.
    fn take(&mut self, index: usize, next: Next, reply: Result<Raw, Lost>) {
        let now = self.now;
        let (pending, reply) = match (next, reply) {
            (Next::Load(lookup), Ok(Raw::Loaded(stored))) => {
                let begin = lookup.answer(stored, now).expect("sound records");
                return self.opened(index, begin);
            }
            (Next::Load(_), _) => {
                self.requests[index].answer.failed = Some(Failure::Store);
                return;
            }
            (Next::Ask(pending), reply) => (pending, reply),
        };
        let request = &mut self.requests[index];
        if let Ok(Raw::Written(Written::Saved(_))) = reply {
            request.adds.clear();
        }
        let exchange = request.exchange.as_mut().expect("it is open");
        let loaded = |raw| match raw {
            Raw::Loaded(stored) => stored,
            _ => unreachable!("to a load"),
        };
        let written = |raw| match raw {
            Raw::Written(written) => written,
            _ => unreachable!("to a write"),
        };
        let next = match *pending {
            Pending::Delete(ask) => ask.complete(exchange, reply.map(drop), now).map(|()| None),
            Pending::Load(ask) => ask.complete(exchange, reply.map(loaded)).map(|()| None),
            Pending::Rotate(ask) => ask.complete(exchange, reply.map(written), now),
            Pending::Save(ask) => ask.complete(exchange, reply.map(written), now),
            Pending::Touch(ask) => {
                let touched = match reply {
                    Ok(Raw::Touched(touched)) => Some(touched),
                    _ => None,
                };
                ask.complete(exchange, touched, now);
                Ok(None)
            }
        };
        match next {
            Ok(Some(pending)) => request.next = Some(Next::ask(pending)),
            Ok(None) if request.closing => self.answered(index),
            Ok(None) => self.handle(index),
            Err(error) => {
                let failure = match error {
                    Error::Conflict => Failure::Conflict,
                    Error::Gone => Failure::Gone,
                    Error::Missing => Failure::Missing,
                    Error::Store(Lost) => Failure::Store,
                    error => panic!("{error:?}"),
                };
                request.answer.failed.get_or_insert(failure);
                // The handler gives up, and the session is closed like any other.
                if !request.closing {
                    self.close(index);
                }
            }
        }
    }

    /// The history is over.
    async fn end(mut self) -> Result<History, S::Error> {
        if let Some((operation, step)) = self.late.take() {
            self.catch_up(operation, step).await?;
        }
        let mut end = BTreeMap::new();
        for id in 0..self.ids.len() {
            if let Some(seen) = self.look(id).await? {
                end.insert(id, seen);
            }
        }
        let Setting { absolute, conflict, granularity, idle, .. } = *self.setting;
        Ok(History {
            absolute,
            ends: self.ends.to_vec(),
            script: self.script,
            answers: self.requests.into_iter().map(|request| request.answer).collect(),
            conflict,
            end,
            granularity,
            idle,
            late: 0,
            makers: self.makers,
            steps: self.steps,
            unused: 0,
        })
    }
}
