//! Where things go: five layouts by size, and rectangles computed before anything is drawn.

use super::paint::Border;
use super::view::PanelId;
use ratatui::layout::Rect;

/// Which layout fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One status line, and a panel below it where there are rows for one.
    Line,
    /// One panel at a time, from 40x10.
    Narrow,
    /// The one for the room, from 80x24.
    Lecture,
    /// From 100x30.
    Medium,
    /// From 150x40.
    Full,
}

/// What the layout depends on besides the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "seven things that are there or not")]
pub struct Needs {
    /// The panel with the focus.
    pub focus: PanelId,
    /// Whether it fills the screen.
    pub zoom: bool,
    /// Whether the lecture layout is forced.
    pub big: bool,
    /// Whether there is something for the banner.
    pub banner: bool,
    /// Whether a step has begun.
    pub step: bool,
    /// Whether the system on show has a table or a window that fills: the room must see it beside a step.
    pub table: bool,
    /// Whether the map of the lecture layout would look the same with a row less.
    pub map_gives: bool,
    /// Rows inside panels 3 and 5 that show every replica of the store on show; none without a store.
    pub store: [u16; 2],
    /// Columns inside panel 5 that show what is thought of every replica.
    pub belief: u16,
    /// Whether a replay is shown: its line of time has a row above the keys.
    pub scrub: bool,
    /// Rows that the footer would like.
    pub footer: u16,
}

impl Needs {
    /// Rows that the band with panels 3 and 5 needs, edges included, so that every replica has its own.
    fn band(self) -> u16 {
        match self.store.into_iter().max() {
            None | Some(0) => 0,
            Some(rows) => rows + 2,
        }
    }

    /// The same for the one of them that the lecture layout shows.
    fn low(self) -> u16 {
        let rows = self.store[usize::from(self.focus == PanelId::Belief)];
        if rows > 0 { rows + 1 } else { 0 }
    }

    /// Rows that are taken from the events, so that the map keeps its form: the banner's, the line of time's.
    fn taken(self, kind: Kind) -> u16 {
        u16::from(self.banner) + u16::from(self.scrub && kind != Kind::Full)
    }

    /// What stands in the place of the race: one question, or the figures of all while they have the focus.
    const fn race(self) -> PanelId {
        match self.focus {
            PanelId::Figures => PanelId::Figures,
            _ => PanelId::Race,
        }
    }
}

/// Where one panel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub panel: PanelId,
    /// Where.
    pub area: Rect,
    /// With which edge.
    pub border: Border,
}

/// Where everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Which it is.
    pub kind: Kind,
    /// Row 1.
    pub header: Rect,
    /// Row 2.
    pub truth: Rect,
    /// The banner, if there is one.
    pub banner: Option<Rect>,
    /// The line of time of a replay, if one is shown.
    pub scrub: Option<Rect>,
    /// The panels.
    pub panels: Vec<Place>,
    /// The keys.
    pub footer: Rect,
}

impl Layout {
    /// The place of a panel that is on the screen.
    #[must_use]
    pub fn place(&self, panel: PanelId) -> Option<&Place> {
        self.panels.iter().find(|place| place.panel == panel)
    }

    /// Whether the system on show stands below a step and has but one row.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let system = self.place(PanelId::System);
        self.kind == Kind::Lecture && system.is_some_and(|it| it.area.height <= EVENT_ROWS_MIN)
    }
}

/// Below the status line a panel needs a rule and two rows, and columns for a name or two.
const SMALL_ROWS_MIN: u16 = 3;
const SMALL_COLUMNS_MIN: u16 = 16;
/// The same below the one panel of the narrow layout.
const STEP_ROWS_NARROW: u16 = 15;
/// From so many rows on the medium layout has room for a step.
const STEP_ROWS_MIN: u16 = 36;
/// Rows that the map keeps whatever the lists below it would like, edges included.
const MAP_ROWS_MIN: u16 = 12;
/// The same in the lecture layout while a list has the focus: its replicas are what is looked at.
const MAP_ROWS_LECTURE: u16 = 8;
/// Rows that the events keep in the lecture layout: the rule and one.
const EVENT_ROWS_MIN: u16 = 2;

