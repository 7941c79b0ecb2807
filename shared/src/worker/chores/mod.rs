//! Work beside issuances: what calls enqueued.

mod contact;
mod gone;
mod key_rollover;
mod revocations;

use std::{sync::Arc, time::Duration};

use self::gone::unless_gone;
pub(super) use self::{contact::Contacts, key_rollover::KeyRollovers, revocations::Revocations};
use super::{report::Done, settings::WorkerSettings};
use crate::{
    denials::Denials,
    store::{CertificateLifecycle, CertificateRelations, ChoreStore},
    vault::KeyVault,
};
use certmint_core::{
    chore::{Chore, StoredChore},
    clock::Clock,
    issuance::backoff,
    words::{Class, Failure, NameSet, Timestamp},
};

/// Chores in hand at once.
const BATCH: usize = 25;
/// A chore that our own rights do not allow is tried again at least this often.
const DENIED: Duration = Duration::from_secs(10 * 60);

/// Does the chores that are due.
pub(super) struct Chores {
    pub(super) chores: Arc<dyn ChoreStore>,
    pub(super) certificates: Arc<dyn CertificateLifecycle>,
    pub(super) relations: Arc<dyn CertificateRelations>,
    pub(super) vault: Arc<dyn KeyVault>,
    pub(super) contacts: Contacts,
    pub(super) rollovers: KeyRollovers,
    pub(super) revocations: Revocations,
    pub(super) denials: Arc<Denials>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: WorkerSettings,
}

/// What became of a chore.
enum Outcome {
    /// It is done.
    Done,
    /// It was tried, and is due again later.
    PutOff,
    /// Another worker has it, or it could not be taken up.
    NotTaken,
}

impl Chores {
    /// Does what is due, until `stop_at`; says how many were done. Safe beside other workers: a chore is taken up by
    /// one, and each can be done twice. One that fails is put off and keeps none of the others waiting.
    pub(super) async fn run(&self, stop_at: Timestamp, deadline: Timestamp) -> Done {
        let mut done = Done::default();
        while self.clock.now() < stop_at {
            let due = match self.chores.due_chores(self.clock.now(), BATCH).await {
                Ok(due) => due,
                Err(error) => {
                    done.errors.note("due chores", &error);
                    break;
                }
            };
            let mut taken = 0;
            for chore in due {
                let outcome = self.take_up(chore, deadline).await;
                done.count += usize::from(matches!(outcome, Outcome::Done));
                taken += usize::from(!matches!(outcome, Outcome::NotTaken));
            }
            if taken == 0 {
                break;
            }
        }
        done
    }

    async fn take_up(&self, chore: StoredChore, deadline: Timestamp) -> Outcome {
        let store = &self.chores;
        // Longer than this invocation lives, by any clock.
        let until = deadline.plus(self.settings.lease_margin + self.settings.skew);
        let taken = match store.take_chore(&chore, until).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Outcome::NotTaken,
            Err(error) => {
                tracing::warn!(chore = chore.name, %error, "chore not taken");
                self.denials.note(&error.into());
                return Outcome::NotTaken;
            }
        };
        match self.do_chore(&taken.chore).await {
            Ok(()) => {
                if let Err(error) = store.end_chore(&taken).await {
                    tracing::warn!(chore = taken.name, %error, "chore done, but not struck off; it is done again");
                }
                tracing::info!(chore = taken.name, "chore done");
                Outcome::Done
            }
            Err(failure) => {
                let error = &failure.problem.detail;
                tracing::warn!(chore = taken.name, tries = taken.tries, error, "chore failed");
                let seed = taken.name.bytes().map(u64::from).sum();
                self.denials.note(&failure);
                let wait = match (backoff(taken.tries, seed), failure.class) {
                    (wait, Class::Denied) => wait.min(DENIED),
                    (wait, _) => wait,
                };
                if let Err(error) = store.take_chore(&taken, self.clock.now().plus(wait)).await {
                    tracing::warn!(chore = taken.name, %error, "chore not put off");
                }
                Outcome::PutOff
            }
        }
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
