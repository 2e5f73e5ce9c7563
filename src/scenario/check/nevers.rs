//! Finds `never` steps that nothing can break, because what they watch over ends with them.

use std::sync::Arc;

use super::outline::Named;
use crate::files::{Diagnostic, Problems, SourceFile};
use crate::scenario::file::StepFile;

/// A step of a story; those of a block follow it.
pub(in crate::scenario) struct Laid<'a> {
    pub(in crate::scenario) source: &'a Arc<SourceFile>,
    pub(in crate::scenario) step: &'a StepFile,
    /// What it forbids, with its place.
    pub(in crate::scenario) never: Option<&'a Named>,
    /// Number of the following steps that belong to the block.
    pub(in crate::scenario) size: usize,
}

impl Laid<'_> {
    /// Whether it forbids something until the end of its block or story.
    fn is_open(&self) -> bool {
        self.step.never.is_some() && self.step.within.is_none()
    }

    /// Whether it lets time pass before the next step.
    fn takes_time(&self) -> bool {
        let step = self.step;
        let sends = (step.send.is_some() || step.resend.is_some()) && step.wait != Some(false);
        sends || step.await_.is_some() || step.pause.is_some() || self.is_repeated_slowly()
    }

    fn is_repeated_slowly(&self) -> bool {
        self.step.every.is_some() && self.step.repeat.is_some_and(|times| times > 1)
    }

    /// Whether the story does not end before something that it has begun.
    fn outlives_its_step(&self) -> bool {
        self.step.wait == Some(false) || self.step.never.is_some() && self.step.within.is_some()
    }
}

/// The steps that a `never` watches over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Story,
    Block,
    Parallel,
}

/// Doubts each `never` without `within` that ends at once. `reacts` says whether reactions send callbacks.
pub(in crate::scenario) fn check(steps: &[Laid<'_>], reacts: bool, problems: &mut Problems) {
    let goes_on = steps.iter().any(|step| step.outlives_its_step() || reacts && step.takes_time());
    block(steps, Around::Story, goes_on, problems);
}

/// Does so with the steps of one block. `goes_on` says whether it goes on after its last step.
fn block(steps: &[Laid<'_>], around: Around, goes_on: bool, problems: &mut Problems) {
    let mut own = Vec::new();
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        own.push(at);
        at += step.size + 1;
    }
    let mut goes_on = goes_on;
    for at in own.into_iter().rev() {
        let step = &steps[at];
        let ends_at_once = around == Around::Parallel || !goes_on;
        if step.is_open() && !step.is_repeated_slowly() && ends_at_once {
            problems.extend(step.never.map(|never| doubt(step, never, around)));
        }
        let inner = &steps[at + 1..(at + 1 + step.size).min(steps.len())];
        let within = if step.step.parallel == Some(true) { Around::Parallel } else { Around::Block };
        block(inner, within, false, problems);
        goes_on |= step.takes_time() || inner.iter().any(Laid::takes_time);
    }
}

fn doubt(step: &Laid<'_>, never: &Named, around: Around) -> Diagnostic {
    let why = match around {
        Around::Story => "the story ends at once",
        Around::Block => "its block ends at once",
        Around::Parallel => "the other steps of a `parallel` block do not prolong it",
    };
    let steps = if around == Around::Parallel { "the block" } else { "the steps during which it holds" };
    Diagnostic::at(step.source, never.span.clone(), format!("nothing can break this `never`: {why}"))
        .help(format!("say for how long with `within = \"5s\"`, or put it before {steps}"))
        .doubt()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contract::Catalog;
    use crate::scenario::load::{Texts, load_text};

    /// The lines of the doubts about a story.
    fn doubted(text: &str) -> Vec<usize> {
        let path = Path::new("story.toml");
        let texts = Texts::from([(path.to_owned(), SourceFile::new("story.toml", text))]);
        let doubts = load_text(&texts, path, Catalog::builtin(), &[]).unwrap().doubts;
        let line = |one: &Diagnostic| Some(one.file.as_ref()?.place(one.span.as_ref()?.start).line);
        doubts.sorted().into_iter().filter_map(line).collect()
    }

    #[test]
    fn a_never_that_ends_at_once_is_doubted() {
        let never = "never = 'chatbot.send_message'\n";
        let send = "[[steps]]\nsend = 'session.transfer'\n";
        for (text, lines) in [
            (format!("[[steps]]\n{never}"), vec![2]),
            (format!("[[steps]]\n{never}within = '1s'\n"), vec![]),
            (format!("[[steps]]\n{never}{send}"), vec![]),
            (format!("{send}[[steps]]\n{never}"), vec![4]),
            (format!("{send}[[steps]]\n{never}[[steps]]\nset = {{ a = 1 }}\n"), vec![4]),
            (format!("{send}wait = false\n[[steps]]\n{never}"), vec![]),
            // Another one keeps the story from ending.
            (format!("[[steps]]\n{never}[[steps]]\nnever = 'chatbot.end_session'\nwithin = '1s'\n"), vec![]),
            (format!("[[steps]]\n{never}repeat = 3\nevery = '1s'\n"), vec![]),
            // A block ends before the steps behind it.
            (format!("[[steps]]\n[[steps.group]]\n{never}{send}"), vec![3]),
            (format!("[[steps]]\n[[steps.group]]\n{never}[[steps.group]]\npause = '1s'\n"), vec![]),
            (
                format!(
                    "[[steps]]\nparallel = true\n[[steps.group]]\n{never}[[steps.group]]\npause = '1s'\n{send}"
                ),
                vec![4],
            ),
            // A reaction can only send while something else goes on.
            (
                format!(
                    "{send}[[steps]]\n{never}[[on]]\ncall = 'chatbot.mark_read'\nsend = [{{ event = 'session.end' }}]\n"
                ),
                vec![],
            ),
            (
                format!(
                    "[[steps]]\n{never}[[on]]\ncall = 'chatbot.mark_read'\nsend = [{{ event = 'session.end' }}]\n"
                ),
                vec![2],
            ),
        ] {
            assert_eq!(doubted(&text), lines, "{text}");
        }
    }
}
