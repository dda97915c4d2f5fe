//! Bytes that are no keys: halves of sequences, a paste whose end never comes, answers that nobody asked for, noise. A
//! key after them is a key.

use super::harness::{DEADLINE, Setup, Terminal};
use super::lecture::{open, quit};
use std::time::{Duration, Instant};

/// Longer than any part of a sequence is waited for.
pub const SILENCE: Duration = Duration::from_millis(300);

/// The next key is a key.
pub fn hears(terminal: &Terminal, after: &str) {
    terminal.keys("?");
    terminal.until(&format!("help after {after:?}"), |seen| seen.shows("Esc back").then_some(()));
    terminal.keys("\x1b");
    terminal.until_gone("Esc back");
}

#[test]
fn half_a_sequence_swallows_no_key() {
    let terminal = open("tour");
    let halves =
        ["\x1b[", "\x1bO", "\x1b[1;5", "\x1b[<0;1", "\x1b]52;c;", "\x1bP", "\x1b[M ", "\x1b[20"];
    for half in halves {
        terminal.keys(half);
        terminal.lives_on(SILENCE);
        hears(&terminal, half);
    }
    terminal.bytes(vec![0xf0, 0x9f]);
    terminal.lives_on(SILENCE);
    hears(&terminal, "half a character");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn what_terminals_answer_unasked_is_passed_over() {
    let terminal = open("tour");
    for noise in [
        "\x1b[0;0R",
        "\x1b[?62;22c",
        "\x1b[<64;0;0M",
        "\x1b[99999999999;1~",
        "\x1b]11;rgb:0/0/0\x1b\\",
        "\x1b[201~",
        "\x1b[I\x1b[O",
    ] {
        terminal.keys(noise);
        hears(&terminal, noise);
    }
    quit(&terminal);
    terminal.ends_restored(0);
}

/// A terminal, or a line to it, that loses the end of a paste must not take the panel with it.
#[test]
fn a_paste_without_end_swallows_no_key_for_ever() {
    let terminal = open("tour");
    terminal.keys("\x1b[200~quit\nyes");
    // Keys that come soon after are still taken for text; a second of silence is the end of it.
    terminal.keys("q");
    terminal.lives_on(Duration::from_millis(1500));
    assert!(!terminal.seen().shows("y yes"), "{}", terminal.seen().text());
    hears(&terminal, "a paste without end");
    // In a line that is being typed, what came is there.
    terminal.keys(":");
    terminal.until_shows("Tab completes");
    terminal.keys("\x1b[200~crash ts1");
    terminal.until_shows("crash ts1");
    terminal.keys("\r");
    terminal.until_shows("CRASHED");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn the_picker_takes_no_text_for_keys() {
    let terminal = Setup::faultlab(&[]).start();
    terminal.until_shows("Enter opens");
    terminal.keys("\x1b[200~jjj\rq\x1b[201~\x1b[1;\x1b[0;0R");
    terminal.keys("j");
    terminal.until_shows("▸ campus");
    terminal.keys("q");
    terminal.ends_restored(0);
}

/// Ten thousand keys a second for two seconds: the picture goes on meanwhile, and the key after them counts.
#[test]
fn ten_thousand_keys_a_second_and_the_picture_goes_on() {
    let terminal = open("tour");
    let begun = Instant::now();
    let (mut pictures, mut bytes) = (0, terminal.seen().bytes.len());
    let (mut drawn, mut gap) = (Instant::now(), Duration::ZERO);
    let mut sent = 0_usize;
    while begun.elapsed() < Duration::from_secs(2) {
        // In sequences, so that they are keys and no text that is poured in.
        let due = (begun.elapsed().as_secs_f64() * 10_000.0) as usize;
        terminal.keys(&"\x1b[A\x1b[B".repeat((due - sent) / 2));
        sent += (due - sent) / 2 * 2;
        terminal.lives_on(Duration::from_millis(5));
        let now = terminal.seen().bytes.len();
        if now > bytes {
            gap = gap.max(drawn.elapsed());
            (pictures, bytes, drawn) = (pictures + 1, now, Instant::now());
        }
    }
    let asked = Instant::now();
    terminal.keys("\x03");
    terminal.until_shows("y yes");
    println!(
        "{sent} keys, {pictures} pictures seen, at most {gap:?} apart; then {:?}",
        asked.elapsed()
    );
    assert!(sent > 10_000 && pictures > 4, "{sent} keys, {pictures} pictures");
    assert!(gap < DEADLINE / 4 && asked.elapsed() < DEADLINE / 4, "{gap:?}");
    terminal.keys("n");
    terminal.until_gone("y yes");
    quit(&terminal);
    terminal.ends_restored(0);
}
