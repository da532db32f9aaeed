//! The demo: a server of our own with pages that take their time.
//!
//! Owns: which page takes how long and which one fails, all computed from the seed,
//! so the program and its server need not talk about it; and the server, on a thread
//! and a loop of its own, so that the figures of the program's loop are its own.
//!
//! Laws: the latencies of pages 2k and 2k+1 add up to the sum of both ends, so the
//! mean of an even number of pages is exactly the middle. A page that fails does so
//! each time.
//!
//! Read next: `cli.rs` for the options, `main.rs`.

use super::{dice, summary};
use downbeat::testing::origin::{self as testing, Reply, Steps};
use std::fmt;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

/// What the dice are rolled for.
const LATENCY: u64 = 0;
const FAILS: u64 = 1;
const FAULT: u64 = 2;

/// The pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pages {
    /// How many.
    pub(crate) count: u64,
    /// How long one takes: from, to.
    pub(crate) latency: (Duration, Duration),
    /// The share of those that fail.
    pub(crate) fail_rate: f64,
    /// Where it all comes from.
    pub(crate) seed: u64,
}

/// What is wrong with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing listens at its address.
    Refused,
    /// The connection is reset instead of an answer.
    Reset,
    /// The body ends before its length.
    Truncated,
    /// It takes ten times the longest latency, and a second at least.
    Slow,
    /// Status 500.
    Status500,
}

impl Pages {
    /// How long a page takes that is not broken.
    pub(crate) fn latency(&self, page: u64) -> Duration {
        let (low, high) = self.latency;
        let share = dice::fraction(self.seed, LATENCY, page / 2);
        let share = if page.is_multiple_of(2) {
            share
        } else {
            1.0 - share
        };
        low + (high - low).mul_f64(share)
    }

    /// What is wrong with a page.
    pub(crate) fn fault(&self, page: u64) -> Option<Fault> {
        if dice::fraction(self.seed, FAILS, page) >= self.fail_rate {
            return None;
        }
        Some(match dice::roll(self.seed, FAULT, page) % 5 {
            0 => Fault::Refused,
            1 => Fault::Reset,
            2 => Fault::Truncated,
            3 => Fault::Slow,
            _ => Fault::Status500,
        })
    }

    /// How long a slow page takes.
    pub(crate) fn slow(&self) -> Duration {
        (self.latency.1 * 10).max(Duration::from_secs(1))
    }

    /// The longest latency of all pages that are not broken.
    pub(crate) fn slowest(&self) -> Duration {
        let whole = |page: &u64| self.fault(*page).is_none();
        let latencies = (0..self.count).filter(whole).map(|page| self.latency(page));
        latencies.max().unwrap_or_default()
    }
}

/// The server, as long as it lives.
pub(crate) struct Origin {
    /// Its pages.
    pages: Pages,
    /// Its thread and its loop.
    server: testing::Origin,
    /// Where nothing listens: the port of a connection's other end, so nobody else
    /// can listen there either.
    nowhere: TcpStream,
}

impl Origin {
    /// Starts the server on a free port of the loopback interface.
    ///
    /// # Errors
    /// When there is no port, no descriptor or no thread.
    pub(crate) fn start(pages: Pages) -> io::Result<Self> {
        let server = testing::Origin::builder();
        // Resetting costs every connection two system calls per read.
        let server = if pages.fail_rate > 0.0 {
            server.can_reset()
        } else {
            server
        };
        let server = server.start(move |request| pages.reply(request.path()))?;
        let nowhere = TcpStream::connect(server.address())?;
        Ok(Self {
            pages,
            server,
            nowhere,
        })
    }

    /// The URL of each page, and how long that takes, in nanoseconds.
    ///
    /// # Errors
    /// When the port that nobody listens to is not known.
    pub(crate) fn urls(&self) -> io::Result<impl Iterator<Item = (String, u64)> + Send + 'static> {
        let (pages, base) = (self.pages, self.server.url(""));
        let nowhere = format!("http://{}", self.nowhere.local_addr()?);
        Ok((0..pages.count).map(move |page| {
            let (base, takes) = match pages.fault(page) {
                Some(Fault::Refused) => (&nowhere, Duration::ZERO),
                Some(Fault::Slow) => (&base, pages.slow()),
                _ => (&base, pages.latency(page)),
            };
            let takes = u64::try_from(takes.as_nanos()).unwrap_or(u64::MAX);
            (format!("{base}/page/{page}"), takes)
        }))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pages {
            count,
            latency,
            seed,
            fail_rate,
        } = &self.pages;
        let (low, high) = (summary::time(latency.0), summary::time(latency.1));
        let slowest = summary::time(self.pages.slowest());
        let address = self.server.url("");
        write!(
            f,
            "demo origin {address}: {count} pages, {low} to {high} each "
        )?;
        write!(
            f,
            "(slowest {slowest}), seed {seed}, on a thread and a loop of its own"
        )?;
        if *fail_rate > 0.0 {
            write!(f, "; some pages fail (--fail-rate {fail_rate})")?;
        }
        Ok(())
    }
}

impl Pages {
    /// What the server answers.
    fn reply(&self, path: &str) -> Reply {
        let page = path
            .strip_prefix("/page/")
            .and_then(|page| page.parse().ok());
        let Some(page) = page.filter(|page| *page < self.count) else {
            return Reply::new(404);
        };
        let delay = self.latency(page);
        let body = format!("<!doctype html><title>Page {page}</title><h1>Page {page}</h1>\n");
        let whole = Reply::ok(body).header("Content-Type", "text/html; charset=utf-8");
        match self.fault(page) {
            None | Some(Fault::Refused) => whole.delay(delay),
            Some(Fault::Slow) => whole.delay(self.slow()),
            Some(Fault::Status500) => Reply::new(500).delay(delay),
            Some(Fault::Reset) => Steps::new().wait(delay).reset().into(),
            Some(Fault::Truncated) => {
                let half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nThis is not all";
                Steps::new().wait(delay).send(half).close().into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: Pages = Pages {
        count: 100,
        latency: (Duration::from_millis(20), Duration::from_millis(180)),
        fail_rate: 0.2,
        seed: 42,
    };

    #[test]
    fn the_mean_is_the_middle() {
        let sum: Duration = (0..100).map(|page| PAGES.latency(page)).sum();
        assert_eq!(sum.as_millis(), 10_000);
        for page in 0..100 {
            let latency = PAGES.latency(page);
            assert!(PAGES.latency.0 <= latency && latency <= PAGES.latency.1);
        }
    }

    #[test]
    fn about_the_given_share_fails() {
        let faults: Vec<Fault> = (0..1000).filter_map(|page| PAGES.fault(page)).collect();
        assert!((150..250).contains(&faults.len()), "{}", faults.len());
        for fault in [
            Fault::Refused,
            Fault::Reset,
            Fault::Truncated,
            Fault::Slow,
            Fault::Status500,
        ] {
            assert!(faults.contains(&fault), "{fault:?}");
        }
        let sound = Pages {
            fail_rate: 0.0,
            ..PAGES
        };
        assert_eq!((0..1000).find_map(|page| sound.fault(page)), None);
        let broken = Pages {
            fail_rate: 1.0,
            ..PAGES
        };
        assert!((0..1000).all(|page| broken.fault(page).is_some()));
    }
}
