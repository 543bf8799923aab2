//! The SQL files, in the binary: what is deployed is what was built. `build.rs` lists them.

/// A file's path below `migrations/`, and its text.
pub(super) type File = (&'static str, &'static str);

/// Roles and schemas; not a migration, for roles belong to the cluster.
pub(super) const ROLES: &str = include_str!("../../../../migrations/roles.sql");

/// What RDS wants to know of the roles.
pub(super) const RDS: &str = include_str!("../../../../migrations/rds.sql");

/// A query for every object of the present.
pub(super) const CATALOGUE: &str = include_str!("../../../../migrations/catalogue.sql");

/// Takes every object of the present away.
pub(super) const WITHDRAW: &str = include_str!("../../../../migrations/withdraw.sql");

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_gap_and_no_twin() {
        for (index, (path, _)) in TABLES.iter().enumerate() {
            assert!(
                path.starts_with(&format!("tables/{:04}_", index + 1)),
                "{path}"
            );
        }
    }

    #[test]
    fn a_transaction_is_not_ended_from_inside() {
        let others = [
            ("roles.sql", ROLES),
            ("rds.sql", RDS),
            ("withdraw.sql", WITHDRAW),
        ];
        for (path, sql) in [TABLES, FUNCTIONS, GATEWAY, ACCESS, &others].concat() {
            for line in sql.lines().map(|line| line.trim().to_ascii_lowercase()) {
                assert!(
                    !matches!(&*line, "commit;" | "rollback;" | "begin;"),
                    "{path}"
                );
            }
        }
    }
}
