//! Requests of one page that race: a log-in, a renewal or a log-out against others that read or write,
//! in every order in which the store can see their operations, and with every order in which their
//! answers can reach the browser.
//!
//! What is checked after each schedule, under `Config::recommended`:
//!
//! 1. **Nobody is logged out by a late answer.** Whatever the order of arrival, the cookie that the
//!    browser ends up with is that of a session that lives, with the user of the log-in that was
//!    answered with success.
//! 2. **One id.** At no moment do two records live.
//! 3. **What has ended stays ended.** No id that was rotated away or deleted is seen again. A log-out
//!    stays one, whatever a slow request does.
//! 4. **Nothing is promised that was not done.** A cookie that is set was in the store when its answer was
//!    decided, a failed request sets no new id, and under [`Conflict::Merge`] every change of a request
//!    that succeeded is there in the end.
//!
//! Three kinds of schedule break the first three. No server can do better with one id for each session
//! and a browser that takes cookies in the order in which they arrive. [`Exception`] names them; each is
//! asserted to occur, so that a cure would be noticed, and nothing else is let through.

use std::collections::BTreeSet;

use http_session::store::{Stored, Written};
use http_session::{
    Action, Begin, Config, ConfigBuilder, Conflict, Connection, CookieOptions, Exchange, Lookup,
    Pending, RequestFacts, SessionId, Timestamp,
};
use http_session_conformance::driver::at_once;
use http_session_store::testing::TestEnv;
use http_session_store::{Env, MemoryStore, Store};

/// What a request's handler does. A method that fails does not end it: its answer says so, and the
/// session is closed like any other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Act {
    Destroy,
    LogIn,
    /// Only looks; the end of the request touches.
    Read,
    Regenerate,
    Renew,
    /// Writes a key, and saves it itself.
    Save,
    Update,
    /// The first request of all: makes the session.
    Visit,
    Write,
}

/// Why a schedule may break an invariant.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Exception {
    /// The request came with the old id when that had ended, so it found nothing, and its handler wrote
    /// all the same: to the server that is a new visitor, who gets a session and a cookie. (One that
    /// only reads gets neither.)
    Newcomer,
    /// The answer was decided before the id was changed and carries a cookie with the old one (`rolling`,
    /// or a lifetime and a change). It reaches the browser after the one with the new id.
    OldAnswer,
    /// A log-out or a regeneration came with the old id, and another request had given the session a new
    /// one meanwhile: it finds no session, or its delete finds no record. The renewed session lives on.
    RenewedMeanwhile,
}

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Broken {
    /// An id that had ended is seen again.
    Back,
    /// The browser's cookie leads nowhere, though nobody logged out.
    LoggedOut,
    /// A change of a request that succeeded is not there.
    Lost,
    /// The log-in was answered with success, and the browser has another session.
    NotLoggedIn,
    /// A failed request set a new id, or any request one that was not in the store.
    Promised,
    /// The log-out was answered, and there is a session still.
    StillIn,
    /// Two records live.
    TwoIds,
}

impl Broken {
    /// What excuses it. A newcomer's session and one that was renewed meanwhile live beside the other,
    /// and their cookie may be the one that the browser ends up with.
    const fn excuses(self) -> &'static [Exception] {
        match self {
            Self::Back | Self::Promised => &[],
            Self::LoggedOut => &[Exception::OldAnswer],
            Self::Lost | Self::NotLoggedIn | Self::StillIn | Self::TwoIds => {
                &[Exception::Newcomer, Exception::RenewedMeanwhile]
            }
        }
    }
}

/// How the session is configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cookies {
    /// As the preset has it: sent once, gone with the browser.
    Default,
    MaxAge,
    Rolling,
}

const SECRET: &str = "a secret of tests, 32 bytes long";

fn config(conflict: Conflict, cookies: Cookies) -> Config {
    let builder: ConfigBuilder = Config::recommended(SECRET).conflict(conflict);
    let builder = match cookies {
        Cookies::Default => builder,
        Cookies::MaxAge => {
            builder.cookie(CookieOptions::new().max_age(std::time::Duration::from_secs(3_600)))
        }
        Cookies::Rolling => builder.rolling(true),
    };
    builder.build().expect("sound options")
}

/// The server's side of a schedule: one store, one clock.
struct Server {
    config: Config,
    env: TestEnv,
    store: MemoryStore,
    /// The ids that live.
    alive: BTreeSet<String>,
    /// Those that have ended.
    dead: BTreeSet<String>,
    broken: BTreeSet<Broken>,
}

