//! Replays what was recorded from the real express-session 1.19.0.

mod common;

use common::{SETS, recorded, scenarios};
use http_session_conformance::compare::Summary;
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

#[test]
fn core_does_what_express_session_did() {
    check(Via::Core);
}

#[test]
fn axum_does_what_express_session_did() {
    check(Via::Axum(Wiring::Layer));
}

#[test]
fn warp_does_what_express_session_did() {
    check(Via::Warp);
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
