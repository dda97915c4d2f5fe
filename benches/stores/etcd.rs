//! Three members of etcd on loopback, each a process of its own, all ended when this is dropped.

use super::{Client, DEADLINE, Member, Put, connect};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A cluster of three.
pub struct Etcd {
    members: Vec<Server>,
    cluster: String,
    folder: tempfile::TempDir,
    timing: [Duration; 2],
}

struct Server {
    child: Child,
    client: SocketAddr,
    peer: SocketAddr,
}

impl Etcd {
    /// Starts it with this heartbeat and election time. None if etcd is not installed.
    pub fn start(heartbeat: Duration, election: Duration) -> Option<Self> {
        let has = Command::new("etcd").arg("--version").stdout(Stdio::null()).status();
        has.ok().filter(std::process::ExitStatus::success)?;
        let sockets: Vec<TcpListener> =
            (0..6).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let addresses: Vec<SocketAddr> =
            sockets.iter().map(|socket| socket.local_addr().expect("it is bound")).collect();
        drop(sockets);
        let cluster = (0..3).map(|at| format!("m{at}=http://{}", addresses[at + 3]));
        let mut etcd = Self {
            members: Vec::new(),
            cluster: cluster.collect::<Vec<_>>().join(","),
            folder: tempfile::tempdir().expect("a folder"),
            timing: [heartbeat, election],
        };
        for at in 0..3 {
            let (client, peer) = (addresses[at], addresses[at + 3]);
            let child = etcd.spawn(at, client, peer);
            etcd.members.push(Server { child, client, peer });
        }
        etcd.settled();
        Some(etcd)
    }

    fn spawn(&self, at: usize, client: SocketAddr, peer: SocketAddr) -> Child {
        let [heartbeat, election] = self.timing.map(|time| time.as_millis().to_string());
        let name = format!("m{at}");
        let data = self.folder.path().join(&name);
        let mut command = Command::new("etcd");
        command.args(["--name", &name, "--data-dir", &data.to_string_lossy()]);
        let [client, peer] = [client, peer].map(|address| format!("http://{address}"));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &self.cluster, "--initial-cluster-state", "new"]);
        command.args(["--heartbeat-interval", &heartbeat, "--election-timeout", &election]);
        command.args(["--log-level", "panic"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("etcd starts")
    }

    /// Waits until one leads and all three take part. Gives who leads.
    pub fn settled(&mut self) -> usize {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            let statuses: Vec<_> = self.members.iter().map(|it| status(it.client)).collect();
            let leaders: Vec<&str> =
                statuses.iter().flatten().map(|(leader, _)| leader.as_str()).collect();
            let agreed = leaders.len() == 3 && leaders.iter().all(|one| *one == leaders[0]);
            let leads =
                statuses.iter().position(|it| it.as_ref().is_some_and(|(leader, me)| leader == me));
            if let (true, Some(at)) = (agreed, leads) {
                return at;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("etcd does not settle within {DEADLINE:?}");
    }

    pub fn freeze(&self, at: usize) {
        self.signal(at, Signal::STOP);
    }

    pub fn thaw(&self, at: usize) {
        self.signal(at, Signal::CONT);
    }

    fn signal(&self, at: usize, signal: Signal) {
        let pid = Pid::from_child(&self.members[at].child);
        kill_process(pid, signal).expect("it is a child of ours that lives");
    }

    /// Ends the process without a word, as a crash does.
    pub fn kill(&mut self, at: usize) {
        let child = &mut self.members[at].child;
        child.kill().and_then(|()| child.wait()).expect("it is a child of ours");
    }

    /// Starts a member that was killed again.
    pub fn revive(&mut self, at: usize) {
        let (client, peer) = (self.members[at].client, self.members[at].peer);
        self.members[at].child = self.spawn(at, client, peer);
    }

    pub fn client(&self, timeout: Duration) -> Client {
        let member = |it: &Server| -> Box<dyn Member> { Box::new(Gateway { address: it.client }) };
        Client::new(self.members.iter().map(member).collect(), timeout)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for server in &mut self.members {
            // One that has ended already is none that could stay behind.
            let _ = server.child.kill();
            let _ = server.child.wait();
        }
    }
}

/// Who leads as a member believes, and its own id.
fn status(address: SocketAddr) -> Option<(String, String)> {
    let body = post(address, "/v3/maintenance/status", "{}", Duration::from_millis(500)).ok()?;
    let said: serde_json::Value = serde_json::from_str(&body).ok()?;
    let leader = said.get("leader")?.as_str()?.to_owned();
    let me = said.get("header")?.get("member_id")?.as_str()?.to_owned();
    (leader != "0").then_some((leader, me))
}

/// One request on a connection of its own; the body of a good answer.
fn post(address: SocketAddr, path: &str, body: &str, within: Duration) -> std::io::Result<String> {
    let mut stream = connect(address, within)?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let good = head.split_whitespace().nth(1) == Some("200");
    if good { Ok(body.to_owned()) } else { Err(ErrorKind::Other.into()) }
}

struct Gateway {
    address: SocketAddr,
}

impl Member for Gateway {
    fn put(&mut self, within: Duration) -> Put {
        // Key and value in base64: `k` and `1`.
        let body = "{\"key\":\"aw==\",\"value\":\"MQ==\"}";
        match post(self.address, "/v3/kv/put", body, within) {
            Ok(_) => Put::Done,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Put::Silent,
                ErrorKind::Other => Put::Declined,
                _ => Put::Gone,
            },
        }
    }
}