/// A request between two operations of the store.
struct Request {
    act: Act,
    /// The handler has done its part.
    closing: bool,
    exchange: Option<Exchange>,
    /// It failed, or a method of it did.
    failed: bool,
    /// The Set-Cookie line of its answer.
    line: Option<String>,
    /// It found the session.
    loaded: bool,
    next: Option<Next>,
    /// What it deleted was not there any more.
    missed: bool,
    /// Its answer sets an id that was alive when it was decided.
    sent_alive: bool,
}

enum Next {
    Ask(Box<Pending>),
    Load(Lookup),
}

impl Server {
    fn new(config: Config) -> Self {
        let start = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
        let (env, store) = (TestEnv::new(start), MemoryStore::new());
        let (alive, dead, broken) = Default::default();
        Self { config, env, store, alive, dead, broken }
    }

    fn genid(&self) -> SessionId {
        self.env.genid().expect("ids are scripted")
    }

    /// A request that comes with this Cookie header.
    fn begin(&self, cookie: Option<&str>, act: Act) -> Request {
        let facts = RequestFacts {
            path: "/",
            connection: Connection::Encrypted,
            ..RequestFacts::default()
        };
        let begin = self.config.begin(&facts, cookie.map(str::as_bytes), self.env.now());
        let mut request = Request {
            act,
            closing: false,
            exchange: None,
            failed: false,
            line: None,
            loaded: false,
            next: None,
            missed: false,
            sent_alive: false,
        };
        self.opened(&mut request, begin);
        request
    }

    fn opened(&self, request: &mut Request, begin: Begin) {
        let exchange = match begin {
            Begin::Load(lookup) => {
                request.next = Some(Next::Load(lookup));
                return;
            }
            Begin::Create(create) => create.with_id(self.genid(), self.env.now()),
            Begin::Ready(exchange) => {
                request.loaded = true;
                exchange
            }
            Begin::Skip(_) => unreachable!("all paths have sessions"),
        };
        request.exchange = Some(exchange);
        self.handle(request);
    }

