//! What terminals of less ability get: no colours that were not promised, none at all where they are not wanted.

use super::harness::{Seen, Setup};
use super::lecture::{quit, up};

/// The parameters of every SGR sequence that was written.
fn styles(seen: &Seen) -> Vec<Vec<u32>> {
    let text = String::from_utf8_lossy(&seen.bytes).into_owned();
    let mut found = Vec::new();
    for part in text.split("\x1b[").skip(1) {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':');
        let Some((parameters, true)) = end.map(|end| (&part[..end], part[end..].starts_with('m')))
        else {
            continue;
        };
        let numbers = parameters.split([';', ':']);
        found.push(numbers.map(|number| number.parse().unwrap_or(0)).collect());
    }
    found
}

/// 39, 49 and 59 give a colour back.
fn names_a_colour(style: &[u32]) -> bool {
    style.iter().any(|n| matches!(n, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107))
}

/// A race and a dead node, in surroundings with these variables.
fn looks(surroundings: &[(&str, Option<&str>)], judge: impl Fn(&Seen, &[Vec<u32>])) {
    let mut setup = Setup::faultlab(&["run", "tour"]).env("COLORTERM", None);
    for (name, value) in surroundings {
        setup = setup.env(name, *value);
    }
    let terminal = setup.start();
    up(&terminal);
    terminal.keys("f");
    terminal.until_shows("WINS");
    terminal.keys("x");
    terminal.until_shows("DEAD");
    {
        let seen = terminal.seen();
        let styles = styles(&seen);
        assert!(!styles.is_empty(), "even without colour there is emphasis");
        judge(&seen, &styles);
    }
    quit(&terminal);
    terminal.ends_restored(0);
}

fn is_ascii(seen: &Seen) -> bool {
    seen.bytes.is_ascii()
}

#[test]
fn a_terminal_of_which_nothing_is_known_gets_ascii_without_colour() {
    for term in [Some("dumb"), None] {
        looks(&[("TERM", term)], |seen, styles| {
            assert!(is_ascii(seen), "TERM={term:?}: only ASCII\n{}", seen.text());
            assert!(!styles.iter().any(|style| names_a_colour(style)), "TERM={term:?}");
        });
    }
}

#[test]
fn no_color_takes_every_colour_away() {
    let wants = [("NO_COLOR", Some("1")), ("COLORTERM", Some("truecolor"))];
    looks(&wants, |seen, styles| {
        let colours: Vec<_> = styles.iter().filter(|style| names_a_colour(style)).collect();
        assert!(colours.is_empty(), "{colours:?}");
        assert!(!is_ascii(seen), "the glyphs stay");
    });
}

#[test]
fn true_colour_only_where_it_is_promised() {
    let true_colour = |styles: &[Vec<u32>]| {
        styles.iter().any(|it| it.windows(2).any(|it| matches!(it, [38 | 48, 2])))
    };
    looks(&[], |_, styles| {
        assert!(!true_colour(styles), "256 colours at most");
        assert!(styles.iter().any(|style| names_a_colour(style)), "but colours");
    });
    looks(&[("TERM", Some("linux"))], |seen, styles| {
        let above: Vec<_> = styles.iter().filter(|it| it.contains(&38)).collect();
        assert!(above.iter().all(|it| it.windows(2).all(|it| it != [38, 2])), "{above:?}");
        assert!(is_ascii(seen), "the console's font has no such glyphs");
    });
    looks(&[("COLORTERM", Some("truecolor"))], |_, styles| {
        assert!(true_colour(styles), "promised and used");
    });
}

#[test]
fn a_theme_that_is_named_counts_more_than_no_color_and_t_goes_on_from_it() {
    let terminal = Setup::faultlab(&["run", "tour", "--theme", "day"])
        .env("NO_COLOR", Some("1"))
        .env("COLORTERM", Some("truecolor"))
        .start();
    up(&terminal);
    let white = |seen: &Seen| {
        let ground = seen.screen().cell(0, 0).map(vt100::Cell::bgcolor);
        (ground == Some(vt100::Color::Rgb(255, 255, 255))).then_some(())
    };
    terminal.until("a white ground", white);
    terminal.keys("T");
    terminal.until_shows("theme projector");
    quit(&terminal);
    terminal.ends_restored(0);
}

#[test]
fn a_copy_goes_to_the_clipboard_of_a_terminal_that_has_one_and_into_a_file_otherwise() {
    let clipboard = b"\x1b]52;c;";
    let asks = |seen: &Seen| seen.bytes.windows(clipboard.len()).any(|it| it == clipboard);
    for (term, sent) in [("xterm-256color", true), ("linux", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("its name is text");
        let terminal =
            Setup::faultlab(&["run", "tour", "--data", path]).env("TERM", Some(term)).start();
        up(&terminal);
        terminal.keys("y");
        terminal.until_shows(if sent { "to the terminal's clipboard" } else { "copied-1.txt" });
        assert_eq!(asks(&terminal.seen()), sent, "{term}");
        let file = folder.path().join("copied-1.txt");
        assert_eq!(file.exists(), !sent, "{term}");
        quit(&terminal);
        terminal.ends_restored(0);
    }
}
