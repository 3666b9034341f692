//! The order IDs of a statement, hashed: how often each occurs there and in the ledger.
//!
//! Invariants: order IDs are not assumed unique, so occurrences are counted on both sides. 128 bits of SHA-256 stand for an ID:
//! two IDs out of a million that share them are not to be expected in the life of the universe, and a line takes 24 bytes.

use sha2::{Digest, Sha256};

/// One order ID.
#[derive(Clone, Copy, Debug)]
struct Order {
    key: u128,
    /// Charges of the statement.
    stated: u32,
    /// Calls of the ledger that explain them.
    known: u32,
}

/// Collects order IDs in any order.
#[derive(Debug, Default)]
pub(super) struct OrdersBuilder(Vec<u128>);

impl OrdersBuilder {
    pub(super) fn push(&mut self, order: &str) {
        self.0.push(key_of(order));
    }

    pub(super) fn finish(self) -> Orders {
        let mut keys = self.0;
        keys.sort_unstable();
        let mut orders: Vec<Order> = Vec::with_capacity(keys.len());
        for key in keys {
            match orders.last_mut() {
                Some(last) if last.key == key => last.stated += 1,
                _ => orders.push(Order { key, stated: 1, known: 0 }),
            }
        }
        Orders(orders)
    }
}

/// All order IDs of a statement.
#[derive(Debug)]
pub(super) struct Orders(Vec<Order>);

impl Orders {
    pub(super) fn holds(&self, order: &str) -> bool {
        self.place(order).is_some()
    }

    /// A call of the ledger carries this order ID: whether it explains a charge that no other call explained before.
    pub(super) fn explain(&mut self, order: &str) -> bool {
        match self.place(order).map(|at| &mut self.0[at]) {
            Some(order) if order.known < order.stated => {
                order.known += 1;
                true
            }
            _ => false,
        }
    }

    /// A charge with this order ID, in a second pass over the statement: whether a call of the ledger is left that explains it.
    pub(super) fn use_up(&mut self, order: &str) -> bool {
        match self.place(order).map(|at| &mut self.0[at]) {
            Some(order) if order.known > 0 => {
                order.known -= 1;
                true
            }
            _ => false,
        }
    }

    fn place(&self, order: &str) -> Option<usize> {
        let key = key_of(order);
        self.0.binary_search_by_key(&key, |order| order.key).ok()
    }
}

fn key_of(order: &str) -> u128 {
    let digest: [u8; 32] = Sha256::digest(order.trim().as_bytes()).into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_counted_on_both_sides() {
        let mut builder = OrdersBuilder::default();
        for order in ["a", "b", "a", "c"] {
            builder.push(order);
        }
        let mut orders = builder.finish();
        let explained = ["a", "b", "b", "x", " b "].map(|order| orders.explain(order));
        assert_eq!(explained, [true, true, false, false, false]);
        assert!(orders.holds("c") && !orders.holds("x"));
        let used = ["a", "b", "a", "c"].map(|order| orders.use_up(order));
        assert_eq!(used, [true, true, false, false]);
    }
}
