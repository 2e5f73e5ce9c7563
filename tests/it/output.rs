//! A terminal that takes nothing does not stop the mock.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::serving::{Wire, eventually, request};
use crate::support::program;

/// More lines than a pipe has room for.
const REQUESTS: usize = 900;

#[test]
fn a_pipe_that_nobody_reads_stops_neither_requests_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (port, record) = (folder.path().join("port.txt"), folder.path().join("record.ndjson"));
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--port-file"])
        .arg(&port)
        .arg("--record")
        .arg(&record)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let port = eventually("the port is known", || std::fs::read_to_string(&port).ok()?.trim().parse().ok());
    let mut wire = Wire::to(SocketAddr::from(([127, 0, 0, 1], port)));
    for number in 0..REQUESTS {
        let path = format!("/nothing/%1b/{number}/{}", "x".repeat(60));
        wire.send(&request("GET", &path, &[], b""));
        assert_eq!(wire.reply().status, 404);
    }
    // Nothing more is needed for a line to be in the file.
    let lines = || std::fs::read_to_string(&record).unwrap();
    eventually("all is recorded", || (lines().lines().count() >= REQUESTS).then_some(()));
    assert!(lines().ends_with('\n'));
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(text.matches("nothing is served at /nothing/").count(), REQUESTS);
    assert!(text.contains("\nstopped; 0 callbacks were not sent\n"), "{}", &text[text.len() - 400..]);
}

/// A result that nobody can read is no success.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_standard_output_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.ndjson");
    let record = record.to_str().unwrap();
    crate::support::assert_code(
        &crate::support::run(&["run", "agent-transfer", "--speed", "max", "--quiet", "--record", record]),
        0,
    );
    for args in [
        &["check", "agent-transfer"][..],
        &["catalog"],
        &["emit", "session.end", "--print"],
        &["diff", record, record],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = program().args(args).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{args:?}: {said}");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let url = folder.path().join("url.txt");
    let receiver = program()
        .args(["receive", "--json", "--count", "2", "--listen", "127.0.0.1:0", "--url-file"])
        .arg(&url)
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let to = eventually("it listens", || std::fs::read_to_string(&url).ok().filter(|url| !url.is_empty()));
    crate::support::run(&["emit", "session.end", "--callback-url", to.trim()]);
    let output = receiver.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}
