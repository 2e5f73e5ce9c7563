//! Typed bodies of every callback, and the message objects they carry.
//!
//! The order of a struct's fields is the order on the wire, and names and letter case are the vendor's own, which
//! differ from family to family on purpose. Whoever builds a callback fills one of these and serialises it once; the
//! signature is taken over those bytes. Each struct tells in its first lines where its shape comes from.

pub mod chatbot;
pub mod message;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An object whose keys are not fixed, such as a robot's variables. Keys keep their order.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// A moment as answers and notices write it (client, example): `2025-04-15T06:41:00Z`.
pub fn utc_text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment as `ScheduleStartTime` and its like write it (example): `2025-04-15 13:41:00`, in the account's zone.
pub fn local_text(moment: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
