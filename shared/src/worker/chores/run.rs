//! The chores of a pass: side by side, with a bound for each CA.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};

use super::kinds::Chores;
use crate::{
    lanes::{Lanes, within},
    store::StoreError,
    worker::{health, report::Done},
};
use certmint_core::{
    chore::StoredChore,
    issuance::backoff,
    words::{Cause, Class, Failure, ProviderId, Stage, Timestamp},
};

/// Chores that are read at once.
const BATCH: usize = 25;
/// Chores in hand at once: most of them wait for the CA that they ask.
const IN_HAND: usize = 200;
/// Chores that ask one CA at once, or none.
const AT_ONE_CA: usize = 4;
/// A chore that takes longer is put off.
const LONGEST: Duration = Duration::from_secs(60);
/// A chore that our own rights do not allow is tried again at least this often.
const DENIED: Duration = Duration::from_secs(10 * 60);
/// What has not come to its end so long before the invocation does is given up, and due at once.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// What became of a chore.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is done.
    Done,
    /// It was tried, and is due again later.
    PutOff,
    /// Another worker has it, or its CA hangs: it is due as it was.
    Left,
}

/// One pass.
pub(super) struct Run<'a> {
    of: &'a Chores,
    stop_at: Timestamp,
    deadline: Timestamp,
    /// By the CA that is asked.
    lanes: Lanes<Option<ProviderId>>,
    /// CAs that hang.
    hanging: Mutex<BTreeSet<ProviderId>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(of: &'a Chores, stop_at: Timestamp, deadline: Timestamp) -> Self {
        Self {
            of,
            stop_at,
            deadline,
            lanes: Lanes::by_key(AT_ONE_CA),
            hanging: Mutex::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.of.clock.now()
    }

    pub(super) async fn run(&self) -> Done {
        let mut done = Done::default();
        let mut work = FuturesUnordered::new();
        // Those that are in hand, or that are left to another pass: the list still has them.
        let mut known = BTreeSet::new();
        let (mut is_all, mut is_progress) = (false, false);
        while self.now() < self.stop_at || !work.is_empty() {
            let has_room = work.len() + BATCH <= IN_HAND;
            if !is_all && has_room && self.now() < self.stop_at {
                match self.due(&known).await {
                    Ok(due) => {
                        is_all = due.is_empty();
                        known.extend(due.iter().map(|chore| chore.name.clone()));
                        work.extend(due.into_iter().map(|chore| self.chore(chore)));
                    }
                    Err(error) => {
                        done.errors.note("due chores", &error);
                        is_all = true;
                    }
                }
                continue;
            }
            let Some((name, outcome)) = work.next().await else {
                break;
            };
            done.count += usize::from(outcome == Outcome::Done);
            if outcome != Outcome::Left {
                known.remove(&name);
                is_progress = true;
            }
            if work.is_empty() && is_progress && done.errors.is_empty() {
                // What they set off may be due by now.
                (is_all, is_progress) = (false, false);
            }
        }
        done
    }

    /// A batch that is not known yet.
    async fn due(&self, known: &BTreeSet<String>) -> Result<Vec<StoredChore>, StoreError> {
        let due = self.of.chores.due_chores(self.now(), BATCH + known.len()).await?;
        let new = due.into_iter().filter(|chore| !known.contains(&chore.name));
        Ok(new.take(BATCH).collect())
    }

    async fn chore(&self, chore: StoredChore) -> (String, Outcome) {
        let ca = self.of.ca_of(&chore.chore).await;
        let _turn = self.lanes.enter(&ca).await;
        let name = chore.name.clone();
        if self.now() >= self.stop_at || ca.is_some_and(|ca| self.hanging().contains(&ca)) {
            return (name, Outcome::Left);
        }
        (name, self.take_up(chore, ca).await)
    }

    fn hanging(&self) -> std::sync::MutexGuard<'_, BTreeSet<ProviderId>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take_up(&self, chore: StoredChore, ca: Option<ProviderId>) -> Outcome {
        let (store, settings) = (&self.of.chores, &self.of.settings);
        // Longer than this invocation lives, by any clock.
        let until = self.deadline.plus(settings.lease_margin + settings.skew);
        let taken = match store.take_chore(&chore, until).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Outcome::Left,
            Err(error) => {
                tracing::warn!(chore = chore.name, %error, "chore not taken");
                self.of.denials.note(&error.into());
                return Outcome::Left;
            }
        };
        let began = self.now();
        let end = self.deadline.minus(LAST_WRITES);
        let work = self.of.do_chore(&taken.chore);
        let done = within(&*self.of.clock, end.min(began.plus(LONGEST)), work).await;
        let now = self.now();
        if let Some(ca) = ca
            && done.as_ref().is_none_or(is_silence)
            && now.since(began) >= health::HANGS
        {
            self.hanging().insert(ca);
        }
        match done.unwrap_or_else(|| Err(too_slow())) {
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
                self.of.denials.note(&failure);
                let wait = match (backoff(taken.tries, seed), failure.class) {
                    _ if now >= end => Duration::ZERO,
                    (wait, Class::Denied) => wait.min(DENIED),
                    (wait, _) => wait,
                };
                if let Err(error) = store.take_chore(&taken, now.plus(wait)).await {
                    tracing::warn!(chore = taken.name, %error, "chore not put off");
                }
                Outcome::PutOff
            }
        }
    }
}

fn is_silence(done: &Result<(), Failure>) -> bool {
    done.as_ref()
        .is_err_and(|failure| failure.is_outage() || failure.problem.cause == Cause::CaUnreachable)
}

fn too_slow() -> Failure {
    let why = "it did not come to its end in time; it goes on later";
    Failure::new(Class::Transient, Stage::Request, Cause::Deadline, why)
}
