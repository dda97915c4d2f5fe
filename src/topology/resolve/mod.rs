//! From the raw mirror of a file to a topology: ids become numbers, defaults are filled in, and
//! whatever does not make sense together is reported. Nothing here stops at the first problem.

mod address;
mod balancers;
mod defaults;
mod keys;
mod links;
mod lists;
mod loops;
mod meetings;
mod nodes;
mod replicas;
pub mod roster;
mod steps;
pub mod values;

pub use address::EPHEMERAL;
pub use balancers::may_have;
pub use keys::{keys_of, of_a_lookup, of_a_store, schemes_with};

use super::Options;
use super::model::{Dialect, Topology};
use super::problem::Problems;
use super::raw;
use super::source::Files;
use super::words::ClockPace;
use crate::base::{NodeId, Run};
use address::Ports;
use lists::Lists;
use nodes::Builder;
use roster::Roster;

/// The seed of a topology that states none.
const SEED: u64 = 1;
/// A title stands on one line of a small terminal.
const TITLE_CHARS_MAX: usize = 72;

/// Resolves a file. What comes out may be used only if no error was reported.
pub fn resolve(
    name: &str,
    file: &raw::File,
    files: &dyn Files,
    options: Options,
    problems: &mut Problems,
) -> Topology {
    let roster = Roster::new(file, problems);
    let mut builder =
        Builder { roster: &roster, lists: Lists::new(files), options, ports: Ports::default() };
    let count = u16::try_from(roster.entries.len()).expect("the roster keeps to its limit");
    let mut nodes: Vec<_> = (0..count).map(|id| builder.node(NodeId(id), problems)).collect();
    loops::check(&nodes, &roster, problems);
    replicas::check(&nodes, &roster, problems);
    let links = links::resolve(file, &roster, problems);
    meetings::settle(&mut nodes, &links.wires, &roster, problems);
    balancers::check_ties(&nodes, &links.wires, &roster, problems);
    balancers::check_merging(&nodes, &links.wires, &roster, problems);
    let mut topology = Topology {
        name: name.to_owned(),
        title: title(name, file, problems),
        lesson: file.lesson.as_ref().map(|lesson| lesson.value.clone()).unwrap_or_default(),
        seed: file.seed.as_ref().map_or(SEED, |seed| seed.value.0),
        run: Run::FIRST,
        dialect: file.dialect.as_ref().map_or_else(Dialect::default, |dialect| dialect.value.0),
        auto_pace: file.pace.as_ref().is_some_and(|pace| pace.value.0 == ClockPace::Auto),
        nodes,
        names: roster.names.clone(),
        groups: roster.groups.clone(),
        default_link: links.default,
        links: links.written,
        wires: links.wires,
        steps: Vec::new(),
    };
    topology.steps = steps::resolve(file, &topology, problems);
    topology
}

fn title(name: &str, file: &raw::File, problems: &mut Problems) -> String {
    let Some(title) = &file.title else {
        return name.to_owned();
    };
    if title.value.trim().is_empty() {
        problems.error(title.at, "the title is empty").help("say in one line what this is");
    } else if title.value.contains('\n') || title.value.chars().count() > TITLE_CHARS_MAX {
        problems
            .error(title.at, "the title does not fit on one line")
            .help(format!("at most {TITLE_CHARS_MAX} characters; `lesson` has room for more"));
    }
    title.value.clone()
}
