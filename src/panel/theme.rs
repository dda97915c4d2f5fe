//! Colours and the choice of glyphs: what each meaning looks like, in which kind of terminal.
//!
//! States are told by a reversed badge with a word; colour only repeats what the word says. It knows no world.

use super::colours;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means. The theme decides how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Ordinary text.
    Text,
    /// Names and headings.
    Strong,
    /// Words that explain figures.
    Muted,
    /// Frames and idle links: carries no information.
    Frame,
    /// The panel that has the focus, and what the reader shall look at.
    Focus,
    /// A message on its way.
    Message,
    /// Slow, late, suspected, held.
    Slow,
    /// Sky blue: whoever leads, and what the clock does on purpose.
    Lead,
    /// Frozen.
    Frozen,
    /// Won, passed, up.
    Good,
    /// Dead, cut, lost, wrong.
    Bad,
}

/// How many colours the terminal surely has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, reverse and underline only.
    Mono,
    /// The sixteen of old.
    Sixteen,
    /// The cube of 256.
    Indexed,
    /// 24 bits.
    True,
}

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Light on nearly black, for a screen of one's own.
    Night,
    /// Dark on white, for a bright room.
    Day,
    /// Everything on black as light and heavy as it can be, for a weak projector.
    Projector,
    /// No colour at all.
    Mono,
    /// The terminal's own sixteen colours on its own ground.
    Terminal,
}

impl Scheme {
    /// All, in the order in which the key walks through them.
    pub const ALL: [Self; 5] =
        [Self::Night, Self::Day, Self::Projector, Self::Mono, Self::Terminal];

    /// The word on the command line and in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Night => "night",
            Self::Day => "day",
            Self::Projector => "projector",
            Self::Mono => "mono",
            Self::Terminal => "terminal",
        }
    }

    /// The scheme of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.word() == word)
    }
}

/// How everything looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Which colours.
    pub scheme: Scheme,
    /// How many there are.
    pub depth: Depth,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
}

impl Theme {
    /// Light on nearly black, in as many colours as the terminal has.
    #[must_use]
    pub const fn night(depth: Depth, ascii: bool) -> Self {
        Self { scheme: Scheme::Night, depth, ascii }
    }

    /// No colour at all.
    #[must_use]
    pub const fn mono(ascii: bool) -> Self {
        Self { scheme: Scheme::Mono, depth: Depth::Mono, ascii }
    }

    /// The same with other colours, where there are any.
    #[must_use]
    pub const fn with(self, scheme: Scheme) -> Self {
        Self {
            scheme: if matches!(self.depth, Depth::Mono) { Scheme::Mono } else { scheme },
            ..self
        }
    }