    /// The handler, up to where it asks the store.
    fn handle(&self, request: &mut Request) {
        let exchange = request.exchange.as_mut().expect("it is open");
        let session = exchange.session().expect("nothing has ended it yet");
        let action = match request.act {
            Act::Read => None,
            Act::Write => {
                session.insert("written", 1).expect("JSON");
                None
            }
            Act::Visit => {
                session.insert("visited", true).expect("JSON");
                None
            }
            Act::Update => {
                session.update("count", |n: Option<i64>| n.unwrap_or(0) + 1).expect("a number");
                None
            }
            Act::Save => {
                session.insert("saved", 1).expect("JSON");
                Some(Action::Save)
            }
            Act::Destroy => Some(Action::Destroy),
            Act::LogIn => Some(Action::LogIn(self.genid())),
            Act::Regenerate => Some(Action::Regenerate(self.genid())),
            Act::Renew => Some(Action::Renew(self.genid())),
        };
        let Some(action) = action else { return self.close(request) };
        match exchange.start::<()>(action, self.env.now()) {
            Ok(Some(pending)) => request.next = Some(Next::Ask(pending.into())),
            Ok(None) => self.handled(request),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// The handler's method has succeeded.
    fn handled(&self, request: &mut Request) {
        if matches!(request.act, Act::LogIn | Act::Regenerate) {
            let exchange = request.exchange.as_mut().expect("it is open");
            let session = exchange.session().expect("a new one");
            session.insert("user", "ada").expect("JSON");
        }
        self.close(request);
    }

    fn close(&self, request: &mut Request) {
        request.closing = true;
        let exchange = request.exchange.as_mut().expect("it is open");
        match exchange.finish::<()>(self.env.now()).expect("nothing is too large") {
            Some(pending) => request.next = Some(Next::Ask(pending.into())),
            None => self.answered(request),
        }
    }

    fn answered(&self, request: &mut Request) {
        let outcome = request.exchange.take().and_then(Exchange::outcome).expect("it has ended");
        request.line = outcome.set_cookie().map(|line| line.to_str().expect("ASCII").to_owned());
        let sent = request.line.as_deref().and_then(sent_id);
        let records = self.store.all(self.env.now());
        request.sent_alive = records.iter().any(|(id, _)| Some(id.as_str()) == sent);
    }

    /// One operation of the store, and all that follows up to the next.
    fn step(&mut self, request: &mut Request) {
        let now = self.env.now();
        match request.next.take().expect("there is something left to do") {
            Next::Load(lookup) => {
                let reply: Option<Stored> =
                    at_once(self.store.load(&lookup.operation)).expect("room");
                let begin = lookup.answer(reply, now).expect("sound records");
                self.opened(request, begin);
            }
            Next::Ask(pending) => {
                let exchange = request.exchange.as_mut().expect("it is open");
                let written = |reply| -> Result<Written, ()> { Ok(reply) };
                let next = match *pending {
                    Pending::Delete(ask) => {
                        request.missed = !self.alive.contains(ask.operation.id.as_str());
                        at_once(self.store.delete(&ask.operation)).expect("room");
                        ask.complete(exchange, Ok::<_, ()>(()), now).map(|()| None)
                    }
                    Pending::Load(ask) => {
                        let reply = at_once(self.store.load(&ask.operation)).expect("room");
                        ask.complete(exchange, Ok::<_, ()>(reply)).map(|()| None)
                    }
                    Pending::Rotate(ask) => {
                        let reply = at_once(self.store.rotate(&ask.operation)).expect("room");
                        ask.complete(exchange, written(reply), now)
                    }
                    Pending::Save(ask) => {
                        let reply = at_once(self.store.save(&ask.operation)).expect("room");
                        ask.complete(exchange, written(reply), now)
                    }
                    Pending::Touch(ask) => {
                        let reply = at_once(self.store.touch(&ask.operation)).expect("room");
                        ask.complete(exchange, Some(reply), now);
                        Ok(None)
                    }
                };
                match next {
                    Ok(Some(pending)) => request.next = Some(Next::Ask(pending.into())),
                    Ok(None) if request.closing => self.answered(request),
                    Ok(None) => self.handled(request),
                    Err(_) => {
                        request.failed = true;
                        if !request.closing {
                            self.close(request);
                        }
                    }
                }
            }
        }
        self.look();
    }

    /// Looks at the ids after an operation.
    fn look(&mut self) {
        let records = self.store.all(self.env.now());
        let alive: BTreeSet<String> = records.iter().map(|(id, _)| id.as_str().into()).collect();
        self.dead.extend(self.alive.difference(&alive).cloned());
        if alive.len() > 1 {
            self.broken.insert(Broken::TwoIds);
        }
        if alive.intersection(&self.dead).next().is_some() {
            self.broken.insert(Broken::Back);
        }
        self.alive = alive;
    }

    /// The data of the session that a cookie leads to; changes nothing.
    fn seen_with(&self, cookie: Option<&str>) -> Option<serde_json::Value> {
        let request = self.begin(cookie, Act::Read);
        let Some(Next::Load(lookup)) = request.next else { return None };
        let stored = at_once(self.store.load(&lookup.operation)).expect("room")?;
        serde_json::from_slice(&stored.record).ok()
    }
}

/// The browser's jar: a line sets the cookie or takes it away.
fn take(jar: &mut Option<String>, line: &str) {
    let pair = line.split(';').next().unwrap_or_default();
    *jar = if line.contains("Expires=Thu, 01 Jan 1970") { None } else { Some(pair.into()) };
}

/// The id that a line carries; `None` if it takes the cookie away.
fn sent_id(line: &str) -> Option<&str> {
    line.split_once("=s%3A")?.1.split('.').next()
}

/// All orders of `count` things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: Vec<usize>| {
        (0..count).map(move |at| {
            let mut order = order.clone();
            order.insert(at, count - 1);
            order
        })
    };
    orders(count - 1).into_iter().flat_map(insert).collect()
}

/// A schedule that was carried out: whose operation came when.
type Schedule = Vec<usize>;

