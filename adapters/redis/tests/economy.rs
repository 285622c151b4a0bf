//! How many commands a request costs.

mod common;

use http::HeaderValue;
use http_session_conformance::servers::Private;
use http_session_redis::RedisStore;
use http_session_store::core::{Config, Connection, Outcome, RequestFacts};
use http_session_store::testing::cookie_for;
use http_session_store::{Session, Sessions};

use self::common::Monitor;

/// One request, from its Cookie header to its outcome.
async fn request(
    sessions: &Sessions,
    cookie: Option<&HeaderValue>,
    handler: impl Fn(&Session),
) -> Outcome {
    let connection = Connection::Encrypted;
    let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let begin = sessions.config().begin(&facts, cookie.map(HeaderValue::as_bytes), sessions.now());
    let session = sessions.open(begin).await.expect("it works").expect("a session");
    handler(&session);
    sessions.close(&session).await.expect("it works")
}

// under the recommended configuration: a read is one command, a change two, what has no session none
#[tokio::test]
async fn requests() {
    let Some(server) = Private::redis("requests", &[]) else { return };
    let store = RedisStore::connect(&server.url()).await.expect("it answers");
    let config = Config::recommended("0123456789abcdef0123456789abcdef").build().expect("sound");
    let sessions = Sessions::new(config, store.timeout(common::PATIENCE));
    let cookie = cookie_for(&sessions, |session| session.insert("n", 1)).await.expect("it works");
    // The first write that compares brings the script along.
    let change = |session: &Session| session.insert("n", 2).expect("a number");
    drop(request(&sessions, Some(&cookie), change).await);

    let mut monitor = Monitor::new(server.port());
    drop(request(&sessions, None, |_| {}).await);
    let mut forged = cookie.as_bytes().to_vec();
    let last = forged.last_mut().expect("it is not empty");
    *last = if *last == b'A' { b'B' } else { b'A' };
    let forged = HeaderValue::from_bytes(&forged).expect("a header");
    drop(request(&sessions, Some(&forged), |_| {}).await);
    assert_eq!(monitor.sent(), [""; 0], "no cookie, forged");

    let outcome =
        request(&sessions, None, |session| session.insert("n", 1).expect("a number")).await;
    assert!(outcome.set_cookie().is_some());
    let sent = monitor.sent();
    assert_eq!(sent.len(), 1, "new: {sent:?}");

    drop(
        request(&sessions, Some(&cookie), |session| session.insert("n", 3).expect("a number"))
            .await,
    );
    let sent = monitor.sent();
    assert_eq!(sent.len(), 2, "change: {sent:?}");

    let read = |session: &Session| {
        assert_eq!(session.get::<u64>("n").expect("a number"), Some(3));
    };
    drop(request(&sessions, Some(&cookie), read).await);
    let sent = monitor.sent();
    assert_eq!(sent.len(), 1, "read: {sent:?}");
}
