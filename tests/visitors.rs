//! The line wire from outside: what a stranger may send, byte for byte what it gets back, and programs of other
//! people in the place of a name server or of the load balancer.

mod common;

use common::{Bench, DEADLINE, Heard, Visitor, two_tables};
use faultlab::base::{NodeId, Owner, Peer};
use faultlab::event::{Ending, Event, Fact};
use faultlab::message::{Note, Outcome};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a silence is listened to.
const SILENCE: Duration = Duration::from_millis(300);

/// An LS in front of two TSs; names are found without case and told in the spelling of the table.
fn lab(dialect: &str, policy: &str) -> String {
    let dialect = format!("dialect = \"{dialect}\"");
    let ls = format!("policy = \"{policy}\"\ntimeout = \"400ms\"");
    two_tables(&dialect, "", &ls, "").replace("{ \"www.google.com\"", "{ \"www.Google.com\"")
}

/// The same with a `ts1` that says what it has not.
fn says_so(text: &str) -> String {
    let records = "records = { \"www.Google.com\"";
    text.replace(records, &format!("on_miss = \"negative\"\n{records}"))
}

fn bytes(text: &str) -> Heard {
    Heard::Bytes(text.as_bytes().to_vec())
}

/// Says something on a connection of its own and gives what comes back first.
fn said(bench: &Bench, node: &str, text: &str) -> Heard {
    let mut visitor = bench.visit(node);
    visitor.say(text);
    visitor.hear(DEADLINE)
}

#[test]
fn each_dialect_is_spoken_byte_for_byte() {
    let dialects = [
        ("first-2021", "race", " A", "Error:HOST NOT FOUND"),
        ("first-2023", "race", " A IN", "TIMED OUT"),
    ];
    for (dialect, policy, flags, error) in dialects {
        let bench = Bench::start(&lab(dialect, policy));
        let found = format!("www.Google.com 192.0.2.10{flags}");
        for node in ["ts1", "ls"] {
            assert_eq!(said(&bench, node, "WWW.google.com\n"), bytes(&format!("{found}\n")));
            assert_eq!(said(&bench, node, "WWW.google.com\r\n"), bytes(&format!("{found}\n")));
            assert_eq!(said(&bench, node, "WWW.google.com"), bytes(&found), "no line end back");
        }
        let missing = format!("no.Such.name - {error}");
        assert_eq!(said(&bench, "ls", "no.Such.name\n"), bytes(&format!("{missing}\n")));
        assert_eq!(said(&bench, "ls", "no.Such.name"), bytes(&missing));
        let mut silence = bench.visit("ts1");
        silence.say("no.Such.name\n");
        assert_eq!(silence.hear(SILENCE), Heard::Nothing, "a TS that has it not says nothing");
    }
}

#[test]
fn the_sticky_dialect_is_spoken_byte_for_byte() {
    let bench = Bench::start(&lab("sticky-2021", "sticky"));
    assert_eq!(said(&bench, "ts1", "www.google.com\n"), bytes("192.0.2.10\n"));
    assert_eq!(said(&bench, "ts1", "www.google.com"), bytes("192.0.2.10"));
    assert_eq!(said(&bench, "ts1", "www.mit.edu\n"), bytes("other\n"));
    assert_eq!(said(&bench, "ls", "www.google.com\n"), bytes("192.0.2.10\n"));
    assert_eq!(said(&bench, "ls", "www.google.com"), bytes("192.0.2.10"));
    // `other` is an answer, and in this edition's words the client is told so.
    let other = "no.such.name - Error:HOST NOT FOUND";
    assert_eq!(said(&bench, "ls", "no.such.name\n"), bytes(&format!("{other}\n")));
    assert_eq!(said(&bench, "ls", "no.such.name"), bytes(other));
}

