//! The program's own log: for whoever looks for the cause of something odd, in the state folder, never on the screen.

use super::data;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// Days that are kept.
const DAYS_MAX: usize = 3;

/// Lines that wait for the disk; beyond it they are dropped, for the lab must never wait for its own log.
const LINES_MAX: usize = 10_000;

/// Begins to log to `faultlab.DATE.log` in the state folder; `FAULTLAB_LOG=debug` says more. The log ends when the
/// guard is dropped. Without a folder that can be written there is no log, and the program runs all the same.
#[must_use]
pub fn begin() -> Option<WorkerGuard> {
    let folder = data::state_folder()?.join("log");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .max_log_files(DAYS_MAX)
        .filename_prefix("faultlab")
        .filename_suffix("log")
        .build(&folder)
        .ok()?;
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
