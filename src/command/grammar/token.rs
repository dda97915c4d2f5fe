//! Words of a line with their places: blanks separate, `"…"` keeps blanks and frees a word from its meaning.

use super::GrammarError;
use crate::base::{Names, NodeId, Peer, Shown, VisitorId};
use crate::message::HostName;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says, without quotes.
    pub text: String,
    /// Its bytes in the line, quotes included.
    pub at: Range<usize>,
    /// Whether it stood in quotes: then it is no keyword.
    pub quoted: bool,
}

impl Word {
    /// The word as keywords are compared: lower case; empty for one in quotes.
    pub fn key(&self) -> String {
        if self.quoted { String::new() } else { self.text.to_ascii_lowercase() }
    }
}

/// Units of time that may stand apart from their figure.
const TIME_UNITS: [&str; 9] = ["ns", "us", "µs", "ms", "s", "sec", "m", "min", "h"];

/// Reads a line word by word.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    line: &'a str,
    pos: usize,
    pub names: &'a Names,
    /// How the whole line should look, for errors.
    pub form: &'static str,
}

impl<'a> Reader<'a> {
    pub fn new(line: &'a str, names: &'a Names) -> Self {
        Self { line, pos: 0, names, form: "" }
    }

    /// The next word, if there is one.
    pub fn word(&mut self) -> Result<Option<Word>, GrammarError> {
        self.skip_blanks();
        let rest = &self.line[self.pos..];
        if rest.is_empty() {
            return Ok(None);
        }
        let start = self.pos;
        if rest.starts_with('"') {
            let (text, length) = unquote(rest).map_err(|(from, to, message)| GrammarError {
                at: start + from..start + to,
                message,
                help: "a quoted word ends with `\"`; inside, write `\\\"` and `\\\\`".into(),
            })?;
            self.pos += length;
            return Ok(Some(Word { text, at: start..self.pos, quoted: true }));
        }
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.pos += length;
        let text = rest[..length].to_owned();
        Ok(Some(Word { text, at: start..self.pos, quoted: false }))
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<Word> {
        self.clone().word().ok().flatten()
    }

    /// The next word, which must be there.
    pub fn need(&mut self, what: &str) -> Result<Word, GrammarError> {
        self.word()?.ok_or_else(|| self.missing(what))
    }

    /// Takes the next word if it is this keyword.
    pub fn takes(&mut self, keyword: &str) -> bool {
        let mut ahead = self.clone();
        if let Ok(Some(word)) = ahead.word()
            && word.key() == keyword
        {
            self.pos = ahead.pos;
            return true;
        }
        false
    }

    /// The keyword that must stand here.
    pub fn keyword(&mut self, keyword: &str) -> Result<(), GrammarError> {
        let word = self.need(&format!("the word `{keyword}`"))?;
        if word.key() == keyword {
            return Ok(());
        }
        Err(self.wrong(&word, &format!("is not the word `{keyword}` that belongs here")))
    }

    /// What is left of the line as one text: as it stands, or one quoted word.
    pub fn rest(&mut self) -> Option<(String, Range<usize>)> {
        self.skip_blanks();
        let start = self.pos;
        let text = self.line[start..].trim_end();
        self.pos = self.line.len();
        if text.is_empty() {
            return None;
        }
        let at = start..start + text.len();
        match unquote(text) {
            Ok((inner, length)) if length == text.len() => Some((inner, at)),
            _ => Some((text.to_owned(), at)),
        }
    }

    /// Nothing more may follow.
    pub fn end(&mut self) -> Result<(), GrammarError> {
        match self.rest() {
            None => Ok(()),
            Some((text, at)) => Err(GrammarError {
                at,
                message: format!("`{}` is too much here", Shown::short(&text, 40)),
                help: self.remedy(),
            }),
        }
    }

    /// Something is not there: an error at the end of the line.
    pub fn missing(&self, what: &str) -> GrammarError {
        let end = self.line.trim_end().len();
        GrammarError { at: end..end, message: format!("{what} is missing"), help: self.remedy() }
    }

    /// A word is wrong: the error and the form of the line.
    pub fn wrong(&self, word: &Word, why: &str) -> GrammarError {
        GrammarError {
            at: word.at.clone(),
            message: format!("`{}` {why}", Shown::short(&word.text, 40)),
            help: self.remedy(),
        }
    }

    fn remedy(&self) -> String {
        format!("write `{}`", self.form)
    }

    fn skip_blanks(&mut self) {
        let rest = &self.line[self.pos..];
        self.pos += rest.len() - rest.trim_start().len();
    }

    /// A node.
    pub fn node(&mut self) -> Result<NodeId, GrammarError> {
        let word = self.need("a node")?;
        self.node_of(&word.text, &word.at)
    }

    /// The node with this name, standing at these bytes.
    pub fn node_of(&self, text: &str, at: &Range<usize>) -> Result<NodeId, GrammarError> {
        let found = self.names.id(text).or_else(|| self.names.id(&text.to_ascii_lowercase()));
        found.ok_or_else(|| GrammarError {
            at: at.clone(),
            message: format!("there is no node `{}`", Shown::short(text, 40)),
            help: nearest(text, self.names.iter())
                .map_or_else(|| list_of_nodes(self.names), did_you_mean),
        })
    }

    /// A node, a visitor, or all visitors.
    pub fn peer_of(&self, text: &str, at: &Range<usize>) -> Result<Peer, GrammarError> {
        self.node_of(text, at).map(Peer::Node).or_else(|wrong| {
            let lower = text.to_ascii_lowercase();
            if lower == "visitors" {
                return Ok(Peer::Visitor(VisitorId::ANY));
            }
            let number = lower.strip_prefix("visitor-").and_then(|number| number.parse().ok());
            let number = number.filter(|number| *number != VisitorId::ANY.0);
            number.map(|number| Peer::Visitor(VisitorId(number))).ok_or(wrong)
        })
    }

    /// A host name, any text.
    pub fn host(&mut self) -> Result<HostName, GrammarError> {
        Ok(HostName::new(&self.need("a name to ask for")?.text))
    }

    /// Reads the next word with one of the readers of `base::units`. A unit may stand apart (`200 ms`, `30 %`).
    pub fn figure<T>(
        &mut self,
        what: &str,
        units: &[&str],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, GrammarError> {
        let mut word = self.need(what)?;
        let unsigned = word.text.strip_prefix(['+', '-']).unwrap_or(&word.text);
        let bare = unsigned.chars().all(|c| c.is_ascii_digit() || c == '.');
        let mut ahead = self.clone();
        if bare
            && !word.quoted
            && let Ok(Some(unit)) = ahead.word()
            && units.contains(&unit.text.as_str())
        {
            word.text.push_str(&unit.text);
            word.at.end = unit.at.end;
            self.pos = ahead.pos;
        }
        read(&word.text).map_err(|sentence| {
            let shown = Shown::short(&sentence, 200).to_string();
            let (message, help) = match shown.split_once(": ") {
                Some((message, help)) => (message.to_owned(), help.to_owned()),
                None => (shown, self.remedy()),
            };
            GrammarError { at: word.at.clone(), message, help }
        })
    }

    /// A time.
    pub fn time(&mut self) -> Result<Duration, GrammarError> {
        self.figure("a time", &TIME_UNITS, crate::base::units::duration)
    }

    /// A time with its sign, in nanoseconds: `+2s`, `-300ms`. Nothing at all needs none.
    pub fn signed_time(&mut self, what: &str) -> Result<i64, GrammarError> {
        self.figure(what, &TIME_UNITS, |text| {
            let (sign, bare) = match text.split_at_checked(1) {
                Some(("+", bare)) => (1, bare),
                Some(("-", bare)) => (-1, bare),
                _ if text == "0" => (0, text),
                _ => {
                    return Err(format!(
                        "`{text}` has no sign: write +{text} for a clock that is ahead, \
                         -{text} for one that is behind, or off"
                    ));
                }
            };
            let span = crate::base::units::duration(bare)?;
            // No time is longer than a day, so it fits.
            Ok(sign * i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
        })
    }

    /// A whole number.
    pub fn count(&mut self, what: &str) -> Result<u64, GrammarError> {
        let word = self.need(what)?;
        let bare = word.text.strip_prefix('#').unwrap_or(&word.text).replace('_', "");
        if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong(&word, "is no whole number"));
        }
        bare.parse().map_err(|_| self.wrong(&word, "is too large"))
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(
        &mut self,
        what: &str,
        choices: &[(&str, T)],
    ) -> Result<T, GrammarError> {
        let word = self.need(what)?;
        let key = word.key();
        if let Some((_, value)) = choices.iter().find(|(choice, _)| *choice == key) {
            return Ok(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        let help = nearest(&key, words.iter().copied())
            .map_or_else(|| format!("it is one of: {}", words.join(", ")), did_you_mean);
        let message = format!("`{}` is not {what}", Shown::short(&word.text, 40));
        Err(GrammarError { at: word.at, message, help })
    }
}

/// `did you mean …?`
pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// The word that was probably meant, if one is near enough.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Long garbage is near to nothing, and comparing it would cost its length times that of every name.
    if typed.is_empty() || typed.len() > 40 {
        return None;
    }
    let typed = typed.to_ascii_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&typed, word), word))
        .filter(|(distance, word)| *distance <= 1.max(word.len().min(typed.len()) / 3))
        // Of equally near words, the one that goes on from what was typed.
        .min_by_key(|(distance, word)| (*distance, !word.starts_with(&typed)))
        .map(|(_, word)| word)
}

