//! Values that may stand in a file of their own or be written out in the topology: lists, tables,
//! service times.
//!
//! It only tells the forms apart; what they contain is read by `resolve`.

use super::problem::{Problems, Span};
use super::raw::ServiceTime;
use super::value::{At, Read, Time, entries, read_at, wrong_type};
use super::words::quoted;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use toml::de::DeValue;

/// A list of names: a path, or the names themselves.
#[derive(Debug, Clone, PartialEq)]
pub enum NameList {
    /// A file with one name a line.
    File(String),
    /// The same, written out over several lines of the topology.
    Text(String),
    /// A TOML list.
    List(Vec<At<String>>),
}

impl Read for NameList {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        match value {
            DeValue::String(text) if text.contains('\n') => Some(Self::Text(text.to_string())),
            DeValue::String(path) => Some(Self::File(path.to_string())),
            DeValue::Array(_) => Vec::read(value, at, problems).map(Self::List),
            other => {
                let help = "write a path, or the names: [\"www.a.com\", \"www.b.com\"]";
                wrong_type(other, at, help, problems);
                None
            }
        }
    }
}

impl JsonSchema for NameList {
    fn schema_name() -> Cow<'static, str> {
        "names".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ] })
    }
}

/// A table of names and addresses: a path, or the table itself.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordTable {
    /// A file in the course's format: `name address flag`.
    File(String),
    /// The same, written out over several lines of the topology.
    Text(String),
    /// The same, as a TOML list of lines.
    Lines(Vec<At<String>>),
    /// `{ "www.a.com" = "1.2.3.4" }`: the names with their places, and the addresses.
    Pairs(Vec<(String, At<String>)>),
}

impl Read for RecordTable {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        match value {
            DeValue::String(text) if text.contains('\n') => Some(Self::Text(text.to_string())),
            DeValue::String(path) => Some(Self::File(path.to_string())),
            DeValue::Array(_) => Vec::read(value, at, problems).map(Self::Lines),
            DeValue::Table(table) => {
                let mut pairs = Vec::new();
                for (at, key, value) in entries(table) {
                    if let DeValue::Table(_) = value.get_ref() {
                        problems
                            .error(at, format!("{} is no whole name", quoted(key)))
                            .help("write the name in quotes: \"www.a.com\" = \"1.2.3.4\"");
                    } else if let Some(value) = read_at(at, value, problems) {
                        pairs.push((key.to_owned(), value));
                    }
                }
                Some(Self::Pairs(pairs))
            }
            other => {
                let help = "write a path, or a table: { \"www.a.com\" = \"1.2.3.4\" }";
                wrong_type(other, at, help, problems);
                None
            }
        }
    }
}

impl JsonSchema for RecordTable {
    fn schema_name() -> Cow<'static, str> {
        "records".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
            { "type": "object", "additionalProperties": { "type": "string" } },
        ] })
    }
}

/// How long a TS takes: always the same, or as a table says.
#[derive(Debug, Clone, PartialEq)]
pub enum Responds {
    /// Always this long.
    Always(Time),
    /// It varies.
    Varies(Box<ServiceTime>),
}

impl Read for Responds {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        match value {
            DeValue::Table(_) => {
                ServiceTime::read(value, at, problems).map(|varies| Self::Varies(Box::new(varies)))
            }
            other => Time::read(other, at, problems).map(Self::Always),
        }
    }
}

impl JsonSchema for Responds {
    fn schema_name() -> Cow<'static, str> {
        "responds".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let always = generator.subschema_for::<Time>();
        let varies = generator.subschema_for::<ServiceTime>();
        json_schema!({ "anyOf": [always, varies] })
    }
}
