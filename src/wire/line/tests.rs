//! The line wire, byte for byte: three dialects, any chunks, any bytes.

use super::*;
use crate::message::{HostName, Message, Said};
use proptest::prelude::*;

fn decode(reads: Reads, dialect: Dialect, framed: bool, chunks: &[&[u8]]) -> Vec<Decoded> {
    let mut decoder = Decoder::new(reads, dialect, framed);
    let mut out = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk, &mut out);
    }
    out
}

fn asked(framed: bool, chunks: &[&[u8]]) -> Vec<String> {
    decode(Reads::Questions, Dialect::First2021, framed, chunks)
        .into_iter()
        .map(|one| match one {
            Decoded::Message(Message::Ask { name, id: None, dns: None }, at) => {
                format!("{name}@{at}")
            }
            Decoded::Message(Message::Ask { name, id: Some(id), dns: None }, at) => {
                format!("#{id} {name}@{at}")
            }
            Decoded::Message(Message::End, at) => format!("END@{at}"),
            other => format!("{other:?}"),
        })
        .collect()
}

fn said(dialect: Dialect, line: &str) -> Message {
    let bytes = format!("{line}\n");
    match decode(Reads::Answers, dialect, true, &[bytes.as_bytes()]).as_slice() {
        [Decoded::Message(message, at)] if *at == bytes.len() as u64 => message.clone(),
        other => panic!("{line}: {other:?}"),
    }
}

fn found(name: Option<&str>, address: &str, flags: &str) -> Message {
    let said = Said::Found { address: address.into(), flags: flags.into() };
    Message::Reply { name: name.map(HostName::new), id: None, said, dns: None }
}

fn tells(name: Option<&str>, said: Said) -> Message {
    Message::Reply { name: name.map(HostName::new), id: None, said, dns: None }
}

