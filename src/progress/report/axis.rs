//! The time axis: how finely a run is divided, and where time in which nothing ran is cut out.
//!
//! Invariants: at most `MOST` columns, however long the run; every division that holds calls has its column; pauses within an
//! invocation keep their width, so that they are seen.

use crate::domain::freshness::Stamp;
use crate::domain::review::{Invocation, Ruler};

/// Columns of a chart: more would be thinner than a pixel on a phone.
const MOST: i64 = 240;

/// A stretch without any invocation is cut out where it is longer than so many columns.
const LONGEST_IDLE: i64 = 6;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Divisions that people can read off a clock.
const STEPS: [i64; 19] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    48 * HOUR,
];

/// What stands at one place of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The division of that number, counted from the origin.
    Time(i64),
    /// Here time was cut out.
    Cut,
}

/// A run's time axis.
#[derive(Clone, Debug)]
pub struct Axis {
    ruler: Ruler,
    spans: Vec<(i64, i64)>,
}

impl Axis {
    /// The finest axis that all invocations fit on.
    pub fn over(invocations: &[Invocation]) -> Self {
        let origin = invocations.iter().map(|invocation| invocation.began).min().unwrap_or_default();
        let fits = |step: i64| {
            let axis = Axis::with(Ruler { origin, step }, invocations);
            (axis.len() <= MOST).then_some(axis)
        };
        let coarser = std::iter::successors(Some(96 * HOUR), |step| step.checked_mul(2));
        let mut steps = STEPS.into_iter().chain(coarser);
        let none = Axis { ruler: Ruler { origin, step: MINUTE }, spans: Vec::new() };
        steps.find_map(fits).unwrap_or(none)
    }

    fn with(ruler: Ruler, invocations: &[Invocation]) -> Self {
        let at = |stamp: Stamp| (stamp.0 - ruler.origin.0).div_euclid(ruler.step);
        let spans = invocations.iter().map(|invocation| {
            let end = invocation.ended.unwrap_or(invocation.seen).max(invocation.began);
            (at(invocation.began), at(end))
        });
        Axis { ruler, spans: merged(spans.collect()) }
    }

    /// The same with room for divisions that lie outside every invocation: a killed one may have gone on after its last sign.
    pub(super) fn with_room_for(&self, divisions: impl Iterator<Item = i64>) -> Self {
        let spans = self.spans.iter().copied().chain(divisions.map(|at| (at, at)));
        Axis { ruler: self.ruler, spans: merged(spans.collect()) }
    }

    pub fn ruler(&self) -> Ruler {
        self.ruler
    }

    fn len(&self) -> i64 {
        let cuts = self.spans.len().saturating_sub(1);
        let times: i64 = self.spans.iter().map(|(first, last)| last - first + 1).sum();
        times.saturating_add(i64::try_from(cuts).unwrap_or(i64::MAX))
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        for (first, last) in &self.spans {
            if !columns.is_empty() {
                columns.push(Column::Cut);
            }
            columns.extend((*first..=*last).map(Column::Time));
        }
        columns
    }

    /// When a division begins.
    pub(super) fn start(&self, at: i64) -> Stamp {
        Stamp(self.ruler.origin.0 + at * self.ruler.step)
    }

    /// So many calls within one division, as calls per minute.
    pub(super) fn per_minute(&self, calls: u64) -> f64 {
        calls as f64 * MINUTE as f64 / self.ruler.step as f64
    }
}

/// Stretches in order, those that touch or nearly touch made one.
fn merged(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (first, last) in spans {
        match merged.last_mut() {
            Some((_, end)) if first - *end <= LONGEST_IDLE + 1 => *end = (*end).max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// The top of a scale and the distance of its lines, so that `largest` fits and people can read it.
pub(super) fn scale(largest: f64) -> (f64, f64) {
    let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
    let unit = 10_f64.powf((largest / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * unit).find(|step| step * 4.0 >= largest * 0.999_999);
    let step = step.unwrap_or(10.0 * unit).max(1.0);
    ((largest / step).ceil().max(1.0) * step, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn invocation(began: i64, ended: i64) -> Invocation {
        Invocation { began: Stamp(began), seen: Stamp(ended), ended: Some(Stamp(ended)), rates: Vec::new() }
    }

    #[test]
    fn a_short_run_is_divided_by_seconds_and_a_night_by_minutes() {
        assert_eq!(Axis::over(&[invocation(0, 4 * SECOND)]).ruler().step, SECOND);
        assert_eq!(Axis::over(&[invocation(0, 60 * SECOND)]).columns().len(), 61);
        let night = Axis::over(&[invocation(0, 9 * HOUR)]);
        assert_eq!((night.ruler().step, night.columns().len()), (5 * MINUTE, 109));
        assert_eq!(night.per_minute(500), 100.0);
    }

    #[test]
    fn days_in_which_nothing_ran_are_cut_out() {
        let day = 24 * HOUR;
        let axis = Axis::over(&[invocation(0, 10 * MINUTE), invocation(3 * day, 3 * day + 10 * MINUTE)]);
        assert_eq!(axis.ruler().step, 10 * SECOND);
        let columns = axis.columns();
        assert_eq!(columns.iter().filter(|column| **column == Column::Cut).count(), 1);
        assert_eq!(columns[61], Column::Cut);
        assert_eq!(axis.start(1).0, 10 * SECOND);
    }

    #[test]
    fn calls_after_the_last_sign_of_life_have_their_place() {
        let axis = Axis::over(&[invocation(0, 2 * SECOND)]).with_room_for([5, 20].into_iter());
        let columns = axis.columns();
        assert!(columns.contains(&Column::Time(5)) && columns.contains(&Column::Time(20)));
        assert_eq!(columns.iter().filter(|column| **column == Column::Cut).count(), 1);
    }

    #[test]
    fn nothing_at_all_is_an_empty_axis() {
        assert!(Axis::over(&[]).columns().is_empty());
    }

    #[test]
    fn scales_end_on_numbers_that_read_well() {
        for (largest, expected) in [
            (0.0, (1.0, 1.0)),
            (3.0, (3.0, 1.0)),
            (100.0, (100.0, 25.0)),
            (3000.0, (3000.0, 1000.0)),
            (30_300.0, (40_000.0, 10_000.0)),
            (f64::NAN, (1.0, 1.0)),
        ] {
            assert_eq!(scale(largest), expected, "{largest}");
        }
    }

    proptest! {
        #[test]
        fn no_run_has_too_many_columns(spans in proptest::collection::vec((0_i64..400 * 24 * HOUR, 0_i64..72 * HOUR), 0..300)) {
            let invocations: Vec<_> = spans.iter().map(|(began, length)| invocation(*began, began + length)).collect();
            let axis = Axis::over(&invocations);
            prop_assert!(axis.columns().len() <= 240);
            let columns = axis.columns();
            for one in &invocations {
                let at = (one.began.0 - axis.ruler().origin.0) / axis.ruler().step;
                prop_assert!(columns.contains(&Column::Time(at)));
            }
        }

        #[test]
        fn what_is_shown_fits_its_scale(largest in 0.1_f64..1e9) {
            let (top, step) = scale(largest);
            prop_assert!(top >= largest && top <= largest * 2.0_f64.max(1.0 / largest) && top / step <= 5.01);
        }
    }
}
