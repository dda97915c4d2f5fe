//! Which logs hold which write, and what follows of that: on all, at risk, lost; logs that contradict each other.

use super::copy::Item;
use super::gone::{GONE_MAX, Gone, Loss};
use super::group::Group;
use super::op::{Op, OpNo, Safety};
use crate::base::NodeId;
use crate::message::{self, Digest, OpId, Operation, Position};
use std::collections::btree_map::Entry;

impl Group {
    /// The operation with this identity; one that was never heard of begins here.
    pub(super) fn op_for(&mut self, id: &OpId, operation: &Operation) -> OpNo {
        match self.ops.by_id(id) {
            Some(no) => no,
            None => self.begin_op(id, operation),
        }
    }

    fn begin_op(&mut self, id: &OpId, operation: &Operation) -> OpNo {
        let now = self.now;
        let (no, gone) = self.ops.begin(id.clone(), operation.clone(), now);
        if let Some(gone) = gone {
            self.forgets(&gone);
        }
        self.places.begins(no, operation, now);
        no
    }

    /// An operation is no longer remembered by itself. One that is lost stays on the list of those.
    fn forgets(&mut self, op: &Op) {
        self.dirty.remove(&op.no);
        if op.acked.is_none() || op.safety == Safety::Lost {
            return;
        }
        if let Some(count) = self.figures.of(op.safety) {
            *count -= 1;
        }
        let bulk = &mut self.bulk;
        bulk.held = if bulk.acked == 0 { op.held } else { bulk.held & op.held };
        bulk.some |= op.held;
        bulk.acked += 1;
        if let Some(count) = self.figures.of(self.bulk.safety) {
            *count += 1;
        } else {
            self.weigh_bulk();
        }
    }

    /// A replica has an entry in its log.
    pub(super) fn accepts(&mut self, at: usize, entry: &message::Entry, have: Position) {
        let no = self.op_for(&entry.id, &entry.operation);
        let copy = &self.replicas[at].copy;
        if copy.item(entry.position).is_some_and(|item| item.op == no) {
            return self.stands_at(at, have);
        }
        if entry.position <= copy.len() {
            self.cut(at, entry.position - 1);
        }
        let copy = &self.replicas[at].copy;
        if entry.position == copy.len() + 1 {
            let digest = copy.have().digest.with(entry);
            self.push(at, Item { op: no, digest });
        } else {
            self.holds(at, no);
        }
        self.stands_at(at, have);
    }

    fn push(&mut self, at: usize, item: Item) {
        self.replicas[at].copy.push(item);
        if item.op != OpNo::default() {
            self.holds(at, item.op);
        }
        self.look_for_forks(at);
    }

    fn holds(&mut self, at: usize, no: OpNo) {
        let Some(op) = self.ops.get_mut(no) else { return };
        let bit = 1 << at;
        let again = op.held & bit != 0 && !std::mem::replace(&mut op.applied_twice, true);
        op.held |= bit;
        op.accepted = true;
        self.figures.dup += u64::from(again);
        if let Some(op) = self.ops.get(no) {
            self.places.accepted(no, &op.operation);
        }
        self.dirty.insert(no);
        self.has_landed(at, Some(no));
    }

    /// A replica's log ends here.
    pub(super) fn cut(&mut self, at: usize, keep: u64) {
        let copy = &mut self.replicas[at].copy;
        if keep + 1 < copy.oldest() {
            let bit = 1 << at;
            self.bulk.held &= !bit;
            self.bulk.some &= !bit;
            self.weigh_bulk();
        }
        let gone = self.replicas[at].copy.cut(keep);
        for item in gone {
            self.lets_go(at, item.op);
        }
        self.look_for_forks(at);
    }

    fn lets_go(&mut self, at: usize, no: OpNo) {
        let twice = self.ops.get(no).is_some_and(|op| op.applied_twice);
        if twice && self.replicas[at].copy.after(0).iter().any(|item| item.op == no) {
            return;
        }
        if let Some(op) = self.ops.get_mut(no) {
            op.held &= !(1 << at);
            self.dirty.insert(no);
        }
    }

