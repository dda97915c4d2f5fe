//! Rules of the control plane, and that undo and redo are exact.

use super::state::Grammar;
use super::*;
use crate::base::{ConnId, EventId, Incarnation, Names, VisitorId};
use crate::event::Cause;
use crate::message::{Jitter, Shape};
use crate::topology::{
    ClientConfig, Dialect, Kind, Listen, LsConfig, Node, OnMiss, Policy, Setting, TsConfig,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const GRAMMAR: Grammar = Grammar { parse, keys, current };

fn parse(_: &Topology, _: NodeId, key: &str, value: &str) -> Result<Setting, String> {
    let number = || value.parse::<u32>().map_err(|_| format!("`{value}` is no number"));
    Ok(match (key, value) {
        ("policy", word) => Setting::Policy(Policy::from_word(word).ok_or("no such policy")?),
        ("fall", "off") => Setting::Fall(0),
        ("fall", _) => Setting::Fall(number()?),
        ("rise", _) => Setting::Rise(number()?),
        ("on_miss", "silent") => Setting::OnMiss(OnMiss::Silent),
        ("on_miss", "negative") => Setting::OnMiss(OnMiss::Negative),
        ("lie", _) => Setting::Lie(value == "on"),
        _ => return Err(format!("`{key}` cannot be set")),
    })
}

fn keys(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Client(_) => &[],
        Kind::Ls(_) => &["policy", "fall", "rise"],
        Kind::Ts(_) => &["on_miss", "lie"],
    }
}

fn current(_: &Topology, kind: &Kind, key: &str) -> Option<String> {
    Some(match (kind, key) {
        (Kind::Ls(ls), "policy") => ls.policy.word().into(),
        (Kind::Ls(ls), "fall") => ls.health.map_or("off".into(), |health| health.fall.to_string()),
        (Kind::Ls(ls), "rise") => ls.health?.rise.to_string(),
        (Kind::Ts(ts), "on_miss") => match ts.on_miss {
            OnMiss::Silent => "silent".into(),
            OnMiss::Negative => "negative".into(),
        },
        (Kind::Ts(ts), "lie") => if ts.lie { "on" } else { "off" }.into(),
        _ => return None,
    })
}

const CLIENT: NodeId = NodeId(0);
const LS: NodeId = NodeId(1);
const TS1: NodeId = NodeId(2);
const TS2: NodeId = NodeId(3);
const SPARE: NodeId = NodeId(4);
const OUTSIDE: NodeId = NodeId(5);

fn usual() -> Faults {
    Faults { latency: Duration::from_millis(40), ..Faults::default() }
}

/// client → ls → ts1, ts2; `spare` is off at the start, `outside` runs elsewhere.
fn topology() -> Arc<Topology> {
    let client = ClientConfig {
        asks: vec![LS],
        list: [crate::message::HostName::new("www.a.com")].into(),
        pace: crate::topology::Pace::Serial,
        timeout: Duration::from_secs(10),
        retry: crate::topology::Retry::default(),
        rate: 0.0,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: crate::message::Flaws::NONE,
    };
    let ls = LsConfig {
        upstreams: vec![TS1, TS2, OUTSIDE],
        policy: Policy::Race,
        timeout: Duration::from_secs(5),
        accept: crate::topology::Accept::FirstFinal,
        window: Duration::from_secs(3),
        early_end: false,
        failover_after: Duration::from_secs(1),
        failover: false,
        health: None,
        reconnect: Duration::from_secs(1),
        ids: false,
        flaws: crate::message::Flaws::NONE,
    };
    let liar = TsConfig { lie: true, ..TsConfig::default() };
    let kinds = [
        Kind::Client(client),
        Kind::Ls(ls),
        Kind::Ts(TsConfig::default()),
        Kind::Ts(liar),
        Kind::Ts(TsConfig::default()),
        Kind::Ts(TsConfig::default()),
    ];
    let nodes = kinds.into_iter().zip(0..).map(|(kind, id)| Node {
        id: NodeId(id),
        group: None,
        starts: NodeId(id) != SPARE,
        at: (NodeId(id) == OUTSIDE).then(|| ([127, 0, 0, 1], 5300).into()),
        listen: Listen::default(),
        kind,
    });
    Arc::new(Topology {
        name: "test".into(),
        title: String::new(),
        lesson: String::new(),
        seed: 7,
        dialect: Dialect::First2021,
        auto_pace: true,
        nodes: nodes.collect(),
        names: Names::new(["client", "ls", "ts1", "ts2", "spare", "outside"]),
        groups: BTreeMap::new(),
        default_link: Faults::default(),
        links: [((LS, TS1), usual()), ((TS1, LS), usual())].into(),
        steps: Vec::new(),
    })
}

