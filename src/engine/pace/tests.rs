//! Event lists in, a simulated wall out: how long hops and waits take there, and how often the rate changes.

use super::*;
use crate::base::{ConnId, Incarnation};
use crate::message::{
    HostName, OpId, OpOutcome, OpWhy, Operation, Outcome, Position, Said, StoreSaid, Why,
};
use std::sync::Arc;
use std::time::Duration;

const CLIENT: NodeId = NodeId(0);
const LS: NodeId = NodeId(1);
const TS1: NodeId = NodeId(2);
const TS2: NodeId = NodeId(3);

/// A lab whose clock follows the pace, seen from the wall.
#[derive(Default)]
struct Wall {
    pace: Pace,
    now: LabTime,
    /// Seconds on the wall.
    seconds: f64,
    rates: Vec<f64>,
    numbers: u64,
}

impl Wall {
    /// Lets lab time pass, as a host does: the rate is asked at every change that is announced.
    fn to(&mut self, millis: f64) {
        let end = LabTime((millis * 1e6) as u64);
        while self.now < end {
            let rate = self.rate();
            let next = self.pace.next_change(self.now).unwrap_or(end).min(end);
            assert!(next > self.now);
            self.seconds += next.since(self.now).as_secs_f64() / rate;
            self.now = next;
        }
        self.rate();
    }

    fn rate(&mut self) -> f64 {
        let rate = self.pace.rate(self.now);
        assert!(rate > 0.0 && rate <= 20.0);
        if self.rates.last() != Some(&rate) {
            self.rates.push(rate);
        }
        rate
    }

    fn emit(&mut self, node: NodeId, cause: Cause, fact: Fact) -> EventId {
        self.numbers += 1;
        let id = EventId { owner: Owner::Node(node, Incarnation(1)), number: self.numbers };
        self.pace.observe(&Event { id, time: self.now, cause, fact });
        // A host asks after every event.
        self.rate();
        id
    }

    fn note(&mut self, node: NodeId, said: Note) {
        self.emit(node, Cause::Unknown, Fact::Noted(said));
    }

    /// A moment passes in which nothing happens.
    fn a_moment(&mut self) {
        self.now = LabTime(self.now.0 + 1);
    }

    fn asked(&mut self, question: u64, after: Duration) {
        let (question, deadline) = (QuestionNo(question), self.now + after);
        let (name, to, again) = (HostName::new("www.a.com"), LS, None);
        self.note(CLIENT, Note::Asked { question, name, to, deadline, attempt: 1, again });
    }

    fn took(&mut self, node: NodeId, question: u64, after: Option<Duration>) {
        let deadline = after.map(|after| self.now + after);
        let (question, name) = (QuestionNo(question), HostName::new("www.a.com"));
        self.note(node, Note::Took { question, name, from: Peer::Node(CLIENT), deadline });
    }

    fn decided(&mut self, node: NodeId, question: u64) {
        let (question, outcome) = (QuestionNo(question), Outcome::Answered);
        let (said, from, why) = (None, None, Why::FirstAnswer);
        self.note(node, Note::Decided { question, outcome, said, from, why });
    }

    fn send(&mut self, from: NodeId, to: NodeId, about: Option<u64>, millis: f64) -> EventId {
        let message = Arc::new(Message::ask("www.a.com"));
        let due = self.now + Duration::from_secs_f64(millis / 1e3);
        let frame = FrameId(self.numbers + 1);
        let (conn, to, about) = (ConnId(1), Peer::Node(to), about.map(QuestionNo));
        let fact = Fact::MessageSent { conn, to, frame, due, about, message };
        self.emit(from, Cause::Unknown, fact)
    }

    fn arrives(&mut self, at: NodeId, from: NodeId, sent: EventId) {
        let message = Arc::new(Message::ask("www.a.com"));
        let fact = Fact::MessageReceived { conn: ConnId(1), from: Peer::Node(from), message };
        self.emit(at, Cause::Event(sent), fact);
    }

    /// Wall seconds that one hop of this message takes.
    fn hop_of(&mut self, from: NodeId, to: NodeId, message: &Arc<Message>) -> f64 {
        self.took_on_the_wall(|lab| {
            let due = lab.now + Duration::from_millis(40);
            let frame = FrameId(lab.numbers + 1);
            let (conn, to, about) = (ConnId(1), Peer::Node(to), None);
            let fact = Fact::MessageSent { conn, to, frame, due, about, message: message.clone() };
            let sent = lab.emit(from, Cause::Unknown, fact);
            let millis = due.0 as f64 / 1e6;
            lab.to(millis);
            let (conn, from) = (ConnId(1), Peer::Node(from));
            let fact = Fact::MessageReceived { conn, from, message: message.clone() };
            lab.emit(LS, Cause::Event(sent), fact);
        })
    }

