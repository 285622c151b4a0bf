//! The layer around real routes, request by request.

#[path = "../../store/tests/common/mod.rs"]
mod common;
mod log;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::header::{COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use http::response::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use http_session_warp::store::{Error as SessionError, StoreError};
use http_session_warp::{
    Config, Connection, CookieOptions, Error, Layer, MemoryStore, Outcome, Secret, Secure, Session,
    SessionLayer, Sessions, optional_session, optional_session_of, recover, remote, session,
    session_layer, session_layer_from, session_of, testing,
};
use tower::{Service, ServiceExt};
use warp::reply::{self, Response};
use warp::{Filter, Rejection, Reply};

use self::common::{Gate, Op, World, poll_once, quiet, settle};
use self::log::Log;

/// What came back, its body read.
struct Answer {
    body: String,
    cookies: Vec<String>,
    head: Parts,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Name and value of the session cookie.
    fn cookie(&self) -> HeaderValue {
        let line = self.cookies.last().expect("a cookie is set");
        HeaderValue::from_str(line.split(';').next().expect("a pair")).expect("ASCII")
    }
}

fn request(method: Method, uri: &str, cookie: Option<&HeaderValue>) -> Request<String> {
    let mut request = Request::new(String::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().expect("a URI");
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, cookie.clone());
    }
    request
}

async fn send<S>(service: &S, request: Request<String>) -> Answer
where
    S: Service<Request<String>, Response = Response, Error = Infallible> + Clone,
{
    let Ok(response) = service.clone().oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("the body comes whole").to_bytes();
    let lines = head.headers.get_all(SET_COOKIE).iter();
    Answer {
        body: String::from_utf8(body.to_vec()).expect("a text"),
        cookies: lines.map(|line| line.to_str().expect("ASCII").into()).collect(),
        head,
    }
}

async fn get_from<S>(service: &S, uri: &str, cookie: Option<&HeaderValue>) -> Answer
where
    S: Service<Request<String>, Response = Response, Error = Infallible> + Clone,
{
    send(service, request(Method::GET, uri, cookie)).await
}

fn layer(world: &World) -> SessionLayer {
    session_layer_from(world.sessions.clone())
}

/// Counts the visits.
async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get::<u64>("n")?.unwrap_or_default() + 1;
    session.insert("n", visits)?;
    Ok(visits.to_string())
}

/// How often [`visit`] was there.
async fn visits(session: Session) -> Result<String, Error> {
    Ok(session.get::<u64>("n")?.unwrap_or_default().to_string())
}

/// Is there a session?
async fn is_there(session: Option<Session>) -> &'static str {
    if session.is_some() { "some" } else { "none" }
}

// the set-up of the documentation: the second visit is the second
#[tokio::test]
async fn three_lines() {
    let config = Config::express("keyboard cat").build().expect("sound options");
    let routes = warp::path::end().and(session()).then(visit);
    let app = session_layer(config, MemoryStore::new()).layer(warp::service(routes));

    let first = get_from(&app, "/", None).await;
    assert_eq!((first.status(), first.body.as_str()), (200, "1"));
    let second = get_from(&app, "/", Some(&first.cookie())).await;
    assert_eq!((second.body.as_str(), second.cookies.len()), ("2", 0));
    assert_eq!(get_from(&app, "/", None).await.body, "1");
}

