//! Signals outside the panel: the first ends the run in good order, the second at once. A hang-up that is ignored from
//! the start stays ignored: the run is to outlive its terminal (`nohup`).

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What came from outside.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    number: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens for SIGINT, SIGTERM, SIGHUP and SIGQUIT.
    ///
    /// # Errors
    /// The system's, if handlers cannot be installed.
    pub fn listen() -> anyhow::Result<Self> {
        let signals = Self::default();
        let heard = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
        for number in heard.into_iter().filter(|number| *number != SIGHUP || !hangup_is_ignored()) {
            let again = Arc::new(AtomicBool::new(false));
            let code = 128 + number;
            // In this order: the second signal finds the flag set and ends the process at once.
            signal_hook::flag::register_conditional_shutdown(number, code, again.clone())?;
            signal_hook::flag::register(number, again)?;
            let value = usize::try_from(number).unwrap_or_default();
            signal_hook::flag::register_usize(number, signals.number.clone(), value)?;
        }
        Ok(signals)
    }

    /// The signal that came, if one did.
    #[must_use]
    pub fn caught(&self) -> Option<u8> {
        let number = self.number.load(Ordering::Relaxed);
        u8::try_from(number).ok().filter(|number| *number > 0)
    }
}

/// Whether whoever started the program wants SIGHUP ignored. Where the system does not show that in a file, a child
/// that sends the signal to itself lives on.
fn hangup_is_ignored() -> bool {
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        return ignored(&status, SIGHUP);
    }
    let told = Command::new("/bin/sh").args(["-c", "kill -HUP $$"]).status();
    told.is_ok_and(|status| status.success())
}

/// Whether a signal is among those that a process ignores, by its `status` in proc(5).
fn ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_counts_from_one() {
        let status = "Name:\tfaultlab\nSigBlk:\tffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(ignored(status, SIGHUP));
        assert!(!ignored(status, SIGINT));
        assert!(!ignored("Name:\tfaultlab\n", SIGHUP));
    }
}
