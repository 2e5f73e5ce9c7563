//! Progress of a run: a bar on a terminal, plain lines elsewhere. Always on standard error.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::data::Counts;
use super::units::{count, duration, rate, time};

/// Minimum time between two lines.
const OFTEN: Duration = Duration::from_secs(5);

/// The state of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Time since the first planned instant.
    pub at: Duration,
    /// The results of the events so far.
    pub counts: Counts,
    /// Number of events in flight.
    pub in_flight: u64,
    /// Events answered as wanted per second, in the latest interval.
    pub rate: f64,
    /// Median time of the responses of the latest interval, from the planned instant.
    pub p50: Duration,
    /// 99th percentile of the same times.
    pub p99: Duration,
    /// The used share of the workers' cores, 0 to 1.
    pub cpu: f64,
}

/// Shows the progress of a run.
#[derive(Debug)]
pub enum Live {
    /// On a terminal.
    Bar(ProgressBar),
    /// Elsewhere: a line every five seconds, or every tenth of a long run.
    Lines(Lines),
    /// Shows nothing.
    Silent,
}

/// When lines are due.
#[derive(Debug)]
pub struct Lines {
    duration: Duration,
    every: Duration,
    next: Duration,
}

impl Live {
    /// Shows a run of this duration, on standard error.
    pub fn new(duration: Duration) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines(Lines::new(duration));
        }
        let bar = ProgressBar::with_draw_target(Some(millis(duration)), ProgressDrawTarget::stderr());
        // The template is constant; if a new version of the library refused it, the default style is used.
        if let Ok(style) = ProgressStyle::with_template("{bar:12.cyan/dim} {wide_msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self::Bar(bar)
    }

    /// Shows the current state. May be called at any rate.
    pub fn show(&mut self, snapshot: &Snapshot) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(millis(snapshot.at));
                bar.set_message(text(snapshot));
            }
            Self::Lines(lines) => {
                if let Some(line) = lines.line(snapshot) {
                    // Standard error may be closed.
                    let _ = writeln!(std::io::stderr().lock(), "{line}");
                }
            }
            Self::Silent => {}
        }
    }

    /// Removes the bar: the summary follows.
    pub fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Lines {
    fn new(duration: Duration) -> Self {
        let every = OFTEN.max(duration / 10);
        Self { duration, every, next: every }
    }

    /// Returns the line, if one is due.
    fn line(&mut self, snapshot: &Snapshot) -> Option<String> {
        if snapshot.at < self.next {
            return None;
        }
        // However late this is, the next one comes a whole step later.
        while self.next <= snapshot.at {
            self.next += self.every;
        }
        let whole = duration(self.duration.as_secs_f64());
        Some(format!("{} of {whole}  {}", duration(snapshot.at.as_secs_f64().floor()), text(snapshot)))
    }
}

fn text(snapshot: &Snapshot) -> String {
    let counts = &snapshot.counts;
    let bad = match counts.bad() {
        0 => String::new(),
        bad => format!("  {} bad", count(bad)),
    };
    let waiting = match counts.wanted().saturating_sub(counts.sent) {
        0 => String::new(),
        waiting => format!("  {} not sent", count(waiting)),
    };
    format!(
        "{}  {} ok{bad}{waiting}  {} in flight  p50 {}  p99 {}  cpu {:.0} %",
        rate(snapshot.rate),
        count(counts.ok),
        count(snapshot.in_flight),
        time(snapshot.p50),
        time(snapshot.p99),
        snapshot.cpu * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Snapshot {
        Snapshot {
            at: Duration::from_secs_f64(seconds),
            counts: Counts {
                planned: 25_000,
                sent: 24_990,
                ok: 24_000,
                wrong_status: 12,
                ..Counts::default()
            },
            in_flight: 978,
            rate: 4_996.7,
            p50: Duration::from_micros(1_230),
            p99: Duration::from_millis(61),
            cpu: 0.41,
        }
    }

    #[test]
    fn lines_have_their_distance() {
        let shown = |seconds: u64, steps: &[f64]| -> Vec<f64> {
            let mut lines = Lines::new(Duration::from_secs(seconds));
            steps.iter().copied().filter(|step| lines.line(&at(*step)).is_some()).collect()
        };
        assert_eq!(shown(20, &[1.0, 4.9, 5.1, 6.0, 9.9, 10.0, 17.0, 19.0, 20.0]), [5.1, 10.0, 17.0, 20.0]);
        assert_eq!(shown(600, &[5.0, 59.0, 60.5, 119.0, 120.0]), [60.5, 120.0]);
    }

    #[test]
    fn a_line_says_how_it_stands() {
        let mut lines = Lines::new(Duration::from_secs(60));
        insta::assert_snapshot!(lines.line(&at(6.2)).unwrap());
        let usual = at(0.0);
        let counts = Counts { wrong_status: 0, planned: 24_990, ..usual.counts };
        let well = Snapshot { counts, ..usual };
        insta::assert_snapshot!(text(&well));
    }
}
