//! Decodes the fields of a request, in any encoding used by clients.
//!
//! Real clients send JSON under a form's content type, repeat their query in the body of a GET, and leave the `+` of phone
//! numbers unescaped. All of that is understood; anything else is reported in one line.

mod counted;
mod form;
mod json;
mod multipart;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::contract::Family;
use crate::contract::renames::Renames;
use crate::net::HttpRequest;
use crate::simulator::Upload;
use crate::simulator::calling::RawRows;

/// Returns the name of the field whose list is kept as text, because it may have a million rows. Workflows spell it in lower
/// case; in the requests of other families a field of that name is an ordinary one.
fn rows_field(family: Family) -> &'static str {
    match family {
        Family::Workflow => "details",
        _ => "Details",
    }
}

/// Default for the maximum number of values of a body besides rows.
pub const USUAL_VALUES: usize = 200_000;

/// The fields of a request.
#[derive(Clone, Debug)]
pub struct Fields {
    /// All fields except the list of rows.
    pub fields: Value,
    /// The list of rows, undecoded. If the field is not a list, it is an ordinary field.
    pub rows: Option<RawRows>,
    /// The files of a multipart body, with their bytes.
    pub files: Vec<Upload>,
    /// Whether all of them are JSON, which distinguishes numbers from texts.
    pub is_typed: bool,
}

impl Fields {
    /// Returns all fields in one table, including the list of rows.
    pub fn whole(self) -> Value {
        let mut fields = self.fields;
        if let Some(rows) = self.rows {
            fields[rows.name()] = rows.value();
        }
        fields
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self { fields: Value::Object(Map::new()), rows: None, files: Vec::new(), is_typed: false }
    }
}

/// Why the fields of a request cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body is missing although it is needed.
    #[error("the body is empty: send the fields as a JSON object")]
    Empty,
    /// The body is not UTF-8.
    #[error("the body is not UTF-8: byte {at} cannot be read")]
    NotUtf8 {
        /// The first wrong byte, counted from 0.
        at: usize,
    },
    /// A field of a form or of the query is not UTF-8.
    #[error("the field `{field}` is not UTF-8")]
    FieldNotUtf8 {
        /// The name of the field, as far as it can be decoded.
        field: String,
    },
    /// The body is not JSON.
    #[error("the body is not JSON: {reason}")]
    Json {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The body is JSON, but not an object.
    #[error("the body must be a JSON object, but is {found}")]
    NotObject {
        /// The type of the value, with its article.
        found: &'static str,
    },
    /// Objects or lists are nested too deeply.
    #[error("the body has more than 127 objects and lists within each other, at line {line} column {column}")]
    TooDeep {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// There are too many values besides rows.
    #[error(
        "the body has more than {most} values besides rows: raise `json_values` under [limits] in the \
        settings"
    )]
    TooMany {
        /// Maximum number of values.
        most: usize,
    },
    /// A number is too large for a double.
    #[error("a number in the body is too large, at line {line} column {column}")]
    NumberTooLarge {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// The parts of a multipart body cannot be separated.
    #[error("the multipart body cannot be read: {reason}")]
    Multipart {
        /// What is wrong with the body.
        reason: String,
    },
    /// The body is compressed.
    #[error("bodies with `Content-Encoding: {encoding}` cannot be read: send the body uncompressed")]
    Compressed {
        /// The encoding, as far as it is readable.
        encoding: String,
    },
    /// The content type is not supported.
    #[error(
        "the content type `{content_type}` is not understood: send application/json, \
         application/x-www-form-urlencoded or multipart/form-data"
    )]
    ContentType {
        /// The given content type, as far as it is readable.
        content_type: String,
    },
}

