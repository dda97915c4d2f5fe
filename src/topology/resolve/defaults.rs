//! What holds where a file says nothing: the figures of the whole format. (Words have theirs where
//! they are declared, LSs theirs beside their settings.)

use std::time::Duration;

/// A client gives up after twice the time of an LS.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a lost connection rests.
pub const RECONNECT: Duration = Duration::from_secs(1);
/// Questions that wait for a worker before a TS says that it cannot.
pub const QUEUE: u32 = 100;
/// Retries for each question asked, where a client retries at all.
pub const RETRY_BUDGET: f64 = 0.1;
/// How long a client of a store waits for one replica.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Slow enough to be seen.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// Three heartbeats may be lost before a leader is suspected.
pub const SUSPECT_AFTER: Duration = Duration::from_secs(4);
/// A change is sent as soon as it is made.
pub const LAG: Duration = Duration::ZERO;
