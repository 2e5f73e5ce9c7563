//! Tests of conversations and campaigns over days of the vendor's time.

mod accounts;
mod agents;
mod bot;
mod campaigns;
mod channel;
mod played;
mod property;
mod protocol;
mod questions;
mod templates;
mod window;

use jiff::tz::Offset;
use serde_json::json;

use super::*;
use crate::seed::Seed;
use crate::simulator::request::Upload;
use crate::simulator::{Account, AccountKey, Behaviour, Refusal, Request, Strictness};

/// A vendor, the callbacks it sent, and its current time.
struct Vendor {
    simulator: Simulator,
    now: Timestamp,
    sent: Vec<(String, Value)>,
}

impl Vendor {
    fn new(seed: u64) -> Self {
        Self::behaving(seed, Behaviour::default())
    }

    fn behaving(seed: u64, behaviour: Behaviour) -> Self {
        Self::treating(seed, Strictness::default(), behaviour)
    }

    fn treating(seed: u64, strict: Strictness, mut behaviour: Behaviour) -> Self {
        let account = Account { strict, ..Account::default() };
        behaviour.accounts = vec![account.clone(), Account { app_key: "other".into(), ..account }];
        let now = Timestamp::from_second(1_893_456_000).unwrap();
        Self { simulator: Simulator::new(Seed(seed), behaviour), now, sent: Vec::new() }
    }

    fn answer_to(
        &mut self,
        account: usize,
        id: &str,
        fields: &Value,
        files: &[Upload],
    ) -> Result<Value, Refusal> {
        let account = AccountKey::at(account);
        let request = Request {
            id,
            fields,
            route: 0,
            is_typed: true,
            rows: None,
            files,
            account,
            zone: Offset::UTC,
            now: self.now,
        };
        self.simulator.handle(&request).map(|response| response.value())
    }

    #[track_caller]
    fn ok(&mut self, id: &str, fields: Value) -> Value {
        let answer = self.answer_to(0, id, &fields, &[]);
        answer.unwrap_or_else(|refusal| panic!("{id} {fields}: {refusal:?}"))
    }

    #[track_caller]
    fn wrong(&mut self, id: &str, fields: Value) -> (i64, String) {
        match self.answer_to(0, id, &fields, &[]) {
            Err(Refusal { code, message }) => (code, message),
            other => panic!("{id} {fields}: {other:?}"),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = later(self.now, time);
        for callback in self.simulator.advance(self.now) {
            self.sent.push((callback.event.to_string(), callback.body.value()));
        }
    }

    fn minutes(&mut self, minutes: u64) {
        self.pass(Duration::from_secs(minutes * 60));
    }

    /// Lets time pass until a callback of this event goes out, and returns its body.
    #[track_caller]
    fn until(&mut self, event: &str) -> Value {
        let from = self.sent.len();
        for _ in 0..40_000 {
            self.pass(Duration::from_millis(500));
            if let Some((_, body)) = self.sent[from..].iter().find(|(known, _)| known == event) {
                return body.clone();
            }
        }
        panic!("{event} did not come: {:?}", &self.sent[from..]);
    }

    fn events(&self) -> Vec<&str> {
        self.sent.iter().map(|(event, _)| event.as_str()).collect()
    }

    /// Opens a conversation by a single template, and returns its call_id.
    fn chat(&mut self, outcome: &str) -> String {
        let to = json!({ "number": "+6281112345678", "mock_outcome": outcome });
        let sent = self.ok("chatbot.send_single_template", json!({ "template_id": 35, "to": to }));
        sent["call_id"].as_str().unwrap().to_owned()
    }

    fn messages(&mut self, call_id: &str) -> Vec<Value> {
        let list = self.ok("chatbot.messages", json!({ "call_id": call_id, "size": 200 }));
        list.as_array().unwrap().clone()
    }
}

fn say(call_id: &str, text: &str) -> Value {
    json!({ "call_id": call_id, "messages": [{ "type": "text", "text": text }] })
}
