//! `Config::recommended` against a store with versions: what stands after the arrow in the place of
//! each of express-session's quirks, and what the presets have in common.

mod model;

use std::time::Duration;

use http_session::store::{Expect, Stored, Written};
use http_session::{
    Action, Attribute, Begin, Config, Conflict, CookieAction, CookieError, CookieOptions, Error,
    Exchange, Expires, Facts, Origin, Pending, Proxy, Reason, RequestFacts, Saved, StoreAction,
    Timeouts, Unset,
};
use serde_json::json;

use self::model::*;

const VIEWS: &str = ",\"views\":1";

/// A config, and a store with the record of `old`, made now.
fn with_old() -> (Config, Store) {
    (built(recommended()), Store::with("old", &record(Some(now()), VIEWS)))
}

fn express() -> Config {
    let builder = Config::express(SECRET).name("__Host-id").save_uninitialized(false);
    built(builder.resave(false))
}

fn facts_but_consulted(exchange: &mut Exchange) -> (Facts, String, Option<String>) {
    let facts = exchange.facts();
    let session = exchange.session();
    let id = session.as_ref().map(|session| session.id().as_str().into());
    let data = session.map(|session| format!("{:?} {:?}", session.data(), session.created()));
    (facts, data.unwrap_or_default(), id)
}

// ---- Visitors, and what is sent ----

/// Who presents nothing and sets nothing costs the store nothing, and gets nothing.
#[test]
fn a_visitor_leaves_nothing() {
    let config = built(recommended());
    for request in [encrypted(), plain()] {
        for cookie in ["", "a=b", "__Host-id=", "__Host-id=x", "__Host-id=s:old.x"] {
            let mut store = Store::default();
            let exchange = store.begin(&config, &request, cookie, now());
            let outcome = store.end(exchange).expect("nothing");
            assert_eq!(store.calls, "");
            assert_eq!(line(&outcome), None);
            let decision = outcome.decision();
            assert_eq!(decision.cookie_reason, Reason::Uninitialized, "{cookie}");
            assert_eq!(decision.store_reason, Reason::Uninitialized, "{cookie}");
            // Nobody looked at the session: the response does not depend on it.
            let mut headers = http::HeaderMap::new();
            outcome.apply(&mut headers);
            assert!(headers.is_empty());
        }
    }
}

/// Whoever looks at the session, or takes it off, makes the response depend on the cookie.
#[test]
fn what_was_consulted_varies() {
    let uses: [fn(&mut Exchange); 4] = [
        |exchange| assert!(exchange.session().is_some()),
        Exchange::unset,
        |exchange| drop(exchange.start::<Down>(Action::Destroy, now())),
        |exchange| set(exchange, "views", 2),
    ];
    for (count, consult) in uses.into_iter().enumerate() {
        for (config, varies) in [(built(recommended()), true), (express(), false)] {
            let mut store = Store::default();
            let mut exchange = store.begin(&config, &encrypted(), "", now());
            consult(&mut exchange);
            let outcome = store.end(exchange).expect("an outcome");
            let mut headers = http::HeaderMap::new();
            outcome.apply(&mut headers);
            assert_eq!(headers.contains_key("vary"), varies, "{count}");
            let sent = headers.contains_key("set-cookie");
            assert_eq!(headers.contains_key("cache-control"), varies && sent, "{count}");
            assert_eq!(sent, count == 3);
        }
    }
}

// B-124: an explicit save of a new session is wish enough: one write, and its cookie is sent
#[test]
fn an_explicit_save_sends_the_cookie() {
    let config = built(recommended());
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    store.act(&mut exchange, Action::Save, now()).expect("saved");
    let outcome = store.end(exchange).expect("nothing to do");
    assert_eq!((store.calls.as_str(), &store.expects[..]), ("S", &[Expect::Absent][..]));
    assert_eq!(outcome.decision().cookie_reason, Reason::Saved);
    let line = line(&outcome).expect("a line");
    assert!(line.starts_with("__Host-id=s%3Anew."), "{line}");
    assert!(line.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax"), "{line}");
}

// B-129: a change of the cookie alone is saved and sent; a touch is no change
#[test]
fn changes_of_the_cookie_alone_count() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    let cookie = exchange.session().expect("a session").cookie_mut();
    cookie.set_max_age(Duration::from_secs(60), now());
    let outcome = store.end_at(exchange, later(5_000)).expect("saved");
    assert_eq!(store.calls, "GS");
    assert_eq!(outcome.decision().cookie_reason, Reason::CookieChanged);
    let sent = line(&outcome).expect("a line");
    assert!(sent.contains("; Expires=Tue, 14 Nov 2023 22:14:28 GMT;"), "{sent}");
    // From then on it is as it was.
    store.calls.clear();
    let mut exchange = store.load(&config);
    exchange.session().expect("a session").cookie_mut().touch(later(7_000));
    let outcome = store.end_at(exchange, later(9_000)).expect("touched");
    assert_eq!((store.calls.as_str(), line(&outcome)), ("GT", None));
}

// B-093, B-094: an absolute end stays where it is, and `False` is the browser's session
#[test]
fn an_absolute_end_stays() {
    let end = later(3_600_000);
    let config = built(recommended().cookie(CookieOptions::new().expires(Expires::At(end))));
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    set(&mut exchange, "views", 1);
    drop(store.end_at(exchange, later(5_000)).expect("saved"));
    let at = |store: &Store| store.records["new"].expires;
    assert_eq!(at(&store), Some(end));
    for moment in [6_000, 600_000, 3_599_999] {
        let exchange = store.begin(&config, &encrypted(), &cookie(&config, "new"), later(moment));
        drop(store.end_at(exchange, later(moment)).expect("touched"));
        assert_eq!(at(&store), Some(end), "{moment}");
    }
    let mut exchange = store.begin(&config, &encrypted(), &cookie(&config, "new"), now());
    let cookie = exchange.session().expect("a session").cookie_mut();
    cookie.set_expires(Expires::False, now());
    assert_eq!((cookie.expires(), cookie.original_max_age()), (Expires::Session, Expires::Session));
}

// SG-3, B-060, B-061: a cookie that an old secret signed is signed anew at once; under express it is not
#[test]
fn resign() {
    let builders = [recommended(), Config::express(SECRET).name("__Host-id").resave(false)];
    for (builder, anew) in builders.into_iter().zip([true, false]) {
        let config = built(builder.accept(OLD_SECRET));
        for (secret, old) in [(OLD_SECRET, true), (SECRET, false)] {
            let mut store = Store::with("old", &record(Some(now()), VIEWS));
            let presented = format!("__Host-id={}", signed(&secret, "old"));
            let exchange = store.begin(&config, &encrypted(), &presented, now());
            assert_eq!(exchange.facts().resign, old && anew);
            let outcome = store.end(exchange).expect("touched");
            assert_eq!(store.calls, "GT");
            assert_eq!(line(&outcome).is_some(), old && anew);
            if let Some(line) = line(&outcome) {
                assert_eq!(outcome.decision().cookie_reason, Reason::Resigned);
                let value = signed(&SECRET, "old").replace('+', "%2B").replace('/', "%2F");
                assert!(line.starts_with(&format!("__Host-id={};", value.replace("s:", "s%3A"))));
            }
        }
    }
}

// ---- Candidates ----

fn presents(config: &Config, store: &mut Store, values: &[&str]) -> Exchange {
    store.calls.clear();
    let pairs: Vec<_> = values.iter().map(|value| format!("__Host-id={value}")).collect();
    store.begin(config, &encrypted(), &pairs.join("; "), now())
}

fn loaded_id(exchange: &mut Exchange) -> Option<String> {
    let loaded = exchange.origin() == Origin::Loaded;
    loaded.then(|| exchange.session().expect("a session").id().as_str().into())
}

