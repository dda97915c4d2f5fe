//! The decoder on everything that terminals say, on everything that they do not, and on halves of both.

use super::*;
use crossterm::event::{KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

/// What these bytes mean when they come at once and silence follows.
fn meaning(bytes: &[u8]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    decoder.feed(bytes, &mut out);
    decoder.give_up(&mut out);
    assert_eq!(decoder.patience(), None, "nothing is left begun");
    out
}

fn with(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

#[test]
fn characters_and_control_characters_are_keys() {
    let cases: [(&[u8], Event); 12] = [
        (b"f", key(KeyCode::Char('f'))),
        (b"F", with(KeyCode::Char('F'), KeyModifiers::SHIFT)),
        ("ü".as_bytes(), key(KeyCode::Char('ü'))),
        ("世".as_bytes(), key(KeyCode::Char('世'))),
        ("🦀".as_bytes(), key(KeyCode::Char('🦀'))),
        (b"\r", key(KeyCode::Enter)),
        (b"\n", key(KeyCode::Enter)),
        (b"\t", key(KeyCode::Tab)),
        (b"\x7f", key(KeyCode::Backspace)),
        (b"\x03", with(KeyCode::Char('c'), KeyModifiers::CONTROL)),
        (b"\0", with(KeyCode::Char(' '), KeyModifiers::CONTROL)),
        (b"\x1f", with(KeyCode::Char('7'), KeyModifiers::CONTROL)),
    ];
    for (bytes, event) in cases {
        assert_eq!(meaning(bytes), [event], "{bytes:?}");
    }
}

#[test]
fn the_keys_of_the_usual_terminals_are_known() {
    let plain: [(&str, KeyCode); 24] = [
        ("\x1b[A", KeyCode::Up),
        ("\x1b[B", KeyCode::Down),
        ("\x1b[C", KeyCode::Right),
        ("\x1b[D", KeyCode::Left),
        ("\x1bOA", KeyCode::Up),
        ("\x1bOH", KeyCode::Home),
        ("\x1b[H", KeyCode::Home),
        ("\x1b[F", KeyCode::End),
        ("\x1b[1~", KeyCode::Home),
        ("\x1b[8~", KeyCode::End),
        ("\x1b[2~", KeyCode::Insert),
        ("\x1b[3~", KeyCode::Delete),
        ("\x1b[5~", KeyCode::PageUp),
        ("\x1b[6~", KeyCode::PageDown),
        ("\x1bOP", KeyCode::F(1)),
        ("\x1b[[A", KeyCode::F(1)),
        ("\x1b[15~", KeyCode::F(5)),
        ("\x1b[17~", KeyCode::F(6)),
        ("\x1b[24~", KeyCode::F(12)),
        ("\x1b[34~", KeyCode::F(20)),
        ("\x1b[27u", KeyCode::Esc),
        ("\x1b[97:65u", KeyCode::Char('a')),
        ("\x1b", KeyCode::Esc),
        ("\x1b[1;1A", KeyCode::Up),
    ];
    for (bytes, code) in plain {
        assert_eq!(meaning(bytes.as_bytes()), [key(code)], "{bytes:?}");
    }
    let (shift, ctrl) = (KeyModifiers::SHIFT, KeyModifiers::CONTROL);
    for (bytes, event) in [
        ("\x1b[Z", with(KeyCode::BackTab, shift)),
        ("\x1b[1;5C", with(KeyCode::Right, ctrl)),
        ("\x1b[1;2D", with(KeyCode::Left, shift)),
        ("\x1b[1;2:1C", with(KeyCode::Right, shift)),
        ("\x1b[d", with(KeyCode::Left, shift)),
        ("\x1b[a", with(KeyCode::Up, shift)),
        ("\x1b[3;2~", with(KeyCode::Delete, shift)),
        ("\x1b[99;5u", with(KeyCode::Char('c'), ctrl)),
        ("\x1bx", with(KeyCode::Char('x'), KeyModifiers::ALT)),
        ("\x1bP", with(KeyCode::Char('P'), KeyModifiers::ALT | shift)),
        ("\x1b[", with(KeyCode::Char('['), KeyModifiers::ALT)),
        ("\x1b[I", Event::FocusGained),
        ("\x1b[O", Event::FocusLost),
    ] {
        assert_eq!(meaning(bytes.as_bytes()), [event], "{bytes:?}");
    }
    let let_go = KeyEvent::new_with_kind(KeyCode::Up, KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(meaning(b"\x1b[1;1:3A"), [Event::Key(let_go)]);
}

#[test]
fn the_mouse_is_read_in_its_usual_form_and_passed_over_in_the_old_one() {
    let at =
        |kind, column, row, modifiers| Event::Mouse(MouseEvent { kind, column, row, modifiers });
    let none = KeyModifiers::NONE;
    let left = MouseButton::Left;
    for (bytes, event) in [
        ("\x1b[<0;1;1M", at(MouseEventKind::Down(left), 0, 0, none)),
        ("\x1b[<0;300;200m", at(MouseEventKind::Up(left), 299, 199, none)),
        (
            "\x1b[<18;5;6M",
            at(MouseEventKind::Down(MouseButton::Right), 4, 5, KeyModifiers::CONTROL),
        ),
        ("\x1b[<32;5;6M", at(MouseEventKind::Drag(left), 4, 5, none)),
        ("\x1b[<35;5;6M", at(MouseEventKind::Moved, 4, 5, none)),
        ("\x1b[<64;5;6M", at(MouseEventKind::ScrollUp, 4, 5, none)),
        ("\x1b[<65;5;6M", at(MouseEventKind::ScrollDown, 4, 5, none)),
    ] {
        assert_eq!(meaning(bytes.as_bytes()), [event], "{bytes:?}");
    }
    assert_eq!(meaning(b"\x1b[M !!f"), [key(KeyCode::Char('f'))]);
    assert_eq!(meaning(b"\x1b[32;4;5Mf"), [key(KeyCode::Char('f'))]);
}

/// Answers to questions that nobody asked, numbers that overflow, bytes that are no text: nothing, and then a key.
#[test]
fn what_means_nothing_is_passed_over_whole() {
    let nonsense: [&[u8]; 18] = [
        b"\x1b[0;0R",
        b"\x1b[?62;c",
        b"\x1b[<0;0;0M",
        b"\x1b[<9;9M",
        b"\x1b[99999999999999999999~",
        b"\x1b[1;99999999A",
        b"\x1b[201~",
        b"\x1b[1114112u",
        b"\x1b[0u",
        b"\x1b]11;rgb:0000/0000/0000\x1b\\",
        b"\x1b]52;c;AAAA\x07",
        b"\x1bP1+r544e\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1bOz",
        b"\x1b[999999999999999999999999999999999999999999999999999999999999999999999999999999y",
        b"\xff\xfe",
        b"\xc3",
        b"\xf0\x9f",
    ];
    for bytes in nonsense {
        assert_eq!(meaning(bytes), [], "{bytes:?}");
        // A key that follows at once, where nothing is left open, is that key.
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        decoder.feed(bytes, &mut out);
        decoder.give_up(&mut out);
        decoder.feed(b"q", &mut out);
        assert_eq!(out, [key(KeyCode::Char('q'))], "{bytes:?}");
    }
}

#[test]
fn a_sequence_that_is_interrupted_loses_no_key() {
    assert_eq!(meaning(b"\x1b[1;\x1b[A"), [key(KeyCode::Up)]);
    assert_eq!(meaning(b"\x1b[12\x03"), [control(b'c')]);
    assert_eq!(meaning(b"\xc3\x1b[A"), [key(KeyCode::Up)]);
    assert_eq!(meaning(b"\xe4\xb8f"), [key(KeyCode::Char('f'))]);
    assert_eq!(meaning(b"\x1b\x1b[A"), [key(KeyCode::Esc), key(KeyCode::Up)]);
}

#[test]
fn a_pasted_text_is_one_event_whatever_is_in_it() {
    let paste = |text: &str| vec![Event::Paste(text.into())];
    assert_eq!(meaning(b"\x1b[200~kill ts1\n\x1b[201~"), paste("kill ts1\n"));
    assert_eq!(meaning(b"\x1b[200~\x1b[201~"), paste(""));
    assert_eq!(meaning(b"\x1b[200~a\x1b[20b\x1b\x1b[201~"), paste("a\x1b[20b\x1b"));
    assert_eq!(meaning(b"\x1b[200~a\xffb\x1b[201~"), paste("a\u{fffd}b"));
    let mut text = b"\x1b[200~".to_vec();
    text.extend(vec![b'x'; 3 * PASTE_MAX]);
    text.extend(b"\x1b[201~q");
    let events = meaning(&text);
    assert_eq!(events, [Event::Paste("x".repeat(PASTE_MAX)), key(KeyCode::Char('q'))]);
}

/// The end of a paste may never come; then a silence is its end, and keys are keys again.
#[test]
fn a_paste_without_end_swallows_keys_for_a_second_only() {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    decoder.feed(b"\x1b[200~text\x1b[2", &mut out);
    assert_eq!((out.as_slice(), decoder.patience()), (&[][..], Some(AFTER_PASTE)));
    decoder.give_up(&mut out);
    decoder.feed(b"q", &mut out);
    assert_eq!(out, [Event::Paste("text".into()), key(KeyCode::Char('q'))]);
}

/// Pieces of which what terminals send is made, and bytes of any kind.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"\x1b", b"[", b"200~", b"201~", b"<0;1", b";", b"M", b"A", b"O", b"]", b"\x07", b"\\",
        b"P", b"\xc3", b"\xa4", b"q", b"\x03", b"1;5",
    ];
    prop_oneof![
        prop::sample::select(known).prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever came, after a silence the next key is that key; and where the bytes were parted changes nothing.
    #[test]
    fn after_a_silence_a_key_is_a_key(pieces in prop::collection::vec(piece(), 0..40)) {
        let (mut decoder, mut parted) = (Decoder::default(), Vec::new());
        for piece in &pieces {
            decoder.feed(piece, &mut parted);
        }
        decoder.give_up(&mut parted);
        prop_assert_eq!(&parted, &meaning(&pieces.concat()));
        let mut out = Vec::new();
        decoder.feed(b"q", &mut out);
        prop_assert_eq!(out, [key(KeyCode::Char('q'))]);
        prop_assert_eq!(decoder.patience(), None);
    }
}
