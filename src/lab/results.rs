//! The results file of a client: one line an answer, in the order of its list, in the run's data folder.

use super::shared::Shared;
use crate::base::{NodeId, Shown};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

/// The file of one client; nothing is created before its first line.
#[derive(Debug)]
pub struct Results {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Results {
    /// The file of this node.
    #[must_use]
    pub fn new(lab: &Shared, node: NodeId) -> Self {
        let name = format!("{}-resolved.txt", lab.topology.names.of(node));
        Self { path: lab.data.as_ref().map(|data| data.join(name)), file: None }
    }

    /// Writes a line; `None` begins the file anew. A disk that does not take it is reported in the log of the program.
    pub fn write(&mut self, line: Option<String>, _lab: &Shared) {
        if let Err(error) = self.try_write(line) {
            tracing::error!(%error, path = ?self.path, "a result was not written");
        }
    }

    fn try_write(&mut self, line: Option<String>) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if line.is_none() || self.file.is_none() {
            if let Some(folder) = path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let mut options = OpenOptions::new();
            let flags = OFlags::NOFOLLOW.bits().cast_signed();
            options.create(true).write(true).mode(0o600).custom_flags(flags);
            if line.is_none() {
                options.truncate(true);
            } else {
                options.append(true);
            }
            self.file = Some(options.open(path)?);
        }
        if let (Some(line), Some(file)) = (line, &mut self.file) {
            // The words are the server's, and the file may be looked at on a terminal.
            file.write_all(format!("{}\n", Shown::new(&line)).as_bytes())?;
        }
        Ok(())
    }
}
