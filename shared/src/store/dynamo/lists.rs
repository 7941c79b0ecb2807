//! Pages of lists. Keys are read up to a page's place, and the items of the page alone.
//!
//! A page ends where its rows or its bytes end ([`Room`]); where that was the bytes, its cursor leads on behind its last row.
//!
//! Cost: a row of an index is about 150 bytes, so that a read unit buys 54 of them. A page that starts at the deepest
//! place ([`DEPTH`](crate::store::DEPTH) rows on) costs 190 units and at most 20 more for each further list that it merges;
//! the first one and each behind a cursor one unit a list. Items cost half a unit for 4 KB of each.

use std::collections::{HashMap, VecDeque};

use certmint_core::words::{Page, Room, Timestamp};
use futures::future::try_join_all;

use super::{
    cut::PART,
    item::{Item, Row, readable},
    keys::{self, Index, Key, Work},
    range::Range,
    table::{BATCH, Fresh, Table},
};
use crate::store::StoreError;

/// Rows that one query reads at most; they are some 150 KB.
const STRIDE: usize = 1_000;
/// Rows that a page of a list that is narrowed by its rows' own attributes looks at beyond its place.
const BY_ROW: usize = 1_000;

/// One range on its way into a merge.
struct Source {
    range: Range,
    rows: VecDeque<Row>,
    start: Option<Item>,
    ended: bool,
}

/// Rows of several ranges in one order. All are of one index and one direction.
pub(super) struct Merge {
    sources: Vec<Source>,
    stride: usize,
}

impl Merge {
    /// `want`: how many rows will be taken, if it is known.
    pub(super) fn new(ranges: Vec<Range>, want: usize) -> Self {
        let source = |range| Source {
            range,
            rows: VecDeque::new(),
            start: None,
            ended: false,
        };
        Self {
            sources: ranges.into_iter().map(source).collect(),
            stride: want.clamp(1, STRIDE),
        }
    }

    /// Reads on in every range that has no row at hand, side by side.
    async fn fill(&mut self, table: &Table) -> Result<(), StoreError> {
        let stride = self.stride;
        self.stride = (2 * stride).min(STRIDE);
        let empty = self.sources.iter_mut().filter(|s| s.rows.is_empty() && !s.ended);
        let reads = empty.map(|source| async move {
            let start = source.start.take();
            let (rows, next) = table.page(&source.range, stride, start).await?;
            source.rows = rows.into();
            source.ended = next.is_none();
            source.start = next;
            Ok(())
        });
        try_join_all(reads).await.map(|_| ())
    }

    pub(super) async fn next(&mut self, table: &Table) -> Result<Option<Row>, StoreError> {
        while self.sources.iter().any(|s| s.rows.is_empty() && !s.ended) {
            self.fill(table).await?;
        }
        let place = |source: &Source| {
            let (_, sort) = source.range.index.attributes();
            let row = source.rows.front()?;
            Some(row.opt_text(sort).unwrap_or_default().to_owned())
        };
        let heads = self.sources.iter_mut().filter_map(|s| Some((place(s)?, s)));
        let first = heads.reduce(|a, b| {
            let b_first = if a.1.range.forward { b.0 < a.0 } else { b.0 > a.0 };
            if b_first { b } else { a }
        });
        Ok(first.and_then(|(_, source)| source.rows.pop_front()))
    }
}

/// Which rows of a list's ranges to read.
pub(super) struct Asked {
    pub(super) ranges: Vec<Range>,
    /// Rows before the page.
    pub(super) skip: usize,
    /// Rows of the page.
    pub(super) size: usize,
}

/// The rows of a page, as the index has them. No more ranges are read than are asked for, and no further than to the
/// page's end.
pub(super) async fn rows(table: &Table, asked: Asked) -> Result<Vec<Row>, StoreError> {
    let mut merge = Merge::new(asked.ranges, asked.skip + asked.size);
    let mut rows = Vec::new();
    for place in 0..asked.skip + asked.size {
        match merge.next(table).await? {
            Some(row) if place >= asked.skip => rows.push(row),
            Some(_) => {}
            None => break,
        }
    }
    Ok(rows)
}

