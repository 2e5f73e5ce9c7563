//! The integrator's calls that change something.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::Workflow;
use super::dialers::Dialers;
use super::instance::{AutoFinish, Instance, InstanceOrder};
use super::row::{self, Detail, Details};
use crate::contract::bodies::local_text;
use crate::simulator::e164::e164_or_bare;
use crate::simulator::ids::Kind as Id;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::InstancePhase as Phase;
use crate::simulator::params::{Params, bad, shown};
use crate::simulator::timer::WorkflowTimer;
use crate::simulator::{Request, Response};

pub(super) type Outcome = Result<Response, Response>;

const NO_DATA: Response = Response::Data(Value::Null);

/// The longest name of an instance (assumed: that of a calling task).
const LONGEST_NAME: usize = 63;

pub(super) fn unknown(message: String) -> Response {
    Response::Error { code: 404, message }
}

/// A text of the caller as a message repeats it.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

/// A moment with its zone, such as `2030-01-31 09:00:00+08:00` (client).
fn zoned(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%d %H:%M:%S%:z", text).ok()
}

/// A moment with its zone, or in the account's zone without one (assumed).
pub(super) fn moment(params: Params<'_>, name: &str, call: &Request<'_>) -> Result<Timestamp, Response> {
    let text = params.needed(name, "a time such as `2030-01-31 09:00:00+08:00`")?;
    let local = || {
        let civil = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
        call.zone.to_timestamp(civil).ok()
    };
    zoned(text).or_else(local).ok_or_else(|| {
        bad(format!("{name} is `{}`, expected a time such as `2030-01-31 09:00:00+08:00`", short(text)))
    })
}

