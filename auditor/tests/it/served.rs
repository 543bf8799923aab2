//! A log behind HTTP, as servers may send it: what HTTP does to the bytes is never called tampering.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    thread,
};

use auditor::report::Report;
use flate2::{Compression, write::GzEncoder};

use crate::made::Made;

/// What is done to each entry bundle.
#[derive(Clone, Copy)]
enum Bundles {
    Plain,
    Gzip,
    /// Declared to be gzip, and not.
    NoGzip,
    /// Much more than a bundle, once decoded.
    Bomb,
    Brotli,
    /// Missing, with this status.
    Missing(u16),
}

#[test]
fn bundles_in_gzip_are_a_log_like_another() {
    let made = Made::log(&[300]);
    for bundles in [Bundles::Plain, Bundles::Gzip] {
        assert_eq!(verify(&made, bundles).verdict().code(), 0);
    }
}

#[test]
fn what_cannot_be_decoded_is_undecided() {
    let made = Made::log(&[300]);
    for bundles in [Bundles::Brotli, Bundles::NoGzip] {
        let report = verify(&made, bundles);
        assert_eq!(report.verdict().code(), 2, "{report}");
    }
}

#[test]
fn what_decodes_to_more_than_a_bundle_is_found() {
    let report = verify(&Made::log(&[300]), Bundles::Bomb);
    assert_eq!(report.verdict().code(), 1, "{report}");
}

/// 404 and 410 say that a file is missing; any other status says nothing.
#[test]
fn a_missing_file_is_found_where_the_server_says_so() {
    let made = Made::log(&[300]);
    for (status, exit_code) in [(404, 1), (410, 1), (403, 2), (401, 2), (302, 2)] {
        let report = verify(&made, Bundles::Missing(status));
        assert_eq!(report.verdict().code(), exit_code, "{status}: {report}");
    }
}

#[test]
fn a_changed_entry_is_found_behind_gzip_as_well() {
    let made = Made::log(&[300]);
    let mut bundle = made.read("log/tile/entries/000");
    bundle[5] ^= 1;
    made.write("log/tile/entries/000", &bundle);
    let report = verify(&made, Bundles::Gzip);
    assert_eq!(report.verdict().code(), 1, "{report}");
}

fn verify(made: &Made, bundles: Bundles) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let folder = made.path("log");
    // It ends with the process: a listener has no end of its own.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(&stream, &folder, bundles));
        }
    });
    made.auditor(&["log", &url])
}

fn answer(stream: &TcpStream, folder: &Path, bundles: Bundles) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let file: PathBuf = folder.join(path.trim_start_matches('/'));
    let (status, coding, body) = match (fs::read(file), bundles) {
        (Err(_), _) => (404, None, Vec::new()),
        (Ok(bytes), _) if !path.starts_with("/tile/entries/") => (200, None, bytes),
        (Ok(bytes), Bundles::Plain) => (200, None, bytes),
        (Ok(bytes), Bundles::Gzip) => (200, Some("gzip"), gzip(&bytes)),
        (Ok(bytes), Bundles::NoGzip) => (200, Some("gzip"), bytes),
        (Ok(_), Bundles::Bomb) => (200, Some("gzip"), gzip(&vec![0; 64 << 20])),
        (Ok(bytes), Bundles::Brotli) => (200, Some("br"), bytes),
        (Ok(_), Bundles::Missing(status)) => (status, None, Vec::new()),
    };
    let coding = coding.map_or_else(String::new, |coding| {
        format!("content-encoding: {coding}\r\n")
    });
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{coding}connection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    // The reader may have enough before the end.
    let _closed = stream.write_all(&[head.as_bytes(), &body].concat());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
