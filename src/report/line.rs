//! One event in one line, for people who read along: calm, English, nothing that repeats itself.

use super::{balance, dns, node, peer, store_line, text};
use crate::base::units::{grouped, human};
use crate::base::{ClockRate, LabTime, Names, NodeId, OwnClock, Owner, Peer, Shown};
use crate::command::grammar;
use crate::event::{Cause, ClockState, Ending, Event, Fact, Fate, Hand, Judgement, Side};
use crate::message::{Belief, DiskKind, Faults, Message, Note, Outcome, Said, Why};
use std::time::Duration;

/// One event in one line, without its time, or none for events that people do not read (timers,
/// opening of connections …). Safe to show.
#[must_use]
pub fn line(event: &Event, names: &Names) -> Option<String> {
    let here = match event.id.owner {
        Owner::Node(id, _) => Some(id),
        Owner::Lab => None,
    };
    match (&event.fact, here) {
        (Fact::Noted(note), Some(id)) => {
            noted(note, names).map(|words| format!("{}  {words}", node(names, id)))
        }
        (fact, Some(id)) => traffic(fact, id, names).or_else(|| of_the_lab(event, names)),
        (_, None) => of_the_lab(event, names),
    }
}

/// Whether an event has a line, where that can be said without making it: of what comes by the thousand.
#[must_use]
pub fn has_line(event: &Event) -> Option<bool> {
    let Owner::Node(..) = event.id.owner else { return None };
    match &event.fact {
        Fact::MessageSent { message, .. }
        | Fact::MessageReceived { from: Peer::Visitor(_), message, .. } => is_read(message),
        Fact::MessageReceived { .. } | Fact::TimerFired { .. } | Fact::Noted(Note::Took { .. }) => {
            Some(false)
        }
        Fact::Noted(Note::Asked { attempt, .. }) => Some(*attempt > 1),
        Fact::Noted(Note::Chose { upstreams, .. }) => Some(upstreams.is_empty()),
        Fact::Noted(Note::Decided { said, why, .. }) => {
            Some(said.is_none() || !matches!(why, Why::Table | Why::OnlyAnswer))
        }
        _ => None,
    }
}

/// Whether somebody wants to read a message, where the message itself does not matter.
const fn is_read(message: &Message) -> Option<bool> {
    match message {
        Message::Replica(_) => None,
        _ => Some(true),
    }
}

const fn disk(kind: DiskKind) -> &'static str {
    match kind {
        DiskKind::Sqlite => "database",
        DiskKind::Rewrite => "JSON file",
    }
}

