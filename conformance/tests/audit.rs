//! Defects that an audit of the core found: each with its scenario, which failed before.
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use http_session::store::*;
use http_session::*;
use http_session_conformance::driver::{self, at_once};
use http_session_store::testing::TestEnv;
use http_session_store::{Env, Error as StoreErr, MemoryStore, Store};

const SECRET: &str = "a secret of tests, 32 bytes long";
const START: i64 = 1_700_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START + ms).unwrap()
}

#[derive(Debug)]
struct Down;
impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("down")
    }
}
impl std::error::Error for Down {}

/// What Redis is: text, a version made of it, and an expiry beside it. A touch moves the expiry alone.
#[derive(Default)]
struct Redis {
    rows: Mutex<HashMap<SessionId, (String, Option<Timestamp>)>>,
    fail_saves: Mutex<Vec<&'static str>>,
}
impl Redis {
    fn live(&self, id: &SessionId, now: Timestamp) -> Option<Stored> {
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|_, (_, end)| end.is_none_or(|end| end > now));
        let (text, _) = rows.get(id)?;
        let mut stored = Stored::new(text.clone());
        stored.version = Some(Version(text.as_bytes().into()));
        Some(stored)
    }
    fn refusal(&self, id: &SessionId, expect: &Expect, now: Timestamp) -> Option<Written> {
        match (expect, self.live(id, now)) {
            (Expect::Anything, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => None,
            (Expect::Absent, Some(_)) => Some(Written::Exists),
            (_, None) => Some(Written::Gone),
            (Expect::Version(v), Some(s)) => {
                (s.version.as_ref() != Some(v)).then_some(Written::Changed(s))
            }
        }
    }
    fn put(&self, id: &SessionId, record: &Record) -> Written {
        let text = record.to_json();
        let version = Version(text.as_bytes().into());
        self.rows.lock().unwrap().insert(id.clone(), (text, record.expires()));
        Written::Saved(Some(version))
    }
}
impl Store for Redis {
    type Error = Down;
    async fn load(&self, op: &Load) -> Result<Option<Stored>, Down> {
        Ok(self.live(&op.id, op.now))
    }
    async fn save(&self, op: &Save) -> Result<Written, Down> {
        match self.fail_saves.lock().unwrap().pop() {
            Some("not done") => return Err(Down),
            Some("done") => {
                let _ = self.put(&op.id, &op.record);
                return Err(Down);
            }
            _ => {}
        }
        Ok(self.refusal(&op.id, &op.expect, op.now).unwrap_or_else(|| self.put(&op.id, &op.record)))
    }
    async fn rotate(&self, op: &Rotate) -> Result<Written, Down> {
        if let Some(r) = self.refusal(&op.from, &op.expect, op.now) {
            return Ok(r);
        }
        self.rows.lock().unwrap().remove(&op.from);
        Ok(self.put(&op.to, &op.record))
    }
    async fn touch(&self, op: &Touch) -> Result<Touched, Down> {
        let Some(live) = self.live(&op.id, op.now) else { return Ok(Touched::Gone) };
        if op.version.is_some() && op.version != live.version {
            return Ok(Touched::Alive);
        }
        self.rows.lock().unwrap().get_mut(&op.id).unwrap().1 = op.expires;
        Ok(Touched::Alive)
    }
    async fn delete(&self, op: &Delete) -> Result<(), Down> {
        self.rows.lock().unwrap().remove(&op.id);
        Ok(())
    }
}

fn open<S: Store>(config: &Config, cookie: Option<&str>, store: &S, env: &TestEnv) -> Exchange {
    let facts =
        RequestFacts { path: "/", connection: Connection::Encrypted, ..RequestFacts::default() };
    let begin = config.begin(&facts, cookie.map(str::as_bytes), env.now());
    driver::open(begin, store, env).unwrap().unwrap()
}
fn pair(outcome: &Outcome) -> Option<String> {
    Some(outcome.set_cookie()?.to_str().unwrap().split(';').next().unwrap().to_owned())
}
fn first<S: Store>(config: &Config, store: &S, env: &TestEnv) -> String {
    let mut e = open(config, None, store, env);
    e.session().unwrap().insert("n", 1).unwrap();
    pair(&driver::close(e, store, env).unwrap()).unwrap()
}
/// The configuration, an empty store, and a clock that stands at the start.
fn world<S: Default>(builder: ConfigBuilder) -> (Config, S, TestEnv) {
    (builder.build().unwrap(), S::default(), TestEnv::new(at(0)))
}
fn hour() -> ConfigBuilder {
    Config::recommended(SECRET).cookie(CookieOptions::new().max_age(Duration::from_secs(3_600)))
}

