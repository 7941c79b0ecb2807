//! What the functions and the CA write, kept for whoever looks and shown as it comes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Lines kept in memory.
const KEPT: usize = 200_000;

/// A log; clones share it.
#[derive(Clone)]
pub struct Logs {
    lines: Arc<Mutex<VecDeque<String>>>,
    show: Option<fn(&str)>,
    tell: Option<fn(&str)>,
}

/// Whose lines those of the local mode itself are.
const OURS: &str = "certmint";

impl Logs {
    /// A log that hands each line to `show` too; without one, what a user must know goes to `tell`.
    #[must_use]
    pub fn new(show: Option<fn(&str)>, tell: Option<fn(&str)>) -> Self {
        Self {
            lines: Arc::default(),
            show,
            tell,
        }
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line of `who`.
    pub fn line(&self, who: &str, text: &str) {
        self.add(who, text, self.show);
    }

    /// Adds a line of our own, of what a user must know.
    pub fn notice(&self, text: &str) {
        self.add(OURS, text, self.show.or(self.tell));
    }

    fn add(&self, who: &str, text: &str, show: Option<fn(&str)>) {
        let line = format!("{who:<11} {text}");
        if let Some(show) = show {
            show(&line);
        }
        let mut lines = self.lines();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Adds what a process writes, line by line, until it ends.
    pub(crate) fn follow(&self, who: &'static str, stream: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let (Some(stream), logs) = (stream, self.clone()) else {
            return;
        };
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                logs.line(who, &line);
            }
        });
    }

    /// Everything that is kept.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.lines().iter().cloned().collect()
    }

    /// The last lines of `who`, for an error message.
    #[must_use]
    pub fn tail(&self, who: &str) -> String {
        let lines = self.lines();
        let own: Vec<&String> = lines.iter().filter(|l| l.starts_with(who)).collect();
        let from = own.len().saturating_sub(5);
        own.into_iter().skip(from).cloned().collect::<Vec<_>>().join("\n")
    }
}
