//! What two readers of one body could read in two ways, at any depth.

use std::collections::HashSet;

use super::{
    super::json::Node,
    error::{Errors, Place, pointer_to},
};

/// Reports duplicate members, of which readers take different ones, and U+0000, which no text of
/// PostgreSQL has.
pub(super) fn report(members: &[(String, Node)], errors: &mut Errors) {
    in_members("", members, errors);
}

fn in_members(pointer: &str, members: &[(String, Node)], errors: &mut Errors) {
    let mut names = HashSet::new();
    for (name, node) in members {
        let pointer = pointer_to(pointer, name);
        if !names.insert(name) {
            errors.report(Place::Pointer(pointer.clone()), "must not be repeated");
        }
        in_text(&pointer, name, errors);
        in_node(&pointer, node, errors);
    }
}

fn in_node(pointer: &str, node: &Node, errors: &mut Errors) {
    match node {
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::OtherNumber => {}
        Node::Text(text) => in_text(pointer, text, errors),
        Node::Object(members) => in_members(pointer, members, errors),
        Node::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                in_node(&format!("{pointer}/{index}"), element, errors);
            }
        }
    }
}

fn in_text(pointer: &str, text: &str, errors: &mut Errors) {
    if text.contains('\0') {
        errors.report(
            Place::Pointer(pointer.to_owned()),
            "must not contain U+0000",
        );
    }
}
