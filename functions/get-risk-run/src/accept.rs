//! The form of a reply that the caller prefers (RFC 9110, 12.5.1).

use http::{HeaderMap, header::ACCEPT};
use shared::http::Problem;

/// A weight of one, in thousandths.
const ONE: u16 = 1_000;

/// The media type that the caller prefers. Among equals, and without a header, it is the first offered. Of parameters
/// only the weight counts. A malformed header is refused with 400; if the caller accepts nothing offered, with 406.
pub(crate) fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Result<&'a str, Problem> {
    let mut ranges = Vec::new();
    for value in headers.get_all(ACCEPT) {
        let value = value.to_str().map_err(|_| Problem::MalformedRequest)?;
        for range in value.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            ranges.push(Range::parse(range).ok_or(Problem::MalformedRequest)?);
        }
    }
    let mut best = (0, None);
    for media_type in offered {
        let weight = weight(media_type, &ranges);
        if weight > best.0 {
            best = (weight, Some(*media_type));
        }
    }
    best.1.ok_or(Problem::NotAcceptable)
}

/// The weight of the most specific range that names the media type.
fn weight(media_type: &str, ranges: &[Range<'_>]) -> u16 {
    if ranges.is_empty() {
        return ONE;
    }
    let named = ranges
        .iter()
        .filter_map(|range| Some((range.specificity(media_type)?, range.weight)));
    named.max().map_or(0, |(_, weight)| weight)
}

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let is_named = |name: &str| name != "*" && !name.is_empty();
        if kind.is_empty() || subtype.is_empty() || (kind == "*" && is_named(subtype)) {
            return None;
        }
        let mut weight = ONE;
        for parameter in parts {
            if let Some(text) = parameter
                .strip_prefix("q=")
                .or_else(|| parameter.strip_prefix("Q="))
            {
                weight = thousandths(text)?;
            }
        }
        Some(Self {
            kind,
            subtype,
            weight,
        })
    }

    fn specificity(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        match (self.kind, self.subtype) {
            ("*", _) => Some(0),
            (own, "*") if own.eq_ignore_ascii_case(kind) => Some(1),
            (own, below)
                if own.eq_ignore_ascii_case(kind) && below.eq_ignore_ascii_case(subtype) =>
            {
                Some(2)
            }
            _ => None,
        }
    }
}

/// `qvalue`: 0 or 1, with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || decimals.len() > 3 {
        return None;
    }
    let decimals = format!("{decimals:0<3}");
    if !decimals.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let weight = whole.parse::<u16>().ok()? * ONE + decimals.parse::<u16>().ok()?;
    (weight <= ONE).then_some(weight)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OFFERED: [&str; 2] = ["application/json", "image/svg+xml"];

    fn choose(values: &[&str]) -> Result<&'static str, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        preferred(&headers, &OFFERED).map_err(|problem| match problem {
            Problem::NotAcceptable => 406,
            Problem::MalformedRequest => 400,
            _ => 0,
        })
    }

    #[test]
    fn the_caller_chooses() {
        let (json, svg) = (Ok(OFFERED[0]), Ok(OFFERED[1]));
        for (values, chosen) in [
            (&[][..], json),
            (&[""][..], json),
            (&["*/*"], json),
            (&["application/json"], json),
            (&["image/svg+xml"], svg),
            (&["IMAGE/SVG+XML"], svg),
            (&["image/*"], svg),
            (&["image/svg+xml; charset=utf-8"], svg),
            (&["application/json;q=0.5, image/svg+xml"], svg),
            (&["application/json", "image/svg+xml"], json),
            (&["application/json;q=0.899", "image/svg+xml; q=0.9"], svg),
            (&["*/*;q=0.1, application/json;q=0"], svg),
            (
                &["text/html,application/xhtml+xml,image/avif,image/svg+xml,*/*;q=0.8"],
                svg,
            ),
            (&["text/html"], Err(406)),
            (&["*/*;q=0"], Err(406)),
            (&["image/svg"], Err(406)),
            (&["json"], Err(400)),
            (&["*/json"], Err(400)),
            (&["application/"], Err(400)),
            (&["*/*;q=2"], Err(400)),
            (&["*/*;q=1.001"], Err(400)),
            (&["*/*;q=0.0001"], Err(400)),
            (&["*/*;q=-1"], Err(400)),
            (&["*/*;q="], Err(400)),
            (&["*/*;q=0.+1"], Err(400)),
        ] {
            assert_eq!(choose(values), chosen, "{values:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_header_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_bytes(b"image/\xff").unwrap());
        assert!(matches!(
            preferred(&headers, &OFFERED),
            Err(Problem::MalformedRequest)
        ));
    }
}
