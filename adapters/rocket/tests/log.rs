//! What goes to Rocket's log: `log`'s, if nobody subscribed to `tracing`.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use std::sync::Mutex;

use common::{Op, World, quiet};
use http_session_rocket::{Error, Session, Sessions, session_fairing_from};
use rocket::local::asynchronous::Client;
use rocket::{Request, catch, catchers, get, routes};

struct Lines;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) && record.target().starts_with("http_session") {
            LINES.lock().expect("no panic").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// What was logged since the last time.
fn lines() -> Vec<String> {
    std::mem::take(&mut *LINES.lock().expect("no panic"))
}

#[get("/asked")]
fn asked(session: Result<Session, Error>) -> Result<(), Error> {
    session.map(drop)
}

#[get("/ended")]
async fn ended(session: Session) -> Result<(), Error> {
    session.destroy().await?;
    Ok(session.insert("n", "hunter2")?)
}

#[get("/given-up")]
fn given_up(session: Session) {
    Sessions::abandon(&session);
}

#[catch(404)]
async fn other(request: &Request<'_>) -> Result<(), Error> {
    struct Other;
    match request.guard::<Session<Other>>().await {
        rocket::outcome::Outcome::Error((_, error)) => Err(error),
        _ => Ok(()),
    }
}

// LG-1: what goes wrong is logged once, with what to do about it, and neither ids nor data
#[tokio::test]
async fn logged_once() {
    log::set_logger(&Lines).expect("nobody has set one");
    log::set_max_level(log::LevelFilter::Warn);
    let world = World::new(quiet());
    let fairing = || session_fairing_from(world.sessions.clone());
    let rocket =
        rocket::build().mount("/", routes![asked, ended, given_up]).register("/", catchers![other]);
    let client = Client::untracked(rocket.attach(fairing())).await.expect("it launches");
    let cookie = world.logged_in().await;
    let cookie = || rocket::http::Header::new("Cookie", cookie.to_str().unwrap_or("").to_owned());

    // What the audit finds.
    assert!(lines().iter().all(|line| line.starts_with("session configuration ")));
    world.store.fail(Op::Load);
    client.get("/asked").header(cookie()).dispatch().await;
    assert_eq!(
        lines(),
        ["session failed error=the session store failed source=connection refused"]
    );

    client.get("/ended").header(cookie()).dispatch().await;
    let [line] = &lines()[..] else { panic!("it is logged once") };
    assert!(line.starts_with("session failed error=no session: it was destroyed"), "{line}");

    client.get("/given-up").dispatch().await;
    let [line] = &lines()[..] else { panic!("it is logged once") };
    assert!(line.contains("the session's request has ended"), "{line}");

    client.get("/nowhere").dispatch().await;
    let [line] = &lines()[..] else { panic!("it is logged once") };
    assert!(line.contains("attach a session_fairing"), "{line}");

    let twice = rocket::build().attach(fairing()).attach(fairing().marker::<()>());
    twice.ignite().await.expect_err("it does not launch").kind();
    let [line] = &lines()[..] else { panic!("it is logged once") };
    assert!(line.starts_with("session fairing refused error=two session layers"), "{line}");
}
