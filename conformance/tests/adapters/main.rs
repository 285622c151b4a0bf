//! The contract for adapters: those of this workspace keep it, and each broken one fails first at the check
//! that names its defect.

use std::{fs, thread};

use http_session_conformance::adapter::{Ability, App, Contract, Report};
use http_session_conformance::via::{Via, Wiring};

use self::plain::Defect;

mod plain;
mod tiny_http;

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

// an adapter that was written by hand, without any framework, keeps it
#[test]
fn plain() {
    let report = broken(Defect::None).run();
    report.assert();
    assert!(skipped(&report).is_empty(), "{report}");
}

fn broken<'a>(defect: Defect) -> Contract<'a> {
    Contract::new(async move |app: App| plain::start(app, defect).await)
}

// each broken adapter fails first at the check that names its defect
#[test]
fn broken_adapters() {
    let defects = [
        (Defect::AnswersEarly, "order/save"),
        (Defect::BuffersBodies, "body/first"),
        (Defect::CancelsSaves, "disconnect/saving"),
        (Defect::ClosesWithTheBody, "body/first"),
        (Defect::ConflictIs500, "save/refused"),
        (Defect::CutsBodies, "body/whole"),
        (Defect::DecodesThePath, "paths/encoded"),
        (Defect::DeletesLater, "order/delete"),
        (Defect::DeletesMayFail, "save/delete-fails"),
        (Defect::DiesOfPanics, "panic/next"),
        (Defect::DropsAllForBytes, "cookies/bytes-beside"),
        (Defect::DropsLinesOfBytes, "cookies/bytes-within"),
        (Defect::EmptyIsBare, "status/empty"),
        (Defect::ErrorsAreNotSaved, "status/errors"),
        (Defect::FailsAreNotSaved, "status/fails"),
        (Defect::FinishesAnyway, "disconnect/handling"),
        (Defect::FirstCookieLine, "cookies/lines"),
        (Defect::FirstForwarded, "secure/last"),
        (Defect::FirstOfOurName, "cookies/several"),
        (Defect::ForgetsTheSave, "visit/saved"),
        (Defect::HandsOverTheWholeTarget, "paths/query"),
        (Defect::HeadIsNotSaved, "status/head"),
        (Defect::IgnoresConnections, "secure/encrypted"),
        (Defect::IgnoresCookieOptions, "paths/options"),
        (Defect::IgnoresForwarded, "secure/forwarded"),
        (Defect::IgnoresLoadFailures, "load/fails"),
        (Defect::IgnoresNoId, "load/no-id"),
        (Defect::IgnoresThePath, "paths/outside"),
        (Defect::IgnoresUnreadable, "load/unreadable"),
        (Defect::InsertsTheCookie, "headers/own-cookies"),
        (Defect::KeepsLinesOnFailure, "save/fails"),
        (Defect::LastForwarded, "secure/first"),
        (Defect::LateIsFine, "layer/late"),
        (Defect::LeavesHandlesOpen, "disconnect/whole"),
        (Defect::LeavesHandlesOpenOnPanic, "panic/handle"),
        (Defect::LooksAtTheSession, "headers/no-vary"),
        (Defect::MethodsFirst, "status/method"),
        (Defect::MissingIsFine, "layer/missing"),
        (Defect::NoCookie, "visit/cookie"),
        (Defect::NoVaryOnFailure, "save/vary"),
        (Defect::OneLoadAtATime, "load/hangs"),
        (Defect::OneOfTwo, "two/apart"),
        (Defect::OneRequestAtATime, "visit/at-once"),
        (Defect::OneSaveAtATime, "save/hangs"),
        (Defect::OnlySetCookie, "headers/vary"),
        (Defect::RedirectsAreNotSaved, "status/redirect"),
        (Defect::ReplacesOurName, "headers/same-name"),
        (Defect::RoutesFirst, "status/unmatched"),
        (Defect::SaveFailureIs200, "save/fails"),
        (Defect::SavesAfterPanics, "panic/nothing-saved"),
        (Defect::SavesOnDisconnect, "disconnect/whole"),
        (Defect::SaysEncrypted, "secure/plain"),
        (Defect::SecondTakesTheFirstsPlace, "two/cookies"),
        (Defect::StripsThePath, "paths/nested"),
        (Defect::TrustsForwarded, "secure/untrusted"),
        (Defect::TwiceIsFine, "layer/twice"),
        (Defect::TwoAreOne, "two/cookies"),
        (Defect::UpstreamIsEncrypted, "secure/upstream"),
    ];
    // Most of the time goes into waiting for what must not happen.
    let first = |defect| {
        let report = broken(defect).stop_at_first_failure().run();
        (defect, report.failures().next().map(|(check, _)| check.name()))
    };
    let found: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> =
            defects.iter().map(|(defect, _)| scope.spawn(move || first(*defect))).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    assert_eq!(found, defects.map(|(defect, check)| (defect, Some(check))));
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
