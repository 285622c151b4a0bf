//! The demo on each framework.

#[path = "../../../adapters/axum/examples/demo.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod axum_demo;
#[path = "../../../adapters/rocket/examples/demo_rocket/main.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod rocket_demo;
#[path = "../../../adapters/warp/examples/demo_warp.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod warp_demo;

use std::net::SocketAddr;
use std::sync::Arc;

use http_session_demo::Demo;
use http_session_store::Env;
use http_session_store::core::Secret;
use tokio::sync::oneshot;

/// What the demo runs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framework {
    Axum,
    Rocket,
    Warp,
}

/// Starts a demo of its own, as a task of the runtime.
pub(crate) async fn start(framework: Framework, env: impl Env) -> SocketAddr {
    let demo = Demo::new(Secret::from([7; 32]), env).expect("sound options");
    let (ready, address) = oneshot::channel();
    let ready = Box::new(move |address| ready.send(address).expect("it is awaited"));
    let demo = Arc::new(demo);
    match framework {
        Framework::Axum => tokio::spawn(axum_demo::serve(demo, 0, ready)),
        Framework::Rocket => tokio::spawn(rocket_demo::serve(demo, 0, ready)),
        Framework::Warp => tokio::spawn(warp_demo::serve(demo, 0, ready)),
    };
    address.await.expect("it listens")
}
