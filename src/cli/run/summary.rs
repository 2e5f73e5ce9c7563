//! The summary at the end of a run.

use std::sync::Arc;
use std::time::Duration;

use super::report::Facts;
use super::tally::{FailureTally, Tally};
use crate::cli::assumed::Assumed;
use crate::cli::{found, say};
use crate::delivery::{CallbackId, QueuedCallback};
use crate::engine::Driver;
use crate::files::diagnostic::counted;
use crate::files::visible;
use crate::scenario::FailureKind;
use crate::time::HumanDuration;

/// Prints the summary. `again` holds the flags that make the run happen again.
pub(super) fn summary(is_quiet: bool, tally: &Tally, facts: &Facts, assumed: &Assumed, again: &str) {
    let mut lines = Vec::new();
    if !is_quiet {
        lines.push(String::new());
    }
    // Beside other stories its lines are far above. That a story was cut short has no line.
    let are_all_shown = is_quiet || tally.stories.len() > 1;
    let is_shown = |failure: &&FailureTally| are_all_shown || failure.kind == FailureKind::CutShort.as_str();
    for story in tally.stories.values().filter(|story| story.failures.iter().any(|one| is_shown(&one))) {
        lines.push(format!("✗ {}", visible(&story.name)));
        let shown = |failure: &FailureTally| format!("    {} ({})", visible(&failure.message), failure.place);
        lines.extend(story.failures.iter().filter(is_shown).map(shown));
        let skipped = story.skipped.len();
        let is_told = are_all_shown && skipped > 0;
        lines.extend(is_told.then(|| format!("    {} skipped", counted(skipped as u64, "step"))));
    }
    let (passed, failed) =
        (tally.passed(), tally.stories.values().filter(|story| story.passed == Some(false)).count());
    let unfinished = tally.stories.len() - passed - failed;
    let mut stories = format!("stories     {passed} passed, {failed} failed");
    if unfinished > 0 {
        stories.push_str(&format!(", {unfinished} not finished"));
    }
    if tally.skipped() > 0 {
        stories.push_str(&format!("; {} skipped", counted(tally.skipped() as u64, "step")));
    }
    lines.push(stories);
    let totals = facts.totals;
    let mut callbacks = format!("callbacks   {} delivered, {} failed", totals.delivered, totals.failed);
    if totals.dropped > 0 {
        callbacks.push_str(&format!(", {} dropped on purpose", totals.dropped));
    }
    let left = totals.pending + totals.in_flight + totals.waiting;
    if left > 0 {
        callbacks.push_str(&format!(", {left} not sent"));
    }
    callbacks.push_str(&format!(" of {} ({})", totals.queued, counted(totals.attempts, "attempt")));
    lines.push(callbacks);
    let mut requests =
        format!("requests    {} answered, {} of them refused", tally.requests, tally.refused_requests);
    let missed = tally.requests == 0 && tally.missed_a_request();
    if let Some(url) = facts.awaited_at.as_deref().filter(|_| missed) {
        requests = format!("requests    none arrived: does your server send them to {url}?");
    }
    if tally.requests_on_purpose > 0 {
        requests.push_str(&format!(", {} wrong on purpose", tally.requests_on_purpose));
    }
    lines.push(requests);
    if !facts.hits.is_empty() {
        lines.push(format!("on purpose  {}", facts.hits));
    }
    lines.extend(
        facts.unused_faults.iter().map(|fault| format!("never hit   the fault `{}`", visible(fault))),
    );
    if !facts.counts.is_empty() {
        lines.push(format!("found       {}", found::summed(&facts.counts)));
        if is_quiet {
            lines.extend(facts.found.iter().map(|found| format!("    {}", found::line(found))));
        }
    }
    if let Some((right, wrong)) = facts.verified {
        lines.push(format!("signatures  {right} verified, {wrong} wrong"));
    }
    if is_quiet && !tally.assumed.is_empty() {
        lines.push(format!("assumed     {} (correct them in airudder-mock.toml)", tally.assumed.join(", ")));
    }

    if tally.refused_signatures > 0 {
        lines.push(format!(
            "refused     {} of signed callbacks with 401 or 403: `airudder-mock verify` explains why a signature does not match, and \
             --trace trace.html shows each in detail",
            counted(tally.refused_signatures, "attempt")
        ));
    }
    if !facts.passed {
        lines.push(format!("reproduce   with {again}"));
    }
    let simulated = tally.last.map(|last| last.duration_since(facts.epoch));
    let simulated = simulated.and_then(|time| Duration::try_from(time).ok()).unwrap_or_default();
    lines.push(format!(
        "time        {} simulated in {}",
        HumanDuration(simulated),
        HumanDuration(facts.took)
    ));
    lines.extend(assumed.lines());
    for line in lines {
        say(&line);
    }
}

/// After an interruption, lists the callbacks that were not delivered.
pub(super) fn list_unsent(driver: &Driver) {
    const MOST: usize = 20;
    fn line((id, callback): (CallbackId, &Arc<QueuedCallback>)) -> String {
        format!("  #{} {} {}", id.0, callback.event, callback.order_key.as_deref().unwrap_or_default())
    }
    let (lines, all) = driver.look(|engine, _| {
        let lines: Vec<String> = engine.unfinished().take(MOST).map(line).collect();
        (lines, engine.unfinished().count())
    });
    if all == 0 {
        return;
    }
    say("\nnot sent:");
    lines.iter().for_each(|line| say(line));
    if all > MOST {
        say(&format!("  and {} more", all - MOST));
    }
}
