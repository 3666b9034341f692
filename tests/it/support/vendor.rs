//! The stand-in vendor in this process, beside the payonce that asks it, with its own books.
//!
//! When it is dropped it audits them: a number that was charged twice fails the test, whatever the test was about.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use payonce::sandbox::{Bill, Chaos, Sandbox, SandboxOptions};
use socket2::{Domain, Socket, Type};

/// The key that a vendor of the tests accepts; a text that stands nowhere by chance.
pub const KEY: &str = "0123456789abcdeffedcba9876543210";

/// How long a test waits for something to happen at the vendor.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Vendor {
    sandbox: Sandbox,
    may_charge_twice: bool,
}

impl Vendor {
    /// One that does everything right, at once.
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    /// One with faults: the name of a profile.
    pub fn chaos(name: &str) -> Self {
        Self::with(|options| options.chaos = Chaos::named_or_file(name).unwrap_or_else(|error| panic!("{error}")))
    }

    /// One with faults of the test's own, as TOML.
    pub fn faults(toml: &str) -> Self {
        Self::with(|options| options.chaos = faults(toml))
    }

    pub fn with(change: impl FnOnce(&mut SandboxOptions)) -> Self {
        let mut options = SandboxOptions { key: KEY.to_owned(), ..SandboxOptions::default() };
        change(&mut options);
        let sandbox = Sandbox::start_in_background(options).expect("the vendor starts");
        Vendor { sandbox, may_charge_twice: false }
    }

    /// For tests in which somebody pays twice on purpose.
    pub fn may_charge_twice(mut self) -> Self {
        self.may_charge_twice = true;
        self
    }

    pub fn base_url(&self) -> String {
        self.sandbox.base_url()
    }

    pub fn bill(&self) -> Bill {
        self.sandbox.bill()
    }

    /// The calls that were charged, as lines of `order id, api, number, time, amount`.
    pub fn statement(&self) -> String {
        self.sandbox.statement()
    }

    /// Puts other faults in place.
    pub fn change_faults(&self, toml: &str) {
        self.sandbox.set_chaos(faults(toml));
    }

    /// Waits until so many requests have arrived.
    #[track_caller]
    pub fn until_asked(&self, requests: u64) -> Bill {
        self.until(|bill| bill.requests >= requests)
    }

    #[track_caller]
    pub fn until(&self, happened: impl Fn(&Bill) -> bool) -> Bill {
        let begun = Instant::now();
        loop {
            let bill = self.bill();
            if happened(&bill) {
                return bill;
            }
            assert!(begun.elapsed() < PATIENCE, "it did not happen at the vendor:\n{bill}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        let bill = self.bill();
        if !std::thread::panicking() && !self.may_charge_twice {
            assert_eq!(bill.charged_twice, 0, "somebody paid twice:\n{bill}");
            assert_eq!(bill.charged, bill.numbers_charged, "somebody paid twice:\n{bill}");
        }
    }
}

fn faults(toml: &str) -> Chaos {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), toml).expect("a temporary file");
    let path = file.path().to_str().expect("a plain path");
    Chaos::named_or_file(path).unwrap_or_else(|error| panic!("{error}"))
}

/// An address of this machine that is kept free: nobody listens there, and nobody else gets it.
pub struct Address {
    _held: Socket,
    pub addr: SocketAddr,
}

impl Address {
    pub fn keep() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("an option of the socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
        let addr = socket.local_addr().expect("an address").as_socket().expect("an address");
        Address { _held: socket, addr }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }
}
