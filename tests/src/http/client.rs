//! One request over one connection, written byte for byte as the caller built it.

use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Request, Response, wire};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than any function may take, so that a hang of theirs is seen as theirs.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends one request to a server on this machine; the server is the host unless the request names one.
pub fn send(server: SocketAddr, request: &Request) -> Result<Response> {
    let mut stream = TcpStream::connect_timeout(&server, CONNECT_TIMEOUT)
        .with_context(|| format!("nothing listens on {server}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    stream.write_all(&encode(server, request)?)?;

    let mut stream = BufReader::new(stream);
    let (status, head) = wire::response_head(&mut stream)
        .with_context(|| format!("{} {} got no answer", request.method, request.target))?;
    // What answers HEAD tells the length of a body that does not follow.
    let body = if request.method == "HEAD" {
        Vec::new()
    } else {
        wire::body(&mut stream, &head)?
    };
    Ok(Response {
        status,
        headers: head.headers,
        body,
    })
}

fn encode(server: SocketAddr, request: &Request) -> Result<Vec<u8>> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nconnection: close\r\n",
        request.method, request.target
    );
    let named = |(name, _): &(String, String)| name.eq_ignore_ascii_case("host");
    if !request.headers.iter().any(named) {
        write!(head, "host: {server}\r\n")?;
    }
    for (name, value) in &request.headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    if !request.body.is_empty() || request.method != "GET" {
        write!(head, "content-length: {}\r\n", request.body.len())?;
    }
    head.push_str("\r\n");
    Ok([head.as_bytes(), &request.body].concat())
}
