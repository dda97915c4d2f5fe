//! Who takes part: the nodes that are written out, those that groups make, and whom a name or a
//! pattern means.
//!
//! It settles ids, roles and membership; what a node is set to is not looked at here.

use crate::base::{Names, NodeId, units};
use crate::topology::mirror::RawTable;
use crate::topology::model::Role;
use crate::topology::problem::{Problems, Span};
use crate::topology::raw::{self, GroupNode};
use crate::topology::value::At;
use crate::topology::words::{self, a_role, quoted};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most nodes a topology may have, written out and made by groups.
pub const NODES_MAX: usize = raw::NAMED_MAX;
/// The longest id.
pub const ID_CHARS_MAX: usize = 16;

/// A node whose id, role and group are settled.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: String,
    /// Where the id stands.
    pub at: Span,
    /// Its own keys, and for the rest its group's.
    pub raw: raw::Node,
    pub group: Option<String>,
    /// None after a problem was reported.
    pub role: Option<Role>,
}

/// All nodes in the file's order, and the sets of them.
#[derive(Debug, Default)]
pub struct Roster {
    pub entries: Vec<Entry>,
    pub names: Names,
    pub groups: BTreeMap<String, Vec<NodeId>>,
    /// Groups whose members could not be settled; whoever names one is not to blame.
    broken: HashSet<String>,
}

impl Roster {
    /// Settles who takes part.
    pub fn new(file: &raw::File, problems: &mut Problems) -> Self {
        let nodes = file.nodes.as_ref().map_or(&[][..], |nodes| &nodes.value.0);
        let groups = file.groups.as_ref().map_or(&[][..], |groups| &groups.value.0);
        let mut draft = Draft::default();
        for (id, node) in nodes {
            check_id(id, node.key, problems);
            draft.push(id.clone(), node.key, node.value.clone());
        }
        for (name, group) in groups {
            draft.group(name, group, problems);
        }
        let roster = draft.finish();
        if roster.entries.is_empty() && problems.errors() == 0 {
            problems.error_without_place("there are no nodes").help(
                "begin with a client, an LS and a TS: [nodes.client], [nodes.ls], [nodes.ts1]",
            );
        }
        roster.with_roles(problems)
    }

    fn with_roles(mut self, problems: &mut Problems) -> Self {
        for entry in &mut self.entries {
            entry.role = entry.raw.role.as_ref().map(|role| role.value.0);
            if !entry.raw.states("role") {
                problems
                    .error(entry.at, format!("{} has no role", quoted(&entry.id)))
                    .help("add `role`: client, ls, ts or replica");
            }
        }
        self
    }

    /// The nodes of a role, in the file's order.
    pub fn of(&self, role: Role) -> impl Iterator<Item = NodeId> {
        let entries = self.entries.iter().enumerate();
        entries.filter(move |(_, entry)| entry.role == Some(role)).map(|(at, _)| number(at))
    }

    /// The nodes that a word of a list means; none after a problem was reported. `roles` are those
    /// that fit, `asker` is who asks and is never meant by a group or a pattern.
    pub fn meant(
        &self,
        word: &At<String>,
        asker: Option<NodeId>,
        roles: &[Role],
        problems: &mut Problems,
    ) -> Option<Vec<NodeId>> {
        let text = word.value.as_str();
        if let Some(id) = self.names.id(text) {
            return self.one(word.at, id, asker, roles, problems).map(|id| vec![id]);
        }
        let fits = |id: &NodeId| {
            let role = self.entries[id.index()].role;
            Some(*id) != asker && role.is_none_or(|role| roles.contains(&role))
        };
        let found: Vec<NodeId> = if let Some(members) = self.groups.get(text) {
            members.iter().copied().filter(fits).collect()
        } else if text.contains('*') {
            let names = self.names.iter().enumerate();
            let matching = names.filter(|(_, name)| matches(text, name));
            matching.map(|(at, _)| number(at)).filter(fits).collect()
        } else if self.broken.contains(text) {
            return None;
        } else {
            self.unknown(word, problems);
            return None;
        };
        if found.is_empty() {
            let wanted = roles.iter().map(|role| a_role(*role)).collect::<Vec<_>>().join(" or ");
            problems
                .error(word.at, format!("{} means no node that is {wanted}", quoted(text)))
                .help("name nodes, a group of them, or a pattern such as `ts*`");
            return None;
        }
        Some(found)
    }

