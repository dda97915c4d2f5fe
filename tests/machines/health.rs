//! Ejection after failures in a row, probes, and the way back without flapping.

use crate::harness::*;
use faultlab::event::Ending;
use faultlab::message::{Message, Said};
use faultlab::topology::{Health, LsConfig, Policy, Setting};

const HEALTH: Health = Health { fall: 2, rise: 2, eject_for: ms(5000), ..Health::USUAL };

fn sticky() -> Solo {
    Solo::ls(LsConfig { health: Some(HEALTH), ..ls_config(Policy::Sticky) })
}

/// ts1 has answered `a` once and then stays silent until it is ejected, at 2,000 ms.
fn ejected() -> (Solo, faultlab::base::ConnId) {
    let mut ls = sticky();
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.ask(client, "a");
    ls.ask(client, "A");
    ls.at(1000);
    ls.from(TS2, found("a", "1.1.1.1"));
    ls.from(TS2, found("a", "1.1.1.1"));
    (ls, client)
}

#[test]
fn a_silent_server_is_ejected_skipped_probed_and_taken_back() {
    let (mut ls, client) = ejected();
    assert_eq!(
        ls.only(&["ejected", "believed"]),
        ["believed ts1 Suspect", "ejected ts1 after 2 until 6.000", "believed ts1 Down",]
    );
    ls.ask(client, "new");
    assert_eq!(
        ls.only(&["chose"]),
        ["chose 4 ts2 sticky"],
        "an ejected server is not even a last resort"
    );
    ls.from(TS2, found("new", "1.1.1.1"));
    ls.lines();
    ls.at(6000);
    assert_eq!(ls.lines(), ["send ts1 a?"], "a probe that nobody waits for");
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.only(&["restored", "decided"]), Vec::<String>::new(), "once is not twice");
    ls.at(6250);
    assert_eq!(ls.lines(), ["send ts1 a?"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.lines(), ["restored ts1 after 2", "believed ts1 Up"]);
    ls.ask(client, "next");
    assert_eq!(ls.only(&["chose"]), ["chose 5 ts1,ts2 sticky"]);
}

#[test]
fn a_failed_probe_leaves_it_out_for_as_long_again() {
    let (mut ls, _) = ejected();
    ls.at(6000);
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.at(6250);
    ls.lines();
    ls.at(7249);
    assert_eq!(ls.lines(), Vec::<String>::new());
    ls.at(7250);
    assert_eq!(ls.lines(), ["ejected ts1 after 3 until 12.250"]);
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(
        ls.lines(),
        ["late 3 ts1"],
        "a probe's late answer is no news, and it is the newest"
    );
    ls.from(TS1, found("a", "1.1.1.1"));
    assert_eq!(ls.lines(), ["late 2 ts1"]);
    ls.at(12_250);
    assert_eq!(ls.lines(), ["send ts1 a?"]);
    ls.from(TS1, says("a", Said::Failed("full".into())));
    assert_eq!(ls.lines(), ["ejected ts1 after 4 until 17.250"]);
}

#[test]
fn a_dead_server_is_ejected_by_refusals_alone_and_comes_back_after_rise() {
    let mut ls = sticky();
    let client = ls.client();
    ls.ask(client, "a");
    ls.from(TS1, found("a", "1.1.1.1"));
    ls.lines();
    ls.end(ls.conn(TS1), Ending::Reset);
    ls.at(1000);
    ls.refuse(TS1);
    assert_eq!(
        ls.only(&["believed", "ejected"]),
        ["believed ts1 Down", "ejected ts1 after 2 until 6.000"]
    );
    let mut probes = 0;
    for at in (1000..20_000).step_by(50) {
        ls.at(at);
        for line in ls.lines() {
            match line.as_str() {
                "open ts1" if at < 10_000 => ls.refuse(TS1),
                "open ts1" => ls.connect(TS1),
                "send ts1 a?" => {
                    probes += 1;
                    ls.from(TS1, found("a", "1.1.1.1"));
                }
                "restored ts1 after 2" => {
                    assert_eq!(probes, 2);
                    return;
                }
                _ => {}
            }
        }
    }
    panic!("never taken back");
}

