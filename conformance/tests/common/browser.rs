//! A client with a cookie jar that does what a browser's does: it takes what a Set-Cookie line says of
//! Expires, Path and Secure at its word. (Ports do not count, as in browsers: RFC 6265 section 8.5.)

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use cookie::Cookie;
use cookie::time::OffsetDateTime;
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::net::TcpStream;

/// How long an answer may take: the machine can be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept alive.
pub(crate) struct Connection(SendRequest<Empty<Bytes>>);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
    pub(crate) status: StatusCode,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("it is open");
        let made = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.expect("a connection has no handshake of its own");
        tokio::spawn(connection);
        Self(sender)
    }

    /// One request: `POST /set?key=a&value=1`.
    pub(crate) async fn send(&mut self, line: &str, cookie: Option<&str>, secure: bool) -> Answer {
        let (method, uri) = line.split_once(' ').expect("a method and a path");
        let mut request = Request::builder().method(method).uri(uri).header(HOST, "localhost");
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        if secure {
            request = request.header("x-forwarded-proto", "https");
        }
        let request = request.body(Empty::new()).expect("a request");
        let answered = async {
            self.0.ready().await.expect("the server keeps the connection open");
            let response = self.0.send_request(request).await.expect("an answer");
            let (head, body) = response.into_parts();
            (head, body.collect().await.expect("a whole body").to_bytes())
        };
        let answered = tokio::time::timeout(PATIENCE, answered).await;
        let (head, body) = answered.expect("an answer in time");
        let text = || Value::from(String::from_utf8_lossy(&body));
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| text());
        Answer { body, headers: head.headers, status: head.status }
    }
}

/// A browser: its cookies, and its connections to the two applications.
#[derive(Default)]
pub(crate) struct Browser {
    connections: BTreeMap<u16, Connection>,
    jar: BTreeMap<String, Cookie<'static>>,
    /// Does it come through a proxy that ends TLS and says so?
    secure: bool,
}

impl Browser {
    /// One that comes through a proxy, which ends TLS and says so.
    pub(crate) fn behind_a_proxy() -> Self {
        Self { secure: true, ..Self::default() }
    }

    /// A second window: the same cookies, other connections.
    pub(crate) fn window(&self) -> Self {
        Self { jar: self.jar.clone(), secure: self.secure, ..Self::default() }
    }

    /// Sends a request to the server on `port`, and takes the cookies that it answers with.
    pub(crate) async fn send(&mut self, port: u16, line: &str) -> Answer {
        let cookies = self.cookies();
        let connection = match self.connections.entry(port) {
            Entry::Occupied(connection) => connection.into_mut(),
            Entry::Vacant(place) => place.insert(Connection::open(port).await),
        };
        let answer = connection.send(line, cookies.as_deref(), self.secure).await;
        self.take(&answer.headers);
        answer
    }

    /// Sends a request which has to succeed; the body of the answer.
    pub(crate) async fn ok(&mut self, port: u16, line: &str) -> Value {
        let answer = self.send(port, line).await;
        assert_eq!(answer.status, StatusCode::OK, "{line}: {}", answer.body);
        answer.body
    }

    /// The Cookie header's value. All paths here are below `/`.
    pub(crate) fn cookies(&mut self) -> Option<String> {
        let now = OffsetDateTime::now_utc();
        self.jar.retain(|_, cookie| cookie.expires_datetime().is_none_or(|end| end > now));
        let sent = self.jar.values().filter(|cookie| self.secure || cookie.secure() != Some(true));
        let pairs: Vec<_> = sent.map(|cookie| cookie.stripped().to_string()).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn take(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("ASCII").to_owned();
            let cookie = Cookie::parse(line).expect("a cookie");
            // Not from an origin that is not secure (RFC 6265bis section 5.7).
            if self.secure || cookie.secure() != Some(true) {
                self.jar.insert(cookie.name().into(), cookie);
            }
        }
    }

    /// Puts a cookie of that value into the jar, as somebody may who plays with his browser.
    pub(crate) fn plant(&mut self, name: &str, value: &str) {
        self.jar.insert(name.into(), Cookie::new(name.to_owned(), value.to_owned()));
    }

    /// The cookie with the session.
    pub(crate) fn cookie(&self) -> &Cookie<'static> {
        let mut cookies = self.jar.values();
        let cookie = cookies.next().expect("there is a cookie");
        assert!(cookies.next().is_none(), "there is one cookie");
        cookie
    }

    /// The session id in the cookie.
    pub(crate) fn id(&self) -> String {
        let value = percent_decode_str(self.cookie().value()).decode_utf8().expect("UTF-8");
        let signed = value.strip_prefix("s:").expect("a signed value");
        signed.rsplit_once('.').expect("a signature").0.to_owned()
    }

    /// How long the cookie is kept from now on; `None`: until the browser is closed.
    pub(crate) fn max_age(&self) -> Option<Duration> {
        let end = SystemTime::from(self.cookie().expires_datetime()?);
        Some(end.duration_since(SystemTime::now()).unwrap_or_default())
    }
}
