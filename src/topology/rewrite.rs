//! The same lab with another lecture: a topology's text in which other steps stand, with the lists and tables that it
//! names, so that it can be put anywhere.
//!
//! The text is cut where its steps stand, and what comes out is read again and compared: a file that would not be the
//! same lab is never handed out.

use super::load::{self, Options, load_text_with};
use super::source::{Files, Refusal};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// A topology that stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The text of the file.
    pub text: String,
    /// The files that it names, by their paths relative to it.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Remembers what was read.
struct Copying<'a> {
    base: &'a dyn Files,
    read: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Files for Copying<'_> {
    fn read(&self, path: &str) -> Result<(String, Vec<u8>), Refusal> {
        let (name, bytes) = self.base.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok((name, bytes))
    }
}

/// The topology at this path, or the bundled one of this name, with these steps in place of its own, and this seed.
///
/// # Errors
/// Why it cannot be written: a sentence for the person who asked.
pub fn rewrite(path: &Path, options: Options, seed: u64, steps: &str) -> Result<Rewritten, String> {
    let opened = load::open(path).map_err(|_| "its file cannot be read any more".to_owned())?;
    let (name, files) = (opened.name, opened.files);
    let before = load_text_with(&name, &opened.text, &*files, options)
        .map_err(|_| "its file has changed and is not in order any more".to_owned())?
        .topology;
    let text = with_seed(&without_steps(&opened.text), seed) + "\n" + steps;
    let copying = Copying { base: &*files, read: RefCell::default() };
    let after = load_text_with(&name, &text, &copying, options)
        .map_err(|problems| {
            let first = problems.iter().next().map_or(String::new(), |it| it.message.clone());
            format!("the new file would not be in order: {first}")
        })?
        .topology;
    let same = super::Topology { steps: before.steps.clone(), seed: before.seed, ..after };
    if same != before {
        return Err("its steps do not stand in tables of their own at the end of the file".into());
    }
    Ok(Rewritten { text, files: copying.read.into_inner() })
}

/// The text without the tables `[[steps]]`.
fn without_steps(text: &str) -> String {
    let mut out = String::new();
    let (mut in_steps, mut in_string) = (false, false);
    for line in text.lines() {
        let trimmed = line.trim_start();
        if !in_string && trimmed.starts_with('[') {
            in_steps = trimmed.starts_with("[[steps]]");
        }
        // A schema beside the bundled files is not beside this one.
        if !in_steps && !line.starts_with("#:schema") {
            out += line;
            out.push('\n');
        }
        let marks = line.matches("\"\"\"").count() + line.matches("'''").count();
        in_string ^= marks % 2 == 1;
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The text with this seed, which stands before the first table.
fn with_seed(text: &str, seed: u64) -> String {
    let is_seed = |line: &str| {
        line.strip_prefix("seed").is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let mut out = format!("seed   = {seed}\n");
    let mut in_tables = false;
    for line in text.lines() {
        in_tables |= line.trim_start().starts_with('[');
        if in_tables || !is_seed(line) {
            out += line;
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::bundle;

    const STEPS: &str = "[[steps]]\nsay = \"Done by hand.\"\ndo = [\"mark \\\"\\\"\"]\n";

    #[test]
    fn every_bundled_lab_stands_alone_with_other_steps() {
        for entry in bundle::list() {
            let name = entry.name;
            let new = rewrite(Path::new(name), Options::default(), 99, STEPS)
                .unwrap_or_else(|why| panic!("{name}: {why}"));
            let folder = tempfile::tempdir().expect("a folder");
            for (path, bytes) in &new.files {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
                std::fs::write(path, bytes).expect("it is written");
            }
            let path = folder.path().join(format!("{name}.toml"));
            std::fs::write(&path, &new.text).expect("it is written");
            let loaded = super::super::load(&path, Options::default())
                .unwrap_or_else(|problems| panic!("{name}: {problems}"));
            assert_eq!((loaded.topology.seed, loaded.topology.steps.len()), (99, 1), "{name}");
        }
    }

    #[test]
    fn steps_that_cannot_be_cut_out_are_not_cut_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.toml");
        let lab = "[nodes.ts1]\nrole = \"ts\"\nrecords = { a = \"192.0.2.1\" }\n";
        std::fs::write(&path, format!("steps = [{{ say = \"hm\" }}]\n{lab}")).expect("written");
        let why = rewrite(&path, Options::default(), 1, STEPS).expect_err("twice the steps");
        assert!(why.starts_with("the new file would not be in order"), "{why}");
        std::fs::remove_file(&path).expect("it was there");
        let why = rewrite(&path, Options::default(), 1, STEPS).expect_err("there is none");
        assert_eq!(why, "its file cannot be read any more");
    }
}