/// A host that believes nothing but the acts it is given.
struct Bench {
    control: Control,
    file: Arc<Topology>,
    life: BTreeMap<NodeId, Life>,
    kinds: BTreeMap<NodeId, Kind>,
    loads: BTreeMap<NodeId, u64>,
    links: BTreeMap<(Peer, Peer), Faults>,
    booted: BTreeMap<NodeId, u32>,
    undone: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let file = topology();
        let mut bench = Self {
            control: Control::with(file.clone(), GRAMMAR),
            file,
            life: BTreeMap::new(),
            kinds: BTreeMap::new(),
            loads: BTreeMap::new(),
            links: BTreeMap::new(),
            booted: BTreeMap::new(),
            undone: Vec::new(),
        };
        let acts = bench.control.start();
        bench.carry_out(acts);
        bench
    }

    fn see(&mut self, owner: Owner, fact: Fact) {
        let id = EventId { owner, number: 1 };
        self.control.observe(&Event { id, time: LabTime::ZERO, cause: Cause::Unknown, fact });
    }

    fn visit(&mut self, visitor: u32, node: NodeId) {
        let peer = Peer::Visitor(VisitorId(visitor));
        let fact = Fact::ConnOpened { conn: ConnId(1), peer, side: Side::Acceptor };
        self.see(Owner::Node(node, Incarnation(1)), fact);
    }

    fn carry_out(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Boot(node) => {
                    let life = self.life.insert(node, Life::Up);
                    assert!(!life.is_some_and(Life::is_alive), "{node} boots while it lives");
                    self.kinds.insert(node, self.file.node(node).kind.clone());
                    self.loads.insert(node, 0);
                    let count = self.booted.entry(node).or_default();
                    *count += 1;
                    let incarnation = Incarnation(*count);
                    self.see(
                        Owner::Node(node, incarnation),
                        Fact::NodeBooted { node, incarnation },
                    );
                }
                Act::Kill(node) => self.die(node, Life::Killed),
                Act::Crash(node) => self.die(node, Life::Crashed),
                Act::PowerOff(node) => {
                    self.life.insert(node, Life::PoweredOff);
                }
                Act::Freeze(node) => {
                    assert_eq!(self.life.insert(node, Life::Frozen), Some(Life::Up));
                }
                Act::Thaw(node) => {
                    assert_eq!(self.life.insert(node, Life::Up), Some(Life::Frozen));
                }
                Act::Tell(node, told) => self.tell(node, told),
                Act::SetFaults { from, to, faults } => {
                    self.links.insert((from, to), faults);
                }
                Act::Record(Fact::Undone { what, .. }) => self.undone.push(what.to_string()),
                _ => {}
            }
        }
    }

    fn die(&mut self, node: NodeId, life: Life) {
        let before = self.life.insert(node, life);
        assert!(before.is_some_and(Life::is_alive), "{node} dies twice");
    }

    fn tell(&mut self, node: NodeId, told: Told) {
        assert_eq!(self.life.get(&node), Some(&Life::Up), "{node} is told something: {told:?}");
        match told {
            Told::Set { setting, .. } => {
                let kind = self.kinds.get_mut(&node).expect("it was booted");
                assert!(setting.apply(kind));
            }
            Told::Load { per_kilosecond } => {
                self.loads.insert(node, per_kilosecond);
            }
            Told::Stop => {
                self.life.insert(node, Life::Stopped);
                self.see(Owner::Lab, Fact::NodeStopped { node });
            }
            Told::Ask { .. } | Told::Batch => {}
        }
    }

    fn give(&mut self, line: &str) -> Result<usize, String> {
        let command = grammar::command(line, &self.file.names).expect(line);
        let acts = self.control.apply(LabTime::ZERO, &command)?;
        let count = acts.len();
        self.carry_out(acts);
        Ok(count)
    }

    fn must(&mut self, line: &str) {
        self.give(line).unwrap_or_else(|why| panic!("{line}: {why}"));
    }

    fn refused(&mut self, line: &str) -> String {
        let before = self.snapshot();
        let why = self.give(line).expect_err(line);
        assert_eq!(self.snapshot(), before, "{line} was refused and still did something");
        why
    }

    fn faults(&self, from: NodeId, to: NodeId) -> Faults {
        let way = (Peer::Node(from), Peer::Node(to));
        self.links.get(&way).copied().unwrap_or_else(|| self.file.link(from, to))
    }

    /// What is true in this host, and how everybody is to be set.
    fn snapshot(&self) -> String {
        let mut out = String::new();
        for node in &self.file.nodes {
            let life = self.life.get(&node.id).copied().unwrap_or_default();
            // Nobody can tell one that was never started from one that was killed.
            let life = if life == Life::Off { Life::Killed } else { life };
            let kind = &**self.control.state.kind(node.id);
            out += &format!("{} {life:?} {kind:?}", node.id);
            // A frozen process hears of changes when it thaws, a dead one when it boots.
            if life == Life::Up {
                assert_eq!(&self.kinds[&node.id], kind, "the process of {} differs", node.id);
                out += &format!(" {}", self.loads[&node.id]);
            }
            out += "\n";
        }
        for (way, faults) in &self.links {
            let usual = match way {
                (Peer::Node(from), Peer::Node(to)) => self.file.link(*from, *to),
                // A visitor is gone for good when its node ends, and with it what was done to it.
                (Peer::Visitor(id), _) | (_, Peer::Visitor(id)) if *id != VisitorId::ANY => {
                    continue;
                }
                _ => Faults::default(),
            };
            if *faults != usual {
                out += &format!("{way:?} {faults:?}\n");
            }
        }
        out
    }
}

