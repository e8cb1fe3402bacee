//! What is read of an outbox: every row that is committed, in whatever order transactions end, and each once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sidegate::revocation::outbox::ledger::{Entry, Ledger, Read};

use crate::rig::laws;

const MINUTE: Duration = Duration::from_mins(1);
/// A small page, so that full ones come about.
const PAGE: usize = 4;
/// Of what it begins at, more than any transaction here is behind.
const NEWEST: usize = 1000;

/// What happens to an outbox.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A transaction begins and takes so many numbers.
    Take(usize),
    /// One of the open transactions commits.
    Commit(usize),
    /// One of them is rolled back.
    RollBack(usize),
    /// The table is looked into.
    Poll,
    /// What was heard of is removed, but for so many of the newest rows.
    CleanUp(usize),
    /// All is removed and numbers begin anew, which waits for open transactions.
    Truncate,
}

/// A table with transactions open on it, and somebody who reads it.
struct Table {
    rows: BTreeMap<u64, Entry>,
    open: Vec<Vec<u64>>,
    next: u64,
    clock: i64,
    ledger: Ledger,
    /// Committed and not heard of yet.
    pending: BTreeSet<i64>,
    told: Vec<i64>,
}

fn row(id: u64, written_at: i64) -> Entry {
    Entry { id, kind: "u".to_owned(), name: Some(format!("user {written_at}")), written_at }
}

impl Table {
    fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            open: Vec::new(),
            next: 1,
            clock: 0,
            ledger: Ledger::begin(&[], PAGE, Duration::ZERO),
            pending: BTreeSet::new(),
            told: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Take(count) => {
                let ids = (self.next..).take(count).collect();
                self.next += count as u64;
                self.open.push(ids);
            }
            Step::Commit(which) if !self.open.is_empty() => {
                let ids = self.open.remove(which % self.open.len());
                for id in ids {
                    self.clock += 1;
                    self.pending.insert(self.clock);
                    self.rows.insert(id, row(id, self.clock));
                }
            }
            Step::RollBack(which) if !self.open.is_empty() => {
                self.open.remove(which % self.open.len());
            }
            Step::Poll => self.poll(),
            Step::CleanUp(kept) => {
                let newest: Vec<_> = self.rows.keys().rev().take(kept).copied().collect();
                let pending = self.pending.clone();
                self.rows.retain(|id, row| newest.contains(id) || pending.contains(&row.written_at));
            }
            Step::Truncate if self.open.is_empty() => {
                // What nobody can have seen, in a table that was empty before, nobody can miss.
                if self.ledger.newest() == 0 {
                    self.pending.clear();
                }
                self.rows.clear();
                self.next = 1;
            }
            Step::Commit(_) | Step::RollBack(_) | Step::Truncate => {}
        }
    }

    /// As the channel does: until there is no more.
    fn poll(&mut self) {
        loop {
            match self.ledger.read(self.asked(), PAGE, MINUTE) {
                Read::Rows(rows) => {
                    for row in rows {
                        self.pending.remove(&row.written_at);
                        self.told.push(row.written_at);
                    }
                }
                Read::Many => self.pending.clear(),
                Read::Restarted => {
                    let mut newest: Vec<_> = self.rows.values().rev().take(NEWEST).cloned().collect();
                    newest.reverse();
                    self.ledger = Ledger::begin(&newest, NEWEST, MINUTE);
                    self.pending.clear();
                }
            }
            if !self.ledger.is_behind() {
                return;
            }
        }
    }

    fn asked(&self) -> Vec<Entry> {
        let is_asked = |id: u64| {
            let mut gaps = self.ledger.gaps().iter();
            id >= self.ledger.newest() || gaps.any(|gap| (gap.from..=gap.to).contains(&id))
        };
        self.rows.values().filter(|row| is_asked(row.id)).take(PAGE).cloned().collect()
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_usize).prop_map(Step::Take),
        3 => any::<usize>().prop_map(Step::Commit),
        1 => any::<usize>().prop_map(Step::RollBack),
        4 => Just(Step::Poll),
        1 => (0..3_usize).prop_map(Step::CleanUp),
        1 => Just(Step::Truncate),
    ]
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn no_committed_row_is_missed_and_none_is_told_twice(steps in vec(step(), 0..80)) {
        let mut table = Table::new();
        for step in steps {
            table.step(step);
        }
        while !table.open.is_empty() {
            table.step(Step::Commit(0));
        }
        table.poll();

        prop_assert!(table.pending.is_empty(), "never heard of: {:?}", table.pending);
        let told: BTreeSet<_> = table.told.iter().collect();
        prop_assert_eq!(told.len(), table.told.len(), "told twice: {:?}", table.told);
    }
}

