//! The client against one server: prints one row of the table, or what went wrong.
//!
//! `client NAME BASE_URL [--ca FILE] [--proxy URL]`; `./run` starts it.
//!
//! The server has `small.txt` (13 bytes), `page.html` (100,000 bytes of text),
//! `large.bin` (32 MiB, see [`expected`]) and the folder `folder/` with an index.
//! Whatever else it can do is found out.

use std::cell::RefCell;
use std::env;
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use downbeat::gather;
use downbeat::http::{Client, Event, Limits, Method, Proxy, Response};

type Outcome<T> = Result<T, Box<dyn Error>>;

const SMALL: &[u8] = b"Hello, world!";
const PAGE: usize = 100_000;
const LARGE: usize = 32 << 20;

fn main() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().ok_or("a name")?;
    let base = arguments.next().ok_or("a URL")?;
    let limits = Limits {
        body_bytes: 1 << 30,
        ..Limits::default()
    };
    let mut builder = Client::builder().limits(limits).max_per_host(20);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or("a value")?;
        builder = match option.as_str() {
            "--ca" => builder.only_roots_pem(&std::fs::read(value)?)?,
            "--proxy" => builder.proxy(Proxy::all(value)?),
            other => return Err(format!("{other}?").into()),
        };
    }
    let tls = Rc::new(RefCell::new(Vec::new()));
    let seen = tls.clone();
    let client = builder
        .hooks(move |_: u64, event: &Event<'_>| {
            if let Event::TlsEnd { version, resumed } = event {
                seen.borrow_mut().push((version.to_string(), *resumed));
            }
        })
        .build()?;
    let mut checks = Checks {
        client,
        base,
        quirks: Vec::new(),
    };
    if name == "urgent" {
        let passed = downbeat::run(async { checks.urgent().await })?;
        println!("urgent bytes inside a body: {passed} of 100 responses whole");
        return Ok(());
    }
    match downbeat::run(async { checks.all(&name, &tls).await }) {
        Ok(row) => println!("{row}"),
        Err(error) => println!("| {name} | FAILED: {error} |"),
    }
    Ok(())
}

struct Checks {
    client: Client,
    base: String,
    /// Everything that was let pass.
    quirks: Vec<&'static str>,
}

impl Checks {
    async fn all(&mut self, name: &str, tls: &RefCell<Vec<(String, bool)>>) -> Outcome<String> {
        let kept = self.keep_alive().await?;
        self.many_at_once().await?;
        let (coded, chunked) = self.coded().await?;
        let range = self.range().await?;
        let rate = self.large().await?;
        self.head().await?;
        let post = self.post(false).await?;
        let expect = self.post(true).await?;
        let folder = self.folder().await?;
        self.not_found().await?;
        self.given_up().await?;
        let counters = self.client.counters();
        if counters.closed.total() + self.client.connections().0 as u64 != counters.opened {
            return Err(format!("connections do not add up: {counters:?}").into());
        }
        let tls = match tls.borrow().as_slice() {
            [] => "-".to_owned(),
            [first, later @ ..] => {
                let resumed = later.iter().filter(|(_, resumed)| *resumed).count();
                format!("{}, {resumed}/{} resumed", first.0, later.len())
            }
        };
        self.quirks.sort_unstable();
        self.quirks.dedup();
        Ok(format!(
            "| {name} | {kept}/19 | {chunked} | {coded} | {range} | {rate:.0} MB/s | {post} | {expect} | {folder} | {tls} | {} | {} |",
            counters.retries,
            self.quirks.join(" ")
        ))
    }

    async fn get(&mut self, path: &str) -> Outcome<Response> {
        Ok(self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await?)
    }

    /// The body; what was let pass is noted.
    async fn read(&mut self, mut response: Response) -> Outcome<Vec<u8>> {
        let body = response.read_all().await?;
        self.quirks
            .extend(response.quirks().iter().map(|quirk| quirk.name()));
        Ok(body)
    }

    async fn keep_alive(&mut self) -> Outcome<usize> {
        let mut kept = 0;
        for _ in 0..20 {
            let response = self.get("/small.txt").await?;
            kept += usize::from(response.reused());
            equal(&self.read(response).await?, SMALL)?;
        }
        Ok(kept)
    }

    async fn many_at_once(&mut self) -> Outcome<()> {
        let all = gather((0..300).map(|_| {
            let (client, url) = (self.client.clone(), format!("{}/small.txt", self.base));
            async move { client.get(url).send().await?.bytes().await }
        }));
        for body in all.await {
            equal(&body??, SMALL)?;
        }
        Ok(())
    }