    /// What stands after `keep` is replaced by these entries, from another's log.
    pub(super) fn replace(
        &mut self,
        at: usize,
        keep: u64,
        entries: &[message::Entry],
        from: NodeId,
    ) {
        let bits = (1_u64 << at, self.place(from).map_or(0, |from| 1_u64 << from));
        let whole = keep == 0 && self.bulk.acked > 0;
        // What both have stays as it is, in memory and on the disk.
        let stays = (keep + 1..).zip(entries).take_while(|(position, entry)| {
            let item = self.replicas[at].copy.item(*position);
            item.is_some_and(|item| Some(item.op) == self.ops.by_id(&entry.id))
        });
        let stays = stays.count();
        self.cut(at, keep + stays as u64);
        for entry in &entries[stays..] {
            let digest = self.replicas[at].copy.have().digest.with(entry);
            // What is no longer remembered is no news, and would push out what is.
            let known = self.ops.by_id(&entry.id);
            let op = match known {
                None if whole => OpNo::default(),
                None => self.op_for(&entry.id, &entry.operation),
                Some(no) => no,
            };
            self.push(at, Item { op, digest });
        }
        if whole {
            let (mine, theirs) = bits;
            self.bulk.held |= if self.bulk.held & theirs == 0 { 0 } else { mine };
            self.bulk.some |= if self.bulk.some & theirs == 0 { 0 } else { mine };
            self.weigh_bulk();
        }
    }

    /// A replica says how far it is: what is known of its log is held against that.
    pub(super) fn stands_at(&mut self, at: usize, have: Position) {
        self.replicas[at].have = have;
        if self.replicas[at].copy.have() == have {
            self.replicas[at].sure = true;
            return;
        }
        if have.at == 0 {
            self.cut(at, 0);
            self.replicas[at].sure = true;
            return;
        }
        let fits = |copy: &super::copy::Copy| copy.digest_at(have.at) == Some(have.digest);
        let own = self.replicas[at].memory.as_ref().filter(|copy| fits(copy)).cloned();
        let other = || self.replicas.iter().map(|other| &other.copy).find(|copy| fits(copy));
        match own.or_else(|| other().cloned()) {
            Some(copy) => {
                self.replicas[at].copy.become_beginning_of(&copy, have.at);
                self.replicas[at].sure = true;
                self.held_anew(at);
            }
            None => self.replicas[at].sure = false,
        }
    }

    /// A replica whose log is in doubt tells in passing how far it is.
    pub(super) fn witness(&mut self, at: usize, have: Position) {
        let replica = &self.replicas[at];
        if replica.sure {
            return;
        }
        if replica.copy.digest_at(have.at) == Some(have.digest) && replica.copy.len() > have.at {
            // It may be a little behind what it has in memory.
            self.replicas[at].sure = true;
            self.touch_all();
        } else {
            self.stands_at(at, have);
            self.touch_all();
        }
    }

    /// The bits of one replica, made anew from its log.
    pub(super) fn held_anew(&mut self, at: usize) {
        let bit = 1_u64 << at;
        for no in self.ops.numbers() {
            if self.ops.get(no).is_some_and(|op| op.held & bit != 0)
                && let Some(op) = self.ops.get_mut(no)
            {
                op.held &= !bit;
            }
        }
        for item in self.replicas[at].copy.after(0) {
            if let Some(op) = self.ops.get_mut(item.op) {
                op.held |= bit;
                op.accepted = true;
            }
        }
        self.touch_all();
        self.look_for_forks(at);
    }

    pub(super) fn touch_all(&mut self) {
        self.dirty.extend(self.ops.numbers());
        self.weigh_bulk();
    }

    /// Whether every living replica's log is known.
    fn is_sure(&self) -> bool {
        self.replicas.iter().all(|replica| replica.sure || !replica.life.is_alive())
    }

