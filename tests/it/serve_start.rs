//! How the mock starts, refuses to start, and stops.

use std::fs;
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::serving::{APP_KEY, APP_SECRET, Serving, eventually, request};
use crate::support::{assert_code, run, stderr, stdout};

#[test]
fn a_taken_port_comes_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address]);
    assert_code(&output, 3);
    let error = stderr(&output);
    assert!(error.contains(&address) && error.contains("--listen 127.0.0.1:0"), "{error}");
    assert_eq!(stdout(&output), "");
}

#[test]
fn files_that_cannot_be_written_end_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("file");
    let path = path.to_str().unwrap();
    for option in ["--port-file", "--record"] {
        let output = run(&["serve", "--listen", "127.0.0.1:0", option, path]);
        assert_code(&output, 3);
        assert!(stderr(&output).contains(path), "{}", stderr(&output));
        assert_eq!(stdout(&output), "", "nothing is said of a mock that is not there");
    }
}

#[test]
fn wrong_settings_are_shown_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    for (text, place, hint) in [
        ("assumed = \"warn\"\nlisten_on = \"127.0.0.1:0\"\n", "settings.toml:2", "listen"),
        (
            "[[accounts]]\napp_key = \"k\"\napp_secret = \"s\"\nencryption_key = \"short\"\n",
            "settings.toml:4",
            "16",
        ),
        (
            "[[accounts]]\napp_key = \"k\"\napp_secret = \"s\"\nrate_limit = \"fast\"\n",
            "settings.toml:4",
            "100/s",
        ),
        ("[[faults]]\ncall = \"task.lsit\"\nstatus = 500\n", "settings.toml:2", "task.list"),
    ] {
        fs::write(&path, text).unwrap();
        let output = run(&["serve", "--listen", "127.0.0.1:0", "--config", path.to_str().unwrap()]);
        assert_code(&output, 2);
        let error = stderr(&output);
        assert!(error.contains(place) && error.contains(hint), "{text}\n{error}");
    }
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--speed", "fast"]);
    assert_code(&output, 2);
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--callback-url", "http://192.0.2.1/"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--allow-target 192.0.2.1"), "{}", stderr(&output));
}

#[test]
fn two_mocks_share_no_id_unless_they_share_the_seed() {
    let id = |more: &[&str]| {
        let serving = Serving::with("", more);
        let id = serving.task(&serving.token(), "t", &json!([{ "Mobile": "+6281110009005" }]));
        serving.end();
        id
    };
    assert_ne!(id(&[]), id(&[]));
    let seeded = id(&["--seed", "7"]);
    assert_eq!(seeded, id(&["--seed", "7"]));
    assert_ne!(seeded, id(&["--seed", "8"]));
}

#[test]
fn the_port_file_names_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("port.txt");
    let serving = Serving::with("", &["--port-file", path.to_str().unwrap()]);
    // It is there before the address is printed.
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", serving.address.port()));
    let (rest, _) = serving.end();
    assert_eq!(rest, "", "quiet means the address and nothing else");
}

#[test]
fn a_running_request_may_end() {
    let serving = Serving::new();
    let body = json!({ "APPKey": APP_KEY, "APPSecret": APP_SECRET }).to_string();
    let mut wire = serving.wire();
    let head = format!(
        "POST /service/cloud/auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    wire.send(head.as_bytes());
    // From here on the request is running.
    assert!(wire.head().starts_with("HTTP/1.1 100 Continue"));
    let mut idle = serving.wire();
    idle.send(&request("GET", "/_mock/state", &[], b""));
    assert_eq!(idle.reply().status, 200);
    serving.ask_to_stop();
    eventually("nobody listens any more", || TcpStream::connect(serving.address).is_err().then_some(()));
    assert_eq!(idle.rest().unwrap(), b"", "whoever has nothing to ask is let go");
    wire.send(body.as_bytes());
    let reply = wire.reply();
    assert_eq!((reply.status, &reply.json()["code"]), (200, &json!(200)));
    assert_eq!(wire.rest().unwrap(), b"");
    let (_, record) = serving.ended();
    assert_eq!(record.iter().filter(|line| line["kind"] == "called").count(), 1, "and is recorded");
}
