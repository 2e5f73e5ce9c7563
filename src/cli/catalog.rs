//! `catalog`: lists every endpoint and callback.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::format::Format;
use super::{CommandError, Exit};
use crate::contract::{Catalog, Direction, Entry, Provenance};
use crate::settings::{Flags, Settings};

/// The arguments of `catalog`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// The output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only the entries of this group, for example `chatbot`. Part of the name is enough.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// List the magic numbers and words instead: they make the mock do something special.
    #[arg(long, conflicts_with = "group")]
    magic: bool,
}

const AFTER: &str = "\
The provenance says where the path of an endpoint or the body of a callback comes from:
  documented  in the vendor's public documentation
  example     from an example in that documentation
  client      from a third-party client in real use
  assumed     not public; our guess, modelled on its family

If you have the vendor's own document, correct an entry under [catalog.\"ID\"] in airudder-mock.toml.

Examples:
  airudder-mock catalog --group chatbot
  airudder-mock catalog --format json | jq '.[] | select(.direction == \"callback\") | .id'";

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let Args { format, group, magic } = args;
    let settings = Settings::load(config, Flags::default()).map_err(CommandError::problems)?;
    if magic {
        return write(&super::magic::text(&settings, format));
    }
    print(&settings.catalog, format, group.as_deref())
}

/// Prints a catalog, corrected or not.
fn print(catalog: &Catalog, format: Format, group: Option<&str>) -> Result<Exit, CommandError> {
    let group = group.map(|wanted| find_group(catalog, wanted)).transpose()?;
    let entries: Vec<&Entry> =
        catalog.entries().iter().filter(|entry| group.is_none_or(|group| entry.group == group)).collect();
    let text = match format {
        Format::Table => table(&entries),
        Format::Json => json(&entries)?,
        Format::Markdown => markdown(&entries),
    };
    write(&text)
}