// CK-3, B-049, B-050: of several cookies of our name the first that has a session counts, of the first
// four; under express the first alone
#[test]
fn candidates() {
    let config = built(recommended());
    let mut store = Store::with("old", &record(Some(now()), VIEWS));
    store.put("other", &record(Some(now()), ""), None);
    let [old, other, gone, gone_too, third, fourth] =
        ["old", "other", "gone", "gone-too", "third", "fourth"].map(|id| signed(&SECRET, id));
    let forged = signed(&[9; 32], "old");
    for (values, id, calls) in [
        (&[&*old, &other][..], Some("old"), "G"),
        (&[&other, &old], Some("other"), "G"),
        (&[&gone, &old], Some("old"), "GG"),
        (&[&gone, &gone_too, &other, &old], Some("other"), "GGG"),
        (&[&gone, &gone_too], None, "GG"),
        (&[&forged, &old], Some("old"), "G"),
        (&["", "x", &forged, &old], Some("old"), "G"),
        // What does not verify costs no question, and hides nothing.
        (&["", "x", &forged, "s:", &old], Some("old"), "G"),
        (&[&gone, &gone_too, "x", &forged, &third, &old], Some("old"), "GGGG"),
        // The fifth that verifies is not asked for.
        (&[&gone, &gone_too, &third, &fourth, &old], None, "GGGG"),
        // The same one is asked for once.
        (&[&gone, &gone, &gone, &old], Some("old"), "GG"),
    ] {
        let mut exchange = presents(&config, &mut store, values);
        assert_eq!(loaded_id(&mut exchange).as_deref(), id, "{values:?}");
        assert_eq!(store.calls, calls, "{values:?}");
        assert_eq!(exchange.facts().known, id.is_some());
        let mut exchange = presents(&express(), &mut store, values);
        let first = loaded_id(&mut exchange);
        assert_eq!(first.as_deref(), id.filter(|_| values[0] == old || values[0] == other));
        assert!(store.calls.len() <= 1);
    }
}

// B-056: the same one is asked for once, also if an old secret signed it beside the new one
#[test]
fn an_id_is_asked_for_once_whoever_signed_it() {
    let config = built(recommended().accept(OLD_SECRET));
    let (old, new) = (signed(&OLD_SECRET, "gone"), signed(&SECRET, "gone"));
    for values in [[&*old, &new], [&new, &old]] {
        let mut store = Store::default();
        let mut exchange = presents(&config, &mut store, &values);
        assert_eq!((loaded_id(&mut exchange), &*store.calls), (None, "G"));
    }
}

/// CK-3: Whatever stands beside it, and wherever: the one that verifies is the session.
#[test]
fn one_that_verifies_counts_in_any_place() {
    let (config, mut store) = with_old();
    let old = signed(&SECRET, "old");
    let forged = signed(&[9; 32], "old");
    let junk = ["", "x", "s:old", &forged];
    for place in 0..4 {
        for turn in 0..4 {
            let mut values: Vec<&str> = (0..3).map(|index| junk[(index + turn) % 4]).collect();
            values.insert(place, &old);
            let mut exchange = presents(&config, &mut store, &values);
            assert_eq!(loaded_id(&mut exchange).as_deref(), Some("old"), "{values:?}");
            assert_eq!(store.calls, "G", "{values:?}");
        }
    }
    // Also over several lines.
    let lines = ["__Host-id=x; a=b".into(), cookie(&config, "old")];
    let begun =
        config.begin(&encrypted(), lines.iter().map(|line: &String| line.as_bytes()), now());
    assert!(matches!(begun, Begin::Load(_)));
}

// B-050: if none verifies, the first one's reason is told
#[test]
fn the_first_reason_is_told() {
    let config = built(recommended());
    let mut store = Store::default();
    let forged = signed(&[9; 32], "old");
    let long = "x".repeat(4_097);
    for (values, origin) in [
        (&[][..], Origin::Absent),
        (&["", "x"], Origin::Absent),
        (&["x", ""], Origin::Unsigned),
        (&["x", &forged], Origin::Unsigned),
        (&[&forged, "x", ""], Origin::BadSignature),
        (&[&long, &forged], Origin::Malformed),
    ] {
        assert_eq!(presents(&config, &mut store, values).origin(), origin);
        assert_eq!(store.calls, "");
    }
}

// PX-2, B-159, B-162: the nearest proxy's word counts; under express the farthest's
#[test]
fn the_nearest_proxy_is_believed() {
    let [recommended, express] = [recommended(), Config::express(SECRET)].map(|builder| {
        let cookie = CookieOptions::new().secure(true);
        built(builder.cookie(cookie).save_uninitialized(true).proxy(Proxy::Trust))
    });
    for (lines, nearest, farthest) in [
        (&["https"][..], true, true),
        (&["http"], false, false),
        (&["https, http"], false, true),
        (&["http, https"], true, false),
        (&["http", "https"], true, false),
        (&["https", "http"], false, true),
        (&["https", "http,  HTTPS "], true, true),
        (&["http, https", "https, http"], false, false),
        (&["https", "x", "http, https"], true, true),
        (&["https,"], false, true),
        (&[], false, false),
    ] {
        let request = http::Request::builder().uri("/");
        let request =
            lines.iter().fold(request, |request, line| request.header("X-Forwarded-Proto", *line));
        let request = request.body(()).expect("a request");
        for (config, secure) in [(&recommended, nearest), (&express, farthest)] {
            let mut store = Store::default();
            let exchange = store.begin(config, &RequestFacts::of(&request), "", now());
            let outcome = store.end(exchange).expect("an outcome");
            assert_eq!(line(&outcome).is_some(), secure, "{lines:?}");
        }
    }
}

// ---- The end of a session ----

// B-127, B-128, B-154, B-184: the request that ends the session clears its cookie, no other does
#[test]
fn cleared_by_the_request_that_ended_it() {
    let clear = "__Host-id=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; \
        SameSite=Lax";
    let destroyed = built(recommended().unset(Unset::Destroy));
    for unset in [Unset::Keep, Unset::Destroy] {
        let config = built(recommended().unset(unset));
        let mut store = Store::with("old", &record(Some(now()), VIEWS));
        let mut exchange = store.load(&config);
        store.act(&mut exchange, Action::Destroy, now()).expect("deleted");
        assert!(exchange.session().is_none());
        let outcome = store.end(exchange).expect("nothing is left to do");
        assert_eq!(store.calls, "GD", "once");
        assert_eq!(line(&outcome), Some(clear));
        assert_eq!(outcome.decision().cookie, CookieAction::Clear);
        assert_eq!(outcome.decision().cookie_reason, Reason::Ended);
        // Taken off: as the option says.
        let mut store = Store::with("old", &record(Some(now()), VIEWS));
        let mut exchange = store.load(&config);
        exchange.unset();
        let outcome = store.end(exchange).expect("an outcome");
        let ends = unset == Unset::Destroy;
        assert_eq!(store.calls, if ends { "GD" } else { "G" });
        assert_eq!(line(&outcome), ends.then_some(clear));
        // What the client has not presented is nothing to clear.
        for action in [None, Some(Action::Destroy)] {
            let mut store = Store::default();
            let mut exchange = store.begin(&config, &encrypted(), "", now());
            set(&mut exchange, "views", 1);
            match action {
                Some(action) => store.act(&mut exchange, action, now()).expect("nothing"),
                None => exchange.unset(),
            }
            let outcome = store.end(exchange).expect("nothing");
            assert_eq!((store.calls.as_str(), line(&outcome)), ("", None));
        }
        // Nor is what somebody else has ended.
        let mut store = Store::default();
        let exchange = store.load(&config);
        assert_eq!(exchange.origin(), Origin::Missing);
        let outcome = store.end(exchange).expect("nothing");
        assert_eq!((store.calls.as_str(), line(&outcome)), ("G", None));
    }
    // Saved in this request, and taken off again: deleted, for it is in the store.
    let mut store = Store::default();
    let mut exchange = store.begin(&destroyed, &encrypted(), "", now());
    store.act(&mut exchange, Action::Save, now()).expect("saved");
    exchange.unset();
    let outcome = store.end(exchange).expect("deleted");
    assert_eq!((store.calls.as_str(), line(&outcome)), ("SD", None));
    assert!(store.records.is_empty());
}

