//! The table of verbs: what each is for, its form, an example, and what its places take. Parser errors, the palette,
//! completion and `docs/commands.md` are made from it.

/// What a place of a command takes; completion offers what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Client,
    StoreClient,
    Server,
    /// Who can answer wrongly.
    Liar,
    Replica,
    Node,
    Room,
    StoreKey,
    Links,
    Host,
    /// What may follow a name: a type of record where the client speaks DNS, or how often.
    RecordType,
    Key,
    Value,
    /// A figure or a text: nothing to offer but these words, if any.
    Words(&'static [&'static str]),
}

/// A verb as help and palette show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerbHelp {
    /// The first word of the command.
    pub verb: &'static str,
    /// The whole command: words in capitals stand for something, brackets may be left out.
    pub form: &'static str,
    /// What it does, in one sentence.
    pub what: &'static str,
    /// One that could be typed.
    pub example: &'static str,
    pub(super) slots: &'static [Slot],
}

use Slot::{
    Client, Host, Key, Liar, Links, Node, Replica, Room, Server, StoreClient, StoreKey, Value,
    Words,
};

const TWENTY: Slot = Words(&["x20"]);
const ON_OFF: Slot = Words(&["on", "off"]);
const SHAPES: Slot = Words(&["uniform", "constant", "exponential", "heavy-tail"]);
const TIMES: Slot = Words(&["50ms", "200ms", "1s"]);
const SKEWS: Slot = Words(&["+1s", "+5s", "-1s", "-5s", "off"]);
const RATES: Slot = Words(&["1.5", "2", "0.5", "off"]);
const SHARES: Slot = Words(&["10%", "30%", "60%"]);

macro_rules! verbs {
    ($($verb:literal $form:literal [$($slot:expr),*] $what:literal $example:literal;)*) => {
        &[$(VerbHelp {
            verb: $verb, form: $form, what: $what, example: $example, slots: &[$($slot),*],
        }),*]
    };
}

