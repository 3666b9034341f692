//! A vendor on a bare socket, which misbehaves on the wire exactly as it is told to.
//!
//! One thread for each connection; requests are read whole and remembered, then a closure does with the connection what it likes.
//! It charges nobody: what counts is how often each number was asked about, and on which connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked about: the value of `mobile`.
    pub subject: String,
    /// Requests about the same subject, this one included.
    pub time: usize,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    KeepOpen,
    /// An orderly end.
    Close,
    /// RST.
    Reset,
}

#[derive(Default)]
struct State {
    connections: usize,
    requests: Vec<Request>,
}

pub struct RawVendor {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
}

type Behave = dyn Fn(&mut TcpStream, &Request) -> io::Result<Then> + Send + Sync;

impl RawVendor {
    pub fn start(behave: impl Fn(&mut TcpStream, &Request) -> io::Result<Then> + Send + Sync + 'static) -> Self {
        Self::with(false, behave)
    }

    /// One that resets every connection before it has read a byte.
    pub fn that_resets() -> Self {
        Self::with(true, |_, _| Ok(Then::Reset))
    }

    fn with(
        resets: bool,
        behave: impl Fn(&mut TcpStream, &Request) -> io::Result<Then> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let (state, behave): (_, Arc<Behave>) = (Arc::new(Mutex::new(State::default())), Arc::new(behave));
        let kept = Arc::clone(&state);
        // It lives as long as the tests do; a listener that nobody asks costs nothing.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                state.lock().expect("the books").connections += 1;
                if resets {
                    reset(&stream);
                    continue;
                }
                let (state, behave) = (Arc::clone(&state), Arc::clone(&behave));
                std::thread::spawn(move || serve(stream, &state, &*behave));
            }
        });
        RawVendor { addr, state: kept }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().expect("the books").requests.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().expect("the books").connections
    }

    /// How often `subject` was asked about.
    pub fn asked(&self, subject: &str) -> usize {
        self.requests().iter().filter(|request| request.subject == subject).count()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, behave: &Behave) {
    // Small pieces are to leave as they are written.
    let _ = stream.set_nodelay(true);
    while let Ok(Some(subject)) = read_request(&mut stream) {
        let request = {
            let mut state = state.lock().expect("the books");
            let time = 1 + state.requests.iter().filter(|request| request.subject == subject).count();
            let request = Request { subject, time };
            state.requests.push(request.clone());
            request
        };
        match behave(&mut stream, &request) {
            Ok(Then::KeepOpen) => {}
            Ok(Then::Reset) => return reset(&stream),
            // The client has had enough, which may be the point of the test.
            Ok(Then::Close) | Err(_) => return,
        }
    }
}

fn reset(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("an option of the socket");
}

/// The subject of the next request; none where the client hung up.
fn read_request(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let subject = body.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"mobile="));
    Ok(Some(String::from_utf8_lossy(subject.unwrap_or_default()).into_owned()))
}

/// A paid answer about `subject`, whose order ID names it.
pub fn answer(subject: &str) -> String {
    format!(r#"{{"reason":"成功","result":{{"code":"3","orderid":"J{}"}},"error_code":0}}"#, &subject[..12])
}

/// A reply with `body` and its length.
pub fn reply(status: &str, body: &str) -> String {
    let head = "content-type: application/json;charset=utf-8";
    format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Sends a text and keeps the connection.
pub fn say(stream: &mut TcpStream, text: &str) -> io::Result<Then> {
    stream.write_all(text.as_bytes())?;
    Ok(Then::KeepOpen)
}
