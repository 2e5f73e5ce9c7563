//! Tests every key of the declarations, and the two examples under random requests.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::content::Country;
use crate::contract::Catalog;
use crate::files::SourceFile;
use crate::seed::Seed;
use crate::settings;
use crate::simulator::{AccountKey, Behaviour, Opening, Refusal, Request, Response, Simulator};

const FLEX: &str = include_str!("../../../scenarios/custom/flex-route.toml");
const STORE: &str = include_str!("../../../scenarios/custom/api-store.toml");

fn checked(text: &str) -> settings::check::Checked {
    settings::check_file(&SourceFile::new("settings.toml", text), Catalog::builtin())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn vendor(checked: settings::check::Checked, seed: u64) -> Simulator {
    let behaviour = Behaviour { user_endpoints: checked.user_endpoints, ..Behaviour::default() };
    Simulator::new(Seed(seed), behaviour)
}

fn custom(text: &str) -> Simulator {
    vendor(checked(text), 7)
}

fn handle(custom: &mut Simulator, id: &str, fields: &Value, now: Timestamp) -> Result<Response, Refusal> {
    let account = AccountKey::default();
    custom.handle(&Request {
        id,
        fields,
        route: 0,
        is_typed: true,
        rows: None,
        files: &[],
        account,
        zone: Offset::UTC,
        now,
    })
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_893_456_000_000 + millis).unwrap()
}

/// Returns an endpoint `x.y` with these keys.
fn endpoint(keys: &str) -> String {
    format!("[[endpoints]]\nid = 'x.y'\npath = '/x/y/{{id}}'\n{keys}\n")
}

fn data(custom: &mut Simulator, id: &str, fields: Value) -> Value {
    match handle(custom, id, &fields, at(0)) {
        Ok(Response::Data(data)) => data,
        other => panic!("{id}: {other:?}"),
    }
}

