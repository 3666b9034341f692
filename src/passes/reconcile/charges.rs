//! The statement's side: read twice, first for what it holds, then for the charges that no order ID explains.
//!
//! Invariant: both passes see the same lines in the same order, or the second one fails. A line that lists a call for nothing
//! (amount 0) is no charge; any other amount is, a negative one too, since taking a charge for none would free money.

use std::collections::{BTreeSet, HashSet};

use super::coverage::{Attribution, Coverage, Owner};
use super::orders::{Orders, OrdersBuilder};
use super::{EXAMPLES, StatementSide};
use crate::domain::ids::ApiId;
use crate::domain::moment::Moment;
use crate::domain::money::Money;
use crate::domain::subject::Subject;
use crate::table::{Amount, InputError, Line, Statement};

/// What a line is for money.
enum Kind {
    Charge,
    /// A call listed for nothing.
    Free,
    /// A total, a remark: neither order ID nor number.
    Other,
}

fn kind(line: &Line) -> Kind {
    // No order ID is without a digit; what stands in its place under a statement says "total".
    let has_order = line.order.bytes().any(|byte| byte.is_ascii_digit());
    match line.amount {
        _ if !has_order && line.subject.is_none() => Kind::Other,
        Amount::Yuan(money) if money == Money::ZERO => Kind::Free,
        _ => Kind::Charge,
    }
}

/// What the first pass finds.
pub(super) struct First {
    pub(super) orders: Orders,
    pub(super) coverage: Coverage,
    pub(super) side: StatementSide,
    /// Some line names an API.
    pub(super) names_apis: bool,
}

/// The first pass. Blocking.
pub(super) fn first_pass(statement: &Statement, attribution: &Attribution) -> Result<First, InputError> {
    let mut orders = OrdersBuilder::default();
    let mut coverage = Coverage::default();
    let mut side = StatementSide::default();
    let mut named = false;
    let mut lines = statement.lines()?;
    while let Some(line) = lines.read()? {
        match kind(&line) {
            Kind::Other => side.ignored += 1,
            Kind::Free => side.free += 1,
            Kind::Charge => {
                side.charges += 1;
                side.count_amount(line.amount);
                if !line.order.is_empty() {
                    orders.push(&line.order);
                }
            }
        }
        if !matches!(kind(&line), Kind::Other) {
            let owner = attribution.owner(&line.api);
            named |= owner != Owner::Nobody;
            coverage.enter(&owner, line.moment);
        }
    }
    Ok(First { orders: orders.finish(), coverage, side, names_apis: named })
}

impl StatementSide {
    fn count_amount(&mut self, amount: Amount) {
        match amount {
            Amount::Silent => {}
            Amount::Unreadable => self.unreadable_amounts += 1,
            Amount::Yuan(money) => {
                self.negative_amounts += u64::from(money < Money::ZERO);
                self.money += money;
            }
        }
    }
}

/// A charge that no order ID explains, whose API, subject and time are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unknown {
    pub(super) api: ApiId,
    pub(super) subject: Subject,
    pub(super) moment: Moment,
    pub(super) record: u64,
    pub(super) money: Money,
}

/// What the second pass finds.
#[derive(Default)]
pub(super) struct Second {
    /// Sorted, so that those of one subject stand together, in the order of time.
    pub(super) unknown: Vec<Unknown>,
    /// Charges that cannot be held against single calls: without a number, a time or an API.
    pub(super) vague: u64,
    pub(super) vague_money: Money,
    pub(super) vague_records: Vec<u64>,
    /// APIs with such charges: any of their doubts may be meant.
    pub(super) vague_apis: BTreeSet<ApiId>,
    /// Subjects of charges that are nobody's.
    pub(super) vague_subjects: HashSet<Subject>,
    pub(super) agreed: u64,
}

/// The second pass, once the ledger's calls have been held against the order IDs. Blocking.
pub(super) fn second_pass(
    statement: &Statement,
    attribution: &Attribution,
    orders: &mut Orders,
) -> Result<Second, InputError> {
    let mut second = Second::default();
    let mut lines = statement.lines()?;
    while let Some(line) = lines.read()? {
        if !matches!(kind(&line), Kind::Charge) {
            continue;
        }
        if !line.order.is_empty() && orders.use_up(&line.order) {
            second.agreed += 1;
            continue;
        }
        second.enter(&line, attribution.owner(&line.api));
    }
    second.unknown.sort_unstable();
    Ok(second)
}

impl Second {
    fn enter(&mut self, line: &Line, owner: Owner) {
        let money = match line.amount {
            Amount::Yuan(money) => money,
            Amount::Silent | Amount::Unreadable => Money::ZERO,
        };
        if let (Owner::Api(api), Some(subject), Some(moment)) = (&owner, line.subject, line.moment) {
            self.unknown.push(Unknown { api: api.clone(), subject, moment, record: line.record, money });
            return;
        }
        self.vague += 1;
        self.vague_money += money;
        if self.vague_records.len() < EXAMPLES {
            self.vague_records.push(line.record);
        }
        match (owner, line.subject) {
            // A subject narrows it down to that subject, of whichever API it may be.
            (_, Some(subject)) => {
                self.vague_subjects.insert(subject);
            }
            (Owner::Api(api), None) => {
                self.vague_apis.insert(api);
            }
            (Owner::Nobody, None) => {}
        }
    }
}
