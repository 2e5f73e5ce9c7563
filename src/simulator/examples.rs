//! What the vendor is asked, answers and calls back in a whole life of it, always the same one: the examples of the OpenAPI
//! document. Nothing in them is written by hand but what is asked.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::raw_rows::RawRows;
use super::request::Upload;
use super::workflow::PushReach;
use super::{AccountKey, Behaviour, Opening, Request, Simulator};
use crate::content::Country;
use crate::contract::envelope;
use crate::contract::{Catalog, Family};
use crate::seed::Seed;
use crate::time::HumanDuration;

/// The seed of the life.
pub(crate) const SEED: Seed = Seed(1);

/// When it begins: 2030-01-01T02:00:00Z.
pub(crate) const EPOCH: i64 = 1_893_463_200;

/// A step of the life.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The endpoint that is called.
    pub(crate) call: Option<String>,
    /// With what.
    #[serde(default)]
    pub(crate) fields: Map<String, Value>,
    /// With a file.
    pub(crate) file: Option<File>,
    /// How much time goes by.
    pub(crate) pass: Option<HumanDuration>,
}

/// A file that is uploaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(Deserialize)]
struct Steps {
    steps: Vec<Step>,
}

/// The steps of the life.
pub(crate) fn steps() -> Vec<Step> {
    // A test reads it.
    toml::from_str::<Steps>(include_str!("examples.toml")).map(|steps| steps.steps).unwrap_or_default()
}

/// The data of the latest answers, by catalog id, for what is asked afterwards.
pub(crate) type Answers = BTreeMap<String, Value>;

/// The fields with what they take from answers in its place.
pub(crate) fn filled_in(value: &Value, answers: &Answers) -> Value {
    match value {
        Value::String(text) => {
            let Some((id, path)) = text.strip_prefix('$').and_then(|place| place.split_once('/')) else {
                return value.clone();
            };
            answers.get(id).and_then(|data| data.pointer(&format!("/{path}"))).cloned().unwrap_or_default()
        }
        Value::Array(list) => list.iter().map(|one| filled_in(one, answers)).collect(),
        Value::Object(table) => {
            table.iter().map(|(name, one)| (name.clone(), filled_in(one, answers))).collect()
        }
        _ => value.clone(),
    }
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// What was asked: a table. Of a file, its text.
    pub(crate) asked: Value,
    /// The whole body of the answer.
    pub(crate) answered: Value,
}

/// What came of the life: of each kind, the first.
#[derive(Debug, Default)]
pub(crate) struct Examples {
    /// By catalog id.
    pub(crate) exchanges: BTreeMap<String, Exchange>,
    /// The bodies of callbacks, by event.
    pub(crate) callbacks: BTreeMap<String, Value>,
    /// The events that nothing in it causes. Stories send them.
    pub(crate) by_hand: BTreeMap<String, Value>,
}

/// The examples.
pub(crate) fn examples() -> &'static Examples {
    static EXAMPLES: LazyLock<Examples> = LazyLock::new(|| Life::begin().live());
    &EXAMPLES
}

struct Life {
    simulator: Simulator,
    now: Timestamp,
    answers: Answers,
    examples: Examples,
}

impl Life {
    fn begin() -> Self {
        let now = Timestamp::from_second(EPOCH).unwrap_or(Timestamp::UNIX_EPOCH);
        let behaviour = Behaviour { has_callback_url: true, ..Behaviour::default() };
        let simulator = Simulator::new(SEED, behaviour);
        Self { simulator, now, answers: Answers::default(), examples: Examples::default() }
    }

    fn live(mut self) -> Examples {
        for step in steps() {
            if let Some(id) = &step.call {
                self.ask(id, &Value::Object(step.fields), step.file.as_ref());
            }
            self.pass(step.pass.map_or(Duration::ZERO, |pass| pass.0));
        }
        self.tell();
        self.examples
    }

