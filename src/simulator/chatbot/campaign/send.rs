//! *Send template message* and *Send single template message*, and the planned result of each message.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CAMPAIGN_WEIGHT, Campaign, Counts, PART, Row, RowStatus, Step, thread};
use crate::content;
use crate::contract::bodies::message::MessageStatus;
use crate::contract::fields::Given;
use crate::seed::{self, Rng};
use crate::simulator::chatbot::by_user::{self, NamedUser};
use crate::simulator::chatbot::catalogue::{Chosen, TemplateRef};
use crate::simulator::chatbot::outcome_plan::{OutcomePlan, outcome_plan};
use crate::simulator::chatbot::recipients::{self, Recipient, TextOrNumber, To, country, texts};
use crate::simulator::chatbot::waba::{Waba, WabaRef};
use crate::simulator::endpoint::Both;
use crate::simulator::keys::CampaignKey;
use crate::simulator::timer::Timer;
use crate::simulator::{Refusal, Request, Simulator};
use crate::time::later;

/// The time between two messages of one request, in milliseconds.
const PACE: u64 = 20;

/// `POST /api/v1/template/send` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct SendTemplate {
    /// A list of numbers in E.164, 10,000 at most; a single number and a text with commas are accepted as well.
    to: Given<Vec<Recipient>>,
    /// The texts that fill `{{1}}`, `{{2}}`, ... of the template; generated if left out.
    variables: Option<Vec<TextOrNumber>>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct SentTemplate {
    /// The id of the task, for the query of its result: 32 hexadecimal digits.
    task_id: String,
    /// Number of numbers received.
    total: usize,
    /// Number of these that the message is sent to.
    accepted: usize,
    /// The numbers that cannot be used.
    error_list: Vec<WrongNumber>,
}

/// A number that cannot be used (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct WrongNumber {
    /// Its place in the list, from 0.
    index: usize,
    /// The number as received.
    number: Given<String>,
    /// Why it cannot be used.
    reason: String,
}

/// `POST /api/v1/template/send_single` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct SendSingleTemplate {
    /// A number in E.164. Required unless `call_id`, or `channel_id` with `user.id`, names the recipient.
    to: Option<Given<Recipient>>,
    /// The conversation to write into, if `to` is left out.
    call_id: Option<String>,
    /// The user to write to, if `to` and `call_id` are left out.
    user: Option<NamedUser>,
    /// The texts that fill `{{1}}`, `{{2}}`, ... of the template; generated if left out.
    variables: Option<Vec<TextOrNumber>>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct SentSingleTemplate {
    /// The id of the task, for the query of its result: 32 hexadecimal digits.
    task_id: String,
    /// The conversation of the message.
    call_id: String,
}

/// Sends a template message to many numbers. The response lists those that cannot be used.
pub(in crate::simulator::chatbot) fn send_template(
    simulator: &mut Simulator,
    Both(body, Both(template, waba)): Both<SendTemplate, Both<TemplateRef, WabaRef>>,
    request: &Request<'_>,
) -> Result<SentTemplate, Refusal> {
    let items = recipients::many(&body.to)?;
    let waba = waba.find(simulator, request)?;
    let texts = texts(body.variables);
    let (chosen, named) = read(simulator, &items, &template, texts.as_deref())?;
    let number_of = |item: &Value| match item {
        Value::Object(fields) => fields.get("number").cloned().unwrap_or_default(),
        other => other.clone(),
    };
    let (mut good, mut error_list) = (Vec::new(), Vec::new());
    for (index, (item, to)) in items.iter().zip(named).enumerate() {
        match to {
            Ok(to) => good.push(to),
            Err(reason) => {
                error_list.push(WrongNumber { index, number: Given::new(number_of(item)), reason });
            }
        }
    }
    if good.is_empty() {
        let first = error_list.first().map_or("", |error| &error.reason);
        return Err(Refusal::new(400, format!("to has no usable number; the first: {first}")));
    }
    let (total, accepted) = (items.len(), good.len());
    let task = start(simulator, request, chosen, waba, false, good, texts);
    let task_id = simulator.chatbot.campaigns.list[task].id.clone();
    Ok(SentTemplate { task_id, total, accepted, error_list })
}

/// Sends a template message to one number.
pub(in crate::simulator::chatbot) fn send_single_template(
    simulator: &mut Simulator,
    Both(body, Both(template, waba)): Both<SendSingleTemplate, Both<TemplateRef, WabaRef>>,
    request: &Request<'_>,
) -> Result<SentSingleTemplate, Refusal> {
    let user_id = body.user.as_ref().and_then(NamedUser::id);
    let known =
        by_user::find(simulator, request, body.call_id.as_deref(), waba.channel_id.as_deref(), user_id);
    let item = match known.filter(|_| body.to.is_none()) {
        Some(key) => Value::from(simulator.chatbot.conversations.get(key).user_id.to_string()),
        None => recipients::single(body.to.as_ref())?,
    };
    let waba = waba.find(simulator, request)?;
    let texts = texts(body.variables);
    let (chosen, mut named) = read(simulator, &[item], &template, texts.as_deref())?;
    let to = named.swap_remove(0).map_err(|error| Refusal::new(400, format!("to: {error}")))?;
    let task = start(simulator, request, chosen, waba, true, vec![to], texts);
    let campaign = &simulator.chatbot.campaigns.list[task];
    let conversation = simulator.chatbot.conversations.get(campaign.rows[0].conversation);
    Ok(SentSingleTemplate { task_id: campaign.id.clone(), call_id: conversation.call_id.to_string() })
}

