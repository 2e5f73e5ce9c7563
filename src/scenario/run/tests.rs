//! Tests of stories as state machines: their inputs are time, requests and ends of deliveries; their outputs are callbacks and
//! failures.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::contract::{Catalog, Direction};
use crate::delivery::{End, ErrorClass, Failure, Policy, ReceiverResponse};
use crate::scenario::FailureKind;
use crate::scenario::arrivals::{Arrival, Came, Outcome};
use crate::scenario::host::{Body, RequestReply, RequestView, Sending};
use crate::scenario::{DeliveryEnd, load};
use crate::simulator::{Behaviour, EmitError, Opening, Simulator};

/// A host that records the actions of a story. Bodies are what the story itself says of them.
struct ScriptedHost {
    now: Timestamp,
    simulator: Simulator,
    /// Events with their bodies, in the order of sending.
    sent: Vec<(String, Value)>,
    /// All other reports of the story.
    notes: Vec<String>,
    arrivals: Arrivals,
    under_way: Vec<String>,
}

impl ScriptedHost {
    fn new(simulator: Simulator) -> Self {
        let (sent, notes, under_way) = Default::default();
        Self { now: at(0), simulator, sent, notes, arrivals: Arrivals::default(), under_way }
    }
}

impl StoryHost for ScriptedHost {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn simulator(&mut self) -> &mut Simulator {
        &mut self.simulator
    }

    fn emit(&mut self, _: ConversationKey, _: &str, patch: Value) -> Result<Value, EmitError> {
        Ok(patch)
    }

    fn send(&mut self, sending: Sending) -> Result<CallbackId, crate::scenario::SendError> {
        let body = match sending.body {
            Body::Json(value) => value,
            Body::Raw(bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        };
        self.sent.push((sending.event.to_string(), body));
        Ok(CallbackId(self.sent.len() as u64))
    }

    fn story_started(&mut self) {
        self.notes.push("started".to_owned());
    }

    fn story_finished(&mut self, passed: bool) {
        self.notes.push(if passed { "passed" } else { "failed" }.to_owned());
    }

    fn waiting(&mut self, request: &str, within: Duration) {
        self.notes.push(format!("waits {}s for {request}", within.as_secs()));
    }

    fn skipped(&mut self, steps: Vec<(Place, String)>) {
        let steps: Vec<String> =
            steps.iter().map(|(place, step)| format!("line {} {step}", place.line)).collect();
        self.notes.push(format!("skipped: {}", steps.join(", ")));
    }

    fn failed(&mut self, place: &Place, _: FailureKind, message: &str) {
        self.notes.push(format!("line {}: {message}", place.line));
    }

    fn explained(&mut self, place: &Place, message: &str) {
        self.notes.push(format!("line {}, later: {message}", place.line));
    }

    fn arrivals(&mut self) -> &mut Arrivals {
        &mut self.arrivals
    }

    fn has_room(&self) -> bool {
        true
    }

    fn is_under_way(&self, event: &str) -> bool {
        self.under_way.iter().any(|own| own == event)
    }
}

/// A running story and its host.
struct Driven {
    run: StoryRun,
    host: ScriptedHost,
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_893_456_000_000 + millis).unwrap()
}

impl Driven {
    /// Begins a story at the moment 0.
    fn begin(text: &str) -> Self {
        let mut driven = Self::before(text);
        driven.advance(0);
        driven
    }

    /// Does the same with a story that stops at its first failure.
    fn begin_strictly(text: &str) -> Self {
        let mut driven = Self::before(text);
        driven.run.fail_fast();
        driven.advance(0);
        driven
    }

    fn before(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("story.toml");
        std::fs::write(&path, text).unwrap();
        let catalog = Catalog::builtin();
        let scenario = load::load(&path, catalog, &[]).unwrap_or_else(|problems| panic!("{problems}"));
        let is_request =
            |id: &str| catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
        let story = Story::compile(&scenario, Policy::once(), is_request).unwrap();
        let run = StoryRun::new(Arc::new(story), "story".into(), 0, 1, Seed(7), at(0));
        let simulator = Simulator::new(Seed(7), Behaviour::default());
        Self { run, host: ScriptedHost::new(simulator) }
    }

    fn advance(&mut self, millis: i64) {
        self.host.now = at(millis);
        self.run.advance(&mut self.host);
    }

    fn request(&mut self, id: &str, fields: Value, millis: i64) -> RequestReply {
        let (reply, _) = self.request_in(id, fields, None, millis);
        reply
    }

    /// Makes a request that names a conversation, or begins it. The request also has a number among the arrivals.
    fn request_in(
        &mut self,
        id: &str,
        fields: Value,
        conversation: Option<ConversationKey>,
        millis: i64,
    ) -> (RequestReply, u64) {
        let fields = Arc::new(fields);
        self.host.now = at(millis);
        let arrival = self.host.arrivals.push(Arrival {
            at: at(millis),
            what: Came::Request(id.into()),
            fields: Arc::clone(&fields),
            conversation,
            outcome: Outcome::Good,
            story: None,
            taken: None,
        });
        let answer = json!({ "status": 200, "body": { "data": { "task_id": "t1" } } });
        let request = RequestView {
            id,
            fields: &fields,
            refused: false,
            conversation,
            begun: None,
            answer: &answer,
            arrival,
        };
        let reply = match self.run.is_over() {
            true => {
                self.run.on_late_request(&request, &mut self.host);
                RequestReply::default()
            }
            false => self.run.on_request(&request, &mut self.host),
        };
        self.advance(millis);
        (reply, arrival)
    }

