use once_cell::sync::OnceCell;
use shared::{
    config::{Base, Identity, Variables},
    ids::AgentId,
};

/// The environment as it was parsed at the start.
pub(crate) static CONFIG: OnceCell<MigrateConfig> = OnceCell::new();

/// The environment of the deployment's function.
#[derive(Debug)]
pub(crate) struct MigrateConfig {
    /// What every function has.
    pub(crate) base: Base,
    /// Whose tokens the database is to accept.
    pub(crate) identity: Identity,
    /// `PLATFORM_AGENT_ID`: the agent that onboards.
    pub(crate) platform_agent: AgentId,
}

impl MigrateConfig {
    /// Reads the environment.
    pub(crate) fn read(variables: &mut Variables) -> Option<Self> {
        let base = Base::read(variables);
        let identity = Identity::read(variables);
        let platform_agent = variables.required("PLATFORM_AGENT_ID", str::parse);
        Some(Self {
            base: base?,
            identity: identity?,
            platform_agent: platform_agent?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(platform_agent: Option<&'static str>) -> Result<MigrateConfig, Vec<&'static str>> {
        let variables = Variables::new(move |name| {
            let value = match name {
                "DATABASE_URL" => "postgresql://127.0.0.1:5432/optkas?sslmode=disable",
                "SECRETS_PREFIX" => "optkas/local",
                "AWS_REGION" => "eu-central-1",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "local",
                "JWT_ISSUER" => "http://127.0.0.1:9999/auth/v1",
                "JWT_AUDIENCE" => "authenticated",
                "PLATFORM_AGENT_ID" => return platform_agent.map(str::to_owned),
                _ => return None,
            };
            Some(value.to_owned())
        });
        let parsed = variables.parse(MigrateConfig::read);
        parsed.map_err(|malformed| malformed.names().collect())
    }

    #[test]
    fn the_platforms_agent_is_named() {
        let config = read(Some("optkas-platform")).unwrap();
        assert_eq!(config.platform_agent.as_str(), "optkas-platform");
        for bad in [None, Some("Platform"), Some("")] {
            assert_eq!(read(bad).unwrap_err(), ["PLATFORM_AGENT_ID"], "{bad:?}");
        }
    }
}
