//! The safe preset through the layer: the cookie's line, what caches are told, and what is kept
//! back.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, SET_COOKIE, VARY};
use http::{Request, Response};
use http_session_store::core::{
    Config, ConfigBuilder, Connection, CookieError, CookieOptions, Origin, Outcome, Reason,
    SameSite, Timeouts, Unset,
};
use http_session_store::testing::cookie_for;
use http_session_store::{Error, Main, Session, Sessions};
use http_session_tower::{SessionLayer, session_of};
use tower::{Layer, ServiceExt, service_fn};

use self::common::{LONG_SECRET, Op, World, safe};

/// What a handler does with its session, boxed so that tables can hold it.
type Handler = Arc<
    dyn Fn(Session, Response<String>) -> Pin<Box<dyn Future<Output = Handled> + Send>>
        + Send
        + Sync,
>;
type Handled = Result<Response<String>, Error>;

/// A handler that looks at the session, or changes it.
fn does<F, T>(what: F) -> Handler
where
    F: Fn(Session) -> T + Send + Sync + 'static,
    T: Future<Output = Result<(), Error>> + Send + 'static,
{
    Arc::new(move |session, response| {
        let done = what(session);
        Box::pin(async move { done.await.map(|()| response) })
    })
}

fn nothing() -> Handler {
    does(async |_| Ok(()))
}

fn writes() -> Handler {
    does(async |session| session.insert("n", 2))
}

fn reads() -> Handler {
    does(async |session| session.get::<u64>("n").map(drop))
}

fn destroys() -> Handler {
    does(async |session| session.destroy().await)
}

/// The response of a request with these Cookie lines. A handler's error is its status.
async fn send_lines(
    world: &World,
    lines: &[&HeaderValue],
    (handler, headers): (Handler, HeaderMap),
) -> Response<String> {
    let service = service_fn(move |request: Request<String>| {
        let (handler, headers) = (handler.clone(), headers.clone());
        async move {
            let session = session_of::<Main>(request.extensions()).await.expect("a layer");
            let mut response = Response::new(String::from("body"));
            *response.headers_mut() = headers;
            let handled = handler(session.expect("the path"), response).await;
            Ok::<_, Infallible>(handled.unwrap_or_else(|error| {
                let mut response = Response::new(error.to_string());
                *response.status_mut() = error.status();
                response
            }))
        }
    });
    let mut request = Request::new(String::new());
    request.extensions_mut().insert(world.connection);
    for line in lines {
        request.headers_mut().append(COOKIE, (*line).clone());
    }
    let layer = SessionLayer::from(world.sessions.clone());
    layer.layer(service).oneshot(request).await.expect("it does not fail")
}

async fn send(world: &World, cookie: Option<&HeaderValue>, handler: Handler) -> Response<String> {
    send_lines(world, cookie.as_slice(), (handler, HeaderMap::new())).await
}

fn lines(response: &Response<String>) -> Vec<&str> {
    let lines = response.headers().get_all(SET_COOKIE).iter();
    lines.map(|line| line.to_str().expect("ASCII")).collect()
}

/// The only cookie line.
fn line(response: &Response<String>) -> &str {
    let lines = lines(response);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0]
}

fn presented(response: &Response<String>) -> HeaderValue {
    HeaderValue::from_str(line(response).split(';').next().expect("a pair")).expect("ASCII")
}

/// The line without the cookie's value.
fn attributes(line: &str) -> (&str, &str) {
    let (name, rest) = line.split_once('=').expect("a pair");
    (name, rest.split_once("; ").expect("attributes").1)
}

fn reason(response: &Response<String>) -> Reason {
    let outcome = response.extensions().get::<Outcome>().expect("an outcome");
    outcome.decision().cookie_reason
}

