//! Cross-origin requests (the Fetch standard, "CORS protocol"), as API Gateway and Supabase answer them.

use url::Url;

use super::{Request, Response};

/// Which pages may call, and what they may send and read. The origins are those of this machine, on any port: what a
/// developer's own server has.
#[derive(Clone, Copy, Debug)]
pub struct Cors {
    /// Methods that a preflight request is told.
    pub methods: &'static [&'static str],
    /// Request headers that it is told.
    pub headers: &'static [&'static str],
    /// Reply headers that the page may read beside the few that it always may.
    pub exposed: &'static [&'static str],
    /// For how long a browser need not ask again.
    pub max_age_seconds: u32,
}

impl Cors {
    /// The answer to a preflight request; `None` if the request is none.
    #[must_use]
    pub fn preflight(&self, request: &Request) -> Option<Response> {
        let asks = header(request, "access-control-request-method").is_some();
        if request.method != "OPTIONS" || !asks {
            return None;
        }
        let origin = header(request, "origin")?;
        let mut answer = Response {
            status: 204,
            ..Response::default()
        };
        if is_on_this_machine(origin) {
            answer.headers = owned(&[
                ("access-control-allow-origin", origin),
                ("access-control-allow-methods", &self.methods.join(",")),
                ("access-control-allow-headers", &self.headers.join(",")),
                ("access-control-max-age", &self.max_age_seconds.to_string()),
            ]);
        }
        answer.headers.extend(owned(&[("vary", "origin")]));
        Some(answer)
    }

    /// The reply as the page's browser gets it. A function's own headers of this kind are dropped, as by API Gateway.
    #[must_use]
    pub fn reply(&self, request: &Request, mut reply: Response) -> Response {
        reply
            .headers
            .retain(|(name, _)| !name.to_lowercase().starts_with("access-control-"));
        let Some(origin) = header(request, "origin") else {
            return reply;
        };
        if is_on_this_machine(origin) {
            reply.headers.extend(owned(&[
                ("access-control-allow-origin", origin),
                ("access-control-expose-headers", &self.exposed.join(",")),
            ]));
        }
        reply.headers.extend(owned(&[("vary", "origin")]));
        reply
    }
}

/// Whether a page of this origin was served by this machine. The text must be an origin as a browser writes it.
fn is_on_this_machine(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| {
        matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
            && matches!(url.scheme(), "http" | "https")
            && url.origin().ascii_serialization() == origin
    })
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut found = request.values(name);
    // Two origins are none.
    found.next().filter(|_| found.next().is_none())
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
