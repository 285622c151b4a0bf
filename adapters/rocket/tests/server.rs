//! Rocket on the loopback interface, and what comes over the wire: what is Rocket's own. The rest is in the
//! contract for adapters.

#[path = "../../store/tests/common/mod.rs"]
mod common;
#[path = "../../store/tests/common/wire.rs"]
mod wire;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;

use common::{Gate, Op, World, count, quiet, settle};
use http_session_rocket::{Error, Session, SessionFairing, session_fairing_from};
use rocket::config::{LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::{Build, Rocket, State, get, routes};
use tokio::sync::oneshot;
use wire::{begin, send};

fn rocket() -> Rocket<Build> {
    let shutdown = Shutdown { ctrlc: false, signals: HashSet::new(), ..Shutdown::default() };
    let config = rocket::Config {
        log_level: LogLevel::Off,
        port: 0,
        shutdown,
        ..rocket::Config::debug_default()
    };
    rocket::custom(config)
}

fn fairing(world: &World) -> SessionFairing {
    session_fairing_from(world.sessions.clone())
}

async fn serve(rocket: Rocket<Build>) -> SocketAddr {
    let (launched, address) = oneshot::channel();
    let launched = Mutex::new(Some(launched));
    let liftoff = AdHoc::on_liftoff("address", move |rocket| {
        Box::pin(async move {
            let launched = launched.lock().expect("no panic").take().expect("it launches once");
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            launched.send(address).expect("it is awaited");
        })
    });
    tokio::spawn(rocket.attach(liftoff).launch());
    address.await.expect("it launches")
}

#[get("/")]
fn visit(session: Session) -> Result<String, Error> {
    Ok(format!("visit {}", count(&session)?))
}

// a target in absolute form is a path as any other
#[tokio::test]
async fn an_absolute_target() {
    let world = World::new(quiet());
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    let cookie = world.logged_in().await;
    let line = [b"Cookie: ", cookie.as_bytes(), b"\r\n"].concat();
    assert_eq!(send(address, "GET http://localhost/", line).await.1, "visit 2");
}

// what Rocket can't do: a request that it can't parse has no session, a Cookie line that is not UTF-8 is
// dropped with our cookie in it
#[tokio::test]
async fn what_rocket_drops() {
    let world = World::new(quiet().save_uninitialized(true));
    let address = serve(rocket().attach(fairing(&world)).mount("/", routes![visit])).await;
    let cookie = world.logged_in().await;
    let line = |more: &[u8]| [b"Cookie: ", cookie.as_bytes(), more, b"\r\n"].concat();
    let (head, _) = send(address, "BREW /", line(b"")).await;
    assert!(head.starts_with("HTTP/1.1 400 ") && !head.contains("set-cookie"), "{head}");
    assert_eq!(world.store.calls(), [""; 0]);
    assert_eq!(send(address, "GET /", line(b"")).await.1, "visit 2");
    assert_eq!(send(address, "GET /", line(b"; a=\xFF")).await.1, "visit 1");
}

// a client that hangs up while its handler runs: Rocket carries on, and the session is saved
#[tokio::test]
async fn a_client_that_hangs_up() {
    #[get("/slow")]
    async fn slow(session: Session, gate: &State<Gate>) -> Result<(), Error> {
        gate.wait().await;
        Ok(session.insert("n", 1)?)
    }
    let (world, gate) = (World::new(quiet()), Gate::default());
    let rocket = rocket().attach(fairing(&world)).manage(gate.clone()).mount("/", routes![slow]);
    let saved = world.store.hold(Op::Save);
    let stream = begin(serve(rocket).await, "GET /slow", "").await;
    gate.reached().await;
    drop(stream);
    settle().await;
    gate.open();
    saved.reached().await;
    saved.open();
    saved.passed().await;
    assert!(world.store.records()["sid1"].ends_with(r#""n":1}"#));
}
