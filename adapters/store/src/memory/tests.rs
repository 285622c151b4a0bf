use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::thread;

use http_session::{Begin, Config, Expires, RequestFacts, SessionCookie};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000).expect("a moment");

fn at(millis: i64) -> Timestamp {
    NOW.plus_millis(millis).expect("a moment")
}

fn id(text: &str) -> SessionId {
    SessionId::from_text(text).expect("an id")
}

/// A record with `n`, which expires at `end`.
fn record(n: u64, end: Option<Timestamp>) -> Record {
    let cookie = cookie(end.map_or(Expires::Session, Expires::At)).to_json();
    Record::from_json(&format!(r#"{{"cookie":{cookie},"n":{n}}}"#)).expect("a JSON object")
}

fn n(record: &[u8]) -> u64 {
    let record: serde_json::Value = serde_json::from_slice(record).expect("JSON");
    record["n"].as_u64().expect("a number")
}

/// The result of a future that does not wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a MemoryStore never waits"),
    }
}

fn load(store: &MemoryStore, key: &str, now: Timestamp) -> Option<Stored> {
    ready(store.load(&Load::new(id(key), now, None))).expect("no failure")
}

/// The number under `key` at [`NOW`], if there is one.
fn number(store: &MemoryStore, key: &str) -> Option<u64> {
    load(store, key, NOW).map(|stored| n(&stored.record))
}

fn save(store: &MemoryStore, key: &str, record: Record, expect: Expect) -> Result<Written, Full> {
    ready(store.save(&Save::new(id(key), record, expect, NOW)))
}

fn put(store: &MemoryStore, key: &str, record: Record) -> Version {
    match save(store, key, record, Expect::Anything) {
        Ok(Written::Saved(Some(version))) => version,
        other => panic!("{other:?}"),
    }
}

fn rotate(store: &MemoryStore, from: &str, to: &str, expect: Expect) -> Result<Written, Full> {
    ready(store.rotate(&Rotate::new(id(from), id(to), record(9, None), expect, NOW)))
}

/// A cookie of a new lifetime, as an end of request hands it over: it can be had from a session only.
fn cookie(end: Expires) -> SessionCookie {
    static COOKIE: LazyLock<SessionCookie> = LazyLock::new(|| {
        let config = Config::express("keyboard cat").build().expect("sound options");
        let facts = RequestFacts { path: "/", ..RequestFacts::default() };
        let Begin::Create(create) = config.begin(&facts, [], NOW) else {
            panic!("no cookie was presented")
        };
        create.with_id(id("sid"), NOW).session().expect("a session").cookie().clone()
    });
    let mut cookie = COOKIE.clone();
    cookie.set_expires(end, NOW);
    cookie
}

fn touch(store: &MemoryStore, key: &str, end: Timestamp, now: Timestamp) -> Touched {
    ready(store.touch(&Touch::new(id(key), cookie(Expires::At(end)), Some(end), None, now)))
        .expect("no failure")
}

fn delete(store: &MemoryStore, key: &str) {
    ready(store.delete(&Delete::new(id(key), NOW))).expect("no failure");
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Absent,
    Alive,
    Expired,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    Absent,
    Anything,
    Current,
    Outdated,
    Present,
}

const STATES: [State; 3] = [State::Absent, State::Alive, State::Expired];
const WANTED: [Wanted; 5] =
    [Wanted::Absent, Wanted::Anything, Wanted::Current, Wanted::Outdated, Wanted::Present];

