//! Through the core, with no framework.

use std::cell::RefCell;
use std::fmt::{Debug, Write};

use http::Uri;
use http::header::HeaderMap;
use http_session::{Exchange, RequestFacts};
use http_session_store::{Env, Error, Store};

use crate::client::{cookie_header, latin1};
use crate::driver;
use crate::handler::on_exchange;
use crate::invariants::{Bug, Flaw, Flawed};
use crate::reports;
use crate::scenario::{Request, Scenario};
use crate::setup::{Setup, connection};
use crate::trace::{Answer, Trace};
use crate::world::World;

/// Replays a scenario: with a bug in it, or none. `shown` gets what `Debug` shows of all that there is.
pub(super) fn replay(
    scenario: &Scenario,
    bug: Option<&Bug>,
    shown: Option<&RefCell<String>>,
) -> Trace {
    let name = scenario.name.clone();
    let flaw = bug.map(|bug| bug.flaw);
    let setup = match flaw {
        Some(Flaw::Options(change)) => {
            let mut changed = scenario.clone();
            change(&mut changed.options);
            Setup::of(&changed)
        }
        _ => Setup::of(scenario),
    };
    let Ok(setup) = setup else {
        return Trace { name, rejected: true, ..Trace::default() };
    };
    let world = World::new(scenario);
    let mut answers: Vec<Answer> = Vec::new();
    let mut set_cookies = Vec::new();
    for (index, request) in scenario.requests.iter().enumerate() {
        world.request(request.at(), request.faults);
        let mut cookie = cookie_header(scenario, index, &set_cookies);
        if let Some(Flaw::Cookie(change)) = flaw {
            cookie = cookie.map(|cookie| change(scenario, cookie));
        }
        let visit = Visit { setup: &setup, world: &world, request, flaw, shown };
        let mut answer = match flaw {
            Some(Flaw::World(misdeed)) => {
                visit.answer(&Flawed { world: world.clone(), misdeed }, cookie.as_deref())
            }
            _ => visit.answer(&world, cookie.as_deref()),
        };
        answer.calls = world.calls();
        answer.errors = reports::take();
        if let Some(Flaw::Answer(change)) = flaw {
            change(cookie.as_deref(), &mut answer);
        }
        set_cookies.push(answer.set_cookie.clone());
        answers.push(answer);
    }
    Trace { name, rejected: false, requests: answers, store: world.records() }
}

/// One request of a replay.
struct Visit<'a> {
    setup: &'a Setup,
    world: &'a World,
    request: &'a Request,
    flaw: Option<Flaw>,
    shown: Option<&'a RefCell<String>>,
}

impl Visit<'_> {
    /// The answer, where `asked` is the world or what stands before it.
    fn answer(&self, asked: &(impl Store + Env), cookie: Option<&[u8]>) -> Answer {
        let Self { setup, world, request, .. } = *self;
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
        self.show(&setup.config);
        self.show(&begin);
        let mut answer = Answer::default();
        let mut exchange = match driver::open(begin, asked, asked) {
            Ok(exchange) => exchange,
            Err(error) => return self.failed(answer, &error),
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
            answer.ops.push(on_exchange(world, asked, &mut headers, exchange.as_mut(), operation));
        }
        if let Some(mut exchange) = exchange {
            self.show_session(&mut exchange);
            match driver::close(exchange, asked, asked) {
                Ok(outcome) => {
                    self.show(&outcome);
                    outcome.apply(&mut headers);
                }
                Err(error) => return self.failed(answer, &error),
            }
        }
        if let Some(Flaw::Response(change)) = self.flaw {
            change(&mut headers);
        }
        answer.status = request.status();
        let lines = headers.get_all(http::header::SET_COOKIE).iter();
        answer.set_cookie = lines.map(|line| latin1(line.as_bytes())).collect();
        answer.cache(world, &headers);
        answer
    }

    fn failed(&self, mut answer: Answer, error: &Error) -> Answer {
        self.show(error);
        answer.status = error.status().as_u16();
        let mut headers = HeaderMap::new();
        self.setup.config.mark_failure(&mut headers);
        answer.cache(self.world, &headers);
        answer
    }

    /// Notes what `Debug` shows of something.
    fn show(&self, value: &dyn Debug) {
        if let Some(shown) = self.shown {
            // Writing to a String never fails.
            let _ = write!(shown.borrow_mut(), "{value:?} ");
        }
    }

    fn show_session(&self, exchange: &mut Exchange) {
        // Without quirks, to ask for the session would be using it.
        if self.shown.is_none() || !self.world.has_quirks() {
            return;
        }
        self.show(exchange);
        if let Some(session) = exchange.session() {
            self.show(session);
            if let Some(Flaw::Shown(text)) = self.flaw {
                self.show(&text(session));
            }
        }
    }
}
