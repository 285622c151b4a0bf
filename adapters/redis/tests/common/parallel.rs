//! Writers that compare, at the same time.

use std::time::Duration;

use http_session_store::Store;
use http_session_store::core::SessionId;
use http_session_store::core::store::{Expect, Written};
use tokio::task::JoinSet;

use super::{id, load, n, number, put, record, rotate, save, unique};

/// Adds 1 until the session has another id; returns how often it was told that it did.
async fn count_up<S: Store>(store: &S, id: &SessionId) -> u64 {
    let mut counted = 0;
    while let Some(found) = load(store, id).await.expect("it works") {
        let expect = Expect::Version(found.version.expect("it has one"));
        let written = save(store, id, record(n(&found.record) + 1, None), expect).await;
        counted += u64::from(matches!(written.expect("it works"), Written::Saved(_)));
        // On a cluster, a rotation needs a moment without a write.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    counted
}

/// Writers count up, while the session gets new ids: each that was told so is counted.
pub(crate) async fn no_update_is_lost<S: Store + Clone + 'static>(store: &S) {
    let name = unique("count");
    let ids = |turn: u32| id(&format!("{name}{turn}"));
    put(store, &ids(0), record(0, None)).await;
    let mut counted = 0;
    for turn in 0..20 {
        let mut writers = JoinSet::new();
        for _ in 0..4 {
            let (store, id) = (store.clone(), ids(turn));
            writers.spawn(async move { count_up(&store, &id).await });
        }
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let found = load(store, &ids(turn)).await.expect("it works").expect("it is there");
            let expect = Expect::Version(found.version.expect("it has one"));
            let record = record(n(&found.record), None);
            match rotate(store, &ids(turn), &ids(turn + 1), record, expect).await {
                Ok(Written::Saved(_)) => break,
                Ok(Written::Changed(_)) => {}
                other => panic!("{other:?}"),
            }
            assert_eq!(number(store, &ids(turn + 1)).await, None, "it was refused");
        }
        counted += writers.join_all().await.iter().sum::<u64>();
        assert_eq!(number(store, &ids(turn + 1)).await, Some(counted));
    }
    assert!(counted >= 20, "{counted}");
}

/// Of eight that give a session new ids at once, one does.
pub(crate) async fn one_rotation_wins<S: Store + Clone + 'static>(store: &S) {
    for _ in 0..20 {
        let name = unique("race");
        let from = id(&name);
        let version = Expect::Version(put(store, &from, record(1, None)).await);
        let mut rotations = JoinSet::new();
        for turn in 0..8 {
            let expect = if turn % 2 == 0 { Expect::Present } else { version.clone() };
            let (store, from, to) = (store.clone(), from.clone(), id(&format!("{name}{turn}")));
            rotations.spawn(async move {
                let written = rotate(&store, &from, &to, record(2, None), expect).await;
                let saved = matches!(written.expect("it works"), Written::Saved(_));
                (saved, number(&store, &to).await.is_some())
            });
        }
        let mut done = rotations.join_all().await;
        done.sort_unstable();
        let mut expected = [(false, false); 8];
        expected[7] = (true, true);
        assert_eq!(done, expected);
        assert_eq!(number(store, &from).await, None);
    }
}
