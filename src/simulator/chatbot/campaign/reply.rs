//! A user replies to a template message.

use jiff::Timestamp;
use rand::RngExt;
use serde_json::json;

use super::RowStatus;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::message::TemplateButtonKind;
use crate::simulator::chatbot::callbacks::{MessageReceive, TemplateReply};
use crate::simulator::chatbot::conversation::{Conversation, Phase};
use crate::simulator::chatbot::outcome_plan::Reply;
use crate::simulator::chatbot::script::Script;
use crate::simulator::chatbot::turns;
use crate::simulator::{Callback, Simulator};

/// The user replies: the conversation begins, and its user and the bot go on along the template's graph.
pub(super) fn reply(simulator: &mut Simulator, task: usize, row: usize, at: Timestamp) -> Vec<Callback> {
    let campaign = &simulator.chatbot.campaigns.list[task];
    let (chosen, is_single) = (campaign.chosen.clone(), campaign.is_single);
    let state = &campaign.rows[row];
    let (key, outcome) = (state.conversation, state.outcome);
    let conversation = simulator.chatbot.conversations.get(key);
    let is_free = simulator.story_of(key).is_none()
        && conversation.script.is_none()
        && conversation.phase == Phase::Bot;
    let (true, Some(reply), RowStatus::Read) = (is_free, outcome.reply, state.status) else {
        return Vec::new();
    };
    let Some(dialogue) = Dialogue::chat(chosen.template.dialogue.as_str()) else { return Vec::new() };
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let template_message = conversation.messages.place(&state.msg_id);
    let mut rng = conversation.rng.draw();
    let mut script = Script::new(dialogue, rng.random_range(11..=16));
    let button = chosen.version().button.iter().position(|button| button.kind == TemplateButtonKind::OptOut);
    let pressed = match reply {
        Reply::Button(at) if at < chosen.version().button.len() => Some(at),
        Reply::Stop => button,
        _ => None,
    };
    match (pressed, reply) {
        (Some(at), _) => script.jump(chosen.template.turn(at, chosen.version().button[at].kind)),
        (None, Reply::Agent) => script.jump("person"),
        (None, Reply::Media) => script.jump("media"),
        (None, Reply::Stop) => script.jump("stop"),
        (None, Reply::Text | Reply::Button(_)) => {
            // Words that open no other matter: those have outcomes of their own.
            let drawn = (0..20).find_map(|_| {
                let turn = dialogue.after(dialogue.start(), &mut rng)?;
                (!matches!(turn, "person" | "media" | "stop")).then_some(turn)
            });
            script.jump(drawn.unwrap_or_default());
        }
    }
    drop(rng);
    let phrase = script.phrase();
    if outcome.is_once {
        script.fall_silent();
    }
    conversation.script = Some(Box::new(script));
    conversation.started = at;
    let content = match (pressed, reply) {
        (Some(at), _) => json!({ "type": "button", "text": chosen.version().button[at].text }),
        (None, Reply::Media) => {
            let path = simulator.chatbot.media.picture();
            let url = format!("{}{path}", simulator.context.behaviour.public_url);
            json!({ "type": "image", "media": { "origin_url": url } })
        }
        (None, _) => json!({ "type": "text", "text": turns::text(conversation, phrase) }),
    };
    let campaign = &mut simulator.chatbot.campaigns.list[task];
    campaign.rows[row].replied = true;
    campaign.replied += 1;
    let message = turns::user_writes(simulator, key, content, template_message, at);
    let emitted = if is_single {
        let body =
            |conversation: &Conversation, messages| TemplateReply::of(conversation, chosen.info(), messages);
        turns::emit_message(simulator, key, "template.reply", message, body)
    } else {
        turns::emit_message(simulator, key, "message.receive", message, MessageReceive::of)
    };
    turns::plan_next(simulator, key, at);
    emitted.into_iter().collect()
}
