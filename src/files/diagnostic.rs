//! A mistake in a file, and its output: the place, the underlined text, what is wrong, and what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::read::read_within;
use super::secrets::without_secrets;

/// What a command says that ends because of mistakes.
const NOTHING_SENT: &str = ", nothing was sent";

/// Returns a text without the statement that nothing was sent, for a mock that goes on.
pub(crate) fn while_running(text: &str) -> String {
    text.replace(&format!("{NOTHING_SENT}\n"), "\n")
}

/// Maximum size of a file, in megabytes: no file written by hand is larger, and every mistake would have to be shown.
const LARGEST_FILE: u64 = 8;

/// Maximum number of mistakes that are shown for one file; the others are counted.
const SHOWN_PER_FILE: usize = 50;

/// Maximum length of a user's text in messages; longer ones are cut.
const LONGEST_QUOTE: usize = 60;

/// A file that was read: its path as the user would write it, and its text.
#[derive(Debug)]
pub struct SourceFile {
    path: Arc<str>,
    text: String,
    /// The offset of each line's beginning.
    lines: Vec<usize>,
}

impl SourceFile {
    /// Creates a file from a text and the name it is shown with.
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Arc::new(Self { path: path.into(), text, lines })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns one line that names the file and says why it can't be read.
    pub fn read(path: &Path) -> Result<Arc<Self>, Problems> {
        let shown = path.display().to_string();
        let fail =
            |why: &str| Problems::from(Diagnostic::general(format!("can't read {}: {why}", quoted(&shown))));
        let bytes = read_within(path, LARGEST_FILE).map_err(|error| fail(&reason(&error)))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            fail(&format!("line {line} is not UTF-8"))
        })?;
        // Some editors put a byte order mark at the beginning of a file, which would shift the first column.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self::new(shown, text))
    }

    /// Returns the path as shown.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place of a byte of the text.
    pub fn place(&self, offset: usize) -> Place {
        let line = self.lines.partition_point(|&start| start <= offset);
        Place { file: Arc::clone(&self.path), line }
    }
}

/// Returns the message of the operating system without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => {
            let text = error.to_string();
            text.split_once(" (os error").map_or(text.clone(), |(why, _)| why.to_owned())
        }
    }
}

/// A line of a file; shown as `FILE:LINE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The path as shown.
    pub file: Arc<str>,
    /// The line number, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A mistake.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// What is wrong: one line, lower case at its start.
    pub message: String,
    /// Whether it is only probably a mistake: the file can be used as it is.
    pub is_doubt: bool,
    /// The file that it is in; `None` for mistakes outside of files, such as in the environment.
    pub file: Option<Arc<SourceFile>>,
    /// The range in the file, in bytes; `None` if the file as a whole is meant.
    pub span: Option<Range<usize>>,
    /// A few words under the underlined text.
    pub label: Option<String>,
    /// Another place of the same file that is related to it, with a few words.
    pub context: Option<(Range<usize>, String)>,
    /// Additional facts, such as the file that includes this one.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// Creates a mistake at a place of a file.
    pub fn at(file: &Arc<SourceFile>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { file: Some(Arc::clone(file)), span: Some(span), ..Self::general(message) }
    }

    /// Creates a mistake of a file as a whole.
    pub fn whole(file: &Arc<SourceFile>, message: impl Into<String>) -> Self {
        Self { file: Some(Arc::clone(file)), ..Self::general(message) }
    }

    /// Creates a mistake that is not in a file.
    pub fn general(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_doubt: false,
            file: None,
            span: None,
            label: None,
            context: None,
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Turns it into something that is only probably a mistake.
    #[must_use]
    pub fn doubt(mut self) -> Self {
        self.is_doubt = true;
        self
    }

    /// Adds words under the underlined text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds another place of the same file.
    #[must_use]
    pub fn context(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.context = Some((span, label.into()));
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds advice, if there is any.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help.extend(help);
        self
    }

    fn order(&self) -> (Option<&str>, usize, usize, &str) {
        let start = self.span.as_ref().map_or(0, |span| span.start);
        let end = self.span.as_ref().map_or(0, |span| span.end);
        (self.file.as_ref().map(|file| file.path.as_ref()), start, end, &self.message)
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = if self.is_doubt { Level::WARNING } else { Level::ERROR };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if let Some(file) = &self.file {
            group = match &self.span {
                Some(span) => group.element(self.snippet(file, span)),
                None => group.element(Origin::path(file.path.as_ref())),
            };
        }
        let group = group
            .elements(self.notes.iter().map(|note| Level::NOTE.message(note.as_str())))
            .elements(self.help.iter().map(|help| Level::HELP.message(help.as_str())));
        renderer.render(&[group])
    }

    /// Passes only the relevant lines to the renderer, so that a large file costs no more than a small one.
    fn snippet<'a>(
        &'a self,
        file: &'a SourceFile,
        span: &Range<usize>,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let text = file.text.as_str();
        let span = on_characters(text, span);
        let context = self.context.as_ref().map(|(range, label)| (on_characters(text, range), label));
        let first = context.as_ref().map_or(span.start, |(range, _)| range.start.min(span.start));
        let last = context.as_ref().map_or(span.end, |(range, _)| range.end.max(span.end));
        let from = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let to = text[last..].find('\n').map_or(text.len(), |newline| last + newline);
        let shift = |range: Range<usize>| range.start - from..range.end - from;
        let primary = AnnotationKind::Primary.span(shift(span)).label(self.label.as_deref());
        let snippet = Snippet::source(without_secrets(&text[from..to]))
            .line_start(file.place(from).line)
            .path(file.path.as_ref())
            .annotation(primary);
        match context {
            Some((range, label)) => {
                snippet.annotation(AnnotationKind::Context.span(shift(range)).label(label.as_str()))
            }
            None => snippet,
        }
    }
}

