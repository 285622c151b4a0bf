//! When a session ends by itself: to the millisecond, at each boundary, under both presets.
//!
//! Three things can end a session: the idle timeout, the absolute one, and the cookie's `maxAge`. Each
//! test tells a story with one of them, works out by a rule of its own when the session is to end, and
//! comes back 1 ms before that moment, at it, and 1 ms after it: only the first of the three finds the
//! session. The store is the memory store, which looks at nothing but the record's expiry.

use std::time::Duration;

use http_session::store::Save;
use http_session::store::{Expect, Written};
use http_session::{
    Action, Config, ConfigBuilder, Connection, CookieOptions, Exchange, Origin, Record,
    RequestFacts, SessionId, Timeouts, Timestamp,
};
use http_session_conformance::driver::{self, at_once};
use http_session_store::testing::TestEnv;
use http_session_store::{Env, Error, MemoryStore, Store};

const START: i64 = 1_700_000_000_000;
const LENGTH: i64 = 60_000;
const SECRET: &str = "a secret of tests, 32 bytes long";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Preset {
    Express,
    Recommended,
}

/// What ends the session, [`LENGTH`] after it was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Limit {
    Absolute,
    CookieMaxAge,
    Idle,
}

/// What a request does with the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    LogIn,
    Read,
    Renew,
    /// Calls `save`, with a change before it.
    Save,
    Touch,
    Write,
}

const PRESETS: [Preset; 2] = [Preset::Express, Preset::Recommended];
const LIMITS: [Limit; 3] = [Limit::Absolute, Limit::CookieMaxAge, Limit::Idle];
const USES: [Use; 6] = [Use::LogIn, Use::Read, Use::Renew, Use::Save, Use::Touch, Use::Write];

/// Each preset with each limit.
fn each() -> impl Iterator<Item = (Preset, Limit)> {
    PRESETS.into_iter().flat_map(|preset| LIMITS.map(|limit| (preset, limit)))
}

fn millis(length: i64) -> Duration {
    Duration::from_millis(length.try_into().expect("a length"))
}

fn moment(at: i64) -> Timestamp {
    Timestamp::from_millis(START + at).expect("a moment")
}

/// A server with one client. Times are milliseconds after the start.
struct World {
    config: Config,
    /// The client's Cookie header.
    cookie: Option<String>,
    env: TestEnv,
    store: MemoryStore,
}

impl World {
    fn of(preset: Preset, limits: &[(Limit, i64)]) -> Self {
        let builder: ConfigBuilder = match preset {
            Preset::Express => Config::express(SECRET).resave(false).save_uninitialized(false),
            Preset::Recommended => Config::recommended(SECRET),
        };
        let find = |limit| limits.iter().find(|(other, _)| *other == limit);
        let length = |limit| find(limit).map(|(_, length)| millis(*length));
        let timeouts = Timeouts { idle: length(Limit::Idle), absolute: length(Limit::Absolute) };
        let cookie = CookieOptions::new().max_age(length(Limit::CookieMaxAge));
        let config = builder.timeouts(timeouts).cookie(cookie).build().expect("sound options");
        let (env, store) = (TestEnv::new(moment(0)), MemoryStore::new());
        Self { config, cookie: None, env, store }
    }

    /// A server on which a session was made at 0.
    fn with_session(preset: Preset, limits: &[(Limit, i64)]) -> Self {
        let mut world = Self::of(preset, limits);
        assert_eq!(world.request(0, Use::Write), Origin::Absent);
        world
    }

    /// A request that comes and ends at `at`.
    fn request(&mut self, at: i64, what: Use) -> Origin {
        let (origin, end) = self.slow_request(at, what, 0);
        end.expect("nothing is in the way");
        origin
    }

    /// A request that comes at `at`, and ends `lasting` later (earlier, if the clock steps back).
    fn slow_request(&mut self, at: i64, what: Use, lasting: i64) -> (Origin, Result<(), Error>) {
        self.env.set(moment(at));
        let facts = RequestFacts {
            path: "/",
            connection: Connection::Encrypted,
            ..RequestFacts::default()
        };
        let cookie = self.cookie.as_ref().map(|cookie| cookie.as_bytes());
        let begin = self.config.begin(&facts, cookie, self.env.now());
        let opened = driver::open(begin, &self.store, &self.env).expect("it opens");
        let mut exchange = opened.expect("all paths have sessions");
        let origin = exchange.origin();
        self.act(&mut exchange, what);
        self.env.advance(lasting);
        let outcome = match driver::close(exchange, &self.store, &self.env) {
            Ok(outcome) => outcome,
            Err(error) => return (origin, Err(error)),
        };
        if let Some(line) = outcome.set_cookie() {
            let line = line.to_str().expect("ASCII");
            self.cookie = line.split(';').next().map(Into::into);
        }
        (origin, Ok(()))
    }

