//! What must hold when nothing is left to do.

use std::collections::BTreeSet;

use certmint_core::{
    account::Account,
    challenge::TxtStatus,
    issuance::{Request, RequestStatus},
    words::{AcmeError, Cause, CertificateId, RequestId},
};

use super::{
    ca_state::CaState,
    op::DENIED,
    renewed,
    tally::Tally,
    vault::Secrets,
    world::{Verdict, World},
};

/// Problems that a CA or the DNS means for good.
const FOR_GOOD: [Cause; 8] = [
    Cause::Acme(AcmeError::RejectedIdentifier),
    Cause::Acme(AcmeError::Caa),
    Cause::Acme(AcmeError::Unauthorized),
    Cause::Account,
    Cause::NoDomain,
    Cause::NoZone,
    Cause::Dns,
    Cause::Deadline,
];

pub(super) fn of(world: &World) -> Verdict {
    let mut violations = std::mem::take(&mut world.timeline.lock().violations);
    if violations.is_empty() {
        violations = judge(world);
    }
    let mut tally = world.timeline.lock().tally.clone();
    for (_, id) in world.ended() {
        match world.status(id) {
            Some(RequestStatus::Success) => tally.succeeded += 1,
            Some(RequestStatus::Failed) => tally.failed += 1,
            _ => {}
        }
    }
    count_later(world, &mut tally);
    let trace = world.timeline.lock().trace.take().unwrap_or_default();
    Verdict {
        violations,
        tally,
        trace,
    }
}

fn count_later(world: &World, tally: &mut Tally) {
    let lock = "no model panics under the lock";
    let tables = world.outside.tables.lock().expect(lock);
    let failed_over = tables
        .requests
        .values()
        .filter(|r| r.issuance.failover.current() > 0);
    tally.failed_over = failed_over.count() as u64;
    tally.renewed = tables.versions.len() as u64;
    tally.removed = tables.removed.len() as u64;
    tally.expired = tables.expired.len() as u64;
    tally.revoked = world.outside.ca.lock().expect(lock).revoked.len() as u64;
}

fn judge(world: &World) -> Vec<String> {
    let lock = "no model panics under the lock";
    let mut found = world.outside.zones.lock().expect(lock).differences();
    let tables = world.outside.tables.lock().expect(lock);
    let open = tables.txt.values().filter(|r| r.status != TxtStatus::Removed);
    found.extend(open.map(|r| format!("{} at {} is still owed", r.value, r.fqdn)));
    let ca = world.outside.ca.lock().expect(lock);
    let removed = tables.removed.values().flatten().cloned();
    // Those of older versions are looked at one by one.
    let older = tables.versions.values().map(|c| c.key_ref.clone());
    let removed: BTreeSet<String> = removed.chain(older).collect();
    found.extend(ca.keyless(&world.outside.secrets, &removed));
    for account in tables.accounts.values() {
        found.extend(keys(account, &ca, &world.outside.secrets));
    }
    let recorded_by = |id: RequestId| {
        let all = tables.certificates.values().chain(tables.versions.values());
        all.filter(|c| c.request_id == Some(id)).count() as u64
    };
    for (place, id) in world.ended() {
        let ask = &world.scenario.asks[place];
        let request = &tables.requests[&id];
        if ask.unreadable {
            if !tables.quarantined.contains(&id) {
                found.push(format!("unreadable request {id} was not set aside"));
            }
            continue;
        }
        let lives = 1 + world.retried.get(&id).copied().unwrap_or(0);
        let (recorded, bought) = (recorded_by(id), bought(&ca, id));
        if recorded > lives || bought > lives {
            found.push(format!(
                "request {id} has {recorded} certificates of {bought} issued"
            ));
        }
        match request.status {
            RequestStatus::Success => {
                let result = request.result_certificate_id.map(CertificateId::get);
                let is_there = result.is_some_and(|c| tables.certificates.contains_key(&c) && recorded > 0);
                if !is_there && result.is_none_or(|c| !tables.removed.contains_key(&c)) {
                    found.push(format!("request {id} succeeded without its certificate"));
                }
                // A key that is changed under a request costs it a try.
                let alone = lives == 1 && world.scenario.rollovers.is_empty();
                let quiet = world.scenario.gentle && world.scenario.faults.are_none() && alone;
                if quiet && (request.issuance.attempts, request.issuance.failures) != (1, 0) {
                    found.push(format!(
                        "request {id} took {} tries on a good day",
                        request.issuance.attempts
                    ));
                }
            }
            _ => found.extend(ended(request, world.scenario.gentle && ask.can_succeed())),
        }
        found.extend(owes(request));
    }
    let later = world.scenario.later.as_ref();
    found.extend(later.iter().flat_map(|l| renewed::judge(world, l, &tables, &ca)));
    found
}

/// The CA has one key of each account, the one that the account names; no other is in the vault.
fn keys(account: &Account, ca: &CaState, secrets: &Secrets) -> Vec<String> {
    let mut found = Vec::new();
    let id = account.id;
    if let Some(rollover) = account.open_rollover() {
        found.push(format!("account {id} changes its key for ever: {rollover:?}"));
    }
    let Some(uri) = &account.registration_uri else {
        return found;
    };
    let named = Account::key_name(id, account.key_version);
    let secrets = secrets.lock().expect("no model panics under the lock");
    if ca.keys_of(uri) != Vec::from_iter(secrets.get(&named).cloned()) {
        found.push(format!("the CA does not have {named} as the key of account {id}"));
    }
    let others = account
        .secrets()
        .into_iter()
        .filter(|n| *n != named && secrets.contains_key(n));
    found.extend(others.map(|name| format!("{name} is in the vault, and account {id} has {named}")));
    found
}

/// How many certificates the CA made for a request.
pub(super) fn bought(ca: &CaState, id: RequestId) -> u64 {
    let prefix = format!("certificate-key/{id}-");
    let issued = ca.issued.iter();
    issued.filter(|i| i.key_ref.starts_with(&prefix)).count() as u64
}

/// What is wrong with a request that has no certificate.
pub(super) fn ended(request: &Request, must_succeed: bool) -> Option<String> {
    match request.status {
        RequestStatus::Failed => failed(request, must_succeed),
        status => Some(format!("request {} is {} for ever", request.id, status.as_str())),
    }
}

/// Whether an ended request left something undone.
pub(super) fn owes(request: &Request) -> Option<String> {
    let owes = request.wake_at.is_some() || request.issuance.cleanup_owed;
    owes.then(|| format!("request {} ended and still owes something", request.id))
}

fn failed(request: &Request, must_succeed: bool) -> Option<String> {
    let id: RequestId = request.id;
    let state = &request.issuance;
    let why = request.last_error.as_deref().unwrap_or_default();
    if must_succeed {
        return Some(format!(
            "request {id} failed where only crashes went wrong: {why}"
        ));
    }
    if state
        .last_problem
        .as_ref()
        .is_some_and(|p| p.detail.contains(DENIED))
    {
        return Some(format!(
            "request {id} ended by a right that was missing for a while: {why}"
        ));
    }
    if !why.starts_with("Failed to ") {
        return Some(format!("request {id} failed and does not say why: {why}"));
    }
    let spent = state.attempts >= state.max_attempts || state.failures >= state.max_attempts;
    let cause = state.last_problem.clone().unwrap_or_default().cause;
    (!spent && !FOR_GOOD.contains(&cause))
        .then(|| format!("request {id} failed without need: {cause}: {why}"))
}