// B-125, B-126, B-154: a regenerated session is a new one: one write, and if it stays empty no
// write, and the old one's cookie is cleared
#[test]
fn regenerated() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    store.act(&mut exchange, Action::Regenerate(id("next")), now()).expect("deleted");
    assert!(exchange.is_new() && !exchange.facts().changed && !exchange.facts().new_id);
    let outcome = store.end(exchange).expect("nothing");
    assert_eq!(store.calls, "GD");
    assert_eq!(outcome.decision().cookie, CookieAction::Clear);
    for explicit in [false, true] {
        let (config, mut store) = with_old();
        let mut exchange = store.load(&config);
        store.act(&mut exchange, Action::Regenerate(id("next")), now()).expect("deleted");
        set(&mut exchange, "user", 7);
        if explicit {
            store.act(&mut exchange, Action::Save, now()).expect("saved");
        }
        let outcome = store.end(exchange).expect("saved");
        assert_eq!((store.calls.as_str(), &store.expects[..]), ("GDS", &[Expect::Absent][..]));
        assert!(line(&outcome).is_some_and(|line| line.starts_with("__Host-id=s%3Anext.")));
    }
    // A session that was never stored has no record to delete.
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    store.act(&mut exchange, Action::Regenerate(id("next")), now()).expect("nothing");
    assert_eq!(store.calls, "");
    assert_eq!(exchange.session().expect("a session").id(), &id("next"));
}

/// The line that clears names what the line that set it had named: the attributes at load.
#[test]
fn what_clears_is_what_was_sent() {
    let record = "{\"cookie\":{\"originalMaxAge\":null,\"expires\":null,\"partitioned\":true,\
        \"secure\":true,\"httpOnly\":true,\"domain\":\"a.example\",\"path\":\"/a\"}}";
    let config = built(recommended().name("sid"));
    let mut store = Store::with("old", record);
    let mut exchange = store.load(&config);
    let cookie = exchange.session().expect("a session").cookie_mut();
    cookie.set(Attribute::Path, "/b").expect("a path");
    store.act(&mut exchange, Action::Destroy, now()).expect("deleted");
    let outcome = store.end(exchange).expect("nothing");
    assert_eq!(
        line(&outcome),
        Some(
            "sid=; Domain=a.example; Path=/a; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; \
             Secure; Partitioned"
        )
    );
}

// PX-1, PX-3, B-136, B-137: on plain HTTP nothing Secure is promised, and nothing is saved that nobody gets
#[test]
fn undeliverable() {
    let (config, mut store) = with_old();
    let mut exchange = store.begin(&config, &plain(), "", now());
    set(&mut exchange, "views", 1);
    for action in [Action::Save, Action::Renew(id("next")), Action::LogIn(id("next"))] {
        let before = facts_but_consulted(&mut exchange);
        let error = store.act(&mut exchange, action, now()).expect_err("undeliverable");
        assert!(matches!(error, Error::Undeliverable), "{error:?}");
        assert_eq!(facts_but_consulted(&mut exchange), before);
    }
    let outcome = store.end(exchange).expect("nothing");
    assert_eq!((store.calls.as_str(), line(&outcome)), ("", None));
    assert_eq!(outcome.decision().store_reason, Reason::SecureOnPlainHttp);
    assert_eq!(outcome.decision().cookie_reason, Reason::SecureOnPlainHttp);
    // Who has the id can go on with it, and gets no other one.
    let presented = cookie(&config, "old");
    let mut exchange = store.begin(&config, &plain(), &presented, now());
    set(&mut exchange, "views", 2);
    store.act(&mut exchange, Action::Save, now()).expect("saved");
    for action in [Action::Renew(id("next")), Action::LogIn(id("next"))] {
        let error = store.act(&mut exchange, action, now()).expect_err("undeliverable");
        assert!(matches!(error, Error::Undeliverable), "{error:?}");
    }
    drop(store.end(exchange).expect("touched"));
    assert_eq!(store.calls, "GST");
    // What ends there stays ended, and its Secure line at home.
    store.calls.clear();
    let mut exchange = store.begin(&config, &plain(), &presented, now());
    store.act(&mut exchange, Action::Destroy, now()).expect("deleted");
    let outcome = store.end(exchange).expect("nothing");
    assert_eq!((store.calls.as_str(), line(&outcome)), ("GD", None));
    assert_eq!(outcome.decision().cookie_reason, Reason::SecureOnPlainHttp);
}

// RC-2, B-131: a touch that finds the record gone sends nothing; one that failed keeps what was decided
#[test]
fn touch_of_a_record_that_is_gone() {
    let config = built(recommended().rolling(true));
    for (down, gone) in [(false, false), (false, true), (true, false)] {
        let mut store = Store::with("old", &record(Some(now()), VIEWS));
        let mut exchange = store.load(&config);
        if gone {
            store.records.clear();
        }
        store.is_down = down;
        let next = exchange.finish::<Down>(now()).expect("a touch");
        let result = store.carry_out(&mut exchange, next, now());
        assert_eq!(result.is_err(), down);
        let outcome = exchange.outcome().expect("also of a failed touch");
        assert_eq!(line(&outcome).is_some(), !gone);
        let reason = if gone { Reason::Gone } else { Reason::Rolling };
        assert_eq!(outcome.decision().cookie_reason, reason);
        assert_eq!(store.calls, "GT");
        assert_eq!(store.records.is_empty(), gone, "it does not come back");
    }
}

/// DS-3: A cookie that can't be sent is found before the store is asked.
#[test]
fn a_cookie_that_is_too_long_saves_nothing() {
    let config = built(recommended().name(format!("__Host-{}", "n".repeat(4_000))));
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    set(&mut exchange, "views", 1);
    let error = exchange.finish::<Down>(now()).expect_err("too long");
    assert!(matches!(error, Error::Cookie(CookieError::TooLong)), "{error:?}");
    assert_eq!(error.status(), 500);
    assert!(exchange.outcome().is_none());
    let config = built(recommended());
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    let session = exchange.session().expect("a session");
    session.insert("views", 1).expect("JSON");
    session.cookie_mut().set_max_age(Duration::MAX, now());
    let error = store.end(exchange).expect_err("no date");
    assert!(matches!(error, Error::Cookie(CookieError::Expires)), "{error:?}");
    assert_eq!(store.calls, "");
}

// ---- Preconditions, conflicts, failures ----

/// What a first write and a later one ask for.
#[test]
fn preconditions() {
    let overwrite = Config::express(SECRET).name("__Host-id");
    for (builder, new, versioned, unversioned) in [
        (recommended(), "Absent", "Version", "Present"),
        (recommended().conflict(Conflict::Refuse), "Absent", "Version", "Present"),
        (recommended().conflict(Conflict::Overwrite), "Absent", "Present", "Present"),
        (overwrite.clone(), "Anything", "Anything", "Anything"),
        (overwrite.clone().conflict(Conflict::Merge), "Absent", "Version", "Present"),
        (overwrite.conflict(Conflict::Refuse), "Absent", "Version", "Present"),
    ] {
        let config = built(builder);
        for (has_versions, loaded) in [(true, versioned), (false, unversioned)] {
            let mut store = Store::with("old", &record(Some(now()), VIEWS));
            store.has_versions = has_versions;
            for cookie in ["", &cookie(&config, "old")] {
                let mut exchange = store.begin(&config, &encrypted(), cookie, now());
                set(&mut exchange, "views", 2);
                store.act(&mut exchange, Action::Save, now()).expect("saved");
                set(&mut exchange, "views", 3);
                drop(store.end(exchange).expect("saved"));
            }
            let expects: Vec<_> =
                store.expects.iter().map(|expect| format!("{expect:?}")).collect();
            let kinds: Vec<_> =
                expects.iter().map(|expect| expect.split('(').next().unwrap_or(expect)).collect();
            assert_eq!(kinds, [new, loaded, loaded, loaded], "{config:?}");
        }
    }
}

