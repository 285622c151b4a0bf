//! The way to a server, which can be broken.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// What happens to an operation on its way. All but the first happen to the first bytes from the store that have the
/// session's id in them, and to no others: the server gets what it is sent before, and after.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WayFault {
    /// Connections end, and new ones are refused.
    Refused,
    /// The connection is reset, and the server gets nothing.
    ResetBefore,
    /// The server's answer is lost in a reset.
    ResetAfter,
    /// The answer comes so much later.
    Late(Duration),
    /// No answer comes, to this or to what is sent on this connection later, and it does not end.
    Silent,
    /// Half of the answer comes, and then the connection ends.
    Partial,
    /// Instead of the answer these bytes come.
    Garbled(Vec<u8>),
}

impl WayFault {
    /// Has the operation been sent as often as it takes to be hit by this, and not again?
    pub(super) const fn is_hit(&self, sent: usize) -> bool {
        matches!((self, sent), (Self::Refused, 0) | (_, 1))
    }
}

impl fmt::Display for WayFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::ResetBefore => f.write_str("reset before it was sent"),
            Self::ResetAfter => f.write_str("reset after its effect"),
            Self::Late(_) => f.write_str("too late"),
            Self::Silent => f.write_str("silence"),
            Self::Partial => f.write_str("half an answer"),
            Self::Garbled(bytes) => write!(f, "the answer \"{}\"", bytes.escape_ascii()),
        }
    }
}

/// A port of its own that leads to a server on this machine.
#[derive(Debug)]
pub struct Proxy {
    accepting: Option<JoinHandle<()>>,
    port: u16,
    way: Arc<Way>,
}

#[derive(Debug)]
struct Way {
    hazard: Mutex<Hazard>,
    server: SocketAddr,
}

#[derive(Debug, Default)]
struct Hazard {
    fault: Option<WayFault>,
    key: Vec<u8>,
    sent: usize,
}

impl Proxy {
    /// A way to the server on this port.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(server: u16) -> Self {
        let way = Way {
            hazard: Mutex::default(),
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, server)),
        };
        let mut proxy = Self { accepting: None, port: 0, way: Arc::new(way) };
        proxy.open().await;
        proxy
    }

    /// Its port, on `127.0.0.1`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on the fault happens to what has `key` in it.
    pub(super) async fn begin(&mut self, fault: Option<WayFault>, key: &str) {
        if fault == Some(WayFault::Refused) {
            self.close().await;
        }
        *self.way.hazard() = Hazard { fault, key: key.into(), sent: 0 };
    }

    /// Nothing happens any more. How often was the key sent?
    pub(super) async fn end(&mut self) -> usize {
        if self.accepting.is_none() {
            self.open().await;
        }
        std::mem::take(&mut *self.way.hazard()).sent
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await;
        let listener = listener.expect("the port is free");
        self.port = listener.local_addr().expect("it is bound").port();
        let way = Arc::clone(&self.way);
        self.accepting = Some(tokio::spawn(async move {
            // They end with it.
            let mut connections = JoinSet::new();
            while let Ok((store, _)) = listener.accept().await {
                connections.spawn(connect(store, Arc::clone(&way)));
            }
        }));
    }

    async fn close(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

impl Way {
    fn hazard(&self) -> MutexGuard<'_, Hazard> {
        self.hazard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to what was sent?
    fn meets(&self, sent: &[u8]) -> Option<WayFault> {
        let mut hazard = self.hazard();
        let key = &hazard.key;
        if key.is_empty() || !sent.windows(key.len()).any(|window| window == key) {
            return None;
        }
        hazard.sent += 1;
        hazard.fault.take()
    }
}

/// Carries bytes to and fro, until one side ends or a fault does. What comes late holds up the answers after it, and
/// nothing that is sent.
async fn connect(mut store: TcpStream, way: Arc<Way>) -> io::Result<()> {
    let mut server = TcpStream::connect(way.server).await?;
    let (mut sent, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut fault, mut late) = (None, None::<(Instant, Vec<u8>)>);
    loop {
        let due = late.as_ref().map(|(due, _)| *due);
        tokio::select! {
            length = store.read(&mut sent) => {
                let sent = &sent[..length?];
                if sent.is_empty() {
                    return Ok(());
                }
                fault = way.meets(sent).or(fault);
                if fault == Some(WayFault::ResetBefore) {
                    return store.set_zero_linger();
                }
                server.write_all(sent).await?;
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                if let Some((_, answer)) = late.take() {
                    store.write_all(&answer).await?;
                }
            }
            length = server.read(&mut answer), if due.is_none() => {
                let answer = &answer[..length?];
                if answer.is_empty() {
                    return Ok(());
                }
                match fault.take() {
                    Some(WayFault::ResetAfter) => return store.set_zero_linger(),
                    Some(WayFault::Late(time)) => late = Some((Instant::now() + time, answer.into())),
                    Some(WayFault::Silent) => return pending().await,
                    Some(WayFault::Partial) => {
                        return store.write_all(&answer[..answer.len() / 2]).await;
                    }
                    Some(WayFault::Garbled(instead)) => store.write_all(&instead).await?,
                    _ => store.write_all(answer).await?,
                }
            }
        }
    }
}
