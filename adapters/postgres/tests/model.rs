//! The store answers as `MemoryStore` does, whose rules are proven elsewhere.

mod common;

use std::time::Duration;

use http_session_postgres::sqlx;
use http_session_postgres::sqlx::Acquire;
use http_session_store::core::Timestamp;
use http_session_store::core::store::{Expect, Rotate, Save, Version, Written};
use http_session_store::{MemoryStore, Store, Sweep};

use common::{NOW, Place, at, delete, id, load, number, put, record, rotation, save, soon, touch};

/// What is under an id before an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Before {
    Absent,
    Alive,
    Expired,
}

const BEFORE: [Before; 3] = [Before::Absent, Before::Alive, Before::Expired];

/// What an operation expects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    Absent,
    Anything,
    OtherVersion,
    Present,
    SameVersion,
}

const EXPECTED: [Expected; 5] = [
    Expected::Absent,
    Expected::Anything,
    Expected::OtherVersion,
    Expected::Present,
    Expected::SameVersion,
];

async fn set_up<S: Store>(store: &S, key: &str, n: u64, before: Before) -> Version {
    let end = if before == Before::Expired { at(-9_500) } else { at(60_500) };
    let version = put(store, key, n, Some(end)).await;
    if before == Before::Absent {
        delete(store, key).await;
    }
    version
}

/// The answer without the versions, which are each store's own.
fn told(written: &Written) -> String {
    match written {
        Written::Changed(stored) => format!("changed to {}", common::n(stored)),
        Written::Saved(version) => format!("saved, version {}", version.is_some()),
        other => format!("{other:?}"),
    }
}

/// Does an operation on `from` (and `to`), and says all that can be seen of it.
async fn observe<S: Store>(
    store: &S,
    from: Before,
    to: Option<(&str, Before)>,
    expected: Expected,
    end: Timestamp,
) -> Vec<String> {
    let other = put(store, "from", 1, Some(at(60_500))).await;
    let same = set_up(store, "from", 2, from).await;
    let expect = match expected {
        Expected::Absent => Expect::Absent,
        Expected::Anything => Expect::Anything,
        Expected::OtherVersion => Expect::Version(other),
        Expected::Present => Expect::Present,
        Expected::SameVersion => Expect::Version(same),
    };
    let written = match to {
        None => save(store, "from", record(3, Some(end)), expect, NOW).await,
        Some((to, before)) => {
            if to == "to" {
                set_up(store, "to", 4, before).await;
            }
            let record = record(3, Some(end));
            let rotate = Rotate::new(id("from"), id(to), record, expect, NOW);
            store.rotate(&rotate).await.expect("no failure")
        }
    };
    let mut seen = vec![told(&written)];
    // The version is the one that a load finds.
    if let Written::Saved(version) = written {
        let key = to.map_or("from", |(to, _)| to);
        let stored = load(store, key, NOW).await;
        seen.push(format!("{}", stored.is_none_or(|stored| stored.version == version)));
    }
    // In this order: a MemoryStore removes what has expired.
    for now in [NOW, at(30_000), at(70_000)] {
        for key in ["from", "to"] {
            seen.push(format!("{key} {:?}", number(store, key, now).await));
        }
    }
    seen
}

#[tokio::test]
async fn every_expectation_of_every_state_is_answered_as_in_memory() {
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("model_table", column).await else { return };
        for (expected, from) in EXPECTED.iter().flat_map(|e| BEFORE.map(|from| (*e, from))) {
            let rotations = BEFORE.map(|before| Some(("to", before)));
            let cases = rotations.into_iter().chain([None, Some(("from", from))]);
            for to in cases {
                for end in [at(40_500), at(-500)] {
                    let memory = MemoryStore::new();
                    let model = observe(&memory, from, to, expected, end).await;
                    let ours = observe(&place.store, from, to, expected, end).await;
                    assert_eq!(ours, model, "{column} {expected:?} {from:?} {to:?}");
                    delete(&place.store, "from").await;
                    delete(&place.store, "to").await;
                }
            }
        }
    }
}

/// Numbers that look random, and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }
}

