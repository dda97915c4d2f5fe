//! Colours and the choice of glyphs: what each meaning looks like, in which kind of terminal.
//!
//! States are told by a reversed badge with a word; colour only repeats what the word says. It knows no world.

use super::colours::{self, Colours};
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

/// The themes, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeName {
    /// Bright on black.
    Night,
    /// Dark on white.
    Day,
    /// Light on black, for a room that is not dark.
    Projector,
    /// No colour at all.
    Mono,
    /// The terminal's own sixteen.
    Terminal,
}

impl ThemeName {
    /// All, in the order in which `T` goes through them.
    pub const ALL: [Self; 5] =
        [Self::Night, Self::Day, Self::Projector, Self::Mono, Self::Terminal];

    /// How it is called.
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

    /// The theme of this name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.word() == word)
    }
}

/// How everything looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Which colours are wanted.
    pub name: ThemeName,
    /// How many the terminal has.
    pub depth: Depth,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
}

/// What a theme becomes on a terminal.
enum Paint {
    /// Bold, reverse and underline only.
    Plain,
    /// The sixteen, in shades that are the terminal's business.
    Sixteen,
    /// These, in the cube of 256.
    Indexed(&'static Colours),
    /// These, in 24 bits.
    True(&'static Colours),
}

impl Theme {
    /// Okabe and Ito's colours on black, in as many colours as the terminal has.
    #[must_use]
    pub const fn night(depth: Depth, ascii: bool) -> Self {
        Self { name: ThemeName::Night, depth, ascii }
    }

    /// No colour at all.
    #[must_use]
    pub const fn mono(ascii: bool) -> Self {
        Self { name: ThemeName::Mono, depth: Depth::Mono, ascii }
    }

    /// The same terminal with the colours of another theme.
    #[must_use]
    pub const fn with(self, name: ThemeName) -> Self {
        Self { name, ..self }
    }

    /// The next theme that looks different on this terminal.
    #[must_use]
    pub fn next(self) -> Self {
        let names: &[ThemeName] = match self.depth {
            Depth::Mono => &[ThemeName::Mono],
            Depth::Sixteen => &[ThemeName::Terminal, ThemeName::Mono],
            Depth::Indexed | Depth::True => &ThemeName::ALL,
        };
        let shown = self.shown();
        let at = names.iter().position(|name| *name == shown).map_or(0, |at| at + 1);
        self.with(names[at % names.len()])
    }

    /// The theme that one sees: a terminal with few colours shows its own.
    #[must_use]
    pub const fn shown(self) -> ThemeName {
        match (self.name, self.depth) {
            (ThemeName::Mono, _) | (_, Depth::Mono) => ThemeName::Mono,
            (_, Depth::Sixteen) => ThemeName::Terminal,
            (name, _) => name,
        }
    }

    fn paint(self) -> Paint {
        let colours = match self.shown() {
            ThemeName::Mono => return Paint::Plain,
            ThemeName::Terminal => return Paint::Sixteen,
            ThemeName::Night => &colours::NIGHT,
            ThemeName::Day => &colours::DAY,
            ThemeName::Projector => &colours::PROJECTOR,
        };
        if self.depth == Depth::True { Paint::True(colours) } else { Paint::Indexed(colours) }
    }

    /// The theme that the surroundings ask for. `get` reads an environment variable.
    ///
    /// 24-bit colour is used only where `COLORTERM` promises it; `NO_COLOR` (no-color.org) takes all colour away until
    /// somebody asks for a theme by its name; a locale that is set and is not UTF-8, the Linux console and unknown
    /// terminals get ASCII.
    #[must_use]
    pub fn of_surroundings(get: impl Fn(&str) -> Option<String>) -> Self {
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
            Depth::Mono
        } else if filled("COLORTERM").is_some_and(|it| it == "truecolor" || it == "24bit") {
            Depth::True
        } else if term == "linux" {
            Depth::Sixteen
        } else {
            Depth::Indexed
        };
        let unwanted = plain || filled("NO_COLOR").is_some();
        let name = if unwanted { ThemeName::Mono } else { ThemeName::Night };
        Self { name, depth, ascii }
    }

    /// The style of the empty screen.
    #[must_use]
    pub fn base(&self) -> Style {
        match self.paint() {
            Paint::Plain => Style::new(),
            Paint::Sixteen => Style::new().fg(Color::White).bg(Color::Black),
            Paint::Indexed(colours) => {
                Style::new().fg(colours.of(Ink::Text).indexed()).bg(colours.ground.indexed())
            }
            Paint::True(colours) => {
                Style::new().fg(colours.of(Ink::Text).rgb()).bg(colours.ground.rgb())
            }
        }
    }

    /// Text with this meaning.
    #[must_use]
    pub fn ink(&self, ink: Ink) -> Style {
        let style = self.base();
        let style = match self.colour(ink) {
            Some(colour) => style.fg(colour),
            None => style,
        };
        match (ink, self.shown()) {
            (Ink::Strong, _) => style.add_modifier(Modifier::BOLD),
            (Ink::Frame | Ink::Muted, ThemeName::Mono) => style.add_modifier(Modifier::DIM),
            (Ink::Focus | Ink::Message | Ink::Bad | Ink::Slow, ThemeName::Mono) => {
                style.add_modifier(Modifier::BOLD)
            }
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
            _ => base.add_modifier(Modifier::REVERSED | Modifier::BOLD),
        }
    }

    /// The name of what is selected.
    #[must_use]
    pub fn selected(&self) -> Style {
        self.ink(Ink::Strong).add_modifier(Modifier::REVERSED)
    }

    fn colour(self, ink: Ink) -> Option<Color> {
        match self.paint() {
            Paint::Plain => None,
            Paint::Sixteen => Some(of_sixteen(ink)),
            Paint::Indexed(colours) => Some(colours.of(ink).indexed()),
            Paint::True(colours) => Some(colours.of(ink).rgb()),
        }
    }
}

/// The bright ones: dark red and dark blue cannot be read on black.
const fn of_sixteen(ink: Ink) -> Color {
    match ink {
        Ink::Text | Ink::Strong => Color::White,
        Ink::Muted => Color::Gray,
        Ink::Frame => Color::DarkGray,
        Ink::Focus | Ink::Message => Color::LightYellow,
        Ink::Slow => Color::Yellow,
        Ink::Lead => Color::LightCyan,
        Ink::Frozen => Color::LightMagenta,
        Ink::Good => Color::LightGreen,
        Ink::Bad => Color::LightRed,
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
        let unwanted = theme(&[xterm, ("NO_COLOR", "1")]);
        assert_eq!(unwanted, Theme::night(Depth::Indexed, false).with(ThemeName::Mono));
        assert_eq!(theme(&[xterm, ("NO_COLOR", "")]), Theme::night(Depth::Indexed, false));
        assert_eq!(theme(&[("TERM", "linux")]), Theme::night(Depth::Sixteen, true));
        assert_eq!(theme(&[]), Theme::mono(true));
        assert!(theme(&[xterm, ("LANG", "de_DE.ISO-8859-1")]).ascii);
        assert!(!theme(&[xterm, ("LC_ALL", "de_DE.utf8"), ("LANG", "x")]).ascii);
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

    #[test]
    fn t_goes_through_all_that_the_terminal_can_show() {
        use ThemeName::{Day, Mono, Night, Projector, Terminal};
        let rounds: [(Depth, &[ThemeName]); 4] = [
            (Depth::True, &[Night, Day, Projector, Mono, Terminal]),
            (Depth::Indexed, &[Night, Day, Projector, Mono, Terminal]),
            (Depth::Sixteen, &[Terminal, Mono]),
            (Depth::Mono, &[Mono]),
        ];
        for (depth, names) in rounds {
            let mut theme = Theme::night(depth, true);
            for name in names.iter().chain(&names[..1]) {
                assert_eq!((theme.shown(), theme.depth, theme.ascii), (*name, depth, true));
                theme = theme.next();
            }
        }
        for name in ThemeName::ALL {
            assert_eq!(ThemeName::named(name.word()), Some(name));
        }
    }

    #[test]
    fn no_theme_uses_more_colours_than_the_terminal_has() {
        let inks = [Ink::Text, Ink::Muted, Ink::Frame, Ink::Slow, Ink::Lead, Ink::Good, Ink::Bad];
        for name in ThemeName::ALL {
            for depth in [Depth::Mono, Depth::Sixteen, Depth::Indexed] {
                let theme = Theme::night(depth, false).with(name);
                for style in inks.into_iter().flat_map(|ink| [theme.ink(ink), theme.badge(ink)]) {
                    for colour in [style.fg, style.bg].into_iter().flatten() {
                        let is_rgb = matches!(colour, Color::Rgb(..));
                        let is_indexed = matches!(colour, Color::Indexed(_));
                        assert!(!is_rgb && (depth == Depth::Indexed || !is_indexed), "{name:?}");
                        assert!(depth != Depth::Mono, "{name:?} {colour:?}");
                    }
                }
            }
        }
    }
}
