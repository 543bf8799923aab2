//! The SQL files, in the binary: what is deployed is what was built.

macro_rules! files {
    ($folder:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../migrations/", $folder, $file)))),*]
    };
}

/// Roles and schemas; not a migration, for roles belong to the cluster.
pub(super) const ROLES: &str = include_str!("../../../../migrations/roles.sql");

/// What RDS wants to know of the roles.
pub(super) const RDS: &str = include_str!("../../../../migrations/rds.sql");

/// Add-only, in the order of their numbers.
pub(super) const MIGRATIONS: &[(&str, &str)] = files!["":
    "0001_identity.sql",
    "0002_decoding.sql",
    "0003_es256.sql",
    "0004_rs256.sql",
    "0005_eddsa.sql",
    "0006_ledger.sql",
    "0007_audit.sql",
    "0008_tokens.sql",
    "0009_registry.sql",
    "0010_settlement.sql",
    "0011_books.sql",
    "0012_agents.sql",
    "0013_onboarding.sql",
    "0014_tlog.sql",
    "0015_collateral.sql",
    "0016_collateral_base.sql",
    "0017_collateral_events.sql",
    "0018_risk.sql",
    "0019_risk_book.sql",
    "0020_reconciliation.sql",
];

/// One file for each gateway function, in any order.
pub(super) const GATEWAY: &[(&str, &str)] = files!["gateway/":
    "anchor_checkpoint.sql",
    "approve_release.sql",
    "cancel_settlement.sql",
    "collateral_webhook.sql",
    "create_risk_run.sql",
    "create_settlement.sql",
    "escrow_webhook.sql",
    "expire_settlements.sql",
    "get_checkpoint.sql",
    "get_commitment.sql",
    "get_commitment_proof.sql",
    "get_facility.sql",
    "get_facility_collateral.sql",
    "get_risk_run.sql",
    "get_settlement.sql",
    "list_audit.sql",
    "list_facilities.sql",
    "list_positions.sql",
    "list_risk_runs.sql",
    "list_settlements.sql",
    "migrate.sql",
    "monitor_collateral.sql",
    "platform_webhook.sql",
    "prune_tokens.sql",
    "reconcile_books.sql",
    "request_release.sql",
    "sequence_tlog.sql",
    "settlement_webhook.sql",
    "sign_checkpoint.sql",
    "sync_jwks.sql",
    "verify_settlement.sql",
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn folder(name: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(name);
        let files = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files
            .filter(|file| {
                Path::new(file)
                    .extension()
                    .is_some_and(|extension| extension == "sql")
            })
            .collect()
    }

    fn listed(files: &[(&str, &str)]) -> BTreeSet<String> {
        files.iter().map(|(file, _)| (*file).to_owned()).collect()
    }

    #[test]
    fn every_file_is_embedded() {
        assert_eq!(listed(GATEWAY), folder("gateway"));
        let numbered = |file: &String| file.as_bytes()[0].is_ascii_digit();
        assert_eq!(
            listed(MIGRATIONS),
            folder("").into_iter().filter(numbered).collect()
        );
    }

    #[test]
    fn numbers_have_no_gap_and_no_twin() {
        for (index, (file, _)) in MIGRATIONS.iter().enumerate() {
            assert_eq!(file[..5], format!("{:04}_", index + 1), "{file}");
        }
    }

    #[test]
    fn a_transaction_is_not_ended_from_inside() {
        for (file, sql) in MIGRATIONS
            .iter()
            .chain(GATEWAY)
            .chain(&[("roles.sql", ROLES), ("rds.sql", RDS)])
        {
            for line in sql.lines().map(|line| line.trim().to_ascii_lowercase()) {
                assert!(
                    !matches!(&*line, "commit;" | "rollback;" | "begin;"),
                    "{file}"
                );
            }
        }
    }
}
