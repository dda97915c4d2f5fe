//! The backslash of zone files (RFC 1035, 5.1): before three digits it makes a byte of that number, and before anything
//! else that itself.

use std::str::Bytes;
use std::sync::Arc;

/// The byte that is meant behind a backslash; takes what it is written with.
pub fn after_backslash(bytes: &mut Bytes<'_>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The bytes that a text stands for; none if a backslash in it stands for nothing.
#[must_use]
pub fn unescaped(text: &str) -> Option<Arc<[u8]>> {
    let mut rest = text.bytes();
    let mut bytes = Vec::with_capacity(text.len());
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'\\' { after_backslash(&mut rest)? } else { byte });
    }
    Some(Arc::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_stands_for_one_byte_or_for_nothing() {
        for (text, bytes) in
            [("a", &b"a"[..]), ("\\\"\\\\\\;", b"\"\\;"), ("\\065\\2553", b"A\xff3")]
        {
            assert_eq!(unescaped(text).as_deref(), Some(bytes), "{text}");
        }
        for wrong in ["\\", "a\\9", "\\99", "\\256", "\\0x1"] {
            assert_eq!(unescaped(wrong), None, "{wrong}");
        }
    }
}
