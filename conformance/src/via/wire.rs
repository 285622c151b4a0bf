//! Over the wire: a real server on the loopback interface, and a client that reads what comes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use http::header::{COOKIE, HOST, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Empty};
use http_session::Connection;
use http_session_store::{Session, Sessions};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::client::{cookie_header, latin1};
use crate::handler::on_session;
use crate::reports;
use crate::scenario::{self, Scenario};
use crate::setup::{Setup, connection};
use crate::trace::{Answer, Trace};
use crate::world::World;

/// What the server side knows of the request under way, and what it saw.
#[derive(Clone)]
pub(super) struct Host {
    current: Arc<Mutex<Current>>,
    world: World,
}

#[derive(Default)]
struct Current {
    ops: Vec<Value>,
    request: scenario::Request,
    session: Option<String>,
}

/// Replays a scenario through the application that `serve` starts on the socket.
pub(super) fn replay(scenario: &Scenario, serve: impl FnOnce(&Setup, Host, TcpListener)) -> Trace {
    replay_at(scenario, async |setup: &Setup, host: Host| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        serve(setup, host, listener);
        address
    })
}

/// Replays a scenario through the application that `start` starts on a socket of its own.
pub(super) fn replay_at(
    scenario: &Scenario,
    start: impl AsyncFnOnce(&Setup, Host) -> SocketAddr,
) -> Trace {
    let name = scenario.name.clone();
    let Ok(setup) = Setup::of(scenario) else {
        return Trace { name, rejected: true, ..Trace::default() };
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let host = Host { current: Arc::default(), world: World::new(scenario) };
        let address = start(&setup, host.clone()).await;
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes its options");
        let (mut client, connection) =
            handshake(TokioIo::new(stream)).await.expect("a server of HTTP/1");
        tokio::spawn(connection);
        let mut answers: Vec<Answer> = Vec::new();
        let mut set_cookies = Vec::new();
        for (index, request) in scenario.requests.iter().enumerate() {
            host.world.request(request.at(), request.faults);
            *host.lock() = Current { request: request.clone(), ..Current::default() };
            let cookie = cookie_header(scenario, index, &set_cookies);
            let (status, headers) = send(&mut client, request, cookie).await;
            let lines = headers.get_all(SET_COOKIE).iter();
            let set_cookie: Vec<String> = lines.map(|line| latin1(line.as_bytes())).collect();
            set_cookies.push(set_cookie.clone());
            let Current { ops, session, .. } = std::mem::take(&mut *host.lock());
            let mut answer = Answer {
                status: status.as_u16(),
                session,
                ops,
                set_cookie,
                calls: host.world.calls(),
                errors: reports::take(),
                ..Answer::default()
            };
            answer.cache(&host.world, &headers);
            answers.push(answer);
        }
        Trace { name, rejected: false, requests: answers, store: host.world.records() }
    })
}

impl Host {
    /// The scenario's sessions, for a layer.
    pub(super) fn sessions(&self, setup: &Setup) -> Sessions {
        Sessions::new(setup.config.clone(), self.world.clone()).env(self.world.clone())
    }

    /// What a TLS acceptor or a layer that knows the proxy would say of the connection.
    pub(super) fn connection(&self) -> Connection {
        connection(&self.lock().request)
    }

    /// The request's target, as it was sent.
    pub(super) fn url(&self) -> String {
        self.lock().request.url().into()
    }

    /// The scenario's handler.
    pub(super) async fn handle(
        &self,
        session: Option<&Session>,
    ) -> (StatusCode, HeaderMap, String) {
        let found = self.world.handler_begins();
        let request = self.lock().request.clone();
        self.lock().session = match session {
            None => None,
            Some(session) if self.world.has_quirks() => {
                session.id().ok().map(|id| id.as_str().into())
            }
            Some(_) => found,
        };
        let mut headers = HeaderMap::new();
        for operation in request.handler() {
            let value = on_session(&self.world, &mut headers, session, operation).await;
            self.lock().ops.push(value);
        }
        let status = StatusCode::from_u16(request.status()).expect("a status");
        (status, headers, request.body().into())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().expect("nothing panics under this lock")
    }
}

async fn send(
    client: &mut SendRequest<Empty<Bytes>>,
    request: &scenario::Request,
    cookie: Option<Vec<u8>>,
) -> (StatusCode, HeaderMap) {
    let mut outgoing = hyper::Request::builder()
        .method(request.method())
        .uri(request.url())
        .header(HOST, "localhost");
    for (name, value) in request.headers() {
        outgoing = outgoing.header(name, value);
    }
    if let Some(cookie) = cookie {
        outgoing =
            outgoing.header(COOKIE, HeaderValue::from_bytes(&cookie).expect("a header's value"));
    }
    let outgoing = outgoing.body(Empty::new()).expect("a request");
    client.ready().await.expect("the connection is kept");
    let response = client.send_request(outgoing).await.expect("the server answers");
    let (head, body) = response.into_parts();
    body.collect().await.expect("the body comes whole");
    (head.status, head.headers)
}
