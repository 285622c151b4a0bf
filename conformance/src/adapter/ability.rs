//! What not every framework can do.

/// What a check needs that not every framework can do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Ability {
    /// Header lines that are not ASCII, or not UTF-8, reach the application, and go out.
    Bytes,
    /// Somebody can tell the adapter how the client is connected ([`App::connection`](super::App::connection)).
    Connections,
    /// Cookie options can depend on the request ([`App::cookie_options`](super::App::cookie_options)).
    CookieOptions,
    /// A request whose client went away is given up.
    Disconnects,
    /// The framework itself answers what has no route ([`Routes::One`](super::Routes::One)).
    Routes,
    /// Bodies can be streamed ([`Body::Chunks`](super::Body::Chunks)).
    Streams,
    /// An application can have two sessions ([`Mounting::Two`](super::Mounting::Two)).
    TwoSessions,
}