/// Reads the template, and each number or the mistake in it.
fn read(
    simulator: &Simulator,
    items: &[Value],
    template: &TemplateRef,
    texts: Option<&[String]>,
) -> Result<(Chosen, Vec<Result<To, String>>), Refusal> {
    let mut named: Vec<Result<To, String>> = items.iter().map(To::read).collect();
    let language = named.iter().flatten().next().map_or("en", |to| country(to.number).default_locale());
    let chosen = template.find(&simulator.context.behaviour.bot.templates, language)?.sendable()?;
    let mut seen = BTreeSet::new();
    for to in &mut named {
        let Ok(found) = to else { continue };
        let given = found.variables.as_deref().or(texts).map(<[String]>::len);
        let wrong = match given.filter(|given| *given != chosen.variables()) {
            _ if !seen.insert(found.number) => "the number is in the list twice".to_owned(),
            Some(given) => {
                format!("there are {given} variables, but the template has {}", chosen.variables())
            }
            None => continue,
        };
        *to = Err(wrong);
    }
    Ok((chosen, named))
}

fn start(
    simulator: &mut Simulator,
    request: &Request<'_>,
    chosen: Chosen,
    waba: Waba,
    is_single: bool,
    to: Vec<To>,
    texts: Option<Vec<String>>,
) -> CampaignKey {
    let task = simulator.chatbot.campaigns.list.next_key();
    let id = seed::hex32(&mut simulator.context.seed.stream("campaign", u64::from(task.0)));
    let counts = Counts { pending: to.len(), ..Counts::default() };
    simulator.chatbot.campaigns.by_id.insert(id.clone(), task);
    let rows = Vec::with_capacity(to.len());
    let weight = CAMPAIGN_WEIGHT + to.len();
    let (account, waiting) = (request.account, to.into());
    let campaign =
        Campaign { id, account, chosen, waba, is_single, texts, rows, waiting, counts, replied: 0 };
    simulator.chatbot.campaigns.list.add(campaign, weight);
    begin(simulator, task, request.now, PART);
    task
}

/// Begins up to `most` of the next messages of a campaign; a timer begins the others.
pub(super) fn begin(simulator: &mut Simulator, task: CampaignKey, now: Timestamp, most: usize) {
    let campaign = &mut simulator.chatbot.campaigns.list[task];
    let count = campaign.waiting.len().min(most);
    if count == 0 {
        return;
    }
    let to: Vec<To> = campaign.waiting.drain(..count).collect();
    let is_all = campaign.waiting.is_empty();
    let (account, first) = (campaign.account, campaign.rows.len());
    let locale = content::closest_locale(&campaign.chosen.version().language);
    let channel_id = campaign.waba.channel_id.as_str().into();
    let company = Arc::<str>::from(campaign.waba.company.as_str());
    let rules = Arc::clone(&simulator.context.behaviour.calling);
    let seed = simulator.context.seed.derive("campaign", u64::from(task.0));
    for (at, to) in (first..).zip(to) {
        let rng = &mut seed.stream("row", at as u64);
        let conversation = thread(simulator, account, &channel_id, to.number, now);
        let has_story = simulator.story_of(conversation).is_some();
        let state = simulator.chatbot.conversations.get_mut(conversation);
        if !state.begun && !has_story {
            state.overrides.company = Some(Arc::clone(&company));
            state.overrides.text_company = Some(Arc::clone(&company));
            state.locale = locale;
        }
        if let Some(mock_outcome) = &to.mock_outcome {
            state.reach = mock_outcome.chat;
        }
        let mock_outcome = to.mock_outcome.unwrap_or_else(|| rules.mock_outcome_of(to.number));
        let outcome = outcome_plan(mock_outcome.chat, rng);
        plan(simulator, task, at, outcome, now, rng);
        simulator.chatbot.campaigns.list[task].rows.push(Row {
            conversation,
            number: to.number,
            msg_id: seed::hex32(rng).into(),
            texts: to.variables.map(Vec::into_boxed_slice),
            status: RowStatus::Pending,
            at: now,
            outcome,
            mock_outcome,
            replied: false,
        });
    }
    simulator.context.is_as_much_as(count);
    if !is_all {
        let next = Timer::Template { campaign: task, row: 0, step: Step::Begin };
        simulator.context.plan(now, next);
    }
}

/// Plans the moments at which a message reaches its statuses.
fn plan(
    simulator: &mut Simulator,
    task: CampaignKey,
    at: usize,
    outcome: OutcomePlan,
    now: Timestamp,
    rng: &mut Rng,
) {
    let row = u32::try_from(at).unwrap_or(u32::MAX);
    let mut moment = later(now, Duration::from_millis(at as u64 * PACE));
    let mut step = |step, millis: std::ops::Range<u64>, rng: &mut Rng| {
        moment = later(moment, Duration::from_millis(rng.random_range(millis)));
        simulator.context.plan(moment, Timer::Template { campaign: task, row, step });
    };
    step(Step::Result, 300..2_500, rng);
    if outcome.fails.is_some() || outcome.until < MessageStatus::Delivery {
        return;
    }
    step(Step::Delivery, 400..4_000, rng);
    if outcome.until < MessageStatus::Read {
        return;
    }
    // Most people look soon, some much later.
    let until = if rng.random_range(0..4) == 0 { 1_200_000 } else { 90_000 };
    step(Step::Read, 3_000..until, rng);
    if outcome.reply.is_some() {
        let wait = if outcome.is_late { 3 * 3_600_000..9 * 3_600_000 } else { 6_000..180_000 };
        step(Step::Reply, wait, rng);
    }
}
