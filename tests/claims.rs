//! The claims about replicated stores that must be provable by running, C1 to C17, each in the situation that shows it:
//! on virtual time here, some of them on real sockets in `claims_on_sockets`. What must hold in every situation is in
//! `replicas`.
//!
//! What guards the rest: the violent death of the whole program, damaged, full and read-only disks and two programs
//! on one folder (S1 to S4) in `program::disks`, a panic in the middle of a commit (S5) in `lab::disk::tests`; a
//! starved processor (K4) in the bench `starved`; every rule with something broken that it catches (M1) in
//! `replicas`, `primary_backup`, `majority_vote` and `simulation`; doctored histories (M2) in `check`.
//!
//! What is not here: C7's other half (of three with a quorum rule, one leader can commit), C11's (with a sequencer
//! nothing diverges) and C18 to C26, which are about Raft.
//!
//! The claims on time: nobody who has a timer can read the date, so a step of it is no election (K1). `tests/tidy.rs`
//! proves it of every file: `SystemTime` and its like may stand in two files of `mode` alone, which no other layer can
//! name, and the lab's clock is the system's monotonic one.

#[path = "replicas/labs.rs"]
mod labs;
#[path = "replicas/stage.rs"]
mod stage;
#[expect(dead_code, reason = "each test file uses its part of this bench")]
#[path = "replicas/twins.rs"]
mod twins;

#[path = "claims/leader.rs"]
mod leader;
#[path = "claims/split.rs"]
mod split;
#[path = "claims/votes.rs"]
mod votes;
#[path = "claims/waits.rs"]
mod waits;
