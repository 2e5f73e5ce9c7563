//! Changes rows, and takes rows out.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::RowNames;
use super::{Workflow, parts, row};
use crate::contract::bodies::Fields;
use crate::simulator::e164::PhoneNumber;
use crate::simulator::endpoint::NoData;
use crate::simulator::keys::InstanceKey;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /service/cloud/workflow/updatedetail` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UpdateContact {
    /// The id of an instance, 32 hex digits.
    workflow_id: String,
    /// The number of the rows, in E.164; it or `case_id` is needed.
    callee: Option<PhoneNumber>,
    /// The customer's own id of the rows.
    case_id: Option<String>,
    /// An object of strings: the variables to change; the others stay. They apply to nodes that the rows reach later.
    variables: Fields,
}

/// `POST /service/cloud/workflow/canceldetail` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CancelContact {
    /// The id of an instance, 32 hex digits.
    workflow_id: String,
    /// The number of the rows, in E.164; it or `case_id` is needed.
    callee: Option<PhoneNumber>,
    /// The customer's own id of the rows.
    case_id: Option<String>,
}

/// Changes the named variables of rows; the others stay.
pub(super) fn update_contact(
    simulator: &mut Simulator,
    fields: UpdateContact,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let workflow = &mut simulator.workflow;
    let bad = |message| Refusal::new(400, message);
    let key = workflow.find_instance(&fields.workflow_id, request)?;
    let rows = workflow.named_rows(key, RowNames::new(fields.callee, fields.case_id.as_ref())?)?;
    workflow.open_instance(key)?;
    row::mock_outcomes(&fields.variables).map_err(bad)?;
    let mut changed = false;
    for at in rows {
        let Some(row) = workflow.instances[key].row_mut(at).filter(|row| !row.status.is_over()) else {
            continue;
        };
        let mut variables = row::variables(&row.variables);
        variables.extend(fields.variables.clone());
        let (mock_outcome, message_outcome) = row::mock_outcomes(&variables).map_err(bad)?;
        row.variables = row::text(&variables);
        row.mock_outcome = mock_outcome;
        row.message_outcome = message_outcome;
        changed = true;
    }
    if changed { Ok(NoData) } else { Err(Refusal::new(400, "the row is already finished")) }
}

/// Takes rows out. A call or session under way continues to its end.
pub(super) fn cancel_contact(
    simulator: &mut Simulator,
    fields: CancelContact,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let (workflow, mut dialers) = parts(simulator);
    let key = workflow.find_instance(&fields.workflow_id, request)?;
    let mut changed = false;
    for row in workflow.named_rows(key, RowNames::new(fields.callee, fields.case_id.as_ref())?)? {
        changed |= workflow.let_go(key, row, &mut dialers);
    }
    if changed { Ok(NoData) } else { Err(Refusal::new(400, "the row is already finished or cancelled")) }
}

impl Workflow {
    /// Returns the rows of an instance that a request names.
    pub(super) fn named_rows(&self, key: InstanceKey, names: RowNames<'_>) -> Result<Vec<u32>, Refusal> {
        let rows = self.instances[key].find(names.number, names.case_id);
        if rows.is_empty() {
            return Err(Refusal::new(404, format!("no row of this workflow has {}", names.text())));
        }
        Ok(rows)
    }
}
