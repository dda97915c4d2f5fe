//! A run without a panel: the steps run by themselves, standard input takes commands, the exit code is the verdict.

use super::addresses;
use super::desk::Notes;
use super::plain::Manner;
use super::session::Session;
use super::signals::Signals;
use super::stdin::{self, Lines};
use super::{EXIT_HELD, EXIT_USAGE, complain_text, data, files, limits, repeat};
use crate::base::{LabTime, Shown};
use crate::cli::{Look, Run};
use crate::command::{Command, grammar};
use crate::event::{Event, Fact, Judgement};
use crate::lab::{Lab, LabHandle, NODE_THREAD, Options};
use crate::report::{self, Exit, Report, Tally, spoken};
use crate::topology::Topology;
use crate::world::World;
use anyhow::Context;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long a run lasts that has no steps and no stated end.
const LASTING_DEFAULT: Duration = Duration::from_secs(10);

/// How often signals and standard input are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a topology without a panel.
///
/// # Errors
/// What is wrong with the command line, or a file that cannot be written.
pub fn run(run: &Run, look: &Look) -> anyhow::Result<u8> {
    let Some(mut topology) = files::load(&run.topology, run.allow_nonlocal) else {
        return Ok(EXIT_USAGE);
    };
    files::change(&mut topology, &run.settings)?;
    topology.seed = run.seed.unwrap_or(topology.seed);
    // A pace for the eyes of a room would only make a machine wait.
    topology.auto_pace = false;
    let topology = Arc::new(topology);
    let manner = Manner::new(run.plain, look.ascii);
    let mut sinks = Sinks::open(run, manner, &topology)?;
    let signals = Signals::listen()?;
    limits::make_room(&topology)?;
    quiet_node_panics();
    let options = Options {
        port_base: Some(run.port_base),
        data: data::run_folder(run.data.as_deref(), &topology.name),
        ..Options::default()
    };
    let lab = Lab::start(topology.clone(), &options).context("the lab cannot start")?;
    let mut session = Session::new(lab);
    // A lecture can be followed from a second terminal; without a desk it runs all the same.
    let leads = !topology.steps.is_empty();
    let folder = leads.then(data::desks_folder).flatten();
    let _notes = folder.and_then(|folder| Notes::lay_out(session.lab(), &folder).ok());
    if (run.time_scale - 1.0).abs() > f64::EPSILON {
        anyhow::ensure!(session.lab().give(Command::Speed(run.time_scale)), "the lab is busy");
    }
    if manner.by_hand {
        sinks.say(&spoken::greeting(&topology))?;
    } else if !run.plain {
        complain_text(&addresses::told(&session));
    }
    let caught = lead(run, &mut session, &mut sinks, &signals)?;
    let lab = session.lab().clone();
    session.finish(&mut |world, event| sinks.take(world, event, &lab))?;
    sinks.close(run, &session.world)?;
    Ok(match caught {
        Some(signal) => 128 + signal,
        // Whoever read along had seen enough; that is how the run was meant to end.
        None if sinks.nobody_reads => EXIT_HELD,
        None => verdict(&session.world).code(),
    })
}

/// A node that panics is a crashed node, and a fact in the log; it is not the program's own panic.
fn quiet_node_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some(NODE_THREAD) {
            tracing::warn!("a node panicked: {}", super::panics::message(info));
        } else {
            usual(info);
        }
    }));
}

/// Runs the lab until its time is over; gives the signal that ended it, if one did.
fn lead(
    run: &Run,
    session: &mut Session,
    sinks: &mut Sinks,
    signals: &Signals,
) -> anyhow::Result<Option<u8>> {
    // Whoever sits at a prompt leads the lecture with `next`, and ends it with `quit` or the end of the input.
    let Manner { by_hand, .. } = sinks.manner;
    let leads = !by_hand && !session.world.topology.steps.is_empty();
    let lasting = run.lasting.or((!leads && !by_hand).then_some(LASTING_DEFAULT));
    let mut lines = Lines::read();
    let lab = session.lab().clone();
    loop {
        session.pump(LOOK, &mut |world, event| sinks.take(world, event, &lab))?;
        if let Some(signal) = signals.caught() {
            return Ok(Some(signal));
        }
        while let Some(line) = lines.next(session.now()) {
            if let Some(words) = sinks.manner.answer(&line, &session.world) {
                sinks.say(&words)?;
                continue;
            }
            match stdin::command(&line, &session.world.topology.names, by_hand) {
                Ok(None) => {}
                Ok(Some(Command::Quit)) => return Ok(None),
                Ok(Some(Command::Wait(time))) => lines.wait_until(session.now() + time),
                Ok(Some(command)) => {
                    if !session.lab().give(command) {
                        lines.take_back(line);
                        break;
                    }
                }
                Err(text) => complain_text(&text),
            }
        }
        let over = leads && !session.lead();
        let late = lasting.is_some_and(|lasting| session.now() >= LabTime::ZERO + lasting);
        let left = by_hand && lines.is_over();
        if over || late || left || sinks.nobody_reads {
            return Ok(None);
        }
    }
}

