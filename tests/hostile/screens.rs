//! The panel and the lines of plain runs, on events and topologies whose every text is hostile.

use crate::hold;
use crate::story::{self, LS, Served, Story, TS1, TS2, found, records};
use faultlab::base::{LabTime, Names, Peer, QuestionNo, VisitorId};
use faultlab::command::Command;
use faultlab::event::{Event, Fact, Hand, Judgement};
use faultlab::message::{HostName, Message, Note, OpId, Operation, Outcome, Said, StoreSaid, Why};
use faultlab::panel::{self, Cast, Depth, Edited, Edition, Offer, Panel, Picker, Reaction, Theme};
use faultlab::report::{self, Exit, Report, Tally, spoken};
use faultlab::topology::{Kind, Policy, Topology};
use faultlab::world::World;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

const NIGHT: Theme = Theme::night(Depth::True, false);
/// What is drawn: all panels, the lecture's, and in ASCII what is left where room is scarce.
const LOOKS: [(Theme, (u16, u16)); 3] =
    [(NIGHT, (160, 45)), (NIGHT, (80, 24)), (Theme::mono(true), (40, 12))];

/// A topology whose texts, names included (a recording may come from anybody), are this one.
fn topology(text: &str) -> Topology {
    let mut topology = story::topology(Policy::Race, 2);
    topology.title = text.into();
    topology.lesson = text.into();
    topology.name = text.into();
    topology.names = Names::new([text, "ls", "ts1", "ts2"]);
    for step in &mut topology.steps {
        step.say = text.into();
        step.ask = Some(text.into());
        step.reveal = Some(text.into());
        step.remembered = Some(text.into());
        step.commands = vec![Command::Mark(text.into())];
    }
    for node in &mut topology.nodes {
        match &mut node.kind {
            Kind::Client(client) => client.list = vec![HostName::new(text)].into(),
            Kind::Ts(ts) => ts.records = records(&[(text, text)]),
            Kind::Ls(_) | Kind::StoreClient(_) | Kind::Replica(_) => {}
        }
    }
    topology
}

/// Everything that can carry a text, once.
fn events(topology: &Topology, text: &str) -> Vec<Event> {
    let of = || Arc::<str>::from(text);
    let mut story = Story::new(topology);
    story.race(100, text, &[Served { by: TS1, takes: 5, says: Some(found(text)) }]);
    let failed = Some(Said::Failed(of()));
    story.race(300, text, &[Served { by: TS2, takes: 5, says: failed }]);
    let name = HostName::new(text);
    let visitor = Peer::Visitor(VisitorId(1));
    story.visitor(400, 1);
    let message = Arc::new(Message::Text(of()));
    let conn = faultlab::base::ConnId(90);
    let fact = Fact::MessageReceived { conn, from: visitor, message };
    story.own(LS, 401, None, fact);
    for (at, message) in (390..).zip(of_the_store(text)) {
        story.message((LS, TS1), (at, Some(at + 1)), None, None, message);
    }
    let question = QuestionNo(77);
    let took = Note::Took { question, name: name.clone(), from: visitor, deadline: None };
    story.note(LS, 402, None, took);
    story.note(LS, 403, None, Note::Unmatched { upstream: TS1, name: Some(name.clone()) });
    let stuck = Note::Stuck { name: name.clone(), upstream: TS1, before: None };
    story.note(LS, 404, None, stuck);
    let said = Some(Said::Failed(of()));
    let (outcome, why) = (Outcome::Failed, Why::AllNegative);
    story.note(LS, 405, None, Note::Decided { question, outcome, said, from: None, why });
    story.own(LS, 406, None, Fact::Malformed { conn, from: visitor, why: of() });
    story.lab(407, Fact::CommandRefused { why: of() });
    story.lab(408, Fact::Undone { what: of(), again: false });
    let command = Arc::new(Command::Mark(of()));
    story.lab(409, Fact::CommandGiven { command, hand: Hand::Person });
    story.lab(410, Fact::StepBegan { step: 1 });
    story.lab(411, Fact::StepRan { step: 1 });
    story.judge(412, 0, Judgement::Failed, text);
    story.lab(413, Fact::StepEnded { step: 1 });
    story.own(TS2, 414, None, Fact::ListenFailed { node: TS2, port: 7000, why: of() });
    story.lab(415, Fact::NodeCrashed { node: TS1, why: of() });
    let setting = Note::Changed { key: of(), value: of() };
    story.note(LS, 416, None, setting);
    story.own(LS, 417, None, Fact::SocketFailed { node: LS, why: of() });
    story.events()
}

