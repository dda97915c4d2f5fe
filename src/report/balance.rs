//! An LS's policy at work, in words: whom it drew, whom it asked as well and why, whom it cancelled.

use super::node;
use crate::base::units::human;
use crate::base::{Names, NodeId, Shown};
use crate::message::{BalanceNote, HedgeBy};

/// A line of the log.
pub(super) fn line(note: &BalanceNote, names: &Names) -> String {
    let of = |id: NodeId| node(names, id);
    match note {
        BalanceNote::Drew { taken: (taken, at_taken), left: (left, at_left), .. } => format!(
            "draws {} ({at_taken} waiting) and {} ({at_left} waiting)",
            of(*taken),
            of(*left)
        ),
        BalanceNote::Hedged { slow, to, after, by, .. } => format!(
            "asks {} as well: {} has taken {}{}",
            of(*to),
            of(*slow),
            human(*after),
            as_long_as(*by)
        ),
        BalanceNote::NotHedged { slow, .. } => {
            format!("asks nobody in the stead of {}: the budget of hedges is spent", of(*slow))
        }
        BalanceNote::Covered { slow, by, .. } => {
            format!("has the part of {} from {}", of(*slow), of(*by))
        }
        BalanceNote::Began { upstream, cancelled, .. } => {
            let told: Vec<Shown> = cancelled.iter().map(|id| of(*id)).collect();
            format!("cancels at {}: {} has begun", super::list(&told, "and"), of(*upstream))
        }
        BalanceNote::Joined { .. } => "asks nobody again: the same is on its way already".into(),
        BalanceNote::GoesOn { waits: 1, .. } => {
            "goes on although the asker is gone: another waits for the same".into()
        }
        BalanceNote::GoesOn { waits, .. } => {
            format!("goes on although the asker is gone: {waits} others wait for the same")
        }
        BalanceNote::Slow { upstream, takes, others } => format!(
            "finds {} slow: its answers take {}, those of the others {}",
            of(*upstream),
            human(*takes),
            human(*others)
        ),
    }
}

/// Where the time came from after which another was asked.
pub(super) fn as_long_as(by: HedgeBy) -> String {
    match by {
        HedgeBy::Setting => String::new(),
        HedgeBy::Percentile(percent) => {
            format!(", longer than {percent} in 100 of the last answers")
        }
        HedgeBy::TooFewSeen => ", with too few answers seen for a percentile".into(),
    }
}
