//! A store in memory with the table's semantics: conditional writes, indexes that lag, values written one by one.
//! One file for each trait.

mod account_keys;
mod accounts;
mod certificate_lifecycle;
mod certificates;
mod challenges;
mod fallback;
mod flight;
mod heartbeats;
mod lifecycle;
mod limits;
mod renewals;
mod requests;
mod wakes;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use certmint_core::{
    account::{Account, DefaultAccount},
    certificate::{Binding, Certificate},
    challenge::{DesiredState, TxtRecord},
    chore::{Chore, StoredChore},
    issuance::Request,
    renewal::Renewal,
    words::{Fqdn, Page, PageRequest, RequestId, Timestamp},
};
use certmint_shared::store::{
    DEPTH, DefaultFallback, Heartbeat, Idempotency, StoreError, WakeKind, id_after, rows_before,
};

use super::{gate::Gate, timeline::TaskId};
use crate::memory_limits::MemoryLimits;

/// A value's key in the ledger.
type TxtKey = (Fqdn, String, RequestId, String);

fn txt_key(record: &TxtRecord) -> TxtKey {
    let zone = record.zone_id.clone();
    (record.fqdn.clone(), record.value.clone(), record.owner_id, zone)
}

/// What the table holds.
#[derive(Default)]
pub struct Tables {
    /// By id.
    pub accounts: BTreeMap<u64, Account>,
    /// By id.
    pub requests: BTreeMap<RequestId, Request>,
    /// Items that cannot be parsed.
    pub unreadable: BTreeSet<RequestId>,
    /// Items taken out of the due index.
    pub quarantined: BTreeSet<RequestId>,
    /// By id.
    pub certificates: BTreeMap<u64, Certificate>,
    /// By certificate.
    pub renewals: BTreeMap<u64, Renewal>,
    /// Older ones, by certificate and version.
    pub versions: BTreeMap<(u64, u64), Certificate>,
    /// Keys of certificates that were removed, by certificate.
    pub removed: BTreeMap<u64, Vec<String>>,
    /// Certificates that were filed as expired.
    pub expired: BTreeSet<u64>,
    /// Certificates that a request recorded under a fence that was no longer its own.
    pub unfenced: BTreeSet<RequestId>,
    /// The ledger.
    pub txt: BTreeMap<TxtKey, TxtRecord>,
    bindings: BTreeMap<(u64, u64), Binding>,
    /// Keys that somebody else may have.
    compromised: BTreeSet<String>,
    /// By provider.
    defaults: BTreeMap<u64, DefaultAccount>,
    fallback: DefaultFallback,
    /// By name, with the moment that each is due.
    pub chores: BTreeMap<String, (Timestamp, StoredChore)>,
    /// Idempotency keys: the body's hash, the record, whether the answer was an earlier one's.
    keys: BTreeMap<String, (String, u64, bool)>,
    /// The newest request of an account and set of names.
    flights: BTreeMap<(u64, String, Option<String>), RequestId>,
    /// By URL: the request that saved it last, and as which of its orders.
    orders: BTreeMap<String, (RequestId, u32)>,
    /// Rate ledger and the CAs' health.
    pub limits: Arc<MemoryLimits>,
    ids: BTreeMap<&'static str, u64>,
    index: Index,
    /// Claims under which nothing was written yet.
    claimed_at: BTreeMap<RequestId, Timestamp>,
    /// When a request saved a new order, and when a value was wanted last; in true time.
    ordered_at: BTreeMap<RequestId, Timestamp>,
    wanted_at: BTreeMap<TxtKey, Timestamp>,
    /// Who claimed a request last, to see that no lease is taken from the living.
    holders: BTreeMap<RequestId, TaskId>,
    /// The moments that wakes are on their way for.
    next_wakes: BTreeMap<WakeKind, Timestamp>,
    /// Signs of life, by worker.
    heartbeats: BTreeMap<String, Heartbeat>,
    /// As whom an invocation last got one through, and when.
    lived_at: BTreeMap<TaskId, (String, Timestamp)>,
}

