//! Counts of what a CA allows in a time.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    DynamoStore, Item, n, s,
    write::{Condition, Refusal},
};
use crate::store::{GiveBack, RateLedger, Reserved, StoreError};
use certmint_core::{
    provider::{Bucket, Limit, RateKey},
    words::Timestamp,
};

/// DynamoDB quota: 100 items of one transaction, less the marker.
const PART: usize = 99;
/// Tries of a reservation against others of the same buckets.
const TRIES: usize = 10;
/// A repeat may come this late; what it took has come back by then.
const MARKER_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A bucket that has been empty for this long may go: beyond any difference of clocks.
const EMPTY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

fn bucket_pk(key: &RateKey) -> String {
    format!("RATE#{}", key.as_str())
}

fn marker_pk(id: &str) -> String {
    format!("RESERVED#{id}")
}

fn ttl(arrival: Timestamp, limit: Option<Limit>) -> i64 {
    let window = limit.map_or(Duration::ZERO, Limit::window);
    arrival.plus(window).plus(EMPTY_KEPT).millis() / 1000
}

/// The buckets that are counted, in the parts that transactions hold.
fn parts(buckets: &[Bucket]) -> Vec<Vec<(&Bucket, Limit)>> {
    let counted: Vec<_> = buckets.iter().filter_map(|b| b.limit.map(|l| (b, l))).collect();
    counted.chunks(PART).map(<[_]>::to_vec).collect()
}

/// The one that opens last, if one is full.
fn fullest<'a>(
    buckets: impl Iterator<Item = &'a Bucket>,
    arrivals: &HashMap<RateKey, Timestamp>,
    now: Timestamp,
) -> Option<(&'a Bucket, Timestamp)> {
    buckets
        .map(|b| (b, b.earliest(arrivals.get(&b.key).copied(), now)))
        .filter(|(_, earliest)| *earliest > now)
        .max_by_key(|(_, earliest)| *earliest)
}

impl DynamoStore {
    /// Adds one interval. A bucket that is not empty is added to whatever it holds by then, so that writers at the
    /// same moment do not fail each other; `room` refuses where the limit would be passed.
    fn take(
        &self,
        (bucket, limit): (&Bucket, Limit),
        arrival: Option<Timestamp>,
        room: bool,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let after = limit.take(arrival, now);
        let ttl = n(ttl(after, Some(limit)));
        let pk = bucket_pk(&bucket.key);
        if arrival.is_none_or(|at| at <= now) {
            let empty = Condition::new("attribute_not_exists(arrival) OR arrival <= :now")
                .with(":now", n(now.millis()))
                .with(":after", n(after.millis()))
                .with(":ttl", ttl);
            return self.update(&pk, "SET arrival = :after, #ttl = :ttl", empty);
        }
        let held = if room {
            let last = now.plus(limit.slack());
            Condition::new("arrival > :now AND arrival <= :last").with(":last", n(last.millis()))
        } else {
            Condition::new("arrival > :now")
        };
        let held = held
            .with(":now", n(now.millis()))
            .with(":one", n(limit.interval().as_millis()))
            .with(":ttl", ttl);
        self.update(&pk, "SET arrival = arrival + :one, #ttl = :ttl", held)
    }

    /// One part of a reservation with its marker. `false`: a bucket is not as it was read.
    async fn take_part(
        &self,
        (id, part): (&str, usize),
        buckets: &[(&Bucket, Limit)],
        arrivals: &HashMap<RateKey, Timestamp>,
        room: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let marker = Item::from([
            ("pk".into(), s(marker_pk(id))),
            ("sk".into(), s(part.to_string())),
            ("at".into(), n(now.millis())),
            ("ttl".into(), n(now.plus(MARKER_KEPT).millis() / 1000)),
        ]);
        let mut items = vec![self.put(marker, Condition::absent())?];
        for taken in buckets {
            let arrival = arrivals.get(&taken.0.key).copied();
            items.push(self.take(*taken, arrival, room, now)?);
        }
        match self.transact(items).await {
            // The marker is there: this part was taken before.
            Ok(()) | Err(Refusal::Condition(0)) => Ok(true),
            Err(Refusal::Condition(_)) => Ok(false),
            Err(Refusal::Store(error)) => Err(error),
        }
    }

