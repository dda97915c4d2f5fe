//! Text that is typed or pasted: into a line, or into a list that it narrows.

use super::view::{Mode, View};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Types a key into whatever takes text just now; gives whether the key was for it.
pub fn key(view: &mut View, key: &KeyEvent) -> bool {
    let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match (&mut view.mode, key.code) {
        (_, KeyCode::Char(_)) if !plain => return false,
        // The sign that opened the help closes it, and the sign that searches elsewhere is no text here.
        (Mode::Help(search), KeyCode::Char('?')) if search.typed.text().is_empty() => {
            view.mode = Mode::Normal;
        }
        (Mode::Help(search), KeyCode::Char('/')) if search.typed.text().is_empty() => {}
        (Mode::Help(search), KeyCode::Char(c)) => search.insert(c.encode_utf8(&mut [0; 4])),
        (Mode::Help(search), KeyCode::Backspace) => search.backspace(),
        (Mode::Choosing(chooser), KeyCode::Char(c)) => {
            chooser.type_text(c.encode_utf8(&mut [0; 4]));
        }
        (Mode::Choosing(chooser), KeyCode::Backspace) => chooser.backspace(),
        (Mode::Palette(prompt) | Mode::Filter(prompt), code) => match code {
            KeyCode::Char(c) => prompt.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => prompt.backspace(),
            KeyCode::Delete => prompt.delete(),
            KeyCode::Left => prompt.left(),
            KeyCode::Right => prompt.right(),
            KeyCode::Home => prompt.home(),
            KeyCode::End => prompt.end(),
            _ => return false,
        },
        _ => return false,
    }
    true
}

/// Text was pasted: it goes into a line that is being typed, and nowhere else.
pub fn paste(view: &mut View, text: &str) {
    match &mut view.mode {
        Mode::Palette(prompt) | Mode::Filter(prompt) => prompt.insert(text),
        Mode::Choosing(chooser) => chooser.type_text(text),
        Mode::Help(search) => search.insert(text),
        _ => {}
    }
}
