//! A crowd of callers and the origin they call, with a ledger on both sides.
//!
//! Laws: every request has one outcome; a body is right or there is an error; what is
//! not idempotent is not made twice; nobody waits past the deadline.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use downbeat::http::{Client, Deadlines, Error, ErrorKind};
use downbeat::testing::Rng;
use downbeat::testing::origin::{Framing, Origin, Reply};
use downbeat::{TaskGroup, time};

/// How often each request was seen.
pub type Seen = Arc<Mutex<BTreeMap<usize, u32>>>;

/// The body that belongs to a request.
pub fn body(number: usize) -> Vec<u8> {
    let mut rng = Rng::new(number as u64);
    let size = [0, 10, 500, 3000, 40_000][rng.below(5)];
    rng.bytes(size)
}

/// What is sent up with a request, if anything is.
fn upload(number: usize) -> Option<Vec<u8>> {
    (number % 4 == 3).then(|| vec![number as u8; number % 3000])
}

/// An origin that answers `/number/...`.
///
/// # Errors
/// What the system says.
pub fn origin(secure: bool, seen: &Seen) -> io::Result<Origin> {
    let seen = seen.clone();
    let mut builder = Origin::builder();
    if secure {
        builder = builder.tls(crate::secret::acceptor());
    }
    builder.start(move |request| {
        let number = request
            .target
            .split('/')
            .nth(1)
            .and_then(|n| n.parse().ok());
        let Some(number) = number else {
            return Reply::new(404);
        };
        *seen.lock().unwrap().entry(number).or_default() += 1;
        if request.body != upload(number).unwrap_or_default() {
            return Reply::new(400);
        }
        let reply = Reply::ok(body(number)).header("X-Nonce", number.to_string());
        match number % 5 {
            0 => reply.framing(Framing::Chunked(100 + number % 900)),
            _ => reply,
        }
    })
}

/// What became of a crowd.
#[derive(Default, Debug)]
pub struct Ledger {
    /// By number: what it failed with, if it did.
    pub outcomes: BTreeMap<usize, Option<ErrorKind>>,
    /// What must not be.
    pub wrong: Vec<String>,
    /// The most that a request lasted beyond its deadline.
    pub latest: Duration,
    /// The end of each request that succeeded, from the start.
    pub successes: Vec<Duration>,
}

impl Ledger {
    /// How many succeeded.
    pub fn successes(&self) -> usize {
        self.outcomes
            .values()
            .filter(|failed| failed.is_none())
            .count()
    }

    /// How many failed, by the name of the error.
    pub fn failures(&self) -> BTreeMap<String, usize> {
        let mut failures = BTreeMap::new();
        for kind in self.outcomes.values().flatten() {
            *failures.entry(format!("{kind:?}")).or_default() += 1;
        }
        failures
    }

    /// No POST was seen twice.
    pub fn check_posts(&mut self, seen: &Seen) {
        for (number, times) in seen.lock().unwrap().iter() {
            if number % 4 == 3 && *times > 1 {
                self.wrong
                    .push(format!("POST {number} was seen {times} times"));
            }
        }
    }
}

/// Short deadlines, for a peer next door that is broken on purpose.
pub fn deadlines(total: Duration) -> Deadlines {
    let short = Some(total / 4);
    Deadlines {
        queue: Some(total),
        resolve: short,
        connect: short,
        proxy: short,
        tls: short,
        write: short,
        await_continue: Duration::from_millis(50),
        first_byte: short,
        head: short,
        read_idle: short,
        min_rate: None,
        drain: Duration::from_millis(50),
        total: Some(total),
    }
}

/// Makes the requests from `first` on, `at_once` at a time.
pub async fn run(
    client: &Client,
    base: &str,
    numbers: std::ops::Range<usize>,
    at_once: usize,
    total: Duration,
) -> Ledger {
    let mut ledger = Ledger::default();
    let mut group = TaskGroup::new();
    let began = time::now();
    for number in numbers {
        if group.len() >= at_once {
            note(&mut ledger, &mut group, total, began).await;
        }
        let (client, base) = (client.clone(), base.to_owned());
        group.spawn(async move {
            let began = time::now();
            (
                number,
                call(&client, &base, number).await,
                time::now() - began,
            )
        });
    }
    while !group.is_empty() {
        note(&mut ledger, &mut group, total, began).await;
    }
    ledger
}

type Called = (usize, Result<Result<(), String>, Error>, Duration);

async fn note(
    ledger: &mut Ledger,
    group: &mut TaskGroup<Called>,
    total: Duration,
    began: std::time::Instant,
) {
    let Some((_, ended)) = group.next().await else {
        return;
    };
    let (number, result, took) = match ended {
        Ok(ended) => ended,
        Err(error) => return ledger.wrong.push(error.to_string()),
    };
    ledger.latest = ledger.latest.max(took.saturating_sub(total));
    let failed = match result {
        Ok(Ok(())) => {
            ledger.successes.push(time::now() - began);
            None
        }
        Ok(Err(wrong)) => {
            ledger.wrong.push(format!("request {number}: {wrong}"));
            None
        }
        Err(error) => Some(error.kind()),
    };
    if ledger.outcomes.insert(number, failed).is_some() {
        ledger
            .wrong
            .push(format!("request {number} has two outcomes"));
    }
}

/// One request; the inner error is a wrong answer.
async fn call(client: &Client, base: &str, number: usize) -> Result<Result<(), String>, Error> {
    let url = format!("{base}/{number}/page");
    let request = match upload(number) {
        Some(body) => client.post(url).body(body),
        None => client.get(url),
    };
    let response = request.send().await?;
    let nonce = response.headers().get_str("x-nonce").map(str::to_owned);
    let status = response.status();
    let bytes = response.bytes().await?;
    Ok(match (status, nonce) {
        (200, Some(nonce)) if nonce == number.to_string() && bytes == self::body(number) => Ok(()),
        (status, nonce) => Err(format!("{status}, nonce {nonce:?}, {} bytes", bytes.len())),
    })
}

/// A client with these deadlines that trusts the origin's certificate.
///
/// # Errors
/// None that can be expected.
pub fn client(total: Duration, connections: usize) -> Result<Client, Error> {
    Client::builder()
        .only_roots_pem(crate::secret::pem().0.as_bytes())?
        .deadlines(deadlines(total))
        .max_connections(connections)
        .max_per_host(connections)
        .build()
}

/// The URL of an address, without a path.
pub fn base(secure: bool, address: SocketAddr) -> String {
    format!("{}://{address}", if secure { "https" } else { "http" })
}