    async fn spend(
        &self,
        id: &str,
        spend: &[Bucket],
        look: &[Bucket],
        room: bool,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let keys: Vec<RateKey> = spend.iter().chain(look).map(|b| b.key.clone()).collect();
        let parts = parts(spend);
        let mut next = 0;
        for _ in 0..TRIES {
            let (arrivals, marked) = self.read_buckets(&keys, Some(id)).await?;
            if marked && parts.len() == 1 {
                return Ok(Reserved::Taken);
            }
            // What a first part took before a crash is not looked at again: it is ours.
            let rest = parts.iter().skip(1).flatten().map(|(bucket, _)| *bucket);
            let open: Vec<&Bucket> = if marked {
                rest.collect()
            } else {
                spend.iter().chain(look).collect()
            };
            if room && let Some((bucket, earliest)) = fullest(open.into_iter(), &arrivals, now) {
                let bucket = bucket.clone();
                return Ok(Reserved::Full { bucket, earliest });
            }
            while let Some(part) = parts.get(next) {
                if !self.take_part((id, next), part, &arrivals, room, now).await? {
                    break;
                }
                next += 1;
            }
            if next == parts.len() {
                return Ok(Reserved::Taken);
            }
        }
        Err(StoreError::Unavailable {
            operation: "TransactWriteItems",
            message: "the rate buckets changed too often".into(),
        })
    }

    /// Arrival times, and whether the reservation has its first marker.
    async fn read_buckets(
        &self,
        keys: &[RateKey],
        id: Option<&str>,
    ) -> Result<(HashMap<RateKey, Timestamp>, bool), StoreError> {
        let by_pk: HashMap<String, &RateKey> = keys.iter().map(|k| (bucket_pk(k), k)).collect();
        let marker = id.map(|id| (marker_pk(id), "0"));
        let all: Vec<(String, &str)> = by_pk
            .keys()
            .map(|pk| (pk.clone(), "META"))
            .chain(marker)
            .collect();
        let (mut arrivals, mut marked) = (HashMap::new(), false);
        for row in self.batch(&all).await? {
            match by_pk.get(row.text("pk")?) {
                Some(key) => {
                    arrivals.insert((*key).clone(), row.time("arrival")?);
                }
                None => marked = true,
            }
        }
        Ok((arrivals, marked))
    }
}

#[async_trait]
impl RateLedger for DynamoStore {
    async fn arrivals(&self, keys: &[RateKey]) -> Result<HashMap<RateKey, Timestamp>, StoreError> {
        Ok(self.read_buckets(keys, None).await?.0)
    }

    async fn reserve(
        &self,
        id: &str,
        spend: &[Bucket],
        look: &[Bucket],
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        self.spend(id, spend, look, true, now).await
    }

    async fn count(&self, id: &str, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        self.spend(id, buckets, &[], false, now).await.map(|_| ())
    }

    async fn give_back(
        &self,
        id: &str,
        spend: &[Bucket],
        what: GiveBack,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (number, part) in parts(spend).into_iter().enumerate() {
            let (pk, sk) = (marker_pk(id), number.to_string());
            let Some(marker) = self.get(&pk, &sk).await? else {
                continue;
            };
            let age = now.since(marker.time("at")?);
            let mut items = vec![self.delete_existing(&pk, &sk)?];
            for (bucket, limit) in part {
                let left = limit.left_of(age);
                if left.is_zero() || (what == GiveBack::Certificates && !bucket.kind.counts_certificates()) {
                    continue;
                }
                let there = Condition::new("attribute_exists(arrival)").with(":left", n(left.as_millis()));
                items.push(self.update(&bucket_pk(&bucket.key), "SET arrival = arrival - :left", there)?);
            }
            match self.transact(items).await {
                // Given back by another call, or gone by its TTL: then it stays as it is.
                Ok(()) | Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    async fn close(&self, bucket: &Bucket, until: Timestamp) -> Result<(), StoreError> {
        let arrival = bucket.closed_until(until);
        let earlier = Condition::new("attribute_not_exists(arrival) OR arrival < :arrival")
            .with(":arrival", n(arrival.millis()))
            .with(":ttl", n(ttl(arrival, bucket.limit)));
        let close = self.update(
            &bucket_pk(&bucket.key),
            "SET arrival = :arrival, #ttl = :ttl",
            earlier,
        )?;
        match self.transact(vec![close]).await {
            Ok(()) | Err(Refusal::Condition(_)) => Ok(()),
            Err(Refusal::Store(error)) => Err(error),
        }
    }
}
