//! The demo, without the framework that it runs on: a small shop whose page shows, for each request,
//! what became of the session and why.
//!
//! Begin with [`Demo::look`] and [`Demo::act`], in `shop.rs`: what a shop asks of its sessions. The rest
//! looks on ([`Visit`], `inspector.rs`, `spy.rs`, `log.rs`), writes the page (`page.rs`), or can be
//! changed while it runs (`options.rs`, `clock.rs`).
//!
//! How each framework gives the shop its sessions is in `examples` of its adapter: `cargo demo`
//! (axum), `cargo demo-warp` and `cargo demo-rocket`.

mod clock;
mod demo;
mod inspector;
mod log;
mod meeting;
mod options;
mod page;
mod reply;
mod shop;
mod spy;
mod start;
mod visit;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::demo::Demo;
pub use self::reply::Reply;
pub use self::start::{Failure, Ready, run};
pub use self::visit::{Ending, Visit};

/// Nothing panics while one of the demo's locks is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
