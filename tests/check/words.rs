//! The sentences that say why: of operations, of lost writes, of failovers and of split brains; and the lines of notes.

use super::lab::{Step, parse};
use super::stage::names;
use super::{LEADER_DIES, R1, of};
use faultlab::base::LabTime;
use faultlab::check::{Audit, Group};
use faultlab::report::{line, why_failover, why_lost, why_op, why_predicted, why_split};

fn group(audit: &Audit) -> &Group {
    audit.groups().next().expect("a group")
}

/// Why the newest operation ended as it did.
fn newest(text: &str) -> String {
    let audit = of(text);
    let group = group(&audit);
    why_op(&names(), group, group.ops().next_back().expect("an operation"))
}

const LEAD: &str = "0 r1 leads\n0 r2 follows r1\n0 r3 follows r1\n";

#[test]
fn an_operation_says_how_it_ended_and_where_it_is() {
    let write = format!("{LEAD}10 w asks w1 put x 1\n10 w tries w1 r1");
    assert_eq!(newest(&write), "It waits for r1. No log has it.");
    let taken = format!(
        "{write}\n20 r1 accepts w1 durably\n30 r1 sends r2 w1\n35 r1 acks w1\n40 w ends w1 ok r1"
    );
    assert_eq!(
        newest(&taken),
        "r1 did it, after 30 ms. Only r1 has it; one message with it is on its way."
    );
    let killed = format!("{taken}\n50 lab kills r1\n60 lab loses r1 r2 w1");
    assert_eq!(
        newest(&killed),
        "r1 did it, after 30 ms. r1 had acknowledged it; what r1 sent to r2 never arrived."
    );
    let all = format!("{taken}\n50 r2 gets r1 w1\n60 r3 accepts w1 for r1");
    assert_eq!(newest(&all), "r1 did it, after 30 ms. Every living replica has it.");
    let silent = format!("{write}\n5010 w ends w1 unknown");
    assert_eq!(
        newest(&silent),
        "Nothing was heard for 5,000 ms: it may have happened or not. No log has it."
    );
}

#[test]
fn what_is_wrong_with_a_read_and_with_a_retry_is_said() {
    let written =
        format!("{LEAD}10 w asks w1 put x 1\n20 r1 accepts w1\n30 r1 acks w1\n40 w ends w1 ok r1");
    let stale = format!("{written}\n50 v asks v1 get x\n60 v ends v1 ok r2 as nothing");
    assert_eq!(
        newest(&stale),
        "r2 did it, after 10 ms. It misses “put x 1”, which had been acknowledged before it began."
    );
    let wrong = format!("{written}\n50 v asks v1 get x\n60 v ends v1 ok r2 as 9");
    assert_eq!(
        newest(&wrong),
        "r2 did it, after 10 ms. No log ever held what it gave: the client cannot know."
    );
}

#[test]
fn a_lost_write_a_failover_and_a_prediction_are_told() {
    let before = of(LEADER_DIES.split("1505").next().expect("what comes before"));
    let prediction = group(&before).prediction(R1, before.now).expect("it leads");
    let told = why_predicted(&names(), group(&before), &prediction);
    assert!(told.starts_with("The death of r1 now would cost 1 acknowledged write:"), "{told}");
    assert!(told.contains("/s × 500 ms = "), "{told}");
    let audit =
        of(&format!("{LEADER_DIES}\n3000 r2 suspects r1\n3010 r2 stands 1\n4010 r2 leads 1"));
    let gone = group(&audit).lost.values().next().expect("one");
    assert_eq!(
        why_lost(&names(), gone),
        "r1 had acknowledged it; r1, the last that had it, was killed."
    );
    let failover = group(&audit).failovers.back().expect("one");
    assert_eq!(
        why_failover(&names(), failover, audit.now),
        "r1 was killed; r2 suspected it after 1,495 ms, r2 stood for election after 1,505 ms and \
         r2 leads in term 1 after 2,505 ms."
    );
    let nobody = of(LEADER_DIES);
    let failover = group(&nobody).failovers.back().expect("one");
    assert_eq!(
        why_failover(&names(), failover, LabTime::from_millis(2505)),
        "r1 was killed. Nobody has taken its place for 1,000 ms."
    );
}

#[test]
fn a_split_brain_says_how_it_came_about() {
    let zombie =
        of("0 r1 leads\n0 r2 follows r1\n100 lab freezes r1\n5000 r2 leads 1\n6000 lab thaws r1");
    let split = group(&zombie).split.as_ref().expect("two lead");
    assert_eq!(
        why_split(&names(), group(&zombie), split),
        "r1 was frozen, r2 took over, and r1 woke without knowing it. With terms the older one \
         steps down as soon as it hears of the newer. Writes acknowledged meanwhile: 0 on r1 and 0 on r2."
    );
    let cut =
        of("0 r1 leads\n0 r2 follows r1\n100 lab cuts r1 r2\n4100 r2 suspects r1\n5000 r2 leads 1");
    let split = group(&cut).split.as_ref().expect("two lead");
    let told = why_split(&names(), group(&cut), split);
    assert!(
        told.starts_with("r2 could not hear r1 over a link that was cut, so it took over."),
        "{told}"
    );
}

#[test]
fn notes_and_messages_have_their_lines() {
    let text = format!(
        "{LEADER_DIES}\n3000 r2 suspects r1\n3010 r2 stands 1\n4010 r2 leads 1\n4100 r2 waits r3"
    );
    let lines: Vec<String> = parse(&text)
        .iter()
        .filter_map(|step| match step {
            Step::Event(event) => line(event, &names()),
            Step::Gap(_) => None,
        })
        .collect();
    for wanted in [
        "w  begins: put x 2",
        "r1  ACKNOWLEDGES 22",
        "w  done, from r1",
        "r1 → r2  change 21: put x 1",
        "r2  SUSPECTS r1: silent for 4,000 ms",
        "r2  stands for election in term 1: nobody comes before it",
        "r2  STANDS STILL until r3 sends the confirmation of a change",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted} is not in {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("r2  LEADS in term 1, n=20 ")));
}
