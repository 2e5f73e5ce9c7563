//! Tells other programs where the mock listens: `--port-file` and `--url-file`.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Files that say where it listens, for programs that cannot know a port that was picked at the start.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct AddressFiles {
    /// Write the port to this file once the server listens. The file is written atomically, and removed at exit.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Write the URL, for example http://127.0.0.1:2478, to this file once the server listens. The file is written
    /// atomically, and removed at exit.
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,
}

impl AddressFiles {
    /// Writes the requested files. They exist until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// If a file can't be written. The error names the file.
    pub(super) fn write(&self, address: SocketAddr, url: &str) -> io::Result<WrittenFiles> {
        let mut written = WrittenFiles(Vec::new());
        for (path, text) in [
            (&self.port_file, format!("{}\n", address.port())),
            (&self.url_file, format!("{}\n", url.trim_end_matches('/'))),
        ] {
            let Some(path) = path else { continue };
            let failed = |error: io::Error| {
                io::Error::new(error.kind(), format!("{} can't be written: {error}", path.display()))
            };
            if is_special(path) {
                std::fs::write(path, &text).map_err(failed)?;
                continue;
            }
            appear(path, &text).map_err(failed)?;
            written.0.push((path.clone(), text));
        }
        Ok(written)
    }
}

/// Files that are removed at the end, unless another program has rewritten them.
#[derive(Debug)]
#[must_use = "the files are removed at once"]
pub(super) struct WrittenFiles(Vec<(PathBuf, String)>);

impl WrittenFiles {
    /// Returns a function that removes the files, for when the program ends without dropping values.
    pub(super) fn remover(&self) -> impl FnOnce() + Send + 'static {
        let files = self.0.clone();
        move || remove(&files)
    }
}

impl Drop for WrittenFiles {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(files: &[(PathBuf, String)]) {
    for (path, text) in files {
        if std::fs::read_to_string(path).is_ok_and(|there| there == *text) {
            // A file that can't be removed stays: nothing depends on it any more.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whether the path is something that must not be replaced: a device, a pipe, or a link to one. It is written to instead.
fn is_special(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Writes a file atomically, so that no reader sees part of it.
fn appear(path: &Path, text: &str) -> io::Result<()> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::IsADirectory)?);
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_there_as_long_as_something_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = AddressFiles { port_file: Some(path("port")), url_file: Some(path("url")) };
        let address = "127.0.0.1:2478".parse().unwrap();
        let written = files.write(address, "http://127.0.0.1:2478/").unwrap();
        assert_eq!(std::fs::read_to_string(path("port")).unwrap(), "2478\n");
        assert_eq!(std::fs::read_to_string(path("url")).unwrap(), "http://127.0.0.1:2478\n");
        // Another program has taken over the name.
        std::fs::write(path("url"), "http://127.0.0.1:3\n").unwrap();
        drop(written);
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["url"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let files = AddressFiles { port_file: Some("/dev/null".into()), url_file: Some(link.clone()) };
        drop(files.write("127.0.0.1:2478".parse().unwrap(), "http://127.0.0.1:2478/").unwrap());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "http://127.0.0.1:2478\n");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no").join("port");
        let files = AddressFiles { port_file: Some(path.clone()), url_file: None };
        let error = files.write("127.0.0.1:1".parse().unwrap(), "").unwrap_err();
        assert!(error.to_string().starts_with(&format!("{} can't be written", path.display())), "{error}");
    }
}
