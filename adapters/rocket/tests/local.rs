//! A real Rocket with the fairing and the guard, request by request: what is Rocket's own. The rest is in the
//! contract for adapters.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[path = "../../store/tests/common/errors.rs"]
mod errors;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{Gate, Op, World, count, poll_once, quiet, safe};
use errors::all_of;
use http_session_rocket::core::CookieTemplate;
use http_session_rocket::store::Error as SessionError;
use http_session_rocket::{
    Config, Connection, CookieOptions, Error, Main, MemoryStore, Secure, Session, SessionFairing,
    outcome, session_fairing, session_fairing_from,
};
use rocket::config::LogLevel;
use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use rocket::http::{Cookie, CookieJar, Header, Method, Status};
use rocket::local::asynchronous::Client;
use rocket::request::FromRequest;
use rocket::{Build, Request, Response, Rocket, State, catch, catchers, get, post, routes};

/// What came back, its body read.
struct Answer {
    body: String,
    cookies: Vec<String>,
    headers: Vec<(String, String)>,
    status: u16,
}

impl Answer {
    /// Name and value of the session cookie.
    fn cookie(&self) -> &str {
        self.cookies.last().expect("a cookie is set").split(';').next().expect("a pair")
    }

    fn lines(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(of, _)| of.eq_ignore_ascii_case(name));
        lines.map(|(_, line)| line.as_str()).collect()
    }
}

fn rocket() -> Rocket<Build> {
    let config = rocket::Config { log_level: LogLevel::Off, ..rocket::Config::debug_default() };
    rocket::custom(config)
}

fn fairing(world: &World) -> SessionFairing {
    session_fairing_from(world.sessions.clone())
}

async fn launch(rocket: Rocket<Build>) -> Client {
    Client::untracked(rocket).await.expect("it launches")
}

async fn send(client: &Client, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.req(method, uri.to_owned());
    for (name, value) in headers {
        request.add_header(Header::new(name.to_string(), value.to_string()));
    }
    let response = request.dispatch().await;
    let headers = response.headers().iter();
    let headers: Vec<(String, String)> =
        headers.map(|header| (header.name.to_string(), header.value.to_string())).collect();
    let cookies = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    Answer {
        cookies: cookies.map(|(_, line)| line.clone()).collect(),
        headers,
        status: response.status().code,
        body: response.into_string().await.unwrap_or_default(),
    }
}

async fn get_from(client: &Client, uri: &str, cookie: Option<&str>) -> Answer {
    let cookie = cookie.map(|cookie| ("cookie", cookie));
    send(client, Method::Get, uri, cookie.as_slice()).await
}

/// Counts the visits.
#[get("/")]
fn visit(session: Session) -> Result<String, Error> {
    Ok(count(&session)?.to_string())
}

/// How often [`visit`] was there.
#[get("/visits")]
fn visits(session: Session) -> Result<String, Error> {
    Ok(session.get::<u64>("n")?.unwrap_or_default().to_string())
}

/// Is there a session?
#[get("/there")]
fn is_there(session: Option<Session>) -> &'static str {
    if session.is_some() { "some" } else { "none" }
}

#[get("/public")]
fn public() -> &'static str {
    "public"
}

