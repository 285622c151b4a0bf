//! The demo on axum: `cargo demo`, then http://127.0.0.1:3000/. `PORT` is another port.
//!
//! `app` is an application as any other. What it does with a session is in `demo/src/shop.rs`, for all
//! frameworks alike.

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};
use http_session_axum::{Error, Session, Sessions, session_layer_from};
use http_session_demo::{Demo, Failure, Ready, Reply};
use tokio::net::TcpListener;
use tower::ServiceExt;

#[tokio::main]
async fn main() -> ExitCode {
    http_session_demo::run(serve).await
}

fn app(demo: Arc<Demo>, sessions: Option<Sessions>) -> Router {
    let app = Router::new()
        .route("/", get(look))
        .route("/{action}", post(act))
        .route("/files/{name}", get(file))
        .route("/set/{what}", post(set))
        .fallback(missing)
        .method_not_allowed_fallback(missing)
        .with_state(demo);
    match sessions {
        // `.layer(session_layer(config, store))`, where options don't change while the server runs.
        Some(sessions) => app.layer(session_layer_from(sessions)),
        // Files and settings need none.
        None => app,
    }
}

async fn look(State(demo): State<Arc<Demo>>, session: Session) -> Result<Reply, Error> {
    Ok(demo.look(&session)?)
}

async fn act(
    State(demo): State<Arc<Demo>>,
    Path(action): Path<String>,
    session: Session,
    form: String,
) -> Result<Reply, Error> {
    Ok(demo.act(&action, &form, &session).await?)
}

async fn missing(State(demo): State<Arc<Demo>>) -> Reply {
    demo.missing()
}

async fn file(State(demo): State<Arc<Demo>>, Path(name): Path<String>) -> Reply {
    demo.file(&name)
}

async fn set(State(demo): State<Arc<Demo>>, Path(what): Path<String>, form: String) -> Reply {
    demo.set(&what, &form)
}

/// The application of each request has the sessions that are in force then.
pub(crate) async fn serve(demo: Arc<Demo>, port: u16, ready: Ready) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    ready(listener.local_addr()?);
    let watched = Router::new().fallback(move |request: Request| {
        Arc::clone(&demo)
            .around(request, |demo, request, sessions| app(demo, sessions).oneshot(request))
    });
    Ok(axum::serve(listener, watched).await?)
}