#[test]
fn the_lab_starts_with_its_servers_and_the_links_of_the_file() {
    let mut control = Control::with(topology(), GRAMMAR);
    let acts = control.start();
    let boots: Vec<NodeId> = acts
        .iter()
        .filter_map(|act| if let Act::Boot(node) = act { Some(*node) } else { None })
        .collect();
    assert_eq!(boots, [TS1, TS2, LS, CLIENT]);
    let clock = ClockState { rate: 1.0, paused: false, auto: true };
    assert!(acts.contains(&Act::Clock(clock)));
    let (from, to) = (Peer::Node(LS), Peer::Node(TS1));
    assert!(acts.contains(&Act::SetFaults { from, to, faults: usual() }));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let mut bench = Bench::new();
    bench.must("kill ts1");
    bench.must("freeze ls");
    let cases = [
        ("kill ts1", "ts1 is already dead: `revive ts1` brings it back"),
        ("crash ts1", "ts1 is already dead: `revive ts1` brings it back"),
        ("freeze ts1", "ts1 is dead: `revive ts1` brings it back"),
        ("thaw ts1", "ts1 is dead: `revive ts1` brings it back"),
        ("lie ts1 on", "ts1 is dead: `revive ts1` brings it back"),
        ("stop ls", "ls is frozen and hears nothing: `thaw ls` first"),
        ("crash ls", "ls is frozen and does nothing, not even crash: `kill ls` or `thaw ls` first"),
        ("kill spare", "spare is off: `revive spare` starts it"),
        ("query ls", "ls is no client: try `client`"),
        ("batch ts2", "ts2 is no client: try `client`"),
        ("lie ls on", "ls is a ls: only a TS has a table to lie about"),
        (
            "kill outside",
            "outside runs outside this lab, at 127.0.0.1:5300: nothing here can touch it; \
             cut its links with `cut outside`",
        ),
        ("set ls nonsense 1", "`nonsense` cannot be set"),
        ("set ts1 policy race", "ts1 is a ts, which has no `policy`"),
        ("undo", ""),
        ("tick", "the world runs: `pause` first, then `tick` goes on by one"),
        ("drop ls 3", "frames are counted by direction: name one, such as `ts1->ls`"),
        ("cut visitor-1->ls", "visitor-1 is not here: `visitors<->ls` means all of them"),
        ("cut visitors->client", "no visitor comes to client: it takes no questions here"),
        ("redo", "there is nothing to redo"),
    ];
    for (line, why) in cases.into_iter().filter(|(line, _)| *line != "undo") {
        assert_eq!(bench.refused(line), why, "{line}");
    }
    bench.must("undo");
    bench.must("undo");
    assert_eq!(bench.refused("undo"), "there is nothing to undo");
    assert_eq!(bench.undone, ["freeze ls", "kill ts1"]);
}

