//! Where a running topology came from, so that it can be found again: for a file with other steps, and to go on after
//! the program has ended.

use crate::cli::Run;
use crate::topology::{Options, Rewritten, rewrite};
use std::path::Path;

/// Where a running topology came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// A file, or the name of a bundled topology.
    pub topology: String,
    /// What the command line changed: `NODE.KEY=VALUE`.
    pub settings: Vec<String>,
    /// Whether other addresses than loopback are allowed.
    pub allow_nonlocal: bool,
}

impl Origin {
    /// A bundled topology as it is.
    #[must_use]
    pub fn bundled(name: &str) -> Self {
        Self { topology: name.to_owned(), ..Self::default() }
    }

    /// What a run's command line says.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            topology: run.topology.clone(),
            settings: run.settings.clone(),
            allow_nonlocal: run.allow_nonlocal,
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
                format!("[[steps]]\nsay = \"As the command line had it.\"\ndo = [\n{set}]\n\n{steps}")
            }
        };
        let options = Options { allow_nonlocal: self.allow_nonlocal };
        rewrite(Path::new(&self.topology), options, seed, &steps)
    }
}
