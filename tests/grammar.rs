//! The words of commands and expectations: what is read, what is refused and where, and that both ways agree.

use faultlab::base::{FrameId, Names, NodeId, Peer, VisitorId};
use faultlab::command::grammar::{self, Known, Part, complete};
use faultlab::command::{
    BELIEFS, Command, Compare, Condition, Counted, Expectation, Figure, LinkSet,
};
use faultlab::message::{HostName, Operation, Outcome, RecordType, Shape};
use proptest::prelude::*;
use std::time::Duration;

fn names() -> Names {
    Names::new([
        "client", "ls", "ts1", "ts2", "a-", "3", "x3", "all", "node", "ends", "off", "ejects",
        "writer", "reader", "r1", "r2", "r3", "nobody", "within", "leader", "in",
    ])
}

fn id(name: &str) -> NodeId {
    names().id(name).expect("the name stands in the table above")
}

fn read(line: &str) -> Command {
    grammar::command(line, &names()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The part of the line that the error points at, and the whole error.
fn refused(line: &str) -> (String, String) {
    let error = grammar::command(line, &names()).expect_err(line);
    (line[error.at.clone()].to_owned(), error.to_string())
}

#[test]
fn verbs_have_no_case_and_blanks_do_not_matter() {
    let (ls, ts1) = (Peer::Node(id("ls")), Peer::Node(id("ts1")));
    assert_eq!(read("KILL ts1"), Command::Kill(id("ts1")));
    assert_eq!(read("  Power-Off\tTS1  "), Command::PowerOff(id("ts1")));
    let delay = Command::Delay(LinkSet::One(ls, ts1), Duration::from_millis(200));
    for line in ["delay ls->ts1 200ms", "delay  ls -> ts1  200 ms", "Delay LS->TS1 0.2 s"] {
        assert_eq!(read(line), delay, "{line}");
    }
    assert_eq!(read("cut ls <-> ts1"), Command::Cut(LinkSet::Both(ls, ts1)));
    assert_eq!(read("cut -> ts1"), Command::Cut(LinkSet::To(id("ts1"))));
    assert_eq!(read("cut a-->ts1"), Command::Cut(LinkSet::One(Peer::Node(id("a-")), ts1)));
    assert_eq!(
        read("delay ls -> 200ms"),
        Command::Delay(LinkSet::From(id("ls")), Duration::from_millis(200))
    );
    let visitor = Peer::Visitor(VisitorId(4));
    assert_eq!(read("cut visitor-4->ls"), Command::Cut(LinkSet::One(visitor, ls)));
}

#[test]
fn a_query_takes_a_name_and_a_number_of_times() {
    let of_type = |name: Option<&str>, kind, times| {
        let name = name.map(HostName::new);
        Command::Query { client: id("client"), name, kind, times }
    };
    let query = |name, times| of_type(name, RecordType::A, times);
    assert_eq!(read("query client"), query(None, 1));
    assert_eq!(read("query client x20"), query(None, 20));
    assert_eq!(read("query client www.a.com X3"), query(Some("www.a.com"), 3));
    assert_eq!(read("query client \"x3\""), query(Some("x3"), 1));
    assert_eq!(read("query client xavier"), query(Some("xavier"), 1));
    assert_eq!(read("query client a.org mx"), of_type(Some("a.org"), RecordType::MX, 1));
    assert_eq!(read("query client a.org AAAA x2"), of_type(Some("a.org"), RecordType::AAAA, 2));
    assert_eq!(read("query client a.org A"), query(Some("a.org"), 1));
    assert_eq!(read("query client MX"), query(Some("MX"), 1), "the first word is the name");
}

#[test]
fn a_value_is_the_rest_of_the_line() {
    let set =
        |value: &str| Command::Set { node: id("ls"), key: "flaws".into(), value: value.into() };
    assert_eq!(read("set ls flaws  a, b "), set("a, b"));
    assert_eq!(read("set ls flaws \"a, b\""), set("a, b"));
    assert_eq!(read("set ls flaws \"a\",\"b\""), set("\"a\",\"b\""));
    assert_eq!(read("mark  it's \"here\" "), Command::Mark("it's \"here\"".into()));
    assert_eq!(
        read("load client 30/min"),
        Command::Load { client: id("client"), per_kilosecond: 500 }
    );
}

#[test]
fn an_error_points_at_the_word_and_says_what_would_be_right() {
    let cases = [
        ("kil ts1", "kil", "`kil` is no command; did you mean `kill`?"),
        ("ask client", "ask", "`ask` is no command; did you mean `query`?"),
        ("say writer lobby hi", "say", "`say` is no command; did you mean `post`?"),
        ("erase r1", "erase", "`erase` is no command; did you mean `wipe`?"),
        ("put writer k", "", "a value is missing; write `put CLIENT KEY VALUE [xN]`"),
        (
            "put writer k dark blue",
            "blue",
            "`blue` is too much here; write `put CLIENT KEY VALUE [xN]`",
        ),
        (
            "get writer k x10001",
            "x10001",
            "`x10001` is out of range; nothing is asked more than 10000 times at once: x1 to x10000",
        ),
        ("kill ts3", "ts3", "there is no node `ts3`; did you mean `ts1`?"),
        ("kill", "", "a node is missing; write `kill NODE`"),
        ("kill ts1 now", "now", "`now` is too much here; write `kill NODE`"),
        ("lie ts1 of", "of", "`of` is not `on` or `off`; did you mean `off`?"),
        (
            "delay ls->ts1 200",
            "200",
            "`200` has no unit; write a time with its unit, such as \"300ms\" or \"5s\"",
        ),
        ("cut ls->tsl", "tsl", "there is no node `tsl`; did you mean `ts1`?"),
        ("cut ls->ls", "ls->ls", "`ls->ls` has the same node at both ends; write `cut LINKS`"),
        (
            "cut visitor-1",
            "visitor-1",
            "`visitor-1` alone is no link; say which one: `ls<->visitor-1`",
        ),
        ("loss ls 130%", "130%", "`130%` is out of range; a share lies between 0 % and 100 %"),
        (
            "query client x0",
            "x0",
            "`x0` is out of range; nothing is asked more than 10000 times at once: x1 to x10000",
        ),
        (
            "query client \"www",
            "\"www",
            "this quote does not end; a quoted word ends with `\"`; \
             inside, write `\\\"` and `\\\\`",
        ),
        (
            "speed 0",
            "0",
            "`0` is out of range; the rate lies between 0.001 and 100; `pause` stops the clock",
        ),
        ("drop ls->ts1", "", "the number of a frame is missing; write `drop LINKS FRAME`"),
    ];
    for (line, at, text) in cases {
        assert_eq!(refused(line), (at.to_owned(), text.to_owned()), "{line}");
    }
    assert!(refused("cut ls<-ts1").1.contains("`a->b` for one direction"));
    assert!(refused("").1.contains("there is no command here"));
    assert!(grammar::command(&"x".repeat(5000), &names()).is_err());
    assert!(!refused("kill \x1b[2J").1.contains('\x1b'));
}

#[test]
fn a_wrong_expectation_is_explained() {
    let cases = [
        ("query client end silent", "silent", "is not the word `ends`"),
        ("query client ends silnt", "silnt", "did you mean `silent`?"),
        ("query client ends late", "late", "count ls late >= 1"),
        ("query client ends silent within 5s within 6s", "within", "stands here twice"),
        ("batch client answers 5 of 4", "4", "is less than the answers"),
        ("count all silnt = 0", "silnt", "did you mean `silent`?"),
        ("count all silent ~ 0", "~", "it is one of: = != < <= > >="),
        ("node ts1 is dead", "dead", "it is one of: off, up"),
        ("believe ls of ts1 is down", "believe", "did you mean `belief`?"),
        ("ls ejects", "", "a node is missing"),
        ("node ts1 is up within", "", "a time is missing"),
    ];
    for (line, at, text) in cases {
        let error = grammar::expectation(line, &names()).expect_err(line);
        assert_eq!(&line[error.at.clone()], at, "{line}: {error}");
        assert!(error.to_string().contains(text), "{line}: {error}");
    }
}

struct Roles;

impl Known for Roles {
    fn part(&self, node: NodeId) -> Part {
        let parts = [
            ("client", Part::Client),
            ("writer", Part::StoreClient),
            ("r1", Part::Replica),
            ("ts1", Part::Ts),
            ("ts2", Part::Ts),
        ];
        let part = parts.into_iter().find(|(name, _)| id(name) == node);
        part.map_or(Part::Ls, |(_, part)| part)
    }
    fn runs_here(&self, node: NodeId) -> bool {
        node != id("ts2")
    }
    fn keys(&self, node: NodeId) -> Vec<String> {
        if node == id("ls") { vec!["policy".into(), "timeout".into()] } else { Vec::new() }
    }
    fn value(&self, _: NodeId, key: &str) -> Option<String> {
        (key == "timeout").then(|| "5s".to_owned())
    }
    fn hosts(&self, _: NodeId) -> Vec<HostName> {
        vec![HostName::new("www.google.com"), HostName::new("mail.google.com")]
    }
    fn speaks_dns(&self, client: NodeId) -> bool {
        client == id("reader")
    }
    fn operations(&self) -> Vec<Operation> {
        let lines = ["post lobby hello {n}", "put colour blue", "put k{n} v", "get colour"];
        lines.map(|line| grammar::operation(line).expect(line)).into()
    }
}

fn offered(line: &str) -> Vec<String> {
    let offers = complete(line, line.len(), &names(), &Roles);
    offers
        .into_iter()
        .map(|offer| format!("{}{}", &line[..offer.replace.start], offer.text))
        .collect()
}

#[test]
fn tab_offers_what_fits_the_place() {
    assert_eq!(offered("query client a.org "), ["query client a.org x20"]);
    assert_eq!(offered("query reader a.org mx"), ["query reader a.org MX"]);
    assert_eq!(offered("query reader a.org MX "), ["query reader a.org MX x20"]);
    assert_eq!(offered("ki"), ["kill"]);
    assert_eq!(offered("po"), ["post", "power-off"]);
    assert_eq!(offered("query "), ["query client", "query writer"]);
    assert_eq!(offered("lie t"), ["lie ts1"]);
    assert_eq!(offered("lie r"), ["lie r1"]);
    assert_eq!(offered("wipe "), ["wipe r1"]);
    assert_eq!(offered("post "), ["post writer"]);
    assert_eq!(offered("read writer "), ["read writer lobby"]);
    assert_eq!(offered("put writer "), ["put writer colour"]);
    assert_eq!(offered("get writer c"), ["get writer colour"]);
    assert_eq!(offered("get writer colour "), ["get writer colour x20"]);
    assert_eq!(offered("kill ts"), ["kill ts1", "kill ejects"]);
    assert_eq!(offered("set "), ["set ls"]);
    assert_eq!(offered("set ls t"), ["set ls timeout"]);
    assert_eq!(offered("set ls timeout "), ["set ls timeout 5s"]);
    assert_eq!(
        offered("query client goo"),
        ["query client www.google.com", "query client mail.google.com"]
    );
    assert_eq!(offered("cut ls->ts"), ["cut ls->ts1", "cut ls->ts2"]);
    assert_eq!(offered("unc"), ["uncut"]);
    assert_eq!(offered("cut-"), ["cut-only"]);
    assert_eq!(offered("uncut ls->ts"), ["uncut ls->ts1", "uncut ls->ts2"]);
    assert_eq!(offered("delay ls->ts1 2"), ["delay ls->ts1 200ms"]);
    assert!(offered("kill ts1 ").is_empty());
    assert!(offered("nonsense ").is_empty());
    assert!(offered("").len() > 30);
}

#[test]
fn the_documentation_has_every_verb_and_every_form_with_examples_that_are_read() {
    let text = include_str!("../docs/commands.md");
    for help in grammar::verbs() {
        assert!(
            text.contains(&format!("| `{}` |", help.form.replace('|', "\\|"))),
            "{}",
            help.form
        );
        assert!(text.contains(&format!("`{}`", help.example)), "{}", help.example);
        assert!(text.contains(help.what), "{}", help.what);
        assert!(text.contains(&format!("\"{}\"", help.verb)), "EBNF lacks {}", help.verb);
        assert!(help.form.starts_with(help.verb));
        let command = read(help.example);
        assert_eq!(grammar::words(&command, &names()), help.example);
    }
    for help in grammar::expectations() {
        assert!(text.contains(&help.form.replace('|', "\\|")), "{}", help.form);
        assert!(text.contains(help.example) && text.contains(help.what), "{}", help.form);
        let expectation = grammar::expectation(help.example, &names()).expect(help.example);
        assert_eq!(grammar::expectation_words(&expectation, &names()), help.example);
    }
    for what in Counted::ALL {
        assert!(text.contains(&format!("`{}`", what.word())), "{}", what.word());
    }
    for what in Figure::ALL {
        assert!(text.contains(&format!("| `{}` |", what.word())), "{}", what.word());
    }
    for condition in Condition::ALL {
        assert!(text.contains(&format!("`{}`", condition.word())), "{}", condition.word());
    }
}

fn node() -> impl Strategy<Value = NodeId> {
    (0..21_u16).prop_map(NodeId)
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![node().prop_map(Peer::Node), any::<u32>().prop_map(|n| Peer::Visitor(VisitorId(n)))]
}

fn links() -> impl Strategy<Value = LinkSet> {
    let pair = || (peer(), peer()).prop_filter("two ends", |(a, b)| a != b);
    prop_oneof![
        pair().prop_map(|(a, b)| LinkSet::One(a, b)),
        pair().prop_map(|(a, b)| LinkSet::Both(a, b)),
        node().prop_map(LinkSet::Around),
        node().prop_map(LinkSet::From),
        node().prop_map(LinkSet::To),
    ]
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..86_400_000_u64).prop_map(Duration::from_millis),
        (0..86_400_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0, (0..=100_u32).prop_map(|percent| f64::from(percent) / 100.0)]
}

fn host() -> impl Strategy<Value = HostName> {
    prop_oneof!["\\PC{0,20}", "[xX][0-9]{1,4}", "ends", ".{0,12}", "[a-z.]{1,20}"]
        .prop_map(|text| HostName::new(&text))
}

fn text() -> impl Strategy<Value = std::sync::Arc<str>> {
    prop_oneof![".{0,30}", "[ \"\\\\a\n]{0,9}", "[a-z0-9,=+-]{1,20}"].prop_map(Into::into)
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Uniform),
        Just(Shape::Constant),
        Just(Shape::Exponential),
        Just(Shape::HeavyTail)
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let frame = || any::<u64>().prop_map(FrameId);
    let on_node = (node(), 0..7_u8).prop_map(|(node, which)| match which {
        0 => Command::Kill(node),
        1 => Command::Crash(node),
        2 => Command::PowerOff(node),
        3 => Command::Freeze(node),
        4 => Command::Thaw(node),
        5 => Command::Revive(node),
        _ => Command::Stop(node),
    });
    let on_links = prop_oneof![
        links().prop_map(Command::Cut),
        links().prop_map(Command::CutOnly),
        links().prop_map(Command::Uncut),
        links().prop_map(Command::Heal),
        links().prop_map(Command::Hold),
        (links(), proptest::option::of(frame())).prop_map(|(l, f)| Command::Release(l, f)),
        (links(), frame()).prop_map(|(l, f)| Command::Drop(l, f)),
        (links(), time()).prop_map(|(l, t)| Command::Delay(l, t)),
        (links(), time(), shape()).prop_map(|(l, t, s)| Command::Jitter(l, t, s)),
        (links(), share()).prop_map(|(l, s)| Command::Loss(l, s)),
        (links(), share()).prop_map(|(l, s)| Command::Duplicate(l, s)),
        (links(), share()).prop_map(|(l, s)| Command::Reorder(l, s)),
        (links(), proptest::option::of(1..=1_000_000_000_000_u64))
            .prop_map(|(l, b)| Command::Bandwidth(l, b)),
    ];
    let rest = prop_oneof![
        (node(), "[a-z_]{1,12}", text()).prop_map(|(node, key, value)| Command::Set {
            node,
            key: key.into(),
            value,
        }),
        (0.001..=100.0).prop_map(Command::Speed),
        any::<bool>().prop_map(|auto| Command::Pace { auto }),
        time().prop_map(Command::Wait),
        text().prop_map(Command::Mark),
        (node(), any::<bool>()).prop_map(|(node, on)| Command::Lie(node, on)),
        (0..9_usize).prop_map(|which| {
            [
                Command::Pause,
                Command::Resume,
                Command::Tick,
                Command::Next,
                Command::Flip,
                Command::Undo,
                Command::Redo,
                Command::Reset,
                Command::Quit,
            ][which]
                .clone()
        }),
    ];
    let of_client = prop_oneof![
        (node(), proptest::option::of(host()), kind(), 1..=10_000_u32).prop_map(
            |(client, name, kind, times)| {
                // Of the next name of a list nothing else is asked than its address.
                let kind = if name.is_some() { kind } else { RecordType::A };
                Command::Query { client, name, kind, times }
            }
        ),
        node().prop_map(|client| Command::Batch { client }),
        (node(), 0..=1_000_000_000_u64)
            .prop_map(|(client, per_kilosecond)| Command::Load { client, per_kilosecond }),
    ];
    prop_oneof![on_node, on_links, rest, of_client]
}

