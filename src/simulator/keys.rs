//! The keys of the objects of all departments, used by timers, requests and notices.

/// Identifies an object of its kind by a consecutive number.
pub(super) trait Key: Copy + Ord {
    /// Returns the key of a number.
    fn of(number: usize) -> Self;

    /// Returns the number of a key.
    fn number(self) -> usize;
}

macro_rules! keys {
    ($($(#[$doc:meta])* $vis:vis $key:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $key(pub(super) u32);

        impl Key for $key {
            fn of(number: usize) -> Self {
                Self(u32::try_from(number).unwrap_or(u32::MAX))
            }

            fn number(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

keys! {
    /// Identifies a calling task.
    pub(super) TaskKey
    /// Identifies a plan of calling tasks.
    pub(super) PlanKey
    /// Identifies a task of the predictive dialer.
    pub(super) DialerTaskKey
    /// Identifies an instance of a workflow.
    pub(super) InstanceKey
    /// Identifies a campaign: the template messages of one request.
    pub(super) CampaignKey
    /// Identifies a conversation within its simulator.
    pub ConversationKey
}

/// Identifies a push of a workflow: a row at a Custom API node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PushKey {
    pub(super) instance: InstanceKey,
    pub(super) row: u32,
    pub(super) node: u16,
}
