//! The user's configuration file: how the panel looks, and which key does what.
//!
//! What is wrong with it is told like what is wrong with a topology: every mistake at once, each with line, column and
//! remedy. What the words mean is the panel's business.

use super::data;
use crate::panel::{Action, Chord, Clash, Keymap, ThemeName};
use crate::topology::{self, Problems, Span};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What the file says; what it leaves out is as the program has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the file, and none rules another out"
)]
pub struct Config {
    /// `theme = "day"`.
    pub theme: Option<ThemeName>,
    /// `ascii = true`.
    pub ascii: bool,
    /// `big = true`: the lecture layout at any size.
    pub big: bool,
    /// `clicker = true`: the buttons of a presenter lead the lecture.
    pub clicker: bool,
    /// `mouse = true`.
    pub mouse: bool,
    /// `reduced-motion = true`: marks stand still.
    pub reduced_motion: bool,
    /// The keys, with what `[keys]` changes.
    pub keymap: Keymap,
}

const KEYS: [&str; 7] = ["theme", "ascii", "big", "clicker", "mouse", "reduced-motion", "keys"];
/// Keys that one action may have; a list without end is a mistake.
const CHORDS_MAX: usize = 8;

/// The configuration of this user; what ships if there is no file.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn load() -> Result<Config, Problems> {
    match data::config_file() {
        Some(path) if path.exists() || data::config_is_named() => read(&path),
        _ => Ok(Config::default()),
    }
}

fn read(path: &Path) -> Result<Config, Problems> {
    let text = topology::read_text(path)?;
    of_text(&path.display().to_string(), &text)
}

/// The configuration of a text.
///
/// # Errors
/// Everything that is wrong with it.
pub fn of_text(name: &str, text: &str) -> Result<Config, Problems> {
    let mut problems = Problems::new(name, text);
    let mut config = Config::default();
    if let Some(document) = topology::read_toml(text, &mut problems) {
        let mut reader =
            Reader { problems: &mut problems, config: &mut config, wishes: Vec::new() };
        reader.table(document.get_ref());
    }
    problems.sort();
    if problems.errors() > 0 { Err(problems) } else { Ok(config) }
}

/// What somebody wants an action's keys to be, and where they say so.
struct Wish {
    action: Action,
    at: Span,
}

struct Reader<'a> {
    problems: &'a mut Problems,
    config: &'a mut Config,
    wishes: Vec<Wish>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let word: &str = key.get_ref();
            match word {
                "theme" => self.theme(value),
                "ascii" => self.config.ascii = self.switch(value),
                "big" => self.config.big = self.switch(value),
                "clicker" => self.config.clicker = self.switch(value),
                "mouse" => self.config.mouse = self.switch(value),
                "reduced-motion" => self.config.reduced_motion = self.switch(value),
                "keys" => self.keys(value),
                word => {
                    let help = match topology::nearest(word, KEYS) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are: {}", KEYS.join(", ")),
                    };
                    let what = format!("there is no setting `{word}`");
                    self.problems.error(span(key), what).help(help);
                }
            }
        }
    }

    fn switch(&mut self, value: &Spanned<DeValue<'_>>) -> bool {
        if let DeValue::Boolean(on) = value.get_ref() {
            return *on;
        }
        self.problems.error(span(value), "this is neither on nor off").help("write true or false");
        false
    }

    fn theme(&mut self, value: &Spanned<DeValue<'_>>) {
        let words = ThemeName::ALL.map(ThemeName::word);
        let theme = value.get_ref().as_str().and_then(ThemeName::named);
        if theme.is_none() {
            let help = format!("write one of: {}", words.join(", "));
            self.problems.error(span(value), "this is no theme").help(help);
        }
        self.config.theme = theme;
    }

    /// `[keys]`: an action's word, and its key or keys.
    fn keys(&mut self, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = value.get_ref() else {
            let help = "write a table: [keys], and below it lines such as kill = \"D\"";
            self.problems.error(span(value), "this is no table of keys").help(help);
            return;
        };
        for (key, value) in table {
            let word: &str = key.get_ref();
            let Some(action) = Action::of_word(word) else {
                let known = Action::remappable().map(Action::word);
                let help = match topology::nearest(word, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`faultlab keys` lists every action with its word".to_owned(),
                };
                self.problems.error(span(key), format!("there is no action `{word}`")).help(help);
                continue;
            };
            if let Some(chords) = self.chords(value) {
                self.config.keymap.give(action, &chords);
                self.wishes.push(Wish { action, at: span(key) });
            }
        }
        for clash in self.config.keymap.clashes() {
            self.clash(clash);
        }
    }

    fn chords(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<Chord>> {
        let one = |value: &Spanned<DeValue<'_>>, problems: &mut Problems| {
            let Some(text) = value.get_ref().as_str() else {
                let help = "write a key between quotes, such as \"D\", or several in [ ]";
                problems.error(span(value), "this is no key").help(help);
                return None;
            };
            Chord::read(text)
                .map_err(|help| {
                    problems.error(span(value), format!("there is no key `{text}`")).help(help);
                })
                .ok()
        };
        match value.get_ref() {
            DeValue::Array(list) if list.len() > CHORDS_MAX => {
                let help = format!("an action has at most {CHORDS_MAX} keys");
                self.problems.error(span(value), "these are too many keys").help(help);
                None
            }
            DeValue::Array(list) => {
                list.iter().map(|value| one(value, self.problems)).collect::<Option<Vec<Chord>>>()
            }
            _ => one(value, self.problems).map(|chord| vec![chord]),
        }
    }

    /// Two actions on one key: told at whichever the file has moved, with the other beside it.
    fn clash(&mut self, clash: Clash) {
        let wish = |action: Action| self.wishes.iter().rev().find(|wish| wish.action == action);
        let (at, here, other) = match (wish(clash.other), wish(clash.one)) {
            (Some(wish), _) => (wish.at, clash.other, clash.one),
            (None, Some(wish)) => (wish.at, clash.one, clash.other),
            // The table has none of its own: a test sees to it.
            (None, None) => return,
        };
        let second = wish(other).map(|wish| wish.at);
        let key = clash.chord.word();
        let (here, other) = (here.word(), other.word());
        let what = format!("`{key}` would be both `{here}` and `{other}`");
        let problem = self.problems.error(at, what);
        problem.help(format!("choose another key for `{here}`, or give `{other}` one as well"));
        if let Some(second) = second {
            problem.also(second, format!("`{other}` has it here"));
        }
    }
}

