//! The store on a real Redis and on a real Redis Cluster of three masters.

#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "cluster")]
mod cluster_faults;
#[cfg(feature = "cluster")]
mod cluster_only;
mod common;
mod conformance;
mod cut;
mod faults;
mod model;
mod owners;
mod redis_only;
mod sends;
mod server;
