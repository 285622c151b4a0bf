//! An author's function that starts applications.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;

use super::App;

/// Where an application listens, or why it does not launch.
pub type Started = Result<SocketAddr, Box<dyn Error + Send + Sync>>;

/// Starts an application; the type of the function is forgotten.
pub(crate) trait Start {
    fn start(&self, app: App) -> Pin<Box<dyn Future<Output = Started> + '_>>;
}

impl<F: AsyncFn(App) -> Started> Start for F {
    fn start(&self, app: App) -> Pin<Box<dyn Future<Output = Started> + '_>> {
        Box::pin(self(app))
    }
}
