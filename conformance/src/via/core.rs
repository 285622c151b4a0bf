//! Through the core, with no framework.

use http::Uri;
use http::header::HeaderMap;
use http_session::{Config, RequestFacts};
use http_session_store::{Env, Error};

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
    let mut answers: Vec<Answer> = Vec::new();
    let mut set_cookies = Vec::new();
    for (index, request) in scenario.requests.iter().enumerate() {
        world.request(request.at(), request.faults);
        let cookie = cookie_header(scenario, index, &set_cookies);
        let mut answer = answer(&setup, &world, request, cookie.as_deref());
        answer.calls = world.calls();
        answer.errors = reports::take();
        set_cookies.push(answer.set_cookie.clone());
        answers.push(answer);
    }
    Trace { name, rejected: false, requests: answers, store: world.records() }
}

fn answer(setup: &Setup, world: &World, request: &Request, cookie: Option<&[u8]>) -> Answer {
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
    let begin = setup.config.begin(&facts, cookie, world.now());
    let mut answer = Answer::default();
    let mut exchange = match driver::open(begin, world, world) {
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
        answer.ops.push(on_exchange(world, &mut headers, exchange.as_mut(), operation));
    }
    if let Some(exchange) = exchange {
        match driver::close(exchange, world, world) {
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

fn failed(config: &Config, world: &World, mut answer: Answer, error: &Error) -> Answer {
    answer.status = error.status().as_u16();
    let mut headers = HeaderMap::new();
    config.mark_failure(&mut headers);
    answer.cache(world, &headers);
    answer
}
