//! The layer over a plain service: what the client gets and what the store keeps, whatever fails
//! and whoever goes away.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use http::header::{COOKIE, HeaderValue, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_session_store::core::store::Written;
use http_session_store::core::{
    ConfigBuilder, Connection, CookieAction, CookieOptions, IdError, Origin, Outcome, RecordError,
    SessionId, StoreAction, Timestamp, Unset,
};
use http_session_store::testing::cookie_for;
use http_session_store::{Env, Error, Main, Session, Sessions};
use http_session_tower::{SessionLayer, session_of};
use tower::{Layer, Service, ServiceExt, service_fn};

use self::common::{Gate, Op, SECRET, START, Script, World, poll_once, quiet, safe, settle};

/// What the handler is to do; it comes with the request.
#[derive(Clone)]
enum Do {
    /// Returns an error of the service.
    Fail,
    /// Panics, having written.
    Panic,
    Read,
    Regenerate,
    Unset,
    /// Waits, having written.
    Wait(Gate),
    Write,
}

/// The service's own error.
#[derive(Debug, Eq, PartialEq)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// What the handlers did.
#[derive(Clone, Default)]
struct Seen {
    calls: Arc<AtomicUsize>,
    /// The handle of the last request, kept beyond its end.
    session: Arc<Mutex<Option<Session>>>,
}

impl Seen {
    fn session(&self) -> Session {
        self.session.lock().expect("no panic").clone().expect("a request was handled")
    }
}

const OURS: HeaderValue = HeaderValue::from_static("theme=dark");
const HANDLER: HeaderName = HeaderName::from_static("x-handler");

async fn handle(seen: Seen, request: Request<String>) -> Result<Response<String>, Refused> {
    seen.calls.fetch_add(1, Ordering::SeqCst);
    let session =
        session_of::<Main>(request.extensions()).await.expect("a layer").expect("the path");
    *seen.session.lock().expect("no panic") = Some(session.clone());
    let write = || session.insert("n", 2).expect("it is open");
    match request.extensions().get().expect("something to do") {
        Do::Fail => {
            write();
            return Err(Refused);
        }
        Do::Panic => {
            write();
            panic!("the handler is broken");
        }
        Do::Read => {}
        Do::Regenerate => session.regenerate().await.expect("the store works"),
        Do::Unset => session.unset().expect("it is open"),
        Do::Wait(gate) => {
            write();
            gate.wait().await;
        }
        Do::Write => write(),
    }
    let n = session.get::<u64>("n").ok().flatten().unwrap_or_default();
    Ok(Response::builder()
        .header(HANDLER, "1")
        .header(SET_COOKIE, OURS)
        .body(n.to_string())
        .expect("a response"))
}

/// What the layer asks of a service.
trait Handler:
    Service<Request<String>, Response = Response<String>, Error = Refused, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Handler for S where
    S: Service<Request<String>, Response = Response<String>, Error = Refused, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// A service with sessions, its store, and what its handlers did.
struct App {
    layer: SessionLayer<String>,
    seen: Seen,
    world: World,
}

impl App {
    fn new(config: ConfigBuilder) -> Self {
        let world = World::new(config);
        let layer = SessionLayer::from(world.sessions.clone());
        Self { layer, seen: Seen::default(), world }
    }

    /// The service without its sessions.
    fn handler(&self) -> impl Handler + use<> {
        let seen = self.seen.clone();
        service_fn(move |request| handle(seen.clone(), request))
    }

    /// Sends a request that is not an ordinary one.
    async fn send_request(&self, request: Request<String>) -> Response<String> {
        let response = self.layer.layer(self.handler()).oneshot(request).await;
        response.expect("no error of the service")
    }

    /// Starts a request: nothing is done before the future is polled.
    fn start(
        &self,
        what: Do,
        cookie: Option<&HeaderValue>,
    ) -> impl Future<Output = Result<Response<String>, Refused>> + Send + Unpin + use<> {
        Box::pin(self.layer.layer(self.handler()).oneshot(request(what, cookie)))
    }

    async fn send(&self, what: Do, cookie: Option<&HeaderValue>) -> Response<String> {
        self.start(what, cookie).await.expect("no error of the service")
    }

    fn store(&self) -> &Script {
        &self.world.store
    }
}

