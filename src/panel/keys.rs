//! Reads what is typed, and tells text that was poured in from keys that were pressed. It blocks, so it has a thread.
//!
//! It knows nothing of what a key does.

use super::guard::Woken;
use super::input::Input;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// So many characters at once are no hand's: a terminal without bracketed paste pours a text in, and its letters must
/// not become commands. Commands that a program types are shorter.
const POURED_MIN: usize = 64;
/// So many at once make it worth while to see whether more are coming: a hand's keys come one by one, and are never
/// held up.
const SUSPECT_MIN: usize = 8;
/// A look at what has come already.
const AT_ONCE: Duration = Duration::ZERO;
/// How long a pause ends a text that is poured in.
const PAUSE: Duration = Duration::from_millis(5);
/// What comes so soon after such a text is the rest of it.
const REST_WITHIN: Duration = Duration::from_millis(50);
/// Events that are looked at together.
const TOGETHER_MAX: usize = 4096;

/// Reads until nobody takes the events any more, or there is nothing more to read.
pub fn forward(sender: &SyncSender<Woken>) {
    let mut input = Input::new();
    let mut rest = false;
    while let Ok(first) = input.read() {
        let Ok(events) = together(first, &mut input) else { return };
        let (events, text_last) = merged(events, rest);
        for event in events {
            if sender.send(Woken::Input(event)).is_err() {
                return;
            }
        }
        rest = text_last && input.poll(REST_WITHIN).unwrap_or(false);
    }
}

/// Takes with an event what came at the same time.
fn together(first: Event, input: &mut Input) -> io::Result<Vec<Event>> {
    let mut events = vec![first];
    while events.len() < TOGETHER_MAX {
        let pause = if events.len() < SUSPECT_MIN { AT_ONCE } else { PAUSE };
        if !input.poll(pause)? {
            break;
        }
        events.push(input.read()?);
    }
    Ok(events)
}

/// Makes a paste of every run of characters that no hand can have typed, and says whether the last is one. `rest`: such
/// a text has just ended, and characters at the beginning, however few, belong to it.
fn merged(events: Vec<Event>, rest: bool) -> (Vec<Event>, bool) {
    let mut out = Vec::with_capacity(events.len());
    let mut run: Vec<Event> = Vec::new();
    let mut text = String::new();
    let mut least = if rest { 1 } else { POURED_MIN };
    for event in events {
        if let Some(c) = character(&event) {
            run.push(event);
            text.push(c);
            continue;
        }
        finish(&mut run, &mut text, least, &mut out);
        least = POURED_MIN;
        out.push(event);
    }
    let text_last = finish(&mut run, &mut text, least, &mut out);
    (out, text_last)
}

/// Ends a run; gives whether it was a text.
fn finish(run: &mut Vec<Event>, text: &mut String, least: usize, out: &mut Vec<Event>) -> bool {
    // `least` is never 0, so that an empty run is no text.
    let poured = run.len() >= least;
    if poured {
        run.clear();
        out.push(Event::Paste(std::mem::take(text)));
    } else {
        text.clear();
        out.append(run);
    }
    poured
}

/// The character of a key that may be part of a text.
fn character(event: &Event) -> Option<char> {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else { return None };
    if *kind == KeyEventKind::Release
        || modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
    {
        return None;
    }
    match code {
        KeyCode::Char(c) => Some(*c),
        KeyCode::Enter => Some('\n'),
        KeyCode::Tab => Some('\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Vec<Event> {
        let key = |c| match c {
            '\n' => KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE),
            c => KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
        };
        text.chars().map(|c| Event::Key(key(c))).collect()
    }

    #[test]
    fn what_a_program_types_stays_keys_and_a_poured_text_becomes_a_paste() {
        let command = typed(":delay ls->ts1 200ms\n");
        assert_eq!(merged(command.clone(), false), (command, false));
        let text = "quit\nyes ".repeat(20);
        assert_eq!(merged(typed(&text), false), (vec![Event::Paste(text)], true));
    }

    #[test]
    fn other_keys_divide_a_text_and_its_rest_belongs_to_it() {
        let escape = Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
        let mut events = typed("qy");
        events.push(escape.clone());
        events.extend(typed("f"));
        let rest = vec![Event::Paste("qy".into()), escape, typed("f").remove(0)];
        assert_eq!(merged(events.clone(), true), (rest, false));
        assert_eq!(merged(events.clone(), false), (events, false));
        assert_eq!(merged(typed("y"), true), (vec![Event::Paste("y".into())], true));
    }

    #[test]
    fn control_and_alt_are_no_text() {
        for modifiers in [KeyModifiers::CONTROL, KeyModifiers::ALT] {
            let event = Event::Key(KeyEvent::new(KeyCode::Char('c'), modifiers));
            assert_eq!(merged(vec![event.clone(); 100], true).0.len(), 100);
        }
    }
}
