//! Names in bytes and as people write them: a label may hold any byte, so what is no plain character is written as
//! `\DDD`, and a dot inside a label as `\.` (RFC 1035, 5.1).

use crate::base::escape::after_backslash;
use crate::message::HostName;
use hickory_proto::rr::Name;
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Bytes of a name in a message at most (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// As people write it, without a dot at the end; the root is a dot.
pub fn text(name: &Name) -> HostName {
    let mut text = String::new();
    for (at, label) in name.iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        for byte in label {
            match byte {
                b'.' | b'\\' => {
                    text.push('\\');
                    text.push(char::from(*byte));
                }
                0x21..=0x7e => text.push(char::from(*byte)),
                _ => write!(text, "\\{byte:03}").expect("writing to a String cannot fail"),
            }
        }
    }
    HostName::new(if text.is_empty() { "." } else { &text })
}

/// In bytes; none if DNS has no room for it.
pub fn name(text: &HostName) -> Option<Name> {
    if text.as_str() == "." {
        return Some(Name::root());
    }
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let mut bytes = text.as_str().bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => after_backslash(&mut bytes)?,
            byte => byte,
        };
        labels.last_mut().expect("there is one from the beginning").push(byte);
    }
    if labels.iter().any(Vec::is_empty) {
        return None;
    }
    Name::from_labels(labels.iter().map(Vec::as_slice)).ok()
}

/// Writes it as it stands in a message, without a pointer. False, and nothing, if DNS has no room for it.
pub fn write(text: &HostName, out: &mut Vec<u8>) -> bool {
    let begin = out.len();
    let written = try_write(text, out).is_some() && out.len() - begin <= NAME_BYTES_MAX;
    if !written {
        out.truncate(begin);
    }
    written
}

fn try_write(text: &HostName, out: &mut Vec<u8>) -> Option<()> {
    if text.as_str() == "." {
        out.push(0);
        return Some(());
    }
    let mut bytes = text.as_str().bytes();
    let mut is_last = false;
    while !is_last {
        let place = out.len();
        out.push(0);
        loop {
            match bytes.next() {
                Some(b'.') => break,
                Some(b'\\') => out.push(after_backslash(&mut bytes)?),
                Some(byte) => out.push(byte),
                None => {
                    is_last = true;
                    break;
                }
            }
        }
        let length = u8::try_from(out.len() - place - 1).ok();
        out[place] = length.filter(|length| (1..=63).contains(length))?;
    }
    out.push(0);
    Some(())
}

/// Names that are remembered on one connection.
const FAMILIAR_MAX: usize = 8;

/// Names that one server's answers bring along again and again: its zone's, its own. They are shared, not copied.
#[derive(Debug, Default)]
pub struct Familiar(VecDeque<HostName>);

impl Familiar {
    /// The name with this spelling.
    pub fn name(&mut self, spelling: &str) -> HostName {
        if let Some(name) = self.0.iter().find(|name| name.as_str() == spelling) {
            return name.clone();
        }
        if self.0.len() == FAMILIAR_MAX {
            self.0.pop_front();
        }
        let name = HostName::new(spelling);
        self.0.push_back(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::serialize::binary::BinEncodable as _;
    use proptest::prelude::*;

    #[test]
    fn every_label_is_written_so_that_it_reads_back() {
        let labels: [&[u8]; 3] = [b"a.b\\", b"\x1b]0;x\x07", b"Com"];
        let odd = Name::from_labels(labels).expect("labels of bytes");
        assert_eq!(text(&odd).as_str(), "a\\.b\\\\.\\027]0;x\\007.Com");
        assert_eq!(text(&Name::root()).as_str(), ".");
        for bad in ["", "a..b", ".a", "a.", "a\\", "a\\99", "a\\999"] {
            assert_eq!(name(&HostName::new(bad)), None, "{bad:?}");
            assert!(!write(&HostName::new(bad), &mut Vec::new()), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn names_go_there_and_back(
            labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        ) {
            let there = Name::from_labels(labels.iter().map(Vec::as_slice)).expect("it has room");
            let written = text(&there);
            prop_assert!(written.as_str().is_ascii());
            prop_assert!(written.fits_dns());
            let back = name(&written).expect("what was written reads");
            prop_assert!(back.eq_case(&there));
            let mut bytes = Vec::new();
            prop_assert!(write(&written, &mut bytes));
            prop_assert_eq!(bytes, there.to_bytes().expect("it has room"));
        }
    }
}
