//! NSD, of Debian's package `nsd`: a name server that others stand in front of.

use super::{Cores, NAMES, Program, Stranger, name, port};
use rustix::process::Signal;
use std::fmt::Write as _;

/// One name server with all the names.
#[derive(Debug)]
pub struct Nsd {
    program: Program,
    /// Where it listens.
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Nsd {
    /// Starts it and waits until it answers.
    pub fn start(cores: Cores) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, at) = (port(), folder.path().display());
        let mut zone = String::from(
            "$ORIGIN example.\n$TTL 300\n@ IN SOA ns root 1 3600 600 86400 300\n@ IN NS ns\nns IN A 127.0.0.1\n",
        );
        for n in 0..NAMES {
            writeln!(zone, "{}. IN A 192.0.2.{}", name(n), n % 250).expect("a String takes it");
        }
        let config = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  server-count: 1\n  \
             zonesdir: \"{at}\"\n  pidfile: \"{at}/pid\"\n  xfrdfile: \"{at}/xfrd\"\n  \
             xfrdir: \"{at}\"\n  zonelistfile: \"{at}/list\"\n  \
             logfile: \"{at}/log\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n\
             zone:\n  name: example\n  zonefile: example.zone\n"
        );
        let file = folder.path().join("nsd.conf");
        std::fs::write(folder.path().join("example.zone"), zone).expect("the folder takes it");
        std::fs::write(&file, config).expect("the folder takes it");
        let mut command = cores.command("nsd");
        command.args(["-d", "-c"]).arg(file);
        // A group of its own: freezing it freezes its children.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let program = Program::start(command);
        Stranger::of(port).until_answered();
        Self { program, port, _folder: folder }
    }

    /// It stands still with all its processes.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        // Without it the bench has no figure to show, and says so by the next question.
        let _ = rustix::process::kill_process_group(self.program.id(), signal);
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        self.thaw();
    }
}
