//! The queue of one direction. It owns the order of frames and when each is due.
//!
//! A frame on its way either moves, and then has a time at which it would arrive if nothing were
//! ahead of it in its stream, or it stands (held, or stalled by a cut), and then has the rest of
//! its way left. The frames of one stream arrive in the order of their numbers, whatever happens;
//! streams and datagrams pass each other freely.

use super::delay::{lateness, overtaken, retransmissions, serialisation, transit};
use super::{Carriage, FRAMES_MAX, Moved, Pushed};
use crate::base::draw::{Purpose, chance};
use crate::base::{FrameId, LabTime};
use crate::event::Fate;
use crate::message::Faults;
use std::collections::BTreeMap;
use std::time::Duration;

/// One direction of a link, carrying frames of type `F`.
#[derive(Debug)]
pub struct Pipe<F> {
    seed: u64,
    owner: u64,
    faults: Faults,
    /// Whether `faults` is a perfect link; asked at each push.
    perfect: bool,
    /// The number of the newest frame.
    next: u64,
    /// When the line has written all that was given to it, where bandwidth is limited.
    line_free: LabTime,
    /// The only frame, as long as there is only one: an idle link never touches the maps.
    alone: Option<(LabTime, FrameId, Entry<F>)>,
    /// All frames by when they are due, then by number; `NEVER` for those that stand or wait behind
    /// one that does.
    queue: BTreeMap<(LabTime, FrameId), Entry<F>>,
    /// The streams that have frames in `queue`.
    streams: BTreeMap<u64, Tail>,
}

#[derive(Debug)]
struct Entry<F> {
    carriage: Carriage,
    course: Course,
    /// How long one transmission of it takes.
    transit: Duration,
    /// Whether its arrival waits for a transmission to be repeated.
    late: bool,
    held: bool,
    /// No bytes: opening, end of file, reset.
    control: bool,
    frame: F,
}

#[derive(Debug, Clone, Copy)]
enum Course {
    /// It would arrive then.
    Moving(LabTime),
    /// This much of its way is left.
    Standing(Duration),
}

/// The end of a stream's queue.
#[derive(Debug, Clone, Copy)]
struct Tail {
    frames: usize,
    due: LabTime,
}

impl<F> Pipe<F> {
    /// A pipe whose draws come from `seed` and `owner` (see `base::draw::owner_of_pair`).
    #[must_use]
    pub fn new(seed: u64, owner: u64, faults: Faults) -> Self {
        Self {
            seed,
            owner,
            faults,
            perfect: faults.is_perfect(),
            next: 0,
            line_free: LabTime::ZERO,
            alone: None,
            queue: BTreeMap::new(),
            streams: BTreeMap::new(),
        }
    }

    /// The present faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// When the next frame is due, if any is.
    #[must_use]
    pub fn next_due(&self) -> Option<LabTime> {
        let due = match &self.alone {
            Some((due, ..)) => *due,
            None => self.queue.first_key_value()?.0.0,
        };
        (due != LabTime::NEVER).then_some(due)
    }

    /// Takes the next frame that is due by `now`, in the order of arrival. What stands is never
    /// due.
    pub fn pop_due(&mut self, now: LabTime) -> Option<(FrameId, F)> {
        if let Some((due, ..)) = self.alone {
            if due > now || due == LabTime::NEVER {
                return None;
            }
            return self.alone.take().map(|(_, id, entry)| (id, entry.frame));
        }
        let first = self.queue.first_entry()?;
        let (due, id) = *first.key();
        if due > now || due == LabTime::NEVER {
            return None;
        }
        let entry = first.remove();
        self.leave_stream(entry.carriage);
        Some((id, entry.frame))
    }

