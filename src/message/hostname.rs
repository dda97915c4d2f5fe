//! A host name as people write it: kept as it was spelled, compared without case (RFC 1035, 2.3.3; RFC 4343).

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A host name: its spelling is kept, comparison ignores ASCII case. Cheap to clone. May hold any text; it is not
/// checked, because what arrives on a wire is whatever someone sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(Arc<str>);

impl HostName {
    /// This name, spelled like this.
    #[must_use]
    pub fn new(spelling: &str) -> Self {
        Self(Arc::from(spelling))
    }

    /// The name as it was spelled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its first label; none of the root, and of a name with one label the root is not given either.
    /// A dot behind a backslash is part of a label (RFC 1035, 5.1).
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let rest = parent_of(&self.0)?;
        Some(Self::new(rest))
    }

    /// Whether this name is `apex` or lies below it. Everything lies below the root, `.`.
    #[must_use]
    pub fn is_within(&self, apex: &Self) -> bool {
        if apex.as_str() == "." {
            return true;
        }
        let mut name = self.as_str();
        loop {
            if name.eq_ignore_ascii_case(apex.as_str()) {
                return true;
            }
            match parent_of(name) {
                Some(rest) => name = rest,
                None => return false,
            }
        }
    }

    /// Whether DNS has room for it: labels of 1 to 63 bytes, at most 253 in all (RFC 1035, 2.3.4). `\.` and `\007` are
    /// one byte each.
    #[must_use]
    pub fn fits_dns(&self) -> bool {
        if self.as_str() == "." {
            return true;
        }
        let (mut label, mut all) = (0, 0);
        let mut bytes = self.as_str().bytes();
        loop {
            match bytes.next() {
                None | Some(b'.') if !(1..=63).contains(&label) || all + label > 253 => {
                    return false;
                }
                None => return true,
                Some(b'.') => (label, all) = (0, all + label + 1),
                Some(byte) => {
                    label += 1;
                    if byte == b'\\' && bytes.next().is_some_and(|next| next.is_ascii_digit()) {
                        bytes.nth(1);
                    }
                }
            }
        }
    }

    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

/// What follows the first dot that is no part of a label.
fn parent_of(name: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'.' => return Some(&name[at + 1..]).filter(|rest| !rest.is_empty()),
            _ => {}
        }
    }
    None
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HostName {}

impl PartialOrd for HostName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for HostName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In pieces of the same places for equal names, because a hasher takes many bytes faster than each.
        let mut folded = [0; 32];
        for piece in self.0.as_bytes().chunks(folded.len()) {
            let folded = &mut folded[..piece.len()];
            folded.copy_from_slice(piece);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

    #[test]
    fn a_name_lies_within_those_that_it_ends_with_label_by_label() {
        let name = HostName::new("a\\.b.Www.Example.com");
        assert_eq!(name.parent(), Some(HostName::new("www.example.com")));
        for apex in [".", "com", "EXAMPLE.com", "a\\.b.www.example.com"] {
            assert!(name.is_within(&HostName::new(apex)), "{apex}");
        }
        for other in ["b.www.example.com", "xample.com", "org", "x.a\\.b.www.example.com"] {
            assert!(!name.is_within(&HostName::new(other)), "{other}");
        }
        assert_eq!(HostName::new("com").parent(), None);
        assert_eq!(HostName::new(".").parent(), None);
    }

    #[test]
    fn equal_names_have_one_place_in_a_table_however_long_and_whatever_their_case() {
        let hash = |name: &str| {
            BuildHasherDefault::<DefaultHasher>::default().hash_one(HostName::new(name))
        };
        for length in [1, 31, 32, 33, 64, 200] {
            let name = "aBc.".repeat(50)[..length].to_owned();
            assert_eq!(hash(&name), hash(&name.to_uppercase()), "{name}");
            assert_ne!(hash(&name), hash(&format!("{name}x")), "{name}");
        }
    }

    #[test]
    fn dns_has_room_for_labels_of_63_bytes_and_names_of_253() {
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        for good in [".", "a", "www.a.com", "\\046\\.x.com", &"a".repeat(63), &long] {
            assert!(HostName::new(good).fits_dns(), "{good}");
        }
        for bad in ["", "a..b", ".a", "a.", &"a".repeat(64), &format!("{long}e")] {
            assert!(!HostName::new(bad).fits_dns(), "{bad}");
        }
    }
}