    fn ask(&mut self, id: &str, fields: &Value, file: Option<&File>) {
        let Some(entry) = Catalog::builtin().get(id) else { return };
        let asked = filled_in(fields, &self.answers);
        let mut fields = asked.clone();
        let name = if entry.family == Family::Workflow { "details" } else { "Details" };
        let rows = fields.as_object_mut().and_then(|fields| fields.shift_remove(name));
        let rows = rows.and_then(|rows| RawRows::named(name, Bytes::from(rows.to_string())));
        let files: Vec<Upload> = file.map(upload).into_iter().collect();
        let account = AccountKey::default();
        let zone = self.simulator.access().account(account).zone;
        let now = self.now;
        let request = Request {
            id,
            fields: &fields,
            route: 0,
            is_typed: entry.routes.iter().all(|route| route.method != "GET"),
            rows: rows.as_ref(),
            files: &files,
            account,
            zone,
            now,
        };
        // A test sees that none is refused.
        let Ok(response) = self.simulator.handle(&request) else { return };
        let data: Value = serde_json::from_str(&response.into_text()).unwrap_or_default();
        let mut body = envelope::success(entry.family, |text| text.push_str(&self.simulator.request_id()));
        if !data.is_null() {
            body.truncate(body.len() - envelope::TAIL.len());
            body.push_str(&format!(",\"{}\":{data}{}", envelope::names(entry.family).1, envelope::TAIL));
        }
        let mut asked = asked;
        if let Some(file) = file {
            asked["file"] = file.text.clone().into();
        }
        let answered = serde_json::from_str(&body).unwrap_or_default();
        self.examples.exchanges.entry(id.to_owned()).or_insert(Exchange { asked, answered });
        self.answers.insert(id.to_owned(), data);
    }

    /// Lets time go by, from each thing that is due to the next. Every callback is accepted.
    fn pass(&mut self, time: Duration) {
        let until = self.now.checked_add(time).unwrap_or(self.now);
        while let Some(at) = self.simulator.next_wakeup().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            for callback in self.simulator.advance_within(self.now, usize::MAX) {
                if let Some(push) = callback.push {
                    self.simulator.push_reached(push, PushReach::Answered);
                }
                let event = callback.event.into_owned();
                self.examples.callbacks.entry(event).or_insert_with(|| callback.body.value());
            }
        }
        self.now = until;
    }

    /// What nothing has caused is sent by hand, in a conversation of its own.
    fn tell(&mut self) {
        let (seed, now) = (SEED.derive("told", 0), self.now);
        let opening = Opening { story: None, seed, country: Country::Id, locale: None, now };
        let key = self.simulator.open(opening);
        for entry in Catalog::builtin().callbacks() {
            if !self.examples.callbacks.contains_key(&entry.id)
                && let Ok(body) = self.simulator.emit(key, &entry.id, Value::Null, now)
            {
                self.examples.by_hand.insert(entry.id.clone(), body);
            }
        }
    }
}

fn upload(file: &File) -> Upload {
    let bytes = Bytes::from(file.text.clone());
    Upload { field: "file".to_owned(), name: file.name.clone(), content_type: None, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_asked_and_answers_and_two_events_are_told() {
        assert!(toml::from_str::<Steps>(include_str!("examples.toml")).is_ok());
        let examples = examples();
        for entry in Catalog::builtin().requests() {
            let exchange = examples.exchanges.get(&entry.id);
            assert!(exchange.is_some(), "{} is refused, or not asked", entry.id);
        }
        let by_hand: Vec<&String> = examples.by_hand.keys().collect();
        assert_eq!(by_hand, ["agent.transfer", "inbound.call_completed"]);
        let nothing =
            examples.exchanges.iter().filter(|(_, exchange)| exchange.asked.to_string().contains("null"));
        assert_eq!(nothing.map(|(id, _)| id).collect::<Vec<_>>(), [""; 0], "a place leads to nothing");
    }
}
