//! How a worker works.

use std::time::Duration;

/// Limits and times of a worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// Issuances in hand at once.
    pub batch_size: usize,
    /// Renewals looked at in a pass.
    pub renewals: usize,
    /// Calls in flight at once.
    pub parallelism: usize,
    /// Stop this long before the invocation's deadline: enough for one call and the last writes.
    pub margin: Duration,
    /// A worker says so often that it lives.
    pub beat: Duration,
    /// A worker that was seen silent for so long is gone, and what it held is others'. Half of it and the time of one
    /// call (15 s) are over before.
    pub lease: Duration,
    /// While requests are in a worker's hands, another looks this often whether it lives.
    pub lookout: Duration,
    /// A lease that nobody watched ends this long after the invocation's deadline.
    pub lease_margin: Duration,
    /// Clocks of two workers may differ by this much: each by five minutes, in opposite directions.
    pub skew: Duration,
    /// A pass may stand idle this long in all, waiting for what lags; what takes longer is handed back.
    pub patience: Duration,
    /// A TXT value that nobody renews is removed after this long. Longer than the longest wait between two tries, since a
    /// value stays over it.
    pub txt_lease: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            batch_size: 100,
            renewals: 200,
            parallelism: 16,
            margin: Duration::from_secs(20),
            beat: Duration::from_secs(5),
            lease: Duration::from_secs(50),
            lookout: Duration::from_secs(15),
            lease_margin: Duration::from_secs(30),
            skew: Duration::from_secs(10 * 60),
            patience: Duration::from_secs(1),
            txt_lease: Duration::from_secs(12 * 60 * 60),
        }
    }
}
