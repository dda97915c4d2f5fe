//! Messages as nobody should send them, drawn by key: made of the parts of real ones, put together wrongly.

use crate::raw::{opt, question, raw};
use faultlab::base::draw::{Purpose, draw};

/// Where the draws of one message come from.
struct Draws {
    message: u64,
    key: u64,
}

impl Draws {
    fn below(&mut self, most: usize) -> usize {
        self.key += 1;
        (draw(2, self.message, Purpose::Nemesis, self.key) % most as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.below(most);
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// A name: labels, perhaps too long or of an unknown kind, and a pointer or an end or neither.
    fn name(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        for _ in 0..self.below(5) {
            let length = if self.one_in(20) { self.below(256) } else { self.below(12) };
            name.push(length as u8);
            name.extend((0..length).map(|at| b'a' + (at % 26) as u8));
        }
        match self.below(4) {
            0 => name.extend([0xc0, self.below(256) as u8]),
            1 => name.extend([0xc0 | self.below(64) as u8, self.below(256) as u8]),
            2 if self.one_in(3) => {}
            _ => name.push(0),
        }
        name
    }

    /// A record of a type that is known or not, whose length mostly fits.
    fn record(&mut self) -> Vec<u8> {
        let kinds = [1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 43, 46, 47, 48, 65, 250, 255, 257];
        let kind = if self.one_in(6) { self.below(65_536) } else { kinds[self.below(kinds.len())] };
        let mut record = self.name();
        record.extend((kind as u16).to_be_bytes());
        record.extend([0, 1, 0, 0, 0, self.below(256) as u8]);
        let data = if self.one_in(2) { self.bytes(40) } else { self.name() };
        let length = if self.one_in(8) { self.below(65_536) } else { data.len() };
        record.extend((length as u16).to_be_bytes());
        record.extend(data);
        record
    }

    fn message(&mut self) -> Vec<u8> {
        let flags = if self.one_in(3) { self.below(65_536) as u16 } else { 0x0100 };
        let counts = [(); 4].map(|()| self.below(4) as u16);
        let counts = if self.one_in(4) { counts } else { [1, 0, 0, counts[3]] };
        let mut rest = if self.one_in(2) { question(1, 1) } else { self.name() };
        for _ in 0..counts[1] + counts[2] + counts[3] {
            rest.extend(match self.below(3) {
                0 => {
                    let options = self.bytes(20);
                    opt(self.below(3) as u8, self.below(65_536) as u16, &options)
                }
                _ => self.record(),
            });
        }
        raw(flags, counts, &rest)
    }
}

/// The message of this number: plain noise, or a message with parts that do not belong together, bytes changed, and the
/// end cut off.
pub fn message(number: u64) -> Vec<u8> {
    let mut draws = Draws { message: number, key: 0 };
    if draws.one_in(8) {
        return draws.bytes(600);
    }
    let mut bytes = draws.message();
    for _ in 0..draws.below(8).saturating_sub(4) {
        let at = draws.below(bytes.len());
        bytes[at] = draws.below(256) as u8;
    }
    if draws.one_in(4) {
        bytes.truncate(draws.below(bytes.len() + 1));
    }
    bytes
}
