//! Work that is done beside the panel, one piece at a time, by a thread that ends with it: what takes long must not
//! delay a key.

use std::cell::RefCell;
use std::io;
use std::thread::{self, JoinHandle};

/// One piece of work, or none.
#[derive(Debug)]
pub struct Beside<T> {
    work: RefCell<Option<JoinHandle<io::Result<T>>>>,
}

impl<T> Default for Beside<T> {
    fn default() -> Self {
        Self { work: RefCell::new(None) }
    }
}

impl<T: Send + 'static> Beside<T> {
    /// Whether there is something that nobody has asked for yet.
    pub fn is_busy(&self) -> bool {
        self.work.borrow().is_some()
    }

    /// Begins; what was begun before must have been asked for.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn begin(
        &self,
        name: &str,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<()> {
        let thread = thread::Builder::new().name(name.into()).spawn(work)?;
        *self.work.borrow_mut() = Some(thread);
        Ok(())
    }

    /// What came of it, once.
    pub fn done(&self) -> Option<io::Result<T>> {
        let mut work = self.work.borrow_mut();
        let thread = work.take_if(|thread| thread.is_finished())?;
        Some(thread.join().unwrap_or_else(|_| Err(io::Error::other("it broke off"))))
    }

    /// Waits for its end. Nobody is left to be told how it came out.
    pub fn wait(&self) {
        if let Some(thread) = self.work.take() {
            let _ = thread.join();
        }
    }
}
