//! The ledger's side: first every call against the order IDs, then the calls about the statement's time against the charges that
//! are left.
//!
//! Invariants: a call is decided at most once; what was settled by an order ID is not looked at again by its number; a call that
//! the statement is silent about is cleared only as [`super::coverage`] allows and where its subject has no charge left over.

use std::collections::BTreeMap;
use std::ops::Range;

use super::charges::{Second, Unknown};
use super::coverage::Coverage;
use super::orders::Orders;
use super::pairing::{Sent, pair};
use super::{Reconciliation, each_call};
use crate::domain::call::{CallEntry, CallFilter, CallState};
use crate::domain::ports::{Ledger, LedgerError};

/// What a call is before the statement speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Books {
    /// Counted as charged.
    Charged,
    /// Its money is kept back until a statement decides.
    Undecided { doubt: bool },
    /// The document says that it is free.
    Free,
}

fn books(call: &CallEntry) -> Books {
    match call.state {
        CallState::Paid | CallState::Lost => Books::Charged,
        CallState::Open | CallState::InDoubt => Books::Undecided { doubt: true },
        CallState::Released | CallState::WrittenOff => Books::Undecided { doubt: false },
        CallState::NoRecord | CallState::Rejected | CallState::Failed | CallState::Unpaid if call.assumed => {
            Books::Undecided { doubt: false }
        }
        CallState::NoRecord | CallState::Rejected | CallState::Failed | CallState::Unpaid => Books::Free,
    }
}

/// Holds every call of the ledger against the order IDs.
pub(super) async fn count_known<L: Ledger>(
    ledger: &L,
    orders: &mut Orders,
    coverage: &Coverage,
    found: &mut Reconciliation,
) -> Result<(), LedgerError> {
    // Calls that are counted as charged have the first claim on an order ID that several calls carry.
    let mut others = Vec::new();
    each_call(ledger, CallFilter::default(), |call| {
        found.open += u64::from(call.state == CallState::Open);
        let order = call.order_id.as_deref().unwrap_or_default();
        match books(&call) {
            Books::Charged => {
                let explained = !order.is_empty() && orders.explain(order);
                let inside = coverage.holds(&call.api, call.sent);
                if explained || inside {
                    found.ledger.enter(call.call.0, call.price);
                }
                if inside && !explained {
                    found.absent.enter(call.call.0, call.price);
                }
            }
            _ if !order.is_empty() && orders.holds(order) => others.push(call),
            _ => {}
        }
    })
    .await?;
    for call in others {
        if !orders.explain(call.order_id.as_deref().unwrap_or_default()) {
            continue;
        }
        match books(&call) {
            Books::Undecided { doubt } => found.charge(&call, doubt),
            _ => found.disputed.enter(call.call.0, call.price),
        }
    }
    Ok(())
}

impl Reconciliation {
    fn charge(&mut self, call: &CallEntry, doubt: bool) {
        self.charged.enter(call.call, call.price);
        self.doubts_decided += u64::from(doubt);
    }

    fn clear(&mut self, call: &CallEntry, doubt: bool) {
        self.cleared.enter(call.call, call.price);
        self.doubts_decided += u64::from(doubt);
    }
}

