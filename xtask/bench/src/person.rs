use uuid::Uuid;

/// A person who acts for an allocator.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) sub: Uuid,
    pub(super) token: String,
}
