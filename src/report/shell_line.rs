//! Lines to copy into a shell: how to ask a node something, and how to look at what it keeps.

use crate::base::text::shell_word;
use crate::message::DiskKind;
use crate::topology::{Role, Wire};
use std::net::SocketAddr;

/// Asks a node that listens there with this wire; none where only programs speak to each other.
#[must_use]
pub fn ask(role: Role, wire: &str, address: SocketAddr) -> Option<String> {
    let (host, port) = (address.ip(), address.port());
    match wire {
        "line" => {
            let words = if role == Role::Replica { "get KEY" } else { "NAME" };
            Some(format!("printf '{words}\\n' | nc {host} {port}"))
        }
        "dns" => Some(format!("dig @{host} -p {port} NAME")),
        _ => None,
    }
}

/// Shows what a node keeps in this file, without a hand on it: whoever looks while the lab runs disturbs nothing.
#[must_use]
pub fn look(file: &str, kind: DiskKind) -> String {
    let file = shell_word(file);
    match kind {
        DiskKind::Sqlite => format!("sqlite3 -readonly {file} 'SELECT * FROM operations'"),
        DiskKind::Rewrite => format!("cat {file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_every_line_as_it_is() {
        let address = "127.0.0.1:7101".parse().expect("an address");
        let line = |role, wire| ask(role, wire, address).unwrap_or_default();
        assert_eq!(line(Role::Ts, "line"), "printf 'NAME\\n' | nc 127.0.0.1 7101");
        assert_eq!(line(Role::Replica, "line"), "printf 'get KEY\\n' | nc 127.0.0.1 7101");
        assert_eq!(line(Role::Ls, "dns"), "dig @127.0.0.1 -p 7101 NAME");
        assert_eq!(ask(Role::Replica, "json", address), None);
        assert_eq!(
            look("/tmp/it's a run/r1.db", DiskKind::Sqlite),
            "sqlite3 -readonly '/tmp/it'\\''s a run/r1.db' 'SELECT * FROM operations'"
        );
        assert_eq!(look("/tmp/r1.json", DiskKind::Rewrite), "cat /tmp/r1.json");
    }
}
