//! The terminal while the panel has it: raw mode, alternate screen, paste and cursor are entered once and left once, on
//! every way out: return, panic of this thread, signal, hang-up.
//!
//! It knows nothing of what is drawn.

use super::copy::Copied;
use super::guard::{self, Guard, Woken};
use super::keymap::Keymap;
use super::keys;
use super::theme::Theme;
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Frame, Terminal};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How the panel shall look.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch, and none rules another out")]
pub struct Options {
    /// Colours and glyphs.
    pub theme: Theme,
    /// Whether the lecture layout is used at any size.
    pub big: bool,
    /// Whether a presenter's keys lead through the lecture wherever the focus is.
    pub clicker: bool,
    /// Whether the terminal may have a clipboard that programs can fill (OSC 52).
    pub clipboard: bool,
    /// Which key does what.
    pub keymap: Arc<Keymap>,
    /// Whether marks travel along their links.
    pub motion: bool,
    /// Whether the mouse selects and scrolls from the start.
    pub mouse: bool,
}

impl Options {
    /// What the environment asks for.
    #[must_use]
    pub fn of_surroundings() -> Self {
        let get = |name: &str| std::env::var(name).ok();
        let clipboard = get("TERM").is_some_and(|term| !["", "dumb", "linux"].contains(&&*term));
        let (theme, keymap) = (Theme::of_surroundings(get), Arc::default());
        let (big, clicker, motion, mouse) = (false, false, true, false);
        Self { theme, big, clicker, clipboard, keymap, motion, mouse }
    }
}

