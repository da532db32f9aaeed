//! The chaos proxy: TCP in, TCP out, and a fault on the way.
//!
//! Owns: a thread that accepts, and two per connection. It is written with blocking
//! sockets on purpose: what tests a loop should not depend on it.
//!
//! Law: what it does to a connection follows from its seed and the connection's number;
//! a line of the log says what that was.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use downbeat::testing::Rng;
use socket2::SockRef;

use crate::fault::{Fault, Profile};

/// What happened to one connection.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub number: usize,
    /// What was planned for it.
    pub fault: Fault,
    /// Whether that happened.
    pub struck: bool,
    /// Bytes to the origin and to the client.
    pub up: usize,
    pub down: usize,
    /// The numbers of the requests that were seen on it: their targets are `/n/...`.
    pub requests: Vec<usize>,
}

impl Entry {
    /// The entry as one line of JSON.
    pub fn json(&self, seed: u64) -> String {
        let Entry {
            number,
            fault,
            struck,
            up,
            down,
            requests,
        } = self;
        format!(
            r#"{{"conn":{number},"seed":{seed},"fault":"{fault}","struck":{struck},"bytes_up":{up},"bytes_down":{down},"requests":{requests:?}}}"#
        )
    }
}

/// A running proxy. Dropping it closes its listener and all its connections.
pub struct Proxy {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<Entry>>>,
    accepting: Option<JoinHandle<()>>,
}

/// One direction of one connection.
struct Pipe {
    from: TcpStream,
    to: TcpStream,
    /// To the client, or to the origin?
    down: bool,
    fault: Fault,
    rng: Rng,
    passed: usize,
    number: usize,
    log: Arc<Mutex<Vec<Entry>>>,
    stop: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts one in front of `upstream`.
    ///
    /// # Errors
    /// What the system says to a listener.
    pub fn start(
        listen: u16,
        upstream: SocketAddr,
        seed: u64,
        profile: Profile,
    ) -> io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, listen))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stopped, entries) = (stop.clone(), log.clone());
        let accepting = thread::spawn(move || {
            let count = AtomicUsize::new(0);
            if profile == Profile::Never {
                while !stopped.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                return;
            }
            while let Ok((client, _)) = listener.accept() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let number = count.fetch_add(1, Ordering::SeqCst);
                let fault = profile.fault(seed, number);
                begin(client, upstream, number, fault, seed, &entries, &stopped);
            }
        });
        Ok(Proxy {
            address,
            stop,
            log,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it did so far.
    pub fn log(&self) -> Vec<Entry> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accept.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

/// Begins to serve a connection.
fn begin(
    client: TcpStream,
    upstream: SocketAddr,
    number: usize,
    fault: Fault,
    seed: u64,
    log: &Arc<Mutex<Vec<Entry>>>,
    stop: &Arc<AtomicBool>,
) {
    log.lock().unwrap().push(Entry {
        number,
        fault,
        struck: matches!(fault, Fault::Close | Fault::Reset | Fault::Deaf),
        up: 0,
        down: 0,
        requests: Vec::new(),
    });
    let stop = stop.clone();
    match fault {
        Fault::Close => return,
        Fault::Reset => return reset(&client),
        Fault::Deaf => {
            thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                drop(client);
            });
            return;
        }
        _ => {}
    }
    let Ok(origin) = TcpStream::connect(upstream) else {
        return reset(&client);
    };
    let pipe = |from: &TcpStream, to: &TcpStream, down: bool| -> io::Result<Pipe> {
        to.set_nodelay(true)?;
        from.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(Pipe {
            from: from.try_clone()?,
            to: to.try_clone()?,
            down,
            fault,
            rng: Rng::new(seed ^ number as u64),
            passed: 0,
            number,
            log: log.clone(),
            stop: stop.clone(),
        })
    };
    let (Ok(up), Ok(down)) = (pipe(&client, &origin, false), pipe(&origin, &client, true)) else {
        return;
    };
    thread::spawn(move || up.run());
    thread::spawn(move || down.run());
}

