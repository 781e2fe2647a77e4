//! The store on a real Redis and on a real Redis Cluster of three masters.

mod common;
mod model;
mod owners;
mod redis_only;
mod server;
