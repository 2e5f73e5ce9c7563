//! *Upload file* and *Upload file (Google maps thumbnail)*. Fields of requests and responses are assumed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::fields::{FilePart, Given};
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /api/v1/media/upload`, as `multipart/form-data` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Upload {
    /// The file. Another field name is accepted if it is the only file.
    #[serde(rename = "file")]
    _file: FilePart,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UploadedFile {
    /// The id of the file.
    media_id: String,
    /// Where the file can be fetched.
    url: String,
    /// Its name, without characters that are not allowed in a URL.
    name: String,
    /// Its type: from the request, or by its name.
    content_type: String,
    /// Its size in bytes.
    size: usize,
}

/// `POST /api/v1/media/upload_map`, as `multipart/form-data` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MapUpload {
    /// The picture of the map. Another field name is accepted if it is the only file.
    #[serde(rename = "file")]
    _file: FilePart,
    /// The latitude of the place.
    latitude: Option<Given<f64>>,
    /// The longitude of the place.
    longitude: Option<Given<f64>>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UploadedMap {
    #[serde(flatten)]
    file: UploadedFile,
    /// The latitude as received.
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<Given<f64>>,
    /// The longitude as received.
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<Given<f64>>,
}

/// Stores a file.
pub(super) fn upload(
    simulator: &mut Simulator,
    _: Upload,
    request: &Request<'_>,
) -> Result<UploadedFile, Refusal> {
    let file = request.files.iter().find(|file| file.field == "file").or(request.files.first());
    let refuse = |message: String| Refusal::new(400, message);
    let file = file.ok_or_else(|| {
        refuse("file is missing: send multipart/form-data with the file as `file`".to_owned())
    })?;
    let largest = simulator.context.behaviour.chatbot.upload_bytes;
    match file.bytes.len() {
        0 => return Err(refuse("file is empty".to_owned())),
        size if size > largest => {
            return Err(refuse(format!("file has {size} bytes, but at most {largest} are accepted")));
        }
        _ => {}
    }
    let stored = simulator.chatbot.media.keep(file);
    Ok(UploadedFile {
        url: format!("{}/media/{}/{}", simulator.context.behaviour.public_url, stored.id, stored.name),
        media_id: stored.id.clone(),
        name: stored.name.clone(),
        content_type: stored.content_type.clone(),
        size: stored.bytes.len(),
    })
}

/// Stores the picture of a map.
pub(super) fn upload_map(
    simulator: &mut Simulator,
    body: MapUpload,
    request: &Request<'_>,
) -> Result<UploadedMap, Refusal> {
    let file = upload(simulator, Upload { _file: body._file }, request)?;
    Ok(UploadedMap { file, latitude: body.latitude, longitude: body.longitude })
}
