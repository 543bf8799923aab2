//! Client against server.

use super::{Cors, Reply, Request, Response, Server, send};

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

#[test]
fn the_answer_to_head_and_204_have_no_body() {
    let server = Server::start(0, |request| {
        Reply::Response(Response {
            status: if request.method == "HEAD" { 200 } else { 204 },
            body: b"text".to_vec(),
            ..Response::default()
        })
    })
    .expect("a server");
    let ask = |method| send(server.address(), &Request::new(method, "/")).expect("an answer");
    let (head, none) = (ask("HEAD"), ask("GET"));
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        (Some("4"), 0)
    );
    assert_eq!((none.header("content-length"), none.body.len()), (None, 0));
}

#[test]
fn what_a_function_says_of_pages_is_not_passed_on() {
    const CORS: Cors = Cors {
        methods: &["GET"],
        headers: &[],
        exposed: &["location"],
        max_age_seconds: 1,
    };
    let own = [
        ("Access-Control-Allow-Origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("location", "/x"),
    ];
    let reply = Response {
        headers: own
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..Response::default()
    };
    let request = Request::new("GET", "/");
    let none = CORS.reply(&request, reply.clone());
    assert_eq!(none.headers, [("location".to_owned(), "/x".to_owned())]);
    let page = request.header("Origin", "http://localhost:3000");
    let some = CORS.reply(&page, reply);
    let allowed = some.header("access-control-allow-origin");
    assert_eq!(allowed, Some("http://localhost:3000"));
    assert_eq!(some.header("access-control-allow-credentials"), None);
}
