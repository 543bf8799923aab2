//! What runs without a caller.

use base16ct::lower as hex;
use serde_json::{Map, Value, json};
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{Error, Gateway, Reply};
use crate::{
    auth::jwks::{KeySet, PublicKey, Thumbprint},
    config::Identity,
    ids::{AgentId, FacilityId},
};

/// Why a key is retired for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetiredFor {
    /// An operator said so.
    Operator,
    /// The issuer has published a private member of it.
    PrivateMembers,
}

impl RetiredFor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::PrivateMembers => "private-members",
        }
    }
}

/// Whose books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Books {
    /// Accounts against each other, their postings and the settlements.
    Allocators,
    /// The room taken against the settlements that take it.
    Facilities,
}

impl Books {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allocators => "allocators",
            Self::Facilities => "facilities",
        }
    }
}

impl Gateway {
    /// `gateway.expire_settlements`: one batch. Its keys are made in the database.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn expire_settlements(&self, batch_size: i32) -> Result<Reply, Error> {
        self.job("expire_settlements", &[(&batch_size, Type::INT4)])
            .await
    }

    /// `gateway.sync_jwks`: the keys in force are these, or nothing is changed. Its keys are made in the
    /// database.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn sync_jwks(&self, keys: &KeySet) -> Result<Reply, Error> {
        let keys: Vec<_> = keys.iter().map(registration).collect();
        self.job("sync_jwks", &[(&Json(keys), Type::JSONB)]).await
    }

    /// `gateway.retire_key`: this key verifies no token again. Its key is made in the database.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn retire_key(
        &self,
        thumbprint: &Thumbprint,
        reason: RetiredFor,
    ) -> Result<Reply, Error> {
        self.job(
            "retire_key",
            &[
                (&thumbprint.as_bytes().as_slice(), Type::BYTEA),
                (&reason.as_str(), Type::TEXT),
            ],
        )
        .await
    }

    /// `gateway.prune_tokens`: forgets one batch of tokens that have expired.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn prune_tokens(&self, batch_size: i32) -> Result<Reply, Error> {
        self.call("prune_tokens", &[(&batch_size, Type::INT4)])
            .await
    }

    /// `gateway.next_secured_facility`: the secured facility after that one.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn next_secured_facility(&self, after: Option<FacilityId>) -> Result<Reply, Error> {
        self.call(
            "next_secured_facility",
            &[(&after.map(FacilityId::as_uuid), Type::UUID)],
        )
        .await
    }

    /// `gateway.monitor_facility`: opens and closes the warnings of a secured facility. Their keys are made in the
    /// database.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn monitor_facility(&self, facility_id: FacilityId) -> Result<Reply, Error> {
        self.job("monitor_facility", &[(&facility_id.as_uuid(), Type::UUID)])
            .await
    }

    /// `gateway.reconcile_books`: adds up the next books of a kind, after those of `after`.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn reconcile_books(
        &self,
        books: Books,
        after: Option<Uuid>,
        batch_size: i32,
    ) -> Result<Reply, Error> {
        self.call(
            "reconcile_books",
            &[
                (&books.as_str(), Type::TEXT),
                (&after, Type::UUID),
                (&batch_size, Type::INT4),
            ],
        )
        .await
    }

    /// `gateway.watch_database`: ends what is held for too long, and says what deviates.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn watch_database(&self) -> Result<Reply, Error> {
        self.call("watch_database", &[]).await
    }

    /// `gateway.migrate`: which tokens are for this deployment, and which agent onboards.
    ///
    /// # Errors
    ///
    /// As every call.
    pub async fn migrate(
        &self,
        identity: &Identity,
        platform_agent: &AgentId,
    ) -> Result<Reply, Error> {
        let settings = json!({
            "issuer": identity.issuer,
            "audience": identity.audience,
            "client_ids": identity.client_ids,
            "platform_agent_id": platform_agent.as_str(),
        });
        self.job("migrate", &[(&Json(settings), Type::JSONB)]).await
    }
}

/// A key as `auth.published_keys` reads it: octets in hexadecimal, and no member that it has not.
fn registration(key: &PublicKey) -> Value {
    let mut members: Map<_, _> = key
        .members()
        .map(|(name, octets)| (name.to_owned(), hex::encode_string(octets).into()))
        .collect();
    members.insert("kid".to_owned(), json!(key.kid()));
    members.insert("algorithm".to_owned(), json!(key.algorithm()));
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the example in RFC 7517, appendix A.1, in base64url and in hexadecimal.
    const MODULUS: &str = "\
         0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_B\
         JECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F\
         DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4\
         vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    const MODULUS_OCTETS: &str = "\
         d2fc7b6a0a1e6c67104aeb8f88b257669b4df679ddad099b5c4a6cd9a88015b5a133bf0b856c7871b6df000b\
         554fceb3c2ed512bb68f145c6e8434752fab52a1cfc124408f79b58a4578c16428855789f7a249e384cb2d9f\
         ae2d67fd96fb926c198e077399fdc815c0af097dde5aadeff44de70e827f4878432439bfeeb96068d0474fc5\
         0d6d90bf3a98dfaf1040c89c02d692ab3b3c2896609d86fd73b774ce0740647ceeeaa310bd12f985a8eb9f59\
         fdd426cea5b2120f4f2a34bcab764b7e6c54d6840238bcc40587a59e66ed1f33894577635c470af75cf92c20\
         d1da43e1bfc419e222a6f0d0bb358c5e38f9cb050aeafe904814f1ac1aa49cca9ea0ca83";

    #[test]
    fn keys_are_registered_by_their_octets() {
        let document = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "a", "use": "sig",
             "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "b", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty": "EC", "crv": "P-384", "kid": "c", "x": "AA", "y": "AA"},
            {"kty": "RSA", "kid": "d", "e": "AQAB", "n": MODULUS},
        ]});
        let keys = KeySet::parse(document.to_string().as_bytes()).unwrap();
        let registered: Vec<_> = keys.iter().map(registration).collect();
        assert_eq!(
            json!(registered),
            json!([
                {"kid": "a", "algorithm": "ES256",
                 "x": "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445",
                 "y": "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad"},
                {"kid": "b", "algorithm": "EdDSA",
                 "x": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
                {"kid": "d", "algorithm": "RS256", "n": MODULUS_OCTETS, "e": "010001"},
            ])
        );
    }
}
