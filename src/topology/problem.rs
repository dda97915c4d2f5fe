//! What is wrong with a topology file: each problem with its place, the line with a caret, and the
//! remedy.
//!
//! It knows how a problem is shown, not what a topology is. Whatever a file says reaches the reader
//! only through [`Shown`], so that a hostile file cannot move a cursor.

use crate::base::{Shown, units};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// So many problems are shown in full. A person mends a handful and looks again; a hostile file has
/// a million.
pub const PROBLEMS_SHOWN_MAX: usize = 50;

/// Columns of a line that are shown on each side of the place; longer lines are cut with `…`.
const CONTEXT_COLUMNS: usize = 60;

/// Whether a file can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but probably does not do what was meant.
    Warning,
}

/// A range of bytes in one of the files that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Which file: the topology itself is 0, lists and tables follow in the order in which they
    /// were read.
    pub source: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where; none where there is no text to point into (a file that cannot be read).
    pub at: Option<Span>,
    /// Other places that belong to it, each with its words.
    pub also: Vec<(Span, String)>,
    /// What would be right.
    pub help: String,
}

impl Problem {
    fn new(severity: Severity, at: Option<Span>, message: String) -> Self {
        Self { severity, message, at, also: Vec::new(), help: String::new() }
    }

    /// Says what would be right.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = help.into();
        self
    }

    /// Names another place that belongs to the problem.
    pub fn also(&mut self, at: Span, words: impl Into<String>) -> &mut Self {
        self.also.push((at, words.into()));
        self
    }
}

/// A file that was read: its name for people, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    name: String,
    text: Arc<str>,
    /// Where each line begins, so that a place is found without reading the text up to it again.
    lines: Vec<usize>,
}

impl Source {
    fn new(name: &str, text: Arc<str>) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at);
        let lines = std::iter::once(0).chain(ends.map(|newline| newline + 1)).collect();
        Self { name: name.to_owned(), text, lines }
    }
}

/// Everything that is wrong with a topology, with the texts that it points into. `Display` gives
/// the whole report as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    sources: Vec<Source>,
    list: Vec<Problem>,
    errors: usize,
    warnings: usize,
    /// What was said of which place: nothing is said twice.
    said: HashSet<(Option<Span>, String)>,
    /// Takes what is reported beyond the limit, and again.
    spare: Box<Problem>,
}

impl Problems {
    /// No problems yet of the file with this name and text.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            sources: vec![Source::new(name, Arc::from(text))],
            list: Vec::new(),
            errors: 0,
            warnings: 0,
            said: HashSet::new(),
            spare: Box::new(Problem::new(Severity::Error, None, String::new())),
        }
    }

    /// Registers another file that problems may point into, and gives its number.
    pub fn add_source(&mut self, name: &str, text: Arc<str>) -> u32 {
        self.sources.push(Source::new(name, text));
        u32::try_from(self.sources.len() - 1).expect("far fewer files than 2^32 are read")
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, source: u32) -> Arc<str> {
        self.sources[source as usize].text.clone()
    }

    /// Reports an error.
    pub fn error(&mut self, at: Span, message: impl Into<String>) -> &mut Problem {
        self.push(Severity::Error, Some(at), message.into())
    }

    /// Reports an error that has no place in a text.
    pub fn error_without_place(&mut self, message: impl Into<String>) -> &mut Problem {
        self.push(Severity::Error, None, message.into())
    }

    /// Reports a warning.
    pub fn warn(&mut self, at: Span, message: impl Into<String>) -> &mut Problem {
        self.push(Severity::Warning, Some(at), message.into())
    }

    fn push(&mut self, severity: Severity, at: Option<Span>, message: String) -> &mut Problem {
        if !self.said.insert((at, message.clone())) {
            *self.spare = Problem::new(severity, at, message);
            return &mut self.spare;
        }
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count > PROBLEMS_SHOWN_MAX {
            *self.spare = Problem::new(severity, at, message);
            return &mut self.spare;
        }
        self.list.push(Problem::new(severity, at, message));
        self.list.last_mut().expect("one was pushed just now")
    }

    /// Whether no more errors will be shown, so that looking for a remedy is wasted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.errors >= PROBLEMS_SHOWN_MAX
    }

    /// How many errors there are, those that are not shown included.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many warnings there are, those that are not shown included.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// The names of the files that were read, the topology's own first.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.name.as_str())
    }

    /// The problems that are shown, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// Puts the problems into the order of the file.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|problem| problem.at);
    }

    /// The name of the file, the line and the column (in characters) of a place, both from 1.
    #[must_use]
    pub fn place(&self, at: Span) -> (&str, usize, usize) {
        let source = &self.sources[at.source as usize];
        let line = Line::around(source, at);
        (&source.name, line.number, line.before.chars().count() + 1)
    }

    /// One problem as plain text: title, file, line, column, the line with a caret, remedy.
    #[must_use]
    pub fn render(&self, problem: &Problem) -> String {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(String::from(Shown::new(&problem.message)));
        let mut group = Group::with_title(title);
        if let Some(at) = problem.at {
            group = self.excerpt(group, at, "");
        }
        for (at, words) in &problem.also {
            group = self.excerpt(group, *at, words);
        }
        if !problem.help.is_empty() {
            group = group.element(Level::HELP.message(String::from(Shown::new(&problem.help))));
        }
        // The renderer puts a `:::` before a source whose origin stands above; no line of a file
        // looks like it.
        let text = Renderer::plain().render(&[group]);
        let lines = text.lines().map(str::trim_end).filter(|line| line.trim() != ":::");
        lines.collect::<Vec<_>>().join("\n")
    }

    fn excerpt<'a>(&'a self, group: Group<'a>, at: Span, label: &str) -> Group<'a> {
        let (name, number, column) = self.place(at);
        let (line, range) = Line::around(&self.sources[at.source as usize], at).shown();
        let mut caret = AnnotationKind::Primary.span(range);
        if !label.is_empty() {
            caret = caret.label(label.to_owned());
        }
        let origin = Origin::path(String::from(Shown::new(name))).line(number).char_column(column);
        group.element(origin).element(Snippet::source(line).line_start(number).annotation(caret))
    }
}

