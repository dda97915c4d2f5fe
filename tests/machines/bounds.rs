//! Nothing grows without end, and 10,000 pipelined questions are answered.

use crate::harness::*;
use faultlab::event::Ending;
use faultlab::machine::Told;
use faultlab::message::{HostName, RecordType, Said};
use faultlab::topology::{OnMiss, Policy, Service};

#[test]
fn ten_thousand_pipelined_lines_are_answered_and_one_more_is_refused() {
    let mut topology = topology(ls_config(Policy::Race));
    ts_of(&mut topology, TS1).responds = Service::Constant(ms(1));
    ts_of(&mut topology, TS1).on_miss = OnMiss::Negative;
    let mut ts = Solo::new(topology, TS1);
    let visitor = ts.visitor();
    for n in 0..10_000 {
        ts.ask(visitor, &format!("n{n}"));
    }
    ts.lines();
    ts.ask(visitor, "more");
    assert_eq!(
        ts.only(&["send", "Overflowed"]),
        ["send visitor-1 more FAILED the queue is full", "Overflowed { refused: 1 }",]
    );
    ts.end(visitor, Ending::EndOfFile);
    ts.at(1);
    let sent = ts.only(&["send", "close"]);
    assert_eq!((sent.len(), sent[10_000].as_str()), (10_001, "close visitor-1"));
}

#[test]
fn an_ls_serves_ten_thousand_on_one_connection_and_refuses_one_more() {
    let mut ls = Solo::ls(ls_config(Policy::RoundRobin));
    let visitor = ls.visitor();
    for n in 0..10_000 {
        ls.ask(visitor, &format!("n{n}"));
    }
    assert_eq!(ls.only(&["send ts"]).len(), 10_000);
    ls.ask(visitor, "more");
    assert_eq!(
        ls.only(&["send", "Overflowed"]),
        ["send visitor-1 more NOT FOUND", "Overflowed { refused: 1 }"]
    );
    for n in 0..10_000 {
        let node = if n % 2 == 0 { TS1 } else { TS2 };
        ls.from(node, found(&format!("n{n}"), "1.1.1.1"));
    }
    assert_eq!(ls.only(&["send visitor"]).len(), 10_000);
    ls.ask(visitor, "now");
    assert_eq!(ls.only(&["send ts"]).len(), 1, "there is room again");
}

#[test]
fn one_server_takes_so_many_and_the_rest_fails_at_once() {
    let mut ls =
        Solo::ls(faultlab::topology::LsConfig { upstreams: vec![TS1], ..ls_config(Policy::Race) });
    let (one, two) = (ls.client(), ls.visitor());
    for n in 0..6_000 {
        ls.ask(one, &format!("n{n}"));
        ls.ask(two, &format!("n{n}"));
    }
    let failed = ls.only(&["decided"]);
    assert_eq!(failed.len(), 2_000);
    assert!(failed.iter().all(|line| line.ends_with("failed AllFailed")));
}

#[test]
fn a_window_has_its_limit() {
    let mut ls = Solo::ls(ls_config(Policy::Batch));
    let (one, two) = (ls.client(), ls.visitor());
    for n in 0..5_000 {
        ls.ask(one, &format!("n{n}"));
        ls.ask(two, &format!("n{n}"));
    }
    ls.lines();
    ls.ask(two, "more");
    assert_eq!(ls.only(&["decided"]), ["decided 10001 failed NobodyLeft"]);
}

#[test]
fn a_client_does_not_build_up_more_than_it_can_hold() {
    let mut client = Solo::new(topology(ls_config(Policy::Race)), CLIENT);
    client.connect(LS);
    for _ in 0..3 {
        client.tell(Told::Ask {
            name: Some(HostName::new("a")),
            kind: RecordType::A,
            times: 5_000,
        });
    }
    let lines = client.lines();
    let failed = lines.iter().filter(|line| line.contains("failed AllFailed")).count();
    let over = lines.iter().filter(|line| line.starts_with("Overflowed")).count();
    assert_eq!((failed, over), (5_000, 5_000));
    client.from(LS, says("a", Said::NotFound));
    assert_eq!(client.only(&["decided"]).len(), 1);
}