    /// Wall seconds from the beginning of an operation to its verdict.
    fn operation(&mut self, request: u64) -> f64 {
        self.a_moment();
        let request = QuestionNo(request);
        let id = OpId { client: "c.1".into(), number: request.0 };
        let (operation, deadline) = (Operation::Get { key: "x".into() }, self.now + FIVE);
        self.took_on_the_wall(|lab| {
            let begun = StoreNote::Requested { request, id: id.clone(), operation, deadline };
            lab.note(CLIENT, Note::Store(begun));
            let answer = Arc::new(Message::Operated { id: Some(id), said: StoreSaid::Done });
            lab.hop_of(LS, CLIENT, &answer);
            lab.hop_of(LS, CLIENT, &answer);
            let (outcome, agreed, why) = (OpOutcome::Ok, Arc::from([LS]), OpWhy::Answer);
            let end = StoreNote::Concluded { request, outcome, said: None, agreed, why };
            lab.note(CLIENT, Note::Store(end));
        })
    }

    /// Wall seconds that something took.
    fn took_on_the_wall(&mut self, what: impl FnOnce(&mut Self)) -> f64 {
        let before = self.seconds;
        what(self);
        self.seconds - before
    }
}

const FIVE: Duration = Duration::from_secs(5);

#[test]
fn every_hop_of_a_race_is_seen_and_the_clock_does_not_flutter() {
    let mut lab = Wall::default();
    lab.to(1000.0);
    lab.asked(1, 2 * FIVE);
    let to_ls = lab.send(CLIENT, LS, Some(1), 40.0);
    let hop = lab.took_on_the_wall(|lab| lab.to(1040.0));
    assert!((0.7..1.2).contains(&hop), "{hop}");
    lab.arrives(LS, CLIENT, to_ls);
    lab.took(LS, 1, Some(FIVE));
    let to_ts1 = lab.send(LS, TS1, Some(1), 38.0);
    let to_ts2 = lab.send(LS, TS2, Some(1), 120.0);
    let begun = lab.seconds;
    lab.to(1078.0);
    assert!(lab.seconds - begun >= 0.7);
    lab.arrives(TS1, LS, to_ts1);
    lab.took(TS1, 1, None);
    lab.decided(TS1, 1);
    let back = lab.send(TS1, LS, None, 41.0);
    lab.pace.observe(&reply(&mut lab.numbers, lab.now, back));
    let hop = lab.took_on_the_wall(|lab| lab.to(1119.0));
    assert!(hop >= 0.7, "{hop}");
    lab.arrives(LS, TS1, back);
    lab.decided(LS, 1);
    let told = lab.send(LS, CLIENT, Some(1), 40.0);
    let hop = lab.took_on_the_wall(|lab| lab.to(1159.0));
    assert!(hop >= 0.7, "{hop}");
    lab.arrives(CLIENT, LS, told);
    lab.decided(CLIENT, 1);
    lab.to(1160.0);
    assert!(lab.seconds - begun >= 0.7);
    lab.arrives(TS2, LS, to_ts2);
    lab.to(3000.0);
    let (first, last) = (lab.rates.first(), lab.rates.last());
    assert_eq!((first, last), (Some(&1.0), Some(&1.0)));
    assert!(lab.rates.len() <= 6, "{:?}", lab.rates);
    assert!(lab.pace.hops.is_empty() && lab.pace.frames.is_empty() && lab.pace.ends.is_empty());
}

/// The same message once more, as a reply: what a server sends need not name a question of its own.
fn reply(numbers: &mut u64, now: LabTime, like: EventId) -> Event {
    *numbers += 1;
    let message = Message::Reply { name: None, id: None, said: Said::Negative, dns: None };
    let fact = Fact::MessageSent {
        conn: ConnId(1),
        to: Peer::Node(LS),
        frame: FrameId(*numbers),
        due: now + Duration::from_millis(41),
        about: None,
        message: Arc::new(message),
    };
    Event { id: like, time: now, cause: Cause::Unknown, fact }
}

