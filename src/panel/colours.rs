//! The colours of each theme, for each kind of terminal. Tables; what a colour is used for is [`super::theme`]'s business.
//!
//! None of these was chosen by eye. Night has the hues of Okabe and Ito (jfly.uni-koeln.de/color), projector has them
//! lightened until each keeps eight to one against black, day was searched for its distances; the tests below measure
//! them as people with each kind of colour blindness see them.

use super::theme::{Depth, Ink, Scheme};
use ratatui::style::Color;

/// One meaning in one theme: 24 bits, the place in the cube of 256, the nearest of the sixteen of old.
type Row = (u32, u8, Color);

/// The colour of what is written with this meaning; none where the theme has no colour for it.
#[must_use]
pub fn ink(scheme: Scheme, depth: Depth, ink: Ink) -> Option<Color> {
    let row = match scheme {
        Scheme::Night => night(ink),
        Scheme::Day => day(ink),
        Scheme::Projector => projector(ink),
        Scheme::Terminal => return terminal(ink),
        Scheme::Mono => return None,
    };
    at_depth(row, depth)
}

/// The colour of the empty screen.
#[must_use]
pub fn ground(scheme: Scheme, depth: Depth) -> Option<Color> {
    let row = match scheme {
        Scheme::Night => (0x0d_0e12, 16, Color::Black),
        Scheme::Day => (0xff_ffff, 231, Color::White),
        Scheme::Projector => (0x00_0000, 16, Color::Black),
        Scheme::Terminal | Scheme::Mono => return None,
    };
    at_depth(row, depth)
}

fn at_depth((rgb, indexed, sixteen): Row, depth: Depth) -> Option<Color> {
    match depth {
        Depth::Mono => None,
        Depth::Sixteen => Some(sixteen),
        Depth::Indexed => Some(Color::Indexed(indexed)),
        Depth::True => {
            let [_, red, green, blue] = rgb.to_be_bytes();
            Some(Color::Rgb(red, green, blue))
        }
    }
}

fn night(ink: Ink) -> Row {
    match ink {
        Ink::Text | Ink::Strong => (0xee_eeee, 255, Color::White),
        Ink::Muted => (0xa4_a4ac, 248, Color::Gray),
        Ink::Frame => (0x6c_6c76, 242, Color::DarkGray),
        Ink::Focus | Ink::Message => (0xf0_e442, 228, Color::LightYellow),
        Ink::Slow => (0xe6_9f00, 220, Color::Yellow),
        Ink::Lead => (0x56_b4e9, 75, Color::LightCyan),
        Ink::Frozen => (0xcc_79a7, 139, Color::LightMagenta),
        Ink::Good => (0x00_9e73, 35, Color::LightGreen),
        Ink::Bad => (0xd5_5e00, 166, Color::LightRed),
    }
}

fn day(ink: Ink) -> Row {
    match ink {
        Ink::Text | Ink::Strong => (0x11_1111, 233, Color::Black),
        Ink::Muted => (0x54_545c, 240, Color::DarkGray),
        Ink::Frame => (0x9a_9aa4, 247, Color::Gray),
        Ink::Focus | Ink::Message => (0x11_05fa, 21, Color::Blue),
        Ink::Slow => (0x8c_721c, 94, Color::Yellow),
        Ink::Lead => (0x00_1640, 17, Color::Blue),
        Ink::Frozen => (0xc3_00d9, 164, Color::Magenta),
        Ink::Good => (0x34_736a, 29, Color::Green),
        Ink::Bad => (0x40_1200, 52, Color::Red),
    }
}

fn projector(ink: Ink) -> Row {
    match ink {
        Ink::Text | Ink::Strong => (0xff_ffff, 231, Color::White),
        Ink::Muted => (0xd0_d0d0, 252, Color::White),
        Ink::Frame => (0x9a_9a9a, 247, Color::Gray),
        Ink::Focus | Ink::Message => (0xff_f36a, 228, Color::LightYellow),
        Ink::Slow => (0xec_b311, 178, Color::Yellow),
        Ink::Lead => (0x90_cbff, 75, Color::LightCyan),
        Ink::Frozen => (0xd4_96bf, 146, Color::LightMagenta),
        Ink::Good => (0x3f_dca6, 86, Color::LightGreen),
        Ink::Bad => (0xff_8243, 209, Color::LightRed),
    }
}

