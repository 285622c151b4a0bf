//! A WebSocket for those who are logged in, until they log out.
//!
//! ```sh
//! cargo run -p http-session-axum --example websocket
//! ```
//!
//! At http://localhost:3000/ connect, which is refused; log in, connect and say something; log out,
//! and within a second the connection ends.
//!
//! A handshake has no use for a session of its own: it looks at the one that the browser presents,
//! and changes nothing.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use http_session_axum::{Config, Error, MemoryStore, Session, Sessions, session_layer_from, store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service reads its secret: with one of its own making, each restart logs everybody out.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let config = Config::recommended(secret).for_localhost().build()?;
    let app = app(Sessions::new(config, MemoryStore::new()), Duration::from_secs(1));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("Listening on http://localhost:3000/ (Ctrl-C stops it)");
    Ok(axum::serve(listener, app).await?)
}

pub(crate) fn app(sessions: Sessions, every: Duration) -> Router {
    Router::new()
        .route("/", get(Html(PAGE)))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(session_layer_from(sessions.clone()))
        // Below the layer, which would give the handshake a session to save and a cookie to send.
        .route("/ws", any(connect))
        .with_state(Looks { every, sessions })
}

async fn log_in(session: Session) -> Result<Redirect, Error> {
    session.log_in("user", "ada").await?; // A real service checks a password before.
    Ok(Redirect::to("/"))
}

async fn log_out(session: Session) -> Result<Redirect, Error> {
    session.destroy().await?;
    Ok(Redirect::to("/"))
}

#[derive(Clone)]
struct Looks {
    every: Duration,
    sessions: Sessions,
}

impl Looks {
    /// The user, if somebody is logged in. To look is not to touch: an open connection keeps no session
    /// alive.
    async fn user(&self, headers: &HeaderMap) -> Result<Option<String>, store::Error> {
        let Some(session) = self.sessions.look(headers).await? else { return Ok(None) };
        Ok(session.get("user")?)
    }
}

/// SameSite=Lax keeps the scripts of other sites out: their handshakes come without our cookie.
async fn connect(
    State(looks): State<Looks>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Error> {
    let Some(user) = looks.user(&headers).await? else {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    };
    Ok(upgrade.on_upgrade(|socket| talk(socket, looks, headers, user)))
}

async fn talk(mut socket: WebSocket, looks: Looks, headers: HeaderMap, user: String) {
    let mut clock = tokio::time::interval(looks.every);
    loop {
        tokio::select! {
            _ = clock.tick() => {
                if !matches!(looks.user(&headers).await, Ok(Some(now)) if now == user) {
                    break;
                }
            }
            message = socket.recv() => {
                let Some(Ok(message)) = message else { return };
                let Message::Text(text) = message else { continue };
                let answer = Message::from(format!("{user}: {text}"));
                if socket.send(answer).await.is_err() {
                    return;
                }
            }
        }
    }
    let close = CloseFrame { code: close_code::POLICY, reason: "logged out".into() };
    // Who can't be told is not there any more.
    socket.send(Message::Close(Some(close))).await.unwrap_or_default();
}

const PAGE: &str = r#"<!doctype html><title>WebSocket</title>
<form method="post"><button formaction="/login">Log in</button>
<button formaction="/logout" formtarget="frame">Log out</button></form>
<button onclick="connect()">Connect</button> <input onchange="socket.send(value)">
<pre></pre><iframe name="frame" hidden></iframe><script>
const say = (text) => document.querySelector("pre").append(text, document.createElement("br"));
function connect() {
  socket = new WebSocket("ws://" + location.host + "/ws");
  socket.onmessage = (event) => say(event.data);
  socket.onopen = () => say("connected");
  socket.onclose = (event) => say("ended: " + (event.reason || event.code));
}
</script>"#;
