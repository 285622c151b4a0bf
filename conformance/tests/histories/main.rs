//! Two requests that race, in every order of their operations with every pair of ends.

use http_session::Conflict;
use http_session_conformance::driver::at_once;
use http_session_conformance::histories::invariants::{self, Verdict};
use http_session_conformance::histories::orders::{self, Lot};
use http_session_conformance::histories::{
    Call, Case, Fault, FaultKind, History, Reply, Script, Setting, Tally, every_order, follow,
    story,
};
use http_session_conformance::via::Via;
use http_session_store::{MemoryStore, Store};
use serde_json::{Value, json};

use self::broken::{Broken, Defect};

mod broken;

/// Every so many of the 9,072.
fn histories<S: Store>(
    conflict: Conflict,
    every: usize,
    store: impl Fn() -> S,
) -> impl Iterator<Item = History> {
    let setting = Setting::new(conflict);
    orders::all(2, Script::Five).step_by(every).map(move |(ends, order)| {
        let case = Case::new(&ends, Script::Five, &order);
        at_once(follow(&setting, &store(), &case)).expect("it has room")
    })
}

fn all(conflict: Conflict) -> Tally {
    let mut tally = Tally::default();
    histories(conflict, 1, MemoryStore::new).for_each(|history| tally.add(&history));
    println!("{conflict:?}: {tally}");
    assert_eq!(tally.histories, 9_072);
    tally.assert();
    tally
}

// B-130: under Merge all invariants hold, and each has something to say
#[test]
fn merge() {
    let tally = all(Conflict::Merge);
    for invariant in invariants::ALL {
        assert!(tally.applied(invariant.name) > 100, "{}", invariant.name);
    }
    assert_eq!((tally.ends.len(), tally.hash().as_str()), (64, "9ea01a148eb17894"));
}

// B-130: under Refuse the same, but that who was slower fails
#[test]
fn refuse() {
    let tally = all(Conflict::Refuse);
    assert_eq!((tally.ends.len(), tally.hash().as_str()), (90, "0af4fd3b48dcc8e9"));
}

// B-130: under Overwrite the last writer wins, and yet nothing comes back
#[test]
fn overwrite() {
    let tally = all(Conflict::Overwrite);
    assert_eq!((tally.ends.len(), tally.hash().as_str()), (147, "e34eda3af3f9fcbd"));
}

/// Each defect, and the invariant that is there for it.
const CAUGHT: [(Defect, &str); 10] = [
    (Defect::AdoptsIds, "nothing adopted"),
    (Defect::ExtendsDeadlines, "no deadline extended"),
    (Defect::ForgetsPreconditions, "nothing comes back"),
    (Defect::ForgetsVersions, "no lost update"),
    (Defect::LagsBehind, "linearizable"),
    (Defect::LosesRotations, "a cookie keeps its promise"),
    (Defect::NamesNoRecord, "merging goes on"),
    (Defect::RotatesWithoutDelete, "one live record"),
    (Defect::SwallowsDeletes, "ended is gone"),
    (Defect::WritesWhatItRefuses, "a refused write writes nothing"),
];

// An invariant that can't be broken would prove nothing.
#[test]
fn each_invariant_catches_its_defect() {
    for invariant in invariants::ALL {
        assert!(CAUGHT.iter().any(|(_, name)| *name == invariant.name), "{}", invariant.name);
    }
    for (defect, name) in CAUGHT {
        let mut tally = Tally::default();
        let histories = histories(Conflict::Merge, 11, || Broken::new(defect));
        histories.for_each(|history| tally.add(&history));
        let (broken, of) = (tally.broken(name), tally.histories);
        println!("{defect:?}: \"{name}\" is broken in {broken} of {of}");
        assert!(broken > 0, "{defect:?} is not caught by \"{name}\"\n{tally}");
    }
}

/// What came of one invariant.
fn verdict(name: &str, history: &History) -> Verdict {
    let invariant = invariants::ALL.into_iter().find(|invariant| invariant.name == name);
    (invariant.expect("an invariant's name").check)(history)
}

// B-130: without the precondition the order is found that brings a session back, and told as a scenario;
// replayed, express-session's own way brings it back, and ours does not
#[test]
fn without_the_precondition() {
    let histories = histories(Conflict::Merge, 1, || Broken::new(Defect::ForgetsPreconditions));
    let broken = histories.filter(|history| {
        let comes_back = verdict("nothing comes back", history).broken.is_some();
        comes_back && history.end.contains_key(&0)
    });
    let shortest = broken.min_by_key(|history| history.steps.len()).expect("one that breaks");
    println!("{shortest}");

    let ended = shortest.steps.iter().position(|step| {
        matches!((step.call, &step.reply), (Call::Delete(0), Some(Reply::Deleted)))
            || matches!(
                (step.call, &step.reply),
                (Call::Rotate { from: 0, .. }, Some(Reply::Saved))
            )
    });
    let after = &shortest.steps[ended.expect("it ended")..];
    let back =
        after.iter().find(|step| step.call == Call::Save(0) && step.reply == Some(Reply::Saved));
    let slow = back.expect("it came back").request;

    let secret = "a secret of tests, 32 bytes long";
    let replay = |options: Value| {
        let scenario = story(&shortest, slow, serde_json::from_value(options).expect("options"));
        println!("{}", serde_json::to_string(&scenario).expect("JSON"));
        serde_json::to_value(Via::Core.replay(&scenario)).expect("JSON")
    };
    let express =
        replay(json!({ "secret": [secret], "resave": false, "saveUninitialized": false }));
    assert!(express["store"]["sid1"].is_object(), "{express}");
    let recommended = replay(json!({ "preset": "recommended", "secret": [secret] }));
    assert!(recommended["store"]["sid1"].is_null(), "{recommended}");
    assert!(recommended.to_string().contains(r#""refused":"gone""#), "{recommended}");
}

// An operation that fails, in any of three ways, breaks nothing.
#[test]
fn with_a_fault() {
    for conflict in [Conflict::Merge, Conflict::Refuse, Conflict::Overwrite] {
        let (setting, mut lot, mut tally) = (Setting::new(conflict), Lot::new(7), Tally::default());
        for _ in 0..2_000 {
            let (ends, order) = lot.draw(2, Script::Five);
            let fault = Fault { at: lot.below(10), kind: FaultKind::ALL[lot.below(3)] };
            let case = Case::new(&ends, Script::Five, &order).fault(Some(fault));
            let history = at_once(follow(&setting, &MemoryStore::new(), &case));
            tally.add(&history.expect("it has room"));
        }
        println!("{conflict:?}: {tally}");
        tally.assert();
        assert!(tally.ends.keys().any(|end| end.contains("store")), "no request failed by it");
    }
}

// To the end of the last request, with all that it does when another one was faster.
#[test]
fn to_the_end() {
    let (setting, mut tally) = (Setting::default(), Tally::default());
    for ends in orders::ends(2) {
        let each = |history: History| tally.add(&history);
        let orders = every_order(&setting, &ends, Script::Four, MemoryStore::new, each);
        at_once(orders).expect("it has room");
    }
    println!("{tally}");
    tally.assert();
    assert!(tally.histories > 36 * 70, "{}", tally.histories);
}
