//! The README is right: a newcomer who copies from it gets what it promises.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::markdown::{as_printed, blocks, read, run_commands, run_scripts};
use crate::serving::{eventually, is_there};
use crate::support::{Receiver, assert_code, free_address, plain, run, stdout};

#[test]
fn it_is_short() {
    assert!(read("README.md").lines().count() <= 300);
}

#[test]
fn every_command_runs() {
    assert!(run_commands("README.md") >= 10);
}

#[test]
fn the_sandbox_works_by_copy_and_paste() {
    if !is_there("curl") || !is_there("bash") {
        return;
    }
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = as_printed("README.md", &receiver.url());
    let printed = run_scripts("README.md", &serving.url(), &receiver.url());
    for part in ["\"TaskID\":\"", "\"busy\":true", "\"now\":\"2030-01-02T01:"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    eventually("both calls and the task are over", || (receiver.requests().len() == 3).then_some(()));
    serving.end();
}

/// A receiver of the README, as a program of its own. It ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // A program that has ended by itself needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Saves the receiver in this language, starts it, and makes a transfer happen as the README says.
fn receiver_accepts_a_transfer(language: &str, interpreter: &str, file: &str) {
    if !is_there(interpreter) {
        return;
    }
    let [block] = &blocks("README.md", language)[..] else { panic!("one receiver in {language}") };
    assert!(block.text.lines().count() <= 25, "the receiver is short");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::write(&path, &block.text).unwrap();
    let (own, mock) = (free_address(), free_address());
    let child = Command::new(interpreter)
        .arg(&path)
        .env("PORT", own.port().to_string())
        .env("AIRUDDER_MOCK_URL", format!("http://{mock}"))
        .env("NO_PROXY", "127.0.0.1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _program = Program(child);
    eventually("the receiver listens", || TcpStream::connect(own).ok());

    let (url, listen) = (format!("http://{own}/hook"), mock.to_string());
    // Nobody is there yet for the request that follows from a transfer; and notices carry no signature.
    for (callback, fault, code) in [
        ("session.transfer", None, 0),
        ("call.completed", None, 0),
        ("workflow.api_push", None, 0),
        ("session.transfer", Some("signature-missing"), 1),
        ("session.end", Some("signature-missing"), 1),
    ] {
        let fault = fault.map_or(Vec::new(), |fault| vec!["--fault", fault]);
        let output = run(&[&["emit", callback, "--callback-url", &url], &fault[..]].concat());
        assert_code(&output, code);
        // Not a part of the address.
        assert_eq!(stdout(&output).contains(": 401"), code == 1, "{}", stdout(&output));
    }
    let story = ["run", "scenarios/first-transfer.toml", "--callback-url", &url, "--listen", &listen];
    let output = run(&story);
    assert_code(&output, 0);
    let printed = stdout(&output);
    for part in ["→ session.transfer               200", "← chatbot.agent_transfer_result  200", "passed"]
    {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(!printed.contains("not signed as it should be"), "its own request is signed: {printed}");

    let refused = run(&[&story[..], &["--secret", "wrong", "--speed", "max"]].concat());
    assert_code(&refused, 1);
    assert!(stdout(&refused).contains("refused     5 attempts of signed callbacks"), "{}", stdout(&refused));
}

#[test]
fn the_receiver_in_node_accepts_a_transfer() {
    receiver_accepts_a_transfer("js", "node", "receiver.js");
}

#[test]
fn the_receiver_in_python_accepts_a_transfer() {
    receiver_accepts_a_transfer("python", "python3", "receiver.py");
}
