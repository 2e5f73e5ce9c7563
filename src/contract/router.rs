//! Finds the endpoint of the catalog that a request means.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::{Catalog, Direction, Family, Provenance};
use crate::files::suggest::nearest;

/// A path of the catalog that the router cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path `{path}` of `{id}` cannot be served: {reason}")]
pub struct RouteError {
    /// The entry.
    pub id: String,
    /// Its path.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The result of looking up a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// An endpoint of the catalog.
    Found {
        /// Its catalog id.
        id: Arc<str>,
        /// Its family.
        family: Family,
        /// The index of the route in the entry's list of routes.
        route: usize,
        /// The provenance of this path.
        provenance: Provenance,
        /// Whether its body may be large.
        is_large: bool,
        /// The decoded parameters of the path: of `/channel/{name}/message`, the `name`.
        params: Vec<(String, String)>,
    },
    /// The path is known, but not with this method.
    WrongMethod {
        /// The family of the path.
        family: Family,
        /// The methods of the path, for the header `Allow`.
        allow: String,
    },
    /// The path is not in the catalog.
    Unknown {
        /// The path that was probably meant.
        nearest: Option<String>,
    },
}

/// Finds endpoints by method and path.
#[derive(Clone)]
pub struct Router {
    /// Maps a path to a position in `places`.
    paths: matchit::Router<usize>,
    places: Vec<Place>,
}

/// A path, with an entry for each method.
#[derive(Clone, Debug)]
struct Place {
    path: String,
    methods: Vec<Endpoint>,
}

/// The endpoint served under one path and method.
#[derive(Clone, Debug)]
struct Endpoint {
    method: String,
    id: Arc<str>,
    family: Family,
    /// The index of the route in the entry's list of routes, and its provenance.
    route: usize,
    provenance: Provenance,
    is_large: bool,
}

impl Router {
    /// Creates a router for every endpoint of the catalog.
    ///
    /// # Errors
    ///
    /// If a path of the user's settings cannot be distinguished from another one, or has unbalanced braces.
    pub fn new(catalog: &Catalog) -> Result<Self, RouteError> {
        let mut router = Self { paths: matchit::Router::new(), places: Vec::new() };
        for entry in catalog.entries().iter().filter(|entry| entry.direction == Direction::Request) {
            for (number, route) in entry.routes.iter().enumerate() {
                let wrong =
                    |reason: String| RouteError { id: entry.id.clone(), path: route.path.clone(), reason };
                let path = without_end(&route.path);
                let at = match router.places.iter().position(|place| place.path == path) {
                    Some(at) => at,
                    None => {
                        router
                            .paths
                            .insert(path, router.places.len())
                            .map_err(|error| wrong(in_words(&error)))?;
                        router.places.push(Place { path: path.to_owned(), methods: Vec::new() });
                        router.places.len() - 1
                    }
                };
                let methods = &mut router.places[at].methods;
                if let Some(other) = methods.iter().find(|endpoint| endpoint.method == route.method) {
                    return Err(wrong(format!("`{}` has the same path and method", other.id)));
                }
                methods.push(Endpoint {
                    method: route.method.clone(),
                    id: entry.id.as_str().into(),
                    family: entry.family,
                    route: number,
                    provenance: route.provenance,
                    is_large: entry.large,
                });
            }
        }
        Ok(router)
    }

    /// Finds the endpoint that a request means. A slash at the end of the path is ignored, percent-encoded letters count as the
    /// letters, and HEAD counts as GET.
    pub fn find(&self, method: &str, path: &str) -> Route {
        let decoded = decode_segments(without_end(path));
        let Ok(found) = self.paths.at(&decoded) else {
            return Route::Unknown { nearest: self.nearest(&decoded) };
        };
        let place = &self.places[*found.value];
        let wanted = if method == "HEAD" { "GET" } else { method };
        match place.methods.iter().find(|endpoint| endpoint.method == wanted) {
            Some(Endpoint { id, family, route, provenance, is_large, method: _ }) => Route::Found {
                id: id.clone(),
                family: *family,
                route: *route,
                provenance: *provenance,
                is_large: *is_large,
                params: found
                    .params
                    .iter()
                    .map(|(name, value)| (name.to_owned(), decode_param(value)))
                    .collect(),
            },
            None => {
                let mut allow: Vec<&str> = place.methods.iter().map(|endpoint| &*endpoint.method).collect();
                if allow.contains(&"GET") {
                    allow.push("HEAD");
                }
                Route::WrongMethod { family: place.methods[0].family, allow: allow.join(", ") }
            }
        }
    }

    /// Returns the path that was most likely meant: in another letter case, with a missing or doubled beginning, or with a
    /// typing mistake.
    fn nearest(&self, path: &str) -> Option<String> {
        let wanted = path.to_lowercase();
        let ends = |place: &&Place| {
            let known = place.path.to_lowercase();
            wanted.len() > 1 && known.ends_with(&wanted) || wanted.ends_with(&known)
        };
        let shortened = || self.places.iter().find(ends).map(|place| place.path.as_str());
        let paths = self.places.iter().map(|place| place.path.as_str());
        shortened().or_else(|| nearest(path, paths)).map(str::to_owned)
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("places", &self.places).finish_non_exhaustive()
    }
}

/// Describes the error as a text that follows a colon.
fn in_words(error: &matchit::InsertError) -> String {
    match error {
        matchit::InsertError::Conflict { with } => format!("it cannot be distinguished from `{with}`"),
        matchit::InsertError::InvalidParamSegment => "a segment has room for one parameter only".to_owned(),
        matchit::InsertError::InvalidParam => {
            "write a parameter as `{name}`, a single brace as `{{`".to_owned()
        }
        other => other.to_string(),
    }
}

fn without_end(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
}

