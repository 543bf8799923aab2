//! What a login that was compromised once can set, hold and lock: none of it stays unseen, and none of it changes what
//! an honest function does afterwards.

mod finality;
mod holding;
mod settings;