fn span<T>(it: &Spanned<T>) -> Span {
    let range = it.span();
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source: 0, start: at(range.start), end: at(range.end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Context;

    fn wrong(text: &str) -> String {
        of_text("config.toml", text).expect_err("it is wrong").to_string()
    }

    #[test]
    fn what_is_stated_is_taken_and_what_is_not_is_as_it_ships() {
        assert_eq!(of_text("x", ""), Ok(Config::default()));
        let text = "theme = 'day'\nascii = true\nbig = true\nmouse = true\nreduced-motion = true\n\
                    [keys]\nkill = 'Shift-Left'\nnext = ['Enter', 'n']\npanel-1 = []\n\
                    open = 'J'\nopen-race = 'J'\nzoom = 'e'\n";
        let config = of_text("x", text).expect("it is right");
        assert_eq!(config.theme, Some(ThemeName::Day));
        assert!(config.ascii && config.big && config.mouse && config.reduced_motion);
        assert_eq!(config.keymap.keys(Action::Kill, &[Context::Panels]), ["Shift-←"]);
        assert_eq!(config.keymap.keys(Action::NextBeat, &[Context::Panels]), ["Enter", "n"]);
        assert!(config.keymap.keys(Action::Focus(1), &[Context::Panels]).is_empty());
    }

    #[test]
    fn every_mistake_is_told_with_its_place_and_remedy() {
        let text = "them = 'day'\ntheme = 'pink'\nascii = 1\n[keys]\nkil = 'x'\nfire = 'xx'\n\
                    revive = 7\npause = 'Ctrl-I'\nundo = 'x'\n";
        let told = wrong(text);
        for words in [
            "config.toml:1:1",
            "there is no setting `them`",
            "did you mean `theme`?",
            "config.toml:2:9",
            "write one of: night, day, projector, mono, terminal",
            "config.toml:3:9",
            "config.toml:5:1",
            "there is no action `kil`",
            "did you mean `kill`?",
            "there is no key `xx`",
            "a terminal cannot tell `Ctrl-I` from another key",
            "config.toml:9:1",
            "`x` would be both `undo` and `kill`",
        ] {
            assert!(told.contains(words), "{words}\n{told}");
        }
    }

    #[test]
    fn two_wishes_for_one_key_are_shown_side_by_side() {
        let told = wrong("[keys]\nkill = 'I'\nrevive = 'I'\n");
        assert!(told.contains("`I` would be both `revive` and `kill`"), "{told}");
        assert!(told.contains("config.toml:3:1") && told.contains("config.toml:2:1"), "{told}");
        // Both keys changed places: nothing is wrong with that.
        assert!(of_text("x", "[keys]\nkill = 'r'\nrevive = 'x'\n").is_ok());
    }

    #[test]
    fn a_broken_text_is_no_configuration() {
        assert!(wrong("[keys\nkill = 'H'").contains("config.toml:1"));
        assert!(wrong("keys = 3").contains("this is no table of keys"));
    }
}