/// Global indexes follow the table after a moment (DynamoDB: eventually consistent).
#[derive(Default)]
struct Index {
    due: BTreeMap<RequestId, (Timestamp, Option<String>)>,
    txt: BTreeMap<TxtKey, TxtRecord>,
    pending: VecDeque<(Timestamp, Row)>,
}

enum Row {
    Request(RequestId, Option<(Timestamp, Option<String>)>),
    Txt(TxtRecord),
}

impl Index {
    fn write(&mut self, at: Timestamp, row: Row) {
        let at = self.pending.back().map_or(at, |(last, _)| at.max(*last));
        self.pending.push_back((at, row));
    }

    fn catch_up(&mut self, now: Timestamp) {
        while let Some((_, row)) = self.pending.pop_front_if(|(at, _)| *at <= now) {
            match row {
                Row::Request(id, Some(row)) => {
                    self.due.insert(id, row);
                }
                Row::Request(id, None) => {
                    self.due.remove(&id);
                }
                Row::Txt(record) => {
                    self.txt.insert(txt_key(&record), record);
                }
            }
        }
    }
}

impl Tables {
    fn next_id(&mut self, kind: &'static str) -> u64 {
        let id = self.ids.entry(kind).or_default();
        *id += 1;
        *id
    }

    /// The record that an earlier call with this key made.
    fn replay(&self, idempotency: Option<&Idempotency>) -> Result<Option<u64>, StoreError> {
        match idempotency.and_then(|i| Some((i, self.keys.get(&i.key)?))) {
            None => Ok(None),
            Some((i, (hash, id, _))) if *hash == i.body_hash => Ok(Some(*id)),
            Some(_) => Err(StoreError::KeyReused),
        }
    }

    /// The request of an earlier answer.
    fn replayed(&self, id: RequestId) -> Result<Request, StoreError> {
        let known = self.requests.get(&id).cloned();
        known.ok_or_else(|| not_found("request", id).of_replay())
    }

    fn remember(&mut self, idempotency: Option<Idempotency>, id: u64) {
        if let Some(i) = idempotency {
            self.keys.insert(i.key, (i.body_hash, id, false));
        }
    }
}

/// One process's way to the table.
#[derive(Clone)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
    gate: Gate,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Arc::default(), Gate::open())
    }
}

impl MemoryStore {
    /// A store over shared tables.
    #[must_use]
    pub const fn new(tables: Arc<Mutex<Tables>>, gate: Gate) -> Self {
        Self { tables, gate }
    }

    /// The tables, for who looks from outside.
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().expect("no model panics under the lock")
    }

    /// When an index shows what is written now.
    fn shown_at(&self) -> Timestamp {
        let lag = match self.gate.draw(0, 10) {
            _ if self.gate.timeline().is_none() => 0,
            0 => self.gate.draw(100, 5_000),
            1..=3 => self.gate.draw(1, 200),
            _ => 0,
        };
        self.gate.now().plus(Duration::from_millis(lag))
    }

    /// A line for the trace of a replay.
    fn tell(&self, text: impl FnOnce() -> String) {
        if let Some(timeline) = self.gate.timeline() {
            timeline.note(|| format!("    store: {}", text()));
        }
    }

    /// As the request stands; one that was set aside is not in the index.
    fn index_request(&self, tables: &mut Tables, id: RequestId) {
        let set_aside = tables.quarantined.contains(&id);
        let request = tables.requests.get(&id).filter(|_| !set_aside);
        let row = request.and_then(|r| Some((r.wake_at?, r.lease.owner.clone())));
        tables.index.write(self.shown_at(), Row::Request(id, row));
    }

    /// A value is given up only when no CA may look at it any more: its order is through or given up, or nobody has
    /// renewed its lease. What was wanted for an earlier order of the request alone is not looked at.
    fn check_withdrawal(&self, tables: &Tables, old: Option<&TxtRecord>, new: &TxtRecord) {
        let (Some(timeline), Some(old)) = (self.gate.timeline(), old) else {
            return;
        };
        let given_up =
            old.desired_state == DesiredState::Present && new.desired_state == DesiredState::Absent;
        let owner = tables.requests.get(&new.owner_id);
        let awaited = owner.is_some_and(|o| !o.status.is_final() && o.issuance.phase.may_be_looked_at());
        let ordered_at = tables.ordered_at.get(&new.owner_id);
        let wanted_at = tables.wanted_at.get(&txt_key(new));
        if given_up && awaited && wanted_at >= ordered_at && new.updated_at < old.expires_at {
            let TxtRecord { value, owner_id, .. } = new;
            timeline.violation(format!(
                "{value} of request {owner_id} was given up while the CA may look"
            ));
        }
    }

    fn index_txt(&self, tables: &mut Tables, record: TxtRecord) {
        if let Some(timeline) = self.gate.timeline() {
            timeline.note(|| {
                let TxtRecord {
                    fqdn,
                    value,
                    status,
                    desired_state,
                    owner_id,
                    ..
                } = &record;
                format!("    ledger: {value} of {owner_id} at {fqdn} {desired_state:?} {status:?}")
            });
        }
        tables.index.write(self.shown_at(), Row::Txt(record));
    }
}