    /// Lets the receiver answer the callback of this number with a status.
    fn answer(&mut self, number: usize, status: u16, millis: i64) {
        let (event, body) = self.host.sent[number - 1].clone();
        let failure = (status != 200)
            .then(|| Failure { class: ErrorClass::Rejected, message: format!("the answer was {status}") });
        let body_bytes = Bytes::from_static(b"{\"code\":0}");
        let end = DeliveryEnd {
            end: End { attempts: 1, failure },
            answer: Some(ReceiverResponse {
                status,
                headers: Vec::new(),
                body: body_bytes,
                truncated: false,
            }),
            took: Duration::from_millis(5),
        };
        self.host.now = at(millis);
        self.run.on_end(CallbackId(number as u64), &event, &body, &end, &mut self.host);
        self.advance(millis);
    }

    fn events(&self) -> Vec<&str> {
        self.host.sent.iter().map(|(event, _)| event.as_str()).collect()
    }
}

#[test]
fn a_step_waits_until_its_callback_is_delivered() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.end'\nbody = { n = 1 }\nsave = 'first'\n\
         [[steps]]\nsend = 'session.end'\nbody = { before = '{{ first.body.n }}', code = '{{ first.answer.body.code }}' }\n",
    );
    assert_eq!(story.host.sent, [("session.end".to_owned(), json!({"n": 1}))]);
    assert_eq!(story.run.next_wakeup(), None, "time alone does not move it on");
    story.answer(1, 200, 10);
    assert_eq!(story.host.sent[1].1, json!({"before": 1, "code": 0}));
    story.answer(2, 200, 20);
    assert!(story.run.is_over());
    assert_eq!(story.host.notes, ["started", "passed"]);
}

#[test]
fn what_is_not_as_expected_is_a_failure_and_the_story_goes_on() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.end'\nexpect = { status = 202, body = { code = 1 } }\n\
         [[steps]]\nsend = 'session.end'\nexpect = { outcome = 'failed' }\n",
    );
    story.answer(1, 200, 1);
    story.answer(2, 500, 2);
    assert_eq!(
        story.host.notes,
        [
            "started",
            "line 1: `session.end`: expected status 202, got 200",
            "line 1: `session.end`: in the response, `code` is 0, expected 1",
            "failed",
        ]
    );
    assert_eq!(story.run.failures, 2);
}

#[test]
fn a_repeated_step_is_taken_at_its_pace() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.end'\nbody = { n = '{{ loop_index }}' }\nwait = false\nrepeat = 3\nevery = '1s'\n",
    );
    for (millis, count) in [(0, 1), (999, 1), (1_000, 2), (2_000, 3), (9_000, 3)] {
        story.advance(millis);
        assert_eq!(story.host.sent.len(), count, "after {millis} ms");
    }
    assert_eq!(story.host.sent[2].1, json!({"n": 3}));
    assert!(!story.run.is_over(), "nothing has ended yet");
    (1..=3).for_each(|number| story.answer(number, 200, 9_000));
    assert!(story.run.is_over());
}

#[test]
fn a_condition_skips_its_step_and_a_wrong_one_ends_the_story() {
    let story = Driven::begin(
        "[vars]\nn = 2\n[[steps]]\nwhen = '{{ n > 2 }}'\nsend = 'session.end'\n\
         [[steps]]\nset = { n = '{{ n + 1 }}' }\n\
         [[steps]]\nwhen = '{{ n > 2 }}'\nsend = 'session.transfer'\n",
    );
    assert_eq!(story.events(), ["session.transfer"]);
    let story = Driven::begin(
        "[[steps]]\nwhen = '{{ \"perhaps\" }}'\nsend = 'session.end'\n[[steps]]\nsend = 'session.end'\n",
    );
    assert!(story.host.sent.is_empty() && story.run.is_over());
    assert_eq!(
        story.host.notes,
        [
            "started",
            "line 1: `when` is `perhaps`, which is neither true nor false",
            "skipped: line 4 send session.end",
            "failed"
        ]
    );
}

#[test]
fn an_await_takes_the_request_it_asks_for() {
    let mut story = Driven::begin(
        "[[steps]]\nawait = 'chatbot.send_message'\nwhere = { text = 'b' }\nwithin = '10s'\nsave = 'said'\n\
         answer = { status = 202, body = { echo = '{{ call.body.text }}' } }\n\
         [[steps]]\nsend = 'session.end'\nbody = { text = '{{ said.body.text }}' }\n",
    );
    assert!(story.run.awaits_request());
    assert_eq!(story.run.next_wakeup(), Some(at(10_000)));
    let other = story.request("chatbot.send_message", json!({"text": "a"}), 10);
    assert!(!other.taken && other.kept && other.answer.is_none());
    let taken = story.request("chatbot.send_message", json!({"text": "b"}), 20);
    assert_eq!((taken.taken, taken.answer), (true, Some((202, Some(json!({"echo": "b"}))))));
    assert_eq!(story.host.sent, [("session.end".to_owned(), json!({"text": "b"}))]);
    assert_eq!(story.host.notes, ["started", "waits 10s for chatbot.send_message"]);
}

