//! Requests ended or removed by a client.

use async_trait::async_trait;

use super::{
    DynamoStore, n,
    request_items::{attempts_key, key, lists, write},
    write::{Condition, Refusal},
};
use crate::store::{ChallengeStore, RequestLifecycle, RequestStore, StoreError, cancelled, may_be_deleted};
use certmint_core::{
    chore::Chore,
    issuance::Request,
    words::{RequestId, Timestamp},
};

/// Tries against a worker that writes the same request.
const TRIES: usize = 8;

fn as_read(request: &Request) -> Condition {
    Condition::new("fence = :fence AND updated_at = :seen")
        .with(":fence", n(request.lease.fence))
        .with(":seen", n(request.updated_at.millis()))
}

fn changing(id: RequestId) -> StoreError {
    StoreError::Conflict {
        kind: "request",
        id: id.to_string(),
    }
}

#[async_trait]
impl RequestLifecycle for DynamoStore {
    async fn cancel_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError> {
        for _ in 0..TRIES {
            let old = self.request(id).await?;
            let ended = cancelled(&old, now)?;
            let mut items = vec![self.put(write(&ended)?, as_read(&old))?];
            items.extend(self.moves(&ended, (old.status, u64::from(old.issuance.attempts)))?);
            match self.transact(items).await {
                Ok(()) => return Ok(ended),
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(changing(id))
    }

    async fn delete_request(&self, id: RequestId, now: Timestamp) -> Result<(), StoreError> {
        let request = self.request(id).await?;
        may_be_deleted(&request, self.txt_of_request(id).await?.len())?;
        let mut items = vec![self.delete_if(&key(id), "META", as_read(&request))?];
        for list in lists(request.account_id, request.status) {
            items.extend(self.count(&list, id.get(), -1)?);
        }
        if request.issuance.attempts > 0 {
            let attempts = u64::from(request.issuance.attempts);
            items.push(self.delete("ATTEMPTS", &attempts_key(attempts, id))?);
        }
        let keys = request.key_names();
        if !keys.is_empty() {
            let names = request.names.as_slice().to_vec();
            let chore = Chore::DeleteKeys { keys, names };
            items.push(self.promise(&format!("request-{id}"), &chore, now)?);
        }
        self.transact(items).await.map_err(|r| r.or(changing(id)))
    }
}
