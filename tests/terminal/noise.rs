//! Noise in every mode of the panel: what is no key changes nothing, and after bytes of which some may be keys a key is
//! a key again. Its length is counted in pieces, and it is the same each time.

use super::harness::Terminal;
use super::input::{SILENCE, hears};
use super::lecture::{open, quit};

/// Longer than the pause of a pasted text is waited for.
const AFTER_PASTE: std::time::Duration = std::time::Duration::from_millis(1500);
/// Writes in each mode, and pieces of noise in each write.
const WRITES: usize = 40;
const PIECES: usize = 60;

/// A mode: its name, the keys that open it, what the screen then shows, and whether text is typed there, so that a
/// pasted one counts.
struct Mode {
    name: &'static str,
    keys: &'static str,
    shows: &'static str,
    typed: bool,
}

const fn mode(name: &'static str, keys: &'static str, shows: &'static str) -> Mode {
    Mode { name, keys, shows, typed: false }
}

const MODES: [Mode; 9] = [
    mode("panels", "", "up 4/4"),
    mode("zoomed panel", "4e", "4 Events"),
    Mode { typed: true, ..mode("help", "?", "Esc back") },
    Mode { typed: true, ..mode("list of policies", "s", "Policy of ls") },
    Mode { typed: true, ..mode("list of names", "Q", "www.google.com") },
    Mode { typed: true, ..mode("command line", ":kil", ":kil") },
    Mode { typed: true, ..mode("filter", "/zz", "/zz") },
    mode("quit dialog", "q", "y yes"),
    mode("replay", "E", "REPLAY"),
];

/// Noise without a pattern (a linear congruence of Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn of<'a>(&mut self, pieces: &[&'a [u8]]) -> &'a [u8] {
        pieces[self.below(pieces.len())]
    }
}

