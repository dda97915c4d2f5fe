//! The plain sockets of the calibration: one on each side of the lab, and the clock on the wall between them.
//!
//! They share nothing with the lab but the machine. Nothing here knows links, or what is expected of them.

use super::bytes::{dns_answer, dns_number, dns_question, name, number_of};
use super::deadline::Deadline;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread waits for bytes before it looks whether it is still wanted.
pub const LOOK: Duration = Duration::from_millis(50);

/// The largest datagram and the longest read.
pub const BYTES: usize = 4096;

/// What the watch over the machine sleeps at a time.
const NAP: Duration = Duration::from_millis(1);

/// How long a greeting is waited for before it is said again.
const AGAIN: Duration = Duration::from_secs(1);

/// The number of a greeting: a question that only shows that all are there. It is counted nowhere.
pub const GREETING: u32 = u32::MAX;

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// DNS in datagrams.
    Udp,
    /// Lines on a stream.
    Tcp,
}

impl Carrier {
    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// Which question was seen at a socket, and when.
type Seen = (u32, Instant);

/// Tells the threads of a socket that nobody wants them any more.
#[derive(Debug, Default)]
pub struct Leave(Arc<AtomicBool>);

impl Leave {
    /// Set when they are to go.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A port of the system's choice.
#[must_use]
pub fn here() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Whether nothing came within the time that a read waits.
fn is_quiet(error: &io::Error) -> bool {
    // A refusal of an earlier datagram is reported by a later call; it says nothing of this one.
    let quiet = [
        ErrorKind::WouldBlock,
        ErrorKind::TimedOut,
        ErrorKind::Interrupted,
        ErrorKind::ConnectionRefused,
    ];
    quiet.contains(&error.kind())
}

/// The server at the far side: it notes when each question comes, and answers at once.
#[derive(Debug)]
pub struct Far {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Receiver<Seen>,
    _leave: Leave,
}

impl Far {
    /// Listens on a port of the system's choice.
    ///
    /// # Errors
    /// The system's.
    pub fn listen(carrier: Carrier) -> io::Result<Self> {
        let (tell, seen) = channel();
        let leave = Leave::default();
        let gone = leave.flag();
        let address = match carrier {
            Carrier::Udp => {
                let socket = UdpSocket::bind(here())?;
                socket.set_read_timeout(Some(LOOK))?;
                let address = socket.local_addr()?;
                thread::spawn(move || answer_datagrams(&socket, &tell, &gone));
                address
            }
            Carrier::Tcp => {
                let listener = TcpListener::bind(here())?;
                let address = listener.local_addr()?;
                listener.set_nonblocking(true)?;
                thread::spawn(move || accept(&listener, &tell, &gone));
                address
            }
        };
        Ok(Self { address, seen, _leave: leave })
    }

    /// The questions that have come since it was last asked, in the order in which they came.
    pub fn come(&self) -> Vec<u32> {
        self.seen.try_iter().map(|(number, _)| number).collect()
    }

    /// The next question that comes by then.
    #[must_use]
    pub fn next(&self, by: Deadline) -> Option<u32> {
        self.seen.recv_timeout(by.left()).ok().map(|(number, _)| number)
    }
}

/// Counts a question, as long as somebody is there who counts.
fn note(tell: &Sender<Seen>, number: u32, at: Instant) {
    if number != GREETING {
        let _ = tell.send((number, at));
    }
}

fn answer_datagrams(socket: &UdpSocket, tell: &Sender<Seen>, gone: &AtomicBool) {
    let mut buffer = [0; BYTES];
    while !gone.load(Ordering::Acquire) {
        match socket.recv_from(&mut buffer) {
            Ok((count, from)) => {
                let at = Instant::now();
                let Some((number, answer)) = dns_answer(&buffer[..count]) else { continue };
                // Told first: whoever hears the answer finds the question counted. Both may have gone.
                note(tell, number, at);
                let _ = socket.send_to(&answer, from);
            }
            Err(error) if is_quiet(&error) => {}
            Err(_) => return,
        }
    }
}

fn accept(listener: &TcpListener, tell: &Sender<Seen>, gone: &Arc<AtomicBool>) {
    while !gone.load(Ordering::Acquire) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(NAP);
            continue;
        };
        let (tell, gone) = (tell.clone(), gone.clone());
        thread::spawn(move || {
            // A connection that ends has been of use until then.
            let _ = answer_lines(stream, &tell, &gone);
        });
    }
}

