//! Datagrams on their last step: what one node sends while it reads a batch leaves together, behind the batch.
//!
//! Where the system can (Linux: UDP segmentation offload), datagrams of one length for one address are handed to the
//! kernel in one call, which makes them single again before anybody reads them. Every datagram is still one in the log,
//! and its link has decided on each alone before it comes here.

use super::flow::Outlet;
use super::shared::Shared;
use crate::base::{EventId, FrameId, LabTime, Peer};
use crate::event::{Cause, Fact, Fate};
use std::io;
use std::sync::Arc;

/// Datagrams that the kernel takes in one call.
const RUN_MAX: usize = 64;

/// Bytes of them; what an IP packet has room for, less its headers.
const RUN_BYTES_MAX: usize = 65_000;

/// A datagram that has come over its link.
#[derive(Debug)]
pub struct Leaving {
    /// How it is sent.
    pub outlet: Arc<Outlet>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The `MessageSent` it belongs to.
    pub event: EventId,
    /// Its number on the link.
    pub frame: FrameId,
    /// The link: from this end …
    pub from: Peer,
    /// … to that one.
    pub to: Peer,
}

/// What is about to leave.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Vec<Leaving>,
    held: bool,
}

impl Outbox {
    /// One more is to leave.
    pub fn put(&mut self, leaving: Leaving) {
        self.waiting.push(leaving);
    }

    /// Whether what is put here waits for others.
    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// What is put here waits until it is let go.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Sends what has waited; nothing waits any more.
    pub fn let_go(&mut self, now: LabTime, lab: &Shared) {
        self.held = false;
        self.send(now, lab);
    }

    /// Sends what is here, in order for each address, and records what is known not to arrive.
    pub fn send(&mut self, now: LabTime, lab: &Shared) {
        if self.waiting.len() > 1 {
            // Those for one address stand together, in the order in which they came.
            self.waiting.sort_by_key(|leaving| Arc::as_ptr(&leaving.outlet).addr());
        }
        let same = |one: &Leaving, next: &Leaving| Arc::ptr_eq(&one.outlet, &next.outlet);
        for of_one in self.waiting.chunk_by(same) {
            let mut rest = of_one;
            while !rest.is_empty() {
                let (run, behind) = rest.split_at(run_length(rest.iter().map(|it| it.bytes.len())));
                send_run(run, now, lab);
                rest = behind;
            }
        }
        self.waiting.clear();
    }
}

/// How many of these can go in one call: all but the last have one length, and the last may be shorter.
fn run_length(lengths: impl Iterator<Item = usize>) -> usize {
    let (mut first, mut count, mut bytes) = (None, 0, 0);
    for length in lengths {
        let wanted = *first.get_or_insert(length);
        if count > 0 && (length > wanted || count == RUN_MAX || bytes + length > RUN_BYTES_MAX) {
            break;
        }
        (count, bytes) = (count + 1, bytes + length);
        if length < wanted {
            break;
        }
    }
    count
}

fn send_run(run: &[Leaving], now: LabTime, lab: &Shared) {
    let Some(first) = run.first() else { return };
    if run.len() > 1 && first.outlet.is_open() {
        for leaving in run {
            first.outlet.note(&leaving.bytes, leaving.event);
        }
        match together::send(&first.outlet, run) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                first.outlet.refused(lab);
            }
            // The kernel cannot, or has no room for all: each by itself, as far as there is room.
            Err(_) => {}
        }
        for leaving in run {
            record(leaving, first.outlet.send_noted(&leaving.bytes, lab), now, lab);
        }
        return;
    }
    for leaving in run {
        record(leaving, leaving.outlet.send(&leaving.bytes, leaving.event, lab), now, lab);
    }
}

fn record(leaving: &Leaving, fate: Option<Fate>, now: LabTime, lab: &Shared) {
    if let Some(fate) = fate {
        let (from, to, frame) = (leaving.from, leaving.to, leaving.frame);
        let fact = Fact::FrameLost { from, to, frame, fate };
        lab.recorder.lab(now, Cause::Event(leaving.event), fact);
    }
}

#[cfg(target_os = "linux")]
mod together {
    use super::{Leaving, Outlet, io};
    use nix::errno::Errno;
    use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
    use std::io::IoSlice;
    use std::os::fd::AsRawFd as _;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Set when the kernel has said that it cannot.
    static CANNOT: AtomicBool = AtomicBool::new(false);

