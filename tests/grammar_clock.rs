//! The words for a node's own clock: a time with its sign, a rate, and what is wrong with others.

use faultlab::base::{ClockRate, Names, NodeId};
use faultlab::command::{Command, grammar};
use proptest::prelude::*;

const TS1: NodeId = NodeId(1);

fn names() -> Names {
    Names::new(["ls", "ts1"])
}

fn read(line: &str) -> Command {
    grammar::command(line, &names()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn words(command: &Command) -> String {
    grammar::words(command, &names())
}

#[test]
fn a_clock_is_off_by_a_time_with_its_sign_or_runs_at_a_rate() {
    let skew = |nanos| Command::Skew(TS1, nanos);
    assert_eq!(read("skew ts1 +2.5s"), skew(2_500_000_000));
    assert_eq!(read("Skew TS1 -300 ms"), skew(-300_000_000));
    for right in ["skew ts1 off", "skew ts1 0", "skew ts1 +0"] {
        assert_eq!(read(right), skew(0), "{right}");
    }
    let drift = |millionths| Command::Drift(TS1, ClockRate(millionths));
    assert_eq!(read("drift ts1 1.5"), drift(1_500_000));
    assert_eq!(read("drift ts1 0.999999x"), drift(999_999));
    assert_eq!(read("drift ts1 2 x"), drift(2_000_000));
    assert_eq!(read("drift ts1 off"), drift(1_000_000));
    assert_eq!(words(&skew(2_500_000_000)), "skew ts1 +2500ms");
    assert_eq!(words(&skew(-60_000_000_000)), "skew ts1 -60s");
    assert_eq!(words(&skew(0)), "skew ts1 off");
    assert_eq!(words(&drift(1_000_000)), "drift ts1 off");
    assert_eq!(words(&drift(10_000)), "drift ts1 0.01");
}

#[test]
fn an_error_points_at_the_figure_and_says_what_would_be_right() {
    let form = "write `skew NODE +TIME|-TIME|off`";
    let day = "is longer than a day, the longest time there is here";
    let unit = "write a time with its unit, such as \"300ms\" or \"5s\"";
    let sign = "write +5s for a clock that is ahead, -5s for one that is behind, or off";
    let rate = "write 1.5 for a fast clock, 0.5 for a slow one, or off";
    let bounds = "the rate of a clock lies between 0.01 and 100; `freeze` stops a whole process";
    let cases = [
        ("skew ts1", "", format!("how far the clock is off is missing; {form}")),
        ("skew ts1 5s", "5s", format!("`5s` has no sign; {sign}")),
        ("skew ts1 +5", "+5", format!("`5` has no unit; {unit}")),
        ("skew ts1 +25h", "+25h", format!("`25h` {day}; {form}")),
        ("skew ts1 +1s fast", "fast", format!("`fast` is too much here; {form}")),
        ("drift ts1 fast", "fast", format!("`fast` is no rate; {rate}")),
        ("drift ts1 -1", "-1", format!("`-1` is no rate; {rate}")),
        ("drift ts1 0", "0", format!("`0` is out of range; {bounds}")),
        ("drift ts1 101", "101", format!("`101` is out of range; {bounds}")),
        ("clock ts1 +5s", "clock", "`clock` is no command; did you mean `skew`?".into()),
    ];
    for (line, part, whole) in cases {
        let error = grammar::command(line, &names()).expect_err(line);
        assert_eq!((&line[error.at.clone()], error.to_string()), (part, whole), "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read_back(
        ahead in -86_400_000_000_000..=86_400_000_000_000_i64,
        rate in ClockRate::SLOWEST.0..=ClockRate::FASTEST.0,
    ) {
        for command in [Command::Skew(TS1, ahead), Command::Drift(TS1, ClockRate(rate))] {
            prop_assert_eq!(read(&words(&command)), command);
        }
    }
}
