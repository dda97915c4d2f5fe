//! Which keys a node may have: those of its role, and of these the ones of its policy, its scheme, or
//! whom it asks.

use super::roster::Entry;
use crate::topology::mirror::RawTable;
use crate::topology::model::{Policy, Role, Scheme};
use crate::topology::problem::Problems;
use crate::topology::raw;
use crate::topology::words::{self, Choice, a_role, quoted};

/// Keys of a client that asks for names.
const OF_NAMES: [&str; 4] = ["names", "pace", "retry", "ids"];
/// Keys of a client that asks replicas.
const OF_STORES: [&str; 4] = ["operations", "reads", "no_majority", "request_timeout"];

/// Which roles have a key.
fn roles_with(key: &str) -> &'static [Role] {
    match key {
        "role" | "start" | "reconnect" => &[Role::Client, Role::Ls, Role::Ts, Role::Replica],
        "asks" | "names" | "pace" | "retry" | "rate" | "operations" | "reads" | "no_majority" => {
            &[Role::Client]
        }
        "request_timeout" => &[Role::Client, Role::Ts],
        "timeout" => &[Role::Client, Role::Ls, Role::Ts],
        "ids" => &[Role::Client, Role::Ls],
        "flaws" => &[Role::Client, Role::Ls, Role::Replica],
        "at" => &[Role::Ls, Role::Ts],
        "listen" => &[Role::Ls, Role::Ts, Role::Replica],
        "records" | "store" | "on_miss" | "responds" | "workers" | "queue" => &[Role::Ts],
        "lie" => &[Role::Ts, Role::Replica],
        "scheme" | "peers" | "heartbeat" | "heartbeat_mode" | "suspect_after" | "propagation"
        | "lag" | "catch_up" | "terms" | "clock" | "disk" => &[Role::Replica],
        _ => &[Role::Ls],
    }
}

/// Whether a policy has a key of an LS.
fn has(policy: Policy, key: &str) -> bool {
    use Policy::{Batch, Gather, Hash, Hedge, Race, RoundRobin, Sticky, TwoChoices};
    match key {
        "accept" => policy == Race,
        "window" | "early_end" => policy == Batch,
        // A batch has its window for that.
        "merge" => policy != Batch,
        "failover" => matches!(policy, RoundRobin | Sticky | Hash | TwoChoices),
        "failover_after" => !matches!(policy, Race | Batch | Gather),
        "hedge" => policy == Gather,
        "hedge_after" | "hedge_at_first" | "hedge_budget" => matches!(policy, Hedge | Gather),
        _ => true,
    }
}

/// Whose a key of an LS is, for sentences: the policies that have it, or the one that has it not.
fn owners(key: &str) -> String {
    let words = |with: bool| {
        let all = Policy::ALL.into_iter().filter(move |policy| has(*policy, key) == with);
        all.map(Choice::word_of)
    };
    match words(false).collect::<Vec<_>>().as_slice() {
        [other] => format!("every policy but {other}"),
        _ => words::list(words(true)),
    }
}

/// Which schemes have a key of a replica.
pub fn schemes_with(key: &str) -> &'static [Scheme] {
    match key {
        "heartbeat_mode" | "propagation" | "lag" | "terms" => &[Scheme::PrimaryBackup],
        "clock" => &[Scheme::Active],
        _ => &[Scheme::PrimaryBackup, Scheme::Active],
    }
}

/// The keys that a role has, in the order of the format.
pub fn keys_of(role: Role) -> impl Iterator<Item = &'static str> {
    raw::Node::KEYS.iter().copied().filter(move |key| roles_with(key).contains(&role))
}

/// Whether a client has a key only if it asks replicas (true), or only if it does not (false).
pub fn of_a_store(key: &str) -> Option<bool> {
    match key {
        key if OF_STORES.contains(&key) => Some(true),
        key if OF_NAMES.contains(&key) => Some(false),
        _ => None,
    }
}

/// Whether a TS has a key only if it has a store.
pub fn of_a_lookup(key: &str) -> bool {
    matches!(key, "store" | "timeout" | "request_timeout" | "reconnect")
}

/// Reports keys of a TS that say how it asks a store, where it has none.
pub fn of_storeless(entry: &Entry, problems: &mut Problems) {
    for (key, at) in entry.raw.stated().into_iter().filter(|(key, _)| of_a_lookup(key)) {
        let id = quoted(&entry.id);
        problems
            .error(at, format!("{id} asks nobody and has no `{key}`"))
            .help(format!("`{key}` belongs to a TS with a `store`"));
    }
}

