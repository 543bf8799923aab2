use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::json;

use super::*;
use crate::auth::{
    Authenticator, Unauthenticated,
    fixtures::{ISSUER, NOW, Signer, claims, ec_jwk, header},
    jwt::Policy,
    jwt::TokenError,
};

#[tokio::test]
async fn by_default_each_call_fetches_over_one_connection() {
    let issuer = Issuer::start(|_| ok("application/json; charset=utf-8", &set("k")));
    let source = issuer.source(0);
    for _ in 0..3 {
        assert!(source.keys_for("k", at(0)).await.unwrap().has("k"));
    }
    assert_eq!((issuer.requests(), issuer.connections()), (3, 1));
}

#[tokio::test]
async fn a_shared_set_is_used_until_its_age_and_no_longer() {
    let issuer = Issuer::start(|n| {
        if n < 2 {
            ok("application/json", &set("k"))
        } else {
            status(500)
        }
    });
    let source = issuer.source(60);
    for (seconds, requests) in [(0, 1), (59, 1), (60, 2), (119, 2)] {
        assert!(source.keys_for("k", at(seconds)).await.unwrap().has("k"));
        assert_eq!(issuer.requests(), requests, "at {seconds}");
    }
    for seconds in [120, 121, 600] {
        assert!(
            matches!(
                source.keys_for("k", at(seconds)).await,
                Err(KeysUnavailable::Status(_))
            ),
            "at {seconds}"
        );
    }
    // A clock set back does not make an old set young.
    assert!(source.keys_for("k", at(-1000)).await.is_err());
}

#[tokio::test]
async fn an_unknown_kid_fetches_once_in_thirty_seconds() {
    let issuer = Issuer::start(|n| ok("application/json", &set(if n < 2 { "old" } else { "new" })));
    let source = issuer.source(600);
    for (kid, seconds, found, requests) in [
        ("old", 0, true, 1),
        ("new", 29, false, 1),
        ("new", 30, false, 2),
        ("new", 59, false, 2),
        ("old", 60, true, 2),
        ("new", 60, true, 3),
        ("old", 61, false, 3),
    ] {
        assert_eq!(
            source.keys_for(kid, at(seconds)).await.unwrap().has(kid),
            found,
            "{kid} at {seconds}"
        );
        assert_eq!(issuer.requests(), requests, "{kid} at {seconds}");
    }
}