/// The calls that the charges left over may be about.
pub(super) struct Candidates<'a> {
    second: Second,
    orders: Orders,
    coverage: &'a Coverage,
    has_numbers: bool,
    /// By the place of their subject's first charge in `second.unknown`.
    groups: BTreeMap<usize, Vec<CallEntry>>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(second: Second, orders: Orders, coverage: &'a Coverage, has_numbers: bool) -> Self {
        Candidates { second, orders, coverage, has_numbers, groups: BTreeMap::new() }
    }

    pub(super) fn enter(&mut self, call: CallEntry, found: &mut Reconciliation) {
        let books = books(&call);
        // What carries an order ID of the statement was dealt with by that.
        if books == Books::Free || call.order_id.as_deref().is_some_and(|order| self.orders.holds(order)) {
            return;
        }
        match (self.group_of(&call), books) {
            (Some(group), _) => self.groups.entry(group).or_default().push(call),
            (None, Books::Undecided { doubt }) => self.consider(&call, doubt, found),
            (None, _) => {}
        }
    }

    /// Pairs what is left and tells the rest.
    pub(super) fn finish(self, found: &mut Reconciliation) {
        let mut at = 0;
        while at < self.second.unknown.len() {
            let group = self.group(at);
            let mut calls = self.groups.get(&at).cloned().unwrap_or_default();
            at = group.end;
            calls.sort_by_key(|call| (call.sent, call.call));
            self.settle(&self.second.unknown[group], &calls, found);
        }
    }

    /// The charges of one subject and its calls.
    fn settle(&self, charges: &[Unknown], calls: &[CallEntry], found: &mut Reconciliation) {
        let moments: Vec<_> = charges.iter().map(|charge| charge.moment).collect();
        let sent: Vec<_> =
            calls.iter().map(|call| Sent { at: call.sent, charged: books(call) == Books::Charged }).collect();
        let pairs = pair(&moments, &sent);
        let mut unexplained = false;
        for (charge, call) in charges.iter().zip(&pairs) {
            match call.map(|place| &calls[place]) {
                None => {
                    unexplained = true;
                    found.unknown.enter(i64::try_from(charge.record).unwrap_or(i64::MAX), charge.money);
                }
                Some(call) => match books(call) {
                    Books::Undecided { doubt } => found.charge(call, doubt),
                    _ => self.agree(call, found),
                },
            }
        }
        for (place, call) in calls.iter().enumerate() {
            match books(call) {
                Books::Undecided { .. } if pairs.contains(&Some(place)) => {}
                Books::Undecided { .. } if unexplained => found.kept.unexplained += 1,
                Books::Undecided { doubt } => self.consider(call, doubt, found),
                _ => {}
            }
        }
    }

    /// A call counted as charged that the statement charges under another order ID, or none.
    fn agree(&self, call: &CallEntry, found: &mut Reconciliation) {
        found.agreed_by_number += 1;
        if self.coverage.holds(&call.api, call.sent) {
            found.absent.leave(call.call.0, call.price);
        } else {
            found.ledger.enter(call.call.0, call.price);
        }
    }

    /// The statement is silent about this call: whether that proves anything.
    fn consider(&self, call: &CallEntry, doubt: bool, found: &mut Reconciliation) {
        let second = &self.second;
        if !self.has_numbers {
            found.kept.no_numbers += 1;
        } else if !self.coverage.proves(&call.api, call.sent) {
            found.kept.not_covered += 1;
        } else if second.vague_apis.contains(&call.api) || second.vague_subjects.contains(&call.subject) {
            found.kept.unexplained += 1;
        } else {
            found.clear(call, doubt);
        }
    }

    /// The place of the first charge about the call's subject.
    fn group_of(&self, call: &CallEntry) -> Option<usize> {
        let unknown = &self.second.unknown;
        let key = (&call.api, call.subject);
        let at = unknown.partition_point(|charge| (&charge.api, charge.subject) < key);
        unknown.get(at).filter(|charge| (&charge.api, charge.subject) == key).map(|_| at)
    }

    /// The charges of one subject, from its first on.
    fn group(&self, first: usize) -> Range<usize> {
        let unknown = &self.second.unknown;
        let same = |charge: &Unknown| charge.api == unknown[first].api && charge.subject == unknown[first].subject;
        let length = unknown[first..].iter().take_while(|charge| same(charge)).count();
        first..first + length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{ApiId, CallId};
    use crate::domain::freshness::Stamp;
    use crate::domain::money::Money;
    use crate::domain::subject::Subject;

    #[test]
    fn what_a_statement_may_decide() {
        use CallState::*;
        let call = |state, assumed| CallEntry {
            call: CallId(1),
            api: ApiId::new("a"),
            subject: Subject::from_bytes([0; 32]),
            sent: Stamp(0),
            state,
            assumed,
            price: Money::ZERO,
            order_id: None,
        };
        for (state, plain, assumed) in [
            (Open, Books::Undecided { doubt: true }, None),
            (InDoubt, Books::Undecided { doubt: true }, None),
            (Released, Books::Undecided { doubt: false }, None),
            (WrittenOff, Books::Undecided { doubt: false }, None),
            (Paid, Books::Charged, None),
            (Lost, Books::Charged, None),
            (NoRecord, Books::Free, Some(Books::Undecided { doubt: false })),
            (Rejected, Books::Free, Some(Books::Undecided { doubt: false })),
            (Failed, Books::Free, Some(Books::Undecided { doubt: false })),
            (Unpaid, Books::Free, Some(Books::Undecided { doubt: false })),
        ] {
            assert_eq!(books(&call(state, false)), plain, "{state:?}");
            assert_eq!(books(&call(state, true)), assumed.unwrap_or(plain), "{state:?}, assumed");
        }
    }
}
