//! The datagrams of all nodes: a thread that waits for many sockets and hands on what it reads (the reactor of Schmidt,
//! 1995).
//!
//! Datagrams are small and many, and what each costs is what a load balancer costs; so nothing stands between the
//! system's word that there is something to read and the turn of the node. One thread does it for all: what a node
//! sends another is read by the one that has sent it, and to wake a second takes longer than to answer. Streams are the
//! runtime's business.

mod poller;

use super::NODE_THREAD;
use crate::base::NumberMap;
use poller::{Poller, Ready};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, recv, recvfrom};
use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The largest datagram there is.
pub const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

/// Datagrams that a socket gives at once, before the others have their turn.
const READS_AT_ONCE: usize = 64;

/// Bytes of them, at most one datagram more.
const BYTES_AT_ONCE: usize = 64 * 1024;

/// Whoever is given what was read. One call at a time.
pub trait Ear: Send + Sync {
    /// Datagrams were read.
    fn hear(&self, batch: &Batch);
    /// The kernel was told that nobody listens where this socket sends to.
    fn refused(&self);
}

/// Datagrams that were read together, so that their node is entered once for all.
#[derive(Debug)]
pub struct Batch {
    room: Box<[u8]>,
    bytes: Vec<u8>,
    /// Where each ends, and from whom it came, where that is not known anyway.
    ends: Vec<(usize, Option<SocketAddr>)>,
}

impl Batch {
    fn new() -> Self {
        let room = vec![0; DATAGRAM_BYTES_MAX].into();
        Self { room, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Takes what is there, at most `most`; gives what ended it, if it was an error.
    fn fill(&mut self, socket: &UdpSocket, connected: bool, most: usize) -> Option<Errno> {
        self.bytes.clear();
        self.ends.clear();
        while self.ends.len() < most && self.bytes.len() < BYTES_AT_ONCE {
            let read = if connected {
                recv(socket, &mut *self.room, RecvFlags::empty()).map(|(count, _)| (count, None))
            } else {
                let read = recvfrom(socket, &mut *self.room, RecvFlags::empty());
                read.map(|(count, _, from)| (count, from.and_then(|it| it.try_into().ok())))
            };
            match read {
                Ok((count, from)) => {
                    self.bytes.extend_from_slice(&self.room[..count]);
                    self.ends.push((self.bytes.len(), from));
                }
                Err(error) => return Some(error),
            }
        }
        None
    }

    /// The datagrams in order.
    pub fn datagrams(&self) -> impl Iterator<Item = (&[u8], Option<SocketAddr>)> {
        let mut begin = 0;
        self.ends.iter().map(move |(end, from)| {
            let bytes = &self.bytes[begin..*end];
            begin = *end;
            (bytes, *from)
        })
    }
}

/// The thread, which begins when it has something to watch.
#[derive(Debug, Default)]
pub struct Reactor {
    thread: Mutex<Option<Arc<Thread>>>,
}

#[derive(Debug)]
struct Thread {
    poller: Poller,
    /// Locked while one of them is read and heard.
    watched: Mutex<NumberMap<u64, Watched>>,
    keys: AtomicU64,
}

/// A socket that is watched.
struct Watched {
    socket: Arc<UdpSocket>,
    connected: bool,
    ear: Box<dyn Ear>,
    /// How many are taken at once: as many as there were the last time, and more if there are more.
    most: usize,
    /// The wait after which it was last read, and not until nothing was left.
    left: u64,
}

/// As long as this is kept, the socket is read.
#[derive(Debug)]
pub struct Watch {
    thread: Arc<Thread>,
    key: u64,
}

impl Reactor {
    /// Reads a socket that does not block. `connected`: everything comes from one address, which is known.
    ///
    /// # Errors
    /// The system's, if it has no room for one more.
    pub fn watch(
        &self,
        socket: &Arc<UdpSocket>,
        connected: bool,
        ear: Box<dyn Ear>,
    ) -> io::Result<Watch> {
        let thread = {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            match &*thread {
                Some(thread) => thread.clone(),
                None => thread.insert(Thread::start()?).clone(),
            }
        };
        let key = thread.keys.fetch_add(1, Ordering::Relaxed);
        let watched = Watched { socket: socket.clone(), connected, ear, most: 1, left: 0 };
        thread.all().insert(key, watched);
        let watch = Watch { thread, key };
        watch.thread.poller.add(key, socket)?;
        Ok(watch)
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner) {
            thread.poller.end();
        }
    }
}

impl Drop for Watch {
    /// Nothing is read or heard any more when this returns; so whoever drops it must hold nothing that an ear waits
    /// for.
    fn drop(&mut self) {
        if let Some(watched) = self.thread.all().remove(&self.key) {
            self.thread.poller.remove(self.key, &watched.socket);
        }
    }
}

impl Thread {
    fn start() -> io::Result<Arc<Self>> {
        let (watched, keys) = (Mutex::default(), AtomicU64::new(0));
        let thread = Arc::new(Self { poller: Poller::new()?, watched, keys });
        let runs = thread.clone();
        std::thread::Builder::new().name(NODE_THREAD.into()).spawn(move || runs.run())?;
        Ok(thread)
    }

