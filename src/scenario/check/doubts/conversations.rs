//! Doubts about steps that wait in vain: in a conversation which nothing begins, or for what only the story itself sends.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::{Doubts, listed};
use crate::contract::Direction;
use crate::files::diagnostic::quoted;
use crate::files::tables::{spanned_text, tables, text};
use crate::scenario::story::MAIN_CONVERSATION;

/// The requests that name a conversation and don't begin one.
const IN_A_CONVERSATION: [&str; 4] =
    ["chatbot.agent_transfer_result", "chatbot.send_message", "chatbot.mark_read", "chatbot.end_session"];

/// The callbacks that the mock does not send by itself in a conversation which a story plays: what its user, its bot and its
/// agents' system say and ask.
const PLAYED: [&str; 6] = [
    "session.transfer",
    "agent.transfer",
    "message.receive",
    "message.send",
    "template.reply",
    "agent.message",
];

/// What the steps of a file do with conversations.
#[derive(Default)]
struct Uses<'t> {
    /// Those in which something is sent.
    sent: BTreeSet<&'t str>,
    /// The callbacks that are sent.
    events: BTreeSet<&'t str>,
    /// The requests and callbacks that are awaited.
    awaited: BTreeSet<&'t str>,
    /// Whether a conversation may begin otherwise: by a request, in another file, or because a template names it.
    is_open: bool,
}

impl Uses<'_> {
    /// Whether a conversation may begin with this event: it is known to belong to one, or the story sends it itself.
    fn may_begin(&self, id: &str) -> bool {
        let is_of_story = PLAYED.contains(&id) && self.events.contains(id);
        !is_of_story && !IN_A_CONVERSATION.contains(&id)
    }
}

impl Doubts<'_> {
    /// Checks that steps wait in conversations in which the story sends something, if no conversation can begin otherwise.
    pub(super) fn conversations(&mut self, tree: &DeTable<'_>) {
        let mut uses = Uses { is_open: tree.contains_key("include"), ..Uses::default() };
        note_uses(tree, "steps", &mut uses);
        uses.awaited.extend(tables(tree, "on").into_iter().filter_map(|reaction| text(reaction, "call")));
        let is_open = uses.is_open || uses.awaited.iter().any(|id| uses.may_begin(id));
        if !is_open && !uses.sent.is_empty() {
            self.waits(tree, "steps", &uses);
        }
    }

    fn waits(&mut self, tree: &DeTable<'_>, key: &str, uses: &Uses<'_>) {
        let sent = &uses.sent;
        for step in tables(tree, key) {
            if let Some((id, span)) = spanned_text(step, "await")
                && PLAYED.contains(&id)
            {
                let message = format!("only the story itself sends `{id}`, so this waits in vain");
                let help = "an `await` takes callbacks that the mock sends by itself; a `send` waits until its own is delivered";
                self.doubt(span, message, help.to_owned());
            }
            let is_request =
                |id: &str| self.catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
            let waits = text(step, "await").is_some_and(is_request);
            if let Some((name, span)) = spanned_text(step, "conversation")
                && waits
                && !sent.contains(name)
            {
                let names: Vec<&str> = sent.iter().copied().collect();
                let message = format!(
                    "the story sends nothing in the conversation {}, so this waits in vain",
                    quoted(name)
                );
                self.doubt(span, message, format!("it sends in {}", listed(&names)));
            }
            self.waits(step, "group", uses);
        }
    }
}

fn note_uses<'t>(tree: &'t DeTable<'_>, key: &str, uses: &mut Uses<'t>) {
    for step in tables(tree, key) {
        uses.is_open |= step.contains_key("include");
        uses.awaited.extend(text(step, "await"));
        if let Some(event) = text(step, "send") {
            uses.events.insert(event);
            uses.sent.insert(text(step, "conversation").unwrap_or(MAIN_CONVERSATION));
        }
        note_uses(step, "group", uses);
    }
}
