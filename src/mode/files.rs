//! Topology files for the command line: loading with all problems shown, `check` and `list`.

use super::{EXIT_HELD, EXIT_USAGE, complain_text, print};
use crate::base::Shown;
use crate::topology::{self, Loaded, Options, Setting, Topology, bundle};
use anyhow::{Context, anyhow, bail};
use std::fmt::Write as _;
use std::path::Path;

/// Loads a topology and shows whatever is wrong or odd about it. None if it cannot be used.
#[must_use]
pub fn load(name: &str, allow_nonlocal: bool) -> Option<Topology> {
    match topology::load(Path::new(name), Options { allow_nonlocal }) {
        Ok(Loaded { topology, warnings }) => {
            if !warnings.is_empty() {
                complain_text(&format!("{warnings}\n"));
            }
            Some(topology)
        }
        Err(problems) => {
            complain_text(&format!("{problems}\n"));
            None
        }
    }
}

/// `faultlab check`: everything that is wrong with the files, and what they need of the system.
///
/// # Errors
/// If standard output is gone.
pub fn check(files: &[String], allow_nonlocal: bool) -> anyhow::Result<u8> {
    let mut code = EXIT_HELD;
    for file in files {
        match load(file, allow_nonlocal) {
            Some(topology) => {
                print(&good(file, &topology))?;
            }
            None => code = EXIT_USAGE,
        }
    }
    Ok(code)
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn good(file: &str, topology: &Topology) -> String {
    let file = Shown::new(file);
    let need = topology::estimate(topology);
    let mut text = format!(
        "{file}: good. {}, {}, about {} open files",
        counted(topology.nodes.len(), "node"),
        counted(topology.steps.len(), "step"),
        need.open_files,
    );
    match super::limits::raise() {
        Some(limit) if need.open_files > limit => {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                ", but this system allows {limit}: raise it with `ulimit -n {}`",
                need.open_files
            );
        }
        _ => {}
    }
    text.push_str(".\n");
    text
}

/// `faultlab list`: the bundled topologies, a line each.
///
/// # Errors
/// If standard output is gone.
pub fn list() -> anyhow::Result<u8> {
    let entries = bundle::list();
    let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for entry in entries {
        let (title, steps) = (Shown::new(&entry.title), counted(entry.steps, "step"));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:width$}  {title}  ({steps})", entry.name);
    }
    print(&text)
}

/// Changes settings before the start: `ls.policy=failover`.
///
/// # Errors
/// Which of them is wrong, and what would be right.
pub fn change(topology: &mut Topology, settings: &[String]) -> anyhow::Result<()> {
    for text in settings {
        let form = || anyhow!("--set {text}: write NODE.KEY=VALUE, such as ls.policy=failover");
        let (place, value) = text.split_once('=').ok_or_else(form)?;
        let (node, key) = place.split_once('.').ok_or_else(form)?;
        let id = topology
            .names
            .id(node)
            .with_context(|| format!("--set {text}: there is no node `{node}`"))?;
        let setting: Setting = topology::setting::parse(topology, id, key, value)
            .map_err(|why| anyhow!("--set {text}: {why}"))?;
        if !setting.apply(&mut topology.nodes[id.index()].kind) {
            bail!("--set {text}: `{node}` has no `{key}`");
        }
    }
    Ok(())
}
