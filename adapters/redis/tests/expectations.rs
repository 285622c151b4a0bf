//! Every operation on every state, and what several do at the same time.

mod common;

use http_session_conformance::servers;
use http_session_redis::RedisStore;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

use self::common::{PATIENCE, model, parallel, raw, shared, unique};

// the reference is MemoryStore
#[test]
fn as_the_model() {
    let runtime = Runtime::new().expect("a runtime");
    let Some(store) = runtime.block_on(shared("as_the_model")) else { return };
    model::is_as_the_model(&runtime, store.clone());
    runtime.block_on(store.clear()).expect("it works");
}

// a plain connection serves as well
#[test]
fn as_the_model_on_a_plain_connection() {
    let Some(url) = servers::redis("as_the_model_on_a_plain_connection") else { return };
    let runtime = Runtime::new().expect("a runtime");
    let connection = runtime.block_on(raw(&url));
    let store: RedisStore<MultiplexedConnection> = RedisStore::new(connection);
    let store = store.prefix(&unique("plain")).timeout(PATIENCE);
    model::is_as_the_model(&runtime, store.clone());
    runtime.block_on(store.clear()).expect("it works");
}

// no update is lost between writers that compare, and none when the session gets a new id meanwhile
#[tokio::test(flavor = "multi_thread")]
async fn parallel_writers_and_rotations() {
    let Some(store) = shared("parallel_writers_and_rotations").await else { return };
    parallel::no_update_is_lost(&store).await;
    parallel::one_rotation_wins(&store).await;
    store.clear().await.expect("it works");
}