/// The terminal's own sixteen, on its own ground, whatever they are: text is left as it is.
fn terminal(ink: Ink) -> Option<Color> {
    Some(match ink {
        Ink::Text | Ink::Strong | Ink::Muted | Ink::Frame => return None,
        Ink::Focus | Ink::Message => Color::Blue,
        Ink::Slow => Color::Yellow,
        Ink::Lead => Color::Cyan,
        Ink::Frozen => Color::Magenta,
        Ink::Good => Color::Green,
        Ink::Bad => Color::Red,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How each kind of eye sees: nothing changed, and no cones for long, middle and short waves (Machado, Oliveira and
    /// Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 2009, severity 1).
    const EYES: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];
    const STATES: [Ink; 5] = [Ink::Lead, Ink::Good, Ink::Slow, Ink::Bad, Ink::Frozen];

    fn times(matrix: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
    }

    fn linear(colour: Color) -> [f64; 3] {
        let [red, green, blue] = match colour {
            Color::Rgb(red, green, blue) => [red, green, blue],
            Color::Indexed(at @ 232..) => [8 + 10 * (at - 232); 3],
            Color::Indexed(at @ 16..) => {
                let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
                [level((at - 16) / 36), level((at - 16) / 6 % 6), level((at - 16) % 6)]
            }
            other => panic!("{other:?} is whatever the terminal makes of it"),
        };
        [red, green, blue].map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// CIE 1976 L*a*b* under D65.
    fn lab(rgb: [f64; 3]) -> [f64; 3] {
        const XYZ: [[f64; 3]; 3] = [
            [0.412_456_4 / 0.950_47, 0.357_576_1 / 0.950_47, 0.180_437_5 / 0.950_47],
            [0.212_672_9, 0.715_152_2, 0.072_175_0],
            [0.019_333_9 / 1.088_83, 0.119_192 / 1.088_83, 0.950_304_1 / 1.088_83],
        ];
        let [x, y, z] = times(&XYZ, rgb)
            .map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// The distance of the two states that one eye tells apart least.
    fn least(scheme: Scheme, depth: Depth, eye: &[[f64; 3]; 3]) -> f64 {
        let seen = |state: Ink| {
            let colour = linear(ink(scheme, depth, state).expect("it has a colour"));
            lab(times(eye, colour).map(|it| it.clamp(0.0, 1.0)))
        };
        let pairs = STATES
            .iter()
            .enumerate()
            .flat_map(|(at, one)| STATES[at + 1..].iter().map(move |other| (*one, *other)));
        let apart = pairs.map(|(one, other)| {
            let squares = seen(one).into_iter().zip(seen(other)).map(|(a, b)| (a - b).powi(2));
            squares.sum::<f64>().sqrt()
        });
        apart.fold(f64::INFINITY, f64::min)
    }

    fn contrast(scheme: Scheme, depth: Depth, of: Ink) -> f64 {
        let light = |colour: Option<Color>| {
            let [red, green, blue] = linear(colour.expect("it has a colour"));
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (one, other) = (light(ink(scheme, depth, of)), light(ground(scheme, depth)));
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_eye_tells_the_states_of_every_theme_apart() {
        // What the sets that were searched reach; red, yellow and green of old fall to ten for one man in twelve.
        for (scheme, depth, wanted) in [
            (Scheme::Night, Depth::True, 16.0),
            (Scheme::Night, Depth::Indexed, 17.0),
            (Scheme::Projector, Depth::True, 17.0),
            (Scheme::Projector, Depth::Indexed, 21.0),
            (Scheme::Day, Depth::True, 37.5),
            (Scheme::Day, Depth::Indexed, 31.0),
        ] {
            for (eye, matrix) in EYES.iter().enumerate() {
                let least = least(scheme, depth, matrix);
                assert!(least >= wanted, "{scheme:?} {depth:?}, eye {eye}: {least:.1}");
            }
        }
    }

    #[test]
    fn everything_that_is_read_stands_out_from_its_ground() {
        for depth in [Depth::True, Depth::Indexed] {
            for (scheme, wanted) in
                [(Scheme::Night, 4.5), (Scheme::Projector, 8.0), (Scheme::Day, 4.3)]
            {
                let read = [Ink::Text, Ink::Strong, Ink::Muted, Ink::Focus, Ink::Message];
                for ink in read.into_iter().chain(STATES) {
                    let contrast = contrast(scheme, depth, ink);
                    assert!(contrast >= wanted, "{scheme:?} {depth:?} {ink:?}: {contrast:.1}");
                }
            }
        }
    }
}
