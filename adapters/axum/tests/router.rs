//! A real router with the layer and the extractor, request by request.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Extension;
use axum::http::header::{COOKIE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::response::Parts;
use axum::http::{Method, Request, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::{BodyExt, Full};
use http_session_axum::core::{ConfigBuilder, CookieTemplate, Proxy};
use http_session_axum::store::{Error as SessionError, StoreError};
use http_session_axum::{
    Config, Connection, CookieOptions, Error, MemoryStore, Outcome, SameSite, Secret, Secure,
    Session, SessionLayer, Sessions, session_layer, session_layer_from, testing,
};
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use self::common::{Op, World, poll_once, quiet, settle};

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What came back, its body read.
struct Answer {
    body: String,
    cookies: Vec<String>,
    head: Parts,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("the body comes whole").to_bytes();
        let lines = head.headers.get_all(SET_COOKIE).iter();
        Self {
            body: String::from_utf8(body.to_vec()).expect("a text"),
            cookies: lines.map(|line| line.to_str().expect("ASCII").into()).collect(),
            head,
        }
    }

    fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Name and value of the session cookie.
    fn cookie(&self) -> HeaderValue {
        let line = self.cookies.last().expect("a cookie is set");
        HeaderValue::from_str(line.split(';').next().expect("a pair")).expect("ASCII")
    }
}

fn request(method: Method, uri: &str, cookie: Option<&HeaderValue>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse().expect("a URI");
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, cookie.clone());
    }
    request
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    Answer::of(router.clone().oneshot(request).await.expect("a router does not fail")).await
}

