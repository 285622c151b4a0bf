//! Through warp: its filters, the session layer around them and the filter that extracts the session.

use http::Request;
use http_session_warp::{Layer, Session, optional_session, session_layer_from};
use tokio::net::TcpListener;
use tower::ServiceExt;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::wire::{self, Host};
use crate::scenario::Scenario;
use crate::setup::Setup;
use crate::trace::Trace;

pub(super) fn replay(scenario: &Scenario) -> Trace {
    wire::replay(scenario, serve)
}

fn serve(setup: &Setup, host: Host, listener: TcpListener) {
    let mut layer = session_layer_from(host.sessions(setup));
    if let Some(template_for) = setup.template_for() {
        layer = layer.cookie_options(move |request| template_for(&request.uri().to_string()));
    }
    let handler = host.clone();
    let routes = optional_session().then(move |session| handle(handler.clone(), session));
    let service = layer.layer(warp::service(routes)).map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(host.connection());
        request
    });
    tokio::spawn(http_session_warp::serve(listener, service));
}

async fn handle(host: Host, session: Option<Session>) -> Response {
    let (status, headers, body) = host.handle(session.as_ref()).await;
    let mut response = warp::reply::with_status(body, status).into_response();
    response.headers_mut().extend(headers);
    response
}