// B-176, B-183, B-184: what fails changes nothing: not the session, not the decision, not the store
#[test]
fn a_failed_method_changes_nothing() {
    for action in [
        Action::Destroy,
        Action::LogIn(id("next")),
        Action::Regenerate(id("next")),
        Action::Reload,
        Action::Renew(id("next")),
        Action::Save,
    ] {
        for changed in [false, true] {
            let (config, mut store) = with_old();
            let mut exchange = store.load(&config);
            if changed {
                add(&mut exchange, "views", 1);
            }
            let mut before = facts_but_consulted(&mut exchange);
            if matches!(action, Action::Save) {
                // It may have been done: what the store has is not known, so the end writes.
                before.0.saved = Saved::Stale;
            }
            for _ in 0..3 {
                store.is_down = true;
                let error = store.act(&mut exchange, action.clone(), later(5)).expect_err("down");
                assert!(matches!(error, Error::Store("down")), "{error:?}");
                assert_eq!(facts_but_consulted(&mut exchange), before, "{action:?}");
                assert_eq!((exchange.origin(), exchange.is_new()), (Origin::Loaded, false));
            }
            store.is_down = false;
            if matches!(action, Action::Save) {
                // What changes the record may be that save: see `changes_while_a_save_is_under_way`.
                continue;
            }
            // And the end is what it would have been: with the update, once.
            store.put("old", &record(Some(now()), ",\"views\":10"), None);
            let outcome = store.end(exchange).expect("up again");
            let views = if changed { 11 } else { 10 };
            assert_eq!(store.data("old").expect("a record")["views"], views, "{action:?}");
            assert_eq!(line(&outcome), None);
            assert_eq!(store.records.len(), 1);
        }
    }
}

// B-208: a write at the end that fails leaves nothing to send, and what is stored stays
#[test]
fn a_failed_end_promises_nothing() {
    for rolling in [false, true] {
        let config = built(recommended().rolling(rolling).unset(Unset::Destroy));
        let prepares: [fn(&mut Exchange); 2] =
            [|exchange| set(exchange, "views", 9), Exchange::unset];
        for prepare in prepares {
            let mut store = Store::with("old", &record(Some(now()), VIEWS));
            let mut exchange = store.load(&config);
            prepare(&mut exchange);
            store.is_down = true;
            let next = exchange.finish::<Down>(now()).expect("a question");
            let error = store.carry_out(&mut exchange, next, now()).expect_err("down");
            assert!(matches!(error, Error::Store("down")), "{error:?}");
            assert!(exchange.outcome().is_none());
            assert_eq!(store.data("old").expect("a record")["views"], 1);
        }
    }
}

// RC-1, B-130: a session that was ended meanwhile stays so, whatever was changed; express brings it back
#[test]
fn a_destroyed_session_stays_destroyed() {
    for conflict in [Conflict::Merge, Conflict::Overwrite, Conflict::Refuse] {
        let config = built(recommended().conflict(conflict));
        for action in [None, Some(Action::Save), Some(Action::Renew(id("next")))] {
            let mut store = Store::with("old", &record(Some(now()), VIEWS));
            let mut exchange = store.load(&config);
            set(&mut exchange, "views", 2);
            store.records.clear();
            let error = match action {
                Some(action) => store.act(&mut exchange, action, now()).expect_err("gone"),
                None => store.end(exchange).expect_err("gone"),
            };
            assert!(matches!(error, Error::Gone), "{error:?}");
            assert_eq!(error.status(), 409);
            assert!(store.records.is_empty());
        }
    }
    let mut store = Store::with("old", &record(None, VIEWS));
    let mut exchange = store.load(&express());
    set(&mut exchange, "views", 2);
    store.records.clear();
    drop(store.end(exchange).expect("saved"));
    assert_eq!(store.records.len(), 1, "B-130");
}

/// FX-8, RC-11: A new id never takes over a record: under express neither, if the policy is not its own.
#[test]
fn a_new_id_takes_over_nothing() {
    for config in [
        built(recommended()),
        built(Config::express(SECRET).name("__Host-id").conflict(Conflict::Merge)),
    ] {
        let mut store = Store::with("new", &record(Some(now()), VIEWS));
        let mut exchange = store.begin(&config, &encrypted(), "", now());
        set(&mut exchange, "views", 9);
        let error = store.act(&mut exchange, Action::Save, now()).expect_err("exists");
        assert!(matches!(error, Error::Conflict), "{error:?}");
        let error = store.end(exchange).expect_err("exists");
        assert!(matches!(error, Error::Conflict), "{error:?}");
        assert_eq!(store.data("new").expect("a record")["views"], 1);
    }
    // Nor does a renewal.
    let (config, mut store) = with_old();
    store.put("next", &record(Some(now()), ",\"views\":5"), None);
    let mut exchange = store.load(&config);
    let error = store.act(&mut exchange, Action::Renew(id("next")), now()).expect_err("exists");
    assert!(matches!(error, Error::Conflict), "{error:?}");
    assert_eq!(exchange.session().expect("a session").id(), &id("old"));
    assert_eq!(store.data("next").expect("a record")["views"], 5);
    assert_eq!(store.data("old").expect("a record")["views"], 1);
}

/// Under `Refuse` the later writer is told; under `Overwrite` the last writer wins.
#[test]
fn other_policies() {
    for (conflict, views) in [(Conflict::Refuse, 5), (Conflict::Overwrite, 2), (Conflict::Merge, 2)]
    {
        let config = built(recommended().conflict(conflict));
        let mut store = Store::with("old", &record(Some(now()), VIEWS));
        let mut exchange = store.load(&config);
        set(&mut exchange, "views", 2);
        store.put("old", &record(Some(now()), ",\"views\":5,\"theirs\":1"), None);
        let result = store.end(exchange);
        let refused = matches!(result, Err(Error::Conflict));
        assert_eq!(refused, conflict == Conflict::Refuse, "{result:?}");
        let data = store.data("old").expect("a record");
        assert_eq!(data["views"], views);
        assert_eq!(data.get("theirs").is_some(), conflict != Conflict::Overwrite);
        assert_eq!(store.calls, if conflict == Conflict::Merge { "GSS" } else { "GS" });
    }
}

/// Merging ends: after 32 further tries the request fails, and the session is as it was.
#[test]
fn thirty_two_tries() {
    let config = built(recommended());
    for action in [None, Some(Action::Save), Some(Action::Renew(id("next")))] {
        let mut store = Store::with("old", &record(Some(now()), VIEWS));
        let mut exchange = store.load(&config);
        add(&mut exchange, "n", 1);
        let mut next = match action {
            Some(action) => exchange.start::<Down>(action, now()),
            None => exchange.finish(now()),
        };
        let mut tries = 0;
        let error = loop {
            let pending = match next {
                Ok(pending) => pending.expect("another try"),
                Err(error) => break error,
            };
            tries += 1;
            // Somebody is always faster.
            store.put("old", &record(Some(now()), &format!(",\"n\":{}", tries * 100)), None);
            next = store.answer(&mut exchange, pending, now());
        };
        assert!(matches!(error, Error::Conflict), "{error:?}");
        assert_eq!((tries, store.records.len()), (33, 1));
        // As rebased last: the update counts once.
        assert_eq!(get(&mut exchange, "n"), Some(json!(3_201)));
        assert!(exchange.outcome().is_none());
    }
}

/// On the last try but none it is saved.
#[test]
fn the_thirty_second_try_counts() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "n", 1);
    let mut next = exchange.finish::<Down>(now()).expect("a save");
    for _ in 0..32 {
        store.put("old", &record(Some(now()), ",\"n\":5"), None);
        next = store.answer(&mut exchange, next.expect("a try"), now()).expect("again");
    }
    store.carry_out(&mut exchange, next, now()).expect("saved");
    assert_eq!(store.data("old").expect("a record")["n"], 6);
    assert!(exchange.outcome().is_some());
}

