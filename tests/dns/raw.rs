//! Messages in bytes, by hand, and an end that reads them.

use faultlab::wire::Decoded;
use faultlab::wire::dns::{End, Numbers};

pub const NUMBERS: Numbers = Numbers::Drawn { seed: 7, owner: 3 };

/// What an end makes of one chunk.
pub fn feed(end: &mut End, bytes: &[u8]) -> Vec<Decoded> {
    let mut out = Vec::new();
    end.feed(bytes, &mut out);
    out
}

/// A message: `flags`, the four counts, and what follows.
pub fn raw(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xab, 0xcd];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(rest);
    bytes
}

/// `www.a.com`, type and class.
pub fn question(kind: u16, class: u16) -> Vec<u8> {
    let mut bytes = b"\x03www\x01a\x03com\x00".to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes
}

/// An OPT record: version and size, with these options.
pub fn opt(version: u8, size: u16, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 41];
    bytes.extend(size.to_be_bytes());
    bytes.extend([0, version, 0, 0]);
    bytes.extend(u16::try_from(options.len()).expect("short").to_be_bytes());
    bytes.extend(options);
    bytes
}
