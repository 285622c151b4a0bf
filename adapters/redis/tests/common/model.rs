//! The same operations to a store and to a `MemoryStore`, whose answers are the model.

use std::collections::BTreeSet;
use std::time::Duration;

use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Touch, Version, Written,
};
use http_session_store::core::{SessionId, Timestamp};
use http_session_store::{MemoryStore, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{cookie, id, n, now, record, unique};

#[derive(Clone, Copy, Debug)]
enum Op {
    Delete(usize),
    Load(usize, bool),
    Rotate(usize, usize, Wanted, Option<i64>),
    Save(usize, Wanted, Option<i64>),
    Touch(usize, Option<i64>),
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Absent,
    Anything,
    Present,
    /// What was last written to this id.
    Version,
    /// What was written somewhere, some time.
    OtherVersion(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let id = || 0..3_usize;
    let end = || {
        prop_oneof![
            3 => Just(None),
            3 => Just(Some(3_600_000)),
            1 => prop_oneof![Just(Some(0)), Just(Some(-1_000))],
        ]
    };
    let wanted = || {
        prop_oneof![
            1 => Just(Wanted::Absent),
            1 => Just(Wanted::Anything),
            1 => Just(Wanted::Present),
            3 => Just(Wanted::Version),
            1 => (0..9_usize).prop_map(Wanted::OtherVersion),
        ]
    };
    prop_oneof![
        1 => id().prop_map(Op::Delete),
        2 => (id(), any::<bool>()).prop_map(|(id, refresh)| Op::Load(id, refresh)),
        3 => (id(), id(), wanted(), end()).prop_map(|(from, to, wanted, end)| Op::Rotate(from, to, wanted, end)),
        4 => (id(), wanted(), end()).prop_map(|(id, wanted, end)| Op::Save(id, wanted, end)),
        1 => (id(), end()).prop_map(|(id, end)| Op::Touch(id, end)),
    ]
}

/// A store and its model.
struct Pair<S> {
    /// What both have answered to conditional writes, as `save Present Gone`.
    answers: BTreeSet<String>,
    ids: [SessionId; 3],
    /// Of each id: the versions that were last written.
    last: [Option<usize>; 3],
    model: MemoryStore,
    next: u64,
    now: Timestamp,
    store: S,
    /// The model's and the store's.
    versions: Vec<(Version, Version)>,
}

impl<S: Store> Pair<S> {
    fn new(store: S) -> Self {
        let name = unique("model");
        let ids = [0, 1, 2].map(|number| id(&format!("{name}{number}")));
        let (answers, model) = (BTreeSet::new(), MemoryStore::new());
        let (last, next, versions) = ([None; 3], 0, Vec::new());
        Self { answers, ids, last, model, next, now: now(), store, versions }
    }

    fn end(&self, millis: Option<i64>) -> Option<Timestamp> {
        self.now.plus_millis(millis?)
    }

    /// The precondition for the model, and for the store.
    fn expect(&self, id: usize, wanted: Wanted) -> (Expect, Expect) {
        let both = |expect: Expect| (expect.clone(), expect);
        let index = match wanted {
            Wanted::Absent => return both(Expect::Absent),
            Wanted::Anything => return both(Expect::Anything),
            Wanted::Present => return both(Expect::Present),
            Wanted::Version => self.last[id],
            Wanted::OtherVersion(back) => self.versions.len().checked_sub(back + 1),
        };
        let none = || both(Expect::Version(Version(Box::from(*b"none"))));
        index.and_then(|index| self.versions.get(index)).map_or_else(none, |(model, store)| {
            (Expect::Version(model.clone()), Expect::Version(store.clone()))
        })
    }

    /// Both answers to a write are of one kind.
    fn written(&mut self, of: &str, to: usize, wanted: Wanted, model: Written, store: Written) {
        let kind = match (model, store) {
            (Written::Saved(Some(model)), Written::Saved(Some(store))) => {
                self.last[to] = Some(self.versions.len());
                self.versions.push((model, store));
                "Saved"
            }
            (Written::Changed(model), Written::Changed(store)) => {
                assert_eq!(n(&model.record), n(&store.record));
                assert_eq!(store.version, Some(Version(store.record.into())));
                "Changed"
            }
            (Written::Exists, Written::Exists) => "Exists",
            (Written::Gone, Written::Gone) => "Gone",
            (model, store) => panic!("{model:?} {store:?}"),
        };
        let wanted = format!("{wanted:?}");
        let wanted = wanted.trim_start_matches("Other").split('(').next().unwrap_or_default();
        self.answers.insert(format!("{of} {wanted} {kind}"));
    }

    async fn carry_out(&mut self, op: Op) {
        let now = self.now;
        self.next += 1;
        match op {
            Op::Delete(id) => {
                let delete = Delete::new(self.ids[id].clone(), now);
                self.model.delete(&delete).await.expect("it works");
                self.store.delete(&delete).await.expect("it works");
            }
            Op::Load(id, refresh) => {
                let refresh = refresh.then_some(Duration::from_secs(600));
                let load = Load::new(self.ids[id].clone(), now, refresh);
                let model = Store::load(&self.model, &load).await.expect("it works");
                let store = self.store.load(&load).await.expect("it works");
                assert_eq!(
                    model.map(|found| n(&found.record)),
                    store.map(|found| n(&found.record))
                );
            }
            Op::Rotate(from, to, wanted, end) => {
                let record = record(self.next, self.end(end));
                let rotate = |expect| {
                    let (from, to) = (self.ids[from].clone(), self.ids[to].clone());
                    Rotate::new(from, to, record.clone(), expect, now)
                };
                let (for_model, for_store) = self.expect(from, wanted);
                let model = Store::rotate(&self.model, &rotate(for_model)).await.expect("it works");
                let store = self.store.rotate(&rotate(for_store)).await.expect("it works");
                self.written("rotate", to, wanted, model, store);
            }
            Op::Save(id, wanted, end) => {
                let record = record(self.next, self.end(end));
                let save = |expect| Save::new(self.ids[id].clone(), record.clone(), expect, now);
                let (for_model, for_store) = self.expect(id, wanted);
                let model = Store::save(&self.model, &save(for_model)).await.expect("it works");
                let store = self.store.save(&save(for_store)).await.expect("it works");
                self.written("save", id, wanted, model, store);
            }
            Op::Touch(id, end) => {
                let end = self.end(end);
                let touch = Touch::new(self.ids[id].clone(), cookie(end), end, None, now);
                let model = Store::touch(&self.model, &touch).await.expect("it works");
                assert_eq!(self.store.touch(&touch).await.expect("it works"), model);
            }
        }
        for id in 0..3 {
            let load = Load::new(self.ids[id].clone(), now, None);
            let model = Store::load(&self.model, &load).await.expect("it works");
            let store = self.store.load(&load).await.expect("it works");
            assert_eq!(
                model.map(|found| n(&found.record)),
                store.map(|found| n(&found.record)),
                "{op:?}"
            );
        }
    }
}

/// Whatever is done in whatever order, the store answers as the model does and holds what it holds.
pub(crate) fn is_as_the_model(runtime: &tokio::runtime::Runtime, store: impl Store + Clone) {
    let mut answers = BTreeSet::new();
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let ops = proptest::collection::vec(op(), 1..40);
    let seen = std::cell::RefCell::new(&mut answers);
    let run = TestRunner::new(config).run(&ops, |ops| {
        let mut pair = Pair::new(store.clone());
        runtime.block_on(async {
            for op in ops {
                pair.carry_out(op).await;
            }
            for id in 0..3 {
                pair.carry_out(Op::Delete(id)).await;
            }
        });
        seen.borrow_mut().append(&mut pair.answers);
        Ok(())
    });
    run.expect("they answer alike");
    let mut all = vec![
        "rotate Absent Exists",
        "rotate Absent Saved",
        "rotate Anything Exists",
        "rotate Anything Saved",
        "rotate Present Exists",
        "rotate Present Gone",
        "rotate Present Saved",
        "rotate Version Changed",
        "rotate Version Exists",
        "rotate Version Gone",
        "rotate Version Saved",
        "save Absent Exists",
        "save Absent Saved",
        "save Anything Saved",
        "save Present Gone",
        "save Present Saved",
        "save Version Changed",
        "save Version Gone",
        "save Version Saved",
    ];
    all.sort_unstable();
    assert_eq!(answers.iter().map(String::as_str).collect::<Vec<_>>(), all);
}
