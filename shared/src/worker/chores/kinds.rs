//! What each chore does.

use std::sync::Arc;

use super::{contact::Contacts, gone::unless_gone, key_rollover::KeyRollovers, revocations::Revocations};
use crate::{
    clock::Timer,
    denials::Denials,
    store::{CertificateLifecycle, CertificateRelations, ChoreStore},
    vault::KeyVault,
    worker::{accounts::Accounts, settings::WorkerSettings},
};
use certmint_core::{
    chore::Chore,
    words::{Failure, NameSet, ProviderId},
};

/// Does chores.
pub(in crate::worker) struct Chores {
    pub(in crate::worker) chores: Arc<dyn ChoreStore>,
    pub(in crate::worker) certificates: Arc<dyn CertificateLifecycle>,
    pub(in crate::worker) relations: Arc<dyn CertificateRelations>,
    pub(in crate::worker) vault: Arc<dyn KeyVault>,
    pub(in crate::worker) accounts: Arc<Accounts>,
    pub(in crate::worker) contacts: Contacts,
    pub(in crate::worker) rollovers: KeyRollovers,
    pub(in crate::worker) revocations: Revocations,
    pub(in crate::worker) denials: Arc<Denials>,
    pub(in crate::worker) clock: Arc<dyn Timer>,
    pub(in crate::worker) settings: WorkerSettings,
}

impl Chores {
    /// The CA that a chore asks, if it asks one. At most one read.
    pub(super) async fn ca_of(&self, chore: &Chore) -> Option<ProviderId> {
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

    pub(super) async fn do_chore(&self, chore: &Chore) -> Result<(), Failure> {
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
