//! What is said in calls, through the real program, over real sockets.

use serde_json::{Value, json};

use crate::serving::Serving;
use crate::support::{assert_code, run, stderr};

const SETTINGS: &str = r#"
[[calling.robots]]
name = "Card check"
business = "info_check"
locale = "en"
script = "rosa"
questions = [{ item = "Debtor" }, { item = "employer", ask = "And who do you work for?", others = ["the circus"] }]

[[calling.robots]]
name = "Reminder"
business = "collection"
locale = "en"

[calling.scripts.rosa]
open = ["Good morning, Rosa from {company}, is that {name}?"]
"#;

fn said(call: &Value) -> Vec<String> {
    call["Dialog"].as_array().unwrap().iter().map(|turn| turn["Text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn calls_say_what_rows_and_robots_ask_for() {
    let serving = Serving::with(SETTINGS, &[]);
    let token = serving.token();
    let row = |robot: &str, word: &str| {
        json!({
            "Mobile": "+6281112340001", "Debtor": "Ana Lim", "Gender": "female", "Platform": "Kirana", "Comments": word,
            "Arrears": 450, "Unit": "USD", "LoanAmount": 900, "LoanDate": "2029-01-01", "employer": "Toko Jaya", "RobotID": robot, "mock_outcome": word,
        })
    };
    let rows = [
        row("Card check", "mismatch_2"),
        row("Reminder", "intention_c intention_a"),
        row("Reminder", "long_talk"),
    ];
    let (_, made) =
        serving.post(&token, "/service/cloud/task", &json!({ "TaskName": "calls", "Details": rows }));
    let task = made["data"]["TaskID"].as_str().unwrap();
    serving.skip("1h");
    let (_, detail) = serving.get(&token, &format!("/service/cloud/detail?TaskID={task}"));
    let calls = detail["data"]["detail"].as_array().unwrap();
    let call = |word: &str| calls.iter().find(|call| call["Comments"] == word).unwrap();
    let check = call("mismatch_2");
    assert_eq!(said(check)[0], "Good morning, Rosa from Kirana, is that Ana Lim?");
    assert!(said(check).iter().any(|text| text.ends_with("And who do you work for?")), "{check}");
    assert!(said(check).iter().any(|text| text.contains("the circus")), "{check}");
    let second = &check["CheckResults"][1];
    assert_eq!((&second["Answer"], &second["Result"]), (&json!("the circus"), &json!("mismatch")));
    let promise = call("intention_c intention_a");
    assert_eq!((&promise["Intention"], &promise["Multi_intention"]), (&json!("A"), &json!("C,A")));
    assert!(said(promise).iter().any(|text| text.contains("450 dollars")), "{promise}");
    let long = call("long_talk");
    assert_eq!(long["TalkDuration"], 600);
    assert!(said(long).len() > 60, "{}", said(long).len());
    serving.end();
}

#[test]
fn mistakes_of_scripts_are_shown_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let text = r#"
[[calling.robots]]
name = "Card check"
script = "roza"
questions = [{ ask = "What?" }]

[calling.scripts.rosa]
open = ["Hello {nome}"]
ends.K = { person = ["No."], robot = [] }
"#;
    std::fs::write(&file, text).unwrap();
    let output = run(&["check", "--as", "settings", file.to_str().unwrap()]);
    assert_code(&output, 2);
    let shown = stderr(&output);
    for part in ["did you mean `rosa`?", "did you mean `{name}`?", "`K` is not an intention", "`item`"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
