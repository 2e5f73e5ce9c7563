//! `catalog`: lists every endpoint and callback.

use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::format::Format;
use super::{CommandError, Exit};
use crate::contract::{Catalog, Direction, Entry, Menu, Provenance};
use crate::files::suggest::{did_you_mean, nearest};
use crate::settings::{Flags, Settings};

/// The arguments of `catalog`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Show only this entry, by its id or by its title in the vendor's menu, with every field of its request and
    /// response or of its body.
    #[arg(value_name = "ID", conflicts_with_all = ["group", "magic", "faults", "codes", "reference"])]
    id: Option<String>,
    /// The output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// List only the entries of this group, for example `chatbot`. Part of the name is enough.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// List the magic numbers and words instead, which trigger special behaviour of the mock.
    #[arg(long, conflicts_with = "group")]
    magic: bool,
    /// List the faults instead, which can be injected with --fault, in scenarios and settings, and through the control
    /// surface.
    #[arg(long, conflicts_with_all = ["group", "magic"])]
    faults: bool,
    /// List the response codes instead, by family, each with its provenance, as `[codes]` of the settings corrects them.
    #[arg(long, conflicts_with_all = ["group", "magic", "faults"])]
    codes: bool,
    /// Print every field of every entry as one Markdown document: docs/reference.md.
    #[arg(long, conflicts_with_all = ["group", "magic", "faults", "codes", "format"])]
    reference: bool,
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
  airudder-mock catalog session.transfer
  airudder-mock catalog --faults
  airudder-mock catalog --codes
  airudder-mock catalog --format json |
          jq '.[] | select(.direction == \"callback\") | .id'";

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let Args { id, format, group, magic, faults, codes, reference } = args;
    if codes {
        let settings = Settings::load(config, Flags::default()).map_err(CommandError::problems)?;
        return super::print(&super::code_list::text(&settings.codes, format));
    }
    if faults {
        return super::print(&super::fault_list::text(format));
    }
    let settings = Settings::load(config, Flags::default()).map_err(CommandError::problems)?;
    if magic {
        return super::print(&super::magic::text(&settings, format));
    }
    if reference {
        return super::print(&super::reference::document(&settings.catalog));
    }
    match id {
        Some(id) => super::print(&super::reference::entry(find_entry(&settings.catalog, &id)?, format)?),
        None => print(&settings.catalog, format, group.as_deref()),
    }
}

/// Returns the entry with this id.
fn find_entry<'a>(catalog: &'a Catalog, id: &'a str) -> Result<&'a Entry, CommandError> {
    if let Some(entry) = catalog.get(id) {
        return Ok(entry);
    }
    let titled: Vec<&Entry> = catalog.titled(id).collect();
    match titled[..] {
        [entry] => Ok(entry),
        [_, ..] => {
            let ids: Vec<&str> = titled.iter().map(|entry| entry.id.as_str()).collect();
            Err(CommandError::usage(format!("`{id}` is the title of several entries: {}", ids.join(", "))))
        }
        [] => Err(CommandError::usage(format!(
            "there is no entry `{id}`{}",
            did_you_mean(catalog.nearest(id, |_| true))
        ))),
    }
}

/// Prints a catalog, corrected or not.
fn print(catalog: &Catalog, format: Format, group: Option<&str>) -> Result<Exit, CommandError> {
    let group = group.map(|wanted| find_group(catalog, wanted)).transpose()?;
    let is_wanted = |name: &str| group.is_none_or(|group| name == group);
    let mut entries: Vec<&Entry> = catalog.entries().iter().filter(|entry| is_wanted(&entry.group)).collect();
    let mut sections = sections(&entries);
    for menu in catalog.menus().iter().filter(|menu| is_wanted(&menu.group)) {
        sections.push(Section::of_menu(catalog, menu));
        if group.is_some() {
            entries.extend(catalog.listed(menu).map(|(_, entry)| entry));
        }
    }
    let text = match format {
        Format::Table => table(&sections),
        Format::Json => json(&entries)?,
        Format::Markdown => markdown(&sections),
    };
    super::print(&text)
}

/// Finds a group by its name without regard to case and separators, or by a part of only one name.
fn find_group<'a>(catalog: &'a Catalog, wanted: &str) -> Result<&'a str, CommandError> {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let mut groups = catalog.groups();
    groups.extend(catalog.menus().iter().map(|menu| menu.group.as_str()));
    let text = plain(wanted);
    if let Some(group) = groups.iter().find(|group| plain(group) == text) {
        return Ok(group);
    }
    let part: Vec<&str> =
        groups.iter().copied().filter(|group| !text.is_empty() && plain(group).contains(&text)).collect();
    if let [group] = part[..] {
        return Ok(group);
    }
    let near = match &part[..] {
        [] => did_you_mean(nearest(wanted, groups.iter().copied())),
        several => format!(", did you mean {}?", several.join(" or ")),
    };
    let mut message = format!("there is no group `{wanted}`{near}\n\nGroups:");
    for group in groups {
        message.push_str("\n  ");
        message.push_str(group);
    }
    Err(CommandError::usage(message))
}

/// Describes the kind of an entry.
fn kind(entry: &Entry) -> &'static str {
    match (entry.direction, entry.signed) {
        (Direction::Request, _) => "request",
        (Direction::Callback, true) => "callback, signed",
        (Direction::Callback, false) => "callback",
    }
}

