//! Rooms and keys: what was written where and known to be, against which reads are held.

use super::op::{Flawed, OpNo};
use crate::base::LabTime;
use crate::message::{Operation, StoreSaid};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Rooms and keys that are remembered in one group.
const PLACES_MAX: usize = 1024;

/// Writes to one of them that are remembered.
const WRITES_MAX: usize = 512;

/// One write to one place.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    op: OpNo,
    text: Arc<str>,
    begun: LabTime,
    /// Some log has held it.
    accepted: bool,
    /// When the one who asked knew that it is done.
    known: Option<LabTime>,
}

/// The newest writes to one place, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
struct Place {
    writes: VecDeque<Written>,
    /// Older ones were forgotten: what is not here may still have been written.
    forgot: bool,
}

/// A room, or a key: they do not share their names.
type Name = (bool, Arc<str>);

/// Everything that was written, by place.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Places {
    places: BTreeMap<Name, Arc<Place>>,
    /// Events are missing, or places were forgotten.
    forgot: bool,
}

fn name(operation: &Operation) -> Name {
    let room = matches!(operation, Operation::Post { .. } | Operation::Read { .. });
    (room, operation.place().clone())
}

impl Places {
    pub fn begins(&mut self, op: OpNo, operation: &Operation, begun: LabTime) {
        let text = match operation {
            Operation::Post { text, .. } => text.clone(),
            Operation::Put { value, .. } => value.clone(),
            Operation::Read { .. } | Operation::Get { .. } => return,
        };
        let name = name(operation);
        if !self.places.contains_key(&name) && self.places.len() >= PLACES_MAX {
            self.places.pop_first();
            self.forgot = true;
        }
        let place = Arc::make_mut(self.places.entry(name).or_default());
        place.writes.push_back(Written { op, text, begun, accepted: false, known: None });
        if place.writes.len() > WRITES_MAX {
            place.writes.pop_front();
            place.forgot = true;
        }
    }

    pub fn accepted(&mut self, op: OpNo, operation: &Operation) {
        self.change(op, operation, |written| written.accepted, |written| written.accepted = true);
    }

    pub fn known(&mut self, op: OpNo, operation: &Operation, at: LabTime) {
        self.change(
            op,
            operation,
            |written| written.known.is_some(),
            |written| {
                written.accepted = true;
                written.known = Some(at);
            },
        );
    }

    fn change(
        &mut self,
        op: OpNo,
        operation: &Operation,
        done: impl Fn(&Written) -> bool,
        change: impl Fn(&mut Written),
    ) {
        let Some(place) = self.places.get_mut(&name(operation)) else { return };
        // The newest are changed most.
        let Some(at) = place.writes.iter().rposition(|written| written.op == op) else { return };
        if !place.writes.get(at).is_some_and(done)
            && let Some(written) = Arc::make_mut(place).writes.get_mut(at)
        {
            change(written);
        }
    }

    /// Events are missing: what was read may have been written in them.
    pub fn blind(&mut self) {
        self.forgot = true;
    }

    /// What is wrong with what a read gave, that began at this time.
    pub fn judge(&self, read: &Operation, said: &StoreSaid, began: LabTime) -> Option<Flawed> {
        let nothing = Place::default();
        let place = self.places.get(&name(read)).map_or(&nothing, |place| place);
        let complete = !(self.forgot || place.forgot);
        match said {
            StoreSaid::Value(value) => place.judge_value(value.as_deref(), began, complete),
            StoreSaid::Lines(lines) => place.judge_lines(lines, began, complete),
            StoreSaid::Done | StoreSaid::Failed(_) | StoreSaid::NotLeader(_) => None,
        }
    }

    /// What a clone copies, in bytes.
    pub fn weight(&self) -> usize {
        self.places.len() * 64
    }
}

impl Place {
    /// A value is stale if every write that can have made it was known to be done before another write began that was
    /// itself known to be done when the read began.
    fn judge_value(&self, value: Option<&str>, began: LabTime, complete: bool) -> Option<Flawed> {
        let made = || self.writes.iter().filter(|written| Some(&*written.text) == value);
        if value.is_some() && complete && !made().any(|written| written.accepted) {
            return Some(Flawed::Wrong);
        }
        if value.is_some() && made().next().is_none() {
            return None;
        }
        let overwritten_by = |older: Option<&Written>| {
            let settled = |written: &&Written| written.known.is_some_and(|known| known < began);
            let after = |written: &&Written| match older {
                None => true,
                Some(older) => older.known.is_some_and(|known| known < written.begun),
            };
            self.writes.iter().rev().filter(settled).find(after).map(|written| written.op)
        };
        let Some(_) = value else { return overwritten_by(None).map(Flawed::Stale) };
        let mut newest = None;
        for written in made().filter(|written| written.accepted) {
            newest = Some(overwritten_by(Some(written))?);
        }
        newest.map(Flawed::Stale)
    }

    /// A room is stale if a line is missing that was known to be there when the read began; a line that nobody ever
    /// wrote there is wrong.
    fn judge_lines(&self, lines: &[Arc<str>], began: LabTime, complete: bool) -> Option<Flawed> {
        let mut count: HashMap<&str, usize> = HashMap::new();
        for line in lines {
            *count.entry(line).or_default() += 1;
        }
        if complete {
            let held: std::collections::HashSet<&str> = self
                .writes
                .iter()
                .filter(|written| written.accepted)
                .map(|written| &*written.text)
                .collect();
            if lines.iter().any(|line| !held.contains(&**line)) {
                return Some(Flawed::Wrong);
            }
        }
        for written in self.writes.iter().filter(|w| w.known.is_some_and(|known| known < began)) {
            match count.get_mut(&*written.text) {
                Some(left) if *left > 0 => *left -= 1,
                _ => return Some(Flawed::Stale(written.op)),
            }
        }
        None
    }
}
