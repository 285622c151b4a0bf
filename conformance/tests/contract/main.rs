//! The contract for stores: those that keep it pass, and each broken one fails first at the check that
//! names its defect.

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use http_session_conformance::contract::{Clock, Contract, Report};
use http_session_store::{Deadline, MemoryStore};
use tokio::task::LocalSet;

use self::broken::{Broken, Defect};

mod broken;

/// Stores by their names, which live as long as this.
struct Shelf<S>(Mutex<HashMap<String, S>>);

impl<S: Clone> Shelf<S> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn store(&self, name: &str, new: impl FnOnce() -> S) -> S {
        self.0.lock().expect("no panic").entry(name.into()).or_insert_with(new).clone()
    }
}

// ST-1, ST-2, ST-5, ST-6, B-200, B-202, B-203: the memory store keeps the contract, with real threads and with one
#[test]
fn memory_store() {
    for workers in [1, 2] {
        let shelf = Shelf::new();
        let contract = Contract::new(async |name: &str| shelf.store(name, MemoryStore::new));
        let report = on_threads(workers, contract.run());
        report.assert();
        let skipped: Vec<_> = report.skipped().map(|check| check.name()).collect();
        assert_eq!(skipped, ["failure/outage"]);
    }
}

fn on_threads(workers: usize, run: impl Future<Output = Report>) -> Report {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(workers).enable_time().build().expect("a runtime");
    runtime.block_on(run)
}

// a deadline over a store changes nothing of what it does, and its failure is an error
#[tokio::test]
async fn deadline() {
    let shelf = Shelf::new();
    let limit = Duration::from_secs(30);
    let report =
        Contract::new(async |name: &str| Deadline::new(shelf.store(name, MemoryStore::new), limit))
            .outage(async || Deadline::new(Broken::new(Defect::NeverAnswers), Duration::ZERO))
            .run()
            .await;
    report.assert();
    assert_eq!(report.skipped().count(), 0);
}

// a store that never waits inside an operation passes with waits around it, whoever is given up
#[tokio::test]
async fn slow_store() {
    assert_eq!(first_failure(Defect::None).await, None);
}

// B-200: by a server's clock in whole seconds, a store that keeps records until then passes
#[tokio::test]
async fn server_clock() {
    let contract = |defect| async move {
        let shelf = Shelf::new();
        let contract = Contract::new(async |name: &str| shelf.store(name, || Broken::new(defect)));
        let contract = contract.clock(Clock::Server).granularity(Duration::from_secs(1));
        first(&contract.run().await)
    };
    let sound = contract(Defect::RoundsUp);
    let (sound, short, long) =
        tokio::join!(sound, contract(Defect::RoundsDown), contract(Defect::IgnoresExpiry));
    assert_eq!(sound, None);
    assert_eq!(short, Some("expiry/end"));
    assert_eq!(long, Some("expiry/load"));
}

// each broken store fails first at the check that names its defect
#[tokio::test]
async fn broken_stores() {
    let (stores, mut runs) = (LocalSet::new(), Vec::new());
    for (defect, check) in [
        (Defect::AbsentOverwrites, "expect/absent"),
        (Defect::AnswersAnotherVersion, "version/same"),
        (Defect::ChangedShowsOldRecord, "version/changed"),
        (Defect::ChecksThenWrites, "parallel/increments"),
        (Defect::ComparesBeginnings, "version/whole"),
        (Defect::CountsVersionsFromOne, "version/deleted"),
        (Defect::CutsData, "content/nul"),
        (Defect::CutsIds, "names/ids"),
        (Defect::DeleteOfNothingFails, "delete/absent"),
        (Defect::DeletesByPrefix, "delete/others"),
        (Defect::DeletesEverySecondTime, "delete/gone"),
        (Defect::DeletesThenInserts, "cancel/rotate"),
        (Defect::ExpiredIsPresent, "expiry/save"),
        (Defect::FoldsCase, "names/ids"),
        (Defect::ForgetsSoon, "expiry/none"),
        (Defect::IgnoresExpiry, "expiry/load"),
        (Defect::IgnoresTouch, "expiry/touched"),
        (Defect::InsertsThenDeletes, "parallel/rotations"),
        (Defect::KeepsEnd, "expiry/saved-anew"),
        (Defect::KeepsPast, "expiry/past"),
        (Defect::NamesShare, "names/apart"),
        (Defect::NulFails, "names/nul"),
        (Defect::NumbersAreFloats, "content/json"),
        (Defect::PresentInserts, "expect/present"),
        (Defect::RefreshNotDone, "refresh/done"),
        (Defect::RefreshOnlyExtends, "refresh/sets"),
        (Defect::RefreshRevives, "refresh/absent"),
        (Defect::TellsOldEnd, "refresh/tells"),
        (Defect::RefusalRenews, "expiry/refused"),
        (Defect::ReplacesExpiredTwice, "parallel/absent-expired"),
        (Defect::RewritesJson, "save/first"),
        (Defect::RotationIgnoresExpect, "rotate/absent"),
        (Defect::RotationKeepsEnd, "expiry/rotated"),
        (Defect::RotationKeepsOld, "rotate/moves"),
        (Defect::RotationNeedsOld, "rotate/anything"),
        (Defect::RotationOntoItselfSaves, "rotate/onto-itself"),
        (Defect::RotationOverwrites, "rotate/onto-another"),
        (Defect::RoundsDown, "expiry/end"),
        (Defect::RoundsUp, "expiry/end"),
        (Defect::SameVersion, "version/another"),
        (Defect::ShowsIds, "failure/silent"),
        (Defect::SmallRecords, "content/size"),
        (Defect::TargetFirst, "rotate/precondition-first"),
        (Defect::TouchInserts, "touch/absent"),
        (Defect::TouchIsAWrite, "touch/version"),
        (Defect::TouchLosesData, "touch/data"),
        (Defect::TouchRevives, "expiry/touch"),
        (Defect::TouchWritesBack, "parallel/touch-and-delete"),
        (Defect::TrimsSpace, "names/ids"),
    ] {
        runs.push((defect, Some(check), stores.spawn_local(first_failure(defect))));
    }
    stores.await;
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    for (defect, check, run) in runs {
        expected.push((defect, check));
        found.push((defect, run.await.expect("no panic")));
    }
    assert_eq!(found, expected);
}

