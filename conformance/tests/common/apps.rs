//! The two applications as processes, and a look into their store from the side.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use http_session_conformance::servers;
use serde_json::{Value, json};
use sqlx::postgres::PgPool;

/// How long an application may take to start: the machine can be busy.
const START: Duration = Duration::from_secs(60);

/// An application; it ends when it is dropped.
pub(crate) struct App {
    child: Child,
    pub(crate) port: u16,
}

/// Which application.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Node,
    Rust,
}

impl App {
    /// Starts one, on the records of `store`.
    pub(crate) fn start(side: Side, store: &Store, options: &Value) -> Self {
        let mut command = match side {
            Side::Node => {
                let mut node = Command::new("node");
                node.arg("app.mjs").current_dir(folder());
                node
            }
            Side::Rust => rust(),
        };
        let (options, mut url) = (options.to_string(), store.url.clone());
        if let (Side::Node, Kind::Postgres(_), Some(zone)) = (side, store.kind, store.time_zone) {
            url = format!("{url}?options=-c%20TimeZone%3D{zone}");
        }
        let arguments = [store.kind.name(), &url, &store.place, &options];
        match side {
            Side::Node => command.args(arguments),
            Side::Rust => command.env(APP, json!(arguments).to_string()),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the application can be started");
        let (found, port) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // A test's own output stands around it.
                if let Some((_, port)) = line.rsplit_once("port ") {
                    let _ = found.send(port.trim().parse());
                }
            }
        });
        let port = port.recv_timeout(START).expect("it says its port").expect("a number");
        Self { child, port }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Its standard input ends, and so does it; but not if it hangs.
        drop(self.child.stdin.take());
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the arguments of the Rust application stand.
const APP: &str = "HTTP_SESSION_INTEROP_APP";

/// The Rust application is this program once more: so it is never an old one.
fn rust() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    // For a test's program, whose test of this name is the application.
    command.args(["--exact", "the_rust_application", "--nocapture"]);
    command
}

/// The arguments with which this program is to be the Rust application; `None`: it is itself.
pub(crate) fn arguments() -> Option<Vec<String>> {
    let text = std::env::var(APP).ok()?;
    Some(serde_json::from_str(&text).expect("a list of texts"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

/// Installs the Express application's packages, if they are not there. `None`: skip `test`.
pub(crate) fn install(test: &str) -> Option<()> {
    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _lock = LOCK.lock();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let done = command.args(arguments).current_dir(folder()).stdout(Stdio::null()).status();
        let done = done.map_err(|error| format!("{program} {arguments:?}: {error}"))?;
        done.success().then_some(()).ok_or_else(|| format!("{program} {arguments:?}: {done}"))
    };
    let installed = run("node", &["--version"]).and_then(|()| {
        // The last thing that npm writes.
        if folder().join("node_modules/.package-lock.json").exists() {
            return Ok(());
        }
        run("npm", &["ci", "--silent", "--no-audit", "--no-fund"])
    });
    installed.or_else(|why| servers::skip(test, &why).ok_or(why)).ok()
}

/// A kind of store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// With the column `sess` of this type.
    Postgres(&'static str),
    Redis,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Redis => "redis",
        }
    }
}

/// A store of a test's own on a server: a prefix of keys, or a table. What is in it goes when it is
/// dropped.
pub(crate) struct Store {
    pub(crate) kind: Kind,
    pub(crate) place: String,
    /// Of the Node service's connections to PostgreSQL, if it is not UTC.
    pub(crate) time_zone: Option<&'static str>,
    url: String,
}

impl Store {
    /// On the server that tests use. `None`: skip `test`.
    pub(crate) async fn new(test: &str, kind: Kind) -> Option<Self> {
        let url = match kind {
            Kind::Redis => servers::redis(test)?,
            Kind::Postgres(_) => servers::postgres(test)?,
        };
        Some(Self::on(url, test, kind).await)
    }