// OWASP ASVS 5.0 3.3: the whole line of a new session
#[tokio::test]
async fn the_cookie() {
    let world = World::on_tls(safe());
    let response = send(&world, None, writes()).await;
    let (name, attributes) = attributes(line(&response));
    assert_eq!((name, attributes), ("__Host-id", "Path=/; HttpOnly; Secure; SameSite=Lax"));
    let value = line(&response).split(['=', ';']).nth(1).expect("a value");
    assert!(value.starts_with("s%3Asid1."), "{value}");
    assert_eq!(send(&world, Some(&presented(&response)), reads()).await.headers().len(), 1);
    // For development, what plain HTTP can have.
    let world = World::new(safe().for_localhost());
    let response = send(&world, None, writes()).await;
    assert!(line(&response).starts_with("id=s%3Asid1."), "{response:?}");
    assert!(line(&response).ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{response:?}");
}

// B-114, B-124: who only looks gets neither a record nor a cookie; who saves by hand gets both
#[tokio::test]
async fn visitors() {
    let world = World::on_tls(safe());
    let response = send(&world, None, reads()).await;
    assert_eq!((lines(&response).len(), world.store.calls()), (0, vec![]));
    let response = send(&world, None, does(async |session| session.save().await)).await;
    assert!(line(&response).starts_with("__Host-id="));
    assert_eq!(world.store.calls(), ["save sid2"]);
    // Written and taken back: there is nothing to be found again.
    let back = does(async |session| {
        session.insert("n", 1)?;
        session.remove("n").map(drop)
    });
    assert_eq!(lines(&send(&world, None, back).await).len(), 0);
    assert_eq!(world.ids(), ["sid2"]);
}

// PX-1, B-136, B-137, B-213: on plain HTTP the Secure cookie is not sent, so no record is made either
#[tokio::test]
async fn on_plain_http() {
    let mut world = World::new(safe());
    let response = send(&world, None, writes()).await;
    assert_eq!((response.status().as_u16(), lines(&response).len()), (200, 0));
    assert_eq!(reason(&response), Reason::SecureOnPlainHttp);
    assert_eq!((world.store.calls(), world.ids()), (vec![], vec![]));
    // One that exists, and was sent all the same, is served and saved.
    let cookie = world.logged_in().await;
    let response = send(&world, Some(&cookie), writes()).await;
    assert_eq!((response.status().as_u16(), lines(&response).len()), (200, 0));
    assert_eq!(world.store.calls(), ["load sid2", "save sid2"]);
    world.connection = Connection::Encrypted;
    assert!(!lines(&send(&world, None, writes()).await).is_empty());
}

// B-137: what asks for a record by itself, and for a new id, is told that it can't be delivered
#[tokio::test]
async fn undeliverable() {
    let world = World::new(safe());
    for method in [
        does(async |session| session.save().await),
        does(async |session| session.renew().await),
        does(async |session| session.log_in("user", "ada").await),
    ] {
        let response = send(&world, None, method).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.body(), &Error::Undeliverable.to_string());
        assert!(response.body().contains("proxy(true)"), "{response:?}");
        assert_eq!((lines(&response).len(), world.store.calls(), world.ids()), (0, vec![], vec![]));
    }
}

/// The safe preset with a cookie of many attributes.
fn decorated() -> ConfigBuilder {
    let cookie = CookieOptions::new()
        .domain("example.com")
        .path("/app")
        .partitioned(true)
        .same_site(SameSite::None)
        .max_age(Duration::from_secs(3_600));
    safe().name("__Secure-id").cookie(cookie)
}

async fn send_to_app(world: &World, cookie: &HeaderValue, handler: Handler) -> Response<String> {
    let service = service_fn(move |request: Request<String>| {
        let handler = handler.clone();
        async move {
            let session = session_of::<Main>(request.extensions()).await.expect("a layer");
            handler(session.expect("the path"), Response::new(String::new())).await
        }
    });
    let mut request = Request::get("/app/x").body(String::new()).expect("a request");
    request.extensions_mut().insert(Connection::Encrypted);
    request.headers_mut().insert(COOKIE, cookie.clone());
    let layer = SessionLayer::from(world.sessions.clone());
    layer.layer(service).oneshot(request).await.expect("the store works")
}

