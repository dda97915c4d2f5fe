//! Files and lines that somebody wrote: what is said about them, and what a client writes down.

use crate::hold;
use crate::payloads::{PAYLOADS, harm};
use faultlab::base::Names;
use faultlab::command::grammar;
use faultlab::topology::{self, Folder, Options};
use std::path::Path;

/// What is said about a topology of this text; `@` stands for the hostile one.
fn complaints(text: &str, hostile: &str) -> String {
    let folder = Folder(std::env::temp_dir().join("nothing is read there"));
    match topology::load_text("lab.toml", &text.replace('@', hostile), &folder) {
        Ok(loaded) => format!("calm {}", loaded.warnings),
        Err(problems) => problems.to_string(),
    }
}

/// As TOML writes a text.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |all, c| format!("{all}\\U{:08x}", c as u32))
}

#[test]
fn what_is_said_about_a_file_shows_nothing_of_it_raw() {
    hold(&[
        ("a raw text in a file", |text| complaints("title = @\n", text)),
        ("a comment", |text| complaints("# @\nx = @\n", text)),
        ("an unknown key", |text| complaints("\"@\" = 1\n", text)),
        ("an unknown key, escaped", |text| complaints("\"@\" = 1\n", &escaped(text)) + "calm"),
        ("an id", |text| complaints("[nodes.\"@\"]\nrole = \"ts\"\n", &escaped(text)) + "calm"),
        ("a role", |text| complaints("[nodes.a]\nrole = \"@\"\n", &escaped(text)) + "calm"),
        ("a time", |text| {
            complaints("[defaults.link]\nlatency = \"@\"\n", &escaped(text)) + "calm"
        }),
        ("a reference", |text| {
            complaints("[nodes.a]\nrole = \"client\"\nasks = \"@\"\n", &escaped(text)) + "calm"
        }),
        ("a file name", |text| {
            let path = Path::new("/nowhere").join(text);
            topology::load(&path, Options::default()).expect_err("there is none").to_string()
        }),
    ]);
}

/// Titles, notes and names of a file may hold any text, or are refused; ids are refused.
#[test]
fn a_hostile_id_is_refused() {
    for (payload, text) in PAYLOADS {
        let file = format!("[nodes.\"a{}\"]\nrole = \"ts\"\n", escaped(text));
        let folder = Folder(std::env::temp_dir());
        let problems = topology::load_text("lab.toml", &file, &folder).expect_err(payload);
        assert_eq!(harm(&problems.to_string()), None, "{payload}");
    }
}

fn complaint(line: &str) -> String {
    let names = Names::new(["client", "ls", "ts1"]);
    grammar::command(line, &names).expect_err("no command").to_string()
}

#[test]
fn what_is_said_about_a_command_shows_nothing_of_it_raw() {
    hold(&[
        ("a command", complaint),
        ("a node", |text| complaint(&format!("kill {text}"))),
        ("an expectation", |text| {
            let names = Names::new(["client", "ls", "ts1"]);
            grammar::expectation(text, &names).expect_err("none").to_string()
        }),
    ]);
}