/// What the layer left among the response's extensions.
fn outcome<B>(response: &Response<B>) -> &Outcome {
    response.extensions().get().expect("an outcome")
}

fn request(what: Do, cookie: Option<&HeaderValue>) -> Request<String> {
    let mut request = Request::new(String::new());
    request.extensions_mut().insert(what);
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, cookie.clone());
    }
    request
}

fn set_cookies<B>(response: &Response<B>) -> Vec<&str> {
    let lines = response.headers().get_all(SET_COOKIE).iter();
    lines.map(|line| line.to_str().expect("ASCII")).collect()
}

/// The name and value of the session cookie that a response sets.
fn presented<B>(response: &Response<B>, name: &str) -> Option<HeaderValue> {
    let lines = set_cookies(response);
    let line = lines.iter().find(|line| line.starts_with(&format!("{name}=")))?;
    HeaderValue::from_str(line.split(';').next()?).ok()
}

/// A bare failure: nothing of the handler's response is left.
fn assert_refused(response: &Response<String>, status: u16) {
    assert_refused_with(response, status, &HeaderMap::new());
}

/// The same, with what `recommended` tells caches.
fn assert_refused_with(response: &Response<String>, status: u16, headers: &HeaderMap) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers(), headers, "{response:?}");
    assert_eq!(response.body(), "");
}

// the ordinary way: a session is made, sent, found again and changed
#[tokio::test]
async fn a_visit_and_another() {
    let app = App::new(quiet());
    let first = app.send(Do::Write, None).await;
    assert_eq!(first.status(), 200);
    let cookie = presented(&first, "connect.sid").expect("it was changed");
    let second = app.send(Do::Read, Some(&cookie)).await;
    assert_eq!((second.body().as_str(), set_cookies(&second)), ("2", vec!["theme=dark"]));
    assert_eq!(app.store().calls(), ["save sid1", "load sid1", "touch sid1"]);
}

// B-067, D-load-failure: a failed load is a failed request: no handler, no cookie, nothing deleted
#[tokio::test]
async fn a_failed_load() {
    let vary = HeaderMap::from_iter([(VARY, HeaderValue::from_static("Cookie"))]);
    for (preset, unset, headers) in [
        (quiet(), Unset::Keep, &HeaderMap::new()),
        (quiet(), Unset::Destroy, &HeaderMap::new()),
        (safe().for_localhost(), Unset::Keep, &vary),
        (safe().for_localhost(), Unset::Destroy, &vary),
    ] {
        let app = App::new(preset.unset(unset).rolling(true));
        let cookie = app.world.logged_in().await;
        let before = app.store().records();
        app.store().fail(Op::Load);
        assert_refused_with(&app.send(Do::Write, Some(&cookie)).await, 500, headers);
        assert_eq!(app.seen.calls.load(Ordering::SeqCst), 0);
        assert_eq!(app.store().calls(), ["load sid1"]);
        assert_eq!(app.store().records(), before);
        // The outage over, everything is as it was.
        assert_eq!(app.send(Do::Read, Some(&cookie)).await.body(), "1");
    }
}

// B-069, D-load-failure: a record that can't be read is a failed request, and it stays
#[tokio::test]
async fn a_record_that_cannot_be_read() {
    for unset in [Unset::Keep, Unset::Destroy] {
        let app = App::new(quiet().unset(unset));
        let cookie = app.world.logged_in().await;
        app.store().put("sid1", "{}");
        assert_refused(&app.send(Do::Write, Some(&cookie)).await, 500);
        assert_eq!(app.seen.calls.load(Ordering::SeqCst), 0);
        assert_eq!(app.store().calls(), ["load sid1"]);
        assert_eq!(app.store().records()["sid1"], "{}");
    }
}

