//! What parallel requests of one session lose, with express-session and with http-session, on the same
//! servers: a table in Markdown.
//!
//! ```sh
//! cargo run --release -p http-session-conformance --example parallel
//! ```
//!
//! It needs Node, npm, `redis-server` and PostgreSQL's `initdb` and `postgres`; it starts servers of its
//! own. Each service runs as two processes; each handler takes 5 ms between the load and the change.

#[path = "interop_app.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod app;
#[path = "../tests/common/apps.rs"]
#[expect(dead_code, reason = "shared with tests")]
mod apps;
#[path = "../tests/common/browser.rs"]
#[expect(dead_code, reason = "shared with tests")]
mod browser;
#[path = "../tests/common/load.rs"]
mod load;

use http_session_conformance::servers::Private;
use serde_json::{Value, json};

use self::apps::{App, Kind, Side, Store};
use self::browser::Browser;

const SECRET: &str = "a secret that has more than its 32 bytes";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(arguments) = apps::arguments() {
        return app::serve(&arguments).await;
    }
    let test = "parallel";
    let (redis, postgres) = (Private::redis(test, &[]), Private::postgres(test, &[], None));
    let (Some(redis), Some(postgres)) = (redis, postgres) else { return Ok(()) };
    apps::install(test).ok_or("Node and npm are needed")?;
    let express = json!({ "secret": [SECRET] });
    let merge = json!({ "secret": [SECRET], "conflict": "merge" });
    let recommended = json!({ "secret": [SECRET], "preset": "recommended" });
    println!(
        "| two processes of | on | keys lost of 200 | increments lost of 1,000 | requests failed of 1,200 \
         | commands of the store per request |\n| --- | --- | --- | --- | --- | --- |"
    );
    let json = Kind::Postgres("json");
    for (server, kind, name) in [(&redis, Kind::Redis, "Redis"), (&postgres, json, "PostgreSQL")] {
        let store = if kind == Kind::Redis { "connect-redis" } else { "connect-pg-simple" };
        let node = format!("express-session with {store}");
        for (service, side, options) in [
            (node.as_str(), Side::Node, &express),
            ("http-session, `express` with `Merge`", Side::Rust, &merge),
            ("http-session, `recommended`", Side::Rust, &recommended),
        ] {
            let row = measure(server, kind, side, options).await;
            println!("| {service} | {name} | {row} |");
        }
    }
    Ok(())
}

async fn measure(server: &Private, kind: Kind, side: Side, options: &Value) -> String {
    let store = Store::on(server.url(), "parallel", kind).await;
    let apps = [(); 2].map(|()| App::start(side, &store, options));
    let ports = apps.each_ref().map(|app| app.port);
    let mut browser = Browser::default();
    browser.ok(ports[0], "POST /login?user=ada").await;
    let before = store.commands().await;
    let bursts = load::bursts(&mut browser, &ports, 200).await;
    let increments = load::increments(&mut browser, &ports, 1_000).await;
    if kind != Kind::Redis {
        // A connection says what it has done when it ends.
        drop(apps);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    let commands = store.commands().await - before;
    format!(
        "{} | {} | {} | {:.1}",
        bursts.lost,
        increments.lost,
        bursts.failed + increments.failed,
        commands as f64 / 1_203.0
    )
}
