//! Template messages: who gets one, what becomes of it, and the query that tells it. When a message moves on, its state
//! and the callback that tells it change at the same moment, so that both always agree. All of it is assumed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use super::super::calling::Wish;
use super::super::content;
use super::super::messages::Message;
use super::super::params::{Params, bad, shown};
use super::super::seed::{self, Rng};
use super::super::session::{Phase, SessionKey};
use super::super::timers::ChatTimer;
use super::super::{AccountKey, Answer, Call, Emission, Opening, Simulator, later};
use super::catalogue::{self, Chosen, Waba, paging};
use super::defaults::default_body;
use super::fate::{Failure, Fate, Reply, fate};
use super::recipients::{To, country, recipient, recipients, variables};
use super::script::{self, Script, emission};
use crate::contract::bodies::chatbot::{TemplateResult, UserRef};
use crate::contract::bodies::message::{MessageStatus, TemplateButtonKind, TemplateInfo};
use crate::simulator::dialogue::Dialogue;

/// The gap between two messages of one call, in milliseconds.
const PACE: u64 = 20;

const STATUSES: [&str; 5] = ["pending", "send", "delivery", "read", "failed"];

/// What a template message does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Step {
    /// It is sent, or fails.
    Result,
    /// The callback of its result arrives once more, or late.
    Notice,
    /// It arrives.
    Delivery,
    /// The user sees it.
    Read,
    /// The user replies.
    Reply,
}

/// A message to one number.
#[derive(Debug)]
struct Row {
    session: SessionKey,
    number: u64,
    msg_id: String,
    /// The content until it is sent; then the conversation has it.
    content: Value,
    /// Nothing as long as it is under way.
    status: Option<MessageStatus>,
    at: Timestamp,
    fate: Fate,
    wish: Wish,
    replied: bool,
}

/// All messages of one call.
#[derive(Debug)]
struct Campaign {
    id: String,
    account: AccountKey,
    chosen: Chosen,
    waba: Waba,
    is_single: bool,
    rows: Vec<Row>,
    /// How many messages are at each of [`STATUSES`].
    counts: [usize; 5],
    replied: usize,
}

/// All campaigns, and who wants no messages.
#[derive(Debug, Default)]
pub(in super::super) struct Campaigns {
    list: Vec<Campaign>,
    by_id: BTreeMap<String, usize>,
    /// Channel and user.
    opted_out: BTreeSet<(String, String)>,
    threads: u64,
}

impl Campaigns {
    /// A user wants no more messages on a channel.
    pub(super) fn opt_out(&mut self, channel_id: &str, user_id: &str) {
        self.opted_out.insert((channel_id.to_owned(), user_id.to_owned()));
    }

    /// A number for a new conversation, which its seed is made from.
    pub(super) fn next_thread(&mut self) -> u64 {
        self.threads += 1;
        self.threads
    }
}

fn place(status: Option<MessageStatus>) -> usize {
    match status {
        None => 0,
        Some(MessageStatus::Send) => 1,
        Some(MessageStatus::Delivery) => 2,
        Some(MessageStatus::Read) => 3,
        Some(MessageStatus::Failed) => 4,
    }
}

