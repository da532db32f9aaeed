//! What each request of a run is, does and must get. Client and server read the same
//! plan, so they agree without talking.
//!
//! Law: a plan follows from the run's seed and the request's number alone.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use downbeat::testing::Rng;
use downbeat::testing::origin::{Framing, Request};

/// What the server does instead of answering properly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misdeed {
    /// Nothing for ever.
    Hold,
    /// Closes without a byte.
    Close,
    /// Resets without a byte.
    Reset,
    /// So many bytes of the response, then one of the above.
    HoldAt(usize),
    CloseAt(usize),
    ResetAt(usize),
    /// Another protocol.
    Banner,
    /// Fields without end.
    EndlessHead,
    /// Interim responses without end.
    EndlessInterim,
    /// A chunk whose size is no number.
    BadChunk,
    /// Two lengths.
    TwoLengths,
    /// Announces gzip and sends noise.
    Noise,
    /// The right response, and a second one that nobody asked for.
    Planted,
    /// The right response, and a close without a word.
    CloseAfter,
    /// The right response, in small pieces.
    Dribble,
}

/// How the caller reads the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Bytes,
    Chunks,
    /// One piece, then the response is dropped.
    OnePiece,
    /// The response is dropped at its head.
    HeadOnly,
}

/// How the request body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    None,
    Bytes,
    /// A stream of unknown length.
    Stream,
    /// A stream of known length.
    Sized,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: usize,
    pub(crate) method: &'static str,
    pub(crate) upload: Upload,
    pub(crate) sent: Vec<u8>,
    pub(crate) expects: bool,
    /// Redirects before the answer.
    pub(crate) hops: usize,
    pub(crate) host: usize,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
    pub(crate) gzip: bool,
    /// How long the server thinks.
    pub(crate) delay: Duration,
    pub(crate) reading: Reading,
    /// The whole time it gets.
    pub(crate) total: Option<Duration>,
    /// When the caller gives up.
    pub(crate) gives_up: Option<Duration>,
    pub(crate) misdeed: Option<Misdeed>,
    /// Only the first time the request is seen.
    pub(crate) once: bool,
}

/// The plans of a run.
pub(crate) type Plans = Rc<[Plan]>;

/// What plans follow from, beside their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) seed: u64,
    /// Servers may misbehave.
    pub(crate) faulty: bool,
    /// What is planted behind a response is seen with it. If it came later, after the
    /// next request was sent, no client could tell whose it is.
    pub(crate) prompt: bool,
}

impl Rules {
    /// The plans of so many requests.
    pub(crate) fn plans(self, requests: usize) -> Plans {
        (0..requests).map(|id| self.plan(id)).collect()
    }

    /// The plan of a request.
    fn plan(self, id: usize) -> Plan {
        let mix = (id as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = Rng::new(self.seed ^ mix);
        let method = ["GET", "GET", "GET", "HEAD", "POST", "PUT"][rng.below(6)];
        let upload = match method {
            "POST" | "PUT" => [Upload::Bytes, Upload::Stream, Upload::Sized][rng.below(3)],
            _ => Upload::None,
        };
        let sent = size(&mut rng, 3000);
        let body = size(&mut rng, 12_000);
        let replayable = matches!(upload, Upload::None | Upload::Bytes);
        let framing = match rng.below(4) {
            0 => Framing::Chunked(1 + rng.below(700)),
            1 if rng.one_in(3) => Framing::Close,
            _ => Framing::Length,
        };
        Plan {
            id,
            method,
            upload,
            sent: bytes(&mut rng, sent),
            expects: upload != Upload::None && rng.one_in(4),
            hops: match replayable && rng.one_in(5) {
                true => 1 + rng.below(2),
                false => 0,
            },
            host: rng.below(4),
            status: [200, 200, 200, 206, 404, 503][rng.below(6)],
            body: bytes(&mut rng, body),
            framing,
            gzip: rng.one_in(5) && method != "HEAD",
            delay: match rng.below(3) {
                0 => Duration::from_micros(rng.below(40_000) as u64),
                _ => Duration::ZERO,
            },
            reading: match rng.below(10) {
                0 => Reading::HeadOnly,
                1 => Reading::OnePiece,
                2..5 => Reading::Chunks,
                _ => Reading::Bytes,
            },
            total: rng.one_in(8).then(|| micros(&mut rng, 60_000)),
            gives_up: rng.one_in(10).then(|| micros(&mut rng, 60_000)),
            misdeed: (self.faulty && rng.one_in(5)).then(|| misdeed(&mut rng, self.prompt)),
            once: rng.one_in(2),
        }
    }
}

fn micros(rng: &mut Rng, most: usize) -> Duration {
    Duration::from_micros(rng.below(most) as u64)
}

fn bytes(rng: &mut Rng, count: usize) -> Vec<u8> {
    let words = (0..count.div_ceil(8)).flat_map(|_| rng.next_u64().to_le_bytes());
    words.take(count).collect()
}

/// Mostly small, and often exactly nothing.
fn size(rng: &mut Rng, most: usize) -> usize {
    match rng.below(6) {
        0 => 0,
        1..5 => rng.below(400),
        _ => rng.below(most),
    }
}

fn misdeed(rng: &mut Rng, prompt: bool) -> Misdeed {
    match rng.below(15) {
        0 => Misdeed::Hold,
        1 => Misdeed::Close,
        2 => Misdeed::Reset,
        3 => Misdeed::HoldAt(rng.below(200)),
        4 => Misdeed::CloseAt(rng.below(200)),
        5 => Misdeed::ResetAt(rng.below(200)),
        6 => Misdeed::Banner,
        7 => Misdeed::EndlessHead,
        8 => Misdeed::EndlessInterim,
        9 => Misdeed::BadChunk,
        10 => Misdeed::TwoLengths,
        11 => Misdeed::Noise,
        12 if prompt => Misdeed::Planted,
        12 | 13 => Misdeed::CloseAfter,
        _ => Misdeed::Dribble,
    }
}

impl Plan {
    /// The URL of a hop.
    pub(crate) fn url(&self, scheme: &str, hop: usize) -> String {
        let host = (self.host + hop) % 4;
        format!("{scheme}://h{host}.test/{}/{hop}", self.id)
    }

    /// What stands in the response, field and value.
    pub(crate) fn nonce(&self) -> String {
        let sum = (self.body.iter()).fold(self.id as u64, |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        format!("{}-{sum:x}", self.id)
    }

    /// The body as it goes over the wire.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        if !self.gzip {
            return self.body.clone();
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&self.body).unwrap();
        gzip.finish().unwrap()
    }
}

/// Which request of the plan this is: its number and its hop.
pub(crate) fn place(request: &Request) -> Option<(usize, usize)> {
    let (id, hop) = request.target.strip_prefix('/')?.split_once('/')?;
    Some((id.parse().ok()?, hop.parse().ok()?))
}
