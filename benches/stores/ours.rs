//! A group of replicas of ours in this process, and its members from outside.

use super::{Client, DEADLINE, Member, Put, connect};
use faultlab::base::NodeId;
use faultlab::check::{Audit, Group};
use faultlab::command::grammar;
use faultlab::lab::{Lab, LabHandle, Options};
use faultlab::message::{Message, OpId, Operation, StoreSaid};
use faultlab::topology::{self, Bundled, Wire};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running group.
pub struct Ours {
    lab: Option<Lab>,
    pub handle: LabHandle,
    audit: Audit,
    next: u64,
}

impl Ours {
    /// Three replicas `r1`, `r2`, `r3` with these settings; without a folder their disks are memory.
    pub fn start(settings: &str, data: Option<PathBuf>) -> Self {
        let text = format!(
            "title = \"bench\"\n[groups.store]\nrole = \"replica\"\ncount = 3\nprefix = \"r\"\n{settings}\n\
             [nodes.writer]\nrole = \"client\"\nasks = \"store\"\noperations = [\"get k\"]\n"
        );
        let loaded = topology::load_text("bench.toml", &text, &Bundled);
        let mut topology = loaded.unwrap_or_else(|problems| panic!("{problems}")).topology;
        topology.auto_pace = false;
        let options = Options { data, ..Options::default() };
        let lab = Lab::start(Arc::new(topology), &options).expect("the lab starts");
        let handle = lab.handle();
        let audit = Audit::new(handle.topology().clone());
        let mut ours = Self { lab: Some(lab), handle, audit, next: 0 };
        ours.until("one leads, the others follow", |group| {
            group.leaders().count() == 1
                && group.replicas.iter().all(|it| it.follows.is_some() || it.leads())
        });
        ours
    }

    /// Waits until the auditor says so.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Group) -> bool) {
        let begun = Instant::now();
        loop {
            let tail = self.handle.read(self.next, usize::MAX);
            for event in tail.events() {
                self.audit.apply(event);
            }
            self.next = tail.next;
            if holds(self.audit.groups().next().expect("there is a group")) {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
            self.handle.wait(self.next, Duration::from_millis(20));
        }
    }

    /// One leads, and all run and have the same. Gives who leads.
    pub fn settled(&mut self) -> String {
        self.until("one leads, and all have the same", |group| {
            let all = &group.replicas;
            group.leaders().count() == 1 && all.iter().all(|it| it.runs() && it.have == all[0].have)
        });
        let leader = self.audit.groups().next().and_then(|group| group.leaders().next());
        let id = leader.expect("one leads").id;
        self.handle.topology().names.of(id).to_owned()
    }

    pub fn give(&self, line: &str) {
        let command = grammar::command(line, &self.handle.topology().names).expect("it is right");
        assert!(self.handle.give(command), "the lab takes {line}");
    }

    /// A client from outside that knows all three.
    pub fn client(&self, timeout: Duration) -> Client {
        let names = &self.handle.topology().names;
        let replicas = ["r1", "r2", "r3"].map(|name| names.id(name).expect("a replica"));
        let member = |id: NodeId| -> Box<dyn Member> {
            let address = self.handle.address_for(id, Wire::Json).expect("it listens");
            Box::new(Replica { address, stream: None, number: 0, of: u64::from(id.0) })
        };
        Client::new(replicas.into_iter().map(member).collect(), timeout)
    }

    pub fn finish(mut self) {
        if let Some(lab) = self.lab.take() {
            lab.finish();
        }
    }
}

struct Replica {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    number: u64,
    of: u64,
}

impl Replica {
    fn ask(&mut self, within: Duration) -> std::io::Result<StoreSaid> {
        self.number += 1;
        let client = format!("bench-{}.{}", self.of, self.address.port());
        let id = Some(OpId { client: client.as_str().into(), number: self.number });
        let operation = Operation::Put { key: "k".into(), value: "1".into() };
        let mut line = serde_json::to_vec(&Message::Operate { id, operation })?;
        line.push(b'\n');
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(BufReader::new(connect(self.address, within)?)),
        };
        stream.get_mut().set_read_timeout(Some(within))?;
        stream.get_mut().write_all(&line)?;
        let mut answer = String::new();
        if stream.read_line(&mut answer)? == 0 {
            return Err(ErrorKind::ConnectionReset.into());
        }
        match serde_json::from_str(&answer)? {
            Message::Operated { said, .. } => Ok(said),
            other => panic!("not an answer: {other:?}"),
        }
    }
}

impl Member for Replica {
    fn put(&mut self, within: Duration) -> Put {
        match self.ask(within) {
            Ok(said) if said.is_ok() => Put::Done,
            Ok(_) => Put::Declined,
            Err(error) => {
                // A late answer must not be taken for that of the next question.
                self.stream = None;
                match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => Put::Silent,
                    _ => Put::Gone,
                }
            }
        }
    }
}
