//! The service of the replica family: a small chat that is also a store. What a client asks of it, what it says, and
//! what a replica remembers.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The identity of an operation, given by whoever asks first: a retry bears the same, so that it can be recognised
/// (at-most-once; Birrell and Nelson, "Implementing remote procedure calls", TOCS 1984).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// Who asks: a client's name and its life (`writer.2`), or a visitor at a replica (`r1.visitor-3`). In a later run
    /// on the same disks the run stands behind (`writer.2@3`): those of the earlier ones are taken.
    pub client: Arc<str>,
    /// Its number there, from 1.
    pub number: u64,
}

/// `writer.2#7`; the same text in JSON.
impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.client, self.number)
    }
}

impl Serialize for OpId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OpId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let parts = text.rsplit_once('#');
        let id = parts.and_then(|(client, number)| {
            Some(Self { client: Arc::from(client), number: number.parse().ok()? })
        });
        id.ok_or_else(|| serde::de::Error::custom("an id is a name, `#` and a number: writer.1#7"))
    }
}

/// Something to be done by the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `post ROOM TEXT`: a line more in a room.
    Post {
        /// Which room.
        room: Arc<str>,
        /// What is said there.
        text: Arc<str>,
    },
    /// `read ROOM`: every line of a room.
    Read {
        /// Which room.
        room: Arc<str>,
    },
    /// `put KEY VALUE`.
    Put {
        /// Which key.
        key: Arc<str>,
        /// Its value from now on.
        value: Arc<str>,
    },
    /// `get KEY`.
    Get {
        /// Which key.
        key: Arc<str>,
    },
}

impl Operation {
    /// Whether it changes anything.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self, Self::Post { .. } | Self::Put { .. })
    }

    /// The room or the key that it is about.
    #[must_use]
    pub fn place(&self) -> &Arc<str> {
        match self {
            Self::Post { room, .. } | Self::Read { room } => room,
            Self::Put { key, .. } | Self::Get { key } => key,
        }
    }
}

/// As a person types it; whatever is shown goes through `base::text` afterwards.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post { room, text } => write!(f, "post {room} {text}"),
            Self::Read { room } => write!(f, "read {room}"),
            Self::Put { key, value } => write!(f, "put {key} {value}"),
            Self::Get { key } => write!(f, "get {key}"),
        }
    }
}

/// What a replica says to an operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreSaid {
    /// The write is done.
    Done,
    /// The value of the key, if it has one.
    Value(Option<Arc<str>>),
    /// The lines of the room.
    Lines(Arc<[Arc<str>]>),
    /// It was not done, for sure, and why.
    Failed(Arc<str>),
    /// It was not done: this replica does not lead. The name of the one that it believes does.
    NotLeader(Option<Arc<str>>),
}

impl StoreSaid {
    /// Whether the operation was carried out.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Done | Self::Value(_) | Self::Lines(_))
    }
}

/// For logs and tests; whatever is shown to a person goes through `base::text` afterwards.
impl fmt::Display for StoreSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("ok"),
            Self::Value(Some(value)) => f.write_str(value),
            Self::Value(None) => f.write_str("no such key"),
            Self::Lines(lines) => write!(f, "{} lines", lines.len()),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::NotLeader(Some(leader)) => write!(f, "not the leader, {leader} is"),
            Self::NotLeader(None) => f.write_str("not the leader, and knows of none"),
        }
    }
}

/// How an operation ended, as its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpOutcome {
    /// It was done.
    Ok,
    /// It was not done, for sure.
    Failed,
    /// It may have happened or not: nothing was heard in time.
    Unknown,
}

impl OpOutcome {
    /// Every outcome, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Failed, Self::Unknown];

    /// The word that reports, panel and steps use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One write in the log of a replica. Reads leave no entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the log, from 1.
    pub position: u64,
    /// The term in which it was accepted; 0 where there are none.
    pub term: u64,
    /// Which operation.
    pub id: OpId,
    /// What it does.
    #[serde(rename = "do")]
    pub operation: Operation,
}

/// A short fingerprint of everything a replica has accepted, in order. Equal digests: equal contents (but for one
/// chance in 2^64).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest when one more entry has been accepted. FNV-1a, 64 bits, over the identity and the text of the
    /// operation; chained, so that order counts.
    #[must_use]
    pub fn with(self, entry: &Entry) -> Self {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut state = self.0 ^ 0xcbf2_9ce4_8422_2325;
        for byte in format!("{}\u{0}{}", entry.id, entry.operation).bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        Self(state)
    }
}

/// Four hexadecimal digits, as people compare them.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", (self.0 >> 48) ^ (self.0 & 0xffff))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What a replica's disk holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Image {
    /// Its log.
    pub entries: Vec<Entry>,
    /// The highest term it has taken part in.
    pub term: u64,
}

/// How a replica writes its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskKind {
    /// An embedded database to which operations are appended.
    #[default]
    Sqlite,
    /// The whole store as one JSON file, written anew at each change, as in the original.
    Rewrite,
}

/// One change of a disk, all of it or nothing: what stands in the log after `keep` is replaced by these entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The last position that stays.
    pub keep: u64,
    /// What follows it.
    pub entries: Arc<[Entry]>,
    /// The highest term taken part in.
    pub term: u64,
    /// How it is to be written; what the disk holds in another form is brought into this one first.
    pub kind: DiskKind,
}

impl Image {
    /// Carries a change out.
    pub fn apply(&mut self, write: &Write) {
        let keep = usize::try_from(write.keep).unwrap_or(usize::MAX);
        self.entries.truncate(keep);
        self.entries.extend(write.entries.iter().cloned());
        self.term = write.term;
    }
}
