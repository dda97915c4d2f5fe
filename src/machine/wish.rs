//! What a server shall be asked, whichever wire is spoken there.

use crate::message::{HostName, Query, RecordType};

/// The largest datagram that a DNS server is told it may answer with (the size on which server operators have agreed,
/// because it passes every network whole).
const DATAGRAM_BYTES: u16 = 1232;

/// What a server shall be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The name.
    pub name: HostName,
    /// What of it; on lines there are addresses alone.
    pub kind: RecordType,
    /// Load balancers that the question has passed, this one included.
    pub hops: u8,
}

impl Wish {
    /// The address of a name.
    pub fn address(name: &HostName) -> Self {
        Self { name: name.clone(), kind: RecordType::A, hops: 0 }
    }

    /// The same as DNS asks it.
    pub fn query(&self) -> Query {
        Query { edns: Some(DATAGRAM_BYTES), hops: self.hops, ..Query::new(self.kind) }
    }
}