fn error(custom: &mut Simulator, id: &str, fields: Value) -> (i64, String) {
    match handle(custom, id, &fields, at(0)) {
        Err(Refusal { code, message }) => (code, message),
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn what_is_declared_is_in_the_catalog() {
    let checked = checked(
        "[[callbacks]]\nid = 'a.done'\nevent = 'done'\nsigned = false\nmethod = 'put'\nheaders = { X = '1' }\n\
         help = 'h'\ngroup = 'Agent'\nmark = 'client'\nfamily = 'chatbot'\n\
         [[callbacks]]\nid = 'a.plain'\n\
         [[endpoints]]\nid = 'a.make'\nmethod = 'delete'\npath = '/a/{n}'\nfamily = 'dialer'\nopen = true\n",
    );
    let catalog = &checked.catalog;
    let done = catalog.get("a.done").unwrap();
    assert_eq!((done.event.as_deref(), done.signed, done.method.as_str()), (Some("done"), false, "PUT"));
    assert_eq!((done.group.as_str(), done.provenance.as_str(), done.help.as_str()), ("Agent", "client", "h"));
    assert_eq!((done.family.as_str(), done.headers.len()), ("chatbot", 1));
    let plain = catalog.get("a.plain").unwrap();
    assert_eq!(
        (plain.group.as_str(), plain.provenance.as_str(), plain.signed),
        ("Custom", "documented", true)
    );
    let make = catalog.get("a.make").unwrap();
    assert_eq!((make.routes[0].method.as_str(), make.routes[0].path.as_str()), ("DELETE", "/a/{n}"));
    assert_eq!(make.family.as_str(), "dialer");
    assert_eq!(catalog.nearest("a.mak", |_| true), Some("a.make"));
    let custom = vendor(checked, 1);
    assert!(custom.is_of_user("a.make") && custom.is_open("a.make") && !custom.is_of_user("a.done"));
}

#[test]
fn fields_are_checked_and_filled_in() {
    let mut custom = custom(&endpoint(
        "answer = { data = '{{ request }}' }\n[endpoints.fields]\nid = { type = 'integer', min = 1 }\n\
         name = { type = 'string', required = true, min = 2, max = 4, matches = '^[a-z]+$' }\n\
         kind = { values = ['a', 1], default = 'a' }\nratio = { type = 'number', max = 1.5 }\n\
         flag = { type = 'boolean' }\nlist = { type = 'list', min = 1 }\ntable = { type = 'table' }\n\
         'deep.er' = { type = 'integer', default = 3 }\n",
    ));
    let good = json!({"id": "7", "name": "abc", "other": null});
    let wanted = json!({"id": 7, "name": "abc", "other": null, "deep": {"er": 3}, "kind": "a"});
    assert_eq!(data(&mut custom, "x.y", good.clone()), wanted);
    let mut messages = Vec::new();
    for (key, value) in [
        ("id", json!("seven")),
        ("id", json!("0")),
        ("name", Value::Null),
        ("name", json!(5)),
        ("name", json!("a")),
        ("name", json!("ABC")),
        ("kind", json!("b")),
        ("kind", json!(1.0)),
        ("ratio", json!(2)),
        ("ratio", json!("1")),
        ("flag", json!("true")),
        ("list", json!([])),
        ("list", json!({})),
        ("table", json!([])),
        ("deep", json!({"er": 1.5})),
    ] {
        let mut fields = good.clone();
        fields[key] = value.clone();
        let reply = handle(&mut custom, "x.y", &fields, at(0));
        messages.push(match reply {
            Err(Refusal { code, message }) => format!("{key} = {value}: {code} {message}"),
            Ok(_) => format!("{key} = {value}: fine"),
        });
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn queries_and_paths_are_texts_that_may_be_numbers() {
    let keys = "method = 'GET'\nfields = { n = { type = 'number' }, b = { type = 'boolean' } }\n\
                answer = { data = ['{{ request.n }}', '{{ request.b }}'] }";
    let mut custom = custom(&endpoint(keys));
    assert_eq!(data(&mut custom, "x.y", json!({"n": "2.5", "b": "0"})), json!([2.5, false]));
    assert_eq!(data(&mut custom, "x.y", json!({"n": "2", "b": "true"})), json!([2, true]));
}

#[test]
fn objects_are_kept_changed_and_removed() {
    let mut text = "[state.things.a]\nn = 1\nkeep = true\n".to_owned();
    for mode in ["put", "create", "update", "remove"] {
        let value = if mode == "remove" { "" } else { ", value = { n = '{{ request.n }}' }" };
        text.push_str(&format!(
            "[[endpoints]]\nid = 'x.{mode}'\npath = '/x/{mode}'\nanswer = {{ data = '{{{{ thing }}}}' }}\n\
             store = [{{ collection = 'things', key = '{{{{ request.k }}}}', mode = '{mode}', as = 'thing'{value} }}]\n"
        ));
    }
    text.push_str("[[endpoints]]\nid = 'x.all'\npath = '/x/all'\nanswer = { data = '{{ state.things }}' }\n");
    let mut custom = custom(&text);
    let ask = |custom: &mut Simulator, id: &str, k: &str, n: i64| data(custom, id, json!({"k": k, "n": n}));
    assert_eq!(ask(&mut custom, "x.update", "a", 2), json!({"n": 2, "keep": true}));
    assert_eq!(ask(&mut custom, "x.create", "b", 3), json!({"n": 3}));
    assert_eq!(ask(&mut custom, "x.put", "c", 4), json!({"n": 4}));
    assert_eq!(ask(&mut custom, "x.put", "a", 5), json!({"n": 5}));
    assert_eq!(ask(&mut custom, "x.remove", "b", 0), json!({"n": 3}), "the answer may say what was removed");
    let all = data(&mut custom, "x.all", json!({}));
    assert_eq!(all.to_string(), r#"{"a":{"n":5},"c":{"n":4}}"#, "in the order in which they came");
    let mut wrong = |id: &str, k: Value| error(&mut custom, id, json!({"k": k, "n": 0}));
    assert_eq!(wrong("x.update", json!("z")), (404, "there is no `z` in `things`".to_owned()));
    assert_eq!(wrong("x.remove", json!("z")), (404, "there is no `z` in `things`".to_owned()));
    assert_eq!(wrong("x.create", json!("a")), (409, "`things` already has a `a`".to_owned()));
    let (code, message) = wrong("x.put", json!(""));
    assert_eq!(
        (code, message.contains("the key of what goes to `things` is empty")),
        (500, true),
        "{message}"
    );
}

#[test]
fn several_changes_are_all_made_or_none() {
    let mut custom = custom(
        "[[endpoints]]\nid = 'x.two'\npath = '/x/two'\nstore = [\n\
         { collection = 'a', key = '1', value = { n = 1 } },\n\
         { collection = 'b', key = '{{ request.k }}', mode = 'update', value = { n = 2 } },\n]\n\
         [[endpoints]]\nid = 'x.broken'\npath = '/x/broken'\nanswer = { data = '{{ request.nothing }}' }\n\
         store = [{ collection = 'a', key = '1', value = { n = 1 } }]\n\
         send = [{ event = 'session.end' }]\n\
         [[endpoints]]\nid = 'x.count'\npath = '/x/count'\n\
         answer = { data = '{{ [state.a | length, state.b | length, state.nowhere | length] }}' }\n\
         [[endpoints]]\nid = 'x.names'\npath = '/x/names'\nanswer = { data = '{{ state | list }}' }\n",
    );
    assert_eq!(error(&mut custom, "x.two", json!({"k": "1"})).0, 404);
    let (code, message) = error(&mut custom, "x.broken", json!({}));
    assert_eq!(code, 500);
    assert_eq!(
        message,
        "the endpoint `x.broken` of your settings: `answer.data` can't be filled in: `request.nothing` is \
         undefined"
    );
    assert_eq!(data(&mut custom, "x.count", json!({})), json!([0, 0, 0]));
    assert_eq!(data(&mut custom, "x.names", json!({})), json!([]), "nor is there an empty collection");
    assert!(!custom.is_busy(), "what failed sends nothing");
}

#[test]
fn find_set_and_refuse_go_one_after_the_other() {
    let mut custom = custom(&format!(
        "[state.things.a]\nn = 5\n{}",
        endpoint(
            "find = [{ collection = 'things', key = '{{ request.id }}', as = 'thing' },\n\
             { collection = 'things', key = '{{ request.other | default(\"a\") }}', code = 10506, message = 'no {{ request.other }}' }]\n\
             set = { twice = '{{ thing.n * 2 }}', four = '{{ twice * 2 }}' }\n\
             refuse = [{ when = '{{ request.limit is defined and four > request.limit }}', code = 429, message = '{{ four }} is too many' }]\n\
             answer = { data = { four = '{{ four }}' } }"
        )
    ));
    assert_eq!(data(&mut custom, "x.y", json!({"id": "a"})), json!({"four": 20}));
    assert_eq!(error(&mut custom, "x.y", json!({"id": "b"})), (404, "there is no `b` in `things`".into()));
    assert_eq!(error(&mut custom, "x.y", json!({"id": "a", "other": "q"})), (10506, "no q".into()));
    assert_eq!(error(&mut custom, "x.y", json!({"id": "a", "limit": 7})), (429, "20 is too many".into()));
}

#[test]
fn whole_answers_have_status_and_headers() {
    let mut custom = custom(&endpoint(
        "[endpoints.answer]\nstatus = 202\nheaders = { X-Id = '{{ request.id }}' }\nbody = ['{{ request.id }}']",
    ));
    let headers = vec![("X-Id".to_owned(), "7".to_owned())];
    let whole = Response::Whole { status: 202, headers, body: json!(["7"]) };
    assert_eq!(handle(&mut custom, "x.y", &json!({"id": "7"}), at(0)), Ok(whole));
    assert_eq!(error(&mut custom, "x.y", json!({"id": "a\r\nb"})).0, 500);
    let unknown = Refusal::new(404, "there is no endpoint `x.z`");
    assert_eq!(handle(&mut custom, "x.z", &json!({}), at(0)), Err(unknown));
}

#[test]
fn collections_have_the_methods_of_maps() {
    let expressions = [
        ("state.t.keys()", json!(["a", "7"])),
        ("state.t.values()", json!([{"n": 1}, {"n": 2}])),
        ("state.t.items()", json!([["a", {"n": 1}], ["7", {"n": 2}]])),
        ("state.t.get('q', 'none')", json!("none")),
        ("state.t.get('q')", Value::Null),
        ("state.t[7].n", json!(2)),
        ("state.t['a']", json!({"n": 1})),
        ("'a' in state.t", json!(true)),
        ("'q' in state.t", json!(false)),
        ("state.t | length", json!(2)),
        ("state.t | list", json!(["a", "7"])),
        ("state.t | items | list", json!([["a", {"n": 1}], ["7", {"n": 2}]])),
        ("state.t.values()[1:]", json!([{"n": 2}])),
        ("state.t.values() | map(attribute='n') | sum", json!(3)),
        ("state | list", json!(["t"])),
        ("state.q is defined", json!(true)),
    ];
    for (expression, wanted) in expressions {
        let text = endpoint(&format!("answer = {{ data = \"{{{{ {expression} }}}}\" }}"));
        let mut custom = custom(&format!("[state.t]\na = {{ n = 1 }}\n7 = {{ n = 2 }}\n{text}"));
        assert_eq!(data(&mut custom, "x.y", json!({})), wanted, "{expression}");
    }
    for (expression, part) in [
        ("state.t.vals()", "a collection has no method `vals`"),
        ("state.t.values(1)", "takes other arguments"),
        ("state.t.q.n", "is undefined"),
        ("state.t.q", "is undefined"),
    ] {
        let mut custom = custom(&format!(
            "[state.t]\na = {{ n = 1 }}\n{}",
            endpoint(&format!("answer = {{ data = \"{{{{ {expression} }}}}\" }}"))
        ));
        let (code, message) = error(&mut custom, "x.y", json!({}));
        assert!(code == 500 && message.contains(part), "{expression}: {message}");
    }
}

#[test]
fn endless_templates_are_stopped() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    let mut custom = custom(&endpoint(&format!("answer = {{ data = '{endless}' }}")));
    let (code, message) = error(&mut custom, "x.y", json!({}));
    assert!(code == 500 && message.contains("does too much work"), "{message}");
}

const SENDS: &str = "
[[callbacks]]
id = 'r.done'
event = 'done'
body = { id = '{{ request.nothing }}', at = '{{ now() }}', kind = 'usual' }
[[endpoints]]
id = 'r.make'
path = '/r/make'
set = { key = '{{ request.key }}' }
store = [{ collection = 'r', key = '{{ key }}', value = { n = 0 }, as = 'object' }]
[[endpoints.send]]
event = 'r.done'
after = '2s'
store = [{ collection = 'r', key = '{{ key }}', mode = 'update', value = { n = '{{ object.n + 1 }}' } }]
body = { id = '{{ key }}', n = '{{ object.n }}' }
target = '{{ request.url | default(\"\") }}'
[[endpoints.send]]
event = 'r.done'
after = '1s'
when = '{{ object.n == 0 and request.twice is defined }}'
body = { id = 'second' }
[[endpoints.send]]
after = '3s'
store = [{ collection = 'r', key = '{{ key }}', mode = 'update', value = { n = 9 } }]
[[endpoints]]
id = 'r.drop'
path = '/r/drop'
store = [{ collection = 'r', key = '{{ request.key }}', mode = 'remove' }]
[[endpoints]]
id = 'r.get'
path = '/r/get'
find = [{ collection = 'r', key = '{{ request.key }}', as = 'object' }]
answer = { data = '{{ object.n }}' }
";

#[test]
fn sends_come_at_their_moment_and_see_the_state_of_it() {
    let mut custom = custom(SENDS);
    assert!(!custom.is_busy() && custom.next_wakeup().is_none());
    assert_eq!(data(&mut custom, "r.make", json!({"key": "a", "url": "http://127.0.0.1:1/x"})), Value::Null);
    assert!(custom.is_busy());
    assert_eq!(custom.next_wakeup(), Some(at(1_000)));
    assert!(custom.advance(at(1_999)).is_empty(), "a `when` that does not hold sends nothing");
    let callbacks = custom.advance(at(2_500));
    let [callback] = callbacks.as_slice() else { panic!("{callbacks:?}") };
    assert_eq!(&*callback.event, "r.done");
    assert_eq!(
        callback.body.value().to_string(),
        r#"{"event":"done","id":"a","at":1893456002,"kind":"usual","n":1}"#,
        "the moment is that of the plan"
    );
    assert_eq!(callback.target.as_deref(), Some("http://127.0.0.1:1/x"));
    assert_eq!(data(&mut custom, "r.get", json!({"key": "a"})), json!(1));
    assert!(custom.advance(at(3_000)).is_empty());
    assert_eq!(data(&mut custom, "r.get", json!({"key": "a"})), json!(9), "a change without a callback");
    assert!(!custom.is_busy() && custom.take_failures().is_empty());
}

#[test]
fn a_send_whose_object_is_gone_is_told() {
    let mut custom = custom(SENDS);
    data(&mut custom, "r.make", json!({"key": "a"}));
    data(&mut custom, "r.drop", json!({"key": "a"}));
    assert!(custom.advance(at(60_000)).is_empty());
    let failures: Vec<String> = custom.take_failures().into_iter().map(|(_, failure)| failure).collect();
    insta::assert_snapshot!(failures.join("\n"));
}

#[test]
fn a_send_that_fails_changes_nothing() {
    let send = "[[endpoints]]\nid = 'x.make'\npath = '/x/make'\n[[endpoints.send]]\nevent = 'session.end'\n\
                store = [{ collection = 'sent', key = '1', value = { n = 1 } }]\n";
    let state = endpoint("answer = { data = '{{ state | list }}' }");
    for failing in ["body = { id = '{{ request.nothing }}' }", "target = '{{ request.nothing }}'"] {
        let mut custom = custom(&format!("{send}{failing}\n{state}"));
        data(&mut custom, "x.make", json!({}));
        assert!(custom.advance(at(60_000)).is_empty());
        let failures = custom.take_failures();
        assert!(failures.len() == 1 && failures[0].1.contains("did not happen"), "{failures:?}");
        assert_eq!(data(&mut custom, "x.y", json!({"id": "a"})), json!([]), "{failing}");
    }
}

#[test]
fn what_was_asked_of_the_vendor_stays_when_a_later_step_fails() {
    let mut custom = custom(
        "[[endpoints]]\nid = 'x.make'\npath = '/x/make'\nanswer = { data = '{{ request.nothing }}' }\n\
         ask = [{ call = 'task.create', fields = { TaskName = 'kept', RobotID = 'Payment reminder', \
         Details = [{ Mobile = '+6281112345678', Debtor = 'Budi', Arrears = 1, LoanAmount = 1, \
         LoanDate = '2026-01-15' }] } }]\nstore = [{ collection = 'a', key = '1', value = { n = 1 } }]\n\
         [[endpoints]]\nid = 'x.state'\npath = '/x/state'\nanswer = { data = '{{ state | list }}' }\n",
    );
    assert_eq!(error(&mut custom, "x.make", json!({})).0, 500);
    assert_eq!(data(&mut custom, "x.state", json!({})), json!([]), "the store is undone");
    assert_eq!(custom.objects(10).len(), 1, "the task is not");
}

#[test]
fn what_comes_of_a_request_is_taken_back_or_given_to_a_story() {
    let mut custom = custom(SENDS);
    data(&mut custom, "r.make", json!({"key": "a", "twice": 1}));
    custom.assign(custom.last_cause(), 3);
    data(&mut custom, "r.make", json!({"key": "b", "twice": 1}));
    custom.mute(custom.last_cause());
    let callbacks = custom.advance(at(10_000));
    let sent: Vec<(Value, Option<u32>)> =
        callbacks.iter().map(|callback| (callback.body.value()["id"].clone(), callback.story)).collect();
    assert_eq!(sent, [(json!("second"), Some(3)), (json!("a"), Some(3))]);
    assert_eq!(callbacks[0].order_key.as_deref(), Some("r/a"));
    assert_eq!(data(&mut custom, "r.get", json!({"key": "b"})), json!(0), "the state stays changed");
}

#[test]
fn a_clone_goes_on_by_itself() {
    let mut one = custom(FLEX);
    let make = |custom: &mut Simulator, name: &str| {
        (data(custom, "flex.route_create", json!({ "Name": name })), custom.advance(at(1_000)))
    };
    make(&mut one, "a");
    let mut other = one.clone();
    let first = make(&mut one, "b");
    assert_eq!(make(&mut other, "b"), first, "the same state and the same ids");
    assert_eq!(error(&mut other, "flex.route_create", json!({ "Name": "b" })).0, 409);
    make(&mut other, "c");
    make(&mut one, "c");
}

#[test]
fn bodies_without_a_request_say_what_is_missing() {
    let mut custom = custom(SENDS);
    let opening = Opening { story: None, seed: Seed(1), country: Country::Id, locale: None, now: at(0) };
    let key = custom.open(opening);
    let error = custom.emit(key, "r.done", Value::Null, at(0)).unwrap_err();
    insta::assert_snapshot!(error);
    let patch = json!({"id": "x", "more": {"n": 1}});
    let body = custom.emit(key, "r.done", patch, at(0)).unwrap();
    let wanted = r#"{"event":"done","id":"x","at":1893456000,"kind":"usual","more":{"n":1}}"#;
    assert_eq!(body.to_string(), wanted, "what is given need not be filled in");
}

#[test]
fn pages_of_a_collection() {
    let mut custom = custom(FLEX);
    for name in ["a", "b", "c", "d"] {
        data(&mut custom, "flex.route_create", json!({"Name": name}));
    }
    let list = |custom: &mut Simulator, page: &str, status: Option<&str>| {
        let mut fields = json!({"page": page, "size": "2"});
        if let Some(status) = status {
            fields["status"] = json!(status);
        }
        let data = data(custom, "flex.route_list", fields);
        let names = data["Routes"].as_array().unwrap().iter().map(|route| route["name"].to_string());
        format!("{} {}", data["Total"], names.collect::<String>())
    };
    assert_eq!(list(&mut custom, "1", None), r#"5 "night shift""a""#);
    assert_eq!(list(&mut custom, "3", None), r#"5 "d""#);
    assert_eq!(list(&mut custom, "4", None), "5 ");
    assert_eq!(list(&mut custom, "1", Some("stopped")), "0 ");
    assert_eq!(error(&mut custom, "flex.route_list", json!({"page": "0"})).0, 400);
    assert_eq!(error(&mut custom, "flex.route_create", json!({"Name": "a"})).0, 409);
}

#[test]
fn an_order_changes_two_collections() {
    let mut custom = custom(STORE);
    let answer = data(&mut custom, "store.order", json!({"product": "sms-check", "count": 2}));
    assert_eq!((&answer["left"], &answer["order"]["amount"]), (&json!(1), &json!(24)));
    let refused = error(&mut custom, "store.order", json!({"product": "sms-check", "count": 2}));
    assert_eq!(refused, (409, "1 left of `sms-check`".to_owned()));
    let list = data(&mut custom, "store.products", json!({}));
    assert_eq!((&list["total"], &list["list"][0]["id"]), (&json!(3), &json!("number-check")));
    let id = answer["order"]["id"].clone();
    let state = |custom: &mut Simulator| match handle(custom, "store.order_get", &json!({"id": id}), at(0)) {
        Ok(Response::Whole { status: 203, body, .. }) => body["state"].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(state(&mut custom), json!("new"));
    assert_eq!(custom.advance(at(1_000))[0].body.value()["order"]["state"], json!("paid"));
    assert_eq!(state(&mut custom), json!("paid"));
    assert!(custom.advance(at(9_000)).is_empty());
    assert_eq!(state(&mut custom), json!("delivered"));
}

/// Generates requests to one of the examples, by number, with fields that are sometimes right.
fn requests() -> impl Strategy<Value = Vec<(usize, Value, i64)>> {
    let text = prop_oneof![
        Just(json!("night")),
        Just(json!("sms-check")),
        Just(json!("number-check")),
        Just(json!("a")),
        "\\PC{0,70}".prop_map(Value::from),
    ];
    let value = prop_oneof![
        4 => text,
        1 => Just(Value::Null),
        2 => (-3i64..200).prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => Just(json!({"phone": "628111"})),
        1 => Just(json!([1, {}])),
    ];
    let key = prop_oneof![
        Just("Name"),
        Just("Weight"),
        Just("Kind"),
        Just("CallbackUrl"),
        Just("id"),
        Just("page"),
        Just("size"),
        Just("status"),
        Just("product"),
        Just("count"),
        Just("contact"),
    ];
    let fields = proptest::collection::btree_map(key, value, 0..6)
        .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    proptest::collection::vec((0..20usize, fields.prop_map(Value::Object), 0..5_000i64), 0..30)
}

/// Returns everything that some requests cause, as text.
fn callbacks(text: &str, seed: u64, requests: &[(usize, Value, i64)]) -> String {
    let checked = checked(text);
    let ids: Vec<Arc<str>> =
        checked.file.endpoints.iter().map(|one| one.get_ref().id.as_str().into()).collect();
    let mut custom = vendor(checked, seed);
    let (mut out, mut now) = (String::new(), 0);
    for (number, fields, wait) in requests {
        let mut fields = fields.clone();
        // A value in the path is always present, as text.
        if !fields["id"].is_string() {
            fields["id"] = json!("night");
        }
        let reply = handle(&mut custom, &ids[number % ids.len()], &fields, at(now));
        out.push_str(&format!("{reply:?}\n"));
        now += wait;
        out.push_str(&format!("{:?}\n", custom.advance(at(now))));
    }
    out.push_str(&format!("{:?}\n", custom.advance(Timestamp::MAX)));
    assert!(!custom.is_busy());
    out.push_str(&format!("{:?}\n", custom.take_failures()));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 10, ..ProptestConfig::default() })]

    #[test]
    fn any_request_is_survived_and_equal_seeds_give_the_same(requests in requests(), seed in 0..3u64) {
        for text in [FLEX, STORE] {
            // A request may be refused, but no template of the examples may fail because of it.
            let first = callbacks(text, seed, &requests);
            prop_assert_eq!(&first, &callbacks(text, seed, &requests));
            let broken = first.contains("can't be filled in");
            prop_assert!(!broken, "an example does not cope with a request: {}", first);
        }
    }
    #[test]
    fn mutated_declarations_are_survived(
        cuts in proptest::collection::vec((0..FLEX.len(), 0..12usize, proptest::collection::vec(any::<u8>(), 0..4)), 1..6)
    ) {
        let mut bytes = FLEX.as_bytes().to_vec();
        for (from, length, new) in cuts {
            let from = from.min(bytes.len());
            let end = (from + length).min(bytes.len());
            bytes.splice(from..end, new);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = SourceFile::new("settings.toml", text);
        match settings::check_file(&source, Catalog::builtin()) {
            Ok(checked) => drop(vendor(checked, 1)),
            Err(problems) => prop_assert!(!problems.to_string().is_empty()),
        }
    }
}
