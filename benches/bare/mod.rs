//! The same hops without a laboratory: three tokio tasks that pass lines on, as little as can be written.

pub mod datagrams;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A bare chain: an LS that passes each line to one TS and its answer back.
pub struct Chain {
    runtime: Runtime,
    ls: SocketAddr,
    names: usize,
}

type Halves = (Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf);

fn halves(stream: TcpStream) -> Halves {
    stream.set_nodelay(true).expect("an option of the socket");
    let (read, write) = stream.into_split();
    (BufReader::new(read).lines(), write)
}

impl Chain {
    /// Starts the chain on a runtime like the lab's.
    pub fn start(names: usize) -> Self {
        let runtime = runtime();
        let ls = runtime.block_on(async {
            let ts = listen(move |stream| answer(stream, names)).await;
            listen(move |stream| forward(stream, ts)).await
        });
        Self { runtime, ls, names }
    }

    /// Where its LS listens.
    pub fn address(&self) -> SocketAddr {
        self.ls
    }

    /// The median time of one question in microseconds, from a client inside the process.
    pub fn one_at_a_time(&self, count: usize) -> f64 {
        let (ls, names) = (self.ls, self.names);
        let client = self.runtime.spawn(async move {
            let stream = TcpStream::connect(ls).await.expect("the LS listens");
            let (mut lines, mut write) = halves(stream);
            let mut micros = Vec::with_capacity(count);
            for n in 0..count {
                let begun = Instant::now();
                let ask = format!("host{}.example\n", n % names);
                write.write_all(ask.as_bytes()).await.expect("the LS reads");
                lines.next_line().await.expect("the LS answers").expect("with a line");
                micros.push(begun.elapsed().as_secs_f64() * 1e6);
            }
            micros
        });
        median_us(self.runtime.block_on(client).expect("the client ends"))
    }
}

/// A runtime like the lab's.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be had")
}

fn median_us(mut micros: Vec<f64>) -> f64 {
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

async fn listen<F, R>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn answer(stream: TcpStream, names: usize) {
    let table: HashMap<String, String> =
        (0..names).map(|n| (format!("host{n}.example"), format!("192.0.2.{}", n % 250))).collect();
    let (mut lines, mut write) = halves(stream);
    while let Ok(Some(name)) = lines.next_line().await {
        let address = table.get(&name).map_or("-", String::as_str);
        if write.write_all(format!("{name} {address} A\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn forward(stream: TcpStream, ts: SocketAddr) {
    let Ok(upstream) = TcpStream::connect(ts).await else { return };
    let (mut questions, mut to_client) = halves(stream);
    let (mut answers, mut to_ts) = halves(upstream);
    tokio::spawn(async move {
        while let Ok(Some(line)) = answers.next_line().await {
            if to_client.write_all(format!("{line}\n").as_bytes()).await.is_err() {
                return;
            }
        }
    });
    while let Ok(Some(name)) = questions.next_line().await {
        if to_ts.write_all(format!("{name}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}
