//! *Query the template message sending result*: the results of the messages of a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Counts, Row, RowStatus, begin};
use crate::contract::bodies::conversation::{SendError, UserRef};
use crate::contract::bodies::message::TemplateInfo;
use crate::contract::fields::shown;
use crate::simulator::chatbot::template_list::Paging;
use crate::simulator::endpoint::Both;
use crate::simulator::rules::retention::may_be_gone;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /api/v1/template/result` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct ResultQuery {
    /// The task id from the response to the send request.
    task_id: String,
    /// Only numbers whose message has this status.
    status: Option<RowStatus>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct TaskResult {
    /// The id of the task: 32 hexadecimal digits.
    task_id: String,
    /// The channel that sent the messages.
    channel_id: String,
    /// The template.
    template: TemplateInfo,
    /// Number of messages.
    total: usize,
    /// Number of messages by status.
    counts: Counts,
    /// Number of users who have replied.
    replied: usize,
    /// Number of messages that match the filter.
    found: usize,
    /// The number of the page.
    page: usize,
    /// Maximum number of messages per page.
    size: usize,
    /// The messages of the page.
    list: Vec<NumberResult>,
}

/// What came of the message to one number (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct NumberResult {
    /// The number, in E.164.
    number: String,
    /// The user at that number.
    user: UserRef,
    /// The conversation of the message.
    call_id: String,
    /// The id of the message; empty before it is sent, and if it failed.
    msg_id: String,
    /// The status of the message.
    status: RowStatus,
    /// Whether the user has replied.
    replied: bool,
    /// When the message reached this status, in Unix seconds.
    timestamp: i64,
    /// Why the message failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<SendError>,
}

impl NumberResult {
    fn of(simulator: &Simulator, row: &Row) -> Self {
        let conversation = simulator.chatbot.conversations.get(row.conversation);
        let failure = row.outcome.fails.filter(|_| row.status == RowStatus::Failed);
        Self {
            number: format!("+{}", row.number),
            user: UserRef { id: conversation.user_id.to_string() },
            call_id: conversation.call_id.to_string(),
            msg_id: if row.status == RowStatus::Pending { String::new() } else { row.msg_id.to_string() },
            status: row.status,
            replied: row.replied,
            timestamp: row.at.as_second(),
            error: failure.map(|failure| failure.error()),
        }
    }
}

/// Returns the results of the messages of a task: sums, and a page of numbers.
pub(in crate::simulator::chatbot) fn template_result(
    simulator: &mut Simulator,
    Both(query, paging): Both<ResultQuery, Paging>,
    request: &Request<'_>,
) -> Result<TaskResult, Refusal> {
    let (page, size) = paging.get();
    // A query covers all of them.
    if let Some(at) = simulator.chatbot.campaigns.by_id.get(&query.task_id).copied() {
        begin(simulator, at, request.now, usize::MAX);
    }
    let campaigns = &simulator.chatbot.campaigns;
    let found = campaigns.by_id.get(&query.task_id).map(|at| &campaigns.list[*at]);
    let campaign = found.filter(|campaign| campaign.account == request.account).ok_or_else(|| {
        let (id, more) =
            (shown(&Value::from(query.task_id.as_str())), may_be_gone(campaigns.list.is_any_gone()));
        Refusal::new(404, format!("there is no task with task_id {id}{more}"))
    })?;
    let fits = |row: &&Row| query.status.is_none_or(|wanted| row.status == wanted);
    let rows: Vec<&Row> = campaign.rows.iter().filter(fits).collect();
    let start = (page - 1).saturating_mul(size);
    let list = rows.iter().skip(start).take(size).map(|row| NumberResult::of(simulator, row));
    Ok(TaskResult {
        task_id: campaign.id.clone(),
        channel_id: campaign.waba.channel_id.clone(),
        template: campaign.chosen.info(),
        total: campaign.rows.len(),
        counts: campaign.counts,
        replied: campaign.replied,
        found: rows.len(),
        page,
        size,
        list: list.collect(),
    })
}
