//! Alternatives to the scheme with which a signature may have been made: other secrets, recipes and paths.

use super::DEFAULT_SECRET;
use super::scheme::{Algorithm, Part, Preset, Scheme, SecretForm};
use super::signing::Signing;

/// Another algorithm over other parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) algorithm: Algorithm,
    pub(super) parts: Vec<Part>,
    /// The preset that the recipe belongs to.
    preset: Option<Preset>,
}

impl Recipe {
    /// Returns a name that continues "the signature is".
    pub(super) fn name(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(Part::to_string).collect();
        let preset = self.preset.map(|preset| format!(" (preset {preset})")).unwrap_or_default();
        format!("{} of {}{preset}", self.algorithm, parts.join(" "))
    }
}

/// Returns other recipes, the presets first. Recipes that need a timestamp or an id are left out if the message has none.
pub(super) fn recipes(scheme: &Scheme, signing: &Signing<'_>) -> Vec<Recipe> {
    let mut found: Vec<Recipe> = Vec::new();
    let mut add = |algorithm: Algorithm, parts: Vec<Part>, preset: Option<Preset>| {
        let own = algorithm == scheme.algorithm && parts == scheme.parts;
        let known = found.iter().any(|other| other.algorithm == algorithm && other.parts == parts);
        let nonce = !parts.contains(&Part::Nonce) || !signing.nonce.is_empty();
        if !own && !known && nonce {
            found.push(Recipe { algorithm, parts, preset });
        }
    };
    for preset in Preset::ALL {
        let Scheme { algorithm, parts, .. } = Scheme::preset(preset);
        add(algorithm, parts, Some(preset));
    }
    for algorithm in Algorithm::ALL {
        let mut parts = scheme.parts.clone();
        if !algorithm.keyed() && !scheme.signs(&Part::Secret) {
            parts.push(Part::Secret);
        }
        add(algorithm, parts, None);
    }
    let dot = || Part::Literal(".".into());
    for algorithm in Algorithm::ALL {
        if algorithm.keyed() {
            add(algorithm, vec![Part::Body], None);
            add(algorithm, vec![Part::Path, Part::Body], None);
            if scheme.timestamp_header.is_some() {
                add(algorithm, vec![Part::Timestamp, dot(), Part::Body], None);
                add(algorithm, vec![Part::Timestamp, Part::Body], None);
                add(algorithm, vec![Part::Body, Part::Timestamp], None);
                add(algorithm, vec![Part::Body, dot(), Part::Timestamp], None);
            }
        } else {
            add(algorithm, vec![Part::Body, Part::Secret], None);
            add(algorithm, vec![Part::Secret, Part::Body], None);
            add(algorithm, vec![Part::Secret, Part::Body, Part::Secret], None);
            add(algorithm, vec![Part::Body], None);
        }
    }
    found
}

/// Returns the keys of other secrets, each with a name that continues "the signature was made with".
pub(super) fn secrets(scheme: &Scheme, secret: &str) -> Vec<(String, Vec<u8>)> {
    let form = scheme.secret_form;
    let own = form.key(secret).unwrap_or_else(|_| secret.as_bytes().to_vec());
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, key: Option<Vec<u8>>| {
        if let Some(key) = key.filter(|key| *key != own && !found.iter().any(|(_, other)| other == key)) {
            found.push((name.to_owned(), key));
        }
    };
    let text = |text: String| form.key(&text).ok();
    add("the secret with a newline at its end", text(format!("{secret}\n")));
    add("the secret with CR LF at its end", text(format!("{secret}\r\n")));
    add("the secret with a space at its end", text(format!("{secret} ")));
    add("the secret without the white space around it", text(secret.trim().to_owned()));
    add("the secret with quotes around it", text(format!("\"{secret}\"")));
    add("the secret without the quotes around it", text(secret.trim_matches(['"', '\'']).to_owned()));
    add("the mock's default secret", text(DEFAULT_SECRET.to_owned()));
    add("an empty secret", Some(Vec::new()));
    add("the secret's text itself as the key, not decoded", Some(secret.as_bytes().to_vec()));
    let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
    add("the secret's text without `whsec_` as the key, not decoded", Some(bare.as_bytes().to_vec()));
    add("the secret decoded from hex", SecretForm::Hex.key(secret).ok());
    add("the secret decoded from base64", SecretForm::Base64.key(secret).ok());
    add("the secret in lower case", text(secret.to_lowercase()));
    add("the secret in upper case", text(secret.to_uppercase()));
    found
}

/// Returns other paths, each with a name that continues "the signature was made over". Empty if the path is not signed.
pub(super) fn paths(scheme: &Scheme, path: &str) -> Vec<(String, String)> {
    if !scheme.signs(&Part::Path) {
        return Vec::new();
    }
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, other: String| {
        if other != path {
            found.push((name.to_owned(), other));
        }
    };
    let (bare, _) = path.split_once('?').unwrap_or((path, ""));
    add("the path without the query", bare.to_owned());
    add("an empty path", String::new());
    add("the path without its first `/`", path.trim_start_matches('/').to_owned());
    add("the path without a `/` at its end", path.trim_end_matches('/').to_owned());
    add("the path with a `/` at its end", format!("{path}/"));
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    add("the path with its percent escapes decoded", decoded.into_owned());
    found
}