/// Decodes the fields of a request: those of the query, then those of the body, which win over the query's.
///
/// JSON keeps its types. Fields of queries and forms are strings; a field that occurs several times becomes a list of strings.
/// A file in a multipart body becomes an object of `name`, `content_type` and `size` in bytes. The body of a GET or HEAD is
/// ignored. The list of rows is kept as text; its name depends on the family.
///
/// # Errors
///
/// Describes in one line what cannot be decoded. A request without body and query has no fields if it is a GET or HEAD, and is
/// `DecodeError::Empty` otherwise.
pub fn decode(request: &HttpRequest, family: Family) -> Result<Fields, DecodeError> {
    decode_within(request, family, &Renames::default(), USUAL_VALUES)
}

/// Decodes a request for a user who has other names for fields, which `names` maps to the mock's, and with this maximum number
/// of values besides rows.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_within(
    request: &HttpRequest,
    family: Family,
    names: &Renames,
    most: usize,
) -> Result<Fields, DecodeError> {
    let rows_name = rows_field(family);
    let mut fields = match &request.query {
        Some(query) => renamed(form::read(query, most)?, names),
        None => Map::new(),
    };
    let (mut rows, mut files, mut is_typed) = (None, Vec::new(), false);
    if !matches!(&*request.method, "GET" | "HEAD") {
        let without_mark =
            request.body.strip_prefix(b"\xef\xbb\xbf").map(|body| request.body.slice_ref(body));
        let body = without_mark.unwrap_or_else(|| request.body.clone());
        if !body.trim_ascii().is_empty() {
            if let Some(encoding) = request.header("content-encoding")
                && !encoding.trim().eq_ignore_ascii_case("identity")
            {
                return Err(DecodeError::Compressed { encoding: shown(encoding) });
            }
            let (own, list, uploads, is_json) = read_body(request, body, (rows_name, most), names)?;
            is_typed = is_json && fields.is_empty();
            match fields.is_empty() {
                true => fields = own,
                false => fields.extend(own),
            }
            (rows, files) = (list, uploads);
        } else if fields.is_empty() {
            return Err(DecodeError::Empty);
        }
    }
    // A form has no lists, so the rows are given as JSON text.
    if let Some(Value::String(text)) = fields.get(rows_name) {
        let text = match names.of(rows_name) {
            Some(names) => names.apply(text.as_bytes()).into(),
            None => Bytes::copy_from_slice(text.as_bytes()),
        };
        if let Some(list) = RawRows::named(rows_name, text) {
            rows = Some(list);
            fields.shift_remove(rows_name);
        }
    }
    Ok(Fields { fields: Value::Object(fields), rows, files, is_typed })
}

/// Renames fields to the mock's names.
fn renamed(fields: Map<String, Value>, names: &Renames) -> Map<String, Value> {
    if names.is_empty() {
        return fields;
    }
    // JSON stays JSON under other names.
    let text = Value::Object(fields).to_string();
    serde_json::from_slice(&names.apply_to_texts(text.as_bytes())).unwrap_or_default()
}

/// Fields, rows, files, and whether all fields were JSON.
type Parts = (Map<String, Value>, Option<RawRows>, Vec<Upload>, bool);

fn read_body(
    request: &HttpRequest,
    mut body: Bytes,
    (rows_name, most): (&'static str, usize),
    names: &Renames,
) -> Result<Parts, DecodeError> {
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json");
    if essence == "multipart/form-data" {
        let (fields, files) = multipart::read(content_type, &request.body)?;
        return Ok((renamed(fields, names), None, files, false));
    }
    if is_json || matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        if !names.is_empty() {
            body = names.apply(&body).into();
        }
        let (fields, list) = json::read(&body, rows_name, most)?;
        let list = list.and_then(|list| RawRows::named(rows_name, body.slice_ref(list.as_bytes())));
        return Ok((fields, list, Vec::new(), true));
    }
    match essence.as_str() {
        "" | "application/x-www-form-urlencoded" | "text/plain" => {
            Ok((renamed(form::read(text(&body)?, most)?, names), None, Vec::new(), false))
        }
        _ => Err(DecodeError::ContentType { content_type: shown(content_type) }),
    }
}

fn text(body: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(body).map_err(|error| DecodeError::NotUtf8 { at: error.valid_up_to() })
}

/// Makes a text of unknown origin fit for one line.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let mut out: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests;
