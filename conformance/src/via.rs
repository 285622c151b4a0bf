//! Replaying scenarios: through the core alone, or through an adapter on its real stack.

#[cfg(feature = "frameworks")]
mod axum;
pub(crate) mod core;
#[cfg(feature = "frameworks")]
mod rocket;
#[cfg(feature = "frameworks")]
mod warp;

use std::cell::RefCell;
use std::str::FromStr;

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, VARY};
use tokio::runtime::Builder;

#[cfg(feature = "frameworks")]
pub use self::axum::Wiring;

use crate::adapter::{self, App, Started};
use crate::client::latin1;
use crate::invariants::Bug;
use crate::reports;
use crate::scenario::Scenario;
use crate::trace::{Answer, Trace};
use crate::world::World;

/// What a scenario is replayed through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Via {
    #[cfg(feature = "frameworks")]
    /// axum: its router, the layer and the extractor, served on a socket of the loopback interface.
    Axum(Wiring),
    /// The core, with the driver that asks a store which answers at once.
    Core,
    #[cfg(feature = "frameworks")]
    /// Rocket: launched for each scenario, with the fairing and the guard, on such a socket.
    Rocket,
    #[cfg(feature = "frameworks")]
    /// warp: its filters, the layer around them and the filter that extracts the session, on such a
    /// socket.
    Warp,
}

impl FromStr for Via {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            #[cfg(feature = "frameworks")]
            "axum" => Ok(Self::Axum(Wiring::Layer)),
            "core" => Ok(Self::Core),
            #[cfg(feature = "frameworks")]
            "rocket" => Ok(Self::Rocket),
            #[cfg(feature = "frameworks")]
            "warp" => Ok(Self::Warp),
            _ => Err(format!("--via {name}: expected core, axum, warp or rocket")),
        }
    }
}

impl Via {
    /// Replays one scenario.
    ///
    /// # Panics
    /// If the scenario holds what can't be expressed with the library.
    #[must_use]
    pub fn replay(self, scenario: &Scenario) -> Trace {
        reports::collect(|| {
            if self == Self::Core {
                return core::replay(scenario, None, None);
            }
            let runtime = Builder::new_current_thread().enable_all().build();
            let start = async |app: App| self.start(app).await;
            let replay = adapter::replay(scenario, &start);
            let trace = runtime.expect("a runtime can be made").block_on(replay);
            trace.expect("it launches and answers")
        })
    }

    /// Starts an application of the [contract for adapters](crate::adapter) on it.
    ///
    /// # Errors
    /// It does not launch; the core alone is no server.
    pub async fn start(self, app: App) -> Started {
        match self {
            #[cfg(feature = "frameworks")]
            Self::Axum(wiring) => axum::start(app, wiring).await,
            Self::Core => {
                drop(app);
                Err("the core is no server".into())
            }
            #[cfg(feature = "frameworks")]
            Self::Rocket => rocket::start(app).await,
            #[cfg(feature = "frameworks")]
            Self::Warp => warp::start(app).await,
        }
    }
}

/// Replays a scenario through the core, with a bug in it or none; and what `Debug` shows of all that there is
/// on the way.
pub(crate) fn through_core(scenario: &Scenario, bug: Option<&Bug>) -> (Trace, String) {
    let shown = RefCell::default();
    let trace = reports::collect(|| core::replay(scenario, bug, Some(&shown)));
    (trace, shown.into_inner())
}

impl Answer {
    /// Notes what the response says to caches. express-session says nothing.
    pub(crate) fn cache(&mut self, world: &World, headers: &HeaderMap) {
        let list = |name: HeaderName| {
            let lines = headers.get_all(name).iter();
            let lines: Vec<_> = lines.map(|line| latin1(line.as_bytes())).collect();
            (!lines.is_empty() && !world.has_quirks()).then(|| lines.join(", "))
        };
        (self.vary, self.cache_control) = (list(VARY), list(CACHE_CONTROL));
    }
}
