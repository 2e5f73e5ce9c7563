//! Numbers in readable form: in the summary, in findings, on the page.

use std::time::Duration;

use crate::files::diagnostic;
use crate::time::HumanDuration;

/// Formats a time with three significant digits: `31 µs`, `1.23 ms`, `61.2 ms`, `2.51 s`, `1m30s`.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    // Rounding decides the unit, so that nothing is written as 1000 µs.
    match micros {
        _ if micros < 999.5 => format!("{micros:.0} µs"),
        _ if micros < 999_500.0 => format!("{} ms", digits(micros / 1e3)),
        _ if micros < 59_950_000.0 => format!("{} s", digits(micros / 1e6)),
        _ => HumanDuration(Duration::from_millis((micros / 1e3).round() as u64)).to_string(),
    }
}

/// [`time`] of microseconds.
pub(crate) fn micros(micros: f64) -> String {
    time(from_secs(micros / 1e6))
}

/// [`time`] of seconds.
pub(crate) fn seconds(seconds: f64) -> String {
    time(from_secs(seconds))
}

/// [`duration`] of milliseconds.
pub(crate) fn millis(millis: u64) -> String {
    HumanDuration(Duration::from_millis(millis)).to_string()
}

/// Formats a duration as the user would write it: `1m`, `300ms`.
pub(crate) fn duration(seconds: f64) -> String {
    HumanDuration(from_secs(seconds)).to_string()
}

/// Converts seconds to a duration; an invalid duration becomes zero.
pub(crate) fn from_secs(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Formats with three digits, or with all before the point.
fn digits(number: f64) -> String {
    match number {
        _ if number < 9.995 => format!("{number:.2}"),
        _ if number < 99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// Formats a count in groups of three digits: `299,950`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a percentage. It shows 0 or 100 only if it is exactly that.
pub(crate) fn percent(percent: f64) -> String {
    match percent.abs() {
        0.0 => "0 %".to_owned(),
        100.0 => format!("{percent:.0} %"),
        small if small < 0.01 => format!("{}0.01 %", if percent < 0.0 { "-<" } else { "<" }),
        most if most > 99.99 && most < 100.0 => ">99.99 %".to_owned(),
        some if some < 9.995 => format!("{percent:.2} %"),
        some if some < 99.9 => format!("{percent:.1} %"),
        some if some < 100.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// [`percent`] of a part of a whole; 0 if the whole is nothing.
pub(crate) fn share(part: u64, whole: u64) -> String {
    percent(if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 })
}

/// Formats a rate per second: `4,997/s`, `12.5/s`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second < 99.95 && per_second.fract() != 0.0 {
        format!("{}/s", digits(per_second))
    } else if per_second < 999.95 && (per_second * 10.0).round() % 10.0 != 0.0 {
        format!("{per_second:.1}/s")
    } else {
        format!("{}/s", count(per_second.round().max(0.0) as u64))
    }
}

/// Formats a size: `38.1 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes < 1e3 => format!("{bytes} B"),
        _ if bytes < 999.5e3 => format!("{} kB", digits(bytes / 1e3)),
        _ if bytes < 999.5e6 => format!("{} MB", digits(bytes / 1e6)),
        _ => format!("{} GB", digits(bytes / 1e9)),
    }
}

/// Formats a number with its noun: `1 worker`, `2 workers`.
pub(crate) fn plural(number: u64, what: &str) -> String {
    format!("{} {}", count(number), diagnostic::plural(number, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (micros, text) in [
            (0, "0 µs"),
            (31, "31 µs"),
            (999, "999 µs"),
            (1_000, "1.00 ms"),
            (1_234, "1.23 ms"),
            (9_996, "10.0 ms"),
            (61_240, "61.2 ms"),
            (999_400, "999 ms"),
            (999_600, "1.00 s"),
            (2_512_000, "2.51 s"),
            (59_949_000, "59.9 s"),
            (90_000_000, "1m30s"),
        ] {
            assert_eq!(time(Duration::from_micros(micros)), text);
        }
        assert_eq!(seconds(f64::NAN), "0 µs");
    }

    #[test]
    fn shares_are_all_or_nothing_only_if_they_are() {
        for (part, whole, text) in [
            (0, 10, "0 %"),
            (0, 0, "0 %"),
            (10, 10, "100 %"),
            (1, 1_000_000, "<0.01 %"),
            (999_999, 1_000_000, ">99.99 %"),
            (9_995, 10_000, "99.95 %"),
            (1, 1000, "0.10 %"),
            (123, 1000, "12.3 %"),
        ] {
            assert_eq!(share(part, whole), text);
        }
        assert_eq!(percent(-12.34), "-12.3 %");
        assert_eq!(percent(250.0), "250 %");
    }

    #[test]
    fn counts_rates_and_sizes() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [12.5, 50.0, 498.76, 500.01, 4_996.7].map(rate),
            ["12.5/s", "50/s", "498.8/s", "500/s", "4,997/s"]
        );
        assert_eq!([512, 38_100_000, 2_500_000_000].map(bytes), ["512 B", "38.1 MB", "2.50 GB"]);
        assert_eq!([plural(1, "worker"), plural(2_000, "worker")], ["1 worker", "2,000 workers"]);
        assert_eq!([plural(1, "entry"), plural(0, "entry")], ["1 entry", "0 entries"]);
    }
}
