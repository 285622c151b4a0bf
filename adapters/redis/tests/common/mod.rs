//! What the tests have in common: ids, records, servers, and a look at what a server is sent.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod model;
pub(crate) mod parallel;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http_session_conformance::servers;
use http_session_redis::RedisStore;
use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session_store::core::{Expires, Record, SessionCookie, SessionId, Timestamp};
use http_session_store::testing::session_cookie;
use http_session_store::{Env, OsEnv, Store};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue};

/// The system's time: a server compares with its own.
pub(crate) fn now() -> Timestamp {
    OsEnv.now()
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::from_text(text).expect("an id")
}

pub(crate) fn cookie(end: Option<Timestamp>) -> SessionCookie {
    session_cookie(end.map_or(Expires::Session, Expires::At), now())
}

/// A record with `n`, which expires at `end`.
pub(crate) fn record(n: u64, end: Option<Timestamp>) -> Record {
    let cookie = cookie(end).to_json();
    Record::from_json(&format!(r#"{{"cookie":{cookie},"n":{n}}}"#)).expect("a JSON object")
}

/// The `n` of a record's text.
pub(crate) fn n(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).expect("UTF-8");
    let number = text.rsplit_once(r#""n":"#).expect("it has n").1.trim_end_matches('}');
    number.parse().expect("a number")
}

pub(crate) async fn load<S: Store>(store: &S, id: &SessionId) -> Result<Option<Stored>, S::Error> {
    store.load(&Load::new(id.clone(), now(), None)).await
}

/// The number under `id`, if there is one.
pub(crate) async fn number<S: Store>(store: &S, id: &SessionId) -> Option<u64> {
    load(store, id).await.expect("it works").map(|stored| n(&stored.record))
}

pub(crate) async fn save<S: Store>(
    store: &S,
    id: &SessionId,
    record: Record,
    expect: Expect,
) -> Result<Written, S::Error> {
    store.save(&Save::new(id.clone(), record, expect, now())).await
}

pub(crate) async fn rotate<S: Store>(
    store: &S,
    from: &SessionId,
    to: &SessionId,
    record: Record,
    expect: Expect,
) -> Result<Written, S::Error> {
    store.rotate(&Rotate::new(from.clone(), to.clone(), record, expect, now())).await
}

pub(crate) async fn touch<S: Store>(
    store: &S,
    id: &SessionId,
    end: Option<Timestamp>,
    now: Timestamp,
) -> Result<Touched, S::Error> {
    store.touch(&Touch::new(id.clone(), cookie(end), end, None, now)).await
}

pub(crate) async fn delete<S: Store>(store: &S, id: &SessionId) -> Result<(), S::Error> {
    store.delete(&Delete::new(id.clone(), now())).await
}

/// Writes a record, and returns its version.
pub(crate) async fn put<S: Store>(store: &S, id: &SessionId, record: Record) -> Version {
    match save(store, id, record, Expect::Anything).await {
        Ok(Written::Saved(Some(version))) => version,
        other => panic!("{other:?}"),
    }
}

/// A text that no other test has.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("http-session-test:{name}:{}:{}:{next}:", std::process::id(), since.as_nanos())
}

/// A store with a prefix of its own on the running server, which waits long: the machine may be busy.
pub(crate) async fn shared(test: &str) -> Option<RedisStore> {
    let url = servers::redis(test)?;
    let store = RedisStore::connect(&url).await.expect("the server answers");
    Some(store.prefix(&unique(test)).timeout(PATIENCE))
}

/// How long what must come may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A connection for commands of the test's own.
pub(crate) async fn raw(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).expect("a URL");
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    connection.expect("the server answers")
}

/// A command of words, which the server must carry out.
pub(crate) async fn run<T: FromRedisValue>(
    connection: &MultiplexedConnection,
    words: &[&str],
) -> T {
    let mut command = Cmd::new();
    for word in words {
        command.arg(word);
    }
    command.query_async(&mut connection.clone()).await.expect("the server does it")
}

/// What a server is sent from now on: `MONITOR`.
pub(crate) struct Monitor {
    lines: BufReader<TcpStream>,
    port: u16,
}

impl Monitor {
    pub(crate) fn new(port: u16) -> Self {
        let mut stream = connect(port);
        stream.write_all(b"MONITOR\r\n").expect("it takes commands");
        let mut monitor = Self { lines: BufReader::new(stream), port };
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it answers");
        line.trim_end().into()
    }

    /// The commands since the last time, as `"GET" "sess:a"`; without what scripts do.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        let mark = unique("mark");
        let mut stream = connect(self.port);
        write!(stream, "ECHO {mark}\r\n").expect("it takes commands");
        let mut sent = Vec::new();
        loop {
            let line = self.line();
            if line.contains(&mark) {
                return sent;
            }
            let (of, command) = line.split_once("] ").expect("it names the client");
            if !of.ends_with("lua") {
                sent.push(command.into());
            }
        }
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it is there");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream
}