/// A page of a list, in the order of ids if nothing else is said, that not all rows of its ranges belong to. It looks for one more row than the page
/// has, so that the last page is known as such; a page that would have to look further than its bound ends early, perhaps
/// empty.
pub(super) struct Narrowed<T> {
    merge: Merge,
    skip: usize,
    size: usize,
    /// Rows that it looks at beyond its place.
    look: usize,
    pub(super) rows: Vec<T>,
    /// Where they are.
    places: Vec<Option<String>>,
    /// Where a row is, as a cursor has it.
    place: fn(&Row) -> Option<String>,
    room: Room,
    passed: usize,
    looked: usize,
    /// How large the next part is at least: where few rows are the list's, single ones would each cost a read.
    least: usize,
    /// Whether there is one more row than the page has.
    ahead: bool,
    /// Where the row is that was looked at last.
    last: Option<String>,
}

impl<T> Narrowed<T> {
    pub(super) fn new(asked: Asked, look: usize) -> Self {
        Self {
            merge: Merge::new(asked.ranges, asked.skip + asked.size + 1),
            skip: asked.skip,
            size: asked.size,
            look,
            rows: vec![],
            places: vec![],
            place: behind,
            room: Room::default(),
            passed: 0,
            looked: 0,
            least: 1,
            ahead: false,
            last: None,
        }
    }

    /// The same of a list in another order.
    pub(super) fn placed_by(self, place: fn(&Row) -> Option<String>) -> Self {
        Self { place, ..self }
    }

    /// At most so many rows to be judged: at first no more than the page may need, and none when it has what it needs.
    pub(super) async fn part(&mut self, table: &Table, most: usize) -> Result<Vec<Row>, StoreError> {
        let mut part = Vec::new();
        if self.ahead || self.looked >= self.skip + self.look {
            return Ok(part);
        }
        let want = self.skip + self.size + 1 - self.passed - self.rows.len();
        let want = want.max(self.least);
        self.least = self.least.saturating_mul(2);
        let most = want.min(most).min(self.skip + self.look - self.looked);
        while part.len() < most {
            match self.merge.next(table).await? {
                Some(row) => part.push(row),
                None => break,
            }
        }
        if part.is_empty() {
            self.last = None;
        }
        self.looked += part.len();
        Ok(part)
    }

    /// A row of the part, and what it is if the list has it, with its weight in an answer.
    pub(super) fn judged(&mut self, row: &Row, judged: Option<(T, usize)>) {
        self.last = (self.place)(row);
        match judged {
            None => {}
            Some(_) if self.ahead => {}
            Some(_) if self.passed < self.skip => self.passed += 1,
            Some((judged, weight)) => {
                self.ahead = self.rows.len() == self.size || !self.room.takes(weight);
                if !self.ahead {
                    self.rows.push(judged);
                    self.places.push(self.last.clone());
                }
            }
        }
    }

    /// Ends the page behind its first `most` rows.
    pub(super) fn end_after(&mut self, most: usize) {
        self.ahead |= most < self.rows.len();
        self.rows.truncate(most);
        self.places.truncate(most);
    }

    /// The page. `before`: how many rows the pages before it found, as its cursor says; the next one's says so too.
    ///
    /// # Errors
    /// [`StoreError::TooDeep`] if a page by number lies beyond its bound.
    pub(super) fn page<R>(&self, list: Vec<R>, before: u64) -> Result<Page<R>, StoreError> {
        if self.passed < self.skip && self.last.is_some() {
            return Err(StoreError::TooDeep { rows: self.looked });
        }
        let found = before.saturating_add((self.passed + self.rows.len()) as u64);
        let next = match &self.last {
            // All was looked at.
            None if !self.ahead => None,
            _ if self.ahead || self.rows.len() == self.size => self.places.iter().rev().flatten().next(),
            last => last.as_ref(),
        };
        Ok(Page {
            list,
            total: found.saturating_add(u64::from(self.ahead)),
            next_cursor: next.map(|place| format!("{place}-{found}")),
        })
    }

