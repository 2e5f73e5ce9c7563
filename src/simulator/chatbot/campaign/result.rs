//! The query that tells what came of template messages.

use serde_json::{Value, json};

use super::{Row, STATUSES, place};
use crate::contract::bodies::message::{MessageStatus, TemplateInfo};
use crate::simulator::chatbot::catalogue::paging;
use crate::simulator::params::{Params, shown};
use crate::simulator::wire_id::WireId;
use crate::simulator::{Request, Response, Simulator};

/// `chatbot.template_result`: sums, and a page of numbers; filter `status`.
pub(in crate::simulator::chatbot) fn template_result(
    simulator: &Simulator,
    call: &Request<'_>,
) -> Result<Response, Response> {
    let params = Params::new(call.fields);
    let id = params.needed("task_id", "what the sending call answered")?;
    let wanted = params.word("status", &STATUSES)?;
    let (page, size) = paging(params)?;
    let found = simulator.chatbot.campaigns.by_id.get(id).map(|at| &simulator.chatbot.campaigns.list[*at]);
    let campaign = found.filter(|campaign| campaign.account == call.account).ok_or_else(|| {
        Response::Error { code: 404, message: format!("there is no task {}", shown(&Value::from(id))) }
    })?;
    let mut rows: Vec<&Row> = campaign.rows.iter().collect();
    rows.retain(|row| wanted.is_none_or(|wanted| STATUSES[place(row.status)] == wanted));
    let no_id = WireId::default();
    let list = rows.iter().skip((page - 1).saturating_mul(size)).take(size).map(|row| {
        let conversation = simulator.chatbot.conversations.get(row.conversation);
        let mut item = json!({
            "number": format!("+{}", row.number),
            "user": { "id": conversation.user_id },
            "call_id": conversation.call_id,
            "msg_id": row.status.map(|_| &row.msg_id).unwrap_or(&no_id),
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
    Ok(Response::Data(json!({
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