#[catch(404)]
async fn lost(request: &Request<'_>) -> &'static str {
    let session = request.guard::<Session>().await.expect("a session");
    session.insert("lost", true).expect("it is open");
    "nothing here"
}

/// A guard that always fails.
struct Locked;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Locked {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> rocket::request::Outcome<Self, ()> {
        let session = request.guard::<Session>().await.expect("a session");
        session.insert("locked", true).expect("it is open");
        rocket::request::Outcome::Error((Status::Forbidden, ()))
    }
}

#[get("/locked")]
fn locked(_session: Session, _locked: Locked) {}

#[get("/status")]
fn status(session: Session, jar: &CookieJar<'_>) -> Result<Status, Error> {
    session.insert("n", 7)?;
    jar.add(("dropped", "1"));
    Ok(Status::ImATeapot)
}

// B-114: each response has its session: of catchers, of a failed guard, of a handler that answers with an
// error
#[tokio::test]
async fn every_kind_of_response() {
    let world = World::new(quiet().save_uninitialized(true));
    let all = routes![visits, locked, status];
    let plain = rocket().attach(fairing(&world)).mount("/", all.clone());
    let own = rocket().attach(fairing(&world)).mount("/", all).register("/", catchers![lost]);
    for (client, body) in [(launch(plain).await, None), (launch(own).await, Some("nothing here"))] {
        for (method, uri, status) in [
            (Method::Post, "/visits", 404),
            (Method::Get, "/nowhere", 404),
            (Method::Get, "/locked", 403),
            (Method::Get, "/status", 418),
        ] {
            let answer = send(&client, method, uri, &[]).await;
            assert_eq!(answer.status, status, "{method} {uri}");
            assert_eq!(answer.cookies.len(), 1, "{method} {uri} {:?}", answer.cookies);
            if let (404, Some(body)) = (status, body) {
                assert_eq!(answer.body, body);
            }
            let again = get_from(&client, "/visits", Some(answer.cookie())).await;
            let visits = if uri == "/status" { "7" } else { "0" };
            assert_eq!((again.body.as_str(), again.cookies.len()), (visits, 0), "{method} {uri}");
        }
    }
    let records = world.store.records();
    let with = |word| records.values().filter(|record| record.contains(word)).count();
    assert_eq!((with("lost"), with("locked")), (2, 2));
}

// B-037: the cookie's path is compared with the request's own path, wherever the route is mounted;
// outside of it there is no session: None, or an error that says so
#[tokio::test]
async fn mounted_paths() {
    #[get("/asked")]
    fn asked(session: Result<Session, Error>) -> String {
        session.map_or_else(|error| error.to_string(), |_| "some".into())
    }
    for (path, found) in [("/", "some"), ("/app", "some"), ("/app/there", "some"), ("/x", "none")] {
        let world = World::new(quiet().cookie(CookieOptions::new().path(path)));
        let rocket = rocket().attach(fairing(&world));
        let client = launch(rocket.mount("/app", routes![is_there, visits, asked])).await;
        for uri in ["/app/there", "/app/there?/x"] {
            assert_eq!(get_from(&client, uri, None).await.body, found, "{path} {uri}");
        }
        if found == "none" {
            let needed = get_from(&client, "/app/visits", None).await;
            assert_eq!((needed.status, needed.cookies.len()), (500, 0));
            let asked = get_from(&client, "/app/asked", None).await.body;
            assert_eq!(asked, SessionError::PathMismatch.to_string());
            assert_eq!(world.store.calls(), [""; 0]);
        }
    }
}

/// The marker of a second session.
#[derive(Debug)]
enum Admin {}

#[get("/admin")]
fn both(main: Session, admin: Session<Admin>) -> Result<String, Error> {
    let main_visits = count(&main)?;
    let visits = admin.get::<u64>("n")?.unwrap_or(100) + 1;
    admin.insert("n", visits)?;
    Ok(format!("{main_visits} {visits}"))
}

// B-032: several sessions with markers: each has its own cookie, options and data
#[tokio::test]
async fn several_sessions() {
    let world = World::new(quiet());
    let config = quiet().name("admin.sid").cookie(CookieOptions::new().path("/admin"));
    let admin = session_fairing(config.build().expect("sound options"), world.store.clone());
    let rocket = rocket().attach(fairing(&world)).attach(admin.marker::<Admin>());
    let client = launch(rocket.mount("/", routes![both, visit])).await;
    let first = get_from(&client, "/admin", None).await;
    assert_eq!((first.body.as_str(), first.cookies.len()), ("1 101", 2));
    assert!(first.cookies[0].starts_with("connect.sid=") && first.cookies[0].contains("Path=/;"));
    assert!(first.cookies[1].starts_with("admin.sid=") && first.cookies[1].contains("Path=/admin"));
    let both: Vec<_> =
        first.cookies.iter().map(|line| line.split(';').next().expect("a pair")).collect();
    let both = both.join("; ");
    assert_eq!(get_from(&client, "/admin", Some(&both)).await.body, "2 102");
    assert_eq!(get_from(&client, "/", Some(&both)).await.body, "3");
    assert_eq!(world.store.records().len(), 2);
}

/// Why it does not launch.
async fn refused(rocket: Rocket<Build>) -> &'static str {
    match rocket.ignite().await.expect_err("it does not launch").kind() {
        ErrorKind::FailedFairings(_) => "a fairing",
        ErrorKind::SentinelAborts(_) => "a guard",
        other => panic!("{other}"),
    }
}

