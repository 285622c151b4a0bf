//! How long a record lives on: what a load renews, what is taken back, and what need not be touched.

mod model;

use std::time::Duration;

use http::HeaderMap;
use http::header::VARY;
use http_session::store::{Stored, Touched, Written};
use http_session::{
    Action, Begin, Config, ConfigBuilder, ConfigError, Conflict, CookieAction, CookieOptions,
    Error, Exchange, Origin, Outcome, Pending, Reason, StoreAction, Timeouts, Timestamp,
};

use self::model::{
    Down, SECRET, Store, built, cookie, encrypted, id, later, line, now, recommended, record, set,
};

const IDLE: i64 = 3_600_000;
const AFTER: i64 = 60_000;

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.try_into().expect("a length"))
}

fn idle(idle: i64) -> Timeouts {
    Timeouts { idle: Some(millis(idle)), absolute: None }
}

fn sparing() -> ConfigBuilder {
    recommended().timeouts(idle(IDLE)).touch_after(millis(AFTER))
}

/// A store with a session whose record ends then.
fn store(expires: Option<Timestamp>) -> Store {
    let mut store = Store::default();
    store.put("old", &record(None, ",\"n\":1"), expires);
    store
}

/// A request that does nothing; why the store was asked what it was.
fn look(store: &mut Store, config: &Config) -> (StoreAction, Reason) {
    store.calls.clear();
    let exchange = store.load(config);
    assert_eq!(exchange.origin(), Origin::Loaded);
    let decision = store.end(exchange).expect("the store works").decision();
    (decision.store, decision.store_reason)
}

const SPARED: (StoreAction, Reason) = (StoreAction::Nothing, Reason::Refreshed);
const TOUCHED: (StoreAction, Reason) = (StoreAction::Touch, Reason::NotModified);

// B-108: a touch is left out if it would move the end by no more than `touch_after`, to the millisecond
#[test]
fn what_need_not_be_touched() {
    let config = built(sparing());
    for (expires, decision) in [
        // A store that counts whole seconds tells up to 999 ms too much.
        (Some(IDLE + 1_000), TOUCHED),
        (Some(IDLE + 999), SPARED),
        (Some(IDLE), SPARED),
        (Some(IDLE - AFTER), SPARED),
        (Some(IDLE - AFTER - 1), TOUCHED),
        // The store can't tell.
        (None, TOUCHED),
    ] {
        let mut store = store(expires.map(later));
        assert_eq!(look(&mut store, &config), decision, "{expires:?}");
        assert_eq!(store.calls, if decision == TOUCHED { "GT" } else { "G" });
    }
}

// B-108: however near a touch's end is, the record must outlive the time for which touches are left out
#[test]
fn what_ends_before_the_next_touch_is_touched() {
    let timeouts = Timeouts { absolute: Some(millis(2 * IDLE)), ..idle(IDLE) };
    let config = built(recommended().timeouts(timeouts).touch_after(millis(AFTER)));
    for (end, decision) in [(AFTER + 1, SPARED), (AFTER, TOUCHED)] {
        let mut store = Store::default();
        let created = later(end - 2 * IDLE);
        store.put("old", &record(Some(created), ",\"n\":1"), Some(later(end)));
        assert_eq!(look(&mut store, &config), decision, "{end}");
    }
}

// a request of which the store knows the end asks for no renewal by the load
#[test]
fn one_or_the_other() {
    let refreshing = Store { refreshes: true, ..store(Some(later(5))) };
    for (builder, end) in [(sparing(), 5), (recommended().timeouts(idle(IDLE)), IDLE)] {
        let mut store = refreshing.clone();
        drop(store.load(&built(builder)));
        assert_eq!(store.records["old"].expires, Some(later(end)));
    }
}

/// Asks for the touch that takes back what the load renewed; when the record is to end then.
fn shortened(exchange: &mut Exchange, reply: Option<Touched>) -> Option<Option<Timestamp>> {
    let ask = exchange.shorten(now())?;
    let end = ask.operation.expires;
    ask.complete(exchange, reply, now());
    Some(end)
}

/// A request under an idle timeout, its record renewed by the load and its cookie with a lifetime of this
/// many milliseconds.
fn renewed(config: &Config, age: Option<i64>) -> (Store, Exchange) {
    let mut store = Store { refreshes: true, ..Store::default() };
    let age = age.map_or_else(|| "null".into(), |age| age.to_string());
    let record = format!("{{\"cookie\":{{\"originalMaxAge\":{age},\"path\":\"/\"}},\"n\":1}}");
    store.put("old", &record, Some(later(1)));
    let exchange = store.load(config);
    (store, exchange)
}

