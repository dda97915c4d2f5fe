//! Where the text of topologies, lists and tables comes from: a folder on disk, or the files built
//! into the binary.
//!
//! Nothing is read that is no regular file, that is too large, or that lies outside the folder;
//! what is refused is refused before a byte of it is read. It does not know what the texts say.

use super::bundle;
use super::words::quoted;
use crate::base::units;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The largest topology, list or table: a lecture fits a hundred times.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What all lists and tables of one topology may hold together.
pub const ALL_FILES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a file was not read: what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence without a full stop.
    pub message: String,
    /// The remedy.
    pub help: String,
}

impl Refusal {
    /// This refusal.
    #[must_use]
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// A place that lists and tables are read from, by paths relative to it.
pub trait Files {
    /// The name of the file for people, and its bytes. The path has been found harmless
    /// (no `..`, nothing absolute).
    ///
    /// # Errors
    /// Why the file was not read.
    fn read(&self, path: &str) -> Result<(String, Vec<u8>), Refusal>;
}

/// The files built into the binary: relative to `topologies/`, then to `assets/`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bundled;

impl Files for Bundled {
    fn read(&self, path: &str) -> Result<(String, Vec<u8>), Refusal> {
        let found = ["topologies", "assets"].iter().find_map(|folder| {
            let full = format!("{folder}/{}", path.trim_start_matches("./"));
            bundle::file(&full).map(|text| (full, text))
        });
        match found {
            Some((full, text)) => Ok((full, text.as_bytes().to_vec())),
            None => Err(missing(path)),
        }
    }
}

/// A folder on disk, then its `assets/`, then the assets built into the binary.
#[derive(Debug, Clone)]
pub struct Folder(
    /// The folder.
    pub PathBuf,
);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<(String, Vec<u8>), Refusal> {
        let folder = if self.0.as_os_str().is_empty() { Path::new(".") } else { &self.0 };
        for base in [folder.to_path_buf(), folder.join("assets")] {
            let full = base.join(path);
            // This sees a link that leads nowhere as well, which must not pass for a missing file.
            if fs::symlink_metadata(&full).is_ok() {
                inside(folder, &full, path)?;
                return Ok((full.display().to_string(), regular_file(&full)?));
            }
        }
        let full = format!("assets/{}", path.trim_start_matches("./"));
        let text = bundle::file(&full).ok_or_else(|| missing(path))?;
        Ok((full, text.as_bytes().to_vec()))
    }
}

fn missing(path: &str) -> Refusal {
    let help = "paths are relative to the topology file, then to its folder `assets`";
    Refusal::new(format!("there is no file {}", quoted(path)), help)
}

/// Whether a path stays inside the folder when its links are followed.
fn inside(folder: &Path, full: &Path, path: &str) -> Result<(), Refusal> {
    let real = |path: &Path| fs::canonicalize(path);
    match (real(folder), real(full)) {
        (Ok(folder), Ok(full)) if full.starts_with(&folder) => Ok(()),
        (Ok(_), Ok(_)) => Err(Refusal::new(
            format!("{} is a link that leads out of the topology's folder", quoted(path)),
            "copy the file into the folder of the topology",
        )),
        _ => Err(missing(path)),
    }
}

/// Refuses paths that could lead out of the folder, and formats that are not read, without looking
/// at the disk.
///
/// # Errors
/// What is wrong with the path.
pub fn harmless(path: &str) -> Result<(), Refusal> {
    let refuse = |why: &str, help: &str| {
        Err(Refusal::new(format!("the path {} {why}", quoted(path)), help.to_owned()))
    };
    let stay = "keep lists and tables in the folder of the topology, and name them relative to it";
    if path.trim().is_empty() {
        return refuse("is empty", stay);
    }
    if path.chars().any(char::is_control) || path.len() > 1000 {
        return refuse("is no path", stay);
    }
    let parsed = Path::new(path);
    if parsed.is_absolute() || path.starts_with(['\\', '~']) {
        return refuse("is absolute", stay);
    }
    let leads_up = |component| !matches!(component, Component::Normal(_) | Component::CurDir);
    if parsed.components().any(leads_up) || path.split('\\').any(|part| part == "..") {
        return refuse("leads out of the topology's folder", stay);
    }
    Ok(())
}

/// Whether a path names a zone file.
#[must_use]
pub fn is_zone(path: &str) -> bool {
    let extension = Path::new(path).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("zone"))
}

/// Reads a regular file of at most [`FILE_BYTES_MAX`].
///
/// # Errors
/// What is there instead, or why it cannot be read.
pub fn regular_file(path: &Path) -> Result<Vec<u8>, Refusal> {
    let name = quoted(&path.display().to_string());
    let fails = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Refusal::new(format!("there is no file {name}"), "check the path")
        }
        std::io::ErrorKind::PermissionDenied => {
            Refusal::new(format!("{name} may not be read"), "check its permissions")
        }
        _ => Refusal::new(format!("{name} cannot be read: {error}"), "check the path"),
    };
    // Looked at before it is opened: opening a fifo would wait for a writer.
    let found = fs::metadata(path).map_err(|error| fails(&error))?;
    if !found.is_file() {
        let what = if found.is_dir() { "a directory" } else { "no regular file" };
        return Err(Refusal::new(format!("{name} is {what}"), "name a text file"));
    }
    let limit =
        || format!("a file may have at most 1 MiB ({} bytes)", units::grouped(FILE_BYTES_MAX));
    let too_large = |size: u64| {
        let size = units::grouped(size);
        Refusal::new(format!("{name} is too large: {size} bytes"), limit())
    };
    if found.len() > FILE_BYTES_MAX {
        return Err(too_large(found.len()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| fails(&error))?;
    // Some files have more to say than their size admits (those under /proc say 0).
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| fails(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_lead_out_of_the_folder() {
        for bad in ["../x", "a/../../x", "/etc/passwd", "~/x", "..\\x", "", " ", "a\x1b[2J"] {
            assert!(harmless(bad).is_err(), "{bad:?}");
        }
        for good in ["names/x.txt", "./x", "x", "a b/ü.txt", "..x"] {
            assert_eq!(harmless(good), Ok(()), "{good:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_may_point_inside_the_folder_and_never_out_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("topologies");
        fs::create_dir(&folder).unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::write(folder.join("open"), "x").unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
        };
        link("../secret", "out");
        link("open", "in");
        link("nowhere", "dangling");
        let files = Folder(folder.clone());
        assert_eq!(files.read("in").unwrap().1, b"x");
        assert!(files.read("out").unwrap_err().message.contains("leads out"));
        assert!(files.read("dangling").unwrap_err().message.contains("there is no file"));
        assert!(files.read("absent").unwrap_err().message.contains("there is no file"));
    }

    #[test]
    fn assets_beside_the_file_are_found_second() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("assets")).unwrap();
        fs::write(dir.path().join("assets/a"), "second").unwrap();
        let files = Folder(dir.path().to_path_buf());
        assert_eq!(files.read("a").unwrap().1, b"second");
        fs::write(dir.path().join("a"), "first").unwrap();
        assert_eq!(files.read("a").unwrap().1, b"first");
    }
}