/// What the expectations came to.
fn verdict(world: &World) -> Exit {
    let expected: usize = world.topology.steps.iter().map(|step| step.expect.len()).sum();
    let judged = &world.steps.judged;
    if judged.values().any(|(judgement, _)| *judgement == Judgement::Failed) {
        Exit::Failed
    } else if expected == 0 || judged.len() < expected {
        Exit::Unknown
    } else {
        Exit::Passed
    }
}

/// Every option of the run that the topology does not tell, for the report.
fn options(run: &Run) -> BTreeMap<String, serde_json::Value> {
    let seconds = run.lasting.map(|lasting| lasting.as_secs_f64());
    BTreeMap::from([
        ("time_scale".into(), run.time_scale.into()),
        ("for_seconds".into(), seconds.into()),
        ("settings".into(), run.settings.clone().into()),
        ("port_base".into(), run.port_base.into()),
        ("allow_nonlocal".into(), run.allow_nonlocal.into()),
    ])
}

/// Where the events of a run go.
struct Sinks {
    manner: Manner,
    events: Option<BufWriter<File>>,
    tally: Tally,
    nobody_reads: bool,
}

impl Sinks {
    fn open(run: &Run, manner: Manner, topology: &Topology) -> anyhow::Result<Self> {
        let events = match &run.events {
            None => None,
            Some(path) => {
                let file = data::create(path).with_context(|| {
                    format!("cannot write the events to {}", Shown::new(&path.to_string_lossy()))
                })?;
                let mut out = BufWriter::new(file);
                report::events::write_header(&mut out, topology)?;
                Some(out)
            }
        };
        Ok(Self { manner, events, tally: Tally::default(), nobody_reads: false })
    }

    /// Takes an event that the world has folded just now.
    fn take(&mut self, world: &World, event: &Event, lab: &LabHandle) -> anyhow::Result<()> {
        let names = &world.topology.names;
        self.tally.observe(event);
        if !world.truth.alarms.is_empty() {
            self.tally.announced(world, lab.now());
        }
        if let Some(out) = &mut self.events
            && let Err(error) = report::events::write_event(out, event, names)
        {
            self.stop_recording(&error);
        }
        let shown = match &event.fact {
            Fact::ExpectationJudged { .. }
            | Fact::ListenFailed { .. }
            | Fact::NodeCrashed { .. } => true,
            // Once for each node: the report has how often.
            Fact::SocketFailed { node, .. } => {
                self.manner.plain
                    || world.node(*node).no_socket.as_ref().is_some_and(|it| it.times == 1)
            }
            _ => self.manner.plain,
        };
        if !shown {
            return Ok(());
        }
        if let Some(line) = report::line(event, names) {
            self.say(&format!("{:>9}  {line}\n", event.time.to_string()))?;
        }
        if self.manner.plain {
            for line in spoken::of_a_step(event, &world.topology) {
                self.say(&format!("{:>9}  {line}\n", event.time.to_string()))?;
            }
        }
        Ok(())
    }

    /// What cannot be recorded is lost; the lecture is not.
    fn stop_recording(&mut self, error: &std::io::Error) {
        if let Some(out) = self.events.take() {
            // What waits in the buffer has no place to go either.
            drop(out.into_parts());
            complain_text(&format!(
                "the events cannot be written any more ({error}); the run goes on without them\n"
            ));
        }
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout();
        match out.write_all(self.manner.text(text).as_bytes()).and_then(|()| out.flush()) {
            // Whoever reads has had enough: that is no failure, but nothing more needs to run.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.nobody_reads = self.manner.plain;
            }
            other => other?,
        }
        Ok(())
    }

    fn close(&mut self, run: &Run, world: &World) -> anyhow::Result<()> {
        if let Some(Err(error)) = self.events.as_mut().map(Write::flush) {
            self.stop_recording(&error);
        }
        let verdict = verdict(world);
        if let Some(path) = &run.report {
            let names = &world.topology.names;
            let words = |expectation: &_| grammar::expectation_words(expectation, names);
            let report = Report::new(world, &self.tally, verdict, options(run), words);
            let text = report.to_json().context("the report cannot be written")?;
            let written = data::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.with_context(|| {
                format!("cannot write the report to {}", Shown::new(&path.to_string_lossy()))
            })?;
        }
        let ending = match verdict {
            Exit::Passed => "every expectation held",
            Exit::Failed => "an expectation failed",
            Exit::Unknown => "nothing can be said: too little was judged",
        };
        if !self.nobody_reads {
            let seed = world.topology.seed;
            let (version, repeat) = (crate::base::VERSION, repeat::line(run, seed));
            complain_text(&format!(
                "{ending}\nfaultlab {version}, seed {seed}\nto repeat it: {repeat}\n"
            ));
        }
        Ok(())
    }
}
