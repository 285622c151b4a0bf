//! Through the core, with no framework.

use http::Uri;
use http::header::HeaderMap;
use http_session::{Begin, Config, RequestFacts};
use http_session_store::{Env, Error, Store};

use crate::client::{cookie_header, latin1};
use crate::driver;
use crate::handler::on_exchange;
use crate::reports;
use crate::scenario::{Request, Scenario};
use crate::setup::{Setup, connection};
use crate::trace::{Answer, Trace};
use crate::world::World;

pub(super) fn replay(scenario: &Scenario) -> Trace {
    let name = scenario.name.clone();
    let Ok(setup) = Setup::of(scenario) else {
        return Trace { name, rejected: true, ..Trace::default() };
    };
    let world = World::new(scenario);
    let mut set_cookies = Vec::new();
    let requests = (0..scenario.requests.len())
        .map(|index| step(&setup, (&world, &world), scenario, index, &mut set_cookies))
        .collect();
    Trace { name, rejected: false, requests, store: world.records() }
}

/// Replays the request with this index.
pub(crate) fn step(
    setup: &Setup,
    (world, store): (&World, &impl Store),
    scenario: &Scenario,
    index: usize,
    set_cookies: &mut Vec<Vec<String>>,
) -> Answer {
    let request = &scenario.requests[index];
    world.request(request.at(), request.faults);
    let cookie = cookie_header(scenario, index, set_cookies);
    let mut answer = answer(setup, (world, store), request, cookie.as_deref());
    answer.calls = world.calls();
    answer.errors = reports::take();
    set_cookies.push(answer.set_cookie.clone());
    answer
}

fn answer(
    setup: &Setup,
    (world, store): (&World, &impl Store),
    request: &Request,
    cookie: Option<&[u8]>,
) -> Answer {
    let begin = begin(setup, world, request, cookie);
    let mut answer = Answer::default();
    let mut exchange = match driver::open(begin, store, world) {
        Ok(exchange) => exchange,
        Err(error) => return failed(&setup.config, world, answer, &error),
    };
    let found = world.handler_begins();
    answer.session = match &mut exchange {
        None => None,
        Some(exchange) if world.has_quirks() => {
            exchange.session().map(|session| session.id().as_str().into())
        }
        Some(_) => found,
    };
    let mut headers = HeaderMap::new();
    for operation in request.handler() {
        answer.ops.push(on_exchange(world, store, &mut headers, exchange.as_mut(), operation));
    }
    world.handler_ends();
    if let Some(exchange) = exchange {
        match driver::close(exchange, store, world) {
            Ok(outcome) => outcome.apply(&mut headers),
            Err(error) => return failed(&setup.config, world, answer, &error),
        }
    }
    answer.status = request.status();
    let lines = headers.get_all(http::header::SET_COOKIE).iter();
    answer.set_cookie = lines.map(|line| latin1(line.as_bytes())).collect();
    answer.cache(world, &headers);
    answer
}

/// How the core begins with a request.
pub(crate) fn begin(
    setup: &Setup,
    world: &World,
    request: &Request,
    cookie: Option<&[u8]>,
) -> Begin {
    let url = request.url();
    let uri: Uri = url.parse().expect("a URI");
    let lines = |asked: &'static str| {
        let named = request.headers().filter(move |(name, _)| name.eq_ignore_ascii_case(asked));
        named.map(|(_, line)| line.as_bytes())
    };
    let facts = RequestFacts {
        connection: connection(request),
        template: setup.template_for().map(|template_for| template_for(url)),
        ..RequestFacts::read(uri.path(), lines)
    };
    setup.config.begin(&facts, cookie, world.now())
}

pub(crate) fn failed(config: &Config, world: &World, mut answer: Answer, error: &Error) -> Answer {
    answer.status = error.status().as_u16();
    let mut headers = HeaderMap::new();
    config.mark_failure(&mut headers);
    answer.cache(world, &headers);
    answer
}
