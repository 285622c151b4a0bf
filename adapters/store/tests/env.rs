//! The environment: real and for tests, the secret, and a logged-in request in one line.

mod common;

use std::collections::HashSet;
use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, SystemTime};
use std::{env, iter};

use http_session_store::core::{Config, CookieOptions, Origin, RequestFacts, SessionId, Timestamp};
use http_session_store::testing::{TestEnv, cookie_for};
use http_session_store::{Env, Error, MemoryStore, OsEnv, Sessions, secret_from_env};

use self::common::{Op, START, World, quiet};

// B-005: ids of 32 characters of base64url, and no two alike
#[test]
fn os_ids() {
    let ids: HashSet<SessionId> =
        iter::repeat_with(|| OsEnv.genid().expect("a random source")).take(10_000).collect();
    assert_eq!(ids.len(), 10_000);
    for id in ids {
        let text = id.as_str();
        assert_eq!(text.len(), 32);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }
}

// the system's clock
#[test]
fn os_time() {
    let before = Timestamp::from(SystemTime::now());
    let now = OsEnv.now();
    assert!(before <= now && now <= Timestamp::from(SystemTime::now()));
}

// a clock that moves when told to, shared by its clones, and ids that count
#[test]
fn test_env() {
    let env = TestEnv::new(START);
    let clone = env.clone();
    assert_eq!(env.now(), START);
    clone.advance(1_500);
    env.advance(-500);
    assert_eq!(env.now().millis_since(START), 1_000);
    env.set(Timestamp::MAX);
    assert_eq!(clone.now(), Timestamp::MAX);
    clone.advance(1);
    assert_eq!(clone.now(), Timestamp::MAX);
    let text = |env: &TestEnv| env.genid().expect("an id").as_str().to_owned();
    assert_eq!([text(&env), text(&clone), text(&env)], ["sid1", "sid2", "sid3"]);
    assert_eq!(text(&TestEnv::new(START)), "sid1");
}

/// Runs this very test again with the variable set: a process can't set its own.
fn with_variable(test: &str, name: &str, value: impl Into<OsString>) -> bool {
    if env::var_os(name).is_some() {
        return true;
    }
    let this = env::current_exe().expect("a running test has a file");
    let run = Command::new(this).args(["--exact", test]).env(name, value.into()).output();
    let run = run.expect("it can be started");
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && output.contains("1 passed"), "{output}");
    false
}

/// The text that says what to do.
fn message(name: &str) -> String {
    format!(
        "environment variable {name} is not set, is empty or is not UTF-8: it is to hold the \
         secret that signs session cookies; for example: export {name}=$(openssl rand -base64 32)"
    )
}

// a secret that is not set is an error that says what to do
#[test]
fn no_secret() {
    let error = secret_from_env("HTTP_SESSION_NOT_SET").expect_err("it is not set");
    assert_eq!(error.to_string(), message("HTTP_SESSION_NOT_SET"));
    // What a `main` that returns it prints.
    assert_eq!(format!("{error:?}"), message("HTTP_SESSION_NOT_SET"));
}

// B-013, B-015: an empty secret is no secret
#[test]
fn empty_secret() {
    const NAME: &str = "HTTP_SESSION_EMPTY_SECRET";
    if with_variable("empty_secret", NAME, "") {
        assert_eq!(secret_from_env(NAME).expect_err("it is empty").to_string(), message(NAME));
    }
}

// a secret that is no text is refused, and not shown
#[cfg(unix)]
#[test]
fn secret_of_bytes() {
    use std::os::unix::ffi::OsStringExt;
    const NAME: &str = "HTTP_SESSION_BYTES";
    if with_variable("secret_of_bytes", NAME, OsString::from_vec(vec![b'k', 0xFF])) {
        assert_eq!(secret_from_env(NAME).expect_err("it is no text").to_string(), message(NAME));
    }
}

// B-014: the variable's text is the secret, byte by byte, with its spaces
#[test]
fn secret_from_the_environment() {
    const NAME: &str = "HTTP_SESSION_SECRET";
    if with_variable("secret_from_the_environment", NAME, " kéyboard cat\n") {
        let read = signed_with(Config::express(secret_from_env(NAME).expect("it is set")));
        assert_eq!(read, signed_with(Config::express(" kéyboard cat\n")));
        assert_ne!(read, signed_with(Config::express("kéyboard cat")));
    }
}

fn signed_with(config: http_session_store::core::ConfigBuilder) -> http::HeaderValue {
    let world = World::new(config);
    common::ready(cookie_for(&world.sessions, |_| Ok(()))).expect("the store works")
}

// a logged-in request: the Cookie header is the pair alone, and it loads what was put there
#[tokio::test]
async fn a_cookie_for_a_request() {
    let hour = Duration::from_secs(3_600);
    let world = World::new(quiet().name("sid").cookie(CookieOptions::new().max_age(hour)));
    let cookie = cookie_for(&world.sessions, |session| session.insert("user", "ada")).await;
    let cookie = cookie.expect("the store works");
    let text = cookie.to_str().expect("ASCII");
    assert!(text.starts_with("sid=s%3Asid1."), "{text}");
    assert!(!text.contains([';', ' ']), "{text}");
    let session = world.open(Some(&cookie)).await.expect("the store works");
    assert_eq!(session.origin().ok(), Some(Origin::Loaded));
    assert_eq!(session.get::<String>("user").expect("a text").as_deref(), Some("ada"));
}

// it works for a Secure cookie, and for one of a path of its own
#[tokio::test]
async fn a_cookie_for_each_configuration() {
    for options in [
        CookieOptions::new().secure(true),
        CookieOptions::new().secure(true).path("/app/"),
        CookieOptions::new().domain("example.com").path(""),
    ] {
        let world = World::new(quiet().cookie(options));
        let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
        let cookie = cookie.expect("the store works");
        let path = world.sessions.config().path();
        let facts = RequestFacts { path, ..RequestFacts::default() };
        let begin = world.sessions.config().begin(&facts, [cookie.as_bytes()], START);
        let session = world.sessions.open::<http_session_store::Main>(begin).await;
        let session = session.expect("the store works").expect("the path is the cookie's");
        assert_eq!(session.get("n").ok(), Some(Some(1)));
    }
}

// what goes wrong is said: the application's error, the store's, and a session that is not saved
#[tokio::test]
async fn no_cookie_for_a_request() {
    let world = World::new(quiet());
    let failed = cookie_for(&world.sessions, |_| Err(Error::Conflict)).await;
    assert!(matches!(failed, Err(Error::Conflict)));
    world.store.fail(Op::Save);
    let failed = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
    assert!(matches!(failed, Err(Error::Store(_))));
    assert!(matches!(cookie_for(&world.sessions, |_| Ok(())).await, Err(Error::NoSession)));
    assert_eq!(world.store.records().len(), 0);
}

// several layers and jobs may have one store in common
#[tokio::test]
async fn a_shared_store() {
    let store = MemoryStore::new();
    let sessions = Sessions::new(quiet().build().expect("sound options"), store.clone());
    cookie_for(&sessions, |session| session.insert("n", 1)).await.map(drop).expect("it works");
    assert_eq!(store.len(Timestamp::from(SystemTime::now())), 1);
    let debug = format!("{sessions:?}");
    assert!(debug.starts_with("Sessions {") && !debug.contains(common::SECRET), "{debug}");
}
