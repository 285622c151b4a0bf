//! The layer around real routes, request by request: what is warp's own. The rest is in the contract for
//! adapters.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[path = "../../store/tests/common/errors.rs"]
mod errors;
#[path = "../../store/tests/common/log.rs"]
mod log;
#[path = "../../store/tests/common/service.rs"]
mod service;

use http::{Method, StatusCode};
use http_session_warp::store::{Error as SessionError, StoreError};
use http_session_warp::{
    Config, Connection, CookieOptions, Error, Layer, MemoryStore, Outcome, Secret, Secure, Session,
    SessionLayer, optional_session, optional_session_of, recover, remote, session, session_layer,
    session_layer_from, session_of,
};
use warp::{Filter, Rejection, Reply, reply};

use self::common::{Op, World, count, quiet};
use self::errors::all_of;
use self::log::Capture;
use self::service::{Answer, get_from, request, send};

fn layer(world: &World) -> SessionLayer {
    session_layer_from(world.sessions.clone())
}

/// Counts the visits.
async fn visit(session: Session) -> Result<String, Error> {
    Ok(count(&session)?.to_string())
}

/// How often [`visit`] was there.
async fn visits(session: Session) -> Result<String, Error> {
    Ok(session.get::<u64>("n")?.unwrap_or_default().to_string())
}

/// Is there a session?
async fn is_there(session: Option<Session>) -> &'static str {
    if session.is_some() { "some" } else { "none" }
}

// B-114: a handler that changed the session and then rejects: the 404 has its cookie, and so has what
// the application makes of a rejection; what was changed is saved
#[tokio::test]
async fn a_rejection_after_a_change() {
    async fn change(session: Session) -> Result<String, Rejection> {
        session.insert("n", 1).map_err(Error::from)?;
        Err(warp::reject::not_found())
    }
    async fn page(rejection: Rejection) -> Result<impl Reply, Rejection> {
        assert!(rejection.is_not_found());
        Ok(reply::with_status("nothing here", StatusCode::NOT_FOUND))
    }
    let world = World::new(quiet());
    let routes = warp::path("gone").and(session()).and_then(change);
    let n = warp::path("n").and(session()).then(visits);
    let plain = layer(&world).layer(warp::service(routes.or(n)));
    let answer = get_from(&plain, "/gone", None).await;
    assert_eq!((answer.status(), answer.body.as_str(), answer.cookies.len()), (404, "", 1));
    assert_eq!(get_from(&plain, "/n", Some(&answer.cookie())).await.body, "1");

    let own = layer(&world).layer(warp::service(routes.recover(page)));
    let answer = get_from(&own, "/gone", None).await;
    assert_eq!((answer.status(), answer.body.as_str()), (404, "nothing here"));
    assert_eq!(answer.cookies.len(), 1);
    // The first route's change counts, whichever route answers in the end.
    let other = routes.or(warp::path("gone").and(session()).then(visit));
    let answer = get_from(&layer(&world).layer(warp::service(other)), "/gone", None).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, "2"));
}

// B-037, B-038: the cookie's path is compared with the request's own path, whatever the filters of path
// took off it; outside of it there is no session: None, or a rejection that says so
#[tokio::test]
async fn path_mismatch() {
    let world = World::new(quiet().cookie(CookieOptions::new().path("/app")));
    let there = warp::path("x").and(optional_session()).then(is_there);
    let needed = warp::path("needed").and(session()).then(visit);
    let routes = warp::path("app").and(there).or(there).or(needed);
    let app = layer(&world).layer(warp::service(routes.recover(recover)));
    assert_eq!(get_from(&app, "/app/x", None).await.body, "some");
    assert_eq!(get_from(&app, "http://example.com/app/x?/x", None).await.body, "some");
    assert_eq!(get_from(&app, "/x", None).await.body, "none");
    let answer = get_from(&app, "/needed", None).await;
    assert_eq!((answer.status(), answer.cookies.len()), (500, 0));
    assert_eq!(answer.body, SessionError::PathMismatch.to_string());
    let unhandled = layer(&world).layer(warp::service(needed));
    let answer = get_from(&unhandled, "/needed", None).await;
    assert_eq!(answer.status(), 500);
    assert!(answer.body.contains(&SessionError::PathMismatch.to_string()), "{}", answer.body);
    assert_eq!(world.store.calls(), [""; 0]);
}

/// What was logged since the last time, and warns.
fn warnings(log: &Capture) -> Vec<String> {
    let warns = |line: &String| line.starts_with("WARN") || line.starts_with("ERROR");
    log.events().into_iter().filter(warns).collect()
}

/// The marker of a second session.
enum Admin {}

// without a layer, or without that of the marker, the answer and the log say what to do, whether or
// not the rejection is recovered; and no route that is not found hides it
#[tokio::test]
async fn no_layer() {
    let needed = warp::path("needed").and(session()).then(visit);
    let optional = warp::path("optional").and(optional_session()).then(is_there);
    let admin = warp::path("admin").and(session_of::<Admin>()).map(|_| "");
    let both = warp::path("both").and(optional_session_of::<Admin>()).map(|_| "");
    let routes = needed.or(optional).or(admin).or(both).or(warp::path("other").map(|| ""));
    let main = layer(&World::new(quiet())).layer(warp::service(routes));
    let recovered = warp::service(routes.recover(recover));
    let no_layer = SessionError::NoLayer.to_string();
    assert!(no_layer.contains("add one after the routes"), "{no_layer}");
    let (log, _guard) = Capture::start();
    let check = |uri, answer: Answer| {
        assert_eq!(answer.status(), 500, "{uri}");
        assert!(answer.body.ends_with(&no_layer), "{uri}: {}", answer.body);
        let lines = warnings(&log);
        assert_eq!(lines.len(), 1, "{uri}: {lines:?}");
        assert!(lines[0].starts_with("ERROR") && lines[0].contains(&no_layer), "{lines:?}");
    };
    for uri in ["/needed", "/optional"] {
        check(uri, get_from(&warp::service(routes), uri, None).await);
        check(uri, get_from(&recovered, uri, None).await);
    }
    for uri in ["/admin", "/both"] {
        check(uri, get_from(&main, uri, None).await);
    }
}

