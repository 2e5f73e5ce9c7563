//! A sample customer that takes the initiative: pushes what a user writes on a channel of their own, sends a template
//! message, starts a workflow. The sample agent does everything that follows on the agents' side.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::sample_agent::Action;

/// Delay from the beginning of a story until its customer begins.
const BEGIN: Duration = Duration::from_secs(1);
/// Time that a user takes to answer the bot.
const ANSWER: Duration = Duration::from_secs(4);

/// The messages of the user of the customer's own channel, in order.
const WRITTEN: [&str; 2] = ["Where is my parcel?", "I would like to talk to a person, please."];

/// Prefix of the ids of the users of the customer's own channel.
const USERS: &str = "own-channel-user-";

/// The customer. Every beginning has a number, so that no two have the same user.
#[derive(Clone, Debug, Default)]
pub struct SampleCustomer {
    /// Number of messages that each user of the own channel has written.
    written: BTreeMap<String, usize>,
}

impl SampleCustomer {
    /// Returns the request that a story waits for as its beginning; `None` for a request that no story begins with.
    pub fn begin(&mut self, endpoint: &str, number: u32) -> Option<Action> {
        // The user of this number reads the message; anything else the user does is up to the story.
        let phone = format!("+62811{:04}9064", 1_000 + number % 9_000);
        match endpoint {
            "chatbot.channel_message" => {
                let user = format!("{USERS}{number}");
                self.written.insert(user.clone(), 1);
                Some(Action { after: BEGIN, ..pushed(&user, "", WRITTEN[0]) })
            }
            "chatbot.send_template" => {
                let body = json!({ "template_id": 35, "language": "id", "to": [phone] });
                Some(Action { after: BEGIN, endpoint: "chatbot.send_template", body })
            }
            "chatbot.send_single_template" => {
                let body = json!({ "template_id": 35, "language": "id", "to": phone });
                Some(Action { after: BEGIN, endpoint: "chatbot.send_single_template", body })
            }
            "workflow.create" => {
                let variables = json!({ "mock_outcome": "no_answer", "mock_whatsapp": "replied" });
                let row =
                    json!({ "callee": phone, "case_id": format!("case {number}"), "variables": variables });
                let body = json!({
                    "workflow_template_id": 1001,
                    "name": format!("Sample {number}"),
                    "end_time": "2199-01-01 00:00:00+08:00",
                    "auto_finish": 1,
                    "details": [row],
                });
                Some(Action { after: BEGIN, endpoint: "workflow.create", body })
            }
            _ => None,
        }
    }

    /// Returns the customer's reaction to a callback: the user of an own channel answers the bot.
    pub fn react(&mut self, event: &str, body: &Value) -> Option<Action> {
        let user = body["user"]["id"].as_str().filter(|_| event == "message.send")?;
        let written = self.written.get_mut(user)?;
        let text = WRITTEN.get(*written)?;
        *written += 1;
        Some(pushed(user, body["call_id"].as_str().unwrap_or_default(), text))
    }
}

fn pushed(user: &str, call_id: &str, text: &str) -> Action {
    let body = json!({
        "call_id": call_id,
        "channel": "HuaWei",
        "channel_id": "77",
        "user": { "id": user, "name": "Ana" },
        "messages": [{ "type": "text", "text": text }],
    });
    Action { after: ANSWER, endpoint: "chatbot.channel_message", body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_an_own_channel_answers_the_bot_until_everything_is_said() {
        let mut customer = SampleCustomer::default();
        let first = customer.begin("chatbot.channel_message", 3).unwrap();
        assert_eq!(first.body["call_id"], "");
        let said = json!({ "call_id": "c1", "user": first.body["user"] });
        let second = customer.react("message.send", &said).unwrap();
        assert_eq!((&second.body["call_id"], second.endpoint), (&json!("c1"), "chatbot.channel_message"));
        assert_ne!(second.body["messages"], first.body["messages"]);
        assert_eq!(customer.react("message.send", &said), None);
        assert_eq!(customer.react("session.end", &said), None);
        assert_eq!(customer.react("message.send", &json!({ "user": { "id": "4711" } })), None);
    }

    #[test]
    fn everything_that_begins_has_a_user_of_its_own() {
        let mut customer = SampleCustomer::default();
        for endpoint in ["chatbot.send_template", "chatbot.send_single_template", "workflow.create"] {
            let [one, other] = [1, 2].map(|number| customer.begin(endpoint, number).unwrap().body);
            assert_ne!(one, other, "{endpoint}");
        }
        assert_eq!(customer.begin("chatbot.send_message", 1), None);
    }
}