    fn act(&self, exchange: &mut Exchange, what: Use) {
        let genid = || self.env.genid().expect("ids are scripted");
        let run = |exchange: &mut Exchange, action| {
            driver::run(exchange, action, &self.store, &self.env).expect("the store answers");
        };
        let session = exchange.session().expect("there is a session");
        let count = session.get::<u64>("n").expect("a number").unwrap_or_default() + 1;
        match what {
            Use::Read => {}
            Use::Touch => session.cookie_mut().touch(self.env.now()),
            Use::Write => session.insert("n", count).expect("a number is JSON"),
            Use::Save => {
                session.insert("n", count).expect("a number is JSON");
                run(exchange, Action::Save);
            }
            Use::Renew => run(exchange, Action::Renew(genid())),
            Use::LogIn => run(exchange, Action::LogIn(genid())),
        }
    }

    /// When the only record is to expire; `None` if there is no record.
    fn end(&self) -> Option<i64> {
        // So early that nothing has expired yet: looking removes nothing.
        let records = self.store.all(Timestamp::MIN);
        assert!(records.len() < 2, "one session has one record");
        let end = records.first()?.1.expires().expect("every record has an end");
        Some(end.as_millis() - START)
    }

    /// Comes back at `end` and 1 ms around it, on a copy of this world each, and checks that the
    /// session ends at that moment.
    fn ends_at(again: impl Fn() -> Self, end: i64, context: &str) {
        assert_eq!(again().end(), Some(end), "the record's expiry: {context}");
        for (late, found) in [(-1, true), (0, false), (1, false)] {
            let mut world = again();
            let origin = world.request(end + late, Use::Read);
            assert_eq!(origin == Origin::Loaded, found, "{late} ms: {context}: {origin}");
            if !found {
                assert_eq!(world.end(), None, "it is gone: {late} ms: {context}");
            }
        }
    }
}

/// When a session ends that was made at 0 and used at `used`.
fn end(limit: Limit, what: Use, used: i64) -> i64 {
    match (limit, what) {
        // Its time goes on, whatever is done. A log-in is a new beginning.
        (Limit::Absolute, Use::LogIn) => used + LENGTH,
        (Limit::Absolute, _) => LENGTH,
        // Each use is a new beginning.
        (Limit::CookieMaxAge | Limit::Idle, _) => used + LENGTH,
    }
}

// EX-1, B-200: a plain load
#[test]
fn a_session_that_is_not_used() {
    for (preset, limit) in each() {
        let again = || World::with_session(preset, &[(limit, LENGTH)]);
        World::ends_at(again, LENGTH, &format!("{preset:?} {limit:?}"));
    }
}

// B-091, B-177, B-202: each use, at the beginning, in the middle, and in the last millisecond
#[test]
fn a_session_that_was_used_once() {
    for (preset, limit) in each() {
        for what in USES {
            for used in [0, 1, 25_000, LENGTH - 1] {
                let again = || {
                    let mut world = World::with_session(preset, &[(limit, LENGTH)]);
                    assert_eq!(world.request(used, what), Origin::Loaded);
                    world
                };
                let context = format!("{preset:?} {limit:?} {what:?} at {used}");
                World::ends_at(again, end(limit, what, used), &context);
            }
        }
    }
}

// EX-3: A new id extends nothing; only a log-in does. One after the other, in both orders.
#[test]
fn renewals_and_log_ins() {
    for preset in PRESETS {
        for (first, second, end) in [
            (Use::Renew, Use::Renew, LENGTH),
            (Use::Renew, Use::LogIn, 20_000 + LENGTH),
            (Use::LogIn, Use::Renew, 10_000 + LENGTH),
            (Use::LogIn, Use::LogIn, 20_000 + LENGTH),
            (Use::LogIn, Use::Write, 10_000 + LENGTH),
        ] {
            let again = || {
                let mut world = World::with_session(preset, &[(Limit::Absolute, LENGTH)]);
                world.request(10_000, first);
                world.request(20_000, second);
                world
            };
            World::ends_at(again, end, &format!("{preset:?} {first:?} {second:?}"));
        }
    }
}

