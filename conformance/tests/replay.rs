//! Replays what was recorded from the real express-session 1.19.0.

mod common;

use common::{SETS, recorded, scenarios};
use http_session_conformance::compare::{
    Difference, Summary, Verdict, compare_rocket, presents_bytes,
};
use http_session_conformance::scenario::Scenario;
use http_session_conformance::trace::Trace;
use http_session_conformance::via::{Via, Wiring};

fn replay(via: Via, scenarios: &[Scenario]) -> Vec<Trace> {
    scenarios.iter().map(|scenario| via.replay(scenario)).collect()
}

/// Compares with the recording, and with the core alone to the last detail.
fn check(via: Via) {
    for set in SETS {
        let (scenarios, recorded) = (scenarios(set), recorded(set));
        let traces = replay(via, &scenarios);
        let summary = Summary::of(&scenarios, &recorded, &traces);
        println!("{set} via {via:?}: {summary}");
        assert!(summary.passed(), "{set} via {via:?}: {summary}");
        assert!(summary.compared() > 1_000, "{set} is only {} scenarios", summary.compared());
        if via != Via::Core {
            for (core, trace) in replay(Via::Core, &scenarios).iter().zip(&traces) {
                assert_eq!(core, trace, "{set} via {via:?}");
            }
        }
    }
}

// CK-10, EX-6, PX-6, CF-7: every recorded exchange, to the byte
#[test]
fn core_does_what_express_session_did() {
    check(Via::Core);
}

// CF-7
#[test]
fn axum_does_what_express_session_did() {
    check(Via::Axum(Wiring::Layer));
}

// CF-7
#[test]
fn warp_does_what_express_session_did() {
    check(Via::Warp);
}

/// Rocket drops header lines that are not UTF-8. All else is the same.
#[test]
fn rocket_does_what_express_session_did_but_for_bytes() {
    let mut dropped = 0;
    for set in SETS {
        let (scenarios, recorded) = (scenarios(set), recorded(set));
        let traces = replay(Via::Rocket, &scenarios);
        let summary = Summary::of_rocket(&scenarios, &recorded, &traces);
        assert!(summary.passed(), "{set}: {summary}");
        let bytes = summary.accepted(Difference::RocketBytes);
        dropped += bytes;
        // As traces of anything else they differ.
        assert_eq!(Summary::of(&scenarios, &recorded, &traces).differing(), bytes, "{set}");
        for (scenario, (core, trace)) in
            scenarios.iter().zip(replay(Via::Core, &scenarios).iter().zip(&traces))
        {
            assert!(core == trace || presents_bytes(scenario, core), "{set}: {:?}", trace.name);
        }
    }
    assert_eq!(dropped, 4, "the adapter can do no more about them");
}

/// D-rocket-bytes is for what Rocket drops, and for nothing else.
#[test]
fn a_replay_that_is_not_rockets_differs() {
    for set in SETS {
        let (scenarios, recorded) = (scenarios(set), recorded(set));
        let bytes = |(scenario, recorded): &(&Scenario, &Trace)| presents_bytes(scenario, recorded);
        for (scenario, recorded) in scenarios.iter().zip(&recorded).filter(bytes) {
            for wiring in [Wiring::NoLayer, Wiring::NoSetCookie] {
                let trace = Via::Axum(wiring).replay(scenario);
                let verdict = compare_rocket(scenario, recorded, &trace);
                let accepted = Verdict::Accepted(Difference::RocketBytes);
                assert_ne!(verdict, accepted, "{wiring:?}: {scenario:?}");
            }
        }
    }
}

/// A replay that could not fail would prove nothing.
#[test]
fn a_replay_without_the_layer_or_without_its_cookies_fails() {
    for wiring in [Wiring::NoLayer, Wiring::NoSetCookie] {
        for set in SETS {
            let (mut scenarios, mut recorded) = (scenarios(set), recorded(set));
            scenarios.truncate(200);
            recorded.truncate(200);
            let summary =
                Summary::of(&scenarios, &recorded, &replay(Via::Axum(wiring), &scenarios));
            assert!(!summary.passed(), "{set} with {wiring:?}: {summary}");
            assert!(summary.differing() > 50, "{set} with {wiring:?}: {summary}");
        }
    }
}