fn of_the_lab(event: &Event, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    Some(match &event.fact {
        Fact::NodeBooted { node, incarnation } if incarnation.0 > 1 => {
            format!("{}  starts again, life {incarnation}: it remembers nothing", of(*node))
        }
        Fact::NodeBooted { node, .. } => format!("{}  starts", of(*node)),
        Fact::NodeListening { node, wire, address } => {
            format!("{}  listens at {address} ({})", of(*node), text(wire))
        }
        Fact::DiskOpened { node, file, kind } => {
            let what = disk(*kind);
            format!("{}  keeps what it has in the {what} {}", of(*node), Shown::new(file))
        }
        Fact::ListenFailed { node, port, why } => {
            format!("{}  CANNOT LISTEN on port {port}: {}", of(*node), text(why))
        }
        Fact::SocketFailed { node, why } => {
            format!("{}  CANNOT HAVE a socket: {}", of(*node), text(why))
        }
        Fact::NodeKilled { node } => format!("{}  KILLED", of(*node)),
        Fact::NodeCrashed { node, why } => format!("{}  CRASHED: {}", of(*node), text(why)),
        Fact::NodePoweredOff { node } => format!("{}  POWERED OFF", of(*node)),
        Fact::NodeWiped { node } => format!("{}  its disk is EMPTIED", of(*node)),
        Fact::NodeCorrupt { node, why } => format!("{}  CORRUPT: {}", of(*node), text(why)),
        Fact::NodeFrozen { node } => format!("{}  FROZEN", of(*node)),
        Fact::NodeThawed { node } => format!("{}  thawed: it goes on where it stood", of(*node)),
        Fact::NodeStopping { node } => format!("{}  is told to stop", of(*node)),
        Fact::NodeStopped { node } => format!("{}  stopped", of(*node)),
        Fact::TopologyChanged { changes } => {
            let words: Vec<String> =
                changes.iter().map(|change| text(&change.words).to_string()).collect();
            format!("file  taken: {}", words.join("; "))
        }
        // What the file says of links is no news.
        Fact::FaultsSet { .. } if event.cause == Cause::Boot => return None,
        Fact::FaultsSet { from, to, faults } => {
            format!("{} → {}  {}", peer(names, *from), peer(names, *to), faults_words(faults))
        }
        Fact::OwnClockSet { node, clock } => {
            // One that was set just now shows what it was set to, whatever has passed since on the way here.
            let is_new = event.time.since(clock.from) < Duration::from_secs(1);
            let at = if is_new { clock.from } else { event.time };
            format!("{}  clock {}", of(*node), own_clock(clock, at))
        }
        Fact::ClockSet(clock) => return clock_words(clock),
        Fact::ClockJumped { gap } => {
            format!("clock  stood still while this machine slept for {}", human(*gap))
        }
        Fact::FrameLost { from, to, fate, .. } => {
            format!("{} → {}  a frame {}", peer(names, *from), peer(names, *to), fate_words(*fate))
        }
        Fact::FrameDoubled { from, to, .. } => {
            format!("{} → {}  a datagram arrives twice", peer(names, *from), peer(names, *to))
        }
        Fact::FrameLate { from, to, retransmissions, late, .. } => {
            let lost = match retransmissions {
                1 => "1 transmission lost".into(),
                more => format!("{more} transmissions lost"),
            };
            format!("{} → {}  {lost}: {} late", peer(names, *from), peer(names, *to), human(*late))
        }
        Fact::TurnedAway { node, most } => {
            format!("{}  turns a visitor away: {most} are connected", of(*node))
        }
        Fact::LogGap { dropped } => format!("log  {} events are missing here", grouped(*dropped)),
        fact => return by_hand(fact, names).or_else(|| lecture(fact)),
    })
}

fn by_hand(fact: &Fact, names: &Names) -> Option<String> {
    Some(match fact {
        Fact::CommandGiven { command, hand } => {
            let who = match hand {
                Hand::Person => "you",
                Hand::Step => "step",
            };
            format!("{who}  {}", text(&grammar::words(command, names)))
        }
        Fact::CommandRefused { why } => format!("no  {}", text(why)),
        Fact::Undone { what, again: false } => format!("undone  {}", text(what)),
        Fact::Undone { what, again: true } => format!("redone  {}", text(what)),
        _ => return None,
    })
}

fn lecture(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::StepBegan { step } => format!("step {step}  begins"),
        Fact::StepEnded { step } => format!("step {step}  ends"),
        Fact::StepRestored { step: 0 } => "lab  is as it was when it started".into(),
        Fact::StepRestored { step } => format!("step {step}  is as it was when it began"),
        Fact::ExpectationJudged { step, expectation, judgement, seen } => match judgement {
            Judgement::Passed => format!("step {step}  holds: {}", text(seen)),
            Judgement::Failed => {
                format!("step {step}  FAILED, expectation {}: {}", expectation + 1, text(seen))
            }
        },
        Fact::Flipped { step, repaired: true } => format!("step {step}  as repaired"),
        Fact::Flipped { step, repaired: false } => format!("step {step}  as confessed"),
        _ => return None,
    })
}

/// What a node's own clock is like at a moment: `is 2.5 s ahead and runs 1.5 x`, `is right`.
#[must_use]
pub fn own_clock(clock: &OwnClock, at: LabTime) -> String {
    let runs = (clock.rate != ClockRate::RIGHT).then(|| format!("runs {} x", clock.rate));
    let ahead = clock.ahead_at(at);
    let side = if ahead < 0 { "behind" } else { "ahead" };
    let is = (ahead != 0).then(|| format!("is {} {side}", off_by(ahead)));
    match (is, runs) {
        (None, None) => "is right".into(),
        (Some(words), None) | (None, Some(words)) => words,
        (Some(is), Some(runs)) => format!("{is} and {runs}"),
    }
}

