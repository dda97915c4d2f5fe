//! Addresses and ports: what may be bound, what may be asked outside, and which two want the same.

use crate::topology::Options;
use crate::topology::mirror::RawTable;
use crate::topology::model::Listen;
use crate::topology::problem::{Problems, Span};
use crate::topology::raw;
use crate::topology::value::At;
use crate::topology::words::quoted;
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

/// Where one of our own nodes listens. Nodes that are asked listen unless they say otherwise.
pub fn listen(
    id: &str,
    stated: Option<&At<raw::Listener>>,
    options: Options,
    ports: &mut Ports,
    problems: &mut Problems,
) -> Listen {
    let Some(stated) = stated else {
        return Listen { line: Some(0), json: None, address: None };
    };
    let listener = &stated.value;
    let address = listener.address.as_ref().and_then(|text| bindable(text, options, problems));
    let Some(line) = &listener.line else {
        if !listener.states("line") {
            problems
                .error(stated.at, format!("{} would listen nowhere", quoted(id)))
                .help("add the line wire: listen = { line = 0 }");
        }
        return Listen { line: Some(0), json: None, address };
    };
    let port = u16::try_from(line.value.0).unwrap_or(0);
    match port {
        0 => {}
        1..=1023 => {
            problems
                .error(line.at, format!("port {port} is privileged: only root may bind it"))
                .help("choose one from 1024 to 32767, or 0, and the lab chooses");
        }
        MDNS => {
            problems
                .warn(line.at, "port 5353 belongs to multicast DNS and is often taken")
                .help("choose another, or 0, and the lab chooses");
        }
        port if EPHEMERAL.contains(&port) => {
            problems
                .warn(line.at, format!("port {port} is one that connections get by chance"))
                .help("choose one from 1024 to 32767, or 0, and the lab chooses");
        }
        _ => {}
    }
    if port != 0 {
        let ip = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        ports.take(SocketAddr::new(ip, port), line.at, id, problems);
    }
    Listen { line: Some(port), json: None, address }
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
