//! The scheme as written: the table `[signature]` of the settings file.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::scheme::{
    Algorithm, Encoding, KeyHeader, Part, Preset, Scheme, SecretForm, TimestampUnit, did_you_mean,
};
use crate::contract::Provenance;
use crate::time::HumanDuration;

/// How callbacks and requests are signed. Every key is optional; missing keys come from the preset.
///
/// The vendor's own scheme is not public. If you know it, write it here with `provenance = "documented"`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemeFile {
    /// Where missing keys get their values from. Default: `airudder`.
    pub preset: Option<Preset>,
    /// What turns the signed text into a digest. The plain ones, `sha256` and `md5`, need `secret` among the parts.
    pub algorithm: Option<Algorithm>,
    /// The parts of the signed text, joined without separators: `body` (the exact bytes), `secret`, `timestamp`,
    /// `nonce` (the message's id), `path` (path and query of the request), and fixed text in single quotes. For example
    /// `["nonce", "'.'", "timestamp", "'.'", "body"]`.
    #[schemars(
        length(min = 1),
        inner(regex(pattern = r"^(body|secret|timestamp|nonce|path|'[\s\S]*')$")),
        transform = name_the_parts
    )]
    pub parts: Option<Vec<String>>,
    /// How the digest becomes text. Note the letter case: `hex` is lower-case, `HEX` is upper-case.
    pub encoding: Option<Encoding>,
    /// The prefix of the encoded digest in the header, for example `sha256=`. An empty text means no prefix.
    pub prefix: Option<String>,
    /// The header of the signature, in the letter case in which it is sent. Default: `X-AIRudder-Sign`.
    pub header: Option<String>,
    /// The header that names the key in requests to `/api/v1/*`. An empty text: none. Default: `X-AIRudder-Sign-Key`.
    pub key_header: Option<String>,
    /// The id of the key, the value of `key_header`. Default: none.
    pub key_id: Option<String>,
    /// The header of the timestamp. An empty text: none.
    pub timestamp_header: Option<String>,
    /// How the timestamp is written: `s` for Unix seconds, `ms` for Unix milliseconds. Default: `s`.
    pub timestamp_unit: Option<TimestampUnit>,
    /// The header of the nonce, the message's id. An empty text: none.
    pub nonce_header: Option<String>,
    /// How the text of the secret becomes the key. Default: `utf-8`, its bytes as they are.
    pub secret_form: Option<SecretForm>,
    /// Whether the header may hold several signatures with spaces between them, of which one must be right.
    pub several: Option<bool>,
    /// Maximum age of a received timestamp, and maximum time it may be ahead. `0s` means any.
    pub tolerance: Option<HumanDuration>,
    /// The provenance of the scheme, shown wherever it is named. Default: `assumed`.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
}

/// Gives the parts a name for messages.
fn name_the_parts(schema: &mut schemars::Schema) {
    let words = "`\"body\"`, `\"secret\"`, `\"timestamp\"`, `\"nonce\"`, `\"path\"`, or a text in single quotes inside";
    let items = schema.as_object_mut().and_then(|object| object.get_mut("items"));
    if let Some(items) = items.and_then(serde_json::Value::as_object_mut) {
        items.insert("x-wanted".to_owned(), words.into());
    }
}

