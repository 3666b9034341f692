//! The ledger's side: first every call against the order IDs, then the calls about the statement's time against the charges that
//! are left.
//!
//! Invariants: a call is decided at most once; what was settled by an order ID is not looked at again by its number; a call that
//! the statement is silent about is cleared only as `coverage` allows and where its subject has no charge left over.

use std::ops::Range;

use super::charges::{Second, Unknown};
use super::coverage::Coverage;
use super::orders::Orders;
use super::pairing::{Sent, pair};
use super::{Reconciliation, each_call};
use crate::domain::call::{CallEntry, CallFilter, CallState};
use crate::domain::freshness::Stamp;
use crate::domain::ids::{ApiId, CallId};
use crate::domain::money::Money;
use crate::domain::ports::{Ledger, LedgerError};
use crate::domain::subject::Subject;

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
            Books::Undecided { doubt } => found.charge(call.call, call.price, doubt),
            _ => found.disputed.enter(call.call.0, call.price),
        }
    }
    Ok(())
}

impl Reconciliation {
    fn charge(&mut self, call: CallId, price: Money, doubt: bool) {
        self.charged.enter(call, price);
        self.doubts_decided += u64::from(doubt);
    }

    fn clear(&mut self, call: CallId, price: Money, doubt: bool) {
        self.cleared.enter(call, price);
        self.doubts_decided += u64::from(doubt);
    }
}

/// What counts of a call, kept small: in the worst case there is one for each line of the statement.
#[derive(Clone, Copy, Debug)]
struct Near {
    sent: Stamp,
    call: CallId,
    price: Money,
    books: Books,
}

/// The calls that the charges left over may be about.
pub(super) struct Candidates<'a> {
    second: Second,
    orders: Orders,
    coverage: &'a Coverage,
    has_numbers: bool,
    /// With the place of their subject's first charge in `second.unknown`.
    near: Vec<(usize, Near)>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(second: Second, orders: Orders, coverage: &'a Coverage, has_numbers: bool) -> Self {
        Candidates { second, orders, coverage, has_numbers, near: Vec::new() }
    }

    pub(super) fn enter(&mut self, call: CallEntry, found: &mut Reconciliation) {
        let books = books(&call);
        // What carries an order ID of the statement was dealt with by that.
        if books == Books::Free || call.order_id.as_deref().is_some_and(|order| self.orders.holds(order)) {
            return;
        }
        let near = Near { sent: call.sent, call: call.call, price: call.price, books };
        match (self.group_of(&call), books) {
            (Some(group), _) => self.near.push((group, near)),
            (None, Books::Undecided { .. }) => self.consider(&call.api, call.subject, near, found),
            (None, _) => {}
        }
    }

    /// Pairs what is left and tells the rest.
    pub(super) fn finish(mut self, found: &mut Reconciliation) {
        let mut near = std::mem::take(&mut self.near);
        near.sort_unstable_by_key(|(group, call)| (*group, call.sent, call.call));
        let (mut at, mut rest) = (0, &near[..]);
        while at < self.second.unknown.len() {
            let group = self.group(at);
            let (calls, others) = rest.split_at(rest.partition_point(|(group, _)| *group == at));
            (at, rest) = (group.end, others);
            let calls: Vec<Near> = calls.iter().map(|(_, call)| *call).collect();
            self.settle(&self.second.unknown[group], &calls, found);
        }
    }

    /// The charges of one subject and its calls.
    fn settle(&self, charges: &[Unknown], calls: &[Near], found: &mut Reconciliation) {
        let moments: Vec<_> = charges.iter().map(|charge| charge.moment).collect();
        let sent: Vec<_> =
            calls.iter().map(|call| Sent { at: call.sent, charged: call.books == Books::Charged }).collect();
        let pairs = pair(&moments, &sent);
        let mut unexplained = false;
        for (charge, call) in charges.iter().zip(&pairs) {
            match call.map(|place| &calls[place]) {
                None => {
                    unexplained = true;
                    found.unknown.enter(i64::try_from(charge.record).unwrap_or(i64::MAX), charge.money);
                }
                Some(Near { call, price, books: Books::Undecided { doubt }, .. }) => {
                    found.charge(*call, *price, *doubt);
                }
                Some(call) => self.agree(&charge.api, call, found),
            }
        }
        for (place, call) in calls.iter().enumerate() {
            match call.books {
                Books::Undecided { .. } if pairs.contains(&Some(place)) => {}
                Books::Undecided { .. } if unexplained => found.kept.unexplained += 1,
                Books::Undecided { .. } => self.consider(&charges[0].api, charges[0].subject, *call, found),
                _ => {}
            }
        }
    }

    /// A call counted as charged that the statement charges under another order ID, or none.
    fn agree(&self, api: &ApiId, call: &Near, found: &mut Reconciliation) {
        found.agreed_by_number += 1;
        if self.coverage.holds(api, call.sent) {
            found.absent.leave(call.call.0, call.price);
        } else {
            found.ledger.enter(call.call.0, call.price);
        }
    }

    /// The statement is silent about this call: whether that proves anything.
    fn consider(&self, api: &ApiId, subject: Subject, call: Near, found: &mut Reconciliation) {
        let second = &self.second;
        if !self.has_numbers {
            found.kept.no_numbers += 1;
        } else if !self.coverage.proves(api, call.sent) {
            found.kept.not_covered += 1;
        } else if second.vague_apis.contains(api) || second.vague_subjects.contains(&subject) {
            found.kept.unexplained += 1;
        } else {
            found.clear(call.call, call.price, call.books == Books::Undecided { doubt: true });
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