/// The layout that fits a size.
#[must_use]
pub fn kind(width: u16, height: u16, big: bool) -> Kind {
    match (width, height) {
        (w, h) if w >= 150 && h >= 40 && !big => Kind::Full,
        (w, h) if w >= 100 && h >= 30 && !big => Kind::Medium,
        (w, h) if w >= 80 && h >= 24 => Kind::Lecture,
        (w, h) if w >= 40 && h >= 10 => Kind::Narrow,
        _ => Kind::Line,
    }
}

/// Divides the screen.
#[must_use]
pub fn divide(screen: Rect, needs: Needs) -> Layout {
    let kind = match kind(screen.width, screen.height, needs.big) {
        // With a step as well, the map would be the smallest panel of all.
        Kind::Medium if needs.step && screen.height < STEP_ROWS_MIN => Kind::Lecture,
        kind => kind,
    };
    let mut rest = screen;
    let mut layout = Layout {
        kind,
        header: take_top(&mut rest, 1),
        truth: Rect::default(),
        banner: None,
        scrub: None,
        panels: Vec::new(),
        footer: Rect::default(),
    };
    if kind == Kind::Line {
        if rest.height > 0 {
            layout.footer = take_bottom(&mut rest, 1);
        }
        // Some rows are worth a panel, if only with names in it.
        if rest.height >= SMALL_ROWS_MIN && rest.width >= SMALL_COLUMNS_MIN {
            layout.panels.push(Place { panel: needs.focus, area: rest, border: Border::Rule });
        }
        return layout;
    }
    layout.truth = take_top(&mut rest, 1);
    // In the full layout the line of time takes the second row of the keys: most of them mean nothing in a replay.
    let two = kind == Kind::Full && !needs.scrub;
    layout.footer = take_bottom(&mut rest, if two { needs.footer.clamp(1, 2) } else { 1 });
    layout.scrub = needs.scrub.then(|| take_bottom(&mut rest, 1));
    if needs.banner {
        layout.banner = Some(take_top(&mut rest, 1));
    }
    if needs.zoom || kind == Kind::Narrow {
        let wants = needs.step && needs.focus != PanelId::Steps;
        let has_room =
            if kind == Kind::Narrow { rest.height >= STEP_ROWS_NARROW } else { needs.zoom };
        if wants && has_room {
            let area = take_bottom(&mut rest, 5);
            layout.panels.push(Place { panel: PanelId::Steps, area, border: Border::Rule });
        }
        layout.panels.push(Place { panel: needs.focus, area: rest, border: Border::Box });
        return layout;
    }
    match kind {
        Kind::Full => full(rest, needs, &mut layout),
        Kind::Medium => medium(rest, needs, &mut layout),
        _ => lecture(rest, needs, &mut layout),
    }
    layout
}

fn full(rest: Rect, needs: Needs, layout: &mut Layout) {
    let mut rest = rest;
    let whole = rest.height;
    let bottom = take_bottom(&mut rest, (whole / 4).max(8));
    let most = rest.height.saturating_sub(MAP_ROWS_MIN);
    let band = (whole / 5).clamp(7, 12).max(needs.band().min(most));
    let band = take_bottom(&mut rest, band);
    let (map, race) = halves(rest, rest.width * 3 / 5);
    let (system, belief) = halves(band, rest.width * 3 / 5);
    let (events, steps) = halves(bottom, rest.width * 3 / 5);
    let mut put = |panel, area| layout.panels.push(Place { panel, area, border: Border::Box });
    put(PanelId::Map, map);
    put(needs.race(), race);
    put(PanelId::System, system);
    put(PanelId::Belief, belief);
    put(PanelId::Events, events);
    put(PanelId::Steps, steps);
}