#[test]
fn a_flood_without_a_line_end_is_cut_off_and_others_are_served() {
    let bench = Bench::start(&lab("first-2021", "race"));
    for (node, opening) in [("ls", ""), ("ls", "www.google.com\n"), ("ts1", "")] {
        let mut flood = bench.visit(node);
        flood.say(opening);
        let chunk = vec![b'a'; 1024 * 1024];
        // The reset may come while it still writes.
        let _ = (0..10).try_for_each(|_| flood.stream.write_all(&chunk));
        let start = Instant::now();
        while !matches!(flood.hear(DEADLINE), Heard::Reset | Heard::EndOfFile) {
            assert!(start.elapsed() < DEADLINE, "it is cut off");
        }
        let found = bytes("www.Google.com 192.0.2.10 A\n");
        assert_eq!(said(&bench, node, "www.google.com\n"), found);
    }
    let cut = |event: &Event| match &event.fact {
        Fact::Malformed { why, .. } => why.contains("64 KiB"),
        _ => false,
    };
    let events = bench.finish();
    assert_eq!(events.iter().filter(|event| cut(event)).count(), 3);
    // What is kept of a flood is bounded: no fact holds more than the longest word.
    assert!(events.iter().all(|event| format!("{:?}", event.fact).len() < 8192));
}

#[test]
fn who_never_gets_to_the_end_of_a_line_is_cut_off_and_who_is_silent_may_stay() {
    let bench = Bench::start(&lab("first-2021", "race"));
    let (mut silent, mut busy) = (bench.visit("ts1"), bench.visit("ts1"));
    let answer = silent.ask("www.google.com");
    let mut slow: Vec<Visitor> = (0..200).map(|_| bench.visit("ts1")).collect();
    for visitor in &mut slow {
        assert_eq!(visitor.ask("www.google.com"), answer);
    }
    let fast = bench.command("speed 20", |event| matches!(event.fact, Fact::ClockSet(_)));
    let start = Instant::now();
    while !slow.is_empty() {
        // A letter every second of the lab or so, and never a line end.
        slow.retain_mut(|visitor| visitor.stream.write_all(b"w").is_ok());
        assert_eq!(busy.ask("www.google.com"), answer, "others are served");
        assert!(start.elapsed() < DEADLINE, "{} are still connected", slow.len());
        assert_eq!(busy.hear(Duration::from_millis(50)), Heard::Nothing);
    }
    assert_eq!(silent.ask("www.google.com"), answer, "a lecture holds connections open");
    let given_up = |event: &&Event| matches!(&event.fact, Fact::Malformed { why, .. } if why.contains("has no end"));
    let events = bench.events();
    assert_eq!(events.iter().filter(given_up).count(), 200);
    let first = events.iter().find(given_up).expect("they are there");
    assert!(first.time.since(fast.time) >= Duration::from_secs(29), "{first:?}");
}

#[test]
fn who_never_reads_is_reset_and_the_node_that_gave_up_knows() {
    let bench = Bench::start(&says_so(&lab("first-2021", "race")));
    let ts1 = bench.id("ts1");
    let mut greedy = bench.visit("ts1");
    // An answer to each, as long as itself: more than its socket, the server's and the server's patience hold.
    let line = format!("{}\n", "a".repeat(4000));
    let sent = (0..16_384).try_for_each(|_| greedy.stream.write_all(line.as_bytes()));
    let ended = |event: &Event| {
        let ours = matches!(event.id.owner, Owner::Node(node, _) if node == ts1);
        ours && matches!(event.fact, Fact::ConnEnded { ending: Ending::Reset, .. })
    };
    bench.until(0, "the node hears that the connection is dead", ended);
    let start = Instant::now();
    while sent.is_ok() && greedy.hear(DEADLINE) != Heard::Reset {
        assert!(start.elapsed() < DEADLINE, "the peer is told, too");
    }
    assert_eq!(said(&bench, "ts1", "www.google.com"), bytes("www.Google.com 192.0.2.10 A"));
}

