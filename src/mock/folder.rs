//! A folder that keeps the state of a mock beyond its process.
//!
//! The folder holds one file of lines: the beginning of the mock, and then all its inputs in order. The mock responds to a
//! request after the request is in the file, so that a process that is killed loses nothing it has confirmed. The file is not
//! a cache that could become stale: it is the history itself, readable with any tool. Another, empty file is locked while a mock
//! uses the folder: on Windows nobody could read a file of lines that was locked itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::beginning::SharedBeginning;
use crate::console::Beginning;
use crate::engine::{Input, ReadStored, Store, Written};

/// The file in the folder.
const FILE: &str = "inputs.ndjson";

/// The file that is locked.
const LOCK: &str = ".lock";

/// The version of the file format.
const FORMAT: u32 = 1;

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The version that created the file.
    airudder_mock: String,
    format: u32,
    beginning: Beginning,
}

/// Why a folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It can't be read or written.
    #[error("--data-dir {path}: {error}")]
    Io {
        /// The folder or the file in it.
        path: String,
        /// The error of the system.
        error: io::Error,
    },
    /// Another mock uses it.
    #[error("--data-dir {0}: another mock uses this folder; stop it, or give this one its own folder")]
    Taken(String),
    /// A line of the file is invalid.
    #[error(
        "{path}:{line}: {why}\n    {text}\nmove the file away to start afresh, or remove this line and \
            those after it"
    )]
    Line {
        /// The file.
        path: String,
        /// The number of the line.
        line: usize,
        /// The beginning of the line.
        text: String,
        /// What is wrong with the line.
        why: String,
    },
    /// The file has another format.
    #[error(
        "{path}: it has format {format}, written by airudder-mock {version}, but this version reads \
        format {FORMAT}; start that version, or use another folder"
    )]
    Format {
        /// The file.
        path: String,
        /// The format of the file.
        format: u32,
        /// The version that wrote it.
        version: String,
    },
    /// The state has another seed.
    #[error(
        "--seed {given}: the state in {path} was created with seed {its}; leave --seed out, or use \
        another folder"
    )]
    Seed {
        /// The file.
        path: String,
        /// The given seed.
        given: u64,
        /// The seed of the state.
        its: u64,
    },
}

/// An open folder, locked against other mocks.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    file: File,
    lock: File,
    beginning: Beginning,
    inputs: Vec<Arc<Input>>,
    /// Length of the complete lines in bytes.
    length: u64,
    /// When the file was last written.
    written: Option<SystemTime>,
    /// Number of bytes dropped at the end, from an incomplete line.
    torn: usize,
}

impl Folder {
    /// Opens a folder, and creates it if it does not exist. `beginning` is used for a new state.
    ///
    /// # Errors
    ///
    /// If it can't be read or written, if another mock uses it, or if a line in it is invalid.
    pub fn open(folder: &Path, beginning: impl FnOnce() -> Beginning) -> Result<Self, FolderError> {
        let path = folder.join(FILE);
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |error| FolderError::Io { path, error }
        };
        if folder.exists() && !folder.is_dir() {
            return Err(failed(folder)(io::Error::new(io::ErrorKind::NotADirectory, "it is not a folder")));
        }
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let lock_path = folder.join(LOCK);
        let lock = open(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Taken(folder.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(failed(&lock_path)(error)),
        }
        let mut file = open(&path).map_err(failed(&path))?;
        let written = file.metadata().and_then(|data| data.modified()).ok();
        let Content { head, inputs, length, torn } = read(&mut file, &path)?;
        let mut opened = Self {
            beginning: match &head {
                Some(head) => head.beginning.clone(),
                None => beginning(),
            },
            path,
            file,
            lock,
            inputs,
            length,
            written: written.filter(|_| head.is_some()),
            torn,
        };
        let prepared = if head.is_none() { opened.begin() } else { opened.cut() };
        prepared.map_err(failed(&opened.path))?;
        Ok(opened)
    }

    /// Returns the beginning of the mock in it.
    pub fn beginning(&self) -> &Beginning {
        &self.beginning
    }

    /// Returns the inputs of the mock in it.
    pub fn inputs(&self) -> &[Arc<Input>] {
        &self.inputs
    }