static VERBS: &[VerbHelp] = verbs! {
    "query" "query CLIENT [NAME [TYPE]] [xN]" [Client, Host, Slot::RecordType, TWENTY]
        "The client asks for a name, or for the next of its list; TYPE asks for other records than addresses, over \
         DNS; xN asks so many times at once."
        "query client www.google.com x20";
    "post" "post CLIENT ROOM TEXT" [StoreClient, Room]
        "The client posts a line in a room of the store; a quoted text may be followed by xN."
        "post writer lobby hello everybody";
    "read" "read CLIENT ROOM [xN]" [StoreClient, Room, TWENTY]
        "The client reads a room of the store." "read writer lobby";
    "put" "put CLIENT KEY VALUE [xN]" [StoreClient, StoreKey, Words(&[]), TWENTY]
        "The client puts a value under a key of the store." "put writer colour blue";
    "get" "get CLIENT KEY [xN]" [StoreClient, StoreKey, TWENTY]
        "The client gets the value of a key of the store." "get writer colour x3";
    "batch" "batch CLIENT" [Client]
        "The client asks its whole list of names and writes its results file." "batch client";
    "load" "load CLIENT RATE|off" [Client, Words(&["1/s", "5/s", "20/s", "100/s", "off"])]
        "The client goes through its list at this rate, whatever becomes of what it asked."
        "load client 5/s";
    "kill" "kill NODE" [Node]
        "The process crashes: all its connections are reset." "kill ts1";
    "crash" "crash NODE" [Node]
        "The program of the node panics, to show that nothing else does." "crash ts1";
    "power-off" "power-off NODE" [Node]
        "The host vanishes: its connections fall silent." "power-off ts1";
    "freeze" "freeze NODE" [Node]
        "The process stands still: connects succeed, nothing answers." "freeze ts1";
    "thaw" "thaw NODE" [Node]
        "A frozen process goes on with its old state and what has piled up." "thaw ts1";
    "revive" "revive NODE" [Node]
        "Whatever ails the node itself ends: it boots or thaws, tells no more lies, and its clock is right."
        "revive ts1";
    "stop" "stop NODE" [Node]
        "The node answers or cancels what is in flight and ends in good order." "stop ls";
    "wipe" "wipe NODE" [Replica]
        "The disk of a dead replica is emptied: it comes back with nothing." "wipe r1";
    "lie" "lie NODE on|off" [Liar, ON_OFF]
        "The name server or the replica answers wrongly." "lie ts1 on";
    "skew" "skew NODE +TIME|-TIME|off" [Node, SKEWS]
        "The node's own clock is set this far ahead or behind; off sets it right." "skew r2 +5s";
    "drift" "drift NODE RATE|off" [Node, RATES]
        "The node's own clock runs at this rate from now on: 1.5 is fast, 0.5 slow, off right." "drift r2 1.5";
    "cut" "cut LINKS" [Links]
        "Nothing gets through: streams stall, datagrams are lost." "cut ls<->ts1";
    "cut-only" "cut-only LINKS" [Links]
        "These directions are cut, and the opposite ones are not: one-way cuts change sides at once."
        "cut-only ->ts1";
    "uncut" "uncut LINKS" [Links]
        "Takes back the cut and nothing else: delay, loss and the rest stay." "uncut ls<->ts1";
    "heal" "heal LINKS" [Links]
        "What was done to the links by hand ends; what the file says of them stays." "heal ls";
    "hold" "hold LINKS" [Links]
        "Every frame waits for a hand to release it." "hold ts1->ls";
    "release" "release LINKS [FRAME]" [Links, Words(&[])]
        "What is held goes on, and nothing more is held; or only that frame goes on."
        "release ts1->ls";
    "drop" "drop LINKS FRAME" [Links, Words(&[])]
        "This frame of one direction never arrives." "drop ts1->ls 3";
    "delay" "delay LINKS TIME" [Links, TIMES]
        "Frames take this much longer; 0 takes it back." "delay ls->ts1 200ms";
    "jitter" "jitter LINKS TIME [uniform|constant|exponential|heavy-tail]" [Links, TIMES, SHAPES]
        "Frames take a random time longer, this much on average." "jitter ls->ts1 20ms exponential";
    "loss" "loss LINKS SHARE" [Links, SHARES]
        "This share is lost; on TCP it is sent again, and arrives late." "loss ls<->ts1 30%";
    "duplicate" "duplicate LINKS SHARE" [Links, SHARES]
        "This share of datagrams arrives twice; streams stay as they are." "duplicate ls->ts1 10%";
    "reorder" "reorder LINKS SHARE" [Links, SHARES]
        "This share of datagrams is overtaken; streams stay as they are." "reorder ls->ts1 10%";
    "bandwidth" "bandwidth LINKS RATE|off" [Links, Words(&["64kbit", "1Mbit", "off"])]
        "At most so many bytes a second; what is more queues." "bandwidth ls->ts1 64kbit";
    "set" "set NODE KEY VALUE" [Server, Key, Value]
        "A setting of the file changes while the node runs." "set ls policy failover";
    "speed" "speed RATE" [Words(&["0.1", "0.25", "0.5", "1"])]
        "So many lab seconds pass in a second on the wall; takes the clock over by hand."
        "speed 0.1";
    "pace" "pace auto|real" [Words(&["auto", "real"])]
        "The clock follows what there is to see, or runs like the one on the wall." "pace auto";
    "pause" "pause" [] "The world stands still." "pause";
    "resume" "resume" [] "It goes on." "resume";
    "tick" "tick" [] "While paused: on to the next thing that is due." "tick";
    "wait" "wait TIME" [Words(&["1s", "5s"])]
        "In a step, or on standard input: the commands after it come so much lab time later."
        "wait 2s";
    "next" "next" [] "The next beat of the steps: question, commands, answer." "next";
    "goto" "goto STEP" [Words(&[])]
        "On to the question of a later step; what the steps before it do to the lab is done at once." "goto 3";
    "flip" "flip" []
        "The present step changes between as confessed and as repaired." "flip";
    "undo" "undo" [] "Takes the last fault back; its consequences stay." "undo";
    "redo" "redo" [] "Brings back what was undone." "redo";
    "reset" "reset" [] "Every fault heals, every node that the file starts is revived." "reset";
    "restore" "restore" []
        "The present step begins again: nodes, links, settings, loads and disks as they were." "restore";
    "mark" "mark [TEXT]" [] "Leaves a marker in the log." "mark the second try";
    "quit" "quit" [] "The lab ends in good order." "quit";
};

/// Every verb, in the order of the documentation.
#[must_use]
pub fn verbs() -> &'static [VerbHelp] {
    VERBS
}

/// The verb with this name, whatever its case.
pub(super) fn find(word: &str) -> Option<&'static VerbHelp> {
    VERBS.iter().find(|help| help.verb.eq_ignore_ascii_case(word))
}

/// Verbs that people type for ours.
pub(super) fn meant(word: &str) -> Option<&'static str> {
    let known = [
        ("ask", "query"),
        ("fire", "query"),
        ("write", "post"),
        ("say", "post"),
        ("send", "post"),
        ("store", "put"),
        ("fetch", "get"),
        ("erase", "wipe"),
        ("format", "wipe"),
        ("poweroff", "power-off"),
        ("off", "power-off"),
        ("start", "revive"),
        ("boot", "revive"),
        ("restart", "revive"),
        ("unfreeze", "thaw"),
        ("partition", "cut"),
        ("isolate", "cut"),
        ("unpartition", "uncut"),
        ("rejoin", "uncut"),
        ("repair", "heal"),
        ("latency", "delay"),
        ("clock", "skew"),
        ("time", "skew"),
        ("date", "skew"),
        ("ntp", "skew"),
        ("play", "resume"),
        ("continue", "resume"),
        ("step", "tick"),
        ("marker", "mark"),
        ("exit", "quit"),
        ("sleep", "wait"),
    ];
    known.iter().find(|(typed, _)| *typed == word).map(|(_, verb)| *verb)
}
