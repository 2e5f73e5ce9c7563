use std::collections::HashSet;
use std::io::Write as _;

use serde_json::Value as Json;

use super::*;
use crate::contract::Catalog;
use crate::contract::signature::{Preset, Received, Scheme, Signer};
use crate::delivery::MessageIds;
use crate::load::compile::{Scratch, Sending};
use crate::net::{Headers, Target};
use crate::scenario::load;
use crate::settings::{Flags, Settings};

/// A context with a story in it.
struct Given {
    settings: Settings,
    catalog: Arc<Catalog>,
    signer: Signer,
    target: Arc<Target>,
    story: Arc<Story>,
}

const NOW: &str = "2030-06-01T10:20:30Z";

impl Given {
    fn new(scenario: &str) -> Self {
        Self::with_settings("", scenario)
    }

    fn with_settings(settings: &str, scenario: &str) -> Self {
        let mut config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        config.write_all(settings.as_bytes()).unwrap();
        let settings = Settings::load(Some(config.path()), Flags::default()).unwrap();
        let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        file.write_all(scenario.as_bytes()).unwrap();
        let catalog = Arc::clone(&settings.catalog);
        let loaded =
            load::load(file.path(), &catalog, &[]).unwrap_or_else(|problems| panic!("{}", problems.render()));
        let policy = settings.policy.clone();
        let is_request = |id: &str| {
            catalog.get(id).is_some_and(|entry| entry.direction == crate::contract::Direction::Request)
        };
        let story = Arc::new(Story::compile(&loaded, policy, is_request).unwrap());
        let target = Arc::new("http://127.0.0.1:9/hook?x=1".parse().unwrap());
        Self { signer: Signer::new(Scheme::default(), "secret"), settings, catalog, target, story }
    }

    fn context(&self) -> Context<'_> {
        Context {
            settings: &self.settings,
            catalog: &self.catalog,
            signer: &self.signer,
            route_signers: &[],
            target: Some(&self.target),
            target_wins: true,
            set: &[],
        }
    }

    fn compile(&self) -> Result<StoryTemplate, NotCompilable> {
        self.compile_variants(VARIANTS)
    }

    fn compile_variants(&self, count: u64) -> Result<StoryTemplate, NotCompilable> {
        let today = "2029-12-31T23:59:59Z".parse().unwrap();
        StoryTemplate::compile_variants(&self.context(), &self.story, Seed(1), today, count)
    }
}