/// How far a clock is off, without its side: `300 ms`, `2.5 s`, `60 s`, `2 min 05 s`.
fn off_by(ahead: i64) -> String {
    let span = Duration::from_nanos(ahead.unsigned_abs());
    let seconds = span.as_secs_f64();
    if (1.0..120.0).contains(&seconds) {
        let tenths = format!("{seconds:.1}");
        return format!("{} s", tenths.trim_end_matches(".0"));
    }
    human(span)
}

/// In automatic pace the rate changes all the time: that is no news.
fn clock_words(clock: &ClockState) -> Option<String> {
    match clock {
        ClockState { paused: true, .. } => Some("clock  paused".into()),
        ClockState { auto: true, .. } => None,
        ClockState { rate, .. } => Some(format!("clock  runs at {rate}x")),
    }
}

fn faults_words(faults: &Faults) -> String {
    let mut words = Vec::new();
    let mut say = |on: bool, what: String| {
        if on {
            words.push(what);
        }
    };
    say(faults.cut, "cut".into());
    say(faults.hold, "held".into());
    say(!faults.latency.is_zero(), format!("latency {}", human(faults.latency)));
    say(!faults.extra.is_zero(), format!("+{}", human(faults.extra)));
    say(!faults.jitter.mean.is_zero(), format!("jitter {}", human(faults.jitter.mean)));
    say(faults.loss > 0.0, format!("loss {}", percent(faults.loss)));
    say(faults.duplicate > 0.0, format!("duplicates {}", percent(faults.duplicate)));
    say(faults.reorder > 0.0, format!("reorders {}", percent(faults.reorder)));
    if let Some(rate) = faults.bandwidth {
        words.push(format!("{} bytes a second", grouped(rate)));
    }
    if words.is_empty() { "perfect".into() } else { words.join(", ") }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

const fn fate_words(fate: Fate) -> &'static str {
    match fate {
        Fate::Lost => "is lost on the way",
        Fate::Cut => "is lost: the link is cut",
        Fate::HostOff => "vanishes: the host has no power",
        Fate::PeerDead => "arrives at nobody: the process is dead",
        Fate::Dropped => "is dropped by hand",
        Fate::Overflow => "is dropped: the queue is full",
    }
}

fn traffic(fact: &Fact, here: NodeId, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    Some(match fact {
        Fact::MessageSent { to, message, .. } => {
            format!("{} → {}  {}", of(here), peer(names, *to), message_words(message)?)
        }
        Fact::MessageReceived { from, message, .. } if dns::is_cut(message) => format!(
            "{} → {}  its answer is too long for a datagram (TC): the same again over TCP",
            peer(names, *from),
            of(here)
        ),
        // Between nodes the sending was told; what a visitor says is first heard of here.
        Fact::MessageReceived { from: from @ Peer::Visitor(_), message, .. } => {
            format!("{} → {}  {}", peer(names, *from), of(here), message_words(message)?)
        }
        Fact::ConnOpened { peer: from @ Peer::Visitor(_), side: Side::Acceptor, .. } => {
            format!("{}  connects to {}", peer(names, *from), of(here))
        }
        Fact::ConnClosed { peer: from @ Peer::Visitor(_), .. }
        | Fact::ConnEnded { peer: from @ Peer::Visitor(_), ending: Ending::Reset, .. } => {
            format!("{}  is gone", peer(names, *from))
        }
        Fact::ConnEnded { peer: Peer::Node(lost), ending: Ending::Reset, .. } => {
            format!("{}  loses its connection with {}", of(here), of(*lost))
        }
        Fact::DiskFailed { why, .. } => {
            format!("{}  its disk does not take what it writes: {}", of(here), text(why))
        }
        Fact::Unasked { from, why, .. } => {
            format!("{}  drops an answer from {}: {}", of(here), peer(names, *from), text(why))
        }
        Fact::Malformed { from, why, .. } => {
            format!("{}  cannot read what {} sent: {}", of(here), peer(names, *from), text(why))
        }
        _ => return None,
    })
}

/// Columns that what is said in DNS takes at most before its code and its records.
const WORDS_MAX: usize = 48;

