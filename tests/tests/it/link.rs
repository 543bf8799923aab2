//! A TCP link to PostgreSQL that counts round trips, and breaks at the two worst moments.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use anyhow::{Context as _, Result};
use url::Url;

use tests::postgres::Database;

/// A port in front of the server's; closed when it is dropped.
pub(crate) struct Link {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    server_port: u16,
    round_trips: AtomicUsize,
    lose_request: AtomicBool,
    lose_reply: AtomicBool,
    closed: AtomicBool,
}

impl Link {
    /// Opens it on that port (0: any free one).
    pub(crate) fn open(port: u16, database: &Database) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = listener.local_addr()?.port();
        let server_port = Url::parse(&database.public_url())?
            .port()
            .context("the database has no port")?;
        let state = Arc::new(State {
            server_port,
            ..State::default()
        });
        thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    if state.closed.load(SeqCst) {
                        break;
                    }
                    // A client that cannot be served sees its connection closed.
                    let _refused = state.connect(client);
                }
            }
        });
        Ok(Self { port, state })
    }

    /// The functions' `DATABASE_URL` that leads through it.
    pub(crate) fn url(&self, database: &Database) -> Result<String> {
        url_at(database, self.port)
    }

    /// How often a client has waited for the server so far, connecting aside.
    pub(crate) fn round_trips(&self) -> usize {
        self.state.round_trips.load(SeqCst)
    }

    /// The next request is lost on its way: the server never hears of it.
    pub(crate) fn lose_next_request(&self) {
        self.state.lose_request.store(true, SeqCst);
    }

    /// The next reply is lost on its way: the server has committed, and the client does not learn of it.
    pub(crate) fn lose_next_reply(&self) {
        self.state.lose_reply.store(true, SeqCst);
    }

    /// Whether nothing is waiting to be lost.
    pub(crate) fn has_lost(&self) -> bool {
        !self.state.lose_request.load(SeqCst) && !self.state.lose_reply.load(SeqCst)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.state.closed.store(true, SeqCst);
        // Wakes the listener, which then sees that it is closed.
        let _woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// The database's URL with another port.
pub(crate) fn url_at(database: &Database, port: u16) -> Result<String> {
    let mut url = Url::parse(&database.public_url())?;
    url.set_port(Some(port))
        .ok()
        .context("a database URL can have a port")?;
    Ok(url.into())
}

impl State {
    fn connect(self: &Arc<Self>, client: TcpStream) -> Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server_port))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        for (from, to, pump) in [
            (
                client.try_clone()?,
                server.try_clone()?,
                Self::requests as fn(&Self, &TcpStream, &TcpStream) -> Result<()>,
            ),
            (server, client, Self::replies),
        ] {
            let state = Arc::clone(self);
            thread::spawn(move || {
                // When one direction ends, both end.
                let _end = pump(&state, &from, &to);
                let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            });
        }
        Ok(())
    }

    fn requests(&self, client: &TcpStream, mut server: &TcpStream) -> Result<()> {
        // The start-up message has no type.
        server.write_all(&message(client, false)?)?;
        loop {
            let message = message(client, true)?;
            // A password, and the question whether the server writes, are part of connecting.
            if message[5..].starts_with(b"SHOW transaction_read_only") {
                server.write_all(&message)?;
                continue;
            }
            // Parse and Query are requests.
            if matches!(message[0], b'P' | b'Q') && self.lose_request.swap(false, SeqCst) {
                return Ok(());
            }
            // Sync, Query, Flush: the client waits for the server now.
            if matches!(message[0], b'S' | b'Q' | b'H') {
                self.round_trips.fetch_add(1, SeqCst);
            }
            server.write_all(&message)?;
        }
    }

    fn replies(&self, server: &TcpStream, mut client: &TcpStream) -> Result<()> {
        loop {
            let message = message(server, true)?;
            if self.lose_reply.load(SeqCst) {
                // ReadyForQuery: the transaction has ended, one way or the other.
                if message[0] == b'Z' {
                    self.lose_reply.store(false, SeqCst);
                    return Ok(());
                }
            } else {
                client.write_all(&message)?;
            }
        }
    }
}

/// One message of the frontend/backend protocol: its type, its length, its content.
fn message(mut from: &TcpStream, typed: bool) -> Result<Vec<u8>> {
    let mut message = vec![0; if typed { 5 } else { 4 }];
    from.read_exact(&mut message)?;
    let length = message
        .last_chunk::<4>()
        .map(|bytes| u32::from_be_bytes(*bytes))
        .context("no length")?;
    let head = message.len();
    message.resize(head + usize::try_from(length)?.saturating_sub(4), 0);
    from.read_exact(&mut message[head..])?;
    Ok(message)
}