// a store that gives back the same value in other bytes is broken, unless it says so
#[tokio::test]
async fn other_bytes() {
    let shelf = Shelf::new();
    let new = || Broken::new(Defect::RewritesJson);
    let contract = Contract::new(async |name: &str| shelf.store(name, new));
    contract.rewrites_json().run().await.assert();
}

// a rotation of two steps is broken, unless the store says so
#[tokio::test]
async fn two_steps() {
    let shelf = Shelf::new();
    let new = || Broken::new(Defect::InsertsThenDeletes);
    let contract = Contract::new(async |name: &str| shelf.store(name, new));
    contract.without_atomic_rotation().run().await.assert();
}

// a failure that looks like an empty store
#[tokio::test]
async fn failure_as_absence() {
    let shelf = Shelf::new();
    let contract = Contract::new(async |name: &str| shelf.store(name, MemoryStore::new));
    let report = contract.outage(async || MemoryStore::with_capacity(0)).run().await;
    assert_eq!(first(&report), Some("failure/outage"));
}

// a panic of a store fails the check, and the report says what it said
#[tokio::test]
async fn panics() {
    let shelf = Shelf::new();
    let new = || Broken::new(Defect::PanicsOnTouch);
    let report = Contract::new(async |name: &str| shelf.store(name, new)).run().await;
    assert_eq!(first(&report), Some("touch/absent"));
    assert!(
        report.to_string().contains("expected no panic, was a panic: not done yet"),
        "{report}"
    );
}

// a store that can't be opened ends the run at once
#[tokio::test]
#[should_panic = "no server"]
async fn no_store() {
    let contract = Contract::new(async |_: &str| -> MemoryStore { panic!("no server") });
    contract.run().await.assert();
}

// a report is a list of what failed: the check, its rule, what was expected, and what was answered
#[tokio::test]
async fn report() {
    let shelf = Shelf::new();
    let contract =
        Contract::new(async |name: &str| shelf.store(name, || Broken::new(Defect::PresentInserts)));
    let text = contract.run().await.to_string();
    let expected = "\nexpect/present (store::Expect::Present): writes under Expect::Present if there is \
                    a record, and else answers Gone and writes none\n    Expect::Present, no record: \
                    expected Gone, was Saved\n";
    assert!(text.starts_with("the store's contract: "), "{text}");
    assert!(text.contains(expected), "{text}");
}

// the documentation lists each check
#[test]
fn documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/contract/checks.md");
    let rows: String = Contract::checks()
        .map(|check| format!("| `{}` | {} | {} |\n", check.name(), check.must(), check.rule()))
        .collect();
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        fs::write(path, &rows).expect("a file that can be written");
    }
    let listed = fs::read_to_string(path).expect("a file that can be read");
    assert_eq!(listed, rows, "UPDATE_CONTRACT=1 writes it anew");
}

async fn first_failure(defect: Defect) -> Option<&'static str> {
    let shelf = Shelf::new();
    let contract = Contract::new(async |name: &str| {
        let name = if defect == Defect::NamesShare { "" } else { name };
        shelf.store(name, || Broken::new(defect))
    });
    first(&contract.run().await)
}

fn first(report: &Report) -> Option<&'static str> {
    report.failures().next().map(|(check, _)| check.name())
}
