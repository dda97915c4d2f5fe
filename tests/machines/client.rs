//! The client: questions, lists, load, retries, servers in turn, late answers, stop.

use crate::harness::*;
use faultlab::base::{ConnId, LabTime};
use faultlab::event::Ending;
use faultlab::machine::{Effect, Told};
use faultlab::message::{Flaw, Flaws, HostName, Message, Note, RecordType, Said};
use faultlab::topology::{ClientConfig, Dialect, Pace, Policy, Retry, Setting, Topology};

fn lab(change: impl FnOnce(&mut ClientConfig)) -> Topology {
    let mut topology = topology(ls_config(Policy::Race));
    change(client_of(&mut topology, CLIENT));
    topology
}

fn client(change: impl FnOnce(&mut ClientConfig)) -> Solo {
    let mut client = Solo::new(lab(change), CLIENT);
    let servers: Vec<_> = client.opened.keys().copied().collect();
    for server in servers {
        client.connect(server);
    }
    client.done.clear();
    client
}

fn ask(client: &mut Solo, name: &str) {
    client.tell(Told::Ask { name: Some(HostName::new(name)), kind: RecordType::A, times: 1 });
}

#[test]
fn a_question_gets_one_verdict_and_a_late_answer_is_dropped() {
    let mut client = client(|_| {});
    ask(&mut client, "a");
    assert_eq!(client.lines(), ["asked 1 a ls #1", "send ls a?"]);
    client.from(LS, found("A", "1.1.1.1"));
    assert_eq!(client.lines(), ["heard 1 ls answered", "decided 1 answered ls OnlyAnswer"]);
    ask(&mut client, "b");
    client.at(10_000);
    assert_eq!(
        client.only(&["heard", "decided"]),
        ["heard 2 ls silent", "decided 2 silent Deadline"]
    );
    ask(&mut client, "c");
    client.lines();
    client.from(LS, found("b", "2.2.2.2"));
    assert_eq!(client.lines(), ["late 2 ls"]);
    client.from(LS, found("z", "2.2.2.2"));
    assert_eq!(client.lines(), ["unmatched ls z"]);
    client.from(LS, found("c", "3.3.3.3"));
    assert_eq!(client.only(&["decided"]), ["decided 3 answered ls OnlyAnswer"]);
    assert!(client.timers.is_empty());
}

#[test]
fn what_the_server_says_is_what_the_outcome_is() {
    let mut client = client(|_| {});
    for (said, outcome) in [
        (Said::Negative, "negative"),
        (Said::Failed("why".into()), "failed"),
        (Said::NotFound, "silent"),
    ] {
        ask(&mut client, "a");
        client.from(LS, says("a", said));
        let decided = client.only(&["decided"]);
        assert_eq!(decided.len(), 1);
        assert!(decided[0].ends_with(&format!("{outcome} ls OnlyAnswer")), "{decided:?}");
    }
}

#[test]
fn several_questions_with_one_name_each_get_a_verdict_in_the_order_of_asking() {
    let mut client = client(|_| {});
    client.tell(Told::Ask { name: Some(HostName::new("a")), kind: RecordType::A, times: 3 });
    client.lines();
    client.from(LS, found("a", "1.1.1.1"));
    client.from(LS, found("a", "1.1.1.1"));
    client.at(10_000);
    assert_eq!(
        client.only(&["decided"]),
        [
            "decided 1 answered ls OnlyAnswer",
            "decided 2 answered ls OnlyAnswer",
            "decided 3 silent Deadline",
        ]
    );
}

#[test]
fn without_a_name_it_goes_through_its_list_round_and_round() {
    let mut client = client(|_| {});
    client.tell(Told::Ask { name: None, kind: RecordType::A, times: 4 });
    assert_eq!(client.only(&["send"]), ["send ls a?", "send ls b?", "send ls c?", "send ls a?"]);
}

#[test]
fn a_list_is_written_in_its_order_whatever_the_order_of_the_answers() {
    let mut client = client(|_| {});
    client.tell(Told::Batch);
    assert_eq!(
        client.only(&["results", "list", "send"]),
        ["results", "list began 3", "send ls a?", "send ls b?", "send ls c?",]
    );
    client.from(LS, found("c", "3.3.3.3"));
    client.from(LS, says("b", Said::NotFound));
    assert_eq!(client.only(&["result"]), Vec::<String>::new());
    client.from(LS, found("A", "1.1.1.1"));
    assert_eq!(
        client.only(&["result", "list"]),
        [
            "result A 1.1.1.1 A",
            "result b - Error:HOST NOT FOUND",
            "result c 3.3.3.3 A",
            "list ended 2 of 3",
        ]
    );
}

