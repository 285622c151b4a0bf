//! Rocket on the loopback interface, and what comes over the wire.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use common::{Gate, Op, World, quiet, safe, settle};
use http_session_rocket::{Error, Session, SessionFairing, session_fairing_from};
use rocket::config::{LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::response::Redirect;
use rocket::{Build, Rocket, State, get, routes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

fn rocket() -> Rocket<Build> {
    let shutdown = Shutdown { ctrlc: false, signals: HashSet::new(), ..Shutdown::default() };
    let config = rocket::Config {
        log_level: LogLevel::Off,
        port: 0,
        shutdown,
        ..rocket::Config::debug_default()
    };
    rocket::custom(config)
}

fn fairing(world: &World) -> SessionFairing {
    session_fairing_from(world.sessions.clone())
}

async fn serve(rocket: Rocket<Build>) -> SocketAddr {
    let (launched, address) = oneshot::channel();
    let launched = Mutex::new(Some(launched));
    let liftoff = AdHoc::on_liftoff("address", move |rocket| {
        Box::pin(async move {
            let launched = launched.lock().expect("no panic").take().expect("it launches once");
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            launched.send(address).expect("it is awaited");
        })
    });
    tokio::spawn(rocket.attach(liftoff).launch());
    address.await.expect("it launches")
}

/// A request that has been sent.
async fn begin(address: SocketAddr, line: &str, headers: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let request = [head.as_bytes(), headers, b"\r\n"].concat();
    stream.write_all(&request).await.expect("it is open");
    stream
}

/// All that comes back: head and body.
async fn send(address: SocketAddr, line: &str, headers: &[u8]) -> (String, String) {
    answer(begin(address, line, headers).await).await
}

async fn answer(mut stream: TcpStream) -> (String, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("a text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.into(), body.into())
}

/// The Cookie line that presents the session which a head sets.
fn cookie(head: &str) -> Vec<u8> {
    let from = head.find("connect.sid=").expect("a cookie is set");
    format!("Cookie: {}\r\n", head[from..].split(';').next().expect("a pair")).into()
}

#[get("/")]
fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get::<u64>("n")?.unwrap_or_default() + 1;
    session.insert("n", visits)?;
    Ok(format!("visit {visits}"))
}

#[get("/login")]
fn log_in(session: Session) -> Result<Redirect, Error> {
    session.insert("n", 41)?;
    Ok(Redirect::to("/"))
}

// the set-up of the documentation, served: a handler, HEAD, an absolute target, no route
#[tokio::test]
async fn requests() {
    let world = World::new(quiet().save_uninitialized(true));
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    let (first, _) = send(address, "GET /", b"").await;
    let cookie = cookie(&first);
    let (head, body) = send(address, "GET /", &cookie).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(body, "visit 2");
    let (head, body) = send(address, "HEAD /", &cookie).await;
    assert!(head.contains("content-length: 7"), "{head}");
    assert_eq!(body, "");
    let (_, body) = send(address, "GET http://localhost/", &cookie).await;
    assert_eq!(body, "visit 4");
    let (head, _) = send(address, "POST /nowhere", b"").await;
    assert!(head.starts_with("HTTP/1.1 404 ") && head.contains("set-cookie"), "{head}");
}

// what Rocket can't do: a request that it can't parse has no session, a header line that is not UTF-8
// is dropped; other lines count
#[tokio::test]
async fn what_rocket_drops() {
    let world = World::new(quiet().save_uninitialized(true));
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    let (first, _) = send(address, "GET /", b"").await;
    let cookie = cookie(&first);
    world.store.calls();
    let (head, _) = send(address, "BREW /", &cookie).await;
    assert!(head.starts_with("HTTP/1.1 400 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(world.store.calls(), [""; 0]);
    let other_line = [b"Cookie: a=\xFF\r\n", &cookie[..]].concat();
    assert_eq!(send(address, "GET /", &other_line).await.1, "visit 2");
    let same_line = [&cookie[..cookie.len() - 2], b"; a=\xFF\r\n"].concat();
    assert_eq!(send(address, "GET /", &same_line).await.1, "visit 1");
}

// B-163, B-171: not a byte of the redirect before the session is saved; who follows it finds it
#[tokio::test]
async fn a_redirect() {
    let world = World::new(quiet());
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit, log_in])).await;
    let gate = world.store.hold(Op::Save);
    let stream = begin(address, "GET /login", b"").await;
    gate.reached().await;
    settle().await;
    let nothing = stream.try_read(&mut [0]).expect_err("nothing has come");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    gate.open();
    let (head, _) = answer(stream).await;
    assert!(head.starts_with("HTTP/1.1 303 "), "{head}");
    assert_eq!(send(address, "GET /", &cookie(&head)).await.1, "visit 42");
}

// D-write-failure, B-208: a save that fails is a 500 on the wire, and no cookie
#[tokio::test]
async fn a_failed_save() {
    let world = World::new(quiet());
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    world.store.fail(Op::Save);
    let (head, body) = send(address, "GET /", b"").await;
    assert!(head.starts_with("HTTP/1.1 500 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(body, "");
}

// a client that hangs up while its handler runs: Rocket carries on, and the session is saved
#[tokio::test]
async fn a_client_that_hangs_up() {
    #[get("/slow")]
    async fn slow(session: Session, gate: &State<Gate>) -> Result<(), Error> {
        gate.wait().await;
        Ok(session.insert("n", 1)?)
    }
    let (world, gate) = (World::new(quiet()), Gate::default());
    let rocket = rocket().attach(fairing(&world)).manage(gate.clone()).mount("/", routes![slow]);
    let saved = world.store.hold(Op::Save);
    let stream = begin(serve(rocket).await, "GET /slow", b"").await;
    gate.reached().await;
    drop(stream);
    settle().await;
    gate.open();
    saved.reached().await;
    saved.open();
    saved.passed().await;
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}

// a client that hangs up while its session is saved: it is saved
#[tokio::test]
async fn a_client_that_hangs_up_at_the_end() {
    let world = World::new(quiet());
    let gate = world.store.hold(Op::Save);
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    let stream = begin(address, "GET /", b"").await;
    gate.reached().await;
    drop(stream);
    settle().await;
    gate.open();
    gate.passed().await;
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}

// a handler that panics: Rocket answers with a 500, and nothing is saved
#[tokio::test]
async fn a_handler_that_panics() {
    #[get("/")]
    async fn broken(session: Session) {
        session.insert("n", 1).expect("it is open");
        settle().await;
        panic!("the handler is broken");
    }
    let world = World::new(quiet());
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![broken])).await;
    let (head, _) = send(address, "GET /", b"").await;
    assert!(head.starts_with("HTTP/1.1 500 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(world.store.calls(), [""; 0]);
}

// B-136, B-159: behind a proxy that says https there is a Secure cookie, and without that none
#[tokio::test]
async fn behind_a_proxy() {
    let world = World::new(safe().proxy(true));
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    let (head, _) = send(address, "GET /", b"X-Forwarded-Proto: https\r\n").await;
    assert!(head.contains("; Secure") && head.contains("vary: Cookie"), "{head}");
    assert!(head.contains("cache-control: private"), "{head}");
    let (head, _) = send(address, "GET /", b"X-Forwarded-Proto: http\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("set-cookie"), "{head}");
}

// the request's end closes every handle, also one that outlives it
#[tokio::test]
async fn a_handle_that_outlives_its_request() {
    type Kept = Arc<Mutex<Option<Session>>>;
    #[get("/")]
    fn keep(session: Session, kept: &State<Kept>) -> Result<(), Error> {
        session.insert("n", 1)?;
        *kept.lock().expect("no panic") = Some(session);
        Ok(())
    }
    let (world, kept) = (World::new(quiet()), Kept::default());
    let rocket = rocket().attach(fairing(&world)).manage(kept.clone()).mount("/", routes![keep]);
    send(serve(rocket).await, "GET /", b"").await;
    let session = kept.lock().expect("no panic").take().expect("it was handled");
    session.insert("n", 2).expect_err("it has ended");
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}