    /// The next set of colours; the same where there is none.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Scheme::ALL.iter().position(|scheme| *scheme == self.scheme).unwrap_or(0);
        self.with(Scheme::ALL[(at + 1) % Scheme::ALL.len()])
    }

    /// The theme that the surroundings ask for. `get` reads an environment variable.
    ///
    /// 24-bit colour is used only where `COLORTERM` promises it; `NO_COLOR` (no-color.org) takes all colour away; a
    /// locale that is set and is not UTF-8, the Linux console and unknown terminals get ASCII.
    #[must_use]
    pub fn of_surroundings(get: impl Fn(&str) -> Option<String>) -> Self {
        let theme = Self::of_terminal(&get);
        match get("NO_COLOR").filter(|value| !value.is_empty()) {
            Some(_) => Self::mono(theme.ascii),
            None => theme,
        }
    }

    /// The theme of this terminal for somebody who asks for colours in so many words: as many as it surely has.
    #[must_use]
    pub fn of_terminal(get: impl Fn(&str) -> Option<String>) -> Self {
        let filled = |name: &str| get(name).filter(|value| !value.is_empty());
        let term = filled("TERM").unwrap_or_default();
        let plain = term.is_empty() || term == "dumb";
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| filled(name));
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8")
                || locale.contains("utf8")
                || locale == "c"
                || locale == "posix"
        });
        let ascii = plain || term == "linux" || !utf8;
        let depth = if plain {
            return Self::mono(ascii);
        } else if filled("COLORTERM").is_some_and(|it| it == "truecolor" || it == "24bit") {
            Depth::True
        } else if term == "linux" {
            Depth::Sixteen
        } else {
            Depth::Indexed
        };
        Self::night(depth, ascii)
    }

    /// The style of the empty screen.
    #[must_use]
    pub fn base(&self) -> Style {
        let style = Style { bg: colours::ground(self.scheme, self.depth), ..Style::new() };
        Style { fg: self.colour(Ink::Text), ..style }
    }

    /// Text with this meaning.
    #[must_use]
    pub fn ink(&self, ink: Ink) -> Style {
        let style = self.base();
        let style = match self.colour(ink) {
            Some(colour) => style.fg(colour),
            None => style,
        };
        match (ink, self.scheme) {
            (Ink::Strong, _) => style.add_modifier(Modifier::BOLD),
            (Ink::Frame | Ink::Muted, Scheme::Mono | Scheme::Terminal) => {
                style.add_modifier(Modifier::DIM)
            }
            (Ink::Focus | Ink::Message | Ink::Bad | Ink::Slow, Scheme::Mono) => {
                style.add_modifier(Modifier::BOLD)
            }
            // Thin strokes are the first that a weak lamp loses.
            (Ink::Frame | Ink::Muted, Scheme::Projector) => style,
            (_, Scheme::Projector) => style.add_modifier(Modifier::BOLD),
            _ => style,
        }
    }

    /// A reversed badge with this meaning.
    #[must_use]
    pub fn badge(&self, ink: Ink) -> Style {
        let base = self.base();
        match (self.colour(ink), base.bg) {
            (Some(colour), Some(ground)) => {
                Style::new().fg(ground).bg(colour).add_modifier(Modifier::BOLD)
            }
            (Some(colour), None) => {
                base.fg(colour).add_modifier(Modifier::REVERSED | Modifier::BOLD)
            }
            _ => base.add_modifier(Modifier::REVERSED | Modifier::BOLD),
        }
    }

    /// The name of what is selected.
    #[must_use]
    pub fn selected(&self) -> Style {
        self.ink(Ink::Strong).add_modifier(Modifier::REVERSED)
    }

    fn colour(self, ink: Ink) -> Option<Color> {
        colours::ink(self.scheme, self.depth, ink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(pairs: &[(&str, &str)]) -> Theme {
        Theme::of_surroundings(|name| {
            pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned())
        })
    }

    #[test]
    fn the_surroundings_decide_colours_and_glyphs() {
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(theme(&[xterm]), Theme::night(Depth::Indexed, false));
        assert_eq!(theme(&[xterm, ("COLORTERM", "truecolor")]), Theme::night(Depth::True, false));
        assert_eq!(theme(&[xterm, ("NO_COLOR", "1")]), Theme::mono(false));
        assert_eq!(theme(&[xterm, ("NO_COLOR", "")]), Theme::night(Depth::Indexed, false));
        assert_eq!(theme(&[("TERM", "linux")]), Theme::night(Depth::Sixteen, true));
        assert_eq!(theme(&[]), Theme::mono(true));
        assert!(theme(&[xterm, ("LANG", "de_DE.ISO-8859-1")]).ascii);
        assert!(!theme(&[xterm, ("LC_ALL", "de_DE.utf8"), ("LANG", "x")]).ascii);
    }

    #[test]
    fn the_key_walks_through_every_theme_and_back_and_finds_no_colour_where_there_is_none() {
        let night = Theme::night(Depth::Indexed, false);
        let walk: Vec<Theme> =
            std::iter::successors(Some(night), |it| Some(it.next())).take(6).collect();
        let words: Vec<&str> = walk.iter().map(|it| it.scheme.word()).collect();
        assert_eq!(words, ["night", "day", "projector", "mono", "terminal", "night"]);
        assert!(walk.iter().all(|it| it.depth == Depth::Indexed && !it.ascii));
        assert_eq!(Theme::mono(true).next(), Theme::mono(true));
        assert_eq!(Theme::mono(false).with(Scheme::Day), Theme::mono(false));
    }

    #[test]
    fn without_colour_no_style_names_one() {
        let theme = Theme::mono(false);
        for ink in [Ink::Text, Ink::Strong, Ink::Muted, Ink::Frame, Ink::Good, Ink::Bad] {
            for style in [theme.ink(ink), theme.badge(ink)] {
                assert_eq!((style.fg, style.bg), (None, None), "{ink:?}");
            }
        }
    }
}