// CF-8: two fairings with one marker, one cookie name or, under recommended, one secret do not launch
#[tokio::test]
async fn attached_twice() {
    let with = |config: http_session_rocket::ConfigBuilder| {
        session_fairing(config.build().expect("sound options"), MemoryStore::new())
    };
    let same_marker = [with(quiet()), with(quiet().name("other"))];
    let [one, other] = same_marker;
    assert_eq!(refused(rocket().attach(one).attach(other)).await, "a fairing");
    let same_name = rocket().attach(with(quiet())).attach(with(quiet()).marker::<Admin>());
    assert_eq!(refused(same_name).await, "a fairing");
    let same_secret = |other| rocket().attach(with(safe())).attach(with(other).marker::<Admin>());
    assert_eq!(refused(same_secret(safe().name("__Host-other"))).await, "a fairing");
    let own = Config::recommended("another secret, long enough for it").name("__Host-other");
    same_secret(own).ignite().await.expect("they go together");
}

// routes that ask for a session do not launch without its fairing; what asks later gets an error
#[tokio::test]
async fn no_fairing() {
    #[catch(404)]
    async fn asks(request: &Request<'_>) -> Result<(), Error> {
        match request.guard::<Session<Admin>>().await {
            rocket::outcome::Outcome::Error((_, error)) => Err(error),
            _ => Ok(()),
        }
    }
    let world = World::new(quiet());
    let main = || rocket().attach(fairing(&world));
    for rocket in [
        rocket().mount("/", routes![visit]),
        rocket().mount("/", routes![is_there]),
        main().mount("/", routes![both]),
    ] {
        assert_eq!(refused(rocket).await, "a guard");
    }
    let client = launch(main().register("/", catchers![asks])).await;
    let answer = get_from(&client, "/", None).await;
    assert_eq!((answer.status, answer.body), (500, SessionError::NoLayer.to_string()));
}

// B-067: a failed load: a handler that asks for the session does not run, and no answer gets through,
// neither a handler's nor a catcher's
#[tokio::test]
async fn a_failed_load() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[get("/counted")]
    fn counted(_session: Session) {
        RUNS.fetch_add(1, Ordering::SeqCst);
    }
    #[get("/asked")]
    fn asked(session: Result<Session, Error>) -> Result<(), Error> {
        session.map(drop)
    }
    #[catch(500)]
    fn swallow() -> (Status, &'static str) {
        (Status::Ok, "all is well")
    }
    for (world, vary) in [(World::new(quiet()), 0), (World::on_tls(safe()), 1)] {
        let fairing = fairing(&world).connection(|_| Connection::Encrypted);
        let rocket = rocket().attach(fairing).register("/", catchers![swallow]);
        let client = launch(rocket.mount("/", routes![counted, public, is_there, asked])).await;
        let cookie = world.logged_in().await;
        let cookie = cookie.to_str().ok();
        for uri in ["/counted", "/public", "/there", "/asked", "/nowhere"] {
            world.store.fail(Op::Load);
            let answer = get_from(&client, uri, cookie).await;
            assert_eq!((answer.status, answer.body.as_str()), (500, ""), "{uri}");
            assert_eq!((answer.cookies.len(), answer.lines("vary").len()), (0, vary), "{uri}");
            let mut calls = world.store.calls();
            assert_eq!(calls.len(), 1, "{calls:?}");
            assert!(calls.remove(0).starts_with("load "));
        }
        assert_eq!(RUNS.load(Ordering::SeqCst), 0);
        assert_eq!(get_from(&client, "/counted", cookie).await.status, 200);
        RUNS.store(0, Ordering::SeqCst);
    }
}