/// Runs the requests, all with the same cookie, as `pick` says; what was broken, and the exceptions that
/// apply.
fn run(
    config: &Config,
    acts: &[Act],
    conflict: Conflict,
    mut pick: impl FnMut(&[usize]) -> usize,
) -> (Schedule, BTreeSet<Broken>, BTreeSet<Exception>) {
    let mut server = Server::new(config.clone());
    // The session that the browser has.
    let mut first = server.begin(None, Act::Visit);
    while first.next.is_some() {
        server.step(&mut first);
    }
    let mut jar = None;
    take(&mut jar, first.line.as_deref().expect("a cookie for the newcomer"));

    let mut requests: Vec<Request> =
        acts.iter().map(|act| server.begin(jar.as_deref(), *act)).collect();
    let mut schedule = Schedule::new();
    loop {
        let ready: Vec<usize> =
            (0..requests.len()).filter(|index| requests[*index].next.is_some()).collect();
        if ready.is_empty() {
            break;
        }
        let index = ready[pick(&ready)];
        schedule.push(index);
        server.step(&mut requests[index]);
    }

    let mut exceptions = BTreeSet::new();
    let logs_out = acts.contains(&Act::Destroy);
    for request in &requests {
        if !request.loaded && !matches!(request.act, Act::Read | Act::Destroy | Act::Renew) {
            exceptions.insert(Exception::Newcomer);
        }
        let sent = request.line.as_deref().and_then(sent_id);
        if sent.is_some() && !request.sent_alive {
            server.broken.insert(Broken::Promised);
        }
        if request.sent_alive && sent.is_some_and(|id| server.dead.contains(id)) {
            exceptions.insert(Exception::OldAnswer);
        }
        if request.missed || !request.loaded && request.act == Act::Destroy {
            exceptions.insert(Exception::RenewedMeanwhile);
        }
        // If a method failed, the end may still send the id that the session has.
        if request.failed && sent.is_some_and(|id| id != "sid1") {
            server.broken.insert(Broken::Promised);
        }
    }

    // Who is to be logged in, if nobody logs out.
    let done = |act| requests.iter().any(|request| request.act == act && !request.failed);
    let user = done(Act::LogIn) || done(Act::Regenerate);
    for order in orders(requests.len()) {
        let mut jar = jar.clone();
        for line in order.iter().filter_map(|index| requests[*index].line.as_deref()) {
            take(&mut jar, line);
        }
        let seen = server.seen_with(jar.as_deref());
        if logs_out {
            if seen.is_some() || !server.alive.is_empty() {
                server.broken.insert(Broken::StillIn);
            }
            continue;
        }
        let Some(seen) = seen else {
            server.broken.insert(Broken::LoggedOut);
            continue;
        };
        if user && seen["user"] != "ada" {
            server.broken.insert(Broken::NotLoggedIn);
        }
        let keeps = |request: &&Request| conflict == Conflict::Merge && request.loaded;
        // What was regenerated is empty on purpose.
        let kept = requests.iter().filter(keeps).filter(|_| !acts.contains(&Act::Regenerate));
        for request in kept.filter(|request| !request.failed) {
            let lost = match request.act {
                Act::Write => seen["written"] != 1,
                Act::Save => seen["saved"] != 1,
                Act::Update => {
                    let updates = |other: &&Request| other.act == Act::Update && !other.failed;
                    seen["count"] != requests.iter().filter(updates).count()
                }
                _ => false,
            };
            if lost {
                server.broken.insert(Broken::Lost);
            }
        }
    }
    (schedule, server.broken, exceptions)
}

/// Every schedule of the requests; the exceptions without which an invariant would have been broken, and
/// how many schedules there were.
fn check(acts: &[Act], conflict: Conflict, cookies: Cookies) -> (BTreeSet<Exception>, usize) {
    let config = config(conflict, cookies);
    let (mut used, mut count) = (BTreeSet::new(), 0);
    // Depth first: each run follows `path` as far as that goes, and the first one ready after it.
    let mut paths = vec![Vec::new()];
    while let Some(path) = paths.pop() {
        let (mut depth, mut widths) = (0, Vec::new());
        let (schedule, broken, exceptions) = run(&config, acts, conflict, |ready| {
            widths.push(ready.len());
            let choice = path.get(depth).copied().unwrap_or(0);
            depth += 1;
            choice
        });
        count += 1;
        for (at, width) in widths.iter().enumerate().skip(path.len()) {
            for choice in 1..*width {
                let mut other = path.clone();
                other.resize(at, 0);
                other.push(choice);
                paths.push(other);
            }
        }
        for broken in broken {
            let excuses = broken.excuses().iter().filter(|excuse| exceptions.contains(excuse));
            let excuses: Vec<Exception> = excuses.copied().collect();
            let context = format!("{acts:?} {conflict:?} {cookies:?} in the order {schedule:?}");
            assert!(!excuses.is_empty(), "{context}: {broken:?}, {exceptions:?}");
            used.extend(excuses);
        }
    }
    (used, count)
}

const CONFLICTS: [Conflict; 3] = [Conflict::Merge, Conflict::Overwrite, Conflict::Refuse];
const OTHERS: [Act; 4] = [Act::Read, Act::Save, Act::Update, Act::Write];

