//! Expectations about a store in words: what is refused and why, and that both ways agree.

use faultlab::base::{Names, NodeId};
use faultlab::command::grammar;
use faultlab::command::{
    Asked, Compare, Expectation, Figure, StoreExpectation, Verb, WITHIN_DEFAULT,
};
use faultlab::message::OpOutcome;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const NAMES: [&str; 9] =
    ["writer", "r1", "r2", "nobody", "within", "leader", "in", "ends", "ejects"];

fn names() -> Names {
    Names::new(NAMES)
}

fn read(line: &str) -> StoreExpectation {
    match grammar::expectation(line, &names()) {
        Ok(Expectation::Store { what, within: WITHIN_DEFAULT }) => what,
        other => panic!("{line}: {other:?}"),
    }
}

/// The part of the line that the error points at, and the whole error.
fn refused(line: &str) -> (String, String) {
    let error = grammar::expectation(line, &names()).expect_err(line);
    (line[error.at.clone()].to_owned(), error.to_string())
}

#[test]
fn a_name_that_is_a_keyword_stands_in_quotes_where_it_could_be_one() {
    assert_eq!(read("leader is nobody"), StoreExpectation::Leads(None));
    assert_eq!(read("leader is \"nobody\""), StoreExpectation::Leads(Some(NodeId(3))));
    let both: Arc<[NodeId]> = [NodeId(1), NodeId(4)].into();
    assert_eq!(read("in step r1 \"within\""), StoreExpectation::InStep(both));
    assert_eq!(read("LOST is predicted +-3"), StoreExpectation::LostIsPredicted { tolerance: 3 });
    let of = StoreExpectation::LeaderOf { holder: NodeId(0), leader: Some(NodeId(1)) };
    assert_eq!(read("leader of writer is r1"), of);
}

#[test]
fn a_wrong_expectation_is_explained() {
    for (line, word, wrong) in [
        ("truth loste = 1", "loste", "did you mean `lost`?"),
        ("truth lost ~ 1", "~", "is no comparison"),
        ("op writer fetch x ends ok", "fetch", "it is one of: post, read, put, get"),
        ("op writer get x ends answered", "answered", "is not an end of an operation"),
        ("op writer ends ok as 1 as 2", "as", "stands here twice"),
        ("deadlock r1", "", "a node"),
        ("no luck", "luck", "is not the word `deadlock`"),
        ("lost is predicted +-x", "+-x", "is no number of writes"),
        ("leader is r9", "r9", "there is no node `r9`"),
    ] {
        let (at, error) = refused(line);
        assert!(at == word && error.contains(wrong), "{line}: `{at}` {error}");
    }
}

fn time() -> impl Strategy<Value = Duration> {
    (0..86_400_000_u64).prop_map(Duration::from_millis)
}

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![".{0,30}", "[ \"\\\\a\n]{0,9}", "[a-z0-9,=+-]{1,20}"].prop_map(Into::into)
}

fn any_node() -> impl Strategy<Value = NodeId> {
    (0..9_u16).prop_map(NodeId)
}

fn of_a_store() -> impl Strategy<Value = StoreExpectation> {
    let maybe = || proptest::option::of(any_node());
    let list = || proptest::collection::vec(any_node(), 2..5);
    let asked = (proptest::sample::select(Verb::ALL.to_vec()), text());
    let op = (
        (any_node(), proptest::option::of(asked)),
        proptest::sample::select(OpOutcome::ALL.to_vec()),
        (maybe(), proptest::option::of(text()), proptest::option::of(time())),
    );
    prop_oneof![
        op.prop_map(|((client, asked), outcome, (from, text, after))| {
            let asked = asked.map(|(verb, place)| Asked { verb, place });
            StoreExpectation::OpEnds { client, asked, outcome, from, text, after }
        }),
        (
            proptest::sample::select(Figure::ALL.to_vec()),
            proptest::sample::select(Compare::ALL.to_vec()),
            any::<u64>()
        )
            .prop_map(|(what, compare, figure)| StoreExpectation::Truth {
                what,
                compare,
                figure
            }),
        maybe().prop_map(StoreExpectation::Leads),
        (any_node(), maybe())
            .prop_map(|(holder, leader)| { StoreExpectation::LeaderOf { holder, leader } }),
        list().prop_map(|nodes| StoreExpectation::Deadlock(nodes.into())),
        Just(StoreExpectation::NoDeadlock),
        list().prop_map(|nodes| StoreExpectation::InStep(nodes.into())),
        any::<u64>().prop_map(|tolerance| StoreExpectation::LostIsPredicted { tolerance }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 2000,
        ..Default::default()
    })]

    #[test]
    fn every_expectation_is_read_back_from_its_words(what in of_a_store(), within in time()) {
        // Nothing ends later than it may.
        let what = match what {
            StoreExpectation::OpEnds { client, asked, outcome, from, text, after } => {
                let after = after.filter(|after| *after <= within);
                StoreExpectation::OpEnds { client, asked, outcome, from, text, after }
            }
            what => what,
        };
        let expectation = Expectation::Store { what, within };
        let words = grammar::expectation_words(&expectation, &names());
        prop_assert_eq!(grammar::expectation(&words, &names()), Ok(expectation), "{}", words);
    }
}