    fn one(
        &self,
        at: Span,
        id: NodeId,
        asker: Option<NodeId>,
        roles: &[Role],
        problems: &mut Problems,
    ) -> Option<NodeId> {
        let entry = &self.entries[id.index()];
        if Some(id) == asker {
            problems
                .error(at, format!("{} asks itself", quoted(&entry.id)))
                .help("name another node");
            return None;
        }
        let role = entry.role?;
        if !roles.contains(&role) {
            let wanted = roles.iter().map(|role| a_role(*role)).collect::<Vec<_>>().join(" or ");
            problems
                .error(at, format!("{} is {} and cannot be asked", quoted(&entry.id), a_role(role)))
                .also(entry.at, "it is declared here")
                .help(format!("name {wanted}"));
            return None;
        }
        Some(id)
    }

    fn unknown(&self, word: &At<String>, problems: &mut Problems) {
        let help = if problems.is_full() {
            String::new()
        } else {
            let known = || self.names.iter().chain(self.groups.keys().map(String::as_str));
            match words::nearest(&word.value, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known().count() <= 12 => format!("there are {}", words::list(known())),
                None => "declare it as [nodes.…] or as a group".to_owned(),
            }
        };
        problems.error(word.at, format!("there is no node {}", quoted(&word.value))).help(help);
    }
}

/// What is gathered before ids can be numbers.
#[derive(Default)]
struct Draft {
    /// Each with what it is sorted by: a place in the file, and a number among those of one place.
    entries: Vec<(Entry, (u32, usize))>,
    placed: usize,
    index: HashMap<String, usize>,
    groups: BTreeMap<String, Vec<String>>,
    places: HashMap<String, Span>,
    broken: HashSet<String>,
    full: bool,
}

impl Draft {
    fn push(&mut self, id: String, at: Span, raw: raw::Node) {
        self.index.insert(id.clone(), self.entries.len());
        let order = (at.start, self.next_place());
        self.entries.push((Entry { id, at, raw, group: None, role: None }, order));
    }

    fn next_place(&mut self) -> usize {
        self.placed += 1;
        self.placed
    }

    fn too_many(&mut self, at: Span, count: usize, problems: &mut Problems) {
        if !std::mem::replace(&mut self.full, true) {
            let (count, limit) = (units::grouped(count as u64), units::grouped(NODES_MAX as u64));
            problems
                .error(at, format!("there are {count} nodes or more here"))
                .help(format!("a topology has at most {limit} nodes"));
        }
    }

    fn group(&mut self, name: &str, group: &At<GroupNode>, problems: &mut Problems) {
        check_id(name, group.key, problems);
        if let Some(node) = self.index.get(name) {
            problems
                .error(group.key, format!("{} is a group and a node at once", quoted(name)))
                .also(self.entries[*node].0.at, "the node")
                .help("give one of them another name");
        }
        self.places.insert(name.to_owned(), group.key);
        let Some(members) = members(name, group, problems) else {
            self.broken.insert(name.to_owned());
            return;
        };
        let mut ids = Vec::new();
        for (id, at) in members {
            if self.member(name, group, &id, at, problems) {
                ids.push(id);
            }
        }
        self.groups.insert(name.to_owned(), ids);
    }

    /// Takes one member into a group, making it where it is not written out.
    fn member(
        &mut self,
        name: &str,
        group: &At<GroupNode>,
        id: &str,
        at: Span,
        problems: &mut Problems,
    ) -> bool {
        let template = &group.value.rest;
        if let Some(place) = self.index.get(id) {
            let next = self.placed + 1;
            let (entry, order) = &mut self.entries[*place];
            if let Some(other) = &entry.group {
                let twice = if other == name { "twice in this group" } else { "in two groups" };
                let first = self.places.get(other).copied().unwrap_or(entry.at);
                problems
                    .error(at, format!("{} is {twice}", quoted(id)))
                    .also(first, format!("the group {}", quoted(other)))
                    .help("a node belongs to one group at most");
                return false;
            }
            entry.group = Some(name.to_owned());
            entry.raw = entry.raw.or(template);
            // Who leads among replicas goes by their order, and that is the group's, wherever one
            // of them is written out.
            if entry.raw.role.as_ref().is_some_and(|role| role.value.0 == Role::Replica) {
                (*order, self.placed) = ((at.start, next), next);
            }
            return true;
        }
        if !template.states("role") {
            problems
                .error(at, format!("there is no node {}", quoted(id)))
                .help("write it out as [nodes.…], or give the group a `role` that makes it");
            return false;
        }
        if self.entries.len() >= NODES_MAX {
            self.too_many(at, self.entries.len() + 1, problems);
            return false;
        }
        check_id(id, at, problems);
        self.push(id.to_owned(), at, template.clone());
        self.entries.last_mut().expect("one was pushed just now").0.group = Some(name.to_owned());
        true
    }

