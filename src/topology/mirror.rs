//! How one description of a table becomes its reader, its list of keys and its JSON Schema.
//!
//! It knows tables in general; which ones there are stands in `raw`.

use super::problem::{Problems, Span};
use super::value::wrong_type;
use super::words::{self, quoted};
use schemars::{Schema, SchemaGenerator, json_schema};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reports a key that a table does not have, and gives the one that was probably meant: it counts
/// as stated, so that a slip of the finger is one problem and not two.
pub fn unknown_key(
    key: &str,
    at: Span,
    known: &[&'static str],
    problems: &mut Problems,
) -> Option<&'static str> {
    let full = problems.is_full();
    let near = if full { None } else { words::nearest(key, known.iter().copied()) };
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", words::list(known.iter().copied())),
    };
    problems.error(at, format!("unknown key {}", quoted(key))).help(help);
    near
}

/// What to write where a list of tables belongs.
pub const TABLES: &str = "write each under a double header of its own: [[links]], [[steps]]";

/// A table with a closed list of keys.
pub trait RawTable: Sized {
    /// The keys of the table.
    const KEYS: &'static [&'static str];

    /// The keys that are stated, but with a value that could not be read.
    fn bad(&self) -> &[&'static str];

    /// The keys that are stated and could be read, with the places of the keys.
    fn stated(&self) -> Vec<(&'static str, Span)>;

    /// Whether a key is stated, rightly or wrongly.
    fn states(&self, key: &str) -> bool {
        self.bad().contains(&key) || self.stated().iter().any(|(known, _)| *known == key)
    }

    /// This table, with what it does not state taken from another.
    #[must_use]
    fn or(&self, other: &Self) -> Self;

    /// Reads one key; false if the table has no such key.
    fn read_key(
        &mut self,
        key: &str,
        at: Span,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Problems,
    ) -> bool;

    /// Adds the keys of the table to the properties of a schema.
    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties);
}

/// The properties of a schema.
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// A table of the file: `Name("what it is called") { key: type, … }`, every key optional.
macro_rules! raw {
    ($(#[doc = $doc:literal])* $name:ident($what:literal) {
        $($(#[doc = $field_doc:literal])* $field:ident$(($key:literal))?: $type:ty,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: Option<At<$type>>,)*
            /// Keys that are stated, but with a value that could not be read.
            pub bad: Vec<&'static str>,
        }

        impl RawTable for $name {
            const KEYS: &'static [&'static str] = &[$(raw!(@key $field $($key)?)),*];

            fn bad(&self) -> &[&'static str] {
                &self.bad
            }

            fn stated(&self) -> Vec<(&'static str, Span)> {
                let mut stated = Vec::new();
                $(if let Some(value) = &self.$field {
                    stated.push((raw!(@key $field $($key)?), value.key));
                })*
                stated
            }

            fn or(&self, other: &Self) -> Self {
                let mut bad = self.bad.clone();
                bad.extend(other.bad.iter().filter(|key| !self.states(key)));
                Self {
                    $($field: match &self.$field {
                        Some(value) => Some(value.clone()),
                        None if self.bad.contains(&raw!(@key $field $($key)?)) => None,
                        None => other.$field.clone(),
                    },)*
                    bad,
                }
            }

            fn read_key(
                &mut self,
                key: &str,
                at: Span,
                value: &Spanned<DeValue<'_>>,
                problems: &mut Problems,
            ) -> bool {
                match key {
                    $(raw!(@key $field $($key)?) => {
                        self.$field = read_at(at, value, problems);
                        if self.$field.is_none() {
                            self.bad.push(raw!(@key $field $($key)?));
                        }
                    })*
                    _ => return false,
                }
                true
            }

            fn properties(
                generator: &mut SchemaGenerator,
                properties: &mut Properties,
            ) {
                $({
                    let mut schema = generator.subschema_for::<$type>();
                    let doc = concat!($($field_doc),*).trim().to_owned();
                    schema.insert("description".to_owned(), doc.into());
                    properties.insert(raw!(@key $field $($key)?).to_owned(), schema.to_value());
                })*
            }
        }

        impl Read for $name {
            const LIST: &'static str = $crate::topology::mirror::TABLES;

            fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
                let table = table(value, at, $what, Self::KEYS, problems)?;
                let mut read = Self::default();
                for (at, key, value) in entries(table) {
                    if !read.read_key(key, at, value, problems) {
                        let near = unknown_key(key, at, Self::KEYS, problems);
                        read.bad.extend(near);
                    }
                }
                Some(read)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $what.replace(' ', "_").into()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut properties = Properties::new();
                Self::properties(generator, &mut properties);
                object(concat!($($doc),*), &properties)
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
}

/// The schema of a table with these properties and no others.
pub fn object(doc: &str, properties: &Properties) -> Schema {
    json_schema!({
        "type": "object",
        "description": doc.trim(),
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The table that a value is; none after a problem was reported.
pub fn table<'a, 'i>(
    value: &'a DeValue<'i>,
    at: Span,
    what: &str,
    keys: &[&str],
    problems: &mut Problems,
) -> Option<&'a DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        other => {
            let keys = words::list(keys.iter().copied());
            let help = format!("a {what} is a table with these keys: {keys}");
            wrong_type(other, at, &help, problems);
            None
        }
    }
}

pub(super) use raw;
