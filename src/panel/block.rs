//! A tier that is too wide for a row of boxes: a frame with all its names, or with a line for each bundle of them, or
//! with the names of the one bundle that is open. Geometry only: no colours, no world.

use super::list;
use super::plan::{Spot, Wants};
use ratatui::layout::Rect;
use std::ops::Range;

/// The least that is worth a frame: its edge, and a line.
pub const ROWS_MIN: u16 = 3;
/// With so many rows a block says what it has to say.
pub const ROWS_GOOD: u16 = 8;
/// Sizes of bundles that people count in.
const SIZES: [usize; 15] = [10, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 250, 500, 1000, 2000];

/// Nodes that share a line while they are not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Which, by their places in the tier.
    pub nodes: Range<usize>,
    /// Where its line stands; none while it is scrolled out of sight.
    pub line: Option<Rect>,
}

/// How a block shows its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Every name.
    Names,
    /// A line for each bundle.
    Bundles,
    /// The names of this bundle alone.
    Open(usize),
}

/// One tier in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Which tier.
    pub tier: usize,
    /// The frame.
    pub frame: Rect,
    /// What is in it.
    pub shows: Shows,
    /// The bundles, in order; none where every name is shown.
    pub bundles: Vec<Bundle>,
    /// Names beside each other, or bundles.
    pub per_row: usize,
    /// Columns for the name of a bundle, and for the words behind its dots.
    pub columns: (u16, u16),
    /// Lines out of sight, above and below.
    pub hidden: (usize, usize),
}

impl Block {
    /// Where in the tier one comes by a step up or down from this place; none if that leaves the block.
    #[must_use]
    pub fn step(&self, at: usize, count: usize, down: bool) -> Option<usize> {
        match self.shows {
            Shows::Bundles => {
                let here = self.bundles.iter().position(|bundle| bundle.nodes.contains(&at))?;
                let offset = at - self.bundles[here].nodes.start;
                let there = self.row_from(here, 0..self.bundles.len(), down)?;
                let there = &self.bundles[there].nodes;
                Some((there.start + offset).min(there.end - 1))
            }
            Shows::Open(bundle) => self.row_from(at, self.bundles.get(bundle)?.nodes.clone(), down),
            Shows::Names => self.row_from(at, 0..count, down),
        }
    }

    /// What stands a row below or above, of these.
    fn row_from(&self, at: usize, range: Range<usize>, down: bool) -> Option<usize> {
        let next = if down { at + self.per_row } else { at.checked_sub(self.per_row)? };
        if range.contains(&next) {
            return Some(next);
        }
        // Below there may be nothing while there is another row: then its last.
        let row = |at: usize| (at - range.start) / self.per_row;
        (down && row(at) < row(range.end - 1)).then(|| range.end - 1)
    }
}

/// Columns of a bundle's name, at most, where it has a line of its own.
const NAME_MAX: u16 = 18;
/// Columns for the words behind the dots.
const WORDS: u16 = 16;

/// Columns of one name in a block: a mark before it, a state's letter and a space after it.
fn cell_columns(name_columns: u16) -> u16 {
    name_columns + 4
}

fn per_row(width: u16, name_columns: u16) -> usize {
    usize::from((width / cell_columns(name_columns).max(1)).max(1))
}

/// A name with its badge needs no more than this.
const CELL_COLUMNS_MAX: u16 = 20;

/// Names beside each other, for lists of names below each other: as few as the rows allow, so that there is room for
/// words beside the names.
#[must_use]
pub fn spread(counts: &[usize], width: u16, name_columns: u16, rows: usize) -> usize {
    let most = per_row(width, name_columns);
    let least =
        usize::from(width / CELL_COLUMNS_MAX.max(cell_columns(name_columns))).clamp(1, most);
    let taken = |per_row: usize| counts.iter().map(|count| count.div_ceil(per_row)).sum::<usize>();
    (least..=most).find(|per_row| taken(*per_row) <= rows).unwrap_or(most)
}

/// The inside of a frame, with a column of air at each side.
fn inside(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 2.min(frame.width),
        y: frame.y + 1,
        width: frame.width.saturating_sub(4),
        height: frame.height.saturating_sub(2),
    }
}

/// Rows, frame included, in which so many nodes could all be named.
#[must_use]
pub fn rows_wanted(nodes: usize, width: u16, name_columns: u16) -> u16 {
    let rows = nodes.div_ceil(per_row(width.saturating_sub(4), name_columns));
    u16::try_from(rows + 2).unwrap_or(u16::MAX)
}

