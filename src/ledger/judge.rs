//! Which call speaks for a subject: the rules of freshness, as one pure function that `open` and `look_up` share.
//!
//! Invariants: a run's own calls are always fresh to it and come before those of others, but where the run gave the subject up
//! and another run has paid for an answer, that answer speaks; a call that says nothing about its subject (an attempt without
//! result, a released or cleared doubt) is never chosen. It cannot fail.

use crate::domain::freshness::{Stamp, Window};
use crate::domain::ids::{CallId, RunId};
use crate::domain::status::Status;
use crate::ledger::rows::State;

/// A settled call about the subject in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) call: CallId,
    pub(super) run: RunId,
    pub(super) state: State,
    pub(super) at: Stamp,
}

/// Through whose eyes the candidates are seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lens<'a> {
    pub(super) run: Option<RunId>,
    pub(super) window: Window,
    /// What other runs asked for later is not seen.
    pub(super) closed: Option<Stamp>,
    /// Statuses of other runs that are asked anew.
    pub(super) again: &'a [Status],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Unknown,
    /// Answered, but outside the window.
    Stale,
    Known(CallId, Status),
}

/// What one candidate says.
enum Voice {
    Silent,
    Stale,
    Fresh(Status),
}

impl Lens<'_> {
    fn is_own(&self, candidate: &Candidate) -> bool {
        self.run == Some(candidate.run)
    }

    fn hear(&self, candidate: &Candidate) -> Voice {
        let Some(status) = candidate.state.status() else { return Voice::Silent };
        if self.is_own(candidate) {
            return Voice::Fresh(status);
        }
        if self.closed.is_some_and(|closed| candidate.at > closed) {
            return Voice::Silent;
        }
        let inside = self.window.holds(candidate.at);
        match status {
            Status::Failed => Voice::Silent,
            Status::NoRecord | Status::Rejected if inside && self.again.contains(&status) => Voice::Silent,
            Status::Ok | Status::NoRecord | Status::Rejected if !inside => Voice::Stale,
            Status::InDoubt if !inside && self.window.doubts_outlive_it => Voice::Fresh(status),
            _ if inside => Voice::Fresh(status),
            _ => Voice::Silent,
        }
    }

    /// The call that speaks for the subject: the newest of the run's own, else the newest of the others. What is paid for is
    /// shown and reused: where the run itself only failed, the newest paid answer of another run comes first.
    pub(super) fn judge(&self, candidates: &[Candidate]) -> Finding {
        let mut best: Option<(bool, CallId, Status)> = None;
        let mut paid: Option<CallId> = None;
        let mut stale = false;
        for candidate in candidates {
            match self.hear(candidate) {
                Voice::Silent => {}
                Voice::Stale => stale = true,
                Voice::Fresh(status) => {
                    let rank = (self.is_own(candidate), candidate.call);
                    if best.is_none_or(|(own, call, _)| rank > (own, call)) {
                        best = Some((rank.0, rank.1, status));
                    }
                    if status == Status::Ok {
                        paid = paid.max(Some(candidate.call));
                    }
                }
            }
        }
        match (best, paid) {
            (Some((_, _, Status::Failed)), Some(call)) => Finding::Known(call, Status::Ok),
            (Some((_, call, status)), _) => Finding::Known(call, status),
            (None, _) if stale => Finding::Stale,
            (None, _) => Finding::Unknown,
        }
    }

    /// Whether a doubt that was released would otherwise have stood in the way: a call now granted may be paid a second time.
    pub(super) fn sees_released(&self, candidates: &[Candidate]) -> bool {
        candidates.iter().any(|candidate| {
            let undecided = Candidate { state: State::InDoubt, ..*candidate };
            candidate.state == State::Released && matches!(self.hear(&undecided), Voice::Fresh(_))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: RunId = RunId(7);
    const OTHER: RunId = RunId(3);

    fn lens(outlive: bool) -> Lens<'static> {
        let window = Window { opens: Stamp(100), doubts_outlive_it: outlive };
        Lens { run: Some(OWN), window, closed: None, again: &[] }
    }

    fn candidate(call: i64, run: RunId, state: State, at: i64) -> Candidate {
        Candidate { call: CallId(call), run, state, at: Stamp(at) }
    }

    #[test]
    fn one_candidate() {
        use Finding::{Stale, Unknown};
        use State::*;
        let known = |status| Finding::Known(CallId(1), status);
        // state, own, other inside, other outside, other outside with doubts that outlive the window
        let table = [
            (Paid, known(Status::Ok), known(Status::Ok), Stale, Stale),
            (NoRecord, known(Status::NoRecord), known(Status::NoRecord), Stale, Stale),
            (Rejected, known(Status::Rejected), known(Status::Rejected), Stale, Stale),
            (Failed, known(Status::Failed), Unknown, Unknown, Unknown),
            (Unpaid, Unknown, Unknown, Unknown, Unknown),
            (InDoubt, known(Status::InDoubt), known(Status::InDoubt), Unknown, known(Status::InDoubt)),
            (Released, Unknown, Unknown, Unknown, Unknown),
            (WrittenOff, known(Status::WrittenOff), known(Status::WrittenOff), Unknown, Unknown),
            (Lost, known(Status::Lost), known(Status::Lost), Unknown, Unknown),
        ];
        for (state, own, inside, outside, outliving) in table {
            assert_eq!(lens(false).judge(&[candidate(1, OWN, state, 0)]), own, "own {state:?}, outside");
            assert_eq!(lens(false).judge(&[candidate(1, OTHER, state, 100)]), inside, "other {state:?}, inside");
            assert_eq!(lens(false).judge(&[candidate(1, OTHER, state, 99)]), outside, "other {state:?}, outside");
            assert_eq!(lens(true).judge(&[candidate(1, OTHER, state, 99)]), outliving, "other {state:?}, outliving");
        }
    }

    #[test]
    fn the_own_run_comes_first_then_the_newest() {
        let mut candidates = [
            candidate(5, OWN, State::NoRecord, 50),
            candidate(4, OWN, State::Rejected, 50),
            candidate(9, OTHER, State::Paid, 150),
        ];
        assert_eq!(lens(false).judge(&candidates), Finding::Known(CallId(5), Status::NoRecord));
        candidates[0].run = OTHER;
        candidates[1].run = OTHER;
        assert_eq!(lens(false).judge(&candidates), Finding::Known(CallId(9), Status::Ok));
    }

    #[test]
    fn an_own_failure_does_not_hide_what_another_run_paid_for() {
        use State::{Failed, InDoubt, NoRecord, Paid};
        let judge = |candidates: &[Candidate]| lens(false).judge(candidates);
        let failed = Finding::Known(CallId(5), Status::Failed);
        // the run's own call, another run's call, its time, what speaks
        let table = [
            (Failed, Paid, 150, Finding::Known(CallId(9), Status::Ok)),
            (Failed, Paid, 50, failed),
            (Failed, NoRecord, 150, failed),
            (Failed, InDoubt, 150, failed),
            (NoRecord, Paid, 150, Finding::Known(CallId(5), Status::NoRecord)),
        ];
        for (own, other, at, speaks) in table {
            let found = judge(&[candidate(5, OWN, own, 120), candidate(9, OTHER, other, at)]);
            assert_eq!(found, speaks, "own {own:?}, other {other:?} at {at}");
        }
        let closed = Lens { closed: Some(Stamp(140)), ..lens(false) };
        let later = [candidate(5, OWN, Failed, 120), candidate(9, OTHER, Paid, 150)];
        assert_eq!(closed.judge(&later), failed, "an old output is written again byte for byte");
        let own_paid_earlier = [candidate(5, OWN, Paid, 120), candidate(6, OWN, Failed, 130)];
        assert_eq!(judge(&own_paid_earlier), Finding::Known(CallId(5), Status::Ok));
    }

    #[test]
    fn again_passes_over_other_runs_only_and_never_over_paid_answers() {
        let all = [Status::NoRecord, Status::Rejected, Status::Ok];
        let lens = Lens { again: &all, ..lens(false) };
        assert_eq!(lens.judge(&[candidate(1, OTHER, State::NoRecord, 150)]), Finding::Unknown);
        assert_eq!(lens.judge(&[candidate(1, OTHER, State::Paid, 150)]), Finding::Known(CallId(1), Status::Ok));
        let own = lens.judge(&[candidate(1, OWN, State::NoRecord, 150)]);
        assert_eq!(own, Finding::Known(CallId(1), Status::NoRecord));
        // What lies behind a passed-over answer still counts.
        let behind = [candidate(1, OTHER, State::InDoubt, 150), candidate(2, OTHER, State::Rejected, 160)];
        assert_eq!(lens.judge(&behind), Finding::Known(CallId(1), Status::InDoubt));
    }

    #[test]
    fn a_closed_run_does_not_see_later_answers_of_others() {
        let lens = Lens { closed: Some(Stamp(200)), ..lens(false) };
        assert_eq!(lens.judge(&[candidate(1, OTHER, State::Paid, 201)]), Finding::Unknown);
        assert_eq!(lens.judge(&[candidate(1, OTHER, State::Paid, 200)]), Finding::Known(CallId(1), Status::Ok));
        assert_eq!(lens.judge(&[candidate(1, OWN, State::Paid, 201)]), Finding::Known(CallId(1), Status::Ok));
    }

    #[test]
    fn a_released_doubt_is_remembered_where_it_would_have_blocked() {
        assert!(lens(false).sees_released(&[candidate(1, OTHER, State::Released, 150)]));
        assert!(!lens(false).sees_released(&[candidate(1, OTHER, State::Released, 50)]));
        assert!(lens(false).sees_released(&[candidate(1, OWN, State::Released, 50)]));
        assert!(!lens(false).sees_released(&[candidate(1, OWN, State::InDoubt, 150)]));
    }
}