// D-write-failure, B-208: the last write fails: 500, no session cookie, nothing of the handler's
// response; the store has what it had, and the old cookie works on
#[tokio::test]
async fn a_failed_write_over_a_session() {
    let resave = || quiet().resave(true).rolling(true);
    for (config, what, op) in [
        (quiet(), Do::Write, Op::Save),
        (quiet().rolling(true), Do::Write, Op::Save),
        (resave(), Do::Read, Op::Save),
        (quiet().unset(Unset::Destroy), Do::Unset, Op::Delete),
    ] {
        let app = App::new(config);
        let cookie = app.world.logged_in().await;
        let before = app.store().records();
        app.store().fail(op);
        assert_refused(&app.send(what, Some(&cookie)).await, 500);
        assert_eq!(app.seen.calls.load(Ordering::SeqCst), 1);
        assert_eq!(
            app.store().calls(),
            ["load sid1".into(), format!("{op:?} sid1").to_lowercase()]
        );
        assert_eq!(app.store().records(), before);
        assert_eq!(app.send(Do::Read, Some(&cookie)).await.body(), "1");
    }
}

// D-write-failure, B-208: a new session that can't be saved is not sent
#[tokio::test]
async fn a_failed_write_of_a_new_session() {
    for (config, what) in [(quiet(), Do::Write), (quiet().save_uninitialized(true), Do::Read)] {
        let app = App::new(config);
        app.store().fail(Op::Save);
        assert_refused(&app.send(what.clone(), None).await, 500);
        assert_eq!(app.store().records().len(), 0);
        let again = app.send(what, None).await;
        assert_eq!(again.status(), 200);
        assert!(presented(&again, "connect.sid").is_some());
    }
}

// D-write-failure: after regenerate the old record is gone already; the new id is not sent, and the
// old cookie is no error
#[tokio::test]
async fn a_failed_write_after_regenerate() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    app.store().fail(Op::Save);
    assert_refused(&app.send(Do::Regenerate, Some(&cookie)).await, 500);
    assert_eq!(app.store().calls(), ["load sid1", "delete sid1", "save sid2"]);
    assert_eq!(app.store().records().len(), 0);
    let next = app.send(Do::Read, Some(&cookie)).await;
    assert_eq!((next.status().as_u16(), next.body().as_str()), (200, "0"));
    assert_eq!(outcome(&next).origin(), Origin::Missing);
}

// D-write-failure: a write whose answer is lost is a failure as well, and is not tried again
// (B-211)
#[tokio::test]
async fn a_write_whose_answer_is_lost() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    app.store().fail_after(Op::Save);
    assert_refused(&app.send(Do::Write, Some(&cookie)).await, 500);
    assert_eq!(app.store().calls(), ["load sid1", "save sid1"]);
    assert_eq!(app.send(Do::Read, Some(&cookie)).await.body(), "2");
}

// D-write-failure: a save that the store refuses is HTTP's 409
#[tokio::test]
async fn a_refused_write() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    app.store().answer_save(Written::Gone);
    assert_refused(&app.send(Do::Write, Some(&cookie)).await, 409);
}

// B-210: a failed touch costs nothing but lifetime: the response goes out as it is, cookie and all
#[tokio::test]
async fn a_failed_touch() {
    let app = App::new(quiet().rolling(true));
    let cookie = app.world.logged_in().await;
    let before = app.store().records();
    app.store().fail(Op::Touch);
    let response = app.send(Do::Read, Some(&cookie)).await;
    assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "1"));
    assert_eq!(response.headers()[HANDLER], "1");
    assert!(presented(&response, "connect.sid").is_some());
    assert_eq!(
        (app.store().calls(), app.store().records()),
        (vec!["load sid1".into(), "touch sid1".into()], before)
    );
}

// CF-8, B-133, B-163, B-166, B-171: no response before the store has answered, whatever it is asked
#[tokio::test]
async fn nothing_before_the_store_answered() {
    for (config, what, op) in [
        (quiet(), Do::Read, Op::Load),
        (quiet(), Do::Write, Op::Save),
        (quiet(), Do::Read, Op::Touch),
        (quiet(), Do::Regenerate, Op::Delete),
        (quiet(), Do::Regenerate, Op::Save),
        (quiet().unset(Unset::Destroy), Do::Unset, Op::Delete),
        (safe().for_localhost(), Do::Read, Op::Load),
        (safe().for_localhost(), Do::Write, Op::Save),
        (safe().for_localhost(), Do::Read, Op::Touch),
        (safe().for_localhost(), Do::Regenerate, Op::Delete),
        (safe().for_localhost().unset(Unset::Destroy), Do::Unset, Op::Delete),
    ] {
        let app = App::new(config);
        let cookie = app.world.logged_in().await;
        let gate = app.store().hold(op);
        let mut response = app.start(what, Some(&cookie));
        assert!(poll_once(&mut response).is_pending(), "{op:?}");
        gate.reached().await;
        settle().await;
        assert!(poll_once(&mut response).is_pending(), "{op:?}");
        let handled = usize::from(op != Op::Load);
        assert_eq!(app.seen.calls.load(Ordering::SeqCst), handled, "{op:?}");
        gate.open();
        assert_eq!(response.await.expect("no error of the service").status(), 200, "{op:?}");
    }
}

