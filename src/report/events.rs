//! Events as JSON lines: a header, then one object an event. What is written reads back as the
//! same events.

use super::{json, line, text};
use crate::base::{EventId, Incarnation, LabTime, Names, NodeId, Owner};
use crate::event::{Cause, Event, Fact};
use crate::topology::Topology;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};

/// The version of the lines' shape; it grows when a key changes its meaning.
pub const FORMAT: u32 = 1;

/// The longest line that is read: a message holds at most 64 KiB, which escaping makes six times
/// as long, twice.
pub const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// The most nodes that a header may name, as many as a topology may have.
pub const NODES_MAX: usize = 2000;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the lines' shape.
    pub format: u32,
    /// The version of faultlab that wrote them.
    pub faultlab: String,
    /// The seed of every draw.
    pub seed: u64,
    /// The topology's name.
    pub topology: String,
    /// The names of the nodes; a node's id is its place here.
    pub nodes: Vec<String>,
    /// The topology itself, before the first event; none in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<Box<Topology>>,
}

impl Header {
    /// The header of a run of this topology.
    #[must_use]
    pub fn new(topology: &Topology) -> Self {
        Self {
            format: FORMAT,
            faultlab: env!("CARGO_PKG_VERSION").into(),
            seed: topology.seed,
            topology: topology.name.clone(),
            nodes: topology.names.iter().map(str::to_owned).collect(),
            lab: Some(Box::new(topology.clone())),
        }
    }

    /// The table of names.
    #[must_use]
    pub fn names(&self) -> Names {
        Names::new(&self.nodes)
    }
}

/// One event as a line has it.
#[derive(Debug, Serialize, Deserialize)]
struct Line<F> {
    t_ns: u64,
    n: u64,
    /// Null for the lab itself.
    node: Option<String>,
    incarnation: Option<u32>,
    cause: Cause,
    /// For people; it is not read back.
    #[serde(default)]
    text: Option<String>,
    fact: F,
}

/// What is wrong with a recording, and where.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading failed.
    #[error("line {line}: the recording cannot be read: {source}")]
    Io {
        /// Which line, from 1.
        line: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// A line is damaged.
    #[error("line {line}: {problem}")]
    Damaged {
        /// Which line, from 1.
        line: u64,
        /// What is wrong and, where there is one, the remedy.
        problem: String,
    },
}

impl ReadError {
    fn damaged(line: u64, problem: impl AsRef<str>) -> Self {
        Self::Damaged { line, problem: text(problem.as_ref()).into() }
    }
}

/// Writes the header line.
///
/// # Errors
/// Those of the writer.
pub fn write_header(out: &mut impl Write, topology: &Topology) -> io::Result<()> {
    writeln!(out, "{}", json::compact(&Header::new(topology))?)
}

/// Writes one event's line.
///
/// # Errors
/// Those of the writer.
pub fn write_event(out: &mut impl Write, event: &Event, names: &Names) -> io::Result<()> {
    let (node, incarnation) = match event.id.owner {
        Owner::Lab => (None, None),
        Owner::Node(node, life) => (Some(names.of(node).to_owned()), Some(life.0)),
    };
    let line = Line {
        t_ns: event.time.0,
        n: event.id.number,
        node,
        incarnation,
        cause: event.cause,
        text: line(event, names),
        fact: &event.fact,
    };
    writeln!(out, "{}", json::compact(&line)?)
}

/// Reads a recording: its header, and the events as they come. After an error there are no more.
///
/// # Errors
/// If there is no header, or none that this version reads.
pub fn read<R: BufRead>(input: R) -> Result<(Header, Events<R>), ReadError> {
    let mut lines = Lines { input, number: 0 };
    let first = lines.next()?.ok_or_else(|| {
        ReadError::damaged(1, "the file is empty; a recording begins with its header")
    })?;
    let header: Header = serde_json::from_str(&first).map_err(|error| {
        let problem =
            format!("this is no header of a recording, as `S` and `--events` write them: {error}");
        ReadError::damaged(1, problem)
    })?;
    if header.format != FORMAT {
        let problem = format!(
            "the recording has format {}, but this faultlab ({}) reads format {FORMAT}; \
             read it with version {}",
            header.format,
            env!("CARGO_PKG_VERSION"),
            header.faultlab
        );
        return Err(ReadError::damaged(1, problem));
    }
    if header.nodes.len() > NODES_MAX {
        return Err(ReadError::damaged(1, format!("the header names more than {NODES_MAX} nodes")));
    }
    let nodes: HashMap<String, NodeId> =
        header.nodes.iter().zip(0u16..).map(|(name, id)| (name.clone(), NodeId(id))).collect();
    if nodes.len() != header.nodes.len() {
        return Err(ReadError::damaged(1, "the table of nodes names one twice"));
    }
    Ok((header, Events { lines, nodes, over: false }))
}

/// The events of a recording, one line after the other.
#[derive(Debug)]
pub struct Events<R> {
    lines: Lines<R>,
    nodes: HashMap<String, NodeId>,
    over: bool,
}

impl<R: BufRead> Events<R> {
    fn event(&self, line: &str) -> Result<Event, String> {
        let line: Line<Fact> =
            serde_json::from_str(line).map_err(|error| format!("this is no event: {error}"))?;
        let owner = match (line.node, line.incarnation) {
            (None, None) => Owner::Lab,
            (Some(name), Some(incarnation)) => {
                let node = *self
                    .nodes
                    .get(&name)
                    .ok_or_else(|| format!("`{name}` is no node of the header"))?;
                Owner::Node(node, Incarnation(incarnation))
            }
            _ => return Err("`node` and `incarnation` belong together".into()),
        };
        Ok(Event {
            id: EventId { owner, number: line.n },
            time: LabTime(line.t_ns),
            cause: line.cause,
            fact: line.fact,
        })
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let event = match self.lines.next() {
            Ok(None) => {
                self.over = true;
                return None;
            }
            Ok(Some(line)) => {
                self.event(&line).map_err(|why| ReadError::damaged(self.lines.number, why))
            }
            Err(error) => Err(error),
        };
        self.over = event.is_err();
        Some(event)
    }
}

#[derive(Debug)]
struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line without its end; none at the end of the file.
    fn next(&mut self) -> Result<Option<String>, ReadError> {
        self.number += 1;
        let line = self.number;
        let mut bytes = Vec::new();
        let read = (&mut self.input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut bytes)
            .map_err(|source| ReadError::Io { line, source })?;
        if read == 0 {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if read as u64 == LINE_BYTES_MAX {
            return Err(ReadError::damaged(line, "the line is longer than 1 MiB"));
        } else {
            let problem = "the line has no end: the recording was cut off here";
            return Err(ReadError::damaged(line, problem));
        }
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| ReadError::damaged(line, "the line is no UTF-8 text"))
    }
}
