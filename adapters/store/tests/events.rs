//! What goes to the log: the reasons, and neither ids, secrets nor data.

mod common;
#[path = "common/log.rs"]
mod log;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_session_store::core::{CookieOptions, Expires, Record, Unset};
use http_session_store::{Error, Session};
use tracing::Instrument;

use self::common::{LONG_SECRET, Op, SECRET, World, quiet, safe};
use self::log::Capture;

fn assert_has(events: &[String], level: &str, parts: &[&str]) {
    let found = events
        .iter()
        .any(|event| event.starts_with(level) && parts.iter().all(|part| event.contains(part)));
    assert!(found, "no {level} with {parts:?} in {events:#?}");
}

/// What others would make of a text: as it is, and in base64, hexadecimal and percent-encoding.
fn forms(text: &str) -> [String; 6] {
    let bytes = |before: &str| text.bytes().map(|byte| format!("{before}{byte:02x}")).collect();
    let [hex, percent]: [String; 2] = ["", "%"].map(bytes);
    let base64 = STANDARD_NO_PAD.encode(text);
    [text.into(), hex.to_uppercase(), hex, percent.to_uppercase(), percent, base64]
}

/// Nothing of what [`fill`] puts into sessions, ids and secrets.
fn assert_silent(events: &[String]) {
    assert!(!events.is_empty());
    for event in events {
        for secret in ["sid1", "sid2", "sid3", "hunter2", "password", SECRET, LONG_SECRET] {
            for form in forms(secret) {
                assert!(!event.contains(&form), "{form} in {event}");
            }
        }
    }
}

#[test]
fn the_check_finds_each_form() {
    for form in forms("hunter2") {
        let events = [format!("x{form}x")];
        assert!(std::panic::catch_unwind(|| assert_silent(&events)).is_err(), "{form}");
    }
}

async fn close(world: &World, session: &Session) -> Result<(), Error> {
    world.sessions.close(session).await.map(drop)
}

fn fill(session: &Session) {
    session.insert("password", "hunter2").expect("it is open");
}

// LG-1: the log says where a session comes from and what was decided for which reason
#[tokio::test]
async fn reasons() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet());

    let session = world.fresh().await;
    assert_has(
        &capture.events(),
        "DEBUG",
        &["session begins", "the request has no session cookie"],
    );
    close(&world, &session).await.expect("the store works");
    let decided = capture.events();
    assert_has(
        &decided,
        "DEBUG",
        &["session ends", "store=nothing", "cookie=not sent", "new and empty"],
    );

    let session = world.fresh().await;
    fill(&session);
    close(&world, &session).await.expect("the store works");
    let decided = capture.events();
    assert_has(
        &decided,
        "DEBUG",
        &["session ends", "store=save", "cookie=sent", "session was changed"],
    );
    assert_silent(&decided);

    let session = world.loaded().await;
    assert_has(&capture.events(), "DEBUG", &["session begins", "the session was loaded"]);
    close(&world, &session).await.expect("the store works");
    let decided = capture.events();
    assert_has(
        &decided,
        "DEBUG",
        &["session ends", "store=touch", "cookie=not sent", "was not changed"],
    );
}

// LG-1, B-207, B-210: each failure of the store is reported, with the store's own words and nothing else
#[tokio::test]
async fn failures() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet().unset(Unset::Destroy));
    let cookie = world.logged_in().await;
    let refused = ["session failed", "session store failed", "connection refused"];

    world.store.fail(Op::Load);
    world.open(Some(&cookie)).await.expect_err("the store failed");
    let mut all = capture.events();
    assert_has(&all, "ERROR", &refused);

    for (op, fails) in [(Op::Save, true), (Op::Touch, false), (Op::Delete, true)] {
        let session = world.open(Some(&cookie)).await.expect("the store works");
        match op {
            Op::Delete => session.unset().expect("it is open"),
            Op::Save => fill(&session),
            _ => {}
        }
        world.store.fail(op);
        assert_eq!(close(&world, &session).await.is_err(), fails, "{op:?}");
        let events = capture.events();
        assert_has(&events, "ERROR", &refused);
        all.extend(events);
    }

    world.store.put("sid1", r#"{"password":"hunter2"}"#);
    world.open(Some(&cookie)).await.expect_err("it is no record");
    let events = capture.events();
    assert_has(&events, "ERROR", &["session failed", "session record has no cookie"]);
    all.extend(events);
    assert_silent(&all);
}

// B-209: a failure that the handler is told of is not reported by us
#[tokio::test]
async fn failures_of_methods() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet());
    let session = world.loaded().await;
    capture.events();
    world.store.fail(Op::Save);
    session.save().await.expect_err("the store failed");
    world.store.fail(Op::Load);
    session.reload().await.expect_err("the store failed");
    world.store.fail(Op::Rotate);
    session.renew().await.expect_err("the store failed");
    world.store.fail(Op::Delete);
    session.regenerate().await.expect_err("the store failed");
    assert_eq!(capture.events(), [""; 0]);
}

