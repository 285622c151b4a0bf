//! Through axum: its router, the session layer and the extractor.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;
use http_session_axum::{Session, SessionLayer, Sessions, session_layer_from};
use tokio::net::TcpListener;

use crate::adapter::{self, App, Mounting, Reply, Routes, Second, Started};

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

/// Starts an application.
pub(super) async fn start(app: App, wiring: Wiring) -> Started {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let router = match wiring {
        Wiring::Layer => mounted(&app),
        Wiring::NoLayer => routes(&app),
        Wiring::NoSetCookie => mounted(&app).layer(map_response(drop_set_cookie)),
    };
    let router = router.layer(from_fn_with_state(app.clone(), connect)).with_state(app);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

fn mounted(app: &App) -> Router<App> {
    let layer = layer(app, app.sessions());
    match app.mounting() {
        Mounting::Late => Router::new().layer(layer).merge(routes(app)),
        Mounting::Missing => routes(app),
        Mounting::Nested => Router::new().nest("/nested", routes(app).layer(layer)),
        Mounting::Twice => routes(app).layer(layer.clone()).layer(layer),
        Mounting::Two => {
            let second = self::layer(app, app.second()).marker::<Second>();
            Router::new().fallback(handle_both).layer(layer).layer(second)
        }
        _ => routes(app).layer(layer),
    }
}

fn layer(app: &App, sessions: Sessions) -> SessionLayer {
    let layer = session_layer_from(sessions);
    match app.cookie_options() {
        None => layer,
        Some(cookie_options) => {
            layer.cookie_options(move |request| cookie_options(&request.uri().to_string()))
        }
    }
}

fn routes(app: &App) -> Router<App> {
    match app.routes() {
        Routes::One => Router::new().route("/handler", get(handle)),
        _ => Router::new().fallback(handle),
    }
}

async fn connect(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let connection = app.connection(step(request.headers()));
    request.extensions_mut().insert(connection);
    next.run(request).await
}

async fn drop_set_cookie(mut response: Response) -> Response {
    response.headers_mut().remove(SET_COOKIE);
    response
}

async fn handle(State(app): State<App>, headers: HeaderMap, session: Option<Session>) -> Response {
    respond(app.handle(step(&headers), session.as_deref()).await)
}

async fn handle_both(
    State(app): State<App>,
    headers: HeaderMap,
    session: Option<Session>,
    second: Option<Session<Second>>,
) -> Response {
    respond(app.handle_both(step(&headers), session.as_deref(), second.as_deref()).await)
}

fn step(headers: &HeaderMap) -> &str {
    headers.get(App::STEP).and_then(|step| step.to_str().ok()).unwrap_or_default()
}

fn respond(reply: Reply) -> Response {
    let mut response = Response::new(match reply.body {
        adapter::Body::Whole(body) => Body::from(body),
        adapter::Body::Chunks(chunks) => Body::from_stream(chunks),
    });
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
    response
}
