//! The integrator's calls that ask.

use serde::Serialize;
use serde_json::{Value, json};

use super::Workflow;
use super::calls::{Named, Outcome, moment, short, unknown};
use super::chat::Step;
use super::dialers::{Dialers, NodeTask};
use crate::contract::bodies::message::MessageStatus;
use crate::contract::bodies::utc_text;
use crate::contract::bodies::workflow::{
    FoundInstance, InstanceSummary, NodeTaskSummary, TemplateNode, TemplateSummary, WabaDetail, WabaTask,
    WabaTaskDetail,
};
use crate::simulator::calling::{TaskKey, TaskSummary, WorkflowCallFacts};
use crate::simulator::endpoint::Answer;
use crate::simulator::ids::Kind as Id;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::InstancePhase as Phase;
use crate::simulator::params::{Params, bad};
use crate::simulator::rules::template::Kind;
use crate::simulator::{Request, Response};

/// The page size of lists where the call names none (assumed).
const PAGE: i64 = 20;

/// The largest page of a list (assumed).
const LARGEST_PAGE: i64 = 1_000;

/// A call task in the list of an instance (assumed): as the calling API lists it, and the node.
#[derive(Serialize)]
struct CallTaskSummary {
    #[serde(flatten)]
    task: TaskSummary,
    nodetask_id: String,
    nodetask_name: String,
}

/// The data of a list.
#[derive(Serialize)]
struct List<T> {
    total: usize,
    list: Vec<T>,
}

/// A typed body as the answer's data. Bodies are plain data, which always fits into JSON.
fn data(body: &impl Serialize) -> Response {
    Response::Text(serde_json::to_string(body).unwrap_or_default())
}

/// What a call asks for of a list: how many to skip, how many to take (`page` from 1 and `size`: assumed).
fn page(params: Params<'_>) -> Result<(usize, usize), Response> {
    let size = params.whole("size", 1..=LARGEST_PAGE)?.unwrap_or(PAGE);
    let page = params.whole("page", 1..=i64::MAX)?.unwrap_or(1);
    let skip = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    Ok((skip, usize::try_from(size).unwrap_or(usize::MAX)))
}

impl Workflow {
    pub(super) fn list_templates(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let (skip, size) = page(Params::new(call.fields))?;
        // The newest first (documented).
        let asked = self.templates.iter().enumerate().rev().skip(skip).take(size);
        let list = asked.map(|(at, template)| TemplateSummary {
            workflow_template_id: template.id,
            workflow_template_name: template.name.clone(),
            nodes: (0_u16..)
                .zip(&template.nodes)
                .map(|(number, node)| TemplateNode {
                    node_id: self.node_id(at, number),
                    node_name: node.name.clone(),
                    node_type: node.kind.as_str().to_owned(),
                })
                .collect(),
        });
        Ok(data(&List { total: self.templates.len(), list: list.collect() }))
    }

    /// Instances, the newest first (assumed).
    pub(super) fn list(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let params = Params::new(call.fields);
        let (skip, size) = page(params)?;
        let status = params.word("status", &["created", "running", "finished", "stopped"])?;
        let all = self.of_account.get(&call.account).map(Vec::as_slice).unwrap_or_default();
        let is_wanted =
            |key: &&InstanceKey| status.is_none_or(|status| self.instance(**key).phase.as_str() == status);
        let total = all.iter().filter(is_wanted).count();
        let asked = all.iter().rev().filter(is_wanted).skip(skip).take(size);
        Ok(data(&List { total, list: asked.map(|key| self.summary(*key)).collect() }))
    }

    fn summary(&self, key: InstanceKey) -> InstanceSummary {
        let instance = self.instance(key);
        let template = &self.templates[instance.template];
        InstanceSummary {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            workflow_template_id: template.id,
            workflow_template_name: template.name.clone(),
            status: instance.phase.as_str().to_owned(),
            auto_finish: instance.auto_finish as i64,
            create_time: utc_text(instance.created),
            end_time: utc_text(instance.ends),
            finish_time: instance.ended.map(utc_text).unwrap_or_default(),
            counts: instance.counts,
        }
    }