// B-131: a request that began in time and ends late. Its touch brings nothing back.
#[test]
fn a_late_touch() {
    for (preset, limit) in each() {
        for late in [-1, 0, 1] {
            let context = format!("{preset:?} {limit:?} {late} ms");
            let mut world = World::with_session(preset, &[(limit, LENGTH)]);
            let (origin, ended) = world.slow_request(30_000, Use::Read, 0);
            assert!(origin == Origin::Loaded && ended.is_ok());
            let deadline = end(limit, Use::Read, 30_000);
            let began = 40_000;
            let (origin, ended) = world.slow_request(began, Use::Read, deadline + late - began);
            assert!(origin == Origin::Loaded && ended.is_ok(), "{context}: {origin}");
            let left = (late < 0).then(|| end(limit, Use::Read, deadline + late));
            assert_eq!(world.end(), left, "{context}");
            let next = world.request(deadline + late + 1, Use::Read);
            // The absolute timeout has come 1 ms later in any case.
            let found = late < 0 && limit != Limit::Absolute;
            assert_eq!(next == Origin::Loaded, found, "{context}: {next}");
        }
    }
}

// A late save: under `recommended` it is refused, what has ended stays so. Under `express` the last
// writer wins (B-130), but for the absolute timeout, which no writer extends.
#[test]
fn a_late_save() {
    for (preset, limit) in each() {
        for late in [-1, 0, 1] {
            let context = format!("{preset:?} {limit:?} {late} ms");
            let mut world = World::with_session(preset, &[(limit, LENGTH)]);
            let (origin, ended) = world.slow_request(30_000, Use::Write, LENGTH + late - 30_000);
            assert_eq!(origin, Origin::Loaded, "{context}");
            let refused = late >= 0 && preset == Preset::Recommended;
            assert_eq!(matches!(ended, Err(Error::Gone)), refused, "{context}: {ended:?}");
            let next = world.request(LENGTH + late + 1, Use::Read);
            let found = !refused && limit != Limit::Absolute;
            assert_eq!(next == Origin::Loaded, found, "{context}: {next}");
        }
    }
}

// OWASP ASVS 5.0 7.3.2: whatever is requested, and with the idle timeout beside it
#[test]
fn the_absolute_timeout_comes_while_the_session_is_used() {
    const MINUTE: i64 = 60_000;
    for preset in PRESETS {
        for what in [Use::Read, Use::Renew, Use::Save, Use::Touch, Use::Write] {
            let context = format!("{preset:?} {what:?}");
            let limits = [
                (Limit::Absolute, 30 * MINUTE),
                (Limit::Idle, 5 * MINUTE),
                (Limit::CookieMaxAge, 10 * MINUTE),
            ];
            let again = || {
                let mut world = World::with_session(preset, &limits);
                for minute in 1..30 {
                    assert_eq!(world.request(minute * MINUTE, what), Origin::Loaded, "{context}");
                    // The nearest of the three counts.
                    let end = (minute + 5).min(30) * MINUTE;
                    assert_eq!(world.end(), Some(end), "{context}: minute {minute}");
                }
                world
            };
            World::ends_at(again, 30 * MINUTE, &context);
        }
    }
}