/// What is said to a store and by one.
fn of_the_store(text: &str) -> Vec<Message> {
    let of = || Arc::<str>::from(text);
    let id = Some(OpId { client: of(), number: 1 });
    let operations = [
        Operation::Post { room: of(), text: of() },
        Operation::Read { room: of() },
        Operation::Put { key: of(), value: of() },
        Operation::Get { key: of() },
    ];
    let said = [
        StoreSaid::Value(Some(of())),
        StoreSaid::Lines(Arc::from([of(), of()])),
        StoreSaid::Failed(of()),
        StoreSaid::NotLeader(Some(of())),
    ];
    let told = operations.map(|operation| Message::Operate { id: id.clone(), operation });
    told.into_iter().chain(said.map(|said| Message::Operated { id: id.clone(), said })).collect()
}

fn world(text: &str, until: u64) -> (World, Vec<Event>) {
    let topology = topology(text);
    let events = events(&topology, text);
    let mut world = World::new(Arc::new(topology));
    for event in events.iter().filter(|event| event.time <= LabTime::from_millis(until)) {
        world.apply(event);
    }
    (world, events)
}

fn symbols(buffer: &Buffer) -> String {
    let rows = buffer.content().chunks(usize::from(buffer.area.width));
    let row = |row: &[Cell]| row.iter().map(Cell::symbol).collect::<String>();
    rows.map(row).collect::<Vec<_>>().join("\n")
}

