//! A client of the store: goes through its operations in turn, does what it is told, and keeps up an open loop of them.
//!
//! How an operation reaches the replicas is the business of `machine::caller`.

use super::caller::{Caller, draws_of};
use super::load::Load;
use super::timers::Timer;
use super::{Effect, Effects, Input, Machine, Told};
use crate::base::{Incarnation, LabTime, NodeId, QuestionNo};
use crate::message::{Note, Operation};
use crate::topology::{Setting, StoreClientConfig, Topology};
use std::sync::Arc;

/// Operations that one command may begin.
const TIMES_MAX: u32 = 10_000;

/// What stands for the operation's number in a text.
const NUMBER: &str = "{n}";

/// A client of the store.
#[derive(Debug)]
pub struct StoreClient {
    caller: Caller,
    load: Load,
    requests: u64,
    /// The next operation of its list.
    cursor: usize,
    over: bool,
}

impl StoreClient {
    /// The machine of this node.
    pub fn new(
        topology: &Topology,
        node: NodeId,
        incarnation: Incarnation,
        config: StoreClientConfig,
    ) -> Self {
        Self {
            load: Load::new(draws_of(topology, node, incarnation)),
            caller: Caller::new(topology, node, incarnation, config),
            requests: 0,
            cursor: 0,
            over: false,
        }
    }

    fn told(&mut self, now: LabTime, told: Told, out: &mut Effects) {
        match told {
            Told::Ask { name: None, times, .. } => self.go_on_with_list(now, times, out),
            Told::Ask { name: Some(name), times, .. } => {
                let operation = Operation::Get { key: Arc::from(name.as_str()) };
                self.operate(now, &operation, times, out);
            }
            Told::Operate { operation, times } => self.operate(now, &operation, times, out),
            Told::Batch => {
                let all = u32::try_from(self.caller.config().operations.len());
                self.cursor = 0;
                self.go_on_with_list(now, all.unwrap_or(u32::MAX), out);
            }
            Told::Load { per_kilosecond } => self.load.set(now, per_kilosecond, out),
            Told::Set { setting, key, value } => self.set(now, &setting, key, value, out),
            Told::Stop => self.stop(out),
        }
    }

    /// The next operations of the list, round and round.
    fn go_on_with_list(&mut self, now: LabTime, times: u32, out: &mut Effects) {
        let operations = self.caller.config().operations.clone();
        for _ in 0..times.min(TIMES_MAX) {
            let Some(operation) = operations.get(self.cursor % operations.len().max(1)) else {
                return;
            };
            self.cursor = (self.cursor + 1) % operations.len();
            self.operate(now, operation, 1, out);
        }
    }

    fn operate(&mut self, now: LabTime, operation: &Operation, times: u32, out: &mut Effects) {
        for _ in 0..times.min(TIMES_MAX) {
            let request = QuestionNo(self.requests + 1);
            if self.caller.begin(now, request, numbered(operation, request), out) {
                self.requests += 1;
            }
        }
    }

    fn set(
        &mut self,
        now: LabTime,
        setting: &Setting,
        key: Arc<str>,
        value: Arc<str>,
        out: &mut Effects,
    ) {
        if self.caller.set(setting) {
            out.note(Note::Changed { key, value });
            if matches!(setting, Setting::Upstreams(_)) {
                self.caller.change_replicas(now, out);
            }
        }
    }

    fn stop(&mut self, out: &mut Effects) {
        let in_flight = u32::try_from(self.caller.open_calls()).unwrap_or(u32::MAX);
        out.note(Note::Stopping { in_flight });
        out.push(Effect::Disarm(Timer::Arrival.id()));
        self.caller.stop(out);
        self.over = true;
        out.push(Effect::Exit);
    }

    fn fired(&mut self, now: LabTime, timer: Timer, out: &mut Effects) {
        if timer == Timer::Arrival {
            let times = self.load.arrivals(now, out);
            self.go_on_with_list(now, times, out);
        } else {
            self.caller.fired(now, timer, out);
        }
    }
}

/// The operation with its number put in.
fn numbered(operation: &Operation, request: QuestionNo) -> Operation {
    let put_in = |text: &Arc<str>| {
        if text.contains(NUMBER) {
            Arc::from(text.replace(NUMBER, &request.to_string()))
        } else {
            text.clone()
        }
    };
    match operation {
        Operation::Post { room, text } => {
            Operation::Post { room: put_in(room), text: put_in(text) }
        }
        Operation::Read { room } => Operation::Read { room: put_in(room) },
        Operation::Put { key, value } => Operation::Put { key: put_in(key), value: put_in(value) },
        Operation::Get { key } => Operation::Get { key: put_in(key) },
    }
}

impl Machine for StoreClient {
    fn step(&mut self, now: LabTime, input: Input, out: &mut Effects) {
        if self.over {
            return;
        }
        match input {
            Input::Boot(_) => {
                self.caller.open(now, out);
                let rate = self.caller.config().rate;
                self.load.begin(now, rate, out);
            }
            Input::Opened { conn, .. } => {
                self.caller.opened(conn, out);
            }
            Input::Refused { conn, .. } => {
                self.caller.refused(now, conn, out);
            }
            Input::Ended { conn, ending, .. } => {
                self.caller.ended(now, conn, ending, out);
            }
            Input::Received { conn, message, .. } => {
                self.caller.received(now, conn, &message, out);
            }
            Input::Fired(timer) => {
                if let Some(timer) = Timer::of(timer) {
                    self.fired(now, timer, out);
                }
            }
            Input::Told(told) => self.told(now, told, out),
            Input::Malformed { .. }
            | Input::Unasked { .. }
            | Input::Persisted { .. }
            | Input::Unpersisted { .. } => {}
        }
        // The notes say how each ended; nobody else here wants to know.
        while self.caller.take_verdict().is_some() {}
    }
}
