//! Single flight. Calls of clients pass no gate: only workers are interrupted here.

use async_trait::async_trait;
use certmint_core::{
    issuance::{NewRequest, Request, RequestStatus},
    words::Timestamp,
};
use certmint_shared::store::{Flight, Idempotency, SingleFlight, Standing, StoreError};

use super::{MemoryStore, Tables};

/// What a lock is for: account, names and key, profile.
type Names = (u64, String, Option<String>);

fn names_of(new: &NewRequest) -> Names {
    let set = new.key.flight_key(&new.ordered);
    (new.account_id.get(), set, new.profile.clone())
}

impl Tables {
    fn holder(&self, names: &Names, now: Timestamp) -> Option<Request> {
        let request = self.requests.get(self.flights.get(names)?)?;
        let is_aside = self.quarantined.contains(&request.id) || self.unreadable.contains(&request.id);
        (!is_aside && request.answers_for_its_names(now)).then(|| request.clone())
    }
}

#[async_trait]
impl SingleFlight for MemoryStore {
    async fn request_once(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        standing: &dyn Standing,
        now: Timestamp,
    ) -> Result<Flight, StoreError> {
        let names = names_of(&new);
        let holder = self.tables().holder(&names, now);
        let holder = match holder {
            Some(request) if request.status == RequestStatus::Success => {
                standing.stands(&request, now).await?.then_some(request)
            }
            holder => holder,
        };
        let mut tables = self.tables();
        if let Some(id) = tables.replay(idempotency.as_ref())? {
            let joined = idempotency.is_some_and(|i| tables.keys.get(&i.key).is_some_and(|known| known.2));
            let request = tables.replayed(certmint_core::words::RequestId::new(id))?;
            return Ok(Flight { request, joined });
        }
        // Of two that asked at once, the second finds the first one's.
        let now_there = tables.holder(&names, now).filter(|r| !r.status.is_final());
        if let Some(request) = now_there.or(holder) {
            if let Some(i) = idempotency {
                tables.keys.insert(i.key, (i.body_hash, request.id.get(), true));
            }
            return Ok(Flight {
                request,
                joined: true,
            });
        }
        let request = self.insert_request(&mut tables, new, max_attempts, idempotency, now)?;
        Ok(Flight {
            request,
            joined: false,
        })
    }
}
