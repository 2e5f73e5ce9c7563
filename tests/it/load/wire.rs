//! What `load` writes is byte for byte what `run` and `emit` write, but for ids, times, lengths and signatures.

use std::fs;
use std::path::Path;

use super::harness::{SECRET, each, load_story, story};
use super::receiver::{Arrived, Receiver};
use crate::support::{assert_code, run};

/// A request with what may differ taken out: digits and hex digits of ids, times, signatures; the length.
fn shape(request: &Arrived) -> String {
    let mut text = String::new();
    for line in request.head.split_inclusive('\n') {
        match line.split_once(": ") {
            Some((name, _)) if ["X-AIRudder-Sign", "Content-Length"].contains(&name) => {
                text.push_str(&format!("{name}: ...{}", &line[line.trim_end().len()..]));
            }
            _ => text.push_str(line),
        }
    }
    text.push_str(&body_shape(&request.body));
    text
}

/// A body with its keys in their order and its values by their kind.
fn body_shape(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return String::from_utf8_lossy(body).into_owned();
    };
    fn walk(value: &serde_json::Value, out: &mut String) {
        match value {
            serde_json::Value::Object(entries) => {
                out.push('{');
                for (key, value) in entries {
                    out.push_str(&format!("{key}:"));
                    walk(value, out);
                    out.push(',');
                }
                out.push('}');
            }
            serde_json::Value::Array(items) => {
                out.push('[');
                items.iter().for_each(|item| walk(item, out));
                out.push(']');
            }
            serde_json::Value::String(_) => out.push_str("text"),
            serde_json::Value::Number(_) => out.push_str("number"),
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    walk(&value, &mut out);
    // No white space that the other does not have either.
    let spaces = body.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    out + &format!(" with {} line breaks or spaces", if spaces == 0 { "no" } else { "some" })
}

/// What the real client sends for a story, and what load sends for it, in their order, at this path.
fn both(text: &str, settings: &str, path: &str) -> (Vec<Arrived>, Vec<Arrived>) {
    let (folder, file) = story(text);
    let config = folder.path().join("settings.toml");
    fs::write(&config, settings).unwrap();
    let [config, scenario] = [config.to_str().unwrap(), file.to_str().unwrap()];
    // The address is in the requests: both go to the same one.
    let receiver = Receiver::new();
    let url = format!("http://{}{path}", receiver.address);
    let output = run(&[
        "run",
        scenario,
        "--callback-url",
        &url,
        "--secret",
        SECRET,
        "--config",
        config,
        "--speed",
        "max",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_code(&output, 0);
    let real = receiver.arrived();
    let loaded = load_story(&file, &url, &["--count", "1", "--rate", "max", "--config", config]);
    loaded.assert_code(0);
    assert!(!crate::support::stderr(&loaded.output).contains("simulated, story by story"), "compiled");
    (real.clone(), receiver.arrived()[real.len()..].to_vec())
}

#[track_caller]
fn assert_alike(text: &str, settings: &str, path: &str) -> Vec<Arrived> {
    let (real, loaded) = both(text, settings, path);
    let shapes = |requests: &[Arrived]| requests.iter().map(shape).collect::<Vec<_>>();
    assert_eq!(shapes(&real), shapes(&loaded));
    for request in real.iter().chain(&loaded) {
        request.assert_signed(SECRET);
    }
    loaded
}

#[test]
fn the_smallest_story() {
    let text = fs::read_to_string(Path::new("scenarios/load-transfer.toml")).unwrap();
    let sent = assert_alike(&text, "", "/hook");
    assert_eq!(sent.len(), 1);
    assert!(sent[0].head.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", sent[0].head);
}

#[test]
fn every_event_of_the_chatbot() {
    let events = [
        "message.receive",
        "message.send",
        "message.status",
        "agent.message",
        "agent.message_status",
        "session.end",
        "session.report",
        "template.result",
    ];
    let steps: Vec<String> = events.iter().map(|event| format!("[[steps]]\nsend = \"{event}\"\n")).collect();
    let sent = assert_alike(&steps.concat(), "", "/hook");
    assert_eq!(sent.len(), events.len());
}

#[test]
fn a_path_with_a_query() {
    let sent = assert_alike("[[steps]]\nsend = \"session.end\"\n", "", "/a%20b/hook?tenant=7&x=%C3%A9");
    assert!(sent[0].head.starts_with("POST /a%20b/hook?tenant=7&x=%C3%A9 HTTP/1.1\r\n"), "{}", sent[0].head);
    assert_alike("[[steps]]\nsend = \"session.end\"\n", "", "?only=query");
    assert_alike("[[steps]]\nsend = \"session.end\"\n", "", "");
}

#[test]
fn headers_of_a_step() {
    let settings = "[catalog.\"session.end\"]\nheaders = { X-Tenant = \"7\", x-zone = \"a\" }\n";
    each(
        [
            r#"{ "X-Request-Id" = "one", "X-lower-UPPER" = "two words" }"#,
            r#"{ "x-tenant" = "8" }"#,
            r#"{ "Content-Type" = "application/vnd.test+json; charset=utf-8" }"#,
            r#"{ "content-type" = "text/plain" }"#,
            r#"{ "Host" = "hook.test" }"#,
            r#"{ "host" = "hook.test:99" }"#,
            r#"{ "X-Tenant" = "" }"#,
            r#"{ "Content-Type" = "" }"#,
            r#"{ "User-Agent" = "something else" }"#,
            r#"{ "Connection" = "keep-alive" }"#,
            r#"{ "Accept" = "*/*", "accept-encoding" = "gzip" }"#,
        ],
        |headers| {
            let text = format!("[[steps]]\nsend = \"session.end\"\nheaders = {headers}\n");
            assert_alike(&text, settings, "/hook");
        },
    );
}

#[test]
fn a_body_byte_for_byte() {
    each([r#"{ \"b\" : 1,\n  \"a\": [ ] }\n"#, "no JSON at all", "a=1&b=%20", ""], |raw| {
        let text = format!("[[steps]]\nsend = \"session.end\"\nraw = \"{raw}\"\n");
        let (real, loaded) = both(&text, "", "/hook");
        assert_eq!(real[0].body, loaded[0].body, "{raw}");
        assert_eq!(shape(&real[0]), shape(&loaded[0]), "{raw}");
        loaded[0].assert_signed(SECRET);
    });
}

#[test]
fn other_methods() {
    each(["GET", "PUT", "DELETE", "PATCH"], |method| {
        let settings = format!("[catalog.\"session.end\"]\nmethod = \"{method}\"\n");
        let sent = assert_alike("[[steps]]\nsend = \"session.end\"\n", &settings, "/hook?x=1");
        assert!(sent[0].head.starts_with(&format!("{method} /hook?x=1 HTTP/1.1\r\n")), "{}", sent[0].head);
        assert_alike("[[steps]]\nsend = \"session.end\"\nraw = \"\"\n", &settings, "/hook");
    });
}

#[test]
fn other_signatures() {
    for signature in [
        "preset = \"md5-body-secret\"\n",
        "header = \"X-Signed\"\ntimestamp_header = \"X-Time\"\nnonce_header = \"X-Once\"\n",
    ] {
        let (real, loaded) =
            both("[[steps]]\nsend = \"session.end\"\n", &format!("[signature]\n{signature}"), "/hook");
        let names = |request: &Arrived| -> Vec<String> {
            let lines = request.head.lines().skip(1);
            lines.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(&real[0]), names(&loaded[0]), "{signature}");
        assert_eq!(body_shape(&real[0].body), body_shape(&loaded[0].body));
    }
}

#[test]
fn emit_sends_the_same() {
    let receiver = Receiver::new();
    let output = run(&["emit", "session.transfer", "--callback-url", &receiver.url(), "--secret", SECRET]);
    assert_code(&output, 0);
    super::harness::load(&receiver.url(), &["--count", "1", "--rate", "max"]).assert_all_well(1);
    let arrived = receiver.arrived();
    assert_eq!(shape(&arrived[0]), shape(&arrived[1]));
}
