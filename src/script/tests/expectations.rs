//! Every form of expectation, both ways, on hand-made events.

use super::super::*;
use super::stage::{CLIENT, LS, Stage, TS1, TS2, booted, names, step};
use crate::base::{NodeId, Peer, VisitorId};
use crate::message::{Belief, HostName, Note, Outcome, Said, Why};

#[test]
fn a_query_ends_as_expected_with_all_that_is_said_of_it() {
    let line = "query client www.a.com ends answered from ts1 as 192.0.2.2 after 50ms within 1s";
    let mut stage = Stage::expecting(line);
    stage.answered("www.a.com", TS1, "192.0.2.1,192.0.2.2", 81);
    stage.passed("www.a.com ended answered after 81 ms, from ts1, as 192.0.2.1,192.0.2.2");
    let wrong: [(&str, NodeId, &str, u64); 5] = [
        ("www.b.com", TS1, "192.0.2.2", 81),
        ("www.a.com", TS2, "192.0.2.2", 81),
        ("www.a.com", TS1, "192.0.2.1", 81),
        ("www.a.com", TS1, "192.0.2.2", 12),
        ("www.a.com", TS1, "192.0.2.2", 1001),
    ];
    for (at, (name, ts, address, millis)) in wrong.into_iter().enumerate() {
        let mut stage = Stage::expecting(line);
        stage.answered(name, ts, address, millis);
        stage.to(2000);
        let (judgement, seen) = stage.verdict().expect("its time is over");
        assert_eq!(judgement, Judgement::Failed, "{at}: {seen}");
    }
    let mut stage = Stage::expecting("query client ends answered after 9s");
    stage.to(2000);
    stage.answered("www.a.com", TS1, "192.0.2.1", 80);
    stage.failed(
        "www.a.com ended answered after 80 ms, from ts1, as 192.0.2.1, 2,080 ms into the step",
    );
    let mut stage = Stage::expecting("query client ends answered from ls");
    stage.answered("www.a.com", TS1, "192.0.2.1", 5);
    stage.passed("www.a.com ended answered after 5.0 ms, from ts1, as 192.0.2.1");
}

#[test]
fn another_end_is_told_in_the_verdict_and_silence_is_counted_by_its_time() {
    let mut stage = Stage::expecting("query client ends silent after 5s within 6s");
    let asked = stage.asks("www.c.com");
    stage.to(5003);
    stage.decides(CLIENT, asked, Outcome::Silent, None, None);
    stage.passed("www.c.com ended silent after 5,003 ms");

    let mut stage = Stage::expecting("query client ends silent within 6s");
    let asked = stage.asks("www.c.com");
    stage.to(1);
    stage.decides(CLIENT, asked, Outcome::Refused, None, None);
    stage.failed("www.c.com ended refused after 1.0 ms");

    let mut stage = Stage::expecting("query client www.c.com ends silent within 6s");
    stage.asks("www.c.com");
    stage.failed("no question of client for www.c.com ended; one is still open");
    Stage::expecting("query client ends silent")
        .failed("no question of client ended, and none is open");
}

#[test]
fn a_question_of_an_earlier_step_does_not_count_in_this_one() {
    let expect = "query client ends answered within 1s";
    let mut stage = Stage::new(vec![step(&[], &[]), step(&[], &[expect])]);
    stage.next();
    stage.next();
    let before = stage.asks("www.a.com");
    for _ in 0..3 {
        stage.next();
    }
    stage.decides(CLIENT, before, Outcome::Answered, Some("192.0.2.1"), Some(LS));
    stage.failed("no question of client ended, and none is open");
}

#[test]
fn a_batch_answers_as_expected() {
    let list = |stage: &mut Stage, answered| {
        stage.says(CLIENT, Note::ListBegan { names: 20 });
        stage.to(stage.now.0 / 1_000_000 + 1500);
        stage.says(CLIENT, Note::ListEnded { answered, names: 20 });
    };
    let mut stage = Stage::expecting("batch client answers 17 of 20");
    list(&mut stage, 17);
    stage.passed("17 of 20 answered after 1,500 ms");
    let mut stage = Stage::expecting("batch client answers 17 of 20");
    list(&mut stage, 16);
    stage.failed("16 of 20 answered after 1,500 ms");
    let mut stage = Stage::expecting("batch client answers 17 of 20");
    stage.says(LS, Note::ListBegan { names: 20 });
    stage.says(LS, Note::ListEnded { answered: 17, names: 20 });
    stage.failed("no list of client ended");
}

