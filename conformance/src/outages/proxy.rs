//! The way to a server, which can be broken.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// What happens to an operation on its way. All but the first happen once, to the first bytes from the store that have
/// the session's id in them, or to the answer to these; what is sent before, and after, arrives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WayFault {
    /// Connections end, and new ones are refused.
    Refused,
    /// The connection is reset, and the server gets nothing.
    ResetBefore,
    /// The server's answer is lost in a reset.
    ResetAfter,
    /// The answer comes so much later, which must be longer than the store waits.
    Late(Duration),
    /// No answer comes on this connection any more, and it does not end.
    Silent,
    /// Half of the answer comes, and then the connection ends.
    Partial,
    /// Instead of the answer these bytes come.
    Garbled(Vec<u8>),
}

impl WayFault {
    /// Those that every store can be asked to survive, an answer that comes `late` among them.
    pub const fn usual(late: Duration) -> [Self; 5] {
        [Self::Refused, Self::ResetBefore, Self::ResetAfter, Self::Late(late), Self::Partial]
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

/// A port of its own that leads to a server on this machine. What goes through it must have the session's id in the clear:
/// no TLS, no ids that are hashed.
#[derive(Debug)]
pub struct Proxy {
    accepting: Option<JoinHandle<()>>,
    /// Has the port while nobody listens, so that it is refused, and not given to somebody else.
    closed: Option<TcpSocket>,
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
    /// It has happened.
    met: bool,
    /// What is looked for, and how often it was sent; the fault happens to the last one.
    sent: Vec<(Vec<u8>, usize)>,
}

impl Proxy {
    /// A way to the server on this port.
    ///
    /// # Panics
    /// If there is no free port, or outside of a tokio runtime.
    pub fn start(server: u16) -> Self {
        let way = Way {
            hazard: Mutex::default(),
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, server)),
        };
        let mut proxy =
            Self { accepting: None, closed: Some(bind(0)), port: 0, way: Arc::new(way) };
        proxy.open();
        proxy
    }

    /// Its port, on `127.0.0.1`.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on `key` is looked for, and this happens to it.
    pub(super) async fn begin(&mut self, fault: Option<WayFault>, key: &str) {
        if fault == Some(WayFault::Refused) {
            self.close().await;
        }
        let mut hazard = self.way.hazard();
        (hazard.fault, hazard.met) = (fault, false);
        hazard.sent.push((key.into(), 0));
    }

    /// Nothing happens any more. Did it?
    pub(super) fn end(&mut self) -> bool {
        let refused = self.closed.is_some();
        self.open();
        let mut hazard = self.way.hazard();
        hazard.fault = None;
        hazard.met || refused
    }

    /// How often was each key sent?
    pub(super) fn sent(&self) -> Vec<usize> {
        self.way.hazard().sent.drain(..).map(|(_, times)| times).collect()
    }

    fn open(&mut self) {
        let Some(socket) = self.closed.take() else { return };
        let listener = socket.listen(1_024).expect("it is bound");
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
        let Some(accepting) = self.accepting.take() else { return };
        accepting.abort();
        // Each connection has it in common with this.
        while Arc::strong_count(&self.way) > 1 {
            tokio::task::yield_now().await;
        }
        self.closed = Some(bind(self.port));
    }
}

fn bind(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.set_reuseaddr(true).expect("it can be set");
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).expect("the port is free");
    socket
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
    fn meets(&self, bytes: &[u8]) -> Option<WayFault> {
        let mut hazard = self.hazard();
        let has = |key: &[u8]| bytes.windows(key.len()).any(|window| window == key);
        let mut is_last = false;
        for (key, times) in &mut hazard.sent {
            is_last = has(key);
            *times += usize::from(is_last);
        }
        if is_last { hazard.fault.take() } else { None }
    }

    fn met(&self) {
        self.hazard().met = true;
    }
}

/// Carries bytes to and fro, until one side ends or a fault does. What comes late holds up the answers after it, and
/// nothing that is sent.
async fn connect(mut store: TcpStream, way: Arc<Way>) -> io::Result<()> {
    let mut server = TcpStream::connect(way.server).await?;
    let (mut sent, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut fault, mut late, mut silent) = (None, None::<(Instant, Vec<u8>)>, false);
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
                    way.met();
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
                let fault = fault.take();
                if fault.is_some() {
                    way.met();
                }
                match fault {
                    Some(WayFault::ResetAfter) => return store.set_zero_linger(),
                    Some(WayFault::Late(time)) => {
                        late = Some((Instant::now() + time, answer.into()));
                    }
                    Some(WayFault::Silent) => silent = true,
                    Some(WayFault::Partial) => {
                        return store.write_all(&answer[..answer.len() / 2]).await;
                    }
                    Some(WayFault::Garbled(instead)) => store.write_all(&instead).await?,
                    _ if silent => {}
                    _ => store.write_all(answer).await?,
                }
            }
        }
    }
}
