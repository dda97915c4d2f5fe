//! `faultlab calibrate`: whether the links of a lab do what they are told, measured from outside with plain sockets
//! against a lab that it starts itself. Nothing is written to disk.

mod bytes;
mod deadline;
mod forwarder;
mod judge;
mod lag;
mod measure;
mod probe;
mod rig;

use super::print;
use crate::cli::{CalibrateArgs, Look};
use crate::report::Exit;
use judge::{Row, Verdict};
pub use measure::What;
use measure::Wish;
use serde_json::json;
use std::fmt::Write as _;

/// The widths of the columns but the last: verdict, what, wanted. A row has room in 80 columns.
const WIDTHS: [usize; 3] = [7, 24, 19];

/// Measures what was asked for, prints a table or JSON, and gives the verdict as the exit code.
///
/// # Errors
/// No lab or no socket can be had; standard output is gone.
pub fn run(args: &CalibrateArgs, look: &Look) -> anyhow::Result<u8> {
    let wish = Wish { seed: args.seed, tolerance: args.tolerance };
    let wanted =
        |what: &&What| args.what.is_empty() || args.what.iter().any(|word| word == what.word());
    let mut rows: Vec<Row> = Vec::new();
    if !args.json {
        print(&line(["verdict", "what", "wanted"], "measured"))?;
    }
    for what in What::ALL.iter().filter(wanted) {
        what.measure(&wish, &mut |row| {
            if !args.json {
                let text = shown(&row);
                print(&if look.ascii { text.replace('±', "+-") } else { text })?;
            }
            rows.push(row);
            Ok(())
        })?;
    }
    let verdict = judge::all(&rows);
    if args.json {
        let report = json!({ "verdict": verdict, "seed": args.seed, "rows": rows });
        print(&format!("{report:#}\n"))?;
    } else {
        print(&format!("\n{}\n", sentence(&rows, verdict)))?;
    }
    Ok(exit(verdict).code())
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Held => Exit::Passed,
        Verdict::Failed => Exit::Failed,
        Verdict::Unknown | Verdict::Told => Exit::Unknown,
    }
}

fn line([first, second, third]: [&str; 3], last: &str) -> String {
    let [a, b, c] = WIDTHS;
    format!("{first:a$} {second:b$} {third:c$} {last}\n")
}

fn shown(row: &Row) -> String {
    let mut text = line([row.verdict.word(), &row.what, &row.wanted], &row.measured);
    if let Some(why) = &row.why {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:width$} {why}", "", width = WIDTHS[0]);
    }
    text
}

fn sentence(rows: &[Row], verdict: Verdict) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let (failed, unknown) = (count(Verdict::Failed), count(Verdict::Unknown));
    match verdict {
        Verdict::Held => "the links do what they are told".into(),
        Verdict::Failed => format!("{failed} of {} did not hold", rows.len()),
        Verdict::Unknown | Verdict::Told => {
            format!(
                "nothing can be said of {unknown} of {}: try again when it is quiet",
                rows.len()
            )
        }
    }
}