#[test]
fn a_hop_that_is_long_enough_runs_in_real_time() {
    let mut lab = Wall::default();
    lab.send(CLIENT, LS, Some(1), 900.0);
    lab.to(900.0);
    assert_eq!(lab.rates, [1.0]);
    // One of 3 ms is stretched as well, and one of nothing is not.
    lab.send(CLIENT, LS, Some(1), 3.0);
    let hop = lab.took_on_the_wall(|lab| lab.to(903.0));
    assert!((0.7..1.2).contains(&hop), "{hop}");
    lab.to(1000.0);
    lab.send(CLIENT, LS, Some(1), 0.0);
    assert_eq!(lab.rate().to_bits(), 1.0_f64.to_bits());
}

#[test]
fn five_seconds_of_silence_take_at_most_three() {
    let mut lab = Wall::default();
    lab.asked(1, 2 * FIVE);
    let sent = lab.send(CLIENT, LS, Some(1), 40.0);
    lab.to(40.0);
    lab.arrives(LS, CLIENT, sent);
    lab.took(LS, 1, Some(FIVE));
    let to_ts = lab.send(LS, TS1, Some(1), 40.0);
    lab.to(80.0);
    lab.arrives(TS1, LS, to_ts);
    let wait = lab.took_on_the_wall(|lab| lab.to(5040.0));
    assert!((1.0..=3.1).contains(&wait), "{wait}");
    lab.decided(LS, 1);
    assert!(lab.rates.len() <= 4, "{:?}", lab.rates);
    // What the client still waits for is a wait of its own.
    let wait = lab.took_on_the_wall(|lab| lab.to(10_000.0));
    assert!(wait <= 3.1, "{wait}");
    lab.to(12_000.0);
    assert_eq!(lab.rate().to_bits(), 1.0_f64.to_bits(), "an overdue question is waited for");
}

#[test]
fn a_wait_ends_when_the_clock_of_whoever_waits_says_so() {
    let mut lab = Wall::default();
    lab.asked(1, 6 * FIVE);
    lab.to(200.0);
    assert!(lab.rate() > 4.0, "thirty seconds");
    let clock = OwnClock::RIGHT.stepped(lab.now, 28_000_000_000);
    lab.emit(CLIENT, Cause::Unknown, Fact::OwnClockSet { node: CLIENT, clock });
    lab.to(400.0);
    assert!(lab.rate() < 2.0, "less than two are left of them: {}", lab.rate());
}

#[test]
fn a_wait_is_measured_from_the_moment_nothing_moves() {
    let mut lab = Wall::default();
    lab.asked(1, 6 * FIVE);
    let sent = lab.send(CLIENT, LS, Some(1), 20_000.0);
    lab.to(20_000.0);
    lab.arrives(LS, CLIENT, sent);
    lab.to(20_200.0);
    assert_eq!(lab.rate().to_bits(), 4.0_f64.to_bits(), "of thirty seconds ten are left");
}

#[test]
fn a_very_long_wait_is_capped_and_a_short_one_runs_in_real_time() {
    let mut lab = Wall::default();
    lab.asked(1, Duration::from_secs(3600));
    assert_eq!(lab.rate().to_bits(), 20.0_f64.to_bits());
    lab.asked(2, Duration::from_secs(2));
    assert_eq!(lab.rate().to_bits(), 1.0_f64.to_bits());
}

#[test]
fn a_server_works_in_real_time_unless_it_takes_too_long() {
    let mut lab = Wall::default();
    lab.asked(1, 12 * FIVE);
    lab.took(TS1, 1, None);
    let work = lab.took_on_the_wall(|lab| lab.to(3000.0));
    assert!((2.99..3.01).contains(&work), "{work}");
    let rest = lab.took_on_the_wall(|lab| lab.to(60_000.0));
    assert!(rest <= 3.1, "{rest}");
    let mut lab = Wall::default();
    lab.asked(1, 12 * FIVE);
    lab.took(TS1, 1, None);
    assert_eq!(lab.rate().to_bits(), 1.0_f64.to_bits());
    lab.emit(TS1, Cause::Unknown, Fact::NodeKilled { node: TS1 });
    assert!(lab.rate() > 1.0, "the dead work on nothing");
}

