//! The real program without a panel: a load balancer in front of two name servers, its own or others.

use super::{Cores, NAMES, Program, Stranger, name, port};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

/// One run of it.
#[derive(Debug)]
pub struct Ours {
    /// The process.
    pub program: Program,
    /// Where its LS listens.
    pub port: u16,
    report: PathBuf,
    _folder: tempfile::TempDir,
}

impl Ours {
    /// Starts it with these lines for the LS and waits until it answers. `servers`: ports of name servers that are not
    /// its own.
    pub fn start(ls: &str, servers: Option<[u16; 2]>, cores: Cores) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = port();
        let mut text = format!(
            "title = 'bench'\n[defaults.link]\nwire = 'dns'\n[nodes.ls]\nrole = 'ls'\n\
             upstreams = ['ts1', 'ts2']\nlisten = {{ dns = {port} }}\n{ls}\n"
        );
        let records: Vec<String> =
            (0..NAMES).map(|n| format!("'{}' = '192.0.2.{}'", name(n), n % 250)).collect();
        for at in 0..2 {
            writeln!(text, "[nodes.ts{}]\nrole = 'ts'", at + 1).expect("a String takes it");
            match servers {
                Some(ports) => writeln!(text, "at = '127.0.0.1:{}'", ports[at]),
                None => {
                    writeln!(text, "listen = {{ dns = 0 }}\nrecords = {{ {} }}", records.join(", "))
                }
            }
            .expect("a String takes it");
        }
        let (file, report) = (folder.path().join("bench.toml"), folder.path().join("report.json"));
        std::fs::write(&file, text).expect("the folder takes it");
        let mut command = cores.command(env!("CARGO_BIN_EXE_faultlab"));
        command.arg("run").arg(file).args(["--headless", "--for", "300s", "--report"]).arg(&report);
        command.arg("--data").arg(folder.path());
        let program = Program::start(command);
        Stranger::of(port).until_answered();
        Self { program, port, report, _folder: folder }
    }

    /// Gives it a command.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.program.input(), "{command}").expect("it reads");
    }

    /// Ends it; gives how many events its log has lost before they were folded.
    pub fn finish(mut self) -> u64 {
        self.tell("quit");
        self.program.ended();
        let report = std::fs::read_to_string(&self.report).expect("it wrote one");
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        report["gaps"].as_u64().expect("a number")
    }
}