#[test]
fn a_request_that_came_before_its_step_counts_once() {
    let mut story = Driven::begin(
        "[[steps]]\npause = '1s'\n[[steps]]\nawait = 'chatbot.send_message'\nrepeat = 2\nwithin = '5s'\n",
    );
    assert!(story.request("chatbot.send_message", json!({"text": "early"}), 500).kept);
    story.advance(1_000);
    assert_eq!(story.host.notes, ["started", "waits 5s for chatbot.send_message"], "the first is there");
    story.advance(6_000);
    assert_eq!(
        story.host.notes[2..],
        [
            "line 3: expected the request `chatbot.send_message` within 5s: the last one arrived 500ms before the step, but an \
             earlier repetition of the step took it",
            "failed"
        ]
    );
}

#[test]
fn an_await_that_runs_out_says_what_came_instead() {
    let text = "[[steps]]\nawait = 'chatbot.send_message'\nwhere = { text = 'b' }\nwithin = '1s'\n";
    let mut story = Driven::begin(text);
    story.request("chatbot.send_message", json!({"text": "a"}), 10);
    story.advance(1_000);
    assert_eq!(
        story.host.notes[2],
        "line 1: expected the request `chatbot.send_message` within 1s: it arrived 10ms after the step began, but with other \
         fields:\n    `text` is \"a\", expected \"b\""
    );
    let mut optional = Driven::begin(&format!("{text}optional = true\n"));
    optional.advance(1_000);
    assert_eq!(optional.host.notes.last().unwrap(), "passed");
}

#[test]
fn what_comes_after_its_time_explains_the_failure_once() {
    let mut story = Driven::begin(
        "[[steps]]\nawait = 'chatbot.send_message'\nwhere = { text = 'b' }\nwithin = '1s'\n[[steps]]\npause = '1h'\n",
    );
    story.advance(1_000);
    for (text, millis) in [("a", 1_100), ("b", 1_500), ("b", 1_600)] {
        story.request("chatbot.send_message", json!({ "text": text }), millis);
    }
    let missed = "line 1: expected the request `chatbot.send_message` within 1s: it never arrived, nor did any other request";
    assert_eq!(
        story.host.notes[2..],
        [missed, "line 1, later: `chatbot.send_message` arrived 500ms too late"]
    );
    let mut over = Driven::begin("[[steps]]\nawait = 'chatbot.send_message'\nwithin = '1s'\n");
    over.advance(1_000);
    assert!(over.run.is_over() && over.run.missed_request("chatbot.send_message"));
    over.request("chatbot.send_message", json!({}), 3_000);
    assert_eq!(
        over.host.notes[4..],
        ["line 1, later: `chatbot.send_message` arrived 2s too late"],
        "{:?}",
        over.host.notes
    );
}

fn open(story: &mut Driven, seed: u64) -> ConversationKey {
    let country = crate::content::Country::Id;
    story.host.simulator.open(Opening { story: None, seed: Seed(seed), country, locale: None, now: at(0) })
}

#[test]
fn an_await_binds_its_conversation_to_the_one_that_the_request_began() {
    let mut story = Driven::begin(
        "[vars]\nn = '{{ session.call_id }}'\n\
         [[steps]]\nawait = 'chatbot.send_template'\nsave = 'sent'\n\
         [[steps]]\nsend = 'template.reply'\nbody = { id = '{{ session.call_id }}', task = '{{ sent.answer.body.data.task_id }}' }\n\
         [[steps]]\nawait = 'chatbot.send_message'\nwithin = '1s'\n",
    );
    let [own, other] = [1, 2].map(|seed| open(&mut story, seed));
    let [own_id, other_id] = [own, other].map(|key| story.host.simulator.order_key(key));
    assert!(story.request_in("chatbot.send_template", json!({}), Some(own), 10).0.taken);
    let sent = json!({ "id": own_id.as_str(), "task": "t1" });
    assert_eq!(story.host.sent, [("template.reply".to_owned(), sent)]);
    story.answer(1, 200, 20);
    assert!(
        !story
            .request_in("chatbot.send_message", json!({ "call_id": other_id.as_str() }), Some(other), 30)
            .0
            .taken
    );
    story.advance(1_020);
    let message = format!(
        "line 9: expected the request `chatbot.send_message` within 1s: it arrived 10ms after the step began, but in another \
         conversation, {other_id} (which has no name in the story); the conversation of the step is {own_id}"
    );
    assert_eq!(story.host.notes[3..], [message, "failed".to_owned()]);
}