fn medium(rest: Rect, needs: Needs, layout: &mut Layout) {
    let mut rest = rest;
    let taken = needs.taken(Kind::Medium);
    let spare = (rest.height + taken).saturating_sub(27);
    // With a step the map keeps its rows, and the lists below it give theirs.
    let (for_events, for_band) = if needs.step { (spare / 6, 0) } else { (spare / 3, spare / 4) };
    let events = take_bottom(&mut rest, 5 + for_events.min(6) - taken);
    let steps_rows = if needs.step { 6 } else { 0 };
    let most = rest.height.saturating_sub(steps_rows + MAP_ROWS_MIN);
    let band = (6 + for_band.min(3)).max(needs.band().min(most));
    let band = take_bottom(&mut rest, band);
    let steps = needs.step.then(|| take_bottom(&mut rest, steps_rows));
    let (map, race) = halves(rest, rest.width * 3 / 5);
    // A frame, and a column of air at each side.
    let for_belief = (needs.belief + 4).min(rest.width / 2);
    let (system, belief) = halves(band, (rest.width * 3 / 5).min(rest.width - for_belief));
    let mut put = |panel, area, border| layout.panels.push(Place { panel, area, border });
    put(PanelId::Map, map, Border::Box);
    put(needs.race(), race, Border::Box);
    if let Some(area) = steps {
        put(PanelId::Steps, area, Border::Rule);
    }
    if needs.focus == PanelId::Steps && !needs.step {
        put(PanelId::Steps, system, Border::Box);
    } else {
        put(PanelId::System, system, Border::Box);
    }
    put(PanelId::Belief, belief, Border::Box);
    put(PanelId::Events, events, Border::Box);
}

/// Map and race above; below them the step or the system (belief and steps where they have the focus); the events.
fn lecture(rest: Rect, needs: Needs, layout: &mut Layout) {
    let mut rest = rest;
    // The banner's row and the line of time's are taken from the events, so that the map keeps its form.
    let taken = needs.taken(Kind::Lecture);
    let spare = (rest.height + taken).saturating_sub(20);
    // A step needs a row more than the system's figures: the events give it. One of theirs always remains.
    let more = (u16::from(needs.step) + taken).min(2);
    let (mut events, mut band) = (4 - more + spare / 4, 5 + u16::from(needs.step) + spare / 5);
    let wanted = needs.low();
    let looked_at = matches!(needs.focus, PanelId::System | PanelId::Belief);
    let map_rows = rest.height.saturating_sub(events + band);
    let of_map = if looked_at { map_rows.saturating_sub(MAP_ROWS_LECTURE) } else { 0 };
    if needs.step {
        // The steps keep theirs: what is looked at beside them takes its rows from the map.
        events += wanted.saturating_sub(events).min(of_map);
    } else {
        let lacks = wanted.saturating_sub(band);
        let of_events = lacks.min(events.saturating_sub(EVENT_ROWS_MIN));
        events -= of_events;
        band += of_events + (lacks - of_events).min(of_map);
    }
    if needs.step && needs.table && events <= EVENT_ROWS_MIN && needs.map_gives {
        // Below a banner and a step one row would be left for the system that the step is about.
        events += 1;
    }
    let events = take_bottom(&mut rest, events);
    let band = take_bottom(&mut rest, band);
    let (map, race) = halves(rest, rest.width / 2);
    let mut put = |panel, area, border| layout.panels.push(Place { panel, area, border });
    put(PanelId::Map, map, Border::Box);
    put(needs.race(), race, Border::Box);
    let low = match needs.focus {
        PanelId::System | PanelId::Belief | PanelId::Steps => needs.focus,
        _ if needs.step => PanelId::Steps,
        _ => PanelId::System,
    };
    put(low, band, Border::Rule);
    // With a step on show the system's figures take the place of the events while they have the focus, or where
    // they are what the step is about.
    let last = match needs.focus {
        PanelId::System | PanelId::Belief if needs.step => needs.focus,
        PanelId::Events => PanelId::Events,
        _ if needs.step && needs.table => PanelId::System,
        _ => PanelId::Events,
    };
    if needs.step
        && let Some(place) = layout.panels.last_mut()
    {
        place.panel = PanelId::Steps;
    }
    layout.panels.push(Place { panel: last, area: events, border: Border::Rule });
}

fn take_top(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let taken = Rect { height: rows, ..*rest };
    rest.y += rows;
    rest.height -= rows;
    taken
}

fn take_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    rest.height -= rows;
    Rect { y: rest.bottom(), height: rows, ..*rest }
}