    /// Changes the faults. What is queued follows: a cut stalls streams where they are and loses
    /// datagrams, a heal lets streams go on from `now`; a hold takes hold of everything, its end
    /// lets everything go; less loss sends what waits for a retransmission at once. Latency,
    /// jitter, bandwidth and more loss count for frames sent from now on. The host asks `next_due`
    /// again.
    pub fn set_faults(&mut self, now: LabTime, faults: Faults, moved: &mut Vec<Moved>) {
        let before = std::mem::replace(&mut self.faults, faults);
        self.perfect = faults.is_perfect();
        let better = faults.loss < before.loss;
        if self.is_empty() || (before.cut == faults.cut && before.hold == faults.hold && !better) {
            return;
        }
        self.retime(now, moved, |_, entry| {
            if before.hold != faults.hold {
                entry.held = faults.hold;
            }
            if better && entry.late {
                entry.late = false;
                entry.course = match entry.course {
                    Course::Moving(own) => Course::Moving(own.min(now + entry.transit)),
                    Course::Standing(left) => Course::Standing(left.min(entry.transit)),
                };
            }
        });
    }

    /// Lets one held frame go, or all. In a stream it still waits for those ahead of it; on a cut
    /// link it still stands. As long as the link holds, later frames are held again.
    pub fn release(&mut self, now: LabTime, frame: Option<FrameId>, moved: &mut Vec<Moved>) {
        self.retime(now, moved, |id, entry| {
            if frame.is_none_or(|one| one == id) {
                entry.held = false;
            }
        });
    }

    /// Takes a frame off the link for good.
    pub fn drop_frame(&mut self, frame: FrameId) -> Option<F> {
        self.take_frame(LabTime::ZERO, frame, &mut Vec::new())
    }

    /// Takes a frame off the link for good, and tells which frames behind it in its stream are now
    /// due earlier.
    pub fn take_frame(
        &mut self,
        now: LabTime,
        frame: FrameId,
        moved: &mut Vec<Moved>,
    ) -> Option<F> {
        self.spill();
        let key = self.queue.keys().find(|(_, id)| *id == frame).copied()?;
        let entry = self.queue.remove(&key)?;
        self.leave_stream(entry.carriage);
        if matches!(entry.carriage, Carriage::Stream(_)) {
            self.retime(now, moved, |_, _| {});
        }
        Some(entry.frame)
    }

    /// Takes everything of a stream off the link: its connection has been reset and nothing of it
    /// will be repeated.
    pub fn drop_stream(&mut self, stream: u64, fate: Fate, moved: &mut Vec<Moved>) {
        self.spill();
        self.streams.remove(&stream);
        self.queue.retain(|(_, id), entry| {
            let gone = entry.carriage == Carriage::Stream(stream);
            if gone && !entry.control {
                moved.push(Moved::Lost(*id, fate));
            }
            !gone
        });
    }

    /// Puts another frame in the place of one that is on its way. Gives back what was there.
    pub fn replace_frame(&mut self, frame: FrameId, by: F) -> Option<F> {
        self.spill();
        let (_, entry) = self.queue.iter_mut().find(|((_, id), _)| *id == frame)?;
        Some(std::mem::replace(&mut entry.frame, by))
    }

    /// A frame that is on its way.
    #[must_use]
    pub fn get(&self, frame: FrameId) -> Option<&F> {
        self.entries().find(|(_, id, _)| *id == frame).map(|(_, _, entry)| &entry.frame)
    }

    /// What is on the link in the order of arrival: when each is due (`NEVER` for what stands), and
    /// what it is.
    pub fn frames(&self) -> impl Iterator<Item = (LabTime, FrameId, &F)> {
        self.entries().map(|(due, id, entry)| (due, id, &entry.frame))
    }

