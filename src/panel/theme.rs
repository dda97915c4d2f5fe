//! Colours and the choice of glyphs: what each meaning looks like, in which kind of terminal.
//!
//! States are told by a reversed badge with a word; colour only repeats what the word says. It knows no world.

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

/// How everything looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Colours used.
    pub depth: Depth,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
}

impl Theme {
    /// Okabe and Ito's colours on black, in as many colours as the terminal has.
    #[must_use]
    pub const fn night(depth: Depth, ascii: bool) -> Self {
        Self { depth, ascii }
    }

    /// No colour at all.
    #[must_use]
    pub const fn mono(ascii: bool) -> Self {
        Self { depth: Depth::Mono, ascii }
    }

    /// The theme that the surroundings ask for. `get` reads an environment variable.
    ///
    /// 24-bit colour is used only where `COLORTERM` promises it; `NO_COLOR` (no-color.org) takes all colour away; a
    /// locale that is set and is not UTF-8, the Linux console and unknown terminals get ASCII.
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
        let depth = if plain || filled("NO_COLOR").is_some() {
            Depth::Mono
        } else if filled("COLORTERM").is_some_and(|it| it == "truecolor" || it == "24bit") {
            Depth::True
        } else if term == "linux" {
            Depth::Sixteen
        } else {
            Depth::Indexed
        };
        Self { depth, ascii }
    }

    /// The style of the empty screen.
    #[must_use]
    pub fn base(&self) -> Style {
        match self.depth {
            Depth::Mono => Style::new(),
            Depth::Sixteen => Style::new().fg(Color::White).bg(Color::Black),
            Depth::Indexed => Style::new().fg(Color::Indexed(255)).bg(Color::Indexed(16)),
            Depth::True => {
                Style::new().fg(Color::Rgb(0xee, 0xee, 0xee)).bg(Color::Rgb(0x0d, 0x0e, 0x12))
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
        match (ink, self.depth) {
            (Ink::Strong, _) => style.add_modifier(Modifier::BOLD),
            (Ink::Frame | Ink::Muted, Depth::Mono) => style.add_modifier(Modifier::DIM),
            (Ink::Focus | Ink::Message | Ink::Bad | Ink::Slow, Depth::Mono) => {
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
        // The hues of panel.md section 2: 24 bits, the nearest of the cube, the nearest of sixteen.
        let (rgb, indexed, sixteen) = match ink {
            Ink::Text | Ink::Strong => ((0xee, 0xee, 0xee), 255, Color::White),
            Ink::Muted => ((0xa4, 0xa4, 0xac), 248, Color::Gray),
            Ink::Frame => ((0x6c, 0x6c, 0x76), 242, Color::DarkGray),
            Ink::Focus | Ink::Message => ((0xf0, 0xe4, 0x42), 221, Color::LightYellow),
            Ink::Slow => ((0xe6, 0x9f, 0x00), 178, Color::Yellow),
            Ink::Lead => ((0x56, 0xb4, 0xe9), 74, Color::LightCyan),
            Ink::Frozen => ((0xcc, 0x79, 0xa7), 175, Color::LightMagenta),
            Ink::Good => ((0x2c, 0xbf, 0x90), 35, Color::LightGreen),
            Ink::Bad => ((0xee, 0x6c, 0x1a), 166, Color::LightRed),
        };
        match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => Some(sixteen),
            Depth::Indexed => Some(Color::Indexed(indexed)),
            Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        }
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
    fn without_colour_no_style_names_one() {
        let theme = Theme::mono(false);
        for ink in [Ink::Text, Ink::Strong, Ink::Muted, Ink::Frame, Ink::Good, Ink::Bad] {
            for style in [theme.ink(ink), theme.badge(ink)] {
                assert_eq!((style.fg, style.bg), (None, None), "{ink:?}");
            }
        }
    }
}