    /// The word of a node's run (assumed): that of its instance once a row has come.
    fn node_status(&self, key: InstanceKey, node: u16) -> &'static str {
        let instance = self.instance(key);
        match (instance.phase, instance.nodes[usize::from(node)].total) {
            (Phase::Finished | Phase::Stopped, _) => instance.phase.as_str(),
            (_, 0) => "pending",
            _ => "running",
        }
    }

    pub(super) fn subtasks(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        let instance = self.instance(key);
        let nodes = (0_u16..).zip(self.nodes(instance.template));
        let list: Vec<NodeTaskSummary> = nodes
            .map(|(at, node)| {
                let sums = instance.nodes[usize::from(at)];
                let sends = matches!(node.kind, Kind::WhatsApp { .. }) && sums.total > 0;
                NodeTaskSummary {
                    nodetask_id: self.nodetask_id(key, at),
                    nodetask_name: node.name.clone(),
                    node_type: node.kind.as_str().to_owned(),
                    node_id: self.node_id(instance.template, at),
                    status: self.node_status(key, at).to_owned(),
                    task_id: instance.tasks[usize::from(at)].map(|task| dialers.id(task)),
                    waba_task_id: sends.then(|| self.waba_task_id(key, at)),
                    total: i64::from(sums.total),
                    running: i64::from(sums.running),
                }
            })
            .collect();
        Ok(data(&List { total: list.len(), list }))
    }

    pub(super) fn call_tasks(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        let instance = self.instance(key);
        let nodes = (0_u16..).zip(self.nodes(instance.template)).zip(instance.tasks.iter().copied());
        let list: Vec<CallTaskSummary> = nodes
            .filter_map(|((at, node), task)| {
                Some(CallTaskSummary {
                    task: dialers.calling.summary(task?.voice()?, call),
                    nodetask_id: self.nodetask_id(key, at),
                    nodetask_name: node.name.clone(),
                })
            })
            .collect();
        Ok(data(&List { total: list.len(), list }))
    }

    /// The call task in `TaskID`, as *task detail* spells it, or in `task_id`.
    fn named_task(
        call: &Request<'_>,
        dialers: &Dialers<'_>,
    ) -> Result<Option<(TaskKey, InstanceKey)>, Response> {
        let params = Params::new(call.fields);
        let Some(id) = params.text("TaskID")?.or(params.text("task_id")?) else { return Ok(None) };
        match dialers.calling.find_voice(id, call.account) {
            Some((task, part)) => Ok(Some((task, part.instance))),
            None if dialers.dialer.is_of_workflow(id, call.account) => Err(bad(format!(
                "`{}` is a task of the predictive dialer: its own querytaskdetail tells of it",
                short(id)
            ))),
            None => Err(unknown(format!("there is no task of a workflow with TaskID `{}`", short(id)))),
        }
    }

    pub(super) fn call_task_detail(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        match Self::named_task(call, dialers)? {
            Some((task, _)) => {
                let detail = dialers.calling.voice_detail(task).map(Answer::into_response);
                Ok(detail.and_then(Result::ok).unwrap_or(Response::NotSimulated))
            }
            None => Err(Params::new(call.fields).missing("TaskID", "the id of a task, 32 hex digits")),
        }
    }

    /// The calls of the rows that a call names, in all call tasks of an instance or in one of them.
    fn calls_of(
        &self,
        call: &Request<'_>,
        dialers: &Dialers<'_>,
    ) -> Result<Vec<WorkflowCallFacts>, Response> {
        let params = Params::new(call.fields);
        let named = Named::read(params)?;
        let (only, key) = match Self::named_task(call, dialers)? {
            Some((task, key)) => (Some(task), key),
            None if params.text("workflow_id")?.is_none() => {
                return Err(params.missing("workflow_id", "the id of an instance, or a task_id"));
            }
            None => (None, self.named(call)?),
        };
        let instance = self.instance(key);
        let mut found = Vec::new();
        for at in self.named_rows(key, named)? {
            for visit in instance.row(at).map(|row| row.visits.as_slice()).unwrap_or_default() {
                let task = instance.tasks[usize::from(visit.node)].and_then(NodeTask::voice);
                let asked = task.filter(|task| only.is_none_or(|only| only == *task));
                found.extend(asked.and_then(|task| dialers.calling.voice_facts(task, visit.work)));
            }
        }
        Ok(found)
    }

    pub(super) fn call_info(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let list = self.calls_of(call, dialers)?;
        Ok(data(&List { total: list.len(), list }))
    }

    pub(super) fn recordings(&mut self, call: &Request<'_>, dialers: &mut Dialers<'_>) -> Outcome {
        let mut list = self.calls_of(call, dialers)?;
        list.retain(|call| call.is_recorded());
        Ok(data(&List { total: list.len(), list }))
    }

    /// The instances, made in the given time, that have rows of a case or number (that the times are those of the
    /// instances' making is assumed).
    pub(super) fn find(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let params = Params::new(call.fields);
        let named = Named::read(params)?;
        let (from, to) = (moment(params, "start_time", call)?, moment(params, "end_time", call)?);
        if to < from {
            return Err(bad("end_time must not be before start_time"));
        }
        let mut list = Vec::new();
        for key in self.of_account.get(&call.account).into_iter().flatten().rev() {
            let instance = self.instance(*key);
            if instance.created < from || instance.created > to {
                continue;
            }
            for at in instance.find(named.number, named.case_id) {
                let Some(row) = instance.row(at) else { continue };
                list.push(FoundInstance {
                    workflow_id: self.workflow_id(*key),
                    workflow_name: instance.name.clone(),
                    case_id: row.case_id.to_string(),
                    callee: format!("+{}", row.number),
                    wfdetail_uuid: self.detail_id(*key, at),
                    status: row.standing.as_str().to_owned(),
                });
            }
        }
        Ok(data(&List { total: list.len(), list }))
    }

    /// Whether a node has pushed a row, and what (the answer is assumed).
    pub(super) fn verify_push(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let params = Params::new(call.fields);
        params.needed("callee", "a number in E.164 such as `+6281112345678`")?;
        let node_id = params.needed("node_id", "the id of the node, as the push names it")?;
        let key = self.named(call)?;
        let instance = self.instance(key);
        let template = u32::try_from(instance.template).unwrap_or(u32::MAX);
        let node = self.ids.open(Id::Node, node_id).filter(|(known, ..)| *known == template);
        let node = node.and_then(|(_, node, _)| u16::try_from(node).ok());
        let named = Named::read(params)?;
        let rows = instance.find(named.number, named.case_id);
        let pushed = rows.iter().rev().find_map(|row| instance.pushes.get(&(*row, node?)));
        let push: Option<Value> = pushed.and_then(|text| serde_json::from_str(text).ok());
        Ok(Response::Data(match push {
            Some(push) => json!({ "valid": true, "push": push }),
            None => json!({ "valid": false }),
        }))
    }

    fn waba_task(&self, key: InstanceKey, node: u16) -> Option<WabaTask> {
        let instance = self.instance(key);
        let known = self.node(instance.template, node)?;
        let Kind::WhatsApp { template, .. } = &known.kind else { return None };
        if instance.nodes[usize::from(node)].total == 0 {
            return None;
        }
        let mut task = WabaTask {
            waba_task_id: self.waba_task_id(key, node),
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            nodetask_id: self.nodetask_id(key, node),
            nodetask_name: known.name.clone(),
            template_name: template.clone(),
            status: self.node_status(key, node).to_owned(),
            total: 0,
            pending: 0,
            send: 0,
            delivery: 0,
            read: 0,
            failed: 0,
            replied: 0,
        };
        for (status, replied, _) in self.messages(key, node) {
            task.total += 1;
            *match status {
                None => &mut task.pending,
                Some(MessageStatus::Send) => &mut task.send,
                Some(MessageStatus::Delivery) => &mut task.delivery,
                Some(MessageStatus::Read) => &mut task.read,
                Some(MessageStatus::Failed) => &mut task.failed,
            } += 1;
            task.replied += i64::from(replied);
        }
        Some(task)
    }

    /// The messages of a node: how far each has come, whether it was answered, and of which row.
    fn messages(
        &self,
        key: InstanceKey,
        node: u16,
    ) -> impl Iterator<Item = (Option<MessageStatus>, bool, u32)> + '_ {
        let rows = (0_u32..).zip(&self.instance(key).rows);
        rows.filter_map(move |(at, row)| {
            let visit = row.visits.iter().find(|visit| visit.node == node)?;
            let course = self.course(key, at, visit)?;
            let done = course.steps.iter().take(usize::from(visit.steps));
            let replied = done.into_iter().any(|(_, step)| *step == Step::Reply);
            Some((course.status(visit.steps), replied, at))
        })
    }

    pub(super) fn waba_tasks(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let key = self.named(call)?;
        let nodes = u16::try_from(self.instance(key).nodes.len()).unwrap_or(u16::MAX);
        let list: Vec<WabaTask> = (0..nodes).filter_map(|node| self.waba_task(key, node)).collect();
        Ok(data(&List { total: list.len(), list }))
    }

    pub(super) fn waba_task_detail(&mut self, call: &Request<'_>, _dialers: &mut Dialers<'_>) -> Outcome {
        let id =
            Params::new(call.fields).needed("waba_task_id", "the id of a WhatsApp task, 32 hex digits")?;
        let missing = || unknown(format!("there is no WhatsApp task with waba_task_id `{}`", short(id)));
        let (at, node, _) = self.ids.open(Id::WabaTask, id).ok_or_else(missing)?;
        let own = self.instances.get(at as usize).filter(|instance| instance.account == call.account);
        let node = own.and_then(|_| u16::try_from(node).ok()).ok_or_else(missing)?;
        let key = InstanceKey(at);
        let task = self.waba_task(key, node).ok_or_else(missing)?;
        let instance = self.instance(key);
        let detail = self.messages(key, node).filter_map(|(status, replied, at)| {
            let row = instance.row(at)?;
            let visit = row.visits.iter().find(|visit| visit.node == node)?;
            // What the person wants is known when the session has ended.
            let is_over = row.visits.last().is_some_and(|last| last.node != node) || row.standing.is_over();
            let intention = match visit.intention {
                letter @ b'A'..=b'I' if replied && is_over => char::from(letter).to_string(),
                _ => "--".to_owned(),
            };
            Some(WabaDetail {
                wfdetail_uuid: self.detail_id(key, at),
                case_id: row.case_id.to_string(),
                callee: format!("+{}", row.number),
                msg_id: self.message_id(key, at, node),
                status: status.map_or("pending", MessageStatus::as_str).to_owned(),
                call_id: if replied { self.chat_id(key, at, node) } else { String::new() },
                intention,
            })
        });
        Ok(data(&WabaTaskDetail { task, detail: detail.collect() }))
    }
}