fn list_of_nodes(names: &Names) -> String {
    const SHOWN: usize = 12;
    let mut list: Vec<&str> = names.iter().take(SHOWN).collect();
    if names.len() > SHOWN {
        list.push("…");
    }
    if list.is_empty() { "there is none".into() } else { format!("there is {}", list.join(", ")) }
}

/// Reads a quoted word at the start of the text: what it says, and how many bytes it took. The error has the place
/// within the text.
fn unquote(text: &str) -> Result<(String, usize), (usize, usize, String)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    if chars.next().map(|(_, c)| c) != Some('"') {
        return Err((0, 0, "no quote".into()));
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, at + 1)),
            '\\' => {
                let unknown = |to: usize| (at, to, "this escape is not known".to_owned());
                let Some((next, escape)) = chars.next() else { break };
                let end = next + escape.len_utf8();
                out.push(match escape {
                    '"' | '\\' => escape,
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let rest = &text[end..];
                        let close = rest.find('}').ok_or_else(|| unknown(end))?;
                        let digits = rest[..close].strip_prefix('{').ok_or_else(|| unknown(end))?;
                        let code = u32::from_str_radix(digits, 16).map_err(|_| unknown(end))?;
                        let c = char::from_u32(code).ok_or_else(|| unknown(end))?;
                        for _ in rest[..=close].chars() {
                            chars.next();
                        }
                        c
                    }
                    _ => return Err(unknown(end)),
                });
            }
            c => out.push(c),
        }
    }
    Err((0, text.len(), "this quote does not end".into()))
}

/// The text in quotes, such that [`unquote`] gives it back.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                write!(out, "\\u{{{:x}}}", c as u32).expect("writing to a String cannot fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