fn drawn(mut draw: impl FnMut(&Theme, &mut ratatui::Frame<'_>)) -> String {
    let mut all = String::new();
    for (theme, (width, height)) in &LOOKS {
        let mut terminal = Terminal::new(TestBackend::new(*width, *height)).expect("in memory");
        let frame = terminal.draw(|frame| draw(theme, frame)).expect("it is drawn");
        all += &symbols(frame.buffer);
        all.push('\n');
    }
    all
}

/// The panel after these keys, `text` typed or pasted among them at `@`, at every moment of the story that looks
/// different.
fn panels(keys: &str, text: &str) -> String {
    let mut all = String::new();
    for until in [405, 1000] {
        let topology = topology(text);
        let events = events(&topology, text);
        let mut panel = Panel::new(Arc::new(topology));
        let now = LabTime::from_millis(until);
        panel.view.edition = Some(if until < 1000 {
            Edition::Broken(text.into())
        } else {
            let mut edited = (*panel.world.topology).clone();
            edited.title = format!("{text} edited");
            edited.steps.clear();
            Edition::of(Edited::Sound(Arc::new(edited)), &panel.world).expect("it differs")
        });
        for event in events.iter().filter(|event| event.time <= now) {
            panel.world.apply(event);
            panel.view.feed.take(event, &panel.world);
            if let Fact::CommandRefused { why } = &event.fact {
                panel.view.toast(why.to_string(), true);
            }
        }
        for c in keys.chars() {
            let code = match c {
                '@' => {
                    panel.paste(text);
                    continue;
                }
                '\r' => KeyCode::Enter,
                c => KeyCode::Char(c),
            };
            let _ = panel.key(&KeyEvent::new(code, KeyModifiers::NONE));
        }
        all += &drawn(|theme, frame| panel::draw(&panel.world, &panel.view, theme, now, frame));
    }
    all
}

#[test]
fn no_panel_and_no_dialog_shows_text_raw() {
    hold(&[
        ("the panel", |text| panels("", text)),
        ("the map alone", |text| panels("1e", text)),
        ("the race alone", |text| panels("2e", text)),
        ("the system alone", |text| panels("3e", text)),
        ("the events alone", |text| panels("4e", text)),
        ("beliefs alone", |text| panels("5e", text)),
        ("the steps alone", |text| panels("6e", text)),
        ("everything about a node", |text| panels("i", text)),
        ("why", |text| panels("w", text)),
        ("names to choose from", |text| panels("Q", text)),
        ("names, typed", |text| panels("Q@", text)),
        ("going back to a step", |text| panels("N", text)),
        ("an edited file", |text| panels("Y", text)),
        ("what is wrong", |text| panels("!", text) + "calm"),
        ("pressed keys and help", |text| panels("K?", text) + "calm"),
        ("the command line", |text| panels(":@", text)),
        ("the command line's complaint", |text| panels(":@\r", text)),
        ("a setting in the command line", |text| panels(":set ls @\r", text)),
        ("a filter", |text| panels("/@", text)),
        ("a filter that is set", |text| panels("/@\r", text)),
        ("spans to choose from", |text| panels(":export-cast\r", text)),
    ]);
}

/// What a cast says besides the colours and places that the panel itself gives.
fn cast(text: &str) -> String {
    let topology = topology(text);
    let mut look = panel::Options::of_surroundings();
    look.theme = NIGHT;
    let events = events(&topology, text);
    let (film, mut out) = (Cast::new(Arc::new(topology), &look, (120, 40)), Vec::new());
    film.write(events.into_iter(), &mut out).expect("memory takes it");
    let out = String::from_utf8(out).expect("a text");
    let values = || out.lines().map(|line| serde_json::from_str(line).expect("of JSON"));
    let title = |header: serde_json::Value| header["title"].as_str().map(str::to_owned);
    let mut all = values().next().and_then(title).expect("a header");
    // The first line empties the screen, and the last shows the cursor.
    let lines: Vec<(f64, String, String)> =
        out.lines().skip(1).map(|line| serde_json::from_str(line).expect("of JSON")).collect();
    for (_, _, data) in &lines[1..lines.len() - 1] {
        let mut parts = data.split("\u{1b}[");
        all += parts.next().unwrap_or_default();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(0);
            match part[end..].chars().next() {
                Some('m' | 'H') => all += &part[end + 1..],
                _ => all += "\u{1b}[",
            }
        }
    }
    all
}

#[test]
fn a_cast_holds_no_text_raw() {
    hold(&[("a cast", cast)]);
}

/// What `y` copies after these keys, in a session whose every text is this one.
fn copied(keys: &str, text: &str) -> String {
    let topology = topology(text);
    let events = events(&topology, text);
    let mut panel = Panel::new(Arc::new(topology));
    for event in &events {
        panel.world.apply(event);
        panel.view.feed.take(event, &panel.world);
    }
    let mut last = Reaction::Nothing;
    for c in keys.chars().chain(['y']) {
        last = panel.key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    }
    let Reaction::Copy(copied) = last else { panic!("{keys}: {last:?}") };
    copied.text().to_owned()
}

#[test]
fn nothing_is_copied_raw() {
    hold(&[
        ("the events", |text| copied("4", text)),
        ("the first event", |text| copied("4g", text) + "calm"),
        ("the why", |text| copied("2", text)),
        ("the addresses", |text| copied("1kk", text)),
    ]);
}

#[test]
fn the_picker_shows_no_text_raw() {
    hold(&[("the picker", |text| {
        let (name, title, lesson) = (text.to_owned(), text.to_owned(), text.to_owned());
        let picker = Picker::new(vec![Offer { name, title, lesson, steps: 3 }]);
        drawn(|theme, frame| picker.draw(theme, frame))
    })]);
}

#[test]
fn the_speakers_screen_shows_no_text_raw() {
    hold(&[("the notes", |text| {
        let (world, events) = world(text, 1000);
        let mut prompter = report::Prompter::new(world.topology.clone());
        for event in &events {
            prompter.observe(event);
        }
        let notes = prompter.sheet(LabTime::ZERO, 0);
        drawn(|theme, frame| panel::draw_notes(Some(&notes), theme, frame))
    })]);
}

