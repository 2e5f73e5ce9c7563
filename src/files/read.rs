//! Reads a file named by a user, which may be anything: a device without end, or a pipe without a writer.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Maximum time without data from a pipe or a terminal, in seconds.
const PATIENCE: u16 = 10;

/// Reads a file of at most `megabytes` megabytes.
///
/// # Errors
///
/// If it can't be read or is larger, or if it is a pipe from which no data comes for ten seconds.
pub fn read_within(path: &Path, megabytes: u64) -> io::Result<Vec<u8>> {
    read_for(path, megabytes, PATIENCE)
}

fn read_for(path: &Path, megabytes: u64, patience: u16) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = (megabytes << 20) + 1;
    let file = open(path)?;
    match file.metadata()?.is_file() {
        true => file.take(most).read_to_end(&mut bytes)?,
        false => Patient { file, seconds: patience }.take(most).read_to_end(&mut bytes)?,
    };
    if bytes.len() as u64 >= most {
        let message = format!("it is larger than {megabytes} MB");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads a text in the same way.
///
/// # Errors
///
/// The same; or the file is not UTF-8.
pub fn read_text_within(path: &Path, megabytes: u64) -> io::Result<String> {
    String::from_utf8(read_within(path, megabytes)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Opens a file for reading, without waiting for the other end of a pipe to be opened.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// A file that is not a regular one: it is read when it has data.
struct Patient {
    file: File,
    /// How long it may have none.
    #[cfg_attr(not(unix), expect(dead_code, reason = "such a file is read as any other there"))]
    seconds: u16,
}

impl Read for Patient {
    #[cfg(unix)]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        use std::os::fd::AsFd;

        use nix::poll::{PollFd, PollFlags, poll};
        loop {
            let mut ready = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, self.seconds * 1000)? == 0 {
                let message = format!("it gave no data for {} s: is a program writing to it?", self.seconds);
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            match self.file.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    #[cfg(not(unix))]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn whatever_it_is_it_is_read_or_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(read_within(&path, 1).unwrap(), b"text");
        std::fs::write(&path, vec![0; 1 << 20]).unwrap();
        assert_eq!(read_within(&path, 1).unwrap().len(), 1 << 20);
        let error = |path: &Path| read_within(path, 1).unwrap_err().to_string();
        std::fs::write(&path, vec![0; (1 << 20) + 1]).unwrap();
        assert_eq!(error(&path), "it is larger than 1 MB");
        assert_eq!(error(Path::new("/dev/zero")), "it is larger than 1 MB");
        assert_eq!(read_within(Path::new("/dev/null"), 1).unwrap(), b"");
        assert_eq!(read_within(folder.path(), 1).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_pipe_is_read_to_its_end_as_shells_give_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // A writer that opens it late, and writes in two parts.
        let script = "sleep 0.2; exec 3>\"$0\"; printf one >&3; sleep 0.2; printf two >&3";
        let mut writer = Command::new("sh").arg("-c").arg(script).arg(&pipe).spawn().unwrap();
        assert_eq!(read_within(&pipe, 1).unwrap(), b"onetwo");
        assert!(writer.wait().unwrap().success());
        // No writer.
        let error = read_for(&pipe, 1, 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        // What a shell makes of `<(...)`.
        let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = std::os::fd::AsRawFd::as_raw_fd(cat.stdout.as_ref().unwrap());
        cat.stdin.take().unwrap().write_all(b"three").unwrap();
        assert_eq!(read_within(Path::new(&format!("/dev/fd/{out}")), 1).unwrap(), b"three");
        cat.wait().unwrap();
    }
}
