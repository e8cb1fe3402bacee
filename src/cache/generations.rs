//! What was revoked, and when: so that nothing counts that was asked for before.
//!
//! Not an index from users to their sessions, which each insertion and each eviction would have to keep in step, under a
//! lock: a table of fixed size in which each revocation leaves its number at a place that its name chooses. An answer
//! carries the number of the last revocation before it was asked for; it counts as long as none of its places holds a higher one.
//! That costs a hit one comparison while nothing is revoked and three more otherwise, and the same check finds an answer out that
//! was under way when its revocation arrived. Two names may share a place: whoever shares it is asked about once more.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use super::answers::Name as _;
use crate::auth::{Marks, Revocation};
use crate::clock::UnixMillis;

/// Places: a megabyte. A thousand revocations in the life of an answer make one lookup in sixty more.
const PLACES: usize = 1 << 16;

/// Above the numbers of [`Hearing`].
const PART: u8 = 4;

/// What has been revoked so far.
pub struct Generations {
    /// How many revocations there were.
    count: AtomicU64,
    /// Of everything.
    everything: Place,
    places: Box<[Place]>,
    /// A [`Hearing`]'s number, and [`PART`] for each part of what happens that is not heard of.
    hearing: AtomicU8,
    evicted: [AtomicU64; 4],
}

/// What was revoked last by one of the names that share it.
struct Place {
    number: AtomicU64,
    /// When that was heard, in milliseconds; what was never heard came first.
    heard: AtomicI64,
}

/// A moment in the order of revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// Whether revocations are heard of as they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Nothing tells of them, and nothing ever did.
    None,
    /// Something tells of them.
    Now,
    /// What told of them is out of reach.
    Lost,
}

/// Under which names an answer can be revoked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// Of the token or whatever else it was asked for by.
    pub(super) token: u32,
    /// Of the session in it, if there is one.
    pub(super) marks: Option<Marks>,
}

/// Answers that were thrown away before their time, by what was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// The token itself.
    pub token: u64,
    /// The session, by its id.
    pub session: u64,
    /// The user.
    pub user: u64,
    /// Everything at once.
    pub everything: u64,
}

#[derive(Clone, Copy)]
enum Cause {
    Token,
    Session,
    User,
    Everything,
}

impl Default for Place {
    fn default() -> Self {
        Self { number: AtomicU64::new(0), heard: AtomicI64::new(i64::MIN) }
    }
}

impl Default for Generations {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            everything: Place::default(),
            places: (0..PLACES).map(|_| Place::default()).collect(),
            hearing: AtomicU8::new(Hearing::None as u8),
            evicted: Default::default(),
        }
    }
}

impl Generations {
    /// The present moment: taken before a question is put, it tells later whether the answer still counts.
    #[must_use]
    pub fn now(&self) -> Generation {
        Generation(self.count.load(Ordering::Acquire))
    }

    /// Lets nothing count any more that was asked for before `now` and bears that name.
    pub fn revoke(&self, what: &Revocation, now: UnixMillis) {
        let place = match what {
            Revocation::Token(token) => self.place(token.mark()),
            Revocation::Session(session) => self.place(session.session_mark()),
            Revocation::User(user) => self.place(user.user_mark()),
            Revocation::Everything => &self.everything,
        };
        self.outdate(place);
        place.heard.fetch_max(now.get(), Ordering::AcqRel);
    }

    fn outdate(&self, place: &Place) {
        // The number first: whoever asks from here on asks after the revocation.
        let number = self.count.fetch_add(1, Ordering::AcqRel) + 1;
        place.number.fetch_max(number, Ordering::AcqRel);
    }

    /// When a revocation of any of these names was heard last. What may have been missed is none.
    pub(super) fn last_heard(&self, named: Named) -> Option<UnixMillis> {
        let places = self.places_of(named).map(|(place, _)| place.heard.load(Ordering::Acquire));
        places.filter(|heard| *heard != i64::MIN).max().map(UnixMillis::new)
    }

    /// Revocations are heard of from now on. What was missed before is not known, so nothing counts any more.
    pub fn begin_to_hear(&self) {
        self.outdate(&self.everything);
        self.turn(Hearing::Now);
    }

    /// Revocations are no longer heard of.
    pub fn lose(&self) {
        self.turn(Hearing::Lost);
    }

    /// Some revocations are not heard of from now on, whatever is said of the others: until
    /// [`Generations::regain_part`], as if none were.
    pub fn lose_part(&self) {
        self.hearing.fetch_add(PART, Ordering::AcqRel);
    }

    /// They are heard of again. What was missed is not known, so nothing counts any more.
    pub fn regain_part(&self) {
        self.outdate(&self.everything);
        self.hearing.fetch_sub(PART, Ordering::AcqRel);
    }

    /// Whether revocations are heard of.
    #[must_use]
    pub fn hearing(&self) -> Hearing {
        match self.hearing.load(Ordering::Acquire) {
            number if number == Hearing::None as u8 => Hearing::None,
            number if number == Hearing::Now as u8 => Hearing::Now,
            _ => Hearing::Lost,
        }
    }

    fn turn(&self, hearing: Hearing) {
        // Never fails: the closure always has an answer.
        let _ = self.hearing.fetch_update(Ordering::AcqRel, Ordering::Acquire, |number| {
            Some(number - number % PART + hearing as u8)
        });
    }

    /// Whether an answer of that name, asked for at `since`, still counts.
    pub(super) fn is_current(&self, named: Named, since: Generation) -> bool {
        self.now() == since || self.cause(named, since).is_none()
    }

    /// The same for an answer that is thrown away if it does not.
    pub(super) fn keeps(&self, named: Named, since: Generation) -> bool {
        if self.now() == since {
            return true;
        }
        let Some(cause) = self.cause(named, since) else { return true };
        let [token, session, user, everything] = &self.evicted;
        let counter = match cause {
            Cause::Token => token,
            Cause::Session => session,
            Cause::User => user,
            Cause::Everything => everything,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// How many answers were thrown away, so far.
    #[must_use]
    pub fn evicted(&self) -> Evicted {
        let [token, session, user, everything] = &self.evicted;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Evicted { token: read(token), session: read(session), user: read(user), everything: read(everything) }
    }

    fn cause(&self, named: Named, since: Generation) -> Option<Cause> {
        let mut places = self.places_of(named);
        places.find(|(place, _)| place.number.load(Ordering::Acquire) > since.0).map(|(_, cause)| cause)
    }

    /// Where an answer of that name can be revoked.
    fn places_of(&self, named: Named) -> impl Iterator<Item = (&Place, Cause)> {
        let marks = named.marks.map(|marks| [(marks.session, Cause::Session), (marks.user, Cause::User)]);
        let places = std::iter::once((named.token, Cause::Token)).chain(marks.into_iter().flatten());
        let everything = std::iter::once((&self.everything, Cause::Everything));
        everything.chain(places.map(|(mark, cause)| (self.place(mark), cause)))
    }

    fn place(&self, mark: u32) -> &Place {
        // Of the table's size, a power of two: the mask keeps it inside.
        let index = usize::try_from(mark).unwrap_or_default() & (PLACES - 1);
        self.places.get(index).unwrap_or(&self.everything)
    }
}
