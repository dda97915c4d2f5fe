//! One replica in truth: its life, what it plays, how far it is, what it compared, what it waits for.

use super::copy::Copy;
use crate::base::{EventId, Incarnation, LabTime, NodeId};
use crate::event::Life;
use crate::message::{Awaited, CatchUp, ClockVerdict, Entry, Position};
use crate::topology::{ReplicaConfig, Scheme};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What a replica plays, in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Part {
    /// It does not run.
    #[default]
    Off,
    /// It takes itself for the leader.
    Leads,
    /// It is a copy.
    Backup,
    /// It has asked those before it whether it may lead.
    Candidate,
    /// It is back and not up to date yet, as far as it knows.
    Returning,
    /// It serves, in the scheme in which nobody leads.
    Serves,
    /// Its disk cannot be read.
    Corrupt,
}

impl Part {
    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Leads => "leads",
            Self::Backup => "backup",
            Self::Candidate => "candidate",
            Self::Returning => "returning",
            Self::Serves => "serves",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A comparison of clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// When.
    pub at: LabTime,
    /// How far it was itself.
    pub own: Position,
    /// How far the other was.
    pub other: Position,
    /// What the chosen clock said.
    pub verdict: ClockVerdict,
}

/// How a replica was brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// When it asked.
    pub asked: Option<LabTime>,
    /// When it was done.
    pub at: LabTime,
    /// By whom.
    pub from: NodeId,
    /// How.
    pub how: CatchUp,
    /// Entries shipped.
    pub entries: u64,
    /// Bytes shipped.
    pub bytes: u64,
}

/// What a replica did with its disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disk {
    /// How many writes it took.
    pub writes: u64,
    /// How many bytes they were.
    pub bytes: u64,
    /// The bytes of the newest one.
    pub newest_bytes: u64,
    /// How long the newest one took.
    pub took: Duration,
    /// Why it did not take the newest one, if it did not.
    pub error: Option<Arc<str>>,
}

/// A message with changes that was received and whose effects have not been seen yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Landing {
    pub receipt: EventId,
    pub ops: Arc<[super::op::OpNo]>,
}

/// A state that arrived and was not taken over yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    pub from: NodeId,
    pub keep: u64,
    pub entries: Vec<Entry>,
    /// Nothing more will come of it.
    pub complete: bool,
}

/// One replica.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaState {
    /// Which node.
    pub id: NodeId,
    /// How it is set at present.
    pub config: ReplicaConfig,
    /// Its state, in truth.
    pub life: Life,
    /// Since when.
    pub life_since: LabTime,
    /// Which life.
    pub incarnation: Incarnation,
    /// What it plays.
    pub part: Part,
    /// Since when.
    pub part_since: LabTime,
    /// The highest term it took part in, as far as it has said.
    pub term: u64,
    /// How far it is.
    pub have: Position,
    /// How far its disk is.
    pub durable: u64,
    /// Who leads, as it believes; itself, if it does.
    pub follows: Option<NodeId>,
    /// When it takes over, if it stands and none answers.
    pub stands_until: Option<LabTime>,
    /// How far it believes the others to be, and since when.
    pub knows: BTreeMap<NodeId, (Position, LabTime)>,
    /// Its newest comparison of clocks with each.
    pub compared: BTreeMap<NodeId, Comparison>,
    /// Whom it asked to be brought up to date, how, and when; while it has not been.
    pub asked: Option<(NodeId, CatchUp, LabTime)>,
    /// How it was last brought up to date.
    pub transfer: Option<Transfer>,
    /// What it read from its disk when it began this life.
    pub read_at_boot: Option<u64>,
    /// Its disk was emptied before this life, or is being so.
    pub wiped: bool,
    /// What its disk did.
    pub disk: Disk,
    /// Whom it waits for, standing still, for what and since when.
    pub waits: BTreeMap<NodeId, (Awaited, LabTime)>,
    /// Who of these has said what it waits for: the word is on its way.
    pub(super) answered: BTreeSet<NodeId>,
    /// Writes it acknowledged.
    pub acked: u64,
    /// Retries it recognised.
    pub recognised: u64,
    /// Reads it served.
    pub reads: u64,
    /// Messages of older terms that it turned away.
    pub fenced: u64,
    /// Votes of it that differed from what was taken.
    pub outvoted: u64,
    /// Whether its log is known entry by entry: not after missed events, until its position shows it.
    pub sure: bool,
    pub(super) copy: Copy,
    pub(super) memory: Option<Copy>,
    pub(super) landing: Vec<Landing>,
    pub(super) offer: Option<Offer>,
    /// The input that ended its last wait: what it does in the same turn are the things that had waited.
    pub(super) wait_ended_by: Option<crate::event::Cause>,
}

