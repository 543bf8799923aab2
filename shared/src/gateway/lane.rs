//! Lanes: where calls that have lost a race take turns.
//!
//! Many who write one row, as the account of one allocator, fail each other again and again if each tries again after
//! a random time. So the database says in the error which lane the next try belongs to. That try begins with a lock on
//! the lane, which is an empty table. The lock comes before the transaction's snapshot: who has it sees all that those
//! before it wrote.
//!
//! A lane is a courtesy. Nothing is wrong without it. So a lane that is not free in time is passed over for a while,
//! and calls are tried again as if there were none. A login that holds all lanes gains nothing more.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How many lanes there are. The tables are `lane.l00` to `lane.l31`; a test holds the two numbers equal.
pub const LANES: usize = 32;

/// For so long a lane that was not free in time is passed over: by then `watch-database` has ended who held it.
const PASSED_OVER: Duration = Duration::from_mins(2);

/// For so long after a person has lost a race, the person's calls queue at their first try.
const HOT: Duration = Duration::from_secs(2);

/// Of so many people is remembered that they have lost.
const REMEMBERED_MAX: usize = 256;

/// One of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane(usize);

impl Lane {
    /// The lane of an error that names this table. Any other table is none.
    pub(super) fn of_table(schema: Option<&str>, table: Option<&str>) -> Option<Self> {
        let digits = table
            .filter(|_| schema == Some("lane"))?
            .strip_prefix('l')?;
        let is_number = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number)?;
        (number < LANES).then_some(Self(number))
    }

    /// The statement that takes a turn in this lane. It waits as long as the login's `lock_timeout` says: a time-out of
    /// its own would be a SET, for which RDS Proxy keeps a connection to itself.
    pub(super) fn turn(self) -> String {
        format!(
            "lock table lane.l{:02} in share update exclusive mode",
            self.0
        )
    }
}

/// What one function has seen of the lanes lately.
#[derive(Debug)]
pub(super) struct Lanes {
    seen: Mutex<Seen>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Seen {
    /// Until when each lane is passed over.
    passed_over: [Option<Instant>; LANES],
    /// Who has lost a race, as a hash, in which lane, and until when that counts.
    lost: HashMap<u64, (Lane, Instant)>,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            seen: Mutex::new(Seen {
                passed_over: [None; LANES],
                lost: HashMap::new(),
            }),
            hasher: RandomState::new(),
        }
    }

    /// The lane in which the first try of this caller waits, if the caller has lost a race lately.
    pub(super) fn hot(&self, who: &str, now: Instant) -> Option<Lane> {
        let who = self.hasher.hash_one(who);
        let seen = self.seen();
        let (lane, until) = *seen.lost.get(&who)?;
        (now < until && seen.is_open(lane, now)).then_some(lane)
    }

    /// The caller has lost a race; the lane for its next try, unless it is passed over.
    pub(super) fn lost(&self, who: Option<&str>, lane: Lane, now: Instant) -> Option<Lane> {
        let who = who.map(|who| self.hasher.hash_one(who));
        let mut seen = self.seen();
        if let Some(who) = who {
            seen.lost.retain(|_, (_, until)| now < *until);
            if seen.lost.len() < REMEMBERED_MAX {
                seen.lost.insert(who, (lane, now + HOT));
            }
        }
        seen.is_open(lane, now).then_some(lane)
    }

    /// The lane was not free in time.
    pub(super) fn pass_over(&self, lane: Lane, now: Instant) {
        self.seen().passed_over[lane.0] = Some(now + PASSED_OVER);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn is_open(&self, lane: Lane, now: Instant) -> bool {
        self.passed_over[lane.0].is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(number: usize) -> Lane {
        Lane::of_table(Some("lane"), Some(&format!("l{number:02}"))).unwrap()
    }

    #[test]
    fn only_a_lane_is_a_lane() {
        for number in 0..LANES {
            assert_eq!(lane(number), Lane(number));
            assert!(
                lane(number)
                    .turn()
                    .contains(&format!("lock table lane.l{number:02} in"))
            );
        }
        for (schema, table) in [
            (None, Some("l00")),
            (Some("capital"), Some("l00")),
            (Some("lane"), None),
            (Some("lane"), Some("l32")),
            (Some("lane"), Some("l1")),
            (Some("lane"), Some("l+1")),
            (Some("lane"), Some("l001")),
            (Some("lane"), Some("00")),
            (Some("lane"), Some("l00; drop table x")),
        ] {
            assert_eq!(Lane::of_table(schema, table), None, "{schema:?} {table:?}");
        }
    }

    #[test]
    fn who_has_lost_queues_for_a_while() {
        let (lanes, now) = (Lanes::new(), Instant::now());
        assert_eq!(lanes.hot("alice", now), None);
        assert_eq!(lanes.lost(Some("alice"), lane(3), now), Some(lane(3)));
        assert_eq!(lanes.hot("alice", now), Some(lane(3)));
        assert_eq!(lanes.hot("bob", now), None);
        assert_eq!(lanes.hot("alice", now + HOT), None);
        // No name, no memory.
        assert_eq!(lanes.lost(None, lane(4), now), Some(lane(4)));
        for number in 0..2 * REMEMBERED_MAX {
            lanes.lost(Some(&number.to_string()), lane(0), now);
        }
        assert_eq!(lanes.seen().lost.len(), REMEMBERED_MAX);
        assert_eq!(lanes.lost(Some("bob"), lane(5), now + HOT), Some(lane(5)));
        assert_eq!(lanes.seen().lost.len(), 1);
    }

    #[test]
    fn a_lane_that_is_not_free_is_passed_over_for_a_while() {
        let (lanes, now) = (Lanes::new(), Instant::now());
        lanes.lost(Some("alice"), lane(3), now);
        lanes.pass_over(lane(3), now);
        assert_eq!(lanes.hot("alice", now), None);
        assert_eq!(lanes.lost(Some("bob"), lane(3), now), None);
        assert_eq!(lanes.lost(Some("bob"), lane(4), now), Some(lane(4)));
        let later = now + PASSED_OVER;
        assert_eq!(lanes.lost(Some("bob"), lane(3), later), Some(lane(3)));
    }
}
