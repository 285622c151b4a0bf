//! One run of a scenario with a fault.

use std::time::Duration;

use http::header::{HeaderMap, SET_COOKIE};
use http_session_store::{Deadline, Error, Main, Session, Sessions};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::store::{Faulty, Hit, Records};
use super::verdict::judge;
use super::{Bug, Fault, Tally};
use crate::client::{cookie_header, latin1};
use crate::handler::on_session;
use crate::reports;
use crate::scenario::{Operation, Presented, Preset, Request, Scenario, Secrets};
use crate::setup::Setup;
use crate::trace::Answer;
use crate::via::core;
use crate::world::World;

/// What came of a scenario in which one call of the store failed.
pub(super) struct Run<'a> {
    /// What came of the request whose call failed, and without the fault.
    pub(super) answer: Answer,
    pub(super) sound: &'a Answer,
    /// What the store held after the request, and without the fault.
    pub(super) records: Records,
    pub(super) sound_records: &'a Records,
    pub(super) fault: Fault,
    pub(super) hit: Hit,
    /// What a request found that came next; `None` if it has no answer.
    pub(super) probe: Option<Answer>,
    /// Was the session alive that it asked for first?
    pub(super) probe_lives: bool,
    pub(super) request: &'a Request,
    /// The later requests of the scenario, and their answers.
    pub(super) rest: Vec<(&'a Request, Answer)>,
    pub(super) scenario: &'a Scenario,
}

/// Lets each call of the store in the scenario fail in each way that `faults` names, and looks at what comes
/// of it. With a `bug`, something must be wrong.
pub fn check(scenario: &Scenario, faults: &[Fault], bug: Option<Bug>, tally: &mut Tally) {
    reports::collect(|| {
        let scenario = spied(scenario);
        let Ok(setup) = Setup::of(&scenario) else { return };
        tally.scenario();
        let sound = sound(&setup, &scenario);
        for &fault in faults {
            for at in 0..sound.iter().map(|(answer, _)| answer.calls.len()).sum() {
                let faulty = Faulty::new(World::new(&scenario), fault, at, bug);
                let run = run(&setup, &scenario, &sound, &faulty);
                // A bug may leave out a call.
                assert!(run.is_some() || bug.is_some(), "call {at} of {:?}", scenario.name);
                if let Some(run) = run.filter(|run| run.hit.hurt) {
                    tally.run(fault);
                    judge(&run, at, tally);
                }
            }
        }
    });
}

/// The same scenario under the preset `recommended`, on `http://localhost`: what express-session has not.
#[must_use]
pub fn under_recommended(scenario: &Scenario) -> Scenario {
    // It wants 32 bytes.
    let long = |secret: &str| format!("{secret:-<32}");
    let mut scenario = scenario.clone();
    let options = &mut scenario.options;
    (options.preset, options.localhost) = (Some(Preset::Recommended), Some(true));
    options.name.get_or_insert_with(|| "connect.sid".into());
    options.secret = match &options.secret {
        Secrets::One(secret) => Secrets::One(long(secret)),
        Secrets::Many(secrets) => {
            Secrets::Many(secrets.iter().map(|secret| long(secret)).collect())
        }
    };
    for request in &mut scenario.requests {
        if let Some(Presented::Sign { secret, .. }) = &mut request.cookie {
            *secret = long(secret);
        }
    }
    scenario
}

/// The scenario, with a look at the session before and after each method that asks the store.
fn spied(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    for request in &mut scenario.requests {
        let Some(handler) = &mut request.handler else { continue };
        let spied = handler.drain(..).flat_map(|operation| {
            let [id, keys] = [Operation::Id {}, Operation::Keys {}];
            if asks(&operation) {
                vec![id.clone(), keys.clone(), operation, id, keys]
            } else {
                vec![operation]
            }
        });
        *handler = spied.collect();
    }
    scenario
}

/// May the operation ask the store?
pub(super) fn asks(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Destroy {}
            | Operation::LogIn { .. }
            | Operation::Regenerate {}
            | Operation::Reload {}
            | Operation::Renew {}
            | Operation::Save {}
    )
}

/// What comes of each request without a fault, and what the store then holds.
fn sound(setup: &Setup, scenario: &Scenario) -> Vec<(Answer, Records)> {
    let (world, mut set_cookies) = (World::new(scenario), Vec::new());
    let step = |index| {
        let answer = core::step(setup, (&world, &world), scenario, index, &mut set_cookies);
        (answer, world.records())
    };
    (0..scenario.requests.len()).map(step).collect()
}

fn run<'a>(
    setup: &Setup,
    scenario: &'a Scenario,
    sound: &'a [(Answer, Records)],
    faulty: &Faulty,
) -> Option<Run<'a>> {
    let (fault, mut set_cookies) = (faulty.fault, Vec::new());
    let driver = Driver::new(setup, faulty);
    let mut requests = 0..scenario.requests.len();
    let (index, mut answer) = requests.by_ref().find_map(|index| {
        let answer = driver.step(scenario, index, &mut set_cookies);
        faulty.hit().map(|_| (index, answer))
    })?;
    let hit = faulty.hit()?;
    let answered = answer.get_or_insert_default();
    if let Some(bug) = faulty.bug {
        bug.spoil(answered, &hit, scenario);
    }
    let records = faulty.world.records();
    faulty.goes_on(Bug::StaysAway);
    let (probe, probe_lives) = driver.probe(scenario, index, &mut set_cookies.clone());
    faulty.goes_on(Bug::TurnsAway);
    let rest = requests.filter_map(|index| {
        let answer = driver.step(scenario, index, &mut set_cookies)?;
        Some((&scenario.requests[index], answer))
    });
    Some(Run {
        answer: answered.clone(),
        fault,
        hit,
        probe,
        probe_lives,
        records,
        request: &scenario.requests[index],
        rest: if fault.is_silent() { Vec::new() } else { rest.collect() },
        scenario,
        sound: &sound[index].0,
        sound_records: &sound[index].1,
    })
}

