use shared::{
    gateway::Sent,
    http::{Problem, one_of, read_query},
    ids::ResourceId,
};

/// What a member can have sent: the operation, and whether its path names a resource.
const OPERATIONS: [(&str, bool); 6] = [
    ("approve-release", true),
    ("cancel-settlement", true),
    ("create-risk-run", false),
    ("create-settlement", false),
    ("request-release", true),
    ("verify-settlement", true),
];

/// `operation`, `idempotency_key`, and `resource_id` where the operation's path has one.
pub(crate) fn read(query: &str) -> Result<Sent, Problem> {
    let operations = OPERATIONS.map(|(operation, _)| operation);
    read_query(query, |query| {
        let operation = query.required_with("operation", |text| one_of(text, &operations));
        let client_key = query.required("idempotency_key");
        let names_resource = OPERATIONS
            .iter()
            .find(|(known, _)| Some(*known) == operation)
            .map(|(_, names_resource)| *names_resource);
        let resource = match names_resource {
            Some(true) => query.required("resource_id").map(Some),
            Some(false) => query.optional_with("resource_id", |_| {
                Err::<ResourceId, _>("must be left out: the operation's path names no resource")
            }),
            None => query.optional("resource_id"),
        };
        Some(Sent {
            operation: operation?,
            resource: resource?,
            client_key: client_key?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
        let key = "idempotency_key=0123456789abcdef";
        for (operation, names_resource) in OPERATIONS {
            let without = format!("operation={operation}&{key}");
            let with = format!("{without}&resource_id={id}");
            assert_eq!(read(&without).is_ok(), !names_resource, "{operation}");
            assert_eq!(read(&with).is_ok(), names_resource, "{operation}");
        }
        for bad in [
            String::new(),
            "operation=create-settlement".to_owned(),
            key.to_owned(),
            format!("operation=create_settlement&{key}"),
            format!("operation=get-settlement&{key}"),
            "operation=create-settlement&idempotency_key=short".to_owned(),
            format!("operation=verify-settlement&{key}&resource_id=x"),
            format!("operation=create-settlement&{key}&other=1"),
            format!("operation=create-settlement&{key}&{key}"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