#[test]
fn background_traffic_and_what_is_held_hold_nothing_up() {
    let mut lab = Wall::default();
    lab.asked(1, FIVE);
    let quick = lab.rate();
    assert!(quick > 1.0);
    lab.send(TS1, TS2, None, 40.0);
    assert_eq!(lab.rate().to_bits(), quick.to_bits());
    let sent = lab.send(CLIENT, LS, Some(1), 40.0);
    assert!(lab.rate() < 0.1);
    let frame = lab.pace.frames[&sent];
    let moved = |due| Fact::FrameMoved { from: frame.0, to: frame.1, frame: frame.2, due };
    lab.emit(LS, Cause::Unknown, moved(LabTime::NEVER));
    lab.to(200.0);
    assert!(lab.rate() > 1.0, "a held frame is on its way");
    lab.emit(LS, Cause::Unknown, moved(LabTime::from_millis(240)));
    assert!(lab.rate() < 0.1, "a released frame is not seen");
    lab.emit(
        LS,
        Cause::Unknown,
        Fact::FrameLost {
            from: frame.0,
            to: frame.1,
            frame: frame.2,
            fate: crate::event::Fate::Dropped,
        },
    );
    lab.to(300.0);
    assert!(lab.rate() > 1.0 && lab.pace.hops.is_empty());
}

#[test]
fn the_end_of_a_window_is_waited_for() {
    let mut lab = Wall::default();
    let closes = LabTime::from_millis(9000);
    lab.note(LS, Note::WindowOpened { window: 1, closes });
    let wait = lab.took_on_the_wall(|lab| lab.to(9000.0));
    assert!(wait <= 3.1, "{wait}");
    lab.note(LS, Note::WindowClosed { window: 1, asked: 3, missing: 1, early: false });
    assert_eq!(lab.rate().to_bits(), 1.0_f64.to_bits());
}

#[test]
fn what_is_followed_is_bounded() {
    let mut lab = Wall::default();
    for question in 0..3 * FOLLOWED_MAX as u64 {
        lab.asked(question, FIVE);
        lab.took(TS1, question, None);
        lab.send(CLIENT, LS, Some(question), 40.0);
    }
    let pace = &lab.pace;
    for size in [
        pace.hops.len(),
        pace.frames.len(),
        pace.lengths.len(),
        pace.ends_of_hops.len(),
        pace.deadlines.len(),
        pace.ends.len(),
        pace.services.len(),
        pace.begun.len(),
    ] {
        assert!(size <= FOLLOWED_MAX, "{size}");
    }
    assert!(lab.rate() < 0.1);
}

impl Wall {
    /// One hop of 40 ms, and what it takes on the wall.
    fn hop(&mut self, from: NodeId, to: NodeId, question: u64) -> f64 {
        let sent = self.send(from, to, Some(question), 40.0);
        let end = self.now.0 as f64 / 1e6 + 40.0;
        let wall = self.took_on_the_wall(|lab| lab.to(end));
        self.arrives(to, from, sent);
        wall
    }

    /// A question of the client on its way to a server and back, or until a silence of two seconds is over.
    fn question(&mut self, question: u64, is_silent: bool) -> f64 {
        self.a_moment();
        self.took_on_the_wall(|lab| {
            lab.asked(question, FIVE);
            lab.hop(CLIENT, LS, question);
            lab.took(LS, question, Some(Duration::from_secs(2)));
            lab.hop(LS, TS1, question);
            if is_silent {
                lab.to(lab.now.0 as f64 / 1e6 + 1960.0);
            } else {
                lab.hop(TS1, LS, question);
            }
            lab.decided(LS, question);
            lab.hop(LS, CLIENT, question);
            lab.decided(CLIENT, question);
        })
    }
}

#[test]
fn the_first_of_a_list_is_seen_in_full_and_the_others_pass_ever_faster() {
    let mut lab = Wall::default();
    lab.note(CLIENT, Note::ListBegan { names: 20 });
    let each: Vec<f64> = (1..=20).map(|no| lab.question(no, [5, 11, 17].contains(&no))).collect();
    let alone = 4.0 * HOP_WALL_S;
    assert!(each[0] >= alone, "{each:?}");
    assert!((0.4..0.7).contains(&(each[1] / each[0])), "{each:?}");
    let real = 0.16;
    let settled = each.iter().skip(8).filter(|wall| **wall < 2.0);
    assert!(settled.clone().count() >= 10, "{each:?}");
    assert!(settled.into_iter().all(|wall| (wall - real).abs() < 1e-3), "{each:?}");
    let whole: f64 = each.iter().sum();
    assert!((9.0..=15.0).contains(&whole), "{whole}");
    lab.note(CLIENT, Note::ListEnded { answered: 17, names: 20 });
    assert!(lab.question(21, false) >= alone, "the burst is over");
    assert!(lab.pace.bursts.is_empty());
}

