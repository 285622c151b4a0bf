use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};
use warp::Filter;

/// The address of the client's end of the connection: [`serve`] puts it among each request's
/// extensions, [`remote`] extracts it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RemoteAddr(pub SocketAddr);

/// A filter that extracts the client's address under [`serve`], and `None` elsewhere. It is there in
/// place of `warp::addr::remote`, which only warp's own server can tell something.
pub fn remote() -> impl Filter<Extract = (Option<SocketAddr>,), Error = Infallible> + Copy {
    warp::ext::optional()
        .map(|address: Option<RemoteAddr>| address.map(|RemoteAddr(address)| address))
}

/// Serves a service with sessions, as `warp::serve` serves a filter: HTTP/1 with upgrades, and HTTP/2
/// for clients that begin with it. It never ends.
pub async fn serve<S, B>(listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    serve_until(listener, service, pending()).await;
}

/// As [`serve`], until `shutdown` is done: then no connection is accepted anymore, and the requests
/// that are under way get their responses before this ends. It waits for them as long as they take.
pub async fn serve_until<S, B>(
    listener: TcpListener,
    service: S,
    shutdown: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Of one connection, or of all: as when there are no more file descriptors.
                let one = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset];
                if !one.contains(&error.kind()) {
                    tracing::error!(%error, "no connection is accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                continue;
            }
        };
        let service = service.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(RemoteAddr(address));
            request
        });
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let service = TowerToHyperService::new(service);
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(error, "connection ended");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}
