//! The meaning of the `format` of a text in a file, and the check of a text against it: the formats that scenario and
//! settings files share. Formats of settings alone are in the settings.

use super::format_mistake::FormatMistake;
use super::rate::RateProfile;
use super::template;
use super::template::lint::Lint;
use super::truth;
use crate::content::Country;
use crate::contract::{Catalog, Direction, Entry, Family};
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::nearest;
use crate::net::Target;
use crate::time::{DurationRange, HumanDuration};

/// Names that exist in some templates only, so that no variable may have them.
pub(crate) const LOCAL_NAMES: [&str; 3] = ["call", "callback", "loop_index"];

/// Describes a text of a format in words.
pub(super) fn wanted(format: &str) -> Option<&'static str> {
    Some(match format {
        "callback-id" => "the id of a callback",
        "call-id" => "the id of an endpoint",
        "call-pattern" | "fault-pattern" => "the id of an endpoint, or a group such as `\"task.*\"`",
        "callback-pattern" | "fault-callbacks" => "the id of a callback, or a group such as `\"workflow.*\"`",
        "entry-id" => "the id of an endpoint or callback",
        "fault" => "a fault such as `\"duplicate of session.end, every 2nd\"`",
        "human-duration" => "a duration such as `\"2s\"`",
        "human-duration-range" => "a duration such as `\"2s\"` or `\"1s..3s\"`",
        "url" | "url-template" | "callback-url" => "a URL",
        "include" => "the path of a scenario file",
        "template" => "a text or template",
        "condition" => "a template such as `\"{{ n > 3 }}\"`",
        _ => return None,
    })
}

/// The name that faults use for downloads of recordings, which are not in the catalog.
pub const DOWNLOAD: &str = "recording.download";

/// What an entry of the catalog is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Any,
    Only(Direction),
}

/// All formats, checked against a catalog.
pub(crate) struct Formats<'a> {
    pub(crate) catalog: &'a Catalog,
}

/// Maximum length of a text that is suggested as a template, in bytes.
const LONGEST_MEANT: usize = 60;

/// Maximum number of ids of a group that are listed if none is similar to the given one.
const MOST_BESIDE: usize = 12;

