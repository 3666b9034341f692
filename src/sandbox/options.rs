//! How a stand-in vendor is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::chaos::Chaos;

/// The settings of one server. The default is a free port, the key `sandbox`, no latency, no limits, no faults.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Must be a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The key that calls have to carry.
    pub key: String,
    /// How long every reply takes at least.
    pub latency: Duration,
    /// Per endpoint, in any sliding second; refused requests count as well. What is over it is answered 10012.
    pub limit_per_second: Option<u32>,
    /// Charged calls per endpoint, over the server's life; then 10012.
    pub daily_quota: Option<u64>,
    pub chaos: Chaos,
    /// Fixes which calls meet which faults.
    pub seed: u64,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        SandboxOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: "sandbox".to_owned(),
            latency: Duration::ZERO,
            limit_per_second: None,
            daily_quota: None,
            chaos: Chaos::default(),
            seed: 0,
        }
    }
}
