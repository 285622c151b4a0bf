//! Sessions in Redis: connect-redis's keys, values and lifetimes (R-01 … R-08 of the store formats).

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session_store::core::{SessionId, Timestamp};
use http_session_store::{AtomicRotation, Store};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, Cmd, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisResult, Script, Value,
};

use crate::{Connection, OneServer, RedisError};

/// The name of a lifetime in `SET` and `GETEX`.
const EX: &str = "EX";

/// Compares and writes as one step.
static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("write.lua")));

/// Keeps sessions in Redis 6.2 or later. Clones are the same store, over the same connection.
///
/// A record's version is its text: of two equal ones neither is the later, and nothing is lost
/// between them. A touch changes the lifetime of a key and not its value.
#[derive(Clone)]
pub struct RedisStore<C = ConnectionManager> {
    connection: C,
    prefix: Arc<str>,
    timeout: Duration,
    ttl: i64,
}

impl RedisStore {
    /// Connects to `url` (`redis://:password@host:6379/0`), over one connection which is made again by
    /// itself when it breaks, for as long as that takes. Meanwhile each command waits for it until its
    /// [`timeout`](Self::timeout).
    ///
    /// # Errors
    /// The URL is none, or there is no answer now.
    pub async fn connect(url: &str) -> Result<Self, RedisError> {
        let info = url.into_connection_info()?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        // A host that went away without a word does not answer: without this, Linux asks it for 15 minutes.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(Duration::from_secs(5));
        // With RESP3 a connection that breaks is noticed, and made again, when nobody uses it.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings))?;
        // The manager tries for ever, and says nothing: what is wrong from the start is to be said.
        client.get_multiplexed_async_connection().await?;
        let config = ConnectionManagerConfig::new()
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(250))
            .set_number_of_retries(usize::MAX)
            .set_response_timeout(None);
        let store = Self::new(ConnectionManager::new_lazy_with_config(client, config)?);
        store.ask::<()>(&redis::cmd("PING")).await?;
        Ok(store)
    }
}

impl<C: Connection> RedisStore<C> {
    const DEFAULT_TTL: i64 = 86_400;

    /// Over a connection that there is.
    pub fn new(connection: C) -> Self {
        let timeout = Duration::from_secs(1);
        Self { connection, prefix: "sess:".into(), timeout, ttl: Self::DEFAULT_TTL }
    }

