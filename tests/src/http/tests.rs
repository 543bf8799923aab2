//! Client against server.

use super::{Reply, Request, Response, Server, send};

fn echo(request: Request) -> Reply {
    let headers = request
        .headers
        .into_iter()
        .filter(|(name, _)| name.starts_with("x-"))
        .collect();
    Reply::Response(Response {
        status: 418,
        headers,
        body: request.body,
    })
}

#[test]
fn a_message_arrives_as_it_was_written() {
    let server = Server::start(0, echo).expect("a server");
    let request = Request::new("POST", "/a?b")
        .header("x-one", "1")
        .header("x-one", "2")
        .body(vec![0, 255, 10]);
    let answer = send(server.address(), &request).expect("an answer");
    assert_eq!((answer.status, &*answer.body), (418, &[0, 255, 10][..]));
    let ones = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "x-one")
        .count();
    assert_eq!(ones, 2);
}

#[test]
fn a_server_that_closes_without_an_answer_is_an_error() {
    let server = Server::start(0, |_| Reply::Close).expect("a server");
    assert!(send(server.address(), &Request::new("GET", "/")).is_err());
}

#[test]
fn a_stopped_server_takes_no_more_connections() {
    let server = Server::start(0, echo).expect("a server");
    let address = server.address();
    drop(server);
    assert!(send(address, &Request::new("GET", "/")).is_err());
}