async fn get_from(router: &Router, uri: &str, cookie: Option<&HeaderValue>) -> Answer {
    send(router, request(Method::GET, uri, cookie)).await
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

// the set-up of the documentation: three lines, and the second visit is the second
#[tokio::test]
async fn three_lines() {
    let config = Config::express("keyboard cat").build().expect("sound options");
    let sessions = session_layer(config, MemoryStore::new());
    let app = Router::new().route("/", get(visit)).layer(sessions);

    let first = get_from(&app, "/", None).await;
    assert_eq!((first.status(), first.body.as_str()), (200, "1"));
    let second = get_from(&app, "/", Some(&first.cookie())).await;
    assert_eq!((second.body.as_str(), second.cookies.len()), ("2", 0));
    assert_eq!(get_from(&app, "/", None).await.body, "1");
}

// B-114: each response has its session: of a handler, the fallback's 404, a 405, of HEAD
#[tokio::test]
async fn every_kind_of_response() {
    let world = World::new(quiet().save_uninitialized(true));
    let routes = || Router::new().route("/", get(visits));
    let own = routes().fallback(|session: Session| async move {
        session
            .insert("lost", true)
            .map(|()| (StatusCode::NOT_FOUND, "nothing here"))
            .map_err(Error)
    });
    for (app, body) in [(routes(), ""), (own, "nothing here")] {
        let app = app.layer(layer(&world));
        for (method, uri, status, body) in [
            (Method::GET, "/", 200, "0"),
            (Method::HEAD, "/", 200, ""),
            (Method::POST, "/", 405, ""),
            (Method::GET, "/nowhere", 404, body),
        ] {
            let answer = send(&app, request(method, uri, None)).await;
            assert_eq!((answer.status(), answer.body.as_str()), (status, body), "{uri}");
            assert_eq!(answer.cookies.len(), 1, "{uri}");
            let again = get_from(&app, "/", Some(&answer.cookie())).await;
            assert_eq!((again.body.as_str(), again.cookies.len()), ("0", 0), "{uri}");
        }
    }
    let lost = world.store.records().values().filter(|record| record.contains("lost")).count();
    assert_eq!(lost, 1);
}

// B-037, B-038: the cookie's path is compared with the request's own path, whatever a router took
// off it, and whichever side of the nesting the layer is on
#[tokio::test]
async fn nested_routers() {
    let world = |path: &str| World::new(quiet().cookie(CookieOptions::new().path(path)));
    let routes = || Router::new().route("/x", get(is_there));
    let inside = |path| Router::new().nest("/app", routes().layer(layer(&world(path))));
    let outside = |path| Router::new().nest("/app", routes()).layer(layer(&world(path)));
    for (path, found) in [("/", "some"), ("/app", "some"), ("/app/x", "some"), ("/x", "none")] {
        for app in [inside(path), outside(path)] {
            for uri in ["/app/x", "http://example.com/app/x", "/app/x?/x"] {
                assert_eq!(get_from(&app, uri, None).await.body, found, "{path} {uri}");
            }
            let deeper = Router::new().nest("/deep", app);
            let found = if path == "/" { "some" } else { "none" };
            assert_eq!(get_from(&deeper, "/deep/app/x", None).await.body, found, "{path}");
        }
    }
}

// B-037: outside of the cookie's path there is no session: None, or an error that says so
#[tokio::test]
async fn path_mismatch() {
    let world = World::new(quiet().cookie(CookieOptions::new().path("/app")));
    let app = Router::new()
        .route("/optional", get(is_there))
        .route("/needed", get(visit))
        .route(
            "/asked",
            get(|session: Result<Session, Error>| async move {
                matches!(session, Err(Error(SessionError::PathMismatch))).to_string()
            }),
        )
        .layer(layer(&world));
    assert_eq!(get_from(&app, "/optional", None).await.body, "none");
    let needed = get_from(&app, "/needed", None).await;
    assert_eq!((needed.status(), needed.cookies.len()), (500, 0));
    assert_eq!(needed.body, SessionError::PathMismatch.to_string());
    assert!(needed.body.contains("Option<Session>"), "{}", needed.body);
    assert_eq!(get_from(&app, "/asked", None).await.body, "true");
    assert_eq!(world.store.calls(), [""; 0]);
}

/// The marker of a second session.
#[derive(Debug)]
enum Admin {}

// without a layer, or without that of the marker, the extractor says what to do
#[tokio::test]
async fn no_layer() {
    let routes = Router::new()
        .route("/needed", get(visit))
        .route("/optional", get(is_there))
        .route("/admin", get(|_: Session<Admin>| async {}));
    let main = routes.clone().layer(layer(&World::new(quiet())));
    for (app, uri) in [(&routes, "/needed"), (&routes, "/optional"), (&main, "/admin")] {
        let answer = get_from(app, uri, None).await;
        assert_eq!(answer.status(), 500, "{uri}");
        assert_eq!(answer.body, SessionError::NoLayer.to_string(), "{uri}");
        assert!(answer.body.contains("add one after the routes"), "{uri}");
    }
    // Routes that are added after the layer are outside of it.
    let late = Router::new().layer(layer(&World::new(quiet()))).route("/late", get(visit));
    assert_eq!(get_from(&late, "/late", None).await.body, SessionError::NoLayer.to_string());
}

// a handler's `?`: the error's status and text, which shows no data; what it wrote before is saved
#[tokio::test]
async fn errors_of_handlers() {
    async fn wrong_type(session: Session) -> Result<String, Error> {
        session.insert("n", "hunter2")?;
        Ok(session.get::<u64>("n")?.unwrap_or_default().to_string())
    }
    async fn destroyed(session: Session) -> Result<(), Error> {
        session.destroy().await?;
        Ok(session.insert("n", 1)?)
    }
    async fn conflict() -> Result<(), Error> {
        Err(SessionError::Conflict.into())
    }
    let world = World::new(quiet());
    let app = Router::new()
        .route("/type", get(wrong_type))
        .route("/destroyed", get(destroyed))
        .route("/conflict", get(conflict))
        .layer(layer(&world));
    let answer = get_from(&app, "/type", None).await;
    assert_eq!(
        (answer.status(), answer.body.as_str(), answer.cookies.len()),
        (
            500,
            "the session's value is not of the type that was asked for: it was stored as another",
            1
        )
    );
    let answer = get_from(&app, "/destroyed", None).await;
    assert_eq!((answer.status(), answer.cookies.len()), (500, 0));
    assert_eq!(answer.body, SessionError::NoSession.to_string());
    let answer = get_from(&app, "/conflict", None).await;
    assert_eq!((answer.status(), answer.body), (409, SessionError::Conflict.to_string()));
}

// the error of a handler is an error as any other
#[test]
fn error_type() {
    use std::error::Error as _;
    let error = Error::from(SessionError::Store(StoreError::new("gone")));
    assert_eq!(error.to_string(), "the session store failed");
    assert!(Error(SessionError::Ended).source().is_none());
}

// the store's own error is reached from the error of a handler by its sources
#[test]
fn the_source_of_an_error() {
    use std::error::Error as _;
    let error = Error(SessionError::Store(StoreError::new("gone")));
    let mut last = error.source().expect("a source");
    while let Some(source) = last.source() {
        last = source;
    }
    assert_eq!(last.to_string(), "gone");
}

// B-172, B-173: what a streamed body changes comes too late: an error, and the store has the old value
#[tokio::test]
async fn a_body_that_writes_late() {
    let late: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = late.clone();
    let stream = move |session: Session| async move {
        session.insert("n", 1).expect("it is open");
        let body = Full::new(axum::body::Bytes::from_static(b"body")).map_frame(move |frame| {
            let result = session.insert("n", 2).map_err(|error| error.to_string());
            seen.lock().expect("no panic").push(result.expect_err("it is too late"));
            frame
        });
        Body::new(body)
    };
    let world = World::new(quiet());
    let app = Router::new().route("/", get(stream)).route("/n", get(visits)).layer(layer(&world));
    let answer = get_from(&app, "/", None).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, "body"));
    assert_eq!(*late.lock().expect("no panic"), [SessionError::Ended.to_string()]);
    assert_eq!(get_from(&app, "/n", Some(&answer.cookie())).await.body, "1");
    assert_eq!(world.store.calls(), ["save sid1", "load sid1", "touch sid1"]);
}

