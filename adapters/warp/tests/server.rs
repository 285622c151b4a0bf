//! A real server on the loopback interface, and what comes over the wire.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt, stream};
use http::Request;
use http::header::{COOKIE, SET_COOKIE};
use http_body_util::{BodyExt, Empty};
use http_session_warp::store::Error as SessionError;
use http_session_warp::{
    Config, Error, Layer, MemoryStore, Session, remote, serve, serve_until, session, session_layer,
    session_layer_from,
};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tower::Service;
use tower::util::MapResponse;
use warp::reply::Response;
use warp::ws::{Message, WebSocket, Ws};
use warp::{Filter, Reply};

use self::common::{Gate, Op, World, quiet, settle, soon};

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

async fn served<S>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let (listener, address) = bound().await;
    tokio::spawn(serve(listener, service));
    address
}

/// As [`served`], until the sender says so; the task ends with the server.
async fn served_until<S>(service: S) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>)
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let (listener, address) = bound().await;
    let (stop, stopped) = oneshot::channel();
    let signal = async { stopped.await.expect("the sender is kept") };
    (address, stop, tokio::spawn(serve_until(listener, service, signal)))
}

/// A request that has been sent.
async fn begin(address: SocketAddr, line: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is open");
    stream
}

/// All that comes back: head and body.
async fn send(address: SocketAddr, line: &str, cookie: Option<&str>) -> (String, String) {
    let cookie = cookie.map(|pair| format!("Cookie: {pair}\r\n")).unwrap_or_default();
    answer(begin(address, line, &format!("Connection: close\r\n{cookie}")).await).await
}

async fn answer(mut stream: TcpStream) -> (String, String) {
    let mut text = String::new();
    soon(stream.read_to_string(&mut text)).await.expect("a text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.into(), body.into())
}

/// The head of an answer on a connection that stays open.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.expect("an answer"));
    }
    String::from_utf8(head).expect("ASCII")
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
    let either = warp::get().or(warp::head()).unify();
    let routes = warp::path::end().and(either).and(session()).then(visit);
    let app = session_layer(config, MemoryStore::new()).layer(warp::service(routes));

    let address = served(app).await;
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
    for (line, status) in [("POST /", "HTTP/1.1 405 "), ("GET /nowhere", "HTTP/1.1 404 ")] {
        let (head, _) = send(address, line, None).await;
        assert!(head.starts_with(status) && head.contains("set-cookie"), "{head}");
    }
}

// a client that begins with HTTP/2 has a session as well
#[tokio::test]
async fn http_2() {
    let world = World::new(quiet());
    let routes = warp::path::end().and(session()).then(visit);
    let app = session_layer_from(world.sessions.clone()).layer(warp::service(routes));
    let stream = TcpStream::connect(served(app).await).await.expect("the server listens");
    let connected = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut client, connection) = connected.expect("a server of HTTP/2");
    tokio::spawn(connection);
    let mut cookie = None;
    for visit in ["visit 1", "visit 2"] {
        let mut request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
        if let Some(cookie) = cookie.take() {
            request.headers_mut().insert(COOKIE, cookie);
        }
        let response = soon(client.send_request(request)).await.expect("an answer");
        cookie = response.headers().get(SET_COOKIE).cloned();
        let body = response.into_body().collect().await.expect("the body comes whole");
        assert_eq!(body.to_bytes(), visit);
    }
    assert_eq!(world.store.calls(), ["save sid1", "load sid1", "save sid1"]);
}