#[test]
fn what_is_already_so_is_left_alone() {
    let mut bench = Bench::new();
    for line in ["revive ts1", "thaw ls", "heal ls", "resume", "lie ts1 off", "reset", "pace auto"]
    {
        assert_eq!(bench.give(line), Ok(0), "{line}");
    }
    bench.must("cut ls<->ts1");
    assert_eq!(bench.give("cut ls->ts1"), Ok(0));
    bench.must("freeze ls");
    assert_eq!(bench.give("freeze ls"), Ok(0));
    bench.must("undo");
    assert_eq!(bench.undone, ["freeze ls"]);
}

#[test]
fn faults_compose_and_heal_goes_back_to_the_file() {
    let mut bench = Bench::new();
    for line in ["delay ls->ts1 200ms", "loss ls->ts1 30%", "cut ls<->ts1", "jitter ls->ts1 5ms"] {
        bench.must(line);
    }
    let expected = Faults {
        extra: Duration::from_millis(200),
        loss: 0.3,
        cut: true,
        jitter: Jitter { mean: Duration::from_millis(5), shape: Shape::Uniform },
        ..usual()
    };
    assert_eq!(bench.faults(LS, TS1), expected);
    assert_eq!(bench.faults(TS1, LS), Faults { cut: true, ..usual() });
    bench.must("heal ls->ts1");
    assert_eq!(bench.faults(LS, TS1), usual());
    assert!(bench.faults(TS1, LS).cut);
    bench.must("cut ls");
    for (from, to) in [(CLIENT, LS), (LS, CLIENT), (LS, TS2), (TS2, LS), (OUTSIDE, LS)] {
        assert!(bench.faults(from, to).cut, "{from}->{to}");
    }
    bench.must("reset");
    assert!(bench.links.iter().all(|((from, to), faults)| match (from, to) {
        (Peer::Node(from), Peer::Node(to)) => *faults == bench.file.link(*from, *to),
        _ => faults.is_perfect(),
    }));
}

#[test]
fn visitors_share_what_is_done_to_all_of_them() {
    let mut bench = Bench::new();
    bench.visit(1, LS);
    bench.visit(2, LS);
    let all = (Peer::Node(LS), Peer::Visitor(VisitorId::ANY));
    let one = (Peer::Node(LS), Peer::Visitor(VisitorId(1)));
    bench.must("delay ls->visitor-1 50ms");
    bench.must("cut ls->");
    assert!(bench.links[&all].cut && bench.links[&one].cut);
    assert_eq!(bench.links[&one].extra, Duration::from_millis(50));
    bench.must("heal ls->visitor-1");
    assert!(bench.links[&one].is_perfect() && bench.links[&all].cut);
    bench.must("undo");
    assert!(bench.links[&one].cut && bench.links[&one].extra > Duration::ZERO);
    bench.must("undo");
    assert!(!bench.links[&one].cut && bench.links[&all].is_perfect());
    bench.must("redo");
    assert!(bench.links[&one].cut && bench.links[&all].cut);
    let why = bench.refused("cut visitor-1->ts1");
    assert_eq!(why, "visitor-1 talks to ls, not to ts1");
    let reset = Fact::ConnEnded { conn: ConnId(1), peer: one.1, ending: Ending::Reset };
    bench.see(Owner::Node(LS, Incarnation(1)), reset);
    assert!(bench.refused("cut visitor-1->ls").contains("is not here"));
}