    /// Hands a run over in one call: all of it, or nothing.
    pub fn send(outlet: &Outlet, run: &[Leaving]) -> io::Result<()> {
        if CANNOT.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let length = run.first().and_then(|first| u16::try_from(first.bytes.len()).ok());
        let length = length.ok_or(io::ErrorKind::InvalidInput)?;
        let mut pieces = [IoSlice::new(&[]); super::RUN_MAX];
        for (piece, leaving) in pieces.iter_mut().zip(run) {
            *piece = IoSlice::new(&leaving.bytes);
        }
        let to = outlet.to.map(Into::<SockaddrStorage>::into);
        let sent = sendmsg(
            outlet.socket.as_raw_fd(),
            &pieces[..run.len()],
            &[ControlMessage::UdpGsoSegments(&length)],
            MsgFlags::empty(),
            to.as_ref(),
        );
        match sent {
            Ok(_) => Ok(()),
            Err(error) => {
                let cannot = [Errno::EINVAL, Errno::EIO, Errno::ENOPROTOOPT, Errno::EOPNOTSUPP];
                if cannot.contains(&error) {
                    CANNOT.store(true, Ordering::Relaxed);
                }
                Err(error.into())
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod together {
    use super::{Leaving, Outlet, io};

    /// No call takes several here.
    pub fn send(_: &Outlet, _: &[Leaving]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{NodeId, Owner, VisitorId};
    use crate::lab::flow::Sent;
    use crate::topology::{Bundled, load_text};
    use std::net::{SocketAddr, UdpSocket};
    use std::time::Duration;

    /// A lab that has not started.
    fn lab() -> (tokio::runtime::Runtime, Arc<Shared>) {
        let text = "[nodes.ts]\nrole = \"ts\"\nrecords = { \"a.b\" = \"192.0.2.1\" }\n";
        let topology = load_text("test.toml", text, &Bundled).expect("a good file").topology;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.expect("a runtime");
        let lab = Shared::new(Arc::new(topology), runtime.handle().clone(), None);
        (runtime, lab)
    }

    fn leaving(outlet: &Arc<Outlet>, number: u64, bytes: &[u8]) -> Leaving {
        let (node, visitor) = (Peer::Node(NodeId(0)), Peer::Visitor(VisitorId(1)));
        let event = EventId { owner: Owner::Lab, number };
        let (outlet, bytes, frame) = (outlet.clone(), bytes.to_vec(), FrameId(number));
        Leaving { outlet, bytes, event, frame, from: node, to: visitor }
    }

    fn outlet(socket: &Arc<UdpSocket>, to: SocketAddr, sent: Arc<Sent>) -> Arc<Outlet> {
        let (socket, to, sent) = (socket.clone(), Some(to), Some(sent));
        Arc::new(Outlet { socket, to, sent, peer: None, opener: None })
    }

    #[test]
    fn what_leaves_together_arrives_one_by_one_and_in_order() {
        let (runtime, lab) = lab();
        let _inside = runtime.enter();
        let ours = UdpSocket::bind("127.0.0.1:0").expect("a port");
        ours.set_nonblocking(true).expect("an option");
        let ours = Arc::new(ours);
        let theirs = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port"));
        let outlets = theirs.each_ref().map(|one| {
            one.set_read_timeout(Some(Duration::from_secs(5))).expect("an option");
            outlet(&ours, one.local_addr().expect("it is bound"), Arc::default())
        });
        let texts = ["first", "other", "third", "four", "fifth of all", "sixth"];
        let mut outbox = Outbox::default();
        for (number, text) in (1..).zip(texts) {
            outbox.put(leaving(&outlets[0], number, text.as_bytes()));
            outbox.put(leaving(&outlets[1], number, b"always the same"));
        }
        outbox.send(LabTime::ZERO, &lab);
        let next = |of: &UdpSocket| {
            let mut room = [0; 64];
            let length = of.recv(&mut room).expect("it was sent");
            String::from_utf8(room[..length].to_vec()).expect("text")
        };
        assert_eq!(texts.map(|_| next(&theirs[0])), texts);
        assert_eq!(texts.map(|_| next(&theirs[1])), texts.map(|_| "always the same"));
        let sent = outlets[0].sent.as_ref().expect("it is kept");
        let cause = |text: &str| sent.cause(text.as_bytes()).map(|event| event.number);
        assert_eq!(texts.map(cause), [1, 2, 3, 4, 5, 6].map(Some));
        assert_eq!((cause("third"), cause("seventh")), (Some(3), None), "one may come twice");
        assert_eq!(lab.recorder.end(), 0, "nothing is known to be lost");
        outbox.send(LabTime::ZERO, &lab);
        theirs[0].set_nonblocking(true).expect("an option");
        assert!(theirs[0].recv(&mut [0; 64]).is_err(), "what has left does not leave again");
    }

    #[test]
    fn a_run_has_one_length_and_only_its_last_may_be_shorter() {
        let count = |lengths: &[usize]| run_length(lengths.iter().copied());
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[40]), 1);
        assert_eq!(count(&[40, 40, 40]), 3);
        assert_eq!(count(&[40, 40, 39, 39]), 3);
        assert_eq!(count(&[40, 41]), 1);
        assert_eq!(count(&[40; RUN_MAX + 3]), RUN_MAX);
        assert_eq!(count(&[60_000, 60_000]), 1);
    }
}