fn write(text: &str) -> Result<Exit, CommandError> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Who stops reading has seen enough: `airudder-mock catalog | head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed(format!("cannot write the list: {error}")))
        }
        _ => Ok(Exit::Ok),
    }
}

/// The group somebody means: its name without regard to case and separators, or a part of one name only.
fn find_group<'a>(catalog: &'a Catalog, wanted: &str) -> Result<&'a str, CommandError> {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let groups = catalog.groups();
    let text = plain(wanted);
    if let Some(group) = groups.iter().find(|group| plain(group) == text) {
        return Ok(group);
    }
    let part: Vec<&str> =
        groups.iter().copied().filter(|group| !text.is_empty() && plain(group).contains(&text)).collect();
    if let [group] = part[..] {
        return Ok(group);
    }
    let distance = |group: &str| strsim::damerau_levenshtein(&plain(group), &text);
    let near = match &part[..] {
        [] => groups
            .iter()
            .map(|group| (distance(group), *group))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, _)| *distance <= 3)
            .map(|(_, group)| format!(", did you mean `{group}`?"))
            .unwrap_or_default(),
        several => format!(", it may be {}", several.join(" or ")),
    };
    let mut message = format!("there is no group `{wanted}`{near}\n\nGroups:");
    for group in groups {
        message.push_str("\n  ");
        message.push_str(group);
    }
    Err(CommandError::usage(message))
}

/// What an entry is, in words.
fn kind(entry: &Entry) -> &'static str {
    match (entry.direction, entry.signed) {
        (Direction::Call, _) => "call",
        (Direction::Callback, true) => "callback, signed",
        (Direction::Callback, false) => "callback",
    }
}

/// One line of an entry: a call has one for each of its routes.
struct Line<'a> {
    id: &'a str,
    kind: &'static str,
    place: String,
    provenance: Provenance,
    corrected: bool,
    help: &'a str,
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry) -> Vec<Self> {
        let line = |place: String, provenance: Provenance| Self {
            id: &entry.id,
            kind: kind(entry),
            place,
            provenance,
            corrected: entry.overridden,
            help: &entry.help,
        };
        if entry.routes.is_empty() {
            return vec![line(entry.event.clone().unwrap_or_default(), entry.provenance)];
        }
        let mut lines: Vec<Self> = entry
            .routes
            .iter()
            .map(|route| line(format!("{} {}", route.method, route.path), route.provenance))
            .collect();
        for further in lines.iter_mut().skip(1) {
            (further.id, further.kind, further.help, further.corrected) = ("", "", "", false);
        }
        lines
    }

    fn provenance(&self) -> String {
        format!("{}{}", self.provenance, if self.corrected { "*" } else { "" })
    }
}

fn table(entries: &[&Entry]) -> String {
    let heading = Style::new().bold();
    let [mut ids, mut kinds, mut places, mut marks] = [0; 4];
    for entry in entries {
        for line in Line::of(entry) {
            ids = ids.max(line.id.chars().count());
            kinds = kinds.max(line.kind.len());
            places = places.max(line.place.chars().count());
            marks = marks.max(line.provenance().len());
        }
    }
    let mut out = String::new();
    let mut group = "";
    for entry in entries {
        if entry.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = &entry.group;
            let _ = writeln!(out, "{gap}{heading}{group}{heading:#}");
        }
        for line in Line::of(entry) {
            let colour = style(line.provenance);
            let provenance = line.provenance();
            let row = format!(
                "  {:ids$}  {:kinds$}  {:places$}  {colour}{provenance}{colour:#}{:gap$}  {}",
                line.id,
                line.kind,
                line.place,
                "",
                line.help,
                gap = marks - provenance.len(),
            );
            out.push_str(row.trim_end());
            out.push('\n');
        }
    }
    if entries.iter().any(|entry| entry.overridden) {
        out.push_str("\n* corrected by your settings\n");
    }
    out
}

fn style(provenance: Provenance) -> Style {
    match provenance {
        Provenance::Documented => AnsiColor::Green.on_default(),
        Provenance::Example | Provenance::Client => AnsiColor::Cyan.on_default(),
        Provenance::Assumed => AnsiColor::Yellow.on_default(),
    }
}

fn json(entries: &[&Entry]) -> Result<String, CommandError> {
    let mut text = serde_json::to_string_pretty(entries).map_err(CommandError::failed)?;
    text.push('\n');
    Ok(text)
}

fn markdown(entries: &[&Entry]) -> String {
    let mut out = String::new();
    let mut group = "";
    for entry in entries {
        if entry.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = &entry.group;
            let _ = writeln!(out, "{gap}### {group}\n");
            out.push_str("| id | kind | method and path, or event | mark | what |\n");
            out.push_str("| --- | --- | --- | --- | --- |\n");
        }
        for line in Line::of(entry) {
            let cells =
                [code(line.id), line.kind.to_owned(), code(&line.place), line.provenance(), cell(line.help)];
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }
    out
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<&'static Entry> {
        Catalog::builtin().entries().iter().collect()
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    // The whole list as Markdown stands in docs/catalog.md, which a test compares.
    #[test]
    fn the_table_is_aligned() {
        let plans: Vec<&Entry> = all().into_iter().filter(|entry| entry.group == "Calling plans").collect();
        insta::assert_snapshot!(plain(&table(&plans)));
    }

    #[test]
    fn the_json_is_an_array_of_all_entries() {
        let value: serde_json::Value = serde_json::from_str(&json(&all()).unwrap()).unwrap();
        let list = value.as_array().unwrap();
        assert_eq!(list.len(), Catalog::builtin().entries().len());
        let transfer = list.iter().find(|entry| entry["id"] == "session.transfer").unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(transfer).unwrap());
    }

    #[test]
    fn a_correction_is_starred() {
        let correction = crate::contract::EntryFile {
            event: Some("session.closed".to_owned()),
            ..crate::contract::EntryFile::default()
        };
        let catalog = Catalog::builtin().overridden([("session.end", &correction)]).unwrap();
        let text = plain(&table(&[catalog.get("session.end").unwrap()]));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn groups_are_understood_by_a_part_of_their_name() {
        let catalog = Catalog::builtin();
        for (wanted, group) in [
            ("chatbot", "Chatbot"),
            ("calling-plans", "Calling plans"),
            ("Calling Tasks", "Calling tasks"),
            ("dialer", "Predictive dialer"),
            ("sms", "SMS"),
        ] {
            assert_eq!(find_group(catalog, wanted).unwrap(), group);
        }
        for (wanted, hint) in [
            ("calling", "it may be Calling tasks or Calling plans"),
            ("chatbto", "did you mean `Chatbot`?"),
            ("hologram", "Groups:\n  Access\n  Calling tasks"),
            ("", "there is no group ``"),
        ] {
            let error = format!("{:?}", find_group(catalog, wanted).unwrap_err()).replace("\\n", "\n");
            assert!(error.contains(hint), "{wanted}: {error}");
        }
    }
}
