//! The AWS SDK's HTTP, over the client that everything else goes out by.

use std::time::Duration;

use aws_smithy_runtime_api::client::{
    http::{
        HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use tokio::time::timeout;

use crate::outbound::{self, HttpClient};

/// For all the SDK's clients that are made with it: they share its connections.
///
/// Plain HTTP goes to a local stand-in alone, whose address the configuration has let through.
pub(super) fn client(connect_time_max: Duration) -> SharedHttpClient {
    let client = outbound::client(true, connect_time_max);
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connector {
            client: client.clone(),
            response_time_max: settings.read_timeout().unwrap_or(Duration::MAX),
        })
    })
}

#[derive(Debug)]
struct Connector {
    client: HttpClient<SdkBody>,
    response_time_max: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, response_time_max) = (self.client.clone(), self.response_time_max);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            // Without an answer the SDK tries again: all that is asked of AWS here bears being asked twice.
            let response = timeout(response_time_max, client.request(request))
                .await
                .map_err(|late| ConnectorError::timeout(late.into()))?
                .map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// A service that answers each connection's first words with `answer`, or never.
    fn service(answer: Option<&'static [u8]>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().map_while(Result::ok) {
                let read = stream.read(&mut [0; 4_096]);
                match answer {
                    Some(answer) if read.is_ok() => stream.write_all(answer).unwrap(),
                    _ => kept.push(stream),
                }
            }
        });
        address.to_string()
    }

    async fn ask(url: &str) -> Result<HttpResponse, ConnectorError> {
        let connector = Connector {
            client: outbound::client(true, Duration::from_secs(1)),
            response_time_max: Duration::from_millis(200),
        };
        connector.call(HttpRequest::get(url).unwrap()).await
    }

    #[tokio::test]
    async fn an_answer_of_whatever_status_is_an_answer() {
        let answer = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 4\r\n\r\nbody";
        let response = ask(&format!("http://{}/", service(Some(answer))))
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), 503);
    }

    #[tokio::test]
    async fn no_answer_may_be_asked_for_again() {
        let silent = ask(&format!("http://{}/", service(None))).await;
        assert!(silent.unwrap_err().is_timeout());
        let absent = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        for (service, scheme) in [
            (absent.to_string(), "http"),
            (service(Some(b"")), "http"),
            (service(Some(b"nonsense\r\n\r\n")), "http"),
            // A server without TLS or without a certificate gets no request.
            (service(Some(b"HTTP/1.1 200 OK\r\n\r\n")), "https"),
        ] {
            let answer = ask(&format!("{scheme}://{service}/")).await;
            assert!(answer.unwrap_err().is_io(), "{scheme}://{service}");
        }
    }
}
