//! Builds the text files of `topologies/` and `assets/` into the binary, as a sorted list of (path,
//! text), and the commit that it is built from into its version.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const FOLDERS: [&str; 2] = ["topologies", "assets"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        collect(&root.join(folder), folder, &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for (name, path) in files {
        let path = path.to_str().expect("the paths of the package are UTF-8");
        writeln!(list, "    ({name:?}, include_str!({path:?})),").expect("a String takes all");
    }
    list.push_str("]\n");
    let version = env!("CARGO_PKG_VERSION");
    let version = commit(&root.join(".git"))
        .map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=FAULTLAB_VERSION={version}");
    fs::write(out.join("bundle.rs"), list)
}

/// The first digits of the commit that is checked out, read from the files of git; none outside a
/// checkout, as in a package from a registry.
fn commit(git: &Path) -> Option<String> {
    // In a working tree beside the first one, `.git` is a file that tells where the rest is.
    let folder = match fs::read_to_string(git) {
        Ok(text) => git.parent()?.join(text.trim_end().strip_prefix("gitdir: ")?),
        Err(_) => git.to_owned(),
    };
    let shared = fs::read_to_string(folder.join("commondir"))
        .map_or_else(|_| folder.clone(), |text| folder.join(text.trim_end()));
    let head = watched(&folder.join("HEAD"))?;
    let hash = match head.strip_prefix("ref: ") {
        None => head,
        Some(branch) => watched(&shared.join(branch)).or_else(|| {
            let packed = watched(&shared.join("packed-refs"))?;
            let line = packed.lines().find(|line| line.ends_with(branch))?;
            Some(line.split(' ').next()?.to_owned())
        })?,
    };
    hash.get(..10).map(str::to_owned)
}

/// A file's text without its last line end; the build looks again when the file changes.
fn watched(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text.trim_end().to_owned())
}

/// Pictures for the README live in `assets`, too, and do not belong in the binary.
fn is_text(name: &str) -> bool {
    [".toml", ".txt", ".zone", ".json"].iter().any(|ending| name.ends_with(ending))
}

fn collect(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // A package without assets is a package all the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_str().expect("the names of bundled files are UTF-8");
        if file.starts_with('.') {
            continue;
        }
        let name = format!("{name}/{file}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &name, files)?;
        } else if kind.is_file() && is_text(&name) {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}
