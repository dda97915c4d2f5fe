//! One whole frame: the rows above and below, the panels between them, and whatever lies on top.

use super::action::Action;
use super::edition::Edition;
use super::layout::{self, Kind, Layout, Needs, Place};
use super::paint::{self, Border, Canvas, Row, width};
use super::prompt::Prompt;
use super::theme::{Ink, Theme};
use super::view::{Mode, PanelId, View};
use super::{
    belief, diagram_view, events, figures, footer, header, help, hints, inspect, map, palette_view,
    race, scrub, steps, store, system, words,
};
use crate::base::LabTime;
use crate::world::{Beat, World};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of a title that begins with the shortest word.
const SHORT_WORD_COLUMNS: u16 = 6;

/// Draws everything. It changes nothing but the frame.
pub fn draw(world: &World, view: &View, theme: &Theme, now: LabTime, frame: &mut Frame<'_>) {
    draw_scrolled(world, view, *theme, now, frame);
}

/// Draws everything, and gives how far the list that is scrolled can be scrolled at most, if one is: whoever keeps the
/// view need not remember more.
pub fn draw_scrolled(
    world: &World,
    view: &View,
    theme: Theme,
    now: LabTime,
    frame: &mut Frame<'_>,
) -> Option<usize> {
    draw_on(world, view, theme, now, frame.buffer_mut())
}

/// Draws everything into cells that are shown somewhere else, or kept; as [`draw_scrolled`].
pub fn draw_on(
    world: &World,
    view: &View,
    theme: Theme,
    now: LabTime,
    buffer: &mut Buffer,
) -> Option<usize> {
    let screen = buffer.area;
    let mut canvas = Canvas::new(buffer, &theme);
    canvas.clear(screen);
    if !screen.is_empty() {
        whole(&mut canvas, screen, world, view, now);
    }
    canvas.scrolled_at_most()
}

