//! Signing in, by the calls that supabase-js makes and with Supabase Auth's answers (v2.196): password, refresh, user,
//! sign-out. Sessions live in memory. Sign-up, a second factor, mail and other providers are not here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::token::{LIFETIME_SECONDS, now_seconds};
use super::{Key, Minter};
use crate::http::{Cors, Request, Response};
use crate::secrets::{random, same};

/// What Supabase Auth and the gateway before it let pages send and read. Supabase lets every page do so.
pub(super) const CORS: Cors = Cors {
    methods: &["GET", "POST", "PUT", "PATCH", "DELETE"],
    headers: &[
        "accept",
        "apikey",
        "authorization",
        "content-type",
        "x-client-info",
        VERSION,
    ],
    exposed: &["link", "x-total-count", VERSION],
    max_age_seconds: 600,
};

/// A client that names this version (or a later one) gets errors of another shape.
const VERSION: &str = "x-supabase-api-version";
const VERSION_OF_SHAPE: &str = "2024-01-01";

/// The token before the last one is taken for so long: its holder may not have got the reply.
const REUSE_INTERVAL: Duration = Duration::from_secs(10);

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user id.
    pub sub: Uuid,
    /// The part of the mail address before `@example.com`.
    pub name: String,
    /// The password.
    pub password: String,
}

/// Who can sign in, and who has.
#[derive(Default)]
pub(super) struct SignIn {
    accounts: Mutex<Vec<Account>>,
    sessions: Mutex<BTreeMap<String, Session>>,
}

struct Session {
    account: Account,
    since: u64,
    /// All of its refresh tokens, the newest last.
    refresh: Vec<String>,
    refreshed: Instant,
    revoked: bool,
}

struct Failure {
    status: u16,
    code: &'static str,
    message: &'static str,
}

type Outcome = Result<Response, Failure>;

const fn failure(status: u16, code: &'static str, message: &'static str) -> Failure {
    Failure {
        status,
        code,
        message,
    }
}

const WRONG: Failure = failure(400, "invalid_credentials", "Invalid login credentials");
const BAD_JSON: Failure = failure(400, "bad_json", "Could not parse request body as JSON");

impl SignIn {
    pub(super) fn enrol(&self, account: Account) {
        lock(&self.accounts).push(account);
    }

    /// Answers one of the calls; `keys` are those that are published.
    pub(super) fn answer(
        &self,
        request: &Request,
        path: &str,
        minter: &Minter,
        keys: &[Value],
    ) -> Response {
        let outcome = match (&*request.method, path) {
            ("POST", "/token") => self.token(request, minter),
            ("GET", "/user") => self
                .session(request, keys)
                .map(|(_, account, since)| reply(200, &user(&account, since))),
            ("POST", "/logout") => self.logout(request, keys),
            _ => Ok(reply(404, &json!({ "error": "not found" }))),
        };
        outcome.unwrap_or_else(|failure| failure.render(request))
    }

    fn token(&self, request: &Request, minter: &Minter) -> Outcome {
        let body = || serde_json::from_slice::<Value>(&request.body).map_err(|_| BAD_JSON);
        match &*query(request, "grant_type") {
            "password" => self.password(&body()?, minter),
            "refresh_token" => self.refresh(&body()?, minter),
            _ => Err(failure(
                400,
                "invalid_credentials",
                "unsupported_grant_type",
            )),
        }
    }

    fn password(&self, body: &Value, minter: &Minter) -> Outcome {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        if text("email").is_empty() {
            return Err(failure(400, "validation_failed", "missing email or phone"));
        }
        let account = lock(&self.accounts)
            .iter()
            .find(|account| account.email() == text("email").to_lowercase())
            .filter(|account| same(&account.password, text("password")))
            .cloned()
            .ok_or(WRONG)?;
        let session = Session {
            account,
            since: now_seconds(),
            refresh: vec![refresh_token()],
            refreshed: Instant::now(),
            revoked: false,
        };
        let id = Uuid::new_v4().to_string();
        let answer = tokens(&id, &session, minter);
        lock(&self.sessions).insert(id, session);
        Ok(answer)
    }

    fn refresh(&self, body: &Value, minter: &Minter) -> Outcome {
        let given = body["refresh_token"].as_str().unwrap_or_default();
        if given.is_empty() {
            // OAuth's own shape (RFC 6749, 5.2), whatever the version.
            let error = json!({
                "error": "invalid_request",
                "error_description": "refresh_token required",
            });
            return Ok(reply(400, &error));
        }
        let mut sessions = lock(&self.sessions);
        let (id, session) = sessions
            .iter_mut()
            .find(|(_, session)| session.refresh.iter().any(|token| same(token, given)))
            .ok_or(failure(
                400,
                "refresh_token_not_found",
                "Invalid Refresh Token: Refresh Token Not Found",
            ))?;
        if !session.take(given) {
            return Err(failure(
                400,
                "refresh_token_already_used",
                "Invalid Refresh Token: Already Used",
            ));
        }
        Ok(tokens(id, session, minter))
    }

