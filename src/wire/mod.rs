//! Bytes to messages and back. A decoder takes any chunk, never panics, has a size limit, and its errors are values.
//!
//! Pure: no socket, no clock. Which wire a link speaks is a choice of the link.

pub mod line;