// RC-4: A log-in, a renewal or a regeneration, against a request that reads or writes. The exception is a
// writer that came too late for its session.
#[test]
fn a_new_id_against_another_request() {
    let mut used = BTreeSet::new();
    for conflict in CONFLICTS {
        for act in [Act::LogIn, Act::Regenerate, Act::Renew] {
            for other in OTHERS {
                let (exceptions, count) = check(&[act, other], conflict, Cookies::Default);
                assert!(count >= 6, "{act:?} {other:?}: only {count} schedules");
                assert!(other != Act::Read || exceptions.is_empty(), "{act:?}: {exceptions:?}");
                used.extend(exceptions);
            }
        }
    }
    assert_eq!(used, [Exception::Newcomer].into());
}

// With two others at once.
#[test]
fn a_new_id_against_two_other_requests() {
    let mut used = BTreeSet::new();
    for act in [Act::LogIn, Act::Regenerate, Act::Renew] {
        for others in [
            [Act::Read, Act::Read],
            [Act::Read, Act::Write],
            [Act::Save, Act::Update],
            [Act::Update, Act::Update],
            [Act::Update, Act::Write],
        ] {
            let acts = [act, others[0], others[1]];
            let (exceptions, count) = check(&acts, Conflict::Merge, Cookies::Default);
            assert!(count > 50, "{acts:?}: only {count} schedules");
            used.extend(exceptions);
        }
    }
    assert_eq!(used, [Exception::Newcomer].into());
}

// Where answers carry the cookie of the session that they found, one that was decided before the id
// changed may come after the new one.
#[test]
fn a_new_id_against_an_answer_with_a_cookie() {
    let mut used = BTreeSet::new();
    for cookies in [Cookies::Rolling, Cookies::MaxAge] {
        for act in [Act::LogIn, Act::Regenerate, Act::Renew] {
            for other in OTHERS {
                let (exceptions, _) = check(&[act, other], Conflict::Merge, cookies);
                let carries = cookies == Cookies::Rolling || other != Act::Read;
                assert_eq!(
                    exceptions.contains(&Exception::OldAnswer),
                    carries,
                    "{act:?} {other:?}"
                );
                used.extend(exceptions);
            }
        }
    }
    assert_eq!(used, [Exception::Newcomer, Exception::OldAnswer].into());
}

// RC-6: Two log-ins at once: a double click.
#[test]
fn two_new_ids() {
    let acts = [Act::LogIn, Act::Regenerate, Act::Renew];
    for conflict in CONFLICTS {
        for (one, other) in acts.into_iter().flat_map(|one| acts.map(|other| (one, other))) {
            let (exceptions, _) = check(&[one, other], conflict, Cookies::Default);
            let mut known = BTreeSet::from([Exception::Newcomer]);
            if [one, other].contains(&Act::Regenerate) {
                known.insert(Exception::RenewedMeanwhile);
            }
            assert!(exceptions.is_subset(&known), "{one:?} {other:?}: {exceptions:?}");
        }
    }
}

// RC-1, RC-2, B-130: a log-out while another request is under way stays one, and a slow writer brings nothing back.
#[test]
fn a_log_out_against_another_request() {
    let mut used = BTreeSet::new();
    for conflict in CONFLICTS {
        for cookies in [Cookies::Default, Cookies::Rolling, Cookies::MaxAge] {
            for other in OTHERS {
                let (exceptions, _) = check(&[Act::Destroy, other], conflict, cookies);
                assert!(other != Act::Read || exceptions.is_empty(), "{cookies:?}: {exceptions:?}");
                used.extend(exceptions);
            }
        }
    }
    assert_eq!(used, [Exception::Newcomer].into());
}

// A log-out while another request changes the id: what was renewed before it lives on.
#[test]
fn a_log_out_against_a_renewal() {
    for conflict in CONFLICTS {
        let (exceptions, _) = check(&[Act::Destroy, Act::Renew], conflict, Cookies::Default);
        assert_eq!(exceptions, [Exception::RenewedMeanwhile].into());
    }
}

/// A check that can't fail would prove nothing: without preconditions the invariants break.
#[test]
fn express_breaks_them() {
    let config = Config::express(SECRET).resave(false).build().expect("sound options");
    let acts = [Act::Destroy, Act::Write];
    // The writer loads, the other one logs out, the writer ends.
    let mut order = [1, 0, 0].into_iter();
    let (schedule, broken, _) = run(&config, &acts, Conflict::Overwrite, |ready| {
        order.next().unwrap_or(0).min(ready.len() - 1)
    });
    assert_eq!(schedule, [1, 0, 0, 1]);
    assert_eq!(broken, [Broken::Back, Broken::StillIn].into());
}
