//! Waiting for many sockets at once, until there is something to read on one: `epoll` on Linux, `poll` elsewhere. Who
//! is ready stays ready until it has been read (level-triggered).

#[cfg(target_os = "linux")]
pub use epoll::{Poller, Ready};
#[cfg(not(target_os = "linux"))]
pub use poll::{Poller, Ready};

#[cfg(target_os = "linux")]
mod epoll {
    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::fd::OwnedFd;
    use rustix::io::Errno;
    use std::io;
    use std::net::UdpSocket;
    use std::sync::Arc;

    /// Sockets that are told of at once.
    const AT_ONCE: usize = 256;

    /// The key of the poller's own end.
    const END: u64 = u64::MAX;

    /// The sockets of one thread.
    #[derive(Debug)]
    pub struct Poller {
        epoll: OwnedFd,
        end: OwnedFd,
    }

    /// Those that are ready.
    pub struct Ready(Vec<Event>);

    impl Ready {
        /// None yet.
        pub fn new() -> Self {
            Self(Vec::with_capacity(AT_ONCE))
        }

        /// Their keys, and whether there is an error on them.
        pub fn iter(&self) -> impl Iterator<Item = (u64, bool)> {
            self.0
                .iter()
                .map(|&Event { data, flags }| (data.u64(), flags.contains(EventFlags::ERR)))
        }
    }

    impl Poller {
        /// No sockets.
        ///
        /// # Errors
        /// The system's, as all here.
        pub fn new() -> io::Result<Self> {
            let epoll = epoll::create(CreateFlags::CLOEXEC)?;
            let end = eventfd(0, EventfdFlags::CLOEXEC)?;
            epoll::add(&epoll, &end, EventData::new_u64(END), EventFlags::IN)?;
            Ok(Self { epoll, end })
        }

        /// One more, known by this key.
        pub fn add(&self, key: u64, socket: &Arc<UdpSocket>) -> io::Result<()> {
            Ok(epoll::add(&self.epoll, socket, EventData::new_u64(key), EventFlags::IN)?)
        }

        /// One less.
        pub fn remove(&self, _: u64, socket: &Arc<UdpSocket>) {
            // One that could not be added is not there.
            let _ = epoll::delete(&self.epoll, socket);
        }

        /// Whoever waits shall not any more.
        pub fn end(&self) {
            // It has room for more ends than there can be.
            let _ = rustix::io::write(&self.end, &1_u64.to_ne_bytes());
        }

