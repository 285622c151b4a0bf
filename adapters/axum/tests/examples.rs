//! The examples that are one file, tried out as their comments say.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "its main is not for tests")]
#[path = "../examples/job.rs"]
mod job;
#[path = "../../store/tests/common/service.rs"]
mod service;
#[allow(dead_code, reason = "its main is not for tests")]
#[path = "../examples/websocket.rs"]
mod websocket;
#[path = "../../store/tests/common/wire.rs"]
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use axum::http::header::HeaderValue;
use http_session_axum::{MemoryStore, Sessions, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use self::common::{safe, soon};
use self::service::{Answer, get_from, request, send};

/// A store of this process, for plain HTTP on localhost.
fn sessions() -> (Sessions, MemoryStore) {
    let store = MemoryStore::new();
    let config = safe().for_localhost().build().expect("sound options");
    (Sessions::new(config, store.clone()), store)
}

async fn post_to(app: &Router, uri: &str, cookie: Option<&HeaderValue>) -> Answer {
    send(app, request(Method::POST, uri, cookie)).await
}

// job: the visits and the coins are all there, though each coin comes in the middle of a request
#[tokio::test(start_paused = true)]
async fn a_job() {
    let (sessions, store) = sessions();
    let app = job::app(sessions.clone());
    let first = get_from(&app, "/", None).await;
    let cookie = first.cookie();
    assert_eq!(first.body, "visit 1, 0 coins\n");
    for round in 0..20 {
        let visit = get_from(&app, "/", Some(&cookie));
        let (visited, paid) = tokio::join!(visit, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            job::pay(&sessions, &store).await
        });
        assert_eq!((visited.status(), paid), (200, 1));
        assert_eq!(visited.body, format!("visit {}, {round} coins\n", round + 2));
    }
    let last = get_from(&app, "/", Some(&cookie)).await;
    assert_eq!(last.body, "visit 22, 20 coins\n");
}

// job: a session that was ended gets no coin, and does not come back
#[tokio::test(start_paused = true)]
async fn a_job_and_a_logout() {
    let (sessions, store) = sessions();
    let app = job::app(sessions.clone());
    let cookie = get_from(&app, "/", None).await.cookie();
    let other = get_from(&app, "/", None).await;
    assert_eq!(other.cookies.len(), 1);
    assert_eq!(job::pay(&sessions, &store).await, 2);
    let visit = get_from(&app, "/", Some(&cookie));
    let (visited, ()) = tokio::join!(visit, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(get_from(&app, "/logout", Some(&cookie)).await.body, "bye\n");
        assert_eq!(job::pay(&sessions, &store).await, 1);
    });
    assert_eq!((visited.status(), store.len(sessions.now())), (409, 1));
}

/// The client's end of a WebSocket.
struct Client(TcpStream);

impl Client {
    /// Begins a handshake; the status of the answer, and the connection.
    async fn connect(address: SocketAddr, cookie: Option<&HeaderValue>) -> (u16, Self) {
        let cookie = cookie.map(|pair| pair.to_str().expect("ASCII")).unwrap_or_default();
        let headers = format!("Cookie: {cookie}\r\n{}", wire::UPGRADE);
        let mut stream = wire::begin(address, "GET /ws", headers).await;
        let head = wire::head(&mut stream).await.to_ascii_lowercase();
        assert!(!head.contains("set-cookie"), "{head}");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), Self(stream))
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(&wire::frame(text)).await.expect("it is open");
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

// CF-8: websocket: without a logged-in session there is no connection, and no session is made for it
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
    let login = post_to(&app, "/login", None).await;
    let cookie = login.cookie();
    let records = || store.all(sessions.now()).into_iter().map(|(_, record)| record.to_json());
    let before: Vec<_> = records().collect();
    let address = serve(app.clone()).await;
    let (connected, mut client) = Client::connect(address, Some(&cookie)).await;
    assert_eq!((login.status(), connected), (303, 101));
    for text in ["hello", "still here"] {
        client.say(text).await;
        assert_eq!(client.hear().await, (1, format!("ada: {text}")));
        tokio::time::sleep(EVERY * 3).await;
    }
    assert_eq!((before.len(), records().collect::<Vec<_>>()), (1, before));
    post_to(&app, "/logout", Some(&cookie)).await;
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
        let cookie = post_to(&app, "/login", None).await.cookie();
        let (_, mut client) = Client::connect(serve(app.clone()).await, Some(&cookie)).await;
        if renews {
            post_to(&app, "/login", Some(&cookie)).await;
        } else {
            let (id, _) = store.all(sessions.now()).pop().expect("a session");
            sessions.end(id).await.expect("there is a store");
        }
        assert_eq!(client.hear().await.0, 8);
    }
}