// B-154: the response of the request that ends the session makes the browser forget the cookie that
// it has: same name, Domain, Path, Secure and Partitioned. No other response does
#[tokio::test]
async fn the_cookie_is_cleared() {
    for (config, how) in [
        (decorated(), destroys()),
        (decorated(), does(async |session| session.regenerate().await)),
        (decorated().unset(Unset::Destroy), does(async |session| session.unset())),
    ] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let response = send_to_app(&world, &cookie, how).await;
        let expected = "__Secure-id=; Domain=example.com; Path=/app; \
                        Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; \
                        SameSite=None";
        assert_eq!(line(&response), expected);
        assert_eq!((reason(&response), world.ids()), (Reason::Ended, vec![]));
        assert_eq!(world.store.calls(), ["load sid1", "delete sid1"]);
        // Whoever comes with the old cookie after that is a stranger, whatever they do.
        for handler in [nothing(), reads(), destroys()] {
            assert_eq!(lines(&send_to_app(&world, &cookie, handler).await).len(), 0);
        }
    }
}

/// The same store and clock under other options.
fn restarted(world: &World, config: ConfigBuilder) -> World {
    let config = config.build().expect("sound options");
    let sessions = Sessions::new(config, world.store.clone()).env(world.env.clone());
    World {
        connection: world.connection,
        env: world.env.clone(),
        sessions,
        store: world.store.clone(),
    }
}

// EX-7, B-154: the clearing line has the attributes of the session that was ended, not of today's options
#[tokio::test]
async fn the_cookie_is_cleared_as_it_was_set() {
    let old = World::on_tls(safe().name("sid").cookie(CookieOptions::new().domain("a.example")));
    let cookie = old.logged_in().await;
    let new = safe().name("sid").cookie(CookieOptions::new().domain("b.example"));
    let world = restarted(&old, new);
    let response = send(&world, Some(&cookie), destroys()).await;
    assert!(line(&response).starts_with("sid=; Domain=a.example; "), "{response:?}");
}

// B-154: nothing is cleared that was not there: a session of this very request, or one that is
// missing
#[tokio::test]
async fn nothing_to_clear() {
    let world = World::on_tls(safe());
    let save_and_destroy = does(async |session| {
        session.save().await?;
        session.destroy().await
    });
    for handler in [destroys(), save_and_destroy] {
        assert_eq!(lines(&send(&world, None, handler).await).len(), 0);
    }
    let cookie = world.logged_in().await;
    world.store.drop_all();
    for handler in [nothing(), reads(), destroys()] {
        let response = send(&world, Some(&cookie), handler).await;
        assert_eq!((response.status().as_u16(), lines(&response).len()), (200, 0));
    }
    assert_eq!(world.ids(), [""; 0]);
}

// B-184: a destroy that fails ends nothing: the cookie stays, and the session with it
#[tokio::test]
async fn a_destroy_that_fails() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    world.store.fail(Op::Delete);
    let response = send(&world, Some(&cookie), destroys()).await;
    assert_eq!((response.status().as_u16(), lines(&response).len()), (500, 0));
    assert_eq!(world.ids(), ["sid1"]);
}

// RC-2, B-131: a touch that finds the record gone sends nothing, with rolling neither
#[tokio::test]
async fn gone_at_the_touch() {
    let world = World::on_tls(safe().rolling(true));
    let cookie = world.logged_in().await;
    let gate = world.store.hold(Op::Touch);
    let rolled = send(&world, Some(&cookie), reads());
    let (response, ()) = tokio::join!(rolled, async {
        gate.reached().await;
        world.store.drop_all();
        gate.open();
    });
    assert_eq!((response.status().as_u16(), lines(&response).len()), (200, 0));
    assert_eq!(reason(&response), Reason::Gone);
    // While it is there, it is sent each time.
    let cookie = world.logged_in().await;
    assert_eq!(lines(&send(&world, Some(&cookie), nothing()).await).len(), 1);
}

