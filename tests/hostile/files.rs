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
    text.chars().map(|c| format!("\\U{:08x}", c as u32)).collect()
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

#[test]
fn what_is_said_about_a_command_shows_nothing_of_it_raw() {
    let names = || Names::new(["client", "ls", "ts1"]);
    let sinks: [(&'static str, fn(&str, &Names) -> String); 3] = [
        ("a command", |text, names| {
            grammar::command(text, names).expect_err("no command").to_string()
        }),
        ("a node", |text, names| {
            let line = format!("kill {text}");
            grammar::command(&line, names).expect_err("no node").to_string()
        }),
        ("an expectation", |text, names| {
            grammar::expectation(text, names).expect_err("none").to_string()
        }),
    ];
    for (sink, show) in sinks {
        assert!(show("calm", &names()).contains("calm"), "{sink}");
        for (payload, text) in PAYLOADS {
            assert_eq!(harm(&show(&format!("a{text}z"), &names())), None, "{sink}: {payload}");
        }
    }
}
