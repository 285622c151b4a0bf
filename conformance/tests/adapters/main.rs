//! The contract for adapters: those of this workspace keep it, and each broken one fails first at the check
//! that names its defect.

use std::{fs, thread};

use http_session_conformance::adapter::{Ability, App, Contract, Report};
use http_session_conformance::via::{Via, Wiring};

use self::plain::Defect;

mod blocking;
mod plain;
mod tiny_http;

fn contract<'a>(via: Via) -> Contract<'a> {
    Contract::new(async move |app: App| via.start(app).await)
}

fn skipped(report: &Report) -> Vec<&str> {
    report.skipped().map(|check| check.name()).collect()
}

// CK-8, CK-9, CF-8: every check of the contract
#[test]
fn axum() {
    let report = contract(Via::Axum(Wiring::Layer)).run();
    report.assert();
    assert!(skipped(&report).is_empty(), "{report}");
}

// CK-8, CK-9, CF-8: every check of the contract
#[test]
fn warp() {
    let report = contract(Via::Warp).run();
    report.assert();
    assert!(skipped(&report).is_empty(), "{report}");
}

// CK-8, CK-9, CF-8: every check of the contract
#[test]
fn rocket() {
    let report = contract(Via::Rocket)
        .without(Ability::Bytes, "Rocket's header lines are UTF-8: it drops others")
        .without(Ability::Disconnects, "Rocket finishes a request whose client went away")
        .run();
    report.assert();
    let checks =
        ["cookies/bytes-within", "headers/bytes", "disconnect/handling", "disconnect/loading"];
    assert_eq!(skipped(&report), checks);
    // What is skipped says why.
    let text = report.to_string();
    let expected = "\nskipped, for this kind of adapter (Rocket finishes a request whose client went \
                    away): disconnect/loading: does not call the handler";
    assert!(text.contains(expected), "{text}");
}

// an adapter that was written by hand, without any framework, keeps it
#[test]
fn plain() {
    let report = broken(Defect::None).run();
    report.assert();
    assert!(skipped(&report).is_empty(), "{report}");
}

// one that blocks, with a thread for each connection and without a runtime, keeps it
#[test]
fn blocking() {
    let report = Contract::new(blocking::start)
        .without(Ability::Disconnects, "a thread that waits does not look at its connection")
        .without(Ability::TwoSessions, "it has one")
        .run();
    report.assert();
}

// an application that does not launch fails the first check, and the run may end there
#[test]
fn no_application() {
    let contract = Contract::new(async |_: App| Err("no port is free".into()));
    let text = contract.stop_at_first_failure().run().to_string();
    let all = Contract::checks().count();
    let first =
        format!("the adapter's contract: {all} checks, 1 failed, 0 skipped\n\nvisit/handler ");
    assert!(text.starts_with(&first), "{text}");
    assert!(text.contains("expected an address, was \"no port is free\""), "{text}");
    let last = format!("{} checks were not run: the run ended before\n", all - 1);
    assert!(text.ends_with(&last), "{text}");
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
        (Defect::FirstOfRfc7239, "secure/rfc7239"),
        (Defect::FirstOfOurName, "cookies/several"),
        (Defect::ForgetsTheSave, "visit/saved"),
        (Defect::GoneIsFine, "parallel/ended"),
        (Defect::HandsOverTheWholeTarget, "paths/query"),
        (Defect::HeadIsNotSaved, "status/head"),
        (Defect::IgnoresConnections, "secure/encrypted"),
        (Defect::IgnoresCookieOptions, "paths/options"),
        (Defect::IgnoresCookies, "visit/next"),
        (Defect::IgnoresForwarded, "secure/forwarded"),
        (Defect::IgnoresRfc7239, "secure/rfc7239"),
        (Defect::IgnoresLoadFailures, "load/fails"),
        (Defect::IgnoresNoId, "load/no-id"),
        (Defect::IgnoresThePath, "paths/outside"),
        (Defect::IgnoresUnreadable, "load/unreadable"),
        (Defect::InsertsTheCookie, "headers/own-cookies"),
        (Defect::JoinsLines, "visit/handler"),
        (Defect::KeepsLinesOnFailure, "save/fails"),
        (Defect::LastForwarded, "secure/first"),
        (Defect::LateIsFine, "layer/late"),
        (Defect::LeavesHandlesOpen, "disconnect/whole"),
        (Defect::LeavesHandlesOpenOnPanic, "panic/handle"),
        (Defect::LoadsEverything, "first-use/unused"),
        (Defect::LooksAtTheSession, "headers/no-vary"),
        (Defect::LosesBytes, "headers/bytes"),
        (Defect::MethodsFirst, "status/method"),
        (Defect::MissingIsFine, "layer/missing"),
        (Defect::NeverLoads, "first-use/loads"),
        (Defect::NoCookie, "visit/cookie"),
        (Defect::NoVaryOnFailure, "save/vary"),
        (Defect::OneLoadAtATime, "load/hangs"),
        (Defect::OneOfTwo, "two/apart"),
        (Defect::OneRequestAtATime, "visit/at-once"),
        (Defect::OneSaveAtATime, "save/hangs"),
        (Defect::OnlySetCookie, "headers/vary"),
        (Defect::OnlyVary, "headers/cache"),
        (Defect::PrivateUnderExpress, "headers/express"),
        (Defect::ReadsTheQuery, "cookies/elsewhere"),
        (Defect::RedirectsAreNotSaved, "status/redirect"),
        (Defect::RemembersCookies, "visit/connection"),
        (Defect::ReplacesOurName, "headers/same-name"),
        (Defect::RoutesFirst, "status/unmatched"),
        (Defect::SaveFailureIs200, "save/fails"),
        (Defect::SavesAfterPanics, "panic/nothing-saved"),
        (Defect::SavesOnDisconnect, "disconnect/whole"),
        (Defect::SaysEncrypted, "secure/plain"),
        (Defect::SecondTakesTheFirstsPlace, "two/cookies"),
        (Defect::StrictAboutQuotes, "cookies/foreign"),
        (Defect::StripsThePath, "paths/nested"),
        (Defect::TrustsForwarded, "secure/untrusted"),
        (Defect::TrustsIds, "cookies/forged"),
        (Defect::TwiceIsFine, "layer/twice"),
        (Defect::TwoAreOne, "two/cookies"),
        (Defect::UpstreamIsEncrypted, "secure/upstream"),
    ];
    // Most of the time goes into waiting for what must not happen.
    let first = |defect| {
        let report = broken(defect).stop_at_first_failure().run();
        (defect, report.failures().next().map(|(check, _)| check.name()))
    };
    let mut found = Vec::new();
    for some in defects.chunks(12) {
        thread::scope(|scope| {
            let spawn = |(defect, _): &(Defect, _)| {
                let defect = *defect;
                scope.spawn(move || first(defect))
            };
            let runs: Vec<_> = some.iter().map(spawn).collect();
            found.extend(runs.into_iter().map(|run| run.join().expect("no panic")));
        });
    }
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
