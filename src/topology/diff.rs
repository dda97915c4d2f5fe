//! What a new edition of a file changes, found by comparing two topologies. Pure.

use super::change::{Change, Effect};
use super::model::{Kind, Node, Step, Topology};
use super::setting;
use crate::base::NodeId;
use crate::base::units::{exact, grouped};
use crate::message::Faults;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything in which `new` differs from `old`, in the order of a file. Where no change is [`Effect::Restart`], taking
/// all of them makes `new` of `old`.
#[must_use]
pub fn diff(old: &Topology, new: &Topology) -> Vec<Change> {
    let mut changes = Vec::new();
    if (&old.title, &old.lesson) != (&new.title, &new.lesson) {
        let (title, lesson) = (new.title.clone(), new.lesson.clone());
        changes.push(change("title or lesson".into(), Effect::Lesson { title, lesson }));
    }
    changes.extend(whole(old, new).into_iter().map(|words| change(words, Effect::Restart)));
    let same_places = places(old, new, &mut changes);
    if same_places {
        for (was, is) in old.nodes.iter().zip(&new.nodes) {
            changes.extend(node(old, new, was, is));
        }
        links(old, new, &mut changes);
    }
    if old.steps != new.steps {
        let words = steps_words(&old.steps, &new.steps);
        changes.push(change(words, Effect::Steps(new.steps.clone().into())));
    }
    changes
}

fn change(words: String, effect: Effect) -> Change {
    Change { words: words.into(), effect }
}

/// What is true of the lab as a whole.
fn whole(old: &Topology, new: &Topology) -> Vec<String> {
    let mut words = Vec::new();
    if old.seed != new.seed {
        words.push(format!("seed {} → {}", old.seed, new.seed));
    }
    if old.dialect != new.dialect {
        words.push("the dialect of the line wire".into());
    }
    if old.auto_pace != new.auto_pace {
        let starts = if new.auto_pace { "automatic pace" } else { "real time" };
        words.push(format!("the clock starts with {starts}"));
    }
    words
}

/// Who is there: whether the same nodes stand in the same places.
fn places(old: &Topology, new: &Topology, changes: &mut Vec<Change>) -> bool {
    if old.names == new.names {
        // Names alone do not say who belongs together, nor what they speak.
        if old.groups != new.groups {
            changes.push(change("who belongs to which group".into(), Effect::Restart));
        }
        if old.wires != new.wires {
            changes.push(change("what is spoken on a link".into(), Effect::Restart));
        }
        return true;
    }
    let before = changes.len();
    for node in new.nodes.iter().filter(|node| old.names.id(new.names.of(node.id)).is_none()) {
        let words = format!("{} is new: a {}", new.names.of(node.id), node.role().word());
        changes.push(change(words, Effect::Restart));
    }
    for name in old.names.iter().filter(|name| new.names.id(name).is_none()) {
        changes.push(change(format!("{name} is gone"), Effect::Restart));
    }
    if changes.len() == before {
        changes.push(change("the order of the nodes".into(), Effect::Restart));
    }
    false
}

fn node(old: &Topology, new: &Topology, was: &Node, is: &Node) -> Option<Change> {
    let name = new.names.of(is.id);
    if let Some(what) = other_node(was, is) {
        return Some(change(format!("{name}: {what}"), Effect::Restart));
    }
    if was.kind == is.kind {
        return None;
    }
    let mut words: Vec<String> = Vec::new();
    for key in setting::keys(&is.kind) {
        let before = setting::current(old, &was.kind, key).unwrap_or_default();
        let after = setting::current(new, &is.kind, key).unwrap_or_default();
        if before != after {
            words.push(format!("{key} {before} → {after}"));
        }
    }
    if let (Some(before), Some(after)) = (rate(&was.kind), rate(&is.kind))
        && before.to_bits() != after.to_bits()
    {
        words.push(format!("rate {before}/s → {after}/s"));
    }
    let restarts = settled(new, is.id, &was.kind) != is.kind;
    if restarts {
        words.push(format!("{}; it starts again", born_with(&was.kind, &is.kind)));
    }
    let effect = Effect::Node { node: is.id, kind: Arc::new(is.kind.clone()), restarts };
    Some(change(format!("{name}: {}", words.join(", ")), effect))
}

/// Whether it is another node altogether, and why.
fn other_node(was: &Node, is: &Node) -> Option<&'static str> {
    let scheme = |node: &Node| match &node.kind {
        Kind::Replica(replica) => Some(replica.scheme),
        Kind::StoreClient(client) => Some(client.scheme),
        _ => None,
    };
    let kind = std::mem::discriminant::<Kind>;
    if kind(&was.kind) != kind(&is.kind) || scheme(was) != scheme(is) {
        Some("what it is")
    } else if was.at != is.at || was.listen != is.listen {
        Some("where it listens")
    } else if was.starts != is.starts {
        Some("whether it runs from the beginning")
    } else if was.group != is.group {
        Some("its group")
    } else {
        None
    }
}

