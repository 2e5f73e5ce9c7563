//! Workflow templates as written, in the settings and in the file of the shipped ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::simulator::node::CameTo;
use crate::simulator::outcome::Outcome;
use crate::time::HumanDuration;

/// A workflow template: the flow that every row of an instance takes. An `id` of a shipped template replaces it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a workflow template"))]
pub struct TemplateFile {
    /// Its id, the `workflow_template_id` of requests.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub id: i64,
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its nodes. Rows begin at the first one.
    #[schemars(length(min = 1, max = 1_000))]
    pub nodes: Vec<NodeFile>,
}

/// A node of a workflow template. Which keys it has depends on its kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a node"))]
pub struct NodeFile {
    /// Its id for other nodes.
    #[schemars(length(min = 1))]
    pub id: String,
    /// Its name in responses and callbacks. Default: its id.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// What it does.
    pub kind: KindFile,
    /// The next node; of a branch: the next node if no case matches. Default: the flow ends.
    pub next: Option<String>,
    /// Of `voice`: the robot that calls, by name or id.
    pub robot: Option<String>,
    /// Of `voice`: the line that calls, as `SIPLine` of a task.
    pub line: Option<String>,
    /// Of `dialer`: the group of agents. Default: the first one.
    #[schemars(length(min = 1))]
    pub group: Option<String>,
    /// Of `voice` and `dialer`: maximum number of calls to a number, the first one included. Default: 1.
    #[schemars(range(min = 1, max = 100))]
    pub repeat_number: Option<u32>,
    /// Of `voice` and `dialer`: the gap between the calls of a number. Default: none.
    pub repeat_interval: Option<HumanDuration>,
    /// Of `whatsapp`: the name of the message template. Default: the id of the node.
    pub template: Option<String>,
    /// Of `whatsapp`: maximum time to wait for a reply. Default: `1h`.
    pub reply_within: Option<HumanDuration>,
    /// Of `wait`: how long.
    pub wait: Option<HumanDuration>,
    /// Of `branch`: the next node by the result of the last call or message. The first matching case applies.
    pub cases: Option<Vec<CaseFile>>,
}

/// A case of a branch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a case"))]
pub struct CaseFile {
    /// The result of the last call or message: one of these.
    #[schemars(length(min = 1))]
    pub when: Vec<When>,
    /// The next node.
    pub next: String,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindFile {
    /// A robot calls.
    Voice,
    /// Agents call with the predictive dialer: its own task, with the dialer's notices and queries.
    Dialer,
    /// A template message on WhatsApp, and a chatbot session with the people who reply.
    Whatsapp,
    /// Time passes.
    Wait,
    /// The flow branches by the result of the last call or message.
    Branch,
    /// The row's data are pushed to the customer (Custom API node).
    Api,
    /// The flow ends.
    End,
}

/// The result of a call or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// A person answered and talked.
    Talked,
    /// A person answered and hung up at once.
    HungUp,
    /// An answering machine answered.
    Voicemail,
    /// It rang, and nobody answered.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The phone was switched off.
    SwitchedOff,
    /// The phone was out of reach.
    OutOfArea,
    /// There is no such number.
    InvalidNumber,
    /// The person does not want to be called.
    DoNotCall,
    /// A person answered, but no agent took the call: only of `dialer`.
    NoAgent,
    /// The number was not dialled, or the line cut the call: only of `dialer`.
    NotDialled,
    /// The person answered the message.
    Replied,
    /// The message was read and not answered.
    Read,
    /// The message arrived and was not read.
    Delivered,
    /// The message could not be delivered.
    Failed,
    /// The person wanted what `A` stands for.
    IntentionA,
    /// The same for `B`.
    IntentionB,
    /// The same for `C`.
    IntentionC,
    /// The same for `D`.
    IntentionD,
    /// The same for `E`.
    IntentionE,
    /// The same for `F`.
    IntentionF,
    /// The same for `G`.
    IntentionG,
    /// The same for `H`.
    IntentionH,
    /// The same for `I`.
    IntentionI,
}

impl When {
    /// Whether it matches the result of a node, with the intention `A` to `I` or 0.
    pub(in crate::simulator) fn fits(self, came_to: CameTo, intention: u8) -> bool {
        let wanted = match self {
            Self::Talked => CameTo::Call(Outcome::Talked),
            Self::HungUp => CameTo::Call(Outcome::HungUp),
            Self::Voicemail => CameTo::Call(Outcome::Voicemail),
            Self::NoAnswer => CameTo::Call(Outcome::NoAnswer),
            Self::Busy => CameTo::Call(Outcome::Busy),
            Self::SwitchedOff => CameTo::Call(Outcome::SwitchedOff),
            Self::OutOfArea => CameTo::Call(Outcome::OutOfArea),
            Self::InvalidNumber => CameTo::Call(Outcome::InvalidNumber),
            Self::DoNotCall => CameTo::Call(Outcome::DoNotCall),
            Self::NoAgent => CameTo::NoAgent,
            Self::NotDialled => CameTo::NotDialled,
            Self::Replied => CameTo::Replied,
            Self::Read => CameTo::Read,
            Self::Delivered => CameTo::Delivered,
            Self::Failed => CameTo::Failed,
            Self::IntentionA => return intention == b'A',
            Self::IntentionB => return intention == b'B',
            Self::IntentionC => return intention == b'C',
            Self::IntentionD => return intention == b'D',
            Self::IntentionE => return intention == b'E',
            Self::IntentionF => return intention == b'F',
            Self::IntentionG => return intention == b'G',
            Self::IntentionH => return intention == b'H',
            Self::IntentionI => return intention == b'I',
        };
        wanted == came_to
    }
}