// a client that goes away while its handler runs: nothing is saved, and the handle is closed
#[tokio::test]
async fn gone_while_the_handler_runs() {
    let app = App::new(quiet().unset(Unset::Destroy));
    let cookie = app.world.logged_in().await;
    let before = app.store().records();
    let gate = Gate::default();
    let mut response = app.start(Do::Wait(gate.clone()), Some(&cookie));
    assert!(poll_once(&mut response).is_pending());
    gate.reached().await;
    drop(response);
    assert!(matches!(app.seen.session().insert("n", 3), Err(Error::Ended)));
    assert!(matches!(app.seen.session().save().await, Err(Error::Ended)));
    settle().await;
    assert_eq!((app.store().calls(), app.store().records()), (vec!["load sid1".into()], before));
}

// a client that goes away while its session is loaded: the handler does not run
#[tokio::test]
async fn gone_while_the_session_is_loaded() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    let gate = app.store().hold(Op::Load);
    let mut response = app.start(Do::Write, Some(&cookie));
    assert!(poll_once(&mut response).is_pending());
    drop(response);
    gate.open();
    settle().await;
    assert_eq!(app.store().calls(), ["load sid1"]);
    assert_eq!(app.seen.calls.load(Ordering::SeqCst), 0);
}

// RC-10: a client that goes away while the session is saved: the save completes, as it is for all writes
#[tokio::test]
async fn gone_while_the_session_is_saved() {
    for (config, what, op) in [
        (quiet(), Do::Write, Op::Save),
        (quiet(), Do::Regenerate, Op::Save),
        (quiet().unset(Unset::Destroy), Do::Unset, Op::Delete),
    ] {
        let app = App::new(config);
        let cookie = app.world.logged_in().await;
        let before = app.store().records();
        let gate = app.store().hold(op);
        let mut response = app.start(what, Some(&cookie));
        assert!(poll_once(&mut response).is_pending());
        gate.reached().await;
        drop(response);
        gate.open();
        gate.passed().await;
        assert_ne!(app.store().records(), before, "{op:?}");
    }
}

// RC-10: a client that goes away while the handler's own method is under way: that method completes, and
// nothing follows it
#[tokio::test]
async fn gone_while_a_method_is_under_way() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    let gate = app.store().hold(Op::Delete);
    let mut response = app.start(Do::Regenerate, Some(&cookie));
    assert!(poll_once(&mut response).is_pending());
    drop(response);
    gate.open();
    gate.passed().await;
    settle().await;
    assert_eq!(app.store().calls(), ["load sid1", "delete sid1"]);
    assert_eq!(app.store().records().len(), 0);
}

// a handler that panics saves nothing, and its handle is closed
#[tokio::test]
async fn a_handler_that_panics() {
    let app = App::new(quiet().unset(Unset::Destroy));
    let cookie = app.world.logged_in().await;
    let before = app.store().records();
    let panic = tokio::spawn(app.start(Do::Panic, Some(&cookie))).await.expect_err("it panics");
    assert_eq!(panic.into_panic().downcast_ref(), Some(&"the handler is broken"));
    assert!(matches!(app.seen.session().get::<u64>("n"), Err(Error::Ended)));
    assert_eq!((app.store().calls(), app.store().records()), (vec!["load sid1".into()], before));
}

// a panic in `call` itself, before there is a future
#[tokio::test]
async fn a_service_that_panics_when_called() {
    let world = World::new(quiet().save_uninitialized(true));
    let layer = SessionLayer::from(world.sessions.clone());
    let service = layer.layer(service_fn(|_: Request<String>| {
        #[allow(unreachable_code, reason = "the type of a future that is never made")]
        {
            panic!("no call");
            std::future::ready(Ok::<_, Infallible>(Response::new(String::new())))
        }
    }));
    let panic = tokio::spawn(service.oneshot(Request::new(String::new()))).await;
    assert!(panic.expect_err("it panics").is_panic());
    assert_eq!(world.store.calls(), [""; 0]);
}

