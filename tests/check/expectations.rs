//! Expectations about a store, each on a history in which it holds and on one in which it does not.

use super::lab::{Step, parse};
use super::stage::topology;
use faultlab::base::{EventId, LabTime, Owner};
use faultlab::command::grammar;
use faultlab::event::{Cause, Event, Fact, Judgement};
use faultlab::script::{Order, Script};
use faultlab::topology::Scheme;
use std::sync::Arc;

/// How an expectation is judged when this happens after the step's commands were given, and what was seen.
fn judged(line: &str, before: &str, after: &str) -> (bool, String) {
    let mut topology = (*topology(Scheme::PrimaryBackup)).clone();
    let expectation = grammar::expectation(line, &topology.names).expect(line);
    let end = LabTime::from_millis(5000) + expectation.within();
    topology.steps = vec![faultlab::topology::Step {
        say: "Look.".into(),
        ask: None,
        reveal: None,
        commands: Vec::new(),
        expect: vec![expectation],
        confessed: Vec::new(),
        repaired: Vec::new(),
        remembered: None,
    }];
    let mut script = Script::new(Arc::new(topology));
    let mut orders = Vec::new();
    let began = LabTime::from_millis(5000);
    let all = parse(&format!("{before}\n{after}"));
    let (before, after) = all.split_at(parse(before).len());
    let mut feed = |script: &mut Script, steps: &[Step]| {
        for step in steps {
            let Step::Event(event) = step else { continue };
            script.observe(event);
            orders.extend(script.poll(event.time));
        }
    };
    feed(&mut script, before);
    script.next(began);
    script.next(began);
    // What the step's own commands do has happened when the step is said to have run.
    let at_once = |step: &Step| matches!(step, Step::Event(event) if event.time == began);
    let (first, later) = after.split_at(after.iter().take_while(|step| at_once(step)).count());
    feed(&mut script, first);
    let id = EventId { owner: Owner::Lab, number: 1000 };
    let ran = Fact::StepRan { step: 1 };
    feed(&mut script, &[Step::Event(Event { id, time: began, cause: Cause::Boot, fact: ran })]);
    feed(&mut script, later);
    orders.extend(script.poll(end));
    let verdict = orders.into_iter().find_map(|order| match order {
        Order::Record(Fact::ExpectationJudged { judgement, seen, .. }) => {
            Some((judgement == Judgement::Passed, seen.to_string()))
        }
        _ => None,
    });
    verdict.expect("it is judged when its time is over")
}

fn holds(line: &str, before: &str, after: &str, seen: &str) {
    assert_eq!(judged(line, before, after), (true, seen.to_owned()), "{line}");
}

fn fails(line: &str, before: &str, after: &str, seen: &str) {
    assert_eq!(judged(line, before, after), (false, seen.to_owned()), "{line}");
}

const LEAD: &str = "0 r1 leads\n0 r2 follows r1\n0 r3 follows r1\n10 r1 does w1..w20";

const WRITE: &str = "
5100 w asks w21 put x blue
5110 r1 accepts w21 durably
5120 r1 acks w21
5130 w ends w21 ok r1";

#[test]
fn an_operation_ends_as_expected_with_all_that_is_said_of_it() {
    let read = format!("{WRITE}\n5200 v asks v1 get x\n5240 v ends v1 ok r2 as blue");
    let line = "op v get x ends ok from r2 as blue after 200ms within 1s";
    holds(line, LEAD, &read, "get x ended ok after 40 ms, from r2, as blue");
    for wrong in [
        "op v get y ends ok within 1s",
        "op v put x ends ok within 1s",
        "op w get x ends ok within 1s",
        "op v ends failed within 1s",
        "op v ends ok from r1 within 1s",
        "op v ends ok as red within 1s",
        "op v ends ok after 300ms within 1s",
    ] {
        assert!(!judged(wrong, LEAD, &read).0, "{wrong}");
    }
    fails(
        "op v ends ok after 300ms within 1s",
        LEAD,
        &read,
        "get x ended ok after 40 ms, from r2, as blue, 240 ms into the step",
    );
    holds("op w put x ends ok", LEAD, WRITE, "put x blue ended ok after 30 ms, from r1");
    let nothing = "5200 v asks v1 get x\n5240 v ends v1 ok r2 as nothing";
    holds(
        "op v ends ok as \"no such key\"",
        LEAD,
        nothing,
        "get x ended ok after 40 ms, from r2, as no such key",
    );
    let open = "5200 v asks v1 get x";
    fails("op v ends ok", LEAD, open, "no such operation of v ended; one is still open");
    fails(
        "op v ends ok",
        &format!("{LEAD}\n90 v asks v1 get x"),
        "5200 v ends v1 ok r1 as 1",
        "no such operation of v ended, and none is open",
    );
}

