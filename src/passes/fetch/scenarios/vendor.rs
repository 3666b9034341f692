//! The vendor of a scenario: does what the script says, on tokio's clock, and keeps its own bill.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::script::{Fault, Phase, Vendor};
use crate::domain::ports::Client;
use crate::domain::verdict::RawReply;

/// One attempt, as the vendor or the network before it saw it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) value: String,
    pub(super) began: Duration,
    /// None while it is out.
    pub(super) ended: Option<Duration>,
    /// It did not get through.
    pub(super) refused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Bill {
    pub(super) attempts: Vec<Attempt>,
    pub(super) charged: HashMap<String, u32>,
}

#[derive(Clone)]
pub(super) struct ScriptedVendor {
    script: Arc<Vendor>,
    origin: Instant,
    chance: Arc<Mutex<fastrand::Rng>>,
    bill: Arc<Mutex<Bill>>,
}

impl ScriptedVendor {
    pub(super) fn new(script: Vendor) -> Self {
        let chance = fastrand::Rng::with_seed(script.seed);
        ScriptedVendor {
            script: Arc::new(script),
            origin: Instant::now(),
            chance: Arc::new(Mutex::new(chance)),
            bill: Arc::default(),
        }
    }

    pub(super) fn bill(&self) -> MutexGuard<'_, Bill> {
        self.bill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The phase that decides about the call that arrives at `now`.
    fn phase(&self, bill: &Bill, now: Duration) -> Phase {
        let count = bill.attempts.len() as u64 + 1;
        let last_second = || bill.attempts.iter().rev().take_while(|a| a.began + Duration::from_secs(1) > now).count();
        let matches = |phase: &&Phase| {
            phase.from.0 <= now
                && phase.until.is_none_or(|until| now < until.0)
                && phase.calls.is_none_or(|[first, last]| (first..=last).contains(&count))
                && phase.every.is_none_or(|every| count.is_multiple_of(every))
                && phase.over.is_none_or(|over| last_second() >= over)
                && phase
                    .chance
                    .is_none_or(|chance| self.chance.lock().unwrap_or_else(PoisonError::into_inner).f64() < chance)
        };
        self.script.phase.iter().find(matches).cloned().unwrap_or_default()
    }
}

fn reply(phase: &Phase, order: usize) -> RawReply {
    let retry_after = phase.retry_after.map(|time| time.0);
    let received = |http, body: String| RawReply::Received { http, retry_after, body: body.into_bytes() };
    match (phase.fault, phase.http, phase.code) {
        (Some(Fault::Refused), ..) => RawReply::NotSent { why: "connection refused".to_owned() },
        (Some(Fault::Reset | Fault::ResetAfterCharge), ..) => RawReply::Lost { why: "connection reset".to_owned() },
        (None, Some(http), _) => received(http, "<html>".to_owned()),
        (None, None, Some(code)) if code != 0 => {
            received(200, format!(r#"{{"reason":"as the script says","result":null,"error_code":{code}}}"#))
        }
        (None, None, _) => {
            received(200, format!(r#"{{"reason":"ok","result":{{"code":1,"orderid":"J{order}"}},"error_code":0}}"#))
        }
    }
}

impl Client for ScriptedVendor {
    async fn ask(&self, value: String) -> RawReply {
        let began = self.origin.elapsed();
        let (index, phase) = {
            let mut bill = self.bill();
            let phase = self.phase(&bill, began);
            let answered = phase.fault.is_none() && phase.http.is_none() && phase.code.unwrap_or_default() == 0;
            if answered || phase.fault == Some(Fault::ResetAfterCharge) {
                *bill.charged.entry(value.clone()).or_default() += 1;
            }
            let refused = phase.fault == Some(Fault::Refused);
            bill.attempts.push(Attempt { value, began, ended: None, refused });
            (bill.attempts.len() - 1, phase)
        };
        sleep(phase.latency.unwrap_or(self.script.latency).0).await;
        self.bill().attempts[index].ended = Some(self.origin.elapsed());
        reply(&phase, index)
    }
}
