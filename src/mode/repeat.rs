//! The line that repeats a run: every option that matters to what happens in it, and the seed.

use crate::base::text::shell_word as quoted;
use crate::cli::Run;
use crate::lab::PORT_BASE;

/// A command line for a shell. It repeats what was drawn, not the moments at which threads ran.
#[must_use]
pub fn line(run: &Run, seed: u64) -> String {
    let mut words = vec!["faultlab".to_owned(), "run".to_owned(), quoted(&run.topology)];
    words.push("--headless".to_owned());
    words.push(format!("--seed {seed}"));
    for setting in &run.settings {
        words.push(format!("--set {}", quoted(setting)));
    }
    if let Some(lasting) = run.lasting {
        words.push(format!("--for {}ms", lasting.as_millis()));
    }
    if (run.time_scale - 1.0).abs() > f64::EPSILON {
        words.push(format!("--time-scale {}", run.time_scale));
    }
    if run.port_base != PORT_BASE {
        words.push(format!("--port-base {}", run.port_base));
    }
    if run.allow_nonlocal {
        words.push("--allow-nonlocal".to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Verb};
    use clap::Parser;

    fn run(words: &[&str]) -> Run {
        let cli = Cli::try_parse_from(words).expect("a command line");
        match cli.verb {
            Some(Verb::Run(run)) => Run { port_base: cli.port_base.unwrap_or(PORT_BASE), ..run },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_line_repeats_every_option_that_matters() {
        let given = ["faultlab", "run", "it's.toml", "--headless", "--set", "ls.timeout=2s"];
        let more = ["--for", "1500ms", "--time-scale", "5", "--port-base", "9000"];
        let line = line(&run(&[&given[..], &more[..]].concat()), 7);
        assert_eq!(
            line,
            "faultlab run 'it'\\''s.toml' --headless --seed 7 --set ls.timeout=2s --for 1500ms \
             --time-scale 5 --port-base 9000"
        );
        assert_eq!(
            super::line(&run(&["faultlab", "run", "tour"]), 1),
            "faultlab run tour --headless --seed 1"
        );
    }
}
