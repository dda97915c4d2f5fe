//! `export .cast` of the panel: a film of what has been, made beside the panel into a new file in the folder of the
//! recordings.

use super::beside::Beside;
use super::data;
use super::whole::{Whole, in_words, stamp};
use crate::panel::{Exported, Footage, Progress};
use std::cell::RefCell;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

/// Makes casts, one at a time.
#[derive(Debug, Default)]
pub struct Exporter {
    makes: Beside<Exported>,
    progress: RefCell<Option<Arc<Progress>>>,
}

impl Exporter {
    /// Begins to make one; false while an earlier one is still being made.
    ///
    /// # Errors
    /// There is no folder to write to, or no thread to be had.
    pub fn begin(&self, mut footage: Footage) -> io::Result<bool> {
        if self.makes.is_busy() {
            return Ok(false);
        }
        let folder = data::recordings()?;
        let seconds = data::now_ms() / 1000;
        footage.cast.made = Some(seconds);
        *self.progress.borrow_mut() = Some(footage.progress());
        let make = move || write(footage, &folder, &stamp(seconds)).map_err(in_words);
        self.makes.begin("faultlab-cast", make)?;
        Ok(true)
    }

    /// What came of one, once.
    pub fn done(&self) -> Option<io::Result<Exported>> {
        self.makes.done()
    }
}

impl Drop for Exporter {
    /// A cast may take long, and whoever quits does not wait for it: half of one is none.
    fn drop(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.give_up();
        }
        self.makes.wait();
    }
}

/// Makes a film of this in a new file.
fn write(footage: Footage, folder: &Path, stamp: &str) -> io::Result<Exported> {
    let whole = Whole::new(folder, footage.name(), stamp, "cast")?;
    let filmed = footage.write(&mut BufWriter::new(&whole.file))?;
    Ok(Exported { path: whole.finish()?, filmed })
}