// what a load renews for longer than the session's cookie lives is taken back before the handler runs
#[test]
fn what_a_load_renewed_too_long() {
    let config = built(recommended().timeouts(idle(IDLE)));
    for (age, taken_back) in [
        (None, None),
        (Some(IDLE), None),
        (Some(IDLE + 1), None),
        (Some(IDLE - 1), Some(Some(later(IDLE - 1)))),
    ] {
        let (_, mut exchange) = renewed(&config, age);
        assert_eq!(shortened(&mut exchange, Some(Touched::Alive)), taken_back, "{age:?}");
        assert_eq!(shortened(&mut exchange, Some(Touched::Alive)), None, "it is done once");
    }
}

// the end of the request touches no more, unless that failed
#[test]
fn what_was_taken_back_needs_no_touch() {
    let config = built(recommended().timeouts(idle(IDLE)));
    for (reply, calls) in [(Some(Touched::Alive), "G"), (Some(Touched::Gone), "GT"), (None, "GT")] {
        let (mut store, mut exchange) = renewed(&config, Some(1_000));
        assert!(shortened(&mut exchange, reply).is_some());
        let _ = store.end(exchange).expect("the store works");
        assert_eq!(store.calls, calls, "{reply:?}");
    }
}

// options that exclude each other are refused when they are built
#[test]
fn options_that_exclude_each_other() {
    let first = |builder: ConfigBuilder| builder.load_on_first_use(true).build();
    let after = |builder: ConfigBuilder| builder.touch_after(millis(AFTER)).build();
    let express = || Config::express(SECRET);
    for (built, error) in [
        (first(recommended()), None),
        (first(recommended().resave(true)), Some(ConfigError::LoadOnFirstUse)),
        (first(recommended().rolling(true)), Some(ConfigError::LoadOnFirstUse)),
        (first(express()), Some(ConfigError::LoadOnFirstUse)),
        (after(recommended()), None),
        (after(recommended().resave(true)), Some(ConfigError::TouchAfter)),
        (after(recommended().rolling(true)), Some(ConfigError::TouchAfter)),
        (after(recommended().timeouts(Timeouts::NONE)), Some(ConfigError::TouchAfter)),
        (after(recommended().timeouts(idle(AFTER))), Some(ConfigError::TouchAfter)),
        (after(recommended().timeouts(idle(AFTER + 1))), None),
        (after(express()), Some(ConfigError::TouchAfter)),
    ] {
        let found = built.as_ref().err();
        assert_eq!(found, error.as_ref());
        let loads = built.is_ok_and(|config| config.loads_on_first_use());
        assert!(!loads || error.is_none());
    }
    assert!(first(recommended()).expect("sound").loads_on_first_use());
    assert!(!built(recommended()).loads_on_first_use());
    let texts =
        [ConfigError::LoadOnFirstUse, ConfigError::TouchAfter].map(|error| error.to_string());
    assert!(texts[0].starts_with("load_on_first_use ") && texts[1].starts_with("touch_after "));
}

// what drivers ask a configuration
#[test]
fn what_drivers_ask() {
    for (config, conflict, quirks) in [
        (built(recommended()), Conflict::Merge, false),
        (built(recommended().conflict(Conflict::Refuse)), Conflict::Refuse, false),
        (built(Config::express(SECRET)), Conflict::Overwrite, true),
    ] {
        assert_eq!((config.conflict(), config.has_quirks()), (conflict, quirks));
        let mut headers = HeaderMap::new();
        config.mark_failure(&mut headers);
        let vary = headers.get(VARY).map(|line| line.as_bytes());
        assert_eq!(vary, (!quirks).then_some(&b"Cookie"[..]));
    }
}

// a request that did not use its session has an outcome, which says nothing
#[test]
fn an_unused_session() {
    let (outcome, mut headers) = (Outcome::unused(), HeaderMap::new());
    outcome.apply(&mut headers);
    assert!(headers.is_empty());
    assert_eq!((outcome.origin(), outcome.cookie_error()), (Origin::Unused, None));
    let decision = outcome.decision();
    assert_eq!(decision.cookie, CookieAction::Withhold);
    assert_eq!(decision.store, StoreAction::Nothing);
    assert_eq!((decision.cookie_reason, decision.store_reason), (Reason::Unused, Reason::Unused));
}

// B-112, B-130: what resave writes back unchanged gives way to whatever a parallel request did
#[test]
fn a_refused_resave() {
    let config = built(recommended().timeouts(idle(IDLE)).resave(true).rolling(true));
    for (gone, sent) in [(false, true), (true, false)] {
        let mut store = store(None);
        let exchange = store.load(&config);
        if gone {
            store.records.clear();
        } else {
            store.put("old", &record(None, ",\"n\":2"), None);
        }
        let outcome = store.end(exchange).expect("nothing of it is lost");
        assert_eq!(store.calls, "GS");
        assert_eq!(line(&outcome).is_some(), sent, "gone: {gone}");
        let reason = outcome.decision().cookie_reason;
        assert_eq!(reason, if gone { Reason::Gone } else { Reason::Rolling });
        let kept = store.data("old").map(|data| data["n"].clone());
        assert_eq!(kept, (!gone).then(|| 2.into()), "it is not written over, nor brought back");
    }
}