// B-114: each response has its session: of a handler, a 404, a 405, a 400, of HEAD
#[tokio::test]
async fn every_kind_of_response() {
    let world = World::new(quiet().save_uninitialized(true));
    let either = warp::get().or(warp::head()).unify();
    let root = warp::path::end().and(either).and(session()).then(visits);
    let number = warp::path!("header").and(warp::header::<u64>("x-number"));
    let routes = root.or(number.map(|number| format!("{number}")));
    let app = layer(&world).layer(warp::service(routes));
    for (method, uri, status, body) in [
        (Method::GET, "/", 200, "0"),
        (Method::HEAD, "/", 200, "0"),
        (Method::POST, "/", 405, "HTTP method not allowed"),
        (Method::GET, "/nowhere", 404, ""),
        (Method::GET, "/header", 400, "Missing request header \"x-number\""),
    ] {
        let answer = send(&app, request(method, uri, None)).await;
        assert_eq!((answer.status(), answer.body.as_str()), (status, body), "{uri}");
        assert_eq!(answer.cookies.len(), 1, "{uri}");
        let again = get_from(&app, "/", Some(&answer.cookie())).await;
        assert_eq!((again.body.as_str(), again.cookies.len()), ("0", 0), "{uri}");
    }
    assert_eq!(world.store.records().len(), 5);
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
    let log = Log::start();
    let check = |uri, answer: Answer| {
        assert_eq!(answer.status(), 500, "{uri}");
        assert!(answer.body.ends_with(&no_layer), "{uri}: {}", answer.body);
        let lines = log.lines();
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
    let log = Log::start();
    let answer = get_from(&app, "/type", None).await;
    assert_eq!((answer.status(), answer.cookies.len()), (500, 1));
    assert!(answer.body.contains("not of the type that was asked for"), "{}", answer.body);
    assert!(!answer.body.contains("hunter2"));
    let answer = get_from(&app, "/destroyed", None).await;
    assert_eq!((answer.status(), answer.cookies.len()), (500, 0));
    assert_eq!(answer.body, SessionError::NoSession.to_string());
    assert_eq!(log.lines().len(), 2);
    for uri in ["/conflict", "/rejected"] {
        let answer = get_from(&app, uri, None).await;
        assert_eq!((answer.status(), answer.body), (409, SessionError::Conflict.to_string()));
        let error = answer.head.extensions.get::<SessionError>();
        assert!(matches!(error, Some(SessionError::Conflict)), "{uri}");
        let lines = log.lines();
        assert!(lines.len() == 1 && lines[0].starts_with("WARN"), "{lines:?}");
    }
    assert_eq!(get_from(&app, "/nowhere", None).await.status(), 404);
}

// warp sends the Debug of a rejection that nobody recovers to the client: it shows the text alone
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

// the store's own error is reached from the error of a handler by its sources
#[test]
fn the_source_of_an_error() {
    use std::error::Error as _;
    let error = Error::from(SessionError::Store(StoreError::new("gone")));
    assert_eq!(error.to_string(), "the session store failed");
    let mut last = error.source().expect("a source");
    while let Some(source) = last.source() {
        last = source;
    }
    assert_eq!(last.to_string(), "gone");
    assert!(Error::from(SessionError::Ended).source().is_none());
}

// B-067, D-load-failure: a load that fails is a 500, and the handler does not run
#[tokio::test]
async fn a_failed_load() {
    let world = World::new(quiet());
    let ran = Arc::new(AtomicUsize::new(0));
    let count = ran.clone();
    let routes = warp::any().map(move || count.fetch_add(1, Ordering::SeqCst).to_string());
    let app = layer(&world).layer(warp::service(routes));
    let cookie = world.logged_in().await;
    world.store.fail(Op::Load);
    let answer = get_from(&app, "/", Some(&cookie)).await;
    assert_eq!((answer.status(), answer.body.as_str(), answer.cookies.len()), (500, "", 0));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(get_from(&app, "/", Some(&cookie)).await.body, "0");
}

async fn log_in(session: Session) -> Result<impl Reply, Error> {
    session.log_in("user", "ada").await?;
    let redirect = warp::redirect::see_other(http::Uri::from_static("/account"));
    Ok(reply::with_header(redirect, SET_COOKIE, "own=1"))
}

// B-208, D-write-failure: a log-in that can't be saved is no log-in: 500, no cookie at all, no redirect
#[tokio::test]
async fn a_failed_save() {
    let world = World::new(quiet());
    let routes = warp::path("login").and(session()).then(log_in);
    let app = layer(&world).layer(warp::service(routes));
    world.store.fail(Op::Save);
    let answer = get_from(&app, "/login", None).await;
    assert_eq!((answer.status(), answer.body.as_str()), (500, ""));
    assert!(answer.cookies.is_empty() && !answer.head.headers.contains_key(LOCATION));
    assert!(world.store.records().is_empty());
    let explained = layer(&world).on_error(|error| error.to_string().into_response());
    world.store.fail(Op::Save);
    let answer = get_from(&explained.layer(warp::service(routes)), "/login", None).await;
    assert_eq!(answer.body, "the session store failed");
}

// B-171: the redirect after a log-in goes out when the session is saved
#[tokio::test]
async fn a_redirect_after_log_in() {
    let world = World::new(quiet());
    let routes = warp::path("login").and(session()).then(log_in);
    let app = layer(&world).layer(warp::service(routes));
    let gate: Gate = world.store.hold(Op::Save);
    let mut answer = Box::pin(get_from(&app, "/login", None));
    assert!(poll_once(&mut answer).is_pending());
    gate.reached().await;
    settle().await;
    assert!(poll_once(&mut answer).is_pending());
    gate.open();
    let answer = answer.await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.head.headers[LOCATION], "/account");
    assert_eq!(answer.cookies.len(), 2);
    assert!(world.store.records().values().all(|record| record.contains("ada")));
}

