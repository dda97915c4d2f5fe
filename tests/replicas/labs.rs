//! The texts of small stores: a group `r1`, `r2`, … and clients `alice` and `bob`, each with the settings that a test
//! is about.

/// Short times, so that a failover takes half a second of the lab's.
pub const QUICK: &str = r#"
heartbeat = "50ms"
suspect_after = "250ms"
reconnect = "100ms"
"#;

/// A client that asks soon again.
pub const PATIENT: &str = r#"
request_timeout = "150ms"
timeout = "4s"
reconnect = "100ms"
"#;

/// `count` replicas with these settings; alice and bob with theirs.
pub fn store(count: usize, group: &str, alice: &str, bob: &str) -> String {
    linked(count, group, alice, bob, "latency = \"2ms\"\njitter = \"1ms\"")
}

/// The same on links like these.
pub fn linked(count: usize, group: &str, alice: &str, bob: &str, link: &str) -> String {
    let operations = |settings: &str, name: &str| {
        let own = if settings.contains("operations") {
            String::new()
        } else {
            format!("operations = [\"put {name}{{n}} {{n}}\", \"post hall {name} says {{n}}\"]\n")
        };
        own + settings
    };
    let (alice, bob) = (operations(alice, "alice"), operations(bob, "bob"));
    format!(
        r#"
title = "replicas"
[defaults.link]
{link}
[groups.store]
role = "replica"
count = {count}
prefix = "r"
{group}
[nodes.alice]
role = "client"
asks = "store"
{alice}
[nodes.bob]
role = "client"
asks = "store"
{bob}
"#
    )
}

/// One leads, with these settings.
pub fn led(count: usize, settings: &str) -> String {
    store(count, &format!("{QUICK}{settings}"), PATIENT, PATIENT)
}

/// Every client asks all, with these settings of replicas and clients.
pub fn voted(count: usize, settings: &str, clients: &str) -> String {
    let group = format!("scheme = \"active\"\nreconnect = \"100ms\"\n{settings}");
    let client = format!("{PATIENT}{clients}");
    store(count, &group, &client, &client)
}
