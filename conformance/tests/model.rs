//! The independent model does what express-session did, by itself, and so does the core what the model does.

mod common;

use std::path::PathBuf;

use common::{SETS, recorded, scenarios};
use http_session_conformance::compare::{Difference, Summary};
use http_session_conformance::files::read_file;
use http_session_conformance::scenario::Scenario;
use http_session_conformance::trace::Trace;
use http_session_conformance::via::Via;

fn model(scenario: &Scenario) -> Trace {
    let text = serde_json::to_string(scenario).expect("it was read from JSON");
    let trace = http_session_model::replay(&text).expect("express-session has all of it");
    serde_json::from_value(trace).expect("a trace")
}

/// The model has no differences: all must be equal.
fn assert_equal(set: &str, summary: &Summary) {
    println!("{set}: {summary}");
    assert_eq!(summary.equal(), summary.compared(), "{set}: {summary}");
    assert!(summary.passed(), "{set}: {summary}");
}

#[test]
fn the_model_does_what_express_session_did() {
    let mut compared = 0;
    for set in SETS {
        let (scenarios, recorded) = (scenarios(set), recorded(set));
        let traces: Vec<_> = scenarios.iter().map(model).collect();
        let summary = Summary::of(&scenarios, &recorded, &traces);
        assert_equal(set, &summary);
        compared += summary.compared();
    }
    assert!(compared > 8_000, "only {compared} scenarios");
}

/// Also where the core does not.
#[test]
fn the_model_has_the_quirks() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let file = |part: &str| fixtures.join(format!("quirks.{part}.jsonl"));
    let scenarios: Vec<Scenario> = read_file(file("scenarios")).expect("a fixture");
    let recorded: Vec<Trace> = read_file(file("traces")).expect("a fixture");
    let traces: Vec<_> = scenarios.iter().map(model).collect();
    let summary = Summary::of(&scenarios, &recorded, &traces);
    assert_equal("quirks", &summary);
    assert!(summary.compared() > 40, "only {} scenarios", summary.compared());
}

/// The model in the place of the recordings: the core differs from it as it differs from them.
#[test]
fn the_core_does_what_the_model_does() {
    let mut accepted = 0;
    for set in SETS {
        let scenarios = scenarios(set);
        let model: Vec<_> = scenarios.iter().map(model).collect();
        let core: Vec<_> = scenarios.iter().map(|scenario| Via::Core.replay(scenario)).collect();
        let summary = Summary::of(&scenarios, &model, &core);
        println!("{set}: {summary}");
        assert!(summary.passed(), "{set}: {summary}");
        accepted += summary.accepted(Difference::EarlyReject);
        accepted += summary.accepted(Difference::WriteFailure);
    }
    assert!(accepted > 300, "only {accepted} named differences: is this the core?");
}

/// What express-session does not have can't be asked of the model.
#[test]
fn the_model_refuses_what_is_not_express_sessions() {
    let scenario = |options: &str, operation: &str| {
        format!(
            r#"{{"name":"x","start":0,"options":{{"secret":"s"{options}}},
            "requests":[{{"handler":[{{"op":"{operation}"}}]}}]}}"#
        )
    };
    assert!(http_session_model::replay(&scenario("", "save")).is_ok());
    for text in [
        scenario(r#","preset":"recommended""#, "save"),
        scenario(r#","idleTimeout":null"#, "save"),
        scenario("", "renew"),
        scenario("", "cookie.reset"),
    ] {
        assert!(http_session_model::replay(&text).is_err(), "{text}");
    }
}
