#![doc = include_str!("docs.md")]

mod error;
mod keys;
mod owner;
mod reply;
mod request;
mod scan;
mod script;
mod store;

pub use store::{Connection, RedisStore};
