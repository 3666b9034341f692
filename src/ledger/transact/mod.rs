//! What happens inside a transaction: one file per kind of request, all working at one [`Desk`].
//!
//! Invariant: a request refuses before it writes. How it fails: see [`super::writer`].

mod begin;
mod decide;
mod forget;
mod grant;
mod settle;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;

use crate::domain::freshness::Stamp;
use crate::domain::ids::{OwnerId, RunId};
use crate::domain::ports::{Clock, LedgerError};
use crate::domain::run::Terms;
use crate::ledger::books::Books;

pub(super) use begin::{begin, finish, heartbeat};
pub(super) use decide::decide;
pub(super) use forget::Forget;
pub(super) use grant::open;
pub(super) use settle::{adopt_orphans, settle, withdraw};

/// How far this host's clock may lag behind the newest stamp, in milliseconds.
const CLOCK_LAG: i64 = 5 * 60 * 1000;

/// What belongs to this process and not to the file.
#[derive(Default)]
pub(super) struct Session {
    under_way: HashMap<RunId, (OwnerId, Arc<Terms>)>,
    living: HashSet<OwnerId>,
    /// Why nothing more is granted.
    poisoned: Option<String>,
}

impl Session {
    pub(super) fn poison(&mut self, why: &str) {
        self.poisoned.get_or_insert_with(|| why.to_owned());
    }
}

/// Everything that a request works with.
pub(super) struct Desk<'a> {
    pub(super) db: &'a Connection,
    pub(super) books: &'a mut Books,
    pub(super) session: &'a mut Session,
    pub(super) clock: &'a dyn Clock,
}

impl Desk<'_> {
    /// The moment of an effect that must not be lost whatever the clock says: never before the newest stamp.
    fn stamp(&mut self) -> Stamp {
        let at = self.clock.now().max(self.books.newest);
        self.books.newest = at;
        at
    }

    /// The same for new calls, which would land in a wrong month if the clock were wrong.
    fn careful_stamp(&mut self) -> Result<Stamp, LedgerError> {
        let now = self.clock.now();
        let newest = self.books.newest;
        if now.0 < newest.0 - CLOCK_LAG {
            return Err(LedgerError::ClockBehind { now: now.rfc3339(), newest: newest.rfc3339() });
        }
        Ok(self.stamp())
    }

    fn refuse_if_poisoned(&self) -> Result<(), LedgerError> {
        match &self.session.poisoned {
            None => Ok(()),
            Some(why) => {
                Err(LedgerError::Failed(format!("nothing more is sent, since the ledger failed before: {why}")))
            }
        }
    }
}