#[test]
fn each_name_is_bound_to_a_conversation_of_its_own() {
    let mut story = Driven::begin(
        "[[steps]]\nawait = 'chatbot.send_message'\n\
         [[steps]]\nconversation = 'b'\nawait = 'chatbot.send_message'\nwithin = '5s'\n\
         [[steps]]\nconversation = 'b'\nsend = 'session.end'\nbody = { id = '{{ session.call_id }}' }\n",
    );
    let [a, b] = [1, 2].map(|seed| open(&mut story, seed));
    let mut takes =
        |key, millis| story.request_in("chatbot.send_message", json!({}), Some(key), millis).0.taken;
    assert_eq!([takes(a, 10), takes(a, 20), takes(b, 30)], [true, false, true]);
    assert_eq!(story.host.sent[0].1["id"], story.host.simulator.order_key(b).as_str());
}

#[test]
fn a_reaction_sends_into_the_conversation_of_its_request() {
    let mut story = Driven::begin(
        "[[steps]]\nawait = 'chatbot.send_message'\nanswer = { body = { of = '{{ session.call_id }}' } }\nsave = 'first'\n\
         [[steps]]\nset = { told = '{{ first.answer.body.of }}' }\n[[steps]]\npause = '1h'\n\
         [[on]]\ncall = 'chatbot.mark_read'\nsend = [{ event = 'session.end', after = '1s', body = { id = '{{ session.call_id }}', \
         told = '{{ told }}' } }]\n",
    );
    let key = open(&mut story, 1);
    let id = story.host.simulator.order_key(key);
    let (reply, _) = story.request_in("chatbot.send_message", json!({}), Some(key), 10);
    assert_eq!(reply.answer, Some((200, Some(json!({ "of": id.as_str() })))), "the answer knows it already");
    story.request_in("chatbot.mark_read", json!({}), Some(key), 20);
    story.advance(1_020);
    assert_eq!(story.host.sent[0].1, json!({ "id": id.as_str(), "told": id.as_str() }));
}

#[test]
fn a_reaction_happens_as_often_as_it_may() {
    let mut story = Driven::begin(
        "[[steps]]\npause = '1h'\n\
         [[on]]\ncall = 'chatbot.send_message'\nwhere = { type = 'text' }\ntimes = 2\nset = { last = '{{ call.body.n }}' }\n\
         answer = { status = 201 }\nsend = [{ event = 'message.status', after = '300ms', body = { n = '{{ call.body.n }}' } }]\n",
    );
    assert_eq!(
        story.request("chatbot.send_message", json!({"type": "image"}), 0),
        RequestReply { kept: true, ..RequestReply::default() }
    );
    for n in 1..=3 {
        let reply = story.request("chatbot.send_message", json!({"type": "text", "n": n}), n * 10);
        assert_eq!(reply.taken, n <= 2);
        assert_eq!(reply.replaces_default, n <= 2);
        assert_eq!(reply.answer, (n <= 2).then_some((201, None)));
    }
    assert!(story.host.sent.is_empty());
    assert_eq!(story.run.next_wakeup(), Some(at(310)));
    story.advance(310);
    story.advance(320);
    let bodies: Vec<&Value> = story.host.sent.iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [&json!({"n": 1}), &json!({"n": 2})]);
}

#[test]
fn reactions_without_end_are_stopped() {
    let mut story = Driven::begin(
        "[[steps]]\npause = '1h'\n\
         [[on]]\ncallback = 'session.end'\nsend = [{ event = 'session.end' }]\n\
         [[on]]\ncall = 'chatbot.send_message'\nsend = [{ event = 'session.end' }]\n",
    );
    story.request("chatbot.send_message", json!({}), 0);
    let mut number = 1;
    while number <= story.host.sent.len() {
        story.answer(number, 200, 0);
        number += 1;
    }
    assert_eq!(story.host.sent.len() as u32, MOST_AT_ONCE);
    assert!(story.host.notes.iter().any(|note| note.contains("endlessly at the same time")));
    assert!(story.run.is_over());
}

#[test]
fn a_block_is_repeated_as_a_whole() {
    let mut story = Driven::begin(
        "[[steps]]\nrepeat = 2\nevery = '1s'\nwhen = '{{ loop_index < 9 }}'\n\
         [[steps.group]]\nsend = 'session.end'\nwait = false\nbody = { n = '{{ loop_index }}' }\n\
         [[steps.group]]\nrepeat = 2\nset = { x = '{{ loop_index }}' }\n\
         [[steps.group]]\n[[steps.group.group]]\nsend = 'session.report'\nwait = false\nbody = { n = '{{ loop_index }}', x = '{{ x }}' }\n\
         [[steps]]\nsend = 'session.transfer'\n",
    );
    assert_eq!(story.events(), ["session.end", "session.report"]);
    story.advance(1_000);
    assert_eq!(
        story.events(),
        ["session.end", "session.report", "session.end", "session.report", "session.transfer"]
    );
    assert_eq!(story.host.sent[2].1, json!({"n": 2}));
    assert_eq!(story.host.sent[3].1, json!({"n": 2, "x": 2}));
    assert_eq!(story.run.story().sends(), 5);
    let skipped = Driven::begin(
        "[[steps]]\nwhen = 'false'\n[[steps.group]]\nsend = 'session.end'\n[[steps]]\nsend = 'session.report'\n",
    );
    assert_eq!(skipped.events(), ["session.report"]);
}

