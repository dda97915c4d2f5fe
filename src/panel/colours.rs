//! The colours of the themes, for terminals of 24 bits and of 256 colours. The tests measure how far apart the
//! meanings are, also for people who see fewer colours: a palette cannot be judged by eye.

use super::theme::Ink;
use ratatui::style::Color;

/// One colour twice: in 24 bits, and as the entry of the cube of 256 that keeps the meanings apart best. That is not
/// always the nearest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shade {
    rgb: u32,
    indexed: u8,
}

impl Shade {
    /// The colour in 24 bits.
    #[must_use]
    pub const fn rgb(self) -> Color {
        let [_, red, green, blue] = self.rgb.to_be_bytes();
        Color::Rgb(red, green, blue)
    }

    /// The colour in the cube of 256.
    #[must_use]
    pub const fn indexed(self) -> Color {
        Color::Indexed(self.indexed)
    }
}

const fn shade(rgb: u32, indexed: u8) -> Shade {
    Shade { rgb, indexed }
}

/// The colours of one theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    /// What everything is drawn on.
    pub ground: Shade,
    text: Shade,
    muted: Shade,
    frame: Shade,
    message: Shade,
    slow: Shade,
    lead: Shade,
    frozen: Shade,
    good: Shade,
    bad: Shade,
}

impl Colours {
    /// The colour of a meaning.
    #[must_use]
    pub const fn of(&self, ink: Ink) -> Shade {
        match ink {
            Ink::Text | Ink::Strong => self.text,
            Ink::Muted => self.muted,
            Ink::Frame => self.frame,
            Ink::Focus | Ink::Message => self.message,
            Ink::Slow => self.slow,
            Ink::Lead => self.lead,
            Ink::Frozen => self.frozen,
            Ink::Good => self.good,
            Ink::Bad => self.bad,
        }
    }
}

/// Okabe and Ito's colours on black. In the cube their nearest neighbours come as close as 12 to each other, so that
/// others stand for them there.
pub static NIGHT: Colours = Colours {
    ground: shade(0x00_00_00, 16),
    text: shade(0xee_ee_ee, 255),
    muted: shade(0xa4_a4_ac, 248),
    frame: shade(0x6c_6c_76, 242),
    message: shade(0xf0_e4_42, 227),
    slow: shade(0xe6_9f_00, 178),
    lead: shade(0x56_b4_e9, 110),
    frozen: shade(0xcc_79_a7, 132),
    good: shade(0x00_9e_73, 79),
    bad: shade(0xd5_5e_00, 209),
};

/// Dark on white, found by search: darkened, the hues of the night collapse for some eyes.
pub static DAY: Colours = Colours {
    ground: shade(0xff_ff_ff, 231),
    text: shade(0x11_11_11, 16),
    muted: shade(0x4e_4e_4e, 239),
    frame: shade(0x8a_8a_8a, 245),
    message: shade(0x00_00_f0, 21),
    slow: shade(0x8c_72_1c, 94),
    lead: shade(0x00_16_40, 60),
    frozen: shade(0xc3_00_d9, 128),
    good: shade(0x34_73_6a, 29),
    bad: shade(0x40_12_00, 52),
};

/// Light on black, for a room that is not dark: found by search among colours that keep a contrast of 2.5 under a
/// fifth of the projector's light.
pub static PROJECTOR: Colours = Colours {
    ground: shade(0x00_00_00, 16),
    text: shade(0xff_ff_ff, 231),
    muted: shade(0xd0_d0_d0, 252),
    frame: shade(0x9a_9a_9a, 247),
    message: shade(0xd0_f2_0f, 190),
    slow: shade(0xea_c9_72, 221),
    lead: shade(0x77_b8_c9, 109),
    frozen: shade(0xec_82_ff, 213),
    good: shade(0x3d_fe_d9, 122),
    bad: shade(0xfa_83_82, 209),
};

#[cfg(test)]
#[path = "colours_tests.rs"]
mod tests;