/// A page of rows that are in the list's order, to the depth that pages by number have.
fn page<T>(rows: Vec<T>, request: &PageRequest) -> Result<Page<T>, StoreError> {
    let total = rows.len() as u64;
    let skip = rows_before(request, DEPTH)?;
    Ok(Page {
        list: rows
            .into_iter()
            .skip(skip)
            .take(request.page_size as usize)
            .collect(),
        total,
        next_cursor: None,
    })
}

/// A page of rows that are in the order of falling ids; a cursor is the last id that was shown.
fn page_by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> u64, request: &PageRequest) -> Result<Page<T>, StoreError> {
    let total = rows.len() as u64;
    let before = id_after(request)?.map_or(u64::MAX, |(before, _)| before);
    let rows = rows.into_iter().filter(|row| id(row) < before).collect();
    let mut found = page(rows, request)?;
    found.total = total;
    found.next_cursor = cursor_after(&found, request, |row| id(row).to_string());
    Ok(found)
}

/// A full page is followed by the one after its last row.
fn cursor_after<T>(page: &Page<T>, request: &PageRequest, cursor: impl Fn(&T) -> String) -> Option<String> {
    let last = page.list.last();
    last.filter(|_| page.list.len() == request.page_size as usize)
        .map(cursor)
}

fn not_found(kind: &'static str, id: impl ToString) -> StoreError {
    StoreError::NotFound {
        kind,
        id: id.to_string(),
    }
}

impl Tables {
    /// When something is due for a worker: a request, what a client asked for, or what time calls for by `until`.
    #[must_use]
    pub fn worker_is_due(&self, until: Option<Timestamp>) -> Option<Timestamp> {
        let requests = self
            .requests
            .values()
            .filter(|r| !self.quarantined.contains(&r.id));
        let requests = requests.filter_map(|r| r.wake_at);
        // What time alone calls for may lie beyond; what was begun or asked for is done.
        let waits = |c: &StoredChore| {
            let by_time = matches!(
                c.chore,
                Chore::ExpireCertificate { .. } | Chore::RemoveCertificate { .. }
            ) || c.name.starts_with("replaced-key-");
            by_time && c.tries == 0
        };
        let by_then = |at: Timestamp| until.is_some_and(|until| at <= until);
        let chores = self.chores.values();
        let chores = chores.filter(|(due, chore)| by_then(*due) || !waits(chore));
        let looks = self.renewals.values().filter_map(|r| r.look_at);
        let looks = looks.filter(|at| by_then(*at));
        requests.chain(chores.map(|(due, _)| *due)).chain(looks).min()
    }

    /// When a value is due, whose owner is done or whose lease ends.
    #[must_use]
    pub fn value_is_due(&self, now: Timestamp) -> Option<Timestamp> {
        let values = self.txt.values().filter_map(|r| {
            let owner = self.requests.get(&r.owner_id);
            let over = owner.is_none_or(|o| o.status.is_final());
            let disowned = over && r.desired_state == DesiredState::Present;
            r.due_at().map(|due| if disowned { now } else { due })
        });
        values.min()
    }
}
