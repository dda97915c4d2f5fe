//! `faultlab notes`: the speaker's screen, which follows the desk of a running lab.

use super::desk::{Hello, Place, Said};
use super::{EXIT_HELD, EXIT_USAGE, complain_text, data, print, tui};
use crate::base::Shown;
use crate::cli::{Look, NotesArgs};
use crate::panel::{self, Session, Sheet};
use crate::report::{NOTES_FORMAT, Notes};
use anyhow::{Context, bail};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

/// How long a desk may take to answer: it is on this machine.
const PATIENCE: Duration = Duration::from_secs(2);
/// Sheets that wait to be shown; only the newest counts.
const SHEETS_MAX: usize = 16;
/// The longest line of a desk: a step of a megabyte's topology file.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files of desks that are looked at.
const DESKS_MAX: usize = 256;

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
                Ok(notes) => newest = Sheet::New(notes),
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
    Ok(tui::code(ending))
}

/// Each new sheet as text; the clock alone is no news.
fn plain(sheets: &Receiver<Box<Notes>>) -> anyhow::Result<u8> {
    let mut told: Option<Notes> = None;
    loop {
        match sheets.recv_timeout(PATIENCE) {
            Ok(notes) => {
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
fn listen(port: Option<u16>) -> anyhow::Result<Receiver<Box<Notes>>> {
    const START: &str = "start one with `faultlab run tour`";
    let folder = data::desks_folder().context("HOME is not set: nobody knows where labs are")?;
    let mut places = places(&folder);
    if let Some(port) = port {
        let others: Vec<String> = places.iter().map(|place| place.port.to_string()).collect();
        places.retain(|place| place.port == port);
        if places.is_empty() && others.is_empty() {
            bail!("no lab is running: {START}");
        }
        if places.is_empty() {
            bail!("no lab has its desk at port {port}: there are {}", others.join(", "));
        }
    }
    // The newest first.
    places.sort_by_key(|place| std::cmp::Reverse((place.started_ms, place.pid)));
    for place in &places {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
        let Ok(desk) = TcpStream::connect_timeout(&address, PATIENCE) else { continue };
        return follow(desk, place);
    }
    match places.as_slice() {
        [] => bail!("no lab is running: {START}"),
        _ => bail!("the labs that left their places in {} are gone: {START}", folder.display()),
    }
}

/// Says the token, waits for the first sheet, and reads on in a thread of its own.
fn follow(desk: TcpStream, place: &Place) -> anyhow::Result<Receiver<Box<Notes>>> {
    desk.set_read_timeout(Some(PATIENCE))?;
    let hello = Hello { v: NOTES_FORMAT, token: place.token.clone() };
    let mut line = serde_json::to_string(&hello)?;
    line.push('\n');
    (&desk).write_all(line.as_bytes()).context("the lab does not listen any more")?;
    let mut lines = BufReader::new(desk);
    let first = next(&mut lines).context("the lab says nothing: is this its port?")?;
    let first = match first {
        Said::Notes(notes) => notes,
        Said::Refused(why) => bail!("the lab refuses: {}", Shown::new(&why)),
    };
    let (send, sheets) = sync_channel(SHEETS_MAX);
    send.send(first)?;
    // It sits in a read; the process takes it along when it exits.
    thread::spawn(move || {
        while let Some(Said::Notes(notes)) = next(&mut lines) {
            if send.send(notes).is_err() {
                return;
            }
        }
    });
    Ok(sheets)
}

fn next(lines: &mut BufReader<TcpStream>) -> Option<Said> {
    let mut line = String::new();
    lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).ok().filter(|count| *count > 0)?;
    serde_json::from_str(&line).ok()
}

/// What the files of this folder say. Files of processes that are gone are taken away.
fn places(folder: &Path) -> Vec<Place> {
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let mut places = Vec::new();
    for file in files.take(DESKS_MAX).flatten() {
        let Ok(bytes) = fs::read(file.path()) else { continue };
        let Ok(place) = serde_json::from_slice::<Place>(&bytes) else { continue };
        if is_running(place.pid) {
            places.push(place);
        } else {
            // Another one may have done so a moment ago.
            let _ = fs::remove_file(file.path());
        }
    }
    places
}

/// Whether there is a process of this number.
pub fn is_running(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    // Somebody else's process with the same number counts as running: nobody answers there, or not to the token.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}
