//! What a file says of a node: every key of every role, side by side.
//!
//! Which role has which key is decided in `resolve`.

use crate::message::{CatchUp, DiskKind, Flaw, Shape};
use crate::topology::inline::{NameList, RecordTable, Responds};
use crate::topology::mirror::{Properties, RawTable, object, raw, table, unknown_key};
use crate::topology::model::{
    Accept, ClockKind, HeartbeatMode, NoMajority, OnMiss, Pace, Policy, Propagation, ReadFrom,
    Role, Scheme,
};
use crate::topology::problem::{Problems, Span};
use crate::topology::value::{
    At, COUNT_MAX, OnOff, OneOrMore, Rate, Read, Share, Time, TimeOrPercentile, Wait, Whole, Word,
    entries, read_at,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::DeValue;

raw!(
    /// A node: a client, an LS (load-balancing server), a TS (name server) or a replica of a store.
    Node("node") {
        /// What it is.
        role: Word<Role>,
        /// `off`: it does not run until it is revived.
        start: OnOff,
        /// Where it runs, if it is a program of someone else's: "127.0.0.1:5300".
        at: String,
        /// Ports it listens on; 0 = the lab chooses.
        listen: Listener,
        /// Confessions that it starts with.
        flaws: OneOrMore<Word<Flaw>>,
        /// Client: whom it asks (a node, a group, a pattern): LSs and TSs, of several the first that
        /// is not down; or the replicas of a store.
        asks: OneOrMore<String>,
        /// Client of LSs and TSs: its list of names, as a file with one name a line or written out.
        names: NameList,
        /// Client of LSs and TSs: `pipelined` (all names of the list at once) or `serial`. Pipelined
        /// unless stated.
        pace: Word<Pace>,
        /// Client of LSs and TSs: how often it asks again after `failed`, `reset` or `refused`. Never
        /// unless stated.
        retry: Retry,
        /// Client: the load it starts with, in questions or operations a second. None unless stated.
        rate: Rate,
        /// Client of replicas: the operations it goes through in turn, such as
        /// `post lobby hello {n}`; `{n}` stands for the number of the operation.
        operations: OneOrMore<String>,
        /// Client of replicas of which one leads: whom it asks for a read. `leader` unless stated.
        reads: Word<ReadFrom>,
        /// Client that asks several replicas at once: what it does when no two agree. `first` unless
        /// stated.
        no_majority: Word<NoMajority>,
        /// Client of replicas, TS with a `store`: how long one replica may take before it is asked
        /// again, or another is. 1 s unless stated.
        request_timeout: Wait,
        /// LS: whom it asks (nodes, groups, patterns such as `leaf*`), in order.
        upstreams: OneOrMore<String>,
        /// LS: how it chooses. `race` unless stated.
        policy: Word<Policy>,
        /// Client, LS, TS with a `store`: what an unanswered question or operation costs. 10 s for a
        /// client, 5 s for an LS, 4 s for a TS unless stated.
        timeout: Wait,
        /// LS, `race`: what settles it. `first-final` unless stated.
        accept: Word<Accept>,
        /// LS, `batch`: how long the window stays open. 3 s unless stated.
        window: Wait,
        /// LS, `batch`: whether the window closes when the last answer is in. It does not unless
        /// stated.
        early_end: OnOff,
        /// LS, `round-robin`, `sticky`, `hash`, `two-choices`: whether another upstream is asked after
        /// a failure or silence. It is unless this is false.
        failover: OnOff,
        /// LS, policies that ask one after the other: how long one upstream may take before the next
        /// is asked. 1 s unless stated.
        failover_after: Wait,
        /// LS, `gather`: whether the next upstream, which has a copy, is asked for the part of one that
        /// is slow. It is not unless this is true.
        hedge: OnOff,
        /// LS, `hedge`, and `gather` where it hedges: how long an upstream may take before another is
        /// asked as well: a time, or a percentile (`p95`) of the last 500 answers. `p95` unless stated.
        hedge_after: TimeOrPercentile,
        /// LS, where `hedge_after` is a percentile: how long it is until 50 answers were seen. 100 ms
        /// unless stated.
        hedge_at_first: Wait,
        /// LS, `hedge`, and `gather` where it hedges: how many questions more are sent for it at most,
        /// as a share of the others; 1 = no limit. 0.1 unless stated.
        hedge_budget: Share,
        /// LS: an upstream is left alone after so many failures in a row; 0 = never. Never unless
        /// a setting of health is stated (the five from here on), then 2.
        fall: Whole<0, COUNT_MAX>,
        /// LS: an upstream is taken back after so many successes in a row. 2 unless stated.
        rise: Whole<1, COUNT_MAX>,
        /// LS: how long an upstream is left alone before it is tried again; twice as long each time that
        /// it fails again soon after its return. 5 s unless stated.
        eject_for: Wait,
        /// LS: how often every upstream is asked a name that it is known to have, whether or not anybody
        /// wants it; one that has not answered by the next time has failed. Never unless stated.
        check_every: Wait,
        /// LS: an upstream is left alone, too, when its answers take so many times as long as those of
        /// the others; 0 = never. Never unless stated.
        probation: Whole<0, 1000>,
        /// LS, all policies but `batch`: whether a DNS question joins the race of an identical one that is
        /// on its way, and nobody is asked again. It does not unless this is true.
        merge: OnOff,
        /// Client, LS, replica, TS with a `store`: how long it waits before it tries a lost connection
        /// again. 1 s unless stated.
        reconnect: Wait,
        /// Client of LSs and TSs, LS: whether its questions bear correlation ids. They do not unless
        /// stated.
        ids: OnOff,
        /// TS: its table, as a file in the course's format or written out; or its zone, as a file
        /// (`.zone`).
        records: RecordTable,
        /// TS: the replicas (nodes, a group) that hold what is not in its table.
        store: OneOrMore<String>,
        /// TS: what it does without an entry. `silent` unless stated; `negative` with a zone.
        on_miss: Word<OnMiss>,
        /// TS: how long it takes. No time unless stated.
        responds: Responds,
        /// TS, replica: whether it answers wrongly.
        lie: OnOff,
        /// TS: how many questions it works on at once. Any number unless stated.
        workers: Whole<1, COUNT_MAX>,
        /// TS with `workers`: how many may wait for one. 100 unless stated.
        queue: Whole<0, COUNT_MAX>,
        /// Replica: how the group keeps together: `primary-backup` or `active`. `primary-backup`
        /// unless stated.
        scheme: Word<Scheme>,
        /// Replica: the others that it knows of. Those of its group that start, unless stated.
        peers: OneOrMore<String>,
        /// Replica, `primary-backup`: the time between two heartbeats. 1 s unless stated.
        heartbeat: Wait,
        /// Replica, `primary-backup`: `pull` (the backups ask and wait for the reply) or `push` (the
        /// leader sends). `pull` unless stated.
        heartbeat_mode: Word<HeartbeatMode>,
        /// Replica, `primary-backup`: how long a leader may be silent before it is suspected. 4 s
        /// unless stated.
        suspect_after: Wait,
        /// Replica, `primary-backup`: when the leader acknowledges a write: `async` (at once), `sync`
        /// (when the backups have it) or `sync-deadlock` (the same, and whoever waits does nothing
        /// else). `async` unless stated.
        propagation: Word<Propagation>,
        /// Replica, `primary-backup` with `propagation = "async"`: how long a change waits at the
        /// leader before it is sent. No time unless stated.
        lag: Time,
        /// Replica: how one that lags is brought up to date: by the whole `state`, or by what is
        /// missing of the `log`. `state` unless stated.
        catch_up: Word<CatchUp>,
        /// Replica, `primary-backup`: whether leaders have terms, and messages of older ones are
        /// turned away. They have not unless stated.
        terms: OnOff,
        /// Replica, `active`: what one that returns compares with the others: `count`, `time`,
        /// `digest` or `vector`. `count` unless stated.
        clock: Word<ClockKind>,
        /// Replica: how it writes its disk: `sqlite` (operations are appended) or `rewrite` (the
        /// whole store at each change). `sqlite` unless stated.
        disk: Word<DiskKind>,
    }
);

raw!(
    /// Where a node listens.
    Listener("listener") {
        /// The port of the line wire on TCP, dialled over links that speak it; 0 = the lab chooses.
        line: Whole<0, 65535>,
        /// Replica: the port of the JSON wire on TCP, which replicas, their clients and TSs dial; 0 =
        /// the lab chooses.
        json: Whole<0, 65535>,
        /// LS, TS: the port of DNS on UDP and on TCP, asked over links that speak it; 0 = the lab
        /// chooses.
        dns: Whole<0, 65535>,
        /// The address to bind. 127.0.0.1 unless stated.
        address: String,
    }
);

raw!(
    /// Asking again.
    Retry("table of retries") {
        /// How many more times for one question.
        times: Whole<0, 255>,
        /// Retries as a share of the questions asked. 0.1 unless stated.
        budget: Share,
    }
);

raw!(
    /// A service time that varies: `p50` and `p99`; or `usual`, `slow` and `share`; or `mean` and
    /// `distribution`.
    ServiceTime("service time") {
        /// Half of the questions take at most this long.
        p50: Wait,
        /// All but one in a hundred take at most this long.
        p99: Wait,
        /// The usual time.
        usual: Time,
        /// The slow time.
        slow: Time,
        /// The share of slow questions.
        share: Share,
        /// The mean.
        mean: Time,
        /// How it is distributed around the mean.
        distribution: Word<Shape>,
    }
);
