//! Reloading of a settings file that changed while the mock runs: which keys take effect at once, and which at the next start.

use std::collections::BTreeSet;
use std::path::Path;

use toml::Table;

use super::{Flags, Settings};
use crate::files::{Problems, SourceFile};

/// The top-level keys that take effect from the next request or callback on. All others are read once, when the mock starts:
/// listeners, authentication, existing objects, and outcomes drawn for called numbers.
pub const LIVE: [&str; 7] = ["assumed", "callback_url", "chatbot", "codes", "delivery", "faults", "routes"];

/// The changes of a settings file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The keys that take effect now.
    pub taken: Vec<String>,
    /// The keys that differ from the start and take effect at the next one.
    pub waiting: Vec<String>,
}

/// Compares a valid file with its previous text and with the text at the start.
pub fn changes(start: &str, before: &str, now: &str) -> Changes {
    let (start, before, now) = (table(start), table(before), table(now));
    let differ = |old: &Table| -> BTreeSet<String> {
        old.keys().chain(now.keys()).filter(|key| old.get(*key) != now.get(*key)).cloned().collect()
    };
    let is_live = |key: &String| LIVE.contains(&key.as_str());
    Changes {
        taken: differ(&before).into_iter().filter(is_live).collect(),
        waiting: differ(&start).into_iter().filter(|key| !is_live(key)).collect(),
    }
}

/// Returns the new settings, with the keys that need a restart as they were at the start.
///
/// # Errors
///
/// A new key that takes effect now depends on one that needs a restart, for example a route for a new account.
pub fn until_restart(path: &Path, start: &str, now: &str, flags: Flags) -> Result<Settings, Problems> {
    let mut holds = table(start);
    let now = table(now);
    for key in LIVE {
        match now.get(key) {
            Some(value) => holds.insert(key.to_owned(), value.clone()),
            None => holds.remove(key),
        };
    }
    Settings::of_file(&SourceFile::new(path.display().to_string(), holds.to_string()), flags)
}

/// Parses a text that was parsed before; an empty text gives an empty table.
fn table(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_at_once_is_taken_and_the_rest_waits() {
        let start = "listen = \":1\"\ncallback_url = \"http://127.0.0.1:1/\"\n";
        let now = "listen = \":2\"\n[[faults]]\ncall = \"*\"\nstatus = 500\n";
        let found = changes(start, start, now);
        assert_eq!(found.taken, ["callback_url", "faults"]);
        assert_eq!(found.waiting, ["listen"]);
        // It keeps waiting when something else changes.
        let later = format!("{now}[delivery]\nattempts = 1\n");
        let found = changes(start, now, &later);
        assert_eq!((found.taken, found.waiting), (vec!["delivery".to_owned()], vec!["listen".to_owned()]));
        let holds = until_restart(Path::new("a.toml"), start, &later, Flags::default()).unwrap();
        assert_eq!(holds.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!((holds.faults.len(), holds.policy.attempts, holds.callback_url), (1, 1, None));
    }

    #[test]
    fn what_needs_something_that_waits_waits_too() {
        let account =
            |name: &str| format!("[[accounts]]\nname = \"{name}\"\napp_key = \"k\"\napp_secret = \"s\"\n");
        let start = account("one");
        let route = "[[routes]]\nevent = \"task.*\"\naccount = \"two\"\nurl = \"http://127.0.0.1:1/\"\n";
        let now = account("two") + route;
        Settings::from_text(&now).unwrap();
        let problems = until_restart(Path::new("a.toml"), &start, &now, Flags::default()).unwrap_err();
        assert!(problems.sentences().contains("two"), "{}", problems.sentences());
    }

    #[test]
    fn keys_that_are_taken_are_keys_of_the_file() {
        let schema: serde_json::Value = serde_json::from_str(&crate::settings::schema_text()).unwrap();
        for key in LIVE {
            assert!(schema["properties"][key].is_object(), "{key}");
        }
    }
}
