//! Lists of names and tables of names and addresses, in the formats of the course: one a line.
//!
//! It reads text that is already here; where the text comes from is the business of `source`.

use super::model::{Record, Records};
use super::problem::{Problems, Span};
use super::words::quoted;
use crate::message::HostName;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The longest host name (RFC 1035, 2.3.4, without the length octets).
const NAME_CHARS_MAX: usize = 253;
/// The longest label of a host name (RFC 1035, 2.3.4).
const LABEL_CHARS_MAX: usize = 63;

/// The lines of a text with their places, without line ends, blank lines and comments (`#`).
fn lines(text: &str, source: u32, offset: u32) -> impl Iterator<Item = (&str, Span)> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |whole| {
        let at = start;
        start += whole.len();
        let line = whole.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let begin = at + (line.as_ptr() as usize - whole.as_ptr() as usize);
        let number = |at: usize| offset + u32::try_from(at).unwrap_or(u32::MAX);
        Some((line, Span { source, start: number(begin), end: number(begin + line.len()) }))
    })
}

/// Checks a host name as a file may write it.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn host_name(text: &str) -> Result<HostName, (String, String)> {
    let name = quoted(text);
    let help = "a name has letters, digits, `-`, `_` and `.`, such as www.a.com".to_owned();
    if text.is_empty() {
        return Err(("an empty name".to_owned(), help));
    }
    if text.chars().any(char::is_whitespace) {
        let help = "write one name a line, and nothing else".to_owned();
        return Err((format!("{name} has white space in it"), help));
    }
    if text.chars().count() > NAME_CHARS_MAX {
        let help = format!("a name has at most {NAME_CHARS_MAX} characters");
        return Err((format!("{name} is too long"), help));
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err((format!("{name} is no host name"), help));
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.split('.').any(|label| label.is_empty() || label.len() > LABEL_CHARS_MAX) {
        let help = format!("between dots there are 1 to {LABEL_CHARS_MAX} characters");
        return Err((format!("{name} is no host name"), help));
    }
    Ok(HostName::new(text))
}

/// The names of one list: a name a line.
pub fn names(text: &str, source: u32, offset: u32, problems: &mut Problems) -> Vec<HostName> {
    let mut names = Vec::new();
    for (line, at) in lines(text, source, offset) {
        push_name(line, at, &mut names, problems);
    }
    names
}

/// Adds a name to a list, or reports what is wrong with it.
pub fn push_name(text: &str, at: Span, names: &mut Vec<HostName>, problems: &mut Problems) {
    match host_name(text) {
        Ok(name) => names.push(name),
        Err((message, help)) => {
            problems.error(at, message).help(help);
        }
    }
}

/// Collects the lines of a table, and notices names that come twice.
#[derive(Debug, Default)]
pub struct TableReader {
    lines: Vec<Record>,
    seen: HashMap<HostName, Span>,
}

impl TableReader {
    /// Reads a text: `name address flag` a line, the flag being optional.
    pub fn text(&mut self, text: &str, source: u32, offset: u32, problems: &mut Problems) {
        for (line, at) in lines(text, source, offset) {
            self.line(line, at, problems);
        }
    }

    /// Reads one line.
    pub fn line(&mut self, line: &str, at: Span, problems: &mut Problems) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (name, address, flag) = match fields.as_slice() {
            [name, address] => (*name, *address, "A"),
            // The later edition of the course writes the class as well.
            [name, address, flag] | [name, address, flag, "IN"] => (*name, *address, *flag),
            _ => {
                let count = fields.len();
                let fields = if count == 1 { "field" } else { "fields" };
                problems
                    .error(at, format!("this line has {count} {fields}"))
                    .help("write `name address flag`, such as `www.a.com 1.2.3.4 A`");
                return;
            }
        };
        self.pair((name, at), (address, at), flag, problems);
    }

    /// Reads a name and its address, each with its place.
    pub fn pair(
        &mut self,
        (name, name_at): (&str, Span),
        (address, address_at): (&str, Span),
        flag: &str,
        problems: &mut Problems,
    ) {
        let wrong = address.split(',').find(|part| part.parse::<IpAddr>().is_err());
        if let Some(wrong) = wrong {
            let help = "write one address such as 1.2.3.4, or several with commas and no spaces";
            problems.error(address_at, format!("{} is no address", quoted(wrong))).help(help);
        }
        let name = match host_name(name) {
            Ok(name) => name,
            Err((message, help)) => {
                problems.error(name_at, message).help(help);
                return;
            }
        };
        if let Some(first) = self.seen.get(&name) {
            problems
                .warn(name_at, format!("{} comes twice in this table", quoted(name.as_str())))
                .also(*first, "the first, which counts")
                .help("take one of them out");
            return;
        }
        self.seen.insert(name.clone(), name_at);
        self.lines.push(Record { name, address: Arc::from(address), flag: Arc::from(flag) });
    }

    /// The table.
    #[must_use]
    pub fn finish(self) -> Records {
        Records::new(self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (Records, Problems) {
        let mut problems = Problems::new("t", text);
        let mut reader = TableReader::default();
        reader.text(text, 0, 0, &mut problems);
        (reader.finish(), problems)
    }

    #[test]
    fn a_table_of_the_course_is_read_with_or_without_a_last_line_end() {
        for text in [
            "www.a.com 1.2.3.4 A\nb.com 1.1.1.1,2.2.2.2",
            "\u{feff}\r\n# x\r\nwww.a.com   1.2.3.4  A \r\nb.com\t1.1.1.1,2.2.2.2 A IN\r\n",
        ] {
            let (records, problems) = table(text);
            assert!(problems.is_empty(), "{problems}");
            let lines: Vec<_> =
                records.iter().map(|r| (r.name.as_str(), &*r.address, &*r.flag)).collect();
            assert_eq!(lines, [("www.a.com", "1.2.3.4", "A"), ("b.com", "1.1.1.1,2.2.2.2", "A")]);
        }
    }

    #[test]
    fn a_bad_line_is_named_with_its_place() {
        let (_, problems) = table("a.com 1.2.3.4\n  x\nb.com 1.2.3\n");
        let places: Vec<_> = problems.iter().map(|p| problems.place(p.at.unwrap())).collect();
        assert_eq!(places, [("t", 2, 3), ("t", 3, 1)]);
        assert_eq!(problems.errors(), 2);
    }

    #[test]
    fn the_same_name_in_another_case_is_the_same_name() {
        let (records, problems) = table("a.com 1.2.3.4\nA.COM 1.2.3.5\n");
        assert_eq!((records.len(), problems.warnings(), problems.errors()), (1, 1, 0));
    }

    #[test]
    fn names_keep_to_the_rules_of_hosts() {
        for bad in ["", "a b", "a..b", ".", "ü.com", &"a".repeat(64), &"a.".repeat(127), "a\x1bb"]
        {
            assert!(host_name(bad).is_err(), "{bad:?}");
        }
        for good in ["www.a.com", "a", "A-b_c.d.", &"a".repeat(63)] {
            assert!(host_name(good).is_ok(), "{good:?}");
        }
    }
}