/// Returns the nearest range that begins and ends between characters, on one line.
fn on_characters(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = boundary_before(text, range.start);
    let end = boundary_after(text, range.end.max(start));
    // Of a span over several lines only the first is shown: the others add no information.
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    start..end.min(line_end)
}

/// Returns the last offset, at or before the given one, where a character begins.
pub(super) fn boundary_before(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Returns the first offset, at or after the given one, where a character begins.
fn boundary_after(text: &str, offset: usize) -> usize {
    (offset..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

/// All mistakes found. Shown sorted by file and position, each once.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Diagnostic>,
}

impl Problems {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mistake.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether all of them are doubts.
    pub fn are_doubts(&self) -> bool {
        self.list.iter().all(|one| one.is_doubt)
    }

    /// Returns every mistake, sorted and without duplicates: those of a file that is included twice are returned once.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.list.iter().collect();
        sorted.sort_by(|a, b| a.order().cmp(&b.order()));
        sorted.dedup_by(|a, b| a.order() == b.order());
        sorted
    }

    /// Returns the value if there is no mistake.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Formats everything for the terminal, with colours, which the output stream removes where they don't belong. The last
    /// line has the total and its consequence.
    pub fn render(&self) -> String {
        format!("{}{}{NOTHING_SENT}\n", self.list(&Renderer::styled()), self.total())
    }

    /// Like [`Self::render`], for a command that would not have sent anything.
    pub fn render_checked(&self) -> String {
        format!("{}{}\n", self.list(&Renderer::styled()), self.total())
    }

    /// Formats the doubts, for a command that goes on in spite of them.
    pub fn render_doubts(&self) -> String {
        self.list(&Renderer::styled()).trim_end().to_owned() + "\n"
    }

    /// Formats every mistake as a sentence with advice, without its place: for input that is not from a file.
    pub fn sentences(&self) -> String {
        let one = |one: &&Diagnostic| {
            let help = one.help.iter().map(|help| format!("; {help}"));
            format!("{}{}", one.message, help.collect::<String>())
        };
        self.sorted().iter().map(one).collect::<Vec<_>>().join(". ")
    }

    /// Formats the total: `3 problems in 2 files`.
    pub fn total(&self) -> String {
        let sorted = self.sorted();
        let files: BTreeSet<&str> =
            sorted.iter().filter_map(|one| one.file.as_ref()).map(|file| file.path.as_ref()).collect();
        let problems = counted(sorted.len() as u64, "problem");
        match files.len() as u64 {
            0 => problems,
            count => format!("{problems} in {}", counted(count, "file")),
        }
    }

    fn list(&self, renderer: &Renderer) -> String {
        let mut text = String::new();
        let mut shown = 0;
        let mut left = 0;
        let sorted = self.sorted();
        for (index, one) in sorted.iter().enumerate() {
            let path = |one: &Diagnostic| one.file.as_ref().map(|file| Arc::clone(&file.path));
            if shown < SHOWN_PER_FILE {
                text.push_str(one.render(renderer).trim_end());
                text.push_str("\n\n");
                shown += 1;
            } else {
                left += 1;
            }
            if sorted.get(index + 1).is_none_or(|next| path(next) != path(one)) {
                if left > 0 {
                    let file = path(one).unwrap_or_default();
                    text.push_str(&format!("... and {left} more in {file}\n\n"));
                }
                (shown, left) = (0, 0);
            }
        }
        text
    }
}

impl Extend<Diagnostic> for Problems {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.list.extend(more);
    }
}

