//! What to do about the way a lane ended.

use rust_i18n::t;

use crate::catalog::Profile;
use crate::domain::call::Limit;
use crate::domain::run::LaneEnd;
use crate::domain::text::for_terminal;

/// One sentence; none for a lane that asked everything.
pub(super) fn advice(end: &LaneEnd, profile: &Profile) -> Option<String> {
    let words = match end {
        LaneEnd::Finished => return None,
        LaneEnd::Interrupted => t!("advice.interrupted"),
        LaneEnd::Halted { code, reason } => halted(*code, reason, profile).into(),
        LaneEnd::Rejected => t!("advice.rejected"),
        LaneEnd::Quota => t!("advice.quota"),
        LaneEnd::Maintenance => t!("advice.maintenance"),
        LaneEnd::Unreachable { reason } => t!("advice.unreachable", reason = for_terminal(reason)),
        LaneEnd::OutOf(Limit::CallsPerDay) => t!("advice.calls_per_day"),
        LaneEnd::OutOf(limit) => t!("advice.limit", setting = limit.setting()),
        LaneEnd::Time => t!("advice.time"),
        LaneEnd::Breaker => t!("advice.breaker"),
        LaneEnd::Clock { reason } | LaneEnd::InputChanged { reason } | LaneEnd::Broken { reason } => {
            t!("advice.other", reason = for_terminal(reason))
        }
    };
    Some(words.into_owned())
}

fn halted(code: Option<i64>, reason: &str, profile: &Profile) -> String {
    let known = code.and_then(|code| profile.codes.get(code));
    let look_at = match known.and_then(|known| known.look_at.as_deref()) {
        Some(look_at) => look_at.into(),
        None => t!("advice.look_at", api = profile.id),
    };
    let code = code.map(|code| format!("{code}, ")).unwrap_or_default();
    t!("advice.halted", words = format!("{code}{}", for_terminal(reason)), look_at = look_at).into_owned()
}