async fn conflict() -> Result<String, Error> {
    Err(SessionError::Conflict.into())
}

async fn rejected_conflict() -> Result<String, Rejection> {
    Err(Error::from(SessionError::Conflict).into())
}

// a handler's `?`: the error's status and text, which shows no data, and one line in the log; what it
// wrote before is saved
#[tokio::test]
async fn errors_of_handlers() {
    async fn wrong_type(session: Session) -> Result<String, Error> {
        session.insert("n", "hunter2")?;
        Ok(session.get::<u64>("n")?.unwrap_or_default().to_string())
    }
    async fn destroyed(session: Session) -> Result<String, Error> {
        session.destroy().await?;
        session.insert("n", 1)?;
        Ok("unreachable".into())
    }
    let routes = warp::path("type").and(session()).then(wrong_type);
    let routes = routes.or(warp::path("destroyed").and(session()).then(destroyed));
    let routes = routes.or(warp::path("conflict").then(conflict));
    let routes = routes.or(warp::path("rejected").and_then(rejected_conflict));
    let app = layer(&World::new(quiet())).layer(warp::service(routes.recover(recover)));
    let (log, _guard) = Capture::start();
    let answer = get_from(&app, "/type", None).await;
    assert_eq!((answer.status(), answer.cookies.len()), (500, 1));
    assert!(answer.body.contains("not of the type that was asked for"), "{}", answer.body);
    assert!(!answer.body.contains("hunter2"));
    let answer = get_from(&app, "/destroyed", None).await;
    assert_eq!((answer.status(), answer.cookies.len()), (500, 0));
    assert_eq!(answer.body, SessionError::NoSession.to_string());
    assert_eq!(warnings(&log).len(), 2);
    for uri in ["/conflict", "/rejected"] {
        let answer = get_from(&app, uri, None).await;
        assert_eq!((answer.status(), answer.body), (409, SessionError::Conflict.to_string()));
        let error = answer.head.extensions.get::<SessionError>();
        assert!(matches!(error, Some(SessionError::Conflict)), "{uri}");
        let lines = warnings(&log);
        assert!(lines.len() == 1 && lines[0].starts_with("WARN"), "{lines:?}");
    }
    assert_eq!(get_from(&app, "/nowhere", None).await.status(), 404);
}

// LG-1, CF-8: warp sends the Debug of a rejection that nobody recovers to the client: it shows the text alone
#[tokio::test]
async fn an_unhandled_rejection() {
    let down = || async {
        let error = SessionError::Store(StoreError::new("hunter2"));
        Err::<String, Rejection>(Error::from(error).into())
    };
    let app = layer(&World::new(quiet())).layer(warp::service(warp::any().and_then(down)));
    let answer = get_from(&app, "/", None).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.body, "Unhandled rejection: the session store failed");
}

// the error of a handler is an error as any other, and the store's own is reached by its sources
#[test]
fn error_type() {
    use std::error::Error as _;
    let error = Error::from(SessionError::Store(StoreError::new("gone")));
    assert_eq!(error.to_string(), "the session store failed");
    assert!(all_of(&error).contains(" gone"), "{error:?}");
    assert!(Error::from(SessionError::Ended).source().is_none());
}

// the error response is the application's own
#[tokio::test]
async fn on_error() {
    let world = World::new(quiet());
    let sessions = layer(&world).on_error(|error| error.to_string().into_response());
    world.store.fail(Op::Save);
    let app = sessions.layer(warp::service(session().then(visit)));
    assert_eq!(get_from(&app, "/", None).await.body, "the session store failed");
}

// what an application needs beyond the session is at hand at the root; the connection among the
// request's extensions counts, and the outcome is among the response's
#[tokio::test]
async fn the_names_at_the_root() {
    let options = CookieOptions::new().secure(Secure::Auto);
    let config = Config::express(Secret::from("keyboard cat")).cookie(options);
    let config = config.build().expect("sound options");
    let app = session_layer(config, MemoryStore::new()).layer(warp::service(session().then(visit)));
    for (connection, secure) in [(Connection::Plain, false), (Connection::Encrypted, true)] {
        let mut request = request(Method::GET, "/", None);
        request.extensions_mut().insert(connection);
        let answer = send(&app, request).await;
        assert_eq!(answer.cookies[0].contains("; Secure"), secure, "{connection:?}");
        let outcome = answer.head.extensions.get::<Outcome>().expect("an outcome");
        assert_eq!(outcome.origin(), http_session_warp::core::Origin::Absent);
    }
}

// without `serve` nobody knows the client's address
#[tokio::test]
async fn no_remote_address() {
    let routes = remote().map(|address: Option<_>| format!("{address:?}"));
    assert_eq!(get_from(&warp::service(routes), "/", None).await.body, "None");
}
