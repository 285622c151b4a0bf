//! What express-session does not have: the preset `recommended`, timeouts, conflicts, new ids, what
//! caches are told. The traces were not recorded; they were checked by hand.

use std::path::Path;

use http_session_conformance::compare::Summary;
use http_session_conformance::files::read_file;
use http_session_conformance::scenario::Scenario;
use http_session_conformance::trace::Trace;
use http_session_conformance::via::{Via, Wiring};

#[test]
fn every_scenario_gives_its_trace() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let read = |part| fixtures.join(format!("recommended.{part}.jsonl"));
    let scenarios: Vec<Scenario> = read_file(read("scenarios")).expect("part of the source");
    let traces: Vec<Trace> = read_file(read("traces")).expect("part of the source");
    for via in [Via::Core, Via::Axum(Wiring::Layer)] {
        let actual: Vec<Trace> = scenarios.iter().map(|scenario| via.replay(scenario)).collect();
        let summary = Summary::of(&scenarios, &traces, &actual);
        assert!(summary.passed() && summary.compared() > 40, "{via:?}: {summary}");
        assert_eq!(summary.equal(), summary.compared(), "{via:?}: {summary}");
    }
}