/// What is wrong in `[signature]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// A part is neither a known word nor quoted.
    #[error(
        "`{part}` is not a part of the signed text (fixed text needs single quotes: `\"'{part}'\"`){}",
        did_you_mean(.part, ["body", "secret", "timestamp", "nonce", "path"])
    )]
    Part {
        /// Its index in the list, from 0.
        index: usize,
        /// The text as written.
        part: String,
    },
    /// A quote is opened and not closed, or closed and not opened.
    #[error("`{part}` is quoted at one end only: write `\"'{}'\"`", .part.trim_matches('\''))]
    Quote {
        /// Its index in the list, from 0.
        index: usize,
        /// The text as written.
        part: String,
    },
    /// A part is signed that no header transmits to the receiver.
    #[error(
        "`{part}` is signed, but no header carries it, so no receiver could verify it: set `{key}`, for \
        example to `{example}`"
    )]
    Unsent {
        /// The signed part.
        part: &'static str,
        /// The key that names its header.
        key: &'static str,
        /// An example of such a name.
        example: &'static str,
    },
    /// Nothing would be signed.
    #[error("the list is empty, so nothing would be signed: write for example `[\"body\"]`")]
    NoParts,
    /// The algorithm has no key and the secret is not a part: anyone could make the signature.
    #[error(
        "`{algorithm}` has no key, so `secret` must be one of the parts: without it anyone could make \
        the signature. Add `secret` to `parts`, or use the algorithm `hmac-sha256`"
    )]
    NoSecret {
        /// The plain algorithm.
        algorithm: Algorithm,
    },
    /// A text is not a valid header name.
    #[error("`{name}` is not a header name: use letters, digits and `-`, for example `X-AIRudder-Sign`")]
    HeaderName {
        /// The key of the settings file.
        key: &'static str,
        /// The text as written.
        name: String,
    },
    /// The header has another content in every request.
    #[error(
        "the header `{name}` has its own content in every request: use another name, for example `X-AIRudder-Sign`"
    )]
    TakenHeader {
        /// The key of the settings file.
        key: &'static str,
        /// The text as written.
        name: String,
    },
    /// The header of the signature itself cannot be left out.
    #[error("the header of the signature needs a name, for example `X-AIRudder-Sign`")]
    NoHeader,
    /// Two values would share one header.
    #[error("`{name}` is already the header of `{other}`")]
    SameHeader {
        /// The key of the settings file.
        key: &'static str,
        /// The key that already has the name.
        other: &'static str,
        /// The name.
        name: String,
    },
    /// A text contains characters that a header cannot hold.
    #[error("`{}` is not allowed in a header: use visible ASCII characters and inner spaces", .text.escape_debug())]
    HeaderText {
        /// The key of the settings file.
        key: &'static str,
        /// The text as written.
        text: String,
    },
    /// A key id is set, but no header carries it.
    #[error("the key id has no header: set `key_header`, for example to `X-AIRudder-Sign-Key`")]
    NoKeyHeader,
    /// If one header may hold several signatures, a signature must not contain white space.
    #[error("`{prefix}` contains a space, but `several` separates signatures at spaces")]
    SpaceInPrefix {
        /// The prefix.
        prefix: String,
    },
}

impl SchemeError {
    /// Returns the key within `[signature]` that is wrong, and the index in its list, from 0, if it is a list.
    pub fn place(&self) -> (&'static str, Option<usize>) {
        match self {
            Self::Part { index, .. } | Self::Quote { index, .. } => ("parts", Some(*index)),
            Self::NoParts | Self::NoSecret { .. } | Self::Unsent { .. } => ("parts", None),
            Self::HeaderName { key, .. }
            | Self::TakenHeader { key, .. }
            | Self::SameHeader { key, .. }
            | Self::HeaderText { key, .. } => (key, None),
            Self::NoHeader => ("header", None),
            Self::NoKeyHeader => ("key_id", None),
            Self::SpaceInPrefix { .. } => ("prefix", None),
        }
    }
}

impl Scheme {
    /// Creates the scheme from a settings file.
    pub fn from_file(file: &SchemeFile) -> Result<Self, SchemeError> {
        let mut scheme = Self::preset(file.preset.unwrap_or_default());
        scheme.algorithm = file.algorithm.unwrap_or(scheme.algorithm);
        scheme.encoding = file.encoding.unwrap_or(scheme.encoding);
        scheme.timestamp_unit = file.timestamp_unit.unwrap_or(scheme.timestamp_unit);
        scheme.secret_form = file.secret_form.unwrap_or(scheme.secret_form);
        scheme.several = file.several.unwrap_or(scheme.several);
        scheme.provenance = file.provenance.unwrap_or(scheme.provenance);
        if let Some(HumanDuration(tolerance)) = file.tolerance {
            scheme.tolerance = Some(tolerance).filter(|tolerance| !tolerance.is_zero());
        }
        if let Some(parts) = &file.parts {
            let parts = parts.iter().enumerate().map(|(index, part)| read_part(index, part));
            scheme.parts = parts.collect::<Result<_, _>>()?;
        }
        if let Some(prefix) = &file.prefix {
            // The prefix may end with a space, as in `HMAC-SHA256 <digest>`.
            scheme.prefix = header_text("prefix", prefix.trim_end(), prefix)?;
        }
        if let Some(name) = &file.header {
            scheme.header = header_name("header", name)?.ok_or(SchemeError::NoHeader)?;
        }
        if let Some(name) = &file.timestamp_header {
            scheme.timestamp_header = header_name("timestamp_header", name)?;
        }
        if let Some(name) = &file.nonce_header {
            scheme.nonce_header = header_name("nonce_header", name)?;
        }
        if let Some(name) = &file.key_header {
            scheme.key = header_name("key_header", name)?.map(|name| KeyHeader { name, id: None });
        }
        if let Some(id) = file.key_id.as_deref().filter(|id| !id.is_empty()) {
            scheme.key.as_mut().ok_or(SchemeError::NoKeyHeader)?.id = Some(header_text("key_id", id, id)?);
        }
        scheme.check()?;
        Ok(scheme)
    }

