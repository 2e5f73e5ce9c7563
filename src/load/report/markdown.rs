//! The report as Markdown, suitable for a comment on a pull request.

use super::compare::Comparison;
use super::data::Report;
use super::presentation::{Cell, Mood, Presentation, Section};

/// Renders the report as Markdown, with the changes from a baseline and the reasons why the run failed, if it did.
pub fn markdown(report: &Report, comparison: Option<&Comparison>, failed: &[String]) -> String {
    let report = Presentation::of(report, comparison, failed);
    let figures = report.figures.iter().map(|figure| {
        format!("{} **{}** ({})", figure.name, escape(&figure.value.text), escape(&figure.note))
    });
    let mut blocks = vec![
        format!("### Load: {} {}, {}", escape(&report.rate), escape(&report.unit), report.verdict.text),
        figures.collect::<Vec<_>>().join(", "),
    ];
    let remarks = report.remarks.iter().map(|remark| {
        let mark = match remark.mood {
            Mood::Bad => "❌",
            Mood::Warn => "⚠️",
            _ => "ℹ️",
        };
        let text: String = remark
            .pieces
            .iter()
            .map(
                |(code, piece)| if *code { format!("<code>{}</code>", escape(piece)) } else { escape(piece) },
            )
            .collect();
        format!("- {mark} **{}:** {text}", remark.side)
    });
    blocks.push(remarks.collect::<Vec<_>>().join("\n"));
    let (details, rest): (Vec<&Section>, Vec<&Section>) =
        report.sections.iter().partition(|section| section.is_detail);
    blocks.extend(rest.into_iter().flat_map(section));
    blocks.push("<details><summary>Plan, events, responses, sender, stories</summary>".to_owned());
    let plan = report.details.iter().map(|(name, value)| format!("{name} {}", escape(value)));
    blocks.push(format!("To {}, {}.", escape(&report.target), plan.collect::<Vec<_>>().join(", ")));
    blocks.extend(details.into_iter().flat_map(section));
    blocks.push(format!("airudder-mock {}, {}", escape(&report.version), report.started));
    blocks.push("</details>\n".to_owned());
    blocks.join("\n\n")
}

fn section(section: &Section) -> Vec<String> {
    let mut blocks = vec![format!("**{}**", section.title)];
    if let Some(lead) = &section.lead {
        blocks[0].push_str(&format!(": {}", escape(&lead.text)));
    }
    if section.rows.is_empty() {
        return blocks;
    }
    let columns: &[&str] = if section.columns.is_empty() { &["", ""] } else { section.columns };
    let line =
        |cells: &mut dyn Iterator<Item = String>| format!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    let mut lines = vec![
        line(&mut columns.iter().map(|name| (*name).to_owned())),
        line(&mut columns.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }.to_owned())),
    ];
    for row in &section.rows {
        let note = if row.note.is_empty() { String::new() } else { format!(": {}", escape(&row.note)) };
        let mut notes = std::iter::once(note).chain(std::iter::repeat(String::new()));
        lines.push(line(&mut row.cells.iter().map(|text| cell(text) + &notes.next().unwrap_or_default())));
    }
    blocks.push(lines.join("\n"));
    blocks
}

fn cell(cell: &Cell) -> String {
    let text = escape(&cell.text);
    match cell.mood {
        Mood::Bad => format!("🔴 {text}"),
        Mood::Good => format!("🟢 {text}"),
        Mood::Plain | Mood::Strong | Mood::Dim | Mood::Warn => text,
    }
}

/// Escapes text so that Markdown shows it literally, also in a table.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{compare, samples};

    #[test]
    fn a_stall_beside_its_baseline() {
        let (steady, stall) = (samples::steady(), samples::stall());
        insta::assert_snapshot!(markdown(
            &stall,
            Some(&compare(&steady, &stall)),
            &["p99>+20%: p99 is 1.83 s".to_owned()]
        ));
    }

    #[test]
    fn a_search_and_no_answer_at_all() {
        insta::assert_snapshot!(format!(
            "{}\n---\n\n{}",
            markdown(&samples::search(), None, &[]),
            markdown(&samples::refused(), None, &[])
        ));
    }

    #[test]
    fn text_from_elsewhere_stays_text() {
        let mut report = samples::refused();
        report.errors.get_mut("refused").unwrap().first = "<b>|x\n| y".to_owned();
        let text = markdown(&report, None, &[]);
        assert!(text.contains("| 🔴 refused: &lt;b&gt;\\|x \\| y | 1,500 |"), "{text}");
    }
}