    /// Reads it by what records say: `key` is that of a row's record, `judge` says what it is if the list has it, with its
    /// weight. A record that cannot be read, or is not there, is none of the list. Batch reads of a moment ago, 25 at once.
    pub(super) async fn by_record(
        mut self,
        table: &Table,
        key: impl Fn(&Row) -> Key,
        judge: impl Fn(&Row) -> Result<Option<(T, usize)>, StoreError>,
    ) -> Result<Self, StoreError> {
        loop {
            let part = self.part(table, PART).await?;
            if part.is_empty() {
                return Ok(self);
            }
            let keys: Vec<Key> = part.iter().map(&key).collect();
            let records = table.batch(&keys, Fresh::Soon).await?;
            let records: HashMap<Key, Row> = records.into_iter().map(|row| (row.key(), row)).collect();
            for (row, key) in part.iter().zip(keys) {
                let judged = readable(records.get(&key), &judge).into_iter().flatten().next();
                self.judged(row, judged);
            }
        }
    }
}

impl Narrowed<Row> {
    /// Reads it by what the rows themselves say.
    pub(super) async fn by_row(
        asked: Asked,
        table: &Table,
        keep: impl Fn(&Row) -> bool,
    ) -> Result<Self, StoreError> {
        let mut narrowed = Self::new(asked, BY_ROW);
        loop {
            let part = narrowed.part(table, BATCH).await?;
            if part.is_empty() {
                return Ok(narrowed);
            }
            for row in part {
                // What it weighs is known when it is read.
                let judged = keep(&row).then(|| (row.clone(), 0));
                narrowed.judged(&row, judged);
            }
        }
    }
}

/// The id that its place in a list or among an owner's rows is.
pub(super) fn id_of(row: &Row) -> Option<u64> {
    [Index::Owner, Index::List, Index::Table]
        .into_iter()
        .find_map(|index| row.opt_text(index.attributes().1).and_then(keys::id_in))
}

/// The primary keys of rows of an index.
pub(super) fn keys_of(rows: &[Row]) -> Vec<Key> {
    rows.iter().map(Row::key).collect()
}

/// A page whose rows may be fewer than its keys, of which `taken` were taken up: it is followed by another if it has all
/// its keys, or if there was no room for more. `cursor`: of a row.
pub(super) fn page<T>(
    list: Vec<T>,
    total: u64,
    (rows, taken, size): (&[Row], usize, usize),
    cursor: impl Fn(&Row) -> Option<String>,
) -> Page<T> {
    let is_followed = rows.len() == size || taken < rows.len();
    // A row whose place cannot be read leads nowhere: the next page meets it again.
    let next_cursor = rows.iter().take(taken).rev().find_map(cursor);
    Page {
        list,
        total,
        next_cursor: next_cursor.filter(|_| is_followed),
    }
}

/// The cursor behind a row of a list in the order of ids.
pub(super) fn behind(row: &Row) -> Option<String> {
    id_of(row).map(|id| id.to_string())
}

/// What is due of one kind of work, the earliest first: the places of at most `limit` rows. Up to eight small queries.
pub(super) async fn due(
    table: &Table,
    work: Work,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let ranges = Range::due(work, now);
    let (skip, size) = (0, limit);
    rows(table, Asked { ranges, skip, size }).await
}

/// The records of what is due, as they are: one that cannot be read takes no other's place. Beside the queries one batch
/// read for 100.
pub(super) async fn due_records<T>(
    table: &Table,
    work: (Work, Timestamp),
    limit: usize,
    from_item: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    due_records_of(table, work, limit, |_| true, from_item).await
}

/// The same of the rows that are asked for; the items of others are not read.
pub(super) async fn due_records_of<T>(
    table: &Table,
    (work, now): (Work, Timestamp),
    limit: usize,
    is_asked_for: impl Fn(&Row) -> bool,
    from_item: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut merge = Merge::new(Range::due(work, now), limit);
    let (mut due, mut looked) = (Vec::new(), 0);
    while due.len() < limit && looked < limit + STRIDE {
        let mut keys = Vec::new();
        while keys.len() < (limit - due.len()).min(BATCH) {
            match merge.next(table).await? {
                Some(row) if is_asked_for(&row) => keys.push(row.key()),
                Some(_) => {}
                None => break,
            }
        }
        if keys.is_empty() {
            break;
        }
        looked += keys.len();
        due.extend(readable(&table.batch(&keys, Fresh::Now).await?, &from_item));
    }
    Ok(due)
}
