//! Through Rocket: launched for each scenario, with the fairing and the guard.

use std::collections::HashSet;
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use http_session_rocket::store::Error;
use http_session_rocket::{Session, session_fairing_from};
use rocket::config::{LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::http::{Method, Status};
use rocket::outcome::Outcome;
use rocket::route::{Handler, Route};
use rocket::{Config, Data, Request, Response};
use tokio::sync::oneshot;

use super::wire::{self, Host};
use crate::scenario::Scenario;
use crate::setup::Setup;
use crate::trace::Trace;

pub(super) fn replay(scenario: &Scenario) -> Trace {
    wire::replay_at(scenario, launch)
}

/// Launches, and says where.
async fn launch(setup: &Setup, host: Host) -> SocketAddr {
    let known = host.clone();
    let mut sessions =
        session_fairing_from(host.sessions(setup)).connection(move |_| known.connection());
    if let Some(template_for) = setup.template_for() {
        // Rocket keeps no more than the path and the query of the request's target.
        let known = host.clone();
        sessions = sessions.cookie_options(move |_| template_for(&known.url()));
    }
    let (launched, address) = oneshot::channel();
    let launched = Mutex::new(Some(launched));
    let liftoff = AdHoc::on_liftoff("address", move |rocket| {
        Box::pin(async move {
            let launched = launched.lock().expect("nothing panics under this lock").take();
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            launched.map(|launched| launched.send(address)).transpose().expect("it is awaited");
        })
    });
    // The runtime ends with the scenario, and no signal with it.
    let shutdown = Shutdown { ctrlc: false, signals: HashSet::new(), ..Shutdown::default() };
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        log_level: LogLevel::Off,
        port: 0,
        shutdown,
        ..Config::release_default()
    };
    let rocket = rocket::custom(config).attach(sessions).attach(liftoff).mount("/", routes(&host));
    tokio::spawn(rocket.launch());
    address.await.expect("it launches")
}

/// One handler for all that is asked for.
fn routes(host: &Host) -> Vec<Route> {
    use Method::{Delete, Get, Head, Options, Patch, Post, Put};
    let methods = [Delete, Get, Head, Options, Patch, Post, Put];
    methods.map(|method| Route::new(method, "/<path..>", host.clone())).into()
}

#[rocket::async_trait]
impl Handler for Host {
    async fn handle<'r>(
        &self,
        request: &'r Request<'_>,
        _: Data<'r>,
    ) -> rocket::route::Outcome<'r> {
        let session = match request.guard::<Session>().await {
            Outcome::Success(session) => Some(session),
            Outcome::Error((_, error)) if matches!(*error, Error::PathMismatch) => None,
            Outcome::Error((status, _)) | Outcome::Forward(status) => {
                return Outcome::Error(status);
            }
        };
        let (status, headers, body) = Self::handle(self, session.as_deref()).await;
        let mut response = Response::build();
        response.status(Status::new(status.as_u16())).sized_body(body.len(), Cursor::new(body));
        for (name, value) in &headers {
            let value = value.to_str().expect("a scenario's handler sets ASCII");
            response.raw_header_adjoin(name.to_string(), value.to_owned());
        }
        Outcome::Success(response.finalize())
    }
}
