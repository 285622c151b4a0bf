//! Parallel requests of one session, over connections that are kept alive.

use serde_json::Value;
use tokio::task::JoinSet;

use crate::browser::{Browser, Connection};

/// What became of parallel requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// Requests that were not answered with 200.
    pub(crate) failed: usize,
    /// Changes that are not there in the end, though their requests were answered with 200.
    pub(crate) lost: usize,
}

/// How long each handler takes between the load and the change, as it does that asks a database: with
/// this, requests overlap on a slow machine and on a fast one.
pub(crate) const DELAY: u64 = 5;

/// Adds one so many times, over 8 connections to these servers in turn.
pub(crate) async fn increments(browser: &mut Browser, ports: &[u16], count: usize) -> Outcome {
    let before = number(&browser.ok(ports[0], "GET /").await);
    let cookie = browser.cookies().expect("it has a session");
    let mut connections = JoinSet::new();
    for (number, port) in ports.iter().copied().cycle().take(8).enumerate() {
        let cookie = cookie.clone();
        connections.spawn(async move {
            let line = format!("POST /increment?key=n&delay={DELAY}");
            let mut connection = Connection::open(port).await;
            let mut failed = 0;
            for _ in (number..count).step_by(8) {
                let answer = connection.send(&line, Some(&cookie), false).await;
                failed += usize::from(answer.status != 200);
            }
            failed
        });
    }
    let failed = connections.join_all().await.into_iter().sum();
    let counted = number(&browser.ok(ports[0], "GET /").await) - before;
    Outcome { failed, lost: (count - failed).saturating_sub(counted) }
}

fn number(data: &Value) -> usize {
    data["n"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default()
}

/// Puts so many keys there, ten at a time: ten parallel requests, to these servers in turn, and when all
/// are answered the next ten.
pub(crate) async fn bursts(browser: &mut Browser, ports: &[u16], count: usize) -> Outcome {
    let cookie = browser.cookies().expect("it has a session");
    let mut connections = Vec::new();
    for port in ports.iter().copied().cycle().take(10) {
        connections.push(Connection::open(port).await);
    }
    let mut done = Vec::new();
    for burst in 0..count / 10 {
        let mut requests = JoinSet::new();
        for (number, mut connection) in connections.drain(..).enumerate() {
            let (cookie, key) = (cookie.clone(), format!("key-{}", burst * 10 + number));
            requests.spawn(async move {
                let line = format!("POST /set?key={key}&value=true&delay={DELAY}");
                let answer = connection.send(&line, Some(&cookie), false).await;
                (connection, (answer.status == 200).then_some(key))
            });
        }
        for (connection, key) in requests.join_all().await {
            connections.push(connection);
            done.extend(key);
        }
    }
    let data = browser.ok(ports[0], "GET /").await;
    let lost = done.iter().filter(|key| data[key.as_str()] != true).count();
    Outcome { failed: count - done.len(), lost }
}