fn bytes(message: &Message, dialect: Dialect, framed: bool) -> String {
    let mut out = Vec::new();
    encode(message, dialect, framed, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_three_dialects_are_written_byte_for_byte() {
    use Dialect::{First2021, First2023, Sticky2021};
    let name = Some("www.Google.com");
    for (message, dialect, expected) in [
        (found(name, "1.2.3.4", "A"), First2021, "www.Google.com 1.2.3.4 A"),
        (found(name, "1.2.3.4", "A IN"), First2023, "www.Google.com 1.2.3.4 A IN"),
        (found(None, "1.2.3.4,5.6.7.8", ""), Sticky2021, "1.2.3.4,5.6.7.8"),
        (tells(name, Said::NotFound), First2021, "www.Google.com - Error:HOST NOT FOUND"),
        (tells(name, Said::NotFound), First2023, "www.Google.com - TIMED OUT"),
        (tells(name, Said::NotFound), Sticky2021, "www.Google.com - Error:HOST NOT FOUND"),
        (tells(None, Said::Negative), Sticky2021, "other"),
        (Message::ask("a.b"), First2021, "a.b"),
        (
            Message::Ask { name: HostName::new("a.b"), id: Some(17), dns: None },
            First2021,
            "@17 a.b",
        ),
        (Message::AskTied { name: HostName::new("a.b"), id: 17 }, First2021, "@17+ a.b"),
        (Message::Began { id: 17 }, First2021, "@17+"),
        (Message::Cancel { id: 17 }, First2021, "@17-"),
    ] {
        assert_eq!(bytes(&message, dialect, false), expected);
        assert_eq!(bytes(&message, dialect, true), format!("{expected}\n"));
    }
}

#[test]
fn a_program_from_outside_gets_the_course_line_for_what_the_course_has_no_words_for() {
    let negative = tells(Some("a.b"), Said::Negative);
    let failed = tells(Some("a.b"), Said::Failed("ts1 refused".into()));
    assert_eq!(bytes(&negative, Dialect::First2021, false), "a.b - Error:HOST NOT FOUND");
    assert_eq!(bytes(&failed, Dialect::First2023, false), "a.b - TIMED OUT");
    assert_eq!(bytes(&negative, Dialect::First2021, true), "a.b - NEGATIVE\n");
    assert_eq!(bytes(&failed, Dialect::First2021, true), "a.b - FAILED ts1 refused\n");
}

#[test]
fn nothing_in_a_name_can_end_its_line() {
    let evil = Message::ask("a\nb - NEGATIVE\0c");
    assert_eq!(bytes(&evil, Dialect::First2021, true), "a_b_-_NEGATIVE_c\n");
    assert_eq!(bytes(&Message::ask(""), Dialect::First2021, true), "?\n");
}

#[test]
fn answers_of_the_course_are_read_in_every_spelling() {
    use Dialect::{First2021, First2023, Sticky2021};
    assert_eq!(said(First2021, "a.b 1.2.3.4 A"), found(Some("a.b"), "1.2.3.4", "A"));
    assert_eq!(said(First2021, "  a.b   1.2.3.4  A  \r"), found(Some("a.b"), "1.2.3.4", "A"));
    assert_eq!(said(First2023, "a.b 1.2.3.4 A IN"), found(Some("a.b"), "1.2.3.4", "A IN"));
    assert_eq!(said(First2021, "a.b ::1 AAAA"), found(Some("a.b"), "::1", "AAAA"));
    assert_eq!(said(Sticky2021, "1.2.3.4,5.6.7.8"), found(None, "1.2.3.4,5.6.7.8", ""));
    assert_eq!(said(Sticky2021, "1.2.3.4, 5.6.7.8"), found(None, "1.2.3.4,5.6.7.8", ""));
    assert_eq!(said(Sticky2021, "other"), tells(None, Said::Negative));
    assert_eq!(said(Sticky2021, "a.b 1.2.3.4"), found(Some("a.b"), "1.2.3.4", ""));
    for line in ["a.b - Error:HOST NOT FOUND", "a.b - TIMED OUT", "a.b -Error", "a.b - NS"] {
        for dialect in [First2021, First2023, Sticky2021] {
            assert_eq!(said(dialect, line), tells(Some("a.b"), Said::NotFound), "{line}");
        }
    }
    assert_eq!(said(First2021, "a.b - NEGATIVE"), tells(Some("a.b"), Said::Negative));
    assert_eq!(
        said(First2021, "a.b - FAILED ts1 refused"),
        tells(Some("a.b"), Said::Failed("ts1 refused".into()))
    );
}

#[test]
fn text_that_is_no_answer_stays_text() {
    for line in ["hello", "a.b is unknown here", "1.2.3.4", "@7", "other"] {
        assert_eq!(said(Dialect::First2021, line), Message::Text(line.into()), "{line}");
    }
}

#[test]
fn white_space_splits_questions_and_padding_is_dropped() {
    assert_eq!(asked(true, &[b"a.b\r\n c.d\te.f \n\n\0\0\n"]), ["a.b@5", "c.d@15", "e.f@15"]);
    assert_eq!(asked(false, &[b"a.b\0\0\0\0", b"c.d e.f"]), ["a.b@7", "c.d@14", "e.f@14"]);
    assert_eq!(asked(true, &[b"@17 a.b\n@x b\n@18\n"]), ["#17 a.b@8", "@x@13", "b@13", "@18@17"]);
    assert_eq!(asked(false, &[b"done", b"endFile"]), ["END@4", "END@11"]);
}

#[test]
fn a_chunk_is_a_message_until_the_peer_has_sent_a_line_end() {
    let chunks: [&[u8]; 4] = [b"a.b", b"c.dwww.e.f", b"g.h\ni", b".j\nk.l"];
    assert_eq!(asked(false, &chunks), ["a.b@3", "c.dwww.e.f@13", "g.h@17", "i.j@21"]);
    let mut decoder = Decoder::new(Reads::Questions, Dialect::First2021, false);
    let mut out = Vec::new();
    decoder.feed(b"a.b", &mut out);
    assert!(!decoder.is_framed());
    decoder.feed(b"c.d\n", &mut out);
    assert!(decoder.is_framed());
}

#[test]
fn a_partial_line_at_the_end_is_not_executed() {
    assert_eq!(asked(true, &[b"a.b\nc.d"]), ["a.b@4"]);
}

#[test]
fn a_line_that_never_ends_is_given_up_at_its_limit() {
    let flood = vec![b'a'; 8192];
    for (framed, first) in
        [(true, b"x\n".as_slice()), (true, b"".as_slice()), (false, b"".as_slice())]
    {
        let mut decoder = Decoder::new(Reads::Questions, Dialect::First2021, framed);
        let mut out = Vec::new();
        decoder.feed(first, &mut out);
        let mut fed = 0;
        while out.last() != Some(&Decoded::TooLong) {
            decoder.feed(&flood, &mut out);
            fed += flood.len();
            assert!(fed <= LINE_BYTES_MAX + flood.len(), "never given up");
        }
        let count = out.len();
        decoder.feed(b"\na.b\n", &mut out);
        assert_eq!(out.len(), count, "nothing is decoded after the limit");
        assert!(decoder.partial.capacity() == 0);
        assert!(
            !out.iter().any(|one| matches!(one, Decoded::Message(Message::Ask { name, .. }, _)
            if name.as_str().len() > WORD_BYTES_MAX))
        );
    }
    let exact = [vec![b'a'; LINE_BYTES_MAX], b"\n".to_vec()].concat();
    let out = decode(Reads::Questions, Dialect::First2021, true, &[&exact]);
    assert!(matches!(out.as_slice(), [Decoded::Malformed(_)]), "{out:?}");
}

#[test]
fn bytes_that_are_no_text_are_an_unknown_name_and_nothing_worse() {
    let out = asked(true, &[b"\xff\xfea\x1b]52;c;x\x07\n\xe2\x80\xae\n"]);
    assert_eq!(out, ["\u{fffd}\u{fffd}a\u{1b}]52;c;x\u{7}@13", "\u{202e}@17"]);
}

#[test]
fn ten_thousand_pipelined_lines_are_ten_thousand_questions() {
    let all = (0..10_000).map(|n| format!("host{n}.example\n")).collect::<Vec<_>>().concat();
    let out = asked(true, &[all.as_bytes()]);
    assert_eq!(out.len(), 10_000);
    assert!(out[9_999].starts_with("host9999.example@"));
}

fn name() -> impl Strategy<Value = HostName> {
    "[a-zA-Z0-9][a-zA-Z0-9-]{0,12}(\\.[a-z]{2,5}){1,3}".prop_map(|name| HostName::new(&name))
}

fn address() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<std::net::IpAddr>(), 1..4)
        .prop_map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// What nodes of ours say in answer: in the nameless dialect an address may stand alone, with an id it never does.
fn reply(dialect: Dialect) -> impl Strategy<Value = Message> {
    let said = prop_oneof![
        address().prop_map(move |address| Said::Found {
            address: address.into(),
            flags: match dialect {
                Dialect::First2021 => "A".into(),
                Dialect::First2023 => "A IN".into(),
                Dialect::Sticky2021 => "".into(),
            }
        }),
        Just(Said::Negative),
        "[a-z0-9]{1,5}( [a-z0-9]{1,5}){0,4}".prop_map(|why| Said::Failed(why.into())),
        Just(Said::Failed("".into())),
        Just(Said::NotFound),
    ];
    (name(), any::<Option<u64>>(), said).prop_map(move |(name, id, said)| {
        let bare = dialect.is_nameless()
            && id.is_none()
            && matches!(said, Said::Found { .. } | Said::Negative);
        Message::Reply { name: (!bare).then_some(name), id, said, dns: None }
    })
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Dialect::First2021, Dialect::First2023, Dialect::Sticky2021])
}

