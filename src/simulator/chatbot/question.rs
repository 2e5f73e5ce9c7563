//! Questions with options, asked by the bot along its graph or by an agent, and the choices. The shapes are the vendor's
//! (example); who asks which question is assumed and defined in `content/chats.toml`.

use rand::RngExt;
use serde_json::{Value, json};

use crate::content::dialogue::{Ask, Dialogue};
use crate::content::phrases;
use crate::contract::bodies::message::{
    ButtonAction, Choice, Content, Interactive, ListAction, ReplyButton, Section, Text,
};
use crate::simulator::chatbot::conversation::Conversation;
use crate::simulator::chatbot::messages::Reply;

/// Maximum number of draws of another label if two options would read the same.
const TRIES: usize = 20;

/// Returns the bot's content for a turn: a question with options if the graph has some, or else a text.
pub(super) fn content(
    conversation: &Conversation,
    msg_id: &str,
    dialogue: &'static Dialogue,
    turn: &str,
    text: String,
) -> Value {
    let Some((ask, options)) = dialogue.options(turn) else { return json!({ "type": "text", "text": text }) };
    let facts = conversation.facts();
    // The labels use a stream of their own, so that what is said later does not depend on them.
    let rng = &mut conversation.options(conversation.messages.len());
    let mut label =
        |phrase: &str| phrases::phrase_with(rng, phrase, conversation.locale, &facts).unwrap_or_default();
    let mut titles: Vec<String> = Vec::new();
    for phrase in options.values() {
        let mut title = label(phrase);
        for _ in 0..TRIES {
            if !titles.contains(&title) {
                break;
            }
            title = label(phrase);
        }
        titles.push(title);
    }
    let (body, footer) = (Text { text }, Text::default());
    let titles = titles.into_iter().enumerate();
    let interactive = match ask {
        Ask::Button => Interactive::Button {
            body,
            footer,
            action: ButtonAction {
                buttons: titles
                    .map(|(at, title)| ReplyButton::Reply {
                        reply: Choice { id: format!("{msg_id}-1-1-button-{at}-"), title },
                    })
                    .collect(),
            },
        },
        Ask::List => {
            let rows = titles.map(|(at, title)| Choice { id: format!("{msg_id}-1-1-list-0-{at}-"), title });
            let rows = rows.collect();
            Interactive::List {
                body,
                footer,
                action: ListAction {
                    button: label("list_button"),
                    sections: vec![Section { title: label("list_title"), rows }],
                },
            }
        }
    };
    // Contents are plain data, which always fits into JSON.
    serde_json::to_value(Content::Interactive { interactive }).unwrap_or_default()
}

/// Returns the options of a question: the kind of the answer, and each option with its id and title.
pub(super) fn offered(question: &Value) -> Option<(&'static str, Vec<Value>)> {
    let listed = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    Some(match question.get("type")?.as_str()? {
        "button" => {
            let buttons = listed(question.pointer("/action/buttons"));
            ("button_reply", buttons.iter().filter_map(|button| button.get("reply").cloned()).collect())
        }
        "list" => {
            let sections = listed(question.pointer("/action/sections"));
            ("list_reply", sections.iter().flat_map(|section| listed(section.get("rows"))).collect())
        }
        _ => return None,
    })
}

/// Returns the options of the last message, if it is a question of this sender.
fn asked(conversation: &Conversation, sender: &str) -> Option<(&'static str, Vec<Value>)> {
    let asked = conversation.messages.last().filter(|message| message.sender_type == sender)?;
    if !asked.content.text().contains("\"interactive\"") {
        return None;
    }
    offered(asked.content.value().get("interactive")?)
}

fn chosen(kind: &str, option: &Value) -> Value {
    json!({ "type": "interactive", "interactive": { "type": kind, kind: option } })
}

/// Draws one of the options of the agent's last question, and returns it with the question.
pub(super) fn choice(conversation: &mut Conversation) -> Option<(Value, Reply)> {
    let (kind, options) = asked(conversation, "seat")?;
    if options.is_empty() {
        return None;
    }
    let reply = conversation.messages.last_place()?;
    let option = &options[conversation.rng.draw().random_range(0..options.len())];
    Some((chosen(kind, option), reply))
}

/// Returns the option with this title or id of the last question, and the question.
///
/// # Errors
///
/// Returns the titles of the options if there is no such option.
pub(super) fn chosen_by(
    conversation: &Conversation,
    wanted: &str,
) -> Result<(Value, Option<Reply>), Vec<String>> {
    let (kind, options) =
        asked(conversation, "robot").or_else(|| asked(conversation, "seat")).unwrap_or_default();
    let is_it = |option: &&Value| ["title", "id"].iter().any(|name| option[*name] == wanted);
    match options.iter().find(is_it) {
        Some(option) => Ok((chosen(kind, option), conversation.messages.last_place())),
        None => {
            Err(options.iter().filter_map(|option| option["title"].as_str().map(str::to_owned)).collect())
        }
    }
}

/// Returns the option of the bot's last question that leads to a turn, and the question.
pub(super) fn option_to(
    conversation: &Conversation,
    dialogue: &'static Dialogue,
    asked_at: &str,
    turn: &str,
) -> Option<(Value, Reply)> {
    let (_, known) = dialogue.options(asked_at)?;
    let place = known.keys().position(|leads_to| leads_to == turn)?;
    let (kind, options) = asked(conversation, "robot")?;
    Some((chosen(kind, options.get(place)?), conversation.messages.last_place()?))
}

/// Returns the turn that an option leads to which a user chose on a channel of the customer's own.
pub(super) fn turn_of(
    conversation: &Conversation,
    dialogue: &'static Dialogue,
    asked_at: &str,
    content: &Value,
) -> Option<&'static str> {
    let answer = content.get("interactive")?;
    let id = answer.get(answer.get("type")?.as_str()?)?.get("id")?;
    let (_, known) = dialogue.options(asked_at)?;
    let question =
        conversation.messages.iter().rev().find(|message| message.sender_type == "robot")?.content.value();
    let (_, options) = offered(question.get("interactive")?)?;
    let place = options.iter().position(|option| option.get("id") == Some(id))?;
    known.keys().nth(place).map(String::as_str)
}
