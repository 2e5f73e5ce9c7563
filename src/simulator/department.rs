//! The interface of the vendor's departments: they answer requests, and carry out what they planned when it is due.

use jiff::Timestamp;

use super::Simulator;

/// A department of the vendor: calling, the dialer, workflows, the chatbot, text messages, number detection. Its actions may
/// lead on to another department, so it works on the whole vendor.
pub(super) trait Department {
    /// The timers that it plans.
    type Timer;

    /// Carries out what was planned for this moment.
    fn wake(simulator: &mut Simulator, timer: Self::Timer, at: Timestamp);
}
