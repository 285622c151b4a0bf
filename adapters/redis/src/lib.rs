#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod store;

pub use redis;

pub use self::connection::{Connection, OneServer};
pub use self::error::RedisError;
pub use self::store::RedisStore;
