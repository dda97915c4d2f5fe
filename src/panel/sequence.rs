//! What the escape sequences of terminals mean: the keys of xterm, the Linux console, rxvt and kitty, and the mouse in
//! its SGR form. Tables and arithmetic; where a sequence ends is [`super::decode`]'s business.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

/// Shift, for a character that takes it.
#[must_use]
pub fn shift(c: char) -> KeyModifiers {
    if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE }
}

/// The key of `ESC O` and a byte.
#[must_use]
pub fn ss3(last: u8) -> Option<Event> {
    let code = match last {
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        last => cursor_key(last)?,
    };
    Some(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// The meaning of `ESC [`, parameters and a last byte; none if it has none here.
#[must_use]
pub fn csi(parameters: &[u8], last: u8) -> Option<Event> {
    let text = std::str::from_utf8(parameters).ok()?;
    if let Some(text) = text.strip_prefix('<') {
        return mouse(text, last);
    }
    if text == "[" && (b'A'..=b'E').contains(&last) {
        return Some(Event::Key(KeyEvent::new(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE)));
    }
    match (text, last) {
        ("", b'I') => return Some(Event::FocusGained),
        ("", b'O') => return Some(Event::FocusLost),
        _ => {}
    }
    let mut fields = text.split(';');
    let first = fields.next().unwrap_or_default();
    // kitty adds alternatives behind colons; the first is the key itself.
    let number = first.split(':').next().and_then(|number| number.parse::<u32>().ok());
    let (modifiers, kind) = modified(fields.next().unwrap_or_default())?;
    let mut modifiers = modifiers;
    let code = match last {
        b'~' => numbered_key(number?)?,
        b'u' => code_point_key(number?)?,
        b'Z' => {
            modifiers |= KeyModifiers::SHIFT;
            KeyCode::BackTab
        }
        // rxvt: Shift and an arrow. In xterm, kitty and most others they have the modifier 2: `ESC [ 1 ; 2 D`.
        b'a'..=b'd' if text.is_empty() => {
            modifiers |= KeyModifiers::SHIFT;
            cursor_key(last.to_ascii_uppercase())?
        }
        // `R` with two numbers is also the answer to a question about the cursor, which nobody asks here.
        b'P' | b'Q' | b'S' if matches!(number, None | Some(1)) => KeyCode::F(last - b'P' + 1),
        last if matches!(number, None | Some(1)) => cursor_key(last)?,
        _ => return None,
    };
    if let KeyCode::Char(c) = code {
        modifiers |= shift(c);
    }
    Some(Event::Key(KeyEvent::new_with_kind(code, modifiers, kind)))
}

fn cursor_key(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        _ => return None,
    })
}

/// The keys of `ESC [ number ~`; there are gaps in the numbers of the function keys.
fn numbered_key(number: u32) -> Option<KeyCode> {
    let function = |first: u8, base: u32| KeyCode::F(first + (number - base) as u8);
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => function(1, 11),
        17..=21 => function(6, 17),
        23..=26 => function(11, 23),
        28..=29 => function(15, 28),
        31..=34 => function(17, 31),
        _ => return None,
    })
}

/// The keys of `ESC [ code point u`: nobody here asks for them, but a program before may have left them on.
fn code_point_key(number: u32) -> Option<KeyCode> {
    Some(match number {
        27 => KeyCode::Esc,
        13 => KeyCode::Enter,
        9 => KeyCode::Tab,
        127 => KeyCode::Backspace,
        number => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

/// `5` is Ctrl; `5:3` is Ctrl, and the key was let go. One is added to the bits.
fn modified(text: &str) -> Option<(KeyModifiers, KeyEventKind)> {
    let (bits, kind) = text.split_once(':').unwrap_or((text, "1"));
    let bits = if bits.is_empty() { 1 } else { bits.parse::<u16>().ok()? };
    let bits = bits.saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in
        [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)]
    {
        if bits & bit != 0 {
            modifiers |= modifier;
        }
    }
    let kind = match kind {
        "2" => KeyEventKind::Repeat,
        "3" => KeyEventKind::Release,
        _ => KeyEventKind::Press,
    };
    Some((modifiers, kind))
}

/// `ESC [ < button ; column ; row M`, or `m` when the button is let go. Places count from one.
fn mouse(text: &str, last: u8) -> Option<Event> {
    let mut numbers = text.split(';').map(|number| number.parse::<u16>().ok());
    let (Some(button), Some(column), Some(row), None) =
        (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next())
    else {
        return None;
    };
    let which = match button & 0b11 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let kind = match (button & 0b0110_0000, which, last) {
        (0b0100_0000, ..) => match button & 0b11 {
            0 => MouseEventKind::ScrollUp,
            1 => MouseEventKind::ScrollDown,
            2 => MouseEventKind::ScrollLeft,
            _ => MouseEventKind::ScrollRight,
        },
        (0b0010_0000, None, _) => MouseEventKind::Moved,
        (0b0010_0000, Some(which), _) => MouseEventKind::Drag(which),
        (0, Some(which), b'M') => MouseEventKind::Down(which),
        (0, Some(which), b'm') => MouseEventKind::Up(which),
        _ => return None,
    };
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in
        [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)]
    {
        if button & bit != 0 {
            modifiers |= modifier;
        }
    }
    let (column, row) = (column.checked_sub(1)?, row.checked_sub(1)?);
    Some(Event::Mouse(MouseEvent { kind, column, row, modifiers }))
}