/// What is written while a save is under way is written by the next one, and an update counts once.
#[test]
fn changes_while_a_save_is_under_way() {
    // The save succeeds: the update that it carried is not done again.
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "views", 1);
    let next = exchange.start::<Down>(Action::Save, now()).expect("a save");
    add(&mut exchange, "views", 10);
    set(&mut exchange, "mine", 1);
    store.carry_out(&mut exchange, next, now()).expect("saved");
    assert_eq!(store.data("old").expect("a record")["views"], 2);
    assert_eq!(exchange.facts().saved, Saved::Stale);
    store.put("old", &record(Some(now()), ",\"views\":102,\"theirs\":1"), None);
    drop(store.end(exchange).expect("merged"));
    let data = store.data("old").expect("a record");
    assert_eq!(
        (&data["views"], &data["mine"], &data["theirs"]),
        (&json!(112), &json!(1), &json!(1))
    );
    // The save is merged: both are.
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "views", 1);
    let next = exchange.start::<Down>(Action::Save, now()).expect("a save");
    add(&mut exchange, "views", 10);
    set(&mut exchange, "mine", 1);
    store.put("old", &record(Some(now()), ",\"views\":101,\"theirs\":1"), None);
    store.carry_out(&mut exchange, next, now()).expect("merged");
    let data = store.data("old").expect("a record");
    assert_eq!(
        (&data["views"], &data["mine"], &data["theirs"]),
        (&json!(112), &json!(1), &json!(1))
    );
    drop(store.end(exchange).expect("touched"));
    assert_eq!(store.calls, "GSST");
    // The save fails, and was not done: nothing is lost.
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "views", 1);
    let next = exchange.start::<Down>(Action::Save, now()).expect("a save");
    add(&mut exchange, "views", 10);
    store.is_down = true;
    store.carry_out(&mut exchange, next, now()).expect_err("down");
    store.is_down = false;
    drop(store.end(exchange).expect("saved"));
    assert_eq!(store.data("old").expect("a record")["views"], 12);
    // The save fails, and the record is another one: perhaps by this very save, which is not made twice.
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "views", 1);
    store.is_down = true;
    store.act(&mut exchange, Action::Save, now()).expect_err("down");
    store.is_down = false;
    store.put("old", &record(Some(now()), ",\"views\":2"), None);
    assert!(matches!(store.end(exchange), Err(Error::Conflict)));
    assert_eq!(store.data("old").expect("a record")["views"], 2);
}

// B-132: after a reload what the store has is what counts: nothing is written back
#[test]
fn reload_resets_the_baseline() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "views", 1);
    store.put("old", &record(Some(now()), ",\"views\":7"), None);
    store.act(&mut exchange, Action::Reload, now()).expect("a record");
    assert_eq!(get(&mut exchange, "views"), Some(json!(7)));
    let facts = exchange.facts();
    assert!(!facts.changed && facts.known && !facts.new_id);
    assert_eq!(facts.saved, Saved::Current);
    // Its version as well: the next save meets no conflict, and the forgotten update stays so.
    set(&mut exchange, "mine", 1);
    drop(store.end(exchange).expect("saved"));
    assert_eq!(store.calls, "GGS");
    let data = store.data("old").expect("a record");
    assert_eq!((&data["views"], &data["mine"]), (&json!(7), &json!(1)));
}

/// Other keys, the same data: what a session has after a rename.
#[test]
fn renew() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    set(&mut exchange, "mine", 1);
    store.act(&mut exchange, Action::Renew(id("next")), now()).expect("renewed");
    assert!(!exchange.is_new());
    let outcome = store.end(exchange).expect("nothing");
    assert_eq!(store.calls, "GR");
    assert_eq!(outcome.decision().store, StoreAction::Nothing);
    assert_eq!(outcome.decision().cookie_reason, Reason::NewId);
    assert!(line(&outcome).is_some_and(|line| line.starts_with("__Host-id=s%3Anext.")));
    assert_eq!(store.records.keys().collect::<Vec<_>>(), ["next"]);
    let data = store.data("next").expect("a record");
    assert_eq!((&data["views"], &data["mine"]), (&json!(1), &json!(1)));
    // A conflict is merged, and the old id ends all the same.
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    add(&mut exchange, "views", 1);
    let next = exchange.start::<Down>(Action::Renew(id("next")), now()).expect("a rotation");
    store.put("old", &record(Some(now()), ",\"views\":11"), None);
    store.carry_out(&mut exchange, next, now()).expect("merged");
    assert_eq!(store.records.keys().collect::<Vec<_>>(), ["next"]);
    assert_eq!(store.data("next").expect("a record")["views"], 12);
    // Then destroyed: the new record is deleted, the old cookie cleared.
    store.act(&mut exchange, Action::Destroy, now()).expect("deleted");
    let outcome = store.end(exchange).expect("nothing");
    assert!(store.records.is_empty());
    assert_eq!(outcome.decision().cookie, CookieAction::Clear);
}

/// Outside of a request: the same load, the same rules for parallel changes.
#[test]
fn begin_with_id() {
    let (config, mut store) = with_old();
    let begin = |id: &str| match config.begin_with_id(model::id(id), now()) {
        Begin::Load(lookup) => lookup,
        other => panic!("{other:?}"),
    };
    let lookup = begin("old");
    assert_eq!(lookup.operation.id, id("old"));
    let Ok(Begin::Ready(mut exchange)) = lookup.answer(store.get("old"), now()) else {
        panic!("a session")
    };
    assert!(!exchange.is_new());
    add(&mut exchange, "views", 1);
    store.put("old", &record(Some(now()), ",\"views\":11"), None);
    store.act(&mut exchange, Action::Save, now()).expect("merged");
    assert_eq!(store.data("old").expect("a record")["views"], 12);
    assert!(matches!(begin("nobody").answer(None, now()), Ok(Begin::Create(_))));
    let expired = Stored::new(record(Some(later(-31 * 86_400_000)), VIEWS));
    assert!(matches!(begin("old").answer(Some(expired), now()), Ok(Begin::Create(_))));
    assert!(begin("old").answer(Some(Stored::new("{}")), now()).is_err());
}

// B-072, B-073: a loaded session can be given a cookie from today's options, which is a change
#[test]
fn reset_cookie() {
    let node = "{\"cookie\":{\"originalMaxAge\":5000,\"expires\":\"2023-11-14T22:13:28.000Z\",\
        \"httpOnly\":false,\"path\":\"/old\"},\"views\":1}";
    let config = built(recommended());
    let mut store = Store::with("old", node);
    let mut exchange = store.load(&config);
    exchange.reset_cookie(later(1));
    let session = exchange.session().expect("a session");
    assert_eq!(session.get("views"), Ok(Some(1)));
    assert_eq!(session.cookie().expires(), Expires::Session);
    let outcome = store.end(exchange).expect("saved");
    assert_eq!(store.calls, "GS");
    assert!(line(&outcome).is_some_and(|line| {
        line.starts_with("__Host-id=s%3Aold.")
            && line.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax")
    }));
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    exchange.reset_cookie(later(1));
    assert!(!exchange.facts().changed, "it has them already");
    exchange.unset();
    exchange.reset_cookie(later(1));
    assert!(exchange.session().is_none());
}

// ---- Timeouts ----

const DAY: i64 = 86_400_000;

