//! The promises, attacked: each module tries to break one of them on the real binaries and a real
//! PostgreSQL. One program, so that one server and one build serve all; each test has a database of its
//! own.

mod answers;
mod audit_trail;
mod authentication;
mod bad_input;
mod books;
mod compromised_endpoint;
mod configuration;
mod crash;
mod direct;
mod double_entry;
mod endpoints;
mod expiry;
mod idempotency;
mod isolation;
mod keys;
mod link;
mod lists;
mod locks;
mod metrics;
mod migrations;
mod model;
mod mutations;
mod outage;
mod presenting;
mod races;
mod random;
mod rotation;
mod sabotage;
mod serialization;
mod settlements;
mod signature_vectors;
mod support;
mod transitions;
mod webhooks;
