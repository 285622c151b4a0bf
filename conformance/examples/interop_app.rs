//! The Rust half of two applications that have their sessions in common: `interop/app.mjs` is the
//! Express one, with the same routes and the same arguments.
//!
//! ```sh
//! cargo run -p http-session-conformance --example interop_app -- \
//!     redis redis://127.0.0.1:6379/ sess: '{"secret": ["keyboard cat"], "conflict": "merge"}'
//! cargo run -p http-session-conformance --example interop_app -- \
//!     postgres postgres://postgres@127.0.0.1/postgres session '{"secret": ["keyboard cat"]}'
//! ```
//!
//! The third argument is the prefix of the keys, or the table. It prints its port, and ends when its
//! standard input does: it can't outlive the test that started it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_session_axum::{
    Config, ConfigError, Conflict, CookieOptions, Error, Session, SessionLayer, Timeouts,
    session_layer,
};
use http_session_postgres::PostgresStore;
use http_session_redis::RedisStore;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    serve(&arguments).await
}

/// Runs the application until standard input ends.
pub(crate) async fn serve(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [kind, url, place, rest @ ..] = arguments else { return Err("kind, URL, place".into()) };
    let options = rest.first().map_or("{}", String::as_str);
    let options: Options = serde_json::from_str(options)?;
    let time_zone = options.time_zone.clone().unwrap_or_else(|| "UTC".into());
    let config = options.config()?;
    let layer = match kind.as_str() {
        "redis" => session_layer(config, RedisStore::connect(url).await?.prefix(place)),
        "postgres" => {
            let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4);
            let store = PostgresStore::new(pool.connect(url).await?).table(place.as_str());
            session_layer(config, store.time_zone(time_zone))
        }
        _ => return Err("redis or postgres".into()),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("port {}", listener.local_addr()?.port());
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        end.send(())
    });
    tokio::select! {
        served = async { axum::serve(listener, app(layer)).await } => Ok(served?),
        _ = ended => Ok(()),
    }
}

/// The options, by their names in express-session; `conflict`, `idleTimeout`, `preset` and `timeZone` are ours.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Options {
    conflict: String,
    cookie: Cookie,
    /// In seconds.
    idle_timeout: Option<u64>,
    name: String,
    preset: String,
    proxy: Option<bool>,
    resave: bool,
    rolling: bool,
    save_uninitialized: bool,
    secret: Vec<String>,
    time_zone: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Cookie {
    http_only: Option<bool>,
    max_age: Option<i64>,
    partitioned: Option<bool>,
    path: Option<String>,
    priority: Option<String>,
    same_site: Option<Value>,
    secure: Option<bool>,
}

impl Options {
    fn config(self) -> Result<Config, ConfigError> {
        let (secret, old) = self.secret.split_first().ok_or(ConfigError::EmptySecret)?;
        let mut config = match self.preset.as_str() {
            "recommended" => Config::recommended(secret.as_str()).for_localhost(),
            _ => Config::express(secret.as_str()),
        };
        config = match self.conflict.as_str() {
            "merge" => config.conflict(Conflict::Merge),
            "overwrite" => config.conflict(Conflict::Overwrite),
            _ => config,
        };
        config = config
            .cookie(self.cookie.options())
            .name(self.name)
            .resave(self.resave)
            .rolling(self.rolling)
            .save_uninitialized(self.save_uninitialized);
        if let Some(seconds) = self.idle_timeout {
            let idle = Some(Duration::from_secs(seconds));
            config = config.timeouts(Timeouts { idle, ..Timeouts::NONE });
        }
        if let Some(proxy) = self.proxy {
            config = config.proxy(proxy);
        }
        old.iter().fold(config, |config, old| config.accept(old.as_str())).build()
    }
}

impl Cookie {
    fn options(self) -> CookieOptions {
        let mut options = CookieOptions::new();
        if let Some(http_only) = self.http_only {
            options = options.http_only(http_only);
        }
        if let Some(max_age) = self.max_age {
            options = options.max_age_millis(max_age);
        }
        if let Some(partitioned) = self.partitioned {
            options = options.partitioned(partitioned);
        }
        if let Some(path) = self.path {
            options = options.path(path);
        }
        if let Some(priority) = self.priority {
            options = options.priority(priority);
        }
        if let Some(same_site) = self.same_site {
            options = options.same_site(same_site);
        }
        if let Some(secure) = self.secure {
            options = options.secure(secure);
        }
        options
    }
}

