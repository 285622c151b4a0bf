//! When the store can't write at the end of a request, nothing was promised and nothing is lost.

mod common;

use common::{SETS, scenarios};
use http_session_conformance::scenario::{
    Alteration, FaultCode, Faults, Operation, Presented, Request, Scenario,
};
use http_session_conformance::trace::StoreCall;
use http_session_conformance::via::{Via, Wiring};

/// The scenario's first `count` requests.
fn cut(scenario: &Scenario, count: usize) -> Scenario {
    let requests = scenario.requests[..count].to_vec();
    Scenario { requests, ..scenario.clone() }
}

/// Does the handler itself ask the store? Then a fault would hit that call as well.
fn asks_the_store(request: &Request) -> bool {
    request.handler().iter().any(|operation| {
        matches!(
            operation,
            Operation::Destroy {}
                | Operation::OtherDestroy { .. }
                | Operation::OtherSet { .. }
                | Operation::Regenerate {}
                | Operation::Reload {}
                | Operation::Save {}
                | Operation::Advance { .. }
        )
    })
}

/// Lets the last request of the scenario fail to write, and checks what is left. Says whether there
/// was a write to fail, and whether there was an old cookie to try.
fn check(via: Via, scenario: &Scenario) -> (bool, bool) {
    let last = scenario.requests.len() - 1;
    let request = &scenario.requests[last];
    if asks_the_store(request) || request.faults.is_some() {
        return (false, false);
    }
    let sound = via.replay(scenario);
    if sound.rejected {
        return (false, false);
    }
    let answer = &sound.requests[last];
    let wrote = answer.calls.last().map(|call| call.call);
    if !matches!(wrote, Some(StoreCall::Set | StoreCall::Destroy)) {
        return (false, false);
    }
    let context = format!("{:?} via {via:?}, request {last}", scenario.name);

    // A reader comes at the same moment, with what the client had before.
    let old_cookie = sound.requests[..last].iter().rposition(|answer| {
        answer.set_cookie.iter().any(|line| line.starts_with(scenario.options.name()))
    });
    let reader = Request {
        cookie: Some(match old_cookie {
            Some(step) => Presented::Step { step, alter: Alteration::default() },
            None => Presented::None,
        }),
        handler: Some(vec![Operation::Keys {}]),
        ..request.clone()
    };
    let mut before = cut(scenario, last);
    before.requests.push(reader.clone());
    let before = via.replay(&before);

    let mut failing = scenario.clone();
    let io = Some(FaultCode::Eio);
    failing.requests[last].faults = Some(Faults { destroy: io, set: io, ..Faults::default() });
    let failed_store = via.replay(&failing).store;
    failing.requests.push(reader);
    let failed = via.replay(&failing);

    let answer = &failed.requests[last];
    assert_eq!(answer.status, 500, "{context}");
    assert!(answer.set_cookie.is_empty(), "{context}: {:?}", answer.set_cookie);
    assert_eq!(answer.errors, ["store"], "{context}");

    // The store has what it had. What expired by then may be gone or not: whoever asks removes it.
    let mut untouched = cut(scenario, last);
    untouched.requests.push(Request {
        handler: None,
        // A request that can't write, so that only the load shows.
        faults: Some(Faults { destroy: io, set: io, touch: io, ..Faults::default() }),
        ..request.clone()
    });
    assert_eq!(failed_store, via.replay(&untouched).store, "{context}");

    // The old cookie gives the old session, with the old data.
    let (before, after) = (&before.requests[last], &failed.requests[last + 1]);
    if old_cookie.is_some() {
        let loaded = |answer: &http_session_conformance::trace::Answer| {
            answer.calls.iter().any(|call| call.call == StoreCall::Get)
        };
        assert_eq!(loaded(before), loaded(after), "{context}");
        assert_eq!(before.ops, after.ops, "{context}");
    }
    (true, old_cookie.is_some())
}

fn check_all(via: Via, every: usize) {
    let (mut writes, mut cookies) = (0, 0);
    for set in SETS {
        for scenario in scenarios(set).iter().step_by(every) {
            for count in 1..=scenario.requests.len() {
                let (write, cookie) = check(via, &cut(scenario, count));
                writes += usize::from(write);
                cookies += usize::from(cookie);
            }
        }
    }
    println!("via {via:?}: {writes} failed writes, {cookies} old cookies tried");
    assert!(writes > 500 && cookies > 100, "only {writes} writes and {cookies} cookies");
}

// B-207, B-208: D-write-failure, for every recorded request that writes at its end.
#[test]
fn a_failed_write_changes_nothing_in_core() {
    check_all(Via::Core, 1);
}

// B-207, B-208: the same over the wire.
#[test]
fn a_failed_write_changes_nothing_in_axum() {
    check_all(Via::Axum(Wiring::Layer), 10);
}
