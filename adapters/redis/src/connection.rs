//! The connections that a store can work on, and what differs between them.

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};

/// A connection that clones cheaply and carries many commands at the same time. The crate `redis` has
/// three: [`ConnectionManager`], which connects again by itself, [`MultiplexedConnection`], which does
/// not, and with the feature `cluster` its `ClusterConnection`. No other type can be one.
pub trait Connection: ConnectionLike + Clone + Send + Sync + sealed::Sealed {
    /// Are all keys on one server, so that a script can write two of them as one step?
    #[doc(hidden)]
    const ONE_SERVER: bool;
}

/// A connection to one server: a rotation is one step, and there is one list of keys.
pub trait OneServer: Connection {}

mod sealed {
    #[expect(unnameable_types, reason = "so that no other crate can implement it")]
    pub trait Sealed {}
}

impl sealed::Sealed for ConnectionManager {}

impl Connection for ConnectionManager {
    const ONE_SERVER: bool = true;
}

impl OneServer for ConnectionManager {}

impl sealed::Sealed for MultiplexedConnection {}

impl Connection for MultiplexedConnection {
    const ONE_SERVER: bool = true;
}

impl OneServer for MultiplexedConnection {}

#[cfg(feature = "cluster")]
impl sealed::Sealed for redis::cluster_async::ClusterConnection {}

#[cfg(feature = "cluster")]
impl Connection for redis::cluster_async::ClusterConnection {
    const ONE_SERVER: bool = false;
}
