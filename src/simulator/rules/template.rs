//! Workflow templates, compiled: graphs of nodes that a row passes from the first to an end.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::template_file::{KindFile, NodeFile, TemplateFile, When};
use crate::simulator::node::Repeat;

/// How long to wait for a reply to a message, unless the node says otherwise.
const REPLY_WITHIN: Duration = Duration::from_secs(3_600);

/// A workflow template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(in crate::simulator) id: i64,
    pub(in crate::simulator) name: String,
    /// The nodes. Rows begin at the first.
    pub(in crate::simulator) nodes: Vec<Node>,
}

/// A node of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Node {
    /// The name by which other nodes and routes refer to it.
    pub(in crate::simulator) id: String,
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) kind: Kind,
    /// The next node; `None` ends the flow.
    pub(in crate::simulator) next: Option<u16>,
}

/// The action of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Kind {
    /// A robot calls.
    Voice { robot: String, line: String, repeat: Repeat },
    /// Agents call by the predictive dialer.
    Dialer { group: Option<String>, repeat: Repeat },
    /// A template message, then a session with those who reply.
    WhatsApp { template: String, reply_within: Duration },
    /// Time passes.
    Wait(Duration),
    /// The first case that matches the result of the last call or message decides.
    Branch(Vec<(Vec<When>, Option<u16>)>),
    /// The row's data are pushed.
    Api,
    /// The flow ends.
    End,
}

impl Kind {
    /// Returns the word of `node_type`.
    pub(in crate::simulator) fn node_type(&self) -> NodeType {
        match self {
            Self::Voice { .. } => NodeType::Voice,
            Self::Dialer { .. } => NodeType::Dialer,
            Self::WhatsApp { .. } => NodeType::Waba,
            Self::Wait(_) => NodeType::Wait,
            Self::Branch(_) => NodeType::Branch,
            Self::Api => NodeType::Api,
            Self::End => NodeType::End,
        }
    }

    /// Whether a node of this kind can cause this callback.
    fn causes(&self, event: &str) -> bool {
        match self {
            Self::Voice { .. } => event == "workflow.call_completed",
            Self::Dialer { .. } => event.starts_with("dialer."),
            Self::WhatsApp { .. } => ["workflow.waba_status", "workflow.session_ended"].contains(&event),
            Self::Api => event == "workflow.api_push",
            Self::Wait(_) | Self::Branch(_) | Self::End => false,
        }
    }
}

/// The words of `node_type` (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulator) enum NodeType {
    Voice,
    Dialer,
    Waba,
    Wait,
    Branch,
    Api,
    End,
}

#[derive(Deserialize)]
struct Shipped {
    workflow_templates: Vec<TemplateFile>,
}

/// Returns the shipped templates, oldest first.
pub(crate) fn shipped() -> Vec<Template> {
    let file: Shipped = toml::from_str(include_str!("templates.toml"))
        .unwrap_or_else(|error| panic!("templates.toml: {error}"));
    file.workflow_templates.iter().map(Template::of).collect()
}

/// Returns the shipped templates and those of the user, oldest first. A template with the id of a shipped one replaces it.
pub(crate) fn templates(own: &[TemplateFile]) -> Vec<Template> {
    let mut all = shipped();
    all.retain(|shipped| own.iter().all(|own| own.id != shipped.id));
    all.extend(own.iter().map(Template::of));
    all
}

impl Template {
    /// Returns its id, the `workflow_template_id` of requests.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Returns the ids of its nodes in order.
    pub fn node_ids(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.id.as_str())
    }

    /// Whether an instance can cause this callback or, if a node is given by its index, whether that node can.
    pub fn causes(&self, node: Option<u16>, event: &str) -> bool {
        match node {
            Some(node) => self.nodes.get(usize::from(node)).is_some_and(|node| node.kind.causes(event)),
            // Callbacks about an instance or a row as a whole belong to no node.
            None => {
                ["workflow.status_changed", "workflow.contact_completed"].contains(&event)
                    || self.nodes.iter().any(|node| node.kind.causes(event))
            }
        }
    }

    /// Compiles a template from a file without mistakes; a name that leads nowhere ends the flow.
    pub(crate) fn of(file: &TemplateFile) -> Self {
        let place = |name: &str| {
            let at = file.nodes.iter().position(|node| node.id == name)?;
            u16::try_from(at).ok()
        };
        let node = |node: &NodeFile| Node {
            id: node.id.clone(),
            name: node.name.clone().unwrap_or_else(|| node.id.clone()),
            kind: kind(node, &place),
            next: node.next.as_deref().and_then(place),
        };
        Self { id: file.id, name: file.name.clone(), nodes: file.nodes.iter().map(node).collect() }
    }
}

fn repeat(node: &NodeFile) -> Repeat {
    Repeat {
        number: node.repeat_number.and_then(|number| u8::try_from(number).ok()).unwrap_or(1),
        interval: node.repeat_interval.map_or(Duration::ZERO, |interval| interval.0),
    }
}

fn kind(node: &NodeFile, place: &dyn Fn(&str) -> Option<u16>) -> Kind {
    match node.kind {
        KindFile::Voice => Kind::Voice {
            robot: node.robot.clone().unwrap_or_default(),
            line: node.line.clone().unwrap_or_default(),
            repeat: repeat(node),
        },
        KindFile::Dialer => Kind::Dialer { group: node.group.clone(), repeat: repeat(node) },
        KindFile::Whatsapp => Kind::WhatsApp {
            template: node.template.clone().unwrap_or_else(|| node.id.clone()),
            reply_within: node.reply_within.map_or(REPLY_WITHIN, |interval| interval.0),
        },
        KindFile::Wait => Kind::Wait(node.wait.map_or(Duration::ZERO, |interval| interval.0)),
        KindFile::Branch => {
            let cases = node.cases.iter().flatten();
            Kind::Branch(cases.map(|case| (case.when.clone(), place(&case.next))).collect())
        }
        KindFile::Api => Kind::Api,
        KindFile::End => Kind::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_ones_are_whole() {
        let all = shipped();
        assert_eq!(all.len(), 3);
        for template in &all {
            assert!(matches!(template.nodes.last().map(|node| &node.kind), Some(Kind::End)));
            for node in &template.nodes {
                assert_eq!(node.next.is_none(), node.kind == Kind::End, "{}", node.name);
            }
        }
    }

    #[test]
    fn a_template_of_ones_own_replaces_the_one_with_its_id() {
        let own = TemplateFile { id: 1002, name: "mine".to_owned(), nodes: Vec::new() };
        let names: Vec<String> = templates(&[own]).into_iter().map(|template| template.name).collect();
        assert_eq!(names, ["Voice, then WhatsApp on no answer", "Information check", "mine"]);
    }
}