#[test]
fn lower_bounds_pass_at_once_and_the_others_when_the_time_is_over() {
    for (line, at_once) in [
        ("count client asked >= 2", true),
        ("count client asked > 1", true),
        ("count client asked = 2", false),
        ("count client asked <= 2", false),
        ("count client asked < 3", false),
        ("count client asked != 3", false),
    ] {
        let mut stage = Stage::expecting(line);
        stage.asks("www.a.com");
        assert_eq!(stage.verdict(), None, "{line}");
        stage.asks("www.a.com");
        let passed = (Judgement::Passed, "counted 2 asked at client".to_owned());
        assert_eq!(stage.verdict(), at_once.then(|| passed.clone()), "{line}");
        stage.to(10_000);
        assert_eq!(stage.verdict(), Some(passed), "{line}");
    }
    for line in [
        "count client asked >= 3",
        "count client asked > 2",
        "count client asked = 1",
        "count client asked <= 1",
        "count client asked < 2",
        "count client asked != 2",
    ] {
        let mut stage = Stage::expecting(line);
        stage.asks("www.a.com");
        stage.asks("www.a.com");
        stage.failed("counted 2 asked at client");
    }
}

#[test]
fn what_happens_after_the_time_is_over_does_not_count() {
    let mut stage = Stage::expecting("count client asked = 0 within 1s");
    // A host may poll late: the event comes first, with its own time.
    stage.now = LabTime::from_millis(1001);
    stage.asks("www.a.com");
    stage.passed("counted 0 asked at client");
    let mut stage = Stage::expecting("count client asked = 0 within 1s");
    stage.now = LabTime::from_millis(1000);
    stage.asks("www.a.com");
    let failed = (Judgement::Failed, "counted 1 asked at client".to_owned());
    assert_eq!(stage.verdict(), Some(failed));
}

/// One of each thing that is counted.
fn busy() -> Stage {
    let mut stage = Stage::expecting("count all asked >= 1000");
    let name = HostName::new("www.a.com");
    stage.answered("www.a.com", TS1, "192.0.2.1", 1);
    stage.answered("www.b.com", TS1, "192.0.2.1", 1);
    stage.answered("www.b.com", TS2, "6.6.6.6", 1);
    for outcome in [Outcome::Negative, Outcome::Failed, Outcome::Silent, Outcome::Cancelled] {
        let asked = stage.asks("www.a.com");
        stage.decides(CLIENT, asked, outcome, None, None);
    }
    let asked = stage.asks("www.nowhere.com");
    let at_ls = stage.takes(CLIENT, asked, LS, "www.nowhere.com");
    for outcome in [Outcome::Refused, Outcome::Reset] {
        let (upstream, said) = (TS1, None);
        stage.says(LS, Note::Heard { question: at_ls, upstream, outcome, said });
    }
    stage.decides(LS, at_ls, Outcome::Failed, None, None);
    stage.decides(CLIENT, asked, Outcome::Failed, None, None);
    let said = Said::Negative;
    stage.says(LS, Note::Late { question: at_ls, upstream: TS1, said });
    stage.says(LS, Note::Unmatched { upstream: TS2, name: None });
    // A visitor asks the LS: one more in the whole lab, none at the client.
    let (question, from) = (stage.number(), Peer::Visitor(VisitorId(1)));
    stage.says(LS, Note::Took { question, name, from, deadline: None });
    stage.decides(LS, question, Outcome::Answered, Some("192.0.2.1"), Some(TS1));
    stage
}

#[test]
fn every_word_is_counted_where_it_belongs() {
    let stage = busy();
    let count = |who: &str, what: &str| {
        let what = crate::command::Counted::from_word(what).expect(what);
        stage.script.tally.count(names().id(who), what)
    };
    let table = [
        ("asked", [8, 0, 0, 0, 9]),
        ("taken", [0, 5, 2, 1, 8]),
        ("answered", [3, 4, 2, 1, 4]),
        ("negative", [1, 0, 0, 0, 1]),
        ("failed", [2, 1, 0, 0, 2]),
        ("refused", [0, 0, 1, 0, 0]),
        ("reset", [0, 0, 1, 0, 0]),
        ("silent", [1, 0, 0, 0, 1]),
        ("cancelled", [1, 0, 0, 0, 1]),
        ("late", [0, 1, 1, 0, 1]),
        ("unmatched", [0, 1, 0, 1, 1]),
        ("contradicted", [3, 0, 0, 0, 3]),
        ("misgiven", [1, 1, 1, 0, 1]),
        ("lies", [1, 1, 0, 1, 1]),
    ];
    for (what, expected) in table {
        let counted = ["client", "ls", "ts1", "ts2", "all"].map(|who| count(who, what));
        assert_eq!(counted, expected, "{what}");
    }
}

/// The tables know addresses alone: whoever says that there are none of these is contradicted, and whoever says that
/// there is nothing else is not.
#[test]
fn that_there_is_no_such_record_is_held_against_the_tables() {
    use crate::message::RecordType;
    for (kind, contradicted) in [(RecordType::A, 1), (RecordType::MX, 0)] {
        let mut stage = Stage::expecting("count all contradicted = 1");
        let own = stage.asks("www.a.com");
        let at_ls = stage.takes_of(CLIENT, own, LS, ("www.a.com", kind));
        let visitor = stage.takes_from_outside(LS, ("www.a.com", kind));
        for (node, question) in [(LS, at_ls), (CLIENT, own), (LS, visitor)] {
            let (outcome, said, from) = (Outcome::Negative, Some(Said::NoRecord), Some(LS));
            let why = Why::FirstAnswer;
            stage.says(node, Note::Decided { question, outcome, said, from, why });
        }
        let count = |who| stage.script.tally.count(who, crate::command::Counted::Contradicted);
        let counted = [Some(CLIENT), Some(LS), None].map(count);
        assert_eq!(counted, [contradicted, 2 * contradicted, 2 * contradicted], "{kind:?}");
    }
}