// B-134: a handler's own Set-Cookie lines stay in front
#[tokio::test]
async fn own_set_cookie_lines() {
    async fn own(session: Session) -> Result<impl Reply, Error> {
        session.insert("n", 1)?;
        let mut response = "own".into_response();
        for line in ["a=1; Path=/", "b=2"] {
            response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(line));
        }
        Ok(response)
    }
    let routes = warp::any().and(session()).then(own);
    let answer =
        get_from(&layer(&World::new(quiet())).layer(warp::service(routes)), "/", None).await;
    assert_eq!(answer.cookies[..2], ["a=1; Path=/", "b=2"]);
    assert_eq!(answer.cookies.len(), 3);
    assert!(answer.cookies[2].starts_with("connect.sid="));
}

/// Raises the number in each of the two sessions.
async fn visit_both(main: Session, admin: Session<Admin>) -> Result<String, Error> {
    let main = visit(main).await?;
    let visits = admin.get::<u64>("n")?.unwrap_or(100) + 1;
    admin.insert("n", visits)?;
    Ok(format!("{main} {visits}"))
}

// B-032: several sessions with markers: each has its own cookie, options and data
#[tokio::test]
async fn several_sessions() {
    let world = World::new(quiet());
    let config = Config::express("another cat").resave(false).save_uninitialized(false);
    let config = config.name("admin.sid").cookie(CookieOptions::new().path("/admin"));
    let admin = session_layer(config.build().expect("sound options"), world.store.clone());
    let both = warp::path("admin").and(session()).and(session_of::<Admin>()).then(visit_both);
    let optional = warp::path("optional").and(optional_session_of::<Admin>());
    let optional =
        optional.map(|admin: Option<Session<Admin>>| format!("admin: {}", admin.is_some()));
    let routes = both.or(optional).or(warp::path::end().and(session()).then(visit));
    let app = admin.marker::<Admin>().layer(layer(&world).layer(warp::service(routes)));
    let first = get_from(&app, "/admin", None).await;
    assert_eq!((first.body.as_str(), first.cookies.len()), ("1 101", 2));
    assert!(first.cookies[0].starts_with("connect.sid=") && first.cookies[0].contains("; Path=/;"));
    assert!(first.cookies[1].starts_with("admin.sid=") && first.cookies[1].contains("Path=/admin"));
    let pairs: Vec<_> = first.cookies.iter().filter_map(|line| line.split(';').next()).collect();
    let both = HeaderValue::from_str(&pairs.join("; ")).expect("ASCII");
    assert_eq!(get_from(&app, "/admin", Some(&both)).await.body, "2 102");
    assert_eq!(get_from(&app, "/", Some(&both)).await.body, "3");
    assert_eq!(get_from(&app, "/optional", Some(&both)).await.body, "admin: false");
    assert_eq!(world.store.records().len(), 2);
}

// the same layer around the same layer is a clear error
#[tokio::test]
async fn layered_twice() {
    let world = World::new(quiet());
    let explained = layer(&world).on_error(|error| error.to_string().into_response());
    let inner = explained.layer(warp::service(session().then(visit)));
    let answer = get_from(&layer(&world).layer(inner), "/", None).await;
    assert_eq!(answer.body, SessionError::LayeredTwice.to_string());
    assert_eq!(world.store.calls(), [""; 0]);
}

// B-173: a task that outlives its request gets an error; one that the handler waits for does not
#[tokio::test]
async fn a_handle_in_a_task() {
    let kept = Arc::new(Mutex::new(None::<Session>));
    let keep = kept.clone();
    let spawning = move |session: Session| {
        *keep.lock().expect("no panic") = Some(session.clone());
        async move {
            tokio::spawn(async move { session.insert("n", 5) }).await.expect("no panic")?;
            Ok::<_, Error>("")
        }
    };
    let world = World::new(quiet());
    let routes = warp::path::end().and(session()).then(spawning);
    let routes = routes.or(warp::path("n").and(session()).then(visits));
    let app = layer(&world).layer(warp::service(routes));
    let answer = get_from(&app, "/", None).await;
    let session = kept.lock().expect("no panic").take().expect("it was handled");
    assert!(matches!(session.insert("n", 6), Err(SessionError::Ended)));
    assert_eq!(get_from(&app, "/n", Some(&answer.cookie())).await.body, "5");
}

// a logged-in request in one line, for an application's own tests
#[tokio::test]
async fn a_logged_in_request() {
    let sessions = Sessions::new(quiet().build().expect("sound options"), MemoryStore::new());
    let app = session_layer_from(sessions.clone()).layer(warp::service(session().then(visits)));
    let cookie = testing::cookie_for(&sessions, |session| session.insert("n", 7)).await;
    assert_eq!(get_from(&app, "/", cookie.ok().as_ref()).await.body, "7");
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
