#![doc = include_str!("docs.md")]

#[cfg(feature = "cluster")]
mod cluster;
mod commit;
mod create;
mod error;
mod keys;
mod owner;
mod reply;
mod request;
mod scan;
mod script;
mod store;

#[cfg(feature = "cluster")]
pub use cluster::ClusterLinks;
pub use store::{Connection, RedisStore};