#[test]
fn the_steps_of_a_parallel_block_run_side_by_side() {
    let mut story = Driven::begin(
        "[[steps]]\nparallel = true\nrepeat = 2\n\
         [[steps.group]]\nawait = 'chatbot.send_message'\nsave = 'said'\n\
         [[steps.group]]\n[[steps.group.group]]\npause = '2s'\n\
         [[steps.group.group]]\nsend = 'session.end'\nwait = false\nbody = { round = '{{ loop_index }}' }\n\
         [[steps]]\nsend = 'session.report'\nbody = { text = '{{ said.body.text }}' }\n",
    );
    assert!(story.run.awaits_request() && story.host.sent.is_empty());
    assert!(story.request("chatbot.send_message", json!({"text": "a"}), 500).taken);
    assert!(!story.run.awaits_request(), "the block waits for its other step");
    story.advance(2_000);
    assert_eq!(story.events(), ["session.end"]);
    story.advance(4_000);
    assert_eq!(story.host.sent[1].1, json!({"round": 2}));
    assert!(story.run.awaits_request());
    assert!(story.request("chatbot.send_message", json!({"text": "b"}), 4_100).taken);
    assert_eq!(story.host.sent[2].1, json!({"text": "b"}));
    (1..=3).for_each(|number| story.answer(number, 200, 5_000));
    assert!(story.run.is_over());
    assert_eq!(story.run.strands.len(), 3, "the strands of the first round are used again");
    assert_eq!(story.host.notes.last().unwrap(), "passed");
}

/// Two awaits, a reaction and a callback: large enough to be left out.
const LONG: &str = r#"
[[on]]
callback = "session.transfer"
send = [{ event = "message.receive", after = "1h" }]
[[steps]]
send = "session.transfer"
[[steps]]
await = "chatbot.agent_transfer_result"
within = "10s"
[[steps]]
pause = "1s"
[[steps]]
await = "chatbot.end_session"
[[steps]]
send = "session.end"
"#;

#[test]
fn a_story_stops_at_its_first_failure_and_skips_the_rest() {
    let mut driven = Driven::begin_strictly(LONG);
    driven.answer(1, 200, 5);
    driven.advance(10_005);
    assert_eq!(driven.events(), ["session.transfer"], "the reaction is not sent any more");
    assert!(driven.run.is_over());
    assert_eq!(driven.run.next_wakeup(), None);
    let notes = &driven.host.notes[2..];
    assert!(notes[0].starts_with("line 7: expected the request"), "{notes:?}");
    let skipped = "skipped: line 12 await chatbot.end_session, line 14 send session.end";
    assert_eq!(notes[1..], [skipped, "failed"]);

    let mut refused = Driven::begin_strictly(LONG);
    refused.answer(1, 500, 5);
    let skipped = "skipped: line 7 await chatbot.agent_transfer_result, line 12 await chatbot.end_session, line 14 send session.end";
    assert_eq!(refused.host.notes[2..], [skipped, "failed"]);
}

#[test]
fn a_story_goes_on_after_a_failure_where_its_file_says_so() {
    for mut driven in [Driven::begin_strictly(&format!("keep_going = true\n{LONG}")), Driven::begin(LONG)] {
        driven.answer(1, 500, 5);
        driven.advance(10_005);
        driven.advance(11_005);
        driven.advance(50_000);
        assert_eq!(driven.events(), ["session.transfer", "session.end"]);
        assert_eq!(driven.host.notes.iter().filter(|note| note.starts_with("line ")).count(), 3);
    }
}

#[test]
fn a_story_has_only_so_much_time() {
    let mut driven = Driven::begin(&format!("within = \"12s\"\n{LONG}"));
    driven.answer(1, 200, 5);
    driven.request("chatbot.agent_transfer_result", json!({}), 9_000);
    driven.advance(10_000);
    assert_eq!(driven.run.next_wakeup(), Some(at(12_000)));
    driven.advance(11_999);
    assert!(!driven.run.is_over());
    driven.advance(12_000);
    assert!(driven.run.is_over());
    let notes = &driven.host.notes;
    let expected = "line 13: the story has not ended within 12s, its time limit";
    assert_eq!(notes[notes.len() - 3..], [expected, "skipped: line 15 send session.end", "failed"]);
}

#[test]
fn matchers_and_conditions_decide_what_an_await_takes() {
    let mut story = Driven::begin(
        "vars = { most = 3 }\n\
         [[steps]]\nawait = 'chatbot.send_message'\nwithin = '1s'\n\
         where = { messages = { count = { at_most = '{{ most }}' }, contains = { text = { matches = '^[0-9]+$' } } } }\n\
         [[steps]]\nawait = 'chatbot.send_message'\nwithin = '1s'\nwhere = '{{ call.body.messages | length > most }}'\n\
         [[on]]\ncall = 'chatbot.send_message'\nwhere = '{{ call.body.n is defined and call.body.n > 1 }}'\nset = { most = 9 }\n",
    );
    assert!(!story.request("chatbot.send_message", json!({"messages": [{"text": "a"}]}), 10).taken);
    assert!(
        story.request("chatbot.send_message", json!({"messages": [{"text": "a"}, {"text": "17"}]}), 20).taken
    );
    assert!(!story.request("chatbot.send_message", json!({"messages": [1, 2, 3]}), 30).taken);
    assert!(story.request("chatbot.send_message", json!({"messages": [1, 2, 3], "n": 2}), 40).taken);
    story.advance(1_020);
    assert_eq!(
        story.host.notes[3],
        "line 6: expected the request `chatbot.send_message` within 1s: it arrived 20ms after the step began, but with other \
         fields:\n    `{{ call.body.messages | length > most }}` is not true: `call.body.messages` is [1,2,3], `most` is 9"
    );
}