// an error of the service is passed on as it is, nothing is saved, and the handle is closed
#[tokio::test]
async fn a_service_that_fails() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    let before = app.store().records();
    assert_eq!(app.start(Do::Fail, Some(&cookie)).await.map(drop), Err(Refused));
    assert!(matches!(app.seen.session().get::<u64>("n"), Err(Error::Ended)));
    assert_eq!((app.store().calls(), app.store().records()), (vec!["load sid1".into()], before));
}

// B-134, B-135: the handler's Set-Cookie lines are kept, and one of ours comes last
#[tokio::test]
async fn set_cookie_lines() {
    let app = App::new(quiet());
    let response = app.send(Do::Write, None).await;
    let lines = set_cookies(&response);
    assert_eq!((lines.len(), lines[0]), (2, "theme=dark"));
    assert!(lines[1].starts_with("connect.sid=s%3Asid1."), "{lines:?}");
    assert!(lines[1].ends_with("; Path=/; HttpOnly"), "{lines:?}");
}

/// Tells the client, as an application might.
fn explain(error: &Error) -> Response<String> {
    let mut response = Response::new(error.to_string());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

// on_error makes the response of every failure, and gets the error
#[tokio::test]
async fn on_error() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    let service = app.layer.clone().on_error(explain).layer(app.handler());
    app.store().fail(Op::Load);
    app.store().fail(Op::Save);
    let load = service.clone().oneshot(request(Do::Write, Some(&cookie))).await;
    let save = service.clone().oneshot(request(Do::Write, Some(&cookie))).await;
    for response in [load, save] {
        let response = response.expect("no error of the service");
        assert_eq!(response.status(), 503);
        assert_eq!(response.body(), "the session store failed");
        assert!(set_cookies(&response).is_empty());
    }
    app.store().put("sid1", "{}");
    let response = service.oneshot(request(Do::Write, Some(&cookie))).await;
    let response = response.expect("no error of the service");
    assert_eq!(
        response.body(),
        "session record has no cookie: it was not written by a session store"
    );
}

/// An environment that has no ids.
struct NoIds;

impl Env for NoIds {
    fn now(&self) -> Timestamp {
        START
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        Err(IdError::Random)
    }
}

/// The error that a refused response carries.
fn refused(response: &Response<String>) -> &Error {
    response.extensions().get::<Error>().expect("an error")
}

// B-082: the default response is the error's status and nothing else, also if no id can be made;
// the error is among its extensions, and nothing was decided
#[tokio::test]
async fn the_default_response() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    let assert_refused = |response: &Response<String>, status| {
        assert_refused(response, status);
        assert_eq!(refused(response).status(), status);
        assert!(response.extensions().get::<Outcome>().is_none());
    };

    app.store().fail(Op::Load);
    let load = app.send(Do::Write, Some(&cookie)).await;
    assert_refused(&load, 500);
    assert!(matches!(refused(&load), Error::Store(_)));

    app.store().fail(Op::Save);
    let save = app.send(Do::Write, Some(&cookie)).await;
    assert_refused(&save, 500);
    assert!(matches!(refused(&save), Error::Store(_)));

    app.store().answer_save(Written::Gone);
    let gone = app.send(Do::Write, Some(&cookie)).await;
    assert_refused(&gone, 409);
    assert!(matches!(refused(&gone), Error::Gone));

    app.store().answer_save(Written::Exists);
    let conflict = app.send(Do::Write, Some(&cookie)).await;
    assert_refused(&conflict, 409);
    assert!(matches!(refused(&conflict), Error::Conflict));

    app.store().put("sid1", "{}");
    let record = app.send(Do::Write, Some(&cookie)).await;
    assert_refused(&record, 500);
    assert!(matches!(refused(&record), Error::Record(RecordError::NoCookie)));

    let no_ids = app.layer.clone().env(NoIds).layer(app.handler());
    let no_ids = no_ids.oneshot(request(Do::Write, None)).await.expect("no error of the service");
    assert_refused(&no_ids, 500);
    assert!(matches!(refused(&no_ids), Error::Id(IdError::Random)));
}

