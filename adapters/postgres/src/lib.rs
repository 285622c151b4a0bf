#![doc = include_str!("../README.md")]

mod error;
mod lease;
mod statements;
mod store;

pub use sqlx;

pub use self::error::PostgresError;
pub use self::store::PostgresStore;