// B-173: a task that outlives its request gets an error; one that the handler waits for does not
#[tokio::test]
async fn a_handle_in_a_task() {
    type Task = tokio::task::JoinHandle<Result<(), SessionError>>;
    let (go, kept) = (Arc::new(tokio::sync::Notify::new()), Arc::new(Mutex::new(None::<Task>)));
    let spawning = {
        let (go, kept) = (go.clone(), kept.clone());
        move |session: Session| async move {
            let clone = session.clone();
            tokio::spawn(async move { clone.insert("n", 5) }).await.expect("no panic")?;
            let task = tokio::spawn(async move {
                go.notified().await;
                session.insert("n", 6)?;
                session.save().await
            });
            *kept.lock().expect("no panic") = Some(task);
            Ok::<_, Error>(())
        }
    };
    let world = World::new(quiet());
    let app = Router::new().route("/", get(spawning)).route("/n", get(visits)).layer(layer(&world));
    let answer = get_from(&app, "/", None).await;
    go.notify_one();
    let task = kept.lock().expect("no panic").take().expect("it was spawned");
    assert!(matches!(task.await.expect("no panic"), Err(SessionError::Ended)));
    assert_eq!(get_from(&app, "/n", Some(&answer.cookie())).await.body, "5");
}

async fn log_in(session: Session) -> Result<Redirect, Error> {
    session.regenerate().await?;
    session.insert("user", "ada")?;
    Ok(Redirect::to("/account"))
}

async fn account(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("user")?.unwrap_or_else(|| "nobody".into()))
}

// B-171: the redirect after a log-in goes out when the session is saved; the old id is worth nothing
#[tokio::test]
async fn a_redirect_after_log_in() {
    let world = World::new(quiet());
    let app = Router::new()
        .route("/login", post(log_in))
        .route("/account", get(account))
        .layer(layer(&world));
    let before = world.logged_in().await;
    let gate = world.store.hold(Op::Save);
    let mut response =
        Box::pin(app.clone().oneshot(request(Method::POST, "/login", Some(&before))));
    assert!(poll_once(&mut response).is_pending());
    gate.reached().await;
    settle().await;
    assert!(poll_once(&mut response).is_pending());
    gate.open();
    let answer = Answer::of(response.await.expect("a router does not fail")).await;
    assert_eq!(
        (answer.status(), answer.head.headers[LOCATION].as_bytes()),
        (303, &b"/account"[..])
    );
    assert_eq!(get_from(&app, "/account", Some(&answer.cookie())).await.body, "ada");
    assert_eq!(get_from(&app, "/account", Some(&before)).await.body, "nobody");
}

