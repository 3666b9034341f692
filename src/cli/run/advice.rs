//! What to do about the way a lane ended.

use crate::catalog::Profile;
use crate::domain::call::Limit;
use crate::domain::run::LaneEnd;
use crate::domain::text::for_terminal;

/// One sentence; none for a lane that asked everything.
pub(super) fn advice(end: &LaneEnd, profile: &Profile) -> Option<String> {
    Some(match end {
        LaneEnd::Finished => return None,
        LaneEnd::Interrupted => "stopped by a signal".to_owned(),
        LaneEnd::Halted { code, reason } => halted(*code, reason, profile),
        LaneEnd::Rejected => format!(
            "stopped: the vendor rejects every number; check the column (--column) and whether {} is the right API for it",
            profile.id
        ),
        LaneEnd::Quota => {
            "stopped: the vendor's quota is used up (codes 10012, 10013); run again when it counts anew, or set limits.quota = \"wait\"".to_owned()
        }
        LaneEnd::Maintenance => "stopped: the vendor is in maintenance (code 10020) for longer than limits.maintenance_patience".to_owned(),
        LaneEnd::Unreachable { reason } => {
            format!("stopped: the vendor cannot be reached for longer than limits.unreachable_patience ({})", for_terminal(reason))
        }
        LaneEnd::OutOf(Limit::CallsPerDay) => "stopped: limits.calls_per_day is reached; run again tomorrow".to_owned(),
        LaneEnd::OutOf(limit) => format!("stopped: {} is used up; raise it to go on", limit.setting()),
        LaneEnd::Time => "stopped: the time to send is over (--until, --max-runtime)".to_owned(),
        LaneEnd::Breaker => {
            "stopped: too many calls in a row ended in doubt or failed (limits.breaker); the vendor seems to be broken".to_owned()
        }
        LaneEnd::Clock { reason } | LaneEnd::InputChanged { reason } | LaneEnd::Broken { reason } => {
            format!("stopped: {}", for_terminal(reason))
        }
    })
}

fn halted(code: Option<i64>, reason: &str, profile: &Profile) -> String {
    let known = code.and_then(|code| profile.codes.get(code));
    let look_at = known
        .and_then(|known| known.look_at.clone())
        .unwrap_or_else(|| format!("check the url and the key of this API (payonce apis {})", profile.id));
    let code = code.map(|code| format!("code {code}, ")).unwrap_or_default();
    format!("stopped: the vendor refuses ({code}{}): {look_at}", for_terminal(reason))
}
