//! Over the wire: a connection to the application, kept from one request to the next.

use std::error::Error;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Why nothing came back: a connection that is refused, or closed.
pub(super) type Broken = Box<dyn Error + Send + Sync>;

/// A client's end of a connection. If it is dropped the connection ends.
pub(super) struct Wire {
    address: SocketAddr,
    open: Option<(SendRequest<Empty<Bytes>>, JoinHandle<()>)>,
}

impl Wire {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, open: None }
    }

    /// Sends a request; the response's body is still to come.
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, Broken> {
        if let Some((sender, task)) = &mut self.open
            && sender.ready().await.is_err()
        {
            task.abort();
            self.open = None;
        }
        if self.open.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            let task = tokio::spawn(async { drop(connection.await) });
            self.open = Some((sender, task));
        }
        let (sender, _) = self.open.as_mut().expect("it was opened");
        Ok(sender.send_request(request).await?)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.open {
            task.abort();
        }
    }
}
