//! The sentence that says why: every policy, reason and outcome.

#[path = "fold/lab.rs"]
#[expect(dead_code, reason = "other tests read event lists with it")]
mod lab;

use faultlab::base::{LabTime, NodeId, Peer, QuestionNo, VisitorId};
use faultlab::event::Life;
use faultlab::message::{HostName, Outcome, Said, Why};
use faultlab::report;
use faultlab::topology::Policy;
use faultlab::world::{Hindrance, Lane, LaneEnd, Race, RaceNo, Verdict, World};
use lab::topology;
use std::sync::Arc;

const CLIENT: NodeId = NodeId(0);
const LS: NodeId = NodeId(2);
const TS1: NodeId = NodeId(3);
const TS2: NodeId = NodeId(4);

const WHYS: [Why; 18] = [
    Why::FirstAnswer,
    Why::OnlyAnswer,
    Why::AllNegative,
    Why::AllFailed,
    Why::Deadline,
    Why::WindowClosed,
    Why::AllIn,
    Why::EndOfFile,
    Why::Arrival,
    Why::SocketTimer,
    Why::Table,
    Why::Lie,
    Why::Stopping,
    Why::AskerGone,
    Why::NobodyLeft,
    Why::Gathered,
    Why::NotNeeded,
    Why::QueueFull,
];

fn at(millis: u64) -> LabTime {
    LabTime::from_millis(millis)
}

fn found(address: &str) -> Said {
    Said::Found { address: Arc::from(address), flags: Arc::from("A") }
}

fn lane(upstream: NodeId, sent: Option<u64>, end: LaneEnd, ended: Option<u64>) -> Lane {
    Lane { sent: sent.map(at), end, ended: ended.map(at), ..Lane::new(upstream) }
}

/// A race that the LS took at 50 ms and decided at `decided`, and that the client heard of 40 ms
/// later.
fn race(policy: &str, why: Why, outcome: Outcome, from: Option<NodeId>, decided: u64) -> Race {
    let said = match outcome {
        Outcome::Answered => found("192.0.2.1"),
        Outcome::Negative => Said::Negative,
        _ => Said::NotFound,
    };
    let mut race =
        Race::new(RaceNo(1), HostName::new("www.google.com"), Peer::Node(CLIENT), at(10));
    race.question = Some(QuestionNo(1));
    race.ls = Some(LS);
    race.more.to = Some(LS);
    race.taken = Some(at(50));
    race.ls_deadline = Some(at(5050));
    race.policy = Some(Arc::from(policy));
    let of_ls = Verdict { at: at(decided), outcome, said: Some(said), from, why };
    let mine = Verdict { at: at(decided + 40), from: Some(LS), said: None, ..of_ls.clone() };
    race.ls_verdict = Some(of_ls);
    race.verdict = Some(Verdict { why: Why::OnlyAnswer, ..mine });
    race.contradicted = outcome != Outcome::Answered && outcome != Outcome::Cancelled;
    race
}

fn with(mut race: Race, lanes: Vec<Lane>) -> Race {
    race.lanes = lanes;
    race
}

fn why(race: &Race) -> String {
    report::why(&World::new(topology(Policy::Race)), race)
}

