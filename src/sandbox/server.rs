//! The server: a loopback listener, one task per connection, and the handle that stops it all.
//!
//! It either lives in the runtime of whoever starts it, or in a thread with a runtime of its own, so that it does not share
//! workers with the client it judges. Dropping the handle closes the listener and every connection. A connection that fails
//! ends alone; a listener that cannot accept for the moment tries again.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bill::Bill;
use super::chaos::Chaos;
use super::options::SandboxOptions;
use super::service;
use super::vendor::Vendor;
use super::wire::{Grip, Wire};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A running stand-in vendor. Dropping it stops it.
pub struct Sandbox {
    addr: SocketAddr,
    vendor: Arc<Vendor>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts it as tasks of the current tokio runtime.
    pub fn start(options: SandboxOptions) -> io::Result<Sandbox> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (sandbox, listener) = Self::open(options)?;
        let listener = TcpListener::from_std(listener)?;
        runtime.spawn(serve(listener, Arc::clone(&sandbox.vendor), sandbox.stop.clone()));
        Ok(sandbox)
    }

    /// Starts it in a thread with a small runtime of its own.
    pub fn start_in_background(options: SandboxOptions) -> io::Result<Sandbox> {
        let (mut sandbox, listener) = Self::open(options)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sandbox")
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (vendor, stop) = (Arc::clone(&sandbox.vendor), sandbox.stop.clone());
        let thread = std::thread::Builder::new().name("sandbox-accept".to_owned());
        sandbox.thread = Some(thread.spawn(move || runtime.block_on(serve(listener, vendor, stop)))?);
        Ok(sandbox)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The books as they stand.
    pub fn bill(&self) -> Bill {
        self.vendor.bill()
    }

    /// The vendor's statement as `GET /sandbox/statement.csv` gives it: one line for each charge.
    pub fn statement(&self) -> String {
        (0..).map_while(|page| self.vendor.statement_page(page)).collect()
    }

    /// Puts other faults in place, as `POST /sandbox/chaos` does. Their windows count from now on.
    pub fn set_chaos(&self, chaos: Chaos) {
        self.vendor.set_chaos(chaos);
    }

    /// Stops it and gives the bill as it stands then.
    pub fn shutdown(mut self) -> Bill {
        self.stop_now();
        self.vendor.bill()
    }

    fn open(options: SandboxOptions) -> io::Result<(Sandbox, std::net::TcpListener)> {
        if !options.listen.ip().is_loopback() {
            let problem = format!("the sandbox listens on loopback only, and {} is not", options.listen);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let socket = Socket::new(Domain::for_address(options.listen), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&options.listen.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = std::net::TcpListener::from(socket);
        let addr = listener.local_addr()?;
        let vendor = Arc::new(Vendor::new(options)?);
        Ok((Sandbox { addr, vendor, stop: CancellationToken::new(), thread: None }, listener))
    }

    fn stop_now(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and then it is stopped as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop_now();
    }
}

/// Accepts until it is stopped. The connections die with the set that holds them.
async fn serve(listener: TcpListener, vendor: Arc<Vendor>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&vendor)));
            }
            // Out of descriptors, most likely: those of finished connections come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, vendor: Arc<Vendor>) {
    // Without it small replies would wait for acknowledgements; failing that they are merely slower.
    let _ = stream.set_nodelay(true);
    let grip = Grip::default();
    let wire = Wire::new(stream, Arc::clone(&vendor), grip.clone());
    let service = service_fn(move |request| {
        let (vendor, grip) = (Arc::clone(&vendor), grip.clone());
        async move { Ok::<_, Infallible>(service::handle(vendor, grip, request).await) }
    });
    // An error here is a client that went away or a cut of our own; both are in the books.
    let _ = http1::Builder::new().writev(false).serve_connection(TokioIo::new(wire), service).await;
}