// B-208, D-write-failure: a log-in that can't be saved is no log-in: 500, no cookie, no redirect
#[tokio::test]
async fn a_log_in_that_is_not_saved() {
    let world = World::new(quiet());
    let app = Router::new().route("/login", post(log_in)).layer(layer(&world));
    world.store.fail(Op::Save);
    let answer = send(&app, request(Method::POST, "/login", None)).await;
    assert_eq!((answer.status(), answer.body.as_str()), (500, ""));
    assert!(answer.cookies.is_empty() && !answer.head.headers.contains_key(LOCATION));
}

// B-183: a regenerate that fails in the handler stops the log-in by its `?`
#[tokio::test]
async fn a_log_in_whose_regenerate_fails() {
    let world = World::new(quiet());
    let app = Router::new().route("/login", post(log_in)).layer(layer(&world));
    let before = world.logged_in().await;
    world.store.fail(Op::Delete);
    let answer = send(&app, request(Method::POST, "/login", Some(&before))).await;
    assert_eq!((answer.status(), answer.body.as_str()), (500, "the session store failed"));
    assert!(!answer.head.headers.contains_key(LOCATION));
    assert!(world.store.records().values().all(|record| !record.contains("ada")));
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
    let config = quiet().name("admin.sid").cookie(CookieOptions::new().path("/admin"));
    let admin = session_layer(config.build().expect("sound options"), world.store.clone());
    let app = Router::new()
        .route("/admin", get(visit_both))
        .route("/", get(visit))
        .layer(layer(&world))
        .layer(admin.marker::<Admin>());
    let first = get_from(&app, "/admin", None).await;
    assert_eq!((first.body.as_str(), first.cookies.len()), ("1 101", 2));
    assert!(first.cookies[0].starts_with("connect.sid=") && first.cookies[0].contains("; Path=/;"));
    assert!(
        first.cookies[1].starts_with("admin.sid=") && first.cookies[1].contains("Path=/admin;")
    );
    let both: Vec<_> =
        first.cookies.iter().map(|line| line.split(';').next().expect("a pair")).collect();
    let both = HeaderValue::from_str(&both.join("; ")).expect("ASCII");
    assert_eq!(get_from(&app, "/admin", Some(&both)).await.body, "2 102");
    assert_eq!(get_from(&app, "/", Some(&both)).await.body, "3");
    assert_eq!(world.store.records().len(), 2);
}

// the same layer on a router and on the router that it is nested in is a clear error
#[tokio::test]
async fn layered_twice() {
    let world = World::new(quiet());
    let explained = layer(&world).on_error(|error| error.to_string().into_response());
    let inner = Router::new().route("/x", get(visit)).layer(explained);
    let app = Router::new().nest("/app", inner).layer(layer(&world));
    let answer = get_from(&app, "/app/x", None).await;
    assert_eq!(answer.body, SessionError::LayeredTwice.to_string());
    assert_eq!(world.store.calls(), [""; 0]);
}

// B-134: a handler's own Set-Cookie lines stay in front
#[tokio::test]
async fn own_set_cookie_lines() {
    async fn own(session: Session) -> Result<impl IntoResponse, Error> {
        session.insert("n", 1)?;
        Ok(AppendHeaders([(SET_COOKIE, "a=1; Path=/"), (SET_COOKIE, "b=2")]))
    }
    let app = Router::new().route("/", get(own)).layer(layer(&World::new(quiet())));
    let answer = get_from(&app, "/", None).await;
    assert_eq!(answer.cookies[..2], ["a=1; Path=/", "b=2"]);
    assert_eq!(answer.cookies.len(), 3);
    assert!(answer.cookies[2].starts_with("connect.sid="));
}

