//! Which call a charge is about, where only number and time tell: the charges and the calls of one subject, paired.
//!
//! Invariants: a charge and a call are paired once, and only where the call was sent about when the charge says; as many charges
//! as possible are explained; calls that are counted as charged already come first, so that one charge never turns a doubt into
//! a second payment; then the nearer ones. Pure and total. Where there are too many to tell apart nothing is paired, which leaves
//! every call as it is.

use crate::domain::freshness::Stamp;
use crate::domain::moment::Moment;

/// How far the vendor's clock, ours, and the time between sending and charging may be apart, in milliseconds.
const FIT: i64 = 3_600_000;

/// Pairs tried for one subject. More than a few are the sign of a test number.
const MOST: usize = 20_000;

/// A call that a charge may be about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) at: Stamp,
    /// Counted as charged already.
    pub(super) charged: bool,
}

/// How good a set of pairs is: how many, how many with calls charged already, how near (the negated distance).
type Score = (u32, u32, i64);

/// For each charge the place of its call. Both sides in the order of time.
pub(super) fn pair(charges: &[Moment], calls: &[Sent]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; charges.len()];
    let width = calls.len() + 1;
    if charges.len() * width > MOST {
        return pairs;
    }
    // best[i * width + j]: the best that the charges from i on and the calls from j on can do. Pairs that cross can always be
    // uncrossed at no loss, so the sides are walked in step.
    let mut best: Vec<Score> = vec![(0, 0, 0); (charges.len() + 1) * width];
    for i in (0..charges.len()).rev() {
        for j in (0..calls.len()).rev() {
            let skip = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            let taken = gain(charges[i], calls[j]).map(|gain| add(gain, best[(i + 1) * width + j + 1]));
            best[i * width + j] = taken.map_or(skip, |taken| taken.max(skip));
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < charges.len() && j < calls.len() {
        let here = best[i * width + j];
        if here == best[(i + 1) * width + j] {
            i += 1;
        } else if here == best[i * width + j + 1] {
            j += 1;
        } else {
            pairs[i] = Some(j);
            i += 1;
            j += 1;
        }
    }
    pairs
}

fn gain(charge: Moment, call: Sent) -> Option<Score> {
    let distance = charge.distance(call.at);
    (distance <= FIT).then_some((1, u32::from(call.charged), -distance))
}

fn add(one: Score, other: Score) -> Score {
    (one.0 + other.0, one.1 + other.1, one.2 + other.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn at(minute: i64) -> Moment {
        Moment { from: Stamp(minute * MINUTE), until: Stamp(minute * MINUTE + 1000) }
    }

    /// Minutes; `true` for those charged already.
    fn sent(calls: &[(i64, bool)]) -> Vec<Sent> {
        calls.iter().map(|(minute, charged)| Sent { at: Stamp(minute * MINUTE), charged: *charged }).collect()
    }

    #[test]
    fn charges_find_their_calls() {
        let (doubt, paid) = (false, true);
        // minutes of the charges, calls, places of the calls
        #[allow(clippy::type_complexity)]
        let table: &[(&[i64], &[(i64, bool)], &[Option<usize>])] = &[
            (&[], &[(0, doubt)], &[]),
            (&[5], &[], &[None]),
            (&[5], &[(0, doubt)], &[Some(0)]),
            (&[61], &[(0, doubt)], &[None]),
            (&[0], &[(60, doubt)], &[Some(0)]),
            // The nearer of two.
            (&[50], &[(0, doubt), (49, doubt)], &[Some(1)]),
            // As many as possible before as near as possible.
            (&[10, 80], &[(0, doubt), (25, doubt)], &[Some(0), Some(1)]),
            // What is counted as charged already comes first, however far.
            (&[50], &[(0, paid), (49, doubt)], &[Some(0)]),
            (&[50, 51], &[(0, paid), (49, doubt)], &[Some(0), Some(1)]),
            (&[50, 51, 52], &[(0, paid), (49, doubt)], &[Some(0), Some(1), None]),
        ];
        for (charges, calls, expected) in table {
            let charges: Vec<_> = charges.iter().map(|minute| at(*minute)).collect();
            let pairs = pair(&charges, &sent(calls));
            let count = |pairs: &[Option<usize>]| pairs.iter().flatten().count();
            assert_eq!(count(&pairs), count(expected), "{charges:?} {calls:?}");
            if expected.len() < 3 {
                assert_eq!(pairs, *expected, "{charges:?} {calls:?}");
            }
        }
    }

    #[test]
    fn a_date_alone_fits_the_whole_day() {
        let day: Moment = "2026-10-05".parse().unwrap();
        let call = |text: &str| Sent { at: text.parse::<Moment>().unwrap().from, charged: false };
        for (time, fits) in [
            ("2026-10-04 22:59:00", false),
            ("2026-10-04 23:30:00", true),
            ("2026-10-05 12:00:00", true),
            ("2026-10-06 00:30:00", true),
            ("2026-10-06 01:01:00", false),
        ] {
            assert_eq!(pair(&[day], &[call(time)]) == [Some(0)], fits, "{time}");
        }
    }

    #[test]
    fn too_many_are_left_alone() {
        let charges = vec![at(0); 300];
        let calls = sent(&[(0, false); 300]);
        assert!(pair(&charges, &calls).iter().all(Option::is_none));
    }
}
