//! How much real time the waits of stories give to the integrator, who lives in it.

use std::time::Duration;

use crate::time::HumanDuration;

/// How the waits of stories relate to real time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RealTime {
    /// How many times as fast as real time the clock runs while a story waits for a request.
    pub speed: f64,
    /// The limit of a wait for a request in real time, whatever the story says.
    pub patience: Option<Duration>,
}

impl Default for RealTime {
    fn default() -> Self {
        Self { speed: 1.0, patience: None }
    }
}

impl RealTime {
    /// Returns what to say about a wait of this length if it gave less real time, after a space; or else nothing.
    pub(super) fn note(self, within: Duration) -> String {
        let at_speed =
            Duration::try_from_secs_f64(within.as_secs_f64() / self.speed).unwrap_or(Duration::MAX);
        let shown = |real: Duration| {
            HumanDuration(Duration::from_millis(real.as_millis().try_into().unwrap_or(u64::MAX)))
        };
        match self.patience {
            Some(patience) if patience < at_speed && patience < within => {
                format!(" ({} of real time, the limit of --patience)", shown(patience))
            }
            _ if at_speed < within => format!(" ({} of real time at speed {})", shown(at_speed), self.speed),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_says_what_it_really_gave() {
        let ms = Duration::from_millis;
        for (speed, patience, text) in [
            (1.0, None, ""),
            (0.5, None, ""),
            (60.0, None, " (333ms of real time at speed 60)"),
            (1.0, Some(ms(300)), " (300ms of real time, the limit of --patience)"),
            (1.0, Some(ms(30_000)), ""),
        ] {
            assert_eq!(RealTime { speed, patience }.note(ms(20_000)), text);
        }
    }
}