// the session is loaded before the handler, also before one that does not ask for it
#[tokio::test]
async fn loaded_before_the_handler() {
    #[get("/calls")]
    fn calls(store: &State<common::Script>) -> String {
        store.calls().join(" ")
    }
    let world = World::new(quiet());
    let rocket = rocket().attach(fairing(&world)).manage(world.store.clone());
    let client = launch(rocket.mount("/", routes![calls])).await;
    let cookie = world.logged_in().await;
    assert_eq!(get_from(&client, "/calls", cookie.to_str().ok()).await.body, "load sid1");
    assert_eq!(world.store.calls(), ["touch sid1"]);
}

// a request that is given up, as a local client may: its handle is closed, unless its session is being
// saved: that completes
#[tokio::test]
async fn a_request_that_is_dropped() {
    type Kept = Mutex<Option<Session>>;
    #[get("/waits")]
    async fn waits(session: Session, gate: &State<Gate>, kept: &State<Kept>) {
        session.insert("n", 1).expect("it is open");
        *kept.lock().expect("no panic") = Some(session);
        gate.wait().await;
    }
    let (world, gate) = (World::new(quiet()), Gate::default());
    let rocket = rocket().attach(fairing(&world)).manage(gate.clone()).manage(Kept::default());
    let client = launch(rocket.mount("/", routes![waits, visit])).await;
    let mut request = Box::pin(client.get("/waits").dispatch());
    assert!(poll_once(&mut request).is_pending());
    gate.reached().await;
    drop(request);
    let kept: &Kept = client.rocket().state().expect("it is there");
    let session = kept.lock().expect("no panic").take().expect("it was handled");
    assert!(matches!(session.insert("n", 2), Err(SessionError::Ended)));
    assert_eq!(world.store.calls(), [""; 0]);

    let gate = world.store.hold(Op::Save);
    let mut request = Box::pin(client.get("/").dispatch());
    assert!(poll_once(&mut request).is_pending());
    gate.reached().await;
    drop(request);
    gate.open();
    gate.passed().await;
    assert_eq!(world.store.records().len(), 1);
}