/// Writes many lines at once and counts the lines that come back.
fn pipelined(bench: &Bench, node: &str, lines: &[String]) -> BTreeMap<String, usize> {
    let mut visitor = bench.visit(node);
    let mut writer = visitor.stream.try_clone().expect("a second handle");
    let text = lines.concat();
    let sent = thread::spawn(move || {
        writer.write_all(text.as_bytes()).expect("it takes all of them");
        writer.shutdown(Shutdown::Write).expect("half a close");
    });
    visitor.stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut all = String::new();
    visitor.stream.read_to_string(&mut all).expect("text until the end");
    sent.join().expect("written");
    let mut counts = BTreeMap::new();
    for line in all.lines() {
        *counts.entry(line.to_owned()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn ten_thousand_lines_at_once_are_all_answered() {
    let bench = Bench::with(&lab("first-2021", "race"), |topology| {
        let ls = topology.names.id("ls").expect("it is there");
        // Here it is counted, not timed: on a slow machine the last answers take a while.
        if let faultlab::topology::Kind::Ls(ls) = &mut topology.nodes[ls.index()].kind {
            ls.timeout = DEADLINE;
        }
    });
    let one = "www.google.com\n".to_owned();
    let found = "www.Google.com 192.0.2.10 A".to_owned();
    let counts = pipelined(&bench, "ts1", &vec![one.clone(); 10_000]);
    assert_eq!(counts, BTreeMap::from([(found.clone(), 10_000)]));
    let two = "www.mit.edu\n".to_owned();
    let mixed: Vec<String> = (0..5000).flat_map(|_| [one.clone(), two.clone()]).collect();
    let counts = pipelined(&bench, "ls", &mixed);
    let expected = [(found, 5000), ("www.mit.edu 192.0.2.11 A".to_owned(), 5000)];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn what_a_stranger_sends_stays_in_order_while_the_link_changes() {
    let bench = Bench::start(&says_so(&lab("first-2021", "race")));
    let visitor = bench.visit("ts1");
    let mut writer = visitor.stream.try_clone().expect("a second handle");
    let sent = thread::spawn(move || {
        for n in 0..20_000 {
            writer.write_all(format!("n{n}\n").as_bytes()).expect("it takes them");
        }
    });
    visitor.stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut answers = BufReader::new(visitor.stream);
    for n in 0..20_000 {
        if n % 50 == 0 {
            let delay = ["1ms", "0"][n / 50 % 2];
            bench.give(&format!("delay visitors->ts1 {delay}"));
        }
        let mut line = String::new();
        answers.read_line(&mut line).expect("an answer");
        assert_eq!(line, format!("n{n} - NEGATIVE\n"));
    }
    sent.join().expect("all is sent");
}

#[test]
fn a_partial_line_at_the_end_is_not_a_question() {
    let bench = Bench::start(&lab("first-2021", "race"));
    for node in ["ts1", "ls"] {
        let from = bench.handle.end();
        let mut visitor = bench.visit(node);
        visitor.say("www.google.com\nwww.google.co");
        visitor.stream.shutdown(Shutdown::Write).expect("half a close");
        assert_eq!(visitor.line(), "www.Google.com 192.0.2.10 A");
        assert_eq!(visitor.hear(DEADLINE), Heard::EndOfFile);
        let id = bench.id(node);
        let tail = bench.handle.read(from, usize::MAX);
        let taken = tail.events().filter(|event| {
            matches!(event.id.owner, Owner::Node(node, _) if node == id)
                && matches!(event.fact, Fact::Noted(Note::Took { .. }))
        });
        assert_eq!(taken.count(), 1);
    }
}

#[test]
fn a_reset_in_the_middle_cancels_and_others_are_served() {
    let bench = Bench::start(&lab("first-2021", "race"));
    bench.command("set ls timeout 10s", |event| {
        matches!(event.fact, Fact::Noted(Note::Changed { .. }))
    });
    let from = bench.handle.end();
    let mut visitor = bench.visit("ls");
    visitor.say("no.such.name\nwww.google.com\n");
    visitor.stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    visitor.stream.peek(&mut [0; 8]).expect("an answer has come");
    // A socket that is closed with something unread in it resets the connection.
    drop(visitor);
    bench.until(from, "the reset is seen", |event| {
        matches!(event.fact, Fact::ConnEnded { ending: Ending::Reset, peer: Peer::Visitor(_), .. })
    });
    bench.until(from, "the open question is cancelled", |event| {
        let Fact::Noted(Note::Decided { outcome, .. }) = &event.fact else { return false };
        *outcome == Outcome::Cancelled
    });
    assert_eq!(said(&bench, "ls", "www.google.com\n"), bytes("www.Google.com 192.0.2.10 A\n"));
}

#[test]
fn a_visitors_race_is_in_the_log_with_the_visitor_as_its_asker() {
    let bench = Bench::start(&lab("first-2021", "race"));
    assert_eq!(said(&bench, "ls", "www.mit.edu"), bytes("www.mit.edu 192.0.2.11 A"));
    let (ls, ts2) = (bench.id("ls"), bench.id("ts2"));
    let events = bench.events();
    let notes: Vec<&Note> = events
        .iter()
        .filter(|event| matches!(event.id.owner, Owner::Node(at, _) if at == ls))
        .filter_map(|event| match &event.fact {
            Fact::Noted(note) => Some(note),
            _ => None,
        })
        .collect();
    let took = notes.iter().find_map(|note| match note {
        Note::Took { question, from: Peer::Visitor(_), name, .. } => Some((*question, name)),
        _ => None,
    });
    let (no, name) = took.expect("the LS took a visitor's question");
    assert_eq!(name.as_str(), "www.mit.edu");
    let has = |what: &dyn Fn(&Note) -> bool| notes.iter().any(|note| what(note));
    assert!(has(&|note| matches!(note, Note::Chose { question, upstreams, .. }
        if *question == no && upstreams.len() == 2)));
    assert!(has(&|note| matches!(note,
        Note::Heard { question, upstream, outcome: Outcome::Answered, .. }
        if *question == no && *upstream == ts2)));
    assert!(has(&|note| matches!(note,
        Note::Decided { question, outcome: Outcome::Answered, from, .. }
        if *question == no && *from == Some(ts2))));
    let world = bench.world();
    let race = world.races.back().expect("there is a race");
    assert!(format!("{race:?}").contains("Visitor"), "{race:?}");
    assert_eq!((world.truth.asked, world.truth.contradicted), (1, 0));
}

/// Everything that a stranger may put into a name.
const HOSTILE: [&[u8]; 6] = [
    b"a\x1b[2Jb\n",
    b"a\x1b]52;c;AAAA\x07\n",
    b"a\0b\rc\n",
    b"\xff\xfe\xc3\n",
    "\u{202e}moc.elgoog\u{2066}\u{200b}\n".as_bytes(),
    b"\x9b31m\x85\xc2\x9b\n",
];

#[test]
fn hostile_bytes_are_names_that_nobody_has_and_the_connection_goes_on() {
    let bench = Bench::start(&lab("first-2021", "race"));
    let mut visitor = bench.visit("ls");
    for name in HOSTILE {
        visitor.stream.write_all(name).expect("it takes bytes");
    }
    visitor.say("www.google.com\n");
    assert_eq!(visitor.line(), "www.Google.com 192.0.2.10 A");
    // Two words came of the third, whose NUL and carriage return are padding: three; each is told in its own time.
    for _ in 0..HOSTILE.len() + 2 {
        let mut line = Vec::new();
        let mut byte = [0];
        while visitor.stream.read(&mut byte).expect("an error line") == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        assert!(line.ends_with(b" - Error:HOST NOT FOUND"), "{line:?}");
    }
    let topology = bench.handle.topology().clone();
    for event in &bench.events() {
        let shown = faultlab::report::line(event, &topology.names).unwrap_or_default();
        let tame =
            shown.chars().all(|c| !c.is_control() && !"\u{202e}\u{2066}\u{200b}".contains(c));
        assert!(tame, "{shown:?}");
    }
}

/// A name server as students write it: it accepts once in its life, takes one read for one name, ends nothing with a
/// line end, and says nothing of what it has not. Gives what it read.
fn course_ts(listener: TcpListener) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut seen = Vec::new();
        let mut buffer = [0; 200];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let name = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if name.starts_with("www.course") {
                let answer = format!("{name} 198.51.100.7 A");
                stream.write_all(answer.as_bytes()).expect("somebody listens");
            }
            seen.push(name);
        }
        seen
    })
}

