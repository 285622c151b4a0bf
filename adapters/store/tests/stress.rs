//! Random requests of a few sessions from many sides at once: nothing panics, nothing fails but by
//! a conflict, and what was acknowledged is there.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use http::HeaderValue;
use http_session_store::core::{Connection, RequestFacts, Timestamp};
use http_session_store::testing::cookie_for;
use http_session_store::{Error, MemoryStore, Session, Sessions};

use self::common::safe;

const ROUNDS: u32 = 4_000;
const SESSIONS: usize = 3;
const THREADS: u64 = 4;

/// xorshift64: the same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What the client of a session knows. A session that ended has a successor with a tag of its own.
#[derive(Clone)]
struct Client {
    cookie: HeaderValue,
    tag: u64,
}

/// The increments that were acknowledged, by the tag of their session.
type Acknowledged = Mutex<BTreeMap<u64, u64>>;

async fn log_in(sessions: &Sessions, tag: u64) -> Client {
    let fill = |session: &Session| {
        session.insert("tag", tag)?;
        session.insert("n", 0)
    };
    Client { cookie: cookie_for(sessions, fill).await.expect("there is room"), tag }
}

/// What a request came to.
enum Came {
    /// The session was there no more when it began.
    Stranger,
    Through {
        cookie: Option<HeaderValue>,
        ended: bool,
    },
}

/// A request of a few random steps. `acknowledge` gets the number of increments with each answer
/// that says that they were saved.
async fn request(
    sessions: &Sessions,
    client: &Client,
    random: &mut Random,
    acknowledge: impl Fn(u64),
) -> Result<Came, Error> {
    let connection = Connection::Encrypted;
    let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let begin = sessions.config().begin(&facts, [client.cookie.as_bytes()], sessions.now());
    let session: Session = sessions.open(begin).await?.expect("a session on every path");
    if session.get::<u64>("tag")? != Some(client.tag) {
        Sessions::abandon(&session);
        return Ok(Came::Stranger);
    }
    let (mut increments, mut ended) = (0, false);
    for _ in 0..random.below(4) {
        if random.below(3) == 0 {
            thread::yield_now();
        }
        let step = random.below(20);
        match step {
            0..8 => {
                session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)?;
                increments += 1;
            }
            8..11 => session.insert("last", random.below(100))?,
            11..13 => session.remove("last").map(drop)?,
            13..19 => {
                let saved = if step < 16 { session.save().await } else { session.renew().await };
                match saved {
                    Ok(()) => acknowledge(std::mem::take(&mut increments)),
                    // The handler goes on.
                    Err(Error::Conflict | Error::Gone) => {}
                    Err(error) => return Err(error),
                }
            }
            _ => {
                session.destroy().await?;
                // Nobody is told that they were saved: a parallel request may have renewed the id.
                (increments, ended) = (0, true);
                break;
            }
        }
    }
    let outcome = sessions.close(&session).await?;
    acknowledge(increments);
    let pair = |line: &HeaderValue| {
        let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        HeaderValue::from_bytes(pair).expect("ASCII")
    };
    Ok(Came::Through { cookie: outcome.set_cookie().map(pair), ended })
}

/// One side's requests: each for one of the sessions, with the cookie that its client has by then.
fn requests(
    sessions: &Sessions,
    clients: &[Mutex<Client>],
    acknowledged: &Acknowledged,
    seed: u64,
) -> BTreeMap<u16, u32> {
    // Writes that come too late wait for each other.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut random = Random(seed);
    let mut statuses = BTreeMap::new();
    for round in 0..ROUNDS {
        let slot = usize::try_from(random.below(SESSIONS as u64)).expect("it is small");
        let client = clients[slot].lock().expect("no panic").clone();
        let acknowledge = |increments| {
            *acknowledged.lock().expect("no panic").entry(client.tag).or_default() += increments;
        };
        let came = runtime.block_on(request(sessions, &client, &mut random, acknowledge));
        let status = came.as_ref().map_or_else(|error| error.status().as_u16(), |_| 200);
        *statuses.entry(status).or_default() += 1;
        let gone = match came {
            Ok(Came::Through { cookie, ended }) => {
                let mut known = clients[slot].lock().expect("no panic");
                if let Some(cookie) = cookie.filter(|_| known.tag == client.tag && !ended) {
                    known.cookie = cookie;
                }
                ended
            }
            // It may have been renewed by a request whose answer has not come yet.
            Ok(Came::Stranger) => random.below(8) == 0,
            Err(Error::Conflict | Error::Gone) => false,
            Err(error) => panic!("{error:?}"),
        };
        if gone {
            let tag = seed * 1_000_000 + u64::from(round);
            let next = runtime.block_on(log_in(sessions, tag));
            *clients[slot].lock().expect("no panic") = next;
        }
    }
    statuses
}

// no panic, every answer is 200 or 409, and in each session that is left the number that is only
// ever updated is the number of increments that were acknowledged
#[test]
fn random_requests() {
    let store = MemoryStore::new();
    let sessions = Sessions::new(safe().build().expect("sound options"), store.clone());
    let clients: Vec<_> =
        (0..SESSIONS as u64).map(|tag| Mutex::new(common::ready(log_in(&sessions, tag)))).collect();
    let acknowledged = Arc::new(Acknowledged::default());
    let mut statuses = BTreeMap::<u16, u32>::new();
    thread::scope(|scope| {
        let sides: Vec<_> = (1..=THREADS)
            .map(|seed| {
                scope.spawn({
                    let (acknowledged, clients, sessions) = (&acknowledged, &clients, &sessions);
                    move || requests(sessions, clients, acknowledged, seed * 0x9E37_79B9)
                })
            })
            .collect();
        for side in sides {
            for (status, count) in side.join().expect("no panic") {
                *statuses.entry(status).or_default() += count;
            }
        }
    });
    assert!(statuses.keys().all(|status| [200, 409].contains(status)), "{statuses:?}");
    assert!(statuses[&200] > ROUNDS, "{statuses:?}");
    let acknowledged = acknowledged.lock().expect("no panic");
    let records = store.all(Timestamp::from(SystemTime::now()));
    assert!(records.len() >= SESSIONS);
    for (_, record) in records {
        let record: serde_json::Value = serde_json::from_str(&record.to_json()).expect("JSON");
        let tag = record["tag"].as_u64().expect("a tag");
        let counted = acknowledged.get(&tag).copied().unwrap_or_default();
        assert_eq!(record["n"].as_u64(), Some(counted), "session {tag}, {statuses:?}");
    }
}
