//! A server that blocks, with sessions: it counts visits, and somebody can log in and out.
//!
//! ```sh
//! cargo run -p http-session-conformance --example tiny_http
//! curl -c jar -b jar http://127.0.0.1:3000/
//! curl -c jar -b jar -d ada http://127.0.0.1:3000/log-in
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/log-out
//! ```
//!
//! `PORT` is another port. The adapter, which is what there is to see, is in `adapter.rs`.

use std::io::{self, Read};
use std::{env, thread};

use http_session_store::core::Config;
use http_session_store::{Error, MemoryStore, Sessions, secret_from_env};
use pollster::block_on;
use tiny_http::{Method, Request, Response, ResponseBox, Server};

use self::adapter::Visit;

#[expect(unreachable_pub, reason = "to its users it is a crate")]
mod adapter;

/// How many requests are handled at the same time.
const WORKERS: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    // Good enough to try things out: a service refuses to start without a secret.
    let secret = secret_from_env("SESSION_SECRET")
        .unwrap_or_else(|_| "nobody else reaches this server, as it is on loopback".into());
    let config = Config::recommended(secret).for_localhost().build()?;
    let sessions = Sessions::new(config, MemoryStore::new());
    let server = Server::http(("127.0.0.1", port))?;
    println!("http://{}/", server.server_addr());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| adapter::serve(&server, &sessions, &handle));
        }
    });
    Ok(())
}

fn handle(request: &mut Request, visit: &Visit) -> Result<ResponseBox, Error> {
    let path = request.url().split('?').next().unwrap_or_default();
    match (request.method(), path) {
        (Method::Get | Method::Head, "/") => visits(visit),
        (Method::Post, "/log-in") => log_in(request, visit),
        (Method::Post, "/log-out") => {
            block_on(visit.session()?.destroy())?;
            Ok(text("Bye."))
        }
        // It did not ask for the session: that is left alone.
        _ => Ok(Response::from_string("No such page.\n").with_status_code(404).boxed()),
    }
}

fn visits(visit: &Visit) -> Result<ResponseBox, Error> {
    let session = visit.session()?;
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or_default() + 1)?;
    let user: Option<String> = session.get("user")?;
    let user = user.unwrap_or_else(|| "nobody in particular".into());
    Ok(text(&format!("Visit {visits} of {user}.")))
}

/// The body is the name.
fn log_in(request: &mut Request, visit: &Visit) -> Result<ResponseBox, Error> {
    let Ok(name) = name(request) else {
        return Ok(Response::from_string("A name?\n").with_status_code(400).boxed());
    };
    block_on(visit.session()?.log_in("user", &name))?;
    Ok(text(&format!("Welcome, {name}.")))
}

fn name(request: &mut Request) -> io::Result<String> {
    let mut name = String::new();
    request.as_reader().take(100).read_to_string(&mut name)?;
    Ok(name)
}

fn text(line: &str) -> ResponseBox {
    Response::from_string(format!("{line}\n")).boxed()
}
