//! A receiver that accepts nothing: undelivered callbacks stay within their limits, and nothing is lost.

use std::sync::Arc;

use jiff::Timestamp;

use super::core::Engine;
use super::room::Most;
use crate::contract::{Catalog, Direction};
use crate::delivery::{AttemptResult, ErrorClass, Failure, Policy};
use crate::journal::{Entry, Event, Kept, KeptLimits};
use crate::mock::{Builder, Options, Prepared};
use crate::scenario::{Story, StoryRun, load};
use crate::seed::Seed;
use crate::settings::Settings;

const MB: usize = 1 << 20;

fn epoch() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

/// Creates an engine with these limits that runs a number of copies of a story.
fn engine(text: &str, copies: u32, most: Most, kept: &Kept) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("story.toml");
    std::fs::write(&path, text).unwrap();
    let catalog = Catalog::builtin();
    let scenario = load::load(&path, catalog, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    let is_request = |id: &str| catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
    let story = Arc::new(Story::compile(&scenario, Policy::once(), is_request).unwrap());
    let run = |copy: u32| {
        let name = Arc::from(format!("story {copy}"));
        StoryRun::new(Arc::clone(&story), name, copy, copy + 1, Seed(u64::from(copy)), epoch())
    };
    let options = Options { max_in_flight: 4, ..Options::default() };
    let mut engine = Builder::with(Prepared::new(Settings::default()), options)
        .callback_url("http://127.0.0.1:9/hook")
        .sink(kept.clone())
        .stories((0..copies).map(run).collect())
        .engine()
        .unwrap();
    engine.dispatch.most = most;
    engine
}

fn kept() -> Kept {
    Kept::new(KeptLimits { entries: 100_000, ..KeptLimits::default() })
}

fn notes(kept: &Kept) -> Vec<String> {
    let text = |entry: Entry| match entry.event {
        Event::Note(text) => Some(text),
        _ => None,
    };
    kept.after(0).into_iter().filter_map(text).collect()
}

/// Fails every attempt at once. Returns the maximum numbers of callbacks and bytes that were unfinished at any moment.
fn deliver(engine: &mut Engine) -> (usize, usize) {
    let mut most = (0, 0);
    let now = epoch();
    loop {
        engine.advance(now);
        let outbox = &engine.dispatch.outbox;
        most = (most.0.max(engine.dispatch.unfinished()), most.1.max(outbox.bytes()));
        let Some(attempt) = engine.start(now) else { return most };
        let failure = Failure { class: ErrorClass::Refused, message: "nobody listens".to_owned() };
        let result = AttemptResult { result: Err(failure), elapsed: std::time::Duration::ZERO };
        engine.finish(&attempt, result, now);
    }
}

/// Returns a story that sends a body of this many bytes, with additional text.
fn sends(bytes: usize, beside: &str) -> String {
    let note = "x".repeat(bytes);
    format!(
        "[delivery]\nattempts = 1\n[[steps]]\nsend = \"session.end\"\nbody = {{ extra = {{ note = \"{note}\" }} }}\n{beside}\n"
    )
}

#[test]
fn copies_of_a_story_wait_for_room() {
    let kept = kept();
    let text = sends(MB / 2, "expect = { outcome = \"failed\" }");
    let mut engine = engine(&text, 40, Most { callbacks: 1_000, megabytes: 4 }, &kept);
    let (_, bytes) = deliver(&mut engine);
    assert!((4 * MB..6 * MB).contains(&bytes), "{bytes}");
    assert_eq!((engine.totals().failed, engine.stories_over()), (40, 40));
    let notes = notes(&kept);
    assert!(notes.iter().any(|note| note.contains("`spread` with `copies`")), "{notes:?}");
}

#[test]
fn repeats_wait_for_room_and_stories_take_turns() {
    let kept = kept();
    let text = sends(10, "wait = false\nrepeat = 50");
    let mut engine = engine(&text, 3, Most { callbacks: 6, megabytes: 4 }, &kept);
    engine.advance(epoch());
    assert_eq!(engine.dispatch.unfinished(), 6);
    let (callbacks, _) = deliver(&mut engine);
    assert_eq!((callbacks, engine.totals().failed, engine.stories_over()), (6, 150, 3));
    let ends = kept.after(0).into_iter().filter_map(|entry| match entry.event {
        Event::StoryFinished { .. } => Some(entry.seq),
        _ => None,
    });
    let ends: Vec<u64> = ends.collect();
    // The second and the third story have taken turns, so that they end one right after the other.
    assert!(ends[2] - ends[1] < 30, "{ends:?}");
}

#[test]
fn copies_of_a_callback_share_its_bytes_and_have_a_limit() {
    let kept = kept();
    let text = sends(MB, "wait = false\nfaults = [{ kind = \"duplicate\", count = 200 }]");
    let mut engine = engine(&text, 1, Most { callbacks: 100, megabytes: 4 }, &kept);
    let (callbacks, bytes) = deliver(&mut engine);
    assert_eq!(callbacks, 100);
    assert!(bytes < 2 * MB, "{bytes}");
    let notes = notes(&kept);
    assert!(notes.iter().any(|note| note.contains("a lower `count`")), "{notes:?}");
    // All of them are in the journal, with one body.
    assert!(kept.counts().bytes < 2 * MB, "{:?}", kept.counts());
    assert_eq!(kept.counts().dropped, 0);
}

#[test]
fn a_story_that_waits_for_room_still_runs_out_of_time() {
    let kept = kept();
    let text = format!("within = \"1m\"\n{}", sends(10, "repeat = 20\nwait = false"));
    let mut engine = engine(&text, 1, Most { callbacks: 5, megabytes: 4 }, &kept);
    engine.advance(epoch());
    let limit = epoch() + std::time::Duration::from_secs(60);
    assert_eq!((engine.dispatch.unfinished(), engine.due(epoch())), (5, None));
    engine.advance(limit);
    assert!(kept.after(0).iter().any(|entry| matches!(entry.event, Event::Failed { .. })));
}

#[test]
fn a_story_that_repeats_what_takes_no_time_lets_others_have_their_turn() {
    let kept = kept();
    let text = "[[steps]]\nset = { x = 1 }\nrepeat = 1000\n";
    let mut engine = engine(text, 2, Most::default(), &kept);
    let mut turns = 0;
    while engine.due(epoch()).is_some() {
        engine.advance(epoch());
        turns += 1;
        assert!(turns < 100);
    }
    assert!(turns >= 20, "{turns}");
    assert_eq!(engine.stories_over(), 2);
    let ends: Vec<u64> = kept.after(0).iter().map(|entry| entry.seq).collect();
    assert_eq!(ends.len(), 4);
}