fn kind() -> impl Strategy<Value = RecordType> {
    (0..8_usize).prop_map(|at| {
        RecordType::words().nth(at).and_then(RecordType::from_word).unwrap_or_default()
    })
}

fn expectation() -> impl Strategy<Value = Expectation> {
    let ends: Vec<Outcome> = Outcome::ALL.into_iter().filter(|o| *o != Outcome::Late).collect();
    let query = (
        (node(), proptest::option::of(host()), proptest::sample::select(ends)),
        (proptest::option::of(node()), proptest::option::of(text())),
        (proptest::option::of(time()), time()),
    )
        .prop_map(|((client, name, outcome), (from, address), (after, within))| {
            let after = after.map(|after| after.min(within));
            Expectation::QueryEnds { client, name, outcome, from, address, after, within }
        });
    let compares = proptest::sample::select(&Compare::ALL[..]);
    prop_oneof![
        query,
        (node(), any::<u32>(), any::<u32>(), time()).prop_map(|(client, a, b, within)| {
            let (answered, names) = (u64::from(a.min(b)), u64::from(a.max(b)));
            Expectation::BatchAnswers { client, answered, names, within }
        }),
        (
            proptest::option::of(node()),
            proptest::sample::select(&Counted::ALL[..]),
            compares,
            any::<u64>(),
            time()
        )
            .prop_map(|(who, what, compare, figure, within)| Expectation::Count {
                who,
                what,
                compare,
                figure,
                within
            }),
        (node(), proptest::sample::select(&Condition::ALL[..]), time())
            .prop_map(|(node, condition, within)| Expectation::NodeIs { node, condition, within }),
        (node(), node(), proptest::sample::select(&BELIEFS[..]), time()).prop_map(
            |(holder, about, belief, within)| Expectation::BeliefIs {
                holder,
                about,
                belief,
                within
            }
        ),
        (node(), node(), any::<bool>(), time()).prop_map(|(node, upstream, ejects, within)| {
            if ejects {
                Expectation::Ejects { node, upstream, within }
            } else {
                Expectation::Restores { node, upstream, within }
            }
        }),
        (node(), host(), node(), time()).prop_map(|(node, name, upstream, within)| {
            Expectation::Sticky { node, name, upstream, within }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 2000,
        ..Default::default()
    })]

    #[test]
    fn every_command_is_read_back_from_its_words(command in command()) {
        let words = grammar::words(&command, &names());
        prop_assert_eq!(grammar::command(&words, &names()), Ok(command), "{}", words);
    }

    #[test]
    fn every_expectation_is_read_back_from_its_words(expectation in expectation()) {
        let words = grammar::expectation_words(&expectation, &names());
        prop_assert_eq!(grammar::expectation(&words, &names()), Ok(expectation), "{}", words);
    }

    #[test]
    fn no_line_makes_it_panic_and_every_error_has_a_place_in_it(
        line in prop_oneof![
            ".{0,80}",
            concat!(
                "(query|cut|delay|set|mark|load|drop|count|node|belief|sticky|ls) ",
                "([a-z0-9<>\"\\\\{}u#%-]{0,9} ?){0,6}",
            ),
            "[\\PC\\s]{0,60}",
        ],
        cursor in 0..100_usize,
    ) {
        let errors = [
            grammar::command(&line, &names()).err(),
            grammar::expectation(&line, &names()).err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(line.get(error.at.clone()).is_some(), "{error:?}");
            prop_assert!(!error.message.is_empty() && !error.help.is_empty());
        }
        for offer in complete(&line, cursor, &names(), &Roles) {
            prop_assert!(line.get(offer.replace).is_some());
        }
    }
}