fn rate(kind: &Kind) -> Option<f64> {
    match kind {
        Kind::Client(client) => Some(client.rate),
        Kind::StoreClient(client) => Some(client.rate),
        Kind::Ls(_) | Kind::Ts(_) | Kind::Replica(_) => None,
    }
}

/// A node that was set like `was` once it has been told all that can be told while it runs, so that it is as the
/// topology says.
#[must_use]
pub fn settled(topology: &Topology, node: NodeId, was: &Kind) -> Kind {
    let wanted = &topology.node(node).kind;
    let mut kind = was.clone();
    for key in setting::keys(wanted) {
        let Some(value) = setting::current(topology, wanted, key) else { continue };
        if let Ok(setting) = setting::parse(topology, node, key, &value) {
            setting.apply(&mut kind);
        }
    }
    match (&mut kind, wanted) {
        (Kind::Client(kind), Kind::Client(wanted)) => kind.rate = wanted.rate,
        (Kind::StoreClient(kind), Kind::StoreClient(wanted)) => kind.rate = wanted.rate,
        _ => {}
    }
    kind
}

/// What a process gets when it starts and keeps.
fn born_with(was: &Kind, is: &Kind) -> &'static str {
    match (was, is) {
        (Kind::Client(was), Kind::Client(is)) if was.list != is.list => "its list of names",
        (Kind::StoreClient(was), Kind::StoreClient(is)) if was.operations != is.operations => {
            "its list of operations"
        }
        (Kind::Ts(was), Kind::Ts(is)) if was.records != is.records => "its table",
        (Kind::Ts(was), Kind::Ts(is)) if was.store != is.store => "its store",
        _ => "what it is born with",
    }
}

fn links(old: &Topology, new: &Topology, changes: &mut Vec<Change>) {
    if old.default_link != new.default_link {
        let what = faults_words(&old.default_link, &new.default_link);
        changes.push(change(
            format!("links by default: {what}"),
            Effect::DefaultLink(new.default_link),
        ));
    }
    let ways: BTreeSet<(NodeId, NodeId)> =
        old.links.keys().chain(new.links.keys()).copied().collect();
    let differ = |way: &(NodeId, NodeId)| old.links.get(way) != new.links.get(way);
    let words =
        |way: (NodeId, NodeId)| faults_words(&old.link(way.0, way.1), &new.link(way.0, way.1));
    let mut left: BTreeMap<(NodeId, NodeId), String> =
        ways.into_iter().filter(differ).map(|way| (way, words(way))).collect();
    while let Some(((from, to), what)) = left.pop_first() {
        let entry = |from, to| (from, to, new.links.get(&(from, to)).copied());
        let (a, b) = (new.names.of(from), new.names.of(to));
        let both = left.get(&(to, from)) == Some(&what);
        let (arrow, ways) = if both {
            left.remove(&(to, from));
            ("↔", vec![entry(from, to), entry(to, from)])
        } else {
            ("→", vec![entry(from, to)])
        };
        changes.push(change(format!("{a} {arrow} {b}: {what}"), Effect::Links(ways)));
    }
}

/// What has become of a link, figure by figure.
fn faults_words(was: &Faults, is: &Faults) -> String {
    let mut words = Vec::new();
    let mut say = |key: &str, before: String, after: String| {
        if before != after {
            words.push(format!("{key} {before} → {after}"));
        }
    };
    let shares = |share: f64| format!("{}%", share * 100.0);
    let jitter = |faults: &Faults| {
        if faults.jitter.mean.is_zero() {
            return "0".to_owned();
        }
        format!("{} {:?}", exact(faults.jitter.mean), faults.jitter.shape).to_lowercase()
    };
    let rate = |faults: &Faults| {
        faults.bandwidth.map_or_else(|| "any".to_owned(), |rate| format!("{} B/s", grouped(rate)))
    };
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    say("latency", exact(was.latency), exact(is.latency));
    say("jitter", jitter(was), jitter(is));
    say("loss", shares(was.loss), shares(is.loss));
    say("duplicate", shares(was.duplicate), shares(is.duplicate));
    say("reorder", shares(was.reorder), shares(is.reorder));
    say("bandwidth", rate(was), rate(is));
    say("cut", switch(was.cut), switch(is.cut));
    say("hold", switch(was.hold), switch(is.hold));
    if words.is_empty() {
        "written out or not, with the same values".into()
    } else {
        words.join(", ")
    }
}

