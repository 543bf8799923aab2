//! The promises, attacked: each module tries to break one of them on the real binaries and a real
//! PostgreSQL. One program, so that one server and one build serve all; each test has a database of its
//! own.
