//! A thread with an inbox, ended and joined when its owner is dropped.
//!
//! Invariant: everything that was sent is worked off before the thread ends. How it fails: once the thread has ended (it
//! panicked), [`Worker::send`] says so and the job comes to nothing.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

pub(super) struct Worker<J> {
    inbox: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread behind a [`Worker`] has ended.
pub(super) struct Gone;

impl<J: Send + 'static> Worker<J> {
    pub(super) fn spawn(name: &str, work: impl FnOnce(Receiver<J>) + Send + 'static) -> io::Result<Self> {
        let (inbox, jobs) = channel();
        let thread = Builder::new().name(name.to_owned()).spawn(move || work(jobs))?;
        Ok(Worker { inbox: Some(inbox), thread: Some(thread) })
    }

    pub(super) fn send(&self, job: J) -> Result<(), Gone> {
        match &self.inbox {
            Some(inbox) => inbox.send(job).map_err(|_| Gone),
            None => Err(Gone),
        }
    }
}

impl<J> Drop for Worker<J> {
    fn drop(&mut self) {
        drop(self.inbox.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been answered to everyone who waited; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