    /// How many frames are on the link.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.alone.is_some()) + self.queue.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alone.is_none() && self.queue.is_empty()
    }

    fn entries(&self) -> impl Iterator<Item = (LabTime, FrameId, &Entry<F>)> {
        let alone = self.alone.iter().map(|(due, id, entry)| (*due, *id, entry));
        alone.chain(self.queue.iter().map(|((due, id), entry)| (*due, *id, entry)))
    }

    /// Moves the only frame to where several live.
    fn spill(&mut self) {
        if let Some((_, id, entry)) = self.alone.take() {
            self.insert(id, entry, None);
        }
    }

    /// Puts a frame among the others, behind those of its stream. `was`: when it was due until
    /// `.1`, the present.
    fn insert(&mut self, id: FrameId, entry: Entry<F>, was: Option<(LabTime, LabTime)>) -> LabTime {
        let own = match entry.course {
            Course::Moving(own) => own,
            Course::Standing(_) => LabTime::NEVER,
        };
        let tail = match entry.carriage {
            Carriage::Stream(stream) => {
                Some(self.streams.entry(stream).or_insert(Tail { frames: 0, due: LabTime::ZERO }))
            }
            Carriage::Datagram => None,
        };
        let mut due = tail.as_ref().map_or(own, |tail| tail.due.max(own));
        if let Some((was, now)) = was
            && was != due
        {
            // What was blocked by a frame ahead of it may have been ready long ago; it arrives now,
            // not then.
            due = due.max(now);
        }
        if let Some(tail) = tail {
            *tail = Tail { frames: tail.frames + 1, due };
        }
        self.queue.insert((due, id), entry);
        due
    }

    fn leave_stream(&mut self, carriage: Carriage) {
        if let Carriage::Stream(stream) = carriage
            && let Some(tail) = self.streams.get_mut(&stream)
        {
            tail.frames -= 1;
            if tail.frames == 0 {
                self.streams.remove(&stream);
            }
        }
    }

    /// Goes through all frames in the order of their numbers, lets `change` alter each, and finds
    /// out anew when each is due.
    fn retime(
        &mut self,
        now: LabTime,
        moved: &mut Vec<Moved>,
        mut change: impl FnMut(FrameId, &mut Entry<F>),
    ) {
        self.spill();
        let mut all: Vec<_> = std::mem::take(&mut self.queue).into_iter().collect();
        all.sort_unstable_by_key(|((_, id), _)| *id);
        self.streams.clear();
        for ((was, id), mut entry) in all {
            change(id, &mut entry);
            if self.faults.cut && entry.carriage == Carriage::Datagram {
                moved.push(Moved::Lost(id, Fate::Cut));
                continue;
            }
            let stands = entry.held || self.faults.cut;
            entry.course = match entry.course {
                Course::Moving(own) if stands => Course::Standing(own.since(now)),
                Course::Standing(left) if !stands => Course::Moving(now + left),
                same => same,
            };
            let control = entry.control;
            let due = self.insert(id, entry, Some((was, now)));
            if due != was && !control {
                moved.push(Moved::Due(id, due));
            }
        }
    }
}

impl<F: Clone> Pipe<F> {
    /// Puts a frame of `bytes` bytes on the link; 0 bytes is a control frame of its stream. On a
    /// perfect, idle link it is due at `now`.
    pub fn push(&mut self, now: LabTime, carriage: Carriage, bytes: usize, frame: F) -> Pushed {
        if self.perfect && self.is_empty() {
            let id = self.number();
            let entry = Entry {
                carriage,
                course: Course::Moving(now),
                transit: Duration::ZERO,
                late: false,
                held: false,
                control: bytes == 0,
                frame,
            };
            self.alone = Some((now, id, entry));
            return Pushed {
                frame: id,
                due: now,
                lost: None,
                retransmissions: 0,
                late: Duration::ZERO,
                copy: None,
            };
        }
        match carriage {
            Carriage::Stream(_) => self.push_stream(now, carriage, bytes, frame),
            Carriage::Datagram => self.push_datagram(now, bytes, frame),
        }
    }

