//! Each operation under each fault of the server and of the way to it.

mod common;

use std::time::Duration;

use http_session_conformance::outages::{Operation, Outages, Proxy, WayFault};
use http_session_conformance::servers::Private;
use http_session_redis::RedisStore;

use self::common::{PATIENCE, raw, run};

/// What the store waits, and what it may take on a busy machine until it says that it has waited.
const LIMIT: Duration = Duration::from_millis(500);
const IN_TIME: Duration = Duration::from_secs(10);

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn each_operation_under_each_fault() {
    let Some(server) = Private::redis("outages", &["--maxmemory-policy", "noeviction"]) else {
        return;
    };
    let admin = raw(&server.url()).await;
    run::<()>(&admin, &["ACL", "SETUSER", "app", "on", ">old", "~*", "&*", "+@all"]).await;
    let proxy = Proxy::start(server.port());
    let store = async |port: u16| {
        let url = format!("redis://app:old@127.0.0.1:{port}/");
        RedisStore::connect(&url).await.expect("it answers")
    };
    let (way, direct) =
        (store(proxy.port()).await.timeout(LIMIT), RedisStore::connect(&server.url()).await);
    let direct = direct.expect("it answers").timeout(PATIENCE);
    let mut outages = Outages::new(way, direct, proxy, IN_TIME).await;
    for fault in WayFault::usual(LIMIT * 2) {
        assert!(outages.on_the_way(fault).await.failed().eq(Operation::ALL));
    }
    for answer in ["HTTP/1.1 400\r\n\r\n", "*0\r\n", "+PONG\r\n", "%1\r\n+a\r\n:1\r\n"] {
        let row = outages.on_the_way(WayFault::Garbled(answer.into())).await;
        assert!(row.failed().eq(Operation::ALL), "{row}");
    }
    // How many keys were deleted: nobody asks.
    let row = outages.on_the_way(WayFault::Garbled(b":7\r\n".into())).await;
    assert!(row.failed().eq(Operation::ALL.into_iter().take(7)), "{row}");
    // RESP3 may say something besides: that is no fault.
    let row = outages.on_the_way(WayFault::Garbled(b"|1\r\n+a\r\n:1\r\n+OK\r\n".into())).await;
    let accepted = |operation| matches!(operation, Operation::Create | Operation::Overwrite);
    assert!(row.failed().eq(Operation::ALL.into_iter().filter(|each| !accepted(*each))), "{row}");
    let lock_out = async |locked: bool| {
        let password = if locked { ">new" } else { ">old" };
        run::<()>(&admin, &["ACL", "SETUSER", "app", "resetpass", password]).await;
        if locked {
            run::<()>(&admin, &["CLIENT", "KILL", "USER", "app"]).await;
        }
    };
    let row = outages.at_the_server("no longer let in", lock_out).await;
    assert!(row.failed().eq(Operation::ALL), "{row}");
    let forbid = async |forbidden: bool| {
        let rule = if forbidden { "-@all" } else { "+@all" };
        run::<()>(&admin, &["ACL", "SETUSER", "app", rule]).await;
    };
    let row = outages.at_the_server("no longer allowed anything", forbid).await;
    assert!(row.failed().eq(Operation::ALL), "{row}");
    let demote = async |demoted: bool| {
        let [host, port] = if demoted { ["127.0.0.1", "1"] } else { ["NO", "ONE"] };
        run::<()>(&admin, &["REPLICAOF", host, port]).await;
    };
    let row = outages.at_the_server("a replica that is read-only", demote).await;
    assert!(row.failed().eq(Operation::ALL.into_iter().skip(1)), "{row}");
    let fill = async |full: bool| {
        let memory = if full { "1" } else { "0" };
        run::<()>(&admin, &["CONFIG", "SET", "maxmemory", memory]).await;
    };
    let row = outages.at_the_server("out of memory", fill).await;
    let saves = [Operation::Create, Operation::Update, Operation::Overwrite];
    assert!(row.failed().eq(saves), "{row}");
    println!("{outages}");
    outages.assert();
}