    fn all(&self) -> MutexGuard<'_, NumberMap<u64, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let (mut batch, mut ready) = (Batch::new(), Ready::new());
        for wait in 1.. {
            match self.poller.wait(&mut ready) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!("datagrams are read no more: {error}");
                    return;
                }
            }
            for (key, is_error) in ready.iter() {
                if let Some(watched) = self.all().get_mut(&key) {
                    watched.read(wait, is_error, &mut batch);
                }
            }
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Watched {
    fn read(&mut self, wait: u64, is_error: bool, batch: &mut Batch) {
        if is_error && matches!(socket_error(&self.socket), Ok(Err(Errno::CONNREFUSED))) {
            self.ear.refused();
        }
        // A look that finds nothing costs as much as one that does; so for one that is alone there is none. Whoever is
        // ready again at the next wait has more.
        if self.left + 1 == wait {
            self.most = (2 * self.most).min(READS_AT_ONCE);
        }
        let ended = batch.fill(&self.socket, self.connected, self.most);
        let count = batch.ends.len();
        if ended.is_some() {
            self.most = count.max(1);
        } else {
            self.left = wait;
        }
        if count > 0 {
            self.ear.hear(batch);
        }
        if ended == Some(Errno::CONNREFUSED) {
            self.ear.refused();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    /// What was heard: the datagrams of one batch, or a refusal.
    #[derive(Debug, PartialEq)]
    enum Heard {
        Batch(Vec<u32>, Vec<Option<SocketAddr>>),
        Refusal,
    }

    impl Ear for Sender<Heard> {
        fn hear(&self, batch: &Batch) {
            let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
            let (numbers, from) =
                batch.datagrams().map(|(bytes, from)| (number(bytes), from)).unzip();
            // Whoever listens may have seen enough.
            let _ = self.send(Heard::Batch(numbers, from));
        }

        fn refused(&self) {
            let _ = self.send(Heard::Refusal);
        }
    }

    fn socket() -> Arc<UdpSocket> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("an option");
        Arc::new(socket)
    }

    fn here(socket: &UdpSocket) -> SocketAddr {
        socket.local_addr().expect("it is bound")
    }

    fn send(from: &UdpSocket, to: &UdpSocket, numbers: std::ops::Range<u32>) {
        for number in numbers {
            from.send_to(&number.to_be_bytes(), here(to)).expect("it is there");
        }
    }

    fn hear(heard: &Receiver<Heard>) -> Heard {
        heard.recv_timeout(Duration::from_secs(10)).expect("somebody spoke")
    }

    #[test]
    fn one_alone_and_many_at_once_are_heard_in_order_and_none_is_left() {
        let (reactor, served, asker) = (Reactor::default(), socket(), socket());
        let (tell, heard) = channel();
        let _watch = reactor.watch(&served, false, Box::new(tell)).expect("room");
        let mut next = 0;
        for burst in [1, 1, 150, 1, 7, 1, 90, 2, 1] {
            send(&asker, &served, next..next + burst);
            let until = next + burst;
            while next < until {
                let Heard::Batch(numbers, from) = hear(&heard) else { panic!("a refusal") };
                assert!(numbers.len() <= READS_AT_ONCE, "the others have their turn");
                assert!(numbers.iter().copied().eq(next..next + numbers.len() as u32));
                assert!(from.iter().all(|from| *from == Some(here(&asker))));
                next += numbers.len() as u32;
            }
        }
    }

    #[test]
    fn nothing_is_heard_once_the_watch_is_gone_and_what_came_meanwhile_is_heard_by_the_next() {
        let (reactor, served, asker) = (Reactor::default(), socket(), socket());
        let (tell, heard) = channel();
        let watch = reactor.watch(&served, false, Box::new(tell)).expect("room");
        send(&asker, &served, 0..1);
        assert!(matches!(hear(&heard), Heard::Batch(numbers, _) if numbers == [0]));
        drop(watch);
        assert_eq!(Arc::strong_count(&served), 1, "nobody keeps the socket");
        send(&asker, &served, 1..2);
        let (tell, again) = channel();
        let _watch = reactor.watch(&served, false, Box::new(tell)).expect("room");
        assert!(matches!(hear(&again), Heard::Batch(numbers, _) if numbers == [1]));
        assert!(heard.recv().is_err(), "whoever heard is gone, too");
    }

    #[test]
    fn a_refusal_is_told_once_and_what_comes_from_a_known_address_bears_none() {
        let (reactor, asker, served) = (Reactor::default(), socket(), socket());
        asker.connect(here(&served)).expect("it is there");
        let (tell, heard) = channel();
        let _watch = reactor.watch(&asker, true, Box::new(tell)).expect("room");
        send(&served, &asker, 0..1);
        assert_eq!(hear(&heard), Heard::Batch(vec![0], vec![None]));
        let port = here(&served);
        drop(served);
        asker.send(b"who").expect("the refusal comes later");
        assert_eq!(hear(&heard), Heard::Refusal);
        let served = UdpSocket::bind(port).expect("it was free a moment ago");
        send(&served, &asker, 1..2);
        assert_eq!(hear(&heard), Heard::Batch(vec![1], vec![None]));
    }
}
