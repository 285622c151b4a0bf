//! The safe preset in a real router.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, COOKIE, HeaderName, HeaderValue, SET_COOKIE, VARY};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use http_body_util::BodyExt;
use http_session_axum::core::{Reason, Timeouts};
use http_session_axum::{
    Config, Connection, Error, MemoryStore, Outcome, Session, session_layer, session_layer_from,
};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinSet, yield_now};
use tower::ServiceExt;

use self::common::{LONG_SECRET, World, safe};

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-proto");

fn request(uri: &str, cookie: Option<&HeaderValue>) -> Request<Body> {
    let mut request = Request::get(uri).body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Connection::Encrypted);
    request.headers_mut().extend(cookie.map(|cookie| (COOKIE, cookie.clone())));
    request
}

async fn send(app: &Router, request: Request<Body>) -> Response {
    app.clone().oneshot(request).await.expect("a router does not fail")
}

async fn visit_of(app: &Router, uri: &str, cookie: Option<&HeaderValue>) -> Response {
    send(app, request(uri, cookie)).await
}

fn line(response: &Response) -> Option<&str> {
    let mut lines = response.headers().get_all(SET_COOKIE).iter();
    let line = lines.next().map(|line| line.to_str().expect("ASCII"));
    assert_eq!(lines.next(), None);
    line
}

fn cookie(response: &Response) -> HeaderValue {
    let line = line(response).expect("a cookie is set");
    HeaderValue::from_str(line.split(';').next().expect("a pair")).expect("ASCII")
}

async fn body(response: Response) -> String {
    let body = response.into_body().collect().await.expect("the body comes whole").to_bytes();
    String::from_utf8(body.to_vec()).expect("a text")
}

/// A visitor's data, typed.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Visitor {
    user: Option<String>,
    visits: u64,
}

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or_default() + 1)?;
    // Others come in between here.
    yield_now().await;
    Ok(visits.to_string())
}

async fn account(session: Session) -> Result<Json<Visitor>, Error> {
    Ok(Json(session.read()?))
}

async fn log_in(session: Session) -> Result<(), Error> {
    session.log_in("user", "ada").await?;
    session.flash("info", "welcome")?;
    Ok(())
}

async fn log_out(session: Session) -> Result<(), Error> {
    session.destroy().await?;
    Ok(())
}

/// An application as it should be.
fn app() -> Router {
    let config = Config::recommended(LONG_SECRET).timeouts(Timeouts::AAL2);
    let config = config.build().expect("sound options");
    Router::new()
        .route("/", any(visit))
        .route("/account", get(account))
        .route("/login", any(log_in))
        .route("/logout", any(log_out))
        .layer(session_layer(config, MemoryStore::new()))
}