    fn finish(mut self) -> Roster {
        // The order of the file: a group's nodes stand where the group does.
        self.entries.sort_by_key(|(_, order)| *order);
        let entries: Vec<Entry> = self.entries.into_iter().map(|(entry, _)| entry).collect();
        let names = Names::new(entries.iter().map(|entry| &entry.id));
        let ids = |members: Vec<String>| members.iter().filter_map(|id| names.id(id)).collect();
        let groups = self.groups.into_iter().map(|(name, list)| (name, ids(list))).collect();
        Roster { entries, names, groups, broken: self.broken }
    }
}

/// The ids of a group's members with their places.
fn members(
    name: &str,
    group: &At<GroupNode>,
    problems: &mut Problems,
) -> Option<Vec<(String, Span)>> {
    let own = &group.value.own;
    let by_list = own.states("members");
    let by_count = own.states("count") || own.states("prefix");
    match (by_list, by_count) {
        (true, true) => {
            let at = own.count.as_ref().map(|count| count.key);
            let at = at.or(own.prefix.as_ref().map(|prefix| prefix.key)).unwrap_or(group.key);
            problems
                .error(at, "a group has either `members` or `count` and `prefix`")
                .help("take one of the two out");
            None
        }
        (true, false) => {
            let members = own.members.as_ref()?;
            if members.value.is_empty() {
                problems
                    .error(members.at, format!("the group {} is empty", quoted(name)))
                    .help("name its nodes, or take the group out");
            }
            Some(members.value.iter().map(|id| (id.value.clone(), id.at)).collect())
        }
        (false, true) => {
            if !own.states("count") || !own.states("prefix") {
                problems
                    .error(
                        group.key,
                        format!("the group {} needs both `count` and `prefix`", quoted(name)),
                    )
                    .help("write `count = 100` and `prefix = \"leaf\"` for leaf1 to leaf100");
                return None;
            }
            let (count, prefix) = (own.count.as_ref()?, own.prefix.as_ref()?);
            let id = |number| (format!("{}{number}", prefix.value), prefix.at);
            Some((1..=count.value.0).map(id).collect())
        }
        (false, false) => {
            problems
                .error(group.key, format!("the group {} has no nodes", quoted(name)))
                .help("add `members = [\"…\"]`, or `count = 100` and `prefix = \"leaf\"`");
            None
        }
    }
}

fn check_id(id: &str, at: Span, problems: &mut Problems) {
    let chars = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let wrong =
        id.is_empty() || id.len() > ID_CHARS_MAX || id.starts_with('-') || !id.chars().all(chars);
    if wrong {
        problems.error(at, format!("{} is no id", quoted(id))).help(format!(
            "an id has 1 to {ID_CHARS_MAX} of the characters a-z, 0-9 and `-`, \
             and does not begin with `-`"
        ));
    } else if id == "all" || id.strip_prefix("visitor-").is_some_and(is_number) {
        problems
            .error(at, format!("{} means something else in commands", quoted(id)))
            .help("`all` is every node and `visitor-1` a program that connects: choose another id");
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(at: usize) -> NodeId {
    NodeId(u16::try_from(at).expect("a topology has at most 2,000 nodes"))
}

/// Whether a name matches a pattern in which `*` stands for any characters.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, yes) in [
            ("leaf*", "leaf10", true),
            ("*", "x", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*ca", "aca", true),
            ("ab*ba", "aba", false),
            ("*a*b", "xaxb", true),
            ("leaf", "leaf1", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(matches(pattern, name), yes, "{pattern} {name}");
        }
    }
}
