//! `mcp`: a mock as tools of an agent.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::support::{Receiver, assert_code, plain, program, stdout};

/// The official client plays a conversation through and has a receiver audited.
#[test]
fn the_official_client_drives_it() {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import mcp"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        let what = "the client needs mcp of PyPI: AIRUDDER_MOCK_PYTHON names a Python that has it";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        eprintln!("SKIPPED: {what}");
        return;
    }
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = Serving::with("", &["--callback-url", &receiver.url(), "--speed", "600", "--seed", "7"]);
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/mcp_client.py");
    let output = Command::new(python)
        .arg(client)
        .args([env!("CARGO_BIN_EXE_airudder-mock"), &serving.url(), &receiver.url()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "driven\n");
}

/// What a client gets wrong is answered as JSON-RPC says, and the end of the input is the end.
#[test]
fn mistakes_of_a_client_are_answered() {
    let serving = Serving::new();
    let mut child = program()
        .args(["mcp", "--url", &serving.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |line: &str| -> Value {
        writeln!(input, "{line}").unwrap();
        serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
    };
    let asked = |id: i64, method: &str, params: Value| {
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
    };
    let begun = ask(&asked(1, "initialize", json!({ "protocolVersion": "2025-03-26" })));
    assert_eq!(begun["result"]["protocolVersion"], "2025-03-26", "{begun}");
    // A notification has no answer: the next line is that of the next request.
    let broken = ask("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n\n{");
    assert_eq!((&broken["id"], &broken["error"]["code"]), (&Value::Null, &json!(-32700)), "{broken}");
    assert_eq!(ask(&asked(2, "resources/list", json!({})))["error"]["code"], -32601);
    assert_eq!(ask(&asked(3, "tools/call", json!({ "name": "nothing" })))["error"]["code"], -32602);
    let called = |name: &str, arguments: Value| json!({ "name": name, "arguments": arguments });
    let unknown = ask(&asked(4, "tools/call", called("reference", json!({ "id": "session.transfr" }))));
    assert_eq!(unknown["result"]["isError"], true);
    let text = unknown["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("session.transfer"), "{text}");
    let missing = ask(&asked(5, "tools/call", called("reference", json!({}))));
    assert_eq!(missing["result"]["isError"], true, "{missing}");
    let says = |result: &Value| result["result"]["content"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(says(&missing), "`reference` needs `id`");
    for (id, wanted) in [
        ("", "`reference` needs `id`"),
        ("sess", "there is no endpoint or event `sess`; similar: `session.transfer`, `session.end`"),
        ("session.*", "similar: `session.transfer`, `session.end`"),
        ("nonsense", "there is no endpoint or event `nonsense`; the tool `catalog` lists all"),
        ("*", "the tool `catalog` lists all"),
    ] {
        let text = says(&ask(&asked(6, "tools/call", called("reference", json!({ "id": id })))));
        assert!(text.contains(wanted), "{text}");
    }
    let text = says(&ask(&asked(7, "tools/call", called("wait_for", json!({ "story": 1 })))));
    assert!(text.contains("the tool `start_story`"), "{text}");
    let no_method = ask("{\"jsonrpc\":\"2.0\",\"id\":6}");
    assert_eq!((&no_method["id"], &no_method["error"]["code"]), (&json!(6), &json!(-32600)));
    assert_eq!((&ask("7")["error"]["code"], &ask("[]")["error"]["code"]), (&json!(-32600), &json!(-32600)));
    let ping = |id: i64| asked(id, "ping", json!({}));
    let notice = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" });
    let batch = ask(&format!("[{notice}]\n[{}, {notice}, {}]", ping(8), ping(9)));
    let ids: Vec<&Value> = batch.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [8, 9], "a batch of notifications has no answer, and the next one has two: {batch}");
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// An audit under way ends with the server, however slow its receiver is.
#[cfg(unix)]
#[test]
fn a_signal_ends_it_during_an_audit() {
    let serving = Serving::new();
    // It accepts connections, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = program()
        .args(["mcp", "--url", &serving.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let callback_url = format!("http://{}/", silent.local_addr().unwrap());
    let audit = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "audit", "arguments": { "callback_url": callback_url } },
    });
    writeln!(child.stdin.as_mut().unwrap(), "{audit}").unwrap();
    // The first connection only asks whether there is a server.
    let [_, mut attempt] = [(); 2].map(|()| silent.accept().unwrap().0);
    let begun = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    child.wait().unwrap();
    // The connection ends with the audit, which would wait ten seconds for the response.
    std::io::copy(&mut attempt, &mut std::io::sink()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