// B-208, D-write-failure: a save that fails is a 500 without a cookie, ours or the handler's; `on_error`
// makes another answer of it
#[tokio::test]
async fn a_failed_save() {
    #[get("/own")]
    fn own(session: Session, jar: &CookieJar<'_>) -> Result<&'static str, Error> {
        session.insert("n", 1)?;
        jar.add(("own", "1"));
        Ok("own")
    }
    let world = World::new(quiet());
    let page = |error: &SessionError| {
        let body = format!("sorry: {error}");
        let status = Status::new(error.status().as_u16() + 3);
        Response::build()
            .status(status)
            .sized_body(body.len(), std::io::Cursor::new(body))
            .finalize()
    };
    for (fairing, status, body) in [
        (fairing(&world), 500, ""),
        (fairing(&world).on_error(page), 503, "sorry: the session store failed"),
    ] {
        let client = launch(rocket().attach(fairing).mount("/", routes![own])).await;
        world.store.fail(Op::Save);
        let answer = get_from(&client, "/own", None).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert!(answer.cookies.is_empty(), "{:?}", answer.cookies);
        assert_eq!(get_from(&client, "/own", None).await.cookies.len(), 2);
    }
}

#[get("/panics")]
fn panics(session: Session) {
    session.insert("n", 9).expect("it is open");
    panic!("the handler is broken");
}

#[get("/panics-later")]
async fn panics_later(session: Session) {
    session.insert("n", 9).expect("it is open");
    tokio::task::yield_now().await;
    let clone = session.clone();
    drop(session);
    clone.update("n", |_: Option<u64>| -> u64 { panic!("it is broken") }).expect("no error");
}

#[catch(500)]
async fn broken(request: &Request<'_>) -> String {
    let session = request.guard::<Session>().await.expect("a session");
    session.insert("n", 10).expect_err("it has ended").to_string()
}

// a handler that panics saves nothing and gets no cookie, and neither does the catcher that follows
#[tokio::test]
async fn a_handler_that_panics() {
    let world = World::new(quiet().rolling(true));
    let routes = routes![panics, panics_later, visits];
    let plain = rocket().attach(fairing(&world)).mount("/", routes.clone());
    let caught = rocket().attach(fairing(&world)).mount("/", routes);
    let caught = caught.register("/", catchers![broken]);
    let cookie = world.logged_in().await;
    let cookie = cookie.to_str().ok();
    for (client, page) in [(launch(plain).await, "Internal"), (launch(caught).await, "has ended")] {
        for uri in ["/panics", "/panics-later"] {
            let answer = get_from(&client, uri, cookie).await;
            assert_eq!((answer.status, answer.cookies.len()), (500, 0), "{uri}");
            assert!(answer.body.contains(page), "{uri} {}", answer.body);
            assert_eq!(world.store.calls(), ["load sid1"], "{uri}");
            assert_eq!(get_from(&client, uri, None).await.cookies.len(), 0, "{uri}");
            assert_eq!(world.store.calls(), [""; 0], "{uri}");
            assert_eq!(get_from(&client, "/visits", cookie).await.body, "1");
            world.store.calls();
        }
    }
}

// the limit of that: who has no handle any more when the handler panics can't stop the save
#[tokio::test]
async fn a_panic_that_nobody_sees() {
    struct Seen;
    #[rocket::async_trait]
    impl<'r> FromRequest<'r> for Seen {
        type Error = ();

        async fn from_request(request: &'r Request<'_>) -> rocket::request::Outcome<Self, ()> {
            let session = request.guard::<Session>().await.expect("a session");
            session.insert("seen", true).expect("it is open");
            rocket::request::Outcome::Success(Self)
        }
    }
    #[get("/seen")]
    fn seen(_seen: Seen) {
        panic!("the handler is broken");
    }
    let world = World::new(quiet());
    let client = launch(rocket().attach(fairing(&world)).mount("/", routes![seen])).await;
    let answer = get_from(&client, "/seen", None).await;
    assert_eq!((answer.status, answer.cookies.len()), (500, 1));
    assert_eq!(world.store.calls(), ["save sid1"]);
}

// a panic that the handler survives ends the session all the same: what is not saved is no success
#[tokio::test]
async fn a_task_that_panics() {
    #[get("/task")]
    async fn task(session: Session) -> &'static str {
        session.insert("n", 9).expect("it is open");
        let clone = session.clone();
        let task = tokio::spawn(async move {
            let _clone = clone;
            panic!("the task is broken");
        });
        task.await.expect_err("it panicked");
        "all is well"
    }
    let world = World::new(quiet());
    let client = launch(rocket().attach(fairing(&world)).mount("/", routes![task])).await;
    let answer = get_from(&client, "/task", None).await;
    assert_eq!((answer.status, answer.body.as_str(), answer.cookies.len()), (500, "", 0));
    assert_eq!(world.store.calls(), [""; 0]);
}

// B-134: a handler's own Set-Cookie lines stay in front, byte by byte, and so does Rocket's jar
#[tokio::test]
async fn own_set_cookie_lines() {
    struct Own;
    impl<'r> rocket::response::Responder<'r, 'static> for Own {
        fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
            let mut response = Response::new();
            response.adjoin_raw_header("Set-Cookie", "a=1; path=/;x");
            response.adjoin_raw_header("set-cookie", "b=2");
            Ok(response)
        }
    }
    #[get("/own")]
    fn own(session: Session, jar: &CookieJar<'_>) -> Result<Own, Error> {
        session.insert("n", 1)?;
        jar.add(Cookie::build(("c", "3")).build());
        Ok(Own)
    }
    let client =
        launch(rocket().attach(fairing(&World::new(quiet()))).mount("/", routes![own])).await;
    let answer = get_from(&client, "/own", None).await;
    assert_eq!(answer.cookies[..2], ["a=1; path=/;x", "b=2"]);
    assert!(answer.cookies[2].starts_with("c=3"), "{:?}", answer.cookies);
    assert!(answer.cookies[3].starts_with("connect.sid=s%3Asid1."), "{:?}", answer.cookies);
    assert_eq!(answer.cookies.len(), 4);
}