// a visitor logs in under a new id, keeps what was there, and logs out for good
#[tokio::test]
async fn a_visitor() {
    let app = app();
    let first = visit_of(&app, "/", None).await;
    let text = line(&first).expect("a cookie is set");
    assert!(text.starts_with("__Host-id=s%3A"), "{text}");
    assert!(text.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax"), "{text}");
    let guest = cookie(&first);

    let login = visit_of(&app, "/login", Some(&guest)).await;
    let ada = cookie(&login);
    assert_ne!(ada, guest);
    let outcome = login.extensions().get::<Outcome>().expect("an outcome");
    assert_eq!(outcome.decision().cookie_reason, Reason::NewId);
    let seen = visit_of(&app, "/account", Some(&ada)).await;
    assert_eq!(body(seen).await, r#"{"user":"ada","visits":1}"#);
    let old = visit_of(&app, "/account", Some(&guest)).await;
    assert_eq!(line(&old), None);
    assert_eq!(body(old).await, r#"{"user":null,"visits":0}"#);

    let logout = visit_of(&app, "/logout", Some(&ada)).await;
    let cleared = "__Host-id=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; \
                   SameSite=Lax";
    assert_eq!(line(&logout), Some(cleared));
    let after = visit_of(&app, "/account", Some(&ada)).await;
    assert_eq!(line(&after), None);
    assert_eq!(body(after).await, r#"{"user":null,"visits":0}"#);
}

// B-130: of 200 parallel requests, each is a 200 and each counts
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_visits() {
    let app = app();
    let cookie = cookie(&visit_of(&app, "/", None).await);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (app, cookie) = (app.clone(), cookie.clone());
        tasks.spawn(async move {
            for _ in 0..25 {
                assert_eq!(visit_of(&app, "/", Some(&cookie)).await.status(), 200);
            }
        });
    }
    tasks.join_all().await;
    let seen = visit_of(&app, "/account", Some(&cookie)).await;
    assert_eq!(body(seen).await, r#"{"user":null,"visits":201}"#);
}

// B-136, B-137: on plain HTTP there is neither a cookie nor a record, and a login says so
#[tokio::test]
async fn on_plain_http() {
    let world = World::new(safe());
    let app = Router::new()
        .route("/", get(visit))
        .route("/login", get(log_in))
        .layer(session_layer_from(world.sessions.clone()));
    let plain = |uri: &str| Request::get(uri).body(Body::empty()).expect("a request");
    let response = send(&app, plain("/")).await;
    assert_eq!((response.status().as_u16(), line(&response)), (200, None));
    let response = send(&app, plain("/login")).await;
    assert_eq!((response.status().as_u16(), line(&response)), (500, None));
    let text = body(response).await;
    assert!(text.contains("proxy(true)") && text.contains("for_localhost()"), "{text}");
    assert_eq!((world.store.calls(), world.ids()), (vec![], vec![]));
}

// B-159, B-160, B-162: of X-Forwarded-Proto the last element counts, which the nearest proxy wrote;
// what a client wrote in front of it does not
#[tokio::test]
async fn behind_a_proxy() {
    for (lines, sent) in [
        (&["https"][..], true),
        (&["http, HTTPS "], true),
        (&["http", "https"], true),
        (&["https, http"], false),
        (&["https", "http"], false),
        (&["https,"], false),
        (&["https", ""], false),
        (&[], false),
    ] {
        let world = World::new(safe().proxy(true));
        let app =
            Router::new().route("/", get(visit)).layer(session_layer_from(world.sessions.clone()));
        let mut request = Request::get("/").body(Body::empty()).expect("a request");
        for line in lines {
            request.headers_mut().append(FORWARDED, HeaderValue::from_static(line));
        }
        let response = send(&app, request).await;
        assert_eq!(line(&response).is_some(), sent, "{lines:?}");
        assert_eq!(world.ids().len(), usize::from(sent), "{lines:?}");
    }
}

// RFC 9110 section 12.5.5, RFC 9111 section 7.3: to extract the session is not to use it; a page
// that does says so, and one that sets a cookie is private, whatever the handler wants
#[tokio::test]
async fn caches() {
    let public = || [(CACHE_CONTROL, "public, max-age=60")];
    let world = World::on_tls(safe());
    let app =
        Router::new()
            .route("/extracted", get(move |_: Session| async move { public() }))
            .route("/optional", get(move |_: Option<Session>| async move { public() }))
            .route(
                "/read",
                get(move |session: Session| async move {
                    session.keys().map(|_| public()).map_err(Error)
                }),
            )
            .route(
                "/written",
                get(move |session: Session| async move {
                    session.insert("n", 2).map(|()| public()).map_err(Error)
                }),
            )
            .route("/missing", get(|_: Session| async { StatusCode::NOT_FOUND.into_response() }))
            .layer(session_layer_from(world.sessions.clone()));
    let cookie = world.logged_in().await;
    for (uri, cookie, vary, cache) in [
        ("/extracted", Some(&cookie), false, Some("public, max-age=60")),
        ("/optional", Some(&cookie), false, Some("public, max-age=60")),
        ("/missing", Some(&cookie), false, None),
        ("/nowhere", Some(&cookie), false, None),
        ("/read", Some(&cookie), true, Some("public, max-age=60")),
        ("/read", None, true, Some("public, max-age=60")),
        ("/written", Some(&cookie), true, Some("public, max-age=60")),
        ("/written", None, true, Some("max-age=60, private")),
    ] {
        let response = visit_of(&app, uri, cookie).await;
        let header =
            |name| response.headers().get(name).map(|value| value.to_str().expect("ASCII"));
        assert_eq!(header(VARY).is_some(), vary, "{uri}");
        assert_eq!(header(CACHE_CONTROL), cache, "{uri}");
    }
}

// the path of a nested router's session is the request's own, cut at a segment's end as browsers do
// it
#[tokio::test]
async fn a_path() {
    let cookie = http_session_axum::CookieOptions::new().path("/app");
    let world = World::on_tls(safe().name("__Secure-id").cookie(cookie));
    let is_there = |session: Option<Session>| async move { session.is_some().to_string() };
    let layer = || session_layer_from(world.sessions.clone());
    let inner = Router::new().route("/x", get(is_there)).route("/", get(is_there)).layer(layer());
    let other = Router::new().route("/apple", get(is_there)).layer(layer());
    let app = Router::new().nest("/app", inner).merge(other);
    for (uri, found) in [("/app/x", "true"), ("/app", "true"), ("/apple", "false")] {
        assert_eq!(body(visit_of(&app, uri, None).await).await, found, "{uri}");
    }
}
