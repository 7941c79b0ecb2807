//! Logs: one JSON object a line on standard output, as CloudWatch Logs reads them.

use tracing_subscriber::EnvFilter;

/// Starts logging at `RUST_LOG` (`info`). A second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_ansi(false)
        .try_init();
    if started.is_err() {
        tracing::debug!("logging was started already");
    }
}
