//! `catalog --faults`: lists all faults.

use std::fmt::Write as _;

use serde_json::json;

use super::format::Format;
use crate::faults::{FaultName, Group};

/// Returns the heading of a group.
fn title(group: Group) -> &'static str {
    match group {
        Group::Delivery => "Which callbacks are sent, when, how often and where",
        Group::Signature => "The signature of a callback",
        Group::Body => "The body of a callback",
        Group::Connection => "The connection of a callback",
        Group::Api => "The mock's responses to requests",
    }
}

/// Returns the parameters of a fault: `count=1 after=0`.
fn parameters(name: FaultName) -> String {
    let parameters = name.parameters().iter().map(|(key, usual)| format!("{}={usual}", key.as_str()));
    parameters.collect::<Vec<_>>().join(" ")
}

/// Returns the list of all faults.
pub(super) fn text(format: Format) -> String {
    let of = |group: Group| FaultName::ALL.iter().copied().filter(move |name| name.group() == group);
    match format {
        Format::Json => {
            let all: Vec<_> = FaultName::ALL
                .iter()
                .map(|name| {
                    let parameters = name.parameters().iter();
                    let parameters: serde_json::Map<_, _> =
                        parameters.map(|(key, usual)| (key.as_str().to_owned(), json!(usual))).collect();
                    let group = name.group().as_str();
                    json!({ "name": name, "group": group, "what": name.what(), "parameters": parameters })
                })
                .collect();
            format!("{:#}\n", json!(all))
        }
        Format::Markdown => {
            let mut out = String::new();
            for group in Group::ALL {
                let _ = writeln!(out, "**{}** ({})\n", title(group), group.as_str());
                out.push_str("| fault | what happens | parameters |\n| --- | --- | --- |\n");
                for name in of(group) {
                    let said = match parameters(name) {
                        said if said.is_empty() => said,
                        said => format!("`{said}`"),
                    };
                    let _ = writeln!(out, "| `{name}` | {} | {said} |", name.what());
                }
                out.push('\n');
            }
            out.truncate(out.trim_end().len());
            out + "\n"
        }
        Format::Table => {
            let mut out = String::new();
            for group in Group::ALL {
                let _ = writeln!(out, "{}:\n", title(group));
                for name in of(group) {
                    let said = parameters(name);
                    let said = if said.is_empty() { said } else { format!(" [{said}]") };
                    let _ = writeln!(out, "  {name:30} {}{said}", name.what());
                }
                out.push('\n');
            }
            out + "A fault in one line: NAME [KEY=VALUE ...] [of ID or GROUP.*] [where FIELD=VALUE ...] [WHEN], where WHEN is\n\
                   `first 2`, `every 3rd`, `the 3rd`, `after 5` or `10%`: duplicate count=2 of session.end, every 3rd\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed() {
        for format in [Format::Json, Format::Markdown, Format::Table] {
            let text = text(format);
            for name in FaultName::ALL {
                assert!(
                    text.contains(name.as_str())
                        && text.contains(parameters(*name).split('=').next().unwrap()),
                    "{name}"
                );
            }
        }
        assert!(text(Format::Table).contains("  duplicate                      The callback is sent again"));
    }
}
