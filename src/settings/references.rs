//! Names and numbers of the settings that must be different, and names that must exist elsewhere in the file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::de::{DeTable, ValueDeserializer};

use super::routes::account_names;
use crate::content::dialogue::Dialogue;
use crate::files::diagnostic::{counted, quoted};
use crate::files::suggest::nearest;
use crate::files::tables::{items, key_span, spanned_text, table, tables};
use crate::files::{Diagnostic, SourceFile};
use crate::simulator::MessageTemplate;

/// Finds every mistake of this kind in a file.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let mut rules = Rules { source, found: Vec::new() };
    if let Some(calling) = table(tree, "calling") {
        rules.different(&tables(calling, "robots"), "name", "robots");
        rules.different(&tables(calling, "strategies"), "name", "strategies");
    }
    if let Some(chatbot) = table(tree, "chatbot") {
        rules.senders(tree, chatbot);
        rules.templates(chatbot);
    }
    rules.found
}

struct Rules<'a> {
    source: &'a Arc<SourceFile>,
    found: Vec<Diagnostic>,
}

impl Rules<'_> {
    fn wrong(&mut self, span: Range<usize>, message: String) -> &mut Diagnostic {
        let at = self.found.len();
        self.found.push(Diagnostic::at(self.source, span, message));
        &mut self.found[at]
    }

    /// Reports a value that an earlier table has as well.
    fn different(&mut self, tables: &[&DeTable<'_>], key: &str, what: &str) {
        let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
        for table in tables {
            let Some(value) = table.get(key) else { continue };
            let text = value.get_ref().as_str().map(str::to_lowercase);
            let text = text.or_else(|| Some(value.get_ref().as_integer()?.to_string()));
            let Some(text) = text else { continue };
            if let Some(first) = seen.get(&text) {
                let mistake = self.wrong(value.span(), format!("two {what} have the same `{key}`"));
                mistake.context = Some((first.clone(), "the first one".to_owned()));
            } else {
                seen.insert(text, value.span());
            }
        }
    }

    /// Checks the WhatsApp business accounts.
    fn senders(&mut self, tree: &DeTable<'_>, chatbot: &DeTable<'_>) {
        let senders = tables(chatbot, "waba");
        self.different(&senders, "channel_id", "WABA accounts");
        self.different(&senders, "waba_id", "WABA accounts");
        let accounts = account_names(tree);
        for (name, span) in senders.iter().filter_map(|sender| spanned_text(sender, "account")) {
            if !accounts.iter().any(|known| known == name) {
                let help = match nearest(name, accounts.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the accounts are {}", accounts.join(", ")),
                };
                self.wrong(span, format!("there is no account {}", quoted(name))).help.push(help);
            }
        }
    }

    /// Checks the message templates.
    fn templates(&mut self, chatbot: &DeTable<'_>) {
        self.different(&tables(chatbot, "templates"), "id", "templates");
        for item in items(chatbot, "templates") {
            let Some(template) = item.get_ref().as_table() else { continue };
            let versions = tables(template, "versions");
            self.different(&versions, "language", "versions of a template");
            for version in versions {
                let mut heads = ["heading", "image", "file"].iter().filter_map(|key| key_span(version, key));
                if let (Some(first), Some(second)) = (heads.next(), heads.next()) {
                    let message = "only one of `heading`, `image` and `file` can stand above the text";
                    self.wrong(second, message.to_owned()).context =
                        Some((first, "the first one".to_owned()));
                }
            }
            // The mistakes of a template that can't be read are reported elsewhere.
            let Ok(read) = MessageTemplate::deserialize(ValueDeserializer::from(item.clone())) else {
                continue;
            };
            self.turns(template, &read);
            let (samples, variables) = (read.samples.len(), read.variables());
            if let Some(span) =
                template.get("samples").map(toml::Spanned::span).filter(|_| samples > variables)
            {
                let message = format!(
                    "there {} for {}",
                    match samples {
                        1 => "is 1 sample".to_owned(),
                        more => format!("are {more} samples"),
                    },
                    counted(variables as u64, "variable")
                );
                self.wrong(span, message).help.push("a variable is written `{{1}}` in `body`".to_owned());
            }
        }
    }

    /// Checks that the turns that buttons lead to are turns of the dialogue.
    fn turns(&mut self, template: &DeTable<'_>, read: &MessageTemplate) {
        let name = read.dialogue.as_str();
        let Some(dialogue) = Dialogue::chat(name) else { return };
        for turn in items(template, "turns") {
            let Some(text) = turn.get_ref().as_str().filter(|text| !dialogue.has(text)) else { continue };
            let help = match nearest(text, dialogue.turns()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its turns are {}", dialogue.turns().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("the dialogue `{name}` has no turn {}", quoted(text));
            self.wrong(turn.span(), message).help.push(help);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn names_that_lead_nowhere_and_names_that_are_there_twice_are_reported() {
        let settings = r#"
[[accounts]]
name = "main"
app_key = "K"
app_secret = "S"

[calling]
robots = [{ name = "Ana" }, { name = "Ana" }]
strategies = [{ name = "s", rounds = [{}] }, { name = "s", rounds = [{}] }]

[[chatbot.waba]]
name = "One"
channel_id = "3709"
account = "mian"

[[chatbot.waba]]
name = "Two"
channel_id = "3709"

[[chatbot.templates]]
id = 900
name = "one"
samples = ["{name}", "more"]
turns = ["stpo"]
versions = [
    { language = "en", body = "Hi {{1}}", heading = "h", image = "https://x.example/a.png" },
    { language = "EN", body = "Hi" },
]

[[chatbot.templates]]
id = 900
name = "two"
versions = [{ language = "en", body = "Hi" }]

[[workflow_templates]]
id = 77
name = "w"
nodes = [{ id = "call", name = "Call", kind = "voice", robot = "Anna", next = "end" }, { id = "end", name = "End", kind = "end" }]
"#;
        insta::assert_snapshot!(Settings::from_text(settings).unwrap_err().to_string());
    }
}
