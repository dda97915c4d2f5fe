//! Which upstream is meant for a name, and which has least to do: rendezvous hashing and the choice of two.

use super::Ls;
use super::choose::Choice;
use crate::base::NodeId;
use crate::base::QuestionNo;
use crate::base::draw::{Purpose, draw};
use crate::machine::Effects;
use crate::message::{BalanceNote, HostName, Note};

/// What tells the second draw of a question from its first.
const SECOND: u64 = 1 << 63;

/// A number for a text that is the same in every run, on every machine and in every version (FNV-1a; Fowler, Noll and
/// Vo): the place of a name depends on it.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The weight of a server for a name. It depends on nothing else: whoever joins takes the names for which it has the
/// highest weight, whoever leaves leaves its own to the next, and all others stay.
fn weight(server: &str, name: u64) -> u64 {
    draw(0, digest(server), Purpose::Place, name)
}

impl Ls {
    /// The highest weight first, those that are down last (rendezvous hashing; Thaler and Ravishankar 1998).
    pub(super) fn by_weight(&self, name: &HostName, failover: bool) -> Choice {
        let name = digest(name.as_str());
        let mut places: Vec<(bool, u64, NodeId)> = (0..self.upstreams.len())
            .filter(|at| self.may_ask(*at, false))
            .map(|at| {
                let node = self.upstreams[at].server.node();
                let down = failover && !self.may_ask(at, true);
                (!down, weight(self.topology.names.of(node), name), node)
            })
            .collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        if !failover {
            places.truncate(1);
        }
        let lanes: Vec<NodeId> = places.into_iter().map(|(_, _, node)| node).collect();
        Choice { at_once: lanes.len().min(1), lanes, failover }
    }

    /// Of two drawn by the question's number the one that has less to do (Mitzenmacher, "The Power of Two Choices in
    /// Randomized Load Balancing", 2001); then the other, and then whoever is left.
    pub(super) fn of_two(&self, no: QuestionNo, failover: bool, out: &mut Effects) -> Choice {
        let all = |up: bool| -> Vec<usize> {
            (0..self.upstreams.len()).filter(|at| self.may_ask(*at, up)).collect()
        };
        let mut places = all(failover);
        if places.is_empty() {
            places = all(false);
        }
        let count = places.len() as u64;
        if count < 2 {
            return self.in_turn(places.first().copied(), failover);
        }
        let pick = |key: u64, count: u64| {
            (draw(self.draws.0, self.draws.1, Purpose::Choice, key) % count) as usize
        };
        let first = pick(no.0, count);
        let other = pick(no.0 | SECOND, count - 1);
        let other = other + usize::from(other >= first);
        let told = |place: usize| {
            let server = &self.upstreams[places[place]].server;
            (server.node(), u32::try_from(server.waiting()).unwrap_or(u32::MAX))
        };
        let (mut taken, mut left) = (told(first), told(other));
        let mut chosen = places[first];
        if left.1 < taken.1 {
            (taken, left) = (left, taken);
            chosen = places[other];
        }
        out.note(Note::Balance(BalanceNote::Drew { question: no, taken, left }));
        let mut choice = self.in_turn(Some(chosen), failover);
        if let Some(at) = choice.lanes.iter().position(|node| *node == left.0) {
            let second = choice.lanes.remove(at);
            choice.lanes.insert(1, second);
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(servers: &[&str], name: &str) -> String {
        let best = servers.iter().max_by_key(|server| weight(server, digest(name)));
        (*best.unwrap()).to_owned()
    }

    #[test]
    fn whoever_joins_or_leaves_moves_only_its_share() {
        let servers = ["ts1", "ts2", "ts3", "ts4", "ts5"];
        let names: Vec<String> = (0..2_000).map(|n| format!("www.host-{n}.org")).collect();
        let mut moved = 0;
        for name in &names {
            let (before, after) = (home(&servers[..4], name), home(&servers, name));
            if before != after {
                assert_eq!(after, "ts5", "{name} moves, and not to the one that joined");
                moved += 1;
            }
        }
        assert!((320..480).contains(&moved), "{moved} of 2000 names moved to a fifth server");
        for server in servers {
            let share = names.iter().filter(|name| home(&servers, name) == server).count();
            assert!((320..480).contains(&share), "{server} has {share} of 2000 names");
        }
    }

    #[test]
    fn the_place_of_a_name_is_for_ever_and_has_no_case() {
        let servers = ["ts1", "ts2", "ts3", "ts4"];
        let places = ["a", "b", "c", "d", "e"].map(|name| home(&servers, name));
        insta::assert_snapshot!(places.join(" "), @"ts1 ts1 ts1 ts1 ts4");
        assert_eq!(home(&servers, "WWW.Google.com"), home(&servers, "www.google.COM"));
    }
}