#[test]
fn what_is_held_goes_on_when_the_hold_ends_by_whatever_hand() {
    for end in ["release ls->ts1", "heal ls", "undo", "reset"] {
        let mut bench = Bench::new();
        bench.must("hold ls->ts1");
        let command = grammar::command(end, &bench.file.names).expect(end);
        let acts = bench.control.apply(LabTime::ZERO, &command).expect(end);
        let (from, to) = (Peer::Node(LS), Peer::Node(TS1));
        assert!(acts.contains(&Act::Release { from, to, frame: None }), "{end}");
    }
}

#[test]
fn settings_outlive_a_process_and_a_frozen_one_hears_of_them_when_it_thaws() {
    let mut bench = Bench::new();
    let policy = |bench: &Bench| match &bench.kinds[&LS] {
        Kind::Ls(ls) => (ls.policy, ls.health.map(|health| health.rise)),
        _ => unreachable!("the LS is an LS"),
    };
    bench.must("set ls policy failover");
    bench.must("kill ls");
    bench.must("set ls rise 4");
    bench.must("revive ls");
    assert_eq!(policy(&bench), (Policy::Failover, Some(4)));
    bench.must("freeze ls");
    bench.must("set ls policy sticky");
    assert_eq!(policy(&bench).0, Policy::Failover);
    bench.must("thaw ls");
    assert_eq!(policy(&bench).0, Policy::Sticky);
    for _ in 0..7 {
        bench.must("undo");
    }
    assert_eq!(policy(&bench), (Policy::Race, None));
    bench.must("load client 5/s");
    bench.must("kill client");
    bench.must("undo");
    assert_eq!(bench.loads[&CLIENT], 5000);
}

#[test]
fn revive_ends_whatever_ails_a_node() {
    let mut bench = Bench::new();
    let lies = |bench: &Bench, node| matches!(&bench.kinds[&node], Kind::Ts(ts) if ts.lie);
    for ail in ["kill", "crash", "power-off", "freeze", "stop"] {
        bench.must(&format!("{ail} ts1"));
        bench.must("revive ts1");
        assert_eq!(bench.life[&TS1], Life::Up, "{ail}");
    }
    bench.must("lie ts1 on");
    assert!(lies(&bench, TS1) && lies(&bench, TS2));
    bench.must("revive ts1");
    bench.must("revive ts2");
    assert!(!lies(&bench, TS1) && !lies(&bench, TS2));
    // A reset is not honester than the file.
    bench.must("lie ts1 on");
    bench.must("kill ls");
    bench.must("reset");
    assert!(!lies(&bench, TS1) && lies(&bench, TS2));
    assert_eq!(bench.life[&LS], Life::Up);
    assert!(!bench.life.contains_key(&SPARE));
}

#[test]
fn deaths_by_themselves_count_but_not_those_of_an_earlier_life() {
    let mut bench = Bench::new();
    bench.see(Owner::Lab, Fact::NodeCrashed { node: LS, why: "index out of bounds".into() });
    assert_eq!(bench.control.life(LS), Life::Crashed);
    bench.life.insert(LS, Life::Crashed);
    // A boot was ordered and has not been seen: what ends now is the earlier life.
    let acts = bench.control.apply(LabTime::ZERO, &Command::Revive(LS)).expect("it is dead");
    bench.see(Owner::Lab, Fact::NodeCrashed { node: LS, why: "again".into() });
    assert_eq!(bench.control.life(LS), Life::Up);
    bench.carry_out(acts);
    bench.see(Owner::Lab, Fact::NodeStopped { node: LS });
    assert_eq!(bench.control.life(LS), Life::Stopped);
}

