//! A thousand replicas.

use std::fmt::Write as _;
use std::time::Duration;

/// Groups of three replicas.
pub const GROUPS: usize = 333;

/// Groups of three replicas that suspect after five heartbeats, and one client of the first.
pub fn replicas(heartbeat: Duration) -> String {
    let mut text = String::from("title = 'a thousand replicas'\n");
    let beat = heartbeat.as_millis();
    for group in 1..=GROUPS {
        write!(
            text,
            "[groups.g{group}]\nrole = 'replica'\ncount = 3\nprefix = 'g{group}r'\n\
             heartbeat = '{beat}ms'\nsuspect_after = '{}ms'\n",
            5 * beat
        )
        .expect("a String takes it");
    }
    text.push_str("[nodes.client]\nrole = 'client'\nasks = 'g1'\noperations = ['get k']\n");
    text
}
