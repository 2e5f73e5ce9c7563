//! What every department of the vendor does: it answers requests, and does what it planned when the moment comes.

use jiff::Timestamp;

use super::Simulator;

/// A department of the vendor: calling, the dialer, workflows, the chatbot, text messages, number detection. What it does
/// may lead on to another one, so it works on the whole vendor.
pub(super) trait Department {
    /// What it plans.
    type Timer;

    /// Does what was planned for this moment.
    fn wake(simulator: &mut Simulator, timer: Self::Timer, at: Timestamp);
}