#[test]
fn a_course_program_in_the_place_of_a_ts() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("bound");
    let program = course_ts(listener);
    let text = lab("first-2021", "race").replace(
        "[nodes.ts2]\nrole = \"ts\"\nrecords = { \"www.mit.edu\" = \"192.0.2.11\" }",
        &format!("[nodes.ts2]\nrole = \"ts\"\nat = \"{at}\""),
    );
    assert!(text.contains("at ="));
    let bench = Bench::start(&text);
    // After a name that the program is silent about, the next waits a little of the lab's time; slowed down, that is
    // enough for the program to have read it, however busy the machine is.
    bench.give("speed 0.05");
    let from = bench.handle.end();
    let names: Vec<String> = (1..=6).map(|n| format!("www.course{n}.org")).collect();
    // All at once, and one that it does not have among them; each is one read to the program all the same.
    bench.give("query client www.google.com");
    for name in &names {
        bench.give(&format!("query client {name}"));
    }
    bench.give("query client no.such.name");
    let client = bench.id("client");
    bench.until(from, "all eight have ended", |_| all_ended(&bench, from, client, 8));
    let mut ended = BTreeMap::new();
    for event in bench.handle.read(from, usize::MAX).events() {
        if let (Owner::Node(node, _), Fact::Noted(Note::Decided { outcome, .. })) =
            (event.id.owner, &event.fact)
            && node == client
        {
            *ended.entry(*outcome).or_insert(0) += 1;
        }
    }
    assert_eq!(ended, BTreeMap::from([(Outcome::Answered, 7), (Outcome::Silent, 1)]));
    let truth = bench.world().truth;
    assert_eq!((truth.misgiven, truth.contradicted), (0, 0), "its table is nobody's to judge");
    drop(bench.finish());
    let seen = program.join().expect("the program ends with its connection");
    for name in &names {
        assert!(seen.contains(name), "{name} came as one read: {seen:?}");
    }
    assert!(seen.contains(&"no.such.name".to_owned()), "{seen:?}");
}

