//! The same requests to the demo on each framework: the same responses, byte by byte.

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http_session_store::core::Timestamp;
use http_session_store::testing::TestEnv;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::common::{Framework, start};

/// What frameworks add of their own: axum says which methods a path allows, Rocket's `Shield` sets two.
const OWN: [&str; 6] =
    ["allow", "connection", "date", "permissions-policy", "server", "x-frame-options"];

#[derive(Debug, PartialEq)]
struct Response {
    status: u16,
    /// By name: servers have an order of their own.
    headers: Vec<(String, String)>,
    body: String,
}

/// A browser's part: it keeps cookies.
struct Client {
    address: SocketAddr,
    jar: BTreeMap<String, String>,
}

impl Client {
    async fn new(framework: Framework) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000).expect("a time");
        let address = start(framework, TestEnv::new(now)).await;
        Self { address, jar: BTreeMap::new() }
    }

    async fn send(&self, line: &str, form: &str, header: &str) -> Response {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        let cookies: Vec<_> =
            self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = match cookies.as_slice() {
            [] => String::new(),
            cookies => format!("Cookie: {}\r\n", cookies.join("; ")),
        };
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookies}{header}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it is open");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("a text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut headers: Vec<_> =
            lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        headers.retain(|(name, _)| !OWN.contains(&name.as_str()));
        headers.sort();
        Response { status: status.expect("a status"), headers, body: body.into() }
    }

    /// Sends what the jar holds, and takes what the response sets.
    async fn ask(&mut self, line: &str, form: &str, header: &str) -> Response {
        let response = self.send(line, form, header).await;
        for (_, line) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = line.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            match value {
                "" => self.jar.remove(name),
                value => self.jar.insert(name.into(), value.into()),
            };
        }
        response
    }
}

/// A request, what is posted, the response's status, and what is in its body.
const STEPS: [(&str, &str, u16, &str); 53] = [
    ("GET /", "", 200, "You are a <strong>guest"),
    ("HEAD /", "", 200, ""),
    ("HEAD /files/demo.css", "", 200, ""),
    ("GET /files/demo.css", "", 200, "--"),
    ("GET /files/demo.js", "", 200, "addEventListener"),
    ("GET /files/other", "", 404, "no such page"),
    ("POST /tabs", "item=tea", 400, "You have no session yet"),
    ("POST /busy", "", 400, "Please log in first"),
    ("POST /visit", "", 303, ""),
    ("POST /visit", "", 303, ""),
    ("POST /add", "item=tea", 303, ""),
    ("GET /", "", 200, "Tea is in your cart."),
    ("POST /add", "item=coal", 400, "coal"),
    ("POST /add", "", 400, "item"),
    ("POST /login", "name=+", 400, "Please give a name."),
    ("POST /login", "name=%3Cb%3EAda%3C%2Fb%3E", 303, ""),
    ("GET /", "", 200, "&lt;b&gt;Ada"),
    ("POST /remove", "item=tea", 303, ""),
    ("POST /remove", "item=tea", 303, ""),
    ("GET /", "", 200, "Tea is out of your cart."),
    ("POST /renew", "", 303, ""),
    ("GET /", "", 200, "Your session has a new id."),
    ("POST /unset", "", 303, ""),
    ("GET /", "", 200, "the session was destroyed or unset"),
    // What is not there, with a session.
    ("GET /login", "", 404, "no such page"),
    ("PUT /login", "name=Ada", 404, "no such page"),
    ("POST /nothing", "", 404, "no such page"),
    ("GET /no/thing", "", 404, "no such page"),
    ("GET /set/clock", "", 404, "no such page"),
    ("POST /set/nothing", "", 404, "no such page"),
    ("GET /", "", 200, "POST /nothing"),
    // Timeouts.
    ("POST /set/clock", "step=hour", 303, ""),
    ("POST /set/clock", "step=never", 400, "never"),
    ("GET /", "", 200, "1 hour ahead"),
    ("POST /set/clock", "step=day", 303, ""),
    ("GET /", "", 200, "nobody used it for 24 hours"),
    // A log-out, and what comes after it.
    ("POST /login", "name=Grace", 303, ""),
    ("POST /logout", "", 303, ""),
    ("GET /", "", 200, "cookie cleared"),
    ("POST /logout", "", 303, ""),
    // Other options: another cookie, and quirks.
    ("POST /set/options", "preset=express", 400, "conflict"),
    ("POST /set/preset", "preset=express", 303, ""),
    ("GET /", "", 200, "Config::express(secret)"),
    ("POST /login", "name=Edsger", 303, ""),
    ("GET /", "", 200, "Welcome, Edsger."),
    ("GET /", "", 200, "resave is on: an unchanged session is written back"),
    ("POST /unset", "", 303, ""),
    ("POST /logout", "", 303, ""),
    ("GET /", "", 200, "You are a <strong>guest"),
    ("POST /set/preset", "preset=recommended", 303, ""),
    ("POST /set/preset", "preset=other", 400, "other"),
    ("GET /", "", 200, "no session cookie"),
    ("POST /login", "name=Ada", 303, ""),
];

