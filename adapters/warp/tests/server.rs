//! A real server on the loopback interface, and what comes over the wire: what is warp's own. The rest is in
//! the contract for adapters.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[path = "../../store/tests/common/wire.rs"]
mod wire;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use http::Request;
use http::header::{COOKIE, SET_COOKIE};
use http_body_util::{BodyExt, Empty};
use http_session_warp::store::Error as SessionError;
use http_session_warp::{
    Error, Layer, Session, remote, serve, serve_until, session, session_layer_from, testing,
};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::Service;
use tower::util::MapResponse;
use warp::reply::Response;
use warp::ws::{Message, WebSocket, Ws};
use warp::{Filter, Reply};

use self::common::{Gate, Op, World, count, quiet, soon};
use self::wire::{UPGRADE, answer, begin, frame, head};

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

async fn visit(session: Session) -> Result<String, Error> {
    Ok(format!("visit {}", count(&session)?))
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

// CF-8: a WebSocket, whose handler looks at the session before the upgrade; after it, the handle is closed
#[tokio::test]
async fn a_web_socket() {
    let world = World::new(quiet());
    let routes = warp::path("ws").and(session()).and(warp::ws()).then(talk);
    let app = session_layer_from(world.sessions.clone()).layer(warp::service(routes));
    let (address, stop, server) = served_until(app).await;
    let cookie = testing::cookie_for(&world.sessions, |session| session.insert("user", "ada"));
    let cookie = cookie.await.expect("the store works");
    let headers = format!("Cookie: {}\r\n{UPGRADE}", cookie.to_str().expect("ASCII"));
    let mut stream = begin(address, "GET /ws", &headers).await;
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    stream.write_all(&frame("hi")).await.expect("it is open");
    let mut heard = [0; 15];
    soon(stream.read_exact(&mut heard)).await.expect("a frame");
    assert_eq!(&heard, b"\x81\x0dada: hi, true");
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
