//! A client's list of names: asked in order, one after the other or all at once, and a results file in the list's
//! order with one line for each, as the course's client writes it.

use super::{Client, Wanted, Work};
use crate::base::LabTime;
use crate::machine::matching::Answer;
use crate::machine::{Effect, Effects};
use crate::message::{HostName, Note, Outcome, Said};
use crate::topology::{Dialect, Pace};
use std::sync::Arc;

/// Names of a list that are open at once when the list is not asked one by one: half of what a connection takes.
const AT_ONCE_MAX: usize = 5_000;

/// Lists that may wait for the present one to end.
const WAITING_MAX: u32 = 100;

/// A list that is being worked through.
#[derive(Debug)]
pub(super) struct List {
    names: Arc<[HostName]>,
    lines: Vec<Option<String>>,
    next: usize,
    open: usize,
    written: usize,
    answered: u32,
}

impl Client {
    /// Begins the list, or after the present one has ended.
    pub(super) fn begin_list(&mut self, now: LabTime, out: &mut Effects) {
        if self.list.is_some() {
            self.lists_waiting = (self.lists_waiting + 1).min(WAITING_MAX);
            return;
        }
        let names = self.config.list.clone();
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        out.push(Effect::ResultsBegin);
        out.note(Note::ListBegan { names: count });
        let lines = vec![None; names.len()];
        self.list = Some(List { names, lines, next: 0, open: 0, written: 0, answered: 0 });
        self.go_on_with_list(now, out);
    }

    /// Asks as many names as may be open; ends the list when every line is written.
    pub(super) fn go_on_with_list(&mut self, now: LabTime, out: &mut Effects) {
        let Some(list) = &mut self.list else { return };
        let at_once = match self.config.pace {
            Pace::Serial => 1,
            Pace::Pipelined => AT_ONCE_MAX,
        };
        while list.open < at_once
            && let Some(name) = list.names.get(list.next)
        {
            self.work.push_back(Work::Ask(Wanted::first(name.clone(), Some(list.next))));
            list.next += 1;
            list.open += 1;
        }
        if list.written == list.names.len() {
            self.end_list(out);
            if self.lists_waiting > 0 {
                self.lists_waiting -= 1;
                self.begin_list(now, out);
            }
        }
    }

    /// Ends the list, whatever it has come to.
    pub(super) fn end_list(&mut self, out: &mut Effects) {
        if let Some(list) = self.list.take() {
            let names = u32::try_from(list.names.len()).unwrap_or(u32::MAX);
            out.note(Note::ListEnded { answered: list.answered, names });
        }
    }

    /// The line of one name is known; lines are written in order, so it may have to wait for those before it.
    pub(super) fn write_line(
        &mut self,
        place: usize,
        name: &HostName,
        outcome: Outcome,
        answer: Option<&Answer>,
        out: &mut Effects,
    ) {
        let dialect = self.topology.dialect;
        let Some(list) = &mut self.list else { return };
        list.open -= 1;
        list.answered += u32::from(outcome == Outcome::Answered);
        list.lines[place] = Some(line(dialect, name, outcome, answer));
        while let Some(line) = list.lines.get_mut(list.written).and_then(Option::take) {
            out.push(Effect::Result(line));
            list.written += 1;
        }
    }
}

/// What the course's client writes: the answer in the server's words. For what the course has no words for, the name
/// and the outcome.
fn line(dialect: Dialect, name: &HostName, outcome: Outcome, answer: Option<&Answer>) -> String {
    let Some(answer) = answer else {
        return format!("{name} - {}", outcome.word().to_uppercase());
    };
    let name = answer.name.as_ref().unwrap_or(name);
    match &answer.said {
        Said::Found { address, .. } if dialect.is_nameless() && answer.name.is_none() => {
            address.to_string()
        }
        Said::Found { address, flags } if flags.is_empty() => format!("{name} {address}"),
        Said::Found { address, flags } => format!("{name} {address} {flags}"),
        Said::Negative | Said::NoRecord => format!("{name} - NEGATIVE"),
        Said::Failed(why) => format!("{name} - FAILED {why}"),
        Said::NotFound => format!("{name} - {}", dialect.error_words()),
    }
}
