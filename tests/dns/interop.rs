//! `dig` as people use it, where it is installed: straight and through the load balancer.

use crate::ask::lab;
use crate::common::Bench;
use std::process::Command;

/// What `dig` prints; none where there is no such program.
fn dig(bench: &Bench, node: &str, arguments: &str) -> Option<String> {
    let address = bench.address(node);
    let (server, port) = (format!("@{}", address.ip()), address.port().to_string());
    let fixed = [server.as_str(), "-p", &port, "+time=5", "+tries=1"];
    let output = Command::new("dig").args(fixed).args(arguments.split(' ')).output();
    match output {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no `dig` here");
            None
        }
        Err(error) => panic!("dig: {error}"),
    }
}

#[test]
fn dig_hears_what_the_zone_says() {
    let bench = Bench::start(&lab("policy = \"race\""));
    for node in ["ts1", "ls"] {
        for (arguments, expected) in [
            ("+short www.google.com", "192.0.2.10\n"),
            ("+short +tcp WWW.google.com AAAA", "2001:db8::10\n"),
            ("+short +noedns google.com MX", "10 mail.google.com.\n"),
            ("+short +bufsize=100 note.google.com TXT", "\"it has text, and no address\"\n"),
            ("nosuch.google.com", "status: NXDOMAIN"),
            ("note.google.com", "AUTHORITY: 1"),
            ("+edns=1 +noednsnegotiation www.google.com", "status: BADVERS"),
            ("+cookie www.google.com", "status: NOERROR"),
            ("-c CH -t TXT version.bind", "status: REFUSED"),
            ("+opcode=15 www.google.com", "status: NOTIMP"),
            ("+noedns big.google.com TXT", "Truncated, retrying in TCP mode"),
            ("+tcp big.google.com TXT", "ANSWER: 6"),
        ] {
            let Some(said) = dig(&bench, node, arguments) else { return };
            assert!(said.contains(expected), "{node} {arguments}:\n{said}");
            assert!(!said.contains("mismatch") && !said.contains("Warning"), "{said}");
        }
    }
    let Some(said) = dig(&bench, "ls", "www.mit.edu") else { return };
    assert!(said.contains("status: SERVFAIL"), "{said}");
    assert!(said.contains("EDE: 22 (No Reachable Authority)"), "{said}");
}
