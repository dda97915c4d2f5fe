//! A file in, a topology out, or everything that is wrong with it.

use super::model::Topology;
use super::problem::{Problems, Span};
use super::source::{Bundled, Files, Folder, Refusal};
use super::words;
use super::{bundle, raw, resolve, source};
use crate::base::{Shown, units};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::DeTable;

/// More lines than any topology of [`source::FILE_BYTES_MAX`] needs. A file of nothing but broken
/// lines costs time for each.
const LINES_MAX: usize = 100_000;

/// Only texts up to this size are parsed again for what stands after a key without a value: larger
/// ones are made by programs, and time is short.
const REPARSED_BYTES_MAX: usize = 100_000;
/// So many keys without values are looked beyond.
const REPARSED_TIMES_MAX: usize = 10;

/// What the command line allows beyond what is safe by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `--allow-nonlocal`: addresses other than loopback may be bound and asked.
    pub allow_nonlocal: bool,
}

/// A topology that may be used, and what is odd about its file all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The topology.
    pub topology: Topology,
    /// Warnings; perhaps none.
    pub warnings: Problems,
}

/// Loads a topology from a file, or a bundled one by its name (`first-answer`). A regular file
/// comes first.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn load(path: &Path, options: Options) -> Result<Loaded, Problems> {
    let Opened { name, text, files } = open(path)?;
    load_text_with(&name, &text, &*files, options)
}

/// A topology's text, and where the files that it names are.
pub(super) struct Opened {
    pub name: String,
    pub text: Cow<'static, str>,
    pub files: Box<dyn Files>,
}

/// Finds a file, or a bundled topology.
pub(super) fn open(path: &Path) -> Result<Opened, Problems> {
    let bundled = path.to_str().and_then(|name| Some((name, bundle::text(name)?)));
    if let Some((name, text)) = bundled.filter(|_| !path.is_file()) {
        let name = format!("{name}.toml");
        return Ok(Opened { name, text: text.into(), files: Box::new(Bundled) });
    }
    let text = read_text(path)?.into();
    let folder = Folder(path.parent().map(Path::to_path_buf).unwrap_or_default());
    Ok(Opened { name: path.display().to_string(), text, files: Box::new(folder) })
}

/// The text of a file that a person named: a regular one, of a sensible size.
///
/// # Errors
/// Why it cannot be read.
pub fn read_text(path: &Path) -> Result<String, Problems> {
    let shown = path.display().to_string();
    let bytes = source::regular_file(path).map_err(|refusal| unread(&shown, refusal))?;
    String::from_utf8(bytes).map_err(|error| no_text(&shown, &error))
}

/// Reads a text as TOML, with every mistake of form reported at its place. None where what is left of the text would
/// be guesswork.
pub fn read_toml<'a>(text: &'a str, problems: &mut Problems) -> Option<Spanned<DeTable<'a>>> {
    let (document, mut errors) = DeTable::parse_recoverable(text);
    errors.extend(beyond_keys_without_values(text, &errors));
    // What the parser made of a broken text is guesswork; after a key that comes twice it is not.
    let broken = errors.iter().any(|error| error.message() != DUPLICATE);
    syntax(&errors, text, problems);
    (!broken).then_some(document)
}

/// Loads a topology from a text, with the default options. `name` is the file's name for people;
/// lists and tables come from `base`.
///
/// # Errors
/// Everything that is wrong, in the order of the text.
pub fn load_text(name: &str, text: &str, base: &dyn Files) -> Result<Loaded, Problems> {
    load_text_with(name, text, base, Options::default())
}

/// [`load_text`] with options.
///
/// # Errors
/// Everything that is wrong, in the order of the text.
pub fn load_text_with(
    name: &str,
    text: &str,
    base: &dyn Files,
    options: Options,
) -> Result<Loaded, Problems> {
    if let Err(refusal) = size(text) {
        return Err(unread(name, refusal));
    }
    let mut problems = Problems::new(name, text);
    let Some(document) = read_toml(text, &mut problems) else {
        problems.sort();
        return Err(problems);
    };
    let file = raw::read(&document, &mut problems);
    let topology = resolve::resolve(&stem(name), &file, base, options, &mut problems);
    problems.sort();
    if problems.errors() > 0 {
        return Err(problems);
    }
    Ok(Loaded { topology, warnings: problems })
}

