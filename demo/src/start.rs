//! What the three programs have in common.

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use http_session_store::core::Secret;
use http_session_store::{OsEnv, secret_from_env};

use crate::Demo;

/// Why there is no server.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What is to be done when the server listens.
pub type Ready = Box<dyn FnOnce(SocketAddr) + Send + Sync>;

/// Serves a demo. `PORT` is another port, `SESSION_SECRET` the secret that signs the cookies.
pub async fn run<F>(serve: impl FnOnce(Arc<Demo>, u16, Ready) -> F) -> ExitCode
where
    F: Future<Output = Result<(), Failure>>,
{
    let served = async {
        let port = match env::var("PORT") {
            Ok(port) => port.parse().map_err(|_| format!("PORT is no port number: {port:?}"))?,
            Err(_) => 3000,
        };
        let demo = Demo::new(secret()?, OsEnv)?;
        let ready = |address| println!("Listening on http://{address}/ (Ctrl-C stops it)");
        let served = serve(Arc::new(demo), port, Box::new(ready)).await;
        served.map_err(|error| format!("port {port}: {error}. Another one: PORT=3001").into())
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err::<_, Failure>(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn secret() -> Result<Secret, Failure> {
    secret_from_env("SESSION_SECRET").or_else(|error| {
        // Good enough to try things out. A service refuses to start instead: with a secret of its own
        // making, each restart would log everybody out.
        println!("{error}.\nA random secret is used now: sessions end with this process.");
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Secret::from(bytes))
    })
}
