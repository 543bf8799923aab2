use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_sdk_secretsmanager::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use aws_types::SdkConfig;
use zeroize::Zeroizing;

use super::{DatabaseUrl, Variables, aws_http, urls::http_url};

/// The tries of a call to AWS before it has failed.
const TRIES_MAX: u32 = 3;

/// How long a database token is valid: RDS accepts no longer. A connection that is open stays open.
const TOKEN_TIME: Duration = Duration::from_mins(15);

/// How AWS is reached: what Lambda puts into every function's environment.
///
/// Credentials come only from the environment. The SDK's provider chain would also try files and the metadata service,
/// which an attacker could plant, and it adds a tenth to the binary.
pub struct Aws {
    pub(super) region: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Zeroizing<String>,
    pub(super) session_token: Option<Zeroizing<String>>,
    /// The endpoint of a local Secrets Manager.
    pub(super) endpoint: Option<String>,
}

impl Aws {
    pub(super) fn read(variables: &mut Variables) -> Option<Self> {
        let region = variables.required("AWS_REGION", region);
        let access_key_id = variables.required("AWS_ACCESS_KEY_ID", credential);
        let secret_access_key = variables.required("AWS_SECRET_ACCESS_KEY", credential);
        let session_token = variables.optional("AWS_SESSION_TOKEN", credential);
        let endpoint = variables.optional("AWS_ENDPOINT_URL_SECRETS_MANAGER", http_url);
        Some(Self {
            region: region?,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?.into(),
            session_token: session_token?.map(Into::into),
            endpoint: endpoint?,
        })
    }

    /// What the SDK's clients are made of. They share its connections; each has its service's endpoint.
    #[must_use]
    pub fn sdk_config(&self, timeouts: TimeoutConfig) -> SdkConfig {
        let connect_time_max = timeouts.connect_timeout().unwrap_or(Duration::MAX);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials()))
            .http_client(aws_http::client(connect_time_max))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES_MAX))
            .build()
    }

    /// The token with which a login enters a database: a presigned URL without its scheme. It is made here, without a
    /// call.
    ///
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html>
    pub(super) fn database_token(
        &self,
        database: &DatabaseUrl,
        username: &str,
        now: SystemTime,
    ) -> Zeroizing<String> {
        const REASON: &str = "a host, a port and a login of ours make a URL that can be signed";
        let url = format!(
            "https://{}:{}/?Action=connect&DBUser={username}",
            database.host, database.port
        );
        let mut settings = SigningSettings::default();
        settings.expires_in = Some(TOKEN_TIME);
        settings.signature_location = SignatureLocation::QueryParams;
        let identity = self.credentials().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("rds-db")
            .time(now)
            .settings(settings)
            .build()
            .expect(REASON)
            .into();
        let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::empty());
        let signed = sign(request.expect(REASON), &parameters).expect(REASON);
        let (instructions, _) = signed.into_parts();
        let mut query = url::form_urlencoded::Serializer::new(url);
        query.extend_pairs(instructions.params());
        Zeroizing::new(query.finish().split_off("https://".len()))
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(
            self.access_key_id.as_str(),
            self.secret_access_key.as_str(),
            self.session_token.as_ref().map(|token| token.to_string()),
            None,
            "environment",
        )
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

fn region(text: &str) -> Result<String, &'static str> {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(word) {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a region")
    }
}

fn credential(text: &str) -> Result<String, &'static str> {
    if !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must be visible ASCII characters")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn aws(session_token: Option<&str>) -> Aws {
        Aws {
            region: "us-east-1".to_owned(),
            access_key_id: "akid".to_owned(),
            secret_access_key: "secret".to_owned().into(),
            session_token: session_token.map(|token| token.to_owned().into()),
            endpoint: None,
        }
    }

    fn token(aws: &Aws, user: &str, seconds: u64) -> String {
        let database = DatabaseUrl {
            host: "prod-instance.us-east-1.rds.amazonaws.com".to_owned(),
            port: 3306,
            dbname: "optkas".to_owned(),
            tls: super::super::TlsMode::VerifyFull,
        };
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        aws.database_token(&database, user, now).to_string()
    }

    /// The vector of AWS's own SDK (`aws-sdk-rds`, `signing_works`).
    #[test]
    fn a_token_is_the_one_that_aws_makes() {
        assert_eq!(
            token(&aws(None), "peccy", 1_724_709_600),
            "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=peccy\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Frds-db%2Faws4_request\
             &X-Amz-Date=20240826T220000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89"
        );
    }

    #[test]
    fn a_token_is_of_its_login_its_time_and_its_session() {
        let mut tokens = vec![
            token(&aws(None), "peccy", 1_724_709_600),
            token(&aws(None), "peccy", 1_724_709_601),
            token(&aws(None), "migrate", 1_724_709_600),
            token(&aws(Some("a/+=")), "peccy", 1_724_709_600),
        ];
        assert!(tokens[3].ends_with("&X-Amz-Security-Token=a%2F%2B%3D"));
        let signature = |token: &String| {
            let (_, signature) = token.split_once("&X-Amz-Signature=").unwrap();
            signature[..64].to_owned()
        };
        tokens = tokens.iter().map(signature).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 4, "each has a signature of its own");
    }
}
