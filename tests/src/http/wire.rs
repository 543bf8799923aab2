//! Reading one HTTP/1.1 message; what both sides need and no more.

use std::io::{BufRead, Read};

use anyhow::{Context, Result, bail, ensure};

const HEAD_BYTES_MAX: usize = 64 << 10;
const BODY_BYTES_MAX: usize = 16 << 20;
const HEADERS_MAX: usize = 100;

/// A request's method and target, and the headers.
pub(super) struct Head {
    pub(super) start: [String; 2],
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        super::named(&self.headers, name).next()
    }
}

/// Reads a request's head; `None` when the peer closed between two requests.
pub(super) fn request_head(stream: &mut impl BufRead) -> Result<Option<Head>> {
    let bytes = head_bytes(stream)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    ensure!(
        request.parse(&bytes)?.is_complete(),
        "an incomplete request head"
    );
    let method = request.method.context("no method")?.to_owned();
    let target = request.path.context("no target")?.to_owned();
    Ok(Some(Head {
        start: [method, target],
        headers: owned(request.headers)?,
    }))
}

/// Reads a response's head.
pub(super) fn response_head(stream: &mut impl BufRead) -> Result<(u16, Head)> {
    let bytes = head_bytes(stream)?;
    ensure!(
        !bytes.is_empty(),
        "the peer closed the connection instead of answering"
    );
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    ensure!(
        response.parse(&bytes)?.is_complete(),
        "an incomplete response head"
    );
    let status = response.code.context("no status")?;
    Ok((
        status,
        Head {
            start: Default::default(),
            headers: owned(response.headers)?,
        },
    ))
}

/// Reads the body that a head announces; nothing when it announces none.
pub(super) fn body(stream: &mut impl BufRead, head: &Head) -> Result<Vec<u8>> {
    if head
        .get("transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    {
        return chunked(stream);
    }
    let length = head
        .get("content-length")
        .map_or(Ok(0), str::parse::<usize>)?;
    ensure!(length <= BODY_BYTES_MAX, "a body of {length} bytes");
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn head_bytes(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        let limit = u64::try_from(HEAD_BYTES_MAX + 1 - before)?;
        stream.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() || bytes.ends_with(b"\r\n\r\n") {
            return Ok(bytes);
        }
        if bytes.len() == before || bytes.len() > HEAD_BYTES_MAX {
            bail!("a head that does not end");
        }
    }
}

fn chunked(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.by_ref().take(64).read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).context("a chunk without a size")?;
        ensure!(
            body.len() + size <= BODY_BYTES_MAX,
            "a chunked body over {BODY_BYTES_MAX} bytes"
        );
        let start = body.len();
        // Each chunk, the empty last one included, is followed by one line break.
        body.resize(start + size + 2, 0);
        stream.read_exact(&mut body[start..])?;
        body.truncate(start + size);
        if size == 0 {
            return Ok(body);
        }
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Result<Vec<(String, String)>> {
    let own = |header: &httparse::Header<'_>| {
        Ok((
            header.name.to_owned(),
            String::from_utf8(header.value.to_vec()).context("a header that is no UTF-8")?,
        ))
    };
    headers.iter().map(own).collect()
}
