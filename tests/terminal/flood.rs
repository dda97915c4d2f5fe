//! Too much of everything: sizes, pasted text, keys, and a terminal that does not read.

use super::ending::stuck;
use super::harness::{DEADLINE, Setup, Terminal};
use super::lecture::{figure, lab_time, open, quit, up};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const MEGABYTE: usize = 1 << 20;
/// Questions a second, in lab time.
const RATE: f64 = 10.0;

/// A key still does something, and the panel can be left.
fn is_well(terminal: &Terminal) {
    terminal.keys("?");
    terminal.until_shows("Esc back");
    terminal.keys("\x1b");
    terminal.until_gone("Esc back");
    quit(terminal);
    terminal.ends_restored(0);
}

/// The next size of a fixed sequence without a pattern (a linear congruence of Knuth's MMIX).
fn next_size(state: &mut u64) -> (u16, u16) {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let columns = [0, 1, 2, 5, 80, 200, 1000];
    let rows = [0, 1, 2, 3, 24, 60, 500];
    let at = (*state >> 33) as usize;
    (columns[at % 7], rows[at / 7 % 7])
}

#[test]
fn two_thousand_sizes_and_it_settles_at_the_last() {
    let terminal = open("tour");
    let mut state = 7;
    for turn in 0..2000 {
        let (columns, rows) = next_size(&mut state);
        terminal.resize(columns, rows);
        if turn % 10 == 0 {
            // Time to draw one of them; the others come in the middle of a picture.
            terminal.lives_on(Duration::from_millis(10));
        }
    }
    // No screen is like that, and no memory would do for a picture of it.
    terminal.resize(65_535, 65_535);
    terminal.lives_on(Duration::from_secs(1));
    terminal.resize(80, 24);
    terminal.until("the lecture layout", |seen| {
        let rows: Vec<String> = seen.screen().rows(0, 80).collect();
        let whole = rows.len() == 24 && rows[0].contains("up 4/4") && rows[23].contains("? help");
        whole.then_some(())
    });
    is_well(&terminal);
}

/// Words whose letters would quit, kill and reset if they were keys.
fn text_of_a_megabyte() -> String {
    let words = "q y quit yes? Reset xXo z p d kill everything: y\n";
    words.repeat(MEGABYTE / words.len() + 1)
}

#[test]
fn a_pasted_megabyte_is_no_megabyte_of_commands() {
    std::thread::scope(|scope| {
        for bracketed in [true, false] {
            scope.spawn(move || {
                let terminal = open("tour");
                let mut text = text_of_a_megabyte();
                if bracketed {
                    text = format!("\x1b[200~{text}\x1b[201~");
                }
                terminal.keys(&text);
                // Keys are read in order: when this one is seen, the text has been read.
                terminal.keys("\x03");
                terminal.until_shows("y yes");
                terminal.keys("n");
                terminal.until_gone("y yes");
                let seen = terminal.seen();
                assert!(seen.shows("up 4/4") && seen.shows("no faults"), "{}", seen.text());
                assert_eq!(figure(&seen, "asked "), Some(0.0), "{}", seen.text());
                drop(seen);
                is_well(&terminal);
            });
        }
    });
}

#[test]
fn a_paste_into_a_line_that_is_typed_is_text() {
    let terminal = open("tour");
    terminal.keys(":");
    terminal.until_shows("Tab completes");
    terminal.keys("\x1b[200~crash\nts1\x1b[201~");
    terminal.until_shows("crash ts1");
    terminal.keys("\r");
    terminal.until_shows("CRASHED");
}

#[test]
fn thousands_of_keys_and_it_still_answers() {
    let terminal = open("tour");
    let steps = "\x1b[A\x1b[B\x1b[C\x1b[D\t\x1b[Z".repeat(2000);
    terminal.keys(&steps);
    terminal.bytes(vec![0x0c; 2000]);
    terminal.bytes(vec![0xff, 0xc3, 0x28, 0x1b, b'[', b'<', b'9', b'9', 0x80, b'M']);
    terminal.keys("\x03");
    terminal.until_shows("y yes");
    terminal.keys("n");
    terminal.until_gone("y yes");
    is_well(&terminal);
}

