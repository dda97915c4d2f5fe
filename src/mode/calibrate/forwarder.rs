//! What a node between two sockets costs at least: datagrams passed on, and their answers back, by two threads that do
//! nothing else.

use super::probe::{BYTES, LOOK, Leave, here};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Passes datagrams on. It knows one asker at a time: the one it has heard last.
#[derive(Debug)]
pub struct Forwarder {
    /// Where it listens.
    pub address: SocketAddr,
    _leave: Leave,
}

impl Forwarder {
    /// Starts it.
    ///
    /// # Errors
    /// The system's.
    pub fn start(to: SocketAddr) -> io::Result<Self> {
        let (front, back) = (UdpSocket::bind(here())?, UdpSocket::bind(here())?);
        back.connect(to)?;
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(LOOK))?;
        }
        let address = front.local_addr()?;
        let leave = Leave::default();
        let asker = Arc::new(Mutex::new(None::<SocketAddr>));
        let (gone, known) = (leave.flag(), asker.clone());
        let (ask, onward) = (front.try_clone()?, back.try_clone()?);
        thread::spawn(move || {
            let mut buffer = [0; BYTES];
            while !gone.load(Ordering::Acquire) {
                let Ok((count, from)) = ask.recv_from(&mut buffer) else { continue };
                *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
                let _ = onward.send(&buffer[..count]);
            }
        });
        let gone = leave.flag();
        thread::spawn(move || {
            let mut buffer = [0; BYTES];
            while !gone.load(Ordering::Acquire) {
                let Ok(count) = back.recv(&mut buffer) else { continue };
                let to = *asker.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = to.map(|to| front.send_to(&buffer[..count], to));
            }
        });
        Ok(Self { address, _leave: leave })
    }
}