        /// Waits until some are ready. False when it has ended.
        pub fn wait(&self, ready: &mut Ready) -> io::Result<bool> {
            ready.0.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut ready.0), None) {
                Ok(_) | Err(Errno::INTR) => Ok(ready.0.iter().all(|it| it.data.u64() != END)),
                Err(error) => Err(error.into()),
            }
        }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod poll {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use std::collections::BTreeMap;
    use std::io::{self, Read as _, Write as _};
    use std::net::UdpSocket;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    type Sockets = BTreeMap<u64, Arc<UdpSocket>>;

    /// The sockets of one thread.
    #[derive(Debug)]
    pub struct Poller {
        sockets: Mutex<Sockets>,
        ended: AtomicBool,
        /// Wakes whoever waits with the sockets of before.
        news: (UnixStream, UnixStream),
    }

    /// Those that are ready.
    pub struct Ready(Vec<(u64, bool)>);

    impl Ready {
        /// None yet.
        pub fn new() -> Self {
            Self(Vec::new())
        }

        /// Their keys, and whether there is an error on them.
        pub fn iter(&self) -> impl Iterator<Item = (u64, bool)> {
            self.0.iter().copied()
        }
    }

    impl Poller {
        /// No sockets.
        ///
        /// # Errors
        /// The system's, as all here.
        pub fn new() -> io::Result<Self> {
            let news = UnixStream::pair()?;
            news.0.set_nonblocking(true)?;
            news.1.set_nonblocking(true)?;
            Ok(Self { sockets: Mutex::default(), ended: AtomicBool::new(false), news })
        }

        fn all(&self) -> MutexGuard<'_, Sockets> {
            self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn wake(&self) {
            // Where there is no room for one more word, there are enough.
            let _ = (&self.news.0).write(&[1]);
        }

        /// One more, known by this key.
        #[expect(clippy::unnecessary_wraps, reason = "the other kind can fail")]
        pub fn add(&self, key: u64, socket: &Arc<UdpSocket>) -> io::Result<()> {
            self.all().insert(key, socket.clone());
            self.wake();
            Ok(())
        }

        /// One less.
        pub fn remove(&self, key: u64, _: &Arc<UdpSocket>) {
            self.all().remove(&key);
            self.wake();
        }

        /// Whoever waits shall not any more.
        pub fn end(&self) {
            self.ended.store(true, Ordering::Release);
            self.wake();
        }

        /// Waits until some are ready. False when it has ended.
        pub fn wait(&self, ready: &mut Ready) -> io::Result<bool> {
            ready.0.clear();
            let sockets = self.all().clone();
            let mut files = vec![PollFd::new(&self.news.1, PollFlags::IN)];
            files.extend(sockets.values().map(|socket| PollFd::new(socket, PollFlags::IN)));
            match poll(&mut files, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let told = files.iter().map(PollFd::revents).collect::<Vec<_>>();
            if !told[0].is_empty() {
                // As many words as there are: all say the same.
                let _ = (&self.news.1).read(&mut [0; 1024]);
            }
            let some = sockets.keys().zip(&told[1..]).filter(|(_, told)| !told.is_empty());
            ready.0.extend(some.map(|(key, told)| (*key, told.contains(PollFlags::ERR))));
            Ok(!self.ended.load(Ordering::Acquire))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{epoll, poll};
    use std::net::UdpSocket;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    fn pair() -> (Arc<UdpSocket>, UdpSocket) {
        let [here, there] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port"));
        here.connect(there.local_addr().expect("it is bound")).expect("it is there");
        there.connect(here.local_addr().expect("it is bound")).expect("it is there");
        (Arc::new(here), there)
    }

    /// Both kinds, where there are both.
    macro_rules! told_of {
        ($name:ident, $kind:ident) => {
            #[test]
            fn $name() {
                let poller = Arc::new($kind::Poller::new().expect("files"));
                let mut ready = $kind::Ready::new();
                let keys =
                    |ready: &$kind::Ready| ready.iter().map(|(key, _)| key).collect::<Vec<_>>();
                let [(one, to_one), (other, to_other)] = [pair(), pair()];
                poller.add(1, &one).expect("room");
                poller.add(2, &other).expect("room");
                // Who is ready stays so until it has been read.
                to_other.send(b"hello").expect("it is there");
                for _ in 0..2 {
                    while keys(&ready) != [2] {
                        assert!(poller.wait(&mut ready).expect("files"));
                    }
                    ready = $kind::Ready::new();
                }
                other.recv(&mut [0; 8]).expect("it was told of");
                // Whoever waits hears of one that is added meanwhile, and no more of one that was removed.
                poller.remove(1, &one);
                to_one.send(b"hello").expect("it is there");
                let (tell, told) = channel();
                let (third, to_third) = pair();
                let waits = {
                    let poller = poller.clone();
                    std::thread::spawn(move || {
                        let mut ready = $kind::Ready::new();
                        while poller.wait(&mut ready).expect("files") {
                            ready.iter().for_each(|it| tell.send(it).expect("it listens"));
                        }
                    })
                };
                poller.add(3, &third).expect("room");
                to_third.send(b"hello").expect("it is there");
                assert_eq!(told.recv(), Ok((3, false)));
                // A refusal is an error.
                third.recv(&mut [0; 8]).expect("it was told of");
                drop(to_third);
                third.send(b"hello").expect("the refusal comes later");
                assert!(told.iter().any(|it| it == (3, true)));
                poller.end();
                waits.join().expect("it ends");
                assert!(told.iter().all(|(key, _)| key == 3));
            }
        };
    }

    told_of!(epoll_tells_who_is_ready, epoll);
    told_of!(poll_tells_who_is_ready, poll);
}
