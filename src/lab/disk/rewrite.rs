//! The disk of the original: the whole store as one JSON file, written anew in place at each change. It is here to be
//! shown and measured; whoever is killed in the middle of a write is left with half of a file.

use crate::message::Image;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Written at once; between two pieces the process may die.
const PIECE_BYTES: usize = 4096;

/// Reads the file; one that is not there holds nothing.
///
/// # Errors
/// What is wrong with the file, or the system's reason.
pub fn read(path: &Path) -> Result<Image, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Image::default()),
        Err(error) => Err(error.to_string()),
    }
}

/// Writes everything anew and gives how many bytes that were. `dying` is asked before each piece.
///
/// # Errors
/// The system's reason; then the file is damaged.
pub fn write(path: &Path, image: &Image, dying: impl Fn() -> bool) -> io::Result<u64> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let text = serde_json::to_vec(image)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    for piece in text.chunks(PIECE_BYTES) {
        if dying() {
            return Err(io::Error::other("the process died in the middle of the file"));
        }
        file.write_all(piece)?;
    }
    Ok(text.len() as u64)
}
