//! What a frame costs: processor time, bytes, and how many are drawn; and what an open panel costs the lab behind it.
//!
//! `cargo bench --bench frames` prints the figures. The frames are drawn at 200x60 with everything that the panel does
//! for one (layout, drawing, the difference to the frame before, the bytes for the terminal); beside the map, in the
//! same run, ratatui's `Canvas` draws a line for each link and a label for each node. The last two figures are of the
//! real program, in a pseudo-terminal and without one, under the same outside load; `cargo bench --bench frames --
//! load` measures these two alone.

mod shown;
mod terminal;

use faultlab::base::LabTime;
use faultlab::panel::{self, Depth, Panel, PanelId, Theme};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Line};
use ratatui::{Terminal, TerminalOptions, Viewport};
use shown::{program, worlds};
use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };
/// Frames that are timed, one after the other.
const FRAMES: u64 = 300;
/// Between two frames while something moves.
const FRAME: Duration = Duration::from_millis(33);
const NIGHT: Theme = Theme::night(Depth::Indexed, false);

fn main() {
    if std::env::args().any(|word| word == "load") {
        return program::load();
    }
    println!("a frame at {}x{}, processor time, median of {FRAMES}", AREA.width, AREA.height);
    for nodes in [100, 1000] {
        let (mut panel, now) = worlds::busy(nodes);
        let whole = drawn(&mut panel, now, still);
        let canvas = canvas(&panel);
        panel.view.zoom = true;
        let map = drawn(&mut panel, now, still);
        println!(
            "  {nodes:4} nodes   panel {:6.0} µs   map alone {:6.0} µs   Canvas {:6.0} µs   map/Canvas {:.2}",
            whole.micros,
            map.micros,
            canvas,
            map.micros / canvas,
        );
        for panel_id in PanelId::ALL.into_iter().skip(1) {
            let (mut panel, now) = worlds::busy(nodes);
            (panel.view.focus, panel.view.zoom) = (panel_id, true);
            let alone = drawn(&mut panel, now, still);
            println!("               {:14} {:6.0} µs", panel_id.word(), alone.micros);
        }
    }
    let (mut panel, mut lab) = worlds::beating();
    let now = panel.world.now;
    let beats = drawn(&mut panel, now, |panel, now| lab.go_on(panel, now));
    println!("bytes a frame while heartbeats move   median {}   most {}", beats.bytes, beats.most);
    program::frames();
    program::load();
}

/// What frames cost.
struct Cost {
    /// Processor time of one, at the median.
    micros: f64,
    /// Bytes of one, at the median.
    bytes: u64,
    /// Bytes of the longest.
    most: u64,
}

/// A terminal that counts.
#[derive(Debug, Clone, Default)]
struct Counter(Rc<Cell<u64>>);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn terminal(counter: &Counter) -> Terminal<CrosstermBackend<Counter>> {
    let options = TerminalOptions { viewport: Viewport::Fixed(AREA) };
    Terminal::with_options(CrosstermBackend::new(counter.clone()), options)
        .expect("a terminal that only counts")
}

/// Nothing but time goes on.
fn still(_: &mut Panel, _: LabTime) {}

/// Draws frame after frame, as time goes on.
fn drawn(panel: &mut Panel, from: LabTime, mut step: impl FnMut(&mut Panel, LabTime)) -> Cost {
    let counter = Counter::default();
    let mut terminal = terminal(&counter);
    let (mut micros, mut bytes) = (Vec::new(), Vec::new());
    for at in 0..=FRAMES {
        let now = from + FRAME * at as u32;
        step(panel, now);
        let (begun, before) = (processor(), counter.0.get());
        terminal
            .draw(|frame| panel::draw(&panel.world, &panel.view, &NIGHT, now, frame))
            .expect("it is only counted");
        // The first frame is the whole screen: it comes once.
        if at > 0 {
            micros.push(processor().saturating_sub(begun).as_secs_f64() * 1e6);
            bytes.push(counter.0.get() - before);
        }
    }
    micros.sort_by(f64::total_cmp);
    bytes.sort_unstable();
    let middle = micros.len() / 2;
    let most = bytes.last().copied().unwrap_or(0);
    Cost { micros: micros[middle], bytes: bytes[middle], most }
}

/// The same map as ratatui's own widget draws it: the nodes in rows, a line from the first to each.
fn canvas(panel: &Panel) -> f64 {
    let counter = Counter::default();
    let mut terminal = terminal(&counter);
    let names: Vec<String> = panel.world.topology.names.iter().map(str::to_owned).collect();
    let (width, height) = (f64::from(AREA.width), f64::from(AREA.height));
    let per_row = 20;
    let place = |at: usize| {
        let (row, column) = (at / per_row, at % per_row);
        (column as f64 * width / per_row as f64, height - 2.0 - row as f64)
    };
    let mut micros = Vec::new();
    for _ in 0..=FRAMES {
        let begun = processor();
        let painted =
            Canvas::default().x_bounds([0.0, width]).y_bounds([0.0, height]).paint(|it| {
                for at in 1..names.len() {
                    let (x, y) = place(at);
                    it.draw(&Line { x1: width / 2.0, y1: height, x2: x, y2: y, ..Line::default() });
                }
                it.layer();
                for (at, name) in names.iter().enumerate() {
                    let (x, y) = place(at);
                    it.print(x, y, name.clone());
                }
            });
        terminal
            .draw(|frame| painted.render(AREA, frame.buffer_mut()))
            .expect("it is only counted");
        micros.push(processor().saturating_sub(begun).as_secs_f64() * 1e6);
    }
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

/// Processor time of this thread; where the system does not tell it, the time on the wall.
fn processor() -> Duration {
    thread_local! {
        static BEGUN: Instant = Instant::now();
    }
    // The system adds up what a thread has used when it lets another run.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| BEGUN.with(Instant::elapsed), Duration::from_nanos)
}
