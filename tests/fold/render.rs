//! A world as text: deterministic, complete enough to see a wrong fold, short enough to read.

use faultlab::report;
use faultlab::world::{AlarmKind, Lane, LaneEnd, Race, Verdict, World};
use std::fmt::Write as _;

pub fn world(world: &World) -> String {
    let mut out = String::new();
    let names = &world.topology.names;
    writeln!(
        out,
        "at {} s, {} events, {} missed, {} stale",
        world.now, world.position, world.missed, world.stale
    )
    .unwrap();
    nodes(&mut out, world);
    for visitor in world.visitors.values() {
        writeln!(
            out,
            "visitor-{} at {} since {} left {:?} asked {}",
            visitor.id,
            names.of(visitor.visits),
            visitor.since,
            visitor.left.map(|at| at.to_string()),
            visitor.asked
        )
        .unwrap();
    }
    for race in &world.races {
        self::race(&mut out, world, race);
    }
    links(&mut out, world);
    truth(&mut out, world);
    out
}

fn nodes(out: &mut String, world: &World) {
    let names = &world.topology.names;
    for node in &world.nodes {
        write!(out, "{:<7}{:?}", names.of(node.id), node.life).unwrap();
        write!(out, " since {} life {}", node.since, node.incarnation).unwrap();
        if !node.known {
            out.push_str(" UNKNOWN");
        }
        let load = &node.load;
        write!(
            out,
            " | took {} open {} sent {} received {}",
            load.taken, load.open, load.sent, load.received
        )
        .unwrap();
        if load.wins > 0 {
            write!(out, " wins {}", load.wins).unwrap();
        }
        for (about, (belief, since)) in &node.beliefs {
            write!(out, " | believes {} {belief:?} since {since}", names.of(*about)).unwrap();
        }
        for (upstream, until) in &node.ejected {
            write!(out, " | ejected {} until {until}", names.of(*upstream)).unwrap();
        }
        for name in &node.stuck_order {
            write!(out, " | {name} at {}", names.of(node.stuck[name])).unwrap();
        }
        if let Some((window, closes)) = node.window {
            write!(out, " | window {window} until {closes} {:?}", list(&node.window_names))
                .unwrap();
        }
        if let Some(last) = &node.last_window {
            write!(
                out,
                " | window {} closed at {} early {} missing {} of {} {:?}",
                last.window,
                last.at,
                last.early,
                last.missing,
                last.asked,
                list(&last.names)
            )
            .unwrap();
        }
        for (key, value) in &node.changed {
            write!(out, " | {key}={value}").unwrap();
        }
        out.push('\n');
    }
}

fn list(names: &[(faultlab::message::HostName, bool)]) -> Vec<String> {
    names.iter().map(|(name, in_)| format!("{name}{}", if *in_ { "+" } else { "-" })).collect()
}

fn race(out: &mut String, world: &World, race: &Race) {
    let names = &world.topology.names;
    write!(out, "#{} {} {}", race.no.0, names.peer(race.asker), race.name).unwrap();
    write!(out, " begun {}", race.begun).unwrap();
    if let (Some(ls), Some(taken)) = (race.ls, race.taken) {
        write!(out, " taken by {} {taken}", names.of(ls)).unwrap();
    }
    if let Some(policy) = &race.policy {
        write!(out, " {policy}").unwrap();
    }
    if let Some(again) = race.more.again {
        write!(out, " try {} of #{}", race.more.attempt, again.0).unwrap();
    }
    if race.repaired.is_some() {
        write!(out, " step {} repaired {:?}", race.step, race.repaired).unwrap();
    }
    for (word, on) in [
        ("over", race.is_over()),
        ("contradicted", race.contradicted),
        ("misgiven", race.misgiven),
        ("lie", race.more.lie),
        ("unsure", race.more.unsure),
        ("asker-gone", race.more.asker_gone.is_some()),
        ("ls-gone", race.more.ls_gone.is_some()),
    ] {
        if on {
            write!(out, " {word}").unwrap();
        }
    }
    out.push('\n');
    for lane in &race.lanes {
        self::lane(out, world, lane);
    }
    verdict(out, world, "ls", race.ls_verdict.as_ref());
    verdict(out, world, "asker", race.verdict.as_ref());
    writeln!(out, "   why: {}", report::why(world, race)).unwrap();
}

