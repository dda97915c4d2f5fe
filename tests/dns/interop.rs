//! `dig`, `kdig` and `drill` as people use them, where they are installed: straight and through the load balancer.

use crate::ask::lab;
use crate::common::Bench;
use std::io::ErrorKind;
use std::process::Command;

/// What a program prints that asks this node; none, and a word about it, where there is no such program.
fn asks(bench: &Bench, program: &str, node: &str, arguments: &str) -> Option<String> {
    let address = bench.address(node);
    let (server, port) = (format!("@{}", address.ip()), address.port().to_string());
    let mut command = Command::new(program);
    match program {
        "dig" => command.args([&server, "-p", &port, "+time=10", "+tries=1"]),
        "kdig" => command.args([&server, "-p", &port, "+time=10", "+retry=0"]),
        _ => command.args(["-p", &port, &server]),
    };
    match command.args(arguments.split(' ')).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no `{program}` here");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Name, type, code, and what the records say; denials come with the zone's beginning.
const SAID: [(&str, &str, &str, &[&str]); 10] = [
    ("www.google.com", "A", "NOERROR", &["A 192.0.2.10"]),
    ("wWw.gOOgle.CoM", "AAAA", "NOERROR", &["AAAA 2001:db8::10"]),
    ("search.google.com", "A", "NOERROR", &["CNAME www.google.com.", "A 192.0.2.10"]),
    ("rome.maps.google.com", "A", "NOERROR", &["A 192.0.2.30"]),
    ("google.com", "MX", "NOERROR", &["MX 10 mail.google.com."]),
    ("google.com", "NS", "NOERROR", &["NS ns1.google.com.", "NS ns2.google.com."]),
    ("google.com", "SOA", "NOERROR", &[SOA]),
    ("note.google.com", "TXT", "NOERROR", &["TXT \"it has text, and no address\""]),
    ("note.google.com", "A", "NOERROR", &[SOA]),
    ("nosuch.google.com", "A", "NXDOMAIN", &[SOA]),
];

const SOA: &str = "SOA ns1.google.com. hostmaster.google.com. 2024010101 3600 600 86400 5";

/// The code and the records that a program printed.
fn read(text: &str) -> (Option<&str>, Vec<String>) {
    let code = ["status: ", "rcode: "].iter().find_map(|word| {
        let (_, rest) = text.split_once(word)?;
        rest.split([',', ';']).next()
    });
    let records = text.lines().filter(|line| !line.starts_with(';')).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words.get(2) == Some(&"IN")).then(|| words[3..].join(" "))
    });
    (code, records.collect())
}

#[test]
fn three_programs_of_others_hear_the_same_over_datagrams_and_streams() {
    let bench = Bench::start(&lab("policy = \"race\""));
    for (program, over_tcp) in [("dig", "+tcp "), ("kdig", "+tcp "), ("drill", "-t ")] {
        for node in ["ts1", "ls"] {
            for over in ["", over_tcp] {
                for (name, kind, code, records) in SAID {
                    let arguments = format!("{over}{name} {kind}");
                    let Some(said) = asks(&bench, program, node, &arguments) else { return };
                    let expected = records.iter().map(|one| (*one).to_owned()).collect();
                    assert_eq!(read(&said), (Some(code), expected), "{program} {node}:\n{said}");
                }
            }
        }
    }
}

#[test]
fn dig_and_its_options_are_understood() {
    let bench = Bench::start(&lab("policy = \"race\""));
    for node in ["ts1", "ls"] {
        for (arguments, expected) in [
            ("+bufsize=100 note.google.com TXT", "\"it has text, and no address\"\n"),
            ("+edns=1 +noednsnegotiation www.google.com", "status: BADVERS"),
            ("+cookie +nsid +subnet=192.0.2.0/24 www.google.com", "status: NOERROR"),
            ("-c CH -t TXT version.bind", "status: REFUSED"),
            ("+opcode=15 www.google.com", "status: NOTIMP"),
            ("+header-only www.google.com", "status: FORMERR"),
            ("+noedns big.google.com TXT", "Truncated, retrying in TCP mode"),
            ("+bufsize=1232 +ignore big.google.com TXT", " tc "),
            ("+bufsize=4096 +ignore big.google.com TXT", "ANSWER: 6"),
            ("+tcp big.google.com TXT", "ANSWER: 6"),
        ] {
            let Some(said) = asks(&bench, "dig", node, arguments) else { return };
            assert!(said.contains(expected), "{node} {arguments}:\n{said}");
            for complaint in ["mismatch", "Warning", "EDNS query returned"] {
                assert!(!said.contains(complaint), "{node} {arguments}:\n{said}");
            }
        }
    }
    let Some(said) = asks(&bench, "dig", "ls", "www.mit.edu") else { return };
    assert!(said.contains("status: SERVFAIL"), "{said}");
    assert!(
        said.contains("EDE: 22 (No Reachable Authority): (ts1 REFUSED, ts2 REFUSED)"),
        "{said}"
    );
}
