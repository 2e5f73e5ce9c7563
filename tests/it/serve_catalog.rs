//! That everything the catalog lists is served, and that a test tells how it behaves.

use std::collections::BTreeMap;

use airudder_mock::contract::{Catalog, Direction};
use serde_json::json;

use crate::serving::{JSON, Serving};

/// The groups whose calls the clients of other languages make, one by one.
const GROUPS: [&str; 5] = ["Access", "Calling tasks", "Calling plans", "Number detection", "SMS"];

/// Every entry of these groups, and the test that shows how it behaves.
const COVERED: [(&str, &str); 23] = [
    ("auth.token", "tokens_live_as_documented"),
    ("task.create", "tasks_live_and_are_told"),
    ("task.list", "tasks_live_and_are_told"),
    ("task.stop", "tasks_live_and_are_told"),
    ("task.cancel_call", "tasks_live_and_are_told"),
    ("task.detail", "tasks_live_and_are_told"),
    ("task.finished", "tasks_live_and_are_told"),
    ("call.completed", "tasks_live_and_are_told"),
    ("call.by_id", "tasks_live_and_are_told"),
    ("robot.list", "tasks_live_and_are_told"),
    ("task.recording", "recordings_are_sound"),
    ("task.recordings", "recordings_are_sound"),
    ("strategy.list", "plans_live_and_are_told"),
    ("plan.create", "plans_live_and_are_told"),
    ("plan.status", "plans_live_and_are_told"),
    ("plan.rounds", "plans_live_and_are_told"),
    ("plan.cancel_call", "plans_live_and_are_told"),
    ("plan.recordings", "plans_live_and_are_told"),
    ("plan.finished", "plans_live_and_are_told"),
    ("detection.check", "numbers_are_detected_and_texts_confirmed"),
    ("detection.result", "numbers_are_detected_and_texts_confirmed"),
    ("sms.send", "numbers_are_detected_and_texts_confirmed"),
    ("sms.receipt", "numbers_are_detected_and_texts_confirmed"),
];

#[test]
fn every_call_is_served() {
    let serving = Serving::new();
    let token = serving.token();
    let mut served = 0;
    for entry in Catalog::builtin().calls() {
        for route in &entry.routes {
            let headers = [("Authorization", token.as_str()), JSON];
            let body = if route.method == "GET" { "" } else { r#"{"nothing": "useful"}"# };
            let reply = serving.call(&route.method, &route.path, &headers, body.as_bytes());
            let what = format!("{} {} {}: {}", entry.id, route.method, route.path, reply.text());
            assert!(matches!(reply.status, 200 | 400 | 401 | 404), "{what}");
            assert!(reply.json().get("code").is_some_and(|code| *code != json!(501)), "{what}");
            served += 1;
        }
    }
    assert!(served >= 56, "all calls of the catalog: {served}");
    serving.end();
}

#[test]
fn every_entry_has_a_test_of_its_behaviour() {
    let covered: BTreeMap<&str, &str> = COVERED.into_iter().collect();
    assert_eq!(covered.len(), COVERED.len(), "an entry is named twice");
    let listed: Vec<&str> = Catalog::builtin()
        .entries()
        .iter()
        .filter(|entry| GROUPS.contains(&entry.group.as_str()))
        .map(|entry| entry.id.as_str())
        .collect();
    let missing: Vec<&&str> = listed.iter().filter(|id| !covered.contains_key(**id)).collect();
    assert!(missing.is_empty(), "entries without a test: {missing:?}");
    let tests = include_str!("serve_life.rs");
    // The clients' own checks say which calls they make and which callbacks the tests count.
    let clients = [
        include_str!("../clients/access.py"),
        include_str!("../clients/task.py"),
        include_str!("../clients/recordings.py"),
        include_str!("../clients/plan.py"),
        include_str!("../clients/detection.py"),
    ]
    .concat();
    for (id, test) in COVERED {
        let entry = Catalog::builtin().get(id).unwrap_or_else(|| panic!("{id} is no entry"));
        assert!(tests.contains(&format!("fn {test}()")), "{id} names {test}, which is no test");
        if entry.direction == Direction::Call {
            for route in &entry.routes {
                assert!(clients.contains(&format!("\"{}\"", route.path)), "no client calls {}", route.path);
            }
        }
    }
}

/// The tests of the other groups, which name the entries they are about.
const OTHERS: [&str; 17] = [
    include_str!("chatbot.rs"),
    include_str!("dialer.rs"),
    include_str!("workflow.rs"),
    include_str!("../../src/simulator/chatbot/tests/accounts.rs"),
    include_str!("../../src/simulator/chatbot/tests/agents.rs"),
    include_str!("../../src/simulator/chatbot/tests/campaigns.rs"),
    include_str!("../../src/simulator/chatbot/tests/channel.rs"),
    include_str!("../../src/simulator/chatbot/tests/property.rs"),
    include_str!("../../src/simulator/chatbot/tests/templates.rs"),
    include_str!("../../src/simulator/chatbot/tests/window.rs"),
    include_str!("../../src/simulator/dialer/tests/codes.rs"),
    include_str!("../../src/simulator/dialer/tests/life.rs"),
    include_str!("../../src/simulator/dialer/tests/schema.rs"),
    include_str!("../../src/simulator/workflow/tests/life.rs"),
    include_str!("../../src/simulator/workflow/tests/mod.rs"),
    include_str!("../../src/simulator/workflow/tests/paths.rs"),
    include_str!("../../src/simulator/workflow/tests/refusals.rs"),
];

/// Callbacks that no call brings about: stories send them.
const TOLD_BY_STORIES: [&str; 2] = ["agent.transfer", "inbound.call_completed"];

#[test]
fn every_other_entry_is_named_by_a_test() {
    let tests = OTHERS.concat();
    let named = |text: &str| tests.contains(&format!("\"{text}\""));
    let stories = include_str!("../../scenarios/all-events.toml");
    for entry in Catalog::builtin().entries() {
        let id = entry.id.as_str();
        if GROUPS.contains(&entry.group.as_str()) {
            continue;
        }
        if TOLD_BY_STORIES.contains(&id) {
            assert!(stories.contains(&format!("\"{id}\"")), "no story sends {id}");
            continue;
        }
        // Tests over sockets know an entry by the last part of its path, or by its event's name.
        let last = entry.routes.first().and_then(|route| route.path.rsplit_once('/')).map(|(_, last)| last);
        let by_path = last.is_some_and(|last| tests.contains(&format!("/{last}\"")));
        assert!(named(id) || by_path || entry.event.as_deref().is_some_and(named), "no test names {id}");
    }
}