#[test]
fn one_by_one_the_next_name_waits_for_the_last_verdict() {
    let mut client = client(|client| client.pace = Pace::Serial);
    client.tell(Told::Batch);
    client.tell(Told::Batch);
    assert_eq!(client.only(&["send"]), ["send ls a?"]);
    client.from(LS, found("a", "1.1.1.1"));
    assert_eq!(client.only(&["send"]), ["send ls b?"]);
    client.from(LS, says("b", Said::Negative));
    client.at(10_000);
    let lines = client.only(&["result", "list"]);
    assert_eq!(
        lines,
        [
            "result b - NEGATIVE",
            "result c - SILENT",
            "list ended 1 of 3",
            "results",
            "list began 3",
        ],
        "the second list follows the first"
    );
}

#[test]
fn the_results_of_each_dialect_are_the_servers_words() {
    for (dialect, answer, line) in [
        (Dialect::First2023, says("a", Said::NotFound), "result a - TIMED OUT"),
        (Dialect::Sticky2021, bare("1.1.1.1,1.1.1.2"), "result 1.1.1.1,1.1.1.2"),
        (Dialect::Sticky2021, says("a", Said::NotFound), "result a - Error:HOST NOT FOUND"),
    ] {
        let mut topology = lab(|client| client.pace = Pace::Serial);
        topology.dialect = dialect;
        let mut client = Solo::new(topology, CLIENT);
        client.connect(LS);
        client.tell(Told::Batch);
        client.from(LS, answer);
        assert_eq!(client.only(&["result "]), [line]);
    }
}

#[test]
fn an_unreachable_server_ends_a_whole_list_and_not_the_stack() {
    let mut client = client(|client| {
        client.list = (0..10_000).map(|n| HostName::new(&format!("n{n}"))).collect();
        client.pace = Pace::Serial;
    });
    client.end(client.conn(LS), Ending::Reset);
    client.tell(Told::Batch);
    client.refuse(LS);
    assert_eq!(client.only(&["result "]).len(), 10_000);
    assert!(client.lines().is_empty());
}

#[test]
fn it_asks_again_after_a_failure_within_its_budget_and_never_after_a_no() {
    let mut client = client(|client| client.retry = Retry { times: 2, budget: 0.0 });
    ask(&mut client, "a");
    client.from(LS, says("a", Said::Negative));
    assert_eq!(client.only(&["WillRetry", "asked"]), ["asked 1 a ls #1"]);
    ask(&mut client, "b");
    client.from(LS, says("b", Said::Failed("full".into())));
    assert_eq!(client.only(&["decided", "WillRetry"]).len(), 2);
    client.at(200);
    assert_eq!(client.lines(), ["asked 3 b ls #2 again 2", "send ls b?"]);
    client.from(LS, says("b", Said::Failed("full".into())));
    assert_eq!(
        client.only(&["BudgetSpent", "WillRetry"]),
        ["BudgetSpent { question: QuestionNo(3) }"]
    );
    client.at(60_000);
    assert_eq!(client.only(&["asked"]), Vec::<String>::new());
}

#[test]
fn the_budget_grows_with_what_is_asked_and_one_question_has_its_limit() {
    let mut client = client(|client| client.retry = Retry { times: 2, budget: 0.5 });
    for _ in 0..20 {
        ask(&mut client, "a");
        client.from(LS, found("a", "1.1.1.1"));
    }
    ask(&mut client, "b");
    client.lines();
    let mut asked = 1;
    for at in 1..600 {
        client.from(LS, says("b", Said::Failed("full".into())));
        client.at(at);
        asked += client.only(&["asked"]).len();
    }
    assert_eq!(asked, 3);
}

#[test]
fn it_goes_on_to_the_next_server_when_the_first_is_not_there() {
    let mut client = Solo::new(lab(|client| client.asks = vec![LS, TS3]), CLIENT);
    client.connect(TS3);
    ask(&mut client, "a");
    client.lines();
    client.refuse(LS);
    assert_eq!(
        client.only(&["decided", "asked", "send"]),
        ["decided 1 refused AllFailed", "asked 2 a ts3 #1 again 1", "send ts3 a?",]
    );
    ask(&mut client, "b");
    assert_eq!(client.only(&["asked"]), ["asked 3 b ts3 #1"]);
    client.at(1000);
    client.connect(LS);
    ask(&mut client, "c");
    assert_eq!(client.only(&["asked"]), ["asked 4 c ls #1"]);
}

#[test]
fn a_dead_connection_resets_its_questions_and_is_opened_again_with_patience() {
    let mut client = client(|_| {});
    ask(&mut client, "a");
    client.lines();
    client.end(client.conn(LS), Ending::EndOfFile);
    assert_eq!(client.lines(), ["close ls", "heard 1 ls reset", "decided 1 reset AllFailed"]);
    let mut gaps = Vec::new();
    let mut last = LabTime::ZERO;
    for at in 0..30_000 {
        client.at(at);
        if !client.only(&["open"]).is_empty() {
            gaps.push(client.now.since(last).as_millis());
            last = client.now;
            client.refuse(LS);
        }
    }
    assert_eq!(&gaps[..2], [1000, 1000]);
    assert!((1500..=2500).contains(&gaps[2]), "{gaps:?}");
    assert!(gaps[3..].iter().all(|gap| (3000..=5000).contains(gap)), "{gaps:?}");
    assert!(gaps[3..].windows(2).any(|pair| pair[0] != pair[1]), "spread out: {gaps:?}");
}

