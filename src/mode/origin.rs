//! Where a running topology came from, so that it can be found again: for a file with other steps, and to go on where
//! the lecture was when the program ended, however it ended.

use super::data;
use crate::cli::Run;
use crate::panel::Offer;
use crate::topology::{self, Options, Rewritten, Topology, rewrite};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The version of the file's shape.
const FORMAT: u32 = 1;

/// Where a running topology came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// A file, or the name of a bundled topology.
    pub topology: String,
    /// The seed of the run.
    pub seed: u64,
    /// What the command line changed: `NODE.KEY=VALUE`.
    pub settings: Vec<String>,
    /// Whether other addresses than loopback are allowed.
    pub allow_nonlocal: bool,
    /// The run's folder, with the disks of its replicas.
    pub data: Option<PathBuf>,
}

/// What the file of an unfinished lecture says.
#[derive(Debug, Serialize, Deserialize)]
struct Unfinished {
    v: u32,
    /// Who wrote it: while that process runs, it is nobody else's lecture.
    pid: u32,
    step: u32,
    origin: Origin,
}

/// A lecture that can go on.
#[derive(Debug)]
pub struct Resume {
    /// Its topology, as it was run.
    pub topology: Topology,
    /// Where that came from.
    pub origin: Origin,
    /// The step that had begun.
    pub step: u32,
}

impl Resume {
    /// The lecture that was not finished, if there is one whose topology is still there.
    #[must_use]
    pub fn find() -> Option<Self> {
        let text = fs::read(data::resume_file()?).ok()?;
        let Unfinished { v, pid, step, origin } = serde_json::from_slice(&text).ok()?;
        let elsewhere = pid != std::process::id() && super::desk::is_running(pid);
        if v != FORMAT || elsewhere {
            return None;
        }
        let options = Options { allow_nonlocal: origin.allow_nonlocal };
        let mut topology = topology::load(Path::new(&origin.topology), options).ok()?.topology;
        super::files::change(&mut topology, &origin.settings).ok()?;
        topology.seed = origin.seed;
        (1..=topology.steps.len()).contains(&(step as usize)).then_some(())?;
        Some(Self { topology, origin, step })
    }

    /// Its line in the list.
    #[must_use]
    pub fn offer(&self) -> Offer {
        let Topology { name, title, steps, .. } = &self.topology;
        let say = steps.get(self.step as usize - 1).map_or("", |step| step.say.as_str());
        Offer {
            name: "go on".into(),
            title: format!("{name}, step {} of {}: {title}", self.step, steps.len()),
            lesson: say.to_owned(),
            steps: 0,
        }
    }
}

impl Origin {
    /// A bundled topology as it is.
    #[must_use]
    pub fn bundled(name: &str, seed: u64) -> Self {
        Self { topology: name.to_owned(), seed, ..Self::default() }
    }

    /// What a run's command line says.
    #[must_use]
    pub fn of(run: &Run, seed: u64) -> Self {
        // The next time, the program may be started somewhere else.
        let path = Path::new(&run.topology);
        let file = path.is_file().then(|| fs::canonicalize(path).ok()).flatten();
        let file = file.and_then(|path| path.to_str().map(str::to_owned));
        Self {
            topology: file.unwrap_or_else(|| run.topology.clone()),
            seed,
            settings: run.settings.clone(),
            allow_nonlocal: run.allow_nonlocal,
            data: run.data.clone(),
        }
    }

    /// The lecture has come to this step, or (none) to its end.
    pub fn reached(&self, step: Option<u32>) {
        let Some(file) = data::resume_file() else { return };
        let done = match step {
            None => fs::remove_file(&file),
            Some(step) => {
                let unfinished =
                    Unfinished { v: FORMAT, pid: std::process::id(), step, origin: self.clone() };
                data::replace(&file, &serde_json::to_vec(&unfinished).unwrap_or_default())
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "where the lecture is cannot be remembered");
        }
    }

    /// The same lab with other steps, of which the first sets what the command line had changed.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn rewritten(&self, seed: u64, steps: &str) -> Result<Rewritten, String> {
        let set = |setting: &String| {
            let (place, value) = setting.split_once('=')?;
            let (node, key) = place.split_once('.')?;
            // A value of the command line holds no quotes that TOML would not take as they are.
            Some(format!("    'set {node} {key} {value}',\n"))
        };
        let set: String = self.settings.iter().filter_map(set).collect();
        let steps = match set.as_str() {
            "" => steps.to_owned(),
            set => {
                format!(
                    "[[steps]]\nsay = \"As the command line had it.\"\ndo = [\n{set}]\n\n{steps}"
                )
            }
        };
        let options = Options { allow_nonlocal: self.allow_nonlocal };
        rewrite(Path::new(&self.topology), options, seed, &steps)
    }
}
