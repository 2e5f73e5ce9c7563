//! The small commands, as a user types them.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    Receiver, assert_code, independent_hmac, plain, program, run, run_with_input, stderr, stdout,
};

#[test]
fn the_vendor_example_can_be_produced_byte_for_byte() {
    let output = run(&[
        "emit",
        "session.transfer",
        "--secret",
        "k",
        "--set",
        "channel_id=3709",
        "--set",
        "user.id=123",
        "--set",
        "transfer.company=Indonesia",
        "--set",
        "transfer.call_id=",
        "--print",
        "--callback-url",
        "http://127.0.0.1:3000/hook",
    ]);
    assert_code(&output, 0);
    let text = stdout(&output);
    let (head, body) = text.trim_end().split_once("\n\n").unwrap();
    let page = r#"{
        "event": "session.transfer",
        "channel": "WhatsApp",
        "channel_id": "3709",
        "user": {
            "id": "123"
        },
        "transfer": {
            "company": "Indonesia",
            "call_id": ""
        }
    }"#;
    let page: String = page.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(body, page);
    let signature = format!("X-AIRudder-Sign: {}", independent_hmac("k", body.as_bytes()));
    assert!(head.lines().any(|line| line == signature), "{head}");
    assert!(head.starts_with("POST /hook HTTP/1.1\nHost: 127.0.0.1:3000\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
}

#[test]
fn what_print_shows_is_what_is_sent() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let args = ["emit", "agent.message", "--epoch", "2030-01-01T00:00:00Z", "--seed", "5", "--callback-url"];
    let url = receiver.url();
    let mut sending = args.to_vec();
    sending.push(&url);
    let mut printing = sending.clone();
    printing.push("--print");
    let printed = stdout(&run(&printing));
    assert_code(&run(&sending), 0);
    let request = &receiver.requests()[0];
    let (head, body) = printed.trim_end().split_once("\n\n").unwrap();
    assert_eq!(body.as_bytes(), request.body);
    let sorted = |head: &str| {
        let mut lines: Vec<String> = head.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(head), sorted(&request.head));
}

#[test]
fn emit_sends_a_given_body_byte_for_byte() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let body = b"{ \"any\" : \"thing\",\n \"n\": 1.0 }\n";
    let output = run_with_input(
        &["emit", "session.end", "--body", "-", "--secret", "k", "--callback-url", &receiver.url()],
        body,
    );
    assert_code(&output, 0);
    let request = &receiver.requests()[0];
    assert_eq!(request.body, body);
    assert_eq!(request.exact_header("X-AIRudder-Sign"), Some(independent_hmac("k", body).as_str()));
}

/// The `webhook-id` of each callback that a command prints.
fn printed_ids(more: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("settings.toml");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    std::fs::write(&config, format!("secret = '{secret}'\n[signature]\npreset = 'standard-webhooks'\n"))
        .unwrap();
    let emit = ["emit", "session.end", "--print", "--count", "2", "--config", config.to_str().unwrap()];
    let output = run(&[&emit[..], more].concat());
    assert_code(&output, 0);
    stdout(&output).lines().filter_map(|line| line.strip_prefix("webhook-id: ").map(str::to_owned)).collect()
}

#[test]
fn no_two_emits_share_the_id_of_a_message_unless_they_share_the_seed() {
    let (first, second) = (printed_ids(&[]), printed_ids(&[]));
    let mut all: Vec<&String> = first.iter().chain(&second).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "{first:?} {second:?}");
    assert!(all.iter().all(|id| id.starts_with("msg_")), "{all:?}");
    let seeded = printed_ids(&["--seed", "7"]);
    assert_eq!(seeded, printed_ids(&["--seed", "7"]));
    assert_ne!(seeded[0], seeded[1]);
    assert_ne!(seeded, printed_ids(&["--seed", "8"]));
}

#[test]
fn emit_counts_and_differs() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let output = run(&["emit", "session.transfer", "--count", "25", "--callback-url", &receiver.url()]);
    assert_code(&output, 0);
    let ids: std::collections::BTreeSet<String> =
        receiver.requests().iter().map(|request| request.json()["transfer"]["call_id"].to_string()).collect();
    assert_eq!(ids.len(), 25);
}

