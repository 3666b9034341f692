//! What a statement can speak about: whose lines it holds, and from when to when.
//!
//! Invariants: silence proves that a call was not charged only where the statement covers the call's time by a day on both
//! sides; a time is taken no more exactly than it was written, always to the disadvantage of such a proof. Pure.

use std::collections::BTreeMap;

use crate::domain::freshness::{DAY_MS, Stamp};
use crate::domain::ids::ApiId;
use crate::domain::moment::Moment;

/// From when to when the lines of one API reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: Stamp,
    pub last: Stamp,
    /// The latest time at which the first line may have been.
    first_at_latest: Stamp,
    /// The earliest time at which the last line may have been.
    last_at_earliest: Stamp,
}

impl Span {
    pub(super) fn of(moment: Moment) -> Span {
        let Moment { from, until } = moment;
        Span { first: from, last: until, first_at_latest: until, last_at_earliest: from }
    }

    pub(super) fn join(self, other: Span) -> Span {
        Span {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            first_at_latest: self.first_at_latest.min(other.first_at_latest),
            last_at_earliest: self.last_at_earliest.max(other.last_at_earliest),
        }
    }

    pub(super) fn holds(&self, sent: Stamp) -> bool {
        self.first <= sent && sent <= self.last
    }

    /// A charge for a call sent then would be in the statement.
    pub(super) fn proves(&self, sent: Stamp) -> bool {
        self.first_at_latest.0 <= sent.0 - DAY_MS && self.last_at_earliest.0 >= sent.0 + DAY_MS
    }
}

/// How statements may call each API: its id, its title, its prefix.
#[derive(Clone, Debug)]
pub struct ApiNames(pub Vec<(ApiId, Vec<String>)>);

impl ApiNames {
    /// The API that a cell names; none where it names none, or two.
    fn find(&self, cell: &str) -> Option<ApiId> {
        let cell = cell.trim().to_lowercase();
        if cell.is_empty() {
            return None;
        }
        let named = |same: &dyn Fn(&str) -> bool| {
            let mut found = self.0.iter().filter(|(_, names)| names.iter().any(|name| same(&name.to_lowercase())));
            found.next().filter(|_| found.next().is_none()).map(|(api, _)| api.clone())
        };
        // A vendor may add words to a title, never to an id.
        named(&|name| name == cell).or_else(|| named(&|name| !name.is_ascii() && cell.contains(name)))
    }
}

/// Whose a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Api(ApiId),
    /// Another product of the vendor, or nobody can say.
    Nobody,
}

/// How lines find their API.
#[derive(Clone, Debug)]
pub(super) struct Attribution {
    names: ApiNames,
    /// The operator says so.
    pub(super) given: Option<ApiId>,
    /// Where no line names an API: the only one that the ledger holds calls of.
    pub(super) fallback: Option<ApiId>,
}

impl Attribution {
    pub(super) fn new(names: ApiNames, given: Option<ApiId>) -> Self {
        Attribution { names, given, fallback: None }
    }

    pub(super) fn owner(&self, cell: &str) -> Owner {
        let named = self.names.find(cell);
        match (&self.given, named) {
            (Some(given), None) => Owner::Api(given.clone()),
            (Some(given), Some(named)) if named == *given => Owner::Api(named),
            (Some(_), Some(_)) => Owner::Nobody,
            (None, Some(named)) => Owner::Api(named),
            (None, None) => self.fallback.clone().map_or(Owner::Nobody, Owner::Api),
        }
    }
}

/// The spans of all APIs, and of the lines that are nobody's.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) apis: BTreeMap<ApiId, Span>,
    pub(super) nobody: Option<Span>,
}

impl Coverage {
    pub(super) fn enter(&mut self, owner: &Owner, moment: Option<Moment>) {
        let Some(span) = moment.map(Span::of) else { return };
        match owner {
            Owner::Api(api) => {
                self.apis.entry(api.clone()).and_modify(|known| *known = known.join(span)).or_insert(span);
            }
            Owner::Nobody => self.nobody = Some(self.nobody.map_or(span, |known| known.join(span))),
        }
    }

    /// Once it is clear that no line names an API: all are those of `api`.
    pub(super) fn give_to(&mut self, api: &ApiId) {
        if let Some(span) = self.nobody.take() {
            self.apis.insert(api.clone(), span);
        }
    }

    pub(super) fn whole(&self) -> Option<Span> {
        self.apis.values().copied().chain(self.nobody).reduce(Span::join)
    }

    pub(super) fn holds(&self, api: &ApiId, sent: Stamp) -> bool {
        self.apis.get(api).is_some_and(|span| span.holds(sent))
    }

    pub(super) fn proves(&self, api: &ApiId, sent: Stamp) -> bool {
        self.apis.get(api).is_some_and(|span| span.proves(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().unwrap()
    }

    #[test]
    fn a_call_is_covered_by_a_day_on_both_sides() {
        let span = |first: &str, last: &str| Span::of(moment(first)).join(Span::of(moment(last)));
        let exact = span("2026-10-04 12:00:00", "2026-10-06 12:00:02");
        let days = span("2026-10-03", "2026-10-08");
        // sent, proven by the exact times, proven by the dates alone
        for (sent, by_times, by_days) in [
            ("2026-10-04 23:59:59", false, false),
            ("2026-10-05 11:59:59", false, true),
            ("2026-10-05 12:00:01", true, true),
            ("2026-10-05 12:00:02", true, true),
            ("2026-10-05 12:00:03", false, true),
            ("2026-10-07 00:00:00", false, true),
            ("2026-10-07 00:00:01", false, false),
        ] {
            let at = moment(sent).from;
            assert_eq!((exact.proves(at), days.proves(at)), (by_times, by_days), "{sent}");
        }
        assert!(exact.holds(moment("2026-10-04 12:00:00").from) && !exact.holds(moment("2026-10-04 11:59:59").from));
    }

    #[test]
    fn lines_find_their_api() {
        let (ctcc, cucc) = (ApiId::new("ctcc-call-duration"), ApiId::new("cucc-tenure"));
        let names = ApiNames(vec![
            (ctcc.clone(), vec!["ctcc-call-duration".to_owned(), "ctcc".to_owned(), "电信月通话时长".to_owned()]),
            (cucc.clone(), vec!["cucc-tenure".to_owned(), "cucc".to_owned(), "在网时长sha256加密版".to_owned()]),
        ]);
        let own = Attribution::new(names.clone(), None);
        let given = Attribution::new(names.clone(), Some(ctcc.clone()));
        let fallback = Attribution { fallback: Some(cucc.clone()), ..Attribution::new(names, None) };
        let api = |api: &ApiId| Owner::Api(api.clone());
        for (cell, by_own, by_given, by_fallback) in [
            ("电信月通话时长", api(&ctcc), api(&ctcc), api(&ctcc)),
            ("聚合-电信月通话时长（月）", api(&ctcc), api(&ctcc), api(&ctcc)),
            (" CUCC-Tenure ", api(&cucc), Owner::Nobody, api(&cucc)),
            ("在网时长", Owner::Nobody, api(&ctcc), api(&cucc)),
            ("", Owner::Nobody, api(&ctcc), api(&cucc)),
        ] {
            let found = (own.owner(cell), given.owner(cell), fallback.owner(cell));
            assert_eq!(found, (by_own, by_given, by_fallback), "{cell}");
        }
    }
}
