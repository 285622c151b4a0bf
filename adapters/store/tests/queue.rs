//! The turns of parallel writes: those of one session are nothing to another one.

mod common;

use std::time::Duration;

use http_session_store::core::store::{Stored, Version, Written};

use self::common::{Op, World, safe};

// a write that is tried again and hangs holds up no other session's write
#[tokio::test]
async fn another_session_does_not_wait() {
    let world = World::on_tls(safe());
    let mut cookies = Vec::new();
    for _ in 0..64 {
        cookies.push(world.logged_in().await);
    }
    let first = world.again(&cookies.remove(0)).await;
    first.insert("n", 2).expect("a session");
    let record = world.store.records().remove("sid1").expect("it is there");
    let version = Some(Version(b"another".as_slice().into()));
    world.store.answer_save(Written::Changed(Stored { version, ..Stored::new(record) }));
    let gate = world.store.hold(Op::Save);
    let sessions = world.sessions.clone();
    let closing = tokio::spawn(async move { sessions.close(&first).await.is_ok() });
    gate.reached().await;
    let mut waited = 0;
    for cookie in &cookies {
        let session = world.again(cookie).await;
        session.insert("n", 3).expect("a session");
        let closed = tokio::time::timeout(Duration::from_millis(100), world.close(&session)).await;
        waited += u32::from(closed.is_err());
    }
    gate.open();
    let _ = closing.await.expect("no panic");
    assert_eq!(waited, 0, "of 63 other sessions");
}
