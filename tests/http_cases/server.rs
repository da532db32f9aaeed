//! The scripted server of one case.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use downbeat::testing::origin::Link;
use downbeat::tls::Acceptor;
use downbeat::{AbortHandle, time};
use serde_json::Value;

use crate::case::{self, Case, Step};
use crate::certificates;
use crate::wire::Conn;
use crate::world::{Port, World};

/// A request that arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The server of one case, on up to three ports.
pub(crate) struct Server {
    case: Rc<Case>,
    ports: RefCell<Vec<Port>>,
    names: RefCell<Vec<(&'static str, String)>>,
    tasks: RefCell<Vec<AbortHandle>>,
    accepted: Cell<usize>,
    attempt: Cell<usize>,
    /// Requests, probe and warm-up excluded.
    pub(crate) seen: RefCell<Vec<Seen>>,
    /// Connections that carried them.
    pub(crate) main: RefCell<Vec<usize>>,
    /// Names that clients asked for.
    pub(crate) sni: RefCell<Vec<Option<String>>>,
}

impl Server {
    pub(crate) fn start(case: Rc<Case>, world: &World) -> Rc<Server> {
        let server = Rc::new(Server {
            case,
            ports: RefCell::default(),
            names: RefCell::default(),
            tasks: RefCell::default(),
            accepted: Cell::new(0),
            attempt: Cell::new(0),
            seen: RefCell::default(),
            main: RefCell::default(),
            sni: RefCell::default(),
        });
        server.open(world);
        server
    }

    fn open(self: &Rc<Self>, world: &World) {
        let case = &self.case;
        let tls = case.is_tls();
        let listen = |secure: bool| {
            if case.flag("refuse") {
                return world.closed();
            }
            let weak = Rc::downgrade(self);
            let port = world.open(Rc::new(move |link| Server::accept(&weak, link, secure)));
            let number = port.number;
            self.ports.borrow_mut().push(port);
            number
        };
        let scheme = if tls { "https" } else { "http" };
        let host = case.json["tls"]["host"].as_str();
        let host = host.or(case.json["host"].as_str()).unwrap_or("127.0.0.1");
        let port = listen(tls);
        let second = if case.mentions("{{ORIGIN2}}") || case.mentions("{{PORT2}}") {
            listen(tls)
        } else {
            0
        };
        let secure = if case.mentions("{{TLS}}") {
            listen(true)
        } else {
            0
        };
        let dead = if case.mentions("{{DEAD}}") {
            world.closed()
        } else {
            0
        };
        *self.names.borrow_mut() = vec![
            ("{{ORIGIN}}", format!("{scheme}://{host}:{port}")),
            ("{{ORIGIN2}}", format!("{scheme}://{host}:{second}")),
            ("{{TLS}}", format!("https://127.0.0.1:{secure}")),
            ("{{DEAD}}", format!("http://127.0.0.1:{dead}")),
            ("{{HOST}}", host.to_owned()),
            ("{{PORT}}", port.to_string()),
            ("{{PORT2}}", second.to_string()),
        ];
    }

    /// Fills in the names that only the server knows.
    pub(crate) fn replace(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.names.borrow().iter() {
            text = text.replace(name, value);
        }
        text
    }

    fn accept(server: &Weak<Server>, link: Link, secure: bool) {
        let Some(server) = server.upgrade() else {
            return;
        };
        let number = server.accepted.replace(server.accepted.get() + 1);
        let task = downbeat::spawn({
            let server = server.clone();
            async move { server.serve(link, secure, number).await }
        });
        server.tasks.borrow_mut().extend(task.abort_handle());
    }

    /// Ends every connection.
    pub(crate) fn stop(&self) {
        self.ports.borrow_mut().clear();
        self.tasks
            .borrow_mut()
            .drain(..)
            .for_each(|task| task.abort());
    }

    async fn serve(self: Rc<Self>, link: Link, secure: bool, number: usize) {
        let raw = self.case.json["tls"]["raw"] == true;
        let mut conn = match secure && !raw {
            false => Conn::plain(link, number),
            true => match Conn::secure(link, number, &self.acceptor()).await {
                Some((conn, name)) => {
                    self.sni.borrow_mut().push(name);
                    conn
                }
                None => return,
            },
        };
        // What ends a conversation early is the client's to report.
        let _ = self.converse(&mut conn).await;
    }

    fn acceptor(&self) -> Acceptor {
        let tls = &self.case.json["tls"];
        let name = tls["cert"].as_str().unwrap_or("good");
        certificates::acceptor(name, tls["version"].as_str())
    }

    async fn converse(&self, conn: &mut Conn) -> io::Result<()> {
        if self.case.flag("on_accept") {
            self.main.borrow_mut().push(conn.number);
            let script = self.script(None).unwrap_or_default();
            self.play(conn, script).await?;
        }
        while conn.is_open() {
            let raw = conn.until(b"\r\n\r\n").await?;
            let head = parse(&raw);
            if head.target.contains("/__probe") || head.target.contains("/__warm") {
                let word = if head.target.contains("probe") {
                    "probe"
                } else {
                    "warm"
                };
                answer(conn, word).await?;
                continue;
            }
            if !self.main.borrow().contains(&conn.number) {
                self.main.borrow_mut().push(conn.number);
            }
            match self.script(Some(&head)) {
                Some(script) => {
                    // The script itself reads the head.
                    conn.unread.splice(0..0, raw);
                    self.play(conn, script).await?;
                }
                None => {
                    self.seen.borrow_mut().push(head);
                    answer(conn, "unexpected-request").await?;
                }
            }
        }
        Ok(())
    }

