//! Doctored measurements, and what must be said of each.

use super::*;

const IDLE: Duration = Duration::from_micros(80);
const LOADED: Duration = Duration::from_millis(7);
const TOLERANCE: Duration = Duration::from_millis(5);

fn micros(there: u64, back: u64) -> [Duration; 2] {
    [there, back].map(Duration::from_micros)
}

fn delayed(there: Medians, back: Medians, lag: Duration) -> Verdict {
    let seen = Delayed { usual: Some(micros(100, 120)), there, back, lag };
    delay("UDP", Duration::from_millis(50), TOLERANCE, &seen).verdict
}

#[test]
fn a_delay_counts_on_the_named_direction_and_only_there() {
    let micros = |there, back| Some(micros(there, back));
    let [there, back] = [micros(50_400, 130), micros(90, 49_900)];
    assert_eq!(delayed(there, back, IDLE), Verdict::Held);
    assert_eq!(delayed(there, back, LOADED), Verdict::Held, "what holds, holds");
    for (there, back) in [
        (micros(45_000, 130), back),
        (micros(55_200, 130), back),
        (micros(50_400, 5_200), back),
        (there, micros(5_200, 49_900)),
        (there, micros(90, 44_000)),
        // It came out on both.
        (micros(50_400, 50_400), back),
        // It came out on the other.
        (back, there),
        (None, back),
        (there, None),
    ] {
        assert_eq!(delayed(there, back, IDLE), Verdict::Failed, "{there:?} {back:?}");
        assert_eq!(delayed(there, back, LOADED), Verdict::Unknown, "{there:?} {back:?}");
    }
}

fn lost(count: u32) -> Losses {
    let first: Vec<u32> = (0..count).collect();
    let other = (1..=count).collect();
    Losses { usual: Vec::new(), again: first.clone(), first, other }
}

#[test]
fn loss_lies_within_three_sigma_and_follows_the_seed() {
    for (count, verdict) in [
        (3000, Verdict::Held),
        (2862, Verdict::Held),
        (3138, Verdict::Held),
        (2861, Verdict::Failed),
        (3139, Verdict::Failed),
        (0, Verdict::Failed),
        (DATAGRAMS, Verdict::Failed),
    ] {
        assert_eq!(loss(&lost(count))[0].verdict, verdict, "{count}");
    }
    let of_seed = |seen: &Losses| loss(seen)[1].verdict;
    assert_eq!(of_seed(&lost(3000)), Verdict::Held);
    assert_eq!(of_seed(&Losses { again: vec![1], ..lost(3000) }), Verdict::Failed);
    let fixed = Losses { other: lost(3000).first, ..lost(3000) };
    assert_eq!(of_seed(&fixed), Verdict::Failed);
    // A kernel that drops by itself makes every count worthless.
    let dropped = Losses { usual: vec![4], ..lost(3000) };
    assert_eq!(loss(&dropped).map(|row| row.verdict), [Verdict::Unknown; 2]);
}

#[test]
fn throughput_is_compared_only_where_the_machine_asked_and_kept_up() {
    let good = Rates { stated: 2000, asked: 1999.0, usual: 2000.0, seen: 1990.0, lag: IDLE };
    let of = |seen: Rates| kept("TCP", Duration::from_millis(300), &seen).verdict;
    assert_eq!(of(good), Verdict::Held);
    assert_eq!(of(Rates { seen: 1800.0, ..good }), Verdict::Held);
    assert_eq!(bare(&Rates { seen: 1800.0, ..good }).verdict, Verdict::Failed);
    assert_eq!(bare(&Rates { seen: 1901.0, ..good }).verdict, Verdict::Held);
    assert_eq!(of(Rates { seen: 1790.0, ..good }), Verdict::Failed);
    assert_eq!(of(Rates { seen: 1790.0, lag: LOADED, ..good }), Verdict::Unknown);
    assert_eq!(of(Rates { seen: 900.0, usual: 950.0, ..good }), Verdict::Unknown);
    assert_eq!(of(Rates { asked: 900.0, ..good }), Verdict::Unknown);
}

#[test]
fn a_heal_is_for_the_next_frame_each_time() {
    assert_eq!(heal("x", "y", 100, 100).verdict, Verdict::Held);
    assert_eq!(heal("x", "y", 99, 100).verdict, Verdict::Failed);
    let [usual, quick, slow] = [100, 900, 1_000_100].map(Duration::from_micros);
    let of = |seen, lag| heal_delay(Some(usual), seen, TOLERANCE, lag).verdict;
    assert_eq!(of(Some(quick), LOADED), Verdict::Held);
    assert_eq!(of(Some(slow), IDLE), Verdict::Failed);
    assert_eq!(of(Some(slow), LOADED), Verdict::Unknown);
    assert_eq!(of(None, IDLE), Verdict::Failed);
}

#[test]
fn the_worst_counts_and_a_figure_to_know_does_not() {
    use Verdict::{Failed, Held, Told, Unknown};
    let rows = |verdicts: &[Verdict]| -> Vec<Row> {
        verdicts.iter().map(|verdict| Row { verdict: *verdict, ..Row::new("", "", "") }).collect()
    };
    for (verdicts, worst) in [
        (&[Held, Told, Held][..], Held),
        (&[Held, Unknown], Unknown),
        (&[Unknown, Failed, Held], Failed),
        (&[Told], Unknown),
        (&[], Unknown),
    ] {
        assert_eq!(all(&rows(verdicts)), worst, "{verdicts:?}");
    }
    assert_eq!(at_most(64, Some(1.0), None).verdict, Told);
}

#[test]
fn the_middle_is_the_middle() {
    let times = [9, 1, 5, 8, 2].map(Duration::from_millis);
    assert_eq!(median(times.to_vec()), Some(Duration::from_millis(5)));
    assert_eq!(median(Vec::new()), None);
}
