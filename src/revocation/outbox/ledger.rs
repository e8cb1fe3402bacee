//! What of an outbox has been read: so that no row is missed, whatever order its transactions commit in.
//!
//! A row takes its number when it is written and is seen when its transaction commits, so a number below one that was
//! read may still appear. Each number that is missing is a gap and is asked for again until it appears, or is so old
//! that it can only have been rolled back. Pure: what is read and the time come in, what is new goes out.

use std::time::Duration;

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: u64,
    /// What kind of name it holds.
    pub kind: String,
    /// What was revoked.
    pub name: Option<String>,
    /// When, in milliseconds since the epoch by the database's clock.
    pub written_at: i64,
}

/// What has been read of an outbox.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The row with the highest number that was read. It is asked for each time: once it is gone or is another, the
    /// outbox is not what it was.
    newest: Option<Entry>,
    /// Missing numbers below that, in ascending order, apart from each other.
    gaps: Vec<Gap>,
    is_behind: bool,
}

/// Missing numbers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// When they were first missed.
    since: Duration,
}

/// What a page brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// These rows are new.
    Rows(Vec<Entry>),
    /// There are more rows than it pays to go through one by one.
    Many,
    /// The outbox was emptied, or is another one: it has to be begun anew, and nobody knows what was missed.
    Restarted,
}

/// Most rows that are read at once. Rows of a hundred bytes: what is held of them stays below a megabyte or two.
pub const PAGE: usize = 10_000;

/// How long a missing number is asked for: longer than a transaction of Better Auth's, or a clean-up of sessions, is
/// open. One that takes longer still is heard of no more; what it revoked counts no longer than `cache_ttl`.
const GAP_AGE: Duration = Duration::from_mins(10);

/// Most gaps: each is a condition in the statement. The oldest ones go first.
const GAPS: usize = 500;

impl Ledger {
    /// Begins at the newest rows there are, at most a page of them, in ascending order.
    #[must_use]
    pub fn begin(rows: &[Entry], page: usize, now: Duration) -> Self {
        let mut ledger = Self { newest: None, gaps: Vec::new(), is_behind: false };
        let mut rows = rows.iter().peekable();
        // What is missing below a full page is taken to be rolled back: a transaction that is so many rows late is heard of
        // no more, as one that is too long.
        if rows.len() >= page {
            ledger.newest = rows.next().cloned();
        }
        for row in rows {
            ledger.advance(row.clone(), now);
        }
        ledger.trim(now);
        ledger
    }

    /// The number from which on all rows are asked for.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.newest.as_ref().map_or(0, |row| row.id)
    }

    /// The missing numbers, which are asked for besides.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Whether there is more to read at once.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Takes what was found of what was asked for: the first of it by number, `page` rows at most.
    pub fn read(&mut self, rows: Vec<Entry>, page: usize, now: Duration) -> Read {
        let is_full = rows.len() >= page;
        if let Some(newest) = &self.newest {
            let is_reached = !is_full || rows.last().is_some_and(|last| last.id >= newest.id);
            if is_reached && !rows.contains(newest) {
                return Read::Restarted;
            }
        }
        let was_behind = std::mem::replace(&mut self.is_behind, is_full);
        let news: Vec<_> = rows.into_iter().filter(|row| self.take(row, now)).collect();
        if !is_full {
            self.trim(now);
        }
        // Said once, it holds for all that was there then; what follows is read row by row.
        if is_full && !was_behind { Read::Many } else { Read::Rows(news) }
    }

    /// Whether the row is new.
    fn take(&mut self, row: &Entry, now: Duration) -> bool {
        if row.id > self.newest() {
            self.advance(row.clone(), now);
            return true;
        }
        let Some(index) = self.gaps.iter().position(|gap| (gap.from..=gap.to).contains(&row.id)) else {
            return false;
        };
        let gap = self.gaps.remove(index);
        let below = Gap { to: row.id - 1, ..gap };
        let above = Gap { from: row.id + 1, ..gap };
        let rest = [below, above].into_iter().filter(|gap| gap.from <= gap.to);
        self.gaps.splice(index..index, rest);
        true
    }

    fn advance(&mut self, row: Entry, now: Duration) {
        let gap = Gap { from: self.newest() + 1, to: row.id.saturating_sub(1), since: now };
        if gap.from <= gap.to {
            self.gaps.push(gap);
        }
        self.newest = Some(row);
    }

    /// Gives up what is too old, and the oldest of what is too much.
    fn trim(&mut self, now: Duration) {
        self.gaps.retain(|gap| now.saturating_sub(gap.since) < GAP_AGE);
        if self.gaps.len() > GAPS {
            let mut ages: Vec<_> = self.gaps.iter().map(|gap| gap.since).collect();
            ages.sort_unstable();
            let spare = self.gaps.len() - GAPS;
            let oldest = ages.get(spare - 1).copied().unwrap_or_default();
            let mut spare = spare;
            self.gaps.retain(|gap| {
                let goes = spare > 0 && gap.since <= oldest;
                spare -= usize::from(goes);
                !goes
            });
        }
    }
}