    /// What stands before the id in a key: `sess:` unless set; it may be empty.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a command may take, the wait for a connection included: 1 s unless set. A rotation on a
    /// cluster is up to four commands, each other operation one.
    ///
    /// A write that took longer may have been carried out. It is not sent again.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a record lives that says nothing of its end, since its cookie ends with the browser:
    /// 86,400 s unless set, in whole seconds, rounded up. Zero counts as not set, as in connect-redis
    /// . Such a record does not come to be under timeouts, as `Config::recommended` sets them.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = if ttl.is_zero() { Self::DEFAULT_TTL } else { whole_seconds(ttl) };
        self
    }

    fn key(&self, id: &SessionId) -> String {
        [&self.prefix, id.as_str()].concat()
    }

    /// For how many more seconds a record lives that expires then.
    fn life(&self, expires: Option<Timestamp>, now: Timestamp) -> i64 {
        let rounded_up =
            |end: Timestamp| end.millis_since(now).saturating_add(999).div_euclid(1_000);
        expires.map_or(self.ttl, rounded_up)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = self.connection.clone();
        self.within(command.query_async(&mut connection)).await
    }

    async fn within<T>(
        &self,
        answer: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, RedisError> {
        let answer = tokio::time::timeout(self.timeout, answer).await;
        Ok(answer.map_err(|_| RedisError::Elapsed(self.timeout))??)
    }

    /// Writes `text` if `expect` holds for the first key: under the last key, and the first one ends then.
    async fn write_if(
        &self,
        expect: &Expect,
        keys: &[String],
        text: &str,
        life: i64,
    ) -> Result<Written, RedisError> {
        let (expected, version) = match expect {
            Expect::Absent => ("absent", &[][..]),
            Expect::Anything => ("anything", &[][..]),
            Expect::Present => ("present", &[][..]),
            Expect::Version(Version(text)) => ("version", &text[..]),
        };
        let mut script = WRITE.prepare_invoke();
        script.key(keys).arg(expected).arg(version).arg(text).arg(life);
        let mut connection = self.connection.clone();
        let answer: Vec<Vec<u8>> = self.within(script.invoke_async(&mut connection)).await?;
        match &answer.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
            [b"changed", current] => Ok(Written::Changed(stored(current))),
            [b"exists"] => Ok(Written::Exists),
            [b"gone"] => Ok(Written::Gone),
            [b"saved"] => Ok(saved(text)),
            _ => Err(RedisError::Answer("the script has no such answer".into())),
        }
    }

    /// Where the two keys may be on two servers: makes the new record, and then ends the old one if that is
    /// still as expected. If it is not, the new one is taken back, so that no change of the old one is lost.
    async fn create_then_delete(&self, rotate: &Rotate) -> Result<Written, RedisError> {
        let Rotate { from, to, record, expect, now, .. } = rotate;
        let current = self.load(&Load::new(from.clone(), *now, None)).await?;
        match (expect, current) {
            (Expect::Absent, Some(_)) => return Ok(Written::Exists),
            (Expect::Present | Expect::Version(_), None) => return Ok(Written::Gone),
            (Expect::Version(version), Some(current))
                if current.version.as_ref() != Some(version) =>
            {
                return Ok(Written::Changed(current));
            }
            _ => {}
        }
        let create = Save::new(to.clone(), record.clone(), Expect::Absent, *now);
        let created = self.save(&create).await?;
        if from == to || !matches!(created, Written::Saved(_)) {
            return Ok(created);
        }
        let ended = self.write_if(expect, &[self.key(from)], "", 0).await?;
        if matches!(ended, Written::Saved(_)) {
            return Ok(created);
        }
        self.delete(&Delete::new(to.clone(), *now)).await?;
        Ok(ended)
    }
}

/// Administration: each method walks over all keys of the server's database.
impl<C: OneServer> RedisStore<C> {
    /// The ids of all sessions. One that begins or ends meanwhile may be among them, or not.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn ids(&self) -> Result<HashSet<SessionId>, RedisError> {
        let keys = self.keys().await?;
        let id = |key: Vec<u8>| {
            let key = String::from_utf8(key).ok()?;
            SessionId::from_text(key.strip_prefix(&*self.prefix)?).ok()
        };
        Ok(keys.into_iter().filter_map(id).collect())
    }

    /// Deletes all keys that begin with the prefix: with an empty one, all keys of the database.
    ///
    /// # Errors
    /// [`RedisError`]: some may be left.
    pub async fn clear(&self) -> Result<(), RedisError> {
        let keys = Vec::from_iter(self.keys().await?);
        for keys in keys.chunks(1_000) {
            self.ask::<u64>(redis::cmd("UNLINK").arg(keys)).await?;
        }
        Ok(())
    }

    async fn keys(&self) -> Result<HashSet<Vec<u8>>, RedisError> {
        let special = |letter| matches!(letter, '*' | '?' | '[' | ']' | '\\');
        let mut pattern = String::new();
        for letter in self.prefix.chars() {
            pattern.extend(special(letter).then_some('\\').into_iter().chain([letter]));
        }
        pattern.push('*');
        let (mut keys, mut cursor) = (HashSet::new(), 0_u64);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
            let (next, found): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
            keys.extend(found);
            cursor = next;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }
}

