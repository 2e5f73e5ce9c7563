//! The calls that send template messages, and the plan of what becomes of each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use super::{Campaign, Row, Step, thread};
use crate::content;
use crate::contract::bodies::message::MessageStatus;
use crate::seed::{self, Rng};
use crate::simulator::chatbot::catalogue::{self, Chosen, Waba};
use crate::simulator::chatbot::fate::{Fate, fate};
use crate::simulator::chatbot::recipients::{To, country, recipient, recipients, variables};
use crate::simulator::params::{Params, bad};
use crate::simulator::timer::ChatbotTimer;
use crate::simulator::{Request, Response, Simulator};
use crate::time::later;

/// The gap between two messages of one call, in milliseconds.
const PACE: u64 = 20;

/// `chatbot.send_template` and `chatbot.send_single_template`.
pub(in crate::simulator::chatbot) fn send(
    simulator: &mut Simulator,
    call: &Request<'_>,
) -> Result<Response, Response> {
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
    let task = start(simulator, call, chosen, waba, is_single, good, shared);
    let campaign = &simulator.chatbot.campaigns.list[task];
    let mut data = json!({ "task_id": campaign.id });
    if is_single {
        let conversation = simulator.chatbot.conversations.get(campaign.rows[0].conversation);
        data["call_id"] = conversation.call_id.to_string().into();
    } else {
        data["total"] = total.into();
        data["accepted"] = accepted.into();
        data["error_list"] = Value::Array(errors);
    }
    Ok(Response::Data(data))
}

fn start(
    simulator: &mut Simulator,
    call: &Request<'_>,
    chosen: Chosen,
    waba: Waba,
    is_single: bool,
    to: Vec<To>,
    texts: Option<Vec<String>>,
) -> usize {
    let task = simulator.chatbot.campaigns.list.len();
    let number = u32::try_from(task).unwrap_or(u32::MAX);
    let id = seed::hex32(&mut simulator.context.seed.stream("campaign", u64::from(number)));
    let rules = Arc::clone(&simulator.context.behaviour.calling);
    let locale = content::closest_locale(&chosen.version.language);
    let (channel_id, company) = (waba.channel_id.as_str().into(), Arc::<str>::from(waba.company.as_str()));
    let seed = simulator.context.seed.derive("campaign", u64::from(number));
    let mut rows = Vec::with_capacity(to.len());
    for (at, to) in to.into_iter().enumerate() {
        let rng = &mut seed.stream("row", at as u64);
        let conversation = thread(simulator, call.account, &channel_id, to.number, call.now);
        let has_story = simulator.story_of(conversation).is_some();
        let state = simulator.chatbot.conversations.get_mut(conversation);
        if !state.begun && !has_story {
            state.overrides.company = Some(Arc::clone(&company));
            state.overrides.text_company = Some(Arc::clone(&company));
            state.locale = locale;
        }
        let mock_outcome = to.mock_outcome.unwrap_or_else(|| rules.mock_outcome_of(to.number));
        let fate = fate(mock_outcome.chat, rng);
        plan(simulator, number, at, fate, call.now, rng);
        rows.push(Row {
            conversation,
            number: to.number,
            msg_id: seed::hex32(rng).into(),
            texts: to.variables.map(Vec::into_boxed_slice),
            status: None,
            at: call.now,
            fate,
            mock_outcome,
            replied: false,
        });
    }
    let counts = [rows.len(), 0, 0, 0, 0];
    simulator.chatbot.campaigns.by_id.insert(id.clone(), task);
    let campaign =
        Campaign { id, account: call.account, chosen, waba, is_single, texts, rows, counts, replied: 0 };
    simulator.chatbot.campaigns.list.push(campaign);
    task
}

/// Plans the moments at which a message moves on.
fn plan(simulator: &mut Simulator, task: u32, at: usize, fate: Fate, now: Timestamp, rng: &mut Rng) {
    let row = u32::try_from(at).unwrap_or(u32::MAX);
    let mut moment = later(now, Duration::from_millis(at as u64 * PACE));
    let mut step = |step, millis: std::ops::Range<u64>, rng: &mut Rng| {
        moment = later(moment, Duration::from_millis(rng.random_range(millis)));
        simulator.context.plan(moment, ChatbotTimer::Template { campaign: task, row, step });
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
