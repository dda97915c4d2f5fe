//! What a timer of a machine is for: a kind in the high byte of its number, whom it concerns in the rest.
//!
//! It knows no machine: each uses the kinds it needs.

use crate::base::{ConnId, NodeId, QuestionNo, TimerId};

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// A question has had its time.
    Deadline(QuestionNo),
    /// One upstream has had its time for a question; the next may be asked.
    FailOver(QuestionNo),
    /// Whoever was asked is slow; another may be asked as well.
    Hedge(QuestionNo),
    /// A client asks again.
    Again(QuestionNo),
    /// A TS has worked on a question.
    Served(QuestionNo),
    /// A lost connection is opened again.
    Reconnect(NodeId),
    /// A connect has hung for too long.
    GiveUp(NodeId),
    /// The pause between two questions to a server is over.
    Pause(NodeId),
    /// An ejected server may be tried, or has had its time for the trial.
    Trial(NodeId),
    /// It is time for the next check of a server.
    Check(NodeId),
    /// The timer of a client's socket (flaw `socket-timer`).
    Socket(ConnId),
    /// The batch window closes.
    Window,
    /// The next question of an open loop.
    Arrival,
    /// A node that cannot stop goes round once more (flaw `cannot-stop`).
    Spin,
    /// A replica's next heartbeat.
    Beat,
    /// A leader has been silent for too long, or nobody has said who leads.
    Suspect,
    /// An election has had its time.
    Election,
    /// A new leader has waited long enough for those who may be ahead of it.
    Settle,
    /// The oldest change that lags is sent.
    Lag,
    /// A replica that winds up has had its time.
    WindUp,
    /// Another replica has been silent for too long.
    Silence(NodeId),
    /// The others have had their time to say how far they are.
    Compare,
}

const KIND_SHIFT: u32 = 56;

impl Timer {
    /// The number to arm and disarm it by.
    #[must_use]
    pub const fn id(self) -> TimerId {
        let (kind, of) = match self {
            Self::Deadline(no) => (1, no.0),
            Self::FailOver(no) => (2, no.0),
            Self::Again(no) => (3, no.0),
            Self::Served(no) => (4, no.0),
            Self::Reconnect(node) => (5, node.0 as u64),
            Self::GiveUp(node) => (6, node.0 as u64),
            Self::Pause(node) => (7, node.0 as u64),
            Self::Trial(node) => (8, node.0 as u64),
            Self::Socket(conn) => (9, conn.0),
            Self::Window => (10, 0),
            Self::Arrival => (11, 0),
            Self::Spin => (12, 0),
            Self::Hedge(no) => (13, no.0),
            Self::Check(node) => (14, node.0 as u64),
            Self::Beat => (20, 0),
            Self::Suspect => (21, 0),
            Self::Election => (22, 0),
            Self::Settle => (23, 0),
            Self::Lag => (24, 0),
            Self::WindUp => (25, 0),
            Self::Silence(node) => (26, node.0 as u64),
            Self::Compare => (27, 0),
        };
        TimerId((kind << KIND_SHIFT) | of)
    }

    /// The timer with this number; none for a number that no machine gives.
    #[must_use]
    pub fn of(id: TimerId) -> Option<Self> {
        let of = id.0 & ((1 << KIND_SHIFT) - 1);
        let node = || u16::try_from(of).ok().map(NodeId);
        Some(match id.0 >> KIND_SHIFT {
            1 => Self::Deadline(QuestionNo(of)),
            2 => Self::FailOver(QuestionNo(of)),
            3 => Self::Again(QuestionNo(of)),
            4 => Self::Served(QuestionNo(of)),
            5 => Self::Reconnect(node()?),
            6 => Self::GiveUp(node()?),
            7 => Self::Pause(node()?),
            8 => Self::Trial(node()?),
            9 => Self::Socket(ConnId(of)),
            10 => Self::Window,
            11 => Self::Arrival,
            12 => Self::Spin,
            13 => Self::Hedge(QuestionNo(of)),
            14 => Self::Check(node()?),
            20 => Self::Beat,
            21 => Self::Suspect,
            22 => Self::Election,
            23 => Self::Settle,
            24 => Self::Lag,
            25 => Self::WindUp,
            26 => Self::Silence(node()?),
            27 => Self::Compare,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_is_found_again_by_its_number_and_none_share_one() {
        let no = QuestionNo(7);
        let node = NodeId(7);
        let all = [
            Timer::Deadline(no),
            Timer::FailOver(no),
            Timer::Again(no),
            Timer::Served(no),
            Timer::Reconnect(node),
            Timer::GiveUp(node),
            Timer::Pause(node),
            Timer::Trial(node),
            Timer::Socket(ConnId(7)),
            Timer::Window,
            Timer::Arrival,
            Timer::Spin,
            Timer::Hedge(no),
            Timer::Check(node),
            Timer::Beat,
            Timer::Suspect,
            Timer::Election,
            Timer::Settle,
            Timer::Lag,
            Timer::WindUp,
            Timer::Silence(node),
            Timer::Compare,
        ];
        let numbers: std::collections::BTreeSet<TimerId> = all.iter().map(|one| one.id()).collect();
        assert_eq!(numbers.len(), all.len());
        for timer in all {
            assert_eq!(Timer::of(timer.id()), Some(timer));
        }
        assert_eq!(Timer::of(TimerId(99 << 56)), None);
    }
}