/// What carries requests out: the core's driver, or that of the store crate for a store that hangs.
struct Driver<'a> {
    faulty: &'a Faulty,
    sessions: Option<(tokio::runtime::Runtime, Sessions)>,
    setup: &'a Setup,
}

impl<'a> Driver<'a> {
    fn new(setup: &'a Setup, faulty: &'a Faulty) -> Self {
        let sessions = faulty.fault.is_silent().then(|| {
            let (config, store) = (setup.config.clone(), faulty.clone());
            let sessions = if faulty.fault.is_late() {
                Sessions::new(config, Deadline::new(store, Duration::ZERO))
            } else {
                Sessions::new(config, store)
            };
            let runtime = Builder::new_current_thread().enable_time().build();
            (runtime.expect("a runtime can be made"), sessions.env(faulty.world.clone()))
        });
        Self { faulty, sessions, setup }
    }

    /// Carries out the request with this index; `None`: it was dropped, as it had no answer.
    fn step(
        &self,
        scenario: &Scenario,
        index: usize,
        set_cookies: &mut Vec<Vec<String>>,
    ) -> Option<Answer> {
        let world = &self.faulty.world;
        let Some((runtime, sessions)) = &self.sessions else {
            let ground = (world, self.faulty);
            return Some(core::step(self.setup, ground, scenario, index, set_cookies));
        };
        let request = &scenario.requests[index];
        world.request(request.at(), request.faults);
        let cookie = cookie_header(scenario, index, set_cookies);
        let mut answer = runtime.block_on(async {
            let answer = answer(self.setup, sessions, world, request, cookie.as_deref());
            if self.faulty.fault.is_late() {
                return Some(answer.await);
            }
            // What does not answer at once never does.
            timeout(Duration::ZERO, answer).await.ok()
        });
        let reported = reports::take();
        if let Some(answer) = &mut answer {
            (answer.calls, answer.errors) = (world.calls(), reported);
        }
        set_cookies.push(answer.iter().flat_map(|answer| answer.set_cookie.clone()).collect());
        answer
    }

    /// A request that comes next, of the same client, and looks at its session. What it does is not seen by
    /// the requests after it.
    fn probe(
        &self,
        scenario: &Scenario,
        index: usize,
        set_cookies: &mut Vec<Vec<String>>,
    ) -> (Option<Answer>, bool) {
        let request = Request {
            at: Some(self.faulty.world.elapsed()),
            cookie: Some(Presented::Jar),
            faults: None,
            handler: Some(vec![Operation::Keys {}]),
            status: None,
            ..scenario.requests[index].clone()
        };
        let probe = Scenario {
            name: scenario.name.clone(),
            start: scenario.start,
            options: scenario.options.clone(),
            preload: scenario.preload.clone(),
            requests: vec![request],
        };
        if self.sessions.is_some() {
            let world = self.faulty.world.fork();
            let answer = self.step(&probe, 0, set_cookies);
            let lives = lives(&world, answer.as_ref());
            return (answer, lives);
        }
        let world = self.faulty.world.fork();
        let faulty = self.faulty.in_world(world.clone());
        let before = world.fork();
        let answer = core::step(self.setup, (&world, &faulty), &probe, 0, set_cookies);
        let lives = lives(&before, Some(&answer));
        (Some(answer), lives)
    }
}

/// Was what the request asked for first alive?
fn lives(world: &World, answer: Option<&Answer>) -> bool {
    let asked = answer.and_then(|answer| answer.calls.first());
    asked.is_some_and(|call| world.lives(&call.id))
}

/// Carries a request out as an adapter does.
async fn answer(
    setup: &Setup,
    sessions: &Sessions,
    world: &World,
    request: &Request,
    cookie: Option<&[u8]>,
) -> Answer {
    let begin = core::begin(setup, world, request, cookie);
    let mut answer = Answer::default();
    let failed = |answer, error: Error| core::failed(&setup.config, world, answer, &error);
    let session: Option<Session<Main>> = match sessions.open(begin).await {
        Ok(session) => session,
        Err(error) => return failed(answer, error),
    };
    let found = world.handler_begins();
    answer.session = match &session {
        Some(session) if world.has_quirks() => session.id().ok().map(|id| id.as_str().into()),
        _ => found.filter(|_| session.is_some()),
    };
    let mut headers = HeaderMap::new();
    for operation in request.handler() {
        answer.ops.push(on_session(world, &mut headers, session.as_ref(), operation).await);
    }
    world.handler_ends();
    if let Some(session) = &session {
        match sessions.close(session).await {
            Ok(outcome) => outcome.apply(&mut headers),
            Err(error) => return failed(answer, error),
        }
    }
    answer.status = request.status();
    let lines = headers.get_all(SET_COOKIE).iter();
    answer.set_cookie = lines.map(|line| latin1(line.as_bytes())).collect();
    answer.cache(world, &headers);
    answer
}
