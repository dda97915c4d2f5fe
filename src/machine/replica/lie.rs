//! What a lying replica answers: the same wrong thing to the same question, and never the truth.

use crate::base::NodeId;
use crate::base::draw::{Purpose, draw};
use crate::message::{Flaw, Flaws, Operation, StoreSaid};
use std::sync::Arc;

/// The owner of the draws of those who agree on their lies (flaw `same-lie`): no node has this number.
const CONSPIRACY: u64 = u64::MAX;

/// A wrong answer to a read. Each liar has lies of its own, unless it agreed with others on them.
pub fn lie(
    seed: u64,
    liar: NodeId,
    flaws: Flaws,
    operation: &Operation,
    truth: StoreSaid,
) -> StoreSaid {
    let owner = if flaws.has(Flaw::SameLie) { CONSPIRACY } else { u64::from(liar.0) };
    let key = operation
        .to_string()
        .bytes()
        .fold(0_u64, |key, byte| key.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let word = |salt: u64| -> Arc<str> {
        let drawn = draw(seed, owner, Purpose::Lie, key.wrapping_add(salt));
        Arc::from(format!("lie-{:04x}", drawn & 0xffff))
    };
    let other_than = |known: Option<&Arc<str>>| {
        let first = word(0);
        if known == Some(&first) { word(1) } else { first }
    };
    match truth {
        StoreSaid::Value(value) => StoreSaid::Value(Some(other_than(value.as_ref()))),
        StoreSaid::Lines(lines) => {
            let mut lines = lines.to_vec();
            let last = lines.pop();
            lines.push(other_than(last.as_ref()));
            StoreSaid::Lines(Arc::from(lines))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lie_is_wrong_repeated_and_ones_own_unless_agreed_on() {
        let get = Operation::Get { key: "x".into() };
        let same = Flaws::NONE.with(Flaw::SameLie, true);
        let told = |liar, flaws, truth| lie(7, NodeId(liar), flaws, &get, truth);
        let truth = || StoreSaid::Value(Some("1".into()));
        let first = told(1, Flaws::NONE, truth());
        assert_ne!(first, truth());
        assert_eq!(first, told(1, Flaws::NONE, StoreSaid::Value(None)));
        assert_ne!(first, told(2, Flaws::NONE, truth()));
        assert_eq!(told(1, same, truth()), told(2, same, truth()));
        assert_ne!(told(1, Flaws::NONE, first.clone()), first, "even when the lie has come true");
        let lines =
            |list: &[&str]| StoreSaid::Lines(list.iter().map(|one| Arc::from(*one)).collect());
        for truth in [lines(&[]), lines(&["a", "b"])] {
            assert_ne!(told(1, Flaws::NONE, truth.clone()), truth);
        }
    }
}
