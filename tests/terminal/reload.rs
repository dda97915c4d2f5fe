//! Somebody edits the topology's file while its lab runs.

use super::harness::{Setup, Terminal};
use std::fs;
use std::path::PathBuf;

const LAB: &str = "title = 'a lab'\n\
    [nodes.c]\nrole = 'client'\nasks = 'ls'\nnames = ['www.a.com']\n\
    [nodes.ls]\nrole = 'ls'\nupstreams = ['ts1', 'ts2']\npolicy = 'race'\n\
    [nodes.ts1]\nrole = 'ts'\nrecords = ['www.a.com 192.0.2.1 A']\n\
    [nodes.ts2]\nrole = 'ts'\nrecords = ['www.a.com 192.0.2.2 A']\n\
    [[links]]\nbetween = ['ls', 'ts1']\nlatency = '40ms'\n\
    [[steps]]\nsay = 'The first note.'\ndo = ['query c']\n\
    [[steps]]\nsay = 'The second note.'\ndo = ['kill ts1']\n";

struct Lab {
    terminal: Terminal,
    file: PathBuf,
}

impl Lab {
    fn start() -> Self {
        let setup = Setup::faultlab(&["run", "lab.toml"]).with_file("lab.toml", LAB);
        let terminal = setup.start();
        let file = terminal.folder().join("lab.toml");
        terminal.until_shows("up 4/4");
        Self { terminal, file }
    }

    /// As editors do it: another file takes the place of the old one.
    fn edit(&self, text: &str) {
        let beside = self.file.with_extension("new");
        fs::write(&beside, text).expect("the file can be written");
        fs::rename(&beside, &self.file).expect("and takes its place");
    }

    fn quit(self) {
        self.terminal.keys("q");
        self.terminal.until_shows("y yes");
        self.terminal.keys("y");
        self.terminal.ends_restored(0);
    }
}

#[test]
fn what_has_changed_is_offered_and_what_has_not_runs_on() {
    let lab = Lab::start();
    let terminal = &lab.terminal;
    terminal.keys("n");
    terminal.until_shows("The first note.");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    lab.edit(
        &LAB.replace("'race'", "'failover'")
            .replace("40ms", "90ms")
            .replace("192.0.2.1", "192.0.2.7")
            .replace("first note", "edited note"),
    );
    terminal.until_shows("file changed: Y shows 4 changes");
    terminal.keys("Y");
    terminal.until_shows("policy race → failover");
    terminal.until_shows("ls ↔ ts1: latency 40ms → 90ms");
    terminal.until_shows("ts1: its table; it starts again");
    terminal.until_shows("steps: 1 differ");
    terminal.keys("y");
    terminal.until_shows("The edited note.");
    terminal.until_shows("90 ms");
    // The same lab: what was asked before is still counted, and what comes now is as the file says.
    terminal.until_shows("answered 1");
    terminal.until_shows("up 4/4");
    // Until the LS has found the new process of ts1, the other one answers.
    let by_the_new_table = (2..100).find(|number| {
        terminal.keys("f");
        terminal.until_shows(&format!("answered {number}"));
        terminal.seen().shows("192.0.2.7")
    });
    assert!(by_the_new_table.is_some(), "ts1 answers from the table of the file");
    terminal.until_gone("file changed");
    lab.quit();
}

#[test]
fn a_broken_file_changes_nothing_and_says_what_is_wrong_with_it() {
    let lab = Lab::start();
    let terminal = &lab.terminal;
    lab.edit(&LAB.replace("'race'", "'rase'"));
    terminal.until_shows("file broken, the lab goes on: Y shows why");
    terminal.keys("Y");
    terminal.until_shows("lab.toml:9:10");
    terminal.until_shows("race");
    // There is nothing to take.
    terminal.keys("y");
    terminal.keys("\x1b");
    terminal.until_gone("lab.toml:9:10");
    terminal.keys("f");
    terminal.until_shows("answered 1");
    lab.edit(LAB);
    terminal.until_shows("the file says again what runs");
    terminal.until_gone("file broken");
    lab.quit();
}

#[test]
fn another_node_needs_a_new_lab_which_begins_at_the_same_step() {
    let lab = Lab::start();
    let terminal = &lab.terminal;
    terminal.keys("n");
    terminal.until_shows("The first note.");
    lab.edit(&format!("{LAB}[nodes.ts3]\nrole = 'ts'\nrecords = []\n"));
    terminal.until_shows("file changed: Y shows 1 change");
    terminal.keys("Y");
    terminal.until_shows("ts3 is new");
    terminal.until_shows("new lab, at step 1");
    // Enter alone confirms nothing.
    terminal.keys("\r");
    terminal.until_shows("ts3 is new");
    terminal.keys("y");
    terminal.until_shows("up 5/5");
    terminal.until_shows("The first note.");
    lab.quit();
}
