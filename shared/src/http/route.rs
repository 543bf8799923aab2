//! Which request is for this function.

/// A function that serves a route: its name, and the route that leads to it.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The function's name: folder, binary, operation, and with underscores the database login.
    pub function: &'static str,
    /// The one method.
    pub method: &'static str,
    /// The path, with its `{parameters}`.
    pub route: &'static str,
}

impl Endpoint {
    /// The path's parameters in their order, if the request is for this endpoint.
    ///
    /// The path is compared as it was received, without decoding or normalising: API Gateway chose this
    /// function by its own reading of the path, and a direct invocation was not routed at all.
    #[must_use]
    pub fn matches<'a>(&self, method: &str, raw_path: &'a str) -> Option<Vec<&'a str>> {
        if method != self.method {
            return None;
        }
        let mut parameters = Vec::new();
        let mut segments = raw_path.split('/');
        for expected in self.route.split('/') {
            let segment = segments.next()?;
            if expected.starts_with('{') && !segment.is_empty() {
                parameters.push(segment);
            } else if segment != expected {
                return None;
            }
        }
        segments.next().is_none().then_some(parameters)
    }

    /// Whether the request may change something, and so may have a body.
    #[must_use]
    pub fn is_mutation(&self) -> bool {
        self.method != "GET"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFY: Endpoint = Endpoint {
        function: "verify-settlement",
        method: "POST",
        route: "/v1/settlements/{id}/verify",
    };
    const LIST: Endpoint = Endpoint {
        function: "list-settlements",
        method: "GET",
        route: "/v1/settlements",
    };

    const FILING: Endpoint = Endpoint {
        function: "get-filing",
        method: "GET",
        route: "/v1/facilities/{id}/filings/{filing_id}",
    };

    #[test]
    fn routes() {
        for (endpoint, method, path, parameters) in [
            (VERIFY, "POST", "/v1/settlements/a/verify", Some(vec!["a"])),
            (
                VERIFY,
                "POST",
                "/v1/settlements/%61/verify",
                Some(vec!["%61"]),
            ),
            (
                VERIFY,
                "POST",
                "/v1/settlements/../verify",
                Some(vec![".."]),
            ),
            (VERIFY, "GET", "/v1/settlements/a/verify", None),
            (VERIFY, "post", "/v1/settlements/a/verify", None),
            (VERIFY, "POST", "/v1/settlements//verify", None),
            (VERIFY, "POST", "/v1/settlements/a/verify/", None),
            (VERIFY, "POST", "/v1/settlements/a/Verify", None),
            (VERIFY, "POST", "/v1/settlements/a/b/verify", None),
            (VERIFY, "POST", "//v1/settlements/a/verify", None),
            (VERIFY, "POST", "v1/settlements/a/verify", None),
            (LIST, "GET", "/v1/settlements", Some(vec![])),
            (LIST, "GET", "/v1/settlements/", None),
            (LIST, "GET", "/v1", None),
            (LIST, "GET", "/", None),
            (LIST, "GET", "", None),
            (
                FILING,
                "GET",
                "/v1/facilities/a/filings/b",
                Some(vec!["a", "b"]),
            ),
            (FILING, "GET", "/v1/facilities/a/filings/", None),
            (FILING, "GET", "/v1/facilities//filings/b", None),
            (FILING, "GET", "/v1/facilities/a/filings", None),
            (FILING, "GET", "/v1/facilities/a/releases/b", None),
        ] {
            assert_eq!(
                endpoint.matches(method, path),
                parameters,
                "{method} {path}"
            );
        }
    }
}
