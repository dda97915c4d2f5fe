//! Operations on the store in words: as commands of a client, and as lines of its list.

use faultlab::base::{Names, NodeId};
use faultlab::command::Command;
use faultlab::command::grammar;
use faultlab::message::Operation;
use proptest::prelude::*;
use std::sync::Arc;

const WRITER: NodeId = NodeId(0);

fn names() -> Names {
    Names::new(["writer", "r1", "x3"])
}

fn read(line: &str) -> Command {
    grammar::command(line, &names()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn an_operation_takes_what_it_is_about_and_a_number_of_times() {
    let operate = |operation: &str, times| {
        let operation = grammar::operation(operation).expect(operation);
        Command::Operate { client: WRITER, operation, times }
    };
    for (line, operation, times) in [
        ("put writer colour blue", "put colour blue", 1),
        ("PUT writer colour \"dark blue\" X3", "put colour \"dark blue\"", 3),
        ("put writer x3 x4 x5", "put x3 x4", 5),
        ("get writer x3", "get x3", 1),
        ("get writer colour x20", "get colour", 20),
        ("read writer lobby", "read lobby", 1),
        ("read writer lobby x2", "read lobby", 2),
        ("post writer lobby  it's me, x20 ", "post lobby it's me, x20", 1),
        ("post writer lobby \"hello there\"", "post lobby hello there", 1),
        ("post writer lobby \"hello there\" x20", "post lobby hello there", 20),
        ("post writer lobby \"hello\" there", "post lobby \"hello\" there", 1),
    ] {
        assert_eq!(read(line), operate(operation, times), "{line}");
    }
    assert_eq!(
        grammar::operation(" Post lobby hello {n} "),
        Ok(Operation::Post { room: "lobby".into(), text: "hello {n}".into() })
    );
    assert_eq!(read("wipe r1"), Command::Wipe(NodeId(1)));
}

#[test]
fn a_wrong_operation_is_explained() {
    for (line, at, text) in [
        ("", "", "there is no operation here; an operation is `post`, `read`, `put` or `get`"),
        ("say lobby hi", "say", "`say` is no operation; did you mean `post`?"),
        ("pst lobby hi", "pst", "`pst` is no operation; did you mean `post`?"),
        ("query www.a.com", "query", "`query` is no operation; an operation is"),
        ("post lobby", "", "a text is missing; write `post ROOM TEXT`"),
        ("put k", "", "a value is missing; write `put KEY VALUE`"),
        ("put k v x2", "x2", "`x2` is too much here; write `put KEY VALUE`"),
        ("get \"\"", "\"\"", "is no name of a key; write `get KEY`"),
        ("read lobby now", "now", "`now` is too much here; write `read ROOM`"),
    ] {
        let error = grammar::operation(line).expect_err(line);
        assert_eq!(&line[error.at.clone()], at, "{line}: {error}");
        assert!(error.to_string().contains(text), "{line}: {error}");
    }
}

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![".{0,30}", "[ \"\\\\a\n]{0,9}", "[a-z0-9,=+-]{1,20}", "[xX][0-9]{1,4}", "\"a\" x5"]
        .prop_map(Into::into)
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = || text().prop_filter("a name", |name| !name.is_empty());
    prop_oneof![
        (name(), text()).prop_map(|(room, text)| Operation::Post { room, text }),
        name().prop_map(|room| Operation::Read { room }),
        (name(), text()).prop_map(|(key, value)| Operation::Put { key, value }),
        name().prop_map(|key| Operation::Get { key }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let times = prop_oneof![Just(1), 1..=10_000_u32];
    prop_oneof![
        1 => (0..3_u16).prop_map(|node| Command::Wipe(NodeId(node))),
        9 => (0..3_u16, operation(), times).prop_map(|(client, operation, times)| {
            Command::Operate { client: NodeId(client), operation, times }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_operation_is_read_back_from_its_words(command in command()) {
        let words = grammar::words(&command, &names());
        prop_assert_eq!(grammar::command(&words, &names()), Ok(command), "{}", words);
    }

    #[test]
    fn no_line_of_a_list_makes_it_panic(line in "\\PC{0,60}") {
        if let Err(error) = grammar::operation(&line) {
            prop_assert!(line.get(error.at.clone()).is_some(), "{:?}", error);
        }
    }
}
