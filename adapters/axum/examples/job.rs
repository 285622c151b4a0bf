//! A job changes sessions while requests do, and nobody's change is lost.
//!
//! ```sh
//! cargo run -p http-session-axum --example job
//! for i in $(seq 20); do curl -sb jar -c jar http://localhost:3000/; done
//! curl -b jar http://localhost:3000/logout
//! ```
//!
//! Each request takes a while and counts a visit, and every second the job puts a coin into each
//! session: the visits are all yours, and the coins are the seconds, until you log out.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http_session_axum::core::Timestamp;
use http_session_axum::{Config, Error, MemoryStore, Session, Sessions, session_layer_from, store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service reads its secret: with one of its own making, each restart logs everybody out.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let config = Config::recommended(secret).for_localhost().build()?;
    let store = MemoryStore::new();
    let sessions = Sessions::new(config, store.clone());
    let app = app(sessions.clone());
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        loop {
            clock.tick().await;
            pay(&sessions, &store).await;
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("Listening on http://localhost:3000/ (Ctrl-C stops it)");
    Ok(axum::serve(listener, app).await?)
}

pub(crate) fn app(sessions: Sessions) -> Router {
    Router::new()
        .route("/", get(visit))
        .route("/logout", get(log_out))
        .layer(session_layer_from(sessions))
}

async fn visit(session: Session) -> Result<String, Error> {
    let coins = session.get::<u64>("coins")?.unwrap_or_default();
    // The job comes in between.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or_default() + 1)?;
    Ok(format!("visit {visits}, {coins} coins\n"))
}

async fn log_out(session: Session) -> Result<&'static str, Error> {
    session.destroy().await?;
    Ok("bye\n")
}

/// Puts a coin into each session; returns how many got one. A service knows the ids of its sessions
/// from a table of its own: a store on a server is not to be read from end to end.
///
/// A save counts as use: what is paid more often than the idle timeout lives until the absolute
/// one.
pub(crate) async fn pay(sessions: &Sessions, store: &MemoryStore) -> usize {
    let now: Timestamp = sessions.now();
    let mut paid = 0;
    for (id, _) in store.all(now) {
        // Of parallel changes all count: this is called again with what a request has saved
        // meanwhile.
        let coin = |coins: Option<u64>| coins.unwrap_or_default() + 1;
        match sessions.edit(id, |session| session.update("coins", coin)).await {
            Ok(Some(_)) => paid += 1,
            // The session was ended meanwhile: a coin does not bring it back.
            Ok(None) | Err(store::Error::Gone) => {}
            Err(error) => eprintln!("no coin: {error}"),
        }
    }
    paid
}
