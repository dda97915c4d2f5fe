//! Where the program reads and writes: folders of its own below the user's (XDG Base Directory Specification 0.8),
//! never the working directory. Folders are made when something is first written there, for the user alone.

use super::print;
use crate::base::Shown;
use crate::topology::Rewritten;
use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// One of the user's folders: its variable, and where it is when that is not set.
struct Base {
    variable: &'static str,
    below_home: &'static str,
}

const CONFIG: Base = Base { variable: "XDG_CONFIG_HOME", below_home: ".config" };
const DATA: Base = Base { variable: "XDG_DATA_HOME", below_home: ".local/share" };
const STATE: Base = Base { variable: "XDG_STATE_HOME", below_home: ".local/state" };

impl Base {
    /// This program's folder in it. Relative paths do not count, as the specification has it.
    fn folder(&self, get: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        let absolute = |name: &str| get(name).filter(|path| path.is_absolute());
        let base = absolute(self.variable)
            .or_else(|| absolute("HOME").map(|home| home.join(self.below_home)))?;
        Some(base.join("faultlab"))
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from)
}

/// The folder for one run of a topology: `runs/NAME-SECONDS-PID` in the data folder, or what the user named.
#[must_use]
pub fn run_folder(named: Option<&Path>, topology: &str) -> Option<PathBuf> {
    if let Some(folder) = named {
        return Some(folder.to_owned());
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = format!("{topology}-{seconds}-{}", std::process::id());
    Some(DATA.folder(variable)?.join("runs").join(name))
}

/// The configuration file: the one that `FAULTLAB_CONFIG` names, or `config.toml` in the configuration folder. With an
/// empty variable there is none.
#[must_use]
pub fn config_file() -> Option<PathBuf> {
    match variable("FAULTLAB_CONFIG") {
        Some(path) if path.as_os_str().is_empty() => None,
        Some(path) => Some(path),
        None => Some(CONFIG.folder(variable)?.join("config.toml")),
    }
}

/// Whether the person said which file is the configuration: then it must be there.
#[must_use]
pub fn config_is_named() -> bool {
    variable("FAULTLAB_CONFIG").is_some()
}

/// The present, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The file that remembers where a lecture was when the program ended.
#[must_use]
pub fn resume_file() -> Option<PathBuf> {
    Some(STATE.folder(variable)?.join("lecture.json"))
}

/// The folder in which running labs say where their desks are.
#[must_use]
pub fn desks_folder() -> Option<PathBuf> {
    Some(STATE.folder(variable)?.join("labs"))
}

/// The folder of the recordings and casts that are saved by hand.
#[must_use]
pub fn recordings_folder() -> Option<PathBuf> {
    Some(STATE.folder(variable)?.join("recordings"))
}

/// The same, where something is to be written there.
///
/// # Errors
/// There is none.
pub fn recordings() -> io::Result<PathBuf> {
    recordings_folder().ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "HOME is not set, and so there is no folder")
    })
}

/// The folder of the program's own log.
#[must_use]
pub fn log_folder() -> Option<PathBuf> {
    Some(STATE.folder(variable)?.join("log"))
}

/// `faultlab paths`: where what is.
///
/// # Errors
/// If standard output is gone.
pub fn paths() -> anyhow::Result<u8> {
    let places = [
        ("config", config_file()),
        ("data", DATA.folder(variable)),
        ("runs", DATA.folder(variable).map(|data| data.join("runs"))),
        ("state", STATE.folder(variable)),
        ("recordings", recordings_folder()),
        ("log", log_folder().map(|folder| folder.join(super::rotated::NAME))),
    ];
    let lines = places.iter().map(|(what, path)| match path {
        Some(path) => format!("{what:12}{}\n", Shown::new(&path.to_string_lossy())),
        None if *what == "config" && config_is_named() => {
            format!("{what:12}none: FAULTLAB_CONFIG is empty\n")
        }
        None => format!("{what:12}nowhere: HOME is not set\n"),
    });
    print(&lines.collect::<String>())
}

/// Creates a file that the user named, or empties it. What a run records is nobody else's to read.
///
/// # Errors
/// The system's.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Writes a file of the program's own so that it is there whole or not at all.
///
/// # Errors
/// The system's.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let new = path.with_extension("new");
    create(&new)?.write_all(bytes)?;
    fs::rename(&new, path)
}

/// Copies kept in one folder.
const COPIES_MAX: u32 = 9999;

/// Writes a text that was copied into a new file of a run's folder: `copied-1.txt`, `copied-2.txt`, …
///
/// # Errors
/// The system's; too many copies.
pub fn keep(folder: &Path, text: &str) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for number in 1..=COPIES_MAX {
        let path = folder.join(format!("copied-{number}.txt"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("there are too many copies in the run's folder"))
}

/// Writes a topology and the files that it names into a new folder of a run's folder: `by-hand-1`, `by-hand-2`, …
///
/// # Errors
/// The system's; too many of them.
pub fn keep_topology(folder: &Path, name: &str, new: &Rewritten) -> io::Result<PathBuf> {
    let make = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
    make(folder)?;
    for number in 1..=COPIES_MAX {
        let inside = folder.join(format!("by-hand-{number}"));
        match DirBuilder::new().mode(0o700).create(&inside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        for (path, bytes) in &new.files {
            let path = inside.join(path);
            path.parent().map_or(Ok(()), make)?;
            create(&path)?.write_all(bytes)?;
        }
        let path = inside.join(format!("{name}.toml"));
        create(&path)?.write_all(new.text.as_bytes())?;
        return Ok(path);
    }
    Err(io::Error::other("there are too many saved topologies in the run's folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_gets_a_file_of_its_own_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("runs/tour");
        for (number, text) in [(1, "one"), (2, "two")] {
            let path = keep(&folder, text).expect("it is written");
            assert_eq!(path, folder.join(format!("copied-{number}.txt")));
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
            let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn the_variable_counts_if_it_is_absolute_and_home_otherwise() {
        let get = |name: &str| {
            Some(PathBuf::from(match name {
                "XDG_DATA_HOME" => "/d",
                "XDG_STATE_HOME" => "relative",
                "HOME" => "/h",
                _ => return None,
            }))
        };
        assert_eq!(DATA.folder(get), Some("/d/faultlab".into()));
        assert_eq!(STATE.folder(get), Some("/h/.local/state/faultlab".into()));
        assert_eq!(CONFIG.folder(get), Some("/h/.config/faultlab".into()));
        assert_eq!(CONFIG.folder(|_| None), None);
    }
}