// B-136, B-137: a Secure cookie that is kept back is a warning that names the setting
#[tokio::test]
async fn secure_on_plain_http() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet().cookie(CookieOptions::new().secure(true)));
    let session = world.fresh().await;
    fill(&session);
    close(&world, &session).await.expect("the store works");
    let events = capture.events();
    assert_has(&events, "WARN", &["session cookie not sent", "proxy(true)"]);
    assert_eq!(world.store.records().len(), 1);
    assert_silent(&events);
}

// B-136, B-137: under the safe preset no record is made for it, and the warning is the same
#[tokio::test]
async fn secure_on_plain_http_under_recommended() {
    let (capture, _guard) = Capture::start();
    let world = World::new(safe());
    capture.events();
    let session = world.fresh().await;
    fill(&session);
    close(&world, &session).await.expect("nothing is asked");
    let events = capture.events();
    let settings = ["session cookie not sent", "proxy(true)", "for_localhost()"];
    assert_has(&events, "WARN", &settings);
    assert_has(&events, "DEBUG", &["session ends", "store=nothing", "cookie=not sent", "Secure"]);
    assert_eq!((world.store.calls(), world.ids()), (vec![], vec![]));
    assert_silent(&events);
    // Who keeps nothing in the session has nothing to be warned of.
    let session = world.fresh().await;
    close(&world, &session).await.expect("nothing is asked");
    assert!(!capture.events().iter().any(|event| event.starts_with("WARN")));
}

// what the audit finds is logged when the sessions are made, what travels over plain HTTP as a
// warning; a configuration without findings says nothing
#[test]
fn audit() {
    let (capture, _guard) = Capture::start();
    World::new(safe());
    assert_eq!(capture.events(), [""; 0]);
    World::new(safe().for_localhost());
    let events = capture.events();
    assert_has(&events, "WARN", &["session configuration", "set Secure", "OWASP ASVS 5.0 3.3.1"]);
    World::new(quiet());
    let events = capture.events();
    assert_has(
        &events,
        "DEBUG",
        &["session configuration", "set conflict(Conflict::Merge)", "B-130"],
    );
    assert_has(
        &events,
        "WARN",
        &["session configuration", "openssl rand", "OWASP ASVS 5.0 13.3.1"],
    );
    assert_silent(&events);
}

// LG-1: a conflict, a session that is gone and a merge show neither ids nor data in the log
#[tokio::test]
async fn conflicts() {
    let (capture, _guard) = Capture::start();
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let (merges, gone) = (world.again(&cookie).await, world.again(&cookie).await);
    let other = world.again(&cookie).await;
    [&merges, &gone, &other].into_iter().for_each(fill);
    for session in [&other, &merges] {
        close(&world, session).await.expect("it merges");
    }
    world.store.drop_all();
    close(&world, &gone).await.expect_err("it is gone");
    let events = capture.events();
    assert_has(&events, "WARN", &["session not saved", "ended by a parallel request"]);
    assert_silent(&events);
    let session = world.loaded().await;
    world.store.fail(Op::Rotate);
    session.log_in("password", "hunter2").await.expect_err("the store failed");
    close(&world, &session).await.expect("the store works");
    assert_silent(&capture.events());
}

// B-152: a cookie that can't be written is reported
#[tokio::test]
async fn a_cookie_that_cannot_be_written() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet());
    let session = world.fresh().await;
    fill(&session);
    session
        .cookie_mut(|cookie, now| cookie.set_expires(Expires::Invalid, now))
        .expect("it is open");
    let outcome = world.sessions.close(&session).await.expect("the store works");
    assert!(outcome.set_cookie().is_none() && outcome.cookie_error().is_some());
    let events = capture.events();
    assert_has(&events, "ERROR", &["session cookie not sent", "expires is not a date"]);
    assert_silent(&events);
    let record = world.store.records().remove("sid1").expect("it was saved");
    assert_eq!(Record::from_json(&record).expect("JSON").expires(), None);
}

// what is logged at the end belongs to the request's span
#[tokio::test]
async fn the_span_of_a_request() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet());
    let session = world.fresh().await;
    capture.events();
    close(&world, &session).instrument(tracing::info_span!("request")).await.expect("it works");
    assert_has(&capture.events(), "request: DEBUG", &["session ends"]);
}

// what is logged at the end belongs to the request's span, when the store takes its time as well
#[tokio::test]
async fn the_span_of_a_request_whose_store_waits() {
    let (capture, _guard) = Capture::start();
    let world = World::new(quiet());
    let session = world.fresh().await;
    fill(&session);
    capture.events();
    let gate = world.store.hold(Op::Save);
    let sessions = world.sessions.clone();
    let closing = http_session_store::to_the_end(async move {
        // As the tower layer does it.
        sessions.close(&session).await.map(drop)
    });
    let (closed, ()) = tokio::join!(closing.instrument(tracing::info_span!("request")), async {
        gate.reached().await;
        gate.open();
    });
    closed.expect("the store works");
    assert_has(&capture.events(), "request: DEBUG", &["session ends"]);
}
