//! Addresses and ports: what may be bound, what may be asked outside, and which two want the same.

use crate::topology::Options;
use crate::topology::mirror::RawTable;
use crate::topology::model::{Listen, Role};
use crate::topology::problem::{Problems, Span};
use crate::topology::raw;
use crate::topology::value::{At, Whole};
use crate::topology::words::{a_role, quoted};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The range from which Linux gives ports to connections that ask for none (`ip_local_port_range`).
pub const EPHEMERAL: std::ops::RangeInclusive<u16> = 32768..=60999;
/// Multicast DNS; a resolver of the desktop often holds it.
const MDNS: u16 = 5353;

/// Ports that are taken, with the place and the name of who takes them.
#[derive(Debug, Default)]
pub struct Ports {
    taken: HashMap<u16, Vec<(IpAddr, Span, String)>>,
}

impl Ports {
    fn take(&mut self, address: SocketAddr, at: Span, id: &str, problems: &mut Problems) {
        let (ip, port) = (address.ip(), address.port());
        let taken = self.taken.entry(port).or_default();
        let clash = taken
            .iter()
            .find(|(other, ..)| *other == ip || other.is_unspecified() || ip.is_unspecified());
        match clash {
            Some((_, first, other)) if *first == at => {
                let message =
                    format!("{} and {} would both have port {port}", quoted(other), quoted(id));
                problems
                    .error(at, message)
                    .help("members of a group cannot share a port: write 0, and the lab chooses");
            }
            Some((_, first, other)) => {
                problems
                    .error(at, format!("port {port} is taken by {}", quoted(other)))
                    .also(*first, "the first")
                    .help("choose another port, or 0, and the lab chooses");
            }
            None => taken.push((ip, at, id.to_owned())),
        }
    }
}

/// Where one of our own nodes listens. Nodes that are asked listen unless they say otherwise; a
/// replica with both wires, whatever it says of their ports.
pub fn listen(
    id: &str,
    (role, stated): (Role, Option<&At<raw::Listener>>),
    options: Options,
    ports: &mut Ports,
    problems: &mut Problems,
) -> Listen {
    let replica = role == Role::Replica;
    let json = replica.then_some(0);
    let Some(stated) = stated else {
        return Listen { line: Some(0), json, dns: None, address: None };
    };
    let listener = &stated.value;
    let address = listener.address.as_ref().and_then(|text| bindable(text, options, problems));
    if !replica {
        if let Some(json) = &listener.json {
            problems
                .error(json.key, format!("{} does not speak `json`", a_role(role)))
                .help("only replicas do: take `json` out");
        } else if !listener.states("line") && !listener.states("dns") {
            problems
                .error(stated.at, format!("{} would listen nowhere", quoted(id)))
                .help("add the line wire, or DNS: listen = { line = 0, dns = 0 }");
        }
    }
    if let Some(dns) = listener.dns.as_ref().filter(|_| replica) {
        problems
            .error(dns.key, format!("{} does not speak `dns`", a_role(role)))
            .help("load balancers and name servers do: take `dns` out");
    }
    let ip = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut taken = |stated: &At<Whole<0, 65535>>| {
        let port = u16::try_from(stated.value.0).unwrap_or(0);
        usable(port, stated.at, problems);
        if port != 0 {
            ports.take(SocketAddr::new(ip, port), stated.at, id, problems);
        }
        port
    };
    let line = listener.line.as_ref().map(&mut taken);
    // Whoever names another wire means that one alone.
    let line = line.or((replica || !listener.states("dns")).then_some(0));
    let stated_json = listener.json.as_ref().filter(|_| replica);
    let json = stated_json.map(&mut taken).or(json);
    let dns = listener.dns.as_ref().filter(|_| !replica).map(&mut taken);
    Listen { line, json, dns, address }
}

/// Reports a port that cannot be had, or only sometimes.
fn usable(port: u16, at: Span, problems: &mut Problems) {
    match port {
        0 => {}
        1..=1023 => {
            problems
                .error(at, format!("port {port} is privileged: only root may bind it"))
                .help("choose one from 1024 to 32767, or 0, and the lab chooses");
        }
        MDNS => {
            problems
                .warn(at, "port 5353 belongs to multicast DNS and is often taken")
                .help("choose another, or 0, and the lab chooses");
        }
        port if EPHEMERAL.contains(&port) => {
            problems
                .warn(at, format!("port {port} is one that connections get by chance"))
                .help("choose one from 1024 to 32767, or 0, and the lab chooses");
        }
        _ => {}
    }
}

fn bindable(text: &At<String>, options: Options, problems: &mut Problems) -> Option<IpAddr> {
    match text.value.parse::<IpAddr>() {
        Ok(ip) => local(ip, text.at, options, problems),
        Err(_) if text.value.parse::<SocketAddr>().is_ok() => {
            problems
                .error(text.at, "an address without a port belongs here")
                .help("the port is `line`: listen = { line = 5300, address = \"127.0.0.1\" }");
            None
        }
        Err(_) => {
            no_address(&text.value, text.at, "127.0.0.1", problems);
            None
        }
    }
}

/// Where somebody else's program is.
pub fn outside(
    id: &str,
    text: &At<String>,
    options: Options,
    ports: &mut Ports,
    problems: &mut Problems,
) -> Option<SocketAddr> {
    let Ok(address) = text.value.parse::<SocketAddr>() else {
        if text.value.parse::<IpAddr>().is_ok() {
            problems
                .error(text.at, format!("{} has no port", quoted(&text.value)))
                .help("write address and port: \"127.0.0.1:5300\"");
        } else if let Some((_, port)) = split(&text.value) {
            problems
                .error(text.at, format!("{} is no port", quoted(port)))
                .help("a port lies between 1 and 65,535");
        } else {
            no_address(&text.value, text.at, "127.0.0.1:5300", problems);
        }
        return None;
    };
    if address.port() == 0 {
        problems
            .error(text.at, "nobody can be asked at port 0")
            .help("write the port that the program listens on");
        return None;
    }
    local(address.ip(), text.at, options, problems)?;
    ports.take(address, text.at, id, problems);
    Some(address)
}

/// An address in figures, and whatever stands where its port should be.
fn split(text: &str) -> Option<(IpAddr, &str)> {
    let (address, port) = text.rsplit_once(':')?;
    Some((address.trim_matches(['[', ']']).parse().ok()?, port))
}

fn local(ip: IpAddr, at: Span, options: Options, problems: &mut Problems) -> Option<IpAddr> {
    if ip.is_loopback() || options.allow_nonlocal {
        return Some(ip);
    }
    problems
        .error(at, format!("{ip} is no loopback address"))
        .help("use 127.0.0.1, or allow others with --allow-nonlocal");
    None
}

fn no_address(text: &str, at: Span, example: &str, problems: &mut Problems) {
    problems
        .error(at, format!("{} is no address, and names are not looked up", quoted(text)))
        .help(format!("write an address in figures: \"{example}\""));
}
