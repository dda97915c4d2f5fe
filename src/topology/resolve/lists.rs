//! Lists of names and tables of records, from files or written out, each read once.

use crate::base::units;
use crate::message::HostName;
use crate::topology::inline::{NameList, RecordTable};
use crate::topology::model::Records;
use crate::topology::problem::{Problems, Span};
use crate::topology::source::{self, ALL_FILES_BYTES_MAX, Files};
use crate::topology::tables::{self, TableReader};
use crate::topology::value::At;
use crate::topology::words::quoted;
use crate::topology::{source::is_zone, zone_file};
use std::collections::HashMap;
use std::sync::Arc;

/// Reads what nodes name, and remembers it: a hundred nodes that share a table share its memory.
pub struct Lists<'a> {
    files: &'a dyn Files,
    bytes: usize,
    texts: HashMap<String, Option<u32>>,
    names: HashMap<Key, Arc<[HostName]>>,
    records: HashMap<Key, Records>,
}

/// A whole file, or the place of what is written out in the topology.
type Key = (u32, Option<Span>);

impl<'a> Lists<'a> {
    /// Nothing read yet.
    pub fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            bytes: 0,
            texts: HashMap::new(),
            names: HashMap::new(),
            records: HashMap::new(),
        }
    }

    /// A client's list; empty after a problem was reported.
    pub fn names(&mut self, stated: &At<NameList>, problems: &mut Problems) -> Arc<[HostName]> {
        let key = match &stated.value {
            NameList::File(path) => match self.file(path, stated.at, problems) {
                Some(source) => (source, None),
                None => return Arc::from([]),
            },
            NameList::Text(_) | NameList::List(_) => (0, Some(stated.at)),
        };
        if let Some(list) = self.names.get(&key) {
            return list.clone();
        }
        let errors = problems.errors();
        let list: Vec<HostName> = match &stated.value {
            NameList::File(_) => tables::names(&problems.text(key.0), key.0, 0, problems),
            NameList::Text(text) => {
                let offset = offset_of(text, stated.at, problems);
                tables::names(text, 0, offset, problems)
            }
            NameList::List(words) => {
                let mut list = Vec::new();
                for word in words {
                    tables::push_name(&word.value, word.at, &mut list, problems);
                }
                list
            }
        };
        if list.is_empty() && problems.errors() == errors {
            problems
                .error(stated.at, "this list has no names")
                .help("write one name a line, or take `names` out");
        }
        let list: Arc<[HostName]> = list.into();
        self.names.insert(key, list.clone());
        list
    }

    /// A TS's table; empty after a problem was reported.
    pub fn records(&mut self, stated: &At<RecordTable>, problems: &mut Problems) -> Records {
        let key = match &stated.value {
            RecordTable::File(path) => match self.file(path, stated.at, problems) {
                Some(source) => (source, None),
                None => return Records::default(),
            },
            _ => (0, Some(stated.at)),
        };
        if let Some(records) = self.records.get(&key) {
            return records.clone();
        }
        if let RecordTable::File(path) = &stated.value
            && is_zone(path)
        {
            let zone = zone_file::read(&problems.text(key.0), key.0, path, problems);
            let records = zone.map(Records::of_zone).unwrap_or_default();
            self.records.insert(key, records.clone());
            return records;
        }
        let mut reader = TableReader::default();
        match &stated.value {
            RecordTable::File(_) => reader.text(&problems.text(key.0), key.0, 0, problems),
            RecordTable::Text(text) => {
                let offset = offset_of(text, stated.at, problems);
                reader.text(text, 0, offset, problems);
            }
            RecordTable::Lines(lines) => {
                for line in lines {
                    reader.line(&line.value, line.at, problems);
                }
            }
            RecordTable::Pairs(pairs) => {
                for (name, address) in pairs {
                    reader.pair((name, address.key), (&address.value, address.at), "A", problems);
                }
            }
        }
        let records = reader.finish();
        self.records.insert(key, records.clone());
        records
    }

    /// The number of a file's text among the sources; none after a problem was reported.
    fn file(&mut self, path: &str, at: Span, problems: &mut Problems) -> Option<u32> {
        if let Some(known) = self.texts.get(path) {
            if known.is_none() {
                // Whoever names a broken file again is told so once: the first report says it all.
                return None;
            }
            return *known;
        }
        let source = self.read(path, at, problems);
        self.texts.insert(path.to_owned(), source);
        source
    }

    fn read(&mut self, path: &str, at: Span, problems: &mut Problems) -> Option<u32> {
        let read = source::harmless(path).and_then(|()| self.files.read(path));
        let (name, bytes) = match read {
            Ok(read) => read,
            Err(refusal) => {
                problems.error(at, refusal.message).help(refusal.help);
                return None;
            }
        };
        self.bytes += bytes.len();
        if self.bytes > ALL_FILES_BYTES_MAX {
            let limit = units::grouped(ALL_FILES_BYTES_MAX as u64);
            problems
                .error(at, "the lists and tables are too large")
                .help(format!("together they may have at most {limit} bytes"));
            return None;
        }
        match String::from_utf8(bytes) {
            Ok(text) => Some(problems.add_source(&name, text.into())),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.split(|byte| *byte == b'\n').count();
                problems
                    .error(at, format!("{} is no text: line {line} is not UTF-8", quoted(path)))
                    .help("save the file as UTF-8");
                None
            }
        }
    }
}

/// Where the text of a string begins in the file, so that its lines can be pointed at.
pub fn offset_of(text: &str, at: Span, problems: &Problems) -> u32 {
    let source = problems.text(at.source);
    let written = source.get(at.start as usize..at.end as usize).unwrap_or_default();
    let inside = written.find(text).unwrap_or_default();
    at.start + u32::try_from(inside).unwrap_or_default()
}
