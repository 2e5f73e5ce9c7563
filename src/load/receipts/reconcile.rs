//! Comparing the receiver's list with what was sent.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::list::Receipt;
use crate::files::diagnostic::joined;
use crate::load::report::{Histogram, MOST_NAMED, Receipts};

/// An event with its ids.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identified {
    /// The ids in its body, each with the path of its field.
    pub(crate) ids: Vec<(String, String)>,
    /// When it was written.
    pub(crate) sent: Timestamp,
    /// Whether it was answered as wanted.
    pub(crate) is_ok: bool,
}

/// How often an id was sent, and how often it is listed.
#[derive(Default)]
struct Tally {
    /// Rank of its field.
    rank: usize,
    sent: u64,
    accepted: u64,
    listed: u64,
    at: Option<Timestamp>,
}

/// Compares the list with what was sent, which each call of `events` iterates over. An event that was answered as wanted
/// has to be listed once for each time it was sent; any other may be listed or not.
pub(crate) fn reconcile<I: Iterator<Item = Identified>>(
    source: &str,
    list: &[Receipt],
    events: impl Fn() -> I,
) -> Receipts {
    let all: HashSet<&str> = list.iter().flat_map(|receipt| &receipt.ids).map(String::as_str).collect();
    let mut hits: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for (path, id) in events().flat_map(|event| event.ids) {
        if all.contains(&*id) {
            hits.entry(path).or_default().insert(id);
        }
    }
    // An event has several ids: the one counts whose field has most values in the list.
    let mut fields: Vec<(String, usize)> = hits.into_iter().map(|(path, ids)| (path, ids.len())).collect();
    fields.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
    let rank = |path: &str| fields.iter().position(|(field, _)| field == path);
    let mut found = Receipts { source: source.to_owned(), listed: list.len() as u64, ..Receipts::default() };
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut tallies: HashMap<String, Tally> = HashMap::new();
    for event in events() {
        let ranked = event.ids.into_iter().filter_map(|(path, id)| Some((rank(&path)?, id)));
        let Some((rank, id)) = ranked.min_by_key(|(rank, _)| *rank) else {
            found.uncompared += u64::from(event.is_ok);
            continue;
        };
        used.insert(rank);
        let tally = tallies.entry(id).or_insert_with(|| Tally { rank, ..Tally::default() });
        tally.sent += 1;
        tally.accepted += u64::from(event.is_ok);
        tally.at.get_or_insert(event.sent);
    }
    found.field = used.iter().map(|rank| fields[*rank].0.as_str()).collect::<Vec<_>>().join("`, `");
    if tallies.is_empty() && list.is_empty() {
        (found.accepted, found.lost) = (found.uncompared, found.uncompared);
        found.uncompared = 0;
    } else if tallies.is_empty() {
        // Such a list is more likely of something else than the receiver one that loses everything.
        found.error = strange(source, list, events());
    }
    let mut received = Histogram::fine();
    for receipt in list {
        let known = receipt.ids.iter().filter_map(|id| Some((tallies.get(id)?.rank, id)));
        let known = known.min_by_key(|(rank, _)| *rank).map(|(_, id)| id);
        let Some(tally) = known.and_then(|id| tallies.get_mut(id)) else {
            found.unknown += 1;
            if found.unknown_ids.len() < MOST_NAMED {
                found.unknown_ids.extend(receipt.ids.first().cloned());
            }
            continue;
        };
        tally.listed += 1;
        if let (Some(sent), Some(at)) = (tally.at, receipt.at) {
            received.record(at.duration_since(sent).try_into().unwrap_or_default());
        }
    }
    let (mut lost, mut doubled) = (Vec::new(), Vec::new());
    for (id, tally) in tallies {
        found.accepted += tally.accepted;
        found.lost += tally.accepted.saturating_sub(tally.listed);
        found.doubled += tally.listed.saturating_sub(tally.sent);
        found.unanswered += tally.listed.min(tally.sent).saturating_sub(tally.accepted);
        if tally.listed < tally.accepted {
            lost.push(id);
        } else if tally.listed > tally.sent {
            doubled.push(id);
        }
    }
    for ids in [&mut lost, &mut doubled] {
        ids.sort_unstable();
        ids.truncate(MOST_NAMED);
    }
    (found.lost_ids, found.doubled_ids) = (lost, doubled);
    found.received = (received.count() > 0).then_some(received);
    found
}