fn lane(out: &mut String, world: &World, lane: &Lane) {
    let end = match lane.end {
        LaneEnd::Waiting => "waiting".to_owned(),
        LaneEnd::NotSent => "not sent".to_owned(),
        LaneEnd::Won => "WON".to_owned(),
        LaneEnd::Ended(outcome) => outcome.to_string(),
    };
    write!(out, "   {:<4}", world.topology.names.of(lane.upstream)).unwrap();
    for (word, at) in [
        ("sent", lane.sent),
        ("arrived", lane.arrived),
        ("replied", lane.replied),
        ("ended", lane.ended),
    ] {
        if let Some(at) = at {
            write!(out, " {word} {at}").unwrap();
        }
    }
    write!(out, " {end}").unwrap();
    if let Some(said) = &lane.said {
        write!(out, " “{said}”").unwrap();
    }
    out.push('\n');
}

fn verdict(out: &mut String, world: &World, whose: &str, verdict: Option<&Verdict>) {
    let Some(verdict) = verdict else { return };
    write!(out, "   {whose}: {} at {} {:?}", verdict.outcome, verdict.at, verdict.why).unwrap();
    if let Some(from) = verdict.from {
        write!(out, " from {}", world.topology.names.of(from)).unwrap();
    }
    if let Some(said) = &verdict.said {
        write!(out, " “{said}”").unwrap();
    }
    out.push('\n');
}

fn links(out: &mut String, world: &World) {
    let names = &world.topology.names;
    for ((from, to), link) in &world.links {
        write!(out, "{}->{}", names.peer(*from), names.peer(*to)).unwrap();
        write!(out, " sent {} arrived {} lost {}", link.sent, link.arrived, link.lost).unwrap();
        let (late, of) = link.late_of_20();
        if late > 0 {
            write!(out, " late {late}/{of}").unwrap();
        }
        if link.conns > 0 {
            write!(out, " conns {}", link.conns).unwrap();
        }
        if link.is_faulty() {
            out.push_str(" faulty");
        }
        for mark in link.marks.iter() {
            write!(out, " | f{} {:?} {:.2}", mark.frame, mark.state, mark.progress(world.now))
                .unwrap();
            if let Some(race) = mark.race {
                write!(out, " of #{}", race.0).unwrap();
            }
        }
        out.push('\n');
    }
}

fn truth(out: &mut String, world: &World) {
    let truth = &world.truth;
    let names = &world.topology.names;
    write!(
        out,
        "truth: asked {} upstream {} late {}",
        truth.asked, truth.upstream_sent, truth.late
    )
    .unwrap();
    for (outcome, count) in &truth.ended {
        write!(out, " {outcome}={count}").unwrap();
    }
    for (word, count) in [
        ("contradicted", truth.contradicted),
        ("misgiven", truth.misgiven),
        ("lies", truth.lies),
        ("unmatched", truth.unmatched),
    ] {
        if count > 0 {
            write!(out, " {word}={count}").unwrap();
        }
    }
    out.push('\n');
    for command in &truth.standing {
        writeln!(out, "fault: {}", serde_json::to_string(command).unwrap()).unwrap();
    }
    for alarm in &truth.alarms {
        let what = match &alarm.kind {
            AlarmKind::Misgiven(no) => format!("misgiven #{}", no.0),
            AlarmKind::Contradicted(no, ts) => {
                format!("contradicted #{} by {}", no.0, names.of(*ts))
            }
            AlarmKind::Crashed(node) => format!("{} crashed", names.of(*node)),
            AlarmKind::Spinning(node) => format!("{} spins", names.of(*node)),
            AlarmKind::AsksTheDead { node, dead } => {
                format!("{} asks dead {}", names.of(*node), names.of(*dead))
            }
            of_a_store => format!("{of_a_store:?}"),
        };
        writeln!(out, "alarm: {what} since {}", alarm.since).unwrap();
    }
    let recent = world.recent(20);
    if recent.races > 0 {
        let wins: Vec<String> =
            recent.wins.iter().map(|(ts, n)| format!("{} {n}", names.of(*ts))).collect();
        writeln!(
            out,
            "last {}: p50 {:?} p95 {:?} max {:?} wins {} extra load {:+.2}",
            recent.races,
            recent.p50,
            recent.p95,
            recent.max,
            wins.join(" "),
            recent.extra_load
        )
        .unwrap();
    }
    if world.steps.step > 0 {
        writeln!(
            out,
            "step {} {:?} repaired {:?} judged {}",
            world.steps.step,
            world.steps.beat,
            world.steps.repaired,
            world.steps.judged.len()
        )
        .unwrap();
    }
}
