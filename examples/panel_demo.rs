//! The panel over a lab that is told by hand: `cargo run --example panel_demo [STORY]`.

#[path = "../tests/panel/story.rs"]
#[allow(dead_code)]
mod story;

use faultlab::base::LabTime;
use faultlab::command::Command;
use faultlab::event::{ClockState, Event, Fact, Judgement};
use faultlab::log::{Log, Tail};
use faultlab::message::{Belief, Faults};
use faultlab::panel::{self, Bench, Offer, Options, Session};
use faultlab::topology::Policy;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use story::{CLIENT, LS, Served, Story, TS1, TS2, found};

struct Told {
    state: Mutex<State>,
}

struct State {
    log: Log,
    waiting: std::collections::VecDeque<Event>,
    clock: ClockState,
    lab: f64,
    last: Instant,
    given: u64,
}

impl State {
    fn now(&mut self) -> LabTime {
        let passed = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        if !self.clock.paused {
            self.lab += passed * self.clock.rate;
        }
        let now = LabTime((self.lab * 1e9) as u64);
        while self.waiting.front().is_some_and(|event| event.time <= now) {
            let event = self.waiting.pop_front().expect("it was there");
            self.log.push(event);
        }
        now
    }
}

impl Bench for Told {
    fn now(&self) -> LabTime {
        self.state.lock().expect("one thread").now()
    }

    fn read(&self, from: u64) -> Tail {
        let mut state = self.state.lock().expect("one thread");
        state.now();
        state.log.read(from, 5000)
    }

    fn give(&self, command: Command) -> bool {
        let mut state = self.state.lock().expect("one thread");
        let time = state.now();
        state.given += 1;
        let mut clock = state.clock;
        let fact = match &command {
            Command::Kill(node) => Some(Fact::NodeKilled { node: *node }),
            Command::PowerOff(node) => Some(Fact::NodePoweredOff { node: *node }),
            Command::Freeze(node) => Some(Fact::NodeFrozen { node: *node }),
            Command::Thaw(node) => Some(Fact::NodeThawed { node: *node }),
            Command::Pause => {
                clock.paused = true;
                Some(Fact::ClockSet(clock))
            }
            Command::Resume => {
                clock.paused = false;
                Some(Fact::ClockSet(clock))
            }
            Command::Speed(rate) => {
                clock = ClockState { rate: *rate, paused: clock.paused, auto: false };
                Some(Fact::ClockSet(clock))
            }
            _ => None,
        };
        state.clock = clock;
        let hand = faultlab::event::Hand::Person;
        let given = Fact::CommandGiven { command: Arc::new(command), hand };
        for fact in [Some(given), fact].into_iter().flatten() {
            let number = 1_000_000 + state.given * 2 + state.log.end();
            let id = faultlab::base::EventId { owner: faultlab::base::Owner::Lab, number };
            state.log.push(Event { id, time, cause: faultlab::event::Cause::Boot, fact });
        }
        true
    }

    fn census(&self) {}
}

fn tell(story: &mut Story, which: &str) {
    let google = |by, takes| Served { by, takes, says: Some(found("142.250.80.36")) };
    let mute = |by| Served { by, takes: 0, says: None };
    for ts in [TS1, TS2] {
        story.believe(5, LS, ts, Belief::Up);
    }
    story.race(100, "www.google.com", &[google(TS1, 10), google(TS2, 90)]);
    if which == "short" {
        return;
    }
    story.faults(
        150,
        LS,
        TS2,
        Faults {
            latency: Duration::from_millis(40),
            extra: Duration::from_millis(200),
            ..Faults::default()
        },
    );
    story.lab(400, Fact::NodeFrozen { node: TS1 });
    story.race(
        1000,
        "www.mit.edu",
        &[mute(TS1), Served { by: TS2, takes: 30, says: Some(found("23.7.46.88")) }],
    );
    if which == "steps" {
        story.lab(1500, Fact::StepBegan { step: 1 });
        story.lab(1600, Fact::StepRan { step: 1 });
        story.judge(1700, 0, Judgement::Passed, "answered after 170 ms");
        story.judge(1750, 1, Judgement::Failed, "1 silent");
        story.lab(1800, Fact::StepEnded { step: 1 });
    }
    story.believe(1500, LS, TS1, Belief::Down);
    story.race(2500, "nobody.example", &[mute(TS1), mute(TS2)]);
    story.visitor(1800, 1);
    let _ = CLIENT;
}

fn main() {
    let which = std::env::args().nth(1).unwrap_or_default();
    let start: f64 = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(0.0);
    let servers = std::env::args().nth(3).and_then(|text| text.parse().ok()).unwrap_or(2);
    let mut topology = story::topology(Policy::Race, servers);
    if which != "steps" {
        topology.steps.clear();
    }
    let mut story = Story::new(&topology);
    tell(&mut story, &which);
    let state = State {
        log: Log::default(),
        waiting: story.events().into(),
        clock: ClockState { rate: 1.0, paused: start > 0.0, auto: false },
        lab: start,
        last: Instant::now(),
        given: 0,
    };
    let bench = Told { state: Mutex::new(state) };
    let run = || -> Result<_, panel::SessionError> {
        let mut session = Session::enter(Options::of_surroundings())?;
        if which == "pick" {
            let offer = |name: &str, title: &str| Offer {
                name: name.into(),
                title: title.into(),
                lesson: "Two name servers, each with its names. Ask both.".into(),
                steps: 3,
            };
            let list = vec![
                offer("tour", "The lecture keys in two minutes"),
                offer("first-answer", "First answer wins"),
            ];
            let _ = panel::pick(&mut session, list)?;
        }
        if which == "panic" {
            std::thread::spawn(|| panic!("a node task")).join().expect_err("it panics");
            std::thread::sleep(Duration::from_millis(300));
            panic!("the panel");
        }
        panel::run(&mut session, &bench, Arc::new(topology))
    };
    match run() {
        Ok(panel::Ending::Signal(signal)) => std::process::exit(128 + signal),
        Ok(_) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(3);
        }
    }
}
