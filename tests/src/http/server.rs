//! A loopback server: a thread a connection, and replies that may fail in every way a test needs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use super::{Request, Response, wire};

/// What a handler answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A complete response.
    Response(Response),
    /// Close the connection without a word.
    Close,
    /// Keep the connection open and never answer.
    Hang,
}

type Handler = dyn Fn(Request) -> Reply + Send + Sync;

/// A server that ends, with all its connections, when it is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    handler: Box<Handler>,
    stopped: AtomicBool,
    connections: Mutex<HashMap<SocketAddr, TcpStream>>,
}

impl Server {
    /// Listens on a loopback port (0: any free one) and answers each request by the handler.
    pub fn start(
        port: u16,
        handler: impl Fn(Request) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            handler: Box::new(handler),
            stopped: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        thread::spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state)
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // The accepting thread sees the flag at its next connection: this one.
        drop(TcpStream::connect(self.address));
        for stream in self.state.connections().values() {
            // A peer that has already gone needs no closing.
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, TcpStream>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let state = Arc::clone(state);
        thread::spawn(move || {
            // A peer that breaks off ends its own connection, nothing else.
            let _broken = converse(stream, &state);
        });
    }
}

fn converse(mut stream: TcpStream, state: &State) -> Result<()> {
    let peer = stream.peer_addr()?;
    stream.set_nodelay(true)?;
    state.connections().insert(peer, stream.try_clone()?);
    let mut reader = BufReader::new(stream.try_clone()?);
    let result = loop {
        match exchange(&mut reader, &mut stream, state) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    state.connections().remove(&peer);
    stream.shutdown(Shutdown::Both)?;
    result
}

/// One request and its reply; `false` ends the connection.
fn exchange(
    reader: &mut BufReader<TcpStream>,
    stream: &mut TcpStream,
    state: &State,
) -> Result<bool> {
    let Some(head) = wire::request_head(reader)? else {
        return Ok(false);
    };
    let body = wire::body(reader, &head)?;
    let close = head
        .get("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let [method, target] = head.start;
    // The answer to HEAD tells the length of a body that does not follow (RFC 9110, 9.3.2).
    let bodiless = method == "HEAD";
    let request = Request {
        method,
        target,
        headers: head.headers,
        body,
    };
    match (state.handler)(request) {
        Reply::Response(response) => {
            // One write: header and body in two would wait for each other's acknowledgement.
            stream.write_all(&encode(&response, bodiless)?)?;
            Ok(!close && !state.stopped.load(Ordering::SeqCst))
        }
        Reply::Close => Ok(false),
        Reply::Hang => {
            // Nothing more is read: this waits until either side closes.
            let _closed = std::io::copy(reader, &mut std::io::sink());
            Ok(false)
        }
    }
}

fn encode(response: &Response, bodiless: bool) -> Result<Vec<u8>> {
    let mut head = format!("HTTP/1.1 {} -\r\n", response.status);
    for (name, value) in &response.headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    // 204 has neither (RFC 9110, 8.6).
    if response.status != 204 {
        write!(head, "content-length: {}\r\n", response.body.len())?;
    }
    head.push_str("\r\n");
    let bodiless = bodiless || response.status == 204;
    let body = if bodiless { &[] } else { &*response.body };
    Ok([head.as_bytes(), body].concat())
}
