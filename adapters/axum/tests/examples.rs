//! The examples that are one file, tried out as their comments say.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "its main is not for tests")]
#[path = "../examples/job.rs"]
mod job;
#[allow(dead_code, reason = "its main is not for tests")]
#[path = "../examples/websocket.rs"]
mod websocket;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use http_body_util::BodyExt;
use http_session_axum::{MemoryStore, Sessions, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use self::common::{safe, soon};

/// A store of this process, for plain HTTP on localhost.
fn sessions() -> (Sessions, MemoryStore) {
    let store = MemoryStore::new();
    let config = safe().for_localhost().build().expect("sound options");
    (Sessions::new(config, store.clone()), store)
}

/// Status, the cookie's name and value if one is set, and body.
async fn send(
    app: &Router,
    (method, uri): (&str, &str),
    cookie: Option<&HeaderValue>,
) -> (u16, Option<HeaderValue>, String) {
    let request = Request::builder().method(method).uri(uri).body(Body::empty());
    let mut request = request.expect("a request");
    request.headers_mut().extend(cookie.map(|cookie| (COOKIE, cookie.clone())));
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let line = response.headers().get(SET_COOKIE).map(|line| line.to_str().expect("ASCII"));
    let pair = line.and_then(|line| line.split(';').next()).map(HeaderValue::from_str);
    let (status, cookie) = (response.status().as_u16(), pair.transpose().expect("ASCII"));
    let body = response.into_body().collect().await.expect("the body comes whole").to_bytes();
    (status, cookie, String::from_utf8(body.to_vec()).expect("a text"))
}

// job: the visits and the coins are all there, though each coin comes in the middle of a request
#[tokio::test(start_paused = true)]
async fn a_job() {
    let (sessions, store) = sessions();
    let app = job::app(sessions.clone());
    let (_, cookie, body) = send(&app, ("GET", "/"), None).await;
    let cookie = cookie.expect("a cookie is set");
    assert_eq!(body, "visit 1, 0 coins\n");
    for round in 0..20 {
        let visit = send(&app, ("GET", "/"), Some(&cookie));
        let (visited, paid) = tokio::join!(visit, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            job::pay(&sessions, &store).await
        });
        assert_eq!((visited.0, paid), (200, 1));
        assert_eq!(visited.2, format!("visit {}, {round} coins\n", round + 2));
    }
    let (_, _, body) = send(&app, ("GET", "/"), Some(&cookie)).await;
    assert_eq!(body, "visit 22, 20 coins\n");
}

// job: a session that was ended gets no coin, and does not come back
#[tokio::test(start_paused = true)]
async fn a_job_and_a_logout() {
    let (sessions, store) = sessions();
    let app = job::app(sessions.clone());
    let (_, cookie, _) = send(&app, ("GET", "/"), None).await;
    let other = send(&app, ("GET", "/"), None).await;
    assert!(other.1.is_some());
    assert_eq!(job::pay(&sessions, &store).await, 2);
    let visit = send(&app, ("GET", "/"), cookie.as_ref());
    let (visited, ()) = tokio::join!(visit, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(send(&app, ("GET", "/logout"), cookie.as_ref()).await.2, "bye\n");
        assert_eq!(job::pay(&sessions, &store).await, 1);
    });
    assert_eq!((visited.0, store.len(sessions.now())), (409, 1));
}

/// The client's end of a WebSocket.
struct Client(TcpStream);

impl Client {
    /// Begins a handshake; the status of the answer, and the connection.
    async fn connect(address: SocketAddr, cookie: Option<&HeaderValue>) -> (u16, Self) {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        let cookie = cookie.map(|pair| pair.to_str().expect("ASCII")).unwrap_or_default();
        // The key of RFC 6455 section 1.3.
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("it is open");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
        assert!(!head.contains("set-cookie"), "{head}");
        (
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"),
            Self(stream),
        )
    }

    /// Sends a short text, masked with zeros (RFC 6455 section 5.3).
    async fn say(&mut self, text: &str) {
        let length = u8::try_from(text.len()).expect("it is short");
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat();
        self.0.write_all(&frame).await.expect("it is open");
    }

    /// The next frame: its opcode, and what it says.
    async fn hear(&mut self) -> (u8, String) {
        let opcode = soon(self.0.read_u8()).await.expect("a frame") & 0xF;
        let length = self.0.read_u8().await.expect("a short frame");
        let mut payload = vec![0; length.into()];
        self.0.read_exact(&mut payload).await.expect("a whole frame");
        (opcode, String::from_utf8_lossy(&payload).into_owned())
    }
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// How long [`websocket`] waits between two looks, here.
const EVERY: Duration = Duration::from_millis(20);

// websocket: without a logged-in session there is no connection, and no session is made for it
#[tokio::test]
async fn a_handshake_of_a_stranger() {
    let (sessions, store) = sessions();
    let address = serve(websocket::app(sessions.clone(), EVERY)).await;
    let guest = testing::cookie_for(&sessions, |session| session.insert("theme", "dark")).await;
    let guest = guest.expect("there is room");
    let forged = HeaderValue::from_static("id=s%3Asid1.forged");
    for cookie in [None, Some(&forged), Some(&guest)] {
        assert_eq!(Client::connect(address, cookie).await.0, 401, "{cookie:?}");
    }
    assert_eq!(store.len(sessions.now()), 1);
}

// websocket: who is logged in talks, until the logout; the record stays as it is meanwhile
#[tokio::test]
async fn a_connection_until_the_logout() {
    let (sessions, store) = sessions();
    let app = websocket::app(sessions.clone(), EVERY);
    let (status, cookie, _) = send(&app, ("POST", "/login"), None).await;
    let cookie = cookie.expect("a cookie is set");
    let records = || store.all(sessions.now()).into_iter().map(|(_, record)| record.to_json());
    let before: Vec<_> = records().collect();
    let address = serve(app.clone()).await;
    let (connected, mut client) = Client::connect(address, Some(&cookie)).await;
    assert_eq!((status, connected), (303, 101));
    for text in ["hello", "still here"] {
        client.say(text).await;
        assert_eq!(client.hear().await, (1, format!("ada: {text}")));
        tokio::time::sleep(EVERY * 3).await;
    }
    assert_eq!((before.len(), records().collect::<Vec<_>>()), (1, before));
    send(&app, ("POST", "/logout"), Some(&cookie)).await;
    let (opcode, text) = client.hear().await;
    assert!(opcode == 8 && text.ends_with("logged out"), "{opcode} {text}");
    assert_eq!(Client::connect(address, Some(&cookie)).await.0, 401);
}

// websocket: a job that ends the session ends the connection as well, and so does a new id
#[tokio::test]
async fn a_connection_until_the_session_ends() {
    for renews in [false, true] {
        let (sessions, store) = sessions();
        let app = websocket::app(sessions.clone(), EVERY);
        let cookie = send(&app, ("POST", "/login"), None).await.1.expect("a cookie is set");
        let (_, mut client) = Client::connect(serve(app.clone()).await, Some(&cookie)).await;
        if renews {
            send(&app, ("POST", "/login"), Some(&cookie)).await;
        } else {
            let (id, _) = store.all(sessions.now()).pop().expect("a session");
            sessions.end(id).await.expect("there is a store");
        }
        assert_eq!(client.hear().await.0, 8);
    }
}
