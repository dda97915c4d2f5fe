//! The panel with a lab behind it: pick a topology, run it, come back to the picker.

use super::casting::Exporter;
use super::desk::Notes;
use super::origin::{Origin, Resume};
use super::recording::Recorder;
use super::watched::{Read, Watched};
use super::{EXIT_HELD, EXIT_USAGE, complain_text, config, data, files, limits, print};
use crate::base::LabTime;
use crate::cli::{Look, Run};
use crate::command::Command;
use crate::lab::{Lab, LabHandle, Options};
use crate::log::Tail;
use crate::panel::{
    self, Bench, Edited, Ending, Exported, Footage, Offer, Recorded, Session, ThemeName,
};
use crate::topology::{self, Topology, bundle};
use anyhow::Context;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Events that the panel takes at once: what it folds in a few milliseconds, so that a flood never delays a key; and
/// what comes between two frames, half a million of them a second.
const EVENTS_AT_ONCE: usize = 16 * 1024;

/// A running lab, as the panel sees it.
struct LabBench<'a> {
    lab: LabHandle,
    /// The run's folder, if it has one.
    folder: Option<PathBuf>,
    /// Where its topology came from.
    origin: Origin,
    /// Where a second terminal reads the notes.
    notes: Option<Notes>,
    /// The topology's file; one that is built in has none.
    file: Option<&'a Watched>,
    recorder: Recorder,
    exporter: Exporter,
}

impl Bench for LabBench<'_> {
    fn now(&self) -> LabTime {
        self.lab.now()
    }

    fn read(&self, from: u64) -> Tail {
        self.lab.read(from, EVENTS_AT_ONCE)
    }

    fn give(&self, command: Command) -> bool {
        self.lab.give(command)
    }

    fn census(&self) {
        self.lab.census();
    }

    fn reached(&self, step: Option<u32>) {
        self.origin.reached(step);
    }

    fn is_prompted(&self) -> bool {
        self.notes.as_ref().is_some_and(Notes::are_read)
    }

    fn edited(&self) -> Option<Edited> {
        self.file?.news()
    }

    fn take(&self, topology: Arc<Topology>) -> bool {
        self.lab.take(topology)
    }

    fn keep(&self, text: &str) -> io::Result<PathBuf> {
        match &self.folder {
            Some(folder) => data::keep(folder, text),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the run has no folder")),
        }
    }

    fn save_steps(&self, steps: &str) -> io::Result<PathBuf> {
        let Some(folder) = &self.folder else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the run has no folder"));
        };
        let topology = self.lab.topology();
        let new = self.origin.rewritten(topology.seed, steps).map_err(io::Error::other)?;
        data::keep_topology(folder, &topology.name, &new)
    }

    fn record(&self, screen: String) -> io::Result<bool> {
        self.recorder.begin(self.lab.clone(), screen)
    }

    fn recorded(&self) -> Option<io::Result<Recorded>> {
        self.recorder.done()
    }

    fn export(&self, footage: Footage) -> io::Result<bool> {
        self.exporter.begin(footage)
    }

    fn exported(&self) -> Option<io::Result<Exported>> {
        self.exporter.done()
    }
}

/// Opens the picker, and the panel on what is picked, until the person quits.
///
/// # Errors
/// No terminal, or one that does not do what is asked.
pub fn pick(look: &Look, port_base: u16) -> anyhow::Result<u8> {
    let Some(options) = options(look) else { return Ok(EXIT_USAGE) };
    let session = Session::enter(options)?;
    pick_in(session, port_base)
}

fn pick_in(mut session: Session, port_base: u16) -> anyhow::Result<u8> {
    let usual = Options { port_base: Some(port_base), ..Options::default() };
    loop {
        let resume = Resume::find();
        let entries = bundle::list();
        let bundled = entries.iter().map(|entry| Offer {
            name: entry.name.to_owned(),
            title: entry.title.clone(),
            lesson: entry.lesson.clone(),
            steps: entry.steps,
        });
        let offers = resume.iter().map(Resume::offer).chain(bundled).collect();
        let picked = match panel::pick(&mut session, offers)? {
            Ok(picked) => picked,
            Err(ending) => return Ok(code(&ending)),
        };
        let (ending, lab) = match (resume, picked) {
            (Some(resume), 0) => {
                let Resume { topology, origin, step } = resume;
                let data = origin.data.clone();
                let options = Options { data, ..usual.clone() };
                watch(&mut session, topology, &origin, &options, (None, Some(step)))?
            }
            (resume, picked) => {
                let name = entries[picked - usize::from(resume.is_some())].name;
                let options = crate::topology::Options::default();
                let loaded = crate::topology::load(name.as_ref(), options)
                    .map_err(|problems| anyhow::anyhow!("{problems}"))?;
                let origin = Origin::bundled(name, loaded.topology.seed);
                watch(&mut session, loaded.topology, &origin, &usual, (None, None))?
            }
        };
        if ending != Ending::Topologies {
            drop(session);
            return Ok(end(&ending, lab));
        }
        lab.finish();
    }
}

