//! The engine against what is known.

mod bits;
mod books;
mod exactly;
mod inputs;
mod pictures;
mod properties;
mod truths;