#[test]
fn a_check_says_in_what_variables_are_wrong() {
    let story = Driven::begin(
        "vars = { n = 3, list = [1, 2], user_name = 'Sari' }\n\
         [[steps]]\ncheck = { n = { at_least = 3 }, list = [1, 2], user_name = { contains = 'ari' } }\n\
         [[steps]]\ncheck = '{{ n == 3 and list | length == 2 }}'\n\
         [[steps]]\ncheck = { n = 4, list = { count = 3 } }\n\
         [[steps]]\ncheck = '{{ n > 3 }}'\n\
         [[steps]]\ncheck = { user_name = { matches = '{{ n }}(' } }\n\
         [[steps]]\nsend = 'session.end'\n",
    );
    assert_eq!(
        story.host.notes,
        [
            "started",
            "line 6: the check failed:\n    `n` is 3, expected 4\n    the count of `list` is 2, expected 3",
            "line 8: the check failed, `{{ n > 3 }}` is not true: `n` is 3",
            "line 10: `check` makes no sense: the matcher of `user_name` can't be used: `3(` is not a \
            regular expression: found open group without closing ')'",
        ]
    );
    assert_eq!(story.events(), ["session.end"]);
}

#[test]
fn an_answer_is_judged_by_matchers_and_a_condition() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.end'\nexpect = { body = { code = { below = 1 } }, check = '{{ callback.answer.status == 200 }}' }\n\
         [[steps]]\nsend = 'session.end'\nbody = { n = 2 }\n\
         expect = { body = { code = { above = 1 }, data = { exists = true } }, check = '{{ callback.answer.body.code == callback.body.n }}' }\n",
    );
    story.answer(1, 200, 1);
    story.answer(2, 200, 2);
    assert_eq!(
        story.host.notes[1..],
        [
            "line 4: `session.end`: in the response:\n    `code` is 0, expected a number above 1\n    `data` is missing, \
             expected the field to exist",
            "line 4: `session.end`: `check` failed: `{{ callback.answer.body.code == callback.body.n }}` is not true: \
             `callback.answer.body.code` is 0, `callback.body.n` is 2",
            "failed",
        ]
    );
}

#[test]
fn what_must_never_come_fails_its_span_of_the_story() {
    let text = "[[steps]]\n[[steps.group]]\nnever = 'chatbot.send_message'\nwhere = { text = { contains = 'bad' } }\n\
         [[steps.group]]\npause = '10s'\n[[steps]]\npause = '10s'\n";
    let mut story = Driven::begin(text);
    story.request("chatbot.send_message", json!({"text": "good"}), 1_000);
    story.request("chatbot.send_message", json!({"text": "bad"}), 2_000);
    story.advance(10_000);
    story.request("chatbot.send_message", json!({"text": "bad"}), 11_000);
    story.advance(20_000);
    assert_eq!(
        story.host.notes[1..],
        ["line 2: the request `chatbot.send_message` arrived, but a `never` step forbids it here", "failed"],
        "the block is over after ten seconds"
    );
    let mut short = Driven::begin(&text.replace("where", "within = '1s'\nwhere"));
    short.request("chatbot.send_message", json!({"text": "bad"}), 2_000);
    short.advance(10_000);
    short.advance(20_000);
    assert_eq!(short.host.notes.last().unwrap(), "passed");
}

#[test]
fn a_never_with_a_time_keeps_the_story_from_ending() {
    let never = "[[steps]]\nnever = 'chatbot.send_message'\nwithin = '3s'\n";
    let mut story = Driven::begin(never);
    assert_eq!((story.host.notes.len(), story.run.next_wakeup()), (1, Some(at(3_000))), "it has only begun");
    let [only] = &story.run.progress().at[..] else { panic!("{:?}", story.run.progress()) };
    assert_eq!(only.step, "never chatbot.send_message");
    story.request("chatbot.send_message", json!({}), 1_000);
    story.advance(3_000);
    assert_eq!(
        story.host.notes[1..],
        ["line 1: the request `chatbot.send_message` arrived, but a `never` step forbids it here", "failed"]
    );
    let mut quiet = Driven::begin(never);
    quiet.advance(2_999);
    assert_eq!(quiet.host.notes, ["started"]);
    quiet.advance(3_000);
    assert_eq!(quiet.host.notes, ["started", "passed"]);
    // Also from within blocks, whose end it outlives.
    let within = never.replacen("[[steps]]\n", "[[steps]]\n[[steps.group]]\n", 1);
    for block in [within.clone(), within.replacen("[[steps.group]]", "parallel = true\n[[steps.group]]", 1)] {
        let mut story = Driven::begin(&(block.clone() + "[[steps]]\npause = '1s'\n"));
        story.advance(1_000);
        story.request("chatbot.send_message", json!({}), 2_000);
        story.advance(3_000);
        assert!(
            story.host.notes[1].contains("a `never` step forbids it here"),
            "{block}: {:?}",
            story.host.notes
        );
        assert_eq!(story.host.notes.last().unwrap(), "failed", "{block}");
    }
    // A failure ends it at once where that is wanted, and so does the time limit.
    let mut strict = Driven::begin_strictly(never);
    let fields = Arc::new(json!({}));
    let request = RequestView {
        id: "chatbot.send_message",
        fields: &fields,
        refused: false,
        conversation: None,
        begun: None,
        answer: &Value::Null,
        arrival: 0,
    };
    strict.host.now = at(1_000);
    strict.run.on_request(&request, &mut strict.host);
    assert_eq!(strict.run.next_wakeup(), Some(Timestamp::MIN), "its end is still to be told");
    strict.advance(1_000);
    assert_eq!(strict.run.next_wakeup(), None);
    assert_eq!(strict.host.notes.last().unwrap(), "failed");
    let mut limited = Driven::begin(&format!("within = '1s'\n{never}"));
    limited.advance(1_000);
    assert!(limited.host.notes[1].contains("has not ended within 1s"), "{:?}", limited.host.notes);
    assert_eq!(limited.host.notes.last().unwrap(), "failed");
}