/// `chatbot.send_template` and `chatbot.send_single_template`.
pub(super) fn send(simulator: &mut Simulator, call: &Call<'_>) -> Result<Answer, Answer> {
    let is_single = call.id == "chatbot.send_single_template";
    let params = Params::new(call.fields);
    let items = recipients(simulator, call, is_single)?;
    let waba = catalogue::waba(simulator, call)?;
    let shared = variables(params.value("variables"))?;
    let mut named: Vec<Result<To, String>> = items.iter().map(recipient).collect();
    let language = named.iter().flatten().next().map_or("en", |to| country(to.number).default_locale());
    let chosen = catalogue::chosen(call, language)?.sendable()?;
    let mut seen = BTreeSet::new();
    for to in &mut named {
        let Ok(found) = to else { continue };
        let wrong = if !seen.insert(found.number) {
            Some("the number stands in the list twice".to_owned())
        } else {
            let given = found.variables.as_ref().or(shared.as_ref()).map(Vec::len);
            given.filter(|given| *given != chosen.variables()).map(|given| {
                format!("there are {given} variables, and the template has {}", chosen.variables())
            })
        };
        if let Some(wrong) = wrong {
            *to = Err(wrong);
        }
    }
    let errors: Vec<Value> = items
        .iter()
        .zip(&named)
        .enumerate()
        .filter_map(|(index, (item, to))| {
            let reason = to.as_ref().err()?;
            let number =
                if item.is_object() { item.get("number").cloned().unwrap_or_default() } else { item.clone() };
            Some(json!({ "index": index, "number": number, "reason": reason }))
        })
        .collect();
    if is_single && let Some(error) = errors.first() {
        return Err(bad(format!("to: {}", error["reason"].as_str().unwrap_or_default())));
    }
    let total = items.len();
    let good: Vec<To> = named.into_iter().flatten().collect();
    if good.is_empty() {
        let first = errors.first().and_then(|error| error["reason"].as_str()).unwrap_or_default();
        return Err(bad(format!("none of the numbers can be used; the first: {first}")));
    }
    let accepted = good.len();
    let task = start(simulator, call, chosen, waba, is_single, good, shared.as_deref());
    let campaign = &simulator.campaigns.list[task];
    let mut data = json!({ "task_id": campaign.id });
    if is_single {
        let session = simulator.sessions.get(campaign.rows[0].session);
        data["call_id"] = session.call_id.as_str().into();
    } else {
        data["total"] = total.into();
        data["accepted"] = accepted.into();
        data["error_list"] = Value::Array(errors);
    }
    Ok(Answer::Data(data))
}

/// The conversation with a user that is open on a channel, or a new one. It begins for the lists with its first word.
pub(super) fn thread(
    simulator: &mut Simulator,
    account: AccountKey,
    channel_id: &str,
    number: u64,
    now: Timestamp,
) -> SessionKey {
    let user_id = number.to_string();
    let known = simulator.sessions.by_user(channel_id, &user_id).filter(|key| {
        let session = simulator.sessions.get(*key);
        session.phase != Phase::Closed && session.is_seen_by(account)
    });
    if let Some(key) = known {
        return key;
    }
    let n = simulator.campaigns.next_thread();
    let seed = simulator.seed.derive("chat", n);
    let country = country(number);
    let key = simulator.open(Opening { play: None, seed, country, locale: None, now });
    let session = simulator.sessions.get_mut(key);
    session.owner = Some(account);
    session.channel_id = channel_id.to_owned();
    session.user.phone = format!("+{user_id}");
    session.user.user_id = user_id;
    simulator.sessions.index(key);
    key
}

fn start(
    simulator: &mut Simulator,
    call: &Call<'_>,
    chosen: Chosen,
    waba: Waba,
    is_single: bool,
    to: Vec<To>,
    shared: Option<&[String]>,
) -> usize {
    let task = simulator.campaigns.list.len();
    let number = u32::try_from(task).unwrap_or(u32::MAX);
    let id = seed::hex32(&mut simulator.seed.stream("campaign", u64::from(number)));
    let rules = Arc::clone(&simulator.behaviour.calling);
    let locale = content::closest_locale(&chosen.version.language).to_owned();
    let seed = simulator.seed.derive("campaign", u64::from(number));
    let mut rows = Vec::with_capacity(to.len());
    for (at, to) in to.into_iter().enumerate() {
        let rng = &mut seed.stream("row", at as u64);
        let session = thread(simulator, call.account, &waba.channel_id, to.number, call.now);
        let state = simulator.sessions.get_mut(session);
        if !state.begun && state.play.is_none() {
            state.company.clone_from(&waba.company);
            state.facts.company.clone_from(&waba.company);
            state.locale.clone_from(&locale);
        }
        let texts = to.variables.as_deref().or(shared);
        let content = json!({
            "type": "template",
            "template": { "type": "WhatsApp", "content": chosen.content(texts, &state.facts), "info": chosen.info() },
        });
        let wish = to.wish.unwrap_or_else(|| rules.wish_of(to.number));
        let fate = fate(wish.chat, rng);
        plan(simulator, number, at, fate, call.now, rng);
        rows.push(Row {
            session,
            number: to.number,
            msg_id: seed::hex32(rng),
            content,
            status: None,
            at: call.now,
            fate,
            wish,
            replied: false,
        });
    }
    let counts = [rows.len(), 0, 0, 0, 0];
    simulator.campaigns.by_id.insert(id.clone(), task);
    let campaign = Campaign { id, account: call.account, chosen, waba, is_single, rows, counts, replied: 0 };
    simulator.campaigns.list.push(campaign);
    task
}