/// One line of an entry. A request has one line for each of its routes.
struct Line<'a> {
    id: &'a str,
    kind: &'static str,
    place: String,
    colour: Style,
    /// Followed by a star if the entry is corrected.
    provenance: String,
    help: &'a str,
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry) -> Vec<Self> {
        let line = |place: String, provenance: Provenance, is_first: bool| {
            let of_first = |text: &'a str| if is_first { text } else { "" };
            Self {
                id: of_first(&entry.id),
                kind: if is_first { kind(entry) } else { "" },
                place,
                colour: style(provenance),
                provenance: format!("{provenance}{}", if is_first && entry.overridden { "*" } else { "" }),
                help: of_first(&entry.help),
            }
        };
        if entry.routes.is_empty() {
            return vec![line(entry.event.clone().unwrap_or_default(), entry.provenance, true)];
        }
        let routes = entry.routes.iter().enumerate();
        routes
            .map(|(at, route)| line(format!("{} {}", route.method, route.path), route.provenance, at == 0))
            .collect()
    }
}

/// The entries of a group.
struct Section<'a> {
    group: &'a str,
    lines: Vec<Line<'a>>,
}

impl<'a> Section<'a> {
    /// Returns the entries of a menu that lists them again, each with its title in the menu instead of its help.
    fn of_menu(catalog: &'a Catalog, menu: &'a Menu) -> Self {
        let lines = catalog.listed(menu).flat_map(|(title, entry)| {
            let mut lines = Line::of(entry);
            for line in &mut lines {
                line.help = if line.id.is_empty() { "" } else { title };
            }
            lines
        });
        Self { group: &menu.group, lines: lines.collect() }
    }
}

/// Groups the entries.
fn sections<'a>(entries: &[&'a Entry]) -> Vec<Section<'a>> {
    let groups = entries.chunk_by(|one, next| one.group == next.group);
    groups
        .map(|entries| Section {
            group: &entries[0].group,
            lines: entries.iter().flat_map(|entry| Line::of(entry)).collect(),
        })
        .collect()
}

/// Writes every entry, and a heading before each group.
fn grouped(
    out: &mut String,
    sections: &[Section<'_>],
    heading: impl Fn(&str) -> String,
    line: impl Fn(&Line<'_>) -> String,
) {
    for (at, section) in sections.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "\n" });
        out.push_str(&heading(section.group));
        out.extend(section.lines.iter().map(|one| format!("{}\n", line(one))));
    }
}

fn table(sections: &[Section<'_>]) -> String {
    let heading = Style::new().bold();
    let lines = || sections.iter().flat_map(|section| &section.lines);
    let width = |of: fn(&Line<'_>) -> usize| lines().map(of).max().unwrap_or(0);
    let (ids, kinds) = (width(|line| line.id.chars().count()), width(|line| line.kind.len()));
    let (places, marks) = (width(|line| line.place.chars().count()), width(|line| line.provenance.len()));
    let mut out = String::new();
    let row = |Line { id, kind, place, colour, provenance, help }: &Line<'_>| {
        let row = format!(
            "  {id:ids$}  {kind:kinds$}  {place:places$}  {colour}{provenance}{colour:#}{:gap$}  {help}",
            "",
            gap = marks - provenance.len(),
        );
        row.trim_end().to_owned()
    };
    grouped(&mut out, sections, |group| format!("{heading}{group}{heading:#}\n"), row);
    if lines().any(|line| line.provenance.ends_with('*')) {
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

fn markdown(sections: &[Section<'_>]) -> String {
    let mut out = String::new();
    let heading = |group: &str| {
        format!(
            "### {group}\n\n| id | kind | method and path, or event | provenance | description |\n| --- | --- | --- | --- | --- |\n"
        )
    };
    let row = |line: &Line<'_>| {
        let cells = [&code(line.id), line.kind, &code(&line.place), &line.provenance, &cell(line.help)];
        format!("| {} |", cells.join(" | "))
    };
    grouped(&mut out, sections, heading, row);
    out
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

/// Escapes a text for a cell of the table.
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

    // docs/catalog.md contains the whole list as Markdown; another test compares it.
    #[test]
    fn the_table_is_aligned() {
        let plans: Vec<&Entry> = all().into_iter().filter(|entry| entry.group == "Calling plans").collect();
        insta::assert_snapshot!(plain(&table(&sections(&plans))));
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
        let text = plain(&table(&sections(&[catalog.get("session.end").unwrap()])));
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
            ("workflow", "Workflow"),
            ("leads", "WorkFlow_LeadsGeneration"),
        ] {
            assert_eq!(find_group(catalog, wanted).unwrap(), group);
        }
        for (wanted, hint) in [
            ("calling", "did you mean Calling tasks or Calling plans?"),
            ("chatbto", "did you mean `Chatbot`?"),
            ("hologram", "Groups:\n  Access\n  Calling tasks"),
            ("", "there is no group ``"),
        ] {
            let error = format!("{:?}", find_group(catalog, wanted).unwrap_err()).replace("\\n", "\n");
            assert!(error.contains(hint), "{wanted}: {error}");
        }
    }
}
