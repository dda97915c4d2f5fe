//! A TS in front of a store: what its table lacks it looks up there, as a client of the store does. The key is the name
//! in small letters, for names compare without case and keys do not; its value is the address.

use super::{Found, Ts};
use crate::base::{Incarnation, NodeId, QuestionNo};
use crate::machine::Effects;
use crate::machine::caller::{Caller, Verdict};
use crate::message::{Flaws, OpOutcome, Operation, StoreSaid};
use crate::topology::{
    Kind, NoMajority, ReadFrom, Scheme, Setting, StoreClientConfig, Topology, TsConfig,
};
use std::sync::Arc;

/// The longest value that can be an address, or a list of them with commas.
const ADDRESS_BYTES_MAX: usize = 255;

/// What a TS calls its store with, if it has one.
pub(super) fn caller(
    topology: &Topology,
    node: NodeId,
    incarnation: Incarnation,
    config: &TsConfig,
) -> Option<Box<Caller>> {
    let first = config.store.first()?;
    let scheme = match &topology.node(*first).kind {
        Kind::Replica(replica) => replica.scheme,
        _ => Scheme::default(),
    };
    let patience = config.patience;
    let config = StoreClientConfig {
        asks: config.store.clone(),
        scheme,
        operations: Arc::from([]),
        reads: ReadFrom::Leader,
        no_majority: NoMajority::Refuse,
        request_timeout: patience.request_timeout,
        timeout: patience.timeout,
        reconnect: patience.reconnect,
        rate: 0.0,
        flaws: Flaws::NONE,
    };
    Some(Box::new(Caller::new(topology, node, incarnation, config)))
}

impl Ts {
    /// A setting changed that may be about the store.
    pub(super) fn set_store(&mut self, setting: &Setting, out: &mut Effects) {
        let Some(store) = &mut self.store else { return };
        if store.set(setting) && matches!(setting, Setting::Upstreams(_)) {
            store.change_replicas(self.now, out);
        }
    }

    /// Whether this question is one for the store.
    pub(super) fn is_for_store(&self, no: QuestionNo) -> bool {
        let lacks = |name| self.config.records.get(name).is_none();
        self.store.is_some() && self.questions.get(&no).is_some_and(|it| lacks(&it.asked.name))
    }

    /// Asks the store. The worker waits for it.
    pub(super) fn ask_store(&mut self, no: QuestionNo, out: &mut Effects) {
        let Some(question) = self.questions.get(&no) else { return };
        let key = Arc::from(question.asked.name.as_str().to_ascii_lowercase());
        if let Some(store) = &mut self.store {
            store.begin(self.now, no, Operation::Get { key }, out);
        }
    }

    /// Answers what the store has settled.
    pub(super) fn hear_store(&mut self, out: &mut Effects) {
        while let Some(Verdict { request, outcome, said }) =
            self.store.as_mut().and_then(|store| store.take_verdict())
        {
            let found = match (outcome, said) {
                (OpOutcome::Ok, Some(StoreSaid::Value(Some(value)))) if is_address(&value) => {
                    Found::InStore(value)
                }
                (OpOutcome::Ok, Some(StoreSaid::Value(None))) => Found::Nothing,
                (OpOutcome::Ok, _) => Found::Failed("what the store has is no address"),
                (OpOutcome::Failed | OpOutcome::Unknown, _) => {
                    Found::Failed("the store does not answer")
                }
            };
            self.store_settled(request, found, out);
        }
    }

    /// A worker has waited long enough. The asker may be gone by now, and the worker with it.
    fn store_settled(&mut self, no: QuestionNo, found: Found, out: &mut Effects) {
        let Some(question) = self.questions.remove(&no) else { return };
        self.answer(no, question, found, out);
        self.busy -= 1;
        self.employ(out);
    }
}

/// One word that fits into an answer.
fn is_address(value: &str) -> bool {
    let fits = |one: char| one.is_ascii_graphic();
    !value.is_empty() && value.len() <= ADDRESS_BYTES_MAX && value.chars().all(fits)
}