/// Closes with a reset.
fn reset(stream: &TcpStream) {
    drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
    drop(stream.shutdown(Shutdown::Both));
}

impl Pipe {
    fn note(&self, change: impl FnOnce(&mut Entry)) {
        change(&mut self.log.lock().unwrap()[self.number]);
    }

    fn strike(&self) {
        self.note(|entry| entry.struck = true);
    }

    /// Passes bytes on until one side ends, or the fault ends it.
    fn run(mut self) {
        let mut buf = [0; 4096];
        let mut quiet = 0;
        loop {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            match self.from.read(&mut buf) {
                Ok(0) => break,
                Ok(read) => {
                    quiet = 0;
                    if self.pass(&buf[..read]).is_err() {
                        return;
                    }
                }
                Err(error) if is_wait(&error) => {
                    quiet += 1;
                    self.idle(quiet);
                }
                Err(_) => return reset(&self.to),
            }
        }
        drop(self.to.shutdown(Shutdown::Write));
    }

    /// Nothing has come for so many reads.
    fn idle(&mut self, quiet: usize) {
        if self.down && self.fault == Fault::IdleBytes && quiet == 2 && self.passed > 0 {
            self.strike();
            let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
            drop(self.to.write_all(stray));
        }
    }

    /// How many bytes may pass before the fault strikes.
    fn left(&self) -> Option<usize> {
        match (self.fault, self.down) {
            (
                Fault::ResetDown(n) | Fault::HalfClose(n) | Fault::BlackHole(n) | Fault::Urgent(n),
                true,
            )
            | (Fault::ResetUp(n), false) => n.checked_sub(self.passed),
            _ => None,
        }
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.down {
            let found = targets(bytes);
            self.note(|entry| entry.requests.extend(found));
        }
        match self.left() {
            Some(left) if left < bytes.len() => {
                self.send(&bytes[..left])?;
                self.strike();
                self.end(&bytes[left..])
            }
            _ => self.send(bytes),
        }
    }

    /// The fault strikes: what becomes of the rest?
    fn end(&mut self, rest: &[u8]) -> io::Result<()> {
        match self.fault {
            Fault::Urgent(_) => {
                SockRef::from(&self.to).send_out_of_band(b"!")?;
                return self.send(rest);
            }
            Fault::HalfClose(_) => drop(self.to.shutdown(Shutdown::Write)),
            Fault::BlackHole(_) => {
                while !self.stop.load(Ordering::SeqCst) {
                    // The client's end of file, or a reset, ends the wait.
                    match self.to.peek(&mut [0]) {
                        Ok(0) => break,
                        Err(error) if !is_wait(&error) => break,
                        _ => thread::sleep(Duration::from_millis(10)),
                    }
                }
            }
            _ => {
                reset(&self.from);
                reset(&self.to);
            }
        }
        Err(ErrorKind::ConnectionAborted.into())
    }

    /// Writes in the manner of the fault.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        match self.fault {
            Fault::Delay(ms) => thread::sleep(Duration::from_millis(ms)),
            Fault::Coalesce(ms) if self.down => thread::sleep(Duration::from_millis(ms)),
            _ => {}
        }
        while !rest.is_empty() {
            let piece = match self.fault {
                Fault::Dribble(n) if self.passed < n => 1,
                Fault::Split => 1 + self.rng.below(rest.len().min(200)),
                _ => rest.len(),
            };
            self.to.write_all(&rest[..piece])?;
            self.passed += piece;
            rest = &rest[piece..];
            if piece == 1 {
                thread::sleep(Duration::from_micros(20));
            }
        }
        let (down, passed) = (self.down, self.passed);
        self.note(|entry| *(if down { &mut entry.down } else { &mut entry.up }) = passed);
        Ok(())
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// The numbers in the request lines of plain HTTP.
fn targets(bytes: &[u8]) -> Vec<usize> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter(|line| line.ends_with(" HTTP/1.1"));
    lines
        .filter_map(|line| line.split('/').nth(1)?.parse().ok())
        .collect()
}