// 1. Store that leaves the cookie on a touch (store::Touch allows it; Version's doc demands it).
#[test]
fn a01_save_must_not_end_a_session_that_was_touched() {
    let (config, store, env) = world::<Redis>(hour());
    let cookie = first(&config, &store, &env);
    env.set(at(50 * 60_000)); // touched: lives until 1:50
    let e = open(&config, Some(&cookie), &store, &env);
    let _ = driver::close(e, &store, &env).unwrap();
    env.set(at(70 * 60_000));
    let mut e = open(&config, Some(&cookie), &store, &env);
    assert_eq!(e.origin(), Origin::Loaded);
    e.session().unwrap().insert("n", 2).unwrap();
    driver::run(&mut e, Action::Save, &store, &env).unwrap();
    let _ = driver::close(e, &store, &env).unwrap();
    env.set(at(71 * 60_000));
    assert_eq!(
        open(&config, Some(&cookie), &store, &env).origin(),
        Origin::Loaded,
        "the save ended it"
    );
}

// 1b. the same with edit (async Sessions::edit does begin_with_id + Action::Save and nothing else)
#[test]
fn a01b_edit_must_not_end_a_session() {
    let (config, store, env) = world::<Redis>(hour());
    let cookie = first(&config, &store, &env);
    env.set(at(50 * 60_000));
    let _ = driver::close(open(&config, Some(&cookie), &store, &env), &store, &env).unwrap();
    env.set(at(70 * 60_000));
    let id = SessionId::from_text("sid1").unwrap();
    let Begin::Load(lookup) = config.begin_with_id(id, env.now()) else { panic!() };
    let reply = at_once(store.load(&lookup.operation)).unwrap();
    let Begin::Ready(mut e) = lookup.answer(reply, env.now()).unwrap() else { panic!() };
    e.session().unwrap().insert("n", 2).unwrap();
    driver::run(&mut e, Action::Save, &store, &env).unwrap();
    assert_eq!(
        open(&config, Some(&cookie), &store, &env).origin(),
        Origin::Loaded,
        "edit ended it"
    );
}

// 2. A slow reader's touch undoes a parallel change of the cookie.
#[test]
fn a02_a_touch_must_not_undo_a_parallel_change_of_the_cookie() {
    let (config, store, env) = world::<MemoryStore>(hour());
    let cookie = first(&config, &store, &env);
    let reader = open(&config, Some(&cookie), &store, &env);
    let mut writer = open(&config, Some(&cookie), &store, &env);
    writer.session().unwrap().cookie_mut().set_max_age(Duration::from_secs(300), at(0));
    let _ = driver::close(writer, &store, &env).unwrap();
    let _ = driver::close(reader, &store, &env).unwrap();
    let mut e = open(&config, Some(&cookie), &store, &env);
    assert_eq!(e.session().unwrap().cookie().original_max_age(), Expires::At(300_000));
}

// 2b. A session shortened to 5 minutes lives for an hour: also with a store that leaves the cookie.
#[test]
fn a02b_a_touch_must_not_lengthen_what_a_parallel_request_shortened() {
    let (config, store, env) = world::<Redis>(hour());
    let cookie = first(&config, &store, &env);
    let reader = open(&config, Some(&cookie), &store, &env);
    let mut writer = open(&config, Some(&cookie), &store, &env);
    writer.session().unwrap().cookie_mut().set_max_age(Duration::from_secs(300), at(0));
    let _ = driver::close(writer, &store, &env).unwrap();
    let _ = driver::close(reader, &store, &env).unwrap();
    env.set(at(301_000));
    assert_ne!(open(&config, Some(&cookie), &store, &env).origin(), Origin::Loaded);
}

// 3. clear() before log_in: what the owner of the old id writes meanwhile gets into the new session.
#[test]
fn a03_clear_and_log_in_must_not_carry_over_what_the_old_id_wrote() {
    let (config, store, env) = world::<MemoryStore>(Config::recommended(SECRET));
    let planted = first(&config, &store, &env);
    let mut victim = open(&config, Some(&planted), &store, &env);
    let mut attacker = open(&config, Some(&planted), &store, &env);
    attacker.session().unwrap().insert("return_to", "https://evil.example").unwrap();
    let _ = driver::close(attacker, &store, &env).unwrap(); // while the password is hashed
    victim.session().unwrap().clear();
    driver::run(&mut victim, Action::LogIn(env.genid().unwrap()), &store, &env).unwrap();
    victim.session().unwrap().insert("user", "ada").unwrap();
    let mine = pair(&driver::close(victim, &store, &env).unwrap()).unwrap();
    let mut e = open(&config, Some(&mine), &store, &env);
    assert_eq!(e.session().unwrap().get::<String>("return_to").unwrap(), None);
}