#[test]
fn load_comes_at_its_rate_in_exponential_gaps_the_same_for_the_same_seed() {
    let arrivals = |seed| {
        let mut topology = lab(|client| client.rate = 50.0);
        topology.seed = seed;
        let mut client = Solo::new(topology, CLIENT);
        client.connect(LS);
        let mut times = Vec::new();
        for at in 0..20_000 {
            client.at(at);
            times.extend(client.only(&["asked"]).iter().map(|_| at));
        }
        times
    };
    let times = arrivals(7);
    assert!((900..1100).contains(&times.len()), "{}", times.len());
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let short = gaps.iter().filter(|gap| **gap < 20).count() as f64 / gaps.len() as f64;
    assert!((short - 0.632).abs() < 0.06, "63 % of exponential gaps are below their mean: {short}");
    assert_eq!(times, arrivals(7));
    assert_ne!(times, arrivals(8));
}

#[test]
fn load_can_be_switched_and_does_not_make_up_for_a_standstill() {
    let mut client = client(|_| {});
    client.tell(Told::Load { per_kilosecond: 100_000 });
    client.at(1000);
    assert!((70..130).contains(&client.only(&["asked"]).len()));
    client.now = LabTime::from_millis(11_000);
    let timer = *client.timers.iter().min_by_key(|(_, due)| **due).unwrap().0;
    client.timers.remove(&timer);
    client.input(faultlab::machine::Input::Fired(timer));
    assert!(client.only(&["asked"]).len() <= 1, "ten seconds of sleep are not made up for");
    client.tell(Told::Load { per_kilosecond: 0 });
    client.lines();
    client.at(12_000);
    assert_eq!(client.only(&["asked"]), Vec::<String>::new());
}

#[test]
fn glued_by_a_client_too() {
    let mut client = client(|client| client.flaws = flaws(&[Flaw::GluedNames]));
    client.tell(Told::Batch);
    client.at(20);
    assert_eq!(client.only(&["send"]), ["send ls \"abc\""]);
    client.set(Setting::Flaws(Flaws::NONE));
    assert_eq!(
        client.only(&["open", "result ", "list"]),
        [
            "open ls",
            "result a - RESET",
            "result b - RESET",
            "result c - RESET",
            "list ended 0 of 3",
        ]
    );
}

#[test]
fn by_arrival_a_client_takes_whatever_comes() {
    for (on, expected) in
        [(true, "decided 1 answered ls Arrival"), (false, "decided 2 answered ls OnlyAnswer")]
    {
        let mut client =
            client(|client| client.flaws = Flaws::NONE.with(Flaw::AnswersByArrival, on));
        ask(&mut client, "a");
        ask(&mut client, "b");
        client.from(LS, found("b", "2.2.2.2"));
        assert_eq!(client.only(&["decided"]), [expected]);
    }
}

#[test]
fn ids_travel_with_questions_to_nodes_of_ours_only() {
    for (outside, expected) in [(false, "send ls @1 a?"), (true, "send ls a?")] {
        let mut topology = lab(|client| client.ids = true);
        topology.nodes[LS.index()].at = outside.then(|| "127.0.0.1:1".parse().unwrap());
        let mut client = Solo::new(topology, CLIENT);
        client.connect(LS);
        ask(&mut client, "a");
        assert_eq!(client.only(&["send"]), [expected]);
    }
}

#[test]
fn stop_cancels_and_ends() {
    let mut client = client(|client| client.rate = 1.0);
    client.tell(Told::Batch);
    client.from(LS, found("a", "1.1.1.1"));
    client.lines();
    client.tell(Told::Stop);
    assert_eq!(
        client.lines(),
        [
            "stopping 2",
            "decided 2 cancelled Stopping",
            "result b - CANCELLED",
            "decided 3 cancelled Stopping",
            "result c - CANCELLED",
            "list ended 1 of 3",
            "close ls",
            "exit",
        ]
    );
    client.at(60_000);
    assert_eq!(client.lines(), Vec::<String>::new());
}

#[test]
fn what_is_no_answer_is_noted_and_dropped() {
    let mut client = client(|_| {});
    ask(&mut client, "a");
    client.lines();
    client.from(LS, Message::Text("hello".into()));
    client.from(LS, Message::End);
    client.hear(ConnId(999), found("a", "1.1.1.1"));
    assert_eq!(client.lines(), ["unmatched ls -"]);
    let deadline = client.timers.len();
    assert_eq!(deadline, 1);
    let notes =
        client.done.iter().filter(|effect| matches!(effect, Effect::Note(Note::Decided { .. })));
    assert_eq!(notes.count(), 0);
}