fn exchange() -> impl Strategy<Value = (Dialect, Reads, Vec<Message>)> {
    dialect().prop_flat_map(|dialect| {
        let asks = (name(), any::<Option<u64>>()).prop_map(|(name, id)| Message::Ask {
            name,
            id,
            dns: None,
        });
        let tied = (name(), any::<u64>()).prop_map(|(name, id)| Message::AskTied { name, id });
        let cancel = any::<u64>().prop_map(|id| Message::Cancel { id });
        let began = any::<u64>().prop_map(|id| Message::Began { id });
        let questions = prop_oneof![7 => asks, 1 => tied, 1 => cancel, 1 => Just(Message::End)];
        let answers = prop_oneof![9 => reply(dialect), 1 => began];
        prop_oneof![
            prop::collection::vec(questions, 0..20).prop_map(move |list| (
                dialect,
                Reads::Questions,
                list
            )),
            prop::collection::vec(answers, 0..20).prop_map(move |list| (
                dialect,
                Reads::Answers,
                list
            )),
        ]
    })
}

/// Cuts bytes into chunks of the given lengths, over and over.
fn chunks<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut out = Vec::new();
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (head, tail) = rest.split_at((*cut).min(rest.len()));
        out.push(head);
        rest = tail;
    }
    out
}

proptest! {
    #[test]
    fn what_our_nodes_say_arrives_as_it_was_said_however_it_is_cut(
        (dialect, reads, list) in exchange(),
        cuts in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for message in &list {
            encode(message, dialect, true, &mut bytes);
            expected.push(Decoded::Message(message.clone(), bytes.len() as u64));
        }
        let got = decode(reads, dialect, true, &chunks(&bytes, &cuts));
        // Names compare without case: the spelling must arrive too.
        prop_assert_eq!(format!("{got:?}"), format!("{expected:?}"));
    }

    #[test]
    fn an_unframed_message_in_one_chunk_is_what_was_said(
        (dialect, reads, list) in exchange(),
    ) {
        for message in list {
            let mut bytes = Vec::new();
            encode(&message, dialect, false, &mut bytes);
            let got = decode(reads, dialect, false, &[&bytes]);
            let plain = match message {
                Message::Reply { name: Some(name), id, said: Said::Negative | Said::Failed(_), dns: None } =>
                    Message::Reply { name: Some(name), id, said: Said::NotFound, dns: None },
                other => other,
            };
            prop_assert_eq!(got, vec![Decoded::Message(plain, bytes.len() as u64)]);
        }
    }

    #[test]
    fn no_bytes_and_no_cut_make_it_panic_or_lose_count(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        cuts in prop::collection::vec(1_usize..60, 1..20),
        dialect in dialect(),
        framed in any::<bool>(),
        questions in any::<bool>(),
    ) {
        let reads = if questions { Reads::Questions } else { Reads::Answers };
        let out = decode(reads, dialect, framed, &chunks(&bytes, &cuts));
        let mut last = 0;
        for one in out {
            if let Decoded::Message(_, at) = one {
                prop_assert!(at >= last && at <= bytes.len() as u64);
                last = at;
            }
        }
        if framed {
            let whole = decode(reads, dialect, true, &[&bytes]);
            prop_assert_eq!(whole, decode(reads, dialect, true, &chunks(&bytes, &cuts)));
        }
    }
}
