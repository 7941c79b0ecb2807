//! Gives each part of a worker what it uses.

use std::sync::Arc;

use futures::lock::Mutex;

use super::{
    accounts::{Accounts, Registrar},
    adapters::Adapters,
    chores::{Chores, Contacts, KeyRollovers, Revocations},
    health::Health,
    issue::issuer::{IssueAdapters, Issuer},
    renew::Renewals,
    settings::WorkerSettings,
    watch::Watch,
};
use crate::{denials::Denials, renewal_request::RenewalRequests};

/// What all parts share.
pub(super) type Shared = (Arc<Accounts>, Arc<Health>, Arc<Denials>);

pub(super) fn accounts(of: &Adapters, health: Arc<Health>) -> Accounts {
    let (store, vault) = (of.store.accounts.clone(), of.vault.clone());
    let registrar = Registrar {
        store: store.clone(),
        vault: vault.clone(),
        ca: of.ca.clone(),
        clock: of.clock.clone(),
    };
    Accounts::new(
        store,
        vault,
        registrar,
        health,
        of.providers.clone(),
        of.clock.clone(),
    )
}

pub(super) fn renewals(
    of: &Adapters,
    (accounts, health, denials): Shared,
    settings: WorkerSettings,
) -> Renewals {
    Renewals {
        certificates: of.store.certificates.clone(),
        renewals: of.store.renewals.clone(),
        requests: RenewalRequests {
            requests: of.store.requests.clone(),
            accounts: of.store.accounts.clone(),
            fallback: of.store.fallback.clone(),
            relations: of.store.relations.clone(),
        },
        ca: of.ca.clone(),
        accounts,
        health,
        denials,
        clock: of.clock.clone(),
        settings,
    }
}

pub(super) fn watch(of: &Adapters, settings: WorkerSettings) -> Watch {
    Watch {
        heartbeats: of.store.heartbeats.clone(),
        timer: of.clock.clone(),
        settings,
        seen: Mutex::default(),
    }
}

pub(super) fn issuer(of: &Adapters, (accounts, health, denials): Shared, settings: WorkerSettings) -> Issuer {
    let adapters = IssueAdapters {
        requests: of.store.requests.clone(),
        certificates: of.store.certificates.clone(),
        renewals: of.store.renewals.clone(),
        relations: of.store.relations.clone(),
        challenges: of.store.challenges.clone(),
        rates: of.store.rates.clone(),
        vault: of.vault.clone(),
        ca: of.ca.clone(),
        zones: of.zones.clone(),
        view: of.view.clone(),
        clock: of.clock.clone(),
        providers: of.providers.clone(),
    };
    Issuer::new(adapters, accounts, health, denials, settings)
}

pub(super) fn chores(
    of: &Adapters,
    accounts: &Arc<Accounts>,
    denials: Arc<Denials>,
    settings: WorkerSettings,
) -> Chores {
    Chores {
        chores: of.store.chores.clone(),
        certificates: of.store.certificate_lifecycle.clone(),
        relations: of.store.relations.clone(),
        vault: of.vault.clone(),
        accounts: accounts.clone(),
        contacts: Contacts {
            store: of.store.accounts.clone(),
            ca: of.ca.clone(),
            accounts: accounts.clone(),
            clock: of.clock.clone(),
        },
        rollovers: KeyRollovers {
            store: of.store.accounts.clone(),
            keys: of.store.account_keys.clone(),
            vault: of.vault.clone(),
            ca: of.ca.clone(),
            accounts: accounts.clone(),
            clock: of.clock.clone(),
        },
        revocations: Revocations {
            certificates: of.store.certificates.clone(),
            versions: of.store.renewals.clone(),
            lifecycle: of.store.certificate_lifecycle.clone(),
            vault: of.vault.clone(),
            ca: of.ca.clone(),
            accounts: accounts.clone(),
            providers: of.providers.clone(),
            clock: of.clock.clone(),
        },
        denials,
        clock: of.clock.clone(),
        settings,
    }
}