    /// On the server of this URL.
    pub(crate) async fn on(url: String, test: &str, kind: Kind) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let place = format!("interop_{}_{count}_{test}", std::process::id());
        let place = place.chars().take(60).collect::<String>();
        let Kind::Postgres(sess) = kind else {
            return Self { kind, place: format!("{place}:"), time_zone: None, url };
        };
        let store = Self { kind, place, time_zone: None, url };
        // As connect-pg-simple's table.sql has it.
        store
            .sql(&format!(
                "CREATE TABLE \"{}\" (sid varchar NOT NULL COLLATE \"default\" PRIMARY KEY, \
                 sess {sess} NOT NULL, expire timestamp(6) NOT NULL)",
                store.place
            ))
            .await;
        store
    }

    /// How many commands, or transactions, the server has carried out; scripts are counted with what they call.
    pub(crate) async fn commands(&self) -> u64 {
        match self.kind {
            Kind::Redis => {
                let info = redis::cmd("INFO").arg("stats").query::<String>(&mut self.redis());
                let info = info.expect("an answer");
                let mut lines = info.lines();
                let count = lines.find_map(|line| line.strip_prefix("total_commands_processed:"));
                count.and_then(|count| count.parse().ok()).expect("a number")
            }
            Kind::Postgres(_) => {
                let sql = "SELECT sum(xact_commit + xact_rollback)::int8 FROM pg_stat_database";
                let count = sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool().await).await;
                count.expect("an answer").unsigned_abs()
            }
        }
    }

    fn redis(&self) -> redis::Connection {
        let client = redis::Client::open(self.url.as_str()).expect("a URL");
        client.get_connection().expect("the server answers")
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.place)
    }

    async fn pool(&self) -> PgPool {
        PgPool::connect(&self.url).await.expect("the server answers")
    }

    async fn sql(&self, sql: &str) {
        let pool = self.pool().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("sound SQL");
        pool.close().await;
    }

    /// The text of a record.
    pub(crate) async fn record(&self, id: &str) -> Option<String> {
        match self.kind {
            Kind::Redis => {
                redis::cmd("GET").arg(self.key(id)).query(&mut self.redis()).expect("an answer")
            }
            Kind::Postgres(_) => {
                let sql = format!("SELECT sess::text FROM \"{}\" WHERE sid = $1", self.place);
                let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(id);
                query.fetch_optional(&self.pool().await).await.expect("an answer")
            }
        }
    }

    /// How long the store keeps a record from now on.
    pub(crate) async fn ttl(&self, id: &str) -> Option<Duration> {
        match self.kind {
            Kind::Redis => {
                let ttl = redis::cmd("PTTL").arg(self.key(id)).query::<i64>(&mut self.redis());
                u64::try_from(ttl.expect("an answer")).ok().map(Duration::from_millis)
            }
            Kind::Postgres(_) => {
                let sql = format!(
                    "SELECT extract(epoch from expire AT TIME ZONE '{}' - now())::float8 \
                     FROM \"{}\" WHERE sid = $1",
                    self.time_zone.unwrap_or("UTC"),
                    self.place
                );
                let query = sqlx::query_scalar::<_, f64>(sqlx::AssertSqlSafe(sql)).bind(id);
                let ttl = query.fetch_optional(&self.pool().await).await.expect("an answer");
                Duration::try_from_secs_f64(ttl?).ok()
            }
        }
    }

    /// Does PostgreSQL's record end with the second in which its cookie does?
    pub(crate) async fn ends_with_the_second(&self, id: &str) -> bool {
        let sql = format!(
            "SELECT expire AT TIME ZONE 'UTC' = to_timestamp(ceil(extract( \
             epoch from (sess->'cookie'->>'expires')::timestamptz))) FROM \"{}\" WHERE sid = $1",
            self.place
        );
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(id);
        query.fetch_one(&self.pool().await).await.expect("an answer")
    }

    /// Lets a record live so long from now on.
    pub(crate) async fn expire(&self, id: &str, seconds: u32) {
        match self.kind {
            Kind::Redis => {
                let mut expire = redis::cmd("EXPIRE");
                expire.arg(self.key(id)).arg(seconds);
                expire.exec(&mut self.redis()).expect("an answer");
            }
            Kind::Postgres(_) => {
                self.sql(&format!(
                    "UPDATE \"{}\" SET expire = (now() + interval '{seconds} s') \
                     AT TIME ZONE '{}' WHERE sid = '{id}'",
                    self.place,
                    self.time_zone.unwrap_or("UTC")
                ))
                .await;
            }
        }
    }

    /// Writes a record, to live for an hour.
    pub(crate) async fn put(&self, id: &str, record: &str) {
        match self.kind {
            Kind::Redis => {
                let mut set = redis::cmd("SET");
                set.arg(self.key(id)).arg(record).arg("EX").arg(3_600);
                set.exec(&mut self.redis()).expect("an answer");
            }
            Kind::Postgres(sess) => {
                let sql = format!(
                    "INSERT INTO \"{}\" (sid, sess, expire) \
                     VALUES ($1, $2::{sess}, (now() + interval '1 h') AT TIME ZONE 'UTC') \
                     ON CONFLICT (sid) DO UPDATE SET sess = excluded.sess, expire = excluded.expire",
                    self.place
                );
                let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(record);
                query.execute(&self.pool().await).await.expect("sound SQL");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        match self.kind {
            Kind::Redis => {
                let mut connection = self.redis();
                let pattern = self.place.clone() + "*";
                let keys: Vec<String> =
                    redis::cmd("KEYS").arg(pattern).query(&mut connection).unwrap_or_default();
                if !keys.is_empty() {
                    let _ = redis::cmd("DEL").arg(keys).exec(&mut connection);
                }
            }
            Kind::Postgres(_) => {
                // In a thread of its own: a drop is no place to wait in.
                let (url, place) = (self.url.clone(), self.place.clone());
                let dropped = std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.expect("a runtime").block_on(async {
                        let Ok(pool) = PgPool::connect(&url).await else { return };
                        let sql = format!("DROP TABLE IF EXISTS \"{place}\"");
                        let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await;
                    });
                });
                let _ = dropped.join();
            }
        }
    }
}