/// What is drawn, as text: a line for each row.
#[must_use]
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(buffer.area.width).max(1)) {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn whole(canvas: &mut Canvas<'_>, screen: Rect, world: &World, view: &View, now: LabTime) {
    let layout = layout_of(screen, world, view, now);
    if layout.kind == Kind::Line {
        for place in &layout.panels {
            panel(canvas, place, layout.kind, world, view, now);
        }
        line(canvas, screen, world, view);
        if is_page(&view.mode) && !layout.panels.is_empty() {
            let below = Rect { y: screen.y + 1, height: screen.height - 1, ..screen };
            dialog(canvas, below, world, view, now);
        }
        keys(canvas, screen, view);
        return;
    }
    if layout.kind == Kind::Narrow {
        narrow_header(canvas, &layout, world, view);
    } else {
        header::place(canvas, layout.header, world, view, now);
        header::truth(canvas, layout.truth, world, view);
    }
    if let Some(area) = layout.banner {
        header::banner(canvas, area, world, now);
    }
    for place in &layout.panels {
        panel(canvas, place, layout.kind, world, view, now);
    }
    if let Some(area) = layout.scrub {
        scrub::draw(canvas, area, view);
    }
    // A page leaves the last row free.
    let last = Rect { y: screen.bottom() - 1, height: 1, ..screen };
    let keys_at = if is_page(&view.mode) { last } else { layout.footer };
    footer::draw(canvas, keys_at, world, view);
    dialog(canvas, screen, world, view, now);
    toast(canvas, &layout, view);
    keys(canvas, screen, view);
}

/// Where everything goes for this world and view.
#[must_use]
pub fn layout_of(screen: Rect, world: &World, view: &View, now: LabTime) -> Layout {
    let needs = Needs {
        focus: view.focus,
        zoom: view.zoom,
        big: view.big,
        banner: header::alarm(world, now).is_some(),
        step: world.steps.beat != Beat::Before,
        table: system::has_table(world, view),
        store: store::rows_wanted(world, view),
        belief: store::on_show(world, view)
            .map_or(0, |group| store::belief::columns_wanted(world, group)),
        scrub: view.replay.is_some(),
        footer: 2,
        map_gives: false,
    };
    let layout = layout::divide(screen, needs);
    if layout.is_short() && map_gives(&layout, world, view, now) {
        return layout::divide(screen, Needs { map_gives: true, ..needs });
    }
    layout
}

/// Whether everything on the map has its place and its form with a row less, too.
fn map_gives(layout: &Layout, world: &World, view: &View, now: LabTime) -> bool {
    let Some(place) = layout.place(PanelId::Map) else { return false };
    let area = inside_panel(place);
    let look = |height: u16| {
        let plan = map::lay(Rect { height, ..area }, world, view, now).plan;
        (plan.form, plan.spots.len(), plan.hidden)
    };
    area.height > 1 && look(area.height) == look(area.height - 1)
}

/// Rows that a panel's list has on the screen as it is; none if the panel is not there.
#[must_use]
pub fn rows(panel: PanelId, world: &World, view: &View) -> usize {
    let layout = layout_of(screen_of(view), world, view, world.now);
    layout.place(panel).map_or(0, |place| {
        let edges = if place.border == Border::Box { 2 } else { 1 };
        usize::from(place.area.height.saturating_sub(edges))
    })
}

/// What is inside a panel's edge: a column of air at each side where there is a frame.
#[must_use]
pub fn inside_panel(place: &Place) -> Rect {
    let inner = paint::inside(place.area, place.border);
    match place.border {
        Border::Box if inner.width > 20 => Rect { x: inner.x + 1, width: inner.width - 2, ..inner },
        _ => inner,
    }
}

/// Where the map is drawn now; an area of no size while it is not.
#[must_use]
pub fn map_area(world: &World, view: &View) -> Rect {
    let layout = layout_of(screen_of(view), world, view, world.now);
    layout.place(PanelId::Map).map_or_else(Rect::default, inside_panel)
}

fn screen_of(view: &View) -> Rect {
    Rect::new(0, 0, view.size.0, view.size.1)
}

/// What a title begins with.
fn heading(canvas: &Canvas<'_>, place: &Place, tabs: &[PanelId], word: &str) -> Row {
    let mut title = Row::new()
        .with(format!(" {} ", place.panel.digit()), canvas.ink(Ink::Muted))
        .with(format!("{word} "), canvas.ink(Ink::Strong));
    for panel in tabs {
        title.push(format!("{} ", panel.digit()), canvas.ink(Ink::Muted));
    }
    title
}

fn panel(
    canvas: &mut Canvas<'_>,
    place: &Place,
    kind: Kind,
    world: &World,
    view: &View,
    now: LabTime,
) {
    let lit = view.focus == place.panel && matches!(view.mode, Mode::Normal);
    let word = hints::panel_word(place.panel, world, view);
    let mut tabs = Vec::new();
    if kind <= Kind::Narrow && place.panel == view.focus {
        // One panel at a time: the digits of the others are the tabs.
        let is_there = |panel: &PanelId| match panel {
            PanelId::Steps => world.steps.count > 0,
            PanelId::Figures => figures::is_there(world, view),
            _ => true,
        };
        tabs.extend(PanelId::ALL.into_iter().filter(|it| *it != place.panel && is_there(it)));
    }
    let mut title = heading(canvas, place, &tabs, word);
    let note = match place.panel {
        PanelId::Map => selection_note(canvas, world, view),
        PanelId::Race => {
            let room = place.area.width.saturating_sub(4);
            let more = race::title(canvas, world, view, room.saturating_sub(SHORT_WORD_COLUMNS));
            if title.width() + more.width() > room {
                title = heading(canvas, place, &tabs, hints::short_word(word));
            }
            title.append(more);
            race::note(canvas, world, view)
        }
        PanelId::System => {
            let room = place.area.width.saturating_sub(title.width() + 7);
            system::note(canvas, world, view, now, room)
        }
        PanelId::Events => events::note(canvas, view),
        PanelId::Belief => Row::new().with(" who thinks what of whom ", canvas.ink(Ink::Muted)),
        PanelId::Figures => figures::note(canvas, world, view),
        PanelId::Steps => {
            title.append(steps::title(canvas, world));
            steps::note(canvas, world, view, place.area.width.saturating_sub(title.width() + 7))
        }
    };
    let inner = inside_panel(place);
    let mut hidden = hidden_note(canvas, place.panel, inner, world, view, now);
    // What is out of sight is said first, the rest where there is room for it, too.
    if title.width() + hidden.width() + note.width() + 6 <= place.area.width {
        hidden.append(note);
    }
    let note = hidden;
    canvas.frame(place.area, place.border, lit, &title, &note);
    if inner.is_empty() {
        return;
    }
    match place.panel {
        PanelId::Map => map::draw(canvas, inner, world, view, now),
        PanelId::Race => race::draw(canvas, inner, world, view, now),
        PanelId::System => system::draw(canvas, inner, world, view, now),
        PanelId::Events => events::draw(canvas, inner, view),
        PanelId::Belief => belief::draw(canvas, inner, world, view),
        PanelId::Steps => steps::draw(canvas, inner, world, view),
        PanelId::Figures => figures::draw(canvas, inner, world, view),
    }
}

/// How many rows of a store's panel are out of sight, with the keys that bring them: ` 2 more: 5 ↓ `.
fn hidden_note(
    canvas: &Canvas<'_>,
    panel: PanelId,
    area: Rect,
    world: &World,
    view: &View,
    now: LabTime,
) -> Row {
    let is_of_store = matches!(panel, PanelId::System | PanelId::Belief);
    let Some(group) = store::on_show(world, view).filter(|_| is_of_store) else {
        return Row::new();
    };
    let text = match (store::hidden(panel, area, world, group, now), view.focus == panel) {
        (0, _) => return Row::new(),
        (hidden, true) => format!(" {hidden} more: ↓ "),
        (hidden, false) => format!(" {hidden} more: {} ↓ ", panel.digit()),
    };
    Row::new().with(text, canvas.ink(Ink::Slow))
}

fn selection_note(canvas: &Canvas<'_>, world: &World, view: &View) -> Row {
    use super::view::Selection;
    let names = &world.topology.names;
    let text = match view.selection {
        Selection::Nothing => " nothing selected ".to_owned(),
        Selection::Truth => " ▸ the truth line ".to_owned(),
        Selection::Node(id) => format!(" ▸ {} ", names.of(id)),
        Selection::Link(a, b) => format!(" ▸ link {}–{} ", names.peer(a), names.peer(b)),
    };
    Row::new().with(text, canvas.ink(Ink::Muted))
}

/// The two rows above the single panel of a narrow screen.
fn narrow_header(canvas: &mut Canvas<'_>, layout: &Layout, world: &World, view: &View) {
    let area = layout.header;
    let (word, ink) = words::clock_of(world, view);
    let row = Row::new().with(format!(" {word} "), canvas.badge(ink));
    let room = area.width.saturating_sub(row.width() + 2);
    canvas.text(area.x + 1, area.y, room, &world.topology.name, canvas.ink(Ink::Strong));
    canvas.row_right(area.right().saturating_sub(1), area.y, area.width, &row);
    header::truth(canvas, layout.truth, world, view);
}

/// All that fits on a screen smaller than 40x10: one status line, and the keys where there is a second row.
fn line(canvas: &mut Canvas<'_>, screen: Rect, world: &World, view: &View) {
    let (word, ink) = words::clock_of(world, view);
    let up = world.nodes.iter().filter(|node| node.life == crate::event::Life::Up).count();
    let mut row = Row::new().with(format!(" {word} "), canvas.badge(ink));
    row.push(format!(" up {up}/{}", world.nodes.len()), canvas.ink(Ink::Text));
    if let Some(race) = race::shown(world, view) {
        let open = if race.is_settled() { "gone" } else { "waits" };
        let end = race.verdict.as_ref().map_or(open, |verdict| verdict.outcome.word());
        row.push(format!("  #{} {end}", race.no.0), canvas.ink(Ink::Strong));
    }
    if world.steps.beat != Beat::Before {
        let (step, count) = (world.steps.step, world.steps.count);
        let beat = steps::beat(world.steps.beat).0;
        row.push(format!("  {step}/{count}{beat}"), canvas.ink(Ink::Focus));
    }
    let faults = world.faults_shown().count();
    if faults > 0 {
        row.push(format!("  faults {faults}"), canvas.ink(Ink::Slow));
    }
    canvas.row(screen.x, screen.y, screen.width, &row);
    if screen.height > 1 {
        let area = Rect { y: screen.bottom() - 1, height: 1, ..screen };
        footer::draw(canvas, area, world, view);
    }
    let question = match &view.mode {
        Mode::Palette(prompt) => return typed(canvas, screen, ":", prompt),
        Mode::Filter(prompt) => return typed(canvas, screen, "/", prompt),
        Mode::QuitAsked => " Quit? y n ",
        Mode::TopologiesAsked => " Another topology? y n ",
        Mode::WipeAsked(_) => " Empty its disk? y n ",
        Mode::RestoreAsked => " Begin the step again? y n ",
        Mode::Normal => return,
        _ => " Esc back ",
    };
    canvas.text(screen.x, screen.y, screen.width, question, canvas.badge(Ink::Bad));
}

/// Whether something is open that wants rows of its own.
const fn is_page(mode: &Mode) -> bool {
    match mode {
        Mode::Help(_)
        | Mode::Choosing(_)
        | Mode::Inspect
        | Mode::Why
        | Mode::Losses
        | Mode::Diagram(_)
        | Mode::Edition => true,
        Mode::Normal
        | Mode::Palette(_)
        | Mode::Filter(_)
        | Mode::QuitAsked
        | Mode::TopologiesAsked
        | Mode::WipeAsked(_)
        | Mode::RestoreAsked => false,
    }
}

/// The line that is being typed, where there is room for nothing else.
fn typed(canvas: &mut Canvas<'_>, screen: Rect, sign: &str, prompt: &Prompt) {
    let area = Rect { y: screen.bottom() - 1, height: 1, ..screen };
    canvas.clear(area);
    palette_view::line(canvas, area, sign, prompt);
}

/// The newest line for a moment, on the edge above the lowest panel, or below a page: it covers nothing that is read.
fn toast(canvas: &mut Canvas<'_>, layout: &Layout, view: &View) {
    let notice = view.edition.as_ref().map(|it| it.notice(&view.key(Action::ShowFile)));
    let (said, bad) = match (view.toasts.back(), &notice) {
        (Some(toast), _) => (&toast.text, toast.bad),
        (None, Some(notice)) => (notice, matches!(view.edition, Some(Edition::Broken(_)))),
        (None, None) => return,
    };
    let page = matches!(view.mode, Mode::Inspect | Mode::Why | Mode::Losses | Mode::Diagram(_));
    let lowest = layout.panels.iter().map(|place| place.area.y).max().filter(|_| !page);
    let y = lowest.unwrap_or(layout.footer.y.saturating_sub(1));
    let text = format!(" {said} ");
    let columns = width(&text).min(layout.footer.width.saturating_sub(4));
    let x = layout.footer.right().saturating_sub(columns + 2);
    let style = canvas.badge(if bad { Ink::Bad } else { Ink::Lead });
    canvas.text(x, y, columns, &text, style);
}

/// The keys that were pressed of late, and what each does.
fn keys(canvas: &mut Canvas<'_>, screen: Rect, view: &View) {
    let Some(keys) = &view.keys else { return };
    let mut row = Row::new();
    for pressed in keys {
        row.push(format!(" {} ", pressed.key), canvas.theme.selected());
        row.push(format!(" {}  ", pressed.word), canvas.ink(Ink::Strong));
    }
    let y = screen.bottom().saturating_sub(3).max(screen.y);
    canvas.row_right(screen.right().saturating_sub(1), y, screen.width, &row);
}

fn dialog(canvas: &mut Canvas<'_>, screen: Rect, world: &World, view: &View, now: LabTime) {
    match &view.mode {
        Mode::Normal => {}
        Mode::Help(search) => {
            let area =
                page(canvas, screen, HELP_COLUMNS, screen.height, " Keys that are valid here ");
            help::draw(canvas, area, search, world, view);
        }
        Mode::Inspect => {
            let title = inspect::title(world, view);
            let area = page(canvas, screen, screen.width.min(90), screen.height.min(34), &title);
            inspect::draw(canvas, area, world, view, now);
        }
        Mode::Why => {
            let columns = screen.width.min(76);
            let rows = race::why_page_rows(world, view, columns.saturating_sub(4)) + 2;
            let area = page(canvas, screen, columns, rows.min(screen.height), " Why ");
            race::draw_why_page(canvas, area, world, view);
        }
        Mode::Palette(prompt) => palette_view::draw(canvas, screen, prompt, world, view),
        Mode::Filter(prompt) => typed(canvas, screen, "/", prompt),
        Mode::Choosing(chooser) => {
            let above = Rect { height: screen.height - 1, ..screen };
            chooser.draw(canvas, above);
        }
        Mode::QuitAsked => leave_asked(canvas, screen, [" Quit? ", " quit   "]),
        Mode::TopologiesAsked => {
            leave_asked(canvas, screen, [" Another topology? ", " open another   "]);
        }
        Mode::WipeAsked(id) => {
            let name = world.topology.names.of(*id);
            let title = format!(" Empty the disk of {name}? ");
            let text = "All that it holds is gone for good.";
            asked(canvas, screen, &title, text, " empty it   ");
        }
        Mode::RestoreAsked => {
            let title = match world.steps.step {
                0 => " Back to the start of the lab? ".to_owned(),
                step => format!(" Begin step {step} again? "),
            };
            let forgotten = steps::present(world).and_then(|step| step.remembered.as_deref());
            let forgotten = forgotten.map_or_else(String::new, |what| {
                format!(
                    " But processes start anew, and this step rests on what they remember: {what}."
                )
            });
            let text = format!("What was done since is taken back.{forgotten}");
            asked(canvas, screen, &title, &text, " begin again   ");
        }
        Mode::Edition => {
            let Some(edition) = &view.edition else { return };
            let columns = screen.width.min(100);
            let rows = super::edition::height(canvas, edition, columns.saturating_sub(4)) + 2;
            let area = page(canvas, screen, columns, rows.min(screen.height), edition.title());
            super::edition::draw(canvas, area, edition, world, view.down);
        }
        Mode::Diagram(diagram) => {
            let title = diagram_view::title(diagram, world, view);
            let area = page(canvas, screen, screen.width, screen.height, &title);
            diagram_view::draw(canvas, area, diagram, world, view);
        }
        Mode::Losses => {
            let title = " What is wrong, and what is gone ";
            let area = page(canvas, screen, screen.width.min(100), screen.height, title);
            store::lost::draw(canvas, area, world, view.down, now);
        }
    }
}

/// The question before anything that ends the lab.
fn leave_asked(canvas: &mut Canvas<'_>, screen: Rect, [title, yes]: [&str; 2]) {
    asked(canvas, screen, title, "This lab ends, with everything in it.", yes);
}

/// A question that only `y` answers.
fn asked(canvas: &mut Canvas<'_>, screen: Rect, title: &str, text: &str, yes: &str) {
    let columns = screen.width.min(44);
    let lines = paint::wrap(text, columns.saturating_sub(4)).len() as u16;
    let area = page(canvas, screen, columns, lines + 3, title);
    let room = area.height.saturating_sub(1);
    canvas.paragraph(Rect { height: room, ..area }, text, canvas.ink(Ink::Text));
    let row = Row::new()
        .with(" y ", canvas.theme.selected())
        .with(yes, canvas.ink(Ink::Text))
        .with(" n ", canvas.theme.selected())
        .with(" stay", canvas.ink(Ink::Text));
    canvas.row(area.x, area.y + room, area.width, &row);
}

/// A page over the middle of the screen, above the row of keys; gives what is inside.
fn page(canvas: &mut Canvas<'_>, screen: Rect, columns: u16, rows: u16, title: &str) -> Rect {
    let area = page_area(screen, columns, rows);
    canvas.clear(area);
    let title = Row::new().with(title, canvas.ink(Ink::Strong));
    canvas.frame(area, Border::Box, true, &title, &Row::new());
    inside(area)
}

/// Two columns of keys with their edge.
const HELP_COLUMNS: u16 = 124;

/// Where a page lies.
fn page_area(screen: Rect, columns: u16, rows: u16) -> Rect {
    let above = Rect { height: screen.height.saturating_sub(1).max(1), ..screen };
    layout::centred(above, columns, rows)
}

/// What is inside a page's edge, with a column of air at each side.
fn inside(area: Rect) -> Rect {
    let inner = paint::inside(area, Border::Box);
    if inner.width > 4 { Rect { x: inner.x + 1, width: inner.width - 2, ..inner } } else { inner }
}
