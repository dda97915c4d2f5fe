//! A server that plays its part: it says what it was told to say, to whatever it is asked.

use crate::rules::Part;
use faultlab::base::{ConnId, LabTime};
use faultlab::machine::{Effect, Effects, Input, Machine};
use faultlab::message::{HostName, Message, Said};

pub struct Actor {
    pub part: Part,
    pub address: &'static str,
}

impl Actor {
    fn asked(&self, conn: ConnId, name: &HostName, id: Option<u64>, out: &mut Effects) {
        let said = match self.part {
            Part::NoError => Said::Found { address: self.address.into(), flags: "A".into() },
            Part::NoData | Part::NxDomain => Said::Negative,
            Part::ServFail => Said::Failed("server failure".into()),
            Part::RefusedByServer => Said::Failed("refused".into()),
            Part::Silent | Part::RefusedSocket => return,
            Part::Reset => return out.push(Effect::Close(conn)),
        };
        out.send(conn, Message::Reply { name: Some(name.clone()), id, said, dns: None }, None);
    }
}

impl Machine for Actor {
    fn step(&mut self, _: LabTime, input: Input, out: &mut Effects) {
        match input {
            Input::Received { conn, message, .. } => match message.as_ref() {
                Message::Ask { name, id, .. } => self.asked(conn, name, *id, out),
                Message::AskTied { name, id } => {
                    if !matches!(self.part, Part::Silent | Part::RefusedSocket) {
                        out.send(conn, Message::Began { id: *id }, None);
                    }
                    self.asked(conn, name, Some(*id), out);
                }
                _ => {}
            },
            Input::Ended { conn, .. } => out.push(Effect::Close(conn)),
            _ => {}
        }
    }
}
