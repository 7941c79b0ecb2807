//! Gives each part of a worker what it uses.

use std::sync::Arc;

use super::{
    accounts::{Accounts, Registrar},
    adapters::Adapters,
    chores::{Chores, Contacts, KeyRollovers, Revocations},
    health::Health,
    issue::{limiter::Limiter, pace::Pace},
    issuer::{IssueAdapters, Issuer},
    renew::Renewals,
    settings::WorkerSettings,
};
use crate::{dns::ledger::Ledger, renewal_request::RenewalRequests};

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
    accounts: Arc<Accounts>,
    health: Arc<Health>,
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
        clock: of.clock.clone(),
        settings,
    }
}

pub(super) fn issuer(
    of: &Adapters,
    accounts: Arc<Accounts>,
    health: Arc<Health>,
    settings: WorkerSettings,
) -> Issuer {
    let ledger = Ledger::new(of.zones.clone(), of.store.challenges.clone(), of.clock.clone());
    Issuer {
        adapters: IssueAdapters {
            store: of.store.issuing.clone(),
            vault: of.vault.clone(),
            ca: of.ca.clone(),
            zones: of.zones.clone(),
            view: of.view.clone(),
            clock: of.clock.clone(),
            providers: of.providers.clone(),
        },
        ledger,
        accounts,
        health,
        limiter: Limiter::new(of.store.rates.clone()),
        settings,
        pace: Pace::default(),
    }
}

pub(super) fn chores(of: &Adapters, accounts: &Arc<Accounts>, settings: WorkerSettings) -> Chores {
    Chores {
        chores: of.store.chores.clone(),
        certificates: of.store.certificate_lifecycle.clone(),
        relations: of.store.relations.clone(),
        vault: of.vault.clone(),
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
            versions: of.store.renewals.clone(),
            lifecycle: of.store.certificate_lifecycle.clone(),
            vault: of.vault.clone(),
            ca: of.ca.clone(),
            accounts: accounts.clone(),
            providers: of.providers.clone(),
            clock: of.clock.clone(),
        },
        clock: of.clock.clone(),
        settings,
    }
}
