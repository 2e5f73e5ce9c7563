//! When and how long the recording of a call is available. All of it is assumed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::contract::bodies::utc_text;
use crate::time::HumanDuration;

/// When recordings are available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingTimes {
    /// The time between the end of a call and its recording.
    pub lag: Duration,
    /// Lifetime of a link from the end of the call on. `None`: unlimited.
    pub lifetime: Option<Duration>,
}

impl Default for RecordingTimes {
    fn default() -> Self {
        Self { lag: Duration::from_secs(2), lifetime: None }
    }
}

/// Why there is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecording {
    /// Such a link was never issued.
    #[error("there is no recording behind this link")]
    Unknown,
    /// The recording is not available yet.
    #[error("the recording is not there yet: it appears {} after the call, at {at}", HumanDuration(*.lag))]
    NotYet {
        /// The time between the call and its recording.
        lag: Duration,
        /// When it becomes available.
        at: String,
    },
    /// The recording is no longer available.
    #[error("the link has expired: it worked for {} after the call, until {at}", HumanDuration(*.lifetime))]
    Expired {
        /// The lifetime of the link.
        lifetime: Duration,
        /// When the link expired.
        at: String,
    },
}

impl NoRecording {
    /// Returns the HTTP status for this case.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unknown | Self::NotYet { .. } => 404,
            Self::Expired { .. } => 410,
        }
    }
}

impl RecordingTimes {
    /// Checks whether the recording of a call that ended at `ended` is available now.
    ///
    /// # Errors
    ///
    /// If it is not available yet, or no longer.
    pub(in crate::simulator) fn check(self, ended: Timestamp, now: Timestamp) -> Result<(), NoRecording> {
        let after = |time: Duration| {
            let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
            ended.checked_add(time).unwrap_or(Timestamp::MAX)
        };
        let there = after(self.lag);
        if now < there {
            return Err(NoRecording::NotYet { lag: self.lag, at: utc_text(there) });
        }
        let Some(lifetime) = self.lifetime else { return Ok(()) };
        let until = after(lifetime);
        if now >= until {
            return Err(NoRecording::Expired { lifetime, at: utc_text(until) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_come_and_go() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let times =
            RecordingTimes { lag: Duration::from_secs(2), lifetime: Some(Duration::from_secs(3_600)) };
        let said = |now| times.check(at(0), at(now)).map_err(|error| (error.status(), error.to_string()));
        let not_yet = "the recording is not there yet: it appears 2s after the call, at 1970-01-01T00:00:02Z";
        assert_eq!(said(1), Err((404, not_yet.to_owned())));
        assert_eq!((said(2), said(3_599)), (Ok(()), Ok(())));
        let expired = "the link has expired: it worked for 1h after the call, until 1970-01-01T01:00:00Z";
        assert_eq!(said(3_600), Err((410, expired.to_owned())));
        let forever = RecordingTimes::default();
        assert_eq!(forever.check(at(0), Timestamp::MAX), Ok(()));
    }
}
