//! The wall clock of this machine.

use crate::domain::freshness::Stamp;
use crate::domain::ports::Clock;

pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        Stamp(jiff::Timestamp::now().as_millisecond())
    }
}