/// The whole report: every problem, then how many there are.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            writeln!(f, "{}\n", self.render(problem).trim_end())?;
        }
        let hidden = self.errors + self.warnings - self.list.len();
        if hidden > 0 {
            let hidden = units::grouped(hidden as u64);
            writeln!(f, "… and {hidden} more: mend these first\n")?;
        }
        let count = |count: usize, word: &str| {
            let ending = if count == 1 { "" } else { "s" };
            format!("{} {word}{ending}", units::grouped(count as u64))
        };
        let name = Shown::new(&self.sources[0].name);
        match (self.errors, self.warnings) {
            (0, 0) => write!(f, "{name}: no problems"),
            (errors, 0) => write!(f, "{name}: {}", count(errors, "error")),
            (0, warnings) => write!(f, "{name}: {}", count(warnings, "warning")),
            (errors, warnings) => {
                write!(f, "{name}: {}, {}", count(errors, "error"), count(warnings, "warning"))
            }
        }
    }
}

impl std::error::Error for Problems {}

/// The line around a place, in three parts.
struct Line<'a> {
    number: usize,
    before: &'a str,
    inside: &'a str,
    after: &'a str,
}

impl<'a> Line<'a> {
    fn around(source: &'a Source, at: Span) -> Self {
        let text = &source.text;
        let start = floor(text, at.start as usize);
        let number = source.lines.partition_point(|line| *line <= start);
        let line_start = source.lines[number - 1];
        let line_end = source.lines.get(number).map_or(text.len(), |next| next - 1);
        let line_end = line_start + text[line_start..line_end].trim_end_matches('\r').len();
        let start = start.min(line_end);
        let end = floor(text, at.end as usize).clamp(start, line_end);
        Self {
            number,
            before: &text[line_start..start],
            inside: &text[start..end],
            after: &text[end..line_end],
        }
    }

    /// The line made safe and short, and the range of the place in it.
    fn shown(&self) -> (String, std::ops::Range<usize>) {
        let safe = |text: &str| String::from(Shown::new(&text.replace('\t', "    ")));
        // A megabyte of one line is not made safe only to be thrown away.
        let before: String = {
            let skip = self.before.chars().count().saturating_sub(CONTEXT_COLUMNS);
            let kept: String = self.before.chars().skip(skip).collect();
            if skip > 0 { format!("…{kept}") } else { kept }
        };
        let cut = |text: &str, columns: usize| {
            let kept: String = text.chars().take(columns).collect();
            if kept.len() < text.len() { format!("{kept}…") } else { kept }
        };
        let inside = safe(&cut(self.inside, 2 * CONTEXT_COLUMNS));
        let mut line = safe(&before);
        let start = line.len();
        line.push_str(&inside);
        let end = line.len();
        line.push_str(&safe(&cut(self.after, CONTEXT_COLUMNS)));
        (line, start..end)
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u32, end: u32) -> Span {
        Span { source: 0, start, end }
    }

    #[test]
    fn a_problem_shows_file_line_column_caret_and_remedy() {
        let mut problems = Problems::new("a.toml", "title = \"x\"\n\tpolicy = \"rase\"\n");
        problems
            .error(span(22, 28), "`rase` is no policy")
            .also(span(0, 5), "the title")
            .help("did you mean `race`?");
        insta::assert_snapshot!(problems.to_string(), @r#"
        error: `rase` is no policy
         --> a.toml:2:11
          |
        2 |     policy = "rase"
          |              ^^^^^^
         ::: a.toml:1:1
          |
        1 | title = "x"
          | ^^^^^ the title
          |
          = help: did you mean `race`?

        a.toml: 1 error
        "#);
    }

    #[test]
    fn what_a_file_says_cannot_move_the_cursor() {
        let text = "a = \"\x1b[2J\u{202e}\"";
        let mut problems = Problems::new("\x1b.toml", text);
        problems.error(span(5, 9), "\x1b[2J is no id");
        let shown = problems.to_string();
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown}");
        assert!(shown.contains("\\e[2J\\u{202e}"), "{shown}");
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_around_the_place() {
        let text = format!("a = {}!{}", "x".repeat(500_000), "y".repeat(500_000));
        let mut problems = Problems::new("a.toml", &text);
        problems.error(span(500_004, 500_005), "here");
        let shown = problems.to_string();
        assert!(shown.len() < 1000, "{}", shown.len());
        assert!(shown.contains("a.toml:1:500005"), "{shown}");
    }

    #[test]
    fn places_outside_the_text_do_not_panic() {
        let mut problems = Problems::new("a.toml", "ä");
        problems.error(span(1, 9), "inside a character and beyond the end");
        assert!(problems.to_string().contains("a.toml:1:1"));
    }
}