impl ReplicaState {
    pub(super) fn new(id: NodeId, config: &ReplicaConfig, keep: usize) -> Self {
        Self {
            id,
            config: config.clone(),
            life: Life::Off,
            life_since: LabTime::ZERO,
            incarnation: Incarnation(0),
            part: Part::Off,
            part_since: LabTime::ZERO,
            term: 0,
            have: Position::default(),
            durable: 0,
            follows: None,
            stands_until: None,
            knows: BTreeMap::new(),
            compared: BTreeMap::new(),
            asked: None,
            transfer: None,
            read_at_boot: None,
            wiped: false,
            disk: Disk::default(),
            waits: BTreeMap::new(),
            answered: BTreeSet::new(),
            acked: 0,
            recognised: 0,
            reads: 0,
            fenced: 0,
            outvoted: 0,
            sure: true,
            copy: Copy::new(keep),
            memory: None,
            landing: Vec::new(),
            offer: None,
            wait_ended_by: None,
        }
    }

    /// Whether it runs: a frozen one does not, and neither leads nor votes.
    #[must_use]
    pub const fn runs(&self) -> bool {
        matches!(self.life, Life::Up | Life::Stopping)
    }

    /// Whether it leads, in truth: it takes itself for the leader, and runs.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.part == Part::Leads && self.runs()
    }

    pub(super) fn plays(&mut self, part: Part, now: LabTime) {
        if self.part != part {
            self.part = part;
            self.part_since = now;
        }
        if part != Part::Candidate {
            self.stands_until = None;
        }
    }

    /// A state arrives, or a part of one.
    pub(super) fn is_offered(&mut self, from: NodeId, keep: u64, entries: &[Entry], more: bool) {
        let goes_on = |offer: &Offer| {
            offer.from == from && !offer.complete && offer.keep + offer.entries.len() as u64 == keep
        };
        if let Some(offer) = self.offer.as_mut().filter(|offer| goes_on(offer)) {
            offer.entries.extend(entries.iter().cloned());
            offer.complete = !more;
        } else {
            let entries = entries.to_vec();
            self.offer = Some(Offer { from, keep, entries, complete: !more });
        }
    }

    pub(super) fn saw_term(&mut self, term: u64) {
        self.term = self.term.max(term);
    }

    /// It says whom it takes for the leader, and in which term: the one in which it stood itself does not count now.
    pub(super) fn settles_in(&mut self, term: u64) {
        self.term = term;
    }

    /// A new life: what the process knew is gone, the disk is as it was left.
    pub(super) fn boots(&mut self, life: Incarnation, file: &ReplicaConfig, now: LabTime) {
        let returns = life.0 > 1;
        self.forget();
        self.config.clone_from(file);
        self.incarnation = life;
        self.life = Life::Up;
        self.life_since = now;
        self.read_at_boot = None;
        self.transfer = None;
        self.disk.error = None;
        let part = match (file.scheme, returns) {
            (_, true) => Part::Returning,
            (Scheme::Active, false) => Part::Serves,
            (Scheme::PrimaryBackup, false) => Part::Backup,
        };
        self.plays(part, now);
    }

    /// What dies with a process.
    pub(super) fn forget(&mut self) {
        self.follows = None;
        self.knows.clear();
        self.compared.clear();
        self.asked = None;
        self.waits.clear();
        self.answered.clear();
        self.landing.clear();
        self.offer = None;
        self.wait_ended_by = None;
    }
}