    /// Returns when it was last written. `None` if it was empty.
    pub fn written(&self) -> Option<SystemTime> {
        self.written
    }

    /// Returns the number of bytes dropped at the end, from an incomplete line.
    pub fn torn(&self) -> usize {
        self.torn
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Turns the folder into a store for further inputs. When all inputs are replaced, `beginning` holds the mock's beginning.
    pub(super) fn into_store(self, beginning: SharedBeginning) -> Box<dyn Store> {
        let Self { path, file, lock, length, .. } = self;
        Box::new(Lines { path, file, _lock: lock, beginning, length, is_torn: false, line: Vec::new() })
    }

    /// Removes an incomplete last line.
    fn cut(&mut self) -> io::Result<()> {
        if self.torn > 0 { cut(&mut self.file, self.length) } else { Ok(()) }
    }

    /// Writes the first line.
    fn begin(&mut self) -> io::Result<()> {
        cut(&mut self.file, 0)?;
        let line = head_line(&self.beginning)?;
        self.file.write_all(&line)?;
        self.length = line.len() as u64;
        Ok(())
    }
}

/// Opens a file for reading and writing, and creates it if it does not exist. Not for appending alone, with which Windows does
/// not shorten a file.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Shortens a file to a length, after which the next line is written.
fn cut(file: &mut File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length)).map(drop)
}

fn head_line(beginning: &Beginning) -> io::Result<Vec<u8>> {
    let head = Head {
        airudder_mock: env!("CARGO_PKG_VERSION").to_owned(),
        format: FORMAT,
        beginning: beginning.clone(),
    };
    let mut line = serde_json::to_vec(&head)?;
    line.push(b'\n');
    Ok(line)
}

/// The content of a file.
struct Content {
    head: Option<Head>,
    inputs: Vec<Arc<Input>>,
    length: u64,
    torn: usize,
}

fn read(file: impl Read, path: &Path) -> Result<Content, FolderError> {
    let failed = |error| FolderError::Io { path: path.display().to_string(), error };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut all = Content { head: None, inputs: Vec::new(), length: 0, torn: 0 };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let length = reader.by_ref().read_until(b'\n', &mut line).map_err(failed)?;
        if line.last() != Some(&b'\n') {
            // The process ended while it was written, so its request was never answered.
            all.torn = length;
            break;
        }
        all.length += length as u64;
        let wrong = |why: String| FolderError::Line {
            path: path.display().to_string(),
            line: number,
            text: String::from_utf8_lossy(&line[..line.len().min(120)]).trim_end().to_owned(),
            why,
        };
        if number == 1 {
            let head: Head = serde_json::from_slice(&line)
                .map_err(|error| wrong(format!("this is not an inputs file of airudder-mock ({error})")))?;
            if head.format != FORMAT {
                let (format, version) = (head.format, head.airudder_mock);
                return Err(FolderError::Format { path: path.display().to_string(), format, version });
            }
            all.head = Some(head);
            continue;
        }
        let input = Written::read(&line).and_then(Written::input);
        let input = input.map_err(|error| wrong(error.to_string()))?;
        all.inputs.push(Arc::new(input));
    }
    Ok(all)
}

/// Stores inputs as lines.
struct Lines {
    path: PathBuf,
    file: File,
    /// Locked for as long as it is open.
    _lock: File,
    beginning: SharedBeginning,
    length: u64,
    /// Whether an incomplete line that could not be removed may follow the complete ones.
    is_torn: bool,
    line: Vec<u8>,
}

/// What a line of the file has besides the bytes of its input, at most about.
const MOST_OVERHEAD: usize = 512;

impl Lines {
    /// Removes an incomplete last line.
    fn cut(&mut self) -> io::Result<()> {
        if self.is_torn {
            cut(&mut self.file, self.length)?;
            self.is_torn = false;
        }
        Ok(())
    }
}