/// What a message says; none for one that nobody wants to read.
fn message_words(message: &Message) -> Option<String> {
    Some(match message {
        Message::Ask { name, dns: Some(query), .. } if !query.kind.is_usual() => {
            format!("asks {} {}", text(name.as_str()), query.kind)
        }
        Message::Ask { name, .. } => format!("asks {}", text(name.as_str())),
        Message::AskTied { name, .. } => format!("asks {}, tied", text(name.as_str())),
        Message::Began { .. } => "says that it begins".into(),
        Message::Cancel { .. } => "says that it needs no answer".into(),
        Message::Reply { said, dns: Some(response), .. } => {
            let words = Shown::short(&said_words(said), WORDS_MAX);
            format!("{words}  {}", dns::head_and_number(response))
        }
        Message::Reply { said, .. } => said_words(said),
        Message::End => "says that this was all".into(),
        Message::Operate { operation, .. } => text(&operation.to_string()).into(),
        Message::Operated { said, .. } => store_line::said(said),
        Message::Replica(message) => return store_line::message(message),
        Message::Text(words) => format!("says “{}”", text(words)),
    })
}

pub(super) fn said_words(said: &Said) -> String {
    match said {
        Said::Found { address, .. } => text(address).into(),
        Said::Negative => "there is no such name".into(),
        Said::NoRecord => "there is such a name, but no such record".into(),
        Said::Failed(why) if why.is_empty() => "cannot say".into(),
        Said::Failed(why) => format!("cannot say: {}", text(why)),
        Said::NotFound => "error: host not found".into(),
    }
}

fn noted(note: &Note, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    Some(match note {
        Note::Asked { name, attempt, .. } if *attempt > 1 => {
            format!("asks again for {}, try {attempt}", text(name.as_str()))
        }
        Note::Chose { upstreams, .. } if upstreams.is_empty() => "has nobody to ask".into(),
        Note::Heard { upstream, said: Some(Said::NotFound), .. } => {
            format!("is told by {}: host not found", of(*upstream))
        }
        Note::Heard { upstream, outcome, .. } => match outcome {
            Outcome::Refused => format!("{} refuses the connection", of(*upstream)),
            Outcome::Reset => format!("{} is gone, with the question", of(*upstream)),
            Outcome::Silent => format!("{} said nothing in time", of(*upstream)),
            _ => return None,
        },
        Note::Decided { outcome, said, from, why, .. } => {
            return decided(*outcome, said.as_ref(), from.map(of), *why);
        }
        Note::Late { upstream, said, .. } => {
            format!("{} answers too late, dropped: {}", of(*upstream), said_words(said))
        }
        Note::Unmatched { upstream, name: Some(name) } => {
            format!("{} answers what nobody asked: {}", of(*upstream), text(name.as_str()))
        }
        Note::Unmatched { upstream, name: None } => {
            format!("{} answers what nobody asked", of(*upstream))
        }
        Note::Stuck { name, upstream, before: None } => {
            format!("{} sticks to {} from now on", text(name.as_str()), of(*upstream))
        }
        Note::Stuck { name, upstream, before: Some(before) } => {
            format!("{} moves from {} to {}", text(name.as_str()), of(*before), of(*upstream))
        }
        Note::WindowOpened { window, closes } => {
            format!("window {window} opens, until {}", moment(*closes))
        }
        Note::WindowClosed { window, asked, missing, early } => {
            let when = if *early { "early, all is in" } else { "its time is over" };
            format!("window {window} closes ({when}): {missing} of {asked} names without an answer")
        }
        note => return noted_of_itself(note, names),
    })
}

fn noted_of_itself(note: &Note, names: &Names) -> Option<String> {
    let of = |id: NodeId| node(names, id);
    Some(match note {
        // Why it is left alone without a failure is said by the note before.
        Note::Ejected { upstream, failures: 0, .. } => format!("ejects {}", of(*upstream)),
        Note::Ejected { upstream, failures, .. } => {
            format!("ejects {} after {failures} failures in a row", of(*upstream))
        }
        Note::Restored { upstream, successes } => {
            format!("takes {} back after {successes} successes in a row", of(*upstream))
        }
        Note::Believed { about, belief } => {
            format!("believes that {} is {}", of(*about), belief_word(*belief))
        }
        Note::BudgetSpent { .. } => "does not ask again: its budget is spent".into(),
        Note::WillRetry { after, .. } => format!("will ask again in {}", human(*after)),
        Note::ListBegan { names } => format!("begins its list of {names} names"),
        Note::ListEnded { answered, names } => {
            format!("is through with its list: {answered} of {names} names have an address")
        }
        Note::LoadSet { per_kilosecond: 0 } => "asks no more by itself".into(),
        Note::LoadSet { per_kilosecond } => {
            format!("asks {} questions a second by itself", *per_kilosecond as f64 / 1000.0)
        }
        Note::Overflowed { refused } => {
            format!("has no room: {} refused so far", grouped(*refused))
        }
        Note::Changed { key, value } => format!("{} = {}", text(key), text(value)),
        Note::Stopping { in_flight } => format!("stops, {in_flight} questions in flight"),
        Note::Spinning => "SPINS instead of stopping".into(),
        Note::Balance(note) => balance::line(note, names),
        Note::Store(note) => return store_line::note(note, names),
        _ => return None,
    })
}