/// Opens the panel on one topology.
///
/// # Errors
/// No terminal, or one that does not do what is asked; what is wrong with the settings.
pub fn run(run: &Run, look: &Look) -> anyhow::Result<u8> {
    let Some(mut topology) = files::load(&run.topology, run.allow_nonlocal) else {
        return Ok(EXIT_USAGE);
    };
    files::change(&mut topology, &run.settings)?;
    topology.seed = run.seed.unwrap_or(topology.seed);
    let Some(look) = self::options(look) else { return Ok(EXIT_USAGE) };
    // Before the terminal is taken: what is wrong is said where it stays.
    limits::make_room(&topology)?;
    let mut session = Session::enter(look)?;
    let options =
        Options { port_base: Some(run.port_base), data: run.data.clone(), ..Options::default() };
    let file = watched(run);
    let origin = Origin::of(run, topology.seed);
    let (ending, lab) = watch(&mut session, topology, &origin, &options, (file.as_ref(), None))?;
    if ending == Ending::Topologies {
        lab.finish();
        // In the same session: another reader of keys beside the one that waits would lose a key to it.
        return pick_in(session, run.port_base);
    }
    // The terminal is given back first: a node that does not stop must not keep it.
    drop(session);
    Ok(end(&ending, lab))
}

/// What the command line says, else what the environment says, else what the configuration says. None if that is wrong;
/// then it has been said why.
pub(super) fn options(look: &Look) -> Option<panel::Options> {
    options_beside(look, panel::Options::of_surroundings())
}

/// The same with other surroundings than those of this terminal.
pub(super) fn options_beside(look: &Look, mut options: panel::Options) -> Option<panel::Options> {
    let config = match config::load() {
        Ok(config) => config,
        Err(problems) => {
            complain_text(&format!("{problems}\n"));
            return None;
        }
    };
    // Colours that are not wanted at all are not brought back by a usual theme, but by one that is asked for now.
    let unwanted = options.theme.shown() == ThemeName::Mono;
    let asked = look.theme.as_deref().and_then(ThemeName::named);
    if let Some(name) = asked.or(config.theme.filter(|_| !unwanted)) {
        options.theme = options.theme.with(name);
    }
    options.theme.ascii |= look.ascii || config.ascii;
    options.big = look.big || config.big;
    options.clicker = look.clicker || config.clicker;
    options.keymap = Arc::new(config.keymap);
    options.motion = !config.reduced_motion;
    options.mouse = config.mouse;
    Some(options)
}

/// `faultlab keys`: every key, as this user has it.
///
/// # Errors
/// If standard output is gone.
pub fn keys(look: &Look) -> anyhow::Result<u8> {
    match options(look) {
        Some(options) => print(&panel::whole_list(&options.keymap)),
        None => Ok(EXIT_USAGE),
    }
}

/// Watches the file of a run, read anew as this run read it.
fn watched(run: &Run) -> Option<Watched> {
    let path = Path::new(&run.topology);
    let (again, wanted) = (path.to_owned(), run.clone());
    let options = topology::Options { allow_nonlocal: run.allow_nonlocal };
    let read = move || match topology::load(&again, options) {
        Err(problems) => Read::broken(&problems.to_string(), Some(&problems)),
        Ok(mut loaded) => {
            let topology = &mut loaded.topology;
            topology.seed = wanted.seed.unwrap_or(topology.seed);
            let changed = files::change(topology, &wanted.settings);
            match changed.and_then(|()| limits::make_room(topology)) {
                Ok(()) => Read::sound(loaded.topology, &loaded.warnings),
                Err(why) => Read::broken(&why.to_string(), Some(&loaded.warnings)),
            }
        }
    };
    path.is_file().then(|| Watched::new(path, read)).flatten()
}

/// Starts a lab, at a step if one is given, and shows it until the person has seen enough; where its file wants a new
/// lab, that one, too.
fn watch(
    session: &mut Session,
    topology: Topology,
    origin: &Origin,
    options: &Options,
    (file, at): (Option<&Watched>, Option<u32>),
) -> anyhow::Result<(Ending, Lab)> {
    let (mut topology, mut carried, mut at) = (Arc::new(topology), None, at);
    limits::make_room(&topology)?;
    loop {
        let data = data::run_folder(options.data.as_deref(), &topology.name);
        let options = Options { data, ..options.clone() };
        let lab = Lab::start(topology.clone(), &options).context("the lab cannot start")?;
        if let Some(step) = at.take() {
            anyhow::ensure!(lab.handle().give(Command::Goto(step)), "the lab is busy");
        }
        let origin = Origin { data: options.data.clone(), ..origin.clone() };
        // Without a desk nobody else can read along; the lab runs all the same.
        let notes = data::desks_folder();
        let notes = notes.and_then(|folder| Notes::lay_out(&lab.handle(), &folder).ok());
        let (recorder, exporter) = (Recorder::default(), Exporter::default());
        let folder = options.data;
        let lab_handle = lab.handle();
        let bench = LabBench { lab: lab_handle, folder, origin, notes, file, recorder, exporter };
        match panel::run(session, &bench, topology, carried)? {
            Ending::Again(next) => {
                lab.finish();
                topology = next.topology.clone();
                // Of a file with fewer steps, the last.
                let last = u32::try_from(topology.steps.len()).unwrap_or(u32::MAX);
                at = Some(next.step.min(last)).filter(|step| *step > 0);
                carried = Some(next);
            }
            ending => return Ok((ending, lab)),
        }
    }
}

/// Ends the lab as befits the ending, and gives the exit code.
fn end(ending: &Ending, lab: Lab) -> u8 {
    if matches!(ending, Ending::Signal(_) | Ending::TerminalGone) {
        // Whoever sends a signal does not want to wait for answers that are still on their way.
        drop(lab);
    } else {
        lab.finish();
    }
    code(ending)
}

pub(super) fn code(ending: &Ending) -> u8 {
    match ending {
        Ending::Quit | Ending::Topologies | Ending::Again(_) => EXIT_HELD,
        Ending::Signal(number) => u8::try_from(128 + *number).unwrap_or(u8::MAX),
        Ending::TerminalGone => 129,
    }
}
