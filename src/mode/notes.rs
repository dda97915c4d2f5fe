//! `faultlab notes`: the speaker's screen, which follows the desk of a running lab.

use super::desk::{self, Place};
use super::{EXIT_HELD, EXIT_USAGE, complain_text, data, print, tui};
use crate::base::Shown;
use crate::cli::{Look, NotesArgs};
use crate::lab::read_desk;
use crate::panel::{self, Session, Sheet};
use crate::report::Notes;
use anyhow::{Context, anyhow, bail};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

/// How long is waited for a line before the next look.
const LOOK: Duration = Duration::from_secs(2);

/// Shows the notes of a running lab until it ends.
///
/// # Errors
/// There is no lab, or no terminal.
pub fn run(args: &NotesArgs, look: &Look) -> anyhow::Result<u8> {
    let sheets = listen(args.port)?;
    if args.plain {
        return plain(&sheets);
    }
    let Some(options) = tui::options(look) else { return Ok(EXIT_USAGE) };
    let mut session = Session::enter(options)?;
    let newest = || {
        let mut newest = Sheet::Same;
        loop {
            match sheets.try_recv() {
                Ok(line) => newest = sheet(&line).map_or(newest, Sheet::New),
                Err(TryRecvError::Empty) => return newest,
                Err(TryRecvError::Disconnected) => return Sheet::Over,
            }
        }
    };
    let ending = panel::prompt(&mut session, newest)?;
    drop(session);
    let Some(ending) = ending else {
        complain_text("the lab has ended\n");
        return Ok(EXIT_HELD);
    };
    Ok(tui::code(&ending))
}

/// Each new sheet as text; the clock alone is no news.
fn plain(sheets: &Receiver<String>) -> anyhow::Result<u8> {
    let mut told: Option<Notes> = None;
    loop {
        match sheets.recv_timeout(LOOK) {
            Ok(line) => {
                let Some(notes) = sheet(&line) else { continue };
                let timeless = Notes { lab_ms: 0, elapsed_ms: 0, rate: 0.0, ..(*notes).clone() };
                if told.as_ref() != Some(&timeless) {
                    print(&text(&notes))?;
                    told = Some(timeless);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                complain_text("the lab has ended\n");
                return Ok(EXIT_HELD);
            }
        }
    }
}

fn text(notes: &Notes) -> String {
    let elapsed = notes.elapsed_ms / 1000;
    let mut out = format!(
        "{:02}:{:02}  {}  step {} of {}  {:?}\n",
        elapsed / 60,
        elapsed % 60,
        Shown::new(&notes.topology),
        notes.step,
        notes.steps,
        notes.beat,
    );
    let mut say = |label: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {label:9} {}", Shown::new(text));
    };
    if notes.step > 0 {
        say("note", &notes.say);
    }
    if let Some(ask) = &notes.ask {
        say("question", ask);
    }
    if let Some(reveal) = &notes.reveal {
        say("answer", reveal);
    }
    for mark in &notes.marks {
        let sign = match mark.held {
            Some(true) => "holds",
            Some(false) => "FAILED",
            None => "expects",
        };
        say(sign, &mark.words);
    }
    if let Some(next) = &notes.next {
        say("next", next);
    }
    out
}

/// Finds a desk and gives what it tells.
fn listen(port: Option<u16>) -> anyhow::Result<Receiver<String>> {
    const START: &str = "start one with `faultlab run tour`";
    let folder = data::desks_folder().context("HOME is not set: nobody knows where labs are")?;
    let places = desk::places(&folder);
    if places.is_empty() {
        bail!("no lab is running: {START}");
    }
    let is_wanted = |place: &&Place| port.is_none_or(|port| place.port == port);
    let Some(place) = places.iter().find(is_wanted) else {
        let there: Vec<String> =
            places.iter().map(|place| format!("{} ({})", place.port, place.topology)).collect();
        bail!("no lab has its desk at port {}: try {}", port.unwrap_or(0), there.join(", "));
    };
    read_desk(place.port, &place.token).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            anyhow!("the lab refuses: {}", Shown::new(&error.to_string()))
        }
        _ => anyhow!("the lab `{}` does not answer ({error}): {START}", place.topology),
    })
}

/// A line of the desk as a sheet; what is none is no news.
fn sheet(line: &str) -> Option<Box<Notes>> {
    serde_json::from_str(line).ok().map(Box::new)
}
