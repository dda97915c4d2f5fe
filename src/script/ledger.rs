//! The audit of the stores as the script reads it: what is so, and what has come since the step's commands began.

use crate::base::{LabTime, NodeId, Owner, QuestionNo};
use crate::check::{Audit, Figures, Op};
use crate::event::{Event, Fact};
use crate::message::{Note, StoreNote};
use crate::topology::Topology;
use std::sync::Arc;

/// What is known of the stores.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Everything there is to know.
    pub audit: Audit,
    /// The figures when the step's commands began.
    pub before: Figures,
    /// When that was.
    pub began: LabTime,
    /// The operation of a client that the newest event ended.
    concluded: Option<(NodeId, QuestionNo)>,
    /// What was known when the present step began.
    marked: Audit,
}

impl Ledger {
    pub fn new(topology: Arc<Topology>) -> Self {
        let audit = Audit::new(topology);
        Self {
            marked: audit.clone(),
            audit,
            before: Figures::default(),
            began: LabTime::ZERO,
            concluded: None,
        }
    }

    pub fn begin(&mut self, now: LabTime) {
        self.before = self.audit.figures();
        self.began = now;
    }

    pub fn fold(&mut self, event: &Event) {
        self.audit.apply(event);
        match event.fact {
            Fact::StepBegan { .. } => self.marked = self.audit.clone(),
            Fact::StepRestored { .. } => {
                self.audit = self.marked.restored(event.time, self.audit.missed);
            }
            _ => {}
        }
        self.concluded = match (&event.fact, event.id.owner) {
            (
                Fact::Noted(Note::Store(StoreNote::Concluded { request, .. })),
                Owner::Node(node, _),
            ) => Some((node, *request)),
            _ => None,
        };
    }

    /// The operation that the newest event ended.
    pub fn concluded(&self) -> Option<&Op> {
        let (client, request) = self.concluded?;
        self.audit.group_of(client)?.op_of(client, request)
    }
}