/// A ledger that has read 1 and 4, while 2 and 3 are missing since the start.
fn with_gap() -> (Ledger, Entry) {
    let newest = row(4, 40);
    let ledger = Ledger::begin(&[row(1, 10), newest.clone()], 100, Duration::ZERO);
    (ledger, newest)
}

fn gaps(ledger: &Ledger) -> Vec<(u64, u64)> {
    ledger.gaps().iter().map(|gap| (gap.from, gap.to)).collect()
}

#[test]
fn what_was_not_committed_when_reading_began_is_heard_of_when_it_is() {
    let (mut ledger, newest) = with_gap();
    assert_eq!((ledger.newest(), gaps(&ledger)), (4, vec![(2, 3)]));

    let read = ledger.read(vec![row(3, 30), newest.clone()], 100, MINUTE);

    assert_eq!(read, Read::Rows(vec![row(3, 30)]));
    assert_eq!(gaps(&ledger), [(2, 2)]);
    assert_eq!(ledger.read(vec![row(2, 20), newest], 100, MINUTE), Read::Rows(vec![row(2, 20)]));
    assert_eq!(gaps(&ledger), []);
}

#[test]
fn a_missing_number_is_asked_for_ten_minutes() {
    let (mut ledger, newest) = with_gap();

    ledger.read(vec![newest.clone()], 100, Duration::from_millis(10 * 60 * 1000 - 1));
    assert_eq!(gaps(&ledger), [(2, 3)]);
    ledger.read(vec![newest], 100, 10 * MINUTE);
    assert_eq!(gaps(&ledger), []);
}

#[test]
fn what_is_missing_at_once_is_bounded_and_the_oldest_goes_first() {
    let mut ledger = Ledger::begin(&[row(1, 1)], 10_000, Duration::ZERO);
    let mut newest = row(1, 1);
    // Every other number is missing, as where several servers share the numbers.
    for number in 1..=600 {
        let next = row(1 + 2 * number, 1);
        let now = Duration::from_millis(number);
        ledger.read(vec![newest, next.clone()], 10_000, now);
        newest = next;
    }

    assert_eq!(ledger.gaps().len(), 500);
    assert_eq!(gaps(&ledger).first(), Some(&(202, 202)));
    assert_eq!(gaps(&ledger).last(), Some(&(1200, 1200)));
}

#[test]
fn an_outbox_whose_newest_row_is_gone_or_another_is_begun_anew() {
    let (ledger, newest) = with_gap();
    let read = |rows: Vec<Entry>| ledger.clone().read(rows, 100, MINUTE);

    assert_eq!(read(vec![newest]), Read::Rows(Vec::new()));
    assert_eq!(read(Vec::new()), Read::Restarted, "emptied");
    assert_eq!(read(vec![row(4, 41)]), Read::Restarted, "restored, and written since");
    assert_eq!(read(vec![row(9, 90)]), Read::Restarted, "cleaned up");
}

#[test]
fn of_a_flood_it_is_said_once_that_nobody_knows_and_the_rest_is_read_row_by_row() {
    let mut ledger = Ledger::begin(&[], 3, Duration::ZERO);
    let mut page = |ids: &[u64]| {
        let read = ledger.read(ids.iter().map(|id| row(*id, 1)).collect(), 3, MINUTE);
        (read, ledger.is_behind())
    };

    assert_eq!(page(&[1, 2, 3]), (Read::Many, true));
    assert_eq!(page(&[3, 4, 5]), (Read::Rows(vec![row(4, 1), row(5, 1)]), true));
    assert_eq!(page(&[5, 6]), (Read::Rows(vec![row(6, 1)]), false));
    assert_eq!(page(&[6, 7, 8]), (Read::Many, true));
}
