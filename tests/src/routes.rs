//! The local routes: `[workspace.metadata.lambda.watch.router]` of the root manifest.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::cargo;

/// One method of one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST`, …
    pub method: String,
    /// `/v1/settlements/{id}`
    pub path: String,
    /// The function that serves it.
    pub function: String,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Reads them from the manifest.
    pub fn load() -> Result<Self> {
        let metadata = cargo::metadata()?;
        let watched = &metadata["metadata"]["lambda"]["watch"]["router"];
        let mut routes = Vec::new();
        for (path, methods) in watched
            .as_object()
            .context("the root manifest has no routes")?
        {
            for entry in methods
                .as_array()
                .context("a route is not a list of methods")?
            {
                let member = |name: &str| {
                    entry[name]
                        .as_str()
                        .map(str::to_owned)
                        .with_context(|| format!("{path} has no {name}"))
                };
                routes.push(Route {
                    method: member("method")?,
                    path: path.clone(),
                    function: member("function")?,
                });
            }
        }
        routes.sort();
        Ok(Self(routes))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The route that a request takes, with the values in its path.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<(&Route, BTreeMap<String, String>)> {
        let mut candidates = self.0.iter().filter(|route| route.method == method);
        candidates.find_map(|route| Some((route, parameters(&route.path, path)?)))
    }
}

fn parameters(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    if template.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut found = BTreeMap::new();
    for (wanted, given) in template.split('/').zip(path.split('/')) {
        match wanted
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) if !given.is_empty() => {
                found.insert(name.to_owned(), given.to_owned());
            }
            Some(_) | None if wanted != given => return None,
            Some(_) | None => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn a_template_matches_whole_segments() {
        let found = parameters("/v1/settlements/{id}/verify", "/v1/settlements/7/verify");
        assert_eq!(found.expect("a match")["id"], "7");
        assert_eq!(parameters("/v1/settlements/{id}", "/v1/settlements/"), None);
        assert_eq!(
            parameters("/v1/settlements/{id}", "/v1/settlements/7/verify"),
            None
        );
        assert_eq!(parameters("/v1/settlements", "/v1/positions"), None);
    }
}
