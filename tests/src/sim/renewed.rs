//! What must hold of certificates that went on to live: each renewed once when it was due, each wish fulfilled.

use std::{collections::BTreeSet, time::Duration};

use certmint_core::{
    certificate::{Certificate, RenewAs},
    issuance::{Request, RequestStatus},
    renewal::{Renewal, Window},
    words::{CertificateId, RequestId, Timestamp},
};

use super::{
    ca_renewals::{Ari, ordinary},
    ca_state::CaState,
    later::Later,
    leaf,
    store::Tables,
    verdict::{bought, ended, owes},
    world::World,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// A worker's clock is off by so much, and a certificate's dates are whole seconds.
const SKEW: Duration = Duration::from_secs(5 * 60 + 1);
/// Nobody looks at a certificate less often (`schedule::until_next_look`).
const LOOKS: Duration = Duration::from_secs(12 * 60 * 60);

pub(super) fn judge(world: &World, later: &Later, tables: &Tables, ca: &CaState) -> Vec<String> {
    let mut found = Vec::new();
    for request in tables.requests.values().filter(|r| r.renews.is_some()) {
        found.extend(renewal_request(world, request, ca, tables));
    }
    let unfenced = tables.unfenced.iter();
    found.extend(
        unfenced.map(|id| format!("request {id} recorded a certificate under a lease that was lost")),
    );
    for newest in tables.certificates.values() {
        found.extend(versions(world, later, tables, ca, newest));
    }
    found.extend(wishes(world, later, tables, ca));
    found
}

/// How late a renewal may be: an invocation that died, a limit, a queue; a bad world takes longer.
fn patience(world: &World) -> Duration {
    if world.scenario.gentle {
        8 * HOUR
    } else {
        40 * HOUR
    }
}

fn renewal_request(world: &World, request: &Request, ca: &CaState, tables: &Tables) -> Vec<String> {
    let mut found: Vec<String> = owes(request).into_iter().collect();
    let id = request.id;
    match request.status {
        RequestStatus::Success if request.result_certificate_id.is_none() => {
            found.push(format!("request {id} renewed nothing"));
        }
        RequestStatus::Success => {}
        _ => found.extend(ended(request, world.scenario.gentle)),
    }
    if bought(ca, id) > 1 {
        found.push(format!("request {id} bought {} certificates", bought(ca, id)));
    }
    // One reservation an order, and one more for an order that the CA never judged; at each account, whose limits are its
    // own: one that is left for another may have been asked.
    let (spent, state) = (tables.limits.reservations_of(id), &request.issuance);
    let orders = u64::from(state.orders) + u64::from(request.status == RequestStatus::Failed);
    let accounts = 1 + request.fallback.accounts.len() as u64;
    if spent > orders * accounts {
        found.push(format!(
            "request {id} made {} orders and took {spent} times",
            state.orders
        ));
    }
    found
}

/// From when to when a version is to be renewed.
fn due(later: &Later, version: &Certificate) -> Window {
    let (from, to) = (version.not_before, version.expires_at);
    let life = to.since(from);
    let left = if life < Duration::from_secs(10 * 86_400) {
        life / 2
    } else {
        life / 3
    };
    let by_life = Window {
        start: to.minus(left),
        end: to.minus(left).plus(life / 15),
    };
    let mut window = match later.ari {
        Ari::None => by_life,
        // What was drawn by life stands until the CA is asked.
        Ari::Steady | Ari::Moved(_) => {
            let said = ordinary((from, to));
            Window {
                start: said.start.min(by_life.start),
                end: said.end.max(by_life.end),
            }
        }
    };
    if let Ari::Moved(since) = later.ari
        && from <= since
    {
        window.start = window.start.min(since);
        window.end = window.end.min(since.plus(LOOKS));
    }
    window
}

fn versions(
    world: &World,
    later: &Later,
    tables: &Tables,
    ca: &CaState,
    newest: &Certificate,
) -> Vec<String> {
    let mut found = Vec::new();
    let id = newest.id;
    let older = tables.versions.range((id.get(), 0)..(id.get() + 1, 0));
    let all: Vec<&Certificate> = older.map(|(_, c)| c).chain([newest]).collect();
    for (n, version) in all.iter().enumerate() {
        if version.version != n as u64 + 1 {
            found.push(format!(
                "certificate {id} has version {} in place {n}",
                version.version
            ));
        }
    }
    let made: BTreeSet<RequestId> = all.iter().filter_map(|c| c.request_id).collect();
    if made.len() != all.len() {
        found.push(format!("one request made two versions of certificate {id}"));
    }
    let renewed = |r: &&Request| r.renews == Some(id) && r.status == RequestStatus::Success;
    let item = tables.renewals.get(&id.get());
    let successor = item.and_then(|item| item.succeeded_by);
    for request in tables.requests.values().filter(renewed) {
        if request.renew_as == RenewAs::New {
            found.extend(succeeded(world, later, tables, newest, successor, request));
            continue;
        }
        if !made.contains(&request.id) || bought(ca, request.id) != 1 {
            found.push(format!(
                "request {} did not renew certificate {id} once",
                request.id
            ));
        }
    }
    for pair in all.windows(2) {
        let [old, new] = pair else { continue };
        found.extend(renewal(world, later, tables, old, new));
        found.extend(old_key(world, later, old, new));
    }
    found.extend(schedule(world, later, tables, newest));
    found
}

/// A certificate of its own in the place of another, which is renewed no more.
fn succeeded(
    world: &World,
    later: &Later,
    tables: &Tables,
    old: &Certificate,
    successor: Option<CertificateId>,
    request: &Request,
) -> Vec<String> {
    let (id, made) = (old.id, request.result_certificate_id);
    // One that was deleted or removed meanwhile has no successor: what was made stands alone.
    let is_alone = successor.is_none() && world.wishes.deleted.iter().any(|(d, _)| *d == id);
    if successor != made && !is_alone {
        return vec![format!(
            "request {} made certificate {made:?} in the place of {id}, which names {successor:?}",
            request.id
        )];
    }
    let Some(made) = made.filter(|m| !tables.removed.contains_key(&m.get())) else {
        return vec![];
    };
    let versions = tables.versions.get(&(made.get(), 1));
    let first = versions.or_else(|| tables.certificates.get(&made.get()));
    match first.filter(|c| c.version == 1 && c.request_id == Some(request.id)) {
        Some(first) => renewal(world, later, tables, old, first),
        None => vec![format!("request {} did not make certificate {made}", request.id)],
    }
}

/// One version after another: begun when the older one was due and not before, and done soon.
fn renewal(
    world: &World,
    later: &Later,
    tables: &Tables,
    old: &Certificate,
    new: &Certificate,
) -> Vec<String> {
    let name = format!("version {} of certificate {}", new.version, old.id);
    let request = new.request_id.and_then(|id| tables.requests.get(&id));
    let Some(request) = request.filter(|r| r.renews == Some(old.id)) else {
        return vec![format!("{name} comes from no renewal")];
    };
    let mut found = Vec::new();
    let due = due(later, old);
    if request.created_at < due.start.minus(SKEW) {
        found.push(format!(
            "{name} was begun at {} and due at {}",
            request.created_at, due.start
        ));
    }
    if new.not_before > due.end.plus(patience(world)) && can_be_renewed(world) {
        found.push(format!(
            "{name} was made at {} and due at {}",
            new.not_before, due.end
        ));
    }
    found
}

fn can_be_renewed(world: &World) -> bool {
    world.scenario.zone_gone.is_none()
}

/// The newest version: not overdue, and its item says when it is due.
fn schedule(world: &World, later: &Later, tables: &Tables, newest: &Certificate) -> Vec<String> {
    let id = newest.id;
    let Some(item) = tables.renewals.get(&id.get()) else {
        return vec![format!("certificate {id} has no renewal")];
    };
    let mut found = Vec::new();
    if item.expires_at != newest.expires_at {
        found.push(format!("the renewal of certificate {id} is of another version"));
    }
    found.extend(named(item, tables));
    if item.succeeded_by.is_some() {
        return found;
    }
    // A client that has it revoked wants no other by itself, unless the CA would not revoke it.
    let revocation = newest.lifecycle.revocation.as_ref();
    let is_revoked = revocation.is_some_and(|r| r.error.is_none());
    let is_deleted = newest.lifecycle.deleted_at.is_some();
    let is_cared_for = !is_switched_off(world, tables, id) && !is_deleted && !is_revoked;
    if !is_cared_for {
        return found;
    }
    let due = due(later, newest);
    let says = item.renew_at.unwrap_or(Timestamp::ZERO);
    if says < due.start.minus(SKEW + HOUR * 25) || says > due.end.plus(SKEW) {
        found.push(format!(
            "certificate {id} is due at {}, and its renewal says {says}",
            due.start
        ));
    }
    // Where nothing could be renewed, a certificate that is over needs no look.
    if item.look_at.is_none() && can_be_renewed(world) {
        found.push(format!("nobody looks at certificate {id} any more"));
    }
    if due.end.plus(patience(world)) < later.until && can_be_renewed(world) {
        found.push(format!(
            "certificate {id} was due until {} and is not renewed",
            due.end
        ));
    }
    found
}

/// Whether a client switched it off, or the one whose place it took.
fn is_switched_off(world: &World, tables: &Tables, id: CertificateId) -> bool {
    let before = |id: &CertificateId| tables.renewals.get(&id.get()).and_then(|item| item.renewal_of);
    std::iter::successors(Some(id), before).any(|id| world.wishes.switched_off.contains(&id))
}

/// A renewal that is over names no request but one that failed.
fn named(item: &Renewal, tables: &Tables) -> Option<String> {
    let id: RequestId = item.request_id?;
    let request = tables.requests.get(&id)?;
    (request.status == RequestStatus::Success).then(|| {
        format!(
            "the renewal of certificate {} still names request {id}",
            item.certificate_id
        )
    })
}

fn wishes(world: &World, later: &Later, tables: &Tables, ca: &CaState) -> Vec<String> {
    let mut found = Vec::new();
    for (id, number) in &world.wishes.revoked {
        if !ca.revoked.contains(number) && !is_refused(tables, *id, *number) {
            found.push(format!(
                "certificate {number} of {id} was to be revoked, and is not"
            ));
        }
    }
    let wanted = |n: &usize| world.wishes.revoked.iter().any(|(_, number)| number == n);
    let unwanted = ca.revoked.iter().filter(|n| !wanted(n));
    found.extend(unwanted.map(|n| format!("certificate {n} was revoked, and nobody wanted that")));
    for (id, at) in &world.wishes.deleted {
        if at.plus(Duration::from_secs(30 * 86_400) + HOUR * 20) < later.until {
            found.extend(removed(world, tables, *id));
        }
    }
    for certificate in tables.certificates.values() {
        let (id, end) = (certificate.id, certificate.expires_at);
        let is_filed = tables.expired.contains(&id.get());
        if is_filed != (end.plus(MINUTE * 90) < later.until) && end.plus(2 * HOUR) < later.until {
            found.push(format!("certificate {id} ended at {end}, and is not filed so"));
        }
        // Work that is left goes on after that moment, and the time with it.
        if is_filed && end > world.timeline.now().plus(SKEW) {
            found.push(format!("certificate {id} ends at {end}, and is filed as expired"));
        }
    }
    found
}

/// Whether it is written down that the CA would not revoke this version.
fn is_refused(tables: &Tables, id: CertificateId, number: usize) -> bool {
    let versions = tables.versions.range((id.get(), 0)..(id.get() + 1, 0));
    let all = versions.map(|(_, c)| c).chain(tables.certificates.get(&id.get()));
    all.filter(|c| leaf::number_of(&c.cert_pem) == Some(number))
        .filter_map(|c| c.lifecycle.revocation.as_ref())
        .any(|r| r.error.is_some())
}

/// The key of a version that was replaced: there for a while, and gone then.
fn old_key(world: &World, later: &Later, old: &Certificate, new: &Certificate) -> Option<String> {
    // It was replaced between the moment that the new one was made and the last change of that.
    let (_, _, soonest) = old.old_key(new.not_before)?;
    let (_, _, due) = old.old_key(new.updated_at)?;
    let secrets = world.outside.secrets.lock();
    let is_there = secrets
        .expect("no model panics under the lock")
        .contains_key(&old.key_ref);
    let (name, version) = (&old.key_ref, old.version);
    if !is_there && soonest > world.timeline.now().plus(SKEW) {
        return Some(format!(
            "the key {name} of version {version} is gone before {soonest}"
        ));
    }
    let is_over = due.plus(HOUR * 20) < later.until;
    (is_there && is_over).then(|| format!("the key {name} of version {version} is still there after {due}"))
}

/// What is left of a certificate that was deleted a month ago.
fn removed(world: &World, tables: &Tables, id: CertificateId) -> Vec<String> {
    let mut found = Vec::new();
    if tables.certificates.contains_key(&id.get()) || tables.renewals.contains_key(&id.get()) {
        found.push(format!("certificate {id} was deleted and is still there"));
    }
    let secrets = world
        .outside
        .secrets
        .lock()
        .expect("no model panics under the lock");
    let keys = tables.removed.get(&id.get()).into_iter().flatten();
    let left = keys.filter(|name| secrets.contains_key(*name));
    found.extend(left.map(|name| format!("the key {name} of removed certificate {id} is still there")));
    found
}
