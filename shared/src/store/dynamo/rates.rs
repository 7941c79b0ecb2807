//! Counts of what a CA allows in a time.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;

use super::{
    item::{Item, Row, Writer, n, readable, s},
    keys::{self, Key},
    store::DynamoStore,
    table::{Fresh, Table},
    tx::{Expression, MOST, Tx},
};
use crate::store::{GiveBack, RateLedger, Reserved, StoreError};
use certmint_core::{
    provider::{Bucket, Limit, RateKey},
    words::Timestamp,
};

/// Buckets of one transaction: the marker is in it too.
const PART: usize = MOST - 1;
/// Tries of a reservation against others of the same buckets.
const TRIES: usize = 10;
/// A repeat may come this late; what it took has come back by then.
const MARKER_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A bucket that has been empty for this long may go: beyond any difference of clocks.
const EMPTY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

fn ttl(arrival: Timestamp, limit: Option<Limit>) -> i64 {
    let window = limit.map_or(Duration::ZERO, Limit::window);
    arrival.plus(window).plus(EMPTY_KEPT).millis() / 1000
}

fn bucket_from_item(row: &Row) -> Result<Timestamp, StoreError> {
    row.time("arrival")
}

fn marker_to_item(key: &Key, now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(key)
        .time("at", now)
        .until(now.plus(MARKER_KEPT))
        .finish()
}

fn marker_from_item(row: &Row) -> Result<Timestamp, StoreError> {
    row.time("at")
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

/// Adds one interval. A bucket that is not empty is added to whatever it holds by then, so that writers at the
/// same moment do not fail each other; `room` refuses where the limit would be passed. One that cannot be read counts as
/// empty, and is whole again then.
fn take(
    tx: &mut Tx<Part>,
    (bucket, limit): (&Bucket, Limit),
    arrival: Option<Timestamp>,
    room: bool,
    now: Timestamp,
) {
    let after = limit.take(arrival, now);
    let key = keys::rate(&bucket.key);
    let kept = n(ttl(after, Some(limit)));
    if arrival.is_none_or(|at| at <= now) {
        let set = Expression::new("SET arrival = :after, #ttl = :ttl");
        let set = set.with("after", n(after.millis())).with("ttl", kept);
        let empty =
            "attribute_not_exists(arrival) OR arrival <= :now OR NOT attribute_type(arrival, :number)";
        let empty = Expression::new(empty)
            .with("now", n(now.millis()))
            .with("number", s("N"));
        return tx.update_if(key, set, empty, Part::Changed);
    }
    let held = match room {
        true => Expression::new("arrival > :now AND arrival <= :last")
            .with("last", n(now.plus(limit.slack()).millis())),
        false => Expression::new("arrival > :now"),
    };
    let add = Expression::new("SET arrival = arrival + :one, #ttl = :ttl")
        .with("one", n(limit.interval().as_millis()))
        .with("ttl", kept);
    tx.update_if(key, add, held.with("now", n(now.millis())), Part::Changed);
}

/// Why a part of a reservation was not taken.
enum Part {
    /// Its marker is there: it was taken before.
    Taken,
    /// A bucket is not as it was read.
    Changed,
}

/// One part of a reservation with its marker. `false`: a bucket is not as it was read.
async fn take_part(
    table: &Table,
    (id, part): (&str, usize),
    buckets: &[(&Bucket, Limit)],
    arrivals: &HashMap<RateKey, Timestamp>,
    room: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut tx = Tx::new();
    let marker = marker_to_item(&keys::reservation(id, part), now)?;
    tx.put_if(marker, Expression::absent(), Part::Taken);
    for taken in buckets {
        let arrival = arrivals.get(&taken.0.key).copied();
        take(&mut tx, *taken, arrival, room, now);
    }
    Ok(!matches!(tx.commit(table).await?, Err(Part::Changed)))
}

async fn spend(
    table: &Table,
    id: &str,
    (spend, look): (&[Bucket], &[Bucket]),
    room: bool,
    now: Timestamp,
) -> Result<Reserved, StoreError> {
    let all: Vec<RateKey> = spend.iter().chain(look).map(|b| b.key.clone()).collect();
    let parts = parts(spend);
    let mut next = 0;
    for _ in 0..TRIES {
        let (arrivals, marked) = read(table, &all, Some(id)).await?;
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
            if !take_part(table, (id, next), part, &arrivals, room, now).await? {
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
async fn read(
    table: &Table,
    buckets: &[RateKey],
    id: Option<&str>,
) -> Result<(HashMap<RateKey, Timestamp>, bool), StoreError> {
    let by_key: HashMap<Key, &RateKey> = buckets
        .iter()
        .map(|bucket| (keys::rate(bucket), bucket))
        .collect();
    let marker = id.map(|id| keys::reservation(id, 0));
    let all: Vec<Key> = by_key.keys().cloned().chain(marker.clone()).collect();
    let rows = table.batch(&all, Fresh::Now).await?;
    let (markers, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| Some(row.key()) == marker);
    let arrivals = readable(&rows, |row| Ok((by_key.get(&row.key()), bucket_from_item(row)?)));
    let arrivals = arrivals
        .into_iter()
        .filter_map(|(bucket, at)| Some(((*bucket?).clone(), at)));
    Ok((arrivals.collect(), !markers.is_empty()))
}

#[async_trait]
impl RateLedger for DynamoStore {
    async fn arrivals(&self, keys: &[RateKey]) -> Result<HashMap<RateKey, Timestamp>, StoreError> {
        Ok(read(self.table().await?, keys, None).await?.0)
    }

    async fn reserve(
        &self,
        id: &str,
        spent: &[Bucket],
        look: &[Bucket],
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        spend(self.table().await?, id, (spent, look), true, now).await
    }

    async fn count(&self, id: &str, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        let counted = spend(self.table().await?, id, (buckets, &[]), false, now).await;
        counted.map(|_| ())
    }

    async fn give_back(
        &self,
        id: &str,
        spend: &[Bucket],
        what: GiveBack,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (number, part) in parts(spend).into_iter().enumerate() {
            let key = keys::reservation(id, number);
            let Some(marker) = self.table().await?.get(&key).await? else {
                continue;
            };
            let age = now.since(marker_from_item(&marker)?);
            let mut tx = Tx::new();
            tx.delete_if(key, Expression::present(), ());
            for (bucket, limit) in part {
                let left = limit.left_of(age);
                if left.is_zero() || (what == GiveBack::Certificates && !bucket.kind.counts_certificates()) {
                    continue;
                }
                let less = Expression::new("SET arrival = arrival - :left").with("left", n(left.as_millis()));
                let there = Expression::new("attribute_exists(arrival)");
                tx.update_if(keys::rate(&bucket.key), less, there, ());
            }
            // Given back by another call, or gone by its TTL: then it stays as it is.
            let _given: Result<(), ()> = tx.commit(self.table().await?).await?;
        }
        Ok(())
    }

    async fn close(&self, bucket: &Bucket, until: Timestamp) -> Result<(), StoreError> {
        let arrival = bucket.closed_until(until);
        let set =
            Expression::new("SET arrival = :arrival, #ttl = :ttl").with("ttl", n(ttl(arrival, bucket.limit)));
        let earlier = Expression::new("attribute_not_exists(arrival) OR arrival < :arrival")
            .with("arrival", n(arrival.millis()));
        let mut tx = Tx::new();
        tx.update_if(keys::rate(&bucket.key), set, earlier, ());
        // Closed longer already.
        let _closed: Result<(), ()> = tx.commit(self.table().await?).await?;
        Ok(())
    }
}
