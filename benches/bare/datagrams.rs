//! Four datagrams for one question: a client, a load balancer and a name server of three tokio tasks, as little as can
//! be written.

use super::median_us;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

/// The largest message that is passed on.
const BYTES_MAX: usize = 4096;

/// A bare chain over UDP.
pub struct Chain {
    runtime: Runtime,
    ls: SocketAddr,
    names: usize,
}

impl Chain {
    /// Starts the chain on a runtime like the lab's.
    pub fn start(names: usize) -> Self {
        let runtime = super::runtime();
        let ls = runtime.block_on(async {
            let ts = socket().await;
            let front = Arc::new(socket().await);
            let back = Arc::new(socket().await);
            back.connect(ts.local_addr().expect("it is bound")).await.expect("an address");
            let ls = front.local_addr().expect("it is bound");
            let askers = Arc::new(Mutex::new(HashMap::new()));
            tokio::spawn(answer(ts, names));
            tokio::spawn(ask(front.clone(), back.clone(), askers.clone()));
            tokio::spawn(pass_back(front, back, askers));
            ls
        });
        Self { runtime, ls, names }
    }

    /// The median time of one question in microseconds, from a client inside the process.
    pub fn one_at_a_time(&self, count: usize) -> f64 {
        let (ls, names) = (self.ls, self.names);
        let client = self.runtime.spawn(async move {
            let socket = socket().await;
            socket.connect(ls).await.expect("an address");
            let mut micros = Vec::with_capacity(count);
            let mut answer = [0; BYTES_MAX];
            for n in 0..count {
                let begun = Instant::now();
                socket.send(&question(n as u16, n % names)).await.expect("the LS reads");
                let length = socket.recv(&mut answer).await.expect("the LS answers");
                assert!(length > 16 && answer[..2] == (n as u16).to_be_bytes());
                micros.push(begun.elapsed().as_secs_f64() * 1e6);
            }
            micros
        });
        median_us(self.runtime.block_on(client).expect("the client ends"))
    }
}

type Askers = Arc<Mutex<HashMap<[u8; 2], SocketAddr>>>;

async fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.expect("a port on loopback")
}

/// A DNS question for the address of a name.
fn question(id: u16, n: usize) -> Vec<u8> {
    let host = format!("host{n}");
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0, u8::try_from(host.len()).expect("short")]);
    bytes.extend(host.as_bytes());
    bytes.extend(b"\x07example\0\0\x01\0\x01");
    bytes
}

async fn answer(socket: UdpSocket, names: usize) {
    let table: HashMap<Vec<u8>, u8> =
        (0..names).map(|n| (question(0, n).split_off(12), (n % 250) as u8)).collect();
    let mut buffer = [0; BYTES_MAX];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let mut answer = buffer[..length].to_vec();
        if let Some(last) = table.get(&answer[12..]) {
            answer[2] |= 0x80;
            answer[7] = 1;
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 192, 0, 2, *last]);
        }
        if socket.send_to(&answer, from).await.is_err() {
            return;
        }
    }
}

async fn ask(front: Arc<UdpSocket>, back: Arc<UdpSocket>, askers: Askers) {
    let mut buffer = [0; BYTES_MAX];
    while let Ok((length, from)) = front.recv_from(&mut buffer).await {
        askers.lock().expect("nobody panics").insert([buffer[0], buffer[1]], from);
        if back.send(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn pass_back(front: Arc<UdpSocket>, back: Arc<UdpSocket>, askers: Askers) {
    let mut buffer = [0; BYTES_MAX];
    while let Ok(length) = back.recv(&mut buffer).await {
        let asker = askers.lock().expect("nobody panics").remove(&[buffer[0], buffer[1]]);
        let Some(asker) = asker else { continue };
        if front.send_to(&buffer[..length], asker).await.is_err() {
            return;
        }
    }
}
