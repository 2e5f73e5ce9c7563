use super::*;
use crate::settings::{Flags, Settings};

const SETTINGS: &str = r#"
callback_url = "http://127.0.0.1:3000/{event}"

[target]
allow = ["10.0.0.0/8"]

[[accounts]]
app_key = "A"
app_secret = "A"

[[accounts]]
name = "second"
app_key = "B"
app_secret = "B"
sign_secret = "of the second"

[[routes]]
family = "workflow"
url = "http://127.0.0.1/family"
delivery = { attempts = 2 }

[[routes]]
event = "workflow.*"
url = "http://127.0.0.1/group"

[[routes]]
event = "workflow.api_push"
url = "http://127.0.0.1/event"

[[routes]]
workflow = 1001
url = "http://127.0.0.1/workflow"

[[routes]]
workflow = 1001
node = "push"
url = "http://127.0.0.1/node"

[[routes]]
account = "second"
event = "session.*"
url = "http://10.1.1.1/second/{event}"
secret = "of its sessions"
"#;

/// Returns the URL, the secret and the attempts of a callback, as far as routes decide them.
fn decided<'a>(routes: &'a Routes, sent: Sent<'a>) -> (Option<&'a str>, Option<&'a str>, Option<u32>) {
    let secret = routes.secret(&sent).and_then(|at| routes.0[at].secret.as_deref());
    (routes.url(&sent), secret, routes.policy(&sent).map(|policy| policy.attempts))
}

#[test]
fn the_most_specific_route_that_has_a_key_decides_it() {
    let settings = Settings::from_text(SETTINGS).unwrap();
    let routes = &settings.routes;
    let of = |event: &'static str, account: usize, flow: Option<(i64, Option<u16>)>| {
        let family = settings.catalog.get(event).unwrap().family;
        let flow = flow.map(|(template, node)| FlowPlace { template, node });
        decided(routes, Sent { event, family, account: AccountKey::at(account), flow })
    };
    let push = settings.workflows.iter().find(|template| template.id() == 1001).unwrap();
    let push = u16::try_from(push.node_ids().position(|id| id == "push").unwrap()).unwrap();
    let local = |path| Some(path);
    for (sent, url) in [
        (("workflow.contact_completed", 0, None), "http://127.0.0.1/group"),
        (("workflow.api_push", 0, None), "http://127.0.0.1/event"),
        (("workflow.api_push", 0, Some((1001, Some(0)))), "http://127.0.0.1/workflow"),
        (("workflow.api_push", 0, Some((1001, Some(push)))), "http://127.0.0.1/node"),
        (("workflow.api_push", 0, Some((1002, Some(push)))), "http://127.0.0.1/event"),
        (("dialer.contact_status", 0, Some((1001, None))), "http://127.0.0.1/workflow"),
    ] {
        let (event, account, flow) = sent;
        assert_eq!(of(event, account, flow).0, local(url), "{sent:?}");
    }
    // A value that the most specific route leaves out comes from the next one.
    assert_eq!(of("workflow.api_push", 0, None).2, Some(2));
    assert_eq!(of("call.completed", 0, None), (None, None, None));
    // An account ranks before everything else, and its own secret before the common one.
    assert_eq!(of("session.end", 0, None), (None, None, None));
    assert_eq!(
        of("session.end", 1, None),
        (Some("http://10.1.1.1/second/{event}"), Some("of its sessions"), None)
    );
    assert_eq!(of("message.send", 1, None), (None, Some("of the second"), None));
    let urls: Vec<String> = routes.targets(&settings.catalog).iter().map(ToString::to_string).collect();
    assert_eq!(urls.len(), 5 + 3, "{urls:?}");
    assert!(urls.contains(&"http://10.1.1.1/second/session.end".to_owned()), "{urls:?}");
    assert_eq!(url_for("http://{event}.test/{event}", "a.b"), "http://a.b.test/a.b");
}

#[test]
fn every_mistake_of_a_route_has_its_place() {
    let text = r#"
callback_url = "http://127.0.0.1:3000/hook/{evnt}"

[[routes]]
event = "workflw.*"
url = "http://127.0.0.1:3000/flow"

[[routes]]
event = "workflow.api_psh"
url = "http://127.0.0.1:3000/flow"

[[routes]]
event = "chatbot.*"
url = "http://127.0.0.1:3000/flow"

[[routes]]
event = "task.create"
url = "{event}"

[[routes]]
event = "*"
url = "http://127.0.0.1:3000/{event"

[[routes]]
event = "work*"
account = "scond"
workflow = 1001
node = "psuh"
url = "http://127.0.0.1:3000/flow"

[[routes]]
workflow = 1005
event = "session.end"

[[routes]]
event = "sms.receipt"
url = "http://127.0.0.1:3000/1"

[[routes]]
event = "sms.receipt"
url = "http://127.0.0.1:3000/2"

[[routes]]
event = "sms.receipt"
family = "sms"
node = "x"
uri = "http://127.0.0.1:3000/2"

[[routes]]
url = "http://127.0.0.1:3000/2"

[[accounts]]
app_key = "A"
app_secret = "A"

[[accounts]]
name = "second"
app_key = "B"
app_secret = "B"
"#;
    insta::assert_snapshot!(Settings::from_text(text).unwrap_err().to_string());
}

#[test]
fn a_host_nobody_allowed_has_its_place() {
    let text = "[[routes]]\nevent = \"call.completed\"\nurl = \"http://hook.example/{event}\"\n";
    let source = SourceFile::new("airudder-mock.toml", text);
    let settings = |allow: &[&str]| {
        let allow = allow.iter().map(|host| (*host).to_owned()).collect();
        Settings::of_file(&source, Flags { allow, ..Flags::default() }).unwrap()
    };
    insta::assert_snapshot!(settings(&[]).check_hosts().unwrap_err().to_string());
    assert!(settings(&["hook.example"]).check_hosts().is_ok());
}