/// Why there is no panel.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Standard input or output is a pipe or a file.
    #[error("{0} is no terminal: the panel needs one; `faultlab run FILE --headless` does without")]
    NotATerminal(&'static str),
    /// The terminal did not do what was asked.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// Frames are written at once: the terminal never shows half of one.
const FRAME_BYTES: usize = 256 * 1024;
/// Events that wait for the panel; more only come while it is stuck, and then the terminal keeps them.
const INPUT_MAX: usize = 256;
/// How long the last words to the terminal may take when it does not read.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Columns and rows that are drawn at most. Larger terminals are no screens but mistakes (`stty cols 65535`), and a
/// frame for one would not fit into memory.
const SIZE_MAX: (u16, u16) = (1000, 500);

/// Presses and the wheel, with places of any size; nothing is said of mere motion.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

type Out = BufWriter<File>;

/// What gives the terminal back, from whichever thread comes first.
#[derive(Debug)]
pub struct Restorer {
    entered: AtomicBool,
    /// Whether the mouse belongs to the panel while it is entered.
    mouse: AtomicBool,
    usual: Termios,
    out: File,
}

impl Restorer {
    /// Leaves alternate screen and raw mode, once for each time they were entered.
    pub fn restore(&self) {
        if !self.entered.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut words = Vec::new();
        // Writing into memory cannot fail.
        let _ = execute!(words, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let mut reset = b"\x1b[0m".to_vec();
        if self.mouse.load(Ordering::Acquire) {
            reset.extend_from_slice(MOUSE_OFF);
        }
        reset.append(&mut words);
        if self.takes_output() {
            let _ = (&self.out).write_all(&reset);
        }
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &self.usual);
    }

    /// Whether the terminal reads: a write to one that does not would hang this thread as well.
    fn takes_output(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let limit = Timespec::try_from(LAST_WORDS).ok();
        let mut fds = [PollFd::new(&self.out, PollFlags::OUT)];
        poll(&mut fds, limit.as_ref()).is_ok_and(|ready| ready > 0)
            && fds[0].revents().contains(PollFlags::OUT)
    }

    fn enter(&self) -> io::Result<()> {
        let mut raw = self.usual.clone();
        raw.make_raw();
        self.entered.store(true, Ordering::Release);
        tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &raw)?;
        execute!(&self.out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        if self.mouse.load(Ordering::Acquire) {
            (&self.out).write_all(MOUSE_ON)?;
        }
        Ok(())
    }

    /// Takes the mouse, or gives it back.
    fn set_mouse(&self, on: bool) -> io::Result<()> {
        if self.mouse.swap(on, Ordering::AcqRel) == on {
            return Ok(());
        }
        (&self.out).write_all(if on { MOUSE_ON } else { MOUSE_OFF })
    }
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// The terminal, taken. Dropping it gives the terminal back.
pub struct Session {
    terminal: Terminal<Lines>,
    restorer: Arc<Restorer>,
    guard: Arc<Guard>,
    input: Receiver<Woken>,
    hook: Option<Arc<Hook>>,
    /// How things look; `T` changes it.
    pub theme: Theme,
    /// What was asked for at the start.
    pub options: Options,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Session {
    /// Takes the terminal. Both standard input and output must be one; nothing is written otherwise.
    ///
    /// # Errors
    /// [`SessionError`], with the remedy.
    pub fn enter(options: Options) -> Result<Self, SessionError> {
        // The theme alone decides about colours: the library would heed `NO_COLOR` even where one was asked for by its
        // name.
        crossterm::style::force_color_output(true);
        let (stdin, stdout) = (io::stdin(), io::stdout());
        for (it, name) in [(isatty(&stdout), "standard output"), (isatty(&stdin), "standard input")]
        {
            if !it {
                return Err(SessionError::NotATerminal(name));
            }
        }
        let out = File::from(stdout.as_fd().try_clone_to_owned()?);
        let usual = tcgetattr(&stdin).map_err(io::Error::from)?;
        let (entered, mouse) = (AtomicBool::new(false), AtomicBool::new(false));
        let restorer = Arc::new(Restorer { entered, mouse, usual, out: out.try_clone()? });
        let guard = guard::start()?;
        let (sender, input) = sync_channel(INPUT_MAX);
        guard.open(restorer.clone(), sender.clone());
        let hook = Some(hook(restorer.clone()));
        let lines = Lines { inner: CrosstermBackend::new(Out::with_capacity(FRAME_BYTES, out)) };
        let entered = restorer.enter();
        let terminal = Terminal::new(lines);
        let theme = options.theme;
        let session = match terminal {
            Ok(terminal) => Self { terminal, restorer, guard, input, hook, theme, options },
            Err(error) => {
                restorer.restore();
                return Err(error.into());
            }
        };
        entered?;
        // A thread of its own: a terminal that sends nothing must not hold the panel up, and a library that goes round
        // in circles at the end of its input must not either.
        let forward = move || keys::forward(&sender);
        std::thread::Builder::new().name("panel-keys".into()).spawn(forward)?;
        Ok(session)
    }

    /// Waits for something to happen, at most so long.
    pub fn wait(&self, limit: Duration) -> Option<Woken> {
        match self.input.recv_timeout(limit) {
            Ok(woken) => Some(woken),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // The reader of keys ended: the terminal is as good as gone; do not spin.
                std::thread::sleep(limit);
                None
            }
        }
    }

    /// The next key, paste or size that has come already, without waiting.
    pub fn input_at_hand(&self) -> Option<crossterm::event::Event> {
        // What a signal changed is looked at in each turn anyway.
        self.input.try_iter().find_map(|woken| match woken {
            Woken::Input(input) => Some(input),
            Woken::Signal => None,
        })
    }

    /// What the signals said.
    #[must_use]
    pub fn said(&self) -> &guard::Said {
        &self.guard.said
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(paint).map(|_| ())
    }

    /// Columns and rows now.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let size = self.terminal.backend().size().unwrap_or(Size::new(80, 24));
        (size.width, size.height)
    }

    /// Forgets what the terminal shows, so that the next frame draws every cell.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn redraw(&mut self) -> io::Result<()> {
        let (width, height) = self.size();
        // `Terminal::clear` would ask the terminal where its cursor is and wait for an answer; this does not.
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    /// Puts a text into the terminal's clipboard. Whether the terminal does so, it does not say.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn copy(&mut self, copied: &Copied) -> io::Result<()> {
        let out = &mut self.terminal.backend_mut().inner;
        execute!(out, CopyToClipboard::to_clipboard_from(copied.text()))
    }

    /// Lets the mouse select and scroll, or gives it back to the terminal.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn set_mouse(&self, on: bool) -> io::Result<()> {
        self.restorer.set_mouse(on)
    }

    /// Gives the terminal back, stops this process as the shell's job control does, and takes the terminal again when
    /// the process goes on.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.restorer.restore();
        // A SIGTSTP that a process sends itself is dropped when its group is orphaned; SIGSTOP is not.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
        self.again()
    }

    /// Takes the terminal again after a stop, whoever caused it: the shell may have changed its modes.
    ///
    /// # Errors
    /// When the terminal cannot be taken.
    pub fn again(&mut self) -> io::Result<()> {
        // After a stop that nobody announced the terminal is still entered: it is left first, so that whatever is
        // switched on is switched off as often.
        self.restorer.restore();
        self.restorer.enter()?;
        self.redraw()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.restorer.restore();
        self.guard.close();
        if let Some(hook) = self.hook.take()
            && !std::thread::panicking()
        {
            let _ = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| hook(info)));
        }
    }
}

/// A panic of this thread restores the terminal before its message; one of another thread is the lab's business, is
/// recorded there as a fact, and must not write over the screen.
fn hook(restorer: Arc<Restorer>) -> Arc<Hook> {
    let usual: Arc<Hook> = Arc::new(std::panic::take_hook());
    let kept = usual.clone();
    let ours = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == ours {
            restorer.restore();
            usual(info);
        } else if !restorer.entered.load(Ordering::Acquire) {
            usual(info);
        } else {
            tracing::error!(panic = %info, "a thread of the lab panicked");
        }
    }));
    kept
}

/// The crossterm backend, with the size taken from the terminal itself: no other program is ever asked.
#[derive(Debug)]
struct Lines {
    inner: CrosstermBackend<Out>,
}

impl Backend for Lines {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.inner.draw(content)
    }

    // The restorer hides and shows the cursor, once each; a terminal that is gone must not be spoken to again.
    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // Never asked of the terminal: the answer would come among the keys.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        let size = tcgetwinsize(io::stdout().as_fd())?;
        // A terminal that does not know its size says 0x0: then the usual one is as good a guess as any.
        if size.ws_col == 0 && size.ws_row == 0 {
            return Ok(Size::new(80, 24));
        }
        Ok(Size::new(size.ws_col.min(SIZE_MAX.0), size.ws_row.min(SIZE_MAX.1)))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let columns_rows = self.size()?;
        Ok(WindowSize { columns_rows, pixels: Size::new(0, 0) })
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}
