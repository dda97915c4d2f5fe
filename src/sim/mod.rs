//! The lab on virtual time: the same machines and links, no tokio, one seed, the same log every time.
