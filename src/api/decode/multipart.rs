//! `multipart/form-data`: text fields and files.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use multer::Multipart;
use serde_json::{Map, Value, json};

use super::{DecodeError, form, shown};
use crate::simulator::Upload;

/// Maximum number of fields, which is more than any client needs.
const FIELDS: usize = 10_000;

/// The fields, and the files among them with their bytes.
type Parts = (Map<String, Value>, Vec<Upload>);

/// Reads the parts of a body.
pub(super) fn read(content_type: &str, body: &Bytes) -> Result<Parts, DecodeError> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| wrong(&error))?;
    let parts = pin!(read_parts(Multipart::new(Full::new(body.clone()).into_data_stream(), boundary)));
    // The whole body is in memory, so the parser never waits.
    match parts.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(fields) => fields,
        Poll::Pending => Err(DecodeError::Multipart { reason: "it was cut off".to_owned() }),
    }
}

async fn read_parts(mut parts: Multipart<'_>) -> Result<Parts, DecodeError> {
    let (mut fields, mut files) = (Map::new(), Vec::new());
    let mut count = 0;
    while let Some(part) = parts.next_field().await.map_err(|error| wrong(&error))? {
        count += 1;
        if count > FIELDS {
            return Err(DecodeError::Multipart { reason: format!("it has more than {FIELDS} parts") });
        }
        let Some(name) = part.name().map(str::to_owned) else {
            return Err(DecodeError::Multipart { reason: format!("part {count} has no name") });
        };
        let file = part.file_name().map(str::to_owned);
        let content_type = part.content_type().map(ToString::to_string);
        let bytes = part.bytes().await.map_err(|error| wrong(&error))?;
        let value = match file {
            Some(file) => {
                let shown_file = json!({ "name": file, "content_type": content_type, "size": bytes.len() });
                files.push(Upload { field: name.clone(), name: file, content_type, bytes });
                shown_file
            }
            None => match std::str::from_utf8(&bytes) {
                Ok(text) => text.into(),
                Err(_) => return Err(DecodeError::FieldNotUtf8 { field: shown(&name) }),
            },
        };
        form::add(&mut fields, name, value);
    }
    Ok((fields, files))
}

fn wrong(error: &multer::Error) -> DecodeError {
    use multer::Error;
    let reason = match error {
        Error::NoBoundary => "the content type names no boundary".to_owned(),
        Error::IncompleteStream | Error::IncompleteHeaders => {
            "it ends without the boundary that the content type names".to_owned()
        }
        Error::IncompleteFieldData { field_name } => {
            format!(
                "the field `{}` does not end with the boundary",
                shown(field_name.as_deref().unwrap_or_default())
            )
        }
        other => shown(&other.to_string()),
    };
    DecodeError::Multipart { reason }
}