#[test]
fn a_node_is_what_it_is_in_truth() {
    let why = || "because".into();
    let table: [(&str, Fact); 7] = [
        ("frozen", Fact::NodeFrozen { node: TS1 }),
        ("stopping", Fact::NodeStopping { node: TS1 }),
        ("killed", Fact::NodeKilled { node: TS1 }),
        ("crashed", Fact::NodeCrashed { node: TS1, why: why() }),
        ("powered-off", Fact::NodePoweredOff { node: TS1 }),
        ("stopped", Fact::NodeStopped { node: TS1 }),
        ("up", booted(TS1)),
    ];
    for (word, fact) in table {
        let mut stage = Stage::expecting(&format!("node ts1 is {word}"));
        stage.lab(Fact::NodeKilled { node: TS2 });
        assert_eq!(stage.verdict(), None, "{word}");
        stage.lab(fact);
        stage.passed(&format!("ts1 is {word}"));
    }
    let mut stage = Stage::expecting("node ls is spinning");
    stage.lab(Fact::NodeStopping { node: LS });
    assert_eq!(stage.verdict(), None);
    stage.says(LS, Note::Spinning);
    stage.passed("ls is spinning");
    let mut stage = Stage::expecting("node ts1 is up");
    stage.lab(Fact::NodeFrozen { node: TS1 });
    stage.failed("ts1 is frozen");
}

#[test]
fn what_held_before_the_commands_took_effect_does_not_count() {
    let mut stage = Stage::new(vec![step(&["freeze ts1"], &["node ts1 is up within 5s"])]);
    stage.lab(booted(TS1));
    stage.next();
    let orders = stage.script.next(stage.now);
    let (give, record) = orders.split_at(1);
    stage.follow(give.to_vec());
    stage.asks("www.a.com");
    stage.lab(Fact::NodeFrozen { node: TS1 });
    stage.follow(record.to_vec());
    stage.failed("ts1 is frozen");
}

#[test]
fn beliefs_ejections_and_places_are_what_the_node_says() {
    let believed = |belief| Note::Believed { about: TS1, belief };
    let mut stage = Stage::expecting("belief ls of ts1 is down");
    stage.says(TS2, believed(Belief::Down));
    stage.says(LS, believed(Belief::Suspect));
    assert_eq!(stage.verdict(), None);
    stage.says(LS, believed(Belief::Down));
    stage.passed("ls believes that ts1 is down");
    let mut stage = Stage::expecting("belief ls of ts1 is down");
    stage.says(LS, believed(Belief::Suspect));
    stage.failed("ls believes that ts1 is suspect");

    let until = LabTime::from_millis(9000);
    let mut stage = Stage::expecting("ls ejects ts1");
    stage.says(LS, Note::Ejected { upstream: TS1, failures: 2, until });
    stage.passed("ls ejected ts1");
    let mut stage = Stage::expecting("ls restores ts1");
    stage.says(LS, Note::Ejected { upstream: TS1, failures: 2, until });
    assert_eq!(stage.verdict(), None);
    stage.says(LS, Note::Restored { upstream: TS1, successes: 2 });
    stage.passed("ls restored ts1");
    let mut stage = Stage::expecting("ls ejects ts1");
    stage.says(LS, Note::Ejected { upstream: TS2, failures: 2, until });
    stage.failed("ls did not eject ts1");
    Stage::expecting("ls restores ts1").failed("ls did not restore ts1");

    let stuck = |upstream| Note::Stuck { name: HostName::new("WWW.a.com"), upstream, before: None };
    let mut stage = Stage::expecting("sticky ls www.a.com at ts2");
    stage.says(LS, stuck(TS1));
    assert_eq!(stage.verdict(), None);
    stage.says(LS, stuck(TS2));
    stage.passed("www.a.com sticks to ts2");
    let mut stage = Stage::expecting("sticky ls www.a.com at ts2");
    stage.says(LS, stuck(TS1));
    stage.failed("www.a.com sticks to ts1");
    Stage::expecting("sticky ls www.a.com at ts2").failed("www.a.com has no place at ls");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut stage = Stage::expecting("query client www.b.com ends answered within 60s");
    for _ in 0..70_000 {
        stage.asks("www.a.com");
    }
    assert_eq!(stage.script.tally.still_open(CLIENT, None), 65_536);
    stage.answered("www.b.com", TS2, "192.0.2.9", 1);
    stage.passed("www.b.com ended answered after 1.0 ms, from ts2, as 192.0.2.9");
}
