//! Exit codes, which cron, systemd and scripts rely on (CONTRACT: Exit codes).

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Every row settled.
    Done,
    /// An unexpected error.
    Unexpected,
    /// A mistake in usage, configuration or input; nothing was paid.
    Usage,
    /// Finished, but some rows failed or are in doubt.
    Incomplete,
    /// The vendor refuses the key or the service.
    Refused,
    /// Stopped early; run the same command again later.
    TryLater,
    /// Interrupted by a signal.
    Interrupted,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::Incomplete => 3,
            Exit::Refused => 4,
            Exit::TryLater => 75,
            Exit::Interrupted => 130,
        }
    }

    /// Which of two lanes' ends the whole run reports: 130 > 1 > 2 > 4 > 75 > 3 > 0.
    const fn rank(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Incomplete => 1,
            Exit::TryLater => 2,
            Exit::Refused => 3,
            Exit::Usage => 4,
            Exit::Unexpected => 5,
            Exit::Interrupted => 6,
        }
    }

    /// The graver of the two.
    pub fn or_graver(self, other: Exit) -> Exit {
        if other.rank() > self.rank() { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lanes_report_the_gravest() {
        let order = [
            Exit::Done,
            Exit::Incomplete,
            Exit::TryLater,
            Exit::Refused,
            Exit::Usage,
            Exit::Unexpected,
            Exit::Interrupted,
        ];
        for pair in order.windows(2) {
            assert_eq!(pair[0].or_graver(pair[1]), pair[1]);
            assert_eq!(pair[1].or_graver(pair[0]), pair[1]);
        }
        assert_eq!(order.map(Exit::code), [0, 3, 75, 4, 2, 1, 130]);
    }
}
