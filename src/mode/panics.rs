//! What a panic says: the usual words, made safe to show, for they may quote text from a wire.

use super::complain_text;
use crate::base::Shown;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::panic::PanicHookInfo;

/// From now on a panic's message is harmless on any terminal. With `RUST_BACKTRACE=1` it says where it came from.
pub fn are_shown() {
    std::panic::set_hook(Box::new(|info| complain_text(&words(info))));
}

fn words(info: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let name = Shown::new(thread.name().unwrap_or("?"));
    let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let mut text = format!("thread '{name}' panicked{place}:\n{}\n", message(info));
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        // Writing to a String cannot fail.
        let _ = write!(text, "{trace}");
    }
    text
}

/// The message in a line.
#[must_use]
pub fn message(info: &PanicHookInfo<'_>) -> Shown {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Shown::new(text.unwrap_or("no message"))
}