    /// Checks the rules that concern more than one key.
    fn check(&self) -> Result<(), SchemeError> {
        if self.parts.is_empty() {
            return Err(SchemeError::NoParts);
        }
        if !self.algorithm.keyed() && !self.signs(&Part::Secret) {
            return Err(SchemeError::NoSecret { algorithm: self.algorithm });
        }
        for (part, is_sent, word, key, example) in [
            (
                Part::Timestamp,
                self.timestamp_header.is_some(),
                "timestamp",
                "timestamp_header",
                "X-AIRudder-Timestamp",
            ),
            (Part::Nonce, self.nonce_header.is_some(), "nonce", "nonce_header", "X-AIRudder-Nonce"),
        ] {
            if self.signs(&part) && !is_sent {
                return Err(SchemeError::Unsent { part: word, key, example });
            }
        }
        if self.several && self.prefix.contains(' ') {
            return Err(SchemeError::SpaceInPrefix { prefix: self.prefix.to_string() });
        }
        let mut headers: Vec<(&'static str, &Arc<str>)> = vec![("header", &self.header)];
        let others = [
            ("key_header", self.key.as_ref().map(|key| &key.name)),
            ("timestamp_header", self.timestamp_header.as_ref()),
            ("nonce_header", self.nonce_header.as_ref()),
        ];
        for (key, name) in others.into_iter().filter_map(|(key, name)| Some((key, name?))) {
            if let Some((other, _)) = headers.iter().find(|(_, taken)| taken.eq_ignore_ascii_case(name)) {
                return Err(SchemeError::SameHeader { key, other, name: name.to_string() });
            }
            headers.push((key, name));
        }
        Ok(())
    }
}

/// Parses a part. Only the outermost quotes count, so that a quote needs no escape: `'''` is one quote.
fn read_part(index: usize, text: &str) -> Result<Part, SchemeError> {
    if let Some(literal) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Ok(Part::Literal(literal.into()));
    }
    match text {
        "body" => Ok(Part::Body),
        "secret" => Ok(Part::Secret),
        "timestamp" => Ok(Part::Timestamp),
        "nonce" => Ok(Part::Nonce),
        "path" => Ok(Part::Path),
        _ if text.starts_with('\'') || text.ends_with('\'') => {
            Err(SchemeError::Quote { index, part: text.to_owned() })
        }
        _ => Err(SchemeError::Part { index, part: text.to_owned() }),
    }
}

/// Headers that every request has or may have, with another content.
const USUAL_HEADERS: [&str; 6] =
    ["Connection", "Content-Length", "Content-Type", "Host", "Transfer-Encoding", "User-Agent"];

/// Parses a header name; an empty text means none.
fn header_name(key: &'static str, name: &str) -> Result<Option<Arc<str>>, SchemeError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(token) {
        return Err(SchemeError::HeaderName { key, name: name.to_owned() });
    }
    if USUAL_HEADERS.iter().any(|usual| usual.eq_ignore_ascii_case(name)) {
        return Err(SchemeError::TakenHeader { key, name: name.to_owned() });
    }
    Ok((!name.is_empty()).then(|| name.into()))
}

