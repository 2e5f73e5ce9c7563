//! Believable bodies of the callbacks that come from no conversation: calls, tasks, plans, workflows, the dialer.

use jiff::Timestamp;
use serde_json::Value;

use super::session::Session;

pub(super) fn default_body(_session: &mut Session, _event: &str, _now: Timestamp) -> Option<Value> {
    None
}