// B-017, B-031: cookie options by request: asked once for each, for the path and for new sessions,
// never for the attributes of a loaded one
#[tokio::test]
async fn cookie_options_by_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let world = World::new(quiet().rolling(true).cookie(CookieOptions::new().path("/never")));
    let template = |path: &str, domain: &str| -> Arc<CookieTemplate> {
        let options = CookieOptions::new().path(path).domain(domain);
        world.sessions.config().template(options).expect("sound options")
    };
    let sessions = layer(&world).cookie_options({
        let (asked, one, other) = (asked.clone(), template("/a", "a.com"), template("/b", "b.com"));
        move |request| {
            asked.fetch_add(1, Ordering::SeqCst);
            if request.uri().path().starts_with("/a") { one.clone() } else { other.clone() }
        }
    });
    let app = Router::new()
        .route("/a", get(visit))
        .route("/b", get(visit))
        .route("/c", get(is_there))
        .route("/b/new", get(async |session: Session| session.regenerate().await.map_err(Error)))
        .layer(sessions);
    let first = get_from(&app, "/a", None).await;
    assert!(first.cookies[0].contains("; Domain=a.com; Path=/a;"), "{:?}", first.cookies);
    let second = get_from(&app, "/b", Some(&first.cookie())).await;
    assert_eq!(second.body, "2");
    assert!(second.cookies[0].contains("; Domain=a.com; Path=/a;"), "{:?}", second.cookies);
    let renewed = get_from(&app, "/b/new", Some(&first.cookie())).await;
    assert!(renewed.cookies[0].contains("; Domain=b.com; Path=/b;"), "{:?}", renewed.cookies);
    assert_eq!(get_from(&app, "/c", None).await.body, "none");
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

// B-157, B-159, B-160: X-Forwarded-Proto counts under proxy(true) alone, and of it the first element
#[tokio::test]
async fn behind_a_proxy() {
    let secure = || quiet().cookie(CookieOptions::new().secure(true));
    let trusting: ConfigBuilder = secure().proxy(true);
    for (config, lines, sent) in [
        (trusting.clone(), &["https"][..], true),
        (trusting.clone(), &[" HTTPS , http"], true),
        (trusting.clone(), &["https", "http"], true),
        (trusting.clone(), &["http", "https"], false),
        (trusting.clone(), &["http, https"], false),
        (trusting, &[], false),
        (secure().proxy(false), &["https"], false),
        (secure().proxy(Proxy::Framework), &["https"], false),
        (secure(), &["https"], false),
    ] {
        let app = Router::new().route("/", get(visit)).layer(layer(&World::new(config)));
        let mut request = request(Method::GET, "/", None);
        for line in lines {
            request.headers_mut().append(FORWARDED, HeaderValue::from_static(line));
        }
        let answer = send(&app, request).await;
        assert_eq!(
            (answer.body.as_str(), answer.cookies.len()),
            ("1", usize::from(sent)),
            "{lines:?}"
        );
        assert!(answer.cookies.iter().all(|line| line.contains("; Secure")), "{lines:?}");
    }
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Cart {
    items: Vec<String>,
    total: f64,
}

// a JSON handler: the body goes into the session as a value of its own type, and comes out again
#[tokio::test]
async fn json() {
    async fn fill(session: Session, Json(cart): Json<Cart>) -> Result<Json<usize>, Error> {
        session.insert("cart", &cart)?;
        Ok(Json(cart.items.len()))
    }
    async fn show(session: Session) -> Result<Json<Option<Cart>>, Error> {
        Ok(Json(session.get("cart")?))
    }
    let app = Router::new().route("/cart", get(show).put(fill)).layer(layer(&World::new(quiet())));
    assert_eq!(get_from(&app, "/cart", None).await.body, "null");
    let cart = r#"{"items":["ink","pen"],"total":12.5}"#;
    let mut put = request(Method::PUT, "/cart", None);
    *put.body_mut() = Body::from(cart);
    put.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    let answer = send(&app, put).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, "2"));
    assert_eq!(get_from(&app, "/cart", Some(&answer.cookie())).await.body, cart);
}

