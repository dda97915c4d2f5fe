//! What single values of the file mean: health, flaws, retries, service times.

use super::defaults::RETRY_BUDGET;
use crate::message::{Flaw, Flaws};
use crate::topology::inline::Responds;
use crate::topology::mirror::RawTable;
use crate::topology::model::{Health, Patience, Retry, Role, Service};
use crate::topology::problem::Problems;
use crate::topology::raw;
use crate::topology::value::{At, OneOrMore, Wait, Word};
use crate::topology::words::{self, a_role};

/// When an upstream is left alone; none where nothing says so.
pub fn health(raw: &raw::Node) -> Option<Health> {
    if !["fall", "rise", "eject_for", "check_every", "probation"].iter().any(|key| raw.states(key))
    {
        return None;
    }
    let usual = Health::USUAL;
    let health = Health {
        fall: raw.fall.as_ref().map_or(usual.fall, |fall| small(fall.value.0)),
        rise: raw.rise.as_ref().map_or(usual.rise, |rise| small(rise.value.0)),
        eject_for: raw.eject_for.as_ref().map_or(usual.eject_for, |time| time.value.0),
        check_every: raw.check_every.as_ref().map(|time| time.value.0),
        probation: raw.probation.as_ref().map_or(usual.probation, |times| small(times.value.0)),
    };
    Some(health).filter(|health| health.fall > 0)
}

/// How long a TS waits for its store.
pub fn patience(raw: &raw::Node) -> Patience {
    let usual = Patience::default();
    let stated = |wait: &Option<At<Wait>>, usual| wait.as_ref().map_or(usual, |time| time.value.0);
    Patience {
        request_timeout: stated(&raw.request_timeout, usual.request_timeout),
        timeout: stated(&raw.timeout, usual.timeout),
        reconnect: stated(&raw.reconnect, usual.reconnect),
    }
}

/// The flaws that are stated, without those that the role cannot have.
pub fn flaws(
    stated: Option<&At<OneOrMore<Word<Flaw>>>>,
    role: Role,
    problems: &mut Problems,
) -> Flaws {
    let Some(stated) = stated else {
        return Flaws::NONE;
    };
    let mut flaws = Flaws::NONE;
    for word in &stated.value.0 {
        let flaw = word.value.0;
        let roles = words::roles_of(flaw);
        if roles.contains(&role) {
            flaws = flaws.with(flaw, true);
        } else {
            let owners = roles.iter().map(|role| a_role(*role)).collect::<Vec<_>>().join(" or ");
            problems
                .error(word.at, format!("{} cannot have the flaw `{}`", a_role(role), flaw.word()))
                .help(format!("it is a mistake of {owners}"));
        }
    }
    flaws
}

/// What a table of retries says.
pub fn retries(raw: &raw::Retry) -> Retry {
    let times = raw.times.as_ref().map_or(1, |times| times.value.0);
    Retry {
        times: u8::try_from(times).unwrap_or(u8::MAX),
        budget: raw.budget.as_ref().map_or(RETRY_BUDGET, |budget| budget.value.0),
    }
}

/// What a service time says; none after a problem was reported.
pub fn service(stated: &At<Responds>, problems: &mut Problems) -> Option<Service> {
    let varies = match &stated.value {
        Responds::Always(time) => return Some(Service::Constant(time.0)),
        Responds::Varies(varies) => varies,
    };
    let forms: [(&[&str], &[&str]); 3] = [
        (&["p50", "p99"], &["p50", "p99"]),
        (&["usual", "slow", "share"], &["usual", "slow", "share"]),
        (&["mean"], &["mean", "distribution"]),
    ];
    let help = "write p50 and p99; or usual, slow and share; or mean and distribution";
    let fits = |(needed, allowed): &&(&[&str], &[&str])| {
        needed.iter().all(|key| varies.states(key))
            && raw::ServiceTime::KEYS.iter().all(|key| !varies.states(key) || allowed.contains(key))
    };
    if !forms.iter().any(|form| fits(&form)) {
        problems.error(stated.at, "these keys make no service time").help(help);
        return None;
    }
    if let (Some(p50), Some(p99)) = (&varies.p50, &varies.p99) {
        if p99.value.0 < p50.value.0 {
            problems
                .error(p99.at, "p99 is shorter than p50")
                .also(p50.at, "p50")
                .help("99 of 100 questions take at least as long as the quicker half");
            return None;
        }
        return Some(Service::Percentiles { p50: p50.value.0, p99: p99.value.0 });
    }
    if let (Some(usual), Some(slow), Some(share)) = (&varies.usual, &varies.slow, &varies.share) {
        let (usual, slow, share) = (usual.value.0, slow.value.0, share.value.0);
        return Some(Service::SlowShare { usual, slow, share });
    }
    let mean = varies.mean.as_ref()?.value.0;
    let shape = varies.distribution.as_ref().map_or_else(Default::default, |word| word.value.0);
    Some(Service::Shaped(mean, shape))
}

/// Counts are read in a range that fits.
pub fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
