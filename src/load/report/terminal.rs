//! The summary of a run for the terminal.

use anstyle::{AnsiColor, Style};

use super::compare::Comparison;
use super::data::Report;
use super::presentation::{Cell, Mood, Presentation, Section};

/// The number of columns of text where no terminal says otherwise.
const WIDTH: usize = 100;

/// Wider text is hard to read; in narrower lines the tables break.
const READABLE: std::ops::RangeInclusive<usize> = 60..=120;

/// Column in which values begin: after the name of their line.
const INDENT: usize = 11;

/// Width of the side of a remark.
const SIDE: usize = 10;

fn style(mood: Mood) -> Style {
    match mood {
        Mood::Plain => Style::new(),
        Mood::Strong => Style::new().bold(),
        Mood::Dim => Style::new().dimmed(),
        Mood::Good => AnsiColor::Green.on_default(),
        Mood::Warn => AnsiColor::Yellow.on_default(),
        Mood::Bad => AnsiColor::Red.on_default().bold(),
    }
}

/// Renders the summary for a terminal of this width: several lines with ANSI colours, each with a line break. Conclusions
/// and the reasons why the run failed, if it did, come last.
pub fn summary(
    report: &Report,
    comparison: Option<&Comparison>,
    failed: &[String],
    width: Option<usize>,
) -> String {
    let Presentation { verdict, rate, unit, target, details, sections, remarks, .. } =
        Presentation::of(report, comparison, failed);
    let width = width.map_or(WIDTH, |width| width.clamp(*READABLE.start(), *READABLE.end()));
    let mut out = Lines { text: String::new(), title: "", width };
    out.title("Load");
    if report.void.is_some() {
        out.flow([(verdict.text, verdict.mood)]);
    }
    out.flow([(format!("{rate} {unit} to {target}"), Mood::Plain)]);
    out.flow([(
        details.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "),
        Mood::Dim,
    )]);
    for section in &sections {
        out.blank();
        out.section(section);
    }
    out.blank();
    out.title("Findings");
    for remark in remarks {
        let text: String = remark
            .pieces
            .iter()
            .map(|(code, piece)| if *code { format!("`{piece}`") } else { piece.clone() })
            .collect();
        for (index, part) in wrap(&text, width - INDENT - SIDE).into_iter().enumerate() {
            let side = if index == 0 { remark.side } else { "" };
            let style = style(remark.mood);
            out.line(&format!("{style}{side:<SIDE$}{style:#}{part}"));
        }
    }
    out.text
}

/// Lines beside the title of their section.
struct Lines {
    text: String,
    title: &'static str,
    width: usize,
}

impl Lines {
    /// Puts the title beside the next line.
    fn title(&mut self, title: &'static str) {
        self.title = title;
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn line(&mut self, text: &str) {
        let bold = style(Mood::Strong);
        let title = std::mem::take(&mut self.title);
        let line = format!("{bold}{title:<INDENT$}{bold:#}{text}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Writes texts one after the other, each in its colour, on as many lines as they need.
    fn flow(&mut self, texts: impl IntoIterator<Item = (String, Mood)>) {
        for (text, mood) in texts {
            let style = style(mood);
            for part in wrap(&text, self.width - INDENT) {
                self.line(&format!("{style}{part}{style:#}"));
            }
        }
    }

    fn section(&mut self, section: &Section) {
        self.title(section.title);
        self.flow(section.lead.iter().map(|lead| (lead.text.clone(), lead.mood)));
        if section.rows.is_empty() {
            return;
        }
        if section.columns.is_empty() {
            self.pairs(section);
        } else {
            self.table(section);
        }
    }

    /// Writes names and values, as many on a line as fit.
    fn pairs(&mut self, section: &Section) {
        let (mut line, mut width) = (String::new(), 0);
        for row in &section.rows {
            let [name, value] = &*row.cells else { continue };
            let style = style(value.mood);
            let length = name.text.chars().count() + value.text.chars().count() + 4;
            if width + length > self.width - INDENT {
                self.line(&std::mem::take(&mut line));
                width = 0;
            }
            width += length;
            line.push_str(&format!("{style}{} {}{style:#}   ", plain(&value.text), name.text));
        }
        self.line(&line);
    }

    fn table(&mut self, section: &Section) {
        let cells = |column: usize| section.rows.iter().filter_map(move |row| row.cells.get(column));
        let widths: Vec<usize> = section
            .columns
            .iter()
            .enumerate()
            .map(|(column, name)| {
                let widest = cells(column).map(|cell| cell.text.chars().count()).max();
                widest.unwrap_or_default().max(name.len())
            })
            .collect();
        let heads: Vec<Cell> =
            section.columns.iter().map(|name| Cell { text: (*name).to_owned(), mood: Mood::Dim }).collect();
        self.row(&heads, &widths);
        for row in &section.rows {
            self.row(&row.cells, &widths);
            let note = plain(&row.note);
            self.flow(
                wrap(&note, self.width - INDENT - 2).into_iter().map(|part| (format!("  {part}"), Mood::Dim)),
            );
        }
    }

    /// Writes cells, aligned to the right of their columns, the first and the last to the left.
    fn row(&mut self, cells: &[Cell], widths: &[usize]) {
        let last = widths.len().saturating_sub(1);
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let (style, text) = (style(cell.mood), plain(&cell.text));
            let cell = match index {
                0 => format!("{text:<width$}"),
                _ if index == last => text,
                _ => format!("{text:>width$}"),
            };
            line.push_str(&format!("{style}{cell}{style:#}   "));
        }
        self.line(&line);
    }
}

/// Removes terminal control characters from text of other origin.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Breaks text between words.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in plain(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{compare, samples};

    fn plain(report: &Report, baseline: Option<&Report>) -> String {
        let failed = match baseline {
            Some(_) => {
                vec!["p99>+20%: p99 is 1.83 s, above 6.13 ms; it was 5.11 ms in the baseline".to_owned()]
            }
            None => Vec::new(),
        };
        let comparison = baseline.map(|baseline| compare(baseline, report));
        anstream::adapter::strip_str(&summary(report, comparison.as_ref(), &failed, None)).to_string()
    }

    #[test]
    fn a_run_that_held() {
        insta::assert_snapshot!(plain(&samples::steady(), None));
    }

    #[test]
    fn a_stall_beside_its_baseline() {
        insta::assert_snapshot!(plain(&samples::stall(), Some(&samples::steady())));
    }

    #[test]
    fn nobody_listened() {
        insta::assert_snapshot!(plain(&samples::refused(), None));
    }

    #[test]
    fn a_search() {
        insta::assert_snapshot!(plain(&samples::search(), None));
    }

    #[test]
    fn text_from_elsewhere_controls_no_terminal() {
        let mut report = samples::refused();
        report.errors.get_mut("refused").unwrap().first = "a\u{1b}[2Jb".to_owned();
        assert!(plain(&report, None).contains("a [2Jb"));
    }
}
