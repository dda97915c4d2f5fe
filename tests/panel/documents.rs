//! The documents name the keys that the table has, and no others.

use faultlab::panel::{Keymap, lecture_keys, whole_list};
use std::fs;
use std::path::Path;

/// Where a generated part of a document begins and ends.
const BEGIN: &str = "<!-- keys: made from the key table -->\n";
const END: &str = "<!-- end of keys -->\n";

/// Compares the generated part of a document with what it should be; with `UPDATE_DOCS=1` it is written anew.
fn holds(document: &str, keys: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).expect("the document is there");
    let (before, rest) = text.split_once(BEGIN).expect("the list of keys begins somewhere");
    let (present, after) = rest.split_once(END).expect("the list of keys ends somewhere");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, keys, END, after].concat()).expect("it can be written");
    } else if present != keys {
        panic!("{document} has other keys than the table; UPDATE_DOCS=1 writes these:\n{keys}");
    }
}

#[test]
fn the_readme_shows_the_keys_of_a_lecture() {
    holds("README.md", &lecture_keys(&Keymap::default()));
}

#[test]
fn the_list_of_keys_is_whole() {
    holds("docs/keys.md", &whole_list(&Keymap::default()));
}