#[test]
fn an_await_of_several_waits_for_all_of_them() {
    let text = "[[steps]]\npause = '1s'\n[[steps]]\nawait = 'chatbot.send_message'\ntimes = 3\nwithin = '5s'\nsave = 'said'\n\
         [[steps]]\ncheck = { said = { body = { n = 3 }, all = { count = 3 } } }\n";
    let mut story = Driven::begin(text);
    story.request("chatbot.send_message", json!({"n": 1}), 100);
    story.advance(1_000);
    story.request("chatbot.send_message", json!({"n": 2}), 2_000);
    assert!(story.run.awaits_request());
    story.request("chatbot.send_message", json!({"n": 3}), 3_000);
    assert_eq!(story.host.notes.last().unwrap(), "passed");
    let mut lacking = Driven::begin(text);
    lacking.request("chatbot.send_message", json!({"n": 1}), 100);
    lacking.advance(1_000);
    lacking.advance(6_000);
    let expected =
        "line 3: expected the request `chatbot.send_message` 3 times, of which 1 arrived, within 5s: ";
    assert!(lacking.host.notes[2].starts_with(expected), "{:?}", lacking.host.notes);
}

#[test]
fn a_callback_is_sent_again_as_it_was() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.end'\nbody = { n = '{{ counter() }}', id = '{{ id() }}' }\nheaders = { X-Own = '{{ counter() }}' }\nsave = 'end'\n\
         [[steps]]\nresend = 'end'\nrepeat = 2\nexpect = { status = 200 }\n",
    );
    (1..=3).for_each(|number| story.answer(number, 200, 10 * number as i64));
    assert_eq!(story.events(), ["session.end"; 3]);
    assert!(story.host.sent.iter().all(|sent| *sent == story.host.sent[0]), "{:?}", story.host.sent);
    assert_eq!(story.host.notes, ["started", "passed"]);
    let never = Driven::begin("vars = { x = 1 }\n[[steps]]\nresend = 'x'\n");
    assert!(
        never.host.notes[1].contains("not a callback that a step of this story sent"),
        "{:?}",
        never.host.notes
    );
}

#[test]
fn a_delayed_callback_has_the_values_of_the_moment_when_it_was_caused() {
    let mut story = Driven::begin(
        "vars = { last = 0, stopped = false }\n[[steps]]\npause = '1h'\n\
         [[on]]\ncall = 'chatbot.send_message'\nset = { last = '{{ call.body.n }}', stopped = '{{ call.body.n > 2 }}' }\n\
         send = [{ event = 'message.status', after = '1s', when = '{{ not stopped }}', body = { n = '{{ last }}' }, save = 'status' },\n\
         { event = 'session.end', after = '2s', when = '{{ not stopped }}', body = { n = '{{ last }}', of = '{{ status.body.n }}' } }]\n",
    );
    story.request("chatbot.send_message", json!({"n": 1}), 0);
    story.request("chatbot.send_message", json!({"n": 2}), 500);
    story.advance(1_000);
    story.answer(1, 200, 1_100);
    story.advance(1_500);
    story.answer(2, 200, 1_600);
    story.advance(2_000);
    assert_eq!(
        story.host.sent.iter().map(|(_, body)| body.clone()).collect::<Vec<_>>(),
        [json!({"n": 1}), json!({"n": 2}), json!({"n": 1, "of": 2})],
    );
    story.request("chatbot.send_message", json!({"n": 3}), 2_100);
    story.advance(4_100);
    assert_eq!(story.host.sent.len(), 3, "whether they are sent is decided when they are due");
}