// Of the three, whichever comes first
#[test]
fn the_nearest_end_counts() {
    let lengths = [10_000, 20_000, 30_000];
    for preset in PRESETS {
        for (absolute, cookie, idle) in
            [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
        {
            let limits = [
                (Limit::Absolute, lengths[absolute]),
                (Limit::CookieMaxAge, lengths[cookie]),
                (Limit::Idle, lengths[idle]),
            ];
            if preset == Preset::Recommended && idle > absolute {
                // Refused: such an idle timeout never comes.
                continue;
            }
            World::ends_at(
                || World::with_session(preset, &limits),
                lengths[0],
                &format!("{preset:?} {limits:?}"),
            );
        }
    }
}

// EX-10: A clock that steps back between two requests: a session is not lost by it, and what counts from
// now counts from the new now. The absolute timeout stays where it was.
#[test]
fn the_clock_steps_back_between_requests() {
    for (preset, limit) in each() {
        for what in USES {
            let again = || {
                let mut world = World::with_session(preset, &[(limit, LENGTH)]);
                assert_eq!(world.request(-5_000, what), Origin::Loaded);
                world
            };
            let context = format!("{preset:?} {limit:?} {what:?}");
            World::ends_at(again, end(limit, what, -5_000), &context);
        }
    }
}

// EX-10, B-125: the same within a request: the end counts from where the clock stands then. What the absolute timeout
// counts from was read before, and stays.
#[test]
fn the_clock_steps_back_within_a_request() {
    for (preset, limit) in each() {
        for what in USES {
            let again = || {
                let mut world = World::with_session(preset, &[(limit, LENGTH)]);
                let (origin, ended) = world.slow_request(10_000, what, -4_000);
                assert!(origin == Origin::Loaded && ended.is_ok());
                world
            };
            // What a renewal has written is not written again at the end, but for the quirk B-125.
            let once = preset == Preset::Recommended && matches!(what, Use::LogIn | Use::Renew);
            let end = match limit {
                Limit::CookieMaxAge | Limit::Idle if !once => end(limit, what, 6_000),
                _ => end(limit, what, 10_000),
            };
            World::ends_at(again, end, &format!("{preset:?} {limit:?} {what:?}"));
        }
        // The request that makes the session.
        let again = || {
            let mut world = World::of(preset, &[(limit, LENGTH)]);
            world.slow_request(10_000, Use::Write, -4_000).1.expect("it is saved");
            world
        };
        let end = LENGTH + if limit == Limit::Absolute { 10_000 } else { 6_000 };
        World::ends_at(again, end, &format!("{preset:?} {limit:?}, a new session"));
    }
}

/// A record as Node writes it: nothing in it tells when the session was made.
fn from_node(preset: Preset, limits: &[(Limit, i64)]) -> World {
    let world = World::of(preset, limits);
    let id = SessionId::from_text("sid77").expect("an id");
    let text = r#"{"cookie":{"originalMaxAge":null,"expires":null,"secure":true,"httpOnly":true,
        "path":"/"},"n":1}"#;
    let record = Record::from_json(text).expect("a record");
    let written = at_once(world.store.save(&Save::new(id, record, Expect::Absent, moment(0))));
    assert!(matches!(written, Ok(Written::Saved(_))), "{written:?}");
    let value = http_session_conformance::client::sign("sid77", SECRET);
    World { cookie: Some(format!("{}={value}", world.config.name())), ..world }
}

// A session that a Node service made: its absolute timeout counts from the first load, and so does
// the idle one. The first load writes the beginning down; the second does not move it.
#[test]
fn a_record_that_node_made() {
    for preset in PRESETS {
        for what in USES {
            for first in [0, 7_000] {
                let again = || {
                    let mut world = from_node(preset, &[(Limit::Absolute, LENGTH)]);
                    assert_eq!(world.request(first, what), Origin::Loaded);
                    world
                };
                let context = format!("{preset:?} {what:?} at {first}");
                World::ends_at(again, first + LENGTH, &context);
                let later = || {
                    let mut world = again();
                    assert_eq!(world.request(first + 20_000, Use::Read), Origin::Loaded);
                    world
                };
                World::ends_at(later, first + LENGTH, &context);
            }
        }
        let again = || {
            let mut world = from_node(preset, &[(Limit::Idle, LENGTH)]);
            assert_eq!(world.request(7_000, Use::Read), Origin::Loaded);
            world
        };
        World::ends_at(again, 7_000 + LENGTH, &format!("{preset:?} idle"));
    }
}

// The absolute timeout is asked also where the store keeps what has expired.
#[test]
fn the_absolute_timeout_does_not_depend_on_the_store() {
    for preset in PRESETS {
        for (late, found) in [(-1, true), (0, false), (1, false)] {
            let mut world = World::with_session(preset, &[(Limit::Absolute, LENGTH)]);
            let (id, record) = world.store.all(Timestamp::MIN).remove(0);
            // The same record, from a store that says nothing of its end.
            let record = Record::from_json(&record.to_json()).expect("a record");
            assert_eq!(record.expires(), None);
            let save = Save::new(id, record, Expect::Present, moment(0));
            assert!(matches!(at_once(world.store.save(&save)), Ok(Written::Saved(_))));
            let origin = world.request(LENGTH + late, Use::Read);
            let expected = if found { Origin::Loaded } else { Origin::Expired };
            assert_eq!(origin, expected, "{preset:?} {late} ms");
        }
    }
}
