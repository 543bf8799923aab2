use std::net::IpAddr;

use url::{Host, Url};

/// An HTTPS URL without credentials, query and fragment; plain HTTP for a host that is this machine.
///
/// The text is kept as it is: an issuer is compared letter by letter.
///
/// # Errors
///
/// The rule that the text breaks.
pub fn http_url(text: &str) -> Result<String, &'static str> {
    const RULE: &str =
        "must be an https URL (http on loopback only) without user, query and fragment";
    // The parser drops white space and control characters; a text that has them is another text.
    let url = Some(text)
        .filter(|text| text.bytes().all(|c| c.is_ascii_graphic()) && !text.contains('\\'))
        .and_then(|text| Url::parse(text).ok())
        .ok_or(RULE)?;
    let secure = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => url.host().is_some_and(|host| is_loopback(&host)),
        _ => false,
    };
    let bare =
        url.username().is_empty() && url.password().is_none() && !text.contains(['@', '?', '#']);
    if secure && bare {
        Ok(text.to_owned())
    } else {
        Err(RULE)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// As [`is_loopback`], for a host that was not parsed as part of an HTTP URL.
pub(super) fn is_loopback_name(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for good in [
            "https://project.supabase.co/auth/v1",
            "https://project.supabase.co:8443/auth/v1/.well-known/jwks.json",
            "http://127.0.0.1:9999/auth/v1",
            "http://[::1]:9999/",
            "http://localhost/auth/v1",
        ] {
            assert_eq!(http_url(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "auth/v1",
            "//project.supabase.co",
            "http://project.supabase.co/auth/v1",
            "http://127.0.0.1.nip.io/",
            "http://localhost.example/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "https://",
            "https://user@host/",
            "https://:secret@host/",
            "https://@host/",
            "https://host/?a=b",
            "https://host/?",
            "https://host/#",
            " https://host/",
            "https://host/\n",
            "https://ho\tst/",
            "https:\\\\host",
            "https://hést/",
        ] {
            assert!(http_url(bad).is_err(), "{bad:?}");
        }
    }
}