// the error is among the extensions of a response of the application's own as well
#[tokio::test]
async fn the_error_of_an_own_response() {
    let app = App::new(quiet());
    let service = app.layer.clone().on_error(explain).layer(app.handler());
    app.store().fail(Op::Save);
    let response = service.oneshot(request(Do::Write, None)).await.expect("no error");
    assert_eq!(response.status(), 503);
    assert!(matches!(refused(&response), Error::Store(_)));
}

/// The marker of a second session.
enum Admin {}

/// Ids `admin1`, `admin2`, …
#[derive(Default)]
struct AdminIds(AtomicUsize);

impl Env for AdminIds {
    fn now(&self) -> Timestamp {
        START
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        SessionId::from_text(&format!("admin{}", self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

fn admin(world: &World, name: &str) -> SessionLayer<String, Admin> {
    let config = quiet().name(name).cookie(CookieOptions::new().path("/").http_only(false));
    let sessions = Sessions::new(config.build().expect("sound options"), world.store.clone());
    SessionLayer::from(sessions).env(AdminIds::default()).marker::<Admin>()
}

/// Writes to the session of either marker.
async fn write_both(request: Request<String>) -> Result<Response<String>, Infallible> {
    let main = session_of::<Main>(request.extensions()).await.expect("a layer").expect("the path");
    let admin =
        session_of::<Admin>(request.extensions()).await.expect("a layer").expect("the path");
    let seen = [main.get::<u64>("n"), admin.get::<u64>("n")];
    main.insert("n", 1).expect("it is open");
    admin.insert("n", 2).expect("it is open");
    Ok(Response::new(format!("{:?}", seen.map(|n| n.expect("a number")))))
}

// B-032: two layers with markers and names of their own, over one store: each has its own ids,
// cookie and options
#[tokio::test]
async fn two_sessions() {
    let world = World::new(quiet());
    let main = SessionLayer::from(world.sessions.clone());
    for outer_first in [true, false] {
        let service = service_fn(write_both);
        let send = async |request| {
            let (main, admin) = (main.clone(), admin(&world, "admin.sid"));
            let response = if outer_first {
                main.layer(admin.layer(service)).oneshot(request).await
            } else {
                admin.layer(main.layer(service)).oneshot(request).await
            };
            response.expect("no error of the service")
        };
        let first = send(Request::new(String::new())).await;
        assert_eq!(first.body(), "[None, None]");
        let lines = set_cookies(&first);
        assert_eq!(lines.len(), 2);
        let line = |name| *lines.iter().find(|line| line.starts_with(name)).expect("it is set");
        assert!(line("connect.sid=s%3Asid").ends_with("; Path=/; HttpOnly"));
        assert!(line("admin.sid=s%3Aadmin1").ends_with("; Path=/"));
        let cookie = |name| presented(&first, name).expect("it is set");
        let mut next = Request::new(String::new());
        next.headers_mut().append(COOKIE, cookie("connect.sid"));
        next.headers_mut().append(COOKIE, cookie("admin.sid"));
        assert_eq!(send(next).await.body(), "[Some(1), Some(2)]");
    }
}

// CF-8, B-034: two layers with one marker or one cookie name are a clear error (D-layered-twice), and the
// handler does not run
#[tokio::test]
async fn layered_twice() {
    let world = World::new(quiet());
    let main = SessionLayer::from(world.sessions.clone());
    let service = || {
        service_fn(|_: Request<String>| async {
            panic!("it must not run");
            #[allow(unreachable_code, reason = "the type of the result")]
            Ok::<_, Infallible>(Response::new(String::new()))
        })
    };
    let request = || Request::new(String::new());
    let same = main.clone().layer(main.clone().on_error(explain).layer(service()));
    let same_marker = {
        let config = quiet().name("other.sid").build().expect("sound options");
        let other = SessionLayer::new(config, world.store.clone());
        main.clone().layer(other.on_error(explain).layer(service()))
    };
    let same_name = main.layer(admin(&world, "connect.sid").on_error(explain).layer(service()));
    let responses = [
        same.oneshot(request()).await,
        same_marker.oneshot(request()).await,
        same_name.oneshot(request()).await,
    ];
    for response in responses {
        let response = response.expect("no error of the service");
        assert_eq!(response.status(), 503);
        assert_eq!(response.body(), &Error::LayeredTwice.to_string());
        assert!(matches!(refused(&response), Error::LayeredTwice));
        assert!(set_cookies(&response).is_empty());
    }
    assert_eq!(world.store.calls(), [""; 0]);
}

// on a path where only one of two layers has a session, that one is found, whichever stands outside
#[tokio::test]
async fn layers_for_different_paths() {
    async fn tell(request: Request<String>) -> Result<Response<String>, Infallible> {
        let session = session_of::<Main>(request.extensions()).await.expect("a layer");
        Ok(Response::new(session.is_some().to_string()))
    }
    let world = World::new(quiet());
    let layer = |path: &str| {
        let config = quiet().cookie(CookieOptions::new().path(path)).build();
        SessionLayer::new(config.expect("sound options"), world.store.clone())
    };
    for (outer, inner) in [("/a", "/b"), ("/b", "/a")] {
        let service = layer(outer).layer(layer(inner).layer(service_fn(tell)));
        for (uri, found) in [("/a/x", "true"), ("/b/x", "true"), ("/c", "false")] {
            let request = Request::get(uri).body(String::new()).expect("a request");
            let response = service.clone().oneshot(request).await.expect("no error");
            assert_eq!(response.body(), found, "{uri} with {outer} around {inner}");
        }
    }
}

// one layer serves many requests: what one went through says nothing of the next
#[tokio::test]
async fn one_layer_twice_in_a_row() {
    let app = App::new(quiet());
    let mut service = app.layer.layer(app.handler());
    for _ in 0..2 {
        let ready = service.ready().await.expect("it is ready");
        let response = ready.call(request(Do::Write, None)).await.expect("no error");
        assert_eq!(response.status(), 200);
    }
    assert_eq!(app.store().records().len(), 2);
}

// B-136, B-156, B-158: a Secure cookie goes out if the extension says that the connection is secure
#[tokio::test]
async fn a_secure_cookie() {
    let app = App::new(quiet().cookie(CookieOptions::new().secure(true)));
    for (connection, sent) in [
        (None, false),
        (Some(Connection::Unknown), false),
        (Some(Connection::Plain), false),
        (Some(Connection::Encrypted), true),
        (Some(Connection::SecureUpstream), true),
    ] {
        let mut request = request(Do::Write, None);
        connection.map(|connection| request.extensions_mut().insert(connection));
        let response = app.send_request(request).await;
        let line = set_cookies(&response).into_iter().find(|line| line.starts_with("connect.sid"));
        assert_eq!(line.is_some(), sent, "{connection:?}");
        assert!(line.is_none_or(|line| line.contains("; Secure")));
    }
}

// D-cookie-lines, B-044, B-049: several Cookie lines are read in order, and a foreign one that is
// not UTF-8 costs nobody the session
#[tokio::test]
async fn several_cookie_lines() {
    let app = App::new(quiet());
    let cookie = app.world.logged_in().await;
    let forged = HeaderValue::from_static("connect.sid=s%3Asid1.forged");
    let foreign = HeaderValue::from_bytes(b"name=J\xfcrgen; x=\xff\xfe").expect("a header's value");
    let empty = HeaderValue::from_static("");
    for (lines, n) in [
        (vec![&foreign, &cookie], "1"),
        (vec![&cookie, &foreign], "1"),
        (vec![&empty, &foreign, &empty, &cookie, &forged], "1"),
        (vec![&forged, &cookie], "0"),
        (vec![&foreign], "0"),
    ] {
        let mut request = request(Do::Read, None);
        for line in &lines {
            request.headers_mut().append(COOKIE, (*line).clone());
        }
        let response = app.send_request(request).await;
        assert_eq!(response.body(), n, "{lines:?}");
    }
}

/// A service that must be polled until it is ready, and then be called itself, not a clone of it.
struct Slow {
    polls: usize,
    ready: bool,
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        Self { polls: 0, ready: false }
    }
}

impl Service<Request<String>> for Slow {
    type Response = Response<String>;
    type Error = Refused;
    type Future = std::future::Ready<Result<Response<String>, Refused>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.polls += 1;
        match self.polls {
            1 => Poll::Pending,
            2 => {
                self.ready = true;
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Err(Refused)),
        }
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        assert!(self.ready, "it was called without being ready");
        std::future::ready(Ok(Response::new(String::new())))
    }
}

// poll_ready is the inner service's, with its errors, and the one that was ready is called
#[tokio::test]
async fn readiness() {
    let world = World::new(quiet());
    let layer = SessionLayer::from(world.sessions.clone());
    let mut context = Context::from_waker(Waker::noop());
    let mut service = layer.layer(Slow { polls: 0, ready: false });
    assert!(service.poll_ready(&mut context).is_pending());
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
    assert!(service.call(Request::new(String::new())).await.is_ok());
    // The next request has a service of its own.
    assert!(service.poll_ready(&mut context).is_pending());
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Err(Refused)));
}

