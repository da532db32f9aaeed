//! What a request costs: a client alone in its process, for counting instructions
//! and system calls from outside.
//!
//! ```text
//! http_cost serve                      a server; prints its URL
//! http_cost get URL N [AT_ONCE]        N requests, AT_ONCE at a time, bodies read
//! http_cost idle URL N [ROOTS.pem]     N connections, kept: bytes of memory for each
//! http_cost head BYTES PIECE           a head so long, in pieces so long, in memory
//! http_cost core BYTES PIECE           the same without a loop and a connection;
//!                                      needs RUSTFLAGS="--cfg fuzzing"
//!
//! cargo build --profile measured --example http_cost
//! valgrind --tool=callgrind target/measured/examples/http_cost get URL 20000
//! strace -cf target/measured/examples/http_cost get URL 20000
//! ```
//!
//! The slope between two values of N is the cost of a request: what the start of the
//! process takes falls out.

use std::env;
use std::error::Error;
use std::future::ready;
use std::hint::black_box;
use std::io::Write;

use downbeat::http::{Client, Connected, Destination, Limits};
use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::testing::origin::{Origin, Reply};
use downbeat::testing::{Stream, pair};
use downbeat::{TaskGroup, run, yield_now};

/// Bytes of the body that `serve` answers with.
const BODY: usize = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => serve(),
        ["get", url, n] => get(url, n.parse()?, 1),
        ["get", url, n, at_once] => get(url, n.parse()?, at_once.parse()?),
        ["idle", url, n] => idle(url, n.parse()?, None),
        ["idle", url, n, roots] => idle(url, n.parse()?, Some(std::fs::read(roots)?)),
        ["head", bytes, piece] => head(bytes.parse()?, piece.parse()?),
        #[cfg(fuzzing)]
        ["core", bytes, piece] => core(bytes.parse()?, piece.parse()?),
        _ => Err("http_cost serve | get URL N [AT_ONCE] | head BYTES PIECE".into()),
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let origin = Origin::start(|_| Reply::ok(vec![b'x'; BODY]))?;
    println!("{}", origin.url("/page"));
    std::io::stdout().flush()?;
    loop {
        std::thread::park();
    }
}

/// Each of `at_once` tasks makes its share of the `n` requests, one after the other.
fn get(url: &str, n: usize, at_once: usize) -> Result<(), Box<dyn Error>> {
    let bytes = run(async move {
        let client = Client::new()?;
        let mut group = TaskGroup::new();
        for worker in 0..at_once.max(1) {
            let (client, url) = (client.clone(), url.to_owned());
            let share = (n + at_once - 1 - worker) / at_once.max(1);
            group.spawn(async move {
                let mut bytes = 0;
                for _ in 0..share {
                    let response = client.get(url.as_str()).send().await?;
                    bytes += response.bytes().await?.len();
                }
                Ok::<_, downbeat::http::Error>(bytes)
            });
        }
        let mut bytes = 0;
        while let Some((_, done)) = group.next().await {
            bytes += done??;
        }
        Ok::<_, Box<dyn Error>>(bytes)
    })?;
    println!("{n} requests, {bytes} bytes");
    Ok(())
}

/// What an idle connection holds on to: resident memory before and after.
fn idle(url: &str, n: usize, roots: Option<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    let each = run(async move {
        let mut client = Client::builder().max_connections(2 * n).max_per_host(2 * n);
        if let Some(pem) = roots {
            client = client.only_roots_pem(&pem)?;
        }
        let client = client.build()?;
        // What is made once is there before it counts.
        client.get(url).send().await?.bytes().await?;
        let before = resident()?;
        let sends = (0..n).map(|_| client.get(url).send());
        let mut responses = Vec::with_capacity(n);
        for send in sends {
            // Held, so the next one needs a connection of its own.
            responses.push(send.await?);
        }
        for response in responses.drain(..) {
            response.bytes().await?;
        }
        let (_, idle) = client.connections();
        Ok::<_, Box<dyn Error>>((resident()? - before) / idle.max(1))
    })?;
    println!("{each} bytes for each idle connection");
    Ok(())
}

/// Resident memory, in bytes.
fn resident() -> Result<usize, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no VmRSS")?.parse::<usize>()? * 1024)
}

/// One response whose head has `bytes` bytes and comes in pieces of `piece`.
fn head(bytes: usize, piece: usize) -> Result<(), Box<dyn Error>> {
    let fields = run(async move {
        let client = Client::builder()
            .limits(Limits {
                head_bytes: usize::MAX,
                ..Limits::default()
            })
            .connector(move |_: &Destination| {
                let (ours, theirs) = pair(256 * 1024);
                drop(downbeat::spawn(dribble(theirs, bytes, piece)));
                ready(Ok(Connected::new(ours)))
            })
            .build()?;
        let response = client.get("http://127.0.0.1/").send().await?;
        Ok::<_, downbeat::http::Error>(response.headers().len())
    })?;
    println!("{fields} fields");
    Ok(())
}

/// The pure half alone.
#[cfg(fuzzing)]
fn core(bytes: usize, piece: usize) -> Result<(), Box<dyn Error>> {
    let head = response_head(bytes);
    let fields = downbeat::http::fuzzing::exchange::head_in_pieces(&head, piece);
    println!("{fields} fields");
    Ok(())
}

/// A head of about so many bytes.
fn response_head(bytes: usize) -> Vec<u8> {
    let mut head = b"HTTP/1.1 204 No Content\r\n".to_vec();
    for n in 0.. {
        if head.len() + 200 > bytes {
            break;
        }
        head.extend_from_slice(format!("X-Field-{n:04}: {}\r\n", "v".repeat(150)).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

async fn dribble(mut stream: Stream, bytes: usize, piece: usize) {
    let head = response_head(bytes);
    let mut request = [0; 1024];
    if !matches!(stream.read(&mut request).await, Ok(1..)) {
        return;
    }
    for part in black_box(&head).chunks(piece.max(1)) {
        if stream.write_all(part).await.is_err() {
            return;
        }
        // The client sees this piece alone.
        yield_now().await;
    }
    // The client closes first.
    let _ = stream.read(&mut request).await;
}
