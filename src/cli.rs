//! The command line: what can be asked of the program, and the words for it.

use crate::base::{LabTime, units};
use crate::command::grammar::{SPEED_MAX, SPEED_MIN};
use crate::mode::What;
use crate::panel::{Depth, ThemeName};
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A laboratory bench for distributed systems in one terminal.
///
/// Without a command it opens a picker of the bundled topologies.
#[derive(Debug, Parser)]
#[command(name = "faultlab", version = crate::base::VERSION, max_term_width = 100)]
pub struct Cli {
    /// What to do; without it, pick a topology and open the panel.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Settings of the panel.
    #[command(flatten)]
    pub look: Look,
    /// The first port that is tried when the lab chooses; otherwise 7100.
    #[arg(long, global = true, value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1024..))]
    pub port_base: Option<u16>,
}

/// How the panel looks.
#[derive(Debug, Clone, Default, Args)]
pub struct Look {
    /// Draw with ASCII characters only.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// The colours: otherwise `night`, or `mono` where `NO_COLOR` is set. `T` changes them.
    #[arg(long, global = true, value_name = "NAME",
        value_parser = PossibleValuesParser::new(ThemeName::ALL.map(ThemeName::word)))]
    pub theme: Option<String>,
    /// Few and large, for the last row: the layout of 80x24 at any size. `B` changes it.
    #[arg(long, global = true)]
    pub big: bool,
    /// A presenter's keys lead through the lecture wherever the focus is: page down is the next beat, page up leaves
    /// the zoom, `.` and `b` (the black screen) pause.
    #[arg(long, global = true)]
    pub clicker: bool,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a topology: in the panel, or without a terminal.
    Run(Run),
    /// Check topology files without opening a socket.
    Check {
        /// Topology files, or names of bundled topologies.
        #[arg(required = true)]
        files: Vec<String>,
        /// Allow addresses that are not loopback.
        #[arg(long)]
        allow_nonlocal: bool,
    },
    /// Measure whether the links of a lab do what they are told, with plain sockets from outside.
    ///
    /// It starts labs of its own, takes less than a minute and writes nothing to disk. The exit code is 0 if everything
    /// held, 1 if something did not, and 2 if the machine is too busy to tell.
    Calibrate(CalibrateArgs),
    /// Make a cast of a recording: a film of what the panel would have shown, for `asciinema play` and for players on
    /// web pages.
    ///
    /// A recording is what `S` saved in the panel, or what a run without one wrote with `--events`. The film goes as
    /// fast as the lab's clock did.
    Export(Export),
    /// List the bundled topologies.
    List,
    /// Print a JSON Schema of topology files, for editors.
    Schema,
    /// Show the speaker's notes of a running lab: on a screen that the room does not see.
    Notes(NotesArgs),
    /// Print every key of the panel, as the configuration has it.
    Keys,
    /// Print where configuration, results and the log are.
    Paths,
    /// Print the manual page: `faultlab man | man -l -`.
    Man {
        /// The command whose page is wanted; without it, the program's.
        #[arg(value_name = "COMMAND")]
        of: Option<String>,
    },
    /// Print a script that completes this command line.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// What to measure of links, and how.
#[derive(Debug, Clone, Args)]
pub struct CalibrateArgs {
    /// What to measure; otherwise all of it.
    #[arg(value_parser = PossibleValuesParser::new(What::ALL.map(What::word)))]
    pub what: Vec<String>,
    /// How far a median may be off.
    #[arg(long, value_name = "TIME", default_value = "5ms",
        value_parser = crate::base::units::duration)]
    pub tolerance: std::time::Duration,
    /// The seed of the labs, which decides what a lossy link loses.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print JSON, when all is measured.
    #[arg(long)]
    pub json: bool,
}

/// Of which recording, what of it, and how it looks.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// The recording: a file of JSON lines.
    pub recording: PathBuf,
    /// The cast; `-` is standard output. Otherwise a file beside the recording, with `.cast` in place of `.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub cast: Option<PathBuf>,
    /// Columns and rows.
    #[arg(long, value_name = "SIZE", default_value = "120x40", value_parser = size)]
    pub size: (u16, u16),
    /// How many colours the player has, for the themes that have more than sixteen.
    #[arg(long, alias = "colors", value_name = "HOW MANY", default_value = "256")]
    pub colours: ColourCount,
    /// Begin at this lab time: `90s`, `02:14.3`.
    #[arg(long, value_name = "TIME", value_parser = lab_time)]
    pub from: Option<LabTime>,
    /// End at this lab time.
    #[arg(long, value_name = "TIME", value_parser = lab_time)]
    pub to: Option<LabTime>,
    /// So many times as fast as it was: 0.1 shows a race slowly.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    pub speed: f64,
    /// The topology of a recording that an earlier version wrote without it: a file, or the name of a bundled one.
    #[arg(long, value_name = "FILE")]
    pub topology: Option<String>,
}

