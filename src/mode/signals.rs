//! Signals outside the panel: the first ends the run in good order, the second at once.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
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
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
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