#[test]
fn a_hand_on_the_clock_takes_over_from_automatic_pace() {
    let mut bench = Bench::new();
    let clock = |bench: &Bench| {
        let clock = bench.control.clock();
        (clock.rate, clock.paused, clock.auto)
    };
    assert_eq!(clock(&bench), (1.0, false, true));
    bench.must("speed 0.25");
    assert_eq!(clock(&bench), (0.25, false, false));
    bench.must("pause");
    assert_eq!(bench.give("tick"), Ok(1));
    bench.must("pace auto");
    assert_eq!(clock(&bench), (1.0, true, true));
    let followed = ClockState { rate: 0.05, paused: true, auto: true };
    bench.see(Owner::Lab, Fact::ClockSet(followed));
    bench.must("resume");
    assert_eq!(clock(&bench), (0.05, false, true));
    bench.must("pace real");
    assert_eq!(clock(&bench), (1.0, false, false));
    assert!(bench.control.apply(LabTime::ZERO, &Command::Speed(f64::NAN)).is_err());
}

fn line() -> impl Strategy<Value = String> {
    let nodes = prop::sample::select(vec!["client", "ls", "ts1", "ts2", "spare", "outside"]);
    let links = prop::sample::select(vec![
        "ls->ts1",
        "ls<->ts2",
        "ls",
        "ts1->",
        "->ts2",
        "client<->ls",
        "ls->visitor-1",
        "visitor-2<->ls",
        "visitors->ls",
        "outside",
    ]);
    let deed = prop::sample::select(vec![
        "kill",
        "crash",
        "power-off",
        "freeze",
        "thaw",
        "revive",
        "revive",
        "revive",
    ]);
    let fault = prop::sample::select(vec![
        "cut {}",
        "heal {}",
        "hold {}",
        "release {}",
        "delay {} 50ms",
        "delay {} 0",
        "loss {} 10%",
        "jitter {} 5ms heavy-tail",
        "duplicate {} 10%",
        "reorder {} 10%",
        "bandwidth {} 64kbit",
        "bandwidth {} off",
    ]);
    let other = prop::sample::select(vec![
        "lie ts1 on",
        "lie ts2 off",
        "set ls policy sticky",
        "set ls policy race",
        "set ls fall off",
        "set ls fall 3",
        "set ls rise 2",
        "set ts1 on_miss negative",
        "load client 5/s",
        "load client off",
        "reset",
        "revive spare",
    ]);
    prop_oneof![
        6 => (deed, nodes).prop_map(|(verb, node)| format!("{verb} {node}")),
        6 => (fault, links).prop_map(|(form, links)| form.replace("{}", links)),
        4 => other.prop_map(str::to_owned),
        5 => Just("undo".to_owned()),
        3 => Just("redo".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..Default::default() })]

    /// After any sequence, the host is in the state that a stack of states says: `undo` goes back exactly one change,
    /// `redo` forward, and something new forgets what was undone.
    #[test]
    fn undo_and_redo_are_exact(lines in prop::collection::vec(line(), 1000)) {
        let mut bench = Bench::new();
        let mut states = vec![bench.snapshot()];
        let mut at = 0;
        for line in &lines {
            bench.visit(1, LS);
            bench.visit(2, LS);
            let deeds = bench.control.done.len();
            let result = bench.give(line);
            // A setting of a dead process changes what will be, without an act.
            let changed = bench.control.done.len() > deeds;
            match (line.as_str(), result) {
                ("undo", Ok(_)) => at -= 1,
                ("undo", Err(_)) => prop_assert_eq!(at, 0),
                ("redo", Ok(_)) => at += 1,
                ("redo", Err(_)) => prop_assert_eq!(at, states.len() - 1),
                (_, _) if !changed => {}
                (_, _) => {
                    at += 1;
                    states.truncate(at);
                    states.push(bench.snapshot());
                }
            }
            prop_assert_eq!(&bench.snapshot(), &states[at], "after {}", line);
        }
        while at > 0 {
            bench.must("undo");
            at -= 1;
            prop_assert_eq!(&bench.snapshot(), &states[at]);
        }
    }
}