fn answer_lines(mut stream: TcpStream, tell: &Sender<Seen>, gone: &AtomicBool) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    let mut buffer = [0; BYTES];
    while !gone.load(Ordering::Acquire) {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let at = Instant::now();
                let text = String::from_utf8_lossy(&buffer[..count]);
                for name in text.split_whitespace() {
                    let Some(number) = number_of(name) else { continue };
                    note(tell, number, at);
                    stream.write_all(format!("{name} 192.0.2.1 A\n").as_bytes())?;
                }
            }
            Err(error) if is_quiet(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The asker at the near side: it sends when it is told, and notes when each answer comes.
#[derive(Debug)]
pub struct Near {
    way: Way,
    heard: Receiver<Seen>,
    greeted: Receiver<Instant>,
    _leave: Leave,
}

/// What becomes of the answers: those to greetings, and all others.
struct Ears {
    heard: Sender<Seen>,
    greeted: Sender<Instant>,
}

impl Ears {
    /// Whoever wanted to know may have gone.
    fn hear(&self, number: u32, at: Instant) {
        if number == GREETING {
            let _ = self.greeted.send(at);
        } else {
            let _ = self.heard.send((number, at));
        }
    }
}

#[derive(Debug)]
enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Near {
    /// Turns to this address.
    ///
    /// # Errors
    /// The system's.
    pub fn to(carrier: Carrier, address: SocketAddr) -> io::Result<Self> {
        let ((tell, heard), (tell_greeted, greeted)) = (channel(), channel());
        let tell = Ears { heard: tell, greeted: tell_greeted };
        let leave = Leave::default();
        let gone = leave.flag();
        let way = match carrier {
            Carrier::Udp => {
                let socket = UdpSocket::bind(here())?;
                socket.connect(address)?;
                socket.set_read_timeout(Some(LOOK))?;
                let reader = socket.try_clone()?;
                thread::spawn(move || hear_datagrams(&reader, &tell, &gone));
                Way::Udp(socket)
            }
            Carrier::Tcp => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LOOK))?;
                let reader = stream.try_clone()?;
                thread::spawn(move || hear_lines(reader, &tell, &gone));
                Way::Tcp(stream)
            }
        };
        Ok(Self { way, heard, greeted, _leave: leave })
    }

    /// Whom it asks.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.way {
            Way::Udp(socket) => socket.peer_addr(),
            Way::Tcp(stream) => stream.peer_addr(),
        }
    }

    /// Sends the question with this number.
    ///
    /// # Errors
    /// The system's.
    pub fn send(&self, number: u32) -> io::Result<()> {
        match &self.way {
            Way::Udp(socket) => match socket.send(&dns_question(number)) {
                Err(error) if !is_quiet(&error) => Err(error),
                _ => Ok(()),
            },
            Way::Tcp(stream) => {
                let line = format!("{}\n", name(number));
                (&mut &*stream).write_all(line.as_bytes())
            }
        }
    }

    /// Sends a question and waits for its answer. False if none comes by then.
    ///
    /// # Errors
    /// The system's.
    pub fn ask(&self, number: u32, by: Deadline) -> io::Result<bool> {
        self.send(number)?;
        while let Ok((heard, _)) = self.heard.recv_timeout(by.left()) {
            if heard == number {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether somebody answers by then. A datagram may get lost, on a busy machine the first one easily: it is said
    /// again each second.
    ///
    /// # Errors
    /// The system's.
    pub fn greet(&self, by: Deadline) -> io::Result<bool> {
        self.send(GREETING)?;
        while !by.is_over() {
            if self.greeted.recv_timeout(by.left().min(AGAIN)).is_ok() {
                return Ok(true);
            }
            // A stream loses nothing.
            if matches!(self.way, Way::Udp(_)) {
                self.send(GREETING)?;
            }
        }
        Ok(false)
    }

    /// Sends so many questions a second for so long, whatever becomes of them, and counts until no answer is missing or
    /// for `rest` after the last.
    ///
    /// # Errors
    /// The system's.
    pub fn open_loop(&self, rate: u32, lasting: Duration, rest: Duration) -> io::Result<Flow> {
        self.heard.try_iter().for_each(drop);
        let count = (f64::from(rate) * lasting.as_secs_f64()) as u32;
        let begin = Instant::now();
        let mut sent = 0;
        while sent < count {
            let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as u32 + 1;
            for number in sent..due.min(count) {
                self.send(number)?;
            }
            sent = sent.max(due.min(count));
            thread::sleep(NAP);
        }
        let sending = begin.elapsed();
        let by = Deadline::after(rest);
        let mut heard: Vec<Instant> = self.heard.try_iter().map(|(_, at)| at).collect();
        while heard.len() < sent as usize
            && let Ok((_, at)) = self.heard.recv_timeout(by.left())
        {
            heard.push(at);
        }
        let answering = match heard.as_slice() {
            [first, .., last] => last.duration_since(*first),
            _ => Duration::ZERO,
        };
        Ok(Flow { sent, sending, answered: heard.len() as u32, answering })
    }

    /// Keeps so many questions outstanding until so many have been answered; none if an answer is missing for `rest`.
    ///
    /// # Errors
    /// The system's.
    pub fn closed_loop(
        &self,
        outstanding: u32,
        count: u32,
        rest: Duration,
    ) -> io::Result<Option<f64>> {
        self.heard.try_iter().for_each(drop);
        let begin = Instant::now();
        (0..outstanding).try_for_each(|number| self.send(number))?;
        for number in outstanding..outstanding + count {
            if self.heard.recv_timeout(rest).is_err() {
                return Ok(None);
            }
            self.send(number)?;
        }
        Ok(Some(f64::from(count) / begin.elapsed().as_secs_f64()))
    }
}

fn hear_datagrams(socket: &UdpSocket, tell: &Ears, gone: &AtomicBool) {
    let mut buffer = [0; BYTES];
    while !gone.load(Ordering::Acquire) {
        match socket.recv(&mut buffer) {
            Ok(count) => {
                let at = Instant::now();
                if let Some(number) = dns_number(&buffer[..count]) {
                    tell.hear(number, at);
                }
            }
            Err(error) if is_quiet(&error) => {}
            Err(_) => return,
        }
    }
}

fn hear_lines(mut stream: TcpStream, tell: &Ears, gone: &AtomicBool) {
    let (mut buffer, mut partial) = ([0; BYTES], Vec::new());
    while !gone.load(Ordering::Acquire) {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                let at = Instant::now();
                for piece in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                    partial.extend_from_slice(piece);
                    if piece.ends_with(b"\n") {
                        let line = String::from_utf8_lossy(&partial);
                        let number = line.split_whitespace().next().and_then(number_of);
                        if let Some(number) = number {
                            tell.hear(number, at);
                        }
                        partial.clear();
                    }
                }
            }
            Err(error) if is_quiet(&error) => {}
            Err(_) => return,
        }
    }
}

