//! Bytes with gaps: what is the same in every iteration is kept once, what differs is filled in.

use std::io::Write as _;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::ids::{IdForm, IdKeys};

/// Bytes with gaps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Segments {
    /// All fixed bytes, joined.
    bytes: Vec<u8>,
    segments: Vec<Segment>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Fixed bytes.
    Fixed(Range<usize>),
    /// An id of the story.
    Id(usize),
    /// A moment plus this many milliseconds.
    Time(TimeForm, Since, i64),
    /// The iteration's number, from 1.
    Copy,
}

/// The moment from which a time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// The moment of the request.
    Now,
    /// The moment of the first request of the story.
    Begun,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeForm {
    /// Unix seconds.
    Seconds,
    /// Unix milliseconds.
    Millis,
    /// `2030-01-01T00:00:00Z`.
    Utc,
    /// `2030-01-01 00:00:00`.
    Spaced,
}

/// The values with which gaps are filled.
pub(super) struct Filler<'a> {
    pub(super) ids: &'a [IdForm],
    pub(super) keys: IdKeys,
    pub(super) iteration: u64,
    pub(super) now: Timestamp,
    /// When the first request of the iteration was sent.
    pub(super) begun: Timestamp,
}

impl Segments {
    /// Appends fixed bytes.
    pub(super) fn push_fixed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        match self.segments.last_mut() {
            Some(Segment::Fixed(range)) if range.end == start => range.end = self.bytes.len(),
            _ => self.segments.push(Segment::Fixed(start..self.bytes.len())),
        }
    }

    /// Returns all bytes, if there are no gaps.
    pub(super) fn fixed(&self) -> Option<&[u8]> {
        let is_fixed = self.segments.iter().all(|segment| matches!(segment, Segment::Fixed(_)));
        is_fixed.then_some(&self.bytes)
    }

    /// Appends a gap.
    pub(super) fn push(&mut self, segment: Segment) {
        self.segments.push(segment);
    }

    pub(super) fn write(&self, filler: &Filler<'_>, out: &mut Vec<u8>) {
        for segment in &self.segments {
            match segment {
                Segment::Fixed(range) => out.extend_from_slice(&self.bytes[range.clone()]),
                Segment::Id(id) => filler.ids[*id].write(filler.keys, filler.iteration, out),
                Segment::Time(form, Since::Now, offset) => form.write(filler.now, *offset, out),
                Segment::Time(form, Since::Begun, offset) => form.write(filler.begun, *offset, out),
                Segment::Copy => {
                    out.extend_from_slice(itoa::Buffer::new().format(filler.iteration + 1).as_bytes());
                }
            }
        }
    }
}

impl TimeForm {
    /// The forms that are texts of a fixed length: the length and a format of jiff.
    const TEXTS: [(Self, usize, &'static str); 2] =
        [(Self::Utc, 20, "%Y-%m-%dT%H:%M:%SZ"), (Self::Spaced, 19, "%Y-%m-%d %H:%M:%S")];

    /// Reads a moment at the beginning of a text: its possible forms, its length, and the moment in Unix milliseconds.
    pub(super) fn read(text: &[u8]) -> Vec<(Self, usize, i64)> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = |range: Range<usize>| std::str::from_utf8(&text[range]).ok()?.parse::<i64>().ok();
        match digits {
            4 => Self::TEXTS
                .into_iter()
                .filter_map(|(form, length, format)| {
                    let text = std::str::from_utf8(text.get(..length)?).ok()?;
                    let moment = TimeZone::UTC.to_timestamp(DateTime::strptime(format, text).ok()?).ok()?;
                    Some((form, length, moment.as_millisecond()))
                })
                .collect(),
            9..=15 if text[0] != b'0' => number(0..digits)
                .map(|number| vec![(Self::Seconds, digits, number * 1000), (Self::Millis, digits, number)])
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Returns the distance of a written moment from another one, both in Unix milliseconds.
    pub(super) fn offset(self, written: i64, at: i64) -> i64 {
        match self {
            Self::Millis => written - at,
            // The written moment has no fraction.
            Self::Seconds | Self::Utc | Self::Spaced => written - at.div_euclid(1000) * 1000,
        }
    }

    fn write(self, now: Timestamp, offset: i64, out: &mut Vec<u8>) {
        // Fractions of seconds are cut off before the offset is added, as in the engine.
        let second = now.as_second().saturating_add(offset.div_euclid(1000));
        let mut number = itoa::Buffer::new();
        let text = Self::TEXTS.into_iter().find(|(form, ..)| *form == self);
        match text {
            Some((_, _, format)) => {
                let moment = Timestamp::from_second(second).unwrap_or(now);
                // Writing to memory can't fail.
                let _ = write!(out, "{}", TimeZone::UTC.to_datetime(moment).strftime(format));
            }
            None if self == Self::Seconds => out.extend_from_slice(number.format(second).as_bytes()),
            None => {
                let millis = now.as_millisecond().saturating_add(offset);
                out.extend_from_slice(number.format(millis).as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_every_form() {
        let now: Timestamp = "2030-01-02T03:04:05.678Z".parse().unwrap();
        let text = |form: TimeForm, offset| {
            let mut out = Vec::new();
            form.write(now, offset, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(TimeForm::Seconds, 60_000), "1893553505");
        assert_eq!(text(TimeForm::Millis, -1_000), "1893553444678");
        assert_eq!(text(TimeForm::Utc, 0), "2030-01-02T03:04:05Z");
        assert_eq!(text(TimeForm::Spaced, 3_600_000), "2030-01-02 04:04:05");
    }

    #[test]
    fn times_are_read_at_the_beginning_of_a_text() {
        use TimeForm::{Millis, Seconds, Spaced, Utc};
        for (text, moments) in [
            ("1893553445,", vec![(Seconds, 10, 1_893_553_445_000), (Millis, 10, 1_893_553_445)]),
            ("2030-01-02T03:04:05Z", vec![(Utc, 20, 1_893_553_445_000)]),
            ("2030-01-02 03:04:05\"", vec![(Spaced, 19, 1_893_553_445_000)]),
            ("2030-01-02", vec![]),
            ("0123456789", vec![]),
            ("2030", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(TimeForm::read(text.as_bytes()), moments, "{text}");
        }
    }
}
