//! A real router with the layer and the extractor, request by request: what is axum's own. The rest is in the
//! contract for adapters.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[path = "../../store/tests/common/errors.rs"]
mod errors;
#[path = "../../store/tests/common/service.rs"]
mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Extension;
use axum::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use http_session_axum::core::{CookieTemplate, Reason, Timeouts};
use http_session_axum::store::{Error as SessionError, StoreError};
use http_session_axum::{
    Config, Connection, CookieOptions, Error, MemoryStore, Outcome, SameSite, Secret, Secure,
    Session, SessionLayer, session_layer, session_layer_from, testing,
};
use serde::{Deserialize, Serialize};

use self::common::{LONG_SECRET, Op, World, count, quiet, safe};
use self::errors::all_of;
use self::service::{get_from, request, send};

fn layer(world: &World) -> SessionLayer {
    session_layer_from(world.sessions.clone())
}

/// Counts the visits.
async fn visit(session: Session) -> Result<String, Error> {
    Ok(count(&session)?.to_string())
}

/// Is there a session?
async fn is_there(session: Option<Session>) -> &'static str {
    if session.is_some() { "some" } else { "none" }
}

/// A visitor's data, typed.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Visitor {
    user: Option<String>,
    visits: u64,
}

// a visitor logs in under a new id, keeps what was there, and logs out for good
#[tokio::test]
async fn a_visitor() {
    async fn visit(session: Session) -> Result<(), Error> {
        session.update("visits", |visits: Option<u64>| visits.unwrap_or_default() + 1)?;
        Ok(())
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
    let config = Config::recommended(LONG_SECRET).timeouts(Timeouts::AAL2);
    let config = config.build().expect("sound options");
    let app = Router::new()
        .route("/", any(visit))
        .route("/account", get(account))
        .route("/login", any(log_in))
        .route("/logout", any(log_out))
        .layer(session_layer(config, MemoryStore::new()))
        .layer(Extension(Connection::Encrypted));
    let first = get_from(&app, "/", None).await;
    let [text] = &first.cookies[..] else { panic!("a cookie is set") };
    assert!(text.starts_with("__Host-id=s%3A"), "{text}");
    assert!(text.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax"), "{text}");
    let guest = first.cookie();

    let login = get_from(&app, "/login", Some(&guest)).await;
    let ada = login.cookie();
    assert_ne!(ada, guest);
    let outcome = login.head.extensions.get::<Outcome>().expect("an outcome");
    assert_eq!(outcome.decision().cookie_reason, Reason::NewId);
    let seen = get_from(&app, "/account", Some(&ada)).await;
    assert_eq!(seen.body, r#"{"user":"ada","visits":1}"#);

    let logout = get_from(&app, "/logout", Some(&ada)).await;
    let cleared = "__Host-id=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; \
                   SameSite=Lax";
    assert_eq!(logout.cookies, [cleared]);
    for worthless in [guest, ada] {
        let seen = get_from(&app, "/account", Some(&worthless)).await;
        assert_eq!(seen.body, r#"{"user":null,"visits":0}"#);
        assert!(seen.cookies.is_empty(), "{:?}", seen.cookies);
    }
}

// RFC 9110 section 12.5.5: to extract the session is not to use it
#[tokio::test]
async fn caches() {
    let public = || [(CACHE_CONTROL, "public, max-age=60")];
    let world = World::on_tls(safe());
    let app = Router::new()
        .route("/extracted", get(async move |_: Session| public()))
        .route("/optional", get(async move |_: Option<Session>| public()))
        .route("/missing", get(async |_: Session| StatusCode::NOT_FOUND))
        .layer(layer(&world))
        .layer(Extension(Connection::Encrypted));
    let cookie = world.logged_in().await;
    for (uri, cache) in [
        ("/extracted", Some("public, max-age=60")),
        ("/optional", Some("public, max-age=60")),
        ("/missing", None),
        ("/nowhere", None),
    ] {
        let headers = get_from(&app, uri, Some(&cookie)).await.head.headers;
        let cache = cache.map(HeaderValue::from_static);
        assert_eq!(
            (headers.get(VARY), headers.get(CACHE_CONTROL)),
            (None, cache.as_ref()),
            "{uri}"
        );
    }
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
    let app = Router::new()
        .route("/type", get(wrong_type))
        .route("/destroyed", get(destroyed))
        .route("/conflict", get(conflict))
        .layer(layer(&World::new(quiet())));
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

// the error of a handler is an error as any other, and the store's own is reached by its sources
#[test]
fn error_type() {
    use std::error::Error as _;
    let error = Error::from(SessionError::Store(StoreError::new("gone")));
    assert_eq!(error.to_string(), "the session store failed");
    assert!(all_of(&error).contains(" gone"), "{error:?}");
    assert!(Error(SessionError::Ended).source().is_none());
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
    *put.body_mut() = cart.into();
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