#[test]
fn what_is_counted_is_counted_since_the_step_began() {
    holds("truth acked = 1 within 1s", LEAD, WRITE, "1 acked in this step");
    fails("truth acked >= 2 within 1s", LEAD, WRITE, "1 acked in this step");
    let killed = format!("{WRITE}\n5200 lab kills r1");
    holds("truth lost >= 1", LEAD, &killed, "1 lost in this step");
    fails("truth lost = 0", LEAD, &killed, "1 lost in this step");
    // What was lost before the step is not the step's.
    let before = format!(
        "{LEAD}\n100 w asks w21 put x blue\n110 r1 accepts w21 durably\n120 r1 acks w21\n200 lab kills r1"
    );
    holds("truth lost = 0 within 1s", &before, "5100 r2 suspects r1", "0 lost in this step");
    holds("truth at-risk = 1", LEAD, WRITE, "1 at-risk now");
    holds("truth leaders = 0", LEAD, "5200 lab kills r1", "0 leaders now");
    let two = "5200 r2 leads 1";
    holds("truth leaders >= 2", LEAD, two, "2 leaders now");
    fails("truth split-brains = 0 within 1s", LEAD, two, "1 split-brains in this step");
}

#[test]
fn who_leads_is_asked_of_the_truth_and_of_a_node() {
    holds("leader is r1", LEAD, "5100 r2 suspects r3", "r1 leads");
    fails("leader is r1", LEAD, "5000 lab kills r1", "nobody leads");
    holds("leader is nobody", LEAD, "5000 lab kills r1", "nobody leads");
    let two = "5000 r2 leads 1";
    fails("leader is r2 within 1s", LEAD, two, "r1 and r2 lead");
    let over = "5000 lab kills r1\n5500 r2 leads 1\n5600 w follows r2";
    holds("leader is r2", LEAD, over, "r2 leads");
    holds("leader of w is r2", LEAD, over, "w believes that r2 leads");
    fails("leader of r3 is r2 within 1s", LEAD, over, "r3 believes that r1 leads");
    holds("leader of v is nobody", LEAD, over, "v knows of no leader");
}

#[test]
fn a_circle_of_waits_is_named() {
    let circle = "5100 r2 waits r1 reply\n5110 r1 waits r2 reply";
    let words = "r1 waits for r2, r2 waits for r1";
    holds("deadlock r1 r2", LEAD, circle, words);
    holds("deadlock r2 r1", LEAD, circle, words);
    fails("deadlock r1 r3 within 1s", LEAD, circle, words);
    fails("no deadlock within 1s", LEAD, circle, words);
    let over = format!("{circle}\n5200 r1 goes-on r2");
    fails("no deadlock within 1s", LEAD, &over, &format!("{words}, and then no more"));
    holds("no deadlock within 1s", LEAD, "5100 r2 waits r1", "nobody waits in a circle");
}

#[test]
fn replicas_in_step_hold_the_same() {
    let (passed, seen) = judged("in step r1 r2 r3", LEAD, "5100 r2 suspects r3");
    assert!(passed && seen.starts_with("r1 is at 20 with "), "{seen}");
    let ahead = format!("{LEAD}\n100 w asks w21 put x blue\n110 r1 accepts w21 durably");
    fails_with("in step r1 r2 within 1s", &ahead, "5100 r2 suspects r3", "r1 is at 21 with ");
    fails_with(
        "in step r1 r2 within 1s",
        &format!("{LEAD}\n100 lab kills r2"),
        "5100 r1 suspects r2",
        "r2 does not run",
    );
}

fn fails_with(line: &str, before: &str, after: &str, part: &str) {
    let (passed, seen) = judged(line, before, after);
    assert!(!passed && seen.contains(part), "{line}: {seen}");
}

#[test]
fn a_prediction_is_held_against_what_was_lost() {
    let killed = format!("{WRITE}\n5200 lab kills r1");
    let line = "lost is predicted within 3s";
    holds(line, LEAD, &killed, "1 are lost, 1 were predicted");
    fails(line, LEAD, WRITE, "no leader died, 0 are lost");
    // What was on its way and never arrived had not been predicted.
    let lost =
        format!("{WRITE}\n5150 r1 sends r2 w21\n5200 lab kills r1\n5300 lab loses r1 r2 w21");
    fails(line, LEAD, &lost, "1 are lost, 0 were predicted");
    holds("lost is predicted +- 1 within 3s", LEAD, &lost, "1 are lost, 0 were predicted");
}
