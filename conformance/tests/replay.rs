//! Replays what was recorded from the real express-session 1.19.0.

mod common;

use common::{SETS, recorded, scenarios};
use http_session_conformance::client::cookie_header;
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

/// Does a request present its cookies in bytes that are not UTF-8? `trace` says what was answered.
fn presents_bytes(scenario: &Scenario, trace: &Trace) -> bool {
    let answered: Vec<_> = trace.requests.iter().map(|answer| answer.set_cookie.clone()).collect();
    (0..scenario.requests.len())
        .filter_map(|index| cookie_header(scenario, index, &answered[..index]))
        .any(|header| String::from_utf8(header).is_err())
}

/// Rocket drops header lines that are not UTF-8. All else is the same.
#[test]
fn core_and_rocket_do_the_same_but_for_bytes() {
    let mut differing = 0;
    for set in SETS {
        let scenarios = scenarios(set);
        let (core, rocket) = (replay(Via::Core, &scenarios), replay(Via::Rocket, &scenarios));
        for (scenario, (core, rocket)) in scenarios.iter().zip(core.iter().zip(&rocket)) {
            if core != rocket && presents_bytes(scenario, core) {
                differing += 1;
            } else {
                assert_eq!(core, rocket, "{set}");
            }
        }
    }
    assert_eq!(differing, 4, "the adapter can do no more about them");
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