impl<C: Connection> Store for RedisStore<C> {
    type Error = RedisError;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, RedisError> {
        let key = self.key(&load.id);
        if load.tell_end {
            let (mut connection, mut both) = (self.connection.clone(), redis::pipe());
            // Each with its own error: that of all would not know the server's code.
            let answer = both.get(&key).pttl(&key).ignore_errors().query_async(&mut connection);
            let (found, life): (RedisResult<Value>, RedisResult<i64>) = self.within(answer).await?;
            let (found, life) = (text(found?)?, life?);
            // It is negative for a key that has no end.
            let expires = Some(life).filter(|life| *life >= 0);
            let expires = expires.and_then(|life| load.now.plus_millis(life));
            return Ok(found.map(|text| Stored { expires, ..stored(&text) }));
        }
        let command = match load.refresh {
            None => Cmd::get(key),
            Some(life) => redis::cmd("GETEX").arg(key).arg(EX).arg(whole_seconds(life)).take(),
        };
        let found = text(self.ask(&command).await?)?;
        Ok(found.map(|text| Stored { refreshed: load.refresh.is_some(), ..stored(&text) }))
    }

    async fn save(&self, save: &Save) -> Result<Written, RedisError> {
        let (key, text) = (self.key(&save.id), save.record.to_json());
        let life = self.life(save.record.expires(), save.now);
        let mut set = redis::cmd("SET");
        set.arg(&key).arg(&text);
        let missed = match save.expect {
            // What has expired is deleted instead.
            Expect::Anything if life <= 0 => {
                self.ask::<u64>(&Cmd::del(&key)).await?;
                return Ok(saved(&text));
            }
            Expect::Anything => Written::Saved(None),
            Expect::Absent if life > 0 => {
                set.arg("NX");
                Written::Exists
            }
            Expect::Present if life > 0 => {
                set.arg("XX");
                Written::Gone
            }
            _ => return self.write_if(&save.expect, &[key], &text, life).await,
        };
        match bare(self.ask(set.arg(EX).arg(life)).await?) {
            Value::Nil => Ok(missed),
            Value::Okay => Ok(saved(&text)),
            _ => Err(not_of_its_type()),
        }
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, RedisError> {
        if !C::ONE_SERVER {
            return self.create_then_delete(rotate).await;
        }
        let keys = [self.key(&rotate.from), self.key(&rotate.to)];
        let life = self.life(rotate.record.expires(), rotate.now);
        self.write_if(&rotate.expect, &keys, &rotate.record.to_json(), life).await
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, RedisError> {
        let life = self.life(touch.expires, touch.now);
        match self.ask::<u64>(&Cmd::expire(self.key(&touch.id), life)).await? {
            0 => Ok(Touched::Gone),
            1 => Ok(Touched::Alive),
            _ => Err(not_of_its_type()),
        }
    }

    async fn delete(&self, delete: &Delete) -> Result<(), RedisError> {
        self.ask::<u64>(&Cmd::del(self.key(&delete.id))).await.map(drop)
    }
}

impl<C: OneServer> AtomicRotation for RedisStore<C> {}

impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut store = f.debug_struct("RedisStore");
        store.field("prefix", &self.prefix).field("timeout", &self.timeout).field("ttl", &self.ttl);
        store.finish_non_exhaustive()
    }
}

/// The text of a key, if there is one. An empty text is no session; an empty array, which the client would
/// take for an empty text, is no answer.
fn text(answer: Value) -> Result<Option<Vec<u8>>, RedisError> {
    match bare(answer) {
        Value::Nil => Ok(None),
        Value::BulkString(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        _ => Err(not_of_its_type()),
    }
}

/// Without what RESP3 may say besides.
fn bare(answer: Value) -> Value {
    match answer {
        Value::Attribute { data, .. } => *data,
        answer => answer,
    }
}

fn not_of_its_type() -> RedisError {
    RedisError::Answer("not of its type".into())
}

fn stored(text: &[u8]) -> Stored {
    Stored { version: Some(Version(text.into())), ..Stored::new(text) }
}

fn saved(text: &str) -> Written {
    Written::Saved(Some(Version(text.as_bytes().into())))
}

/// At least one, rounded up, and no more than Redis can add to its clock: some 270,000 years.
fn whole_seconds(life: Duration) -> i64 {
    let seconds = life.as_secs().saturating_add(u64::from(life.subsec_nanos() > 0));
    i64::try_from(seconds).unwrap_or(i64::MAX).clamp(1, Timestamp::MAX.as_millis() / 1_000)
}
