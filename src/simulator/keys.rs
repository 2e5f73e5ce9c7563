//! The keys of the objects of all departments, used by timers, requests and notices.

/// Identifies a calling task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TaskKey(pub(super) u32);

/// Identifies a plan of calling tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PlanKey(pub(super) u32);

/// Identifies a task of the predictive dialer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DialerTaskKey(pub(super) u32);

/// Identifies an instance of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct InstanceKey(pub(super) u32);

/// Identifies a push of a workflow: a row at a Custom API node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PushKey {
    pub(super) instance: InstanceKey,
    pub(super) row: u32,
    pub(super) node: u16,
}

/// Identifies a conversation within its simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationKey(pub(super) usize);