#[test]
fn a_load_and_several_at_once_hasten_and_questions_by_hand_do_not() {
    let alone = 4.0 * HOP_WALL_S;
    let mut lab = Wall::default();
    assert!(lab.question(1, false) >= alone);
    assert!(lab.question(2, false) >= alone);
    // Two by hand, the second while the first is on its way.
    lab.asked(3, FIVE);
    lab.hop(CLIENT, LS, 3);
    lab.asked(4, FIVE);
    lab.decided(CLIENT, 3);
    assert!(lab.hop(CLIENT, LS, 4) >= HOP_WALL_S);
    lab.decided(CLIENT, 4);
    // Three at once.
    for question in 5..8 {
        lab.asked(question, FIVE);
    }
    assert!(lab.hop(CLIENT, LS, 5) >= HOP_WALL_S);
    lab.decided(CLIENT, 5);
    assert!(lab.hop(CLIENT, LS, 6) < 0.7 * HOP_WALL_S);
    lab.decided(CLIENT, 6);
    lab.decided(CLIENT, 7);
    assert!(lab.question(8, false) >= alone);
    // A load, until it is off and its last question has its verdict.
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 5000 });
    assert!(lab.question(9, false) >= alone);
    assert!(lab.question(10, false) < 0.7 * alone);
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 0 });
    assert!(lab.question(11, false) >= alone);
    assert!(lab.pace.bursts.is_empty());
}

#[test]
fn what_is_left_of_a_load_passes_as_fast_as_the_load_did() {
    let mut lab = Wall::default();
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 5000 });
    for question in 1..20 {
        lab.question(question, false);
    }
    // One more, of two servers: the slower has not answered when the load is off and the verdict is there.
    lab.asked(20, FIVE);
    lab.took(TS2, 20, None);
    lab.decided(CLIENT, 20);
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 0 });
    assert!(lab.hop(TS1, LS, 20) < 0.1 * HOP_WALL_S);
    lab.decided(TS2, 20);
    assert!(lab.hop(TS2, LS, 20) < 0.1 * HOP_WALL_S);
    assert!(lab.question(21, false) >= 4.0 * HOP_WALL_S, "then a question by hand is seen in full");
    assert!(lab.pace.bursts.is_empty());
}

#[test]
fn of_a_load_whose_questions_overlap_nobody_waits_for_the_first_to_be_settled() {
    let mut lab = Wall::default();
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 160_000 });
    for question in 1..=3 {
        lab.asked(question, FIVE);
        assert!(lab.hop(CLIENT, LS, question) >= HOP_WALL_S, "question {question}");
    }
    for question in 4..=12 {
        lab.asked(question, FIVE);
    }
    assert!(lab.hop(CLIENT, LS, 12) < 0.1 * HOP_WALL_S);
}

#[test]
fn the_death_of_a_client_ends_its_burst_and_no_other() {
    let mut lab = Wall::default();
    lab.note(CLIENT, Note::ListBegan { names: 20 });
    lab.note(TS2, Note::ListBegan { names: 20 });
    lab.question(1, false);
    lab.emit(CLIENT, Cause::Unknown, Fact::NodeKilled { node: CLIENT });
    assert!(lab.hop(TS2, LS, 1) < 0.7 * HOP_WALL_S);
    lab.emit(TS2, Cause::Unknown, Fact::NodeKilled { node: TS2 });
    lab.a_moment();
    assert!(lab.hop(CLIENT, LS, 2) >= HOP_WALL_S);
    assert!(lab.pace.bursts.is_empty());
}

#[test]
fn operations_on_a_store_are_questions_and_heartbeats_are_background() {
    let mut lab = Wall::default();
    let message = |message| Arc::new(Message::Replica(message));
    let have = Position::default();
    let beat = message(ReplicaMessage::Beat { number: 1, term: 0, have });
    assert!(lab.hop_of(TS2, LS, &beat) < 0.1 * HOP_WALL_S);
    let stands = message(ReplicaMessage::Election { term: 1 });
    assert!(lab.hop_of(TS2, LS, &stands) >= HOP_WALL_S);
    // A load of operations passes ever faster, as one of questions does.
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 5000 });
    let alone = lab.operation(1);
    assert!(alone >= 2.0 * HOP_WALL_S);
    assert!(lab.operation(2) < 0.7 * alone);
    lab.note(CLIENT, Note::LoadSet { per_kilosecond: 0 });
    assert!(lab.operation(3) > 0.9 * alone);
    assert!(lab.pace.bursts.is_empty());
}
