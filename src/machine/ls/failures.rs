//! Failures that are remembered for a moment: whoever asks again at once is told the same, and no upstream is asked.
//!
//! RFC 9520 has resolvers do so, because failing servers were buried under repeated questions. Only for DNS: the
//! course's load balancers know nothing of it, and their lectures show what follows.

use crate::base::LabTime;
use crate::machine::asked::Asked;
use crate::message::{HostName, RecordType};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long a failure holds: the least that RFC 9520, 3.2 allows.
const HOLDS: Duration = Duration::from_secs(1);

/// Failures that are remembered at once: a second of a large lecture's questions.
const FAILURES_MAX: usize = 10_000;

type Key = (HostName, RecordType);

/// What has failed within the last moment.
#[derive(Debug, Default)]
pub(super) struct Failures {
    known: HashMap<Key, (LabTime, Arc<str>)>,
    order: VecDeque<(LabTime, Key)>,
}

impl Failures {
    /// Remembers that a DNS question has failed, and why.
    pub fn remember(&mut self, now: LabTime, asked: &Asked, why: &str) {
        let Some(query) = asked.dns else { return };
        while let Some((until, key)) = self.order.front() {
            if *until > now && self.order.len() < FAILURES_MAX {
                break;
            }
            if self.known.get(key).is_some_and(|(known, _)| known == until) {
                self.known.remove(key);
            }
            self.order.pop_front();
        }
        let key = (asked.name.clone(), query.kind);
        let until = now + HOLDS;
        self.order.push_back((until, key.clone()));
        self.known.insert(key, (until, Arc::from(why)));
    }

    /// Why this question failed a moment ago, if it did.
    pub fn get(&self, now: LabTime, asked: &Asked) -> Option<Arc<str>> {
        if self.known.is_empty() {
            return None;
        }
        let key = (asked.name.clone(), asked.dns?.kind);
        let (until, why) = self.known.get(&key)?;
        (*until > now).then(|| why.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Query;

    fn asked(name: &str, kind: RecordType) -> Asked {
        Asked { name: HostName::new(name), id: Some(1), dns: Some(Query::new(kind)) }
    }

    #[test]
    fn a_failure_holds_for_a_second_for_its_name_and_type_alone() {
        let mut failures = Failures::default();
        let [at, later] = [0, 999].map(LabTime::from_millis);
        failures.remember(at, &asked("a.b", RecordType::A), "ts1 silent");
        assert_eq!(
            failures.get(later, &asked("A.B", RecordType::A)).as_deref(),
            Some("ts1 silent")
        );
        assert_eq!(failures.get(later, &asked("a.b", RecordType::AAAA)), None);
        assert_eq!(failures.get(later, &asked("b.b", RecordType::A)), None);
        let over = LabTime::from_millis(1000);
        assert_eq!(failures.get(over, &asked("a.b", RecordType::A)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut failures = Failures::default();
        for n in 0..2 * FAILURES_MAX {
            failures.remember(LabTime::ZERO, &asked(&format!("h{n}"), RecordType::A), "x");
        }
        assert!(failures.known.len() <= FAILURES_MAX && failures.order.len() <= FAILURES_MAX);
    }
}