/// Returns the head and the body of a request.
fn written(template: &StoryTemplate, iteration: u64, step: usize) -> (String, String) {
    let mut out = Vec::new();
    let now = NOW.parse().unwrap();
    let sending = Sending { iteration, step, nonce: iteration, now, begun: now };
    template.write(&sending, &mut Scratch::default(), &mut out);
    let text = String::from_utf8(out).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn body(template: &StoryTemplate, iteration: u64, step: usize) -> Json {
    serde_json::from_str(&written(template, iteration, step).1).unwrap()
}

#[test]
fn faults_of_callbacks_are_not_compiled_away() {
    let story = "[[steps]]\nsend = 'session.transfer'\n";
    let faults =
        "[[faults]]\nkind = 'signature-wrong'\n[[faults]]\ncallback = 'session.*'\nkind = 'duplicate'\n";
    let why = Given::with_settings(faults, story).compile().unwrap_err();
    assert_eq!(why, NotCompilable::Faults("signature-wrong, duplicate".to_owned()));
    // Those of requests are no obstacle.
    Given::with_settings("[[faults]]\ncall = 'task.*'\nstatus = 503\n", story).compile().unwrap();
}

#[test]
fn a_transfer_has_fresh_ids_and_a_right_signature_each_time() {
    let given = Given::new("[[steps]]\nsend = 'session.transfer'\n");
    let template = given.compile().unwrap();
    insta::assert_snapshot!(written(&template, 7, 0).0.replace("\r\n", "\n"));
    let mut ids: [HashSet<String>; 3] = Default::default();
    for iteration in 0..10_000 {
        let (head, text) = written(&template, iteration, 0);
        let headers: Vec<(String, String)> = head
            .lines()
            .skip(1)
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length = headers.last().unwrap();
        assert_eq!((length.0.as_str(), length.1.parse()), ("Content-Length", Ok(text.len())));
        let received = Received {
            body: text.as_bytes(),
            path: "/hook?x=1",
            headers: &Headers::from(&headers[..]),
            now: NOW.parse().unwrap(),
        };
        given.signer.verify(&received).unwrap();
        let body: Json = serde_json::from_str(&text).unwrap();
        for (ids, field) in ids.iter_mut().zip(["/user/id", "/transfer/call_id", "/channel_id"]) {
            ids.insert(body.pointer(field).unwrap().as_str().unwrap().to_owned());
        }
        assert_eq!(body["event"], "session.transfer");
    }
    let [users, calls, channels] = ids.map(|ids| ids.len());
    assert_eq!((users, calls), (10_000, 10_000));
    // Channels have four digits, so that they repeat; each is drawn anew.
    assert!(channels > 5_000, "{channels}");
}

#[test]
fn ids_are_the_same_within_an_iteration() {
    let given = Given::new(
        "[[steps]]\nsend = 'message.receive'\nsave = 'first'\n\
         [[steps]]\nsend = 'session.transfer'\nheaders = { X-Copy = '{{ copy }}/{{ first.body.user.id }}' }\n\
         body = { extra = 'copy {{ copy }} of {{ session.call_id }}', when = \"{{ now() }}\", iso = \"{{ now('iso') }}\", \
         ms = \"{{ now('ms') }}\", spaced = \"{{ now('%Y-%m-%d %H:%M:%S') }}\", order_id = 'order-{{ hex(12) }}' }\n",
    );
    let template = given.compile().unwrap();
    let mut orders = HashSet::new();
    for iteration in 0..1000 {
        let (first, second) = (body(&template, iteration, 0), body(&template, iteration, 1));
        assert_eq!(first["user"]["id"], second["user"]["id"]);
        assert_eq!(first["call_id"], second["transfer"]["call_id"]);
        let number = iteration + 1;
        assert_eq!(second["extra"], format!("copy {number} of {}", first["call_id"].as_str().unwrap()));
        let head = written(&template, iteration, 1).0;
        assert!(
            head.contains(&format!("X-Copy: {number}/{}\r\n", first["user"]["id"].as_str().unwrap())),
            "{head}"
        );
        let now: Timestamp = NOW.parse().unwrap();
        assert_eq!(second["when"], now.as_second());
        assert_eq!(second["ms"], now.as_millisecond());
        assert_eq!(second["iso"], NOW);
        assert_eq!(second["spaced"], "2030-06-01 10:20:30");
        assert_eq!(first["messages"][0]["timestamp"], now.as_second());
        orders.insert(second["order_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(orders.len(), 1000);
    assert!(orders.iter().all(|order| order.starts_with("order-") && order.len() == 18));
}

#[test]
fn what_stands_in_the_file_stays() {
    let given = Given::new(
        "[[steps]]\nsend = 'session.transfer'\nrepeat = 2\n\
         body = { user = { id = '6281200000000' }, transfer = { call_id = '0123456789abcdef0123456789abcdef' } }\n\
         [[steps]]\nsend = 'session.end'\nraw = 'not json {{ copy }} {{ session.call_id }}'\nexpect = { status = [201, 409] }\n",
    );
    let template = given.compile().unwrap();
    assert_eq!(template.steps(), 3);
    for step in 0..2 {
        let body = body(&template, 5, step);
        assert_eq!(body["user"]["id"], "6281200000000");
        assert_eq!(body["transfer"]["call_id"], "0123456789abcdef0123456789abcdef");
    }
    assert!(template.success[0].status.contains(204) && !template.success[0].status.contains(409));
    assert!(!template.success[2].status.contains(200) && template.success[2].status.contains(409));
    assert!(written(&template, 5, 2).1.starts_with("not json 6 "));
}

/// Every callback of the catalog can be sent at any rate, looks as it does in `run`, and has the present time.
#[test]
fn every_event_is_compiled() {
    let catalog = Catalog::builtin();
    let events =
        catalog.entries().iter().filter(|entry| entry.direction == crate::contract::Direction::Callback);
    let mut compiled = 0;
    for entry in events {
        let given = Given::new(&format!("[[steps]]\nsend = '{}'\n", entry.id));
        // Fewer variants than by default, to save time.
        let template = given.compile_variants(6).unwrap_or_else(|why| panic!("{}: {why}", entry.id));
        let run = DryRun {
            seed: Seed(99),
            ids: Seed(3),
            copy: 1,
            at: NOW.parse().unwrap(),
            latency: Duration::ZERO,
            response: "{}",
        };
        let (real, _) = run.run(&given.context(), &given.story).unwrap();
        let real: Json = serde_json::from_slice(&real[0].0.callback.body).unwrap();
        // Message templates differ in what they have.
        let mut others = (0..6).map(|number| shape(&body(&template, number, 0)));
        let real = shape(&real);
        assert!(others.any(|other| other == real), "{}: {real}", entry.id);
        compiled += 1;
    }
    assert!(compiled > 20);
}

/// Returns the keys and types of a body; lists by their first item.
fn shape(value: &Json) -> Json {
    match value {
        Json::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Json::Array(items) => items.iter().take(1).map(shape).collect(),
        Json::String(_) => "text".into(),
        Json::Number(_) => 0.into(),
        other => other.clone(),
    }
}

#[test]
fn a_scheme_with_nonce_and_timestamp() {
    let mut given = Given::new("[[steps]]\nsend = 'session.transfer'\n");
    given.signer =
        Signer::try_new(Scheme::preset(Preset::StandardWebhooks), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap();
    let template = given.compile().unwrap();
    let (head, text) = written(&template, 41, 0);
    assert!(
        head.contains(&format!(
            "webhook-id: {}\r\nwebhook-timestamp: 1906539630\r\nwebhook-signature: v1,",
            MessageIds::new(Seed(1)).of(41)
        )),
        "{head}"
    );
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let received = Received {
        body: text.as_bytes(),
        path: "/hook?x=1",
        headers: &Headers::from(&headers[..]),
        now: NOW.parse().unwrap(),
    };
    given.signer.verify(&received).unwrap();
}

#[test]
fn stories_that_have_to_be_simulated_say_why() {
    let why = |scenario: &str| Given::new(scenario).compile().map(drop).unwrap_err().to_string();
    let send = "[[steps]]\nsend = 'session.transfer'\n";
    let reasons = [
        format!("[[steps]]\npause = '1s'\n{send}"),
        format!("{send}[[steps]]\npause = '1s..11m'\n{send}"),
        format!("{send}[[steps]]\nawait = 'chatbot.agent_transfer_result'\n"),
        format!("{send}when = '{{{{ chance(0.5) }}}}'\n"),
        format!("{send}expect = {{ within = '1s' }}\n"),
        format!("{send}repeat = 3\nevery = '1s'\n"),
        format!("{send}[[on]]\ncallback = 'session.transfer'\nsend = [{{ event = 'session.end' }}]\n"),
        format!("{send}save = 'a'\n[[steps]]\nsend = 'session.end'\nbody = {{ x = '{{{{ a.answer.body.code }}}}' }}\n"),
        format!("{send}body = {{ x = \"{{{{ now('%H:%M:%S') }}}}\" }}\n"),
        "[[steps]]\nset = { a = 1 }\n".to_owned(),
    ]
    .map(|scenario| why(&scenario));
    let reasons = reasons.join("\n");
    let paths = regex_lite::Regex::new(r"\(.*?\.toml:").unwrap();
    insta::assert_snapshot!(paths.replace_all(&reasons, "(FILE:"));
}

#[test]
fn pauses_are_part_of_a_template_and_times_are_counted_from_what_they_are_of() {
    let given = Given::new(
        "[[steps]]\nsend = 'session.transfer'\n[[steps]]\npause = '20s'\nrepeat = 2\n\
         [[steps]]\nsend = 'message.receive'\n[[steps]]\npause = '1s..3s'\n[[steps]]\nsend = 'session.end'\n",
    );
    let template = given.compile().unwrap();
    assert_eq!(template.pause(3, 0), Duration::ZERO);
    assert_eq!(template.pause(3, 1), Duration::from_secs(40));
    let drawn: HashSet<Duration> = (0..100).map(|iteration| template.pause(iteration, 2)).collect();
    assert!(drawn.len() > 50 && drawn.iter().all(|time| (1..=3).contains(&time.as_secs())), "{drawn:?}");
    // The conversation began with the first callback, whenever that was.
    let (begun, now): (Timestamp, Timestamp) =
        ("2030-06-01T10:20:30Z".parse().unwrap(), "2030-06-01T10:21:25Z".parse().unwrap());
    let mut out = Vec::new();
    let sending = Sending { iteration: 3, step: 2, nonce: 9, now, begun };
    template.write(&sending, &mut Scratch::default(), &mut out);
    let text = String::from_utf8(out).unwrap();
    let end: Json = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(end["session_start_time"], "2030-06-01T10:20:30Z");
    assert_eq!(end["session_end_time"], "2030-06-01T10:21:25Z");
    assert_eq!(end["timestamp"], now.as_second());
}