impl Store for Lines {
    fn append(&mut self, input: &Input) -> io::Result<()> {
        self.cut()?;
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Written::of(input))?;
        self.line.push(b'\n');
        if let Err(error) = self.file.write_all(&self.line) {
            self.is_torn = true;
            // If this fails, it is done before the next line.
            let _ = self.cut();
            return Err(error);
        }
        self.length += self.line.len() as u64;
        Ok(())
    }

    fn try_room(&mut self, bytes: usize) -> io::Result<()> {
        self.cut()?;
        let written = self.file.write_all(&vec![b' '; bytes + MOST_OVERHEAD]);
        self.is_torn = true;
        self.cut()?;
        written
    }

    fn all(&mut self) -> io::Result<ReadStored> {
        // A separate handle: later inputs are appended behind, and another file may replace this one.
        let (file, path) = (File::open(&self.path)?.take(self.length), self.path.clone());
        Ok(Box::new(move || Ok(read(file, &path).map_err(io::Error::other)?.inputs)))
    }

    fn replace(&mut self, inputs: &[Arc<Input>]) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = open(&next)?;
        cut(&mut file, 0)?;
        let mut text = head_line(&self.beginning.get())?;
        for input in inputs {
            serde_json::to_writer(&mut text, &Written::of(input))?;
            text.push(b'\n');
        }
        file.write_all(&text)?;
        file.sync_data()?;
        fs::rename(&next, &self.path)?;
        (self.file, self.length, self.is_torn) = (file, text.len() as u64, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::engine::Given;

    #[test]
    fn a_folder_in_use_is_locked_and_its_lines_are_not() {
        let beginning: Beginning = serde_json::from_value(serde_json::json!({ "seed": "7" })).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        // A folder of an earlier version has nothing but the lines.
        let torn = [&*head_line(&beginning).unwrap(), br#"{"at":"20"#].concat();
        fs::write(&path, torn).unwrap();
        let opened = Folder::open(folder.path(), || beginning.clone()).unwrap();
        assert_eq!((opened.torn(), opened.inputs().len()), (9, 0));
        let second = Folder::open(folder.path(), || beginning.clone());
        assert!(matches!(second, Err(FolderError::Taken(_))), "{second:?}");
        File::open(&path).unwrap().try_lock().unwrap();
        let mut store = opened.into_store(SharedBeginning::new(beginning.clone()));
        let input = Arc::new(Input { at: Timestamp::UNIX_EPOCH, given: Given::Time });
        let again = |store: &mut Box<dyn Store>, many: usize| {
            store.append(&input).unwrap();
            assert_eq!(store.all().and_then(|read| read()).unwrap().len(), many);
        };
        again(&mut store, 1);
        again(&mut store, 2);
        store.replace(&vec![Arc::clone(&input); 5]).unwrap();
        again(&mut store, 6);
        assert!(matches!(Folder::open(folder.path(), || beginning.clone()), Err(FolderError::Taken(_))));
        drop(store);
        assert_eq!(Folder::open(folder.path(), || beginning).unwrap().inputs().len(), 6);
    }

    /// Other systems have no file to which every write fails.
    #[cfg_attr(not(target_os = "linux"), ignore = "no file there takes nothing")]
    #[test]
    fn a_torn_line_is_taken_away_before_the_next() {
        let beginning: Beginning = serde_json::from_value(serde_json::json!({ "seed": "7" })).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let open_at = |path: &Path, length| {
            let mut file = open(path).unwrap();
            file.seek(SeekFrom::Start(length)).unwrap();
            file
        };
        let whole = head_line(&beginning).unwrap();
        fs::write(&path, &whole).unwrap();
        let length = whole.len() as u64;
        // Writing to it fails, and so does truncating it.
        let file = open_at(Path::new("/dev/full"), 0);
        let lock = open(&folder.path().join(LOCK)).unwrap();
        let beginning = SharedBeginning::new(beginning);
        let mut lines = Lines {
            path: path.clone(),
            file,
            _lock: lock,
            beginning,
            length,
            is_torn: false,
            line: Vec::new(),
        };
        let input = Input { at: Timestamp::UNIX_EPOCH, given: Given::Time };
        let full = lines.append(&input).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        // Nothing is written or read after the complete lines.
        fs::write(&path, [&*whole, br#"{"at":"20"#].concat()).unwrap();
        assert!(lines.append(&input).is_err());
        let stored = |lines: &mut Lines| lines.all().and_then(|read| read()).unwrap().len();
        assert_eq!(stored(&mut lines), 0);
        lines.file = open_at(&path, 0);
        lines.append(&input).unwrap();
        assert_eq!(stored(&mut lines), 1);
    }
}