fn all_ended(bench: &Bench, from: u64, client: NodeId, count: usize) -> bool {
    let tail = bench.handle.read(from, usize::MAX);
    let ended = tail.events().filter(|event| {
        matches!(event.id.owner, Owner::Node(node, _) if node == client)
            && matches!(event.fact, Fact::Noted(Note::Decided { .. }))
    });
    ended.count() >= count
}

#[test]
fn a_course_program_in_the_place_of_the_ls() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("bound");
    let program = thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().expect("the client comes");
        let mut seen = Vec::new();
        let mut buffer = [0; 200];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let name = String::from_utf8_lossy(&buffer[..count]).into_owned();
            let answer = if name == "www.google.com" {
                format!("{name} 192.0.2.10 A")
            } else {
                format!("{name} - Error:HOST NOT FOUND")
            };
            stream.write_all(answer.as_bytes()).expect("the client listens");
            seen.push(name);
        }
        seen
    });
    let text = format!(
        "title = \"theirs\"\n[nodes.client]\nrole = \"client\"\nasks = \"ls\"\n\
         names = [\"www.google.com\", \"no.such.name\"]\n\
         [nodes.ls]\nrole = \"ls\"\nat = \"{at}\"\n"
    );
    let bench = Bench::start(&text);
    let (from, client) = (bench.handle.end(), bench.id("client"));
    bench.give("batch client");
    bench.until(from, "the list is through", |event| {
        matches!(event.fact, Fact::Noted(Note::ListEnded { .. }))
    });
    let tail = bench.handle.read(from, usize::MAX);
    let outcomes: Vec<Outcome> = tail
        .events()
        .filter(|event| matches!(event.id.owner, Owner::Node(node, _) if node == client))
        .filter_map(|event| match &event.fact {
            Fact::Noted(Note::Decided { outcome, .. }) => Some(*outcome),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [Outcome::Answered, Outcome::Silent]);
    drop(bench.finish());
    let seen = program.join().expect("the program ends with its connection");
    assert_eq!(seen, ["www.google.com", "no.such.name"], "one name a read, no line ends");
}
