//! The promises, in what was recorded, over the whole space of options, and in scenarios drawn by lot.
//!
//! `SCRIPTS=30 cargo test --release -p http-session-conformance --test space adapters` drives the adapters with
//! all scripts, `PROPTEST_CASES=1000000 cargo test --release -p http-session-conformance --no-default-features
//! --test space drawn` draws more.

#[cfg(feature = "frameworks")]
mod adapters;
mod drawn;

use std::path::Path;

use http_session_conformance::files::read_file;
use http_session_conformance::invariants::{BUGS, Tally, Violation, check};
use http_session_conformance::scenario::{Preset, Scenario};
use http_session_conformance::space::{self, COMBINATIONS, DIMENSIONS, SCRIPTS, Walk};
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
        // In a debug build each takes milliseconds.
        for scenario in scenarios.iter().step_by(if scenarios.len() > 1_000 { 4 } else { 1 }) {
            let trace = Via::Core.replay(scenario);
            let checked = check(scenario, &trace, &mut tally);
            checked.unwrap_or_else(|violation| panic!("{name} {}: {violation}", scenario.name));
        }
    }
    println!("{tally}");
    assert_eq!(tally.idle(&[Preset::Express, Preset::Recommended]), [""; 0]);
}

/// All of it takes a minute: `--bin space`.
#[test]
fn the_promises_hold_all_over_the_space() {
    assert_eq!(COMBINATIONS, 552_960);
    let mut tally = Tally::default();
    for preset in [Preset::Express, Preset::Recommended] {
        // A prime that divides no dimension.
        let walk = Walk { preset, scripts: 1, stride: 997, threads: 2 };
        let report = walk.go().unwrap_or_else(|failure| panic!("{failure}"));
        println!("{preset:?}: {report}");
        assert_eq!(report.combinations, 555);
        tally += &report.tally;
    }
    assert_eq!(tally.idle(&[Preset::Express, Preset::Recommended]), [""; 0]);
}

#[test]
fn each_invariant_catches_its_bug() {
    let caught: Vec<_> =
        BUGS.iter().map(|bug| (bug.says, bug.caught_by, space::catch(bug))).collect();
    let mut wrong = Vec::new();
    for (says, by, violation) in &caught {
        println!("{by}: {says}: {violation:?}");
        if violation.as_ref().map(Violation::name) != Ok(by) {
            wrong.push((says, by, violation));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Each has one.
    for (name, _, _) in Tally::default().counts() {
        assert!(BUGS.iter().any(|bug| bug.caught_by == name), "{name} has no bug");
    }
}

#[test]
fn a_number_names_each_combination() {
    for number in (0..COMBINATIONS).step_by(101) {
        assert_eq!(space::index(&space::point(number)), number);
    }
    let last = space::point(COMBINATIONS - 1);
    assert!(last.iter().zip(DIMENSIONS).all(|(value, (_, size))| value + 1 == size));
    // Each script is the first of about as many combinations as any other.
    let mut firsts = [0; SCRIPTS];
    (0..COMBINATIONS).for_each(|number| firsts[space::first_script(number)] += 1);
    assert!(firsts.iter().all(|count| (18_000..19_000).contains(count)), "{firsts:?}");
}

#[test]
fn three_values_come_together_in_the_covering_array() {
    let rows = space::covering();
    let mut triples = 0;
    for a in 0..DIMENSIONS.len() {
        for b in a + 1..DIMENSIONS.len() {
            for c in b + 1..DIMENSIONS.len() {
                let sizes = [a, b, c].map(|dimension| DIMENSIONS[dimension].1);
                let mut seen = std::collections::BTreeSet::new();
                seen.extend(rows.iter().map(|row| [row[a], row[b], row[c]]));
                assert_eq!(seen.len(), sizes.iter().product::<usize>(), "{a} {b} {c}");
                triples += seen.len();
            }
        }
    }
    println!("{triples} triples in {} rows", rows.len());
    assert!(rows.len() < 100, "{} rows", rows.len());
}