impl<'a> Formats<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        Self { catalog }
    }

    /// Checks whether a text has a format.
    pub(crate) fn check(&self, format: &str, text: &str) -> Result<(), FormatMistake> {
        match format {
            "callback-id" => self.entry(text, Wanted::Only(Direction::Callback)),
            "call-id" => self.entry(text, Wanted::Only(Direction::Request)),
            "call-pattern" => self.request_pattern(text),
            "fault-pattern" => self.fault_pattern(text),
            "fault-callbacks" if text == "*" => Ok(()),
            "callback-pattern" | "fault-callbacks" => self.callback_pattern(text),
            "entry-id" => self.entry(text, Wanted::Any),
            "human-duration" => text.parse::<HumanDuration>().map(drop).map_err(FormatMistake::of),
            "human-duration-range" => text.parse::<DurationRange>().map(drop).map_err(FormatMistake::of),
            "load-rate" => text.parse::<RateProfile>().map(drop).map_err(FormatMistake::of),
            "country" => country(text),
            "locale" => locale(text),
            "url" => url(text),
            "url-template" if template::is_template(text) => well_worded(text),
            "url-template" => url(text),
            "template" => well_worded(text),
            "condition" if template::is_template(text) => well_worded(text),
            "condition" if is_truth(text) => Ok(()),
            "condition" => Err(not_a_condition(text)),
            "include" if text.trim().is_empty() => Err(FormatMistake::new("the path of a file is missing")),
            "name" => {
                let is_taken = LOCAL_NAMES.contains(&text) || template::known_names().contains(&text);
                name(text, "a variable", is_taken)
            }
            "header" => header(text),
            "field-path" => field_path(text),
            _ => Ok(()),
        }
    }

    pub(crate) fn entry(&self, id: &str, wanted: Wanted) -> Result<(), FormatMistake> {
        let Some(entry) = self.catalog.get(id) else { return Err(self.unknown(id, wanted)) };
        match wanted {
            Wanted::Only(Direction::Callback) if entry.direction == Direction::Request => {
                let message = format!("{} is a request of the integrator, not a callback", quoted(id));
                Err(FormatMistake::new(message)
                    .help("a story waits for requests with `await` and reacts to them with `call`"))
            }
            Wanted::Only(Direction::Request) if entry.direction == Direction::Callback => {
                let message = format!("{} is a callback of the vendor, not a request", quoted(id));
                Err(FormatMistake::new(message).help(format!("to react to it write `callback = \"{id}\"`")))
            }
            _ => Ok(()),
        }
    }

    /// The id of an endpoint, a group of endpoints, or all of them.
    fn request_pattern(&self, pattern: &str) -> Result<(), FormatMistake> {
        if pattern == "*" {
            return Ok(());
        }
        let Some(group) = pattern.strip_suffix(".*") else {
            if pattern.contains('*') {
                let mistake = FormatMistake::new(format!("{} does not name any requests", quoted(pattern)));
                return Err(mistake
                    .help("write an id such as `task.detail`, a group such as `task.*`, or `*` for all"));
            }
            let callback = |entry: &Entry| entry.direction == Direction::Callback;
            if self.catalog.get(pattern).is_some_and(callback) {
                let message = format!("{} is a callback of the vendor, not a request", quoted(pattern));
                return Err(FormatMistake::new(message)
                    .help("`call` is for requests of the integrator; for callbacks write `callback`"));
            }
            return self.entry(pattern, Wanted::Only(Direction::Request));
        };
        let groups: Vec<&str> =
            self.catalog.requests().filter_map(|entry| Some(entry.id.rsplit_once('.')?.0)).collect();
        if groups.contains(&group) {
            return Ok(());
        }
        let mistake = FormatMistake::new(format!("the catalog has no requests {}", quoted(pattern)));
        Err(match nearest(group, groups) {
            Some(near) => mistake.help(format!("did you mean `{near}.*`?")),
            None => mistake.help("`airudder-mock catalog` lists them all"),
        })
    }

    /// A request pattern, or the downloads of recordings.
    fn fault_pattern(&self, pattern: &str) -> Result<(), FormatMistake> {
        match self.request_pattern(pattern) {
            Err(_) if pattern == DOWNLOAD => Ok(()),
            Err(mistake) if nearest(pattern, [DOWNLOAD]).is_some() => {
                Err(mistake.help(format!("did you mean `{DOWNLOAD}`?")))
            }
            known => known,
        }
    }

    /// The id of a callback, or a group of callbacks.
    fn callback_pattern(&self, pattern: &str) -> Result<(), FormatMistake> {
        if pattern == "*" {
            return Err(FormatMistake::new("`*` stands for every callback").help("leave `event` out"));
        }
        let Some(group) = pattern.strip_suffix(".*") else {
            if pattern.contains('*') {
                let mistake = FormatMistake::new(format!("{} does not name any callbacks", quoted(pattern)));
                return Err(
                    mistake.help("write an id such as `task.finished`, or a group such as `workflow.*`")
                );
            }
            if self.catalog.get(pattern).is_some_and(|entry| entry.direction == Direction::Request) {
                let message = format!("{} is a request of the integrator, not a callback", quoted(pattern));
                return Err(FormatMistake::new(message).help("`airudder-mock catalog` lists the callbacks"));
            }
            return self.entry(pattern, Wanted::Only(Direction::Callback));
        };
        let ids = || self.catalog.callbacks().map(|callback| callback.id.as_str());
        if ids().any(|id| id.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'))) {
            return Ok(());
        }
        let mistake = FormatMistake::new(format!("the catalog has no callbacks {}", quoted(pattern)));
        let family = Family::ALL.into_iter().find(|family| family.as_str() == group);
        let near = nearest(group, ids().filter_map(|id| Some(id.rsplit_once('.')?.0)));
        Err(match (family, near) {
            (Some(family), _) => mistake.help(format!("for a whole family write `family = \"{family}\"`")),
            (None, Some(near)) => mistake.help(format!("did you mean `{near}.*`?")),
            (None, None) => mistake.help("`airudder-mock catalog` lists them all"),
        })
    }

    fn unknown(&self, id: &str, wanted: Wanted) -> FormatMistake {
        let fits = |entry: &Entry| wanted == Wanted::Any || wanted == Wanted::Only(entry.direction);
        // The cost of the comparison is the product of the lengths, and an id of a hundred letters is not a typing error.
        let near = Some(id)
            .filter(|id| id.len() <= 100)
            .and_then(|id| self.catalog.nearest(id, fits).or_else(|| self.catalog.nearest(id, |_| true)));
        let kind = match wanted {
            Wanted::Any => "entry",
            Wanted::Only(Direction::Request) => "request",
            Wanted::Only(Direction::Callback) => "callback",
        };
        let mistake = FormatMistake::new(match id.trim() {
            "" => format!("the id of the {kind} is missing"),
            _ => format!("the catalog has no {kind} {}", quoted(id)),
        });
        if let Some(near) = near {
            return mistake.help(format!("did you mean `{near}`?"));
        }
        let group = id.split_once('.').map(|(group, _)| format!("{group}."));
        let is_beside = |entry: &&Entry| group.as_ref().is_some_and(|group| entry.id.starts_with(group));
        let beside = self.catalog.entries().iter().filter(|entry| fits(entry)).filter(is_beside);
        let beside: Vec<String> = beside.map(|entry| format!("`{}`", entry.id)).collect();
        mistake.help(match beside.len() {
            1..=MOST_BESIDE => format!("there are {}", beside.join(", ")),
            _ => "`airudder-mock catalog` lists them all".to_owned(),
        })
    }
}

