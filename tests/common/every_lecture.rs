//! The bundled lectures, in the order of the picker: the one list that tests of all of them are made from.

/// Hands every lecture, as an identifier and a name, to a macro.
macro_rules! for_every_lecture {
    ($then:ident) => {
        $then! {
            tour "tour",
            campus "campus",
            batch_window "batch-window",
            first_answer "first-answer",
            sticky_round_robin "sticky-round-robin",
            failover "failover",
            primary_backup "primary-backup",
            zombie_leader "zombie-leader",
            one_way_cut "one-way-cut",
            clock_drift "clock-drift",
            deadlock "deadlock",
            majority_vote "majority-vote",
            equal_clocks "equal-clocks",
            state_transfer "state-transfer",
            real_dns "real-dns",
            hedged_requests "hedged-requests",
            tail_at_scale "tail-at-scale",
            two_choices "two-choices",
            consistent_hashing "consistent-hashing",
        }
    };
}
pub(crate) use for_every_lecture;