// a store that fails under a resave is a failure, though there was nothing to lose
#[test]
fn a_failed_resave() {
    let mut store = store(None);
    let exchange = store.load(&built(recommended().resave(true)));
    store.is_down = true;
    assert!(matches!(store.end(exchange), Err(Error::Store("down"))));
}

// each operation says whose record it is about
#[test]
fn whose_record() {
    let config = built(recommended().timeouts(idle(IDLE)));
    for action in [
        Action::Destroy,
        Action::Reload,
        Action::Renew(id("other")),
        Action::LogIn(id("other")),
        Action::Save,
    ] {
        let mut exchange = store(None).load(&config);
        set(&mut exchange, "n", 2);
        let pending = exchange.start::<Down>(action, now()).expect("there is a session");
        assert_eq!(pending.expect("something to ask").id().as_str(), "old");
    }
    let mut exchange = store(None).load(&config);
    let pending = exchange.finish::<Down>(now()).expect("nothing is too large");
    assert!(matches!(&pending, Some(Pending::Touch(_))));
    assert_eq!(pending.expect("a touch").id().as_str(), "old");
}

// B-131: a touch names the version that was loaded, unless the last writer wins
#[test]
fn a_touch_is_of_a_version() {
    for (builder, names_it) in [
        (recommended(), true),
        (recommended().conflict(Conflict::Refuse), true),
        (recommended().conflict(Conflict::Overwrite), false),
        (Config::express(SECRET).resave(false), false),
    ] {
        let builder = builder.name("__Host-id").timeouts(idle(IDLE));
        let mut exchange = store(None).load(&built(builder));
        let Ok(Some(Pending::Touch(ask))) = exchange.finish::<Down>(now()) else {
            panic!("nothing was changed")
        };
        assert_eq!(ask.operation.version.is_some(), names_it);
    }
}

// B-176: under express a method's failed save counts as one, unless a write may be refused and the session
// is new: then nothing is known to be there
#[test]
fn a_failed_save_under_express() {
    for (conflict, loaded, calls) in [
        (Conflict::Overwrite, true, "T"),
        (Conflict::Overwrite, false, ""),
        (Conflict::Merge, true, "T"),
        (Conflict::Merge, false, "S"),
    ] {
        let builder = Config::express(SECRET).resave(false).conflict(conflict);
        let config = built(builder.name("__Host-id"));
        let mut store = store(None);
        let presented = if loaded { cookie(&config, "old") } else { String::new() };
        let mut exchange = store.begin(&config, &encrypted(), &presented, now());
        set(&mut exchange, "n", 2);
        store.is_down = true;
        let saved = store.act(&mut exchange, Action::Save, now());
        assert!(matches!(saved, Err(Error::Store("down"))));
        store.is_down = false;
        store.calls.clear();
        let ended = store.end(exchange);
        assert_eq!(store.calls, calls, "{conflict:?} {loaded}");
        assert!(ended.is_ok() || conflict == Conflict::Merge);
    }
}

// B-093: `expires: false` in a record that Node wrote is no end
#[test]
fn expires_false() {
    let record = r#"{"cookie":{"originalMaxAge":false,"expires":false,"path":"/"},"n":1}"#;
    let mut store = Store::with("old", record);
    let mut exchange = store.load(&built(recommended()));
    set(&mut exchange, "n", 2);
    let outcome = store.end(exchange).expect("saved");
    assert_eq!(outcome.decision().cookie_reason, Reason::BrowserSessionCookie);
}

// a merge takes a record that can't be read for what it is: the request fails, the record stays
#[test]
fn a_conflict_with_what_can_not_be_read() {
    let mut store = store(None);
    let mut exchange = store.load(&built(recommended()));
    set(&mut exchange, "n", 2);
    store.put("old", "{\"n\":3}", None);
    assert!(matches!(store.end(exchange), Err(Error::Record(_))));
    assert_eq!(store.records["old"].record, "{\"n\":3}");
}

// what a write is answered with, when the answer makes no sense, is a conflict and not a success
#[test]
fn an_answer_that_makes_no_sense() {
    let config = built(recommended());
    let mut exchange = Store::default().begin(&config, &encrypted(), "", now());
    set(&mut exchange, "n", 1);
    let pending = exchange.finish::<Down>(now()).expect("nothing is too large");
    let Some(Pending::Save(ask)) = pending else { panic!("a new session is saved") };
    let answer = ask.complete::<Down>(&mut exchange, Ok(Written::Exists), now());
    assert!(matches!(answer, Err(Error::Conflict)));
    assert!(exchange.outcome().is_none());
}