/// Each form of access to a session.
fn accesses() -> Vec<(&'static str, Handler)> {
    vec![
        ("id", does(async |session| session.id().map(drop))),
        ("origin", does(async |session| session.origin().map(drop))),
        ("is_new", does(async |session| session.is_new().map(drop))),
        ("get", reads()),
        ("read", does(async |session| session.read::<serde_json::Value>().map(drop))),
        ("keys", does(async |session| session.keys().map(drop))),
        ("cookie", does(async |session| session.cookie().map(drop))),
        ("flashes", does(async |session| session.flashes().map(drop))),
        ("flash", does(async |session| session.flash("info", "hello"))),
        ("insert", writes()),
        ("write", does(async |session| session.write(&serde_json::json!({"n": 3})))),
        (
            "update",
            does(async |session| session.update("n", |n: Option<u64>| n.unwrap_or(7)).map(drop)),
        ),
        ("remove", does(async |session| session.remove("x").map(drop))),
        ("clear", does(async |session| session.clear())),
        ("cookie_mut", does(async |session| session.cookie_mut(|_, _| ()))),
        ("set_max_age", does(async |session| session.set_max_age(Duration::from_secs(9)))),
        ("reset_cookie", does(async |session| session.reset_cookie())),
        ("touch", does(async |session| session.touch())),
        ("save", does(async |session| session.save().await)),
        ("reload", does(async |session| session.reload().await.or(Ok(())))),
        ("renew", does(async |session| session.renew().await)),
        ("log_in", does(async |session| session.log_in("user", "ada").await)),
        ("regenerate", does(async |session| session.regenerate().await)),
        ("destroy", destroys()),
        ("unset", does(async |session| session.unset())),
    ]
}

// PX-8: RFC 9110 section 12.5.5: a response that depends on the session says so, whichever way the
// handler looked at it, and with and without a session; one that does not, does not
#[tokio::test]
async fn vary() {
    for (access, handler) in accesses() {
        let world = World::on_tls(safe());
        let cookie = world.logged_in().await;
        for cookie in [Some(&cookie), None] {
            let response = send(&world, cookie, handler.clone()).await;
            assert_eq!(response.status(), 200, "{access}");
            let vary: Vec<_> = response.headers().get_all(VARY).iter().collect();
            assert_eq!(vary, ["Cookie"], "{access}, {}", cookie.is_some());
        }
    }
}

// PX-8: RFC 9110 section 12.5.5: who did not use the session may be cached for everybody, unless a cookie
// goes out all the same
#[tokio::test]
async fn no_vary() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let forged = HeaderValue::from_static("__Host-id=s%3Asid1.forged");
    for cookie in [None, Some(&forged), Some(&cookie)] {
        let response = send(&world, cookie, nothing()).await;
        assert_eq!(response.headers().len(), 0, "{response:?}");
    }
    let world = World::on_tls(safe().rolling(true));
    let cookie = world.logged_in().await;
    let response = send(&world, Some(&cookie), nothing()).await;
    assert_eq!(
        (lines(&response).len(), &response.headers()[VARY]),
        (1, &HeaderValue::from_static("Cookie"))
    );
}

fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value).expect("a header's value"));
    }
    headers
}

fn values(response: &Response<String>, name: &str) -> Vec<String> {
    let lines = response.headers().get_all(name).iter();
    lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect()
}

// PX-9: what the handler says of Vary is added to, once
#[tokio::test]
async fn vary_of_the_handler() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    for (own, expected) in [
        (&[("vary", b"Accept" as &[u8])][..], &["Accept", "Cookie"][..]),
        (&[("vary", b"Accept, cookie")], &["Accept, cookie"]),
        (&[("vary", b"Accept"), ("vary", b"COOKIE")], &["Accept", "COOKIE"]),
        (&[("vary", b"*")], &["*"]),
        (&[("vary", b"Cookie-Like")], &["Cookie-Like", "Cookie"]),
        (&[("vary", b"\xff")], &["\u{fffd}", "Cookie"]),
    ] {
        let response = send_lines(&world, &[&cookie], (reads(), headers(own))).await;
        assert_eq!(values(&response, "vary"), expected, "{own:?}");
        let response = send_lines(&world, &[&cookie], (nothing(), headers(own))).await;
        assert_eq!(values(&response, "vary").len(), own.len(), "{own:?}");
    }
}

