//! What each node is set to: what its role makes of its keys, and the defaults for what is not
//! stated. (LSs: `balancers`; replicas and
//! who asks them: `replicas`.)

use super::address::{self, Ports};
use super::defaults::{CLIENT_TIMEOUT, QUEUE, RECONNECT};
use super::keys;
use super::lists::Lists;
use super::roster::{Entry, Roster};
use super::values::{flaws, patience, retries, service, small};
use crate::base::NodeId;
use crate::message::{Flaws, HostName};
use crate::topology::Options;
use crate::topology::mirror::RawTable;
use crate::topology::model::{
    ClientConfig, Kind, Listen, Node, OnMiss, Records, Retry, Role, TsConfig,
};
use crate::topology::problem::{Problems, Span};
use crate::topology::value::{At, OneOrMore};
use crate::topology::words::{a_role, quoted};
use std::collections::HashMap;
use std::sync::Arc;

/// Names of a list beyond this are a mistake.
const UPSTREAMS_MAX: usize = 2_000;

/// Builds nodes one after another.
pub struct Builder<'a> {
    pub roster: &'a Roster,
    pub lists: Lists<'a>,
    pub options: Options,
    pub ports: Ports,
}

impl Builder<'_> {
    /// One node. What is wrong is reported and replaced by its default, so that the rest can be
    /// checked.
    pub fn node(&mut self, id: NodeId, problems: &mut Problems) -> Node {
        let entry = &self.roster.entries[id.index()];
        let raw = &entry.raw;
        let role = entry.role.unwrap_or(Role::Ts);
        if entry.role.is_some() {
            keys::of_role(entry, role, problems);
        }
        let at = match &raw.at {
            Some(text) if role != Role::Client => {
                address::outside(&entry.id, text, self.options, &mut self.ports, problems)
            }
            _ => None,
        };
        let listens = entry.role.is_some_and(|role| role != Role::Client) && !raw.states("at");
        let listen = if listens {
            let listener = (role, raw.listen.as_ref());
            address::listen(&entry.id, listener, self.options, &mut self.ports, problems)
        } else {
            Listen::default()
        };
        let kind = match role {
            Role::Client => self.client(id, entry, problems),
            Role::Ls => Kind::Ls(self.ls(id, entry, problems)),
            Role::Ts => Kind::Ts(self.ts(id, entry, problems)),
            Role::Replica => Kind::Replica(self.replica(id, entry, problems)),
        };
        let starts = raw.start.as_ref().is_none_or(|start| start.value.0) && !raw.states("at");
        Node { id, group: entry.group.clone(), starts, at, listen, kind }
    }

    /// A client is what those are that it asks: of names, or of a store.
    fn client(&mut self, id: NodeId, entry: &Entry, problems: &mut Problems) -> Kind {
        let stated = entry.raw.asks.as_ref();
        let roles = &[Role::Ls, Role::Ts, Role::Replica];
        let asks = self.asked(id, entry, stated, ("asks", roles), problems);
        if self.of_store(entry, &asks, problems) {
            Kind::StoreClient(self.store_client(entry, asks, problems))
        } else {
            Kind::Client(self.client_of_names(entry, asks, problems))
        }
    }

    fn client_of_names(
        &mut self,
        entry: &Entry,
        asks: Vec<NodeId>,
        problems: &mut Problems,
    ) -> ClientConfig {
        let raw = &entry.raw;
        let list: Arc<[HostName]> = match &raw.names {
            Some(names) => self.lists.names(names, problems),
            None => Arc::from([]),
        };
        let rate = raw.rate.as_ref().map_or(0.0, |rate| rate.value.0);
        if let Some(stated) = raw.rate.as_ref().filter(|_| rate > 0.0 && !raw.states("names")) {
            problems
                .error(stated.key, "a load of no names")
                .help("give the client a list: names = [\"www.a.com\"]");
        }
        ClientConfig {
            asks,
            list,
            pace: raw.pace.as_ref().map_or_else(Default::default, |pace| pace.value.0),
            timeout: raw.timeout.as_ref().map_or(CLIENT_TIMEOUT, |time| time.value.0),
            retry: raw.retry.as_ref().map_or_else(Retry::default, |retry| retries(&retry.value)),
            rate,
            reconnect: raw.reconnect.as_ref().map_or(RECONNECT, |time| time.value.0),
            ids: raw.ids.as_ref().is_some_and(|ids| ids.value.0),
            flaws: flaws(raw.flaws.as_ref(), Role::Client, problems),
        }
    }

    fn ts(&mut self, id: NodeId, entry: &Entry, problems: &mut Problems) -> TsConfig {
        let raw = &entry.raw;
        let store = match &raw.store {
            Some(stated) if !raw.states("at") => {
                self.asked(id, entry, Some(stated), ("store", &[Role::Replica]), problems)
            }
            _ => Vec::new(),
        };
        if !raw.states("store") && !raw.states("at") {
            keys::of_storeless(entry, problems);
        }
        let records = match &raw.records {
            Some(records) => self.lists.records(records, problems),
            None => Records::default(),
        };
        let knows = ["records", "store", "at"].iter().any(|key| raw.states(key));
        if entry.role.is_some() && !knows {
            problems
                .warn(entry.at, format!("{} has no table: it will know no name", quoted(&entry.id)))
                .help("add `records`: a file, or { \"www.a.com\" = \"1.2.3.4\" }");
        }
        if let Some(queue) = raw.queue.as_ref().filter(|_| !raw.states("workers")) {
            problems
                .error(
                    queue.key,
                    "a queue for no workers: any number of questions is served at once",
                )
                .help("add `workers`, such as workers = 1");
        }
        let responds = raw.responds.as_ref();
        TsConfig {
            store,
            patience: patience(raw),
            // Whoever answers for a zone says also what is not in it.
            on_miss: match &raw.on_miss {
                Some(miss) => miss.value.0,
                None if records.has_zones() => OnMiss::Negative,
                None => OnMiss::default(),
            },
            responds: responds.and_then(|time| service(time, problems)).unwrap_or_default(),
            records,
            lie: raw.lie.as_ref().is_some_and(|lie| lie.value.0),
            workers: raw.workers.as_ref().map(|workers| small(workers.value.0)),
            queue: raw.queue.as_ref().map_or(QUEUE, |queue| small(queue.value.0)),
            flaws: Flaws::NONE,
        }
    }

    /// Whom a node asks: at least one, each once.
    pub fn asked(
        &self,
        id: NodeId,
        entry: &Entry,
        stated: Option<&At<OneOrMore<String>>>,
        (key, roles): (&'static str, &[Role]),
        problems: &mut Problems,
    ) -> Vec<NodeId> {
        let role = a_role(entry.role.unwrap_or(Role::Client));
        let Some(stated) = stated else {
            if !entry.raw.states(key) {
                problems
                    .error(entry.at, format!("{} asks nobody", quoted(&entry.id)))
                    .help(format!("{role} needs `{key}`: the nodes that it asks"));
            }
            return Vec::new();
        };
        let words = &stated.value.0;
        if words.is_empty() {
            problems
                .error(stated.at, format!("{} asks nobody", quoted(&entry.id)))
                .help(format!("name at least one node in `{key}`"));
        } else if words.len() > UPSTREAMS_MAX {
            problems
                .error(stated.at, format!("{} names are too many", words.len()))
                .help("write a pattern, such as [\"leaf*\"]");
            return Vec::new();
        }
        let mut asked = Asked::default();
        for word in words {
            if asked.is_new(word, problems)
                && let Some(found) = self.roster.meant(word, Some(id), roles, problems)
            {
                let named = self.roster.names.id(&word.value).is_some();
                asked.add(if named { found } else { self.known(found) });
            }
        }
        asked.list
    }
}

/// A list that takes each node once.
#[derive(Default)]
struct Asked<'a> {
    list: Vec<NodeId>,
    seen: std::collections::HashSet<NodeId>,
    words: HashMap<&'a str, Span>,
}

impl<'a> Asked<'a> {
    fn is_new(&mut self, word: &'a At<String>, problems: &mut Problems) -> bool {
        let Some(first) = self.words.insert(&word.value, word.at) else {
            return true;
        };
        problems
            .error(word.at, format!("{} is named twice", quoted(&word.value)))
            .also(first, "the first")
            .help("name each once");
        false
    }

    fn add(&mut self, found: Vec<NodeId>) {
        for id in found {
            if self.seen.insert(id) {
                self.list.push(id);
            }
        }
    }
}
