//! Each quirk of express-session: what it did, and what the preset `recommended` does instead.

use std::path::{Path, PathBuf};

use http_session_conformance::compare::{Verdict, compare};
use http_session_conformance::quirks::{Pair, Quirk, Quirks, Told};
use http_session_conformance::via::{Via, Wiring};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").into()
}

fn quirks() -> Quirks {
    Quirks::of(&root()).expect("the sources can be read")
}

fn each(check: impl Fn(&Quirk, &Pair, Via)) {
    let quirks = quirks();
    for quirk in quirks.iter() {
        for pair in &quirk.pairs {
            for via in [Via::Core, Via::Axum(Wiring::Layer)] {
                check(quirk, pair, via);
            }
        }
    }
}

#[test]
fn every_quirk_has_a_pair_or_a_test_or_a_reason() {
    let quirks = quirks();
    assert!(quirks.complaints().is_empty(), "{}", quirks.complaints().join("\n"));
    let pairs = quirks.iter().map(|quirk| quirk.pairs.len()).sum::<usize>();
    assert!(pairs > 40, "only {pairs} pairs");
}

#[test]
fn express_does_what_express_session_did() {
    each(|quirk, Pair { express: Told { scenario, trace }, ours, .. }, via| {
        let actual = via.replay(scenario);
        let verdict = compare(scenario, trace, &actual);
        let context = format!("{:?} via {via:?}: {verdict:?}", scenario.name);
        match (verdict, ours) {
            (Verdict::Equal, None) => {}
            (Verdict::Accepted(difference), None) => {
                assert_eq!(Some(&*difference.to_string()), quirk.difference, "{context}");
            }
            (Verdict::Differs(_), Some(ours)) => {
                assert!(quirk.difference.is_some(), "{context}");
                assert_eq!(compare(scenario, ours, &actual), Verdict::Equal, "{context}");
            }
            _ => panic!("{context}"),
        }
    });
}

#[test]
fn recommended_does_what_stands_in_its_traces() {
    each(|_, Pair { recommended: Told { scenario, trace }, .. }, via| {
        let verdict = compare(scenario, trace, &via.replay(scenario));
        assert_eq!(verdict, Verdict::Equal, "{:?} via {via:?}", scenario.name);
    });
}

#[test]
fn the_table_is_current() {
    let (path, report) = (root().join("conformance/QUIRKS.md"), quirks().report());
    if std::env::var_os("UPDATE_QUIRKS").is_some() {
        std::fs::write(&path, &report).expect("the table can be written");
    }
    let table = std::fs::read_to_string(&path).expect("the table is part of the source");
    let lines = table.lines().zip(report.lines());
    let differing: Vec<_> = lines.filter(|(now, new)| now != new).collect();
    assert!(table == report, "QUIRKS.md is not current (UPDATE_QUIRKS=1): {differing:#?}");
}