impl From<Diagnostic> for Problems {
    fn from(one: Diagnostic) -> Self {
        Self { list: vec![one] }
    }
}

impl IntoIterator for Problems {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl fmt::Display for Problems {
    /// Formats without colours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.list(&Renderer::plain()), self.total())
    }
}

impl std::error::Error for Problems {}

/// Quotes a user's text in a message: in backticks, on one line, without control characters, cut if long.
pub fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == LONGEST_QUOTE {
            shown.push('…');
            break;
        }
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    format!("`{shown}`")
}

/// Formats a count: `1 problem`, `3 problems`, `2 entries`.
pub fn counted(number: u64, one: &str) -> String {
    format!("{number} {}", plural(number, one))
}

/// Returns the noun for this many: `story`, `stories`.
pub fn plural(number: u64, one: &str) -> String {
    match one.strip_suffix('y') {
        _ if number == 1 => one.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    }
}

/// Joins words: `a`, `b` or `c`.
pub fn joined<S: AsRef<str>>(words: &[S], last: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [head @ .., end] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", head.join(", "), end.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_sorted_and_counted() {
        let b = SourceFile::new("b.toml", "one = 1\ntwo = 2\n");
        let a = SourceFile::new("a.toml", "zażółć = 1");
        let mut problems = Problems::new();
        problems.push(Diagnostic::at(&b, 8..11, "second").label("here").help("do this"));
        problems.push(Diagnostic::at(&b, 0..3, "first").context(14..15, "see there").note("a note"));
        problems.push(Diagnostic::at(&a, 0..10, "in the middle of letters").label("cut"));
        problems.push(Diagnostic::at(&b, 0..3, "first"));
        problems.push(Diagnostic::general("somewhere else"));
        problems.push(Diagnostic::whole(&a, "the whole file"));
        insta::assert_snapshot!(problems.to_string());
    }

    #[test]
    fn many_problems_are_cut() {
        let file = SourceFile::new("a.toml", "x".repeat(100));
        let mut problems = Problems::new();
        problems.extend((0..60).map(|at| Diagnostic::at(&file, at..at + 1, "wrong")));
        let text = problems.to_string();
        assert_eq!(text.matches("error: wrong").count(), 50);
        assert!(text.ends_with("... and 10 more in a.toml\n\n60 problems in 1 file"));
    }

    #[test]
    fn spans_may_be_anything() {
        let file = SourceFile::new("a.toml", "ä\nö");
        for span in [0..0, 1..1, 1..4, 5..9, 100..200, 3..3] {
            assert!(
                Problems::from(Diagnostic::at(&file, span, "x").context(1..2, "y")).to_string().len() > 10
            );
        }
    }

    #[test]
    fn quotes_are_harmless() {
        assert_eq!(quoted("a\x1b[31m\n"), "`a\\u{1b}[31m\\n`");
        assert_eq!(quoted(&"x".repeat(80)).chars().count(), LONGEST_QUOTE + 3);
    }

    #[test]
    fn words_are_joined() {
        assert_eq!(joined(&["a"], "or"), "a");
        assert_eq!(joined(&["a", "b", "c"], "or"), "a, b or c");
    }

    #[test]
    fn places_count_lines_from_one() {
        let file = SourceFile::new("a.toml", "one\ntwo\n");
        assert_eq!(file.place(0).to_string(), "a.toml:1");
        assert_eq!(file.place(4).to_string(), "a.toml:2");
        assert_eq!(file.place(99).to_string(), "a.toml:3");
    }
}
