//! The system's limit of open files: raised to what is allowed, because every node has real sockets, and compared with
//! what a topology needs.

use crate::topology::{self, Topology};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What macOS allows each process although it names no limit.
const WITHOUT_LIMIT: u64 = 10_240;

/// Raises the soft limit to the hard one, and gives how many files may be open now; none if there is no limit.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    for wanted in [limit.maximum, limit.maximum.or(Some(WITHOUT_LIMIT))] {
        if limit.current == wanted {
            return wanted;
        }
        let raised = Rlimit { current: wanted, maximum: limit.maximum };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => return wanted,
            Err(error) => tracing::warn!(%error, ?wanted, "the limit of open files stays"),
        }
    }
    limit.current
}

/// Raises the limit, and sees whether this topology fits below it.
///
/// # Errors
/// It does not: what it needs, what is allowed, and the remedy.
pub fn make_room(topology: &Topology) -> anyhow::Result<()> {
    let need = topology::estimate(topology).open_files;
    match raise() {
        Some(limit) if need > limit => anyhow::bail!(
            "`{}` needs about {need} open files, and this system allows {limit}: raise the limit \
             with `ulimit -n {need}` before the start (above the hard limit only root can: ask for \
             it in /etc/security/limits.conf), or take fewer nodes",
            topology.name,
        ),
        _ => Ok(()),
    }
}
