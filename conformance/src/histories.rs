//! Requests that race: every order of their store operations.
