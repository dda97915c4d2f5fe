//! dnsdist, of Debian's package: the load balancer that ours is measured beside.

use super::{Cores, Program, Stranger, name, port};
use std::fmt::Write as _;

/// One in front of two name servers.
#[derive(Debug)]
pub struct Dnsdist {
    /// The process.
    pub program: Program,
    /// Where it listens.
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Dnsdist {
    /// Starts it with this policy (`roundrobin`, `leastOutstanding`) in front of these ports and waits until it
    /// answers. Its servers are looked at once a second, as it does by itself.
    pub fn start(policy: &str, servers: [u16; 2], cores: Cores) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = port();
        // By itself it asks the Internet whether it is out of date.
        let mut config = format!("setSecurityPollSuffix('')\nsetLocal('127.0.0.1:{port}')\n");
        for server in servers {
            let check = name(0);
            writeln!(config, "newServer({{address='127.0.0.1:{server}', checkName='{check}.'}})")
                .expect("a String takes it");
        }
        writeln!(config, "setServerPolicy({policy})").expect("a String takes it");
        let file = folder.path().join("dnsdist.conf");
        std::fs::write(&file, config).expect("the folder takes it");
        let mut command = cores.command("dnsdist");
        command.args(["--supervised", "--disable-syslog", "-C"]).arg(file);
        let program = Program::start(command);
        Stranger::of(port).until_answered();
        Self { program, port, _folder: folder }
    }
}