fn header_text(key: &'static str, checked: &str, text: &str) -> Result<Arc<str>, SchemeError> {
    let inner = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.bytes().all(inner) && !checked.starts_with(' ') && !checked.ends_with(' ') {
        Ok(text.into())
    } else {
        Err(SchemeError::HeaderText { key, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(text: &str) -> Result<Scheme, SchemeError> {
        Scheme::from_file(&toml::from_str(text).unwrap())
    }

    #[test]
    fn nothing_written_is_the_default() {
        assert_eq!(read("").unwrap(), Scheme::default());
        for preset in Preset::ALL {
            assert_eq!(read(&format!("preset = \"{preset}\"")).unwrap(), Scheme::preset(preset));
        }
    }

    #[test]
    fn every_key() {
        let scheme = read(
            r#"
            preset = "standard-webhooks"
            algorithm = "hmac-sha1"
            parts = ["path", "'''", "secret", "timestamp", "body", "''"]
            encoding = "HEX"
            prefix = "v2 "
            header = "X-Sign"
            key_header = "X-Key"
            key_id = "0123456789abcdef0123456789abcdef"
            timestamp_header = "X-Time"
            timestamp_unit = "ms"
            nonce_header = ""
            secret_form = "hex"
            several = false
            tolerance = "0s"
            provenance = "documented"
            "#,
        )
        .unwrap();
        assert_eq!(scheme.parts_in_words(), "path ''' secret timestamp body ''");
        assert_eq!(scheme.parts[1], Part::Literal("'".into()));
        assert_eq!(
            scheme.describe(),
            "custom: hmac-sha1 of path ''' secret timestamp body '', upper-case hex after `v2 `, in X-Sign \
             (documented)"
        );
        assert_eq!(scheme.key.unwrap().id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!((scheme.nonce_header, scheme.tolerance), (None, None));
        assert_eq!(scheme.timestamp_unit, TimestampUnit::Milliseconds);
    }

    /// The examples in the manual must be right.
    #[test]
    fn the_examples_of_the_manual() {
        let manual = include_str!("../../../docs/signing.md");
        let blocks: Vec<&str> =
            manual.split("```toml\n").skip(1).filter_map(|tail| tail.split("```").next()).collect();
        let mut schemes = 0;
        for block in blocks {
            let table: toml::Table = block.parse().unwrap();
            let Some(signature) = table.get("signature") else { continue };
            let file: SchemeFile = signature.clone().try_into().unwrap();
            let scheme = Scheme::from_file(&file);
            assert!(scheme.is_ok(), "{block}: {scheme:?}");
            schemes += 1;
        }
        for preset in Preset::ALL {
            assert!(manual.contains(&format!("`{preset}`")), "{preset} is described");
        }
        assert!(schemes >= 4, "the examples are found");
    }

    #[test]
    fn a_preset_with_a_key_id_keeps_its_name() {
        let scheme = read("key_id = \"k1\"\nprovenance = \"client\"").unwrap();
        assert!(scheme.describe().starts_with("airudder: "), "{}", scheme.describe());
        let scheme = read("tolerance = \"10s\"").unwrap();
        assert_eq!(scheme.tolerance, Some(Duration::from_secs(10)));
        assert!(scheme.describe().starts_with("custom: "));
    }

    #[test]
    fn what_is_wrong_and_where() {
        let mut out = String::new();
        for text in [
            r#"parts = ["body", "timestmp"]"#,
            r#"parts = ["body", "+"]"#,
            r#"parts = ["'.", "body"]"#,
            r#"parts = ["body", "'"]"#,
            r#"parts = []"#,
            r#"parts = ["timestamp", "body"]"#,
            "preset = \"standard-webhooks\"\nnonce_header = \"\"",
            r#"algorithm = "md5""#,
            r#"header = """#,
            r#"header = "X Sign""#,
            r#"nonce_header = "X-Nonce:""#,
            r#"timestamp_header = "x-airudder-sign""#,
            r#"prefix = "v1\n""#,
            r#"key_id = "schlüssel""#,
            "key_header = \"\"\nkey_id = \"k\"",
            "preset = \"standard-webhooks\"\nprefix = \"v1 \"",
        ] {
            let error = read(text).unwrap_err();
            let (key, index) = error.place();
            let index = index.map(|index| format!("[{index}]")).unwrap_or_default();
            out += &format!("{}\n    {key}{index}: {error}\n", text.replace('\n', "; "));
        }
        insta::assert_snapshot!(out);
    }
}
