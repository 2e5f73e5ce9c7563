//! A fault of a callback, with all its parameters filled in.

use std::sync::Arc;
use std::time::Duration;

use super::file::FaultFile;
use super::name::FaultName;
use crate::contract::signature::Preset;

/// A fault of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackFault {
    /// The name of the fault.
    pub name: FaultName,
    /// Number of attempts of the callback that it affects.
    pub attempts: u32,
    /// The delay.
    pub after: Duration,
    /// Maximum waiting time.
    pub within: Duration,
    /// The real time over which the callback is spread.
    pub over: Duration,
    /// A count.
    pub count: u32,
    /// A number of bytes.
    pub bytes: usize,
    /// The field of the body, if one is given.
    pub field: Option<String>,
    /// The secret that signs.
    pub secret: String,
    /// The scheme that signs, if one is given.
    pub scheme: Option<Preset>,
    /// The other URL that the callback goes to, if any.
    pub to: Option<String>,
}

impl CallbackFault {
    /// Creates a fault without further parameters.
    pub fn named(name: FaultName) -> Self {
        use FaultName as Name;
        const SECOND: Duration = Duration::from_secs(1);
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            name,
            attempts: if name.is_of_attempts() { 1 } else { u32::MAX },
            after: match name {
                Name::Delay => 30 * SECOND,
                Name::Replay | Name::SignatureStale | Name::SignatureFuture => HOUR,
                _ => Duration::ZERO,
            },
            within: match name {
                Name::Hold => 60 * SECOND,
                Name::ConnectionExpectContinue => SECOND,
                _ => 10 * SECOND,
            },
            over: if name == Name::BodyTrickle { 3 * SECOND } else { SECOND },
            count: match name {
                Name::Hold => 3,
                Name::Burst => 10,
                Name::ConnectionMany => 50,
                _ => 1,
            },
            bytes: match name {
                Name::BodyChunked => 1,
                Name::BodyHuge => 1 << 20,
                _ => 10,
            },
            field: None,
            secret: if name == Name::SignatureRotated { "new-secret" } else { "other-secret" }.to_owned(),
            scheme: None,
            to: None,
        }
    }

    /// Creates it from a fault as written, if that affects callbacks.
    pub fn of(file: &FaultFile) -> Option<Self> {
        let usual = Self::named(file.kind.filter(|kind| kind.is_of_callbacks())?);
        Some(Self {
            name: usual.name,
            attempts: file.attempts.unwrap_or(usual.attempts),
            after: file.after.map_or(usual.after, |after| after.0),
            within: file.within.map_or(usual.within, |within| within.0),
            over: file.over.map_or(usual.over, |over| over.0),
            count: file.count.unwrap_or(usual.count),
            bytes: file.bytes.map_or(usual.bytes, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            field: file.field.clone(),
            secret: file.secret.clone().unwrap_or(usual.secret),
            scheme: file.scheme,
            to: file.to.clone(),
        })
    }
}

/// Adds a fault to those of a callback, unless there is one of its group already. Returns whether it was added.
pub(super) fn add(found: &mut Vec<Arc<CallbackFault>>, fault: Arc<CallbackFault>) -> bool {
    let is_first = found.iter().all(|other| other.name.group() != fault.name.group());
    if is_first {
        found.push(fault);
    }
    is_first
}

#[cfg(test)]
mod tests {
    use crate::faults::{Belongs, Faults, read_text};
    use crate::seed::Seed;
    use serde_json::{Value, json};

    fn names(faults: &mut Faults, event: &str, body: &Value) -> Vec<&'static str> {
        let mut found = Vec::new();
        faults.next_of_callback(event, body, &Belongs::default(), &mut found);
        found.iter().map(|fault| fault.name.as_str()).collect()
    }

    fn list(texts: &[&str]) -> Faults {
        Faults::new(texts.iter().map(|text| read_text(text).unwrap()).collect(), Seed(1))
    }

    #[test]
    fn the_first_of_each_group_hits_and_all_count() {
        let mut faults = list(&[
            "signature-wrong of session.end, the 2nd",
            "signature-missing of session.*, every 2nd",
            "duplicate first 3",
            "503 of task.create",
        ]);
        let mut next = |event: &str| names(&mut faults, event, &Value::Null);
        assert_eq!(next("session.end"), ["duplicate"]);
        assert_eq!(next("session.end"), ["signature-wrong", "duplicate"]);
        assert_eq!(next("task.create"), ["duplicate"]);
        assert_eq!(next("session.transfer"), [""; 0]);
        assert_eq!(next("session.transfer"), ["signature-missing"]);
        assert!(
            faults.next("task.create", &Value::Null, &Belongs::default()).is_some(),
            "a request is no callback"
        );
        let hits: Vec<_> = faults.in_force().map(|fault| (fault.matched, fault.hit)).collect();
        assert_eq!(hits, [(2, 1), (4, 1), (5, 3), (1, 1)]);
    }

    #[test]
    fn fields_of_the_body_decide() {
        let mut faults = list(&["drop where user.id=3"]);
        assert_eq!(names(&mut faults, "session.end", &json!({ "user": { "id": 3, "name": "x" } })), ["drop"]);
        assert_eq!(names(&mut faults, "session.end", &json!({ "user": { "id": 4 } })), [""; 0]);
    }

    #[test]
    fn chance_hits_the_same_callbacks() {
        let hits = |seed| {
            let mut faults = Faults::new(vec![read_text("drop 30%").unwrap()], Seed(seed));
            (0..1_000).map(|_| names(&mut faults, "session.end", &Value::Null).len()).collect::<Vec<_>>()
        };
        assert_eq!(hits(7), hits(7));
        assert_ne!(hits(7), hits(8));
        assert!((250..=350).contains(&hits(7).iter().sum::<usize>()));
    }
}
