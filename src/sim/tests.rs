//! What a simulated lab does, with machines of the tests' own.
