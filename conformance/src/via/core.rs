//! Through the core, with no framework.

use std::cell::RefCell;
use std::fmt::{Debug, Write};

use http::Uri;
use http::header::HeaderMap;
use http_session::{Begin, Config, Exchange, RequestFacts};
use http_session_store::{Env, Error, Store};

use crate::client::{cookie_header, latin1};
use crate::driver;
use crate::handler::on_exchange;
use crate::invariants::{Bug, Seed, Seeded};
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
    let seed = bug.map(|bug| bug.seed);
    let setup = match seed {
        Some(Seed::Options(change)) => {
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
    let mut set_cookies = Vec::new();
    let visits = Visits { setup: &setup, world: &world, seed, shown };
    let requests = (0..scenario.requests.len()).map(|index| match seed {
        Some(Seed::World(misdeed)) => {
            let seeded = Seeded { world: world.clone(), misdeed };
            visits.step((&seeded, &seeded), scenario, index, &mut set_cookies)
        }
        _ => visits.step((&world, &world), scenario, index, &mut set_cookies),
    });
    let requests = requests.collect();
    Trace { name, rejected: false, requests, store: world.records() }
}

/// Replays the request with this index, with a store that stands before the world.
pub(crate) fn step(
    setup: &Setup,
    (world, store): (&World, &impl Store),
    scenario: &Scenario,
    index: usize,
    set_cookies: &mut Vec<Vec<String>>,
) -> Answer {
    let visits = Visits { setup, world, seed: None, shown: None };
    visits.step((store, world), scenario, index, set_cookies)
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

/// The answer to a request that failed.
pub(crate) fn failed(config: &Config, world: &World, mut answer: Answer, error: &Error) -> Answer {
    answer.status = error.status().as_u16();
    let mut headers = HeaderMap::new();
    config.mark_failure(&mut headers);
    answer.cache(world, &headers);
    answer
}

/// The requests of a replay.
struct Visits<'a> {
    setup: &'a Setup,
    world: &'a World,
    seed: Option<Seed>,
    shown: Option<&'a RefCell<String>>,
}

impl Visits<'_> {
    /// Replays the request with this index. `asked` are the world, or what stands before it.
    fn step(
        &self,
        asked: (&impl Store, &impl Env),
        scenario: &Scenario,
        index: usize,
        set_cookies: &mut Vec<Vec<String>>,
    ) -> Answer {
        let (request, world) = (&scenario.requests[index], self.world);
        world.request(request.at(), request.faults);
        let mut cookie = cookie_header(scenario, index, set_cookies);
        if let Some(Seed::Cookie(change)) = self.seed {
            cookie = cookie.map(|cookie| change(scenario, cookie));
        }
        let mut answer = self.answer(asked, request, cookie.as_deref());
        answer.calls = world.calls();
        answer.errors = reports::take();
        if let Some(Seed::Answer(change)) = self.seed {
            change(cookie.as_deref(), &mut answer);
        }
        set_cookies.push(answer.set_cookie.clone());
        answer
    }

    fn answer(
        &self,
        (store, env): (&impl Store, &impl Env),
        request: &Request,
        cookie: Option<&[u8]>,
    ) -> Answer {
        let Self { setup, world, .. } = *self;
        let begin = begin(setup, world, request, cookie);
        self.show(&setup.config);
        self.show(&begin);
        let mut answer = Answer::default();
        let mut exchange = match driver::open(begin, store, env) {
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
            let asked = (store, env);
            answer.ops.push(on_exchange(world, asked, &mut headers, exchange.as_mut(), operation));
        }
        world.handler_ends();
        if let Some(mut exchange) = exchange {
            self.show_session(&mut exchange);
            match driver::close(exchange, store, env) {
                Ok(outcome) => {
                    self.show(&outcome);
                    outcome.apply(&mut headers);
                }
                Err(error) => return self.failed(answer, &error),
            }
        }
        if let Some(Seed::Response(change)) = self.seed {
            change(&mut headers);
        }
        answer.status = request.status();
        let lines = headers.get_all(http::header::SET_COOKIE).iter();
        answer.set_cookie = lines.map(|line| latin1(line.as_bytes())).collect();
        answer.cache(world, &headers);
        answer
    }

    fn failed(&self, answer: Answer, error: &Error) -> Answer {
        self.show(error);
        failed(&self.setup.config, self.world, answer, error)
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
            if let Some(Seed::Shown(text)) = self.seed {
                self.show(&text(session));
            }
        }
    }
}