// without `connection` and without TLS, a request is on plain HTTP
#[tokio::test]
async fn the_default_connection() {
    for (config, sent) in [(safe(), 0), (safe().proxy(true), 1)] {
        let fairing = fairing(&World::new(config));
        let client = launch(rocket().attach(fairing).mount("/", routes![visit])).await;
        let https = [("X-Forwarded-Proto", "https")];
        let answer = send(&client, Method::Get, "/", &https).await;
        assert_eq!((answer.status, answer.cookies.len()), (200, sent));
    }
}

#[get("/headers")]
fn headers(session: Session, own: &State<Vec<(&'static str, &'static str)>>) -> Result<Own, Error> {
    session.insert("n", 1)?;
    Ok(Own(own.to_vec()))
}

struct Own(Vec<(&'static str, &'static str)>);

impl<'r> rocket::response::Responder<'r, 'static> for Own {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::new();
        for (name, value) in self.0 {
            response.adjoin_raw_header(name, value);
        }
        Ok(response)
    }
}

// RFC 9110 section 12.5.5, RFC 9111 section 5.2.2.7: what the handler says to caches is never weakened, and
// what is no token stays as it is
#[tokio::test]
async fn caches() {
    for (own, vary, cache) in [
        (vec![("Vary", "*"), ("Cache-Control", "no-store")], vec!["*"], vec!["no-store"]),
        (
            vec![
                ("Vary", "cookie"),
                ("Cache-Control", "x=\"\u{fc}\""),
                ("Cache-Control", "private"),
            ],
            vec!["cookie"],
            vec!["x=\"\u{fc}\"", "private"],
        ),
    ] {
        let fairing = fairing(&World::new(safe())).connection(|_| Connection::Encrypted);
        let rocket = rocket().attach(fairing).manage(own.clone());
        let client = launch(rocket.mount("/", routes![headers])).await;
        let answer = get_from(&client, "/headers", None).await;
        assert_eq!(answer.cookies.len(), 1, "{own:?}");
        assert_eq!((answer.lines("vary"), answer.lines("cache-control")), (vary, cache), "{own:?}");
    }
}

// B-017, B-031: cookie options by request: asked once for each, for the path and for new sessions
#[tokio::test]
async fn cookie_options_by_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let world = World::new(quiet().cookie(CookieOptions::new().path("/never")));
    let template = |path: &str| -> Arc<CookieTemplate> {
        let options = CookieOptions::new().path(path).secure(Secure::Never);
        world.sessions.config().template(options).expect("sound options")
    };
    let sessions = fairing(&world).cookie_options({
        let (asked, one, other) = (asked.clone(), template("/a"), template("/b"));
        move |request| {
            asked.fetch_add(1, Ordering::SeqCst);
            if request.uri().path().starts_with("/a") { one.clone() } else { other.clone() }
        }
    });
    let rocket = rocket().attach(sessions).mount("/a", routes![visit]).mount("/b", routes![visit]);
    let client = launch(rocket.mount("/c", routes![is_there])).await;
    let first = get_from(&client, "/a", None).await;
    assert!(first.cookies[0].contains("; Path=/a;"), "{:?}", first.cookies);
    assert!(get_from(&client, "/b", None).await.cookies[0].contains("; Path=/b;"));
    assert_eq!(get_from(&client, "/c/there", None).await.body, "none");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

