//! Through Rocket: launched for each application, with the fairing and the guard.

use std::collections::HashSet;
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use futures_util::StreamExt;
use http_session_rocket::store::Error;
use http_session_rocket::{Session, SessionFairing, Sessions, session_fairing_from};
use rocket::config::{LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::http::{Method, Status};
use rocket::outcome::Outcome;
use rocket::response::Responder;
use rocket::response::stream::ByteStream;
use rocket::route::{Handler, Route};
use rocket::{Build, Config, Data, Request, Response, Rocket};
use tokio::sync::oneshot;

use crate::adapter::{App, Body, Mounting, Reply, Routes, Second, Started};

/// Launches, and says where.
pub(super) async fn start(app: App) -> Started {
    let (launched, address) = oneshot::channel();
    let launched = Mutex::new(Some(launched));
    let liftoff = AdHoc::on_liftoff("address", move |rocket| {
        Box::pin(async move {
            let launched = launched.lock().expect("nothing panics under this lock").take();
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            launched.map(|launched| launched.send(address)).transpose().expect("it is awaited");
        })
    });
    // The runtime ends with the application, and no signal with it.
    let shutdown = Shutdown { ctrlc: false, signals: HashSet::new(), ..Shutdown::default() };
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        log_level: LogLevel::Off,
        port: 0,
        shutdown,
        ..Config::release_default()
    };
    let rocket = rocket::custom(config).attach(liftoff).mount("/", routes(&app));
    // Launching fails with a panic if nobody looks at the error.
    let rocket = mounted(&app, rocket).ignite().await.map_err(|error| error.to_string())?;
    tokio::spawn(rocket.launch());
    Ok(address.await?)
}

fn mounted(app: &App, rocket: Rocket<Build>) -> Rocket<Build> {
    let fairing = fairing(app, app.sessions());
    match app.mounting() {
        // Fairings come before all routes, in whichever order they are attached.
        Mounting::Late | Mounting::Missing => rocket,
        Mounting::Twice => rocket.attach(fairing.clone()).attach(fairing),
        Mounting::Two => {
            rocket.attach(fairing).attach(self::fairing(app, app.second()).marker::<Second>())
        }
        _ => rocket.attach(fairing),
    }
}

fn fairing(app: &App, sessions: Sessions) -> SessionFairing {
    let known = app.clone();
    let fairing =
        session_fairing_from(sessions).connection(move |request| known.connection(step(request)));
    match app.cookie_options() {
        None => fairing,
        Some(cookie_options) => {
            // Rocket keeps no more than the path and the query of the request's target.
            let known = app.clone();
            fairing.cookie_options(move |request| cookie_options(&known.url(step(request))))
        }
    }
}

/// One handler for all that is asked for.
fn routes(app: &App) -> Vec<Route> {
    use Method::{Delete, Get, Head, Options, Patch, Post, Put};
    let methods = [Delete, Get, Head, Options, Patch, Post, Put];
    let path = match (app.routes(), app.mounting()) {
        (Routes::One, _) => return vec![Route::new(Get, "/handler", app.clone())],
        (_, Mounting::Nested) => "/nested/<path..>",
        _ => "/<path..>",
    };
    methods.map(|method| Route::new(method, path, app.clone())).into()
}

#[rocket::async_trait]
impl Handler for App {
    async fn handle<'r>(
        &self,
        request: &'r Request<'_>,
        _: Data<'r>,
    ) -> rocket::route::Outcome<'r> {
        let session = match session(request).await {
            Ok(session) => session,
            Err(status) => return Outcome::Error(status),
        };
        let session = session.as_deref();
        let reply = if self.mounting() == Mounting::Two {
            match self::session::<Second>(request).await {
                Ok(second) => self.handle_both(step(request), session, second.as_deref()).await,
                Err(status) => return Outcome::Error(status),
            }
        } else {
            Self::handle(self, step(request), session).await
        };
        respond(request, reply)
    }
}

/// The request's session, or with what it fails.
async fn session<N: 'static>(request: &Request<'_>) -> Result<Option<Session<N>>, Status> {
    match request.guard::<Session<N>>().await {
        Outcome::Success(session) => Ok(Some(session)),
        Outcome::Error((_, error)) if matches!(*error, Error::PathMismatch) => Ok(None),
        Outcome::Error((status, _)) | Outcome::Forward(status) => Err(status),
    }
}

fn step<'r>(request: &'r Request<'_>) -> &'r str {
    request.headers().get_one(App::STEP).unwrap_or_default()
}

fn respond<'r>(request: &'r Request<'_>, reply: Reply) -> rocket::route::Outcome<'r> {
    let status = Status::new(reply.status.as_u16());
    if reply.fails {
        return Outcome::Error(status);
    }
    let mut response = match reply.body {
        Body::Whole(body) => Response::build().sized_body(body.len(), Cursor::new(body)).finalize(),
        Body::Chunks(chunks) => {
            let chunks = chunks.map(|Ok(chunk)| chunk);
            match ByteStream(chunks).respond_to(request) {
                Ok(response) => response,
                Err(status) => return Outcome::Error(status),
            }
        }
    };
    response.set_status(status);
    for (name, value) in &reply.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        response.adjoin_raw_header(name.to_string(), value);
    }
    Outcome::Success(response)
}