// 4. express + Merge: reload, and a parallel change after it.
#[test]
fn a04_express_merge_reload_must_not_undo_a_parallel_change() {
    for quirks in [false, true] {
        let b = if quirks {
            Config::express(SECRET).resave(false)
        } else {
            Config::recommended(SECRET)
        };
        let (config, store, env) = world::<MemoryStore>(b.conflict(Conflict::Merge));
        let cookie = first(&config, &store, &env);
        let write = |n: i32| {
            let mut e = open(&config, Some(&cookie), &store, &env);
            e.session().unwrap().insert("n", n).unwrap();
            let _ = driver::close(e, &store, &env).unwrap();
        };
        let mut slow = open(&config, Some(&cookie), &store, &env);
        write(2);
        driver::run(&mut slow, Action::Reload, &store, &env).unwrap();
        write(3);
        slow.session().unwrap().insert("other", true).unwrap();
        let _ = driver::close(slow, &store, &env).unwrap();
        let mut e = open(&config, Some(&cookie), &store, &env);
        assert_eq!(e.session().unwrap().get::<i32>("n").unwrap(), Some(3), "quirks: {quirks}");
    }
}

// 5. express + Merge: a first save that failed, and a second one.
#[test]
fn a05_express_merge_a_save_that_failed_can_be_tried_again() {
    for conflict in [Conflict::Overwrite, Conflict::Merge, Conflict::Refuse] {
        let (config, store, env) = world::<Redis>(Config::express(SECRET).conflict(conflict));
        store.fail_saves.lock().unwrap().push("not done");
        let mut e = open(&config, None, &store, &env);
        e.session().unwrap().insert("n", 1).unwrap();
        assert!(driver::run(&mut e, Action::Save, &store, &env).is_err());
        let again = driver::run(&mut e, Action::Save, &store, &env);
        assert!(again.is_ok(), "{conflict:?}: {again:?}");
    }
}
#[test]
fn a05b_express_merge_change_after_a_save_that_failed() {
    for conflict in [Conflict::Overwrite, Conflict::Merge, Conflict::Refuse] {
        let (config, store, env) = world::<Redis>(Config::express(SECRET).conflict(conflict));
        store.fail_saves.lock().unwrap().push("not done");
        let mut e = open(&config, None, &store, &env);
        e.session().unwrap().insert("n", 1).unwrap();
        assert!(driver::run(&mut e, Action::Save, &store, &env).is_err());
        e.session().unwrap().insert("n", 2).unwrap();
        let end = driver::close(e, &store, &env);
        assert!(end.is_ok(), "{conflict:?}: {end:?}");
    }
}
#[test]
fn a05c_express_merge_renew_after_a_save_that_failed() {
    for conflict in [Conflict::Overwrite, Conflict::Merge] {
        let (config, store, env) = world::<Redis>(Config::express(SECRET).conflict(conflict));
        store.fail_saves.lock().unwrap().push("not done");
        let mut e = open(&config, None, &store, &env);
        e.session().unwrap().insert("n", 1).unwrap();
        assert!(driver::run(&mut e, Action::Save, &store, &env).is_err());
        let r = driver::run(&mut e, Action::LogIn(env.genid().unwrap()), &store, &env);
        assert!(r.is_ok(), "{conflict:?}: {r:?}");
    }
}

// 6. after a save whose answer was lost, reload brings certainty; merging should work again
#[test]
fn a06_reload_ends_the_doubt() {
    let (config, store, env) = world::<Redis>(Config::recommended(SECRET));
    let cookie = first(&config, &store, &env);
    let mut e = open(&config, Some(&cookie), &store, &env);
    e.session().unwrap().insert("n", 2).unwrap();
    store.fail_saves.lock().unwrap().push("not done");
    assert!(driver::run(&mut e, Action::Save, &store, &env).is_err());
    driver::run(&mut e, Action::Reload, &store, &env).unwrap();
    let mut other = open(&config, Some(&cookie), &store, &env);
    other.session().unwrap().insert("other", 1).unwrap();
    let _ = driver::close(other, &store, &env).unwrap();
    e.session().unwrap().insert("n", 3).unwrap();
    let end = driver::close(e, &store, &env);
    assert!(end.is_ok(), "{end:?}");
}

