//! The program `faultlab`.

fn main() {}