/// Reports keys that the node's role has not, and those that have no meaning for a program of
/// someone else's.
pub fn of_role(entry: &Entry, role: Role, problems: &mut Problems) {
    let may_be_outside = roles_with("at").contains(&role);
    let outside = entry.raw.states("at") && may_be_outside;
    for (key, at) in entry.raw.stated() {
        let roles = roles_with(key);
        if !roles.contains(&role) {
            let owners = roles.iter().map(|role| a_role(*role)).collect::<Vec<_>>().join(" or ");
            let mut help = format!("`{key}` belongs to {owners}");
            if let ("asks", Role::Ls) = (key, role) {
                help.push_str("; an LS asks its `upstreams`");
            } else if let ("upstreams", Role::Client) = (key, role) {
                help.push_str("; a client `asks` somebody");
            } else if let ("asks" | "upstreams", Role::Replica) = (key, role) {
                help.push_str("; a replica knows its `peers`");
            } else if let ("asks" | "upstreams", Role::Ts) = (key, role) {
                help.push_str("; a TS asks the replicas of its `store`");
            }
            problems.error(at, format!("{} has no `{key}`", a_role(role))).help(help);
        } else if outside && !matches!(key, "role" | "at" | "records") {
            problems
                .error(
                    at,
                    format!("{} runs elsewhere, so `{key}` cannot be set here", quoted(&entry.id)),
                )
                .help("take the key out, or take `at` out and let it run here");
        }
    }
}

/// Reports keys that the policy of an LS has not.
pub fn of_policy(raw: &raw::Node, policy: Policy, problems: &mut Problems) {
    for (key, at) in raw.stated() {
        if has(policy, key) {
            continue;
        }
        let word = policy.word_of();
        let message = if raw.states("policy") {
            format!("the policy `{word}` has no `{key}`")
        } else {
            format!("the policy is `{word}`, because none is stated, and has no `{key}`")
        };
        problems.error(at, message).help(format!("`{key}` belongs to {}", owners(key)));
    }
}

/// Reports keys that the scheme of a replica has not.
pub fn of_scheme(raw: &raw::Node, scheme: Scheme, problems: &mut Problems) {
    for (key, at) in raw.stated() {
        let schemes = schemes_with(key);
        if schemes.contains(&scheme) {
            continue;
        }
        let owners = words::list(schemes.iter().map(|scheme| scheme.word_of()));
        let word = scheme.word_of();
        let message = if raw.states("scheme") {
            format!("the scheme `{word}` has no `{key}`")
        } else {
            format!("the scheme is `{word}`, because none is stated, and has no `{key}`")
        };
        problems.error(at, message).help(format!("`{key}` belongs to {owners}"));
    }
}

/// Reports keys and flaws that a client has not, because it asks replicas or because it does not.
pub fn of_asked(entry: &Entry, store: bool, problems: &mut Problems) {
    let id = quoted(&entry.id);
    let asks = if store { "replicas" } else { "for names" };
    let owners = if store { "asks LSs and TSs" } else { "asks replicas" };
    for (key, at) in entry.raw.stated() {
        if of_a_store(key).is_none_or(|belongs| belongs == store) {
            continue;
        }
        let mut help = format!("`{key}` belongs to a client that {owners}");
        if key == "names" {
            help.push_str("; one of replicas has `operations`");
        } else if key == "operations" {
            help.push_str("; one of LSs and TSs has `names`");
        }
        problems.error(at, format!("{id} asks {asks} and has no `{key}`")).help(help);
    }
    for word in entry.raw.flaws.iter().flat_map(|flaws| &flaws.value.0) {
        let flaw = word.value.0;
        if words::of_a_store_client(flaw).is_some_and(|belongs| belongs != store) {
            problems
                .error(word.at, format!("{id} asks {asks} and cannot have `{}`", flaw.word()))
                .help(format!("it is a mistake of a client that {owners}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_node_belongs_to_a_role_a_policy_and_a_scheme() {
        for key in raw::Node::KEYS {
            assert!(!roles_with(key).is_empty(), "{key}");
            assert!(Policy::ALL.into_iter().any(|policy| has(policy, key)), "{key}");
            assert!(!schemes_with(key).is_empty(), "{key}");
        }
        for key in OF_NAMES.into_iter().chain(OF_STORES) {
            assert!(roles_with(key).contains(&Role::Client), "{key}");
        }
    }

    #[test]
    fn whose_a_key_is_says_what_is_shorter() {
        assert_eq!(owners("merge"), "every policy but batch");
        assert_eq!(owners("accept"), "race");
        assert_eq!(owners("hedge_budget"), "gather, hedge");
        assert_eq!(owners("failover"), "round-robin, sticky, hash, two-choices");
        let without_delay = [Policy::Race, Policy::Gather, Policy::Batch];
        for policy in Policy::ALL {
            assert_eq!(has(policy, "failover_after"), !without_delay.contains(&policy));
            assert!(has(policy, "timeout"), "{policy:?}");
        }
    }

    #[test]
    fn a_role_has_its_keys_and_no_others() {
        let keys = |role| keys_of(role).collect::<Vec<_>>().join(" ");
        assert_eq!(
            keys(Role::Ls),
            "role start at listen flaws upstreams policy timeout accept window early_end failover \
             failover_after hedge hedge_after hedge_at_first hedge_budget fall rise eject_for \
             check_every probation merge reconnect ids"
        );
        assert_eq!(
            keys(Role::Replica),
            "role start listen flaws reconnect lie scheme peers heartbeat heartbeat_mode \
             suspect_after propagation lag catch_up terms clock disk"
        );
        assert_eq!(
            keys(Role::Client),
            "role start flaws asks names pace retry rate operations reads no_majority \
             request_timeout timeout reconnect ids"
        );
    }
}
