//! `kill -9` while sessions get new ids.

mod common;

use std::time::{Duration, Instant};

use http_session_conformance::servers::Private;
use http_session_redis::RedisStore;
use http_session_store::AtomicRotation;
use http_session_store::core::store::{Expect, Written};
use tokio::task::JoinSet;

use self::common::{PATIENCE, id, number, put, record, rotate};

const KILLS: u64 = 100;
const SESSIONS: u64 = 6;

/// Gives the session one new id after the other, until nobody knows whether it has the next.
async fn rotate_on(store: &impl AtomicRotation, session: u64, mut turn: u64) -> u64 {
    loop {
        let (from, to) = (name(session, turn), name(session, turn + 1));
        match rotate(store, &id(&from), &id(&to), record(turn + 1, None), Expect::Present).await {
            Ok(Written::Saved(_)) => turn += 1,
            Ok(other) => panic!("{other:?}"),
            Err(_) => return turn,
        }
    }
}

fn name(session: u64, turn: u64) -> String {
    format!("{session}:{turn}")
}

// ST-11: never both ids, never neither; and the new one if it was acknowledged
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_rotating() {
    let durable = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(mut server) = Private::redis("killed_while_rotating", &durable) else { return };
    let store = RedisStore::connect(&server.url()).await.expect("it answers").timeout(PATIENCE);
    let mut turns = [0; SESSIONS as usize];
    for session in 0..SESSIONS {
        put(&store, &id(&name(session, 0)), record(0, None)).await;
    }
    let (started, mut acknowledged, mut done, mut not_done) = (Instant::now(), 0, 0, 0);
    for kill in 0..KILLS {
        let mut rotations = JoinSet::new();
        for session in 0..SESSIONS {
            // One that begins when the server is dead does not wait for the next one.
            let hasty = store.clone().timeout(Duration::from_millis(300));
            let turn = turns[session as usize];
            rotations.spawn(async move { (session, rotate_on(&hasty, session, turn).await) });
        }
        tokio::time::sleep(Duration::from_micros(kill * 7_919 % 10_000)).await;
        server.kill();
        let ends = rotations.join_all().await;
        server.start();
        for (session, turn) in ends {
            let old = number(&store, &id(&name(session, turn))).await;
            let new = number(&store, &id(&name(session, turn + 1))).await;
            acknowledged += turn - turns[session as usize];
            turns[session as usize] = match (old, new) {
                (Some(n), None) if n == turn => {
                    not_done += 1;
                    turn
                }
                (None, Some(n)) if n == turn + 1 => {
                    done += 1;
                    turn + 1
                }
                both => panic!("kill {kill}, session {session}: {both:?}"),
            };
        }
    }
    println!("{KILLS} kills in {:?}: {acknowledged} acknowledged", started.elapsed());
    println!("unknown: {done} done, {not_done} not done");
    assert!(acknowledged > 0 && done > 0 && not_done > 0, "the kills hit nothing");
    // Nor is anything left from before.
    assert_eq!(store.ids().await.expect("it works").len() as u64, SESSIONS);
}