// D-write-failure, B-208: a save that fails is a 500 on the wire, and no cookie
#[tokio::test]
async fn a_failed_save() {
    let world = World::new(quiet());
    let app = session_layer_from(world.sessions.clone());
    let address = served(app.layer(warp::service(session().then(visit)))).await;
    world.store.fail(Op::Save);
    let (head, body) = send(address, "GET /", None).await;
    assert!(head.starts_with("HTTP/1.1 500 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(body, "");
}

// the client's address, as warp's own filter can't tell it
#[tokio::test]
async fn remote_address() {
    let routes = remote().and(warp::addr::remote()).map(|ours, theirs: Option<SocketAddr>| {
        assert!(theirs.is_none());
        format!("{ours:?}")
    });
    // A layer outside may make another body.
    let boxed = |response: Response| response.map(BodyExt::boxed_unsync);
    let (listener, at) = bound().await;
    tokio::spawn(serve(listener, MapResponse::new(warp::service(routes), boxed)));
    let stream = begin(at, "GET /", "Connection: close\r\n").await;
    let address = stream.local_addr().expect("it is connected");
    assert_eq!(answer(stream).await.1, format!("{:?}", Some(address)));
}

// B-172, B-173: a body that is streamed comes too late for a change
#[tokio::test]
async fn a_body_that_writes_late() {
    let late: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = late.clone();
    let streamed = move |session: Session| {
        session.insert("n", 1).expect("it is open");
        let seen = seen.clone();
        warp::reply::stream(stream::iter(["one ", "two"]).map(move |part| {
            let error = session.insert("n", 2).expect_err("it is too late");
            seen.lock().expect("no panic").push(error.to_string());
            Ok::<_, Infallible>(part)
        }))
    };
    let world = World::new(quiet());
    let app = session_layer_from(world.sessions.clone());
    let address = served(app.layer(warp::service(session().map(streamed)))).await;
    let (head, body) = send(address, "GET /", None).await;
    assert!(head.contains("connect.sid=s%3Asid1.") && body.contains("two"), "{head}");
    let ended = SessionError::Ended.to_string();
    assert_eq!(*late.lock().expect("no panic"), [ended.clone(), ended]);
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
        move |session: Session| {
            let (gate, dropped) = (gate.clone(), Dropped(dropped.clone()));
            session.insert("n", 1).expect("it is open");
            *kept.lock().expect("no panic") = Some(session);
            async move {
                let _dropped = dropped;
                gate.wait().await;
                ""
            }
        }
    };
    let world = World::new(quiet());
    let app = session_layer_from(world.sessions.clone());
    let address = served(app.layer(warp::service(session().then(handler)))).await;
    let stream = begin(address, "GET /", "").await;
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
    let app = session_layer_from(world.sessions.clone());
    let address = served(app.layer(warp::service(session().then(visit)))).await;
    let gate = world.store.hold(Op::Save);
    let stream = begin(address, "GET /", "").await;
    gate.reached().await;
    drop(stream);
    settle().await;
    gate.open();
    gate.passed().await;
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}

// a handler that panics: the connection ends, nothing is saved, and the server goes on
#[tokio::test]
async fn a_handler_that_panics() {
    async fn broken(session: Session) -> &'static str {
        session.insert("n", 1).expect("it is open");
        panic!("the handler is broken");
    }
    let world = World::new(quiet());
    let routes = warp::path::end().and(session()).then(broken);
    let routes = routes.or(warp::path("fine").map(|| "fine"));
    let app = session_layer_from(world.sessions.clone()).layer(warp::service(routes));
    let address = served(app).await;
    let mut stream = begin(address, "GET /", "").await;
    let mut text = Vec::new();
    soon(stream.read_to_end(&mut text)).await.map(drop).unwrap_or_default();
    assert_eq!(text, b"");
    assert_eq!(world.store.calls(), [""; 0]);
    assert_eq!(send(address, "GET /fine", None).await.1, "fine");
}

/// Answers each message with the name of who is logged in.
async fn talk(session: Session, ws: Ws) -> Result<impl Reply, Error> {
    let user = session.get::<String>("user")?.unwrap_or_else(|| "nobody".into());
    Ok(ws.on_upgrade(async move |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.next().await {
            let Ok(text) = message.to_str() else { break };
            let late = matches!(session.get::<String>("user"), Err(SessionError::Ended));
            let text = Message::text(format!("{user}: {text}, {late}"));
            socket.send(text).await.expect("it is open");
        }
    }))
}

// a WebSocket, whose handler looks at the session before the upgrade; after it, the handle is closed
#[tokio::test]
async fn a_web_socket() {
    let world = World::new(quiet());
    let routes = warp::path("ws").and(session()).and(warp::ws()).then(talk);
    let app = session_layer_from(world.sessions.clone()).layer(warp::service(routes));
    let (address, stop, server) = served_until(app).await;
    let cookie = http_session_warp::testing::cookie_for(&world.sessions, |session| {
        session.insert("user", "ada")
    })
    .await
    .expect("the store works");
    // The key of RFC 6455 section 1.3.
    let headers = format!(
        "Cookie: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        cookie.to_str().expect("ASCII")
    );
    let mut stream = begin(address, "GET /ws", &headers).await;
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    // A short text, masked with zeros (RFC 6455 section 5.3).
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.expect("it is open");
    let mut frame = [0; 15];
    soon(stream.read_exact(&mut frame)).await.expect("a frame");
    assert_eq!(&frame, b"\x81\x0dada: hi, true");
    // A shutdown does not wait for it: it is not a request anymore.
    stop.send(()).expect("the server runs");
    soon(server).await.expect("no panic");
}

// a graceful shutdown: no new connections, idle ones end, a request whose handler runs and one whose
// session is being saved get their answers
#[tokio::test]
async fn graceful_shutdown() {
    let world = World::new(quiet());
    let handled = Gate::default();
    let waits = {
        let handled = handled.clone();
        move |session: Session| {
            let handled = handled.clone();
            async move {
                handled.wait().await;
                visit(session).await
            }
        }
    };
    let routes = warp::path("slow").and(session()).then(waits);
    let routes = routes.or(warp::path("fast").and(session()).then(visit));
    let routes = routes.or(warp::path("idle").map(|| ""));
    let app = session_layer_from(world.sessions.clone()).layer(warp::service(routes));
    let (address, stop, server) = served_until(app).await;

    let mut idle = begin(address, "GET /idle", "").await;
    assert!(head(&mut idle).await.contains(" 200 "));
    let saved = world.store.hold(Op::Save);
    let saving = begin(address, "GET /fast", "").await;
    saved.reached().await;
    let slow = begin(address, "GET /slow", "").await;
    handled.reached().await;
    stop.send(()).expect("the server runs");
    assert_eq!(soon(idle.read(&mut [0])).await.expect("it ends"), 0);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!server.is_finished());
    saved.open();
    let (head, body) = answer(saving).await;
    assert!(head.contains("connect.sid=s%3Asid2.") && body == "visit 1", "{head}");
    assert!(!server.is_finished());
    handled.open();
    let (head, body) = answer(slow).await;
    assert!(head.contains("connect.sid=s%3Asid3.") && body == "visit 1", "{head}");
    soon(server).await.expect("no panic");
    assert_eq!(world.store.records().len(), 2);
}
