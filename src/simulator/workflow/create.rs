//! Creates instances, and adds rows to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dialers::Dialers;
use super::fields::{ZonedTime, unknown};
use super::instance::{Instance, InstanceOrder};
use super::row::{self, Detail, DetailFields, Details, RefusedRow};
use super::{INSTANCE_WEIGHT, Workflow, parts};
use crate::contract::bodies::local_text;
use crate::contract::fields::{NoEffect, RowList, Text, Whole};
use crate::simulator::chatbot::sender;
use crate::simulator::context::Context;
use crate::simulator::endpoint::MaybeData;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::InstancePhase;
use crate::simulator::rules::workflow::AutoFinish;
use crate::simulator::timer::WorkflowTimer;
use crate::simulator::{Refusal, Request, Simulator};

/// A name of an instance with its maximum length (assumed: that of a calling task).
type Name = Text<63>;

/// `POST /service/cloud/workflow/createinstance` (documented).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CreateInstance {
    /// The id of a template, a whole number.
    workflow_template_id: i64,
    /// The name of the template.
    #[serde(rename = "workflow_template_name")]
    _workflow_template_name: Option<NoEffect<String>>,
    /// A name for the workflow (documented; the limit is assumed).
    name: Name,
    /// The name that notices and lists carry in place of `name` (documented; the meaning is assumed).
    workflow_name: Option<Name>,
    /// When it ends on its own: 0 never, 1 as soon as every row is finished, 2 when no row was added for five minutes after
    /// that. Default: 2, or `auto_finish` under `[workflow]` in the settings (documented; the values and their meaning are
    /// assumed).
    auto_finish: Option<Whole<0, 2>>,
    /// A time such as `2030-01-31 09:00:00+08:00`, with its zone: the latest end.
    end_time: ZonedTime,
    /// The rows, at most 10,000 in one instance over its life (client).
    #[serde(rename = "details")]
    _details: Option<RowList<DetailFields>>,
}

/// The data of the response (client).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreatedInstance {
    /// The instance, 32 hex.
    workflow_id: String,
    /// The refused rows; the others are accepted. Left out if there are none (assumed).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    detail_error_list: Vec<RefusedRow>,
}

/// `POST /service/cloud/workflow/uploaddetails` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AddContacts {
    /// The id of an instance, 32 hex digits.
    workflow_id: String,
    /// A list of rows such as `{"callee": "+6281112345678", "case_id": "1"}`.
    #[serde(rename = "details")]
    _details: RowList<DetailFields>,
}

/// The data of the response, if any row is refused; there is none otherwise (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RefusedRows {
    /// The refused rows; the others are accepted.
    detail_error_list: Vec<RefusedRow>,
}

/// Creates an instance of a template.
pub(super) fn create(
    simulator: &mut Simulator,
    fields: CreateInstance,
    request: &Request<'_>,
) -> Result<CreatedInstance, Refusal> {
    let (workflow, mut dialers) = parts(simulator);
    let ZonedTime(ends) = fields.end_time;
    if ends <= request.now {
        let now = local_text(request.now, &request.zone.to_time_zone());
        let message = format!("end_time is in the past: it is {now} in the account's zone");
        return Err(Refusal::new(400, message));
    }
    let id = fields.workflow_template_id;
    let template = workflow.templates.iter().position(|template| template.id == id);
    let template =
        template.ok_or_else(|| unknown("workflow template with workflow_template_id", &id.to_string()))?;
    let details = workflow.details(request, 0, dialers.context)?;
    let (rows, detail_error_list) = details.unwrap_or_default();
    let key = workflow.instances.next_key();
    let order = InstanceOrder {
        account: request.account,
        name: fields.workflow_name.unwrap_or(fields.name).into_string(),
        template,
        nodes: workflow.nodes(template).len(),
        auto_finish: {
            let given = fields.auto_finish.and_then(|number| AutoFinish::of(number.get()));
            given.unwrap_or(dialers.context.behaviour.workflow.auto_finish)
        },
        ends,
        cause: dialers.context.cause(),
        channel_id: sender(dialers.context, request.account).channel_id,
    };
    let seed = workflow.seed.derive("instance", u64::from(key.0));
    workflow.instances.add(Instance::new(order, seed, request.now), INSTANCE_WEIGHT);
    workflow.of_account.entry(request.account).or_default().push(key);
    dialers.context.plan(request.now, (key, WorkflowTimer::StatusNotice(InstancePhase::Created)));
    let end = dialers.context.plan(ends, (key, WorkflowTimer::End));
    workflow.instances[key].end = Some(end);
    workflow.add(key, rows, &mut dialers);
    Ok(CreatedInstance { workflow_id: workflow.workflow_id(key), detail_error_list })
}

/// Adds rows to an instance.
pub(super) fn add_contacts(
    simulator: &mut Simulator,
    fields: AddContacts,
    request: &Request<'_>,
) -> Result<MaybeData<RefusedRows>, Refusal> {
    let (workflow, mut dialers) = parts(simulator);
    let key = workflow.find_instance(&fields.workflow_id, request)?;
    let before = workflow.open_instance(key)?.rows.len();
    let Some((rows, detail_error_list)) = workflow.details(request, before, dialers.context)? else {
        let expected = "a list of rows such as {\"callee\": \"+6281112345678\", \"case_id\": \"1\"}";
        return Err(Refusal::new(400, format!("details is missing: {expected}")));
    };
    if rows.is_empty() && detail_error_list.is_empty() {
        return Err(Refusal::new(400, "details is empty: at least one row is needed"));
    }
    workflow.add(key, rows, &mut dialers);
    Ok(MaybeData((!detail_error_list.is_empty()).then_some(RefusedRows { detail_error_list })))
}

impl Workflow {
    /// Reads the rows of a request for an instance, given the number of rows that it already has.
    fn details(
        &self,
        request: &Request<'_>,
        before: usize,
        context: &Context,
    ) -> Result<Option<Details>, Refusal> {
        let Some(raw) = request.rows else { return Ok(None) };
        let (rows, mut refused) = row::read(raw, before, |number| self.rules.mock_outcome_of(number))?;
        for row in &mut refused {
            row.reason = context.row_reason(request.id, "details", &row.reason);
        }
        Ok(Some((rows, refused)))
    }

    fn add(&mut self, key: InstanceKey, rows: Vec<Detail>, dialers: &mut Dialers<'_>) {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        if count > 0 {
            self.keep_open(key, dialers);
            self.instances.add_weight(key, rows.len());
            let first = self.instances[key].add(rows);
            dialers.context.plan(dialers.context.now, (key, WorkflowTimer::Begin(first, count)));
        }
    }
}
