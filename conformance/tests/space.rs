//! The promises, in what was recorded and over the whole space of options.

use std::path::Path;

use http_session_conformance::files::read_file;
use http_session_conformance::invariants::{Tally, check};
use http_session_conformance::scenario::{Preset, Scenario};
use http_session_conformance::via::Via;

const FIXTURES: [&str; 6] = [
    "exhaustive.scenarios.jsonl.gz",
    "random.scenarios.jsonl.gz",
    "rules.scenarios.jsonl.gz",
    "quirks.scenarios.jsonl",
    "quirks-recommended.scenarios.jsonl",
    "recommended.scenarios.jsonl",
];

#[test]
fn the_promises_hold_in_all_fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut tally = Tally::default();
    for name in FIXTURES {
        let scenarios: Vec<Scenario> = read_file(folder.join(name)).expect("part of the source");
        for scenario in &scenarios {
            let trace = Via::Core.replay(scenario);
            let checked = check(scenario, &trace, &mut tally);
            checked.unwrap_or_else(|violation| panic!("{name} {}: {violation}", scenario.name));
        }
    }
    println!("{tally}");
    assert_eq!(tally.idle(&[Preset::Express, Preset::Recommended]), [""; 0]);
}
