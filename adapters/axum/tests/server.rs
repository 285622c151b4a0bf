//! A real server on the loopback interface, and what comes over the wire.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http_body_util::{BodyExt, Full};
use http_session_axum::store::Error as SessionError;
use http_session_axum::{Config, Error, MemoryStore, Session, session_layer, session_layer_from};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use self::common::{Gate, Op, World, quiet, settle, soon};

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A request that has been sent.
async fn begin(address: SocketAddr, line: &str, cookie: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let cookie = cookie.map(|pair| format!("Cookie: {pair}\r\n")).unwrap_or_default();
    let request =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is open");
    stream
}

/// All that comes back: head and body.
async fn send(address: SocketAddr, line: &str, cookie: Option<&str>) -> (String, String) {
    answer(begin(address, line, cookie).await).await
}

async fn answer(mut stream: TcpStream) -> (String, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("a text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.into(), body.into())
}

/// The session cookie that a head sets: its name and value.
fn cookie(head: &str) -> &str {
    let from = head.find("connect.sid=").expect("a cookie is set");
    head[from..].split(';').next().expect("a pair")
}

async fn visit(session: Session) -> Result<String, Error> {
    let visits = session.get::<u64>("n")?.unwrap_or_default() + 1;
    session.insert("n", visits)?;
    Ok(format!("visit {visits}"))
}

// the set-up of the documentation, served
#[tokio::test]
async fn three_lines() {
    let config = Config::express("keyboard cat").build().expect("sound options");
    let sessions = session_layer(config, MemoryStore::new());
    let app = Router::new().route("/", get(visit)).layer(sessions);

    let address = serve(app).await;
    let (first, _) = send(address, "GET /", None).await;
    let cookie = Some(cookie(&first));
    let (head, body) = send(address, "GET /", cookie).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(body, "visit 2");
    let (head, body) = send(address, "HEAD /", cookie).await;
    assert!(head.contains("content-length: 7"), "{head}");
    assert_eq!(body, "");
    let (_, body) = send(address, "GET http://localhost/", cookie).await;
    assert_eq!(body, "visit 4");
    let (head, _) = send(address, "POST /", None).await;
    assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("set-cookie"), "{head}");
}

async fn log_in(session: Session) -> Result<Response, Error> {
    session.insert("n", 41)?;
    Ok(Redirect::to("/").into_response())
}

// B-163, B-171: not a byte of the redirect before the session is saved; who follows it finds it
#[tokio::test]
async fn a_redirect() {
    let world = World::new(quiet());
    let app = Router::new()
        .route("/", get(visit))
        .route("/login", get(log_in))
        .layer(session_layer_from(world.sessions.clone()));
    let address = serve(app).await;
    let gate = world.store.hold(Op::Save);
    let stream = begin(address, "GET /login", None).await;
    gate.reached().await;
    settle().await;
    let nothing = stream.try_read(&mut [0]).expect_err("nothing has come");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    gate.open();
    let (head, _) = answer(stream).await;
    assert!(head.starts_with("HTTP/1.1 303 "), "{head}");
    assert_eq!(send(address, "GET /", Some(cookie(&head))).await.1, "visit 42");
}

// D-write-failure, B-208: a save that fails is a 500 on the wire, and no cookie
#[tokio::test]
async fn a_failed_save() {
    let world = World::new(quiet());
    let app =
        Router::new().route("/", get(visit)).layer(session_layer_from(world.sessions.clone()));
    let address = serve(app).await;
    world.store.fail(Op::Save);
    let (head, body) = send(address, "GET /", None).await;
    assert!(head.starts_with("HTTP/1.1 500 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(body, "");
}

// B-172, B-173: a body that is streamed comes too late for a change
#[tokio::test]
async fn a_body_that_writes_late() {
    let late: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = late.clone();
    let stream = move |session: Session| async move {
        session.insert("n", 1).expect("it is open");
        Body::new(Full::new(Bytes::from_static(b"body")).map_frame(move |frame| {
            let error = session.insert("n", 2).expect_err("it is too late");
            seen.lock().expect("no panic").push(error.to_string());
            frame
        }))
    };
    let world = World::new(quiet());
    let app =
        Router::new().route("/", get(stream)).layer(session_layer_from(world.sessions.clone()));
    let address = serve(app).await;
    let (head, _) = send(address, "GET /", None).await;
    assert!(head.contains("connect.sid=s%3Asid1."), "{head}");
    assert_eq!(*late.lock().expect("no panic"), [SessionError::Ended.to_string()]);
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}

/// Says when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

// a client that hangs up while its handler runs: nothing is saved, and the handle is closed
#[tokio::test]
async fn a_client_that_hangs_up() {
    let (gate, dropped) = (Gate::default(), Arc::new(Notify::new()));
    let kept = Arc::new(Mutex::new(None::<Session>));
    let handler = {
        let (gate, dropped, kept) = (gate.clone(), dropped.clone(), kept.clone());
        move |session: Session| async move {
            let _dropped = Dropped(dropped);
            session.insert("n", 1).expect("it is open");
            *kept.lock().expect("no panic") = Some(session);
            gate.wait().await;
        }
    };
    let world = World::new(quiet());
    let app =
        Router::new().route("/", get(handler)).layer(session_layer_from(world.sessions.clone()));
    let stream = begin(serve(app).await, "GET /", None).await;
    gate.reached().await;
    drop(stream);
    soon(dropped.notified()).await;
    settle().await;
    let session = kept.lock().expect("no panic").take().expect("it was handled");
    assert!(matches!(session.insert("n", 2), Err(SessionError::Ended)));
    assert_eq!(world.store.calls(), [""; 0]);
}

// a client that hangs up while its session is saved: it is saved
#[tokio::test]
async fn a_client_that_hangs_up_at_the_end() {
    let world = World::new(quiet());
    let app =
        Router::new().route("/", get(visit)).layer(session_layer_from(world.sessions.clone()));
    let gate = world.store.hold(Op::Save);
    let stream = begin(serve(app).await, "GET /", None).await;
    gate.reached().await;
    drop(stream);
    settle().await;
    gate.open();
    gate.passed().await;
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}

// a handler that panics: the connection ends, and nothing is saved
#[tokio::test]
async fn a_handler_that_panics() {
    async fn broken(session: Session) {
        session.insert("n", 1).expect("it is open");
        panic!("the handler is broken");
    }
    let world = World::new(quiet());
    let app =
        Router::new().route("/", get(broken)).layer(session_layer_from(world.sessions.clone()));
    let mut stream = begin(serve(app).await, "GET /", None).await;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.map(drop).unwrap_or_default();
    assert_eq!(text, b"");
    assert_eq!(world.store.calls(), [""; 0]);
}
