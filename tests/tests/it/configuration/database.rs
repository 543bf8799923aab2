//! A database that only counts and listens.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

/// Bytes that no PostgreSQL client begins with.
const LAST: &[u8] = b"LAST";

/// A false database: it refuses TLS, records the first bytes, and closes the connection.
pub(super) struct Database {
    port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Database {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let this = Self {
            port: listener.local_addr()?.port(),
            heard: Arc::default(),
        };
        let heard = Arc::clone(&this.heard);
        // The thread ends with the test program.
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut bytes = [0; 1024];
                let first = stream.read(&mut bytes).unwrap_or_default();
                let mut said = bytes[..first].to_vec();
                if first == 8 && stream.write_all(b"N").is_ok() {
                    let more = stream.read(&mut bytes).unwrap_or_default();
                    said.extend(&bytes[..more]);
                }
                if said != LAST {
                    heard
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(said);
                }
            }
        });
        Ok(this)
    }

    pub(super) fn url(&self) -> String {
        format!(
            "postgresql://127.0.0.1:{}/optkas?sslmode=disable",
            self.port
        )
    }

    /// How many have connected.
    pub(super) fn connections(&self) -> Result<usize> {
        Ok(self.heard()?.len())
    }

    /// The first bytes of each connection, once all connections so far have closed.
    pub(super) fn heard(&self) -> Result<Vec<Vec<u8>>> {
        // Connections are served in order: once this one is, all earlier ones are as well.
        let mut last = TcpStream::connect(("127.0.0.1", self.port))?;
        last.write_all(LAST)?;
        last.read_to_end(&mut Vec::new())?;
        Ok(self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }
}