    fn script(&self, head: Option<&Seen>) -> Option<Vec<Step>> {
        let json = &self.case.json;
        let script: &Value = if json["routes"].is_object() {
            let target = head.map_or("/", |head| head.target.as_str());
            let exact = json["routes"].get(target);
            exact.or_else(|| json["routes"].get("*"))?
        } else if json["conns"].is_array() {
            let attempt = self.attempt.replace(self.attempt.get() + 1);
            json["conns"].get(attempt)?
        } else {
            json.get("server")?
        };
        Some(case::steps(script, &|text| self.replace(text)))
    }

    async fn play(&self, conn: &mut Conn, script: Vec<Step>) -> io::Result<()> {
        let mut head: Option<Seen> = None;
        let mut place = None;
        let resets = script.contains(&Step::Reset);
        for step in script {
            match step {
                Step::Send {
                    bytes,
                    split,
                    delay_ms,
                    repeat,
                } => send(conn, &bytes, split, delay_ms, repeat).await?,
                // A reset needs something unread, so nothing may be read before it.
                Step::Sleep(ms) if resets => time::sleep(Duration::from_millis(ms)).await,
                Step::Sleep(ms) => nap(conn, Duration::from_millis(ms)).await,
                Step::ReadUntil(mark) => {
                    let raw = conn.until(&mark).await?;
                    let end = raw.windows(4).position(|w| w == b"\r\n\r\n");
                    if let (None, Some(end)) = (&head, end) {
                        let mut seen = parse(&raw[..end + 4]);
                        head = Some(seen.clone());
                        seen.body = raw[end + 4..].to_vec();
                        place = Some(self.record(seen));
                    }
                }
                Step::ReadRequest => {
                    let seen = parse(&conn.until(b"\r\n\r\n").await?);
                    head = Some(seen.clone());
                    let at = self.record(seen.clone());
                    place = Some(at);
                    let body = body(conn, &seen).await?;
                    self.seen.borrow_mut()[at].body = body;
                }
                Step::DrainBody => {
                    let head = head.clone().unwrap_or_default();
                    let body = body(conn, &head).await?;
                    if let Some(at) = place {
                        self.seen.borrow_mut()[at].body = body;
                    }
                }
                Step::Close => conn.finish(true).await,
                Step::TlsClose(notify) => conn.finish(notify).await,
                Step::Reset => conn.reset(),
            }
        }
        Ok(())
    }

    fn record(&self, seen: Seen) -> usize {
        let mut all = self.seen.borrow_mut();
        all.push(seen);
        all.len() - 1
    }
}

async fn answer(conn: &mut Conn, word: &str) -> io::Result<()> {
    let body = format!("{word}:{}", conn.number);
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}");
    conn.send(format!("{head}\r\n\r\n{body}").as_bytes()).await
}

/// Sleeps, but answers a probe that arrives on this connection meanwhile: it was
/// reused.
async fn nap(conn: &mut Conn, pause: Duration) {
    let until = time::now() + pause;
    loop {
        match time::timeout_at(until, conn.fill()).await {
            Ok(Ok(true)) => {}
            Ok(_) => return time::sleep_until(until).await,
            Err(_) => return,
        }
        let probe = find(&conn.unread, b"/__probe HTTP/1.1");
        let end = probe.and_then(|at| Some(at + find(&conn.unread[at..], b"\r\n\r\n")? + 4));
        if let Some(end) = end {
            conn.unread.drain(..end);
            let _ = answer(conn, "probe").await;
        }
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|w| w == mark)
}

async fn send(
    conn: &mut Conn,
    bytes: &[u8],
    split: Option<usize>,
    delay_ms: Option<f64>,
    repeat: u64,
) -> io::Result<()> {
    let pause = |ms: f64| time::sleep(Duration::from_secs_f64(ms / 1000.0));
    if repeat > 1 {
        // With a delay one at a time, else in blocks of some 64 KiB.
        let fit = (65_536 / bytes.len().max(1) as u64).max(1);
        let per = if delay_ms.unwrap_or(0.0) > 0.0 {
            1
        } else {
            fit
        };
        let mut left = repeat;
        while left > 0 {
            let now = per.min(left);
            conn.send(&bytes.repeat(now as usize)).await?;
            left -= now;
            if let Some(ms) = delay_ms.filter(|ms| *ms > 0.0) {
                pause(ms).await;
            }
        }
        return Ok(());
    }
    for piece in bytes.chunks(split.unwrap_or(bytes.len()).max(1)) {
        conn.send(piece).await?;
        if split.is_some() {
            pause(delay_ms.unwrap_or(0.3)).await;
        }
    }
    Ok(())
}

fn parse(raw: &[u8]) -> Seen {
    let text: String = raw.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let mut word = || first.next().unwrap_or_default().to_owned();
    Seen {
        method: word(),
        target: word(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
            .collect(),
        body: Vec::new(),
    }
}

async fn body(conn: &mut Conn, head: &Seen) -> io::Result<Vec<u8>> {
    let field = |name: &str| {
        let found = head
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    if !field("transfer-encoding").contains("chunked") {
        let length = field("content-length").parse().unwrap_or(0);
        return conn.exactly(length).await;
    }
    let mut body = Vec::new();
    loop {
        let line = conn.until(b"\r\n").await?;
        let digits = String::from_utf8_lossy(&line).trim().to_owned();
        let size = usize::from_str_radix(&digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            while conn.until(b"\r\n").await? != b"\r\n" {}
            return Ok(body);
        }
        body.extend(conn.exactly(size).await?);
        conn.exactly(2).await?;
    }
}
