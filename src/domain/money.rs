//! Exact decimal money in yuan.
//!
//! Held as whole millionths of a yuan, so that sums are integer sums: a price of 0.0035 yuan times a million calls is exact.
//! Parsing refuses what it would have to round.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::Decimal;

/// Digits after the point that money keeps.
const SCALE: u32 = 6;

/// An exact amount of yuan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Why a text is not an amount of money.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MoneyError {
    #[error("'{0}' is not an amount of yuan: write a decimal number such as 0.05")]
    NotANumber(String),
    #[error("'{0}' is negative: an amount of yuan is zero or more")]
    Negative(String),
    #[error("'{0}' has more than six digits after the point, or is too large")]
    OutOfRange(String),
}

impl Money {
    pub const ZERO: Money = Money(0);

    /// From whole millionths of a yuan, the form in which the ledger keeps it.
    pub const fn from_micros(micros: i64) -> Self {
        Money(micros)
    }

    /// Whole millionths of a yuan.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let decimal = Decimal::from_str_exact(text.trim()).map_err(|_| MoneyError::NotANumber(text.to_owned()))?;
        if decimal.is_sign_negative() && !decimal.is_zero() {
            return Err(MoneyError::Negative(text.to_owned()));
        }
        let out_of_range = || MoneyError::OutOfRange(text.to_owned());
        let micros = decimal.checked_mul(Decimal::from(10_i64.pow(SCALE))).ok_or_else(out_of_range)?;
        if !micros.is_integer() {
            return Err(out_of_range());
        }
        i64::try_from(micros).map(Money).map_err(|_| out_of_range())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = Decimal::from_i128_with_scale(i128::from(self.0), SCALE).normalize();
        // Two digits at least, as prices are written; more where the price has more.
        let decimal = if decimal.scale() < 2 { format!("{decimal:.2}") } else { decimal.to_string() };
        f.write_str(&decimal)
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        self.0 -= other.0;
    }
}

impl Mul<u64> for Money {
    type Output = Money;
    fn mul(self, times: u64) -> Money {
        let times = i64::try_from(times).unwrap_or(i64::MAX);
        Money(self.0.saturating_mul(times))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_prices_as_people_do() {
        for (text, shown) in [("0.05", "0.05"), ("1", "1.00"), ("0.0035", "0.0035"), ("12.5", "12.50"), ("0", "0.00")] {
            assert_eq!(text.parse::<Money>().expect(text).to_string(), shown);
        }
    }

    #[test]
    fn refuses_what_it_would_round() {
        assert!(matches!("0.0000001".parse::<Money>(), Err(MoneyError::OutOfRange(_))));
        assert!(matches!("-1".parse::<Money>(), Err(MoneyError::Negative(_))));
        assert!(matches!("five".parse::<Money>(), Err(MoneyError::NotANumber(_))));
        assert!(matches!("1e3".parse::<Money>(), Err(MoneyError::NotANumber(_))));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(micros in 0_i64..1_000_000_000_000_000) {
            let amount = Money::from_micros(micros);
            prop_assert_eq!(amount.to_string().parse::<Money>(), Ok(amount));
        }

        #[test]
        fn a_sum_of_calls_is_price_times_calls(price in 0_i64..10_000_000, calls in 0_u64..2_000) {
            let price = Money::from_micros(price);
            let sum: Money = (0..calls).map(|_| price).sum();
            prop_assert_eq!(sum, price * calls);
        }
    }
}