// PX-9: RFC 9111 sections 5.2.2.7 and 7.3: a response with our cookie is private, and no less strict than
// the handler wanted it; without our cookie what the handler says stands
#[tokio::test]
async fn cache_control() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    for (own, expected) in [
        (&[] as &[&[u8]], &["private"][..]),
        (&[b"public"], &["private"]),
        (&[b"public, max-age=60"], &["max-age=60, private"]),
        (&[b"max-age=60,PUBLIC"], &["max-age=60, private"]),
        (&[b"max-age=60"], &["max-age=60, private"]),
        (&[b"public", b"max-age=60"], &["max-age=60, private"]),
        (&[b"no-store"], &["no-store"]),
        (&[b"public", b"No-Store, max-age=0"], &["public", "No-Store, max-age=0"]),
        (&[b"private"], &["private"]),
        (&[b"Private, max-age=60"], &["Private, max-age=60"]),
        (&[b"no-cache"], &["no-cache, private"]),
        // It names headers, and lets the rest into shared caches.
        (&[b"private=\"x-name\""], &["private=\"x-name\", private"]),
        (&[b""], &["private"]),
        (&[b" , public , "], &["private"]),
    ] {
        let own: Vec<_> = own.iter().map(|line| ("cache-control", *line)).collect();
        let response = send_lines(&world, &[], (writes(), headers(&own))).await;
        assert_eq!(lines(&response).len(), 1);
        assert_eq!(values(&response, "cache-control"), expected, "{own:?}");
        // Read and written, but no cookie of ours.
        for handler in [reads(), writes()] {
            let response = send_lines(&world, &[&cookie], (handler, headers(&own))).await;
            assert_eq!(lines(&response).len(), 0);
            assert_eq!(
                response.headers().get_all(CACHE_CONTROL),
                headers(&own).get_all(CACHE_CONTROL)
            );
        }
    }
}

/// What becomes of the handler's Cache-Control lines, as one list.
async fn cached(world: &World, own: &[&[u8]]) -> String {
    let own: Vec<_> = own.iter().map(|line| ("cache-control", *line)).collect();
    let response = send_lines(world, &[], (writes(), headers(&own))).await;
    values(&response, "cache-control").join(", ")
}

// a line with bytes that are no text (RFC 9110 section 5.5 allows them in quotes) is not taken
// away, nor does it hide what makes a response private
#[tokio::test]
async fn cache_control_of_odd_bytes() {
    let world = World::on_tls(safe());
    for own in [
        &[b"no-store, x=\"\xff\"" as &[u8]][..],
        &[b"x=\"\xff\"", b"no-store"],
        &[b"no-store", b"x=\"\xff\""],
        &[b"x=\"\xff\", public, no-store"],
    ] {
        let all = cached(&world, own).await;
        assert!(all.contains("no-store"), "{own:?}: {all}");
    }
    for own in [&[b"max-age=60, x=\"\xff\"" as &[u8]][..], &[b"public, x=\"\xff\"", b"max-age=60"]]
    {
        let all = cached(&world, own).await;
        let is_private = all.ends_with(", private") && !all.contains("public");
        assert!(is_private && all.contains("max-age=60"), "{own:?}: {all}");
    }
}

// what stands within quotes is no directive
#[tokio::test]
async fn cache_control_of_quotes() {
    let world = World::on_tls(safe());
    for own in
        ["x=\"a, private, b\"", "x=\"a, no-store\", max-age=60", "no-cache=\"a, no-store, b\""]
    {
        let all = cached(&world, &[own.as_bytes()]).await;
        assert!(all.ends_with(", private"), "{own}: {all}");
    }
}

// a session that is cleared is nothing for shared caches either
#[tokio::test]
async fn cache_control_of_a_logout() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let own = headers(&[("cache-control", b"public, max-age=60")]);
    let response = send_lines(&world, &[&cookie], (destroys(), own)).await;
    assert_eq!(lines(&response).len(), 1);
    assert_eq!(values(&response, "cache-control"), ["max-age=60, private"]);
}