/// The file's name without folders and `.toml`.
fn stem(name: &str) -> String {
    let file = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
    file.strip_suffix(".toml").unwrap_or(&file).to_owned()
}

fn size(text: &str) -> Result<(), Refusal> {
    let bytes = text.len() as u64;
    if bytes > source::FILE_BYTES_MAX {
        let help =
            format!("a topology has at most {} bytes", units::grouped(source::FILE_BYTES_MAX));
        return Err(Refusal::new(format!("{} bytes are too many", units::grouped(bytes)), help));
    }
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    if lines > LINES_MAX {
        let help = format!("a topology has at most {} lines", units::grouped(LINES_MAX as u64));
        let lines = units::grouped(lines as u64);
        return Err(Refusal::new(format!("{lines} lines are too many"), help));
    }
    Ok(())
}

fn unread(name: &str, refusal: Refusal) -> Problems {
    let mut problems = Problems::new(name, "");
    let mut help = refusal.help;
    if !Path::new(name).exists() && !name.contains(['/', '\\']) {
        let known = || bundle::names();
        let wanted = name.strip_suffix(".toml").unwrap_or(name);
        let near = words::nearest(wanted, known());
        help = match near {
            Some(near) => format!("did you mean the bundled topology `{near}`?"),
            None => format!("name a file, or a bundled topology: {}", words::list(known())),
        };
    }
    problems.error_without_place(refusal.message).help(help);
    problems
}

fn no_text(name: &str, error: &std::string::FromUtf8Error) -> Problems {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    let mut problems = Problems::new(name, &text);
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    // The text before the place is the same in both; what is no text has become one character of
    // three bytes.
    let place = Span { source: 0, start: at(valid), end: at(valid + 3) };
    problems.error(place, "this is no text: it is not UTF-8").help("save the file as UTF-8");
    problems
}

/// What the parser says of a key that comes twice.
const DUPLICATE: &str = "duplicate key";

/// The parser stops for good at a key without a value. What else is wrong is found by parsing again
/// without such lines.
fn beyond_keys_without_values(text: &str, errors: &[toml::de::Error]) -> Vec<toml::de::Error> {
    let stopped = |errors: &[toml::de::Error]| {
        let error = errors.iter().find(|error| error.message().starts_with("key with no value"));
        error.and_then(toml::de::Error::span).map(|span| span.start)
    };
    let mut found = Vec::new();
    let mut next = stopped(errors).filter(|_| text.len() <= REPARSED_BYTES_MAX);
    let mut masked = text.as_bytes().to_vec();
    for _ in 0..REPARSED_TIMES_MAX {
        let Some(at) = next else {
            break;
        };
        let start = line_start(text, at);
        let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
        masked[start..end].fill(b' ');
        let Ok(rest) = std::str::from_utf8(&masked) else {
            break;
        };
        let (_, errors) = DeTable::parse_recoverable(rest);
        next = stopped(&errors);
        let new = |error: &toml::de::Error| error.span().is_some_and(|span| span.start > end);
        found.retain(|error: &toml::de::Error| !new(error));
        found.extend(errors.into_iter().filter(new));
    }
    found
}

/// Reports what the parser says: the first problem of each line, because the others follow from it.
fn syntax(errors: &[toml::de::Error], text: &str, problems: &mut Problems) {
    let place = |error: &toml::de::Error| error.span().unwrap_or(0..0);
    let mut errors: Vec<&toml::de::Error> = errors.iter().collect();
    errors.sort_by_key(|error| place(error).start);
    let unclosed = errors.iter().any(|error| error.message().starts_with("unclosed array"));
    let mut headers_again = HashSet::new();
    let mut line: Range<usize> = 0..0;
    for error in errors {
        if problems.is_full() {
            problems.error(span(&place(error)), error.message());
            continue;
        }
        let range = place(error);
        if error.message() == DUPLICATE {
            duplicate(&range, text, &mut headers_again, problems);
        } else if !line.contains(&range.start) {
            let rest = &text[range.start..];
            line = range.start..range.start + rest.find('\n').unwrap_or(rest.len()) + 1;
            if unclosed && error.message().starts_with("missing comma between array") {
                problems
                    .error(span(&range), "this stands in a list that was not closed")
                    .help("add the missing `]` or `,` on a line above");
                // The parser takes the rest of the file for elements.
                return;
            }
            problem(error, &range, text, problems);
        }
    }
}

