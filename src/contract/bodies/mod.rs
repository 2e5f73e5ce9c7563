//! Typed bodies of every callback, and the message objects they carry.
//!
//! The order of a struct's fields is the order on the wire. Names and letter case are the vendor's own, which differ from
//! family to family on purpose. Code that builds a callback fills one of these structs and serialises it once; the signature is
//! taken over those bytes. The first lines of each struct name the source of its shape.

pub mod check;
pub mod conversation;
pub mod message;
pub mod said;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An object whose keys are not fixed, such as a robot's variables. Keys keep their order.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// Formats a moment as responses and notices write it (client, example): `2025-04-15T06:41:00Z`.
pub fn utc_text(moment: Timestamp) -> String {
    // To the second: a timestamp without a fraction is displayed in this form.
    let second = Timestamp::from_second(moment.as_second()).unwrap_or(moment);
    second.to_string()
}

/// Formats a moment as `ScheduleStartTime` and similar fields write it (example): `2025-04-15 13:41:00`, in the account's zone.
pub fn local_text(moment: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats a moment as the dialer writes it (client): Unix milliseconds, as a string.
pub fn millis_text(moment: Timestamp) -> String {
    moment.as_millisecond().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_each_family_does() {
        let moment: Timestamp = "2030-01-01T00:30:00.25Z".parse().unwrap();
        assert_eq!(utc_text(moment), "2030-01-01T00:30:00Z");
        assert_eq!(millis_text(moment), "1893457800250");
        let jakarta = TimeZone::fixed(jiff::tz::offset(7));
        assert_eq!(local_text(moment, &jakarta), "2030-01-01 07:30:00");
    }
}