    /// Is the page coded, is it chunked? Some servers have a page of chunks apart.
    async fn coded(&mut self) -> Outcome<(&'static str, &'static str)> {
        let response = self.get("/page.html").await?;
        let coded = match response.headers().get_str("content-encoding") {
            Some("gzip") => "gzip",
            Some(_) => "other",
            None => "no",
        };
        let mut chunked = response.headers().contains("transfer-encoding");
        let page = self.read(response).await?;
        if page.len() != PAGE || !page.starts_with(b"<!doctype html>") {
            return Err(format!("a page of {} bytes", page.len()).into());
        }
        let response = self.get("/chunked").await?;
        if response.is_success() {
            chunked |= response.headers().contains("transfer-encoding");
            equal(&self.read(response).await?, &SMALL.repeat(1000))?;
        } else {
            self.read(response).await?;
        }
        Ok((coded, if chunked { "yes" } else { "no" }))
    }

    async fn range(&mut self) -> Outcome<u16> {
        let url = format!("{}/large.bin", self.base);
        let request = self.client.get(url).header("Range", "bytes=65530-65549");
        let response = request.send().await?;
        let status = response.status();
        if status == 206 {
            let want: Vec<u8> = (65530..65550).map(expected).collect();
            equal(&self.read(response).await?, &want)?;
        }
        Ok(status)
    }

    async fn large(&mut self) -> Outcome<f64> {
        let began = Instant::now();
        let response = self.get("/large.bin").await?;
        let body = self.read(response).await?;
        let took = began.elapsed().as_secs_f64();
        let right = body
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == expected(at));
        if body.len() != LARGE || !right {
            return Err(format!("a large body of {} bytes", body.len()).into());
        }
        Ok(LARGE as f64 / 1e6 / took)
    }

    async fn head(&mut self) -> Outcome<()> {
        let url = format!("{}/small.txt", self.base);
        let response = self.client.head(url).send().await?;
        match (response.status(), response.content_length()) {
            (200, None | Some(13)) => {}
            other => return Err(format!("HEAD: {other:?}").into()),
        }
        equal(&self.read(response).await?, b"")
    }

    /// A body that most of these servers do not want. What follows must work.
    async fn post(&mut self, expect: bool) -> Outcome<u16> {
        let url = format!("{}/small.txt", self.base);
        let mut request = self.client.request(Method::POST, url);
        if expect {
            request = request.header("Expect", "100-continue");
        }
        let response = request.body(vec![b'x'; 200_000]).send().await?;
        let status = response.status();
        self.read(response).await?;
        let response = self.get("/small.txt").await?;
        equal(&self.read(response).await?, SMALL)?;
        Ok(status)
    }

    /// A folder without its slash: most redirect.
    async fn folder(&mut self) -> Outcome<String> {
        let response = self.get("/folder").await?;
        let hops: Vec<_> = response
            .history()
            .iter()
            .map(|hop| hop.status.to_string())
            .collect();
        let status = response.status();
        self.read(response).await?;
        Ok(match hops.as_slice() {
            [] => status.to_string(),
            hops => format!("{} → {status}", hops.join(" → ")),
        })
    }

    async fn not_found(&mut self) -> Outcome<()> {
        let response = self.get("/no/such/page?a=b#c").await?;
        match response.status() {
            404 => self.read(response).await.map(drop),
            status => Err(format!("no such page: {status}").into()),
        }
    }

    /// A read that an urgent byte made short is not the last.
    async fn urgent(&mut self) -> Outcome<usize> {
        for _ in 0..100 {
            let request = self.client.get(format!("{}/", self.base));
            let sent = request.timeout(Duration::from_secs(5)).send().await?;
            equal(&self.read(sent).await?, SMALL)?;
        }
        Ok(100)
    }

    /// Bodies that nobody reads, and a request that is dropped in the middle.
    async fn given_up(&mut self) -> Outcome<()> {
        for _ in 0..5 {
            drop(self.get("/large.bin").await?);
            let url = format!("{}/large.bin", self.base);
            let request = self.client.get(url).send();
            let whole = async { request.await?.bytes().await };
            let cut = downbeat::time::timeout(Duration::from_millis(3), whole).await;
            drop(cut);
        }
        let response = self.get("/small.txt").await?;
        equal(&self.read(response).await?, SMALL)
    }
}

/// The byte of `large.bin` at this place.
fn expected(at: usize) -> u8 {
    let at = at % 65_536;
    (at * 7 + (at >> 8)) as u8
}

fn equal(have: &[u8], want: &[u8]) -> Outcome<()> {
    match have == want {
        true => Ok(()),
        false => Err(format!("{} bytes that are not the right {}", have.len(), want.len()).into()),
    }
}