#[test]
fn a_race_says_who_answered_first_and_what_became_of_the_others() {
    use LaneEnd::{Ended, NotSent, Won};
    let won = |policy| race(policy, Why::FirstAnswer, Outcome::Answered, Some(TS1), 121);
    let first = || lane(TS1, Some(50), Won, Some(121));
    let table = [
        (
            with(won("race"), vec![first(), lane(TS2, Some(50), Ended(Outcome::Late), Some(204))]),
            "ts1 answered first, after 71 ms; ts2 answered 83 ms later and was ignored.",
        ),
        (
            with(won("race"), vec![first(), lane(TS2, Some(50), LaneEnd::Waiting, None)]),
            "ts1 answered first, after 71 ms; ts2 has not answered yet.",
        ),
        (
            with(won("race"), vec![lane(TS2, Some(50), Ended(Outcome::Reset), Some(60)), first()]),
            "ts1 answered first, after 71 ms; ts2 died with the question.",
        ),
        (
            with(won("race"), vec![first(), lane(TS2, None, NotSent, None)]),
            "ts1 answered, after 71 ms; ts2 was not sent the question.",
        ),
        (
            with(won("sticky"), vec![first()]),
            "www.google.com sticks to ts1, which answered after 71 ms.",
        ),
        (
            with(won("round-robin"), vec![first(), lane(TS2, None, NotSent, None)]),
            "It was ts1's turn, and it answered after 71 ms.",
        ),
        (
            with(won("failover"), vec![first(), lane(TS2, None, NotSent, None)]),
            "ts1 is asked first, and it answered after 71 ms.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn asking_the_next_says_why_the_first_was_given_up() {
    use LaneEnd::{Ended, Won};
    let won = |policy| race(policy, Why::FirstAnswer, Outcome::Answered, Some(TS2), 1121);
    let second = |sent| lane(TS2, Some(sent), Won, Some(1121));
    let table = [
        (
            with(
                won("failover"),
                vec![lane(TS1, Some(50), Ended(Outcome::Silent), Some(1050)), second(1050)],
            ),
            "ts1 said nothing for 1,000 ms, so the LS asked ts2, which answered after 71 ms.",
        ),
        (
            with(
                won("sticky"),
                vec![lane(TS1, None, Ended(Outcome::Refused), Some(50)), second(1050)],
            ),
            "ts1 refused the connection, so the LS asked ts2, which answered after 71 ms.",
        ),
        (
            with(
                won("round-robin"),
                vec![lane(TS1, Some(50), Ended(Outcome::Reset), Some(60)), second(1050)],
            ),
            "ts1 died with the question, so the LS asked ts2, which answered after 71 ms.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn without_an_answer_the_truth_is_told_beside_what_was_heard() {
    use LaneEnd::Ended;
    let silent = || {
        vec![
            lane(TS1, Some(50), Ended(Outcome::Silent), Some(5050)),
            lane(TS2, Some(50), Ended(Outcome::Silent), Some(5050)),
        ]
    };
    let hindered = |mut race: Race, hindrance| {
        race.more.hindered = vec![(TS1, hindrance)];
        race
    };
    let deadline = || race("race", Why::Deadline, Outcome::Silent, None, 5050);
    let both = "Neither ts1 nor ts2 said anything for 5,000 ms, so the LS gave up.";
    let off = hindered(with(deadline(), silent()), Hindrance::Life(Life::PoweredOff));
    assert_eq!(why(&off), format!("{both} ts1 has the name but was powered off."));
    let cut = hindered(with(deadline(), silent()), Hindrance::Cut);
    assert_eq!(why(&cut), format!("{both} ts1 has the name but was cut off."));
    let mut late = silent();
    late[1] = lane(TS2, Some(50), Ended(Outcome::Late), Some(6050));
    let late = hindered(with(deadline(), late), Hindrance::Life(Life::Killed));
    let both_late = both.replace('.', "; ts2 answered 1,000 ms later and was ignored.");
    assert_eq!(why(&late), format!("{both_late} ts1 has the name but had been killed."));
    let mut nobody = with(deadline(), silent());
    nobody.name = HostName::new("www.none.com");
    nobody.contradicted = false;
    nobody.more.kept_silent = vec![TS1, TS2];
    let told = format!("{both} Nobody has the name, and a server without an entry says nothing.");
    assert_eq!(why(&nobody), told);
}

#[test]
fn a_verdict_without_an_address_says_who_failed_and_how() {
    use LaneEnd::{Ended, NotSent};
    let table = [
        (
            with(
                race("race", Why::AllNegative, Outcome::Negative, None, 130),
                vec![
                    lane(TS1, Some(50), Ended(Outcome::Negative), Some(130)),
                    lane(TS2, Some(50), Ended(Outcome::Negative), Some(120)),
                ],
            ),
            "Both ts1 and ts2 said that there is no such name. ts1 has the name.",
        ),
        (
            with(
                race("race", Why::FirstAnswer, Outcome::Negative, Some(TS2), 130),
                vec![
                    lane(TS1, Some(50), LaneEnd::Waiting, None),
                    lane(TS2, Some(50), Ended(Outcome::Negative), Some(130)),
                ],
            ),
            "ts2 was the first to speak and said that there is no such name; the LS took that \
             as final. ts1 has the name but had not got the question yet.",
        ),
        (
            with(
                race("failover", Why::AllFailed, Outcome::Failed, None, 60),
                vec![
                    lane(TS1, None, Ended(Outcome::Refused), Some(50)),
                    lane(TS2, Some(50), Ended(Outcome::Reset), Some(60)),
                ],
            ),
            "ts1 refused the connection and ts2 died with the question, and nobody else was left \
             to ask. ts1 has the name but refused the connection.",
        ),
        (
            with(
                race("batch", Why::WindowClosed, Outcome::Negative, None, 3050),
                vec![lane(TS1, None, NotSent, None)],
            ),
            "No answer was in when the window closed, after 3,000 ms, and the LS called that \
             “no such name”. ts1 has the name but was not sent the question.",
        ),
        (
            race("race", Why::EndOfFile, Outcome::Failed, Some(TS1), 60),
            "The connection to ts1 ended, and the LS took that for an answer: the crash won the \
             race. ts1 has the name.",
        ),
        (
            race("race", Why::SocketTimer, Outcome::Silent, None, 60),
            "The timer of the connection fired, which an earlier question had started, so this \
             one ended silent before its time. ts1 has the name.",
        ),
        (
            race("sticky", Why::NobodyLeft, Outcome::Failed, None, 50),
            "The LS had nobody to ask: every server was ejected or down, so the question ended \
             failed. ts1 has the name.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn a_window_that_closed_says_whose_answer_was_missing() {
    let race = |first, second| {
        with(
            race("batch", Why::WindowClosed, Outcome::Failed, None, 3050),
            vec![
                lane(TS1, Some(50), LaneEnd::Ended(first), Some(3050)),
                lane(TS2, Some(50), LaneEnd::Ended(second), Some(130)),
            ],
        )
    };
    for (first, second, missing) in [
        (Outcome::Silent, Outcome::Silent, "No answer was in"),
        (Outcome::Silent, Outcome::Negative, "No answer of ts1 was in"),
        (Outcome::Negative, Outcome::Negative, "No address was in"),
    ] {
        let told = why(&race(first, second));
        let told_of = " when the window closed, after 3,000 ms, and the LS told the client so.";
        assert!(told.starts_with(&format!("{missing}{told_of}")), "{told}");
    }
}

#[test]
fn a_verdict_without_an_address_leaves_nobody_out_who_spoke() {
    let some_spoke = with(
        race("race", Why::Deadline, Outcome::Failed, None, 5050),
        vec![
            lane(TS1, Some(50), LaneEnd::Ended(Outcome::Negative), Some(130)),
            lane(TS2, Some(50), LaneEnd::Ended(Outcome::Silent), Some(5050)),
        ],
    );
    assert_eq!(
        why(&some_spoke),
        "ts2 said nothing for 5,000 ms, so the LS gave up; ts1 said that it has none. ts1 has the \
         name."
    );
    let none_in = with(
        race("batch", Why::AllIn, Outcome::Failed, None, 150),
        vec![lane(TS1, None, LaneEnd::NotSent, None)],
    );
    assert_eq!(
        why(&none_in),
        "All answers of the batch were in after 100 ms, none of them for this name, and the LS \
         told the client so. ts1 has the name but was not sent the question."
    );
}

#[test]
fn a_client_that_was_told_host_not_found_was_not_met_by_silence() {
    let mut race = race("race", Why::OnlyAnswer, Outcome::Silent, None, 60);
    race.ls_verdict = None;
    race.contradicted = false;
    race.verdict = race.verdict.map(|verdict| Verdict { said: Some(Said::NotFound), ..verdict });
    assert!(
        why(&race).starts_with("ls told client, after 90 ms: host not found."),
        "{}",
        why(&race)
    );
}

#[test]
fn what_kept_all_holders_alike_is_said_once() {
    let mut race = with(
        race("race", Why::Deadline, Outcome::Silent, None, 5050),
        vec![
            lane(TS1, Some(50), LaneEnd::Ended(Outcome::Silent), Some(5050)),
            lane(TS2, Some(50), LaneEnd::Ended(Outcome::Silent), Some(5050)),
        ],
    );
    race.name = HostName::new("www.both.com");
    race.more.hindered =
        vec![(TS1, Hindrance::Life(Life::PoweredOff)), (TS2, Hindrance::Life(Life::PoweredOff))];
    assert!(
        why(&race).ends_with("ts1 and ts2 have the name but were powered off."),
        "{}",
        why(&race)
    );
}

#[test]
fn a_cancelled_question_says_who_let_it_go() {
    let table = [
        (
            race("race", Why::Stopping, Outcome::Cancelled, None, 60),
            "The LS was stopping and gave the question up.",
        ),
        (
            race("race", Why::AskerGone, Outcome::Cancelled, None, 60),
            "client went away, so the LS dropped the question.",
        ),
    ];
    for (race, sentence) in table {
        assert_eq!(why(&race), sentence);
    }
}

#[test]
fn a_batch_says_how_long_an_answer_lay_there() {
    let batch = |why, decided| {
        with(
            race("batch", why, Outcome::Answered, Some(TS1), decided),
            vec![lane(TS1, Some(50), LaneEnd::Won, Some(130))],
        )
    };
    assert_eq!(
        why(&batch(Why::WindowClosed, 3050)),
        "ts1 answered after 80 ms and waited 2,920 ms for the window to close."
    );
    assert_eq!(why(&batch(Why::AllIn, 130)), "ts1 answered after 80 ms, as the last of the batch.");
}

#[test]
fn every_way_a_race_can_end_has_its_sentence() {
    let ends = [LaneEnd::Waiting, LaneEnd::NotSent, LaneEnd::Won]
        .into_iter()
        .chain(Outcome::ALL.map(LaneEnd::Ended));
    let ends: Vec<LaneEnd> = ends.collect();
    let hostile = "www.\u{1b}[2Jgoogle\u{202e}.com";
    let mut told = 0;
    for why_ in WHYS {
        for outcome in Outcome::ALL {
            for policy in Policy::ALL.map(Policy::word) {
                for (end, from) in ends.iter().flat_map(|end| [(*end, Some(TS1)), (*end, None)]) {
                    let mut race = race(policy, why_, outcome, from, 130);
                    race.name = HostName::new(hostile);
                    race.lanes = vec![
                        lane(TS1, Some(50), end, Some(130)),
                        lane(TS2, None, LaneEnd::NotSent, None),
                    ];
                    for visitor in [false, true] {
                        if visitor {
                            race.asker = Peer::Visitor(VisitorId(1));
                        }
                        let sentence = why(&race);
                        assert!(sentence.ends_with('.'), "{why_:?} {outcome} {policy}: {sentence}");
                        assert!(!sentence.contains(['\u{1b}', '\u{202e}']), "{sentence}");
                        assert!(!sentence.contains("  ") && !sentence.contains(".."), "{sentence}");
                        told += 1;
                    }
                }
            }
        }
    }
    assert_eq!(told, 18 * 8 * 10 * 11 * 2 * 2);
}