fn steps_words(old: &[Step], new: &[Step]) -> String {
    let changed: Vec<String> = old
        .iter()
        .zip(new)
        .zip(1..)
        .filter(|((was, is), _)| was != is)
        .map(|(_, number)| i32::to_string(&number))
        .collect();
    let mut words = Vec::new();
    if !changed.is_empty() {
        words.push(format!("{} differ", changed.join(", ")));
    }
    match (old.len(), new.len()) {
        (was, is) if is > was => words.push(format!("{} new at the end", is - was)),
        (was, is) if is < was => words.push(format!("the last {} gone", was - is)),
        _ => {}
    }
    format!("steps: {}", words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Bundled, load_text};

    const LAB: &str = "title = 'a lab'\n[nodes.c]\nrole = 'client'\nasks = 'ls'\n\
         names = ['www.a.com']\n[nodes.ls]\nrole = 'ls'\nupstreams = ['ts1', 'ts2']\n\
         policy = 'race'\n[nodes.ts1]\nrole = 'ts'\nrecords = ['www.a.com 1.2.3.4 A']\n\
         [nodes.ts2]\nrole = 'ts'\nrecords = []\n\
         [[links]]\nbetween = ['ls', 'ts1']\nlatency = '40ms'\n\
         [[steps]]\nsay = 'one'\ndo = ['query c']\n[[steps]]\nsay = 'two'\ndo = ['kill ts1']\n";

    fn lab(text: &str) -> Topology {
        load_text("lab.toml", text, &Bundled)
            .unwrap_or_else(|problems| panic!("{problems}"))
            .topology
    }

    /// What the lab with these replacements changes; and that taking it makes the one of the other.
    fn words(replacements: &[(&str, &str)]) -> Vec<String> {
        let text = replacements.iter().fold(LAB.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let (old, new) = (lab(LAB), lab(&text));
        let changes = diff(&old, &new);
        let mut taken = old;
        for change in &changes {
            taken.take(change);
        }
        if changes.iter().all(Change::is_live) {
            assert_eq!(taken, new);
        } else {
            assert_ne!(taken, new);
        }
        changes.iter().map(|change| change.words.to_string()).collect()
    }

    #[test]
    fn what_says_the_same_changes_nothing() {
        assert_eq!(words(&[]), Vec::<String>::new());
        assert_eq!(words(&[("policy = 'race'\n", "policy = 'race' # a remark\n")]).len(), 0);
    }

    #[test]
    fn settings_links_and_steps_are_taken_while_the_lab_runs() {
        let changed = words(&[
            ("policy = 'race'", "policy = 'failover'\ntimeout = '2s'"),
            ("latency = '40ms'", "latency = '80ms'\nloss = '10%'"),
            ("say = 'two'", "say = 'TWO'"),
            ("title = 'a lab'", "title = 'another'"),
        ]);
        assert_eq!(
            changed,
            [
                "title or lesson",
                "ls: policy race → failover, timeout 5s → 2s",
                "ls ↔ ts1: latency 40ms → 80ms, loss 0% → 10%",
                "steps: 2 differ",
            ]
        );
    }

    #[test]
    fn what_a_process_is_born_with_starts_it_again_and_nobody_else() {
        let changed =
            words(&[("1.2.3.4", "5.6.7.8"), ("names = ['www.a.com']", "names = ['b.com']")]);
        assert_eq!(
            changed,
            ["c: its list of names; it starts again", "ts1: its table; it starts again"]
        );
    }

    #[test]
    fn a_ts_is_born_with_a_store_or_without() {
        let text = |store: &str| {
            lab(&format!(
                "title = 'a lab'\n[nodes.ts]\nrole = 'ts'\nrecords = []\n{store}\n\
                 [groups.r]\nrole = 'replica'\ncount = 2\nprefix = 'r'\n"
            ))
        };
        let (without, with) = (text(""), text("store = 'r'"));
        for (old, new) in [(&without, &with), (&with, &without)] {
            let [change] = diff(old, new).try_into().expect("one change");
            assert!(change.words.contains("its store; it starts again"), "{}", change.words);
            let mut taken = old.clone();
            taken.take(&change);
            assert_eq!(taken, *new);
        }
        let [change] = diff(&with, &text("store = ['r2', 'r1']")).try_into().expect("one change");
        assert!(matches!(change.effect, Effect::Node { restarts: false, .. }), "{}", change.words);
    }

    #[test]
    fn one_direction_is_told_from_both() {
        let one = "[[links]]\nfrom = 'ls'\nto = 'ts2'\nlatency = '5ms'\n[[steps]]\nsay = 'one'";
        assert_eq!(words(&[("[[steps]]\nsay = 'one'", one)]), ["ls → ts2: latency 0 → 5ms"]);
    }

    #[test]
    fn who_is_there_needs_a_new_lab() {
        let third = "[nodes.ts3]\nrole = 'ts'\nrecords = []\n[[links]]\nbetween";
        assert_eq!(words(&[("[[links]]\nbetween", third)]), ["ts3 is new: a ts"]);
        assert_eq!(words(&[("title", "seed = 7\ntitle")]), ["seed 1 → 7"]);
        let changed = words(&[("ts2", "ts4")]);
        assert_eq!(changed, ["ts4 is new: a ts", "ts2 is gone"]);
    }

    #[test]
    fn a_shorter_and_a_longer_lecture_say_how() {
        assert_eq!(
            words(&[("[[steps]]\nsay = 'two'\ndo = ['kill ts1']\n", "")]),
            ["steps: the last 1 gone"]
        );
        let more = "do = ['kill ts1']\n[[steps]]\nsay = 'three'\n";
        assert_eq!(words(&[("do = ['kill ts1']\n", more)]), ["steps: 1 new at the end"]);
    }
}
