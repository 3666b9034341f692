//! The connection's lower half: lets replies through, cuts them where a fault wants it, and notices clients that hang up.
//!
//! hyper writes a reply as one buffer (no vectored writes), so a cut knows the size of what it cuts. A reset is a close with
//! SO_LINGER 0: the peer sees ECONNRESET and not an end of file. A reply that was promised and not wholly written when the
//! connection goes is reported as undelivered.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::vendor::Vendor;

/// Where a reply is cut, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Reset before the first byte.
    ResetAtOnce,
    /// Reset after half of all bytes.
    ResetHalfWay,
    /// An orderly close after half of the body: less than Content-Length promises.
    CloseWithinBody,
}

/// What the service tells the wire about the reply under way.
#[derive(Debug, Default)]
struct Slip {
    cut: Option<Cut>,
    /// A reply is owed; whether its call was charged.
    owed: Option<bool>,
    /// Some of the owed reply has been written.
    begun: bool,
}

/// The service's hold on the wire of its connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Grip(Arc<Mutex<Slip>>);

impl Grip {
    /// The reply to a call is under way and counts as undelivered if the connection ends first.
    pub(super) fn owe(&self, charged: bool) {
        *self.slip() = Slip { owed: Some(charged), ..Slip::default() };
    }

    /// The reply will be cut.
    pub(super) fn cut(&self, cut: Cut) {
        self.slip().cut = Some(cut);
    }

    fn slip(&self) -> MutexGuard<'_, Slip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection as hyper sees it.
pub(super) struct Wire {
    stream: TcpStream,
    vendor: Arc<Vendor>,
    grip: Grip,
    /// A cut that has begun, and how many bytes may still pass.
    cutting: Option<(Cut, usize)>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, vendor: Arc<Vendor>, grip: Grip) -> Self {
        Wire { stream, vendor, grip, cutting: None }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>, reply: &[u8], cut: Cut, left: usize) -> Poll<io::Result<usize>> {
        if left > 0 {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &reply[..left.min(reply.len())]))?;
            self.cutting = Some((cut, left - written));
            return Poll::Ready(Ok(written));
        }
        if cut != Cut::CloseWithinBody {
            SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        }
        // hyper lets go of a connection it cannot write to, and that closes the socket.
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }
}

impl Cut {
    /// How many bytes of a reply pass.
    fn passes(self, reply: &[u8]) -> usize {
        let head = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(0, |end| end + 4);
        match self {
            Cut::ResetAtOnce => 0,
            Cut::ResetHalfWay => reply.len() / 2,
            Cut::CloseWithinBody => head + (reply.len() - head) / 2,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        if wire.cutting.is_none() {
            let cut = wire.grip.slip().cut.take();
            wire.cutting = cut.map(|cut| (cut, cut.passes(bytes)));
        }
        if let Some((cut, left)) = wire.cutting {
            return wire.poll_cut(cx, bytes, cut, left);
        }
        let written = ready!(Pin::new(&mut wire.stream).poll_write(cx, bytes))?;
        wire.grip.slip().begun = true;
        Poll::Ready(Ok(written))
    }

    /// hyper flushes when its buffer is empty: what was owed is in the hands of the kernel.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        {
            let mut slip = wire.grip.slip();
            if slip.begun {
                slip.owed = None;
            }
        }
        Pin::new(&mut wire.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let owed = self.grip.slip().owed.take();
        if let Some(charged) = owed {
            self.vendor.hung_up(charged);
        }
    }
}