// the error response is the application's own
#[tokio::test]
async fn on_error() {
    let world = World::new(quiet());
    let sessions = layer(&world).on_error(|error| {
        (error.status(), [("retry-after", "5")], Json(error.to_string())).into_response()
    });
    let app = Router::new().route("/", get(visit)).layer(sessions);
    world.store.fail(Op::Save);
    let answer = get_from(&app, "/", None).await;
    assert_eq!((answer.status(), answer.body.as_str()), (500, r#""the session store failed""#));
    assert_eq!(answer.head.headers["retry-after"], "5");
    assert_eq!(answer.cookies.len(), 0);
}

// a logged-in request in one line, for an application's own tests
#[tokio::test]
async fn a_logged_in_request() {
    let config = quiet().build().expect("sound options");
    let sessions = Sessions::new(config, MemoryStore::new());
    let app =
        Router::new().route("/account", get(account)).layer(session_layer_from(sessions.clone()));
    let cookie = testing::cookie_for(&sessions, |session| session.insert("user", "ada")).await;
    assert_eq!(get_from(&app, "/account", cookie.ok().as_ref()).await.body, "ada");
}

// an inner layer of the application has the session as well, and a value may be handed through it
#[tokio::test]
async fn in_a_middleware() {
    async fn guard(
        session: Session,
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> Result<Response, Error> {
        let Some(user) = session.get::<String>("user")? else {
            return Ok(StatusCode::UNAUTHORIZED.into_response());
        };
        let mut request = request;
        request.extensions_mut().insert(user);
        Ok(next.run(request).await)
    }
    let world = World::new(quiet());
    let app = Router::new()
        .route("/", get(|Extension(user): Extension<String>| async { user }))
        .layer(axum::middleware::from_fn(guard))
        .layer(layer(&world));
    assert_eq!(get_from(&app, "/", None).await.status(), 401);
    let cookie =
        testing::cookie_for(&world.sessions, |session| session.insert("user", "ada")).await;
    assert_eq!(get_from(&app, "/", cookie.ok().as_ref()).await.body, "ada");
}

/// Compiles if `T` has both, whatever there is behind a `Deref`.
fn is_clone_and_debug<T: Clone + std::fmt::Debug>() {}

// the extractor can be cloned and printed, whatever the marker is
#[test]
fn clones_of_a_marked_session() {
    struct Bare;
    is_clone_and_debug::<Session>();
    is_clone_and_debug::<http_session_axum::store::Session<Bare>>();
    is_clone_and_debug::<Session<Bare>>();
}

// a marker need not have anything: the extractor is still cloned, printed and used
#[tokio::test]
async fn a_bare_marker() {
    struct Bare;
    let bare = async |session: Session<Bare>| {
        let clone: Session<Bare> = session.clone();
        clone.insert("n", 1)?;
        Ok::<_, Error>(format!("{:?} {:?}", session.get::<u64>("n")?, session))
    };
    let world = World::new(quiet());
    let app = Router::new().route("/", get(bare)).layer(layer(&world).marker::<Bare>());
    let answer = get_from(&app, "/", None).await;
    assert!(answer.body.starts_with("Some(1) Session"), "{}", answer.body);
    assert!(!answer.body.contains("sid1"), "{}", answer.body);
}

// what an application needs beyond the session is at hand at the root: the options' values, what is
// known of the connection, and what was decided
#[tokio::test]
async fn the_names_at_the_root() {
    let options = CookieOptions::new().secure(Secure::Auto).same_site(SameSite::Lax);
    let config = Config::express(Secret::from("keyboard cat")).cookie(options);
    let config = config.build().expect("sound options");
    let app = Router::new().route("/", get(visit)).layer(session_layer(config, MemoryStore::new()));
    for (connection, secure) in [(Connection::Plain, false), (Connection::Encrypted, true)] {
        let mut request = request(Method::GET, "/", None);
        request.extensions_mut().insert(connection);
        let answer = send(&app, request).await;
        assert_eq!(answer.cookies[0].contains("; Secure"), secure, "{connection:?}");
        assert!(answer.cookies[0].contains("; SameSite=Lax"), "{:?}", answer.cookies);
        let outcome = answer.head.extensions.get::<Outcome>().expect("an outcome");
        assert_eq!(outcome.origin(), http_session_axum::core::Origin::Absent);
    }
}