/// Fills a frame with a tier, and gives the places of the names that are shown.
#[must_use]
pub fn block(frame: Rect, wants: &Wants<'_>, tier: usize) -> (Block, Vec<Spot>) {
    let inner = inside(frame);
    let peers = &wants.tiers[tier];
    let rows = usize::from(inner.height).max(1);
    let per_row = per_row(inner.width, wants.name_columns);
    let selected = wants.selected.and_then(|it| peers.iter().position(|peer| *peer == it));
    let mut block = Block {
        tier,
        frame,
        shows: Shows::Names,
        bundles: Vec::new(),
        per_row,
        columns: (NAME_MAX.min(inner.width / 3), WORDS.min(inner.width / 3)),
        hidden: (0, 0),
    };
    let mut shown = 0..peers.len();
    if peers.len().div_ceil(per_row) > rows {
        let groups = wants.groups.get(tier).map_or(&[][..], Vec::as_slice);
        block.bundles = bundles(peers.len(), groups, rows);
        let of = |at: usize| block.bundles.iter().position(|bundle| bundle.nodes.contains(&at));
        if let Some(open) = selected.and_then(of).filter(|_| wants.open) {
            block.shows = Shows::Open(open);
            shown = block.bundles[open].nodes.clone();
        } else {
            let marked = selected.and_then(of).unwrap_or(0);
            let whole = block.bundles.len() == groups.len() + 1;
            lay_bundles(&mut block, inner, marked, whole.then_some(wants.group_columns));
            return (block, Vec::new());
        }
    }
    let per_row = spread(&[shown.len()], inner.width, wants.name_columns, rows);
    block.per_row = per_row;
    let lines = shown.len().div_ceil(per_row);
    let marked = selected.filter(|at| shown.contains(at)).map_or(0, |at| at - shown.start);
    let top = list::top(marked / per_row, rows, lines);
    block.hidden = (top, lines.saturating_sub(top + rows));
    let cells = shown.clone().skip(top * per_row).take(rows * per_row);
    let width = inner.width / per_row as u16;
    let spots = cells.enumerate().map(|(at, node)| {
        let (x, y) = ((at % per_row) as u16 * width, (at / per_row) as u16);
        let area = Rect::new(inner.x + x, inner.y + y, width, 1);
        Spot { peer: peers[node], area, core: area }
    });
    (block.clone(), spots.filter(|spot| spot.area.bottom() <= inner.bottom()).collect())
}

/// Gives each bundle that is in sight its place: a line, or where there are more groups than lines, a cell in a grid, wide
/// enough for the name of a group and a dot for each of its nodes.
fn lay_bundles(block: &mut Block, inner: Rect, marked: usize, group_columns: Option<u16>) {
    block.shows = Shows::Bundles;
    let rows = usize::from(inner.height);
    let count = block.bundles.len();
    block.per_row = 1;
    if let Some(name) = group_columns.filter(|_| count > rows) {
        let dots = block.bundles.iter().map(|bundle| bundle.nodes.len()).max().unwrap_or(0);
        let cell = usize::from(name) + dots + 5;
        let per_row = usize::from(inner.width) / cell;
        if per_row > 1 {
            // As few as are needed to have all in sight.
            block.per_row = count.div_ceil(rows).min(per_row);
            block.columns = (name, 0);
        }
    }
    let per_row = block.per_row;
    let top = list::top(marked / per_row, rows, count.div_ceil(per_row));
    block.hidden = (top * per_row, count.saturating_sub((top + rows) * per_row));
    let width = inner.width / per_row as u16;
    let in_sight = block.bundles.iter_mut().skip(top * per_row).take(rows * per_row);
    for (at, bundle) in in_sight.enumerate() {
        let (x, y) = ((at % per_row) as u16 * width, (at / per_row) as u16);
        bundle.line = Some(Rect::new(inner.x + x, inner.y + y, width, 1));
    }
}

/// Divides a tier: at the groups of the file, and where those are too large, at round numbers.
fn bundles(count: usize, groups: &[usize], rows: usize) -> Vec<Bundle> {
    let least = count.div_ceil(rows);
    let size = SIZES.into_iter().find(|size| *size >= least).unwrap_or(least);
    let mut borders: Vec<usize> = vec![0];
    borders.extend(groups.iter().copied().filter(|at| *at > 0 && *at < count));
    borders.push(count);
    let mut bundles = Vec::new();
    for pair in borders.windows(2) {
        let mut start = pair[0];
        while start < pair[1] {
            let end = (start + size).min(pair[1]);
            bundles.push(Bundle { nodes: start..end, line: None });
            start = end;
        }
    }
    bundles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(count: usize, groups: &[usize], rows: usize) -> Vec<Range<usize>> {
        bundles(count, groups, rows).into_iter().map(|bundle| bundle.nodes).collect()
    }

    #[test]
    fn a_tier_is_divided_at_its_groups_and_at_round_numbers() {
        assert_eq!(ranges(90, &[], 5), [0..20, 20..40, 40..60, 60..80, 80..90]);
        assert_eq!(ranges(90, &[30, 60], 3), [0..30, 30..60, 60..90], "groups stay whole");
        assert_eq!(ranges(1000, &[], 20).len(), 20);
        assert_eq!(ranges(45, &[40], 3), [0..20, 20..40, 40..45]);
    }

    #[test]
    fn a_step_stays_in_the_block_while_it_has_another_row() {
        let block = |shows, bundles: Vec<Range<usize>>| Block {
            tier: 0,
            frame: Rect::default(),
            shows,
            bundles: bundles.into_iter().map(|nodes| Bundle { nodes, line: None }).collect(),
            per_row: 4,
            columns: (4, 0),
            hidden: (0, 0),
        };
        let names = block(Shows::Names, vec![]);
        let steps = |at, down| names.step(at, 10, down);
        assert_eq!([steps(1, true), steps(5, true), steps(7, true)], [Some(5), Some(9), Some(9)]);
        assert_eq!([steps(9, true), steps(5, false), steps(3, false)], [None, Some(1), None]);
        let mut bundles = block(Shows::Bundles, vec![0..10, 10..13]);
        bundles.per_row = 1;
        assert_eq!(bundles.step(7, 13, true), Some(12));
        assert_eq!(bundles.step(12, 13, false), Some(2));
        assert_eq!(bundles.step(12, 13, true), None);
        let grid = block(Shows::Bundles, (0..10).map(|at| 3 * at..3 * at + 3).collect());
        assert_eq!(grid.step(1, 30, true), Some(13), "the same place of the group below");
        assert_eq!(grid.step(16, 30, true), Some(28), "the last row is shorter");
        assert_eq!([grid.step(28, 30, true), grid.step(1, 30, false)], [None, None]);
    }
}
