//! The contract for adapters: those of this workspace keep it, and each broken one fails first at the check
//! that names its defect.

use std::fs;

use http_session_conformance::adapter::{Ability, App, Contract, Report};
use http_session_conformance::via::{Via, Wiring};

fn contract<'a>(via: Via) -> Contract<'a> {
    Contract::new(async move |app: App| via.start(app).await)
}

fn skipped(report: &Report) -> Vec<&str> {
    report.skipped().map(|check| check.name()).collect()
}

#[test]
fn axum() {
    let report = contract(Via::Axum(Wiring::Layer)).run();
    report.assert();
    assert!(skipped(&report).is_empty(), "{report}");
}

#[test]
fn warp() {
    let report = contract(Via::Warp).run();
    report.assert();
    assert!(skipped(&report).is_empty(), "{report}");
}

#[test]
fn rocket() {
    let report = contract(Via::Rocket)
        .without(Ability::Bytes, "Rocket's header lines are UTF-8: it drops others")
        .without(Ability::Disconnects, "Rocket finishes a request whose client went away")
        .run();
    report.assert();
}

// the documentation lists each check
#[test]
fn documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/adapter/checks.md");
    let rows: String = Contract::checks()
        .map(|check| format!("| `{}` | {} | {} |\n", check.name(), check.must(), check.rule()))
        .collect();
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        fs::write(path, &rows).expect("a file that can be written");
    }
    let listed = fs::read_to_string(path).expect("a file that can be read");
    assert_eq!(listed, rows, "UPDATE_CONTRACT=1 writes it anew");
}