#[test]
fn no_line_of_a_plain_run_shows_text_raw() {
    hold(&[
        ("lines of events", |text| {
            let (world, events) = world(text, 1000);
            let lines = events.iter().filter_map(|it| report::line(it, &world.topology.names));
            lines.collect::<Vec<_>>().join("\n")
        }),
        ("the sentence that says why", |text| {
            let (world, _) = world(text, 1000);
            world.races.iter().map(|race| report::why(&world, race) + "calm\n").collect()
        }),
        ("why of the last", |text| spoken::why_of_the_last(&world(text, 350).0)),
        ("the greeting", |text| spoken::greeting(&topology(text))),
        ("notes, questions and answers", |text| {
            let (world, events) = world(text, 1000);
            let lines = events.iter().flat_map(|it| spoken::of_a_step(it, &world.topology));
            lines.collect::<Vec<_>>().join("\n")
        }),
        ("how things stand", |text| spoken::status(&world(text, 1000).0) + "calm"),
        ("help", |text| spoken::help(Some(text))),
    ]);
}

#[test]
fn no_export_holds_text_raw() {
    hold(&[
        ("what was done, as steps", |text| {
            let (world, events) = world(text, 1000);
            let mut done = report::Done::new(world.topology.clone());
            for event in &events {
                done.observe(event);
            }
            done.steps() + "calm"
        }),
        ("the events", |text| {
            let (world, events) = world(text, 1000);
            let mut out = Vec::new();
            report::events::write_header(&mut out, &world.topology).expect("memory takes it");
            for event in &events {
                report::events::write_event(&mut out, event, &world.topology.names)
                    .expect("memory takes it");
            }
            String::from_utf8(out).expect("text")
        }),
        ("the report", |text| {
            let (world, events) = world(text, 1000);
            let mut tally = Tally::default();
            for event in &events {
                tally.observe(event);
            }
            let options = BTreeMap::from([("option".to_owned(), text.into())]);
            let report = Report::new(&world, &tally, Exit::Failed, options, |_| text.to_owned());
            report.to_json().expect("JSON")
        }),
    ]);
}

/// Where the edges of boxes are on a real terminal after this text was shown in the events.
fn edges(text: &str) -> Vec<(usize, usize)> {
    let (rows, columns) = (45, 160);
    let topology = topology("calm");
    let mut panel = Panel::new(Arc::new(topology.clone()));
    for event in events(&topology, text) {
        let calm = matches!(event.fact, Fact::CommandRefused { .. } | Fact::Undone { .. });
        if calm && panel.view.feed.take(&event, &panel.world) {
            panel.world.apply(&event);
        }
    }
    let mut bytes = Vec::new();
    let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
    let backend = CrosstermBackend::new(&mut bytes);
    let mut terminal =
        Terminal::with_options(backend, TerminalOptions { viewport }).expect("memory");
    let now = LabTime::from_millis(1000);
    terminal
        .draw(|frame| panel::draw(&panel.world, &panel.view, &NIGHT, now, frame))
        .expect("memory takes it");
    drop(terminal);
    let size = |count| NonZeroU16::new(count).expect("not zero");
    let mut screen = vt100::Parser::new(size(rows), size(columns), 0);
    screen.process(&bytes);
    let first: String = text.chars().take(1).collect();
    assert!(screen.screen().contents().contains(&first), "{text} is shown");
    let mut edges = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            if screen.screen().cell(y, x).is_some_and(|cell| cell.contents() == "│") {
                edges.push((usize::from(x), usize::from(y)));
            }
        }
    }
    edges
}

/// Columns stay aligned whatever script a text is in: the edge of every box is where it is without it.
#[test]
fn wide_and_joined_text_moves_no_edge() {
    let usual = edges("abcdef");
    assert!(usual.len() > 20, "there are boxes");
    let wide = "世界".repeat(60);
    let texts =
        [&*wide, "👩\u{200d}🔬👍🏽🇩🇪❤\u{fe0f}", "e\u{301}o\u{308}", "กำ ก็ नि", "ｆｕｌｌ", "각"];
    for text in texts {
        assert_eq!(edges(text), usual, "{text}");
    }
}
