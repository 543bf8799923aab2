//! HTTP as API Gateway hands it to a function: event in, reply out, problems as RFC 9457 documents.
//!
//! | module | holds |
//! |---|---|
//! | `event` | the event's payload (HTTP API, version 2.0) |
//! | [`route`], [`request`] | is this request for this function, and is its body acceptable |
//! | [`fields`] | strict bodies and query parameters, with every error named |
//! | [`instant`], [`cursor`], [`webhook`] | the forms that several endpoints share |
//! | [`problem`], [`response`] | what goes back |

pub mod cursor;
pub(crate) mod event;
pub mod fields;
pub mod instant;
pub mod problem;
pub mod request;
pub mod response;
pub mod route;
pub mod webhook;

pub use self::{
    fields::{Fields, one_of, read_body, read_optional_body, read_query, read_query_with_lists},
    problem::Problem,
    request::Request,
    response::Success,
    route::Endpoint,
};