fn problem(error: &toml::de::Error, range: &Range<usize>, text: &str, problems: &mut Problems) {
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (error.message(), None),
    };
    let line = text[range.start..].lines().next().unwrap_or_default();
    let value = line.split(['#', ',', ']', '}']).next().unwrap_or_default().trim();
    let wants_quotes = matches!(message, "invalid boolean" | "invalid float" | "invalid integer")
        || message == "string values must be quoted";
    if wants_quotes && value.starts_with(char::is_alphanumeric) {
        problems
            .error(
                span(range),
                format!("{} is neither a figure nor in quotes", words::quoted(value)),
            )
            .help(format!("write text in quotes: \"{}\"", Shown::short(value, 40)));
        return;
    }
    let help = match (message, expected) {
        ("string values must be quoted", _) => "a value is missing here: \"…\"".to_owned(),
        (message, _) if message.contains("recurs") => {
            "nothing in a topology is nested so deeply".to_owned()
        }
        (message, _) if message.starts_with("cannot extend") => {
            "this name has a value already, so it cannot be a table".to_owned()
        }
        (_, Some("nothing")) => "take it out".to_owned(),
        (_, Some(expected)) => format!("expected here: {expected}"),
        (_, None) => String::new(),
    };
    problems.error(span(range), format!("this is no TOML: {message}")).help(help);
}

fn duplicate(
    range: &Range<usize>,
    text: &str,
    again: &mut HashSet<usize>,
    problems: &mut Problems,
) {
    let key = text.get(range.clone()).unwrap_or_default();
    if key.is_empty() {
        // A key without a name is a problem of its own.
        return;
    }
    let start = line_start(text, range.start);
    let is_header = text[start..].trim_start().starts_with('[');
    let first = first_of(text, range, is_header);
    if is_header {
        again.insert(start);
    } else if first.is_none() && header_of(text, start).is_some_and(|at| again.contains(&at)) {
        // The table came twice, which has been said; of course its keys did.
        return;
    }
    let problem = problems.error(span(range), format!("{} comes twice", words::quoted(key)));
    problem.help("take one of the two out, or give it another name");
    if let Some(first) = first {
        problem.also(span(&first), "the first");
    }
}

fn span(range: &Range<usize>) -> Span {
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source: 0, start: at(range.start), end: at(range.end) }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The lines before a line, from the last to the first, each with its start.
fn lines_before(text: &str, start: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut end = start;
    std::iter::from_fn(move || {
        let before = end.checked_sub(1)?;
        let start = line_start(text, before);
        let line = &text[start..before];
        end = start;
        Some((start, line))
    })
}

/// The start of the header that a line stands under.
fn header_of(text: &str, start: usize) -> Option<usize> {
    lines_before(text, start).find(|(_, line)| line.trim_start().starts_with('[')).map(|(at, _)| at)
}

/// Where the key at `second` stood for the first time, as far as lines can tell: the same header,
/// or the same key since the last header.
fn first_of(text: &str, second: &Range<usize>, is_header: bool) -> Option<Range<usize>> {
    let start = line_start(text, second.start);
    let line = text[start..].lines().next()?.trim();
    let wanted = if is_header { line } else { text.get(second.clone())?.trim() };
    for (start, line) in lines_before(text, start) {
        let trimmed = line.trim();
        let key = trimmed.split('=').next().unwrap_or_default().trim_end();
        let found = if is_header { trimmed } else { key };
        if found == wanted {
            let from = start + line.len() - line.trim_start().len();
            return Some(from..from + found.len());
        }
        if !is_header && trimmed.starts_with('[') {
            return None;
        }
    }
    None
}