/// That no entry of a list is of this run, with what it lists and what was sent.
fn strange(source: &str, list: &[Receipt], mut events: impl Iterator<Item = Identified>) -> String {
    let listed = list.iter().find_map(|receipt| receipt.ids.first());
    let listed = listed.map(|id| format!(", such as `{id}`")).unwrap_or_default();
    let sent = events.next().map(|event| {
        let ids: Vec<String> = event.ids.iter().map(|(path, id)| format!("`{path}` {id}")).collect();
        format!("; the first that was sent has {}", joined(&ids, "and"))
    });
    format!(
        "nothing in {source} ({} listed{listed}) is an id in a callback of this run{}",
        list.len(),
        sent.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn moment(millis: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_millis(millis)
    }

    /// Events with an id of their own and one that two share.
    fn events(count: u64) -> Vec<Identified> {
        let event = |number: u64| Identified {
            ids: vec![
                ("call_id".to_owned(), format!("c{}", number / 2)),
                ("user.id".to_owned(), format!("u{number}")),
            ],
            sent: moment(number),
            is_ok: true,
        };
        (0..count).map(event).collect()
    }

    fn listed(ids: impl IntoIterator<Item = String>) -> Vec<Receipt> {
        ids.into_iter().map(|id| Receipt { ids: vec![id], at: None }).collect()
    }

    fn compare(list: &[Receipt], events: &[Identified]) -> Receipts {
        reconcile("ids.txt", list, || events.iter().cloned())
    }

    #[test]
    fn all_is_well_if_every_id_is_listed_once() {
        let events = events(100);
        let found = compare(&listed((0..100).map(|number| format!("u{number}"))), &events);
        assert_eq!((found.accepted, found.lost, found.doubled, found.unknown), (100, 0, 0, 0));
        assert_eq!(found.field, "user.id");
        assert!(!found.is_wrong());
        // An id that two events share has to be listed twice.
        let found = compare(&listed((0..100).map(|number| format!("c{}", number / 2))), &events);
        assert_eq!((found.field.as_str(), found.lost, found.doubled), ("call_id", 0, 0));
    }

    #[test]
    fn a_receiver_that_loses_one_in_a_hundred_is_found() {
        let events = events(10_000);
        let kept = (0..10_000).filter(|number| number % 100 != 7).map(|number| format!("u{number}"));
        let found = compare(&listed(kept), &events);
        assert_eq!((found.lost, found.doubled, found.unknown, found.listed), (100, 0, 0, 9_900));
        assert_eq!(found.lost_ids.len(), MOST_NAMED);
        assert!(found.is_wrong());
    }

    #[test]
    fn what_is_doubled_and_what_is_unknown_is_found() {
        let ids = (0..10).map(|number| format!("u{number}")).chain(["u3", "u3", "zz"].map(str::to_owned));
        let found = compare(&listed(ids), &events(10));
        assert_eq!((found.lost, found.doubled, found.unknown), (0, 2, 1));
        assert_eq!((found.doubled_ids, found.unknown_ids), (vec!["u3".to_owned()], vec!["zz".to_owned()]));
    }

    #[test]
    fn what_was_not_accepted_may_be_listed_or_not() {
        let mut events = events(4);
        events[1].is_ok = false;
        events[2].is_ok = false;
        let found = compare(&listed(["u0", "u1", "u3"].map(str::to_owned)), &events);
        assert_eq!((found.accepted, found.lost, found.doubled, found.unanswered), (2, 0, 0, 1));
    }

    #[test]
    fn an_empty_list_loses_everything_and_a_foreign_one_is_not_compared() {
        let events = events(3);
        let found = compare(&[], &events);
        assert_eq!((found.lost, found.accepted, found.error.as_str()), (3, 3, ""));
        let found = compare(&listed(["x".to_owned()]), &events);
        assert_eq!((found.lost, found.uncompared, found.unknown), (0, 3, 1));
        assert!(found.is_wrong(), "whoever asks for a comparison and gets none has to hear of it");
        assert_eq!(
            found.error,
            "nothing in ids.txt (1 listed, such as `x`) is an id in a callback of this run; the first that was sent has `call_id` \
             c0 and `user.id` u0"
        );
    }

    #[test]
    fn whole_callbacks_are_a_list_of_their_ids() {
        let events = events(10);
        let whole = |event: &Identified| Receipt {
            ids: event.ids.iter().map(|(_, id)| id.clone()).collect(),
            at: None,
        };
        let mut list: Vec<Receipt> = events.iter().map(whole).collect();
        assert!(!compare(&list, &events).is_wrong());
        list.remove(4);
        let found = compare(&list, &events);
        assert_eq!((found.lost, found.lost_ids), (1, vec!["u4".to_owned()]));
    }

    #[test]
    fn steps_may_carry_the_same_id_in_different_fields() {
        let event = |path: &str| Identified {
            ids: vec![(path.to_owned(), "c1".to_owned())],
            sent: moment(0),
            is_ok: true,
        };
        let events = [event("transfer.call_id"), event("call_id"), event("session.call_id")];
        let found = compare(&listed(["c1"; 3].map(str::to_owned)), &events);
        assert_eq!((found.accepted, found.lost, found.doubled), (3, 0, 0));
        assert_eq!(compare(&listed(["c1"; 2].map(str::to_owned)), &events).lost, 1);
    }

    #[test]
    fn the_time_of_receipt_counts_from_the_sending() {
        let list = [Receipt { ids: vec!["u5".to_owned()], at: Some(moment(25)) }];
        let found = compare(&list, &events(6));
        assert_eq!(found.received.unwrap().max().as_millis(), 20);
    }
}