#[test]
fn a_server_that_answers_every_other_time_does_not_flap() {
    let (mut ls, client) = ejected();
    let mut changes = 0;
    let mut turn = 0;
    for at in (1000..61_000).step_by(50) {
        ls.at(at);
        ls.ask(client, "a");
        for line in ls.lines() {
            if line.starts_with("send ts") {
                turn += 1;
                let node = if line.starts_with("send ts1") { TS1 } else { TS2 };
                if node == TS2 || turn % 2 == 0 {
                    ls.from(node, found("a", "1.1.1.1"));
                }
            }
            changes += usize::from(line.starts_with("restored"));
        }
    }
    assert!(changes <= 12, "{changes} returns in a minute");
}

#[test]
fn when_everybody_is_ejected_the_answer_is_a_failure_at_once() {
    let mut ls = Solo::ls(LsConfig { health: Some(HEALTH), ..ls_config(Policy::Race) });
    let client = ls.client();
    ls.ask(client, "a");
    ls.ask(client, "b");
    ls.at(5000);
    ls.lines();
    ls.ask(client, "c");
    assert_eq!(
        ls.only(&["decided", "send"]),
        ["decided 3 failed NobodyLeft", "send client c FAILED every upstream is ejected",]
    );
    ls.set(Setting::Fall(0));
    assert_eq!(ls.only(&["restored"]), ["restored ts1 after 0", "restored ts2 after 0"]);
    ls.ask(client, "d");
    assert_eq!(ls.only(&["chose"]), ["chose 4 ts1,ts2 race"]);
}

#[test]
fn one_success_between_two_failures_keeps_it_in() {
    let rounds = |kinds: [bool; 4]| {
        let config = LsConfig { health: Some(HEALTH), ..ls_config(Policy::Failover) };
        let mut ls = Solo::ls(config);
        let client = ls.client();
        for good in kinds {
            ls.ask(client, "a");
            if good {
                ls.from(TS1, found("a", "1.1.1.1"));
            } else {
                ls.from(TS1, says("a", Said::Failed("full".into())));
                ls.from(TS2, found("a", "1.1.1.1"));
            }
        }
        ls.only(&["ejected ts1"]).len()
    };
    assert_eq!(rounds([false, true, false, true]), 0);
    assert_eq!(rounds([true, false, false, true]), 1);
}

#[test]
fn whoever_does_not_heed_health_takes_everybody_back() {
    let (mut ls, _) = ejected();
    ls.lines();
    ls.set(Setting::Flaws(
        faultlab::message::Flaws::NONE.with(faultlab::message::Flaw::NoFailover, true),
    ));
    assert_eq!(ls.only(&["restored"]), ["restored ts1 after 0"]);
    ls.at(20_000);
    assert_eq!(ls.only(&["send", "ejected"]), Vec::<String>::new(), "and probes nobody");
}

#[test]
fn a_probe_bears_an_id_where_questions_do() {
    let mut ls =
        Solo::ls(LsConfig { health: Some(HEALTH), ids: true, ..ls_config(Policy::Sticky) });
    let client = ls.client();
    ls.ask(client, "a");
    ls.at(2000);
    ls.ask(client, "a");
    ls.at(3000);
    ls.lines();
    ls.at(8000);
    let sent = ls.only(&["send ts1"]);
    let id: u64 = sent[0]["send ts1 @".len()..].split(' ').next().unwrap().parse().unwrap();
    let said = Said::Found { address: "1.1.1.1".into(), flags: "A".into() };
    let answer = Message::Reply { name: None, id: Some(id), said, dns: None };
    ls.from(TS1, answer);
    ls.at(8250);
    assert_eq!(ls.only(&["send ts1"]).len(), 1, "it counted");
}