/// The absolute end is the moment at which the session has ended, to the millisecond.
#[test]
fn the_absolute_timeout() {
    let config = built(recommended());
    for (age, origin) in [
        (0, Origin::Loaded),
        (30 * DAY - 1, Origin::Loaded),
        (30 * DAY, Origin::Expired),
        (30 * DAY + 1, Origin::Expired),
        (i64::MAX / 2_000, Origin::Expired),
        // Made by a clock that is ahead of ours.
        (-1, Origin::Loaded),
    ] {
        let mut store = Store::with("old", &record(now().plus_millis(-age), VIEWS));
        let mut exchange = store.load(&config);
        assert_eq!(exchange.origin(), origin, "{age}");
        assert_eq!(exchange.is_new(), origin == Origin::Expired);
        if origin == Origin::Expired {
            let session = exchange.session().expect("a session");
            assert_eq!((session.id(), session.data().len()), (&id("new"), 0));
            assert!(!exchange.facts().known);
            let outcome = store.end(exchange).expect("nothing");
            assert_eq!((store.calls.as_str(), line(&outcome)), ("G", None));
            assert_eq!(outcome.origin(), Origin::Expired);
        }
    }
    // Without the timeout, it lives.
    let config = built(recommended().timeouts(Timeouts::NONE));
    let mut store = Store::with("old", &record(now().plus_millis(-400 * DAY), VIEWS));
    assert_eq!(store.load(&config).origin(), Origin::Loaded);
    // One that has ended is passed over for one that lives.
    let config = built(recommended());
    let mut store = Store::with("old", &record(now().plus_millis(-31 * DAY), VIEWS));
    store.put("other", &record(Some(now()), ""), None);
    let values = [signed(&SECRET, "old"), signed(&SECRET, "other")];
    let mut exchange = presents(&config, &mut store, &[&values[0], &values[1]]);
    assert_eq!(loaded_id(&mut exchange).as_deref(), Some("other"));
}

/// What begins with the session and ends it: kept by everything but a login.
#[test]
fn created() {
    let config = built(recommended());
    let at = |store: &Store, id: &str| {
        store.data(id).and_then(|data| data["http-session:created"].as_i64())
    };
    let start = now().as_millis();
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    set(&mut exchange, "views", 1);
    drop(store.end_at(exchange, later(5)).expect("saved"));
    assert_eq!(at(&store, "new"), Some(start));
    let load = |store: &mut Store, id: &str, moment: i64| {
        let mut exchange = store.begin(&config, &encrypted(), &cookie(&config, id), later(moment));
        assert_eq!(exchange.origin(), Origin::Loaded);
        let created = exchange.session().expect("a session").created();
        assert_eq!(created.map(|created| created.as_millis()), at(store, id));
        exchange
    };
    // By saves, renewals, reloads and touches, also if the clock steps back.
    for (count, moment) in [1_000, -5_000, 7 * DAY, -DAY, 29 * DAY].into_iter().enumerate() {
        let id = if count == 0 { "new".into() } else { format!("id-{count}") };
        let mut exchange = load(&mut store, &id, moment);
        store.act(&mut exchange, Action::Save, later(moment)).expect("saved");
        let next = model::id(&format!("id-{}", count + 1));
        store.act(&mut exchange, Action::Renew(next), later(moment)).expect("renewed");
        store.act(&mut exchange, Action::Reload, later(moment)).expect("reloaded");
        set(&mut exchange, "views", moment);
        drop(store.end_at(exchange, later(moment)).expect("saved"));
        let id = format!("id-{}", count + 1);
        assert_eq!(at(&store, &id), Some(start), "{moment}");
        let exchange = load(&mut store, &id, moment);
        drop(store.end_at(exchange, later(moment)).expect("touched"));
        let end = store.records[&id].expires.expect("an end");
        assert!(end <= later(30 * DAY), "{moment}");
    }
    // A login that fails changes nothing; one that succeeds begins anew.
    let mut exchange = load(&mut store, "id-5", 1_000);
    store.is_down = true;
    store.act(&mut exchange, Action::LogIn(id("user")), later(1_000)).expect_err("down");
    assert_eq!(exchange.session().expect("a session").created(), Some(now()));
    store.is_down = false;
    store.act(&mut exchange, Action::LogIn(id("user")), later(1_000)).expect("renewed");
    assert_eq!(exchange.session().expect("a session").created(), Some(later(1_000)));
    assert_eq!(at(&store, "user"), Some(start + 1_000));
    store.calls.clear();
    drop(store.end_at(exchange, later(2_000)).expect("nothing"));
    assert_eq!(store.calls, "", "it is saved already");
    // Also if nothing was stored yet.
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    store.act(&mut exchange, Action::LogIn(id("first")), later(9)).expect("nothing");
    set(&mut exchange, "views", 1);
    drop(store.end_at(exchange, later(20)).expect("saved"));
    assert_eq!((store.calls.as_str(), at(&store, "first")), ("S", Some(start + 9)));
    // And if it had to be merged.
    let mut exchange = load(&mut store, "user", 1_500);
    let login = exchange.start::<Down>(Action::LogIn(id("merged")), later(1_500));
    let theirs = record(Some(later(1_000)), ",\"views\":9");
    store.put("user", &theirs, None);
    store.carry_out(&mut exchange, login.expect("a rotation"), later(1_500)).expect("merged");
    assert_eq!(at(&store, "merged"), Some(start + 1_500));
    assert_eq!(exchange.session().expect("a session").created(), Some(later(1_500)));
    // Without an absolute timeout, nobody counts.
    let config = built(recommended().timeouts(Timeouts::NONE));
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    store.act(&mut exchange, Action::LogIn(id("first")), now()).expect("nothing");
    store.act(&mut exchange, Action::Save, now()).expect("saved");
    assert_eq!(at(&store, "first"), None);
}

/// Of a session that somebody else made, the first load is the beginning, and it is saved.
#[test]
fn the_first_load_is_the_beginning() {
    let config = built(recommended());
    for foreign in ["", ",\"http-session:created\":\"x\"", ",\"http-session:created\":1e99"] {
        let mut store = Store::with("old", &record(None, &format!("{foreign}{VIEWS}")));
        let mut exchange = store.load(&config);
        assert_eq!(exchange.session().expect("a session").created(), Some(now()));
        let outcome = store.end_at(exchange, later(5)).expect("saved");
        assert_eq!((store.calls.as_str(), line(&outcome)), ("GS", None));
        let expected = json!({"http-session:created": now().as_millis(), "views": 1});
        assert_eq!(store.data("old"), Some(expected));
        store.calls.clear();
        let exchange = store.load(&config);
        drop(store.end_at(exchange, later(9)).expect("touched"));
        assert_eq!(store.calls, "GT", "once");
    }
    // Of two first loads the earlier counts.
    for (first, second) in [(0, 5), (5, 0)] {
        let mut store = Store::with("old", &record(None, VIEWS));
        let presented = cookie(&config, "old");
        let one = store.begin(&config, &encrypted(), &presented, later(first));
        let other = store.begin(&config, &encrypted(), &presented, later(second));
        drop(store.end_at(one, later(9)).expect("saved"));
        drop(store.end_at(other, later(9)).expect("merged or touched"));
        let data = store.data("old").expect("a record");
        assert_eq!(data["http-session:created"], now().as_millis(), "{first} {second}");
    }
}

/// A reload does not forget that the time has begun.
#[test]
fn a_reload_keeps_the_beginning() {
    let config = built(recommended());
    let mut store = Store::with("old", &record(None, VIEWS));
    let mut exchange = store.load(&config);
    store.act(&mut exchange, Action::Reload, later(1)).expect("a record");
    assert_eq!(exchange.session().expect("a session").created(), Some(now()));
    drop(store.end_at(exchange, later(5)).expect("saved"));
    let data = store.data("old").expect("a record");
    assert_eq!(data["http-session:created"], now().as_millis());
}

/// Nor does a merge with what a writer left who knows of no such key.
#[test]
fn a_merge_keeps_the_beginning() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    set(&mut exchange, "mine", 1);
    store.put("old", &record(None, ",\"views\":2"), None);
    drop(store.end_at(exchange, later(5)).expect("merged"));
    let data = store.data("old").expect("a record");
    assert_eq!((&data["views"], &data["mine"]), (&json!(2), &json!(1)));
    assert_eq!(data["http-session:created"], now().as_millis());
}

