//! The file as it is written: the raw mirror of a topology, flat, every value with its place.
//!
//! One description of each table gives its reader, its list of keys and its JSON Schema (`mirror`).
//! Whether the values make sense together is not decided here.

mod node;

pub use node::{Listener, Node, Retry, ServiceTime};

use super::mirror::{Properties, RawTable, TABLES, object, raw, table, unknown_key};
use super::model::{Dialect, Wire};
use super::problem::{Problems, Span};
use super::value::{
    At, Bandwidth, COUNT_MAX, OnOff, OneOrMore, Read, Share, Time, Whole, Word, entries, read_at,
    wrong_type,
};
use super::words::ClockPace;
use crate::base::units;
use crate::message::Shape;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

raw!(
    /// A topology of Faultlab: which nodes there are, how they are linked, and what is done to
    /// them.
    File("topology") {
        /// One line: what is this?
        title: String,
        /// What it teaches.
        lesson: String,
        /// Its place in the list of bundled topologies; `tour` is always the first.
        order: Whole<0, COUNT_MAX>,
        /// Every random draw of the lab comes from it. 1 unless stated.
        seed: Whole<0, { i64::MAX as u64 }>,
        /// The edition of the line wire. `first-2021` unless stated.
        dialect: Word<Dialect>,
        /// How fast the lab's clock starts: `real`, or `auto`, where every hop stays long enough to
        /// be seen.
        pace: Word<ClockPace>,
        /// What holds unless something else is stated.
        defaults: Defaults,
        /// The nodes, by their ids.
        nodes: Table<Node>,
        /// Sets of nodes that play one part, by their names.
        groups: Table<GroupNode>,
        /// Links that differ from `defaults.link`.
        links: Vec<At<Link>>,
        /// The lecture.
        steps: Vec<At<Step>>,
    }
);

raw!(
    /// What holds unless something else is stated.
    Defaults("table of defaults") {
        /// Both directions of every link between nodes.
        link: LinkDefault,
    }
);

raw!(
    /// What is special about a group.
    Group("group") {
        /// The ids of its nodes.
        members: Vec<At<String>>,
        /// How many nodes it makes.
        count: Whole<1, 2000>,
        /// What their ids begin with; a number from 1 follows.
        prefix: String,
    }
);

raw!(
    /// What every link is like.
    LinkDefault("link") {
        /// One-way delay.
        latency: Time,
        /// Mean of a random delay on top.
        jitter: Time,
        /// How the jitter is distributed. `uniform` unless stated.
        distribution: Word<Shape>,
        /// Share of transmissions lost.
        loss: Share,
        /// Share of datagrams that arrive twice.
        duplicate: Share,
        /// Share of datagrams that are overtaken.
        reorder: Share,
        /// Bytes or bits a second.
        bandwidth: Bandwidth,
        /// Whether nothing gets through.
        cut: OnOff,
        /// What is spoken there, in both directions: it decides which of the listener's ports is
        /// asked: `line` or `dns`. `line` unless stated; `json` on links to replicas, which speak
        /// nothing else to nodes.
        wire: Word<Wire>,
    }
);

raw!(
    /// Which link is meant.
    LinkEnds("link") {
        /// Both directions between two nodes, groups or patterns.
        between: Vec<At<String>>,
        /// One direction: the sender.
        from: String,
        /// One direction: the receiver.
        to: String,
    }
);

raw!(
    /// A step of the lecture: the note, the question to the room, the commands, the answer, what
    /// must then hold.
    Step("step") {
        /// The speaker's note.
        say: String,
        /// A question to the room.
        ask: String,
        /// Its answer.
        reveal: String,
        /// Commands, in order.
        commands("do"): OneOrMore<String>,
        /// What must then hold.
        expect: OneOrMore<String>,
        /// The commands that bring back the state as confessed.
        confessed: OneOrMore<String>,
        /// The commands that repair it.
        repaired: OneOrMore<String>,
        /// What it rests on that only processes remember: `restore` starts them anew, and says so.
        remembered: String,
    }
);

/// Two flat tables whose keys stand side by side in one table of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Both<A, B> {
    /// The keys that the table has of its own.
    pub own: A,
    /// The keys it shares with another.
    pub rest: B,
}

/// A group: its own keys beside those of a node, which hold for every member.
pub type GroupNode = Both<Group, Node>;

/// A link that is written out.
pub type Link = Both<LinkEnds, LinkDefault>;

macro_rules! both {
    ($own:ident, $rest:ident, $what:literal, $doc:literal) => {
        impl Read for Both<$own, $rest> {
            const LIST: &'static str = TABLES;

            fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
                let keys = [$own::KEYS, $rest::KEYS].concat();
                let table = table(value, at, $what, &keys, problems)?;
                let (mut own, mut rest) = ($own::default(), $rest::default());
                for (at, key, value) in entries(table) {
                    if !own.read_key(key, at, value, problems)
                        && !rest.read_key(key, at, value, problems)
                    {
                        let known = [$own::KEYS, $rest::KEYS].concat();
                        let near = unknown_key(key, at, &known, problems);
                        rest.bad.extend(near.filter(|near| $rest::KEYS.contains(near)));
                        own.bad.extend(near.filter(|near| $own::KEYS.contains(near)));
                    }
                }
                Some(Self { own, rest })
            }
        }

        impl JsonSchema for Both<$own, $rest> {
            fn schema_name() -> Cow<'static, str> {
                concat!("written_", $what).into()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut properties = Properties::new();
                $own::properties(generator, &mut properties);
                $rest::properties(generator, &mut properties);
                object($doc, &properties)
            }
        }
    };
}

both!(
    Group,
    Node,
    "node",
    "Several nodes that play one part; every key of a node holds for each member."
);
both!(LinkEnds, LinkDefault, "link", "A link that differs from `defaults.link`.");

/// The most nodes, and the most groups, a topology may have.
pub const NAMED_MAX: usize = 2_000;

/// A table from names to things, in the order of the file; each thing's `key` is the place of its
/// name.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<T>(pub Vec<(String, At<T>)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for Table<T> {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        let DeValue::Table(table) = value else {
            let help = "write each under a header of its own: [nodes.ls], [groups.leaf]";
            wrong_type(value, at, help, problems);
            return None;
        };
        let entries = entries(table);
        if let Some((at, ..)) = entries.get(NAMED_MAX) {
            let count = units::grouped(entries.len() as u64);
            let limit = units::grouped(NAMED_MAX as u64);
            problems
                .error(*at, format!("there are {count} of these"))
                .help(format!("a topology has at most {limit} nodes"));
        }
        let mut list = Vec::new();
        // What is too much is not even read.
        for (at, key, value) in entries.into_iter().take(NAMED_MAX) {
            if let Some(read) = read_at(at, value, problems) {
                list.push((key.to_owned(), read));
            }
        }
        Some(Self(list))
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("table_of_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({
            "type": "object",
            "additionalProperties": item,
            "propertyNames": { "pattern": "^[a-z0-9][a-z0-9-]{0,15}$" },
        })
    }
}

/// Reads the whole file. None of its problems ends the reading.
#[must_use]
pub fn read(document: &Spanned<DeTable<'_>>, problems: &mut Problems) -> File {
    let mut file = File::default();
    for (at, key, value) in entries(document.get_ref()) {
        if !file.read_key(key, at, value, problems) {
            let near = unknown_key(key, at, File::KEYS, problems);
            file.bad.extend(near);
        }
    }
    file
}

/// The JSON Schema of the format.
#[must_use]
pub fn schema() -> serde_json::Value {
    SchemaGenerator::default().into_root_schema_for::<File>().to_value()
}
