//! A store that fails at its n-th call, for every n and in every way.
//!
//! [`check`] runs a scenario without a fault, counts what the store was called for, and then runs it once
//! for each of these calls and each [`Fault`]. What comes of a run is looked at by [`Rule`]s: what the client
//! gets, what the store keeps, and what the next request finds.
//!
//! A fault that answers goes through the core with its [driver](crate::driver). One that does not answer goes
//! through [`Sessions`](http_session_store::Sessions): once under a [`Deadline`](http_session_store::Deadline)
//! of no time, which a store keeps that answers at once, so nothing waits in truth; and once without one, where
//! the request is dropped.
//!
//! express-session's scenarios run twice: as they are, and [under `recommended`](under_recommended), where more
//! can go wrong.
//!
//! A [`Bug`] is seeded between the store and the driver, or into the answer: each rule has one that it catches.

mod bug;
mod rule;
mod run;
mod store;
mod tally;
mod verdict;

pub use self::bug::Bug;
pub use self::rule::Rule;
pub use self::run::{check, under_recommended};
pub use self::store::Fault;
pub use self::tally::Tally;
