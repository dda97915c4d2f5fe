//! What two servers come to together, by the rules of the DNS (RFC 1035, 2308, 9520) and of each policy; derived here,
//! not from the machine.

use faultlab::message::Outcome;
use faultlab::topology::Policy;

/// What becomes of a question at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    NoError,
    NoData,
    NxDomain,
    ServFail,
    RefusedByServer,
    Silent,
    RefusedSocket,
    Reset,
}

impl Part {
    pub const ALL: [Self; 8] = [
        Self::NoError,
        Self::NoData,
        Self::NxDomain,
        Self::ServFail,
        Self::RefusedByServer,
        Self::Silent,
        Self::RefusedSocket,
        Self::Reset,
    ];
}

/// How a question must end, and whose answer it is.
pub type Verdict = (Outcome, Option<&'static str>);

/// How the question ends at a server of this part.
pub fn outcome(part: Part) -> Outcome {
    match part {
        Part::NoError => Outcome::Answered,
        Part::NoData | Part::NxDomain => Outcome::Negative,
        Part::ServFail | Part::RefusedByServer => Outcome::Failed,
        Part::Silent => Outcome::Silent,
        Part::RefusedSocket => Outcome::Refused,
        Part::Reset => Outcome::Reset,
    }
}

/// Where nobody gave what was wanted.
fn of_none(outcomes: [Outcome; 2]) -> Verdict {
    let all = |wanted| outcomes.iter().all(|outcome| *outcome == wanted);
    if all(Outcome::Negative) {
        (Outcome::Negative, None)
    } else if all(Outcome::Silent) {
        (Outcome::Silent, None)
    } else {
        (Outcome::Failed, None)
    }
}

/// The first in this order that says something final.
fn first_final(order: [(&'static str, Outcome); 2]) -> Verdict {
    let is_final = |outcome: Outcome| matches!(outcome, Outcome::Answered | Outcome::Negative);
    order
        .into_iter()
        .find(|(_, outcome)| is_final(*outcome))
        .map_or_else(|| of_none(order.map(|(_, outcome)| outcome)), |(who, what)| (what, Some(who)))
}

/// The first, or the last, in this order that has an address.
fn address(order: [(&'static str, Outcome); 2], last: bool) -> Verdict {
    let mut found = order.into_iter().filter(|(_, outcome)| *outcome == Outcome::Answered);
    let one = if last { found.next_back() } else { found.next() };
    one.map_or_else(|| of_none(order.map(|(_, outcome)| outcome)), |(who, what)| (what, Some(who)))
}

#[derive(Clone, Copy)]
pub enum Rule {
    /// In the order of asking, or of speaking: the first final answer.
    FirstFinal,
    /// The first address.
    FirstAddress,
    /// Everybody is waited for, and the last address completes the answer.
    LastAddress,
}

/// Every policy with its rule.
pub const POLICIES: [(Policy, &str, Rule); 11] = [
    (Policy::Race, "", Rule::FirstFinal),
    (Policy::Race, "accept = \"first-positive\"", Rule::FirstAddress),
    (Policy::Gather, "", Rule::LastAddress),
    (Policy::Batch, "early_end = true", Rule::FirstAddress),
    (Policy::Failover, "", Rule::FirstFinal),
    (Policy::Hedge, "", Rule::FirstFinal),
    (Policy::Tied, "", Rule::FirstFinal),
    (Policy::RoundRobin, "", Rule::FirstFinal),
    (Policy::Sticky, "", Rule::FirstFinal),
    (Policy::Hash, "", Rule::FirstFinal),
    (Policy::TwoChoices, "", Rule::FirstFinal),
];

/// How a question ends by this rule, where the servers are asked, or speak, in this order.
pub fn expected(rule: Rule, order: [(&'static str, Outcome); 2]) -> Verdict {
    match rule {
        Rule::FirstFinal => first_final(order),
        Rule::FirstAddress => address(order, false),
        Rule::LastAddress => address(order, true),
    }
}
