//! A TCP proxy between a function and a server that notes when each side sends.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Result;

/// The side that sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Function,
    Other,
}

type Heard = Arc<Mutex<Vec<(Side, Instant)>>>;

/// Passes on every byte in both directions.
pub(super) struct Tap {
    pub(super) address: SocketAddr,
    heard: Heard,
}

impl Tap {
    pub(super) fn to(other: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let heard = Heard::default();
        thread::spawn({
            let heard = Arc::clone(&heard);
            move || {
                for stream in listener.incoming().flatten() {
                    // The function itself reports a broken connection.
                    let _broken = connect(&stream, other, &heard);
                }
            }
        });
        Ok(Self { address, heard })
    }

    /// What was sent since the last call, in order.
    pub(super) fn take(&self) -> Vec<(Side, Instant)> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn connect(function: &TcpStream, other: SocketAddr, heard: &Heard) -> Result<()> {
    let other = TcpStream::connect(other)?;
    for stream in [function, &other] {
        stream.set_nodelay(true)?;
    }
    for (side, from, to) in [
        (Side::Function, function, &other),
        (Side::Other, &other, function),
    ] {
        let (from, to, heard) = (from.try_clone()?, to.try_clone()?, Arc::clone(heard));
        thread::spawn(move || pass(side, from, to, &heard));
    }
    Ok(())
}

fn pass(side: Side, mut from: TcpStream, mut to: TcpStream, heard: &Heard) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((side, Instant::now()));
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other side sees the end of the stream.
    let _gone = to.shutdown(Shutdown::Both);
}
