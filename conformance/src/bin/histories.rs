//! Steps racing requests through the orders of their operations, and looks whether the invariants hold:
//! `histories --requests N [--conflict merge|overwrite|refuse] [--fault] [--sample N] [--seed N] [--threads N]`
//!
//! Without `--sample` all orders and all ends. With `--fault`, one operation fails: each one in each way, or
//! of a sample one.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use http_session::Conflict;
use http_session_conformance::driver::at_once;
use http_session_conformance::histories::orders::{self, Lot};
use http_session_conformance::histories::{
    Case, End, Fault, FaultKind, Script, Setting, Tally, follow, one_after_the_other,
};
use http_session_store::MemoryStore;

const USAGE: &str = "usage: histories --requests N [--conflict merge|overwrite|refuse] [--fault] \
                     [--sample N] [--seed N] [--threads N]";

#[derive(Clone, Debug)]
struct Arguments {
    conflict: Conflict,
    fault: bool,
    requests: usize,
    sample: Option<usize>,
    seed: u64,
    threads: usize,
}

fn arguments() -> Option<Arguments> {
    let mut given = Arguments {
        conflict: Conflict::Merge,
        fault: false,
        requests: 2,
        sample: None,
        seed: 1,
        threads: 1,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--conflict" => {
                given.conflict = match words.next()?.as_str() {
                    "merge" => Conflict::Merge,
                    "overwrite" => Conflict::Overwrite,
                    "refuse" => Conflict::Refuse,
                    _ => return None,
                }
            }
            "--fault" => given.fault = true,
            "--requests" => given.requests = words.next()?.parse().ok()?,
            "--sample" => given.sample = Some(words.next()?.parse().ok()?),
            "--seed" => given.seed = words.next()?.parse().ok()?,
            "--threads" => given.threads = words.next()?.parse().ok().filter(|count| *count > 0)?,
            _ => return None,
        }
    }
    Some(given).filter(|given| (1..=4).contains(&given.requests))
}

fn main() -> ExitCode {
    let Some(given) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let (begun, mut tally) = (Instant::now(), Tally::default());
    std::thread::scope(|scope| {
        let parts = (0..given.threads).map(|part| {
            let given = &given;
            scope.spawn(move || match given.sample {
                Some(sample) => drawn(given, part, sample),
                None => all(given, part),
            })
        });
        let parts = Vec::from_iter(parts);
        parts.into_iter().for_each(|part| tally.join(part.join().expect("no panic")));
    });
    for (end, count) in &tally.ends {
        println!("{count:>10}  {end}");
    }
    println!("{tally}\n{given:?}, {} seconds", begun.elapsed().as_secs());
    if tally.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Four requests have so many operations that the session would end among them, if the clock went faster.
fn setting(given: &Arguments) -> Setting {
    let tick = if given.requests < 4 { 60 } else { 30 };
    Setting::new(given.conflict).tick(Duration::from_secs(tick))
}

/// Two requests have five operations each, more have four.
const fn script(requests: usize) -> Script {
    if requests < 3 { Script::Five } else { Script::Four }
}

fn run(setting: &Setting, case: &Case<'_>, tally: &mut Tally) {
    let history = at_once(follow(setting, &MemoryStore::new(), case)).expect("it has room");
    tally.add(&history);
}

/// Every so many of the pairs, triples, … of ends, in all orders.
fn all(given: &Arguments, part: usize) -> Tally {
    let (setting, script) = (setting(given), script(given.requests));
    let mut tally = Tally::default();
    let turns = given.requests * script.turns();
    for ends in orders::ends(given.requests).skip(part).step_by(given.threads) {
        let serial = one_after_the_other(&setting, &ends, script);
        for order in orders::orders(given.requests, script.turns()) {
            let case = Case::new(&ends, script, &order);
            if !given.fault {
                let history = at_once(follow(&setting, &MemoryStore::new(), &case));
                let history = history.expect("it has room");
                tally.add(&history);
                tally.compare(&history, &serial);
                continue;
            }
            for at in 0..turns {
                for kind in FaultKind::ALL {
                    run(&setting, &case.clone().fault(Some(Fault { at, kind })), &mut tally);
                }
            }
        }
    }
    tally
}

/// A part of the sample, from a seed of its own.
fn drawn(given: &Arguments, part: usize, sample: usize) -> Tally {
    let (setting, script) = (setting(given), script(given.requests));
    let (mut lot, mut tally) = (Lot::new(given.seed.wrapping_add(part as u64)), Tally::default());
    let turns = given.requests * script.turns();
    for _ in (part..sample).step_by(given.threads) {
        let (ends, order): (Vec<End>, _) = lot.draw(given.requests, script);
        let fault = Fault { at: lot.below(turns), kind: FaultKind::ALL[lot.below(3)] };
        let case = Case::new(&ends, script, &order).fault(Some(fault).filter(|_| given.fault));
        run(&setting, &case, &mut tally);
    }
    tally
}
