#![doc = include_str!("../README.md")]

pub mod adapter;
pub mod adversarial;
pub mod citations;
pub mod client;
pub mod compare;
pub mod contract;
pub mod driver;
pub mod faults;
pub mod files;
pub mod guide;
mod handler;
pub mod histories;
pub mod invariants;
pub mod outages;
pub mod quirks;
mod reports;
pub mod rules;
mod sample;
pub mod scenario;
pub mod servers;
mod setup;
pub mod space;
mod suite;
pub mod trace;
pub mod via;
mod world;

/// The code of this page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../adapters/axum/MOVING-FROM-EXPRESS.md")]
struct MovingFromExpress;

/// The code of this page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../adapters/axum/MOVING-FROM-TOWER-SESSIONS.md")]
struct MovingFromTowerSessions;

/// The code of this page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../adapters/axum/MOVING-FROM-ACTIX-SESSION.md")]
struct MovingFromActixSession;
