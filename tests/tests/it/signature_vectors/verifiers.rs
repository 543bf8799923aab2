//! The two verifiers, side by side: the database's and `ring`.

use anyhow::{Context, Result, ensure};
use postgres::{Client, types::ToSql};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// The key that a signature is verified with.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    /// x and y.
    Es256(&'a [u8], &'a [u8]),
    /// n and e.
    Rs256(&'a [u8], &'a [u8]),
    /// x.
    EdDsa(&'a [u8]),
}

impl Key<'_> {
    /// The database's verdict.
    pub(super) fn database(
        self,
        client: &mut Client,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        match self {
            Self::Es256(x, y) => ask(
                client,
                "select auth.verify_es256($1, $2, $3, $4)",
                &[&message, &signature, &x, &y],
            ),
            Self::Rs256(n, e) => ask(
                client,
                "select auth.verify_rs256($1, $2, $3, $4)",
                &[&message, &signature, &n, &e],
            ),
            Self::EdDsa(x) => ask(
                client,
                "select auth.verify_eddsa($1, $2, $3)",
                &[&message, &signature, &x],
            ),
        }
    }

    /// `ring`'s verdict.
    pub(super) fn ring(self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(x, y) => {
                let point = [&[4], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Rs256(n, e) => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Self::EdDsa(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
        }
        .is_ok()
    }

    /// The verdict of both.
    pub(super) fn verify(
        self,
        client: &mut Client,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        let (database, ring) = (
            self.database(client, message, signature)?,
            self.ring(message, signature),
        );
        ensure!(
            database == ring,
            "the database says {database} and ring {ring}"
        );
        Ok(ring)
    }
}

/// Asks the database; a verifier never returns null for arguments that are not null.
pub(super) fn ask(
    client: &mut Client,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<bool> {
    let verdict: Option<bool> = client.query_one(sql, parameters)?.try_get(0)?;
    verdict.context("a verifier returned null")
}
