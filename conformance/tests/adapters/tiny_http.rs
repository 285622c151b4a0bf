//! The adapter of the guide keeps the contract, on a server that blocks.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::thread;

use http_session_conformance::adapter::{
    Ability, App, Body, Contract, Mounting, Reply, Routes, Started,
};
use http_session_store::Error;
use pollster::block_on;
use tiny_http::{Header, Request, Response, ResponseBox, Server};

use self::adapter::Visit;

#[expect(unreachable_pub, reason = "to its users it is a crate")]
#[path = "../../examples/tiny_http/adapter.rs"]
mod adapter;

/// More than requests that wait for each other in any check.
const WORKERS: usize = 9;

#[test]
fn tiny_http() {
    Contract::new(start)
        .without(Ability::Bytes, "header lines of tiny_http are ASCII: it closes the connection")
        .without(Ability::Connections, "tiny_http itself says so, and serves plain HTTP here")
        .without(Ability::CookieOptions, "the adapter has none by request, to remain small")
        .without(Ability::Disconnects, "tiny_http does not watch the client while a handler runs")
        .without(Ability::Routes, "tiny_http has no routes: the handler answers everything")
        .without(
            Ability::Streams,
            "tiny_http sends the head with the first KiB, or the end, of the body",
        )
        .without(Ability::TwoSessions, "a request of tiny_http has no place for a second one")
        .run()
        .assert();
}

// the guide's figures are true
#[test]
fn figures() {
    let guide = include_str!("../../WRITING-AN-ADAPTER.md");
    let about = |number: usize, what: &str| {
        let text = format!("about {} {what}", (number + 5) / 10 * 10);
        assert!(guide.contains(&text), "{text}: {number}");
    };
    let is_code = |line: &&str| !line.is_empty() && !line.trim_start().starts_with("//");
    let adapter = include_str!("../../examples/tiny_http/adapter.rs");
    about(adapter.lines().filter(is_code).count(), "lines.");
    let driver = include_str!("../../src/driver.rs");
    about(driver.lines().filter(is_code).count(), "lines that are meant to be read");
    about(Contract::checks().count(), "checks and the recorded scenarios");
}

async fn start(app: App) -> Started {
    match app.mounting() {
        Mounting::Once | Mounting::Nested => {}
        Mounting::Missing | Mounting::Late => {
            return Err("the session is an argument of the handler".into());
        }
        _ => return Err("the adapter takes the request over: nothing is left for a second".into()),
    }
    assert_eq!(app.routes(), Routes::All);
    let server = Arc::new(Server::http("127.0.0.1:0")?);
    let address = server.server_addr().to_ip().ok_or("no address")?;
    let ended = app.ended();
    let workers = server.clone();
    thread::spawn(move || {
        block_on(ended);
        (0..WORKERS).for_each(|_| workers.unblock());
    });
    for _ in 0..WORKERS {
        let (server, app) = (server.clone(), app.clone());
        thread::spawn(move || {
            let handler = |request: &mut Request, visit: &Visit| handle(&app, request, visit);
            adapter::serve(&server, &app.sessions(), &handler);
        });
    }
    Ok(address)
}

fn handle(app: &App, request: &Request, visit: &Visit) -> Result<ResponseBox, Error> {
    let session = match visit.session() {
        Ok(session) => Some(session),
        Err(Error::PathMismatch) => None,
        Err(error) => return Err(error),
    };
    let step = request.headers().iter().find(|header| header.field.equiv(App::STEP));
    let step = step.map(|header| header.value.as_str()).unwrap_or_default();
    Ok(response(block_on(app.handle(step, session))))
}

fn response(reply: Reply) -> ResponseBox {
    let headers = reply.headers.iter().map(|(name, value)| {
        Header::from_bytes(name.as_str(), value.as_bytes()).expect("a line in ASCII")
    });
    let (reader, length): (Box<dyn Read + Send>, _) = match reply.body {
        Body::Whole(body) => (Box::new(Cursor::new(body.to_vec())), Some(body.len())),
        Body::Chunks(_) => unreachable!("no streams"),
    };
    Response::new(reply.status.as_u16().into(), headers.collect(), reader, length, None)
}
