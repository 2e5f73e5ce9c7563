//! The story's clock: it follows real time, runs faster or slower, is stopped, or jumps to the next event when nothing is
//! under way.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The speed of the story's time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many times as fast as real time, from 1e-6 to 1e6; 1 is real time.
    Times(f64),
    /// Time is stopped, and is moved by hand.
    Still,
    /// Time jumps to the next event as soon as nothing is under way.
    Max,
}

/// Why a text is not a speed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed: give a number such as 1 or 60, `0` for a stopped clock, or `max`")]
pub struct SpeedError(String);

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times: f64 = text.trim_end_matches('x').parse().map_err(|_| SpeedError(text.to_owned()))?;
        if times == 0.0 {
            return Ok(Self::Still);
        }
        Self::Times(times).checked().map_err(|_| SpeedError(text.to_owned()))
    }
}

/// The story's clock.
#[derive(Debug)]
pub struct Clock {
    speed: Speed,
    /// The story's time at `since`.
    base: Timestamp,
    /// The real instant that corresponds to `base`; `None` while the clock is stopped.
    since: Option<Instant>,
}

impl Speed {
    /// Returns the speed, if it is possible for a clock.
    ///
    /// # Errors
    ///
    /// If the factor is outside of the limits or not a number.
    pub(crate) fn checked(self) -> Result<Self, SpeedError> {
        match self {
            // Beyond a million the resolution of timers makes the number meaningless; `max` is what is needed.
            Self::Times(times) if !(1e-6..=1e6).contains(&times) => Err(SpeedError(times.to_string())),
            speed => Ok(speed),
        }
    }

    /// Whether real time has no influence, so that equal runs are equal to the byte.
    pub fn is_virtual(self) -> bool {
        matches!(self, Self::Still | Self::Max)
    }
}

impl Display for Speed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}"),
            Self::Still => f.write_str("0"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl Clock {
    /// Creates a clock that shows `epoch` now.
    pub fn starting(epoch: Timestamp, speed: Speed) -> Self {
        let since = matches!(speed, Speed::Times(_)).then(Instant::now);
        Self { speed, base: epoch, since }
    }

    /// Returns the speed.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// Changes the speed from now on.
    pub fn set_speed(&mut self, speed: Speed) {
        *self = Self::starting(self.now(), speed);
    }

    /// Returns the story's time.
    pub fn now(&self) -> Timestamp {
        let Some(since) = self.since else { return self.base };
        let elapsed = match self.speed {
            Speed::Times(times) => since.elapsed().mul_f64(times),
            Speed::Still => Duration::ZERO,
            Speed::Max => since.elapsed(),
        };
        self.base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward. A moment in the past has no effect.
    pub fn jump_to(&mut self, moment: Timestamp) {
        if moment > self.now() {
            self.base = moment;
            self.since = self.since.map(|_| Instant::now());
        }
    }

    /// Starts or stops the clock.
    pub fn set_running(&mut self, running: bool) {
        if running != self.since.is_some() {
            self.base = self.now();
            self.since = running.then(Instant::now);
        }
    }

    /// Returns the real time until the clock shows `moment`, or `None` if it is stopped.
    pub fn real_until(&self, moment: Timestamp) -> Option<Duration> {
        self.since?;
        let wait = Duration::try_from(moment.duration_since(self.now())).unwrap_or(Duration::ZERO);
        Some(match self.speed {
            Speed::Times(times) => {
                Duration::try_from_secs_f64(wait.as_secs_f64() / times).unwrap_or(Duration::MAX)
            }
            Speed::Still => return None,
            Speed::Max => wait,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_read() {
        assert_eq!("1".parse(), Ok(Speed::Times(1.0)));
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("0".parse(), Ok(Speed::Still));
        for wrong in ["-1", "fast", "1e9", "NaN", "1e-15"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
        for wrong in [-1.0, 0.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(Speed::Times(wrong).checked().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_jumping_clock_stands_still_between_jumps() {
        let epoch: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let mut clock = Clock::starting(epoch, Speed::Max);
        assert_eq!(clock.now(), epoch);
        let later = epoch + Duration::from_secs(3600);
        clock.jump_to(later);
        clock.jump_to(epoch);
        assert_eq!(clock.now(), later);
        assert_eq!(clock.real_until(later), None);
    }
}