// a cookie whose age is longer than the idle timeout leaves the renewal to the load, a shorter one to touches
#[test]
fn who_renews() {
    for (age, renews) in [(IDLE - 1, false), (IDLE, true), (IDLE + 1, true)] {
        let options = CookieOptions::new().max_age(millis(age));
        let config = built(recommended().timeouts(idle(IDLE)).cookie(options));
        let mut store = Store { refreshes: true, ..store(Some(later(5))) };
        drop(store.load(&config));
        let end = if renews { IDLE } else { 5 };
        assert_eq!(store.records["old"].expires, Some(later(end)), "{age}");
    }
}

// a session whose cookie has an end that no touch moves is over then, though the store still has it; under express
// the store alone says so
#[test]
fn a_fixed_end() {
    let [safe, express] = [built(recommended()), built(Config::express(SECRET).name("__Host-id"))];
    for (second, age, ours, theirs) in [
        ("22.999", "null", Origin::Expired, Origin::Loaded),
        ("23.000", "null", Origin::Expired, Origin::Loaded),
        ("23.001", "null", Origin::Loaded, Origin::Loaded),
        ("22.999", "1000", Origin::Loaded, Origin::Loaded),
    ] {
        let end = format!("2023-11-14T22:13:{second}Z");
        let cookie = format!("{{\"originalMaxAge\":{age},\"expires\":\"{end}\"}}");
        let record = format!("{{\"cookie\":{cookie},\"n\":1}}");
        for (config, origin) in [(&safe, ours), (&express, theirs)] {
            let mut store = Store::default();
            store.put("old", &record, None);
            assert_eq!(store.load(config).origin(), origin, "{second} {age}");
        }
    }
}

// B-125: under express a regenerated session that gets the id of the loaded one is saved again at the end, though the
// handler has saved it; only what was not changed is touched
#[test]
fn regenerated_under_the_same_id() {
    for (resave, changes, saves, calls) in [
        (false, false, false, "T"),
        (false, true, false, "S"),
        (false, true, true, "SS"),
        (true, false, false, "S"),
        (true, false, true, "SS"),
        (true, true, true, "SS"),
    ] {
        let config = built(Config::express(SECRET).name("__Host-id").resave(resave));
        let mut store = Store::with("old", &record(None, ""));
        let mut exchange = store.load(&config);
        store.act(&mut exchange, Action::Regenerate(id("old")), now()).expect("deleted");
        store.put("old", &record(None, ""), None);
        store.calls.clear();
        if changes {
            set(&mut exchange, "n", 2);
        }
        if saves {
            store.act(&mut exchange, Action::Save, now()).expect("saved");
        }
        let _ = store.end(exchange).expect("the store works");
        assert_eq!(store.calls, calls, "{resave} {changes} {saves}");
    }
}

// F-08: what a method writes lives as long as a touch at that moment would let it; under express a save keeps the end
// that was loaded, and a renewal does not
#[test]
fn a_save_moves_the_end() {
    let cookie = CookieOptions::new().max_age(millis(60_000));
    let safe = recommended().timeouts(Timeouts::NONE).cookie(cookie.clone());
    let express = Config::express(SECRET).name("__Host-id").cookie(cookie);
    for (builder, action, end) in [
        (&safe, Action::Save, 65_000),
        (&safe, Action::Renew(id("other")), 65_000),
        (&express, Action::Save, 60_000),
        (&express, Action::Renew(id("other")), 65_000),
    ] {
        let record =
            r#"{"cookie":{"originalMaxAge":60000,"expires":"2023-11-14T22:14:23.000Z"},"n":1}"#;
        let mut store = Store::with("old", record);
        let mut exchange = store.load(&built(builder.clone()));
        store.act(&mut exchange, action, later(5_000)).expect("saved");
        let ends = store.records.values().map(|kept| kept.expires);
        assert_eq!(ends.collect::<Vec<_>>(), [Some(later(end))]);
    }
}

// a store that says that it has renewed what it was not asked to renew is not believed
#[test]
fn renewed_unasked() {
    let config = built(recommended().timeouts(Timeouts::NONE));
    let line = cookie(&config, "old");
    let Begin::Load(lookup) = config.begin(&encrypted(), [line.as_bytes()], now()) else {
        panic!("it verifies")
    };
    assert_eq!(lookup.operation.refresh, None);
    let stored = Stored { refreshed: true, ..Stored::new(record(None, ",\"n\":1")) };
    let Ok(Begin::Ready(mut exchange)) = lookup.answer(Some(stored), now()) else {
        panic!("it lives")
    };
    assert!(matches!(exchange.finish::<Down>(now()), Ok(Some(Pending::Touch(_)))));
}
