//! What the mock finds wrong with an integrator: requests that are served although something is wrong with them.
//!
//! Each finding is reported once and counted. Whether it is an error, which fails a story or a run, depends on how strict the
//! account is.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::strictness::Strictness;

/// Maximum number of different findings that are reported. Of the others only the number is kept: findings repeat parts of
/// requests and must not fill the memory.
const MOST: usize = 1_000;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A field was sent that nothing reads.
    UnreadField,
    /// A value came in another form than JSON has for it: a number as a text, a list as a single value, a phone number
    /// without its `+`.
    WrongType,
    /// A field is left out that the vendor's clients must send.
    MissingField,
    /// A chatbot request is not signed as it should be.
    Signature,
    /// Somebody is written to who wants no more messages and has said so.
    OptedOut,
    /// Something was served that `standard` refuses: `lenient` lets it pass.
    LetPass,
    /// A message of a story says what no message of the vendor's does.
    Content,
    /// A response to a callback is not what the vendor expects of it.
    Response,
    /// A robot is named that nobody knows.
    UnknownName,
    /// A schedule begins in the past.
    PastSchedule,
    /// An endpoint or a field was used that is only assumed about the vendor. Found in `strict` only.
    Assumed,
}

impl FindingKind {
    /// Returns the word of reports and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnreadField => "unread_field",
            Self::WrongType => "wrong_type",
            Self::MissingField => "missing_field",
            Self::Signature => "signature",
            Self::OptedOut => "opted_out",
            Self::LetPass => "let_pass",
            Self::Content => "content",
            Self::Response => "response",
            Self::UnknownName => "unknown_name",
            Self::PastSchedule => "past_schedule",
            Self::Assumed => "assumed",
        }
    }

    /// Formats a count of findings of this kind: `2 unread fields`.
    pub fn counted(self, count: u64) -> String {
        let (one, more) = match self {
            Self::UnreadField => ("unread field", "unread fields"),
            Self::WrongType => ("value of another type", "values of another type"),
            Self::MissingField => ("request without a mandatory field", "requests without a mandatory field"),
            Self::Signature => ("wrongly signed request", "wrongly signed requests"),
            Self::OptedOut => ("message to a user who opted out", "messages to users who opted out"),
            Self::LetPass => ("tolerated request", "tolerated requests"),
            Self::Content => ("odd message of a story", "odd messages of stories"),
            Self::Response => ("response the vendor does not expect", "responses the vendor does not expect"),
            Self::UnknownName => ("unknown name", "unknown names"),
            Self::PastSchedule => ("schedule in the past", "schedules in the past"),
            Self::Assumed => ("use of something assumed", "uses of something assumed"),
        };
        format!("{count} {}", if count == 1 { one } else { more })
    }

    fn is_error(self, strict: Strictness) -> bool {
        match strict {
            Strictness::Lenient => false,
            Strictness::Standard => matches!(self, Self::Signature | Self::OptedOut),
            Strictness::Strict => true,
        }
    }
}

/// One occurrence of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// Its index among the reported findings; `None` if there are too many.
    pub place: Option<usize>,
    /// Whether it is reported for the first time.
    pub first: bool,
    /// A sentence that describes it.
    pub message: String,
    /// Whether it fails a story and a run.
    pub is_error: bool,
}

/// A finding, and how often it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its kind.
    pub kind: FindingKind,
    /// The catalog id of the request or callback.
    pub id: String,
    /// The subject, for example the path of a field.
    pub what: String,
    /// Number of occurrences.
    pub count: u64,
    /// Number of occurrences that were errors.
    pub errors: u64,
    /// A sentence that describes it.
    pub message: String,
}

/// All findings.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    found: IndexMap<(FindingKind, String, String), Found>,
    /// The occurrences since they were last taken.
    latest: Vec<Finding>,
    counts: BTreeMap<FindingKind, u64>,
    /// Number of occurrences that were errors because an account is strict.
    strict_errors: u64,
}

impl Findings {
    /// Records a finding about a request or callback. `what` distinguishes it from others of its kind.
    pub(super) fn add(
        &mut self,
        strict: Strictness,
        kind: FindingKind,
        id: &str,
        what: String,
        message: impl FnOnce() -> String,
    ) {
        let is_error = kind.is_error(strict);
        self.strict_errors += u64::from(is_error && strict == Strictness::Strict);
        *self.counts.entry(kind).or_default() += 1;
        let key = (kind, id.to_owned(), what);
        if self.found.len() >= MOST && !self.found.contains_key(&key) {
            self.latest.push(Finding { kind, place: None, first: false, message: message(), is_error });
            return;
        }
        let (_, id, what) = key.clone();
        let entry = self.found.entry(key);
        let place = entry.index();
        let found =
            entry.or_insert_with(|| Found { kind, id, what, count: 0, errors: 0, message: message() });
        found.count += 1;
        found.errors += u64::from(is_error);
        let (first, message) = (found.count == 1, found.message.clone());
        self.latest.push(Finding { kind, place: Some(place), first, message, is_error });
    }

    /// Whether there are occurrences since the last time.
    pub(super) fn has_latest(&self) -> bool {
        !self.latest.is_empty()
    }

    /// Takes the occurrences since the last time.
    pub(super) fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.latest)
    }

    /// Returns all reported findings, in the order of their first occurrence.
    pub fn all(&self) -> impl Iterator<Item = &Found> {
        self.found.values()
    }

    /// Returns the finding at an index in that order.
    pub fn get(&self, place: usize) -> Option<&Found> {
        Some(self.found.get_index(place)?.1)
    }

    /// Returns the number of occurrences that were errors because their account is strict.
    pub fn strict_errors(&self) -> u64 {
        self.strict_errors
    }

    /// Returns the number of occurrences of each kind that occurred.
    pub fn counts(&self) -> &BTreeMap<FindingKind, u64> {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_again_is_counted_and_told_once() {
        let mut findings = Findings::default();
        for strict in [Strictness::Standard, Strictness::Strict, Strictness::Lenient] {
            findings.add(strict, FindingKind::UnreadField, "task.create", "Nmae".to_owned(), || {
                strict.as_str().to_owned()
            });
        }
        findings.add(Strictness::Standard, FindingKind::Signature, "chatbot", "x".to_owned(), String::new);
        let latest = findings.take();
        assert_eq!(latest.iter().map(|one| one.first).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(latest.iter().map(|one| one.is_error).collect::<Vec<_>>(), [false, true, false, true]);
        assert!(findings.take().is_empty());
        let all: Vec<&Found> = findings.all().collect();
        assert_eq!((all[0].count, all[0].errors, all[0].message.as_str()), (3, 1, "standard"));
        assert_eq!(findings.strict_errors(), 1);
        let counts: Vec<_> = findings.counts().iter().map(|(kind, count)| (*kind, *count)).collect();
        assert_eq!(counts, [(FindingKind::UnreadField, 3), (FindingKind::Signature, 1)]);
        assert_eq!(FindingKind::UnreadField.counted(3), "3 unread fields");
    }

    #[test]
    fn findings_without_end_are_counted_and_not_kept() {
        let mut findings = Findings::default();
        for at in 0..MOST + 5 {
            findings.add(Strictness::Strict, FindingKind::UnreadField, "x", at.to_string(), String::new);
        }
        assert_eq!(findings.all().count(), MOST);
        assert_eq!(findings.strict_errors(), MOST as u64 + 5);
        assert_eq!(findings.counts()[&FindingKind::UnreadField], MOST as u64 + 5);
        assert_eq!(findings.take().len(), MOST + 5);
    }
}