fn app(layer: SessionLayer) -> Router {
    let gate = Arc::new(Gate { held: Semaphore::new(0), released: Semaphore::new(0) });
    Router::new()
        .route("/", get(read))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/regenerate", post(regenerate))
        .route("/set", post(set))
        .route("/remove", post(remove))
        .route("/increment", post(increment))
        .route("/remember", post(remember))
        .route("/reset-cookie", post(reset_cookie))
        .route("/welcome", post(welcome))
        .layer(layer)
        .route("/held", post(held))
        .route("/release", post(release))
        .with_state(gate)
}

/// What a test holds and releases.
struct Gate {
    held: Semaphore,
    released: Semaphore,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Work {
    delay: Option<u64>,
    hold: Option<u8>,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    value: Option<String>,
}

/// What a handler takes its time for: `delay` milliseconds, or until the test releases it (`hold`).
async fn work(work: Work, gate: &Gate) {
    if let Some(delay) = work.delay {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    if work.hold.is_some() {
        gate.held.add_permits(1);
        take(&gate.released).await;
    }
}

async fn take(semaphore: &Semaphore) {
    semaphore.acquire().await.expect("it is never closed").forget();
}

async fn held(State(gate): State<Arc<Gate>>) {
    take(&gate.held).await;
}

async fn release(State(gate): State<Arc<Gate>>) {
    gate.released.add_permits(1);
}

type Answer = Result<Json<Map<String, Value>>, Error>;

fn answer(session: &Session) -> Answer {
    Ok(Json(session.read()?))
}

async fn read(
    session: Session,
    State(gate): State<Arc<Gate>>,
    Query(query): Query<Work>,
) -> Answer {
    work(query, &gate).await;
    answer(&session)
}

#[derive(Deserialize)]
struct User {
    user: String,
}

// Express's handler regenerates and thereby drops the old data; `log_in` alone would keep it.
async fn log_in(session: Session, Query(User { user }): Query<User>) -> Answer {
    session.clear()?;
    session.log_in("user", user).await?;
    answer(&session)
}

async fn log_out(
    session: Session,
    State(gate): State<Arc<Gate>>,
    Query(query): Query<Work>,
) -> Result<Json<Value>, Error> {
    work(query, &gate).await;
    session.destroy().await?;
    Ok(Json(Value::Object(Map::new())))
}

async fn regenerate(session: Session) -> Answer {
    session.regenerate().await?;
    answer(&session)
}

async fn set(
    session: Session,
    State(gate): State<Arc<Gate>>,
    Query(query): Query<Work>,
    Query(Entry { key, value }): Query<Entry>,
) -> Answer {
    work(query, &gate).await;
    let value: Value = serde_json::from_str(&value.unwrap_or_default()).unwrap_or_default();
    session.insert(&key, value)?;
    answer(&session)
}

async fn remove(session: Session, Query(entry): Query<Entry>) -> Answer {
    session.remove(&entry.key)?;
    answer(&session)
}

async fn increment(
    session: Session,
    State(gate): State<Arc<Gate>>,
    Query(query): Query<Work>,
    Query(entry): Query<Entry>,
) -> Answer {
    work(query, &gate).await;
    session.update(&entry.key, |n: Option<u64>| n.unwrap_or_default() + 1)?;
    answer(&session)
}

#[derive(Deserialize)]
struct Remember {
    ms: u64,
}

async fn remember(session: Session, Query(Remember { ms }): Query<Remember>) -> Answer {
    session.set_max_age(Duration::from_millis(ms))?;
    session.insert("remember", true)?;
    answer(&session)
}

// What passport and connect-flash have put there.
async fn welcome(session: Session) -> Result<Json<Value>, Error> {
    #[derive(Deserialize)]
    struct Passport {
        user: Option<u64>,
    }
    let user = session.get::<Passport>("passport")?.and_then(|passport| passport.user);
    let flashes = session.flashes()?;
    let flashes: Vec<_> = flashes.iter().map(|flash| (&flash.kind, &flash.text)).collect();
    session.flash("info", "Seen.")?;
    Ok(Json(json!({ "flashes": flashes, "user": user })))
}

// There is no such thing in Express.
async fn reset_cookie(session: Session) -> Answer {
    session.reset_cookie()?;
    answer(&session)
}
