//! What `y` copies: the picked event, the listed events, the sentence that says why, the writes that are lost, how to
//! reach a node. It says what the text is; the terminal and the lab decide where it goes.

use super::race;
use super::store;
use super::view::{Mode, PanelId, Selection, View};
use crate::base::{NodeId, Peer, Shown};
use crate::report::{self, shell_line};
use crate::world::World;

/// What a terminal takes at most as one clipboard text, in bytes of base64: the limit that xterm's, tmux's and most
/// other parsers of OSC 52 have in common.
pub const ENCODED_MAX: usize = 74_994;

/// Text to copy, safe to show, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    text: String,
    /// What it is, in a word or two: `3 events`.
    pub what: String,
}

impl Copied {
    /// Makes lines safe; each ends with a line end, except a single one.
    pub fn new<'a>(what: impl Into<String>, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let lines: Vec<String> = lines.into_iter().map(|line| Shown::new(line).into()).collect();
        let mut text = lines.join("\n");
        if lines.len() > 1 {
            text.push('\n');
        }
        Self { text, what: what.into() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes that it takes in base64.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.text.len().div_ceil(3) * 4
    }

    /// Whether a terminal takes it.
    #[must_use]
    pub fn fits_a_clipboard(&self) -> bool {
        self.encoded_len() <= ENCODED_MAX
    }
}

/// What there is to copy where the keyboard is.
#[must_use]
pub fn of(world: &World, view: &View) -> Option<Copied> {
    match (&view.mode, view.focus) {
        (Mode::Why, _) | (Mode::Normal, PanelId::Race) => why(world, view),
        (Mode::Losses, _) => store::lost::copied(world),
        (Mode::Diagram(diagram), _) => {
            let sentence = diagram.sentence(diagram.at, &world.topology.names);
            let line = format!("{}  {sentence}", diagram.time()?);
            Some(Copied::new("an event", [line.as_str()]))
        }
        (Mode::Normal, PanelId::Events) => events(view),
        (Mode::Normal | Mode::Inspect, _) => selection(world, view),
        _ => None,
    }
}

/// The picked event, else all that are listed, oldest first.
fn events(view: &View) -> Option<Copied> {
    let count = view.feed.count(&view.filter);
    if let Some(at) = view.events.picked(count) {
        let line = view.feed.newest(&view.filter, at).next()?;
        return Some(Copied::new("an event", [line.words().as_str()]));
    }
    let mut lines: Vec<String> =
        view.feed.newest(&view.filter, 0).map(super::feed::Line::words).collect();
    lines.reverse();
    let what = if lines.len() == 1 { "an event".into() } else { format!("{} events", lines.len()) };
    (!lines.is_empty()).then(|| Copied::new(what, lines.iter().map(String::as_str)))
}

fn why(world: &World, view: &View) -> Option<Copied> {
    if let Some(group) = store::on_show(world, view) {
        return store::ops::copied(world, group, view);
    }
    let race = race::shown(world, view)?;
    let head = format!("#{} {}", race.no.0, race.name.as_str());
    let sentence = report::why(world, race);
    Some(Copied::new(format!("why of #{}", race.no.0), [head.as_str(), sentence.as_str()]))
}

fn selection(world: &World, view: &View) -> Option<Copied> {
    let names = &world.topology.names;
    match view.selection {
        Selection::Nothing => None,
        Selection::Truth => store::lost::copied(world),
        Selection::Node(id) => {
            Some(Copied::new(names.of(id), node(world, id).iter().map(String::as_str)))
        }
        Selection::Link(a, b) => {
            let ends = [a, b].into_iter().filter_map(Peer::node);
            let ends: Vec<String> = ends.flat_map(|id| node(world, id)).collect();
            Some(Copied::new("the link's ends", ends.iter().map(String::as_str)))
        }
    }
}

/// A node with its addresses, and below it the lines for a shell: one that asks it, one that shows what it keeps.
fn node(world: &World, id: NodeId) -> Vec<String> {
    let state = world.node(id);
    let addresses = state.listens.iter().map(|(wire, address)| format!("  {address} ({wire})"));
    let mut lines = vec![world.topology.names.of(id).to_owned() + &addresses.collect::<String>()];
    let role = world.topology.node(id).role();
    let asks = state.listens.iter().filter_map(|(wire, at)| shell_line::ask(role, wire, *at));
    lines.extend(asks);
    lines.extend(state.disk.iter().map(|(file, kind)| shell_line::look(file, *kind)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_copied_can_do_harm_where_it_is_pasted() {
        let hostile = "a\x1b]52;c;AAAA\x07\u{202e}b\r\nrm -rf /\u{9b}2J";
        let copied = Copied::new("text", [hostile, "c"]);
        assert!(copied.text().chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')));
        assert_eq!(
            copied.text().lines().count(),
            2,
            "a line end of the text's own is shown as one"
        );
        assert_eq!(copied.text(), "a\\e]52;c;AAAA\\x07\\u{202e}b\\r\\nrm -rf /\\x9b2J\nc\n");
    }

    #[test]
    fn what_the_clipboard_takes_ends_at_its_limit() {
        // Base64 makes four bytes of three; the largest multiple of four below the limit is 74,992.
        let most = 74_992 / 4 * 3;
        let fits = Copied::new("text", ["x".repeat(most).as_str()]);
        assert_eq!((fits.encoded_len(), fits.fits_a_clipboard()), (74_992, true));
        let over = Copied::new("text", ["x".repeat(most + 1).as_str()]);
        assert_eq!((over.encoded_len(), over.fits_a_clipboard()), (74_996, false));
        // What counts is the safe form, not what came in.
        let grows = Copied::new("text", ["\x1b".repeat(most / 2 + 1).as_str()]);
        assert!(!grows.fits_a_clipboard());
    }
}
