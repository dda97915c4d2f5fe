//! `faultlab export`: a film of what a recording tells, as the panel would have shown it.

use super::whole::{Whole, in_words};
use super::{EXIT_HELD, EXIT_USAGE, files, print, tui};
use crate::base::{LabTime, Shown};
use crate::cli::{Export, Look};
use crate::event::Event;
use crate::panel::{self, Cast, Filmed, Theme};
use crate::report::events::{self, Events, Header, ReadError};
use crate::topology::{self, Topology, bundle};
use anyhow::{Context, anyhow, bail, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Makes a cast of a recording.
///
/// # Errors
/// What is wrong with the command line or, with its line, with the recording; a file that cannot be written.
pub fn run(export: &Export, look: &Look) -> anyhow::Result<u8> {
    // It is for a player somewhere, and not for this terminal.
    let theme = Theme::night(export.colours.depth(), false);
    let plain = panel::Options { theme, ..panel::Options::of_surroundings() };
    let Some(look) = tui::options_beside(look, plain) else { return Ok(EXIT_USAGE) };
    if let (Some(from), Some(to)) = (export.from, export.to) {
        ensure!(from < to, "--from must lie before --to");
    }
    let name = shown(&export.recording);
    let file = File::open(&export.recording).with_context(|| format!("{name} cannot be read"))?;
    let (header, events) = events::read(BufReader::new(file)).with_context(|| name.clone())?;
    let Some(topology) = topology_of(header, export).with_context(|| name.clone())? else {
        return Ok(EXIT_USAGE);
    };
    let mut cast = Cast::new(Arc::new(topology), &look, export.size);
    (cast.from, cast.to, cast.speed) = (export.from, export.to, export.speed);
    let mut reel = Reel { events, newest: None, problem: None };
    let to = match &export.cast {
        Some(path) if path.as_os_str() == "-" => None,
        Some(path) => Some(path.clone()),
        None => Some(export.recording.with_extension("cast")),
    };
    let filmed = match &to {
        None => make(cast, &mut reel, &mut io::stdout().lock()),
        Some(path) => {
            ensure!(*path != export.recording, "--cast must name another file than the recording");
            make_file(cast, &mut reel, path)
        }
    };
    match filmed {
        Ok(filmed) => told(&filmed, to.as_deref()),
        // Whoever reads has had enough.
        Err(error) if is_closed_pipe(&error) => Ok(EXIT_HELD),
        Err(error) => Err(error.context(name)),
    }
}

fn shown(path: &Path) -> String {
    Shown::new(&path.to_string_lossy()).to_string()
}

/// What the recording is of; none if the file that was named for it cannot be used, which has been said then.
fn topology_of(header: Header, export: &Export) -> anyhow::Result<Option<Topology>> {
    let is_bundled = || bundle::list().iter().any(|entry| entry.name == header.topology);
    let mut topology = match (&export.topology, header.lab) {
        (Some(file), _) => match files::load(file, true) {
            Some(topology) => topology,
            None => return Ok(None),
        },
        (None, Some(lab)) => *lab,
        (None, None) if is_bundled() => {
            let options = topology::Options::default();
            let loaded = topology::load(header.topology.as_ref(), options);
            loaded.map_err(|problems| anyhow!("{problems}"))?.topology
        }
        (None, None) => bail!(
            "line 1: an earlier faultlab wrote it, without its topology; name that with --topology FILE"
        ),
    };
    topology.seed = header.seed;
    let same = topology.names.iter().eq(header.nodes.iter().map(String::as_str));
    ensure!(
        same,
        "line 1: its nodes are not those of its topology; name another with --topology FILE"
    );
    Ok(Some(topology))
}

/// The events of a recording, up to what is wrong with it.
struct Reel<R> {
    events: Events<R>,
    newest: Option<LabTime>,
    problem: Option<ReadError>,
}

impl<R: BufRead> Iterator for Reel<R> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        match self.events.next()? {
            Ok(mut event) => {
                // As in the log: reported time never runs backwards.
                event.time = self.newest.map_or(event.time, |newest| newest.max(event.time));
                self.newest = Some(event.time);
                Some(event)
            }
            Err(problem) => {
                self.problem = Some(problem);
                None
            }
        }
    }
}

/// Makes the film.
fn make(cast: Cast, reel: &mut Reel<impl BufRead>, out: &mut impl Write) -> anyhow::Result<Filmed> {
    let from = cast.from;
    let filmed = cast.write(&mut *reel, &mut BufWriter::new(out));
    let end = reel.newest.map(|newest| panel::moment(newest, true));
    match (reel.problem.take(), end, filmed) {
        (Some(problem), Some(end), _) => {
            Err(anyhow!("{problem}; what comes before it can be had with --to {end}"))
        }
        (Some(problem), None, _) => Err(problem.into()),
        (None, None, _) => {
            Err(anyhow!("line 2: it has no events, and so there is nothing to show"))
        }
        (None, Some(end), Err(error)) if error.kind() == io::ErrorKind::InvalidInput => {
            // Of what is too early, the first event has been read; of what is too late, all.
            Err(match from {
                Some(_) => anyhow!("nothing happens there, for it ends at {end}: begin earlier"),
                None => anyhow!("nothing happens there, for it begins at {end}: end later"),
            })
        }
        (None, Some(_), filmed) => Ok(filmed.map_err(in_words)?),
    }
}

/// Makes the film in a file, which is there whole or not at all.
fn make_file(cast: Cast, reel: &mut Reel<impl BufRead>, path: &Path) -> anyhow::Result<Filmed> {
    let cannot = || format!("{} cannot be written", shown(path));
    // What is no file cannot be replaced by one.
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        let mut device = OpenOptions::new().write(true).open(path).with_context(cannot)?;
        return make(cast, reel, &mut device).with_context(cannot);
    }
    let mut whole = Whole::named(path).map_err(in_words).with_context(cannot)?;
    let filmed = make(cast, reel, &mut whole.file)?;
    whole.finish().with_context(cannot)?;
    Ok(filmed)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What was made, where nothing else is written to standard output.
fn told(filmed: &Filmed, path: Option<&Path>) -> anyhow::Result<u8> {
    let Some(path) = path else { return Ok(EXIT_HELD) };
    let [from, to] = [filmed.from, filmed.to].map(|at| panel::moment(at, true));
    let lasts = panel::moment(LabTime::ZERO + filmed.lasts, false);
    let cut = if filmed.cut { " (it goes on, but a cast may not be longer)" } else { "" };
    let frames = crate::base::units::grouped(filmed.frames);
    print(&format!("{}: {from} to {to}{cut}, {frames} frames, {lasts}\n", shown(path)))
}