    /// Sends what a frame holds once more, as a new frame at the end of its stream (a datagram: by
    /// itself). Nothing if that frame is not on the link.
    pub fn duplicate_frame(&mut self, now: LabTime, frame: FrameId) -> Option<Pushed> {
        self.spill();
        let (_, entry) = self.queue.iter().find(|((_, id), _)| *id == frame)?;
        let copy = Entry { frame: entry.frame.clone(), ..*entry };
        let id = self.number();
        let due = self.insert(id, copy, Some((LabTime::ZERO, now)));
        Some(Pushed {
            frame: id,
            due,
            lost: None,
            retransmissions: 0,
            late: Duration::ZERO,
            copy: None,
        })
    }

    fn number(&mut self) -> FrameId {
        self.next += 1;
        FrameId(self.next)
    }

    fn push_stream(&mut self, now: LabTime, carriage: Carriage, bytes: usize, frame: F) -> Pushed {
        let id = self.number();
        if bytes > 0 && self.len() >= FRAMES_MAX {
            return lost(id, Fate::Overflow);
        }
        let transit = transit(&self.faults, self.seed, self.owner, id.0);
        let lost = retransmissions(self.faults.loss, self.seed, self.owner, id.0);
        let late = lateness(&self.faults, lost);
        let own = self.write(now, bytes) + transit + late;
        let control = bytes == 0;
        let due = self.enter(now, id, carriage, own, transit, (lost > 0, control), frame);
        Pushed { frame: id, due, lost: None, retransmissions: lost, late, copy: None }
    }

    fn push_datagram(&mut self, now: LabTime, bytes: usize, frame: F) -> Pushed {
        let id = self.number();
        if self.faults.cut {
            return lost(id, Fate::Cut);
        }
        if self.len() >= FRAMES_MAX {
            return lost(id, Fate::Overflow);
        }
        let (seed, owner, faults) = (self.seed, self.owner, self.faults);
        let happens = |share, purpose| share > 0.0 && chance(share, seed, owner, purpose, id.0);
        // It occupies the line whether or not it survives what comes behind.
        let written = self.write(now, bytes);
        if happens(faults.loss, Purpose::Loss) {
            return lost(id, Fate::Lost);
        }
        let twin = happens(faults.duplicate, Purpose::Duplicate).then(|| frame.clone());
        let mut way = transit(&faults, seed, owner, id.0);
        if happens(faults.reorder, Purpose::Reorder) {
            way += overtaken(way);
        }
        let kind = (false, bytes == 0);
        let due = self.enter(now, id, Carriage::Datagram, written + way, way, kind, frame);
        let copy = twin.map(|frame| {
            let id = self.number();
            let way = transit(&faults, seed, owner, id.0);
            (id, self.enter(now, id, Carriage::Datagram, written + way, way, kind, frame))
        });
        Pushed { frame: id, due, lost: None, retransmissions: 0, late: Duration::ZERO, copy }
    }

    /// When the line has written so many bytes: behind all that it was given before.
    fn write(&mut self, now: LabTime, bytes: usize) -> LabTime {
        if self.faults.bandwidth.is_none() {
            return now;
        }
        self.line_free = self.line_free.max(now) + serialisation(self.faults.bandwidth, bytes);
        self.line_free
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry, used twice, in here")]
    fn enter(
        &mut self,
        now: LabTime,
        id: FrameId,
        carriage: Carriage,
        own: LabTime,
        transit: Duration,
        (late, control): (bool, bool),
        frame: F,
    ) -> LabTime {
        let held = self.faults.hold;
        let stands = held || self.faults.cut;
        let course = if stands { Course::Standing(own.since(now)) } else { Course::Moving(own) };
        let entry = Entry { carriage, course, transit, late, held, control, frame };
        if self.is_empty() {
            let due = if stands { LabTime::NEVER } else { own };
            self.alone = Some((due, id, entry));
            return due;
        }
        self.spill();
        self.insert(id, entry, None)
    }
}

fn lost(frame: FrameId, fate: Fate) -> Pushed {
    Pushed {
        frame,
        due: LabTime::NEVER,
        lost: Some(fate),
        retransmissions: 0,
        late: Duration::ZERO,
        copy: None,
    }
}