#[tokio::test]
async fn a_failed_try_for_an_unknown_kid_counts_and_spoils_nothing() {
    let issuer = Issuer::start(|n| match n {
        0 => ok("application/json", &set("k")),
        _ => status(500),
    });
    let source = issuer.source(600);
    assert!(source.keys_for("k", at(0)).await.is_ok());
    assert!(source.keys_for("new", at(30)).await.is_err());
    assert!(!source.keys_for("new", at(59)).await.unwrap().has("new"));
    assert!(source.keys_for("k", at(59)).await.unwrap().has("k"));
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test]
async fn concurrent_callers_share_one_refresh() {
    let issuer = Issuer::start(|_| {
        thread::sleep(Duration::from_millis(100));
        ok("application/json", &set("k"))
    });
    let source = Arc::new(issuer.source(60));
    let calls: Vec<_> = (0..16)
        .map(|i| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { source.keys_for("k", at(i % 2)).await.map(drop) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test]
async fn nothing_but_a_key_set_in_json_with_status_200_is_taken() {
    let large = set("k").replace('}', &format!("}}{}", " ".repeat(150_000)));
    for (response, expected) in [
        (status(500), "Status"),
        (status(204), "Status"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n".into(),
            "Status",
        ),
        (ok("text/html", &set("k")), "ContentType"),
        (ok("application/jsonp", &set("k")), "ContentType"),
        (ok("application/json", &large), "Body"),
        (
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{}",
                set("k")
            ),
            "TimedOut",
        ),
        (ok("application/json", "{}"), "Refused(Malformed)"),
        (
            ok("application/json", r#"{"keys":[{"kty":"oct","k":"AA"}]}"#),
            "Refused(SymmetricKey)",
        ),
        ("nonsense\r\n\r\n".into(), "Unreachable"),
    ] {
        let served = response.clone();
        let issuer = Issuer::start(move |_| served.clone());
        let error = issuer.source(0).keys_for("k", at(0)).await.unwrap_err();
        assert!(
            format!("{error:?}").starts_with(expected),
            "{error:?}: {response:.100}"
        );
    }
}

#[tokio::test]
async fn a_silent_or_absent_host_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = std::time::Instant::now();
    let each_time = KeySource::new(uri(&silent), Duration::ZERO);
    let shared = KeySource::new(uri(&silent), Duration::from_mins(1));
    let answers = tokio::join!(
        each_time.keys_for("k", at(0)),
        shared.keys_for("k", at(0)),
        // Waits for the other's fetch, and no longer than it would wait for its own.
        shared.keys_for("k", at(0)),
    );
    for answer in <[_; 3]>::from(answers) {
        assert!(matches!(answer, Err(KeysUnavailable::TimedOut)));
    }
    assert!(started.elapsed() < WAIT_MAX + Duration::from_millis(500));
    let uri = uri(&silent);
    drop(silent);
    let absent = KeySource::new(uri, Duration::ZERO);
    assert!(matches!(
        absent.keys_for("k", at(0)).await,
        Err(KeysUnavailable::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_connection_that_died_while_kept_is_replaced() {
    // The issuer drops each connection at its second request.
    let issuer = Issuer::closing(|_| ok("application/json", &set("k")));
    let source = issuer.source(0);
    for _ in 0..3 {
        assert!(source.keys_for("k", at(0)).await.is_ok());
    }
    assert_eq!(issuer.connections(), 3);
}

#[tokio::test]
async fn what_is_fetched_to_be_registered_is_what_is_published_now() {
    let issuer =
        Issuer::start(|n| ok("application/json", &set(if n == 0 { "old" } else { "new" })));
    let source = issuer.source(600);
    assert!(source.keys_for("old", at(0)).await.unwrap().has("old"));
    assert!(source.fetch().await.unwrap().has("new"));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = KeySource::new(uri(&silent), Duration::ZERO);
    assert!(matches!(
        source.fetch().await,
        Err(KeysUnavailable::TimedOut)
    ));
}

#[tokio::test]
async fn plain_http_is_refused_behind_an_https_address() {
    let issuer = Issuer::start(|_| ok("application/json", &set("k")));
    let uri = issuer
        .uri
        .to_string()
        .replace("http:", "https:")
        .parse()
        .unwrap();
    let source = KeySource::new(uri, Duration::ZERO);
    assert!(matches!(
        source.keys_for("k", at(0)).await,
        Err(KeysUnavailable::Unreachable(_))
    ));
}

#[tokio::test]
async fn a_token_is_refused_before_any_fetch_and_judged_only_after_one() {
    let signer = Signer::es256();
    let document = json!({ "keys": [signer.jwk("k")] }).to_string();
    let issuer = Issuer::start(move |n| match n {
        0 | 1 => ok("application/json", &document),
        _ => status(503),
    });
    let authenticator = Authenticator::new(
        Policy::new(ISSUER.into(), "authenticated".into()),
        issuer.uri.clone(),
        Duration::ZERO,
    );
    let good = signer.token(&header("ES256").to_string(), &claims().to_string());
    let forged = Signer::es256().token(&header("ES256").to_string(), &claims().to_string());
    let expired = at(3600);
    let answers = [
        (&good, expired, "Refused(Expired)", 0),
        (&good, at(0), "Human", 1),
        (&forged, at(0), "Refused(Signature)", 2),
        (&good, at(0), "KeysUnavailable(Status(503))", 3),
    ];
    for (token, now, expected, requests) in answers {
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        let answer = match authenticator.authenticate(&headers, now).await {
            Ok(human) => format!("{human:?}"),
            Err(unauthenticated) => format!("{unauthenticated:?}"),
        };
        assert!(answer.starts_with(expected), "{answer}");
        assert_eq!(issuer.requests(), requests, "{expected}");
    }
    assert!(matches!(
        authenticator.authenticate(&HeaderMap::new(), at(0)).await,
        Err(Unauthenticated::Refused(TokenError::Authorization))
    ));
}

/// A blocking HTTP/1.1 server of one resource, a thread for each connection.
struct Issuer {
    uri: Uri,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Issuer {
    fn start(respond: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self::serve(respond, usize::MAX)
    }

    fn closing(respond: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        Self::serve(respond, 1)
    }

    fn serve(
        respond: impl Fn(usize) -> String + Send + Sync + 'static,
        per_connection: usize,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (requests, connections) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let issuer = Self {
            uri: uri(&listener),
            requests: Arc::clone(&requests),
            connections: Arc::clone(&connections),
        };
        let respond = Arc::new(move || respond(requests.fetch_add(1, Ordering::SeqCst)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let respond = Arc::clone(&respond);
                thread::spawn(move || answer(&stream.unwrap(), &*respond, per_connection));
            }
        });
        issuer
    }

    fn source(&self, age_seconds_max: u64) -> KeySource {
        KeySource::new(self.uri.clone(), Duration::from_secs(age_seconds_max))
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: &TcpStream, respond: &dyn Fn() -> String, answers_max: usize) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut answers = 0;
    while lines.by_ref().take_while(|line| !line.is_empty()).count() > 0 && answers < answers_max {
        stream.write_all(respond().as_bytes()).unwrap();
        answers += 1;
    }
}

fn uri(listener: &TcpListener) -> Uri {
    format!(
        "http://{}/.well-known/jwks.json",
        listener.local_addr().unwrap()
    )
    .parse()
    .unwrap()
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW + seconds).unwrap()
}

fn set(kid: &str) -> String {
    json!({ "keys": [ec_jwk(kid)] }).to_string()
}

fn ok(content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status(code: u16) -> String {
    format!("HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n")
}