/// Plays everything, and checks that it is what it should be.
async fn play(framework: Framework) -> Vec<(String, Response)> {
    let mut client = Client::new(framework).await;
    let mut played = Vec::new();
    for (line, form, status, text) in STEPS {
        let response = client.ask(line, form, "").await;
        assert_eq!(response.status, status, "{framework:?}: {line} {form}: {}", response.body);
        assert!(response.body.contains(text), "{framework:?}: no {text:?}: {}", response.body);
        played.push((format!("{line} {form}"), response));
    }
    // Another site's form is not let in, whoever is logged in.
    let foreign = client.ask("POST /visit", "", "Sec-Fetch-Site: cross-site\r\n").await;
    assert_eq!(foreign.status, 403);
    played.push(("another site's form".into(), foreign));
    // Whose cookie was signed by somebody else is a stranger.
    let own = client.jar.insert("id".into(), "s%3Asid1.forged".into());
    let forged = client.ask("GET /", "", "").await;
    assert!(forged.body.contains("another secret had signed its cookie"));
    played.push(("a forged cookie".into(), forged));
    client.jar.insert("id".into(), own.expect("somebody is logged in"));

    // Two at once: in which order they are done is nobody's business, and the page tells of it.
    for (conflict, statuses, race) in
        [("merge", [303, 303], "Both items and both clicks"), ("refuse", [303, 409], "One tab")]
    {
        let form = format!(
            "preset=recommended&conflict={conflict}&idle=day&absolute=month&max_age=none&unset=keep"
        );
        assert_eq!(client.ask("POST /set/options", &form, "").await.status, 303);
        let tea = client.send("POST /tabs", "item=tea", "");
        let honey = client.send("POST /tabs", "item=honey", "");
        let (tea, honey) = tokio::join!(tea, honey);
        let mut both = [tea, honey];
        both.sort_by_key(|response| response.status);
        assert_eq!(both.each_ref().map(|response| response.status), statuses, "{framework:?}");
        assert!(client.ask("GET /", "", "").await.body.contains(race), "{framework:?}");
        played.extend(both.map(|response| (format!("two at once: {conflict}"), response)));
    }
    let busy = client.send("POST /busy", "", "");
    let logout = client.send("POST /busy-logout", "", "");
    let (busy, logout) = tokio::join!(busy, logout);
    assert_eq!((busy.status, logout.status), (409, 303), "{framework:?}");
    assert!(busy.body.contains("what was ended stays ended"), "{framework:?}: {}", busy.body);
    played.extend([("busy".into(), busy), ("meanwhile".into(), logout)]);
    played
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_each_framework() {
    let expected = play(Framework::Axum).await;
    for framework in [Framework::Rocket, Framework::Warp] {
        let played = play(framework).await;
        assert_eq!(played.len(), expected.len());
        for ((step, response), (_, axums)) in played.iter().zip(&expected) {
            assert_eq!(response, axums, "{framework:?} and axum: {step}");
        }
    }
}