// a fairing that was attached before has the session as well
#[tokio::test]
async fn an_earlier_fairing() {
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let early = AdHoc::on_request("early", {
        let seen = seen.clone();
        move |request, _| {
            let seen = seen.clone();
            Box::pin(async move {
                let session = request.guard::<Session>().await.expect("a session");
                seen.lock().expect("no panic").extend(session.get::<u64>("n").expect("a number"));
            })
        }
    });
    let world = World::new(quiet());
    let rocket = rocket().attach(early).attach(fairing(&world)).mount("/", routes![visit]);
    let cookie = world.logged_in().await;
    let client = launch(rocket).await;
    assert_eq!(get_from(&client, "/", cookie.to_str().ok()).await.body, "2");
    assert_eq!(*seen.lock().expect("no panic"), [1]);
    assert_eq!(world.store.calls(), ["load sid1", "save sid1"]);
}

// a fairing that was attached later learns what was decided, or what failed
#[tokio::test]
async fn a_later_fairing() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let late = AdHoc::on_response("late", {
        let seen = seen.clone();
        move |request, _| {
            let told = match outcome::<Main>(request) {
                None => "nothing".into(),
                Some(Ok(outcome)) => outcome.decision().store.to_string(),
                Some(Err(error)) => error.to_string(),
            };
            seen.lock().expect("no panic").push(told);
            Box::pin(async {})
        }
    });
    let world = World::new(quiet().cookie(CookieOptions::new().path("/app")));
    let cookie = world.logged_in().await;
    let early = AdHoc::on_response("early", |request, _| {
        assert!(outcome::<Main>(request).is_none());
        Box::pin(async {})
    });
    let rocket = rocket().attach(early).attach(fairing(&world)).attach(late);
    let client = launch(rocket.mount("/", routes![is_there]).mount("/app", routes![visit])).await;
    let cookie = cookie.to_str().ok();
    get_from(&client, "/there", cookie).await;
    get_from(&client, "/app", cookie).await;
    world.store.fail(Op::Save);
    get_from(&client, "/app", cookie).await;
    world.store.fail(Op::Load);
    get_from(&client, "/app", cookie).await;
    let failed = "the session store failed";
    assert_eq!(*seen.lock().expect("no panic"), ["nothing", "save", failed, failed]);
}

// a handler's `?`: the error's status and text, which shows no data; what it wrote before is saved
#[tokio::test]
async fn errors_of_handlers() {
    #[post("/type")]
    fn wrong_type(session: Session) -> Result<String, Error> {
        session.insert("n", "hunter2")?;
        Ok(session.get::<u64>("n")?.unwrap_or_default().to_string())
    }
    #[post("/conflict")]
    fn conflict() -> Result<(), Error> {
        Err(SessionError::Conflict.into())
    }
    let world = World::new(quiet());
    let rocket = rocket().attach(fairing(&world)).mount("/", routes![wrong_type, conflict]);
    let client = launch(rocket).await;
    let answer = send(&client, Method::Post, "/type", &[]).await;
    assert_eq!((answer.status, answer.cookies.len()), (500, 1));
    assert!(answer.body.contains("not of the type"), "{}", answer.body);
    let answer = send(&client, Method::Post, "/conflict", &[]).await;
    assert_eq!((answer.status, answer.body), (409, SessionError::Conflict.to_string()));
}

// an error is an error as any other, and its source is at hand; its Debug is its text, for Rocket's log
#[test]
fn error_type() {
    let store = http_session_rocket::store::StoreError::new("gone");
    let error = Error::from(SessionError::Store(store));
    assert_eq!(error.to_string(), "the session store failed");
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(all_of(&error).contains(" gone"), "{error:?}");
}

// the guard can be cloned and printed, whatever the marker is, and shows no id
#[tokio::test]
async fn a_bare_marker() {
    struct Bare;
    #[get("/bare")]
    fn bare(session: Session<Bare>) -> Result<String, Error> {
        let clone: Session<Bare> = session.clone();
        clone.insert("n", 1)?;
        Ok(format!("{:?} {:?}", session.get::<u64>("n")?, session))
    }
    let fairing = fairing(&World::new(quiet())).marker::<Bare>();
    let client = launch(rocket().attach(fairing).mount("/", routes![bare])).await;
    let answer = get_from(&client, "/bare", None).await;
    assert!(answer.body.starts_with("Some(1) Session"), "{}", answer.body);
    assert!(!answer.body.contains("sid1"), "{}", answer.body);
}
