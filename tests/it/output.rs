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