/// Whole sequences that are no keys: answers that nobody asked for, keys that are let go, strings, and such as have no
/// meaning at all.
const NO_KEYS: &[&[u8]] = &[
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[12;40R",
    b"\x1b[?62;22c",
    b"\x1b[>41;354;0c",
    b"\x1b[?2026;2$y",
    b"\x1b[?1u",
    b"\x1b[97;1:3u",
    b"\x1b[27;1:3u",
    b"\x1b[1;1:3A",
    b"\x1b[32;10;10M",
    b"\x1b[5;5X",
    b"\x1b[99999999999;1~",
    b"\x1b[201~",
    b"\x1b]11;rgb:0000/0000/0000\x1b\\",
    b"\x1b]52;c;cQ==\x07",
    b"\x1bP>|a terminal(1)\x1b\\",
    b"\x1b_Gi=1;OK\x1b\\",
    b"\x1b^q\x1b\\",
    b"\x1bXq\x1b\\",
];

/// Sequences with others inside them, and such as another one interrupts.
const NESTED: &[&[u8]] = &[
    b"\x1b]0;\x1b[A\x1b[<0;1;1M\x1b]q\x07",
    b"\x1bP\x1b[200~q\x1b[201~\x1b\\",
    b"\x1b[1;5\x1b[I",
    b"\x1b[\x1b[\x1b[<0;1\x1b[O",
    b"\x1b[38;2;\x1b]2;q\x07",
    b"\x1b[<\x1bPq\x1b\\",
    b"\xe2\x82\x1b[I",
];

/// What is text in no encoding that is read here.
const NO_TEXT: &[&[u8]] = &[b"\xff", b"\x80\xbf", b"\xc0\xc1", b"\xf8\xfe", b"\xf0\x9f\xff"];

/// Pieces that may become keys, depending on what comes after.
const ANYTHING: &[&[u8]] = &[
    b"\x1b",
    b"\x1b\x1b",
    b"[",
    b"\x1b[",
    b"\x1b[<",
    b"\x1b[M",
    b"\x1bO",
    b"\x1b]",
    b"\x1bP",
    b"\x1b[200~",
    b"\x1b[201~",
    b"\x1b[1;",
    b";",
    b"0",
    b"9",
    b"M",
    b"m",
    b"~",
    b"!",
    b"\0",
    b"\x07",
    b"\x1d",
    b"\x9b",
    b"\xff",
    b"\xc3",
    b"\x80",
    b"\xf0\x9f",
];

/// A report of a mouse that nobody has asked for: in the present form, or in the old one with any three bytes.
fn mouse(dice: &mut Dice, out: &mut Vec<u8>) {
    if dice.below(3) == 0 {
        out.extend_from_slice(b"\x1b[M");
        out.extend((0..3).map(|_| 32 + dice.below(224) as u8));
        return;
    }
    let (button, column, row) = (dice.below(256), dice.below(300), dice.below(70_000));
    let last = if dice.below(2) == 0 { 'M' } else { 'm' };
    out.extend_from_slice(format!("\x1b[<{button};{column};{row}{last}").as_bytes());
}

/// Bytes that are no key, whatever the mode.
fn no_keys(dice: &mut Dice, typed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..PIECES {
        match dice.below(6) {
            0 | 1 => out.extend_from_slice(dice.of(NO_KEYS)),
            2 => out.extend_from_slice(dice.of(NESTED)),
            3 => out.extend_from_slice(dice.of(NO_TEXT)),
            // Where text is typed, a pasted one counts.
            4 if !typed => {
                out.extend_from_slice(
                    b"\x1b[200~q\ry\x1b[200~\x1b[A\x1b[20\xff\x1b[<0;1;1M\x1b[201~",
                );
            }
            _ => mouse(dice, &mut out),
        }
    }
    out
}

fn enter(terminal: &Terminal, mode: &Mode) {
    terminal.keys(mode.keys);
    terminal.until(&format!("{}, opened", mode.name), |seen| seen.shows(mode.shows).then_some(()));
}

/// Closes whatever is open.
fn leave(terminal: &Terminal) {
    for _ in 0..4 {
        terminal.keys("\x1b");
        terminal.lives_on(SILENCE);
    }
    terminal.until_shows("up 4/4");
}

/// A panel in which a race can be played again.
fn opened() -> Terminal {
    let terminal = open("tour");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    terminal
}

#[test]
fn what_is_no_key_changes_nothing_in_any_mode() {
    let terminal = opened();
    let mut dice = Dice(12);
    for mode in &MODES {
        enter(&terminal, mode);
        for _ in 0..WRITES {
            terminal.bytes(no_keys(&mut dice, mode.typed));
        }
        // A key after all that: the sign that it was read. It draws everything anew, and moves nothing.
        let before = terminal.seen().bytes.len();
        terminal.keys("\x0c");
        terminal.until(&format!("a picture after noise, {}", mode.name), |seen| {
            (seen.bytes.len() > before).then_some(())
        });
        terminal.lives_on(SILENCE);
        let text = terminal.seen().text();
        assert!(text.contains(mode.shows), "{} is still open:\n{text}", mode.name);
        if mode.shows.starts_with([':', '/']) {
            let frame = |c: char| c == '│' || c == ' ';
            let line = text.lines().any(|line| line.trim_matches(frame) == mode.shows);
            assert!(line, "{}: nothing was typed:\n{text}", mode.name);
        }
        leave(&terminal);
    }
    assert!(terminal.seen().shows("no faults"), "{}", terminal.seen().text());
    hears(&terminal, "noise in every mode");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn after_bytes_of_any_kind_a_key_is_a_key_in_any_mode() {
    let terminal = opened();
    let mut dice = Dice(3);
    for mode in &MODES {
        enter(&terminal, mode);
        for _ in 0..WRITES {
            let mut noise = Vec::new();
            for _ in 0..PIECES {
                noise.extend_from_slice(dice.of(ANYTHING));
            }
            terminal.bytes(noise);
        }
        // Whatever was begun last, a paste too, is over after a silence.
        terminal.lives_on(AFTER_PASTE);
        leave(&terminal);
        hears(&terminal, mode.name);
    }
    quit(&terminal);
    terminal.ends_restored(0);
}