pub(super) const fn belief_word(belief: Belief) -> &'static str {
    match belief {
        Belief::Up => "up",
        Belief::Suspect => "suspect",
        Belief::Down => "down",
    }
}

fn moment(at: LabTime) -> String {
    format!("{at} s")
}

/// The verdict of a node. A client and a silent TS tell nobody anything; an LS does.
fn decided(outcome: Outcome, said: Option<&Said>, from: Option<Shown>, why: Why) -> Option<String> {
    let told = said.is_some();
    Some(match (why, outcome, from) {
        (Why::Table, Outcome::Negative, _) if !told => "has no such name and says nothing".into(),
        (Why::Table | Why::OnlyAnswer, _, _) if told => return None,
        (Why::Lie, ..) => "LIES".into(),
        (Why::EndOfFile, ..) => "takes the end of a connection for an answer".into(),
        (Why::Arrival, _, Some(from)) => {
            format!("takes what {from} sent for the answer to the question that waited longest")
        }
        (Why::AskerGone, ..) => "drops a question: who asked it is gone".into(),
        (Why::Stopping, ..) => "gives a question up: it is stopping".into(),
        (Why::NobodyLeft, ..) => "has nobody left to ask".into(),
        (Why::NotNeeded, ..) => "drops a question: another server has it".into(),
        (Why::SocketTimer, ..) => "gives up: the timer of the connection fired".into(),
        (why, Outcome::Answered, Some(from)) if told => {
            format!("takes {from}'s answer: {}", choice_words(why))
        }
        (_, Outcome::Negative, _) if told => {
            let words = said.map(said_words).unwrap_or_default();
            format!("says that {words}: {}", choice_words(why))
        }
        (Why::WindowClosed | Why::AllIn, ..) if told => {
            format!("has no answer to give: {}", choice_words(why))
        }
        (_, _, _) if told => format!("gives up: {}", choice_words(why)),
        (_, outcome, _) => outcome_of(outcome).into(),
    })
}

const fn choice_words(why: Why) -> &'static str {
    match why {
        Why::FirstAnswer => "the first valid one",
        Why::OnlyAnswer => "the only one",
        Why::AllNegative => "everybody asked says so",
        // What each of them came to stands in lines of its own.
        Why::AllFailed => "nobody is left who could answer",
        Why::Deadline => "its time is over",
        Why::WindowClosed => "the window has closed",
        Why::AllIn => "every answer of the batch is in",
        Why::EndOfFile => "a connection ended",
        Why::Arrival => "it arrived first",
        Why::SocketTimer => "the timer of the connection fired",
        Why::Table => "its table says so",
        Why::Lie => "it lies",
        Why::Stopping => "it is stopping",
        Why::AskerGone => "who asked is gone",
        Why::NobodyLeft => "nobody is left to ask",
        Why::Remembered => "it failed a moment ago",
        Why::Joined => "as for the one that it joined",
        Why::GoesRound => "the question goes round",
        Why::Gathered => "everybody asked has spoken",
        Why::NotNeeded => "another server has it",
        Why::QueueFull => "its queue is full",
    }
}

/// What the asker has at the end, in a few words: `has its answer`.
#[must_use]
pub const fn outcome_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "has its answer",
        Outcome::Negative => "is told that there is none",
        Outcome::Failed => "is told that nobody can say",
        Outcome::Refused => "finds nobody there",
        Outcome::Reset => "loses the connection with the question",
        Outcome::Silent => "has no answer",
        Outcome::Late => "has its answer too late",
        Outcome::Cancelled => "gives the question up",
    }
}
