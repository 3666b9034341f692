//! The way to the vendor: a forwarder that can be cut and mended while the vendor behind it, with its books, lives on.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use socket2::{Domain, Socket, Type};

use super::vendor::{Address, Vendor};

pub struct Front {
    address: Address,
    vendor: SocketAddr,
    way: Option<Way>,
}

struct Way {
    listener: TcpListener,
    under_way: Arc<Mutex<Vec<TcpStream>>>,
}

impl Front {
    /// A way to the vendor, open.
    pub fn of(vendor: &Vendor) -> Self {
        let vendor = vendor.base_url().trim_start_matches("http://").parse().expect("an address");
        let mut front = Front { address: Address::keep(), vendor, way: None };
        front.mend();
        front
    }

    pub fn base_url(&self) -> String {
        self.address.base_url()
    }

    /// From now on nobody listens, and what was under way is cut.
    pub fn cut(&mut self) {
        let Some(Way { listener, under_way }) = self.way.take() else { return };
        // Wakes the thread that accepts, which then drops its half of the listener.
        let _ = socket2::SockRef::from(&listener).shutdown(Shutdown::Both);
        for stream in under_way.lock().expect("the connections").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&mut self) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("an option of the socket");
        socket.bind(&self.address.addr.into()).expect("the kept address");
        socket.listen(128).expect("a listener");
        let listener = TcpListener::from(socket);
        let way = Way { listener, under_way: Arc::default() };
        let (listener, under_way) = (way.listener.try_clone().expect("a listener"), Arc::clone(&way.under_way));
        let vendor = self.vendor;
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let _ = forward(stream, vendor, &under_way);
            }
        });
        self.way = Some(way);
    }
}

fn forward(client: TcpStream, vendor: SocketAddr, under_way: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let vendor = TcpStream::connect(vendor)?;
    client.set_nodelay(true)?;
    vendor.set_nodelay(true)?;
    let streams = [client.try_clone()?, vendor.try_clone()?];
    under_way.lock().expect("the connections").extend(streams);
    for (mut from, mut to) in [(client.try_clone()?, vendor.try_clone()?), (vendor, client)] {
        std::thread::spawn(move || {
            // However it ends, the other side is to see it.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
