//! A channel of the customer's own: the customer pushes what users write, and the bot answers by callbacks (example; the
//! answer of the call is not known, and what the bot says is assumed).

use std::sync::Arc;

use rand::RngExt;
use serde_json::{Value, json};

use super::calls::contents;
use super::campaign::Thread;
use super::question;
use super::script::Script;
use super::turns;
use crate::content::dialogue::Dialogue;
use crate::seed;
use crate::simulator::chatbot::conversation::{Overrides, Phase};
use crate::simulator::chatbot::messages::{Json, Message};
use crate::simulator::keys::ConversationKey;
use crate::simulator::params::{Params, bad, shown};
use crate::simulator::{Request, Response, Simulator};

/// The matters users of such a channel come with.
const MATTERS: [&str; 4] = ["parcel", "debt_reminder", "loan_offer", "complaint"];

/// Words by which the bot sees that somebody wants a person.
const FOR_A_PERSON: [&str; 4] = ["agent", "human", "person", "operator"];

/// `chatbot.channel_message`.
pub(super) fn message(simulator: &mut Simulator, call: &Request<'_>) -> Result<Response, Response> {
    let params = Params::new(call.fields);
    let contents = contents(call.fields)?;
    params.object("user", "user.")?.needed("id", "the user's id within the channel")?;
    let key = conversation(simulator, call, params)?;
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let mut ids = Vec::new();
    conversation.messages.read_by_user();
    for content in contents {
        let msg_id = seed::hex32(&mut conversation.rng.draw());
        ids.push(json!({ "msg_id": msg_id }));
        conversation.messages.put(Message {
            msg_id: msg_id.into(),
            seat_id: Arc::default(),
            timestamp: call.now.as_second(),
            sender_type: "user".into(),
            status: "delivery".into(),
            content: Json::of(content),
            reply: None,
            way: None,
        });
    }
    let call_id = conversation.call_id.clone();
    (conversation.last_activity, conversation.last_user) = (call.now, call.now);
    simulator.chatbot.begin(&mut simulator.context, key, call.now);
    answer(simulator, key, contents, call);
    Ok(Response::Data(json!({ "call_id": call_id, "messages": ids })))
}

/// The conversation that a call goes on with, or a new one.
fn conversation(
    simulator: &mut Simulator,
    call: &Request<'_>,
    params: Params<'_>,
) -> Result<ConversationKey, Response> {
    let call_id = params.text("call_id")?;
    let seen = |key: &ConversationKey| simulator.chatbot.conversations.get(*key).is_seen_by(call.account);
    match (simulator.find_conversation(call.fields).filter(seen), call_id) {
        (Some(key), _) if simulator.chatbot.conversations.get(key).phase != Phase::Closed => return Ok(key),
        (Some(_), Some(call_id)) => {
            let message = format!(
                "the conversation {} has ended: leave call_id empty to begin another",
                shown(&Value::from(call_id))
            );
            return Err(bad(message));
        }
        _ => {}
    }
    let channel = params.text("channel")?.or(params.text("name")?).unwrap_or("HuaWei").to_owned();
    let channel_id = params.needed("channel_id", "the id of your channel")?.to_owned();
    let user = params.object("user", "user.")?;
    let (id, name) = (user.text("id")?.unwrap_or_default().to_owned(), user.text("name")?.map(str::to_owned));
    let name: Option<Box<str>> = name.map(Into::into);
    let thread = Thread {
        account: call.account,
        country: simulator.context.access.account(call.account).country,
        channel: channel.into(),
        channel_id: channel_id.as_str().into(),
        user_id: id.as_str().into(),
        overrides: Overrides { text_name: name.clone(), name, ..Overrides::default() },
    };
    let key = thread.begin(simulator, call.now);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    // A customer who names a conversation that is not known here began it.
    if let Some(call_id) = call_id {
        conversation.call_id = call_id.into();
    }
    let matter = MATTERS[conversation.rng.draw().random_range(0..MATTERS.len())];
    conversation.is_on_own_channel = true;
    conversation.script = Dialogue::chat(matter).map(|dialogue| Box::new(Script::new(dialogue, 0)));
    simulator.chatbot.conversations.index(key);
    Ok(key)
}

/// The bot takes its turn, unless it is about to or an agent has the conversation.
fn answer(simulator: &mut Simulator, key: ConversationKey, contents: &[Value], call: &Request<'_>) {
    let has_story = simulator.story_of(key).is_some();
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let is_free = !has_story && conversation.phase == Phase::Bot;
    let option = conversation.script.as_ref().and_then(|script| {
        let turn_of = |content| question::turn_of(conversation, script.dialogue(), script.turn(), content);
        contents.iter().find_map(turn_of)
    });
    let Some(script) = conversation.script.as_mut().filter(|script| is_free && !script.is_awaited(call.now))
    else {
        return;
    };
    let wants_person = contents.iter().filter_map(|content| content.get("text")?.as_str()).any(|text| {
        let text = text.to_lowercase();
        FOR_A_PERSON.iter().any(|word| text.contains(word))
    });
    if let Some(turn) = option {
        script.jump(turn);
    } else if wants_person {
        script.jump("person");
    } else {
        script.user_wrote(&mut conversation.rng.draw());
    }
    turns::plan_next(simulator, key, call.now);
}
