//! A server that writes down what comes over the wire, byte for byte, and gives every request the same answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct Wire {
    addr: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// Answers everything with 200 and this body. Its threads end with the test.
    pub fn answering(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (heard, body) = (requests.clone(), body.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, body) = (heard.clone(), body.clone());
                std::thread::spawn(move || serve(stream, &heard, &body));
            }
        });
        Wire { addr, requests }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The requests so far, heads and bodies.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no server thread panicked").clone()
    }
}

fn serve(mut stream: TcpStream, heard: &Mutex<Vec<String>>, body: &str) {
    let mut bytes = Vec::new();
    loop {
        while let Some(length) = whole(&bytes) {
            let request: Vec<u8> = bytes.drain(..length).collect();
            heard.lock().expect("no server thread panicked").push(String::from_utf8_lossy(&request).into_owned());
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
            if stream.write_all((head + body).as_bytes()).is_err() {
                return;
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(length) => bytes.extend_from_slice(&part[..length]),
        }
    }
}

/// The length of the first request, once all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head].lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse::<usize>().ok() } else { None }
    });
    let length = head + length.unwrap_or(0);
    (bytes.len() >= length).then_some(length)
}
