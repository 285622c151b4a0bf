//! Through axum: its router, the session layer and the extractor.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use http_session_axum::{Session, session_layer_from};
use tokio::net::TcpListener;

use super::wire::{self, Host};
use crate::scenario::Scenario;
use crate::setup::Setup;
use crate::trace::Trace;

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

pub(super) fn replay(scenario: &Scenario, wiring: Wiring) -> Trace {
    wire::replay(scenario, |setup, host, listener| serve(setup, host, listener, wiring))
}

fn serve(setup: &Setup, host: Host, listener: TcpListener, wiring: Wiring) {
    let router = Router::new().fallback(handle).with_state(host.clone());
    let mut layer = session_layer_from(host.sessions(setup));
    if let Some(template_for) = setup.template_for() {
        layer = layer.cookie_options(move |request| template_for(&request.uri().to_string()));
    }
    let router = match wiring {
        Wiring::Layer => router.layer(layer),
        Wiring::NoLayer => router,
        Wiring::NoSetCookie => router.layer(layer).layer(map_response(drop_set_cookie)),
    };
    let router = router.layer(from_fn_with_state(host, connect));
    tokio::spawn(async move { axum::serve(listener, router).await });
}

async fn connect(State(host): State<Host>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(host.connection());
    next.run(request).await
}

async fn drop_set_cookie(mut response: Response) -> Response {
    response.headers_mut().remove(SET_COOKIE);
    response
}

async fn handle(
    State(host): State<Host>,
    session: Option<Session>,
) -> (StatusCode, HeaderMap, String) {
    host.handle(session.as_deref()).await
}
