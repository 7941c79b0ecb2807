//! What the worker reaches the world through.

use std::sync::Arc;

use crate::{
    acme::Ca,
    clock::Timer,
    dns::{DnsView, DnsZones},
    store::Stores,
    vault::KeyVault,
    wake::WakeQueue,
};
use certmint_core::provider::Providers;

/// The bag that a worker is made from. Its parts take out of it what they use.
#[derive(Clone)]
pub struct Adapters {
    /// State.
    pub store: Stores,
    /// Secrets.
    pub vault: Arc<dyn KeyVault>,
    /// The CA.
    pub ca: Arc<dyn Ca>,
    /// Zones we may write.
    pub zones: Arc<dyn DnsZones>,
    /// The DNS that everybody sees.
    pub view: Arc<dyn DnsView>,
    /// What starts a worker later.
    pub wakes: Arc<dyn WakeQueue>,
    /// The time.
    pub clock: Arc<dyn Timer>,
    /// The configured CAs.
    pub providers: Providers,
}
