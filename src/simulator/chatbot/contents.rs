//! Checks whether the contents of messages are what the vendor's examples show, in requests and in stories.

use std::sync::Arc;

use serde_json::{Value, json};

use super::catalogue::TemplateRef;
use crate::contract::bodies::check::{Speaker, check};
use crate::contract::fields::{Given, decode};
use crate::simulator::keys::ConversationKey;
use crate::simulator::{Bot, FindingKind, Refusal, Request, Simulator};

/// Checks the contents of a request.
///
/// # Errors
///
/// If there are none, if one does not state its type, or, unless the account is treated leniently, if one differs from the
/// vendor's examples.
pub(super) fn check_contents<T>(
    simulator: &mut Simulator,
    request: &Request<'_>,
    contents: &[Given<T>],
    speaker: Speaker,
) -> Result<(), Refusal> {
    if contents.is_empty() {
        let is_there = request.fields.get("messages").is_some_and(|messages| !messages.is_null());
        let what = if is_there { "is empty" } else { "is missing" };
        return Err(Refusal::new(400, format!("messages {what}: a list of content objects")));
    }
    let bot = Arc::clone(&simulator.context.behaviour.bot);
    let code = simulator.context.behaviour.chatbot.codes.content.into();
    for (at, content) in contents.iter().enumerate() {
        let content = content.value();
        if !content.get("type").is_some_and(Value::is_string) {
            let message = format!("messages[{at}].type is missing: `text`, `image`, `interactive`, ...");
            return Err(Refusal::new(400, message));
        }
        if let Err(message) = checked(&bot, content, &format!("messages[{at}]"), speaker) {
            simulator.context.refuse(request, "content", Refusal::new(code, message))?;
        }
    }
    Ok(())
}

/// Records what is wrong with the contents of a story's callback. It goes out all the same: the story may want that.
pub(in crate::simulator) fn note_contents(
    simulator: &mut Simulator,
    key: ConversationKey,
    event: &str,
    body: &Value,
) {
    let bot = Arc::clone(&simulator.context.behaviour.bot);
    let account = simulator.chatbot.conversations.get(key).owner.unwrap_or_default();
    for (at, message) in body["messages"].as_array().into_iter().flatten().enumerate() {
        let speaker = match message.get("sender_type").and_then(Value::as_str) {
            Some("system") => continue,
            None | Some("user") => Speaker::User,
            Some(_) => Speaker::Business,
        };
        let Some(content) = message.get("content") else { continue };
        if let Err(wrong) = checked(&bot, content, &format!("messages[{at}].content"), speaker) {
            simulator.context.find(account, FindingKind::Content, event, wrong.clone(), || {
                format!("`{event}` of a story does not look like the vendor's messages: {wrong}")
            });
        }
    }
}

fn checked(bot: &Bot, content: &Value, place: &str, speaker: Speaker) -> Result<(), String> {
    check(content, speaker).map_err(|error| error.at(place))?;
    if content["template"]["type"] != "WhatsApp" {
        return Ok(());
    }
    // Only approved templates are sent.
    let named = json!({ "template": content["template"]["info"] });
    let place = format!("{place}.template.info");
    let template: TemplateRef = decode(&named).map_err(|error| format!("{place}: {error}"))?;
    let chosen = template.find(&bot.templates, "en").and_then(|chosen| chosen.sendable());
    chosen.map(drop).map_err(|refusal| format!("{place}: {}", refusal.message))
}
