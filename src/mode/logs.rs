//! The program's own log: for whoever looks for the cause of something odd, in the state folder, never on the screen.

use super::data;
use super::rotated::Rotated;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// Lines that wait for the disk; beyond it they are dropped, for the lab must never wait for its own log.
const LINES_MAX: usize = 10_000;

/// Begins to log to the state folder; `FAULTLAB_LOG=debug` says more. The log ends when the guard is dropped. Without a
/// folder that can be written there is no log, and the program runs all the same.
#[must_use]
pub fn begin() -> Option<WorkerGuard> {
    let file = Rotated::open(data::log_folder()?).ok()?;
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_MAX)
        .finish(file);
    let filter = EnvFilter::try_from_env("FAULTLAB_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init()
        .ok()?;
    Some(guard)
}