#[test]
fn a_wrong_event_gets_the_right_one() {
    let output = run(&["emit", "session.transfr"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("did you mean `session.transfer`?"), "{}", stderr(&output));
    let output = run(&["emit", "chatbot.send_message"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("is a request that you make"), "{}", stderr(&output));
}

#[test]
fn a_wrong_flag_gets_the_right_one() {
    let output = run(&["run", "x.toml", "--callback-ulr", "http://127.0.0.1/"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--callback-url"), "{}", stderr(&output));
}

#[test]
fn unsigned_events_carry_no_signature() {
    for (event, signed) in
        [("workflow.api_push", false), ("dialer.agent_status", false), ("workflow.session_ended", true)]
    {
        let output = run(&["emit", event, "--print"]);
        assert_code(&output, 0);
        assert_eq!(stdout(&output).contains("X-AIRudder-Sign"), signed, "{event}");
    }
}

#[test]
fn the_catalog_is_json_too() {
    let output = run(&["catalog", "--format", "json"]);
    assert_code(&output, 0);
    let entries: Value = serde_json::from_slice(&output.stdout).unwrap();
    let transfer =
        entries.as_array().unwrap().iter().find(|entry| entry["id"] == "session.transfer").unwrap();
    assert_eq!((&transfer["mark"], &transfer["direction"]), (&json!("documented"), &json!("callback")));
}

#[test]
fn settings_correct_the_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("airudder-mock.toml");
    fs::write(
        &config,
        r#"
        secret = "from the file"
        [signature]
        preset = "md5-body-secret"
        [catalog."session.end"]
        event = "conversation.closed"
        headers = { X-Tenant = "7" }
        body = '{"kind":"{{ body.event }}","id":"{{ body.call_id }}"}'
        "#,
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let output = run(&["emit", "session.end", "--print", "--config", config]);
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("\nX-Tenant: 7\n"), "{text}");
    let body: Value = serde_json::from_str(text.trim_end().split_once("\n\n").unwrap().1).unwrap();
    assert_eq!(body["kind"], "conversation.closed");
    assert_eq!(body["id"].as_str().unwrap().len(), 32);
    let signature = text.lines().find_map(|line| line.strip_prefix("X-AIRudder-Sign: ")).unwrap();
    assert_eq!(signature.len(), 32, "an MD5 in hex");
}

#[test]
fn nothing_is_sent_while_a_file_is_wrong() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.toml");
    fs::write(&path, "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\nsned = \"session.end\"\n").unwrap();
    let output = run(&["run", path.to_str().unwrap(), "--callback-url", &receiver.url()]);
    assert_code(&output, 2);
    let text = stderr(&output);
    assert!(text.contains("wrong.toml:4:1") && text.contains("`send`"), "{text}");
    assert!(receiver.requests().is_empty());
}

#[test]
fn completions_exist_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert_code(&output, 0);
        assert!(stdout(&output).contains("airudder-mock"), "{shell}");
    }
    let zsh = stdout(&run(&["completions", "zsh"]));
    assert!(
        zsh.contains("-V 'fields' names -S ''") && zsh.contains("$funcstack[1] = _airudder-mock"),
        "{zsh}"
    );
    // The script asks the program. That TAB works in the shells themselves is tried by tests/tab.py.
    let asked = program()
        .envs([("AIRUDDER_MOCK_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", "2"), ("_CLAP_IFS", "\n")])
        .args(["--", "airudder-mock", "emit", "session.tr"])
        .output()
        .unwrap();
    assert_code(&asked, 0);
    assert_eq!(stdout(&asked), "session.transfer");
}

#[test]
fn manual_pages_are_written_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    assert_code(&run(&["man", "--out", pages.to_str().unwrap()]), 0);
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("airudder-mock.1").contains("airudder\\-mock\\-emit(1)"), "{}", page("airudder-mock.1"));
    for part in [".SH EXTRA", "session.transfer", "\\-\\-print"] {
        assert!(page("airudder-mock-emit.1").contains(part), "{part}: {}", page("airudder-mock-emit.1"));
    }
}

#[test]
fn a_variable_that_no_story_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.toml");
    fs::write(
        &path,
        "vars = { amount = 1 }\n[[steps]]\nsend = \"session.end\"\nbody = { amount = \"{{ amount }}\" }\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let output = run(&["run", path, "--set", "amuont=2"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("did you mean `amount`?"), "{}", stderr(&output));
    let output = run(&["run", path, "--set", "amount=2", "--speed", "max", "--listen", "127.0.0.1:0"]);
    assert_code(&output, 0);
}

#[test]
fn merge_says_which_file_is_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json").display().to_string();
    fs::write(&path, "{\"passed\": true}").unwrap();
    let output = run(&["merge", &path]);
    assert_code(&output, 2);
    let text = stderr(&output);
    assert!(text.contains("run.json: it is not a report of `airudder-mock load`"), "{text}");
    assert_eq!(stdout(&output), "");

    let output = run(&["merge", &path, "--report", "page.pdf"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains(".json (all data), .html (a page) or .md"), "{}", stderr(&output));

    let output = run(&["merge", &path, "--fail-if", "p99>50"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("it has no unit, write `50ms`"), "{}", stderr(&output));
}