/// Plans the moments at which a message moves on.
fn plan(simulator: &mut Simulator, task: u32, at: usize, fate: Fate, now: Timestamp, rng: &mut Rng) {
    let row = u32::try_from(at).unwrap_or(u32::MAX);
    let mut moment = later(now, Duration::from_millis(at as u64 * PACE));
    let mut step = |step, millis: std::ops::Range<u64>, rng: &mut Rng| {
        moment = later(moment, Duration::from_millis(rng.random_range(millis)));
        simulator.timers.plan(moment, ChatTimer::Template { task, row, step });
    };
    step(Step::Result, 300..2_500, rng);
    if fate.fails.is_some() || fate.until < MessageStatus::Delivery {
        return;
    }
    step(Step::Delivery, 400..4_000, rng);
    if fate.until < MessageStatus::Read {
        return;
    }
    // Most people look soon, some much later.
    let until = if rng.random_range(0..4) == 0 { 1_200_000 } else { 90_000 };
    step(Step::Read, 3_000..until, rng);
    if fate.reply.is_some() {
        let wait = if fate.is_late { 3 * 3_600_000..9 * 3_600_000 } else { 6_000..180_000 };
        step(Step::Reply, wait, rng);
    }
}

/// A message moves on.
pub(super) fn step(
    simulator: &mut Simulator,
    task: u32,
    row: u32,
    step: Step,
    at: Timestamp,
) -> Vec<Emission> {
    let (task, row) = (task as usize, row as usize);
    match step {
        Step::Result => result(simulator, task, row, at),
        Step::Notice => notice(simulator, task, row).into_iter().collect(),
        Step::Delivery => status(simulator, task, row, MessageStatus::Delivery, at),
        Step::Read => status(simulator, task, row, MessageStatus::Read, at),
        Step::Reply => reply(simulator, task, row, at),
    }
}

fn move_to(campaign: &mut Campaign, row: usize, status: MessageStatus, at: Timestamp) {
    let state = &mut campaign.rows[row];
    campaign.counts[place(state.status)] -= 1;
    campaign.counts[place(Some(status))] += 1;
    (state.status, state.at) = (Some(status), at);
}

fn result(simulator: &mut Simulator, task: usize, row: usize, at: Timestamp) -> Vec<Emission> {
    let Simulator { campaigns, sessions, .. } = simulator;
    let campaign = &mut campaigns.list[task];
    let state = &mut campaign.rows[row];
    let session = sessions.get_mut(state.session);
    let place = (session.channel_id.clone(), session.user.user_id.clone());
    if state.fate.fails.is_none() && campaigns.opted_out.contains(&place) {
        state.fate.fails = Some(Failure::OptedOut);
    }
    let status = if state.fate.fails.is_some() {
        state.msg_id.clear();
        MessageStatus::Failed
    } else {
        session.messages.put(Message {
            msg_id: state.msg_id.clone(),
            seat_id: String::new(),
            timestamp: at.as_second(),
            sender_type: "robot".to_owned(),
            status: "send".to_owned(),
            content: std::mem::take(&mut state.content),
            reply: None,
        });
        if session.begun {
            session.last_activity = at;
        }
        MessageStatus::Send
    };
    let wish = state.wish;
    move_to(campaign, row, status, at);
    let mut told = Vec::new();
    for moment in wish.notice.moments(at) {
        if moment == at {
            told.extend(notice(simulator, task, row));
        } else {
            let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let timer = ChatTimer::Template { task: number(task), row: number(row), step: Step::Notice };
            simulator.timers.plan(moment, timer);
        }
    }
    told
}