    fn safety(&self, held: u64, some: u64, flying: u32, before: Safety) -> Safety {
        let alive = self.alive();
        let many = alive.count_ones() > 1 || self.replicas.len() == 1;
        if alive == 0 {
            return if before == Safety::Unacked { Safety::AtRisk } else { before };
        }
        match (held & alive == alive, some & alive == 0 && flying == 0) {
            (true, _) if many => Safety::OnAll,
            (false, true) if self.is_sure() || before == Safety::Lost => Safety::Lost,
            _ => Safety::AtRisk,
        }
    }

    pub(super) fn weigh_bulk(&mut self) {
        let bulk = self.bulk;
        if bulk.acked == 0 {
            return;
        }
        let safety = self.safety(bulk.held, bulk.some, 0, bulk.safety);
        if safety == bulk.safety {
            return;
        }
        if let Some(count) = self.figures.of(bulk.safety) {
            *count -= bulk.acked;
        }
        if let Some(count) = self.figures.of(safety) {
            *count += bulk.acked;
        }
        self.bulk.safety = safety;
    }

    /// At the end of an event: where is each acknowledged write now that something has changed about?
    pub(super) fn weigh(&mut self) {
        for no in std::mem::take(&mut self.dirty) {
            let Some(op) = self.ops.get(no).filter(|op| op.acked.is_some()) else { continue };
            let (before, after) = (op.safety, self.safety(op.held, op.held, op.flying, op.safety));
            if before == after {
                continue;
            }
            if let Some(count) = self.figures.of(before) {
                *count -= 1;
            }
            if let Some(count) = self.figures.of(after) {
                *count += 1;
            }
            if before == Safety::Lost {
                self.lost.remove(&no);
            }
            if let Some(op) = self.ops.get_mut(no) {
                op.safety = after;
            }
            if after == Safety::Lost {
                self.is_lost(no);
            }
        }
        self.figures.lost_max = self.figures.lost_max.max(self.figures.lost);
        if self.figures.lost == 0 {
            self.lost_since = None;
        } else {
            self.lost_since.get_or_insert(self.now);
        }
    }

    fn is_lost(&mut self, no: OpNo) {
        if self.lost.len() >= GONE_MAX {
            return;
        }
        let Some(op) = self.ops.get(no) else { return };
        let told = op.known_acked().and(op.asker).map(|(node, ..)| node);
        let gone = Gone {
            id: op.id.clone(),
            operation: op.operation.clone(),
            acked: op.acked.unwrap_or(self.now),
            acked_by: op.acked_by.iter().map(|(by, _)| *by).collect(),
            told,
            since: self.now,
            why: self.because,
        };
        self.lost.insert(no, gone);
    }

    /// Whether the log of this one and that of any other living one contradict each other.
    pub(super) fn look_for_forks(&mut self, at: usize) {
        let now = self.now;
        let mine = &self.replicas[at];
        for other in self.replicas.iter().filter(|other| other.id != mine.id) {
            let pair = (mine.id.min(other.id), mine.id.max(other.id));
            let alive = mine.life.is_alive() && other.life.is_alive();
            let known = mine.sure && other.sure;
            let forked = alive && known && mine.copy.is_forked_from(&other.copy) == Some(true);
            if !forked {
                if !alive || known {
                    self.forks.remove(&pair);
                }
            } else if let Entry::Vacant(fork) = self.forks.entry(pair) {
                fork.insert(now);
                self.figures.divergences += 1;
            }
        }
        self.figures.diverged = self.forks.len() as u64;
    }

    /// The digest of everything a replica has, as far as its log is known; what it said itself otherwise.
    #[must_use]
    pub fn digest(&self, id: NodeId) -> Option<Digest> {
        let replica = self.replica(id)?;
        Some(if replica.sure { replica.copy.have().digest } else { replica.have.digest })
    }

    pub(super) fn lost_because(&mut self, why: Loss) {
        self.because = why;
    }
}