    fn logout(&self, request: &Request, keys: &[Value]) -> Outcome {
        let (id, account, _) = self.session(request, keys)?;
        let ends: fn(bool, bool) -> bool = match &*query(request, "scope") {
            "" | "global" => |_, of_them| of_them,
            "local" => |this, _| this,
            "others" => |this, of_them| of_them && !this,
            _ => {
                return Err(failure(
                    400,
                    "validation_failed",
                    "Unsupported logout scope",
                ));
            }
        };
        lock(&self.sessions)
            .retain(|known, session| !ends(*known == id, session.account.sub == account.sub));
        Ok(Response {
            status: 204,
            ..Response::default()
        })
    }

    /// The session of the token in the request: its id, whose it is, and since when.
    fn session(
        &self,
        request: &Request,
        keys: &[Value],
    ) -> Result<(String, Account, u64), Failure> {
        let token = request
            .values("authorization")
            .next()
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(failure(
                401,
                "no_authorization",
                "This endpoint requires a Bearer token",
            ))?;
        let claims = verified(token, keys).ok_or(failure(
            403,
            "bad_jwt",
            "invalid JWT: unable to parse or verify signature",
        ))?;
        let id = claims["session_id"].as_str().unwrap_or_default();
        let sessions = lock(&self.sessions);
        let session = sessions.get(id).ok_or(failure(
            403,
            "session_not_found",
            "Session from session_id claim in JWT does not exist",
        ))?;
        Ok((id.to_owned(), session.account.clone(), session.since))
    }
}

impl Account {
    fn email(&self) -> String {
        format!("{}@example.com", self.name)
    }
}

impl Session {
    /// Puts a new refresh token in the place of the one that is given, if that is good. One that was used before is
    /// somebody else's copy perhaps: the session then ends.
    fn take(&mut self, given: &str) -> bool {
        let place = self.refresh.iter().rev().position(|token| token == given);
        match place {
            Some(0) if !self.revoked => {
                self.refresh.push(refresh_token());
                self.refreshed = Instant::now();
                true
            }
            Some(1) if !self.revoked && self.refreshed.elapsed() < REUSE_INTERVAL => true,
            Some(_) | None => {
                self.revoked = true;
                false
            }
        }
    }
}

impl Failure {
    fn render(&self, request: &Request) -> Response {
        let Self {
            status,
            code,
            message,
        } = self;
        // Dates of this form sort as texts.
        let named = request.values(VERSION).next();
        if named.is_some_and(|version| version >= VERSION_OF_SHAPE) {
            let mut answer = reply(*status, &json!({ "code": code, "message": message }));
            answer
                .headers
                .push((VERSION.to_owned(), VERSION_OF_SHAPE.to_owned()));
            return answer;
        }
        reply(
            *status,
            &json!({ "code": status, "error_code": code, "msg": message }),
        )
    }
}

fn tokens(id: &str, session: &Session, minter: &Minter) -> Response {
    let Session { account, since, .. } = session;
    let mut claims = minter.claims(account.sub, &account.name);
    claims["session_id"] = json!(id);
    claims["amr"][0]["timestamp"] = json!(since);
    reply(
        200,
        &json!({
            "access_token": minter.sign(&claims),
            "token_type": "bearer",
            "expires_in": LIFETIME_SECONDS,
            "expires_at": claims["exp"],
            "refresh_token": session.refresh.last(),
            "user": user(account, *since),
        }),
    )
}

fn user(account: &Account, since: u64) -> Value {
    let email = account.email();
    let instant = i64::try_from(since)
        .ok()
        .and_then(|since| OffsetDateTime::from_unix_timestamp(since).ok())
        .and_then(|since| since.format(&Rfc3339).ok());
    let data = json!({
        "email": email,
        "email_verified": true,
        "phone_verified": false,
        "sub": account.sub.to_string(),
    });
    json!({
        "id": account.sub.to_string(),
        "aud": "authenticated",
        "role": "authenticated",
        "email": email,
        "email_confirmed_at": instant,
        "phone": "",
        "confirmed_at": instant,
        "last_sign_in_at": instant,
        "app_metadata": { "provider": "email", "providers": ["email"] },
        "user_metadata": data,
        "identities": [{
            "identity_id": account.sub.to_string(),
            "id": account.sub.to_string(),
            "user_id": account.sub.to_string(),
            "identity_data": data,
            "provider": "email",
            "last_sign_in_at": instant,
            "created_at": instant,
            "updated_at": instant,
            "email": email,
        }],
        "created_at": instant,
        "updated_at": instant,
        "is_anonymous": false,
    })
}

/// The claims of a token that one of the published keys has signed and that has not expired.
fn verified(token: &str, keys: &[Value]) -> Option<Value> {
    let (input, signature) = token.rsplit_once('.')?;
    let (header, claims) = input.split_once('.')?;
    let json =
        |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = (json(header)?, json(claims)?);
    let key = keys.iter().find(|key| key["kid"] == header["kid"])?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let good = Key::verifies(key, input.as_bytes(), &signature);
    (good && claims["exp"].as_u64()? > now_seconds()).then_some(claims)
}

fn refresh_token() -> String {
    URL_SAFE_NO_PAD.encode(random(15))
}

fn query(request: &Request, name: &str) -> String {
    url::form_urlencoded::parse(request.query().as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn reply(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: vec![(
            "content-type".to_owned(),
            "application/json; charset=utf-8".to_owned(),
        )],
        body: body.to_string().into_bytes(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
