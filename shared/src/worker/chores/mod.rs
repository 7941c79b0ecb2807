//! Work beside issuances: what calls enqueued.

mod contact;
mod gone;
mod key_rollover;
mod revocations;
mod run;

use std::sync::Arc;

use self::gone::unless_gone;
use self::run::Run;
pub(super) use self::{contact::Contacts, key_rollover::KeyRollovers, revocations::Revocations};
use super::{accounts::Accounts, report::Done, settings::WorkerSettings};
use crate::{
    clock::Timer,
    denials::Denials,
    store::{CertificateLifecycle, CertificateRelations, ChoreStore},
    vault::KeyVault,
};
use certmint_core::{
    chore::Chore,
    words::{Failure, NameSet, ProviderId, Timestamp},
};

/// Does the chores that are due.
pub(super) struct Chores {
    pub(super) chores: Arc<dyn ChoreStore>,
    pub(super) certificates: Arc<dyn CertificateLifecycle>,
    pub(super) relations: Arc<dyn CertificateRelations>,
    pub(super) vault: Arc<dyn KeyVault>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) contacts: Contacts,
    pub(super) rollovers: KeyRollovers,
    pub(super) revocations: Revocations,
    pub(super) denials: Arc<Denials>,
    pub(super) clock: Arc<dyn Timer>,
    pub(super) settings: WorkerSettings,
}

impl Chores {
    /// Does what is due, until `stop_at`; says how many were done. Safe beside other workers: a chore is taken up by
    /// one, and each can be done twice. One that fails is put off, and one that is slow keeps none but those of its CA
    /// waiting.
    pub(super) async fn run(&self, stop_at: Timestamp, deadline: Timestamp) -> Done {
        Run::new(self, stop_at, deadline).run().await
    }

    /// The CA that a chore asks, if it asks one. At most one read.
    async fn ca_of(&self, chore: &Chore) -> Option<ProviderId> {
        let account = match chore {
            Chore::UpdateContact { id } | Chore::RollKey { id, .. } | Chore::DiscardKey { id, .. } => *id,
            Chore::RevokeCertificate { id } => return self.revocations.ca_of(*id).await,
            Chore::DeleteSecrets { .. }
            | Chore::DeleteKeys { .. }
            | Chore::ExpireCertificate { .. }
            | Chore::IndexNames { .. }
            | Chore::RemoveCertificate { .. } => return None,
        };
        let provider = self.accounts.provider(account).await.ok()?;
        Some(provider.id)
    }

    async fn do_chore(&self, chore: &Chore) -> Result<(), Failure> {
        match chore {
            Chore::DeleteSecrets { names } => {
                for name in names {
                    self.vault.delete(name).await?;
                }
                Ok(())
            }
            Chore::DeleteKeys { keys, names } => {
                let mut used = self.relations.keys_in_use(names).await?;
                // The certificate may have been ordered without those that a star covers.
                if let Ok(names) = NameSet::try_from(names.clone())
                    && names.covered().next().is_some()
                {
                    let ordered = names.without_covered();
                    used.extend(self.relations.keys_in_use(ordered.as_slice()).await?);
                }
                for name in keys.iter().filter(|name| !used.contains(name)) {
                    self.vault.delete(name).await?;
                }
                Ok(())
            }
            Chore::UpdateContact { id } => self.contacts.update(*id).await,
            Chore::RollKey { id, version } => self.rollovers.roll(*id, *version).await,
            Chore::DiscardKey { id, version } => self.rollovers.discard(*id, *version).await,
            Chore::RevokeCertificate { id } => self.revocations.revoke(*id).await,
            Chore::ExpireCertificate { id } => {
                let moved = self.certificates.expire_certificate(*id, self.clock.now()).await;
                moved.map(|_| ()).or_else(unless_gone)
            }
            Chore::IndexNames { id } => self.certificates.index_names(*id).await.or_else(unless_gone),
            Chore::RemoveCertificate { id } => {
                let removed = self.certificates.remove_certificate(*id, self.clock.now()).await;
                removed.map_err(Into::into)
            }
        }
    }
}