// 7. a save of a new session whose answer was lost, then destroy / renew: the record stays
#[test]
fn a07_destroy_after_a_save_in_doubt_leaves_no_record() {
    for (what, act) in [
        ("destroy", Action::Destroy),
        ("renew", Action::Renew(SessionId::from_text("new").unwrap())),
        ("regenerate", Action::Regenerate(SessionId::from_text("new").unwrap())),
    ] {
        let (config, store, env) = world::<Redis>(Config::recommended(SECRET));
        let mut e = open(&config, None, &store, &env);
        e.session().unwrap().insert("card", "4111").unwrap();
        store.fail_saves.lock().unwrap().push("done");
        assert!(driver::run(&mut e, Action::Save, &store, &env).is_err());
        // What can't be renewed is said.
        let renewed = driver::run(&mut e, act, &store, &env);
        assert_eq!(renewed.is_err(), what == "renew", "{renewed:?}");
        let _ = driver::close(e, &store, &env);
        let old = what != "renew"
            && store.rows.lock().unwrap().contains_key(&SessionId::from_text("sid1").unwrap());
        assert!(!old, "{what}: the old id lives");
    }
}

// 9. cache-control
fn applied(header: (&'static str, &'static str)) -> http::HeaderMap {
    let (config, store, env) = world::<MemoryStore>(Config::recommended(SECRET));
    let mut e = open(&config, None, &store, &env);
    e.session().unwrap().insert("n", 1).unwrap();
    let outcome = driver::close(e, &store, &env).unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert(header.0, header.1.parse().unwrap());
    outcome.apply(&mut headers);
    headers
}
#[test]
fn a09_must_understand_makes_no_store_void() {
    // RFC 9111 5.2.2.3: a cache that understands the status SHOULD ignore no-store
    let headers = applied(("cache-control", "must-understand, no-store, max-age=600"));
    assert!(headers["cache-control"].to_str().unwrap().contains("private"), "{headers:?}");
}
#[test]
fn a09b_an_escaped_quote() {
    let headers = applied(("cache-control", r#"ext="a\", private, \"b", public, max-age=600"#));
    let text = headers["cache-control"].to_str().unwrap();
    assert!(text.ends_with(", private"), "{text}");
}

// 10. timeouts below a millisecond
#[test]
fn a10_a_timeout_below_a_millisecond_is_refused() {
    let timeouts = Timeouts { idle: Some(Duration::from_micros(500)), absolute: None };
    assert!(Config::recommended(SECRET).timeouts(timeouts).build().is_err());
}

// 15. invalid date in a loaded record: log_in refuses although it touches what it writes
#[test]
fn a15_log_in_with_a_record_whose_date_a_touch_repairs() {
    let (config, store, env) = world::<Redis>(hour());
    let cookie = first(&config, &store, &env);
    let id = SessionId::from_text("sid1").unwrap();
    {
        let mut rows = store.rows.lock().unwrap();
        let row = rows.get_mut(&id).unwrap();
        let start = row.0.find("\"expires\":\"").unwrap() + 11;
        row.0.replace_range(start..start + 4, "bad!");
    }
    let mut e = open(&config, Some(&cookie), &store, &env);
    let r: Result<(), StoreErr> =
        driver::run(&mut e, Action::LogIn(env.genid().unwrap()), &store, &env);
    assert!(r.is_ok(), "{r:?}");
}

// 16. a store that answers Changed to a write that expected Absent
#[test]
fn a16_a_new_id_never_takes_over_a_record() {
    let (config, env) = (Config::recommended(SECRET).build().unwrap(), TestEnv::new(at(0)));
    let store = Redis::default();
    let mut e = open(&config, None, &store, &env);
    e.session().unwrap().insert("n", 1).unwrap();
    let Some(Pending::Save(ask)) = e.finish::<()>(env.now()).unwrap() else { panic!() };
    assert_eq!(ask.operation.expect, Expect::Absent);
    let mut theirs = Stored::new(r#"{"cookie":{},"user":"eve"}"#);
    theirs.version = Some(Version([1].into()));
    let next = ask.complete::<()>(&mut e, Ok(Written::Changed(theirs)), env.now());
    assert!(next.is_err(), "{next:?}");
}
