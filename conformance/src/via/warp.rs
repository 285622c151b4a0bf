//! Through warp: its filters, the session layer around them and the filter that extracts the session.

use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;

use http::{HeaderMap, Request, StatusCode};
use http_session_warp::{
    Layer, Session, SessionLayer, Sessions, optional_session, optional_session_of,
    session_layer_from,
};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};
use warp::filters::BoxedFilter;
use warp::reject::{Reject, custom};
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use crate::adapter::{self, App, Body, Mounting, Routes, Second, Started};

/// Starts an application.
pub(super) async fn start(app: App) -> Started {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let layer = layer(&app, app.sessions());
    let routes = warp::service(routes(&app).recover(recover));
    match app.mounting() {
        Mounting::Late | Mounting::Missing => serve(app, listener, routes),
        Mounting::Twice => {
            let layers = layer.clone().layer(layer.layer(routes));
            serve(app, listener, layers);
        }
        Mounting::Two => {
            let second = self::layer(&app, app.second()).marker::<Second>();
            serve(app, listener, second.layer(layer.layer(routes)));
        }
        _ => serve(app, listener, layer.layer(routes)),
    }
    Ok(address)
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

fn routes(app: &App) -> BoxedFilter<(Response,)> {
    let both = app.mounting() == Mounting::Two;
    let known = app.clone();
    let request = warp::any().map(move || known.clone()).and(warp::header(App::STEP));
    let handle = request.clone().and(optional_session()).and_then(
        async |app: App, step: String, session: Option<Session>| {
            respond(app.handle(&step, session.as_ref()).await)
        },
    );
    let handle_both = request
        .and(optional_session())
        .and(optional_session_of::<Second>())
        .and_then(async |app: App, step: String, session: Option<Session>, second: Option<_>| {
            respond(app.handle_both(&step, session.as_ref(), second.as_ref()).await)
        });
    match app.routes() {
        Routes::One => warp::path!("handler").and(warp::get()).and(handle).boxed(),
        _ if app.mounting() == Mounting::Nested => warp::path("nested").and(handle).boxed(),
        _ if both => handle_both.boxed(),
        _ => handle.boxed(),
    }
}

/// Why a handler is rejected.
#[derive(Debug)]
struct Fails(StatusCode);

impl Reject for Fails {}

async fn recover(rejection: Rejection) -> Result<StatusCode, Rejection> {
    let status = rejection.find().map(|Fails(status)| *status);
    status.ok_or(rejection)
}

fn respond(reply: adapter::Reply) -> Result<Response, Rejection> {
    if reply.fails {
        return Err(custom(Fails(reply.status)));
    }
    let mut response = match reply.body {
        Body::Whole(body) => Response::new(body.into()),
        Body::Chunks(chunks) => warp::reply::stream(chunks).into_response(),
    };
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
    Ok(response)
}

fn serve<S, B>(app: App, listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = http::Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: hyper::body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let service = service.map_request(move |mut request: Request<_>| {
        let connection = app.connection(step(request.headers()));
        request.extensions_mut().insert(connection);
        request
    });
    tokio::spawn(http_session_warp::serve(listener, service));
}

fn step(headers: &HeaderMap) -> &str {
    headers.get(App::STEP).and_then(|step| step.to_str().ok()).unwrap_or_default()
}