/// Asks a node from outside, as `nc` would.
fn asks(address: SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
    socket.write_all(b"www.google.com\n").expect("the question leaves");
    let mut answer = [0; 200];
    let count = socket.read(&mut answer).expect("an answer comes");
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

/// Where the selected node listens, as its page tells.
fn address_of_the_selected(terminal: &Terminal) -> SocketAddr {
    terminal.keys("i");
    let address = terminal.until("an address", |seen| {
        let text = seen.text();
        text.split_once("listens ")?.1.split_whitespace().next()?.parse().ok()
    });
    terminal.keys("\x1b");
    terminal.until_gone("listens ");
    address
}

#[test]
fn while_the_terminal_does_not_read_the_nodes_go_on() {
    let terminal = Setup::faultlab(&["run", "tour"]).start();
    up(&terminal);
    terminal.keys("0");
    terminal.until_gone("AUTO PACE");
    let address = address_of_the_selected(&terminal);
    terminal.keys(&format!(":load client {RATE}\r"));
    let before = terminal.until("a load", |seen| {
        figure(seen, "answered ").filter(|count| *count > 0.0)?;
        Some((figure(seen, "asked ")?, lab_time(seen)?, Instant::now()))
    });
    stuck(&terminal);
    let begun = Instant::now();
    let mut heard = 0_u32;
    while begun.elapsed() < Duration::from_secs(5) {
        assert!(asks(address).contains("www.google.com"), "question {heard}");
        heard += 1;
        terminal.lives_on(Duration::from_millis(100));
    }
    println!("{heard} answers while the terminal did not read");
    terminal.read_again();
    terminal.resize(80, 24);
    let lasted = before.2.elapsed().as_secs_f64();
    let after = terminal.until("the present time", |seen| {
        let now = lab_time(seen)?;
        (now - before.1 > lasted * 0.8).then_some((figure(seen, "asked ")?, now))
    });
    let passed = after.1 - before.1;
    assert!(passed < before.2.elapsed().as_secs_f64() + 2.0, "{passed} s of lab time");
    // The client asked by the clock of the lab: it neither stopped nor made up for it in a burst.
    let by_client = after.0 - before.0 - f64::from(heard);
    let expected = passed * RATE;
    println!("{passed:.1} s of lab time, {by_client} questions of the client");
    assert!((expected * 0.5..expected * 1.5).contains(&by_client), "{by_client} of {expected}");
    let seen = terminal.seen();
    for outcome in ["silent ", "failed "] {
        assert_eq!(figure(&seen, outcome), Some(0.0), "{}", seen.text());
    }
    drop(seen);
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn a_terminal_that_does_not_read_keeps_no_process_alive() {
    let terminal = open("tour");
    terminal.keys("c");
    stuck(&terminal);
    let sent = Instant::now();
    terminal.signal(Signal::TERM);
    let ended = terminal.end();
    println!("SIGTERM while stuck: ended after {:?}", ended.at - sent);
    assert_eq!((ended.code, ended.signal), (143, None));
    assert!(ended.at - sent < Duration::from_secs(5));
    assert!(terminal.has_usual_modes(), "the line's modes are as before");
}

#[test]
fn two_thousand_visitors_are_served_or_turned_away_and_the_panel_goes_on() {
    let terminal = Setup::faultlab(&["run", "tour"]).start();
    up(&terminal);
    terminal.keys("0");
    terminal.until_gone("AUTO PACE");
    let address = address_of_the_selected(&terminal);
    let visit = || {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("an option");
        stream
    };
    let mut taken: Vec<TcpStream> = (0..256).map(|_| visit()).collect();
    for number in 256..2000 {
        let mut words = String::new();
        visit().read_to_string(&mut words).expect("its end comes in good order");
        assert_eq!(words, "Error:TOO MANY CONNECTIONS\n", "visitor {number}");
        if number % 500 == 0 {
            terminal.keys("?");
            terminal.until_shows("Esc back");
            terminal.keys("\x1b");
            terminal.until_gone("Esc back");
        }
    }
    let last = taken.last_mut().expect("they are here");
    last.write_all(b"www.google.com\n").expect("it is read");
    assert!(last.read(&mut [0; 64]).is_ok_and(|count| count > 0), "who was taken is served");
    // Who leaves makes room for another.
    taken.clear();
    let begun = Instant::now();
    while !asks(address).contains("www.google.com") {
        assert!(begun.elapsed() < DEADLINE, "there is room again");
    }
    is_well(&terminal);
}
