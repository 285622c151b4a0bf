//! Replaying scenarios through an application.

use std::sync::{Arc, Mutex};

use http::header::{COOKIE, HOST, HeaderValue, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use http_session_store::Sessions;
use serde_json::Value;

use super::app::{Act, Found, Plan, Step, TemplateFor};
use super::start::Start;
use super::wire::{Broken, Wire};
use super::{App, Mounting, Reply, Routes};
use crate::client::{cookie_header, latin1};
use crate::handler::on_session;
use crate::reports;
use crate::scenario::{self, Scenario};
use crate::setup::{Setup, connection};
use crate::trace::{Answer, Trace};
use crate::world::World;

/// What the handler saw.
#[derive(Clone, Default)]
struct Seen {
    ops: Vec<Value>,
    session: Option<String>,
}

/// Replays a scenario through an application that `start` starts for it.
///
/// # Errors
/// It does not launch, or does not answer.
pub(crate) async fn replay(scenario: &Scenario, start: &dyn Start) -> Result<Trace, Broken> {
    let name = scenario.name.clone();
    let Ok(setup) = Setup::of(scenario) else {
        return Ok(Trace { name, rejected: true, ..Trace::default() });
    };
    let world = World::new(scenario);
    let cookie_options = setup.template_for();
    let app = App::new(Plan {
        cookie_options: cookie_options
            .map(|template_for| Arc::new(template_for) as Arc<TemplateFor>),
        mounting: Mounting::Once,
        routes: Routes::All,
        second: None,
        sessions: Sessions::new(setup.config, world.clone()).env(world.clone()),
    });
    let _running = app.running();
    let mut wire = Wire::new(start.start(app.clone()).await?);
    let mut answers: Vec<Answer> = Vec::new();
    let mut set_cookies = Vec::new();
    for (index, request) in scenario.requests.iter().enumerate() {
        world.request(request.at(), request.faults);
        let (step, seen) = (index.to_string(), Arc::new(Mutex::new(Seen::default())));
        app.expect(&step, step_of(&world, request, seen.clone()));
        let cookie = cookie_header(scenario, index, &set_cookies);
        let (status, headers) = send(&mut wire, request, &step, cookie).await?;
        let lines = headers.get_all(SET_COOKIE).iter();
        let set_cookie: Vec<String> = lines.map(|line| latin1(line.as_bytes())).collect();
        set_cookies.push(set_cookie.clone());
        let Seen { ops, session } = seen.lock().expect("no panic under this lock").clone();
        let mut answer = Answer {
            status: status.as_u16(),
            session,
            ops,
            set_cookie,
            calls: world.calls(),
            errors: reports::take(),
            ..Answer::default()
        };
        answer.cache(&world, &headers);
        answers.push(answer);
    }
    Ok(Trace { name, rejected: false, requests: answers, store: world.records() })
}

/// The scenario's handler.
fn step_of(world: &World, request: &scenario::Request, seen: Arc<Mutex<Seen>>) -> Step {
    let (connection, url) = (connection(request), request.url().into());
    let (world, request) = (world.clone(), request.clone());
    let act: Act = Box::new(move |found| Box::pin(act(world, request, seen, found)));
    Step { act: Some(act), connection, url }
}

async fn act(
    world: World,
    request: scenario::Request,
    seen: Arc<Mutex<Seen>>,
    found: Found,
) -> Result<Reply, http_session_store::Error> {
    let session = found.main.as_ref();
    let id = world.handler_begins();
    let id = match session {
        None => None,
        Some(session) if world.has_quirks() => session.id().ok().map(|id| id.as_str().to_owned()),
        Some(_) => id,
    };
    let seen = || seen.lock().expect("no panic under this lock");
    seen().session = id;
    let status = StatusCode::from_u16(request.status()).expect("a status");
    let mut reply = Reply::new(status, request.body().to_owned());
    for operation in request.handler() {
        let value = on_session(&world, &mut reply.headers, session, operation).await;
        seen().ops.push(value);
    }
    Ok(reply)
}

async fn send(
    wire: &mut Wire,
    request: &scenario::Request,
    step: &str,
    cookie: Option<Vec<u8>>,
) -> Result<(StatusCode, HeaderMap), Broken> {
    let mut outgoing = Request::builder()
        .method(request.method())
        .uri(request.url())
        .header(HOST, "localhost")
        .header(App::STEP, step);
    for (name, value) in request.headers() {
        outgoing = outgoing.header(name, value);
    }
    if let Some(cookie) = cookie {
        outgoing =
            outgoing.header(COOKIE, HeaderValue::from_bytes(&cookie).expect("a header's value"));
    }
    let response = wire.send(outgoing.body(Empty::new()).expect("a request")).await?;
    let (head, body) = response.into_parts();
    body.collect().await?;
    Ok((head.status, head.headers))
}
