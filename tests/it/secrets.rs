//! Secrets stay out of the timeline and of the record, in whatever form they came.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::serving::{APP_KEY, JSON, Serving, Wire, request};
use crate::support::program;

/// The secret of an account of the settings.
const SECRET: &str = "s3cretOfTheAccount0001";

fn settings() -> String {
    format!("[[accounts]]\napp_key = '{APP_KEY}'\napp_secret = '{SECRET}'\n")
}

/// Requests for a token in each of the three encodings, and wrong ones.
fn requests() -> Vec<Vec<u8>> {
    let path = "/service/cloud/auth";
    let json = json!({ "APPKey": APP_KEY, "APPSecret": SECRET }).to_string();
    let form = format!("APPKey={APP_KEY}&APPSecret={SECRET}");
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let multipart = format!("{}{}--b--\r\n", part("APPKey", APP_KEY), part("APPSecret", SECRET));
    let encoded = ("Content-Type", "application/x-www-form-urlencoded");
    vec![
        request("POST", path, &[JSON], json.as_bytes()),
        request("POST", path, &[encoded], form.as_bytes()),
        request("POST", path, &[("Content-Type", "multipart/form-data; boundary=b")], multipart.as_bytes()),
        request("POST", path, &[JSON], format!("{{\"APPKey\": 1, \"APPSecret\": [\"{SECRET}\"]").as_bytes()),
        request("POST", path, &[JSON], json!({ "APPKey": "x", "appSecret": SECRET }).to_string().as_bytes()),
        request("POST", "/no/such/path", &[encoded], form.as_bytes()),
        request("GET", &format!("{path}?{form}"), &[], b""),
    ]
}

#[test]
fn the_record_holds_no_secret_unless_asked() {
    for (args, is_shown) in [(&[][..], false), (&["--show-secrets"], true)] {
        let serving = Serving::with(&settings(), args);
        let mut token = String::new();
        for bytes in requests() {
            let mut wire = serving.wire();
            wire.send(&bytes);
            let reply = wire.reply();
            assert!(!reply.text().contains(SECRET), "{}", reply.text());
            if reply.status == 200 {
                token = reply.json()["data"]["token"].as_str().unwrap().to_owned();
            }
        }
        let (status, _) = serving.get(&format!("Token {token}"), "/service/cloud/robot");
        assert_eq!(status, 200);
        let (_, record) = serving.end();
        let text: String = record.iter().map(ToString::to_string).collect();
        assert_eq!((text.contains(SECRET), text.contains(&token)), (is_shown, is_shown), "{text}");
        assert!(text.contains(APP_KEY));
    }
}

#[test]
fn the_timeline_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("settings.toml");
    std::fs::write(&config, format!("{}\n[limits]\nrequest_kb = 4096\n", settings())).unwrap();
    let mut child = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    let address = first.split("http://").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    for bytes in requests() {
        let mut wire = Wire::to(address);
        wire.send(&bytes);
        wire.reply();
    }
    // A list of ten thousand rows is told by its length.
    let large = json!({ "APPKey": APP_KEY, "APPSecret": SECRET, "x": "y".repeat(3 << 20) }).to_string();
    let mut wire = Wire::to(address);
    wire.send(&request("POST", "/service/cloud/auth", &[JSON], large.as_bytes()));
    wire.reply();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let mut shown = String::new();
    out.read_to_string(&mut shown).unwrap();
    child.wait().unwrap();
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(shown.contains("APPSecret=***") && shown.contains("  3.0 MB"), "{shown}");
}