// CK-8, B-134: every other header of the handler stays as it is, in its order
#[tokio::test]
async fn other_headers() {
    let world = World::on_tls(safe());
    let own = headers(&[
        ("set-cookie", b"theme=dark"),
        ("set-cookie", b"__Host-id=mine"),
        ("x-odd", b"\xff\xfe"),
        ("expires", b"Thu, 01 Jan 1970 00:00:00 GMT"),
        ("pragma", b"public"),
        ("etag", b"\"1\""),
    ]);
    let response = send_lines(&world, &[], (writes(), own.clone())).await;
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(
        (cookies.len(), cookies[0], cookies[1]),
        (3, &own["set-cookie"], &HeaderValue::from_static("__Host-id=mine"))
    );
    assert!(lines(&response)[2].starts_with("__Host-id=s%3Asid1."));
    for name in ["x-odd", "expires", "pragma", "etag"] {
        assert_eq!(response.headers().get_all(name), own.get_all(name));
    }
    assert_eq!(response.headers().len(), own.len() + 3);
}

// B-060, B-061: a cookie that an old secret signed is signed anew at once, by who only reads as
// well, and that is the end of it
#[tokio::test]
async fn resign() {
    let world = World::on_tls(safe());
    let old = world.logged_in().await;
    let new = "fedcba9876543210fedcba9876543210";
    let world = restarted(&world, Config::recommended(new).accept(LONG_SECRET));
    let response = send(&world, Some(&old), reads()).await;
    assert_eq!(reason(&response), Reason::Resigned);
    assert_eq!(attributes(line(&response)).1, "Path=/; HttpOnly; Secure; SameSite=Lax");
    let anew = presented(&response);
    assert_ne!(anew, old);
    let id =
        |cookie: &HeaderValue| cookie.to_str().expect("ASCII").split('.').next().map(String::from);
    assert_eq!(id(&anew), id(&old));
    let response = send(&world, Some(&anew), reads()).await;
    assert_eq!((lines(&response).len(), reason(&response)), (0, Reason::NotModified));
    // Without the old secret the new cookie is good, and the old one is not.
    let world = restarted(&world, Config::recommended(new));
    for (cookie, origin) in [(&anew, Origin::Loaded), (&old, Origin::BadSignature)] {
        let response = send(&world, Some(cookie), reads()).await;
        assert_eq!(response.extensions().get::<Outcome>().expect("an outcome").origin(), origin);
    }
}

// CK-3, B-049, B-050: of several cookies of our name the first that verifies and loads is the session's,
// and no more than four that verify are asked for
#[tokio::test]
async fn several_cookies() {
    let world = World::on_tls(safe());
    let forged = HeaderValue::from_static("__Host-id=s%3Asid9.forged");
    let foreign = HeaderValue::from_static("id=1; theme=dark");
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(world.logged_in().await);
    }
    world.store.drop_all();
    let cookie = world.logged_in().await;
    let other = cookie_for(&world.sessions, |session| session.insert("n", 7)).await;
    let other = other.expect("the store works");
    let (a, b, c, d) = (&gone[0], &gone[1], &gone[2], &gone[3]);
    world.store.calls();
    for (lines, found, calls) in [
        (&[&forged, &cookie][..], true, &["load sid5", "touch sid5"][..]),
        (&[a, &cookie], true, &["load sid1", "load sid5", "touch sid5"]),
        (&[&cookie, &other, a], true, &["load sid5", "touch sid5"]),
        (&[a, &forged, b, &cookie], true, &["load sid1", "load sid2", "load sid5", "touch sid5"]),
        (
            &[a, b, c, &cookie],
            true,
            &["load sid1", "load sid2", "load sid3", "load sid5", "touch sid5"],
        ),
        (
            &[&foreign, a, b, c, &foreign, &cookie],
            true,
            &["load sid1", "load sid2", "load sid3", "load sid5", "touch sid5"],
        ),
        (&[a, b, c, d, &cookie], false, &["load sid1", "load sid2", "load sid3", "load sid4"]),
        (&[&forged, &forged, &forged, &forged, &cookie], true, &["load sid5", "touch sid5"]),
    ] {
        let response = send_lines(&world, lines, (reads(), HeaderMap::new())).await;
        let origin = response.extensions().get::<Outcome>().expect("an outcome").origin();
        assert_eq!(
            (origin == Origin::Loaded, self::lines(&response).len()),
            (found, 0),
            "{lines:?}"
        );
        assert_eq!(world.store.calls(), calls, "{lines:?}");
    }
    // In one line as well.
    let both = [a.as_bytes(), cookie.as_bytes()].join(&b"; "[..]);
    let both = HeaderValue::from_bytes(&both).expect("ASCII");
    send(&world, Some(&both), reads()).await;
    assert_eq!(world.store.calls(), ["load sid1", "load sid5", "touch sid5"]);
}