// B-108: a store that renews the lifetime while it loads is asked once, unless a cookie is to be sent; and
// whatever it does, the record ends at the same moment and the client gets the same answer
#[test]
fn a_load_that_refreshes() {
    let minute = Duration::from_secs(60);
    let grid = [None, Some(minute * 5), Some(minute * 60)].into_iter().flat_map(|max_age| {
        let absolutes = [None, Some(minute * 20), Some(minute * 60)];
        absolutes.into_iter().flat_map(move |absolute| {
            [None, Some(minute * 10)].map(move |idle| (max_age, absolute, idle))
        })
    });
    let uses: [fn(&mut Store, &mut Exchange); 5] = [
        |_, _| {},
        |_, exchange| set(exchange, "views", 2),
        |store, exchange| {
            set(exchange, "views", 2);
            store.act(exchange, Action::Save, later(600_000)).expect("saved");
        },
        |store, exchange| {
            store.act(exchange, Action::Renew(id("renewed")), later(600_000)).expect("renewed");
        },
        |store, exchange| store.act(exchange, Action::Destroy, later(600_000)).expect("ended"),
    ];
    let mut once = 0;
    for ((max_age, absolute, idle), used, rolling, quirks) in grid.flat_map(|limits| {
        let uses = uses.into_iter().enumerate();
        uses.flat_map(move |used| {
            [(false, false), (true, false), (false, true)]
                .map(move |(rolling, quirks)| (limits, used, rolling, quirks))
        })
    }) {
        let builder = if quirks { Config::express(SECRET).resave(false) } else { recommended() };
        let builder =
            builder.name("__Host-id").rolling(rolling).timeouts(Timeouts { idle, absolute });
        let cookie_options = CookieOptions::new().max_age(max_age).secure(true);
        let config = built(builder.cookie(cookie_options));
        let mut first = Store::default();
        let mut exchange = first.begin(&config, &encrypted(), "", now());
        set(&mut exchange, "views", 1);
        drop(first.end(exchange).expect("saved"));
        first.calls.clear();
        // Ten minutes later, when half of its longest time is over.
        let run = |refreshes| {
            let mut store = Store { refreshes, ..first.clone() };
            let cookie = cookie(&config, "new");
            let mut exchange = store.begin(&config, &encrypted(), &cookie, later(599_000));
            if exchange.origin() == Origin::Loaded {
                (used.1)(&mut store, &mut exchange);
            }
            let origin = exchange.origin();
            let outcome = store.end_at(exchange, later(599_000)).expect("an outcome");
            let ends: Vec<_> =
                store.records.iter().map(|(id, kept)| (id.clone(), kept.expires)).collect();
            (origin, ends, line(&outcome).map(String::from), store.calls)
        };
        let (touched, refreshed) = (run(false), run(true));
        let (origin, ends, line, calls) = &refreshed;
        assert_eq!((origin, ends, line), (&touched.0, &touched.1, &touched.2));
        let is_first = |other: Option<Duration>| {
            idle.is_some_and(|idle| other.is_none_or(|other| other >= idle))
        };
        let idle_first = is_first(max_age) && is_first(absolute.map(|length| length - minute * 10));
        let expected = match &touched.3[..] {
            "GT" if idle_first && used.0 == 0 && !rolling && !quirks => {
                once += 1;
                "G"
            }
            calls => calls,
        };
        assert_eq!(
            calls, expected,
            "{max_age:?} {absolute:?} {idle:?} {} {rolling} {quirks}",
            used.0
        );
    }
    assert_eq!(once, 6);
}

/// The record ends with whatever ends first: the cookie, the idle or the absolute timeout.
#[test]
fn the_first_end_counts() {
    let minute = Duration::from_secs(60);
    for (cookie_age, idle, absolute, end) in [
        (None, None, None, None),
        (Some(3), None, None, Some(3)),
        (None, Some(2), None, Some(2)),
        (None, None, Some(4), Some(4)),
        (Some(3), Some(2), Some(4), Some(2)),
        (Some(1), Some(2), Some(4), Some(1)),
        (Some(5), Some(4), Some(4), Some(4)),
        (Some(5), None, Some(4), Some(4)),
    ] {
        let timeouts = Timeouts {
            idle: idle.map(|idle| minute * idle),
            absolute: absolute.map(|absolute| minute * absolute),
        };
        let options = CookieOptions::new().max_age(cookie_age.map(|age| minute * age));
        let config = built(recommended().cookie(options).timeouts(timeouts));
        let mut store = Store::default();
        let mut exchange = store.begin(&config, &encrypted(), "", now());
        set(&mut exchange, "views", 1);
        drop(store.end(exchange).expect("saved"));
        let in_minutes = |minutes: u32| later(i64::from(minutes) * 60_000);
        assert_eq!(store.records["new"].expires, end.map(in_minutes));
        // Half a minute later: the absolute one stays where it was.
        let exchange = store.begin(&config, &encrypted(), &cookie(&config, "new"), later(30_000));
        drop(store.end_at(exchange, later(30_000)).expect("touched"));
        let used = [cookie_age, idle].into_iter().flatten().min();
        let used = used.map(|minutes| later(i64::from(minutes) * 60_000 + 30_000));
        let moved = [used, absolute.map(in_minutes)].into_iter().flatten().min();
        assert_eq!(store.records["new"].expires, moved);
        assert_eq!(store.calls, "SGT");
    }
}

/// EX-6: The longest timeouts that there are: nothing overflows, nothing ends early.
#[test]
fn timeouts_beyond_all_dates() {
    for longest in [Duration::MAX, Duration::from_millis(i64::MAX as u64)] {
        let timeouts = Timeouts { idle: Some(longest), absolute: Some(longest) };
        let config = built(recommended().timeouts(timeouts));
        for moment in [http_session::Timestamp::MIN, now(), http_session::Timestamp::MAX] {
            let mut store = Store::default();
            let mut exchange = store.begin(&config, &encrypted(), "", moment);
            set(&mut exchange, "views", 1);
            drop(store.end_at(exchange, moment).expect("saved"));
            let presented = cookie(&config, "new");
            let exchange = store.begin(&config, &encrypted(), &presented, moment);
            assert_eq!(exchange.origin(), Origin::Loaded);
            drop(store.end_at(exchange, moment).expect("touched"));
            assert_eq!(store.records["new"].expires, None);
        }
    }
}

/// The application can neither set nor see when the session began, but by its own accessor.
#[test]
fn the_beginning_is_not_the_applications() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    let session = exchange.session().expect("a session");
    let key = "http-session:created";
    let reserved = Err(http_session::DataError::ReservedKey);
    assert_eq!(session.insert(key, 0), reserved);
    assert_eq!(session.update(key, |_: Option<i64>| 0).map(drop), reserved);
    assert_eq!(session.write(&json!({ key: 0 })), reserved);
    assert_eq!((session.remove(key), session.get::<i64>(key)), (None, Ok(None)));
    session.clear();
    assert_eq!(session.created(), Some(now()));
    drop(store.end(exchange).expect("saved"));
    assert_eq!(store.data("old"), Some(json!({ key: now().as_millis() })));
}

/// A cookie of the largest attributes, and a beginning: what is written can be read again.
#[test]
fn the_largest_record_can_be_read() {
    let timeouts = Timeouts { absolute: None, ..Timeouts::DEFAULT };
    let config = built(recommended().name("sid").max_record_bytes(2).timeouts(timeouts));
    let mut store = Store::with("old", &record(Some(http_session::Timestamp::MIN), ""));
    let mut exchange = store.load(&config);
    let cookie = exchange.session().expect("a session").cookie_mut();
    cookie.set(Attribute::Path, "\"".repeat(1_024)).expect("a path");
    cookie.set(Attribute::Domain, vec!["d".repeat(31); 32].join(".")).expect("a domain");
    cookie.set(Attribute::Partitioned, true).expect("a flag");
    cookie.set(Attribute::Priority, "medium").expect("a name");
    cookie.set_max_age(Duration::from_millis(8_000_000_000_000_000), http_session::Timestamp::MIN);
    store.act(&mut exchange, Action::Save, now()).expect("saved");
    assert!(store.records["old"].record.len() > 3_300);
    assert_eq!(store.load(&config).origin(), Origin::Loaded);
}