/// Brings `key` into a state, and makes the precondition for it.
fn set_up(store: &MemoryStore, key: &str, state: State, wanted: Wanted) -> Expect {
    let outdated = put(store, key, record(0, None));
    let end = (state == State::Expired).then_some(NOW);
    let current = put(store, key, record(1, end));
    if state == State::Absent {
        delete(store, key);
    }
    match wanted {
        Wanted::Absent => Expect::Absent,
        Wanted::Anything => Expect::Anything,
        Wanted::Current => Expect::Version(current),
        Wanted::Outdated => Expect::Version(outdated),
        Wanted::Present => Expect::Present,
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Reply {
    Changed,
    Exists,
    Gone,
    Saved,
}

fn kind(written: &Result<Written, Full>) -> Reply {
    match written.as_ref().expect("there is room") {
        Written::Changed(_) => Reply::Changed,
        Written::Exists => Reply::Exists,
        Written::Gone => Reply::Gone,
        Written::Saved(_) => Reply::Saved,
    }
}

/// What a write must answer: HTTP's preconditions, and an expired record is none.
fn expected(state: State, wanted: Wanted) -> Reply {
    match (wanted, state == State::Alive) {
        (Wanted::Anything, _) | (Wanted::Absent, false) => Reply::Saved,
        (Wanted::Current | Wanted::Present, true) => Reply::Saved,
        (Wanted::Absent, true) => Reply::Exists,
        (Wanted::Outdated, true) => Reply::Changed,
        (Wanted::Current | Wanted::Outdated | Wanted::Present, false) => Reply::Gone,
    }
}

fn each_case(check: impl Fn(&MemoryStore, State, Wanted, Expect)) {
    for state in STATES {
        for wanted in WANTED {
            let store = MemoryStore::new();
            let expect = set_up(&store, "sid", state, wanted);
            check(&store, state, wanted, expect);
        }
    }
}

// B-200, B-203: a save under each precondition, over an absent, a living and an expired record
#[test]
fn save_under_each_precondition() {
    each_case(|store, state, wanted, expect| {
        let written = save(store, "sid", record(2, None), expect);
        assert_eq!(kind(&written), expected(state, wanted), "{state:?} {wanted:?}");
        let before = (state == State::Alive).then_some(1);
        let after = if kind(&written) == Reply::Saved { Some(2) } else { before };
        assert_eq!(number(store, "sid"), after, "{state:?} {wanted:?}");
    });
}

// a conditional write that comes too late gets what stands there now, with its version
#[test]
fn changed_carries_the_current_record() {
    let store = MemoryStore::new();
    let outdated = put(&store, "sid", record(1, None));
    let current = put(&store, "sid", record(2, None));
    let Ok(Written::Changed(stored)) =
        save(&store, "sid", record(3, None), Expect::Version(outdated))
    else {
        panic!("it was changed meanwhile")
    };
    assert_eq!(n(&stored.record), 2);
    assert_eq!(stored.version, Some(current.clone()));
    assert_eq!(Some(stored), load(&store, "sid", NOW));
    assert!(matches!(
        save(&store, "sid", record(3, None), Expect::Version(current)),
        Ok(Written::Saved(_))
    ));
}

// a rotation under each precondition: afterwards there is one record, never both, never neither
#[test]
fn rotate_under_each_precondition() {
    each_case(|store, state, wanted, expect| {
        let written = rotate(store, "sid", "new", expect);
        let case = format!("{state:?} {wanted:?}");
        assert_eq!(kind(&written), expected(state, wanted), "{case}");
        let before = (state == State::Alive).then_some(1);
        let after = if kind(&written) == Reply::Saved { (None, Some(9)) } else { (before, None) };
        assert_eq!((number(store, "sid"), number(store, "new")), after, "{case}");
    });
}

// a rotation never takes over a record that is there; an expired one is not there
#[test]
fn rotate_onto_each_target() {
    for target in STATES {
        for wanted in [Wanted::Anything, Wanted::Current, Wanted::Present] {
            let store = MemoryStore::new();
            set_up(&store, "new", target, Wanted::Anything);
            let expect = set_up(&store, "sid", State::Alive, wanted);
            let written = kind(&rotate(&store, "sid", "new", expect));
            let both = (number(&store, "sid"), number(&store, "new"));
            if target == State::Alive {
                assert_eq!((written, both), (Reply::Exists, (Some(1), Some(1))), "{wanted:?}");
            } else {
                assert_eq!((written, both), (Reply::Saved, (None, Some(9))), "{target:?}");
            }
        }
    }
}

// onto its own id a rotation is refused as well: that record is there
#[test]
fn rotate_onto_itself() {
    let store = MemoryStore::new();
    put(&store, "sid", record(1, None));
    assert_eq!(rotate(&store, "sid", "sid", Expect::Present), Ok(Written::Exists));
    assert_eq!(number(&store, "sid"), Some(1));
}

// B-203: deleting what is absent, alive or expired succeeds, and it is gone
#[test]
fn delete_in_each_state() {
    for state in STATES {
        let store = MemoryStore::new();
        set_up(&store, "sid", state, Wanted::Anything);
        delete(&store, "sid");
        assert_eq!(store.lock().by_id.len(), 0, "{state:?}");
    }
}

// B-196, B-199: each load by id is a copy, with the text that was saved; absent is no error
#[test]
fn load_gives_the_text_that_was_saved() {
    let store = MemoryStore::new();
    let saved = record(1, Some(at(5)));
    let version = put(&store, "sid", saved.clone());
    let stored = load(&store, "sid", NOW).expect("it is there");
    assert_eq!(stored.record, saved.to_json().as_bytes());
    assert_eq!((stored.version, stored.refreshed), (Some(version), false));
    assert_eq!(load(&store, "other", NOW), None);
}

// each write makes another version, also of the same text; a touch and a load leave it
#[test]
fn versions() {
    let store = MemoryStore::new();
    let mut seen = vec![put(&store, "sid", record(1, None))];
    for _ in 0..3 {
        let version = put(&store, "sid", record(1, None));
        assert!(!seen.contains(&version));
        assert_eq!(touch(&store, "sid", at(100), NOW), Touched::Alive);
        assert_eq!(
            load(&store, "sid", NOW).and_then(|stored| stored.version).as_ref(),
            Some(&version)
        );
        seen.push(version);
    }
    assert!(matches!(rotate(&store, "sid", "new", Expect::Present),
        Ok(Written::Saved(Some(version))) if !seen.contains(&version)));
    // A record that was deleted and made again is another one.
    delete(&store, "new");
    assert!(!seen.contains(&put(&store, "sid", record(1, None))));
}

// B-202: a touch takes over the cookie and keeps the data
#[test]
fn touch_of_a_living_record() {
    let store = MemoryStore::new();
    put(&store, "sid", record(7, Some(at(10))));
    assert_eq!(touch(&store, "sid", at(1_000), at(9)), Touched::Alive);
    let stored = load(&store, "sid", at(999)).expect("it lives on");
    assert_eq!(n(&stored.record), 7);
    let text = String::from_utf8(stored.record).expect("text");
    assert_eq!(Record::from_json(&text).expect("JSON").expires(), Some(at(1_000)));
    assert_eq!(load(&store, "sid", at(1_000)), None);
}

// B-131, B-202: a touch brings back neither a deleted record nor an expired one
#[test]
fn touch_of_what_is_gone() {
    for state in [State::Absent, State::Expired] {
        let store = MemoryStore::new();
        set_up(&store, "sid", state, Wanted::Anything);
        assert_eq!(touch(&store, "sid", at(1_000), NOW), Touched::Gone, "{state:?}");
        assert_eq!(load(&store, "sid", NOW), None, "{state:?}");
        assert_eq!(store.len(NOW), 0, "{state:?}");
    }
}

// B-200: expired from the very moment on, for each operation, and removed when seen
#[test]
fn the_moment_of_expiry() {
    for (millis, alive) in [(-1, true), (0, false), (1, false)] {
        let now = at(millis);
        let with = |check: &dyn Fn(&MemoryStore)| {
            let store = MemoryStore::new();
            put(&store, "sid", record(1, Some(NOW)));
            check(&store);
        };
        let writes = |expect: Expect| {
            move |store: &MemoryStore| {
                let save = Save::new(id("sid"), record(2, None), expect.clone(), now);
                kind(&ready(store.save(&save)))
            }
        };
        with(&|store| {
            assert_eq!(load(store, "sid", now).is_some(), alive, "{millis}");
            // What was found expired is not there for a clock that is behind, either.
            assert_eq!(load(store, "sid", at(-1_000)).is_some(), alive, "{millis}");
        });
        with(&|store| assert_eq!(store.len(now), usize::from(alive), "{millis}"));
        with(&|store| assert_eq!(store.all(now).len(), usize::from(alive), "{millis}"));
        with(&|store| {
            let touched = if alive { Touched::Alive } else { Touched::Gone };
            assert_eq!(touch(store, "sid", at(1_000), now), touched, "{millis}");
        });
        with(&|store| {
            let reply = if alive { Reply::Exists } else { Reply::Saved };
            assert_eq!(writes(Expect::Absent)(store), reply, "{millis}");
        });
        with(&|store| {
            let reply = if alive { Reply::Saved } else { Reply::Gone };
            assert_eq!(writes(Expect::Present)(store), reply, "{millis}");
        });
    }
}

// B-201: a record without an end lives for ever, whatever says so
#[test]
fn no_expiry() {
    let store = MemoryStore::new();
    put(&store, "null", record(1, None));
    put(&store, "false", Record::from_json(r#"{"cookie":{"expires":false}}"#).expect("JSON"));
    put(&store, "none", Record::from_json(r#"{"cookie":{}}"#).expect("JSON"));
    assert_eq!(store.len(Timestamp::MAX), 3);
    assert!(load(&store, "null", Timestamp::MAX).is_some());
}

// B-204: all and len count the living and remove the others, clear drops all
#[test]
fn all_len_clear() {
    let store = MemoryStore::new();
    for (key, number, end) in [("a", 1, None), ("b", 2, Some(at(1))), ("c", 3, Some(NOW))] {
        put(&store, key, record(number, end));
    }
    let listed = |store: &MemoryStore| {
        let mut all: Vec<_> = store
            .all(NOW)
            .into_iter()
            .map(|(id, record)| (id.as_str().to_owned(), n(record.to_json().as_bytes())))
            .collect();
        all.sort();
        all
    };
    assert_eq!(listed(&store), [("a".into(), 1), ("b".into(), 2)]);
    assert_eq!(store.lock().by_id.len(), 2);
    put(&store, "c", record(3, Some(NOW)));
    assert_eq!(store.len(NOW), 2);
    assert_eq!(store.lock().by_id.len(), 2);
    store.clear();
    assert_eq!((store.len(NOW), load(&store, "a", NOW)), (0, None));
}

// DS-7, B-206: a full store refuses what is new, and nothing else
#[test]
fn capacity() {
    let store = MemoryStore::with_capacity(2);
    put(&store, "a", record(1, None));
    put(&store, "b", record(1, None));
    for expect in [Expect::Anything, Expect::Absent] {
        assert_eq!(save(&store, "c", record(1, None), expect), Err(Full));
    }
    assert_eq!((number(&store, "c"), store.len(NOW)), (None, 2));
    // Those that are there can be written, touched, moved and deleted.
    assert_eq!(kind(&save(&store, "a", record(2, None), Expect::Present)), Reply::Saved);
    assert_eq!(touch(&store, "a", at(1), NOW), Touched::Alive);
    assert_eq!(kind(&rotate(&store, "b", "c", Expect::Present)), Reply::Saved);
    assert_eq!(store.len(NOW), 2);
    delete(&store, "c");
    assert_eq!(kind(&save(&store, "d", record(1, None), Expect::Absent)), Reply::Saved);
}

// B-206: a rotation of an id that is not there is a new record: a full store refuses it
#[test]
fn capacity_and_a_rotation_from_nothing() {
    let store = MemoryStore::with_capacity(1);
    put(&store, "a", record(1, None));
    assert_eq!(rotate(&store, "none", "new", Expect::Anything), Err(Full));
    assert_eq!((number(&store, "a"), number(&store, "new")), (Some(1), None));
}

// B-206: expired records make room
#[test]
fn expired_records_make_room() {
    let store = MemoryStore::with_capacity(2);
    put(&store, "a", record(1, None));
    put(&store, "b", record(1, Some(NOW)));
    assert_eq!(kind(&save(&store, "c", record(1, None), Expect::Absent)), Reply::Saved);
    assert_eq!(save(&store, "d", record(1, None), Expect::Absent), Err(Full));
    assert_eq!((number(&store, "a"), number(&store, "b")), (Some(1), None));
}

// ST-7, B-206: sessions that come and are never asked for again do not pile up
#[test]
fn sweep_under_churn() {
    for living in [0, 2_000] {
        let store = MemoryStore::new();
        for key in 0..living {
            put(&store, &format!("living{key}"), record(1, None));
        }
        let mut most = 0;
        for millis in 0..20_000 {
            let new = Save::new(
                id(&format!("new{millis}")),
                record(1, Some(at(millis + 1))),
                Expect::Absent,
                at(millis),
            );
            assert_eq!(kind(&ready(store.save(&new))), Reply::Saved);
            most = most.max(store.lock().by_id.len());
        }
        assert!(most <= living + 1, "{most} records for {living} alive");
        assert_eq!(store.len(at(20_000)), living);
    }
}

/// Saves a new record at `now`.
fn save_new(store: &MemoryStore, key: &str, end: i64, now: i64) -> Result<Written, Full> {
    let new = Save::new(id(key), record(1, Some(at(end))), Expect::Absent, at(now));
    ready(store.save(&new))
}

// DS-7, B-206: a full store has room again at the very moment at which a record expires
#[test]
fn what_expires_makes_room() {
    let store = MemoryStore::with_capacity(3);
    for (key, end) in [("a", 10), ("b", 20), ("c", 30)] {
        assert_eq!(kind(&save_new(&store, key, end, 0)), Reply::Saved);
    }
    for now in 0..10 {
        assert_eq!(save_new(&store, "d", 40, now), Err(Full));
    }
    assert_eq!(kind(&save_new(&store, "d", 40, 10)), Reply::Saved);
    for now in 10..20 {
        assert_eq!(save_new(&store, "e", 50, now), Err(Full));
    }
    delete(&store, "b");
    assert_eq!(kind(&save_new(&store, "e", 50, 20)), Reply::Saved);
    assert_eq!(save_new(&store, "f", 60, 29), Err(Full));
    assert_eq!(kind(&save_new(&store, "f", 60, 30)), Reply::Saved);
}

// the index of ends holds each record that has one, once, and nothing else
#[test]
fn the_index_of_ends() {
    let store = MemoryStore::new();
    let ends =
        || store.lock().by_end.iter().map(|(end, _)| end.millis_since(NOW)).collect::<Vec<_>>();
    put(&store, "a", record(1, Some(at(10))));
    put(&store, "b", record(1, None));
    assert_eq!(ends(), [10]);
    put(&store, "a", record(1, Some(at(20))));
    assert_eq!(ends(), [20]);
    assert_eq!(touch(&store, "b", at(5), NOW), Touched::Alive);
    assert_eq!(ends(), [5, 20]);
    put(&store, "a", record(1, None));
    assert_eq!(ends(), [5]);
    delete(&store, "b");
    assert_eq!(ends(), [0; 0]);
    put(&store, "c", record(1, Some(at(30))));
    store.clear();
    assert_eq!(ends(), [0; 0]);
}

// B-202, B-206: a touch can bring a record's end nearer: that one makes room as well
#[test]
fn a_touch_that_brings_the_end_nearer() {
    for end in [None, Some(at(1_000))] {
        let store = MemoryStore::with_capacity(1);
        put(&store, "a", record(1, end));
        assert_eq!(touch(&store, "a", at(5), NOW), Touched::Alive);
        assert_eq!(save_new(&store, "b", 100, 4), Err(Full), "{end:?}");
        assert_eq!(save_new(&store, "b", 100, 5).as_ref().map(drop), Ok(()), "{end:?}");
        assert_eq!((load(&store, "a", at(5)), store.len(at(5))), (None, 1), "{end:?}");
    }
}

// clones are the same store
#[test]
fn clones() {
    let store = MemoryStore::with_capacity(1);
    let clone = store.clone();
    put(&clone, "a", record(1, None));
    assert_eq!(number(&store, "a"), Some(1));
    assert_eq!(save(&store, "b", record(1, None), Expect::Anything), Err(Full));
    store.clear();
    assert_eq!(clone.len(NOW), 0);
}

// a conditional write checks and writes as one step: no increment of 8 writers is lost
#[test]
fn parallel_conditional_writers() {
    const TIMES: u64 = 200;
    let store = MemoryStore::new();
    put(&store, "sid", record(0, None));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            thread::spawn(move || (0..TIMES).for_each(|_| increment(&store)))
        })
        .collect();
    for writer in writers {
        writer.join().expect("no panic");
    }
    assert_eq!(number(&store, "sid"), Some(8 * TIMES));
}

fn increment(store: &MemoryStore) {
    let mut stored = load(store, "sid", NOW).expect("it is there");
    loop {
        let expect = Expect::Version(stored.version.expect("it has versions"));
        match save(store, "sid", record(n(&stored.record) + 1, None), expect) {
            Ok(Written::Changed(current)) => stored = current,
            Ok(Written::Saved(_)) => return,
            other => panic!("{other:?}"),
        }
    }
}

// parallel rotations of one id: one of 8 wins, and there is one record
#[test]
fn parallel_rotations() {
    let store = MemoryStore::new();
    put(&store, "sid", record(1, None));
    let rotations: Vec<_> = (0..8)
        .map(|number| {
            let store = store.clone();
            let to = format!("new{number}");
            thread::spawn(move || kind(&rotate(&store, "sid", &to, Expect::Present)))
        })
        .collect();
    let replies: Vec<Reply> =
        rotations.into_iter().map(|rotation| rotation.join().expect("no panic")).collect();
    assert_eq!(replies.iter().filter(|reply| **reply == Reply::Saved).count(), 1);
    assert_eq!(replies.iter().filter(|reply| **reply == Reply::Gone).count(), 7);
    assert_eq!(store.len(NOW), 1);
}

// B-170, B-198: a store that answers at once is one
#[test]
fn answers() {
    let store = MemoryStore::with_capacity(2);
    macro_rules! reply {
        ($method:ident, $operation:expr) => {
            ready(store.$method(&$operation))
        };
    }
    let of = |key, number, expect| Save::new(id(key), record(number, None), expect, NOW);
    let Ok(Written::Saved(Some(version))) = reply!(save, of("a", 1, Expect::Absent)) else {
        panic!("it was absent")
    };
    assert_eq!(reply!(save, of("a", 1, Expect::Absent)), Ok(Written::Exists));
    assert_eq!(reply!(save, of("b", 1, Expect::Present)), Ok(Written::Gone));
    let _ = reply!(save, of("a", 2, Expect::Version(version.clone())));
    assert!(matches!(reply!(save, of("a", 3, Expect::Version(version))), Ok(Written::Changed(_))));
    let _ = reply!(save, of("b", 1, Expect::Anything));
    assert_eq!(reply!(save, of("c", 1, Expect::Anything)), Err(Full));
    assert!(reply!(load, Load::new(id("a"), NOW, None)).expect("no failure").is_some());
    assert_eq!(reply!(load, Load::new(id("c"), NOW, None)), Ok(None));
    let turn = |to| Rotate::new(id("a"), id(to), record(9, None), Expect::Present, NOW);
    assert_eq!(reply!(rotate, turn("b")), Ok(Written::Exists));
    assert!(matches!(reply!(rotate, turn("d")), Ok(Written::Saved(_))));
    assert_eq!(reply!(rotate, turn("e")), Ok(Written::Gone));
    assert_eq!(
        reply!(touch, Touch::new(id("d"), cookie(Expires::At(at(5))), Some(at(5)), None, NOW)),
        Ok(Touched::Alive)
    );
    assert_eq!(
        reply!(touch, Touch::new(id("d"), cookie(Expires::At(at(9))), Some(at(9)), None, at(5))),
        Ok(Touched::Gone)
    );
    assert_eq!(reply!(delete, Delete::new(id("b"), NOW)), Ok(()));
    assert_eq!(reply!(load, Load::new(id("b"), NOW, None)), Ok(None));
    assert_eq!(store.len(NOW), 0);
}

// what a MemoryStore shows of itself is a number; the text of Full says what to do
#[test]
fn texts() {
    let store = MemoryStore::new();
    put(&store, "sid-4711", record(4_711, None));
    assert_eq!(format!("{store:?}"), "MemoryStore { records: 1 }");
    assert_eq!(
        Full.to_string(),
        "the memory store is full: raise its capacity, or give sessions a max_age"
    );
}