/// Decodes each segment by itself. A segment that would become several, or that is not valid text, stays as it is: an encoded
/// slash never makes a request mean another path.
fn decode_segments(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return path.into();
    }
    let segments: Vec<Cow<'_, str>> = path
        .split('/')
        .map(|segment| match percent_decode_str(segment).decode_utf8() {
            Ok(decoded) if !decoded.contains(['/', '%']) => decoded,
            _ => segment.into(),
        })
        .collect();
    segments.join("/").into()
}

/// Decodes the value of a parameter whose segment had to stay encoded until now.
fn decode_param(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::contract::EntryFile;

    fn router() -> Router {
        Router::new(Catalog::builtin()).unwrap()
    }

    fn found(method: &str, path: &str) -> Option<String> {
        match router().find(method, path) {
            Route::Found { id, .. } => Some(id.to_string()),
            _ => None,
        }
    }

    #[test]
    fn every_route_of_the_catalog_is_found() {
        let router = router();
        for entry in Catalog::builtin().requests() {
            for (number, wanted) in entry.routes.iter().enumerate() {
                let path = wanted.path.replace("{name}", "line");
                for path in [path.clone(), format!("{path}/")] {
                    let Route::Found { id, family, route, .. } = router.find(&wanted.method, &path) else {
                        panic!("{} {path} is not found", wanted.method);
                    };
                    assert_eq!((&*id, family, route), (entry.id.as_str(), entry.family, number), "{path}");
                }
            }
        }
    }

    #[test]
    fn parameters_are_decoded_once_and_stay_one_segment() {
        for (path, wanted) in [
            ("/api/v1/channel/line/message", "line"),
            ("/api/v1/channel/a%20b/message/", "a b"),
            ("/api/v1/channel/a%2Fb/message", "a/b"),
            ("/api/v1/channel/a%252Fb/message", "a%2Fb"),
            ("/api/v1/channel/100%25/message", "100%"),
            ("/api/v1/channel/%C3%A9/message", "é"),
            ("/api/v1/channel/%FF/message", "\u{fffd}"),
            ("/api/v1/channel/%2e%2e/message", ".."),
            ("/api/v1/channel/50%/message", "50%"),
        ] {
            let Route::Found { id, params, .. } = router().find("POST", path) else {
                panic!("{path} is not found")
            };
            assert_eq!(&*id, "chatbot.channel_message");
            assert_eq!(params, [("name".to_owned(), wanted.to_owned())], "{path}");
        }
        assert_eq!(
            found("POST", "/api/v1/channel/huawei/message"),
            Some("chatbot.channel_message".to_owned())
        );
        assert_eq!(found("POST", "/api/v1/channel//message"), None);
        assert_eq!(found("POST", "/api/v1/channel/a/b/message"), None);
    }

    #[test]
    fn encoded_letters_are_letters_but_an_encoded_slash_is_none() {
        assert_eq!(found("POST", "/api/v1/sess%69on/end"), Some("chatbot.end_session".to_owned()));
        assert_eq!(found("POST", "/api/v1/session%2Fend"), None);
        assert_eq!(found("POST", "/api/v1/session/end//"), None);
    }

    #[test]
    fn methods() {
        let wrong = |allow: &str| Route::WrongMethod { family: Family::Cloud, allow: allow.to_owned() };
        assert_eq!(router().find("GET", "/service/cloud/auth"), wrong("POST"));
        assert_eq!(router().find("POST", "/service/cloud/list"), wrong("GET, HEAD"));
        assert_eq!(found("HEAD", "/service/cloud/list"), Some("task.list".to_owned()));
        assert_eq!(router().find("get", "/service/cloud/list"), wrong("GET, HEAD"));
    }

    #[test]
    fn unknown_paths_get_a_suggestion() {
        for (path, wanted) in [
            ("/service/cloud/atuh", Some("/service/cloud/auth")),
            ("/Service/Cloud/Auth", Some("/service/cloud/auth")),
            ("/api/v1/sesion/end", Some("/api/v1/session/end")),
            ("/session/end", Some("/api/v1/session/end")),
            ("/proxy/api/v1/session/end", Some("/api/v1/session/end")),
            ("/", None),
            ("", None),
            ("/favicon.ico", None),
        ] {
            let nearest = wanted.map(str::to_owned);
            assert_eq!(router().find("POST", path), Route::Unknown { nearest }, "{path}");
        }
        let long = format!("/{}", "x".repeat(60_000));
        assert_eq!(router().find("POST", &long), Route::Unknown { nearest: None });
    }

    #[test]
    fn paths_that_cannot_be_served() {
        let wrong = |toml: &str| {
            let corrections: BTreeMap<String, EntryFile> = toml::from_str(toml).unwrap();
            let corrections = corrections.iter().map(|(id, correction)| (id.as_str(), correction));
            Router::new(&Catalog::builtin().overridden(corrections).unwrap()).unwrap_err().to_string()
        };
        insta::assert_snapshot!(
            [
                wrong("[\"chatbot.end_session\"]\npath = \"/api/{\""),
                wrong("[\"chatbot.end_session\"]\npath = \"/api/{a}{b}\""),
                wrong("[\"chatbot.end_session\"]\npath = \"/api/v1/channel/{*rest}\""),
            ]
            .join("\n")
        );
    }

    proptest! {
        #[test]
        fn any_path_is_survived(path in "\\PC{0,60}", odd in "(/|%|%2|%2F|%00|[a-z{}*]|é){0,20}") {
            static ROUTER: std::sync::LazyLock<Router> = std::sync::LazyLock::new(router);
            let router = &*ROUTER;
            router.find("POST", &path);
            router.find("POST", &odd);
            router.find("POST", &format!("/api/v1/channel/{odd}/message"));
        }
    }
}