/// How many colours a player surely has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColourCount {
    /// The sixteen of old, in the player's own shades.
    #[value(name = "16")]
    Sixteen,
    /// The cube of 256.
    #[value(name = "256")]
    Indexed,
    /// 24 bits.
    #[value(name = "24bit")]
    True,
}

impl ColourCount {
    /// The same in the panel's words.
    #[must_use]
    pub const fn depth(self) -> Depth {
        match self {
            Self::Sixteen => Depth::Sixteen,
            Self::Indexed => Depth::Indexed,
            Self::True => Depth::True,
        }
    }
}

/// Which lab's notes, and how.
#[derive(Debug, Clone, Args)]
pub struct NotesArgs {
    /// The lab whose desk is at this port; otherwise the one that was started last.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Print each new sheet as text, without a terminal's tricks.
    #[arg(long)]
    pub plain: bool,
}

/// A run of one topology.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// A topology file, or the name of a bundled topology (see `faultlab list`).
    pub topology: String,
    /// Without a terminal: the steps run by themselves, and the exit code tells how it went. 0: every expectation
    /// held; 1: one failed; 2: nothing can be said; 3: the topology or the command line is wrong.
    #[arg(long, group = "unseen")]
    pub headless: bool,
    /// One line for each event, without a terminal's tricks. Standard input takes commands; where it is a terminal,
    /// `next` leads through the steps and `quit` ends, otherwise the steps run by themselves.
    #[arg(long, group = "unseen", conflicts_with = "headless")]
    pub plain: bool,
    /// At most this much lab time (headless and plain): `10s`.
    #[arg(long = "for", value_name = "TIME", requires = "unseen",
        value_parser = crate::base::units::duration)]
    pub lasting: Option<std::time::Duration>,
    /// Another seed than the file's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Lab seconds for each second on the wall (headless and plain).
    #[arg(long, value_name = "RATE", default_value_t = 1.0, requires = "unseen",
        value_parser = rate)]
    pub time_scale: f64,
    /// Write the report of the run (JSON) to this file.
    #[arg(long, value_name = "FILE", requires = "unseen")]
    pub report: Option<PathBuf>,
    /// Write every event (JSON lines) to this file.
    #[arg(long, value_name = "FILE", requires = "unseen")]
    pub events: Option<PathBuf>,
    /// Change a setting before the start: `ls.policy=failover`. May be given several times.
    #[arg(long = "set", value_name = "NODE.KEY=VALUE")]
    pub settings: Vec<String>,
    /// The first port that is tried when the lab chooses: what the program was told, or what is usual.
    #[arg(skip = crate::lab::PORT_BASE)]
    pub port_base: u16,
    /// The folder for what the run writes (results files, the disks of replicas, which a later run goes on with);
    /// `faultlab paths` tells where it is otherwise.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Allow addresses that are not loopback.
    #[arg(long)]
    pub allow_nonlocal: bool,
}

/// Columns and rows: `120x40`.
fn size(text: &str) -> Result<(u16, u16), String> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let pair = text.split_once(['x', 'X', '×']);
    let size = pair.and_then(|(columns, rows)| Some((number(columns)?, number(rows)?)));
    let (columns, rows) = size.ok_or("write columns and rows, such as 120x40")?;
    if (20..=500).contains(&columns) && (5..=200).contains(&rows) {
        return Ok((columns, rows));
    }
    Err("a cast has 20 to 500 columns and 5 to 200 rows".into())
}

/// A moment of the lab: `90s`, or as a clock shows it, `02:14.3`.
fn lab_time(text: &str) -> Result<LabTime, String> {
    if !text.contains(':') {
        let after = units::duration(text)?;
        return Ok(LabTime::ZERO + after);
    }
    let wrong = || format!("`{text}` is no moment: write it as 90s, or as 02:14.3");
    let mut seconds = 0.0;
    for (at, part) in text.rsplit(':').enumerate() {
        let whole = part.chars().all(|c| c.is_ascii_digit() || c == '.' && at == 0);
        let number: f64 = part.parse().ok().filter(|_| whole).ok_or_else(wrong)?;
        let unit = *[1.0, 60.0, 3600.0].get(at).ok_or_else(wrong)?;
        if at < 2 && number >= 60.0 {
            return Err(wrong());
        }
        seconds += number * unit;
    }
    units::duration(&format!("{seconds}s")).map(|after| LabTime::ZERO + after)
}

/// How fast a film goes.
fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "write a number, such as 0.5".to_owned())?;
    if (0.01..=100.0).contains(&factor) {
        return Ok(factor);
    }
    Err("the factor lies between 0.01 and 100".into())
}

/// A rate of the clock, as far as the lab goes along with it.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "write a number, such as 0.5".to_owned())?;
    if (SPEED_MIN..=SPEED_MAX).contains(&rate) {
        return Ok(rate);
    }
    Err(format!("the rate lies between {SPEED_MIN} and {SPEED_MAX}"))
}
