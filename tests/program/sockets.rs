//! Which sockets a run has: loopback only, with or without a network, and ports that somebody else holds.

use crate::{DEADLINE, LAB, Place, Running, expecting, text};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

/// The socket tables of the system, as proc(5) has them: local and remote address and inode of each line.
#[cfg(target_os = "linux")]
fn sockets_of(process: u32) -> Vec<(String, String)> {
    let mut inodes = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(format!("/proc/{process}/fd")).expect("it lives").flatten() {
        let link = std::fs::read_link(entry.path()).unwrap_or_default();
        let name = link.to_string_lossy().into_owned();
        if let Some(inode) = name.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            inodes.insert(inode.to_owned());
        }
    }
    let mut all = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let lines = std::fs::read_to_string(format!("/proc/{process}/net/{table}"));
        for line in lines.unwrap_or_default().lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.get(9).is_some_and(|inode| inodes.contains(*inode)) {
                all.push((words[1].to_owned(), words[2].to_owned()));
            }
        }
    }
    all
}

/// Whether an address of proc(5) is 127.0.0.0/8, `::1`, or none at all.
#[cfg(target_os = "linux")]
fn is_loopback(address: &str, none_too: bool) -> bool {
    let (host, port) = address.split_once(':').expect("an address and a port");
    match host.len() {
        // Four bytes as the processor has them: the first is the last of the word.
        8 => host.ends_with("7F") || (none_too && port == "0000" && host == "00000000"),
        _ => {
            host == "00000000000000000000000001000000"
                || (none_too && port == "0000" && host.chars().all(|c| c == '0'))
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn every_socket_of_every_bundled_topology_is_on_loopback() {
    assert!(is_loopback("0100007F:1BBC", false) && !is_loopback("00000000:1BBC", false));
    assert!(!is_loopback("0A00000A:1BBC", true) && is_loopback("00000000:0000", true));
    let place = Place::new();
    let list = text(&place.run(&["list"]).stdout);
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let mut run = place.start(&["run", name, "--plain", "--for", "10min"]);
        run.until("listens at");
        run.until("step 1  begins");
        let sockets = sockets_of(run.child.id());
        assert!(sockets.len() >= 3, "{name}: {sockets:?}");
        for (local, remote) in &sockets {
            // A socket that holds a port of a dead node, or has just been made, may have no address.
            assert!(is_loopback(local, true), "{name} is bound to {local}");
            assert!(is_loopback(remote, true), "{name} talks to {remote}");
        }
        run.quit();
    }
}

/// A system that allows it shows that no network is needed at all; everywhere else the addresses of all sockets do
/// (the test above), and here that the same run holds without a name server or a route being asked for.
#[test]
fn a_run_needs_no_network_but_loopback() {
    let place = Place::new();
    let file = place.file("lab.toml", &expecting("query client ends answered from ts1 within 5s"));
    let isolated = |command: &mut Command| {
        place.prepare(command);
        command.args(["-rn", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    };
    let mut probe = Command::new("unshare");
    isolated(&mut probe);
    let allowed = probe.arg("true").status().is_ok_and(|status| status.success());
    let output = if allowed {
        let mut command = Command::new("unshare");
        isolated(&mut command);
        command
            .args([env!("CARGO_BIN_EXE_faultlab"), "run", &file, "--headless"])
            .output()
            .expect("it runs")
    } else {
        place.run(&["run", &file, "--headless"])
    };
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_taken_port_is_said_the_others_run_and_a_revival_takes_it_when_it_is_free() {
    let place = Place::new();
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("bound").port();
    let lab = LAB.replace(
        "[nodes.ts1]\nrole = \"ts\"",
        &format!("[nodes.ts1]\nrole = \"ts\"\nlisten = {{ line = {port} }}"),
    );
    let file = place.file("lab.toml", &lab);
    let mut run = place.start(&["run", &file, "--plain", "--for", "10min"]);
    let line = run.until("ts1  CANNOT LISTEN");
    assert!(line.contains(&format!("port {port} is taken by another program")), "{line}");
    assert!(line.contains("--port-base") || line.contains("free it"), "the remedy: {line}");
    let ts2 = run.address("ts2");
    assert_eq!(ask(ts2, "www.b.com\n"), "www.b.com 192.0.2.2 A\n");
    // Still taken: it says so again.
    run.say("revive ts1");
    run.until("ts1  CANNOT LISTEN");
    drop(holder);
    run.say("revive ts1");
    let ts1 = run.address("ts1");
    assert_eq!(ts1.port(), port);
    assert_eq!(ask(ts1, "www.a.com\n"), "www.a.com 192.0.2.1 A\n");
    run.until("ls  believes that ts1 is up");
    run.say("query client www.a.com");
    run.until("ls → client  192.0.2.1");
    run.quit();
}

/// Asks on a connection of its own and gives everything that comes back.
pub fn ask(address: std::net::SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    stream.write_all(line.as_bytes()).expect("it takes bytes");
    stream.shutdown(std::net::Shutdown::Write).expect("half a close");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an answer");
    text(&all)
}

/// A signal ends a run in good order, with the code that says so.
#[test]
fn a_signal_ends_a_run_in_good_order() {
    let place = Place::new();
    let file = place.file("lab.toml", LAB);
    let mut command = place.command(&["run", &file, "--plain", "--for", "10min"]);
    let mut run = Running::new(command.stdin(Stdio::piped()).spawn().expect("it runs"));
    let address = run.address("ts1");
    let pid = run.child.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status().expect("there is a kill");
    assert!(kill.success());
    let rest = run.rest();
    assert_eq!(run.child.wait().expect("it ends").code(), Some(128 + 15));
    assert!(rest.contains("ts1  stopped"), "{rest}");
    assert!(TcpStream::connect(address).is_err(), "nothing listens any more");
}
