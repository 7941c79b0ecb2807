//! What is logged while a test runs, in its own thread.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::subscriber::{DefaultGuard, set_default};

/// Keeps the log of this thread as long as it lives.
pub struct Logged {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panics under the lock")
            .extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logged {
    /// Begins.
    #[must_use]
    pub fn new() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone());
        Self {
            lines,
            _guard: set_default(subscriber.finish()),
        }
    }

    /// Lines since the last call that raise this alarm.
    ///
    /// # Panics
    /// If a test panicked under the lock.
    #[must_use]
    pub fn alarms(&self, word: &str) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.lines.0.lock().expect("no test panics under the lock"));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let alarm = format!(r#""alarm":"{word}""#);
        text.lines()
            .filter(|line| line.contains(&alarm))
            .map(str::to_owned)
            .collect()
    }
}

impl Default for Logged {
    fn default() -> Self {
        Self::new()
    }
}