/// The callback of a result, as it was at that moment: sent or failed.
fn notice(simulator: &Simulator, task: usize, row: usize) -> Option<Emission> {
    let campaign = &simulator.campaigns.list[task];
    let state = &campaign.rows[row];
    let session = simulator.sessions.get(state.session);
    let failed = state.status == Some(MessageStatus::Failed);
    let body = TemplateResult {
        event: "template.result".to_owned(),
        task_id: campaign.id.clone(),
        company: campaign.waba.company.clone(),
        channel: session.channel.clone(),
        channel_id: session.channel_id.clone(),
        user: UserRef { id: session.user.user_id.clone() },
        template: campaign.chosen.info(),
        msg_id: state.msg_id.clone(),
        status: if failed { MessageStatus::Failed } else { MessageStatus::Send },
        timestamp: state.at.as_second(),
        error: state.fate.fails.filter(|_| failed).map(Failure::error),
    };
    let body = serde_json::to_value(body).unwrap_or_default();
    emission(simulator, state.session, "template.result", body)
}

fn status(
    simulator: &mut Simulator,
    task: usize,
    row: usize,
    status: MessageStatus,
    at: Timestamp,
) -> Vec<Emission> {
    let campaign = &mut simulator.campaigns.list[task];
    let state = &campaign.rows[row];
    if matches!(state.status, None | Some(MessageStatus::Failed)) {
        return Vec::new();
    }
    let (key, msg_id) = (state.session, state.msg_id.clone());
    move_to(campaign, row, status, at);
    let session = simulator.sessions.get_mut(key);
    session.messages.set_status(&msg_id, status.as_str());
    let Some(mut body) = default_body(session, "message.status", &Value::Null, at) else { return Vec::new() };
    body["msg_id"] = msg_id.into();
    body["status"] = status.as_str().into();
    emission(simulator, key, "message.status", body).into_iter().collect()
}