/// The rows that a call names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) number: Option<u64>,
    pub(super) case_id: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Reads `callee` and `case_id`, of which one must be there.
    pub(super) fn read(params: Params<'a>) -> Result<Self, Response> {
        let named = Self { number: number(params)?, case_id: params.text("case_id")? };
        if named.number.is_none() && named.case_id.is_none() {
            return Err(params.missing("callee", "a number in E.164, or a case_id in place of it"));
        }
        Ok(named)
    }

    /// How a message calls them.
    pub(super) fn text(self) -> String {
        let number = self.number.map(|number| format!("callee +{number}"));
        let case_id = self.case_id.map(|case_id| format!("case_id `{}`", short(case_id)));
        [number, case_id].into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// The number in `callee`.
fn number(params: Params<'_>) -> Result<Option<u64>, Response> {
    let Some(text) = params.text("callee")? else { return Ok(None) };
    match e164_or_bare(text) {
        Some(number) => Ok(Some(number)),
        None => Err(bad(format!(
            "callee is `{}`, expected a number in E.164 such as `+6281112345678`",
            short(text)
        ))),
    }
}

impl Workflow {
    /// The instance with this id, if it is the caller's.
    pub(super) fn instance_of(&self, id: &str, call: &Request<'_>) -> Option<InstanceKey> {
        let (at, ..) = self.ids.open(Id::Workflow, id)?;
        let own = self.instances.get(at as usize).filter(|instance| instance.account == call.account);
        own.map(|_| InstanceKey(at))
    }

    /// The instance a call names.
    pub(super) fn named(&self, call: &Request<'_>) -> Result<InstanceKey, Response> {
        let id = Params::new(call.fields).needed("workflow_id", "the id of an instance, 32 hex digits")?;
        self.instance_of(id, call)
            .ok_or_else(|| unknown(format!("there is no workflow with workflow_id `{}`", short(id))))
    }

    /// The rows of an instance that a call names.
    pub(super) fn named_rows(&self, key: InstanceKey, named: Named<'_>) -> Result<Vec<u32>, Response> {
        let rows = self.instance(key).find(named.number, named.case_id);
        if rows.is_empty() {
            return Err(unknown(format!("{} is not in this workflow", named.text())));
        }
        Ok(rows)
    }

    fn details(&self, call: &Request<'_>, before: usize) -> Result<Option<Details>, Response> {
        match (call.rows, Params::new(call.fields).value("details")) {
            (Some(raw), _) => row::read(raw, before, |number| self.rules.mock_outcome_of(number)).map(Some),
            (None, None) => Ok(None),
            (None, Some(value)) => Err(bad(format!("details is {}, expected a list of rows", shown(value)))),
        }
    }

    fn open_instance(&self, key: InstanceKey) -> Result<&Instance, Response> {
        let instance = self.instance(key);
        match instance.phase {
            Phase::Created | Phase::Running => Ok(instance),
            Phase::Ending { stopped: true } | Phase::Stopped => Err(bad("the workflow is stopped already")),
            Phase::Ending { stopped: false } | Phase::Finished => {
                Err(bad("the workflow is finished already"))
            }
        }
    }

    pub(super) fn create(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let params = Params::new(call.fields);
        let id = params
            .whole("workflow_template_id", i64::MIN..=i64::MAX)?
            .ok_or_else(|| params.missing("workflow_template_id", "the id of a template, a whole number"))?;
        let name = params.needed("name", "a name for the workflow")?;
        params.text("workflow_template_name")?;
        // Which of the two names notices carry is unknown; the more telling one is taken.
        let name = params.text("workflow_name")?.unwrap_or(name);
        let length = name.chars().count();
        if length > LONGEST_NAME {
            return Err(bad(format!("name has {length} characters, {LONGEST_NAME} is the most")));
        }
        let auto_finish = match params.whole("auto_finish", 0..=2)? {
            Some(0) => AutoFinish::Never,
            Some(1) => AutoFinish::AtOnce,
            _ => AutoFinish::AfterPause,
        };
        let text = params.needed("end_time", "a time such as `2030-01-31 09:00:00+08:00`")?;
        let ends = zoned(text).ok_or_else(|| {
            bad(format!(
                "end_time is `{}`, expected a time with its zone such as `2030-01-31 09:00:00+08:00`",
                short(text)
            ))
        })?;
        if ends <= call.now {
            let now = local_text(call.now, &call.zone.to_time_zone());
            return Err(bad(format!("end_time is in the past: it is {now} in the account's zone")));
        }
        let found = self.templates.iter().position(|template| template.id == id);
        let template = found.ok_or_else(|| unknown(format!("there is no workflow template {id}")))?;
        let (rows, refused) = self.details(call, 0)?.unwrap_or_default();
        let key = InstanceKey(u32::try_from(self.instances.len()).unwrap_or(u32::MAX));
        let order = InstanceOrder {
            account: call.account,
            name: name.to_owned(),
            template,
            nodes: self.nodes(template).len(),
            auto_finish,
            ends,
            cause: dialers.context.cause(),
        };
        let seed = self.seed.derive("instance", u64::from(key.0));
        self.instances.push(Instance::new(order, seed, call.now));
        self.of_account.entry(call.account).or_default().push(key);
        dialers.context.plan(call.now, WorkflowTimer::StatusNotice(key, Phase::Created));
        let end = dialers.context.plan(ends, WorkflowTimer::End(key));
        self.instance_mut(key).end = Some(end);
        self.add(key, rows, call.now, dialers);
        let mut answer = json!({ "workflow_id": self.workflow_id(key) });
        if !refused.is_empty() {
            answer["detail_error_list"] = Value::Array(refused);
        }
        Ok(Response::Data(answer))
    }

    fn add(&mut self, key: InstanceKey, rows: Vec<Detail>, now: Timestamp, dialers: &mut Dialers<'_>) {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        if count > 0 {
            self.keep_open(key, dialers);
            let first = self.instance_mut(key).add(rows);
            dialers.context.plan(now, WorkflowTimer::Begin(key, first, count));
        }
    }

    pub(super) fn add_contacts(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        let before = self.open_instance(key)?.rows.len();
        let Some((rows, refused)) = self.details(call, before)? else {
            let expected = "a list of rows such as {\"callee\": \"+6281112345678\", \"case_id\": \"1\"}";
            return Err(Params::new(call.fields).missing("details", expected));
        };
        if rows.is_empty() && refused.is_empty() {
            return Err(bad("details is empty: at least one row is needed"));
        }
        self.add(key, rows, call.now, dialers);
        if refused.is_empty() {
            return Ok(NO_DATA);
        }
        Ok(Response::Data(json!({ "detail_error_list": refused })))
    }

    /// Changes variables of rows: those that are named, the others stay. It counts for the nodes that a row comes to
    /// afterwards (assumed).
    pub(super) fn update_contact(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        let params = Params::new(call.fields);
        let rows = self.named_rows(key, Named::read(params)?)?;
        let given: &Map<String, Value> = match params.value("variables") {
            Some(Value::Object(given)) => given,
            Some(value) => {
                return Err(bad(format!("variables is {}, expected an object of strings", shown(value))));
            }
            None => return Err(params.missing("variables", "an object of strings")),
        };
        self.open_instance(key)?;
        row::mock_outcomes(given).map_err(bad)?;
        let mut changed = false;
        for at in rows {
            let Some(row) = self.instance_mut(key).row_mut(at).filter(|row| !row.standing.is_over()) else {
                continue;
            };
            let mut variables = row::variables(&row.variables);
            variables.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
            let (mock_outcome, message_outcome) = row::mock_outcomes(&variables).map_err(bad)?;
            row.variables = row::text(&variables);
            row.mock_outcome = mock_outcome;
            row.message_outcome = message_outcome;
            changed = true;
        }
        if changed { Ok(NO_DATA) } else { Err(bad("the row is through already")) }
    }

    /// Takes rows out. A call or session under way goes on to its end.
    pub(super) fn cancel_contact(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        let rows = self.named_rows(key, Named::read(Params::new(call.fields))?)?;
        let mut changed = false;
        for row in rows {
            changed |= self.let_go(key, row, call.now, dialers);
        }
        if changed { Ok(NO_DATA) } else { Err(bad("the row is through or cancelled already")) }
    }

    pub(super) fn stop(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        self.open_instance(key)?;
        self.wind_up(key, true, call.now, dialers);
        Ok(NO_DATA)
    }
}
