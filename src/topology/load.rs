//! A file in, a topology out, or everything that is wrong with it.

use super::model::Topology;
use super::problem::{Problems, Span};
use super::source::{Bundled, Files, Folder, Refusal};
use super::words;
use super::{bundle, raw, resolve, source};
use crate::base::units;
use std::path::Path;
use toml::de::DeTable;

/// More lines than any topology of [`source::FILE_BYTES_MAX`] needs. A file of nothing but broken lines costs time
/// for each.
const LINES_MAX: usize = 100_000;

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

/// Loads a topology from a file, or a bundled one by its name (`first-answer`). A regular file comes first.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn load(path: &Path, options: Options) -> Result<Loaded, Problems> {
    let shown = path.display().to_string();
    let bundled = path.to_str().and_then(|name| Some((name, bundle::text(name)?)));
    if let Some((name, text)) = bundled.filter(|_| !path.is_file()) {
        return load_text_with(&format!("{name}.toml"), text, &Bundled, options);
    }
    let bytes = match source::regular_file(path) {
        Ok(bytes) => bytes,
        Err(refusal) => return Err(unread(&shown, refusal)),
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(no_text(&shown, &error)),
    };
    let folder = Folder(path.parent().map(Path::to_path_buf).unwrap_or_default());
    load_text_with(&shown, &text, &folder, options)
}

/// Loads a topology from a text, with the default options. `name` is the file's name for people; lists and tables
/// come from `base`.
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
    let (document, errors) = DeTable::parse_recoverable(text);
    // What the parser made of a broken text is guesswork; after a key that comes twice it is not.
    let mut broken = false;
    for error in &errors {
        broken |= error.message() != DUPLICATE;
        syntax(error, text, &mut problems);
    }
    if broken {
        problems.sort();
        return Err(problems);
    }
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
    // The text before the place is the same in both; what is no text has become one character of three bytes.
    let place = Span { source: 0, start: at(valid), end: at(valid + 3) };
    problems.error(place, "this is no text: it is not UTF-8").help("save the file as UTF-8");
    problems
}

/// What the parser says of a key that comes twice.
const DUPLICATE: &str = "duplicate key";

fn syntax(error: &toml::de::Error, text: &str, problems: &mut Problems) {
    let range = error.span().unwrap_or(0..0);
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let place = Span { source: 0, start: at(range.start), end: at(range.end) };
    if error.message() == DUPLICATE {
        let key = text.get(range.clone()).unwrap_or_default();
        let full = problems.is_full();
        let problem = problems.error(place, format!("{} comes twice", words::quoted(key)));
        problem.help("take one of the two out, or give it another name");
        if let Some(first) = (!full).then(|| first_of(text, range)).flatten() {
            let first = Span { source: 0, start: at(first.start), end: at(first.end) };
            problem.also(first, "the first");
        }
        return;
    }
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (error.message(), None),
    };
    let help = match (message, expected) {
        ("string values must be quoted", _) => "write it in quotes: \"…\"".to_owned(),
        (_, Some("nothing")) => "take it out".to_owned(),
        (_, Some(expected)) => format!("expected here: {expected}"),
        (_, None) => String::new(),
    };
    problems.error(place, format!("this is no TOML: {message}")).help(help);
}

/// Where the key at `second` stood for the first time, as far as lines can tell: the same header, or the same key
/// since the last header.
fn first_of(text: &str, second: std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
    let line_start = text[..second.start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next()?.trim();
    let is_header = line.starts_with('[');
    let wanted = if is_header { line } else { text.get(second.clone())?.trim() };
    let mut end = line_start;
    while end > 0 {
        let start = text[..end - 1].rfind('\n').map_or(0, |at| at + 1);
        let line = &text[start..end];
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        let key = trimmed.split('=').next().unwrap_or_default().trim_end();
        let name = trimmed.trim_matches(['[', ']', ' ']);
        if !is_header && trimmed.starts_with('[') && name.split('.').next_back() != Some(wanted) {
            return None;
        }
        if (is_header && trimmed == wanted) || (!is_header && key == wanted) {
            let from = start + indent;
            return Some(from..from + if is_header { trimmed.len() } else { key.len() });
        }
        end = start;
    }
    None
}