/// Whether a text without a template is true or false.
fn is_truth(text: &str) -> bool {
    !text.trim().is_empty() && truth(&text.into()).is_ok()
}

fn not_a_condition(text: &str) -> FormatMistake {
    let mistake = FormatMistake::new(format!("{} is not a condition", quoted(text)));
    let braced = format!("{{{{ {} }}}}", text.trim());
    if !text.trim().is_empty() && text.len() <= LONGEST_MEANT && template::check(&braced).is_ok() {
        return mistake.help(format!("did you mean `\"{braced}\"`?"));
    }
    mistake.help("write a template that is true or false, such as `\"{{ n > 3 }}\"`")
}

/// Checks that a template is valid and uses only existing words.
fn well_worded(text: &str) -> Result<(), FormatMistake> {
    template::check(text)?;
    match template::lint::lint(text).into_iter().find(|lint| !lint.is_doubt) {
        Some(Lint { range, message, help, .. }) => Err(FormatMistake { message, help, range: Some(range) }),
        None => Ok(()),
    }
}

fn country(text: &str) -> Result<(), FormatMistake> {
    let codes = Country::ALL.map(Country::code);
    if codes.contains(&text) {
        return Ok(());
    }
    let mistake = FormatMistake::new(format!("there are no people from {}", quoted(text)));
    let upper = text.to_uppercase();
    Err(match codes.iter().find(|code| **code == upper) {
        Some(code) => mistake.help(format!("write `{code}`, in capitals")),
        None => mistake.help(format!("the countries are {}", joined(&codes, "and"))),
    })
}

fn locale(text: &str) -> Result<(), FormatMistake> {
    let letters = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let mut parts = text.split('-');
    let language = parts.next().is_some_and(|part| letters(part, 2..=3));
    if language && parts.all(|part| letters(part, 2..=4)) {
        return Ok(());
    }
    Err(FormatMistake::new(format!("{} is not a language", quoted(text)))
        .help("write a language or a language and a country, such as `id` or `es-MX`"))
}

fn url(text: &str) -> Result<(), FormatMistake> {
    text.parse::<Target>().map(drop).map_err(FormatMistake::of)
}

/// Checks whether a name may be used in templates.
pub(crate) fn name(text: &str, what: &str, is_taken: bool) -> Result<(), FormatMistake> {
    let start = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !start || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let mistake = FormatMistake::new(format!("{} can't be the name of {what}", quoted(text)));
        return Err(mistake.help("a name has letters, digits and `_`, and begins with a letter or `_`"));
    }
    if is_taken {
        let mistake = FormatMistake::new(format!("the name `{text}` is taken: templates already use it"));
        let other = text.trim_start_matches('_');
        return Err(mistake.help(format!("choose another name, such as `my_{other}`")));
    }
    Ok(())
}

fn header(text: &str) -> Result<(), FormatMistake> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if ["content-length", "transfer-encoding"].iter().any(|own| own.eq_ignore_ascii_case(text)) {
        let message = format!("the header {} is written by the mock itself: leave it out", quoted(text));
        return Err(FormatMistake::new(message));
    }
    if !text.is_empty() && text.bytes().all(token) {
        return Ok(());
    }
    Err(FormatMistake::new(match text {
        "" => "the name of a header is missing".to_owned(),
        _ => format!("{} can't be the name of a header", quoted(text)),
    })
    .help("a header's name has letters, digits and dashes, such as `X-Trace-Id`"))
}

fn field_path(text: &str) -> Result<(), FormatMistake> {
    if !text.is_empty() && text.split('.').all(|part| !part.trim().is_empty()) {
        return Ok(());
    }
    Err(FormatMistake::new(match text {
        "" => "the path of a field is missing".to_owned(),
        _ => format!("{} is not the path of a field", quoted(text)),
    })
    .help("write the names of the fields separated by dots, such as `user.name`"))
}
