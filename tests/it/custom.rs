//! Endpoints and callbacks of one's own through the real program.

use std::fs;

use serde_json::json;

use crate::serving::Serving;
use crate::support::{Receiver, assert_code, free_address, plain, post, run, run_story, scenario, stdout};

fn example(name: &str) -> String {
    scenario(&format!("custom/{name}")).to_str().unwrap().to_owned()
}

#[test]
fn the_examples_check_and_their_stories_pass() {
    for name in ["flex-route", "api-store", "didi"] {
        let (settings, story) = (example(&format!("{name}.toml")), example(&format!("{name}.story.toml")));
        let output = run(&["check", "--config", &settings, &story, &settings]);
        assert_code(&output, 0);
        assert!(stdout(&output).contains("settings, 0 corrections"), "{}", stdout(&output));
        assert_code(&run(&["check", &story]), 2);
        let output =
            run(&["run", "--config", &settings, &story, "--speed", "max", "--listen", "127.0.0.1:0"]);
        assert_code(&output, 0);
        assert!(stdout(&output).contains(" 0 wrong"), "{}", stdout(&output));
    }
}

#[test]
fn the_offer_by_phone_has_a_call_behind_it() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let settings = fs::read_to_string(example("didi.toml")).unwrap();
    let serving = Serving::with(&settings, &["--speed", "0", "--callback-url", &receiver.url()]);
    let token = serving.token();
    let offer = json!({ "phone": "+6281110009001", "title": "Ride" });
    let (status, answer) = serving.post(&token, "/service/cloud/didi/offer", &offer);
    assert_eq!(status, 200, "{answer}");
    let id = answer["data"]["offer_id"].as_str().unwrap();
    serving.skip("1h");
    let (_, answer) = serving.get(&token, &format!("/service/cloud/didi/offer/{id}"));
    assert_eq!(answer["data"], json!({ "title": "Ride", "call": "finished" }));
    let bodies: Vec<_> = receiver.requests().iter().map(|request| request.json()).collect();
    let answered = bodies.iter().find(|body| body["type"] == "offer.answered").unwrap();
    assert_eq!((&answered["offer_id"], &answered["phone"]), (&json!(id), &json!("+6281110009001")));
    assert!(bodies.iter().any(|body| body["TaskID"] == id && body["CalleeNumber"] == "+6281110009001"));
    serving.end();
}

#[test]
fn the_catalog_and_emit_know_what_is_declared() {
    let settings = example("flex-route.toml");
    let output = run(&["catalog", "--config", &settings, "--group", "flex"]);
    assert_code(&output, 0);
    assert!(stdout(&output).contains("DELETE /service/cloud/flex/route/{id}"), "{}", stdout(&output));
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    let emit = ["emit", "flex.route_finished", "--config", &settings, "--callback-url", &url];
    assert_code(&run(&[&emit[..], &["--set", "name=day shift", "--seed", "1"]].concat()), 0);
    let requests = receiver.requests();
    let body = requests[0].json();
    assert_eq!((&body["event"], &body["name"]), (&json!("route.finished"), &json!("day shift")));
    assert!(requests[0].exact_header("X-AIRudder-Sign").is_some());
}

/// The first callback makes the integrator create a route over HTTP, once wrongly; the callback comes back by itself,
/// and the story hears of both.
#[test]
fn stories_await_requests_and_callbacks_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("story.toml");
    fs::write(
        &story,
        "[[steps]]\nsend = 'flex.route_removed'\n\
         [[steps]]\nawait = 'flex.route_create'\nwhere = { Name = 'day shift' }\n\
         [[steps]]\nawait = 'flex.route_finished'\nsave = 'done'\n\
         [[steps]]\nsend = 'flex.route_removed'\nbody = { route_id = '{{ done.body.route_id }}' }\n",
    )
    .unwrap();
    let mock = free_address();
    let receiver = Receiver::with(move |request| {
        let body = request.json();
        if body["event"] == "route.removed" && body["route_id"].as_str().unwrap().len() == 32 {
            let wrong = post(mock, "/service/cloud/flex/route", &json!({ "Name": "", "Weight": 500 }));
            if wrong.0 == 400 {
                let (_, answer) = post(mock, "/service/cloud/flex/route", &json!({ "Name": "day shift" }));
                assert!(answer["data"]["RouteID"].is_string() || answer["code"] == 409, "{answer}");
            }
        }
        plain("200 OK", "{}")
    });
    let settings = folder.path().join("settings.toml");
    let text = fs::read_to_string(example("flex-route.toml")).unwrap();
    fs::write(&settings, format!("{text}\n[access]\ntoken = \"off\"\n")).unwrap();
    let output = run_story(&story, &settings, &receiver.url(), mock, "60");
    assert_code(&output, 0);
    let bodies: Vec<_> = receiver.requests().iter().map(|request| request.json()).collect();
    let events: Vec<&str> = bodies.iter().map(|body| body["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["route.removed", "route.finished", "route.removed"]);
    assert_eq!(bodies[1]["name"], "day shift");
    assert_eq!(bodies[1]["route_id"], bodies[2]["route_id"]);
}

/// What is declared as open is served to everybody; all else asks for the token of its family.
#[test]
fn endpoints_ask_for_the_proof_of_their_family() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, story) = (folder.path().join("settings.toml"), folder.path().join("story.toml"));
    fs::write(
        &settings,
        "[[callbacks]]\nid = 'x.hello'\n\
         [[endpoints]]\nid = 'x.open'\npath = '/x/open'\nopen = true\n\
         answer = { status = 201, headers = { X-Odd = '{{ request.Details | length }}' }, body = '{{ request.Details }}' }\n\
         [[endpoints]]\nid = 'x.closed'\npath = '/x/closed'\n",
    )
    .unwrap();
    fs::write(&story, "[[steps]]\nsend = 'x.hello'\n").unwrap();
    let mock = free_address();
    let receiver = Receiver::with(move |_| {
        let open = post(mock, "/x/open", &json!({ "Details": [1, 2] }));
        let closed = post(mock, "/x/closed", &json!({}));
        assert_eq!((open, closed.0), ((201, json!([1, 2])), 401));
        plain("200 OK", "{}")
    });
    let paths = [story.to_str().unwrap(), "--config", settings.to_str().unwrap()];
    let (url, listen) = (receiver.url(), mock.to_string());
    let output = run(&[&["run"], &paths[..], &["--callback-url", &url, "--listen", &listen]].concat());
    assert_code(&output, 0);
    assert_eq!(receiver.requests().len(), 1);
}
