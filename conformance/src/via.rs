//! Replaying scenarios: through the core alone, or through an adapter on its real stack.

mod axum;
mod core;
mod rocket;
mod warp;
mod wire;

use std::str::FromStr;

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, VARY};

pub use self::axum::Wiring;

use crate::client::latin1;
use crate::reports;
use crate::scenario::Scenario;
use crate::trace::{Answer, Trace};
use crate::world::World;

/// What a scenario is replayed through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Via {
    /// axum: its router, the layer and the extractor, served on a socket of the loopback interface.
    Axum(Wiring),
    /// The core, with the driver that asks a store which answers at once.
    Core,
    /// Rocket: launched for each scenario, with the fairing and the guard, on such a socket.
    Rocket,
    /// warp: its filters, the layer around them and the filter that extracts the session, on such a
    /// socket.
    Warp,
}

impl FromStr for Via {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "axum" => Ok(Self::Axum(Wiring::Layer)),
            "core" => Ok(Self::Core),
            "rocket" => Ok(Self::Rocket),
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
        reports::collect(|| match self {
            Self::Axum(wiring) => axum::replay(scenario, wiring),
            Self::Core => core::replay(scenario),
            Self::Rocket => rocket::replay(scenario),
            Self::Warp => warp::replay(scenario),
        })
    }
}

impl Answer {
    /// Notes what the response says to caches. express-session says nothing.
    fn cache(&mut self, world: &World, headers: &HeaderMap) {
        let list = |name: HeaderName| {
            let lines = headers.get_all(name).iter();
            let lines: Vec<_> = lines.map(|line| latin1(line.as_bytes())).collect();
            (!lines.is_empty() && !world.has_quirks()).then(|| lines.join(", "))
        };
        (self.vary, self.cache_control) = (list(VARY), list(CACHE_CONTROL));
    }
}
