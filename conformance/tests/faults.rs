//! A store that fails at its n-th call, for every n and in every way. The binary `faults` runs all scenarios;
//! this is a part of them, and the bugs that the rules catch.

mod common;

use common::{SETS, scenarios};
use http_session_conformance::faults::{Bug, Fault, Rule, Tally, check, under_recommended};
use http_session_conformance::files::read_file;
use http_session_conformance::scenario::{Preset, Scenario};
use serde_json::{Value, json};

/// So many scenarios to go on at a time.
const STRIDE: usize = 151;

/// A session is saved in the handler, and is then as it was saved, or as it was loaded: what a save in doubt
/// has left behind must not stay unsaid.
fn saves() -> Vec<Scenario> {
    let scenario = |further: &[Value]| {
        let save = [json!({ "op": "set", "key": "n", "value": 2 }), json!({ "op": "save" })];
        let handler = [&save, further].concat();
        let scenario = json!({
            "name": "a save in the handler",
            "start": 1_700_000_000_000_i64,
            "options": { "secret": "keyboard cat", "resave": false, "saveUninitialized": false },
            "preload": {
                "sid77": {
                    "cookie": { "originalMaxAge": null, "expires": null, "path": "/" },
                    "http-session:created": 1_700_000_000_000_i64,
                    "n": 1,
                },
            },
            "requests": [{
                "cookie": { "sign": { "id": "sid77", "secret": "keyboard cat" } },
                "handler": handler,
            }],
        });
        serde_json::from_value(scenario).expect("a scenario")
    };
    vec![scenario(&[]), scenario(&[json!({ "op": "set", "key": "n", "value": 1 })])]
}

/// What was checked by hand, and of what was recorded each `STRIDE`th: the latter under both presets.
fn part() -> Vec<Scenario> {
    let recommended = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recommended.scenarios.jsonl");
    let mut part = saves();
    part.extend(part.iter().map(under_recommended).collect::<Vec<_>>());
    part.extend(read_file::<Scenario>(recommended).expect("the fixtures are part of the source"));
    for set in SETS.iter().rev() {
        part.extend(scenarios(set).into_iter().step_by(STRIDE));
    }
    let express: Vec<_> = part
        .iter()
        .filter(|scenario| scenario.options.preset() == Preset::Express)
        .map(under_recommended)
        .collect();
    part.extend(express);
    part
}

// B-066, B-067, B-069, B-131, B-176, B-183, B-184, B-207, B-209, B-210, B-211: what the client gets, what the
// store keeps
#[test]
fn every_call_in_every_way() {
    let mut tally = Tally::default();
    for scenario in part() {
        check(&scenario, Fault::ALL, None, &mut tally);
    }
    println!("every {STRIDE}th scenario: {tally}");
    assert!(tally.passed(), "{tally}");
    for &fault in Fault::ALL {
        assert!(tally.runs(fault) > 200, "{fault}: {}", tally.runs(fault));
    }
    for &rule in Rule::ALL {
        assert!(tally.held(rule) > 5, "{rule}: {}", tally.held(rule));
    }
}

// each rule catches a driver that breaks it
#[test]
fn each_rule_catches_a_bug() {
    let part = part();
    for &rule in Rule::ALL {
        assert!(Bug::ALL.iter().any(|bug| bug.caught_by() == rule), "nothing breaks {rule:?}");
    }
    for &bug in Bug::ALL {
        let (rule, mut tally) = (bug.caught_by(), Tally::default());
        for scenario in &part {
            check(scenario, Fault::ALL, Some(bug), &mut tally);
            if tally.broken(rule) > 0 {
                break;
            }
        }
        println!("{bug:?}: {rule:?} broken {} times", tally.broken(rule));
        assert!(tally.broken(rule) > 0, "{bug:?} is not caught: {tally}");
    }
}