// B-037: outside of the cookie's path there is no session, and the extensions say that a layer was
// there; without one they don't
#[tokio::test]
async fn paths() {
    async fn kind(request: Request<String>) -> Result<Response<String>, Infallible> {
        Ok(Response::new(match session_of::<Main>(request.extensions()).await {
            Ok(Some(_)) => "session".into(),
            Ok(None) => "none".into(),
            Err(error) => error.to_string(),
        }))
    }
    let world =
        World::new(quiet().save_uninitialized(true).cookie(CookieOptions::new().path("/app")));
    let layer = SessionLayer::from(world.sessions.clone());
    let get = |uri: &str| Request::get(uri).body(String::new()).expect("a request");
    let send = async |uri: &str| {
        let response = layer.clone().layer(service_fn(kind)).oneshot(get(uri)).await;
        response.expect("no error of the service")
    };
    for (uri, body, sent) in [
        ("/app", "session", 1),
        ("/app/x?y", "session", 1),
        ("http://example.com/app", "session", 1),
        ("/", "none", 0),
        ("/other?/app", "none", 0),
    ] {
        let response = send(uri).await;
        assert_eq!((response.body().as_str(), set_cookies(&response).len()), (body, sent), "{uri}");
        assert_eq!(response.extensions().get::<Outcome>().is_some(), sent == 1, "{uri}");
    }
    let bare = service_fn(kind).oneshot(get("/app")).await.expect("no error of the service");
    assert_eq!(bare.body(), &Error::NoLayer.to_string());
    // A layer of another marker does not count.
    let other = admin(&world, "admin.sid").layer(service_fn(kind)).oneshot(get("/app")).await;
    assert_eq!(other.expect("no error").body(), &Error::NoLayer.to_string());
}

