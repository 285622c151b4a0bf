//! What an application has no need of: options that change while it runs, and somebody who looks on.

use std::io::Cursor;
use std::sync::Arc;

use http_session_demo::{Demo, Visit};
use http_session_rocket::session_fairing_from;
use rocket::fairing::{Fairing, Info, Kind, Result as Ignited};
use rocket::http::{Header, Status};
use rocket::route::{Handler, Outcome};
use rocket::{Build, Data, Request, Response, Rocket, Route};

use super::Answer;

/// The session fairing, with the sessions that are in force when a request comes in. Rocket's fairings
/// are settled when it launches.
pub(crate) struct InForce(pub(crate) Arc<Demo>);

#[rocket::async_trait]
impl Fairing for InForce {
    fn info(&self) -> Info {
        Info { name: "Demo", kind: Kind::Ignite | Kind::Request | Kind::Response }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> Ignited {
        session_fairing_from(self.0.sessions()).on_ignite(rocket).await
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        let (method, path) = (request.method().as_str(), request.uri().path().as_str());
        let header = |name| request.headers().get_one(name);
        let visit = Visit::begin(Arc::clone(&self.0), method, path, header);
        let sessions = visit.sessions();
        request.local_cache(|| Some(Arc::new(visit)));
        if let (Some(visit), Some(sessions)) = (visit_of(request), sessions) {
            visit.watch(session_fairing_from(sessions).on_request(request, data)).await;
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Some(visit) = visit_of(request) else { return };
        if let Some(sessions) = visit.sessions() {
            let fairing = session_fairing_from(sessions);
            visit.watch(fairing.on_response(request, response)).await;
        }
        let headers: Vec<_> = response.headers().iter().collect();
        let headers = headers.iter().map(|header| (header.name().as_str(), header.value()));
        let ending = visit.end(response.status().code, headers);
        for (name, value) in ending.headers {
            response.set_header(Header::new(name, value));
        }
        if let Some(body) = ending.body {
            response.set_sized_body(body.len(), Cursor::new(body));
        }
    }
}

fn visit_of(request: &Request<'_>) -> Option<Arc<Visit>> {
    request.local_cache(|| None::<Arc<Visit>>).clone()
}

/// Has the demo look on while a route is at work.
#[derive(Clone)]
struct Watched(Box<dyn Handler>);

#[rocket::async_trait]
impl Handler for Watched {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let Some(visit) = visit_of(request) else {
            return Outcome::error(Status::InternalServerError);
        };
        match visit.refusal() {
            Some(reply) => Outcome::from(request, Answer(reply)),
            None => visit.watch(self.0.handle(request, data)).await,
        }
    }
}

pub(crate) fn watched(routes: Vec<Route>) -> Vec<Route> {
    let watch = |mut route: Route| {
        route.handler = Box::new(Watched(route.handler));
        route
    };
    routes.into_iter().map(watch).collect()
}
