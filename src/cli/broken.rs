//! Tests every broken file of `tests/broken` with the message that users see, and arbitrary input.

use std::path::Path;

use proptest::prelude::*;

use crate::contract::Catalog;
use crate::files::{Problems, SourceFile};
use crate::scenario::load;
use crate::settings;

fn scenario(path: &Path) -> Result<(), Problems> {
    load::load(path, Catalog::builtin(), &[])?.doubts.into_result(())
}

fn settings_text(name: &str, text: &str) -> Result<(), Problems> {
    settings::check_file(&SourceFile::new(name, text), Catalog::builtin()).map(|_| ())
}

#[test]
fn broken_files_are_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    insta::with_settings!({
        snapshot_path => "../../tests/broken/snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::glob!("../../tests/broken", "s*/*.toml", |path| {
            // The path is relative to the package, as a user in its folder would write it, so that it is the same on every
            // machine.
            let shown = path.strip_prefix(root).unwrap();
            let outcome = if shown.starts_with("tests/broken/settings") {
                settings_text(&shown.display().to_string(), &std::fs::read_to_string(shown).unwrap())
            } else {
                scenario(shown)
            };
            let problems = outcome.expect_err("a broken file");
            let text = problems.to_string();
            for internal in ["anyOf", "oneOf", "Option<", "StepFile", "u32", "expected struct", "untagged", "$ref"] {
                assert!(!text.contains(internal), "{internal} in {text}");
            }
            insta::assert_snapshot!(text);
        });
    });
}

/// A valid scenario that uses most of the language.
const GOOD: &str = r#"
name = "All of it"
seed = 7
locale = "id"
country = "ID"
copies = 2
spread = "10s"
callback_url = "http://127.0.0.1:3000/hook?copy={{ copy }}"

[vars]
amount = 150
text = "{{ amount * 2 }}"

[delivery]
preset = "once"
timeout = "3s"
gaps = ["1s", "2m"]
jitter = 0.5
success = [200, "3xx"]
success_body = { code = 0 }
order = "independent"

[[steps]]
send = "session.transfer"
body = { channel = "WhatsApp", transfer = { company = "Indonesia" }, list = [1, 2.5, true, "{{ text }}"] }
omit = ["user.name"]
headers = { X-Trace = "{{ id() }}", Accept = "" }
save = "transfer"
expect = { status = "2xx", within = "2s", attempts = 1, body = { id = "{{ transfer.body.id }}" } }

[[steps]]
await = "chatbot.agent_transfer_result"
where = { call_id = "{{ transfer.body.transfer.call_id }}" }
within = "10s"
optional = true
answer = { status = 202, body = { echo = "{{ call.body.call_id }}" } }
save = "result"

[[steps]]
pause = "1s..3s"
when = "{{ chance(0.5) }}"

[[steps]]
set = { amount = "{{ amount - 50 }}", twice = "{{ amount * 2 }}" }

[[steps]]
send = "message.send"
conversation = "second"
raw = '{"n": {{ loop_index }}, "t": "{{ twice }}"}'
repeat = 3
every = "1s"
wait = false
target = "http://127.0.0.1:3001/"
expect = { outcome = "failed", error = "timeout" }

[[on]]
call = "chatbot.send_message"
where = { type = "text" }
times = 2
keep_default = true
answer = { status = 200 }
set = { seen = "{{ call.body.id }}" }
send = [{ event = "message.status", after = "300ms..1s", body = { status = "{{ seen }}" }, save = "status" }]

[[faults]]
call = "chatbot.*"
where = { type = "text" }
skip = 1
times = 4
every = 2
percent = 50
status = 503
code = 500
message = "later"
retry_after = "2s"
delay = { median = "100ms", p99 = "2s" }
effect = true

[[faults]]
call = "*"
kind = "expired-token"
delay = "1s..2s"
"#;

fn load_text(text: &[u8]) -> Result<load::Scenario, Problems> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("story.toml");
    std::fs::write(&path, text).expect("room for the test");
    load::load(&path, Catalog::builtin(), &[])
}

/// Renders everything as well, which must not fail either.
fn survive(text: &[u8]) {
    if let Err(problems) = load_text(text) {
        assert!(!problems.to_string().is_empty());
        assert!(!problems.render().is_empty());
    }
    if let Ok(text) = std::str::from_utf8(text)
        && let Err(problems) = settings_text("settings.toml", text)
    {
        assert!(!problems.to_string().is_empty());
    }
}

#[test]
fn a_good_scenario_has_no_problems() {
    let scenario = load_text(GOOD.as_bytes()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.name, "All of it");
    assert_eq!((scenario.steps.len(), scenario.reactions.len(), scenario.file.faults.len()), (5, 1, 2));
    assert_eq!(scenario.steps[0].place.line, 23);
    assert_eq!(scenario.file.vars.keys().collect::<Vec<_>>(), ["amount", "text"]);
}

#[test]
fn includes_are_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "common.toml",
        "[vars]\nwho = 'a'\ntext = '{{ who }}'\n[[on]]\ncall = 'chatbot.send_message'\n\
         [[faults]]\ncall = 'task.*'\nkind = 'half'\n",
    );
    write(
        "part.toml",
        "include = ['common.toml']\n[[steps]]\npause = '1s'\n[[steps]]\npause = '2s'\nconversation = 'x'\n",
    );
    write(
        "main.toml",
        "include = ['common.toml']\nvars = { who = 'b', own = '{{ text }}' }\n\
         [[faults]]\ncall = '*'\nstatus = 500\n[[steps]]\npause = '3s'\n[[steps]]\ninclude = 'part.toml'\nconversation = 'y'\n",
    );
    let path = folder.path().join("main.toml");
    let scenario = load::load(&path, Catalog::builtin(), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.name, "main");
    let vars: Vec<_> =
        scenario.file.vars.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    assert_eq!(vars, [("who", "b"), ("text", "{{ who }}"), ("own", "{{ text }}")]);
    assert_eq!(scenario.reactions.len(), 1);
    let faults: Vec<&str> = scenario.file.faults.iter().map(|fault| fault.pattern()).collect();
    assert_eq!(faults, ["task.*", "*"]);
    let steps: Vec<_> = scenario
        .steps
        .iter()
        .map(|step| (step.value.pause.unwrap().min.as_secs(), step.value.conversation.as_deref()))
        .collect();
    assert_eq!(steps, [(3, None), (1, Some("y")), (2, Some("x"))]);
    assert!(scenario.steps[1].place.to_string().ends_with("part.toml:2"));
}

#[test]
fn includes_that_multiply_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for level in 0..12 {
        let step = format!("[[steps]]\ninclude = '{}.toml'\n", level + 1);
        std::fs::write(folder.path().join(format!("{level}.toml")), step.repeat(10)).unwrap();
    }
    std::fs::write(folder.path().join("12.toml"), "[[steps]]\npause = '1s'\n").unwrap();
    let problems = load::load(&folder.path().join("0.toml"), Catalog::builtin(), &[]).unwrap_err();
    assert!(problems.to_string().contains("more than 10000 files"), "{problems}");
}

#[test]
fn includes_that_are_too_deep_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for level in 0..20 {
        let step = format!("[[steps]]\ninclude = '{}.toml'\n", level + 1);
        std::fs::write(folder.path().join(format!("{level}.toml")), step).unwrap();
    }
    let problems = load::load(&folder.path().join("0.toml"), Catalog::builtin(), &[]).unwrap_err();
    assert!(problems.to_string().contains("nested more than 16 deep"), "{problems}");
}

#[test]
fn includes_show_no_file_of_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("project/scenarios");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(folder.path().join("secrets.txt"), "the password\n").unwrap();
    let path = inner.join("main.toml");
    let elsewhere = folder.path().join("secrets.txt");
    for include in ["../../secrets.txt", elsewhere.to_str().unwrap()] {
        std::fs::write(&path, format!("include = ['{include}']\n[[steps]]\npause = '1s'\n")).unwrap();
        let problems = load::load(&path, Catalog::builtin(), &[]).unwrap_err().to_string();
        assert!(problems.contains("lies outside of the scenario's folder"), "{problems}");
        assert!(problems.contains("main.toml:1:12") && !problems.contains("password"), "{problems}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&elsewhere, inner.join("link.toml")).unwrap();
        std::fs::write(&path, "include = ['link.toml']\n[[steps]]\npause = '1s'\n").unwrap();
        let problems = load::load(&path, Catalog::builtin(), &[]).unwrap_err().to_string();
        assert!(problems.contains("lies outside") && !problems.contains("password"), "{problems}");
    }
}

#[test]
fn a_variable_may_come_from_outside() {
    let text = "[[steps]]\nset = { a = '{{ outside }}' }\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    std::fs::write(&path, text).unwrap();
    let catalog = Catalog::builtin();
    assert!(load::load(&path, catalog, &[]).is_err());
    assert!(load::load(&path, catalog, &["outside"]).is_ok());
    assert_eq!(load::load_many(&[&path, &path], catalog, &["outside"]).unwrap().len(), 2);
}

#[test]
fn hostile_files_are_survived() {
    survive("[".repeat(100_000).as_bytes());
    survive("{a=".repeat(50_000).as_bytes());
    survive(format!("a = {}", "[".repeat(100_000)).as_bytes());
    survive(format!("{}x = 1", "a.".repeat(50_000)).as_bytes());
    survive(format!("{} = 1", "a".repeat(1_000_000)).as_bytes());
    survive("[[steps]]\n".repeat(5_000).as_bytes());
    survive(format!("[[steps]]\nsend = \"{}\"", "x".repeat(200_000)).as_bytes());
    survive(format!("[[steps]]\nwhen = \"{}\"", "{{".repeat(100_000)).as_bytes());
    survive(format!("[[steps]]\nwhen = \"{{{{ {} }}}}\"", "(".repeat(50_000)).as_bytes());
    survive(b"\xff\xfe\x00");
    survive(b"\xef\xbb\xbfname = 1");
    survive(b"a = 1\r\nb = \"\"\"\r\n{{ x }}\r\n\"\"\"\r\n");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let problems = load_text(&vec![b'#'; 9 * 1024 * 1024]).unwrap_err();
    assert!(problems.to_string().contains("larger than 8 MB"));
}

#[test]
fn files_that_are_not_text_are_refused() {
    let problems = load_text(b"name = 'x'\nb = '\xff'\n").unwrap_err();
    assert!(problems.to_string().contains("line 2 is not UTF-8"), "{problems}");
    let folder = tempfile::tempdir().unwrap();
    let problems = SourceFile::read(folder.path()).unwrap_err();
    assert!(problems.to_string().starts_with("error: can't read "));
}

/// Generates texts from pieces of TOML files.
fn tomlish() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("send"),
        Just("await"),
        Just("pause"),
        Just("set"),
        Just("include"),
        Just("body"),
        Just("when"),
        Just("vars"),
        Just("steps"),
        Just("on"),
        Just("delivery"),
        Just("expect"),
        Just("catalog"),
        Just("target"),
        Just("session.transfer"),
        Just("\"2s\""),
        Just("\"{{ x }}\""),
        Just("\"{% if\""),
        Just("200"),
        Just("1.5"),
        Just("true"),
        Just("nan"),
        Just("2030-01-01"),
        Just("'''"),
        Just("\"\"\""),
        Just("é"),
        Just("\\u00e9"),
    ];
    let mark = prop_oneof![
        Just(" = "),
        Just("\n"),
        Just("\r\n"),
        Just("["),
        Just("]"),
        Just("[["),
        Just("]]\n"),
        Just("{"),
        Just("}"),
        Just(","),
        Just("."),
        Just("\""),
        Just("'"),
        Just("#"),
        Just("\n[[steps]]\n"),
        Just("\n[[on]]\n"),
        Just(" "),
    ];
    proptest::collection::vec(prop_oneof![word, mark], 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tomlish_texts_are_survived(text in tomlish()) {
        survive(text.as_bytes());
    }

    #[test]
    fn bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&bytes);
    }

    #[test]
    fn mutated_scenarios_are_survived(
        cuts in proptest::collection::vec((0..GOOD.len(), 0..12usize, proptest::collection::vec(any::<u8>(), 0..4)), 1..6)
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (at, length, new) in cuts {
            let at = at.min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, new);
        }
        survive(&bytes);
    }
}