/// What an open loop came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow {
    /// Questions sent.
    pub sent: u32,
    /// In this time.
    pub sending: Duration,
    /// Answers that came.
    pub answered: u32,
    /// From the first to the last of them.
    pub answering: Duration,
}

impl Flow {
    /// Questions a second.
    #[must_use]
    pub fn asked_rate(&self) -> f64 {
        f64::from(self.sent) / self.sending.as_secs_f64().max(1e-9)
    }

    /// Answers a second.
    #[must_use]
    pub fn answer_rate(&self) -> f64 {
        f64::from(self.answered.saturating_sub(1)) / self.answering.as_secs_f64().max(1e-9)
    }
}

/// How long questions took from the near socket to the far one, and their answers back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trips {
    /// There, of those that arrived.
    pub there: Vec<Duration>,
    /// Back, of those that were heard.
    pub back: Vec<Duration>,
}

/// Sends so many questions, one each `spacing`, and takes the time at both sockets until all answers are here or `rest`
/// is over.
///
/// # Errors
/// The system's.
pub fn trips(
    near: &Near,
    far: &Far,
    count: u32,
    spacing: Duration,
    rest: Duration,
) -> io::Result<Trips> {
    near.heard.try_iter().for_each(drop);
    far.seen.try_iter().for_each(drop);
    let mut sent = Vec::new();
    for number in 0..count {
        sent.push(Instant::now());
        near.send(number)?;
        thread::sleep(spacing);
    }
    let by = Deadline::after(rest);
    let mut heard: Vec<Seen> = Vec::new();
    while heard.len() < sent.len()
        && let Ok(one) = near.heard.recv_timeout(by.left())
    {
        heard.push(one);
    }
    let arrived: Vec<Seen> = far.seen.try_iter().collect();
    let mut trips = Trips::default();
    for (number, at) in &arrived {
        let Some(begun) = sent.get(*number as usize) else { continue };
        trips.there.push(at.duration_since(*begun));
        let answer = heard.iter().find(|(answered, _)| answered == number);
        trips.back.extend(answer.map(|(_, heard)| heard.duration_since(*at)));
    }
    Ok(trips)
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
