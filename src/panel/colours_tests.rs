//! How far apart colours are: simulated colour vision after Machado, Oliveira and Fernandes (IEEE TVCG 2009, severity
//! 1.0, on linear light), differences after CIE 1976, contrast after WCAG 2.

use super::*;

type Linear = [f64; 3];

/// What an eye makes of linear red, green and blue.
type Eye = (&'static str, [[f64; 3]; 3]);

const EYES: [Eye; 4] = [
    ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protan",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deutan",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritan",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

/// What the room must tell apart: the states, and what is on its way.
const STATES: [Ink; 5] = [Ink::Slow, Ink::Lead, Ink::Frozen, Ink::Good, Ink::Bad];
const STATES_AND_MESSAGE: [Ink; 6] =
    [Ink::Message, Ink::Slow, Ink::Lead, Ink::Frozen, Ink::Good, Ink::Bad];

fn channels(shade: Shade, in_cube: bool) -> [u8; 3] {
    let [_, red, green, blue] = shade.rgb.to_be_bytes();
    if in_cube { cube(shade.indexed) } else { [red, green, blue] }
}

/// xterm's colours from 16 on: a cube of six levels, then 24 greys.
fn cube(index: u8) -> [u8; 3] {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    assert!(index >= 16, "the first sixteen are the user's own");
    if index >= 232 {
        return [8 + 10 * (index - 232); 3];
    }
    let at = index - 16;
    [at / 36, at / 6 % 6, at % 6].map(|level| LEVELS[usize::from(level)])
}

fn linear(channels: [u8; 3]) -> Linear {
    channels.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

fn seen(eye: &Eye, light: Linear) -> Linear {
    let dot = |row: [f64; 3]| row[0] * light[0] + row[1] * light[1] + row[2] * light[2];
    eye.1.map(|row| dot(row).clamp(0.0, 1.0))
}

/// CIE L*a*b* under D65.
fn lab([red, green, blue]: Linear) -> [f64; 3] {
    let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = f((0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue) / 0.950_47);
    let y = f(0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue);
    let z = f((0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The two of these meanings that an eye tells apart worst, and by how much.
fn worst(colours: &Colours, inks: &[Ink], eye: &Eye, in_cube: bool) -> (f64, Ink, Ink) {
    let all: Vec<(Ink, [f64; 3])> = inks
        .iter()
        .map(|ink| (*ink, lab(seen(eye, linear(channels(colours.of(*ink), in_cube))))))
        .collect();
    let mut worst = (f64::INFINITY, Ink::Text, Ink::Text);
    for (at, (one, a)) in all.iter().enumerate() {
        for (other, b) in &all[..at] {
            let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            if squares.sqrt() < worst.0 {
                worst = (squares.sqrt(), *one, *other);
            }
        }
    }
    worst
}

/// Contrast of two colours with so much of the room's light over both.
fn contrast(a: [u8; 3], b: [u8; 3], ambient: f64) -> f64 {
    let luminance = |channels| {
        let [r, g, b] = linear(channels);
        0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05 + ambient
    };
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

fn contrast_on_ground(colours: &Colours, ink: Ink, in_cube: bool, ambient: f64) -> f64 {
    let ground = channels(colours.ground, in_cube);
    contrast(channels(colours.of(ink), in_cube), ground, ambient)
}

fn hold(colours: &Colours, inks: &[Ink], in_cube: bool, least: [f64; 4]) {
    for (eye, least) in EYES.iter().zip(least) {
        let (distance, a, b) = worst(colours, inks, eye, in_cube);
        assert!(distance >= least, "{} eyes: {a:?} and {b:?} are {distance:.1} apart", eye.0);
    }
}

#[test]
fn the_figures_are_those_of_known_colours() {
    let black_white = contrast([0; 3], [255; 3], 0.0);
    assert!((black_white - 21.0).abs() < 1e-9, "{black_white}");
    let [l, a, b] = lab(linear([255, 0, 0]));
    assert!((l - 53.24).abs() < 0.02 && (a - 80.09).abs() < 0.02 && (b - 67.2).abs() < 0.02);
    // Red and green as traffic lights have them are what deuteranopes confuse.
    let classic = Colours { slow: shade(0xff_ff_00, 226), good: shade(0x00_ff_00, 46), ..NIGHT };
    let (usual, ..) = worst(&classic, &[Ink::Slow, Ink::Good], &EYES[0], false);
    let (deutan, ..) = worst(&classic, &[Ink::Slow, Ink::Good], &EYES[2], false);
    assert!(deutan < usual / 2.0, "{deutan} {usual}");
}

#[test]
fn at_night_every_eye_tells_the_states_apart() {
    hold(&NIGHT, &STATES_AND_MESSAGE, false, [33.3, 20.6, 16.9, 16.0]);
    hold(&NIGHT, &STATES_AND_MESSAGE, true, [23.9, 23.9, 23.9, 23.9]);
}

#[test]
fn by_day_every_eye_tells_the_states_apart() {
    hold(&DAY, &STATES, false, [37.7; 4].map(|least| least - 0.05));
    hold(&DAY, &STATES_AND_MESSAGE, false, [27.5; 4]);
    hold(&DAY, &STATES, true, [30.0; 4]);
    hold(&DAY, &STATES_AND_MESSAGE, true, [20.0; 4]);
}

#[test]
fn in_a_lit_room_every_eye_tells_the_states_apart() {
    hold(&PROJECTOR, &STATES_AND_MESSAGE, false, [24.3; 4]);
    hold(&PROJECTOR, &STATES_AND_MESSAGE, true, [23.0; 4]);
    for ink in STATES_AND_MESSAGE.into_iter().chain([Ink::Text, Ink::Muted]) {
        for in_cube in [false, true] {
            let left = contrast_on_ground(&PROJECTOR, ink, in_cube, 0.2);
            assert!(left >= 2.4, "{ink:?}: {left:.2}");
        }
    }
}

#[test]
fn all_that_is_read_has_contrast() {
    for (name, colours, least) in
        [("night", &NIGHT, 4.5), ("day", &DAY, 4.5), ("projector", &PROJECTOR, 7.0)]
    {
        for ink in STATES_AND_MESSAGE.into_iter().chain([Ink::Text, Ink::Muted]) {
            for in_cube in [false, true] {
                let is = contrast_on_ground(colours, ink, in_cube, 0.0);
                assert!(is >= least, "{name}: {ink:?} {is:.2}");
            }
        }
    }
}