/// A reply that no store gives leads nowhere.
#[test]
fn changed_without_a_precondition() {
    let config = built(recommended());
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    set(&mut exchange, "views", 1);
    let Ok(Some(Pending::Save(ask))) = exchange.finish::<Down>(now()) else { panic!("a save") };
    let garbage = Written::Changed(Stored::new("garbage"));
    let error = ask.complete::<Down>(&mut exchange, Ok(garbage), now()).expect_err("no such reply");
    assert!(matches!(error, Error::Conflict), "{error:?}");
}

/// After `clear` all values are this request's own, also of keys that were taken out before it.
#[test]
fn clear_forgets_no_write() {
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    let session = exchange.session().expect("a session");
    assert_eq!(session.remove("views"), Some(json!(1)));
    session.clear();
    add(&mut exchange, "views", 5);
    store.put("old", &record(Some(now()), ",\"views\":10"), None);
    drop(store.end(exchange).expect("merged"));
    assert_eq!(store.data("old").expect("a record")["views"], 5);
}

// PX-3, B-136, B-154: a line that clears a Secure cookie stays at home on plain HTTP, as one that sets it
#[test]
fn nothing_secure_is_cleared_on_plain_http() {
    let config = built(recommended().unset(Unset::Destroy));
    let mut store = Store::with("old", &record(Some(now()), VIEWS));
    let mut exchange = store.begin(&config, &plain(), &cookie(&config, "old"), now());
    exchange.unset();
    let outcome = store.end(exchange).expect("deleted");
    assert_eq!((store.calls.as_str(), line(&outcome)), ("GD", None));
    assert_eq!(outcome.decision().cookie_reason, Reason::SecureOnPlainHttp);
}

// B-136, B-154, RFC 6265bis section 5.7: nor is it replaced there by one that is not Secure, or cleared with that
// one's options
#[test]
fn a_secure_cookie_is_left_alone_on_plain_http() {
    let config = built(recommended().for_localhost());
    for secure in [false, true] {
        for changes in [false, true] {
            let record = format!("{{\"cookie\":{{\"path\":\"/\",\"secure\":{secure}}}{VIEWS}}}");
            let mut store = Store::with("old", &record);
            let mut exchange = store.begin(&config, &plain(), &cookie(&config, "old"), now());
            store.act(&mut exchange, Action::Regenerate(id("new")), now()).expect("deleted");
            if changes {
                set(&mut exchange, "views", 1);
            }
            let outcome = store.end(exchange).expect("the store works");
            assert_eq!(line(&outcome).is_some(), !secure, "{secure} {changes}");
            assert_eq!(store.records.len(), usize::from(changes && !secure));
            let withheld = outcome.decision().cookie_reason == Reason::SecureOnPlainHttp;
            assert_eq!(withheld, secure);
        }
    }
}

/// What is updated again is written only if it can be read again.
#[test]
fn an_update_that_is_replayed_nests_no_deeper() {
    let nested = |depth| (0..depth).fold(json!(0), |value, _| json!([value]));
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    for _ in 0..30 {
        let session = exchange.session().expect("a session");
        let wrap = |value: Option<serde_json::Value>| json!([value]);
        session.update("deep", wrap).expect("not too deep");
    }
    let theirs = format!("{VIEWS},\"deep\":{}", nested(100));
    store.put("old", &record(Some(now()), &theirs), None);
    // Refused, or merged: never a record that is lost.
    drop(store.end(exchange));
    let begun = config.begin(&encrypted(), [cookie(&config, "old").as_bytes()], now());
    let Begin::Load(lookup) = begun else { panic!("a load") };
    assert!(lookup.answer(store.get("old"), now()).is_ok());
}

// B-017, B-031: a request's own options are as safe as the config's: what they don't say of Secure
// and SameSite is filled in
#[test]
fn a_requests_own_options_are_as_safe() {
    let config = built(recommended());
    let options = CookieOptions::new().max_age(Duration::from_secs(60));
    let template = Some(config.template(options).expect("sound options"));
    let request = RequestFacts { template, ..encrypted() };
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &request, "", now());
    set(&mut exchange, "views", 1);
    let outcome = store.end(exchange).expect("saved");
    let line = line(&outcome).expect("a line");
    assert!(line.ends_with("; HttpOnly; Secure; SameSite=Lax"), "{line}");
}

/// A method finds a cookie that can't be sent before the store is asked, as the end does.
#[test]
fn a_cookie_that_cannot_be_sent_is_not_saved_by_a_method() {
    let config = built(recommended().name(format!("__Host-{}", "n".repeat(4_000))));
    let mut store = Store::default();
    let mut exchange = store.begin(&config, &encrypted(), "", now());
    set(&mut exchange, "views", 1);
    let error = store.act(&mut exchange, Action::Save, now()).expect_err("too long");
    assert!(matches!(error, Error::Cookie(CookieError::TooLong)), "{error:?}");
    assert_eq!(store.calls, "");
}

/// A new id that the client has not got yet is sent, also after a merge.
#[test]
fn renewed_and_merged() {
    let express = Config::express(SECRET).resave(false).save_uninitialized(false);
    let config = built(express.conflict(Conflict::Merge));
    let mut store = Store::with("old", &record(Some(now()), ",\"views\":1"));
    let mut exchange = store.load(&config);
    store.act(&mut exchange, Action::Renew(id("next")), now()).expect("renewed");
    add(&mut exchange, "views", 1);
    // Somebody has the same change, so that nothing of this request's own is left.
    store.put("next", &record(Some(now()), ",\"views\":2"), None);
    set(&mut exchange, "views", 2);
    let outcome = store.end(exchange).expect("merged");
    assert!(line(&outcome).is_some_and(|line| line.contains("next")));
}

// B-132, B-178: what was loaded again counts as saved, whatever happens to conflicts; and a session that got a new id
// before has still got it
#[test]
fn loaded_again() {
    for builder in [
        recommended(),
        recommended().conflict(Conflict::Overwrite),
        Config::express(SECRET).resave(false).conflict(Conflict::Merge),
    ] {
        let config = built(builder.name("__Host-id").timeouts(Timeouts::NONE));
        let mut store = Store::with("old", &record(None, VIEWS));
        let mut exchange = store.load(&config);
        store.put("old", &record(None, ",\"views\":7"), None);
        store.act(&mut exchange, Action::Reload, now()).expect("it is there");
        assert_eq!(get(&mut exchange, "views"), Some(json!(7)));
        let _ = store.end(exchange).expect("the store works");
        assert_eq!(store.calls, "GGT", "{config:?}");
    }
    let (config, mut store) = with_old();
    let mut exchange = store.load(&config);
    store.act(&mut exchange, Action::Renew(id("new")), now()).expect("renewed");
    store.act(&mut exchange, Action::Reload, now()).expect("it is there");
    let outcome = store.end(exchange).expect("the store works");
    assert_eq!(outcome.decision().cookie_reason, Reason::NewId);
}

// B-130: of several updates each is made again, on what a parallel request left; and a beginning that only this request
// knows is kept
#[test]
fn several_updates_are_made_again() {
    let config = built(recommended());
    for created in [None, Some(now())] {
        let mut store = Store::with("old", &record(created, ",\"a\":1,\"b\":1"));
        let mut exchange = store.load(&config);
        for key in ["a", "b", "c"] {
            add(&mut exchange, key, 1);
        }
        store.put("old", &record(created, ",\"a\":10,\"b\":20,\"d\":5"), None);
        let _ = store.end(exchange).expect("merged");
        assert_eq!(store.calls, "GSS");
        let created = now().as_millis();
        let merged = json!({"a": 11, "b": 21, "c": 1, "d": 5, "http-session:created": created});
        assert_eq!(store.data("old"), Some(merged));
    }
}
