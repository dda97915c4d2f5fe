//! Lines to copy into a shell: how to ask a node something, and how to look at what it keeps.

use crate::base::text::shell_word;
use crate::message::DiskKind;
use crate::topology::Role;
use std::net::SocketAddr;

/// Asks a node that listens with the line wire.
#[must_use]
pub fn ask(role: Role, address: SocketAddr) -> String {
    let words = if role == Role::Replica { "get KEY" } else { "NAME" };
    format!("printf '{words}\\n' | nc {} {}", address.ip(), address.port())
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
        assert_eq!(ask(Role::Ts, address), "printf 'NAME\\n' | nc 127.0.0.1 7101");
        assert_eq!(ask(Role::Replica, address), "printf 'get KEY\\n' | nc 127.0.0.1 7101");
        assert_eq!(
            look("/tmp/it's a run/r1.db", DiskKind::Sqlite),
            "sqlite3 -readonly '/tmp/it'\\''s a run/r1.db' 'SELECT * FROM operations'"
        );
        assert_eq!(look("/tmp/r1.json", DiskKind::Rewrite), "cat /tmp/r1.json");
    }
}
