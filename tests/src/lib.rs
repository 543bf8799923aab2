//! The local stack: a PostgreSQL of its own, an issuer, AWS over the wire, and a Lambda in front.
