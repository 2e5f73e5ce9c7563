//! Uploaded files and users' pictures, kept as long as there is room, and their links.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::seed::{self, Seed};
use crate::simulator::request::Upload;
use crate::simulator::rules::chatbot::ChatRules;

/// Maximum number of users' pictures that are remembered. All of them are the same few bytes.
const MOST_PICTURES: usize = 10_000;

/// Maximum length of a file name that is kept.
const LONGEST_NAME: usize = 100;

/// A picture of one grey point, which stands for pictures sent by users.
const PICTURE: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 58,
    126, 155, 85, 0, 0, 0, 10, 73, 68, 65, 84, 120, 218, 99, 104, 0, 0, 0, 130, 0, 129, 218, 69, 8, 59, 0, 0,
    0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

/// A file behind a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// An id that cannot be guessed.
    pub(crate) id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub content_type: String,
    /// Its content.
    pub bytes: Bytes,
}

/// The stored files.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Media {
    seed: Seed,
    rules: ChatRules,
    files: VecDeque<Stored>,
    size: usize,
    pictures: VecDeque<String>,
    made: u64,
}

impl Media {
    pub(in crate::simulator) fn new(seed: Seed, rules: ChatRules) -> Self {
        Self { seed, rules, files: VecDeque::new(), size: 0, pictures: VecDeque::new(), made: 0 }
    }

    /// Applies limits on what is kept, from the next file on.
    pub(in crate::simulator) fn take_rules(&mut self, rules: ChatRules) {
        self.rules = rules;
    }

    fn id(&mut self) -> String {
        self.made += 1;
        seed::hex32(&mut self.seed.stream("media", self.made))
    }

    /// Returns the file of a link.
    pub(in crate::simulator) fn get(&self, id: &str, name: &str) -> Option<Stored> {
        if self.pictures.iter().any(|known| known == id) && name == "picture.png" {
            return Some(Stored {
                id: id.to_owned(),
                name: name.to_owned(),
                content_type: "image/png".to_owned(),
                bytes: Bytes::from_static(PICTURE),
            });
        }
        self.files.iter().find(|file| file.id == id && file.name == name).cloned()
    }

    /// Stores a file. The oldest files make room.
    pub(super) fn keep(&mut self, upload: &Upload) -> &Stored {
        let id = self.id();
        let name = file_name(&upload.name);
        let content_type = content_type(upload.content_type.as_deref(), &name);
        self.size += upload.bytes.len();
        // A body also holds the rest of its request: the file gets memory of its own.
        let bytes = Bytes::copy_from_slice(&upload.bytes);
        self.files.push_back(Stored { id, name, content_type, bytes });
        while self.files.len() > 1
            && (self.files.len() > self.rules.uploads || self.size > self.rules.uploads_bytes)
        {
            if let Some(oldest) = self.files.pop_front() {
                self.size -= oldest.bytes.len();
            }
        }
        self.files.back().expect("one was just added")
    }

    /// Returns the path of a new picture of a user.
    pub(in crate::simulator) fn picture(&mut self) -> String {
        let id = self.id();
        let path = format!("/media/{id}/picture.png");
        self.pictures.push_back(id);
        if self.pictures.len() > MOST_PICTURES {
            self.pictures.pop_front();
        }
        path
    }
}

/// Returns a name that can be used in a path unchanged.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = last.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches('.');
    // The end of a long name has its extension.
    let from = name.len().saturating_sub(LONGEST_NAME);
    if name.is_empty() { "file".to_owned() } else { name[from..].to_owned() }
}

/// Returns the type that the client states, or else the type of the extension.
fn content_type(given: Option<&str>, name: &str) -> String {
    let sound = |text: &&str| {
        text.contains('/') && text.len() < 100 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    };
    if let Some(given) = given.filter(sound) {
        return given.to_owned();
    }
    let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let known = match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: usize) -> Upload {
        Upload {
            field: "file".to_owned(),
            name: name.to_owned(),
            content_type: None,
            bytes: Bytes::from(vec![7; size]),
        }
    }

    #[test]
    fn the_oldest_make_room() {
        let rules = ChatRules { uploads: 2, uploads_bytes: 100, ..ChatRules::default() };
        let mut media = Media::new(Seed(1), rules);
        let keep = |media: &mut Media, size| media.keep(&file("a.png", size)).id.clone();
        let ids: Vec<String> = [10, 10, 10].map(|size| keep(&mut media, size)).into();
        let known = |media: &Media, id: &str| media.get(id, "a.png").is_some();
        assert_eq!([0, 1, 2].map(|at| known(&media, &ids[at])), [false, true, true]);
        let large = keep(&mut media, 95);
        assert_eq!((known(&media, &ids[2]), known(&media, &large)), (false, true));
        assert_eq!(media.get(&large, "b.png"), None);
    }

    #[test]
    fn names_and_types_are_made_safe() {
        assert_eq!(file_name("../../etc/pass wd.PDF"), "pass_wd.PDF");
        assert_eq!(file_name("..."), "file");
        assert_eq!(content_type(Some("image/gif"), "a.png"), "image/gif");
        assert_eq!(content_type(Some("evil\r\nx: y/z"), "a.png"), "image/png");
        assert_eq!(content_type(None, "a"), "application/octet-stream");
    }
}
