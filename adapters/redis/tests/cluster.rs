//! Redis Cluster: the same answers, and a rotation that is not one step.
#![cfg(feature = "cluster")]

mod common;

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use http_session_conformance::servers::Private;
use http_session_redis::RedisStore;
use http_session_store::core::store::{Expect, Written};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use tokio::runtime::Runtime;

use self::common::{PATIENCE, id, load, model, number, parallel, put, raw, record, rotate, run};

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are free ports");
    listener.local_addr().expect("it is bound").port()
}

/// Three servers that divide the slots among themselves.
struct Cluster {
    nodes: Vec<MultiplexedConnection>,
    servers: Vec<Private>,
    store: RedisStore<ClusterConnection>,
}

impl Cluster {
    async fn new(test: &str) -> Option<Self> {
        let (mut buses, mut nodes, mut servers) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            let bus = free_port().to_string();
            let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            servers.push(Private::redis(test, &arguments)?);
            buses.push(bus);
        }
        for (index, server) in servers.iter().enumerate() {
            let node = raw(&server.url()).await;
            let (first, last) = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)][index];
            let (first, last) = (format!("{first}"), format!("{last}"));
            run::<()>(&node, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]).await;
            if let Some(one) = nodes.first() {
                let port = server.port().to_string();
                let meet = ["CLUSTER", "MEET", "127.0.0.1", &port, &buses[index]];
                run::<()>(one, &meet).await;
            }
            nodes.push(node);
        }
        let started = Instant::now();
        for node in &nodes {
            while !run::<String>(node, &["CLUSTER", "INFO"]).await.contains("cluster_state:ok") {
                assert!(started.elapsed() < Duration::from_secs(60), "the nodes do not meet");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let client = ClusterClient::builder(servers.iter().map(Private::url)).retries(0);
        let client = client.response_timeout(PATIENCE).build().expect("sound options");
        let connection = client.get_async_connection().await.expect("they answer");
        let store = RedisStore::new(connection).timeout(PATIENCE);
        Some(Self { nodes, servers, store })
    }

    /// How many keys there are on each node.
    async fn sizes(&self) -> Vec<u64> {
        let mut sizes = Vec::new();
        for node in &self.nodes {
            sizes.push(run(node, &["DBSIZE"]).await);
        }
        sizes
    }
}

// the same answers as on one server, whichever the slots; and the same under parallel writers, as long
// as nothing fails
#[test]
fn as_the_model() {
    let runtime = Runtime::new().expect("a runtime");
    let Some(cluster) = runtime.block_on(Cluster::new("cluster")) else { return };
    model::is_as_the_model(&runtime, cluster.store.clone());
    runtime.block_on(async {
        parallel::no_update_is_lost(&cluster.store).await;
        parallel::one_rotation_wins(&cluster.store).await;
        // The keys are not all on one node, so neither were the rotations.
        for number in 0..64 {
            put(&cluster.store, &id(&format!("{number}")), record(1, None)).await;
        }
        let sizes = cluster.sizes().await;
        assert!(sizes.iter().all(|size| *size > 0), "{sizes:?}");
        // Scripts come back by themselves.
        for node in &cluster.nodes {
            run::<()>(node, &["SCRIPT", "FLUSH"]).await;
        }
        for number in 0..64 {
            let (from, to) = (id(&format!("{number}")), id(&format!("new{number}")));
            let rotated =
                rotate(&cluster.store, &from, &to, record(2, None), Expect::Present).await;
            assert!(matches!(rotated, Ok(Written::Saved(_))), "{rotated:?}");
            assert_eq!(load(&cluster.store, &from).await.expect("it works"), None);
        }
    });
}

// a node that is away: definite answers for its slots, service for the others, and all of it again
// when it is back
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away() {
    let Some(mut cluster) = Cluster::new("a_node_that_is_away").await else { return };
    let ids: Vec<_> = (0..48).map(|number| id(&format!("{number}"))).collect();
    for id in &ids {
        put(&cluster.store, id, record(1, None)).await;
    }
    let lost = cluster.sizes().await[2];
    assert!((1..48).contains(&lost), "{lost}");
    for node in &cluster.nodes {
        run::<()>(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
    }
    cluster.servers[2].kill();
    let store = cluster.store.clone().timeout(Duration::from_secs(3));
    let mut failed = 0;
    for id in &ids {
        let asked = Instant::now();
        failed += u64::from(load(&store, id).await.is_err());
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    }
    assert!(failed >= lost, "{failed} of {lost}");
    assert!(failed < 48, "the others are served");

    // It has kept its place in the cluster (nodes.conf), not its records.
    cluster.servers[2].start();
    let back = Instant::now();
    for id in &ids {
        while load(&store, id).await.is_err() {
            assert!(back.elapsed() < Duration::from_secs(60), "it does not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    put(&store, &ids[0], record(2, None)).await;
    assert_eq!(number(&store, &ids[0]).await, Some(2));
}
