//! A sample of the truth table on real sockets: pairs of servers of which at most one says something final, under every
//! policy that asks more than one, or may. (The whole of it runs on virtual time, in `policies`; over DNS, in `dns`.)

mod common;

use common::{Bench, in_front_of};
use faultlab::base::{NodeId, Owner};
use faultlab::event::{Event, Fact};
use faultlab::message::{Note, Outcome};

/// Servers of every kind that the line wire knows.
fn lab() -> String {
    let client = "[nodes.client]\nrole = \"client\"\nasks = \"ls\"\nnames = [\"www.a.com\"]\ntimeout = \"5s\"";
    let ls = "policy = \"hedge\"\nhedge_after = \"50ms\"\nfailover_after = \"200ms\"\ntimeout = \"600ms\"";
    let [has, has_not] =
        ["a", "b"].map(|one| format!("records = {{ \"www.{one}.com\" = \"192.0.2.1\" }}"));
    let negative = format!("{has_not}\non_miss = \"negative\"");
    let off = format!("{has}\nstart = \"off\"");
    let servers = [
        ("found", &has),
        ("negative", &negative),
        ("silent", &has_not),
        ("mute", &has_not),
        ("off", &off),
        ("gone", &off),
    ];
    in_front_of(client, ls, &servers.map(|(name, settings)| (name, settings.as_str())))
}

/// Two servers, and how a question to them ends: by the first final answer, and where all are waited for.
const PAIRS: [(&str, Outcome, Outcome); 7] = [
    ("found,silent", Outcome::Answered, Outcome::Answered),
    ("silent,found", Outcome::Answered, Outcome::Answered),
    ("off,found", Outcome::Answered, Outcome::Answered),
    ("negative,off", Outcome::Negative, Outcome::Failed),
    ("silent,mute", Outcome::Silent, Outcome::Silent),
    ("off,gone", Outcome::Failed, Outcome::Failed),
    ("off,silent", Outcome::Failed, Outcome::Failed),
];

const POLICIES: [&str; 7] = ["race", "gather", "failover", "hedge", "tied", "hash", "two-choices"];

fn is_noted(event: &Event, by: NodeId, fits: impl Fn(&Note) -> bool) -> bool {
    match (&event.fact, event.id.owner) {
        (Fact::Noted(note), Owner::Node(owner, _)) => owner == by && fits(note),
        _ => false,
    }
}

#[test]
fn what_holds_on_virtual_time_holds_on_sockets() {
    let bench = Bench::start(&lab());
    let (client, ls) = (bench.id("client"), bench.id("ls"));
    let set = |line: String| {
        bench.command(&line, |event| {
            is_noted(event, ls, |note| matches!(note, Note::Changed { .. }))
        });
    };
    let mut complaints = Vec::new();
    for (servers, first_final, of_all) in PAIRS {
        set(format!("set ls upstreams {servers}"));
        for policy in POLICIES {
            set(format!("set ls policy {policy}"));
            let decided = bench.command("query client", |event| {
                is_noted(event, client, |note| matches!(note, Note::Decided { .. }))
            });
            let expected = if policy == "gather" { of_all } else { first_final };
            if !is_noted(
                &decided,
                client,
                |note| matches!(note, Note::Decided { outcome, .. } if *outcome == expected),
            ) {
                complaints.push(format!("{policy} of {servers}: {:?}", decided.fact));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
