//! The request that checks whether a push really came from the vendor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::callbacks::ApiPush;
use super::fields::RowNames;
use crate::contract::fields::Given;
use crate::simulator::e164::PhoneNumber;
use crate::simulator::ids::Kind;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /service/cloud/workflow/apinoticeinfo` (documented).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VerifyPush {
    /// A number in E.164 such as `+6281112345678`.
    callee: PhoneNumber,
    /// The id of the node, as the push names it (documented; that it is required is assumed).
    node_id: String,
    /// The id of an instance, 32 hex digits (documented; that it is required is assumed).
    workflow_id: String,
    /// The customer's own id of the row.
    case_id: Option<String>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Verified {
    /// Whether the node has pushed such a row and the receiver has it: an attempt is in progress, or was answered.
    valid: bool,
    /// The pushed data, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<Given<ApiPush>>,
}

/// Returns whether a node has pushed a row, and the data. A push that is not under way yet, or whose receiver could not be
/// reached, was not delivered, and is not confirmed.
pub(super) fn verify_push(
    simulator: &mut Simulator,
    fields: VerifyPush,
    request: &Request<'_>,
) -> Result<Verified, Refusal> {
    let workflow = &simulator.workflow;
    let key = workflow.find_instance(&fields.workflow_id, request)?;
    let instance = &workflow.instances[key];
    let template = u32::try_from(instance.template).unwrap_or(u32::MAX);
    let node = workflow.ids.open(Kind::Node, &fields.node_id).filter(|(known, ..)| *known == template);
    let node = node.and_then(|(_, node, _)| u16::try_from(node).ok());
    let names = RowNames::new(Some(fields.callee), fields.case_id.as_ref())?;
    let rows = instance.find(names.number, names.case_id);
    let pushed = rows
        .iter()
        .rev()
        .find_map(|row| instance.pushes.get(&(*row, node?)).filter(|push| push.is_delivered()));
    let push: Option<Value> = pushed.and_then(|push| serde_json::from_str(&push.body).ok());
    Ok(Verified { valid: push.is_some(), push: push.map(Given::new) })
}
