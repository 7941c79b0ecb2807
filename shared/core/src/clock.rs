//! The time as an argument.

use crate::words::Timestamp;

/// Reads the time; only binaries and adapters hold one.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
