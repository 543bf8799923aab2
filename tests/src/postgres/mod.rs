//! A PostgreSQL cluster of our own: started on a free loopback port, reachable by password only.

mod binaries;
mod cluster;
mod database;

pub use cluster::{Cluster, Durability, Options, free_port};
pub use database::{Database, Login};
