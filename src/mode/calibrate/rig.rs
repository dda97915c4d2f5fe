//! A lab with a plain socket on each side: near → LS → far. Its links are what is measured.

use super::deadline::Deadline;
use super::probe::{Carrier, Far, Near};
use crate::base::NodeId;
use crate::command::grammar;
use crate::event::{Event, Fact};
use crate::lab::{Lab, LabHandle, Options};
use crate::topology::{self, Wire};
use anyhow::{Context, anyhow, ensure};
use std::sync::Arc;
use std::time::Duration;

/// By then the lab has done what it was told, or never will: also on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(30);

/// What helps where nothing happens in that time.
const REMEDY: &str = "the machine is too busy: run it again when it is quiet";

/// How long the log is waited for at a time.
const LOOK: Duration = Duration::from_millis(100);

/// A lab, and somebody outside who asks its LS.
#[derive(Debug)]
pub struct Rig {
    /// Who asks.
    pub near: Near,
    /// Whom the LS asks, where that is a plain socket.
    pub far: Option<Far>,
    carrier: Carrier,
    handle: LabHandle,
    /// Dropped last: with it, everything ends.
    _lab: Lab,
}

impl Rig {
    /// A rig whose LS asks a plain socket.
    ///
    /// # Errors
    /// The system's; the lab does not answer.
    pub fn start(carrier: Carrier, seed: u64) -> anyhow::Result<Self> {
        let far = Far::listen(carrier).context("no socket can be had")?;
        let ts = format!("at = \"{}\"", far.address);
        Self::with(carrier, seed, &ts, Some(far))
    }

    /// A rig whose LS asks a TS of the lab.
    ///
    /// # Errors
    /// The same.
    pub fn inside(carrier: Carrier, seed: u64) -> anyhow::Result<Self> {
        let ts = "records = { \"a.test\" = \"192.0.2.1\" }\non_miss = \"negative\"";
        Self::with(carrier, seed, ts, None)
    }

    fn with(carrier: Carrier, seed: u64, ts: &str, far: Option<Far>) -> anyhow::Result<Self> {
        let wire = match carrier {
            Carrier::Udp => Wire::Dns,
            Carrier::Tcp => Wire::Line,
        };
        let word = wire.word();
        let text = format!(
            "title = \"calibration\"\nseed = {seed}\n[defaults.link]\nwire = \"{word}\"\n\
             [nodes.ls]\nrole = \"ls\"\nupstreams = [\"ts\"]\npolicy = \"round-robin\"\n\
             timeout = \"10min\"\nlisten = {{ {word} = 0 }}\n[nodes.ts]\nrole = \"ts\"\n{ts}\n"
        );
        let loaded = topology::load_text("calibration.toml", &text, &topology::Bundled);
        let mut topology = loaded.map_err(|problems| anyhow!("{problems}"))?.topology;
        topology.auto_pace = false;
        let lab = Lab::start(Arc::new(topology), &Options::default());
        let lab = lab.context("the lab cannot start")?;
        let handle = lab.handle();
        let ls = handle.topology().names.id("ls").context("the topology has an LS")?;
        let address = handle.address_for(ls, wire).context("the LS found no port")?;
        let near = Near::to(carrier, address).context("the LS does not listen")?;
        greet(&near)?;
        Ok(Self { near, far, carrier, handle, _lab: lab })
    }

    /// By then it has happened, or never will.
    #[must_use]
    pub fn soon() -> Deadline {
        Deadline::after(SOON)
    }

    /// The plain socket on the far side.
    ///
    /// # Errors
    /// There is none.
    pub fn far(&self) -> anyhow::Result<&Far> {
        self.far.as_ref().context("the far side is a node of the lab")
    }

    /// Somebody else who asks the LS.
    ///
    /// # Errors
    /// The system's; the lab does not answer.
    pub fn another(&self) -> anyhow::Result<Near> {
        let address = self.near.address()?;
        let near = Near::to(self.carrier, address)?;
        greet(&near)?;
        Ok(near)
    }

    /// Does something to a link, and waits until it is done.
    ///
    /// # Errors
    /// The lab does not do it.
    pub fn command(&self, line: &str) -> anyhow::Result<()> {
        let from = self.handle.end();
        let command = grammar::command(line, &self.handle.topology().names);
        let command = command.map_err(|error| anyhow!("{line}: {error}"))?;
        ensure!(self.handle.give(command), "the lab takes no command");
        self.until(from, line, |event| matches!(event.fact, Fact::FaultsSet { .. }))
    }

    /// Sends a question, and waits until the LS has put it on the link to the far side, where it may stay.
    ///
    /// # Errors
    /// The system's; the LS does not pass it on.
    pub fn send_on(&self, number: u32) -> anyhow::Result<()> {
        let from = self.handle.end();
        let ts = self.handle.topology().names.id("ts").context("the topology has a TS")?;
        self.near.send(number)?;
        let to_ts = |event: &Event| goes_to(event, ts);
        self.until(from, "a question to the far side", to_ts)
    }

    fn until(&self, from: u64, what: &str, seen: impl Fn(&Event) -> bool) -> anyhow::Result<()> {
        let (by, mut at) = (Self::soon(), from);
        while !by.is_over() {
            let tail = self.handle.read(at, usize::MAX);
            if tail.events().any(&seen) {
                return Ok(());
            }
            at = tail.next;
            self.handle.wait(at, LOOK);
        }
        Err(anyhow!("the lab does not get on within {} s: {what}; {REMEDY}", SOON.as_secs()))
    }
}

/// Waits until whoever asks there is answered.
fn greet(near: &Near) -> anyhow::Result<()> {
    let answers = near.greet(Rig::soon())?;
    ensure!(answers, "the lab does not answer within {} s; {REMEDY}", SOON.as_secs());
    Ok(())
}

fn goes_to(event: &Event, node: NodeId) -> bool {
    matches!(&event.fact, Fact::MessageSent { to, .. } if to.node() == Some(node))
}
