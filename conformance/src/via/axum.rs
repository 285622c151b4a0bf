//! Through axum: a real server on the loopback interface, its router, the session layer and the
//! extractor, and a client that reads what came over the wire.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, HOST, HeaderValue, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use http_body_util::{BodyExt, Empty};
use http_session_axum::{Session, Sessions, session_layer_from};
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

/// How the layer is built in. Anything but [`Wiring::Layer`] is there to show that a replay notices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wiring {
    /// As applications do.
    Layer,
    /// Not at all.
    NoLayer,
    /// With all Set-Cookie lines taken off the responses.
    NoSetCookie,
}

/// What the server side knows of the request under way, and what it saw.
#[derive(Clone)]
struct Host {
    current: Arc<Mutex<Current>>,
    world: World,
}

#[derive(Default)]
struct Current {
    ops: Vec<Value>,
    request: scenario::Request,
    session: Option<String>,
}

pub(super) fn replay(scenario: &Scenario, wiring: Wiring) -> Trace {
    let name = scenario.name.clone();
    let Ok(setup) = Setup::of(scenario) else {
        return Trace { name, rejected: true, ..Trace::default() };
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let host = Host { current: Arc::default(), world: World::new(scenario) };
        let mut client = serve(&setup, &host, wiring).await;
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

/// Starts the application on a socket of its own, and connects a client to it.
async fn serve(setup: &Setup, host: &Host, wiring: Wiring) -> SendRequest<Empty<Bytes>> {
    let router = Router::new().fallback(handle).with_state(host.clone());
    let sessions = Sessions::new(setup.config.clone(), host.world.clone()).env(host.world.clone());
    let mut layer = session_layer_from(sessions);
    if let Some(template_for) = setup.template_for() {
        layer = layer.cookie_options(move |request| template_for(&request.uri().to_string()));
    }
    let router = match wiring {
        Wiring::Layer => router.layer(layer),
        Wiring::NoLayer => router,
        Wiring::NoSetCookie => router.layer(layer).layer(map_response(drop_set_cookie)),
    };
    let router = router.layer(from_fn_with_state(host.clone(), connect));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes its options");
    let (client, connection) = handshake(TokioIo::new(stream)).await.expect("a server of HTTP/1");
    tokio::spawn(connection);
    client
}

/// What a TLS acceptor or a layer that knows the proxy would say of the connection.
async fn connect(State(host): State<Host>, mut request: Request, next: Next) -> Response {
    let connection = connection(&host.lock().request);
    request.extensions_mut().insert(connection);
    next.run(request).await
}

async fn drop_set_cookie(mut response: Response) -> Response {
    response.headers_mut().remove(SET_COOKIE);
    response
}

/// The scenario's handler.
async fn handle(
    State(host): State<Host>,
    session: Option<Session>,
) -> (StatusCode, HeaderMap, String) {
    let found = host.world.handler_begins();
    let request = host.lock().request.clone();
    let session = session.as_deref();
    host.lock().session = match session {
        None => None,
        Some(session) if host.world.has_quirks() => session.id().ok().map(|id| id.as_str().into()),
        Some(_) => found,
    };
    let mut headers = HeaderMap::new();
    for operation in request.handler() {
        let value = on_session(&host.world, &mut headers, session, operation).await;
        host.lock().ops.push(value);
    }
    let status = StatusCode::from_u16(request.status()).expect("a status");
    (status, headers, request.body().into())
}

impl Host {
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