#[test]
fn a_delayed_callback_sees_the_conversation_as_it_was_and_the_time_as_it_is() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.transfer'\n[[steps]]\npause = '1h'\n\
         [[on]]\ncall = 'chatbot.send_message'\n\
         send = [{ event = 'message.status', after = '1s', body = { phase = '{{ session.phase }}', now = \"{{ now('ms') }}\" } }]\n",
    );
    story.answer(1, 200, 0);
    story.request("chatbot.send_message", json!({}), 0);
    let key = story.run.conversations["main"].key;
    story.host.simulator.apply_event(key, "session.end", &json!({}), at(500));
    assert_eq!(json!(story.host.simulator.view(key).1)["phase"], json!("closed"));
    story.advance(1_000);
    let (_, body) = story.host.sent.last().unwrap();
    assert_eq!(*body, json!({ "phase": "bot", "now": at(1_000).as_millisecond() }));
}

#[test]
fn an_answer_holds_for_a_request_that_comes_early() {
    let mut story = Driven::begin(
        "[[steps]]\nsend = 'session.end'\nsave = 'end'\nbody = { n = 5 }\n\
         [[steps]]\nawait = 'chatbot.send_message'\nwhere = { text = 'a' }\nanswer = { status = 202, body = { echo = '{{ call.body.text }}' } }\n\
         [[steps]]\nawait = 'chatbot.send_message'\nwhere = { n = '{{ end.body.n }}' }\nanswer = { status = 203 }\n",
    );
    let reply = story.request("chatbot.send_message", json!({"text": "a"}), 10);
    assert_eq!((reply.taken, reply.answer), (true, Some((202, Some(json!({"echo": "a"}))))));
    let other = story.request("chatbot.send_message", json!({"text": "a"}), 20);
    assert!(!other.taken && other.answer.is_none(), "the step takes one only");
    let unknown = story.request("chatbot.send_message", json!({"n": 5}), 30);
    assert!(unknown.answer.is_none(), "what it must have is not known before the callback is sent");
    story.answer(1, 200, 40);
    assert_eq!(
        story.host.notes[1..],
        [
            "line 9: the request `chatbot.send_message` arrived before this step, and could not be recognised at that time: \
             it got the usual response instead of `answer`",
            "failed"
        ]
    );
}

#[test]
fn what_came_with_a_request_is_kept_where_something_reads_it() {
    let awaits = |more: &str| format!("name = 's'\n[[steps]]\nawait = 'task.create'\nwithin = '5s'\n{more}");
    for (more, reads) in [
        ("where = { TaskName = 'a' }", false),
        ("save = 'task'", true),
        ("answer = { body = { id = '{{ call.body.TaskName }}' } }", true),
    ] {
        let driven = Driven::before(&awaits(more));
        assert_eq!(driven.run.reads_requests(), reads, "{more}");
    }
    let saved = awaits(
        "save = 'task'\n[[steps]]\nsend = 'session.end'\nbody = { name = '{{ task.body.TaskName }}' }",
    );
    let mut driven = Driven::begin(&saved);
    driven.request("task.create", json!({ "TaskName": "a" }), 1_000);
    driven.advance(1_000);
    assert_eq!(driven.host.sent, [("session.end".to_owned(), json!({ "name": "a" }))]);
}

#[test]
fn a_request_without_a_field_that_a_condition_reads_does_not_match() {
    let text = "[vars]\nnoted = 0\n\
         [[on]]\ncall = 'chatbot.send_message'\nset = { noted = '{{ noted + 1 }}' }\n\
         where = \"{{ 'noted' in call.body.messages[0].text }}\"\n\
         [[steps]]\nawait = 'chatbot.send_message'\nwithin = '1s'\n\
         where = \"{{ 'noted' in call.body.messages[0].text }}\"\n\
         [[steps]]\ncheck = { noted = 1 }\n";
    let picture = || json!({ "messages": [{ "type": "image" }] });
    let mut story = Driven::begin_strictly(text);
    assert!(!story.request("chatbot.send_message", picture(), 10).taken);
    assert!(story.request("chatbot.send_message", json!({ "messages": [{ "text": "noted" }] }), 20).taken);
    assert_eq!(story.host.notes, ["started", "waits 1s for chatbot.send_message", "passed"]);
    let mut alone = Driven::begin_strictly(text);
    alone.request("chatbot.send_message", picture(), 10);
    alone.advance(1_000);
    assert_eq!(
        alone.host.notes[2],
        "line 7: expected the request `chatbot.send_message` within 1s: it arrived 10ms after the step began, but with other \
         fields:\n    `call.body.messages[0].text` is undefined, in `'noted' in call.body.messages[0].text`"
    );
}

#[test]
fn a_condition_on_something_undefined_fails_its_step_and_names_it() {
    let text = "[[steps]]\nawait = 'chatbot.send_message'\noptional = true\nwithin = '1s'\nsave = 'said'\n\
         [[steps]]\ncheck = \"{{ said.body.text == 'a' }}\"\n\
         [[steps]]\nsend = 'session.end'\n";
    let failed = "line 6: `check` can't be filled in: `said` is undefined, in `said.body.text == 'a'`";
    let mut strict = Driven::begin_strictly(text);
    strict.advance(1_000);
    assert_eq!(strict.host.notes[2..], [failed, "skipped: line 8 send session.end", "failed"]);
    let mut going_on = Driven::begin(text);
    going_on.advance(1_000);
    assert_eq!(
        (going_on.host.notes[2..].join("\n"), going_on.events()),
        (failed.to_owned(), vec!["session.end"])
    );
}
