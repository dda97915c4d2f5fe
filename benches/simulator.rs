//! How fast the simulator is: `cargo bench --bench simulator`. It prints, it judges nothing.

#[expect(dead_code, reason = "the simulation tests use the rest")]
#[path = "../tests/simulation/labs.rs"]
mod labs;

use faultlab::base::{ConnId, LabTime};
use faultlab::link::{Carriage, Pipe};
use faultlab::machine::{Effects, Input, Machine};
use faultlab::message::{Faults, Message, Said};
use faultlab::sim::{Maker, Sim};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Sends the next question when the last is answered; on the other side, answers.
struct Rally {
    opens: bool,
    conn: ConnId,
}

impl Machine for Rally {
    fn step(&mut self, _: LabTime, input: Input, out: &mut Effects) {
        match input {
            Input::Boot(_) if self.opens => self.conn = out.open(labs::TS1, true),
            Input::Opened { conn, .. } if self.opens => {
                out.send(conn, Message::ask("www.host-1.org"), None);
            }
            Input::Received { conn, message, .. } => match &*message {
                Message::Ask { name, .. } => {
                    let said = Said::Found { address: "192.0.2.1".into(), flags: "A".into() };
                    let name = Some(name.clone());
                    out.send(conn, Message::Reply { name, id: None, said, dns: None }, None);
                }
                _ => out.send(conn, Message::ask("www.host-1.org"), None),
            },
            _ => {}
        }
    }
}

fn per_second(what: &str, count: u64, unit: &str, took: Duration) {
    let rate = count as f64 / took.as_secs_f64();
    println!("{what:<44} {count:>9} {unit} in {took:>10.3?}  {rate:>12.0} a second");
}

fn pipe() {
    let mut pipe = Pipe::new(7, 1, Faults::default());
    let rounds = 5_000_000_u64;
    let begin = Instant::now();
    for at in 0..rounds {
        black_box(pipe.push(LabTime(at), Carriage::Stream(at & 7), 40, at));
        black_box(pipe.pop_due(LabTime(at)));
    }
    let took = begin.elapsed();
    per_second("perfect idle link: push and pop", rounds, "frames", took);
    println!("{:>44} {:.1} ns each", "", took.as_nanos() as f64 / rounds as f64);
}

fn busy_pipe() {
    let latency = Duration::from_millis(1);
    let mut pipe = Pipe::new(7, 1, Faults { latency, ..Faults::default() });
    let rounds = 2_000_000_u64;
    let begin = Instant::now();
    for at in 0..rounds {
        let now = LabTime(at * 1000);
        black_box(pipe.push(now, Carriage::Stream(at & 7), 40, at));
        while pipe.pop_due(now).is_some() {}
    }
    per_second("1,000 frames on a link of 1 ms", rounds, "frames", begin.elapsed());
}

fn run(what: &str, mut sim: Sim, events: u64) {
    let begin = Instant::now();
    let first = sim.log().end();
    while sim.log().end() - first < events && sim.step() {}
    per_second(what, sim.log().end() - first, "events", begin.elapsed());
}

fn main() {
    pipe();
    busy_pipe();
    let maker: Maker = Box::new(|_, node, _| {
        Box::new(Rally { opens: node == labs::ALICE || node == labs::BOB, conn: ConnId(0) })
    });
    let sim = Sim::with_machines(&labs::first_answer(0.0), 7, maker);
    run("the simulator alone: messages only", sim, 2_000_000);
    let sim = Sim::new(&labs::first_answer(500.0), 7);
    run("first-answer, 1,000 questions a second", sim, 2_000_000);
}