// what was decided is among the response's extensions, and no error
#[tokio::test]
async fn what_was_decided() {
    let app = App::new(quiet());
    let first = app.send(Do::Write, None).await;
    assert_eq!(outcome(&first).origin(), Origin::Absent);
    let decision = outcome(&first).decision();
    assert_eq!((decision.store, decision.cookie), (StoreAction::Save, CookieAction::Send));
    let cookie = presented(&first, "connect.sid");
    let second = app.send(Do::Read, cookie.as_ref()).await;
    assert_eq!(outcome(&second).origin(), Origin::Loaded);
    let decision = outcome(&second).decision();
    assert_eq!((decision.store, decision.cookie), (StoreAction::Touch, CookieAction::Withhold));
    for response in [first, second] {
        assert!(response.extensions().get::<Error>().is_none());
    }
}

// sessions that a job or a test made are those of the layer
#[tokio::test]
async fn a_cookie_made_outside() {
    let app = App::new(quiet());
    let cookie = cookie_for(&app.world.sessions, |session| session.insert("n", 7)).await;
    assert_eq!(app.send(Do::Read, cookie.ok().as_ref()).await.body(), "7");
}

// texts of the types that an application may print
#[test]
fn texts() {
    let world = World::new(quiet());
    let layer = SessionLayer::<String>::from(world.sessions);
    let service = layer.layer("inner");
    for text in [format!("{layer:?}"), format!("{service:?}")] {
        assert!(text.starts_with("Session") && !text.contains(SECRET), "{text}");
    }
}
