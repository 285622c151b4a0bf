//! A visitor logs in, counts visits and logs out, and the page shows for each request what became
//! of the session and why: `cargo demo`, then http://127.0.0.1:3000/.
//!
//! `PORT` is another port, `SESSION_SECRET` the secret that signs the cookies.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use http_session_axum::core::ConfigError;
use http_session_axum::{
    Config, CookieOptions, Error, MemoryStore, Outcome, SameSite, Secret, Session, Store,
    secret_from_env, session_layer,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| format!("PORT is no port number: {port:?}"))?,
        Err(_) => 3000,
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("can't listen on {address}: {error}. Another port: PORT=3001 cargo demo")
    })?;
    let secret = match secret_from_env("SESSION_SECRET") {
        Ok(secret) => secret,
        Err(error) => {
            // Good enough to try things out. A service refuses to start instead: with a secret of
            // its own making, each restart would log everybody out.
            println!("{error}.\nA random secret is used now: sessions end with this process.");
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes)?;
            Secret::from(bytes)
        }
    };
    let app = app(config(secret)?, MemoryStore::new());
    println!("Listening on http://{}/ (Ctrl-C stops it)", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

fn config(secret: Secret) -> Result<Config, ConfigError> {
    // Lax: other sites can't have their forms posted with the visitor's session. With an end of its
    // own, a record does not stay for ever. A service on HTTPS adds `.secure(true)`.
    let cookie =
        CookieOptions::new().same_site(SameSite::Lax).max_age(Duration::from_secs(60 * 60));
    Config::express(secret)
        .cookie(cookie)
        // An unchanged session is not written back, so a slow request can't undo a faster one.
        .resave(false)
        // A visitor who only looks gets neither a record nor a cookie.
        .save_uninitialized(false)
        .build()
}

pub(crate) fn app(config: Config, store: impl Store + 'static) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/me", get(me))
        .route("/login", post(login))
        .route("/visit", post(visit))
        .route("/logout", post(logout))
        // A layer serves the routes above it: each of them has a session ...
        .layer(session_layer(config, store))
        // ... and what is added below has none, so files don't cost a look into the store.
        .route("/demo.css", get(|| file("text/css", include_str!("demo.css"))))
        .route("/demo.js", get(|| file("text/javascript", include_str!("demo.js"))))
        // The last layer is the outermost one: it sees the response that the session layer made.
        .layer(from_fn(explain))
        .layer(from_fn(protect))
}

/// What the session holds, typed.
#[derive(Default, Serialize)]
struct Visitor {
    name: Option<String>,
    visits: u64,
}

impl Visitor {
    fn of(session: &Session) -> Result<Self, Error> {
        Ok(Self { name: session.get("name")?, visits: session.get("visits")?.unwrap_or_default() })
    }
}

async fn page(session: Session) -> Result<Html<String>, Error> {
    let Visitor { name, visits } = Visitor::of(&session)?;
    let html = include_str!("page.html")
        .replace("{{state}}", if name.is_some() { "member" } else { "guest" })
        .replace("{{visits}}", &visits.to_string())
        // Last, so that nothing is replaced within a name.
        .replace("{{name}}", &escape(&name.unwrap_or_default()));
    Ok(Html(html))
}

async fn me(session: Session) -> Result<Json<Visitor>, Error> {
    Ok(Json(Visitor::of(&session)?))
}

#[derive(Deserialize)]
struct Login {
    name: String,
}

async fn login(
    session: Session,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Result<Response, Error> {
    // A real service checks a password here.
    let name: String = login.name.trim().chars().take(40).collect();
    if name.is_empty() {
        return Ok((StatusCode::BAD_REQUEST, "Please give a name.").into_response());
    }
    // A new id before anything of value is behind it: whoever knew the old one, or had planted it
    // in this browser, has nothing. If the old record can't be deleted, `?` ends the login.
    session.regenerate().await?;
    session.insert("name", name)?;
    Ok(answer(&headers, Visitor::of(&session)?))
}

async fn visit(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    let visits = Visitor::of(&session)?.visits;
    // Nothing else to do: the end of the request saves what was changed.
    session.insert("visits", visits.saturating_add(1))?;
    Ok(answer(&headers, Visitor::of(&session)?))
}

async fn logout(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    session.destroy().await?;
    // From here on this request has no session: reading it would be an error.
    Ok(answer(&headers, Visitor::default()))
}

/// The script asks for JSON. A plain form goes back to the page, by 303, so that reloading the page
/// does not post the form again.
fn answer(headers: &HeaderMap, visitor: Visitor) -> Response {
    let json = headers.get(ACCEPT).is_some_and(|accept| accept == "application/json");
    if json { Json(visitor).into_response() } else { Redirect::to("/").into_response() }
}

/// Tells the page's script what the session layer did with this request: the layer leaves it among
/// the response's extensions.
async fn explain(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    // It is not there where there was no session, and where it could not be loaded or saved.
    let Some(outcome) = response.extensions().get::<Outcome>() else { return response };
    let decision = outcome.decision();
    let explained = serde_json::json!({
        "origin": outcome.origin().to_string(),
        "store": decision.store.to_string(),
        "store_reason": decision.store_reason.to_string(),
        "cookie": decision.cookie.to_string(),
        "cookie_reason": decision.cookie_reason.to_string(),
        "set_cookie": outcome.set_cookie().and_then(shorten),
    });
    ([("x-session-explained", explained.to_string())], response).into_response()
}

/// A Set-Cookie line with the beginning of the session id only: who has the whole one has the
/// session, which is why scripts can't read the cookie (HttpOnly).
fn shorten(line: &HeaderValue) -> Option<String> {
    let line = line.to_str().ok()?;
    let (start, id) = line.split_once("=s%3A")?;
    let (id, attributes) = id.split_once(';')?;
    Some(format!("{start}=s%3A{}...;{attributes}", id.get(..6)?))
}

/// What every web application should have, with sessions or without.
async fn protect(request: Request, next: Next) -> Response {
    // SameSite=Lax keeps the session out of other sites' posts, but a login needs no session, and
    // another port of this host is the same site. Browsers say where a request comes from.
    let foreign = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    if foreign && request.method() == Method::POST {
        return (StatusCode::FORBIDDEN, "This form belongs to another site.").into_response();
    }
    let headers = [
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
    ];
    (headers, next.run(request).await).into_response()
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, format!("{kind}; charset=utf-8"))], text)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
