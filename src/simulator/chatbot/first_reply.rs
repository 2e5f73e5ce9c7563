//! A user's first reply to a template message: a press of one of its buttons, or a turn of its graph.

use super::Chosen;
use super::outcome_plan::Reply;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::message::{Content, Media, TemplateButtonKind};
use crate::seed::Rng;

/// A user's first reply to a template message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FirstReply {
    /// The turn of the template's graph that the reply takes.
    pub(super) turn: &'static str,
    /// The label of the pressed button, if any.
    pressed: Option<String>,
    /// Whether a picture is sent.
    pub(super) is_picture: bool,
}

impl FirstReply {
    /// Draws a reply of this kind. A button that the template does not have is expressed in words.
    pub(super) fn draw(chosen: &Chosen, dialogue: &'static Dialogue, reply: Reply, rng: &mut Rng) -> Self {
        let buttons = &chosen.version().button;
        let pressed = match reply {
            Reply::Button(at) => buttons.get(at).map(|button| (at, button)),
            Reply::Stop => {
                buttons.iter().enumerate().find(|(_, button)| button.kind == TemplateButtonKind::OptOut)
            }
            Reply::Text | Reply::Agent | Reply::Media => None,
        };
        let turn = match (pressed, reply) {
            (Some((at, button)), _) => dialogue.turn(chosen.template.turn(at, button.kind)),
            (None, Reply::Agent) => dialogue.turn("person"),
            (None, Reply::Media) => dialogue.turn("media"),
            (None, Reply::Stop) => dialogue.turn("stop"),
            // Words that do not raise another matter: those have outcomes of their own.
            (None, Reply::Text | Reply::Button(_)) => (0..20).find_map(|_| {
                let turn = dialogue.after(dialogue.start(), rng)?;
                (!matches!(turn, "person" | "media" | "stop")).then_some(turn)
            }),
        };
        Self {
            turn: turn.unwrap_or_else(|| dialogue.start()),
            is_picture: reply == Reply::Media,
            pressed: pressed.map(|(_, button)| button.text.clone()),
        }
    }

    /// Returns its content: the label of its button, a picture, or words.
    pub(super) fn content(
        &self,
        picture: impl FnOnce() -> String,
        words: impl FnOnce() -> String,
    ) -> Content {
        match &self.pressed {
            Some(label) => Content::Button { text: label.clone() },
            None if self.is_picture => Content::Image { media: Media { origin_url: picture(), name: None } },
            None => Content::Text { text: words() },
        }
    }
}