// DS-3, B-152: a cookie that browsers would not keep is a failed request before anything is saved
#[tokio::test]
async fn a_cookie_that_is_too_long() {
    let world = World::on_tls(safe().name("x".repeat(4_000)));
    let response = send(&world, None, writes()).await;
    assert_eq!((response.status().as_u16(), lines(&response).len()), (500, 0));
    let error = response.extensions().get::<Error>().expect("an error");
    assert!(matches!(error, Error::Cookie(CookieError::TooLong)), "{error:?}");
    assert_eq!((world.store.calls(), world.ids()), (vec![], vec![]));
    // Where no cookie is to be sent, none is too long.
    assert_eq!(send(&world, None, reads()).await.status(), 200);
}

// B-072, B-073: options that changed reach a session that was stored before with reset_cookie: at
// once, and from then on
#[tokio::test]
async fn reset_cookie() {
    let old = World::on_tls(safe());
    let cookie = old.logged_in().await;
    let hour = CookieOptions::new().same_site(SameSite::Strict).max_age(Duration::from_secs(3_600));
    let world = restarted(&old, safe().cookie(hour));
    assert_eq!(lines(&send(&world, Some(&cookie), writes()).await).len(), 0);
    let reset = || does(async |session| session.reset_cookie());
    let response = send(&world, Some(&cookie), reset()).await;
    let expected =
        "Path=/; Expires=Tue, 14 Nov 2023 23:13:20 GMT; HttpOnly; Secure; SameSite=Strict";
    assert_eq!(attributes(line(&response)).1, expected);
    assert_eq!(presented(&response), cookie);
    assert!(world.store.records()["sid1"].contains("strict"));
    world.store.calls();
    // Once more, and nothing is new.
    assert_eq!(lines(&send(&world, Some(&cookie), reset()).await).len(), 0);
    assert_eq!(world.store.calls(), ["load sid1", "touch sid1"]);
    assert_eq!(world.data("sid1"), Some(serde_json::json!({"n": 2})));
}

// B-129: a lifetime that the handler sets reaches the browser at once
#[tokio::test]
async fn a_lifetime() {
    let world = World::on_tls(safe().timeouts(Timeouts::AAL1));
    let cookie = world.logged_in().await;
    let hour = does(async |session| session.set_max_age(Duration::from_secs(3_600)));
    let response = send(&world, Some(&cookie), hour).await;
    assert!(line(&response).contains("; Expires=Tue, 14 Nov 2023 23:13:20 GMT; "), "{response:?}");
    assert_eq!(world.store.calls(), ["load sid1", "save sid1"]);
    assert_eq!(lines(&send(&world, Some(&cookie), reads()).await).len(), 0);
}

// RC-1: two requests at the same time, of which one logs out: the other one is a 409 without a cookie
#[tokio::test]
async fn a_logout_during_a_request() {
    let world = World::on_tls(safe().rolling(true));
    let cookie = world.logged_in().await;
    let gate = world.store.hold(Op::Save);
    let slow = send(&world, Some(&cookie), writes());
    let (response, ()) = tokio::join!(slow, async {
        gate.reached().await;
        send(&world, Some(&cookie), destroys()).await;
        gate.open();
    });
    assert_eq!((response.status().as_u16(), lines(&response).len()), (409, 0));
    let error = response.extensions().get::<Error>().expect("an error");
    assert!(matches!(error, Error::Gone), "{error:?}");
    assert_eq!(world.ids(), [""; 0]);
}