fn halves(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width);
    (Rect { width: left, ..area }, Rect { x: area.x + left, width: area.width - left, ..area })
}

/// A rectangle of at most this size in the middle of another.
#[must_use]
pub fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs() -> Needs {
        let (zoom, big, banner, step, table) = (false, false, true, true, false);
        Needs {
            focus: PanelId::Map,
            zoom,
            big,
            banner,
            step,
            table,
            scrub: true,
            store: [0; 2],
            belief: 0,
            footer: 2,
            map_gives: false,
        }
    }

    #[test]
    fn panels_never_overlap_and_stay_on_the_screen() {
        for width in (0..200).step_by(3) {
            for height in 0..70 {
                for (zoom, big, step) in
                    [(false, false, false), (true, false, true), (false, true, true)]
                {
                    for focus in PanelId::ALL {
                        let screen = Rect::new(0, 0, width, height);
                        let store = if step { [7; 2] } else { [0; 2] };
                        let needs = Needs { focus, zoom, big, step, store, ..needs() };
                        let layout = divide(screen, needs);
                        let mut areas: Vec<Rect> = layout.panels.iter().map(|it| it.area).collect();
                        areas.extend([layout.header, layout.truth, layout.footer]);
                        areas.extend(layout.banner);
                        areas.extend(layout.scrub);
                        let total: u32 = areas.iter().map(|area| area.area()).sum();
                        assert!(
                            areas
                                .iter()
                                .all(|area| area.intersection(screen) == *area || area.is_empty())
                        );
                        assert!(total <= screen.area(), "{width}x{height} {layout:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_size_decides_and_big_forces_the_lecture() {
        let kinds =
            [(160, 45), (120, 40), (80, 24), (40, 12), (39, 12)].map(|(w, h)| kind(w, h, false));
        assert_eq!(kinds, [Kind::Full, Kind::Medium, Kind::Lecture, Kind::Narrow, Kind::Line]);
        assert_eq!(kind(200, 60, true), Kind::Lecture);
    }

    #[test]
    fn a_step_has_rows_of_its_own_even_in_the_lecture_layout() {
        let layout = divide(Rect::new(0, 0, 80, 24), needs());
        let place = layout.panels.iter().find(|place| place.panel == PanelId::Steps);
        assert!(place.is_some_and(|place| place.area.height >= 5));
        let layout = divide(Rect::new(0, 0, 80, 24), Needs { focus: PanelId::System, ..needs() });
        assert!(layout.panels.iter().any(|place| place.panel == PanelId::Steps));
    }

    fn rows(size: (u16, u16), panel: PanelId, needs: Needs) -> u16 {
        let layout = divide(Rect::new(0, 0, size.0, size.1), needs);
        let place = layout.panels.iter().find(|place| place.panel == panel);
        place.map_or(0, |place| place.area.height - if place.border == Border::Box { 2 } else { 1 })
    }

    /// The rows of names and of the truth, and one for each of three to five replicas.
    #[test]
    fn every_replica_has_a_row_and_the_map_keeps_its_own() {
        for rows_wanted in 5..=7 {
            let store = [rows_wanted; 2];
            for (size, step) in [
                ((160, 45), true),
                ((160, 45), false),
                ((120, 40), true),
                ((120, 40), false),
                ((100, 30), false),
            ] {
                for banner in [false, true] {
                    let needs = Needs { banner, step, store, ..needs() };
                    for panel in [PanelId::System, PanelId::Belief] {
                        assert!(rows(size, panel, needs) >= rows_wanted, "{size:?} {needs:?}");
                    }
                    assert!(rows(size, PanelId::Map, needs) >= 10, "{size:?} {needs:?}");
                }
            }
            // In the lecture layout the panel that is looked at has them, as far as the map can give them.
            for (step, focus) in [(false, PanelId::Belief), (true, PanelId::System)] {
                let (banner, scrub) = (false, false);
                let needs = Needs { focus, banner, step, store, scrub, ..needs() };
                assert!(rows((80, 24), focus, needs) >= rows_wanted.min(6), "{needs:?}");
                assert!(rows((80, 24), PanelId::Map, needs) >= 6, "{needs:?}");
            }
        }
    }
}
