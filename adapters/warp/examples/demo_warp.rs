//! The demo on warp: `cargo demo-warp`, then http://127.0.0.1:3000/. `PORT` is another port.
//!
//! `shop` has routes as any other application. What it does with a session is in `demo/src/shop.rs`,
//! for all frameworks alike.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;

use http_session_demo::{Demo, Failure, Ready, Reply as Answer};
use http_session_warp::{Error, Layer, Session, Sessions, session, session_layer_from};
use hyper::body::{Bytes, Incoming};
use tokio::net::TcpListener;
use tower::{ServiceExt, service_fn};
use warp::http::Request;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

#[tokio::main]
async fn main() -> ExitCode {
    http_session_demo::run(serve).await
}

/// What has sessions.
fn shop(demo: Arc<Demo>) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone {
    let demo = state(demo);
    let look = warp::path::end().and(get()).and(session()).and(demo.clone()).then(look);
    let button = warp::path!(String).and(warp::post()).and(session());
    look.or(button.and(form()).and(demo.clone()).then(act)).or(demo.map(missing))
}

/// What needs none: it costs no look into the store.
fn rest(demo: Arc<Demo>) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone {
    let demo = state(demo);
    let file = warp::path!("files" / String).and(get()).and(demo.clone()).map(file);
    let setting = warp::path!("set" / String).and(warp::post());
    file.or(setting.and(form()).and(demo.clone()).map(set)).or(demo.map(missing))
}

async fn app(
    demo: Arc<Demo>,
    request: Request<Incoming>,
    sessions: Option<Sessions>,
) -> Result<Response, Infallible> {
    match sessions {
        // `session_layer(config, store)`, where options don't change while the server runs.
        Some(sessions) => {
            session_layer_from(sessions).layer(warp::service(shop(demo))).oneshot(request).await
        }
        None => warp::service(rest(demo)).oneshot(request).await,
    }
}

async fn look(session: Session, demo: Arc<Demo>) -> Result<Answer, Error> {
    Ok(demo.look(&session)?)
}

async fn act(
    action: String,
    session: Session,
    form: String,
    demo: Arc<Demo>,
) -> Result<Answer, Error> {
    Ok(demo.act(&action, &form, &session).await?)
}

fn file(name: String, demo: Arc<Demo>) -> Answer {
    demo.file(&name)
}

fn set(what: String, form: String, demo: Arc<Demo>) -> Answer {
    demo.set(&what, &form)
}

fn missing(demo: Arc<Demo>) -> Answer {
    demo.missing()
}

fn state(demo: Arc<Demo>) -> impl Filter<Extract = (Arc<Demo>,), Error = Infallible> + Clone {
    warp::any().map(move || Arc::clone(&demo))
}

/// GET and HEAD: warp's own is without the other one.
fn get() -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::get().or(warp::head()).unify()
}

/// The body, as a text.
fn form() -> impl Filter<Extract = (String,), Error = Rejection> + Copy {
    warp::body::bytes().map(|bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The application of each request has the sessions that are in force then.
pub(crate) async fn serve(demo: Arc<Demo>, port: u16, ready: Ready) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    ready(listener.local_addr()?);
    let watched = service_fn(move |request| {
        let demo = Arc::clone(&demo);
        async move { Ok::<_, Infallible>(demo.around(request, app).await) }
    });
    http_session_warp::serve(listener, watched).await;
    Ok(())
}