/// The user replies: the conversation begins, and its user and the bot go on along the template's graph.
fn reply(simulator: &mut Simulator, task: usize, row: usize, at: Timestamp) -> Vec<Emission> {
    let campaign = &simulator.campaigns.list[task];
    let (chosen, is_single) = (campaign.chosen, campaign.is_single);
    let state = &campaign.rows[row];
    let (key, fate) = (state.session, state.fate);
    let session = simulator.sessions.get(key);
    let is_free = session.play.is_none() && session.script.is_none() && session.phase == Phase::Bot;
    let (true, Some(reply), Some(MessageStatus::Read)) = (is_free, fate.reply, state.status) else {
        return Vec::new();
    };
    let Some(dialogue) = Dialogue::chat(&chosen.template.dialogue) else { return Vec::new() };
    let template_message =
        session.messages.iter().find(|message| message.msg_id == state.msg_id).map(|message| {
            json!({
                "msg_id": message.msg_id,
                "sender_type": message.sender_type,
                "timestamp": message.timestamp,
                "content": message.content,
            })
        });
    let session = simulator.sessions.get_mut(key);
    let mut script = Script::new(dialogue, session.rng.random_range(11..=16), false);
    let button = chosen.version.button.iter().position(|button| button.kind == TemplateButtonKind::OptOut);
    let pressed = match reply {
        Reply::Button(at) if at < chosen.version.button.len() => Some(at),
        Reply::Stop => button,
        _ => None,
    };
    match (pressed, reply) {
        (Some(at), _) => script.jump(chosen.template.turns.get(at).map_or("", String::as_str)),
        (None, Reply::Agent) => script.jump("person"),
        (None, Reply::Media) => script.jump("media"),
        (None, Reply::Stop) => script.jump("stop"),
        (None, Reply::Text | Reply::Button(_)) => {
            // Words that open no other matter: those have wishes of their own.
            let drawn = (0..20).find_map(|_| {
                let turn = dialogue.after(dialogue.start(), &mut session.rng)?;
                (!matches!(turn, "person" | "media" | "stop")).then_some(turn)
            });
            script.jump(drawn.unwrap_or_default());
        }
    }
    let phrase = script.phrase();
    if fate.is_once {
        script.fall_silent();
    }
    session.script = Some(script);
    session.started = at;
    let said = match (pressed, reply) {
        (Some(at), _) => json!({ "type": "button", "text": chosen.version.button[at].text }),
        (None, Reply::Media) => {
            let path = simulator.media.picture();
            let url = format!("{}{path}", simulator.behaviour.public_url);
            json!({ "type": "image", "media": { "origin_url": url } })
        }
        (None, _) => json!({ "type": "text", "text": script::text(session, phrase) }),
    };
    let campaign = &mut simulator.campaigns.list[task];
    campaign.rows[row].replied = true;
    campaign.replied += 1;
    let event = if is_single { "template.reply" } else { "message.receive" };
    let mut told = script::user_says(simulator, key, event, said, template_message, at);
    if let Some(Emission { body: super::super::EmissionBody::Json(body), .. }) = &mut told
        && is_single
    {
        body["template"] = serde_json::to_value(chosen.info()).unwrap_or_default();
    }
    script::plan_next(simulator, key, at);
    told.into_iter().collect()
}

/// `chatbot.template_result`: sums, and a page of numbers; filter `status`.
pub(super) fn template_result(simulator: &Simulator, call: &Call<'_>) -> Result<Answer, Answer> {
    let params = Params::new(call.fields);
    let id = params.needed("task_id", "what the sending call answered")?;
    let wanted = params.word("status", &STATUSES)?;
    let (page, size) = paging(params)?;
    let found = simulator.campaigns.by_id.get(id).map(|at| &simulator.campaigns.list[*at]);
    let campaign = found.filter(|campaign| campaign.account == call.account).ok_or_else(|| {
        Answer::Error { code: 404, message: format!("there is no task {}", shown(&Value::from(id))) }
    })?;
    let mut rows: Vec<&Row> = campaign.rows.iter().collect();
    rows.retain(|row| wanted.is_none_or(|wanted| STATUSES[place(row.status)] == wanted));
    let list = rows.iter().skip((page - 1).saturating_mul(size)).take(size).map(|row| {
        let session = simulator.sessions.get(row.session);
        let mut item = json!({
            "number": format!("+{}", row.number),
            "user": { "id": session.user.user_id },
            "call_id": session.call_id,
            "msg_id": if row.status.is_some() { row.msg_id.as_str() } else { "" },
            "status": STATUSES[place(row.status)],
            "replied": row.replied,
            "timestamp": row.at.as_second(),
        });
        if let (Some(MessageStatus::Failed), Some(failure)) = (row.status, row.fate.fails) {
            item["error"] = serde_json::to_value(failure.error()).unwrap_or_default();
        }
        item
    });
    let counts: Value = STATUSES.iter().zip(campaign.counts).map(|(name, count)| (*name, count)).collect();
    let TemplateInfo { id: template, name, language } = campaign.chosen.info();
    Ok(Answer::Data(json!({
        "task_id": campaign.id,
        "channel_id": campaign.waba.channel_id,
        "template": { "id": template, "name": name, "language": language },
        "total": campaign.rows.len(),
        "counts": counts,
        "replied": campaign.replied,
        "found": rows.len(),
        "page": page,
        "size": size,
        "list": list.collect::<Vec<_>>(),
    })))
}