#[tokio::test]
async fn a_long_walk_ends_where_it_does_in_memory() {
    const KEYS: [&str; 3] = ["a", "b", "c"];
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("model_walk", column).await else { return };
        let (memory, ours) = (MemoryStore::new(), &place.store);
        let mut dice = Dice(17);
        let mut now = NOW;
        // Per key, versions that were seen at the same time.
        let mut seen: [Vec<(Version, Version)>; 3] = Default::default();
        for step in 0..600 {
            // Half of a second past: the stores do not agree on the very moment of the end.
            now = now
                .plus_millis(1_000 * i64::try_from(dice.roll(3)).expect("small"))
                .expect("a moment");
            let end = now.plus_millis(500 + 1_000 * i64::try_from(dice.roll(9)).expect("small"));
            let (from, to) = (dice.roll(3), dice.roll(3));
            let record = record(step, end);
            let seen_of = &seen[from];
            let pick = seen_of.get(dice.roll(seen_of.len().max(1))).cloned();
            let (expect, expect_memory) = match (dice.roll(5), pick) {
                (0, _) => (Expect::Absent, Expect::Absent),
                (1, _) | (_, None) => (Expect::Anything, Expect::Anything),
                (2, _) => (Expect::Present, Expect::Present),
                (_, Some((ours, memory))) => (Expect::Version(ours), Expect::Version(memory)),
            };
            let (from, to) = (KEYS[from], KEYS[to]);
            match dice.roll(6) {
                0 => delete(ours, from).await,
                1 => assert_eq!(
                    touch(ours, from, end, now).await,
                    touch(&memory, from, end, now).await
                ),
                2 => drop(ours.sweep(now, 2).await.expect("no failure")),
                3 | 4 => {
                    let ours = save(ours, from, record.clone(), expect, now).await;
                    let memory = save(&memory, from, record, expect_memory, now).await;
                    assert_eq!(told(&ours), told(&memory), "step {step} {column}");
                }
                _ => {
                    let rotate = Rotate::new(id(from), id(to), record.clone(), expect, now);
                    let ours = ours.rotate(&rotate).await.expect("no failure");
                    let rotate = Rotate::new(id(from), id(to), record, expect_memory, now);
                    let memory = memory.rotate(&rotate).await.expect("no failure");
                    assert_eq!(told(&ours), told(&memory), "step {step} {column}");
                }
            }
            if number(ours, from, now).await.is_none() {
                delete(&memory, from).await;
            }
            for (key, seen) in KEYS.iter().zip(&mut seen) {
                let (ours, memory) = (load(ours, key, now).await, load(&memory, key, now).await);
                assert_eq!(
                    ours.as_ref().map(common::n),
                    memory.as_ref().map(common::n),
                    "step {step}"
                );
                if let (Some(ours), Some(memory)) = (ours, memory) {
                    seen.push((ours.version.expect("one"), memory.version.expect("one")));
                }
            }
        }
    }
}

// Each of many that add one at the same time has added one: a conditional save checks and writes in one step.
#[tokio::test(flavor = "multi_thread")]
async fn no_parallel_save_is_lost() {
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("model_parallel", column).await else { return };
        put(&place.store, "a", 0, None).await;
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let store = place.store.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..10 {
                    let mut stored = load(&store, "a", NOW).await.expect("alive");
                    loop {
                        let record = record(common::n(&stored) + 1, None);
                        let expect = Expect::Version(stored.version.clone().expect("it has one"));
                        match save(&store, "a", record, expect, NOW).await {
                            Written::Saved(_) => break,
                            Written::Changed(changed) => stored = changed,
                            other => panic!("{other:?}"),
                        }
                    }
                }
            }));
        }
        for task in tasks {
            soon(task).await.expect("no panic");
        }
        assert_eq!(number(&place.store, "a", NOW).await, Some(80));
    }
}

// Of many that create one id, or rotate one session, exactly one does.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_wins() {
    let Some(place) = Place::new("model_winners", "json").await else { return };
    for round in 0..20 {
        let from = format!("from{round}");
        let version = put(&place.store, &from, 0, None).await;
        let mut tasks = Vec::new();
        for n in 0..8 {
            let (store, from, version) = (place.store.clone(), from.clone(), version.clone());
            tasks.push(tokio::spawn(async move {
                let new =
                    Save::new(id(&format!("new{round}")), record(n, None), Expect::Absent, NOW);
                let saved = store.save(&new).await.expect("no failure");
                let expect = if n % 2 == 0 { Expect::Present } else { Expect::Version(version) };
                let rotate = rotation(&from, &format!("to{round}-{n}"), n, expect);
                let rotated = store.rotate(&rotate).await.expect("no failure");
                (saved, rotated)
            }));
        }
        let mut winners = (0, 0);
        for task in tasks {
            match soon(task).await.expect("no panic") {
                (Written::Saved(_), _) => winners.0 += 1,
                (saved, _) => assert_eq!(saved, Written::Exists),
            }
        }
        for n in 0..8 {
            winners.1 +=
                u32::from(number(&place.store, &format!("to{round}-{n}"), NOW).await.is_some());
        }
        assert_eq!(winners, (1, 1), "round {round}");
        assert_eq!(number(&place.store, &from, NOW).await, None);
    }
}

// A rotation that had to wait for somebody else's write judges and ends what that write left.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_judges_what_it_deletes() {
    let Some(place) = Place::new("model_wait", "json").await else { return };
    let store = &place.store;
    let update = "UPDATE TABLE SET sess = '{\"cookie\":{},\"n\":5}' WHERE sid = 'from'";
    let delete_row = "DELETE FROM TABLE WHERE sid = 'from'";
    for (change, expected) in [(update, "changed to 5"), (delete_row, "Gone")] {
        for expected_version in [true, false] {
            for key in ["from", "to"] {
                delete(store, key).await;
            }
            let version = put(store, "from", 1, None).await;
            let expect = if expected_version { Expect::Version(version) } else { Expect::Present };
            let mut other = place.pool.acquire().await.expect("connected");
            let mut other = other.begin().await.expect("begun");
            sqlx::query(place.sql(change)).execute(&mut *other).await.expect("changed");
            let waits = store.clone();
            let waits =
                tokio::spawn(async move { waits.rotate(&rotation("from", "to", 2, expect)).await });
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(!waits.is_finished());
            other.commit().await.expect("committed");
            let told = told(&soon(waits).await.expect("no panic").expect("no failure"));
            let rotated = change == update && !expected_version;
            assert_eq!(told, if rotated { "saved, version true" } else { expected });
            let kept = if change == update && !rotated { Some(5) } else { None };
            assert_eq!(number(store, "from", NOW).await, kept, "{told}");
            assert_eq!(number(store, "to", NOW).await, rotated.then_some(2), "{told}");
        }
    }
}
